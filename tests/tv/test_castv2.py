"""The wire protocol, spoken by hand."""

import asyncio
from collections.abc import AsyncIterator
import json
import ssl
import struct

from hypothesis import given, strategies as st
from pychromecast.dial import get_ssl_context
from pychromecast.generated.cast_channel_pb2 import CastMessage
import pytest

from . import dial
from .castv2 import LARGEST_MESSAGE, NS_CONNECTION, PORT, Json, Message
from .conftest import HOST
from .media import NS_MEDIA
from .receiver import NS_HEARTBEAT, NS_MULTIZONE, NS_RECEIVER, NS_SETUP, PLATFORM
from .television import Television

type Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]
JSON = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text())

QUESTIONS: list[tuple[str, str, Json]] = [
    (NS_RECEIVER, "GET_APP_AVAILABILITY", {"availability": {"CC1AD845": "APP_AVAILABLE"}}),
    (NS_RECEIVER, "STOP", {"type": "INVALID_REQUEST", "reason": "INVALID_SESSION_ID"}),
    (NS_RECEIVER, "JUGGLE", {"type": "INVALID_REQUEST", "reason": "INVALID_COMMAND"}),
    (NS_MULTIZONE, "GET_STATUS", {"status": {"devices": [], "isMultichannel": False}}),
    (NS_MULTIZONE, "GET_CASTING_GROUPS", {"status": {"groups": []}}),
    (NS_SETUP, "eureka_info", {"data": {"name": "Test TV"}, "response_code": 200}),
]


@pytest.fixture
async def wire(tv: Television) -> AsyncIterator[Wire]:
    """Return a bare connection."""
    reader, writer = await asyncio.open_connection(HOST, PORT, ssl=get_ssl_context())
    yield reader, writer
    writer.transport.abort()


async def ask(wire: Wire, namespace: str, data: Json, destination: str = PLATFORM) -> Message:
    """Send a message and return the next one that comes."""
    reader, writer = wire
    writer.write(Message("sender-7", destination, namespace, data).encode())
    return await read(reader)


async def read(reader: asyncio.StreamReader) -> Message:
    """Return the next message."""
    async with asyncio.timeout(5):
        (size,) = struct.unpack(">I", await reader.readexactly(4))
        return Message.decode(await reader.readexactly(size))


@given(source=st.text(), data=JSON)
def test_messages_survive_the_wire(source: str, data: Json) -> None:
    """What is decoded is what was encoded."""
    message = Message(source, "*", NS_MEDIA, data)
    wire = message.encode()
    assert struct.unpack(">I", wire[:4]) == (len(wire) - 4,)
    assert Message.decode(wire[4:]) == message


@pytest.mark.parametrize("payload", ["", "[]", "1", "{"])
def test_only_json_objects_are_messages(payload: str) -> None:
    """Anything else is a ValueError."""
    message = CastMessage(
        protocol_version=CastMessage.CASTV2_1_0,
        source_id="a",
        destination_id="b",
        namespace="c",
        payload_type=CastMessage.STRING,
        payload_utf8=payload,
    )
    with pytest.raises(ValueError, match=r"JSON object|Expecting"):
        Message.decode(message.SerializeToString())


async def test_answers_go_back_where_they_came_from(wire: Wire) -> None:
    """An answer carries the request's id, and its ends are swapped."""
    assert (await ask(wire, NS_HEARTBEAT, {"type": "PING"})).data == {"type": "PONG"}
    answer = await ask(wire, NS_RECEIVER, {"type": "GET_STATUS", "requestId": 5})
    assert (answer.source, answer.destination) == (PLATFORM, "sender-7")
    assert (answer.data["type"], answer.data["requestId"]) == ("RECEIVER_STATUS", 5)
    assert "applications" not in answer.data["status"]


async def test_answers(wire: Wire) -> None:
    """What else senders ask a platform."""
    for namespace, request_type, expected in QUESTIONS:
        request = {"type": request_type, "requestId": 1, "appId": ["CC1AD845"], "data": {"params": ["name"]}}
        assert expected.items() <= (await ask(wire, namespace, request)).data.items()


async def test_who_is_gone_hangs_up(wire: Wire, tv: Television) -> None:
    """A message to an app that does not run is answered with CLOSE; so is the end of an app."""
    answer = await ask(wire, NS_MEDIA, {"type": "GET_STATUS", "requestId": 1}, "pid-gone")
    assert (answer.namespace, answer.source, answer.data) == (NS_CONNECTION, "pid-gone", {"type": "CLOSE"})
    answer = await ask(wire, NS_RECEIVER, {"type": "LAUNCH", "appId": "233637DE", "requestId": 2})
    app = answer.data["status"]["applications"][0]["transportId"]
    wire[1].write(Message("sender-7", app, NS_CONNECTION, {"type": "CONNECT"}).encode())
    assert (await ask(wire, NS_MEDIA, {"type": "GET_STATUS", "requestId": 3}, app)).data["status"] == []
    assert (await ask(wire, NS_MEDIA, {"type": "LOAD", "requestId": 4}, app)).data[
        "type"
    ] == "INVALID_REQUEST"
    await tv.stop_by_person()
    assert (await read(wire[0])).data == {"type": "CLOSE"}


@pytest.mark.parametrize(
    "nonsense", [struct.pack(">I", LARGEST_MESSAGE + 1), struct.pack(">I", 3) + b"\xff" * 3]
)
async def test_hangs_up_on_nonsense(wire: Wire, nonsense: bytes) -> None:
    """What is no Cast message ends the connection, and no other."""
    reader, writer = wire
    writer.write(nonsense)
    async with asyncio.timeout(5):
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError, ssl.SSLError)):
            await reader.readexactly(1)


def test_describes_what_was_asked_for() -> None:
    """`eureka_info` answers the parameters given, all without any."""
    facts = {"name": "TV", "version": 12}
    assert dial.select(facts, ["name", "unknown"]) == {"name": "TV"}
    assert dial.select(facts, []) == facts
    assert json.dumps(facts)
