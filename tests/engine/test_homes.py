"""Tests of Home Assistant's addresses: tried in turn, and the one that works is remembered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer
import pytest

from custom_components.dashboard_cast.engine import homes as module
from custom_components.dashboard_cast.engine.browser import LocalBrowser
from custom_components.dashboard_cast.engine.cdp import CdpSession
from custom_components.dashboard_cast.engine.homes import Homes
from custom_components.dashboard_cast.errors import HomeInvalidError, HomeUnreachableError

from ..home.home import free_port
from .frontend import Frontend
from .viewing import viewing

HOME = {"name": "Home Assistant", "start_url": "/"}


type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """Return the address of a web server that answers everything in one way."""
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


async def home(_request: web.Request) -> web.Response:
    """Answer as Home Assistant does."""
    return web.json_response(HOME)


async def router(_request: web.Request) -> web.Response:
    """Answer as a router does that has the address now."""
    return web.Response(text="<h1>Router</h1>", content_type="text/html")


async def silence(_request: web.Request) -> web.Response:
    """Do not answer."""
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize(
    "address", ["", "home", "home:8123", "ftp://home", "http://", "http://[", "http://h:x"]
)
def test_no_address(address: str) -> None:
    """What is no address of a web server is refused."""
    with pytest.raises(HomeInvalidError):
        Homes("http://home", address)


def test_addresses() -> None:
    """Addresses are those that documents have, each once."""
    written = ("https://Home.example:443/", "https://home.example", "http://10.0.0.1:8123/lovelace")
    assert Homes(*written)._addresses == ["https://home.example", "http://10.0.0.1:8123"]


@pytest.fixture
async def session(browser: LocalBrowser) -> CdpSession:
    """Return the session of a real tab."""
    return (await browser.open_tab()).session


class Tried:
    """Notes which addresses are tried."""

    def __init__(self) -> None:
        self.addresses: list[str] = []

    async def __call__(self, address: str) -> None:
        """Note one."""
        self.addresses.append(address)


async def test_finds_home(session: CdpSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not there, is somebody else, leads elsewhere or says nothing is passed over, and only once."""
    monkeypatch.setattr(module, "HOME_TIMEOUT_S", 0.5)
    async with serving(home) as real, serving(router) as other, serving(silence) as mute:

        async def lead_home(_request: web.Request) -> web.Response:
            raise web.HTTPFound(f"{real}/manifest.json")

        async with serving(lead_home) as leads:
            gone = f"http://127.0.0.1:{free_port()}"
            homes = Homes(gone, other, leads, mute, real)
            tried = Tried()
            await homes.lead(session, "/", tried, 5)
            assert tried.addresses == [gone, other, leads, mute, real]
            assert homes.first == real
            await homes.lead(session, "/", tried, 5)
            assert tried.addresses[5:] == [real]


async def test_nobody_is_home(session: CdpSession) -> None:
    """When no address works, each is told with what is wrong, and the order stays."""
    gone = f"http://127.0.0.1:{free_port()}"
    async with serving(router) as other:
        homes = Homes(gone, other)
        with pytest.raises(HomeUnreachableError) as failed:
            await homes.lead(session, "/", Tried(), 5)
    detail = f"{gone}: net::ERR_CONNECTION_REFUSED; {other}: Home Assistant is not there"
    assert failed.value.placeholders == {"detail": detail}
    assert homes.first == gone


async def test_the_only_address(session: CdpSession) -> None:
    """The only address gets all the time there is, and is not asked who it is."""
    async with serving(router) as other:
        await Homes(other).lead(session, "/", Tried(), 5)


async def test_page_at_the_address_that_works(browser: LocalBrowser, frontend: Frontend) -> None:
    """A page signs in at the address that works, and nowhere else; the next page begins there."""
    gone = f"http://127.0.0.1:{free_port()}"
    homes = Homes(gone, frontend.url)
    for _ in range(2):
        async with viewing(browser, frontend, homes=homes) as view:
            await view.page.open()
            assert (await view.state())["signedIn"]
    assert homes.first == frontend.url
