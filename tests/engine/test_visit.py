"""Tests of web pages by URL with a real browser: what lets us in, when they are drawn, where they may go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
import json
import logging
from typing import Any

from aiohttp import ClientSession
import pytest
import pytest_asyncio
import pytest_socket

from custom_components.dashboard_cast.engine import chromium, gate, page as page_module, visit
from custom_components.dashboard_cast.engine.browser import LocalBrowser
from custom_components.dashboard_cast.engine.cdp import Browser, FlatSession
from custom_components.dashboard_cast.engine.endpoint import Endpoint
from custom_components.dashboard_cast.engine.gate import is_here
from custom_components.dashboard_cast.engine.health import Trouble
from custom_components.dashboard_cast.engine.homes import Homes
from custom_components.dashboard_cast.engine.remote import CdpBrowser, RemoteBrowser
from custom_components.dashboard_cast.errors import (
    BrowserFailedError,
    DashboardCastError,
    PageFailedError,
    UrlForbiddenError,
    UrlInvalidError,
    UrlNotAllowedError,
)
from custom_components.dashboard_cast.models import Source, Website

from .elsewhere import Machine
from .frontend import Frontend
from .helpers import SMALL, TIMEOUT_S, command_of, near, pixel, processes, size, until
from .site import NAME, PASSWORD, Site
from .viewing import Viewing, own_threads, refused, tabs_of, viewing

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Stands for another machine.
LAN = "127.0.0.2"
# Names below `test` are those of the browser's machine, names below `lan` those of the other.
NAMES = f"--host-resolver-rules=MAP *.test 127.0.0.1, MAP *.lan {LAN}"
BLUE, WHITE = (0, 0, 255), (255, 255, 255)
SOON_S = 3.0
SECRETS = ["s3cret-header", "s3cret-cookie", "s3cret-entry", PASSWORD, "s3cret-query", "s3cret-path"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[LocalBrowser]:
    """Return one browser for nearly all tests, for which names mean what `NAMES` says."""
    pytest_socket.enable_socket()
    local = LocalBrowser()
    patch = pytest.MonkeyPatch()
    patch.setattr(chromium, "_SWITCHES", (*chromium._SWITCHES, NAMES))
    with own_threads():
        await local.open_tab()
    patch.undo()
    yield local
    with own_threads():
        await local.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def isolating(loopback: None) -> AsyncIterator[RemoteBrowser]:
    """Return a browser elsewhere that keeps frames of other sites in processes of their own, as most do.

    Where pages draw when they are told to, there is no such thing.
    """
    async with Machine(NAMES, "--site-per-process") as machine, ClientSession() as session:
        browser = RemoteBrowser([CdpBrowser(Endpoint.parse(machine.url), session)])
        yield browser
        await browser.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def home(loopback: None) -> AsyncIterator[Frontend]:
    """Return what stands for Home Assistant."""
    async with Frontend() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def site(loopback: None) -> AsyncIterator[Site]:
    """Return the web server that is to be seen."""
    async with Site() as running:
        yield running


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a layout for a still one sooner, to lose no time."""
    monkeypatch.setattr(visit, "_SCRIPT", visit._SCRIPT.replace("STILL_MS = 1000", "STILL_MS = 200"))


