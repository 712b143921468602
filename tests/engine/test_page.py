"""Tests of the page with a real browser: sign-in, when it is drawn, how it looks, its frames, its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise
import json
import re
from statistics import median
import time
from typing import Any

import psutil
import pytest
import pytest_asyncio
import pytest_socket

from custom_components.dashboard_cast.engine import chromium, health, page as module
from custom_components.dashboard_cast.engine.blank import Doubt
from custom_components.dashboard_cast.engine.browser import LocalBrowser
from custom_components.dashboard_cast.engine.health import Remedy, Trouble
from custom_components.dashboard_cast.engine.homes import Homes
from custom_components.dashboard_cast.engine.page import AccessToken, Page, script, state_of
from custom_components.dashboard_cast.errors import (
    BrowserFailedError,
    DashboardCastError,
    HomeUnreachableError,
    PageFailedError,
    PageNotReadyError,
    SignInFailedError,
)
from custom_components.dashboard_cast.models import Frame, Profile, Source

from .frontend import DRAWN, MOVING, SIGN_IN, Frontend
from .helpers import SMALL, TIMEOUT_S, alive, near, pixel, processes, size, until
from .viewing import (
    SOURCE,
    TOLD,
    FakeTab,
    Turns,
    Viewing,
    credentials,
    frame_event,
    own_threads,
    refused,
    tabs_of,
    viewing,
)

pytestmark = [pytest.mark.paired, pytest.mark.asyncio(loop_scope="module")]

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
SOON_S = 1.5
POLL_S = 0.03


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[LocalBrowser]:
    """Return one browser for all tests that leave it alive."""
    # Comes before the fixtures of the first test that wants it, while sockets are still blocked.
    pytest_socket.enable_socket()
    local = LocalBrowser()
    with own_threads():
        # Keeps it running.
        await local.open_tab()
    yield local
    with own_threads():
        await local.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def mortal_browser(browser: LocalBrowser) -> AsyncIterator[LocalBrowser]:
    """Return a browser for one test, which may kill it; the one for all tests runs by then."""
    with own_threads():
        local = LocalBrowser()
        yield local
        await local.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def frontend(loopback: None) -> AsyncIterator[Frontend]:
    """Return a server that plays Home Assistant's frontend."""
    async with Frontend() as running:
        yield running


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at pages more often, to lose no time."""
    monkeypatch.setattr(module, "_POLL_S", POLL_S)


def has(colour: tuple[int, int, int], x: int = 10, y: int = 100) -> Any:
    """Return a check whether a picture has a colour at a place."""
    return lambda picture: near(pixel(picture, x, y), colour, 10)


async def test_shows_a_dashboard(browser: LocalBrowser, frontend: Frontend) -> None:
    """A page signs in, is drawn, and comes as pictures of the wanted size."""
    async with viewing(browser, frontend) as view:
        await view.page.open()
        picture = await view.frame(has(BLUE))
    assert [json.loads(told) for told in frontend.told] == [TOLD]
    assert size(picture) == (SMALL.width, SMALL.height)
    assert not view.page.lost.done()


async def test_frames_have_the_time_they_were_drawn(browser: LocalBrowser, frontend: Frontend) -> None:
    """A frame's time lies between the change and its arrival."""
    async with viewing(browser, frontend) as view:
        await view.page.open()
        await view.frame()
        before = time.monotonic()
        await view.evaluate(f"{FIND_CONTENT}.style.background = 'white'")
        await view.frame(has(WHITE))
        assert before - 0.05 <= view.frames[-1].time <= time.monotonic()


FIND_CONTENT = (
    "document.querySelector('home-assistant').shadowRoot.querySelector('home-assistant-main')"
    ".shadowRoot.querySelector('ha-panel-lovelace').shadowRoot.querySelector('hui-root')"
    ".shadowRoot.querySelector('hui-card').firstElementChild"
)
INTRUDER = """
  const found = ["dashboardCastSignIn", "dashboardCastChanged", "dashboardCast", "externalApp"]
    .filter((name) => name in window);
  tell("finds " + found + ", stored " + localStorage.length);
"""
NOTHING_FOUND = ["finds , stored 0"]


async def test_a_foreign_frame_has_nothing_of_ours(browser: LocalBrowser, frontend: Frontend) -> None:
    """A document of another origin inside the dashboard has nothing that it could ask for a token."""
    async with Frontend() as other:
        embed = (
            f"const frame = add(content, 'iframe', false); frame.src = '{other.url}{other.scene(INTRUDER)}';"
        )
        async with viewing(browser, frontend, DRAWN + embed) as view:
            await view.page.open()
            await until(lambda: other.told)
    assert other.told == NOTHING_FOUND
    assert [json.loads(told) for told in frontend.told] == [TOLD]


async def test_a_foreign_page_has_nothing_of_ours(browser: LocalBrowser, frontend: Frontend) -> None:
    """Nor does a page of another origin that the tab was led to."""
    async with Frontend() as other:
        leave = f"location.href = '{other.url}{other.scene(INTRUDER)}';"
        async with viewing(browser, frontend, leave, token=refused) as view:
            with pytest.raises(DashboardCastError):
                await view.page.open(SOON_S)
            assert await view.evaluate("location.origin") == other.url
            await until(lambda: other.told)
    assert other.told == NOTHING_FOUND


async def test_tokens_are_asked_for_again(browser: LocalBrowser, frontend: Frontend) -> None:
    """The frontend gets a fresh token whenever it wants one."""
    tokens = iter([AccessToken("first", 1), AccessToken("second", 2)])

    async def next_token() -> AccessToken:
        return next(tokens)

    again = SIGN_IN + "draw(); enter(await signIn());"
    async with viewing(browser, frontend, again, token=next_token) as view:
        await view.page.open()
        await until(lambda: len(frontend.told) == 2)
    assert [json.loads(told)["access_token"] for told in frontend.told] == ["first", "second"]


