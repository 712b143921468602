"""Tests of how pages are seen, with a real browser: light and dark, letters, motion, and long views."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import pytest_socket

from custom_components.dashboard_cast.engine import overflow, visit
from custom_components.dashboard_cast.engine.browser import LocalBrowser
from custom_components.dashboard_cast.models import Overflow, Source, Website

from .frontend import DRAWN, Frontend
from .helpers import SMALL, near, pixel, size, until
from .site import Site
from .viewing import Viewing, own_threads, viewing

pytestmark = pytest.mark.asyncio(loop_scope="module")

RED, DARK = (255, 0, 0), (17, 17, 17)
POLL_S = 0.02


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[LocalBrowser]:
    """Return one browser for all tests."""
    pytest_socket.enable_socket()
    local = LocalBrowser()
    with own_threads():
        await local.open_tab()
    yield local
    with own_threads():
        await local.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def frontend(loopback: None) -> AsyncIterator[Frontend]:
    """Return a server that plays Home Assistant's frontend."""
    async with Frontend() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def site(loopback: None) -> AsyncIterator[Site]:
    """Return a web server with other pages."""
    async with Site() as running:
        yield running


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rest for shorter times, to lose none."""
    monkeypatch.setattr(visit, "_SCRIPT", visit._SCRIPT.replace("STILL_MS = 1000", "STILL_MS = 100"))
    monkeypatch.setattr(overflow, "_SCRIPT", overflow._SCRIPT.replace("GLIDE_MS = 1200", "GLIDE_MS = 100"))
    for name in ("_REST_S", "_END_REST_S", "_LOOK_S"):
        monkeypatch.setattr(overflow, name, 0.5)


async def becomes(view: Viewing, expression: str, expected: object) -> None:
    """Wait until an expression is something in the page; raises TimeoutError."""
    async with asyncio.timeout(10):
        while await view.evaluate(expression) != expected:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)


SCHEME = "matchMedia('(prefers-color-scheme: dark)').matches"


async def test_follows_the_sun(browser: LocalBrowser, frontend: Frontend) -> None:
    """A page that follows the sun is light or dark from the start, and changes while it is shown."""
    down = True
    scene = "window.stored = localStorage.selectedTheme;" + DRAWN
    source = Source(dark="auto", theme="noir")
    async with viewing(browser, frontend, scene, source=source, night=lambda: down) as view:
        await view.page.open()
        assert await view.evaluate(SCHEME)
        assert await view.evaluate("stored") == '{"theme":"noir"}'
        change = "matchMedia('(prefers-color-scheme: dark)').addEventListener('change', resolve)"
        await view.evaluate(f"void (window.changed = new Promise((resolve) => {change}))")
        down = False
        await view.page.follow_sun()
        assert not await view.evaluate("window.changed.then((event) => event.matches)")


@pytest.mark.parametrize("dark", [True, False])
async def test_does_not_follow_the_sun(browser: LocalBrowser, frontend: Frontend, *, dark: bool) -> None:
    """Who wants dark or light gets it at any time of the day."""
    async with viewing(browser, frontend, source=Source(dark=dark), night=lambda: not dark) as view:
        await view.page.open()
        await view.page.follow_sun()
        assert await view.evaluate(SCHEME) is dark


async def test_nothing_white_behind_a_dark_page(browser: LocalBrowser, frontend: Frontend) -> None:
    """Where a dark dashboard has no colour of its own, as while it loads itself anew, it is dark."""
    bare = "document.body.style.background = 'none';" + DRAWN + "content.style.height = '50px';"
    async with viewing(browser, frontend, bare, source=Source(dark=True)) as view:
        await view.page.open()
        assert near(pixel(await view.frame(), 10, 150), DARK, 4)
        seen = len(view.frames)
        await view.evaluate("setTimeout(() => location.reload(), 0)")
        await until(lambda: len(view.frames) > seen)
        assert not [frame for frame in view.frames if min(pixel(frame.jpeg, 10, 150)) > 100]


async def test_background_of_before(browser: LocalBrowser, frontend: Frontend) -> None:
    """A frontend that loads itself anew has the colour of before, until it has its own."""
    scene = (
        """window.begun = getComputedStyle(document.documentElement).backgroundColor;
      document.documentElement.style.backgroundColor = "rgb(1, 2, 3)";"""
        + DRAWN
    )
    async with viewing(browser, frontend, scene) as view:
        await view.page.open()
        first = await view.evaluate("begun")
        await view.evaluate("(window.old = true, setTimeout(() => location.reload(), 0))")
        await becomes(view, "!window.old && Boolean(window.begun)", expected=True)
        assert (first, await view.evaluate("begun")) == ("rgba(0, 0, 0, 0)", "rgb(1, 2, 3)")


async def test_letters(browser: LocalBrowser, frontend: Frontend, site: Site) -> None:
    """Larger letters reach what the frontend scales, and pages that leave the size to the browser."""
    scaled = "getComputedStyle(document.documentElement).getPropertyValue('--ha-font-size-scale')"
    inline = "document.documentElement.style.setProperty('--ha-font-size-scale', 1);"
    async with viewing(browser, frontend, inline + DRAWN, source=Source(font_scale=1.5)) as view:
        await view.page.open()
        assert await view.evaluate(scaled) == "1.5"
    async with viewing(
        browser, frontend, source=Source(font_scale=1.5, website=Website(site.page()))
    ) as view:
        await view.page.open()
        assert await view.evaluate("getComputedStyle(document.documentElement).fontSize") == "24px"


@pytest.mark.parametrize("reduced", [True, False])
async def test_motion(browser: LocalBrowser, frontend: Frontend, *, reduced: bool) -> None:
    """The page is asked to do without motion, or not."""
    async with viewing(browser, frontend, source=Source(reduced_motion=reduced)) as view:
        await view.page.open()
        assert await view.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches") is reduced


async def test_device_scale(browser: LocalBrowser, frontend: Frontend) -> None:
    """A finer screen is told to the page; pictures and layout keep their size."""
    async with viewing(browser, frontend, source=Source(device_scale=2, zoom=2)) as view:
        await view.page.open()
        assert size(await view.frame()) == (SMALL.width, SMALL.height)
        assert await view.evaluate("[devicePixelRatio, innerWidth]") == [2, SMALL.width // 2]


async def test_choices_of_the_user(browser: LocalBrowser, frontend: Frontend) -> None:
    """What the user has saved for theme and language is not asked for where the source has its own."""
    ask = """
      const socket = new WebSocket("ws" + location.origin.slice(4) + "/echo");
      window.heard = [];
      socket.onmessage = (event) => heard.push(JSON.parse(event.data).key);
      socket.onopen = () => {
        for (const key of ["theme", "language", "core"])
          socket.send(JSON.stringify({ type: "frontend/subscribe_user_data", key }));
        socket.send(JSON.stringify({ type: "other", key: "theme" }));
      };
    """
    for source, expected in (
        (Source(), ["theme", "language", "core", "theme"]),
        (Source(dark=True), ["dashboard_cast_theme", "language", "core", "theme"]),
        (Source(language="de"), ["theme", "dashboard_cast_language", "core", "theme"]),
    ):
        async with viewing(browser, frontend, ask + DRAWN, source=source) as view:
            await view.page.open()
            await becomes(view, "heard.length", len(expected))
            assert await view.evaluate("heard") == expected


DIALOGS = """
  const main = home.shadowRoot.querySelector("home-assistant-main");
  for (const name of ["notification-manager", "ha-more-info-dialog"]) {
    const node = add(home.shadowRoot, name);
    node.style = "display: block; position: fixed; inset: 0; background: red";
  }
  const dialog = document.createElement("dialog");
  add(home.shadowRoot, "dialog-box", false).append(dialog);
  dialog.style = "background: red; width: 100%; height: 100%";
  dialog.showModal();
