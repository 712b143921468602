"""Tests of browsers elsewhere: found, shared, lost, replaced; real ones, behind real connections."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
import logging
import sys
import traceback

import aiohttp
from aiohttp import web
import pytest
import pytest_asyncio
import pytest_socket

from custom_components.dashboard_cast.engine import cdp, endpoint as endpoint_module, remote as module
from custom_components.dashboard_cast.engine.cdp import Tab
from custom_components.dashboard_cast.engine.endpoint import Endpoint
from custom_components.dashboard_cast.engine.homes import Homes
from custom_components.dashboard_cast.engine.remote import CdpBrowser, RemoteBrowser
from custom_components.dashboard_cast.engine.snapshot import snapshot
from custom_components.dashboard_cast.errors import (
    BrowserFailedError,
    EndpointNotBrowserError,
    EndpointRefusedError,
    EndpointUnreachableError,
    HomeUnreachableError,
)
from custom_components.dashboard_cast.models import Source

from ..home.home import free_port
from .elsewhere import Authority, Browserless, Gateway, Grid, Machine, Wire, named_session
from .frontend import DRAWN, MOVING, Frontend
from .helpers import TIMEOUT_S, until
from .viewing import credentials, viewing

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "s3cret"
HEARTBEAT_S = 0.6
LOST = "the connection to the browser was lost"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def machine() -> AsyncIterator[Machine]:
    """Return a browser for all tests that leave it alive, whose pages may be told when to draw."""
    # Comes before the fixtures of the first test that wants it, while sockets are still blocked.
    pytest_socket.enable_socket()
    async with Machine(frame_control=True) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def mortal(machine: Machine) -> AsyncIterator[Machine]:
    """Return a browser for one test, which may kill it; pages draw when they like."""
    async with Machine() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def frontend(loopback: None) -> AsyncIterator[Frontend]:
    """Return a server that plays Home Assistant's frontend."""
    async with Frontend() as running:
        yield running


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find out sooner than usual that a connection is cut."""
    monkeypatch.setattr(endpoint_module, "_HEARTBEAT_S", HEARTBEAT_S)


@pytest.fixture
def quick_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find out sooner than usual that a browser does not answer."""
    monkeypatch.setattr(cdp, "_PULSE_INTERVAL_S", 0.1)
    monkeypatch.setattr(cdp, "_PULSE_TIMEOUT_S", 0.5)


@asynccontextmanager
async def remote(*urls: str, session: aiohttp.ClientSession | None = None) -> AsyncIterator[RemoteBrowser]:
    """Return the browsers behind endpoints."""
    async with AsyncExitStack() as stack:
        if session is None:
            session = await stack.enter_async_context(aiohttp.ClientSession())
        browser = RemoteBrowser([CdpBrowser(Endpoint.parse(url), session) for url in urls])
        try:
            yield browser
        finally:
            await asyncio.wait_for(browser.stop(), TIMEOUT_S)


async def value(tab: Tab, expression: str) -> object:
    """Return what an expression is in a tab."""
    answer = await tab.session.send("Runtime.evaluate", expression=expression, returnByValue=True)
    return answer["result"].get("value")


async def loss(tab: Tab) -> str:
    """Wait until a tab is lost, and return why."""
    reasons: asyncio.Queue[str] = asyncio.Queue()
    tab.on_lost(reasons.put_nowait)
    return await asyncio.wait_for(reasons.get(), TIMEOUT_S)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what a person reads in the log."""
    records = [one for one in caplog.records if one.name.startswith("custom_components")]
    return [one.getMessage() for one in records if one.levelno >= logging.WARNING]


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_shows_a_dashboard(machine: Machine, frontend: Frontend, scheme: str) -> None:
    """A page is drawn by Chromium's own port, whichever way that is written, and closed behind us."""
    async with remote(machine.url.replace("http", scheme)) as browser:
        async with viewing(browser, frontend, DRAWN + MOVING) as view:
            await view.page.open()
            assert view.tab.frame_control
            first = await view.frame()
            assert await view.frame(lambda picture: picture != first)
        assert await machine.pages() == []


async def test_pages_that_draw_when_they_like(mortal: Machine, frontend: Frontend) -> None:
    """A browser that was not started for it is not told when to draw."""
    async with remote(mortal.url) as browser, viewing(browser, frontend, DRAWN + MOVING) as view:
        await view.page.open()
        assert not view.tab.frame_control
        first = await view.frame()
        assert await view.frame(lambda picture: picture != first)