async def test_signing_out_is_harmless(browser: LocalBrowser, frontend: Frontend) -> None:
    """A frontend that signs out is told that it worked."""
    out = """window.gone = (good) => tell("gone " + good);
      externalApp.revokeExternalAuth(JSON.stringify({ callback: "gone" }));"""
    async with viewing(browser, frontend, DRAWN + out) as view:
        await view.page.open()
        await until(lambda: "gone true" in frontend.told)


# What is to be waited for, and a scene that goes on when it is released.
WAITING = {
    "the connection to Home Assistant": "await released(); enter(await signIn()); draw();",
    "the theme": SIGN_IN + "home.hass.themes = null; draw(); await released(); home.hass.themes = {};",
    "the dashboard": SIGN_IN + "const to = resolver(); await released(); draw2(to);",
    "the view": SIGN_IN + "const to = root(); await released(); add(card(view(to)), 'div', false);",
    "a card": SIGN_IN + "const to = card(); await released(); add(to, 'div', false);",
    "a picture": SIGN_IN + "const img = add(draw(), 'img', false); img.src = '/release';",
    "the fonts": SIGN_IN + "draw(); const face = new FontFace('slow', 'url(/release)');"
    "document.fonts.add(face); face.load().catch(() => 0);",
    "ha-spinner": SIGN_IN + "const node = add(draw(), 'ha-spinner', false); await released(); node.remove();",
    "hass-loading-screen": SIGN_IN + "const to = resolver(); const node = add(to, 'hass-loading-screen');"
    "add(node, 'div', false); await released(); node.host.remove(); draw2(to);",
}
DRAW_LATER = "const draw2 = (to) => add(card(view(root(to))), 'div', false);"


@pytest.mark.parametrize("what", WAITING)
async def test_waits(browser: LocalBrowser, frontend: Frontend, what: str) -> None:
    """A page is ready when what it waits for is there, and not before."""
    async with viewing(browser, frontend, DRAW_LATER + WAITING[what]) as view:
        opening = asyncio.create_task(view.page.open())
        await wait_for_state(view, what)
        await asyncio.wait([opening], timeout=10 * POLL_S)
        assert not opening.done()
        frontend.release.set()
        await asyncio.wait_for(opening, TIMEOUT_S)
        await view.frame()


GOOD_STATE = {"signedIn": True, "waitsFor": "", "error": "", "size": 1}


@pytest.mark.parametrize("said", [[], 1, {}, GOOD_STATE | {"size": "1"}, GOOD_STATE | {"waitsFor": None}])
async def test_state_of(said: object) -> None:
    """What is in the page may write over our script; then the page has failed."""
    assert state_of(GOOD_STATE) == GOOD_STATE
    assert state_of(None)["waitsFor"] == "the page"
    with pytest.raises(BrowserFailedError, match="does not tell"):
        state_of(said)


async def wait_for_state(view: Viewing, what: str) -> None:
    """Wait until the page says that it waits for something; also before it has navigated."""
    async with asyncio.timeout(TIMEOUT_S):
        while (await view.state())["waitsFor"] != what:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)


HIDDEN = """
  add(content, "ha-spinner", false).style.opacity = 0;
  add(content, "ha-spinner", false).style.visibility = "hidden";
  for (const name of ["ha-spinner", "img", "hass-loading-screen"]) {
    const node = add(content, name, false);
    node.src = "/release";
    node.style.display = "none";
  }
  const hidden = add(content.parentNode.parentNode, "hui-card", false);
  hidden.hidden = true;
"""


async def test_does_not_wait_for_what_is_hidden(browser: LocalBrowser, frontend: Frontend) -> None:
    """What nobody sees holds nobody up."""
    async with viewing(browser, frontend, DRAWN + HIDDEN) as view:
        await view.page.open(5)


async def test_a_panel_that_is_no_dashboard(browser: LocalBrowser, frontend: Frontend) -> None:
    """Other panels, such as the map, are ready without cards."""
    panel = SIGN_IN + "add(add(resolver(), 'ha-panel-map'), 'div', false);"
    async with viewing(browser, frontend, panel) as view:
        await view.page.open(5)
        await view.frame()


NOT_CONNECTED = """
  if (sessionStorage.tried) draw(await enter(await signIn()));
  sessionStorage.tried = true;
  document.body.append(Object.assign(document.createElement("ha-init-page"), { error: true }));
"""


async def test_frontend_that_could_not_connect(browser: LocalBrowser, frontend: Frontend) -> None:
    """It would try again after a minute; it is loaded anew before a start is given up."""
    async with viewing(browser, frontend, NOT_CONNECTED) as view:
        await asyncio.wait_for(view.page.open(), TIMEOUT_S)
        assert (await view.state())["signedIn"]


NEVER = {
    "hass-error-screen in the panel": (
        SIGN_IN + "const node = add(draw(), 'hass-error-screen'); node.textContent = ' Unknown card ';",
        "Unknown card",
    ),
    "hass-error-screen as the panel": (
        SIGN_IN + "const node = add(resolver(), 'hass-error-screen'); node.host.error = 'No such dashboard';",
        "No such dashboard",
    ),
    "spinner": (SIGN_IN + "add(draw(), 'ha-spinner', false);", "ha-spinner"),
    "growing": (SIGN_IN + "const to = draw(); setInterval(() => add(to, 'p', false), 20);", "keeps changing"),
    "not connected": ("await enter(await signIn()); home.hass.connected = false; draw();", "the connection"),
    "busy": (
        SIGN_IN + "add(draw(), 'ha-spinner', false); setTimeout(() => { while (true); }, 300);",
        "ha-spinner",
    ),
}


