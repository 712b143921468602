"""Tests of messages: which are due, and how they are drawn over a page."""

from dataclasses import replace
import io
import json
from typing import Any, override

from PIL import Image
import pytest

from custom_components.dashboard_cast.engine.browser import LocalBrowser
from custom_components.dashboard_cast.engine.overlay import Overlay
from custom_components.dashboard_cast.errors import BrowserFailedError
from custom_components.dashboard_cast.models import Corner, Message, Source

from .frontend import DRAWN, Frontend
from .helpers import near, pixel, until
from .viewing import FakeSession, Viewing, viewing

BLUE, RED, WHITE, DARK = (0, 0, 255), (255, 0, 0), (255, 255, 255), (36, 39, 43)
HELLO = Message("Hello", seconds=60)
# Inside a card in the upper right corner, where nothing is written.
CARD = (309, 14)
MIDDLE = (160, 45)
ICON = "M4 4H20V20H4Z"
# Forbids the page whatever can be forbidden.
STRICT = """
  const policy = document.createElement("meta");
  policy.httpEquiv = "Content-Security-Policy";
  policy.content = "default-src 'none'; connect-src 'self'; require-trusted-types-for 'script'";
  document.head.append(policy);
"""
# Rules that a page may have for everything.
RULES = """
  const rules = document.createElement("style");
  rules.textContent = "div { display: none !important; position: static !important; opacity: 0 }";
  document.head.append(rules);
"""


class Clock:
    """A clock that a test moves, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def texts(overlay: Overlay) -> list[str]:
    """Return what is shown now."""
    return [card["text"] for card in overlay.cards()]


def test_newest_first() -> None:
    """Messages stand one above the other, the newest first, until the time of each is over."""
    clock = Clock()
    overlay = Overlay(clock)
    overlay.add(Message("a", seconds=10))
    clock.now = 4
    overlay.add(Message("b", seconds=5))
    assert [(card["text"], card["age"], card["left"]) for card in overlay.cards()] == [
        ("b", 0, 5_000),
        ("a", 4_000, 6_000),
    ]
    clock.now = 9
    assert texts(overlay) == ["a"]
    clock.now = 10
    assert texts(overlay) == []


def test_the_oldest_makes_room() -> None:
    """Of many messages the oldest goes, but none that is urgent."""
    overlay = Overlay(Clock())
    for text in "abcdefg":
        overlay.add(Message(text, urgent=text in "ad"))
    assert texts(overlay) == ["g", "f", "e", "d", "a"]
    assert len({card["number"] for card in overlay.cards()}) == 5


async def test_nothing_to_draw() -> None:
    """Without a message a page is left alone."""
    session = FakeSession()
    await Overlay().draw(session)
    assert not session.sent


async def test_page_that_is_left() -> None:
    """That a page is gone by now does not matter."""

    class Leaving(FakeSession):
        @override
        async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
            raise BrowserFailedError(detail="no such frame")

    overlay = Overlay()
    overlay.add(HELLO)
    await overlay.draw(Leaving())
    assert texts(overlay) == ["Hello"]


def shows(place: tuple[int, int], colour: tuple[int, int, int]) -> Any:
    """Return a check whether a picture has a colour at a place."""
    return lambda picture: near(pixel(picture, *place), colour, 12)


async def tell(view: Viewing, message: Message) -> None:
    """Show a message in a page."""
    view.page._overlay.add(message)
    await view.page.draw_overlay()


@pytest.mark.parametrize("scene", [DRAWN, STRICT + DRAWN, RULES + DRAWN], ids=["plain", "strict", "rules"])
async def test_card(browser: LocalBrowser, frontend: Frontend, scene: str) -> None:
    """A card comes, whatever the page forbids, and goes when its time is over."""
    async with viewing(browser, frontend, scene) as view:
        await view.page.open()
        await view.frame(shows((10, 100), BLUE) if "none !" not in scene else lambda _: True)
        before = pixel(view.frames[-1].jpeg, *CARD)
        await tell(view, replace(HELLO, seconds=1.5, title="Door", icon=ICON))
        await view.frame(shows(CARD, WHITE))
        await view.frame(shows(CARD, before))
        assert await view.evaluate("document.documentElement.lastElementChild.localName") == "body"


async def test_pages_see_nothing(browser: LocalBrowser, frontend: Frontend) -> None:
    """The page's own scripts find neither words nor functions, and nothing of a message is run."""
    evil = "<img src=x onerror='window.hacked = 1'></div><script>window.hacked = 1</script>"
    async with viewing(browser, frontend) as view:
        await view.page.open()
        await tell(view, Message(evil, title=evil, icon=f'"/>{evil}', seconds=60))
        await view.frame(shows(CARD, WHITE))
        host = "document.documentElement.lastElementChild"
        seen = await view.evaluate(
            f"[{host}.shadowRoot, {host}.textContent, document.body.innerText, window.hacked ?? null,"
            " typeof dashboardCastOverlay]"
        )
    assert seen == [None, "", "", None, "undefined"]