@pytest.fixture
def lan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have 127.0.0.2 be another machine: a test has but one."""
    for module in (gate, visit):
        monkeypatch.setattr(module, "is_here", lambda host: is_here(host) and str(host) != LAN)


def visiting(browser: Browser, home: Frontend, url: str, **access: Any) -> Any:
    """Return a web page in a tab, not opened yet."""
    return viewing(browser, home, source=Source(website=Website(url, **access)), token=refused)


async def refusal(browser: LocalBrowser, home: Frontend, url: str, **access: Any) -> DashboardCastError:
    """Open a web page, which has to fail without any picture, and return why."""
    async with visiting(browser, home, url, **access) as view:
        with pytest.raises(DashboardCastError) as caught:
            await asyncio.wait_for(view.page.open(SOON_S), TIMEOUT_S)
        assert not view.frames
    return caught.value


async def test_shows_a_page(browser: LocalBrowser, home: Frontend, site: Site) -> None:
    """A page comes as pictures, and nobody signs in."""
    async with visiting(browser, home, site.page()) as view:
        await view.page.open()
        picture = await view.frame(lambda shown: near(pixel(shown, 10, 10), BLUE, 10))
        assert size(picture) == (SMALL.width, SMALL.height)
    assert not home.asked


async def test_nothing_of_ours_is_in_it(browser: LocalBrowser, home: Frontend, site: Site) -> None:
    """A page by URL has neither what dashboards sign in with nor any other trace of us."""
    async with visiting(browser, home, site.page(), storage=(("a", "b"),)) as view:
        await view.page.open()
        found = await view.evaluate(
            "Object.keys(window).filter((name) => /dashboardCast|externalApp/.test(name))"
        )
        assert found == []
        assert await view.evaluate("'still' in window") is False
        workers = "['serviceWorker' in frame.navigator, 'SharedWorker' in frame]"
        assert await view.evaluate(workers.replace("frame", "window")) == [False, False]
        add = "const node = document.body.appendChild(document.createElement('iframe'))"
        within = f"(() => {{ {add}; const frame = node.contentWindow; return {workers}; }})()"
        assert await view.evaluate(within) == [False, False]


async def test_access(browser: LocalBrowser, home: Frontend, site: Site) -> None:
    """Headers, cookies, stored entries and the language reach the page, and nobody else."""
    async with Site() as other:
        body = f"""<script>window.early = localStorage.getItem("entry");</script>
          <img src="{other.url}/elsewhere"><img src="/own">"""
        view: Viewing
        source = Source(
            language="de",
            website=Website(
                site.page(body),
                headers=(("X-Key", "s3cret-header"),),
                cookies=(("session", "s3cret-cookie"),),
                storage=(("entry", "s3cret-entry"),),
            ),
        )
        async with viewing(browser, home, source=source, token=refused) as view:
            await view.page.open()
            assert await view.evaluate("early") == "s3cret-entry"
        for asked in (*site.requests("/page/0"), *site.requests("/own")):
            assert asked.headers["x-key"] == "s3cret-header"
            assert asked.headers["cookie"] == "session=s3cret-cookie"
            assert asked.headers["accept-language"].startswith("de")
        (elsewhere,) = other.requests("/elsewhere")
        assert "x-key" not in elsewhere.headers
        # Cookies know no ports (RFC 6265 section 8.5): that is why the other page is not one of ours.
        assert "authorization" not in elsewhere.headers


async def test_basic_authentication(browser: LocalBrowser, home: Frontend, site: Site) -> None:
    """Name and password are given to the server that asks; when they are wrong, that is the end."""
    url = f"{site.url}/guarded"
    async with visiting(browser, home, url, username=NAME, password=PASSWORD) as view:
        await view.page.open()
        await view.frame()
    for access in ({"username": NAME, "password": "wrong"}, {}):
        error = await refusal(browser, home, url, **access)
        assert error.placeholders["detail"] == "it answers 401 Unauthorized"


async def test_another_server_gets_no_password(browser: LocalBrowser, home: Frontend, site: Site) -> None:
    """Nor headers, when the page sends us there."""
    async with Site() as other:
        url = f"{site.url}/redirect?to={other.url}/guarded"
        headers = (("X-Key", "s3cret-header"),)
        await refusal(browser, home, url, username=NAME, password=PASSWORD, headers=headers)
        assert other.requests("/guarded")
        for asked in other.asked:
            assert not {"authorization", "x-key"} & set(asked.headers)


async def test_two_pages_do_not_know_each_other(browser: LocalBrowser, home: Frontend, site: Site) -> None:
    """What one page is given or stores is not there for another, of the same server either."""
    url = site.page()
    access: dict[str, Any] = {"cookies": (("session", "mine"),), "storage": (("entry", "mine"),)}
    async with visiting(browser, home, url, **access) as one, visiting(browser, home, url) as other:
        await one.page.open()
        await other.page.open()
        seen = "document.cookie + '|' + localStorage.getItem('entry')"
        assert await one.evaluate(seen) == "session=mine|mine"
        assert await other.evaluate(seen) == "|null"


GROWING = """<script>
  const grow = setInterval(() => document.body.append(document.createElement("p")), 400);
  setTimeout(() => clearInterval(grow), 1700);