@pytest.mark.parametrize("name", NEVER)
async def test_never_ready(browser: LocalBrowser, frontend: Frontend, name: str) -> None:
    """A page that is not drawn in time fails with what it lacked, and can be closed."""
    scene, detail = NEVER[name]
    async with viewing(browser, frontend, scene) as view:
        with pytest.raises(PageNotReadyError) as failed:
            await asyncio.wait_for(view.page.open(SOON_S), TIMEOUT_S)
    assert detail in failed.value.placeholders["detail"]
    assert failed.value.placeholders["seconds"] == "1.5"
    assert failed.value.placeholders["path"].startswith("/scene/")


async def test_not_signed_in(browser: LocalBrowser, frontend: Frontend) -> None:
    """A frontend that does not let us in is told as that."""
    async with viewing(browser, frontend, "home.hass = { connected: true };") as view:
        with pytest.raises(SignInFailedError) as failed:
            await view.page.open(SOON_S)
    assert not failed.value.placeholders


async def test_no_token(browser: LocalBrowser, frontend: Frontend) -> None:
    """Credentials that cannot be had end the wait at once, and the page."""
    async with viewing(browser, frontend, token=refused) as view:
        with pytest.raises(SignInFailedError):
            await asyncio.wait_for(view.page.open(), 5)
        assert isinstance(view.page.lost.result(), SignInFailedError)


async def test_no_token_any_more(browser: LocalBrowser, frontend: Frontend) -> None:
    """Credentials that are withdrawn later are told through `lost`."""
    later = SIGN_IN + "draw(); await released(); signIn();"
    async with viewing(browser, frontend, later, token=Turns(credentials, refused)) as view:
        await view.page.open()
        assert not view.page.lost.done()
        frontend.release.set()
        assert isinstance(await asyncio.wait_for(view.page.lost, TIMEOUT_S), SignInFailedError)


async def test_nobody_answers(browser: LocalBrowser) -> None:
    """An address where nobody listens is told, with the browser's word for it."""
    async with Frontend() as gone:
        pass
    async with viewing(browser, gone) as view:
        with pytest.raises(HomeUnreachableError) as failed:
            await view.page.open()
    assert failed.value.placeholders["detail"] == f"{gone.url}: net::ERR_CONNECTION_REFUSED"


async def test_somebody_takes_long_to_answer(browser: LocalBrowser, frontend: Frontend) -> None:
    """A server that takes the request and does not answer is not waited for beyond the time-out."""
    async with viewing(browser, frontend, "") as view:
        with pytest.raises(HomeUnreachableError, match=r"no answer within 1\.5 s"):
            await asyncio.wait_for(view.page.open(SOON_S), 3 * SOON_S)


async def test_reloads_while_it_is_opened(browser: LocalBrowser, frontend: Frontend) -> None:
    """A frontend that loads itself anew is waited for, and signs in again."""
    twice = """
      await enter(await signIn());
      if (sessionStorage.seen) draw();
      else { sessionStorage.seen = 1; location.reload(); }
    """
    async with viewing(browser, frontend, twice) as view:
        await view.page.open()
        await view.frame(has(BLUE))
    assert [json.loads(told) for told in frontend.told] == [TOLD, TOLD]


async def test_reloads_later(browser: LocalBrowser, frontend: Frontend) -> None:
    """Frames go on when the frontend loads itself anew, as it does after an update."""
    later = DRAWN + "if (sessionStorage.seen) content.style.background = 'white';"
    async with viewing(browser, frontend, later) as view:
        await view.page.open()
        await view.frame(has(BLUE))
        await view.evaluate("(sessionStorage.seen = 1, setTimeout(() => location.reload(), 0))")
        await view.frame(has(WHITE))


async def test_browser_killed(mortal_browser: LocalBrowser, frontend: Frontend) -> None:
    """A browser that is killed loses the page, with the reason."""
    others = set(processes())
    async with viewing(mortal_browser, frontend) as view:
        await view.page.open()
        kill_browser(others)
        lost = await asyncio.wait_for(view.page.lost, TIMEOUT_S)
        assert isinstance(lost, BrowserFailedError)
    assert lost.placeholders["detail"]


async def test_browser_killed_while_opening(mortal_browser: LocalBrowser, frontend: Frontend) -> None:
    """A browser that is killed while the page is not ready ends the wait."""
    others = set(processes())
    async with viewing(mortal_browser, frontend, SIGN_IN) as view:
        opening = asyncio.create_task(view.page.open())
        await wait_for_state(view, "the dashboard")
        kill_browser(others)
        with pytest.raises(BrowserFailedError):
            await asyncio.wait_for(opening, 5)


def kill_browser(others: set[psutil.Process]) -> None:
    """Kill all processes of a Chromium that was started after the others."""
    for process in alive({*processes("chrom"), *processes("headless")} - others):
        process.kill()


async def test_tab_crashed(browser: LocalBrowser, frontend: Frontend) -> None:
    """A tab that crashes loses the page, with the reason."""
    async with viewing(browser, frontend) as view:
        await view.page.open()
        crashing = asyncio.create_task(view.tab.session.send("Page.crash"))
        lost = await asyncio.wait_for(view.page.lost, TIMEOUT_S)
        crashing.cancel()
        await asyncio.gather(crashing, return_exceptions=True)
    assert isinstance(lost, BrowserFailedError)
    assert lost.placeholders == {"detail": "the tab crashed"}