async def test_two_connections_draw_in_turns(machine: Machine, frontend: Frontend) -> None:
    """Frames of two connections to one browser never overlap, which would end it."""
    async with AsyncExitStack() as stack:
        views = []
        for _ in range(2):
            browser = await stack.enter_async_context(remote(machine.url))
            view = await stack.enter_async_context(viewing(browser, frontend, DRAWN + MOVING))
            await view.page.open()
            views.append(view)
        for view in views:
            seen = len(view.frames)
            await until(lambda view=view, seen=seen: len(view.frames) > seen + 10)  # type: ignore[misc]
            assert not view.page.lost.done()


async def test_certificate_of_home(machine: Machine) -> None:
    """Home Assistant may have a certificate that nobody knows."""
    async with (
        Browserless(tls=Authority().server) as home,
        remote(machine.url) as browser,
    ):
        tab = await browser.open_tab()
        answer = await tab.session.send("Page.navigate", url=f"{home.url}/json/version")
        assert "errorText" not in answer
        await tab.close()


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_host_name(machine: Machine, scheme: str) -> None:
    """Chromium is reached by a name, although it refuses names."""
    url = f"{scheme}://chrome.lan:{machine.port}"
    async with named_session() as session:
        async with session.get(url.replace("ws", "http") + "/json/version") as answer:
            assert "Host header" in await answer.text()
        async with remote(url, session=session) as browser:
            assert await value(await browser.open_tab(), "1 + 1") == 2


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_browserless(loopback: None, scheme: str) -> None:
    """A gateway with a token in the query gives each connection its own browser, which ends with it."""
    async with Browserless(token=SECRET) as gateway:
        url = f"{gateway.url.replace('http', scheme)}?token={SECRET}"
        async with remote(url) as one, remote(url) as other:
            for browser in (one, other):
                assert await value(await browser.open_tab(), "1 + 1") == 2
            assert len(gateway.browsers) == 2
        await until(lambda: not gateway.browsers)


@pytest.mark.parametrize(
    ("rented", "query", "timeouts"),
    [(False, "", ["0"]), (True, "", ["0", None]), (False, "?timeout=60000", ["60000"])],
)
async def test_longest_session(loopback: None, rented: bool, query: str, timeouts: list[str]) -> None:
    """A gateway that ends sessions is asked not to, unless the owner says how long, or it refuses."""
    async with Browserless(rented=rented) as gateway, remote(f"{gateway.url}{query}") as browser:
        assert await value(await browser.open_tab(), "1 + 1") == 2
        assert gateway.timeouts == timeouts