</script>"""


async def test_waits_for_the_layout(
    browser: LocalBrowser, home: Frontend, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page is ready when it has stopped growing, also one that grows in fits and starts."""
    monkeypatch.setattr(visit, "_SCRIPT", visit._SCRIPT.replace("STILL_MS = 200", "STILL_MS = 800"))
    async with visiting(browser, home, site.page(GROWING)) as view:
        await view.page.open()
        count = await view.evaluate("document.querySelectorAll('p').length")
        assert count == 4
        await asyncio.sleep(0.5)
        assert await view.evaluate("document.querySelectorAll('p').length") == count


@pytest.mark.parametrize(("status", "words"), [(502, "502 Bad Gateway"), (599, "599")])
async def test_server_fails(
    browser: LocalBrowser, home: Frontend, site: Site, status: int, words: str
) -> None:
    """The error of a server is told, and nothing of the address but its origin."""
    error = await refusal(browser, home, f"{site.url}/broken?status={status}&token=s3cret-query")
    assert isinstance(error, PageFailedError)
    assert error.placeholders["detail"] == f"it answers {words}"
    assert error.placeholders["path"] == site.url


@pytest.mark.parametrize(
    ("body", "blank"), [("<p>Something to read</p>", True), ("<canvas></canvas>", True), ("<p></p>", False)]
)
async def test_blank_picture(
    browser: LocalBrowser,
    home: Frontend,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    body: str,
    *,
    blank: bool,
) -> None:
    """A page in which something is, but which is drawn in one colour, is not well; an empty one is."""
    monkeypatch.setattr(page_module, "_LOOK_INTERVAL_S", 0.05)
    cover = "<div style='position: fixed; inset: 0; background: white'></div>"
    async with visiting(browser, home, site.page(body + cover)) as view:
        await view.page.open()
        await view.frame()
        looks = len(view.verdicts)
        await until(lambda: len(view.verdicts) >= looks + 3)
        assert view.verdicts[-1].trouble is (Trouble.BLANK if blank else None)


async def test_questions_are_answered(browser: LocalBrowser, home: Frontend, site: Site) -> None:
    """A page that asks something before it goes on does not stand still."""
    body = "<script>window.answer = confirm('Really?'); alert('So be it'); </script>"
    async with visiting(browser, home, site.page(body)) as view:
        await view.page.open()
        assert await view.evaluate("answer") is False


async def test_redirects(browser: LocalBrowser, home: Frontend, site: Site) -> None:
    """A page may lead to another, but not to Home Assistant, a debugging port or a file."""
    async with visiting(browser, home, f"{site.url}/redirect?to=/page/0") as view:
        await view.page.open()
    for to in (home.url, home.url.replace("127.0.0.1", "localhost"), "http://[::1]:9222/json"):
        error = await refusal(browser, home, f"{site.url}/redirect?to={to}/")
        assert isinstance(error, UrlForbiddenError), to
    assert not home.asked
    for to in ("file:///etc/passwd", "data:text/html,x", "chrome://version", "javascript:alert(1)"):
        assert isinstance(await refusal(browser, home, f"{site.url}/redirect?to={to}"), PageFailedError)


SIDEWAYS = {
    "script": "<script>location.href = '{}'</script>",
    "meta": "<meta http-equiv='refresh' content='0; url={}'>",
    "form": "<form action='{}'></form><script>document.forms[0].submit()</script>",
}


@pytest.mark.parametrize("way", SIDEWAYS)
async def test_ways_out(browser: LocalBrowser, home: Frontend, site: Site, way: str) -> None:
    """Whichever way a page takes to where it may not be, no picture is made of that."""
    error = await refusal(browser, home, site.page(SIDEWAYS[way].format(f"{home.url}/")))
    assert isinstance(error, UrlForbiddenError)
    assert not home.asked