@pytest.mark.parametrize("zoom", [1.0, 2.0, 0.5, 1.5])
async def test_zoom(browser: LocalBrowser, frontend: Frontend, zoom: float) -> None:
    """Zoom makes everything larger in a picture of the same size."""
    scene = SIGN_IN + "const content = draw(); content.style.width = '100px';"
    async with viewing(browser, frontend, scene, source=Source("/", zoom=zoom)) as view:
        await view.page.open()
        edge = round(100 * zoom)
        assert size(await view.frame()) == (SMALL.width, SMALL.height)
        picture = await view.frame(has(BLUE, edge - 5))
        assert near(pixel(picture, edge + 5, 100), GREEN, 10)


@pytest.mark.parametrize("zoom", [2.0, 0.5, 1.5])
async def test_zoomed_page_fits(browser: LocalBrowser, frontend: Frontend, zoom: float) -> None:
    """A zoomed page is laid out for a smaller or larger screen: what fills half of it still fills half."""
    scene = DRAWN + "content.style.width = '50vw'; content.style.height = '50vh';"
    async with viewing(browser, frontend, scene, source=Source("/", zoom=zoom)) as view:
        await view.page.open()
        picture = await view.frame()
        middle = (SMALL.width // 2, SMALL.height // 2)
        assert near(pixel(picture, middle[0] - 5, middle[1] - 5), BLUE, 10)
        assert near(pixel(picture, middle[0] + 5, middle[1] - 5), GREEN, 10)
        assert near(pixel(picture, middle[0] - 5, middle[1] + 5), GREEN, 10)
        assert await view.evaluate("innerWidth") == pytest.approx(SMALL.width / zoom, abs=1)


@pytest.mark.parametrize("zoom", [1.0, 2.0])
async def test_pixel_shift(
    browser: LocalBrowser, frontend: Frontend, monkeypatch: pytest.MonkeyPatch, zoom: float
) -> None:
    """The picture moves round, never shows what lies beyond the page, and ends where it began."""
    monkeypatch.setattr(module, "_SHIFT_INTERVAL_S", 0.2)
    monkeypatch.setattr(module, "_SHIFTS", ((4, 0), (4, 4), (0, 0)))
    edge = f"calc(100% - {8 / zoom}px)"
    scene = DRAWN + f"content.style = 'background: blue; height: 100vh; width: {edge};';"
    async with viewing(browser, frontend, scene, source=Source("/", zoom=zoom, pixel_shift=True)) as view:
        await view.page.open()
        # Green begins eight pixels before the page's own edge, which lies four beyond the picture's.
        for last_blue in (SMALL.width - 5, SMALL.width - 9, SMALL.width - 5):
            picture = await view.frame(
                lambda picture, x=last_blue: has(BLUE, x - 1)(picture) and has(GREEN, x + 3)(picture)  # type: ignore[misc]
            )
            assert size(picture) == (SMALL.width, SMALL.height)
            corner = pixel(picture, SMALL.width - 1, SMALL.height - 1)
            assert near(corner, GREEN, 10)


@dataclass
class Look:
    """How a source should look, and what the frontend and the browser are to be told."""

    source: Source
    theme: dict[str, object] | None = None
    language: str | None = None
    scheme: str | None = None


LOOKS = {
    "as it is": Look(Source("/")),
    "theme": Look(Source("/", theme='N"o \\'), theme={"theme": 'N"o \\'}),
    "dark": Look(
        Source("/", dark=True, language="de"),
        theme={"theme": "default", "dark": True},
        language="de",
        scheme="dark",
    ),
    "light": Look(
        Source("/", theme="noir", dark=False), theme={"theme": "noir", "dark": False}, scheme="light"
    ),
}


@pytest.mark.parametrize("name", LOOKS)
async def test_looks(browser: LocalBrowser, frontend: Frontend, name: str) -> None:
    """Theme, dark mode and language are there before the frontend looks for them."""
    look = LOOKS[name]
    scene = "window.early = { ...localStorage };" + DRAWN
    async with viewing(browser, frontend, scene, source=look.source) as view:
        await view.page.open()
        stored = {name: json.loads(text) for name, text in (await view.evaluate("early")).items()}
        assert (stored.get("selectedTheme"), stored.get("selectedLanguage")) == (look.theme, look.language)
        assert (stored["dockedSidebar"], stored["suspendWhenHidden"]) == ("always_hidden", False)
        if look.scheme:
            assert await view.evaluate(f"matchMedia('(prefers-color-scheme: {look.scheme})').matches")


@pytest.mark.parametrize("kiosk", [True, False])
async def test_kiosk(browser: LocalBrowser, frontend: Frontend, *, kiosk: bool) -> None:
    """A kiosk has no toolbar in any picture; the frontend is told to hide the rest."""
    listening = "addEventListener('hass-kiosk-mode', (event) => { window.told = event.detail.enable; });"
    async with viewing(browser, frontend, listening + DRAWN, source=Source("/", kiosk=kiosk)) as view:
        await view.page.open()
        await view.frame(has(BLUE))
        colours = {near(pixel(frame.jpeg, 10, 10), RED, 10) for frame in view.frames}
        assert colours == {not kiosk}
        assert await view.evaluate("window.told ?? false") == kiosk


@pytest.mark.parametrize("rate", [5, 15])
@pytest.mark.alone
async def test_frame_rate_cap(browser: LocalBrowser, frontend: Frontend, rate: int) -> None:
    """A page that always moves gives as many frames as wanted, evenly, and not more."""
    profile = Profile(width=320, height=180, frame_rate=rate)
    async with viewing(browser, frontend, DRAWN + MOVING, profile=profile) as view:
        await view.page.open()
        await until(lambda: len(view.frames) >= 4)
        first, before = len(view.frames), time.monotonic()
        await until(lambda: len(view.frames) >= first + 2 * rate)
        measured = (len(view.frames) - first) / (time.monotonic() - before)
        # A busy machine makes frames late now and then, but never more of them.
        assert 0.7 * rate < measured < 1.1 * rate
        gaps = [after.time - one.time for one, after in pairwise(view.frames[first:])]
        assert median(gaps) == pytest.approx(1 / rate, rel=0.2)


@pytest.mark.alone
async def test_change_of_a_still_page(browser: LocalBrowser, frontend: Frontend) -> None:
    """A page that was still shows a change sooner than it is looked at, also one deep inside."""
    async with viewing(browser, frontend) as view:
        await view.page.open()
        delays = []
        for colour, name in ((WHITE, "white"), (RED, "red"), (GREEN, "lime")):
            await view.frame()
            # Until it is taken for a still one.
            await asyncio.sleep(0.5)
            begun = time.monotonic()
            await view.evaluate(f"{FIND_CONTENT}.style.background = '{name}'")
            await view.frame(has(colour))
            delays.append(time.monotonic() - begun)
        assert median(delays) < 0.5 / SMALL.frame_rate


async def test_change_that_is_not_told(browser: LocalBrowser, frontend: Frontend) -> None:
    """What changes within a frame of the page is seen as well."""
    inner = (
        "<body style='background: white'>"
        r"<script>setTimeout(() => { document.body.style.background = 'red'; }, 2000)<\/script>"
    )
    embed = DRAWN + f"const frame = add(content, 'iframe', false); frame.srcdoc = `{inner}`;"
    async with viewing(browser, frontend, embed) as view:
        await view.page.open()
        await view.frame(has(WHITE, 50, 50))
        await view.frame(has(RED, 50, 50))


@pytest.mark.alone
async def test_draws_several_at_once(browser: LocalBrowser, frontend: Frontend) -> None:
    """Pages that move side by side do not disturb each other, also when some come and go."""
    async with AsyncExitStack() as stack:
        scene = DRAWN + MOVING
        views = [await stack.enter_async_context(viewing(browser, frontend, scene)) for _ in range(3)]
        await asyncio.gather(*(view.page.open() for view in views))
        for _ in range(3):
            async with viewing(browser, frontend, scene) as passing:
                await passing.page.open()
                await passing.frame()
        before = [len(view.frames) for view in views]
        await asyncio.sleep(1)
        rates = [len(view.frames) - count for view, count in zip(views, before, strict=True)]
        assert min(rates) >= 0.5 * SMALL.frame_rate
        assert not any(view.page.lost.done() for view in views)


@pytest.mark.alone
async def test_last_frame_of_a_change(browser: LocalBrowser, frontend: Frontend) -> None:
    """However fast a page changes, what it stops at is seen, within a frame interval or two."""
    profile = Profile(width=320, height=180, frame_rate=5)
    async with viewing(browser, frontend, DRAWN + MOVING, profile=profile) as view:
        await view.page.open()
        for colour, name in ((WHITE, "white"), (RED, "red"), (GREEN, "lime")):
            stop = f"(cancelAnimationFrame(moves), {FIND_CONTENT}.style.background = '{name}')"
            await view.evaluate(stop)
            await asyncio.wait_for(view.frame(has(colour)), 1)


@pytest_asyncio.fixture(loop_scope="module")
async def free_browser(browser: LocalBrowser, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalBrowser]:
    """Return a browser whose pages draw when they like, as those of a whole Chromium do."""
    monkeypatch.setattr(chromium, "_HEADLESS_SHELL", re.compile("(?!)"))
    with own_threads():
        local = LocalBrowser()
        yield local
        await local.stop()


@pytest.mark.alone
async def test_drawing_freely(free_browser: LocalBrowser, frontend: Frontend) -> None:
    """Where frames cannot be controlled, the rate is capped all the same and the last change is seen."""
    profile = Profile(width=320, height=180, frame_rate=5)
    async with viewing(free_browser, frontend, DRAWN + MOVING, profile=profile) as view:
        await view.page.open()
        assert not view.tab.frame_control
        await until(lambda: len(view.frames) >= 4)
        first, before = len(view.frames), time.monotonic()
        await until(lambda: len(view.frames) >= first + 10)
        assert 3.5 < (len(view.frames) - first) / (time.monotonic() - before) < 5.5
        await view.evaluate(f"(cancelAnimationFrame(moves), {FIND_CONTENT}.style.background = 'red')")
        await asyncio.wait_for(view.frame(has(RED)), 1)


async def test_closing_leaves_nothing(browser: LocalBrowser, frontend: Frontend) -> None:
    """A closed page has no tab, no tasks, gives no frames and can be closed again."""
    async with viewing(browser, frontend, DRAWN + MOVING) as view:
        await view.page.open()
        await view.frame()
        assert len(await tabs_of(browser)) == 2
        await view.page.close()
        assert not page_tasks()
        assert len(await tabs_of(browser)) == 1
        assert not view.page.lost.done()


def page_tasks() -> list[str]:
    """Return the names of what still goes on for pages."""
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("page ")]