async def test_grid(loopback: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Grid starts a browser for us, is told that it is in use, and gets it back."""
    monkeypatch.setattr(module, "_TOUCH_INTERVAL_S", 0.05)
    async with Grid() as grid:
        async with remote(grid.url) as browser:
            assert await value(await browser.open_tab(), "1 + 1") == 2
            (session,) = grid.browsers
            await until(lambda: grid.asked.count(f"GET /session/{session}/timeouts") > 2)
        assert grid.asked[-1] == f"DELETE /session/{session}"
        assert not grid.browsers


async def test_grid_without_cdp(loopback: None) -> None:
    """A Grid's browser that cannot be reached is given back at once."""
    async with Grid(cdp=False) as grid, remote(grid.url) as browser:
        with pytest.raises(EndpointNotBrowserError, match="se:cdp"):
            await browser.open_tab()
        assert not grid.browsers


class Website(Gateway):
    """A web server that is no browser."""

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Serve a page for everything."""
        router.add_get("/{path:.*}", self._show)

    async def _show(self, _request: web.Request) -> web.Response:
        return web.Response(text="<h1>Hello</h1>", content_type="text/html")


class Busy(Gateway):
    """A gateway all of whose browsers are in use."""

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Refuse everything."""
        router.add_get("/{path:.*}", self._refuse)

    async def _refuse(self, _request: web.Request) -> web.Response:
        raise web.HTTPTooManyRequests


@pytest.mark.parametrize("scheme", ["http", "ws"])
@pytest.mark.parametrize(
    ("make", "error", "detail"),
    [
        (Website, EndpointNotBrowserError, "it knows neither /json/version nor /status"),
        (lambda: Browserless(token="other"), EndpointRefusedError, "HTTP 401"),
        (Busy, EndpointUnreachableError, "HTTP 429"),
        (None, EndpointUnreachableError, "Connect call failed"),
    ],
)
async def test_fails(
    *,
    loopback: None,
    caplog: pytest.LogCaptureFixture,
    make: Callable[[], Gateway] | None,
    error: type[BrowserFailedError],
    detail: str,
    scheme: str,
) -> None:
    """What is wrong with an endpoint is told, once, at once, and without the token."""
    caplog.set_level(logging.DEBUG)
    async with AsyncExitStack() as stack:
        url = f"http://127.0.0.1:{free_port()}"
        if make:
            url = (await stack.enter_async_context(make())).url
        written = f"{url.replace('http', scheme)}/?token={SECRET}"
        browser = await stack.enter_async_context(remote(written))
        failures = []
        for _ in range(2):
            with pytest.raises(error) as failed:
                await asyncio.wait_for(browser.open_tab(), 5)
            failures.append(failed.value)
    shown = f"{url.replace('http', scheme)}/…"
    assert failures[0].placeholders["endpoint"] == shown
    assert detail in failures[0].placeholders["detail"]
    assert len(told(caplog)) == 1
    assert shown in told(caplog)[0]
    assert SECRET not in caplog.text
    assert SECRET not in "".join("".join(traceback.format_exception(one)) for one in failures)


async def test_private_authority(machine: Machine) -> None:
    """TLS is verified: a certificate that nobody knows is refused, one that is known is not."""
    authority = Authority()
    async with (
        Browserless(token=SECRET, tls=authority.server) as gateway,
        aiohttp.ClientSession() as session,
    ):
        endpoint = Endpoint.parse(f"{gateway.url}?token={SECRET}")
        stranger = CdpBrowser(endpoint, session)
        with pytest.raises(EndpointUnreachableError, match="certificate verify failed"):
            await stranger.open_tab()
        await stranger.stop()
        friend = CdpBrowser(endpoint, session, authority.client)
        assert await value(await friend.open_tab(), "1 + 1") == 2
        await friend.stop()


async def test_killed_and_started_again(mortal: Machine, caplog: pytest.LogCaptureFixture) -> None:
    """A browser that was killed is told at once, waited for, and used when it is there again."""
    async with remote(mortal.url) as browser:
        lost = asyncio.create_task(loss(await browser.open_tab()))
        await asyncio.sleep(0)
        await mortal.kill()
        assert await lost == LOST
        opening = asyncio.create_task(browser.open_tab())
        await until(lambda: told(caplog))
        await mortal.start()
        assert await value(await asyncio.wait_for(opening, TIMEOUT_S), "1 + 1") == 2
    failed, works = told(caplog)
    assert "cannot be used" in failed
    assert works == f"The browser at {mortal.url} works again"


async def test_gone_for_good(mortal: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that does not come back is not waited for without end."""
    monkeypatch.setattr(module, "_PATIENCE_S", 1.0)
    async with remote(mortal.url) as browser:
        await browser.open_tab()
        await mortal.kill()
        with pytest.raises(EndpointUnreachableError):
            await asyncio.wait_for(browser.open_tab(), 5)


async def test_hangs(mortal: Machine, quick: None) -> None:
    """A browser that stands still is found out by its silence."""
    async with remote(mortal.url) as browser:
        tab = await browser.open_tab()
        mortal.stop()
        assert await asyncio.wait_for(loss(tab), 3 * HEARTBEAT_S) == LOST
        mortal.go_on()
        assert await value(await browser.open_tab(), "1 + 1") == 2


async def test_hangs_behind_a_gateway(machine: Machine, quick_pulse: None) -> None:
    """A gateway answers for itself: that the browser behind it stands still is found out by asking it."""
    async with Browserless() as gateway, remote(gateway.url) as browser:
        tab = await browser.open_tab()
        (stopped,) = gateway.browsers.values()
        stopped.stop()
        assert await loss(tab) == "the browser does not answer any more"
        await tab.close()
        assert await value(await browser.open_tab(), "1 + 1") == 2


async def test_next_endpoint_of_one_that_hangs(
    mortal: Machine, machine: Machine, quick_pulse: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser that went silent is not waited for as long as a farm may take to start one."""
    monkeypatch.setattr(module, "_RETURN_S", 0.5)
    async with remote(mortal.url, machine.url) as browser:
        tab = await browser.open_tab()
        mortal.stop()
        await loss(tab)
        tab = await asyncio.wait_for(browser.open_tab(), endpoint_module.CONNECT_TIMEOUT_S / 2)
        assert await value(tab, "1 + 1") == 2
        assert len(await machine.pages()) == 1
    mortal.go_on()


async def test_cut_off_from_the_first_of_two(machine: Machine, mortal: Machine, quick_pulse: None) -> None:
    """A browser that only the network has lost is used again, so that nothing of ours stays there."""
    async with Wire(machine.port) as wire, remote(wire.url, mortal.url) as browser:
        tab = await browser.open_tab()
        wire.cut()
        assert await loss(tab) == "the browser does not answer any more"
        assert await value(await browser.open_tab(), "1 + 1") == 2
        assert len(await machine.pages()) == 1
        assert await mortal.pages() == []


async def test_cut_off(machine: Machine, quick: None) -> None:
    """When the network loses a connection, what it has left in the browser is closed over the next."""
    async with Wire(machine.port) as wire, remote(wire.url) as browser:
        tab = await browser.open_tab()
        wire.cut()
        assert await asyncio.wait_for(loss(tab), 3 * HEARTBEAT_S) == LOST
        assert len(await machine.pages()) == 1
        tab = await browser.open_tab()
        assert await value(tab, "1 + 1") == 2
        assert len(await machine.pages()) == 1
        await tab.close()
        assert await machine.pages() == []


async def test_next_endpoint(
    mortal: Machine, machine: Machine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When the first browser fails the next one draws; the first is asked again later."""
    monkeypatch.setattr(module, "REST_S", 1_000.0)
    async with remote(mortal.url, machine.url) as browser:
        lost = asyncio.create_task(loss(await browser.open_tab()))
        assert len(await mortal.pages()) == 1
        await mortal.kill()
        await lost
        for _ in range(2):
            await browser.open_tab()
        assert len(await machine.pages()) == 2
        assert len(told(caplog)) == 1
        await mortal.start()
        await browser.open_tab()
        assert len(await machine.pages()) == 3
        browser._browsers[0].rests_until = 1.0
        await browser.open_tab()
        assert len(await mortal.pages()) == 1
        assert told(caplog)[1:] == [f"The browser at {mortal.url} works again"]


async def test_all_rest(mortal: Machine) -> None:
    """When all browsers have failed, all are asked again."""
    async with remote(mortal.url, f"http://127.0.0.1:{free_port()}") as browser:
        await mortal.kill()
        with pytest.raises(EndpointUnreachableError):
            await browser.open_tab()
        await mortal.start()
        await browser.open_tab()


async def test_no_tab_outlives_us(machine: Machine) -> None:
    """When the process that opened tabs is killed, they are closed."""
    program = (
        "import asyncio, aiohttp\n"
        f"from {Endpoint.__module__} import Endpoint\n"
        f"from {CdpBrowser.__module__} import CdpBrowser\n"
        "async def main():\n"
        "    async with aiohttp.ClientSession() as session:\n"
        f"        browser = CdpBrowser(Endpoint.parse({machine.url!r}), session)\n"
        "        tabs = [await browser.open_tab() for _ in range(2)]\n"
        "        print('ready', flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    pipe = asyncio.subprocess.PIPE
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=pipe)
    assert owner.stdout
    assert await asyncio.wait_for(owner.stdout.readline(), TIMEOUT_S) == b"ready\n"
    assert len(await machine.pages()) == 2
    owner.kill()
    await owner.wait()
    async with asyncio.timeout(5):
        while await machine.pages():
            pass


async def test_many_wait_for_a_browser_that_hangs(mortal: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """When several want tabs of a browser that hangs, all are told when the first has found out."""
    monkeypatch.setattr(endpoint_module, "CONNECT_TIMEOUT_S", 0.5)
    mortal.stop()
    async with remote(mortal.url) as browser:
        opening = [asyncio.create_task(browser.open_tab()) for _ in range(4)]
        _, waiting = await asyncio.wait(opening, timeout=2 * 0.5)
        assert not waiting
        assert all(isinstance(one.exception(), EndpointUnreachableError) for one in opening)
    mortal.go_on()


async def test_connecting_is_given_up(mortal: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that takes a connection and says nothing is given up, and so is who waits for it."""
    monkeypatch.setattr(endpoint_module, "CONNECT_TIMEOUT_S", 0.3)
    mortal.stop()
    async with remote(mortal.url) as browser:
        with pytest.raises(EndpointUnreachableError, match="no answer in time"):
            await browser.open_tab()
        monkeypatch.setattr(endpoint_module, "CONNECT_TIMEOUT_S", 60.0)
        opening = asyncio.create_task(browser.open_tab())
        await asyncio.wait([opening], timeout=0.1)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
    mortal.go_on()


async def test_the_next_reaches_home(
    machine: Machine, frontend: Frontend, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the first browser does not reach Home Assistant the next one draws, from then on at once."""
    caplog.set_level(logging.INFO, module.__name__)
    homes = Homes(frontend.url, challenge=frontend.challenge)
    source = Source(frontend.scene())

    async def draw(browser: RemoteBrowser) -> bytes:
        return await snapshot(browser, source, 320, 180, homes=homes, credentials=credentials)

    async with Machine("--host-resolver-rules=MAP * ~NOTFOUND") as lost:
        async with remote(lost.url, machine.url) as browser:
            assert [(await draw(browser))[1:4] for _ in range(2)] == [b"PNG", b"PNG"]
            assert not await lost.pages()
        assert [one for one in caplog.messages if "does not reach Home Assistant" in one] == [
            f"The browser at {lost.url} does not reach Home Assistant"
        ]
        async with remote(lost.url) as browser:
            with pytest.raises(HomeUnreachableError):
                await draw(browser)