async def test_way_out_of_a_running_page(browser: LocalBrowser, home: Frontend, site: Site) -> None:
    """A page that goes there later is lost."""
    async with visiting(browser, home, site.page()) as view:
        await view.page.open()
        await view.evaluate(f"setTimeout(() => {{ location.href = '{home.url}/'; }}, 0)")
        assert isinstance(await asyncio.wait_for(view.page.lost, TIMEOUT_S), UrlForbiddenError)
    assert not home.asked


async def test_frames_within(browser: LocalBrowser, home: Frontend, site: Site) -> None:
    """A frame of a page does not get there either; the page goes on without it."""
    async with Site() as other:
        body = f"<iframe src='{home.url}/'></iframe><iframe src='{other.url}/inner'></iframe>"
        async with visiting(browser, home, site.page(body)) as view:
            await view.page.open()
    assert not home.asked
    assert other.requests("/inner")


async def test_no_windows(browser: LocalBrowser, home: Frontend, site: Site) -> None:
    """A page opens no other that nobody sees or checks."""
    body = f"""<a href="{home.url}/" target="_blank">Open</a><script>
      window.opened = window.open("{home.url}/");
      document.querySelector("a").click();
    </script>"""
    before = len(await tabs_of(browser))
    async with visiting(browser, home, site.page(body)) as view:
        await view.page.open()
        assert await view.evaluate("opened") is None
        assert len(await tabs_of(browser)) == before + 1
    assert not home.asked


async def test_names_of_this_machine(browser: LocalBrowser, home: Frontend, site: Site) -> None:
    """What has a harmless name and is Home Assistant all the same is found out by where it answers from."""
    async with visiting(browser, home, site.url.replace("127.0.0.1", "page.test")) as view:
        await view.page.open()
    error = await refusal(browser, home, home.url.replace("127.0.0.1", "page.test") + "/")
    assert isinstance(error, UrlForbiddenError)


# Everything that asks for something, of an address in place of `%`. Whatever comes of it is told to the
# page's own server.
REQUESTS = """
  const told = (name) => fetch(`/told/${name}`);
  const ask = (name, url, settings) =>
    fetch(url, { mode: "no-cors", ...settings }).catch(() => 0).then(() => told(name));
  ask("fetch", "%/fetch");
  ask("posted", "%/posted", { method: "POST", body: "x" });
  ask("redirected", "/redirect?to=%/redirected");
  ask("beacon", `/?${navigator.sendBeacon("%/beacon", "x")}`);
  const add = (element, name, settings, parent = document.documentElement) => {
    element.onload = element.onerror = element.onclose = () => told(name);
    Object.assign(element, settings);
    if (element.localName) parent.append(element);
  };
  const make = (name) => document.createElement(name);
  add(make("img"), "image", { src: "%/image" });
  add(make("script"), "script", { src: "%/script" });
  add(make("link"), "style", { rel: "stylesheet", href: "%/style" });
  add(make("iframe"), "frame", { src: "%/frame" });
  add(make("iframe"), "led-frame", { src: "/redirect?to=%/led-frame" });
  add(make("iframe"), "within", { srcdoc: "<img src='%/within'>" });
  add(new EventSource("%/events"), "events");
  add(new WebSocket("%/socket".replace("http", "ws")), "socket");
  const code = `
    const nested = new Worker(URL.createObjectURL(new Blob(
      ['fetch("%/nested", { mode: "no-cors" }).catch(() => 0).then(() => postMessage("nested"))'])));
    nested.onmessage = ({ data }) => postMessage(data);
    fetch("%/worker", { mode: "no-cors" }).catch(() => 0).then(() => postMessage("worker"));
    try { importScripts("%/imported"); } catch {} finally { postMessage("imported"); }`;
  new Worker(URL.createObjectURL(new Blob([code]))).onmessage = ({ data }) => told(data);
"""
ASKED = (
    *("fetch", "posted", "redirected", "beacon", "image", "script", "style", "frame", "led-frame", "within"),
    *("events", "socket", "nested", "worker", "imported"),
)