def fake(tab: FakeTab, frames: list[Frame], rate: int = 10) -> Page:
    """Return a page in a tab without a browser."""
    profile = Profile(width=320, height=180, frame_rate=rate)
    return Page(
        tab, SOURCE, profile, homes=Homes("http://home"), credentials=credentials, on_frame=frames.append
    )


async def test_frames_that_come_while_closing() -> None:
    """A frame that comes while the tab is being closed starts nothing that outlives the page."""
    tab, frames = FakeTab(), list[Frame]()
    page = fake(tab, frames, rate=1)
    await page.open()
    tab.closing = lambda: tab.fake.emit("Page.screencastFrame", frame_event())
    await page.close()
    assert not page_tasks()


@pytest.mark.parametrize(("age", "expected"), [(0.0, 0.0), (0.5, 0.5), (-3.0, 0.0), (3_600.0, 0.0)])
@pytest.mark.alone
async def test_times_of_a_wrong_clock(age: float, expected: float) -> None:
    """A time that cannot be right, ahead of us or long ago, is not believed."""
    tab, frames = FakeTab(), list[Frame]()
    page = fake(tab, frames)
    await page.open()
    now = time.monotonic()
    tab.fake.emit("Page.screencastFrame", frame_event(age))
    assert frames[0].jpeg == b"jpeg"
    assert frames[0].time == pytest.approx(now - expected, abs=0.1)
    await page.close()


