"""Tests of endpoints: how they are written, how they are reached, and that their tokens are told nowhere."""

import asyncio
from collections.abc import AsyncIterator
import socket

import aiohttp
import pytest
from yarl import URL

from custom_components.dashboard_cast.engine import endpoint as module
from custom_components.dashboard_cast.engine.endpoint import Access, Endpoint, reach, redacted
from custom_components.dashboard_cast.errors import EndpointInvalidError, EndpointUnreachableError

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://10.0.0.2:9222", "http://10.0.0.2:9222"),
        ("http://10.0.0.2:9222/", "http://10.0.0.2:9222"),
        ("wss://farm.example", "wss://farm.example"),
        ("http://[fd00::2]:9222", "http://[fd00::2]:9222"),
        (f"ws://10.0.0.2:3000?token={SECRET}", "ws://10.0.0.2:3000/…"),
        (f"ws://10.0.0.2:3000/?apiKey={SECRET}&x=1", "ws://10.0.0.2:3000/…"),
        (f"ws://10.0.0.2:3000?{SECRET}", "ws://10.0.0.2:3000/…"),
        (f"http://user:{SECRET}@10.0.0.2:4444", "http://10.0.0.2:4444/…"),
        (f"http://{SECRET}@10.0.0.2:4444", "http://10.0.0.2:4444/…"),
        (f"ws://10.0.0.2:4444/session/{SECRET}/se/cdp", "ws://10.0.0.2:4444/…"),
        (f"http://10.0.0.2#{SECRET}", "http://10.0.0.2/…"),
        (f"http://10.0.0.2:{SECRET}", "…"),
        (f"http://[{SECRET}", "…"),
        (SECRET, "…"),
        (f"/{SECRET}", "…"),
        ("", "…"),
    ],
)
def test_redacted(url: str, shown: str) -> None:
    """Of an address only scheme, host and port are shown, and that there is more."""
    assert redacted(url) == shown


def test_shown() -> None:
    """An endpoint that is printed in any way tells no token."""
    endpoint = Endpoint.parse(f"http://user:{SECRET}@10.0.0.2:9222/{SECRET}?token={SECRET}")
    assert str(endpoint) == f"{endpoint}" == "http://10.0.0.2:9222/…"
    assert SECRET not in repr(endpoint)


@pytest.mark.parametrize(
    ("text", "url", "is_websocket"),
    [
        ("10.0.0.2:9222", "http://10.0.0.2:9222", False),
        ("  chrome:9222\n", "http://chrome:9222", False),
        ("https://farm.example", "https://farm.example", False),
        ("ws://10.0.0.2:3000?token=x", "ws://10.0.0.2:3000?token=x", True),
        ("WSS://Farm.example", "wss://farm.example", True),
    ],
)
def test_written(text: str, url: str, *, is_websocket: bool) -> None:
    """An endpoint may be written without a scheme, which is then HTTP."""
    endpoint = Endpoint.parse(text)
    assert endpoint.url == URL(url)
    assert endpoint.is_websocket is is_websocket


@pytest.mark.parametrize(
    "text", ["", " ", "http://", "ftp://10.0.0.2", "file:///etc/passwd", f"http://[{SECRET}", "http://x:y"]
)
def test_none(text: str) -> None:
    """What is no address is refused, without being repeated."""
    with pytest.raises(EndpointInvalidError) as refused:
        Endpoint.parse(text)
    assert str(refused.value) == "endpoint_invalid"
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("endpoint", "told", "reached"),
    [
        (
            "http://10.0.0.2:9222",
            "ws://127.0.0.1/devtools/browser/1",
            "ws://10.0.0.2:9222/devtools/browser/1",
        ),
        (
            "https://farm.example",
            "ws://127.0.0.1:9/devtools/browser/1",
            "wss://farm.example/devtools/browser/1",
        ),
        ("http://10.0.0.2:3000?token=x", "ws://0.0.0.0:3000", "ws://10.0.0.2:3000/?token=x"),
        ("http://10.0.0.2:3000?token=x", "ws://h:3000/b?token=y&z=1", "ws://10.0.0.2:3000/b?token=x&z=1"),
        ("ws://chrome:9222", "ws://chrome:9222/devtools/browser/1", "ws://chrome:9222/devtools/browser/1"),
        ("http://u:p@grid:4444", "ws://a/session/1/se/cdp", "ws://u:p@grid:4444/session/1/se/cdp"),
        ("http://grid:4444/wd/hub", "ws://a/session/1/se/cdp", "ws://grid:4444/session/1/se/cdp"),
        ("https://farm/one/", "ws://a/devtools/browser/1", "wss://farm/one/devtools/browser/1"),
        ("https://farm/one", "wss://farm/one/devtools/browser/1", "wss://farm/one/devtools/browser/1"),
    ],
)
def test_websocket(endpoint: str, told: str, reached: str) -> None:
    """Path and query are what the browser says; host, port, scheme and token are ours, a prefix too."""
    assert Endpoint.parse(endpoint).websocket(told) == URL(reached)


def test_http() -> None:
    """Requests go below the endpoint, with its token."""
    assert Endpoint.parse("wss://farm/one?token=x").http("json/version") == URL(
        "https://farm/one/json/version?token=x"
    )


@pytest.fixture
async def listener() -> AsyncIterator[Endpoint]:
    """Return the endpoint of somebody who listens and says nothing."""
    async with await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1") as server:
        yield Endpoint.parse(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/?token={SECRET}")


@pytest.fixture
def silent() -> Endpoint:
    """Return an endpoint where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return Endpoint.parse(f"http://127.0.0.1:{server.getsockname()[1]}/?token={SECRET}")


async def test_reach(listener: Endpoint, silent: Endpoint) -> None:
    """One who listens is enough, in whatever place."""
    await reach([listener])
    await reach([silent, listener])
    await reach([listener, silent])


async def test_reach_nobody(silent: Endpoint) -> None:
    """When nobody listens it is told where, and why, without the token."""
    with pytest.raises(EndpointUnreachableError) as caught:
        await reach([silent, silent])
    assert caught.value.placeholders["endpoint"] == redacted(silent.url)
    assert caught.value.placeholders["detail"]
    assert SECRET not in str(caught.value)


async def test_reach_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not answer is not waited for; the kernel takes no more than the backlog, and no connection."""
    monkeypatch.setattr(module, "_KNOCK_TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        with (
            socket.create_connection(address, timeout=1),
            pytest.raises(EndpointUnreachableError, match="no answer in time"),
        ):
            await reach([Endpoint.parse(f"http://127.0.0.1:{address[1]}")])


@pytest.mark.parametrize(
    ("answer", "version"),
    [('{"Browser": "HeadlessChrome/156.0"}', "HeadlessChrome/156.0"), ("{}", ""), ("nonsense", "")],
)
async def test_version(answer: str, version: str) -> None:
    """A browser that tells its version is asked for no more than that."""

    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        assert asked.startswith(f"GET /json/version?token={SECRET} ".encode())
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n{answer}".encode())
        writer.close()

    async with (
        await asyncio.start_server(tell, "127.0.0.1") as server,
        aiohttp.ClientSession() as session,
    ):
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/?token={SECRET}"
        assert await Access(Endpoint.parse(url), session, ssl=True).version() == version


async def test_no_version(silent: Endpoint) -> None:
    """Where nobody listens there is no version."""
    async with aiohttp.ClientSession() as session:
        assert await Access(silent, session, ssl=True).version() == ""
