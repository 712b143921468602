"""Tests of the connection to a browser: messages, answers, events, sessions, and its end."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import pairwise
from typing import Any, override

from hypothesis import given, strategies as st
import orjson
import pytest

from custom_components.dashboard_cast.engine import cdp
from custom_components.dashboard_cast.engine.cdp import (
    CdpConnection,
    FlatSession,
    Json,
    PipeTransport,
    Transport,
)
from custom_components.dashboard_cast.errors import BrowserFailedError

from .helpers import TIMEOUT_S, until


class FakeTransport(Transport):
    """A browser that says what a test wants."""

    def __init__(self) -> None:
        self.sent: list[Json] = []
        self.closed = False
        self.broken = False
        self._messages: asyncio.Queue[bytes | None] = asyncio.Queue()

    @override
    async def send(self, message: bytes) -> None:
        if self.broken:
            raise BrokenPipeError("no pipe")
        self.sent.append(orjson.loads(message))

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (message := await self._messages.get()) is not None:
            yield message

    @override
    async def close(self) -> None:
        self.closed = True

    def say(self, **message: Any) -> None:
        """Let the browser send a message."""
        self._messages.put_nowait(orjson.dumps(message))

    def end(self) -> None:
        """Let the browser end."""
        self._messages.put_nowait(None)


@pytest.fixture
def transport() -> FakeTransport:
    """Return the browser."""
    return FakeTransport()


@pytest.fixture
async def connection(transport: FakeTransport) -> AsyncIterator[CdpConnection]:
    """Return a connection to it."""
    made = CdpConnection(transport)
    yield made
    await made.close()


async def attached(transport: FakeTransport, connection: CdpConnection, name: str = "S") -> FlatSession:
    """Return a session with a target."""
    attaching = asyncio.create_task(connection.attach("T"))
    await until(lambda: transport.sent)
    sent = transport.sent.pop()
    assert sent == {
        "id": sent["id"],
        "method": "Target.attachToTarget",
        "params": {"targetId": "T", "flatten": True},
    }
    transport.say(id=sent["id"], result={"sessionId": name})
    return await asyncio.wait_for(attaching, TIMEOUT_S)


async def calls(
    transport: FakeTransport, session: FlatSession, *methods: str
) -> list[tuple[int, asyncio.Task[Json]]]:
    """Send methods at once and return their numbers, and what waits for the answers."""
    tasks = [asyncio.create_task(session.send(method)) for method in methods]
    await until(lambda: len(transport.sent) == len(methods))
    return [(sent["id"], task) for sent, task in zip(transport.sent, tasks, strict=True)]


async def test_answers_in_any_order(transport: FakeTransport, connection: CdpConnection) -> None:
    """Each call gets its own answer."""
    (one, first), (two, second) = await calls(transport, connection.browser, "A.a", "B.b")
    transport.say(id=two, result={"is": "b"})
    transport.say(id=one, result={"is": "a"})
    await asyncio.wait([first, second], timeout=TIMEOUT_S)
    assert [first.result(), second.result()] == [{"is": "a"}, {"is": "b"}]


async def test_message(transport: FakeTransport, connection: CdpConnection) -> None:
    """A message has the method, what goes with it, and the session when there is one."""
    session = await attached(transport, connection)
    tasks = [asyncio.create_task(some.send("A.a", x=1)) for some in (connection.browser, session)]
    await until(lambda: len(transport.sent) == 2)
    numbers = [message.pop("id") for message in transport.sent]
    message = {"method": "A.a", "params": {"x": 1}}
    assert transport.sent == [message, {**message, "sessionId": "S"}]
    assert numbers[0] != numbers[1]
    transport.end()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_refused(transport: FakeTransport, connection: CdpConnection) -> None:
    """What the browser refuses fails with the method and the browser's word for it."""
    ((number, call),) = await calls(transport, connection.browser, "A.a")
    transport.say(id=number, error={"code": -32601, "message": "not known"})
    with pytest.raises(BrowserFailedError) as failed:
        await asyncio.wait_for(call, TIMEOUT_S)
    assert failed.value.placeholders == {"detail": "A.a: not known"}