async def test_no_frames_of_a_lost_page() -> None:
    """What a page shows that is lost, as it went where it may not be, is seen by nobody."""
    tab, frames = FakeTab(), list[Frame]()
    page = fake(tab, frames)
    await page.open()
    tab.lost("gone astray")
    tab.fake.emit("Page.screencastFrame", frame_event())
    assert not frames
    await page.close()


@pytest.mark.alone
async def test_frames_without_a_time() -> None:
    """A frame whose time the browser does not tell is of now."""
    tab, frames = FakeTab(), list[Frame]()
    page = fake(tab, frames)
    await page.open()
    event = frame_event()
    event["metadata"] = {}
    tab.fake.emit("Page.screencastFrame", event)
    assert frames[0].time == pytest.approx(time.monotonic(), abs=0.1)
    await page.close()


@pytest.mark.alone
async def test_frames_after_a_pause_are_acknowledged_at_once() -> None:
    """A page that was still need not wait for its turn."""
    tab = FakeTab()
    page = fake(tab, [], rate=1)
    await page.open()
    tab.fake.emit("Page.screencastFrame", frame_event())
    await until(lambda: ("Page.screencastFrameAck", {"sessionId": 1}) in tab.fake.sent, 0.5)
    await page.close()


@pytest.mark.alone
async def test_frames_that_come_together_are_acknowledged_in_turn() -> None:
    """Frames that come at once are acknowledged one frame interval apart."""
    tab, acknowledged = FakeTab(), list[float]()
    page = fake(tab, [], rate=5)
    await page.open()
    start = time.monotonic()
    for _ in range(3):
        tab.fake.emit("Page.screencastFrame", frame_event())
    for count in (1, 2, 3):
        await until(lambda wanted=count: acknowledgements(tab) >= wanted)  # type: ignore[misc]
        acknowledged.append(time.monotonic() - start)
    assert acknowledged == pytest.approx([0.0, 0.2, 0.4], abs=0.1)
    await page.close()


def acknowledgements(tab: FakeTab) -> int:
    """Return how many frames were acknowledged."""
    return [method for method, _ in tab.fake.sent].count("Page.screencastFrameAck")


async def test_only_the_first_reason_counts() -> None:
    """What a page was lost for first stays."""
    tab = FakeTab()
    page = fake(tab, [])
    tab.lost("first")
    tab.lost("second")
    assert (await page.lost).placeholders == {"detail": "first"}
    with pytest.raises(BrowserFailedError):
        await page.open()


async def test_other_bindings_are_not_ours() -> None:
    """What a page calls by another name is no wish for a token."""
    tab = FakeTab()
    page = fake(tab, [])
    await page.open()
    before = page_tasks()
    tab.fake.emit("Runtime.bindingCalled", {"name": "other", "payload": "{}"})
    assert page_tasks() == before
    await page.close()


async def test_no_dark_no_media_feature() -> None:
    """Where nobody wants dark or light, the browser keeps its own."""
    tab = FakeTab()
    page = fake(tab, [])
    await page.open()
    (told,) = [data for method, data in tab.fake.sent if method == "Emulation.setEmulatedMedia"]
    assert [feature["name"] for feature in told["features"]] == ["prefers-reduced-motion"]
    await page.close()


async def test_script_is_whole() -> None:
    """Nothing of the template is left."""
    assert "__SETTINGS__" not in script(SOURCE, "http://home", tells=True)