"""


@pytest.mark.parametrize("kiosk", [True, False])
async def test_dialogs(browser: LocalBrowser, frontend: Frontend, *, kiosk: bool) -> None:
    """A kiosk shows neither dialogs nor notes."""
    async with viewing(browser, frontend, DRAWN + DIALOGS, source=Source(kiosk=kiosk)) as view:
        await view.page.open()
        assert near(pixel(await view.frame(), 160, 90), RED, 10) is not kiosk


def long(length: int, *, more: str = "") -> str:
    """Return the body of a page whose last stripe is red."""
    stripe = "<div id='end' style='height: 60px; background: red'></div>"
    return f"<div style='height: {length - 160}px'></div>{stripe}{more}"


def showing(browser: LocalBrowser, frontend: Frontend, url: str, **look: Any) -> Any:
    """Return a web page in a tab, not opened yet."""
    return viewing(browser, frontend, source=Source(website=Website(url), **look))


def at_the_end(picture: bytes) -> bool:
    """Return whether the end of a long page is seen at the lower edge."""
    return near(pixel(picture, 40, SMALL.height - 4), RED, 20)


async def test_fits(browser: LocalBrowser, frontend: Frontend, site: Site) -> None:
    """A long page is drawn as small as it takes to see its end, also when it grows later."""
    async with showing(browser, frontend, site.page(long(400)), overflow=Overflow.FIT) as view:
        await view.page.open()
        assert await view.evaluate("document.documentElement.scrollHeight - innerHeight") <= 1
        assert size(await view.frame()) == (SMALL.width, SMALL.height)
        await view.evaluate("void document.body.firstChild.style.setProperty('height', '200px')")
        await becomes(view, "document.documentElement.scrollHeight - innerHeight <= 1", expected=True)


async def test_fits_no_smaller(browser: LocalBrowser, frontend: Frontend, site: Site) -> None:
    """A page that would become too small to be read is cut off."""
    async with showing(browser, frontend, site.page(long(5_000)), zoom=0.5, overflow=Overflow.FIT) as view:
        await view.page.open()
        assert await view.evaluate("innerHeight") == SMALL.height / 0.25


async def test_short_pages_stay(browser: LocalBrowser, frontend: Frontend, site: Site) -> None:
    """A page that fits is drawn as it is."""
    async with showing(browser, frontend, site.page(), overflow=Overflow.FIT) as view:
        await view.page.open()
        assert await view.evaluate("innerHeight") == SMALL.height


async def test_scrolls(browser: LocalBrowser, frontend: Frontend, site: Site) -> None:
    """A long page is scrolled through in steps that leave something in sight, and from its end to its top."""
    async with showing(browser, frontend, site.page(long(400)), overflow=Overflow.SCROLL) as view:
        await view.page.open()
        for place in (0, 135, 220, 0):
            await becomes(view, "scrollY", place)


async def test_scrolls_something_within(browser: LocalBrowser, frontend: Frontend) -> None:
    """Where not the page scrolls but a part of it, deep inside, that is scrolled through."""
    panel = (
        DRAWN
        + """
      document.body.style.overflow = "hidden";
      home.style = "display: block; height: 100vh; overflow: hidden";
      content.style = "height: 100vh; overflow: auto";
      content.innerHTML = "<div style='height: 300px'></div>";
      window.content = content;
    """
    )
    async with viewing(browser, frontend, panel, source=Source(overflow=Overflow.SCROLL)) as view:
        await view.page.open()
        for place in (0, 120, 0):
            await becomes(view, "content.scrollTop", place)


async def test_clips(browser: LocalBrowser, frontend: Frontend, site: Site) -> None:
    """Without a wish a long page stands at its beginning, without a scrollbar."""
    async with showing(browser, frontend, site.page(long(400))) as view:
        await view.page.open()
        assert not at_the_end(await view.frame())
        assert await view.evaluate("[scrollY, document.documentElement.clientWidth]") == [0, SMALL.width]