@pytest.mark.parametrize("corner", Corner)
async def test_corners(browser: LocalBrowser, frontend: Frontend, corner: Corner) -> None:
    """A card is in the corner that was wanted, as large at any zoom, light or dark as the page."""
    x = 309 if corner.endswith("right") else 11
    y = 14 if corner.startswith("top") else 166
    source = Source("/", zoom=2.0, dark=corner == Corner.TOP_LEFT)
    async with viewing(browser, frontend, source=source) as view:
        await view.page.open()
        await tell(view, replace(HELLO, position=corner))
        await view.frame(shows((x, y), DARK if source.dark else WHITE))
        for other in {(309, 14), (11, 14), (309, 166), (11, 166), (320 - 140, y), (140, y)} - {(x, y)}:
            assert near(pixel(view.frames[-1].jpeg, *other), BLUE, 12), other


async def test_picture_and_urgency(browser: LocalBrowser, frontend: Frontend) -> None:
    """An urgent message is in the middle, darkens the rest, and has its picture."""
    file = io.BytesIO()
    Image.new("RGB", (320, 180), RED).save(file, "PNG")
    async with viewing(browser, frontend) as view:
        await view.page.open()
        await tell(view, Message("Door", image=file.getvalue(), urgent=True, seconds=60))
        picture = await view.frame(shows(MIDDLE, RED))
        assert near(pixel(picture, 5, 5), (0, 0, 102), 12)


async def test_broken_picture(browser: LocalBrowser, frontend: Frontend) -> None:
    """Messages that can be drawn are drawn beside one that cannot."""
    async with viewing(browser, frontend) as view:
        await view.page.open()
        view.page._overlay.add(replace(HELLO, image=b"no picture", position=Corner.TOP_LEFT))
        await tell(view, HELLO)
        await view.frame(shows(CARD, WHITE))


async def test_next_page(browser: LocalBrowser, frontend: Frontend) -> None:
    """A page that takes the place of another, or is loaded anew, has the message in its first picture."""
    async with viewing(browser, frontend) as view:
        view.page._overlay.add(HELLO)
        await view.page.open()
        assert shows(CARD, WHITE)(await view.frame())
        told = len(frontend.told)
        await view.evaluate("setTimeout(() => location.reload())")
        await until(lambda: len(frontend.told) > told)
        view.frames.clear()
        await view.frame(shows(CARD, WHITE))


async def test_cards_are_not_drawn_twice(browser: LocalBrowser, frontend: Frontend) -> None:
    """Drawing again adds what is new and takes away what had to make room."""
    async with viewing(browser, frontend) as view:
        await view.page.open()
        session = view.tab.session
        for number in range(5):
            await tell(view, replace(HELLO, text=str(number)))
        tree = await session.send("DOM.getDocument", depth=-1, pierce=True)
        assert json.dumps(tree).count('"card') == 3
