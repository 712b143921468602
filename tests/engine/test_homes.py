"""Tests of Home Assistant's addresses: tried in turn, and the one that works is remembered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
import logging

from aiohttp import web
from aiohttp.test_utils import TestServer
import pytest

from custom_components.dashboard_cast.engine import homes as module
from custom_components.dashboard_cast.engine.browser import LocalBrowser
from custom_components.dashboard_cast.engine.cdp import CdpSession
from custom_components.dashboard_cast.engine.homes import Homes
from custom_components.dashboard_cast.engine.page import AccessToken
from custom_components.dashboard_cast.errors import HomeInvalidError, HomeUnreachableError

from ..home.home import free_port
from .frontend import Frontend
from .helpers import until
from .viewing import TOKEN, TOLD, viewing

# What the frontend does when its token is about to expire.
ASK_AGAIN = """new Promise((resolve) => {
  window.externalAuthSetToken = (good, data) => resolve(data);
  externalApp.getExternalAuth(JSON.stringify({ callback: "externalAuthSetToken" }));
})"""

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


async def test_finds_home(session: CdpSession, frontend: Frontend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not there, is somebody else, leads elsewhere or says nothing is passed over, and only once."""
    monkeypatch.setattr(module, "HOME_TIMEOUT_S", 0.5)
    path = frontend.scene()

    async def lead_home(_request: web.Request) -> web.Response:
        raise web.HTTPFound(frontend.url + path)

    async with serving(router) as other, serving(silence) as mute, serving(lead_home) as leads:
        gone = f"http://127.0.0.1:{free_port()}"
        homes = Homes(gone, other, leads, mute, frontend.url, challenge=frontend.challenge)
        tried = Tried()
        await homes.lead(session, path, tried, 5)
        assert tried.addresses == [gone, other, leads, mute, frontend.url]
        assert homes.first == frontend.url
        await homes.lead(session, path, tried, 5)
        assert tried.addresses[5:] == [frontend.url]


async def test_nobody_is_home(session: CdpSession, frontend: Frontend) -> None:
    """When no address works, each is told with what is wrong, and the order stays."""
    gone = f"http://127.0.0.1:{free_port()}"
    async with serving(router) as other:
        homes = Homes(gone, other, challenge=frontend.challenge)
        with pytest.raises(HomeUnreachableError) as failed:
            await homes.lead(session, "/", Tried(), 5)
    detail = f"{gone}: net::ERR_CONNECTION_REFUSED; {other}: this Home Assistant is not there"
    assert failed.value.placeholders == {"detail": detail}
    assert homes.first == gone


async def test_nobody_else_counts(session: CdpSession) -> None:
    """Without a challenge whoever answers will do, and nobody is found in a page."""
    async with serving(router) as other:
        homes = Homes(other)
        await homes.lead(session, "/", Tried(), 5)
        assert not await homes.shown_in(session)


@pytest.mark.parametrize("other", ["another", "old"])
async def test_no_token_for_others(browser: LocalBrowser, frontend: Frontend, other: str) -> None:
    """Another Home Assistant at the only address gets no token, nor who knows an earlier answer."""
    asked: list[str] = []

    async def credentials() -> AccessToken:
        asked.append("token")
        return TOKEN

    async with Frontend() as impostor:
        if other == "old":
            _, answer = frontend.challenge()
            impostor.answers = lambda _path: answer
        homes = Homes(impostor.url, challenge=frontend.challenge)
        async with viewing(browser, impostor, homes=homes, token=credentials) as view:
            with pytest.raises(HomeUnreachableError) as failed:
                await view.page.open()
    assert failed.value.placeholders["detail"] == f"{impostor.url}: this Home Assistant is not there"
    assert impostor.asked
    assert not impostor.told
    assert not asked


async def test_no_token_later(
    browser: LocalBrowser, frontend: Frontend, caplog: pytest.LogCaptureFixture
) -> None:
    """A page that is open gets its next token when it is still this Home Assistant that answers."""
    caplog.set_level(logging.DEBUG, "custom_components.dashboard_cast")
    async with viewing(browser, frontend) as view:
        await view.page.open()
        assert await view.evaluate(ASK_AGAIN) == TOLD
        frontend.answers = lambda _path: "taken over"
        await view.evaluate(f"void {ASK_AGAIN}.then((data) => {{ window.got = data; }})")
        await until(lambda: "this Home Assistant is not there" in caplog.text)
        assert await view.evaluate("window.got || null") is None


async def test_page_at_the_address_that_works(browser: LocalBrowser, frontend: Frontend) -> None:
    """A page signs in at the address that works, and nowhere else; the next page begins there."""
    gone = f"http://127.0.0.1:{free_port()}"
    homes = Homes(gone, frontend.url, challenge=frontend.challenge)
    for _ in range(2):
        async with viewing(browser, frontend, homes=homes) as view:
            await view.page.open()
            assert (await view.state())["signedIn"]
    assert homes.first == frontend.url