async def test_page_that_stops_answering(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that hangs says nothing, and is found out by asking it."""
    monkeypatch.setattr(module, "_LOOK_INTERVAL_S", 0.01)
    monkeypatch.setattr(module, "_ANSWER_TIMEOUT_S", 0.01)
    tab = FakeTab()
    page = fake(tab, [])
    await page.open()
    tab.fake.send = lambda *_arguments, **_parameters: asyncio.Event().wait()  # type: ignore[assignment]
    error = await asyncio.wait_for(page.lost, TIMEOUT_S)
    assert isinstance(error, BrowserFailedError)
    await page.close()


async def test_everything_is_found_within_ten_seconds() -> None:
    """From one look to the next, and as long as an answer is waited for, less than ten seconds pass."""
    assert module._LOOK_INTERVAL_S + module._ANSWER_TIMEOUT_S < 10


# A dashboard whose connection says what the real one does, and which is red while it is gone.
CONNECTED = (
    SIGN_IN
    + """
  const content = draw();
  const connection = new EventTarget();
  connection.haVersion = "1";
  home.hass.connection = connection;
  window.change = (connected, version, colour) => {
    home.hass.connected = connected;
    connection.haVersion = version;
    content.style.background = colour;
    connection.dispatchEvent(new Event(connected ? "ready" : "disconnected"));
  };
"""
)


@pytest.mark.alone
async def test_lost_connection(browser: LocalBrowser, frontend: Frontend) -> None:
    """While the connection is lost nothing of the page is seen; when it is back, what it shows then."""
    async with viewing(browser, frontend, CONNECTED) as view:
        await view.page.open()
        await view.frame(has(BLUE))
        await view.trouble(None)
        begun = time.monotonic()
        await view.evaluate("change(false, '1', 'blue')")
        await view.trouble(Trouble.DISCONNECTED)
        # It tells by itself.
        assert time.monotonic() - begun < module._LOOK_INTERVAL_S / 2
        count = len(view.frames)
        await view.evaluate("change(false, '1', 'red')")
        # Looked at several times while it is red.
        looks = len(view.verdicts)
        await until(lambda: len(view.verdicts) >= looks + 2)
        assert len(view.frames) == count
        await view.evaluate("change(true, '1', 'white')")
        await view.frame(has(WHITE))
        assert not any(near(pixel(frame.jpeg, 10, 100), RED, 10) for frame in view.frames)
        assert not view.page.lost.done()


async def test_still_page_that_gets_well(browser: LocalBrowser, frontend: Frontend) -> None:
    """A page that looks as before when it is well again gives a picture all the same: a note may be on it."""
    async with viewing(browser, frontend, CONNECTED) as view:
        await view.page.open()
        await view.trouble(None)
        await view.evaluate("change(false, '1', 'blue')")
        await view.trouble(Trouble.DISCONNECTED)
        count = len(view.frames)
        await view.evaluate("change(true, '1', 'blue')")
        await until(lambda: len(view.frames) > count)
        assert near(pixel(view.frames[-1].jpeg, 10, 100), BLUE, 10)


async def test_update(browser: LocalBrowser, frontend: Frontend) -> None:
    """A page of another version than Home Assistant's is to be renewed, and shown until then."""
    async with viewing(browser, frontend, CONNECTED) as view:
        await view.page.open()
        await view.trouble(None)
        await view.evaluate("change(true, '2', 'white')")
        assert (await view.trouble(Trouble.OUTDATED)).remedy is Remedy.RENEW
        await view.frame(has(WHITE))


async def test_nothing_is_seen_of_a_reload(browser: LocalBrowser, frontend: Frontend) -> None:
    """Between two documents there are no pictures, and the next is of a dashboard that is drawn."""
    later = """
      document.body.style.background = "red";
      if (sessionStorage.seen) await released();
      await enter(await signIn());
      const content = draw();
      if (sessionStorage.seen) content.style.background = "white";
    """
    async with viewing(browser, frontend, later) as view:
        await view.page.open()
        await view.frame(has(BLUE))
        await view.evaluate("(sessionStorage.seen = 1, setTimeout(() => location.reload(), 0))")
        await view.trouble(Trouble.SIGNED_OUT)
        looks = len(view.verdicts)
        await until(lambda: len(view.verdicts) >= looks + 2)
        frontend.release.set()
        await view.frame(has(WHITE))
        assert not any(near(pixel(frame.jpeg, 10, 100), RED, 10) for frame in view.frames)


LEAVES = {
    "login page": ("document.body.append(document.createElement('ha-authorize'))", Trouble.ERROR),
    "error screen": ("panels.replaceChildren(document.createElement('hass-error-screen'))", Trouble.ERROR),
    "loading": ("panels.replaceChildren(document.createElement('ha-init-page'))", Trouble.UNDRAWN),
    "no panel": ("panels.replaceChildren()", Trouble.UNDRAWN),
    "empty view": ("content.parentNode.parentNode.replaceChildren()", Trouble.UNDRAWN),
    "hidden view": ("content.parentNode.parentNode.style.display = 'none'", Trouble.UNDRAWN),
    "signed out": ("home.hass.user = null", Trouble.SIGNED_OUT),
    "empty document": ("document.body.replaceChildren()", Trouble.SIGNED_OUT),
    "other document": ("location.href = 'about:blank'", Trouble.AWAY),
}
SEEN = (
    SIGN_IN
    + """
  const panels = resolver(), content = add(card(view(root(panels))), "div", false);
  content.style = "height: 1000px; background: rgb(0, 0, 255)";
  Object.assign(window, { home, panels, content });
"""
)


@pytest.fixture
def soon_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often at pages, and lose patience soon."""
    monkeypatch.setattr(module, "_LOOK_INTERVAL_S", 0.05)
    monkeypatch.setattr(module, "_UNWELL_INTERVAL_S", 0.05)
    monkeypatch.setattr(health, "_PATIENCE_S", dict.fromkeys(Trouble, 0.3))


@pytest.mark.parametrize("name", LEAVES)
async def test_page_that_leaves(
    browser: LocalBrowser, frontend: Frontend, soon_lost: None, name: str
) -> None:
    """A page that does not show the dashboard any more is given up after a while."""
    script, trouble = LEAVES[name]
    async with viewing(browser, frontend, SEEN) as view:
        await view.page.open()
        await view.frame(has(BLUE))
        await view.evaluate(f"(setTimeout(() => {{ {script}; }}, 0), 1)")
        lost = await asyncio.wait_for(view.page.lost, TIMEOUT_S)
        assert lost.placeholders == {"detail": str(trouble)}
        assert not view.verdicts[-1].presentable


COVERED = (
    SEEN
    + """
  const cover = add(document.body, "div", false);
  window.hide = (now) => {
    cover.style = `position: fixed; inset: 0; background: white; display: ${now ? "block" : "none"}`;
  };
  hide(false);
"""
)


async def test_blank_picture(browser: LocalBrowser, frontend: Frontend, soon_lost: None) -> None:
    """A page that is blank though a card is there is lost, unseen; if the next is so too, it is shown."""
    doubt = Doubt()
    async with viewing(browser, frontend, COVERED, doubt=doubt) as view:
        await view.page.open()
        await view.frame(has(BLUE))
        await view.evaluate("hide(true)")
        lost = await asyncio.wait_for(view.page.lost, TIMEOUT_S)
        assert lost.placeholders == {"detail": str(Trouble.BLANK)}
        assert not any(near(pixel(frame.jpeg, 10, 100), WHITE, 10) for frame in view.frames)
    async with viewing(browser, frontend, COVERED + "hide(true);", doubt=doubt) as view:
        await view.page.open()
        await view.trouble(Trouble.BLANK)
        assert not view.frames
        await view.frame(has(WHITE))
        await view.trouble(None)
        await view.evaluate("hide(false)")
        await view.frame(has(BLUE))
        await view.evaluate("hide(true)")
        await view.frame(has(WHITE))
        assert not view.page.lost.done()


async def test_picture_that_is_blank_for_a_while(
    browser: LocalBrowser, frontend: Frontend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that shows something again goes on, and nothing was seen of it."""
    monkeypatch.setattr(module, "_LOOK_INTERVAL_S", 0.05)
    async with viewing(browser, frontend, COVERED) as view:
        await view.page.open()
        await view.frame(has(BLUE))
        await view.evaluate("hide(true)")
        assert (await view.trouble(Trouble.BLANK)).remedy is Remedy.WAIT
        count = len(view.frames)
        await view.evaluate("hide(false)")
        await view.trouble(None)
        await until(lambda: len(view.frames) > count)
        assert all(near(pixel(frame.jpeg, 10, 100), BLUE, 10) for frame in view.frames)


@pytest.mark.parametrize(
    "change", ["content.parentNode.remove()", "content.parentNode.style.display = 'none'"]
)
async def test_nothing_to_see(
    browser: LocalBrowser, frontend: Frontend, soon_lost: None, change: str
) -> None:
    """A view without cards that are shown is shown as blank as it is."""
    async with viewing(browser, frontend, COVERED) as view:
        await view.page.open()
        await view.frame(has(BLUE))
        # The view itself is there all the time.
        await view.evaluate(
            "content.parentNode.before(document.createElement('hui-sections-view')) ?? "
            f"({change}, hide(true), 1)"
        )
        await view.frame(has(WHITE))
        looks = len(view.verdicts)
        await until(lambda: len(view.verdicts) >= looks + 10)
        assert view.verdicts[-1].trouble is None
        assert not view.page.lost.done()


async def test_error_page_of_the_browser(browser: LocalBrowser, frontend: Frontend) -> None:
    """An address that does not answer loses the page at once, and nothing of the error page is seen."""
    async with Frontend() as gone:
        pass
    async with viewing(browser, frontend) as view:
        await view.page.open()
        await view.frame(has(BLUE))
        await view.evaluate(f"(setTimeout(() => {{ location.href = '{gone.url}/'; }}, 0), 1)")
        lost = await asyncio.wait_for(view.page.lost, 2)
        assert isinstance(lost, PageFailedError)
        assert " answer" in lost.placeholders["detail"]
        assert all(near(pixel(frame.jpeg, 10, 100), BLUE, 10) for frame in view.frames)


async def test_other_document_in_a_frame(browser: LocalBrowser, frontend: Frontend) -> None:
    """That a card loads another document says nothing of the page: it is seen at once."""
    embed = DRAWN + "const frame = add(content, 'iframe', false); frame.srcdoc = 'One';"
    async with viewing(browser, frontend, embed) as view:
        navigated = asyncio.Event()
        view.tab.session.on("Page.frameNavigated", lambda _: navigated.set())
        await view.page.open()
        await view.trouble(None)
        navigated.clear()
        await view.evaluate(f"({FIND_CONTENT}.querySelector('iframe').srcdoc = 'Two', 1)")
        await asyncio.wait_for(navigated.wait(), TIMEOUT_S)
        assert view.page._presentable


async def test_busy_page(browser: LocalBrowser, frontend: Frontend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page whose script never ends is found out, and its tab can be closed for others to be drawn."""
    monkeypatch.setattr(module, "_LOOK_INTERVAL_S", 0.05)
    monkeypatch.setattr(module, "_ANSWER_TIMEOUT_S", 0.5)
    async with viewing(browser, frontend) as other, viewing(browser, frontend) as view:
        await other.page.open()
        await view.page.open()
        await view.evaluate("(setTimeout(() => { while (true); }, 0), 1)")
        lost = await asyncio.wait_for(view.page.lost, 5)
        assert isinstance(lost, BrowserFailedError)
        await asyncio.wait_for(view.page.close(), 5)
        await other.evaluate(f"{FIND_CONTENT}.style.background = 'white'")
        await asyncio.wait_for(other.frame(has(WHITE)), 5)


async def test_page_that_takes_more_and_more(
    browser: LocalBrowser, frontend: Frontend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory that grows, of scripts or their buffers, wears a page out."""
    monkeypatch.setattr(module, "_LOOK_INTERVAL_S", 0.05)
    monkeypatch.setattr(module, "_WEIGH_INTERVAL_S", 0.1)
    async with viewing(browser, frontend) as view:
        await view.page.open()
        await until(lambda: view.page._health._usual_memory)
        assert 1_000_000 < view.page._health._usual_memory < 100_000_000
        await view.evaluate("(window.kept = Array.from({ length: 4e6 }, (_, index) => ({ index })), 1)")
        await view.evaluate("(window.more = new Uint8Array(1e8).fill(1), 1)")
        assert (await view.trouble(Trouble.BLOATED)).presentable
        assert (view.page.memory or 0) > 150_000_000


async def test_age(browser: LocalBrowser, frontend: Frontend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is to be renewed when it has been open for long; not all pages at once."""
    ends = {Page(FakeTab(), SOURCE, SMALL, **NOBODY)._health._worn_at for _ in range(20)}
    assert max(ends) - min(ends) > module._LIFETIME_S / 10
    monkeypatch.setattr(module, "_LIFETIME_S", 0.0)
    async with viewing(browser, frontend) as view:
        await view.page.open()
        assert (await view.trouble(Trouble.OLD)).remedy is Remedy.RENEW


NOBODY: Any = {"homes": Homes("http://home"), "credentials": credentials, "on_frame": lambda _frame: None}