async def test_events_go_to_their_session(transport: FakeTransport, connection: CdpConnection) -> None:
    """An event reaches all who wait for it in its session, in order, and nobody else."""
    session = await attached(transport, connection)
    heard: list[Any] = []
    for name, where in (("one", session), ("two", session), ("browser", connection.browser)):
        where.on("A.happened", lambda event, name=name: heard.append((name, event["n"])))  # type: ignore[misc]
    transport.say(method="A.happened", params={"n": 0}, sessionId="other")
    transport.say(method="A.else", params={"n": 0}, sessionId="S")
    transport.say(method="A.happened", params={"n": 1}, sessionId="S")
    transport.say(method="A.happened", params={"n": 2})
    await until(lambda: len(heard) == 3)
    assert heard == [("one", 1), ("two", 1), ("browser", 2)]


async def test_answer_that_nobody_waits_for(transport: FakeTransport, connection: CdpConnection) -> None:
    """An answer that comes after its call was given up does no harm."""
    ((number, call),) = await calls(transport, connection.browser, "A.a")
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    transport.sent.clear()
    transport.say(id=number, result={})
    ((number, call),) = await calls(transport, connection.browser, "B.b")
    transport.say(id=number, result={"is": "b"})
    assert await asyncio.wait_for(call, TIMEOUT_S) == {"is": "b"}


async def test_handler_that_fails(transport: FakeTransport, connection: CdpConnection) -> None:
    """A handler that fails is told as an error of the loop; the connection goes on."""
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    connection.browser.on("A.happened", lambda event: event["missing"])
    transport.say(method="A.happened", params={})
    await until(lambda: told)
    assert isinstance(told[0], KeyError)
    ((number, call),) = await calls(transport, connection.browser, "A.a")
    transport.say(id=number, result={})
    await asyncio.wait_for(call, TIMEOUT_S)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (None, "the browser has ended"),
        (b"{", "a message that is no JSON"),
        (b"[]", "a message of no session"),
        (b'{"sessionId": ["S"], "id": 1, "result": {}}', "a message of no session"),
        (b'{"method": "A.a"}', "a message that is neither answer nor event"),
        (b'{"id": 1, "error": "no"}', "a message that is neither answer nor event"),
        (b'{"id": [1], "result": {}}', "a message that is neither answer nor event"),
    ],
)
async def test_lost(
    transport: FakeTransport, connection: CdpConnection, message: bytes | None, reason: str
) -> None:
    """A connection that ends, or makes no sense any more, fails what waits and what comes after."""
    session = await attached(transport, connection)
    reasons: list[str] = []
    session.on_end(reasons.append)
    ((_, call),) = await calls(transport, session, "A.a")
    transport._messages.put_nowait(message)
    with pytest.raises(BrowserFailedError, match=reason):
        await asyncio.wait_for(call, TIMEOUT_S)
    assert not connection.alive
    for some in (session, connection.browser):
        with pytest.raises(BrowserFailedError, match=reason):
            await asyncio.wait_for(some.send("A.a"), TIMEOUT_S)
    assert reasons == [reason]
    assert connection._reading.exception() is None


async def test_no_session(transport: FakeTransport, connection: CdpConnection) -> None:
    """A target to which the browser gives no session is a failure."""
    attaching = asyncio.create_task(connection.attach("T"))
    await until(lambda: transport.sent)
    transport.say(id=transport.sent[-1]["id"], result={})
    with pytest.raises(BrowserFailedError, match="no session with T"):
        await asyncio.wait_for(attaching, TIMEOUT_S)


