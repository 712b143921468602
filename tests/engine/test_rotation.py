"""Tests of the rotation: what is shown when, and what is passed over."""

import asyncio
import logging
from typing import override

import pytest

from custom_components.dashboard_cast.engine import rotation
from custom_components.dashboard_cast.engine.cdp import Browser, Tab
from custom_components.dashboard_cast.engine.homes import Homes
from custom_components.dashboard_cast.engine.rotation import rotate
from custom_components.dashboard_cast.engine.stream import Stream
from custom_components.dashboard_cast.errors import BrowserMissingError, PageNotReadyError
from custom_components.dashboard_cast.models import Source

from .helpers import SMALL
from .viewing import credentials

SOURCE = Source("/a", views=("/b", "/c"), interval=30)


class NoBrowser(Browser):
    """A browser that nobody may ask for anything."""

    @override
    async def open_tab(self) -> Tab:
        raise BrowserMissingError

    @override
    async def stop(self) -> None:
        """Do nothing."""


class Stage(Stream):
    """A stream that only notes what it is to show."""

    def __init__(self, *broken: str, drawing: float = 0.0) -> None:
        first = SOURCE.turns[0]
        super().__init__(
            first, SMALL, browser=NoBrowser(), ffmpeg="-", homes=Homes("http://home"), credentials=credentials
        )
        self.broken = set(broken)
        self.drawing = drawing
        self.asked: list[tuple[float, str]] = []
        """What was asked for, and after how many seconds."""
        self.clock = 0.0
        self.mended_at = self.broken_at = float("inf")

    @override
    async def show(self, source: Source) -> None:
        self.asked.append((self.clock, source.path))
        self.clock += self.drawing
        if self.mended_at <= self.clock < self.broken_at:
            self.broken.clear()
        elif self.clock >= self.broken_at:
            self.broken.add("/b")
        if source.path in self.broken:
            raise PageNotReadyError(path=source.path, seconds="30", detail="-")
        self.source = source


async def play(stage: Stage, seconds: float, monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, str]]:
    """Rotate for so many seconds of the stage's clock and return what was asked for."""

    async def sleep(delay: float) -> None:
        stage.clock += delay
        if stage.clock > seconds:
            raise asyncio.CancelledError

    monkeypatch.setattr(f"{rotation.__name__}.asyncio.sleep", sleep)
    monkeypatch.setattr(f"{rotation.__name__}.time.monotonic", lambda: stage.clock)
    with pytest.raises(asyncio.CancelledError):
        await rotate(stage, SOURCE.turns, SOURCE.interval)
    return stage.asked


def test_turns() -> None:
    """Each view is a source of its own, with the look of all."""
    source = Source("/a", zoom=2.0, views=("/b",))
    assert source.turns == (Source("/a", zoom=2.0), Source("/b", zoom=2.0))
    assert Source("/a").turns == (Source("/a"),)


async def test_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Views follow each other, the first after the last."""
    asked = await play(Stage(), 125, monkeypatch)
    assert asked == [(30, "/b"), (60, "/c"), (90, "/a"), (120, "/b")]


async def test_drawn_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes long to draw is begun earlier, but each view has half of its time at least."""
    asked = await play(Stage(drawing=5), 100, monkeypatch)
    assert asked == [(30, "/b"), (60, "/c"), (90, "/a")]
    asked = await play(Stage(drawing=40), 200, monkeypatch)
    assert asked == [(30, "/b"), (85, "/c"), (140, "/a"), (195, "/b")]


async def test_passed_over(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A view that cannot be drawn is passed over at once, with one warning."""
    asked = await play(Stage("/b"), 95, monkeypatch)
    assert asked == [(30, "/b"), (30, "/c"), (60, "/a"), (90, "/b"), (90, "/c")]
    assert caplog.text.count("/b is passed over: page_not_ready") == 1


async def test_shown_again(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """When the view can be drawn again that is said once, and the next time it cannot, too."""
    caplog.set_level(logging.INFO)
    stage = Stage("/b")
    stage.mended_at, stage.broken_at = 75, 155
    await play(stage, 275, monkeypatch)
    told = [record.getMessage().partition(":")[0] for record in caplog.records if "/b" in record.getMessage()]
    assert told == ["/b is passed over", "/b is shown again", "/b is passed over"]


async def test_nothing_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no other view can be drawn, what is shown stays, and all are tried again later."""
    stage = Stage("/b", "/c")
    asked = await play(stage, 65, monkeypatch)
    assert asked == [(30, "/b"), (30, "/c"), (60, "/b"), (60, "/c")]
    assert stage.source.path == "/a"