def asking(site: Site, target: str) -> str:
    """Return the path of a page that asks an address for everything, in itself and in frames in frames."""
    script = f"<script>{REQUESTS.replace('%', target)}</script>"
    page = site.page(script)
    for host in ("third.lan", "other.lan"):
        frame = f"http://{host}:{site.port}{page.removeprefix(site.url)}"
        page = site.page(f"{script}<iframe src='{frame}'></iframe>")
    return page.removeprefix(site.url)


@pytest.mark.usefixtures("lan")
@pytest.mark.parametrize("there", [True, False], ids=["network", "machine"])
async def test_what_a_page_asks(isolating: RemoteBrowser, home: Frontend, site: Site, *, there: bool) -> None:
    """A page asks others in the network for what it likes, and the browser's own machine for nothing."""
    async with Site(LAN) as page, Site(LAN) as api:
        path = asking(page, api.url if there else site.url)
        async with visiting(isolating, home, f"http://page.lan:{page.port}{path}") as view:
            await view.page.open()
            await until(lambda: all(len(page.requests(f"/told/{name}")) >= 3 for name in ASKED))
            assert not view.page.lost.done()
        missing = [name for name in ASKED if len(api.requests(f"/{name}")) < 3]
        assert missing == ([] if there else [*ASKED])
    assert not site.asked


@pytest.mark.parametrize("closed", ["home", "endpoint"])
async def test_what_is_closed(browser: LocalBrowser, home: Frontend, closed: str) -> None:
    """Neither Home Assistant nor a browser is asked for anything, by pages of their machine either."""
    async with Site() as page, Site() as gateway:
        target = home.url if closed == "home" else gateway.url
        homes = Homes(home.url, closed=[f"http://chrome.lan:{gateway.port}"])
        script = f"<script>{REQUESTS.replace('%', target)}</script>"
        source = Source(website=Website(page.page(script)))
        async with viewing(browser, home, source=source, token=refused, homes=homes) as view:
            await view.page.open()
            await until(lambda: all(page.requests(f"/told/{name}") for name in ASKED))
        assert not gateway.asked
    assert not home.asked


@pytest.mark.usefixtures("lan")
async def test_names_of_the_machine(browser: LocalBrowser, home: Frontend, site: Site) -> None:
    """What comes from the browser's machine by a harmless name comes once; a frame of it ends the page."""
    hidden = f"http://hidden.test:{site.port}"
    script = f"""<script>(async () => {{
      for (const name of ["first", "second"]) {{
        await fetch("{hidden}/" + name).catch(() => 0);
        await fetch("/told/" + name);
      }}
    }})()</script>"""
    async with Site(LAN) as page:
        async with visiting(browser, home, page.page(script)) as view:
            await view.page.open()
            await until(lambda: page.requests("/told/second"))
        error = await refusal(browser, home, page.page(f"<iframe src='{hidden}/framed'></iframe>"))
        assert isinstance(error, UrlForbiddenError)
        # Nor does a page get there itself.
        error = await refusal(browser, home, f"{page.url}/redirect?to={hidden}/")
        assert isinstance(error, UrlForbiddenError)
    assert [asked.path for asked in site.asked if asked.path in {"/first", "/second"}] == ["/first"]