async def test_detached(transport: FakeTransport, connection: CdpConnection) -> None:
    """A session that ends fails what waits in it; the others go on."""
    session = await attached(transport, connection)
    ((_, call),) = await calls(transport, session, "A.a")
    transport.say(method="Target.detachedFromTarget", params={"sessionId": "S"})
    transport.say(method="Target.detachedFromTarget", params={"sessionId": "unknown"})
    transport.say(method="Target.detachedFromTarget", params={"sessionId": None})
    with pytest.raises(BrowserFailedError, match=r"A\.a: the tab was closed"):
        await asyncio.wait_for(call, TIMEOUT_S)
    assert connection.alive


async def test_broken_pipe(transport: FakeTransport, connection: CdpConnection) -> None:
    """A message that cannot be sent fails."""
    transport.broken = True
    with pytest.raises(BrowserFailedError, match=r"A\.a: no pipe"):
        await connection.browser.send("A.a")


async def test_closed(transport: FakeTransport, connection: CdpConnection) -> None:
    """A connection that is closed closes its transport."""
    await connection.close()
    assert transport.closed
    assert not connection.alive


messages = st.lists(st.binary(max_size=20).map(lambda data: data.replace(b"\0", b"")), max_size=6)


async def read(pieces: Iterable[bytes]) -> list[bytes]:
    """Return the messages of a pipe that delivers these pieces."""
    reader = asyncio.StreamReader()
    transport = PipeTransport(reader, None)  # type: ignore[arg-type]

    async def feed() -> None:
        for piece in pieces:
            reader.feed_data(piece)
            await asyncio.sleep(0)
        reader.feed_eof()

    feeding = asyncio.create_task(feed())
    try:
        return [message async for message in transport]
    finally:
        await feeding


async def test_pipe_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What never ends is not kept: a message has a largest size, however many there are."""
    monkeypatch.setattr(cdp, "MAX_MESSAGE_SIZE", 10)
    assert await read([b"a" * 9 + b"\0" + b"b" * 9, b"\0"]) == [b"a" * 9, b"b" * 9]
    with pytest.raises(BrowserFailedError, match="more than 10 bytes"):
        await read([b"a" * 9, b"a" * 9])


@given(messages, st.sampled_from([b"", b"rest"]), st.lists(st.integers(0, 120)))
def test_pipe(expected: list[bytes], rest: bytes, cuts: list[int]) -> None:
    """Messages are the same however the pipe cuts them; one that is not complete is none."""
    stream = b"".join(message + b"\0" for message in expected) + rest
    edges = [0, *sorted(cuts), len(stream)]
    pieces = [piece for start, end in pairwise(edges) if (piece := stream[start:end])]
    assert asyncio.run(read(pieces)) == expected


@pytest.fixture
def quick_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feel the pulse of browsers often."""
    monkeypatch.setattr(cdp, "_PULSE_INTERVAL_S", 0.01)
    monkeypatch.setattr(cdp, "_PULSE_TIMEOUT_S", 0.1)


async def test_silent_browser(transport: FakeTransport, connection: CdpConnection, quick_pulse: None) -> None:
    """A browser that has answered and then does not is given up, with all its sessions."""
    session = await attached(transport, connection)
    reasons: list[str] = []
    session.on_end(reasons.append)
    connection.watch()
    for _ in range(3):
        await until(lambda: transport.sent)
        question = transport.sent.pop()
        assert question["method"] == "Browser.getVersion"
        assert "sessionId" not in question
        # Refusing is an answer.
        transport.say(id=question["id"], error={"message": "not for you"})
        transport.say(id=question["id"], result={})
    assert (connection.alive, connection.silent) == (True, False)
    await until(lambda: not connection.alive)
    assert connection.silent
    assert reasons == ["the browser does not answer any more"]


async def test_browser_that_ends_is_not_silent(
    transport: FakeTransport, connection: CdpConnection, quick_pulse: None
) -> None:
    """Who has ended is not waited for."""
    connection.watch()
    await until(lambda: transport.sent)
    transport.end()
    await until(lambda: not connection.alive)
    assert connection._watching
    await asyncio.wait_for(connection._watching, TIMEOUT_S)
    assert not connection.silent