async def test_sockets_that_are_not_stopped(
    browser: LocalBrowser, home: Frontend, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket in a worker, to an unusual address or in an old browser ends the page: nothing stops it."""
    port = home.url.rpartition(":")[2]
    socket = f"new WebSocket('ws://127.0.0.1:{port}/socket')"
    worker = f"new Worker(URL.createObjectURL(new Blob([`{socket}`])))"
    for script in (worker, socket.replace("127.0.0.1", "127.0.0.3")):
        error = await refusal(browser, home, site.page(f"<script>{script}</script>"))
        assert isinstance(error, UrlForbiddenError)
    send = FlatSession.send

    async def old(self: FlatSession, method: str, **parameters: Any) -> Any:
        if method == "Network.emulateNetworkConditionsByRule":
            raise BrowserFailedError(detail="it is not known")
        return await send(self, method, **parameters)

    monkeypatch.setattr(FlatSession, "send", old)
    error = await refusal(browser, home, site.page(f"<script>{socket}</script>"))
    assert isinstance(error, UrlForbiddenError)


@pytest.mark.usefixtures("lan")
async def test_what_is_fetched_ahead(browser: LocalBrowser, home: Frontend, site: Site) -> None:
    """A page ends that has the browser fetch ahead, past all that pauses requests, from its own machine."""
    rules = json.dumps({"prefetch": [{"source": "list", "urls": [f"{site.url}/"], "eagerness": "immediate"}]})
    async with Site(LAN) as page:
        url = page.page(f"<script type='speculationrules'>{rules}</script>")
        async with visiting(browser, home, url) as view:
            with suppress(UrlForbiddenError):
                await view.page.open()
            assert isinstance(await asyncio.wait_for(view.page.lost, TIMEOUT_S), UrlForbiddenError)


@pytest.mark.usefixtures("lan")
async def test_home_by_another_name(browser: LocalBrowser, home: Frontend) -> None:
    """Home Assistant is known by what it answers, at whatever address; another one is a page as any other."""
    async with Site(LAN) as proxy:
        proxy.answers = home.answers
        assert isinstance(await refusal(browser, home, f"http://any.lan:{proxy.port}/"), UrlForbiddenError)
        proxy.answers = lambda _path: "another"
        async with visiting(browser, home, proxy.page()) as view:
            await view.page.open()


async def test_what_others_may_see(browser: LocalBrowser, home: Frontend, site: Site) -> None:
    """Who is no administrator gets what the administrator permits, wherever the page leads."""
    async with Site() as other:
        allowed = frozenset({f"{site.url}/"})
        async with visiting(browser, home, site.page(), allowed=allowed) as view:
            await view.page.open()
        for url in (f"{other.url}/", f"{site.url}/redirect?to={other.url}/"):
            assert isinstance(await refusal(browser, home, url, allowed=allowed), UrlNotAllowedError)
        narrow = frozenset({f"{site.url}/public/"})
        for path in ("/public/../private", "/public/%2e%2e/private", "/public/.%2E/private"):
            error = await refusal(browser, home, site.url + path, allowed=narrow)
            assert isinstance(error, UrlNotAllowedError), path
    assert not other.asked
    assert not site.requests("/private")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "chrome://version", "view-source:http://page.test/"])
async def test_no_web_page(browser: LocalBrowser, home: Frontend, url: str) -> None:
    """Whatever the caller has checked, the browser is never sent to what is no web page."""
    assert isinstance(await refusal(browser, home, url), UrlInvalidError)


async def test_secrets_stay_secret(
    browser: LocalBrowser, home: Frontend, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither logs nor messages nor the names of tasks nor the process list tell what lets us in."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.CRITICAL, "aiohttp.access")
    website = Website(
        f"{site.url}/s3cret-path?token=s3cret-query",
        username=NAME,
        password=PASSWORD,
        headers=(("X-Key", "s3cret-header"),),
        cookies=(("session", "s3cret-cookie"),),
        storage=(("entry", "s3cret-entry"),),
    )
    source = Source(website=website)
    async with viewing(browser, home, source=source, token=refused) as view:
        await view.page.open()
        told = [task.get_name() for task in asyncio.all_tasks()]
        told += [str(argument) for process in processes() for argument in command_of(process)]
    error = await refusal(browser, home, f"{site.url}/broken?status=502", **_access(website))
    told += [repr(source), str(source), repr(website), repr(error), str(error), *caplog.messages]
    assert not [(secret, text) for secret in SECRETS for text in told if secret in text]


def _access(website: Website) -> dict[str, Any]:
    return {
        name: getattr(website, name) for name in ("username", "password", "headers", "cookies", "storage")
    }
