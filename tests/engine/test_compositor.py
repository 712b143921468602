"""Tests of when a page draws."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from statistics import median
import time

import pytest

from custom_components.dashboard_cast.engine import compositor as module
from custom_components.dashboard_cast.engine.compositor import Compositor
from custom_components.dashboard_cast.errors import BrowserFailedError

from .helpers import TIMEOUT_S, until
from .viewing import FakeTab

pytestmark = pytest.mark.paired
RATE = 50


@asynccontextmanager
async def running(tab: FakeTab, rate: int = RATE) -> AsyncIterator[Compositor]:
    """Return a compositor that begins frames."""
    compositor = Compositor(tab, rate)
    task = asyncio.create_task(compositor.run())
    try:
        yield compositor
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def still(tab: FakeTab) -> None:
    """Wait until the page is taken for a still one."""
    await until(lambda: len(tab.begun) == module._STILL_FRAMES)
    await asyncio.sleep(2 / RATE)


async def test_moving_page() -> None:
    """A page that moves is drawn at its rate, not faster."""
    tab = FakeTab(frame_control=True)
    tab.moves = True
    async with running(tab):
        await until(lambda: len(tab.begun) > RATE)
    assert tab.begun[RATE] - tab.begun[0] > 0.98
    # Half of the frames are on time even where other work holds some up.
    gaps = [after - before for before, after in pairwise(tab.begun)]
    assert median(gaps) == pytest.approx(1 / RATE, abs=0.01)


async def test_still_page() -> None:
    """A page that is still is looked at now and then."""
    tab = FakeTab(frame_control=True)
    async with running(tab):
        await until(lambda: len(tab.begun) >= module._STILL_FRAMES + 3)
    gaps = [after - before for before, after in pairwise(tab.begun)]
    expected = [1 / RATE] * (module._STILL_FRAMES - 1) + [1 / module._STILL_RATE] * 3
    assert all(gap > wanted - 0.01 for gap, wanted in zip(gaps, expected, strict=False))
    assert median(gaps[module._STILL_FRAMES :]) == pytest.approx(1 / module._STILL_RATE, abs=0.03)


async def test_still_page_that_is_about_to_change() -> None:
    """A still page that tells of a change is drawn at once, and at its full rate when it moves."""
    tab = FakeTab(frame_control=True)
    async with running(tab) as compositor:
        await still(tab)
        tab.moves = True
        told, before = time.monotonic(), len(tab.begun)
        compositor.wake()
        await until(lambda: len(tab.begun) >= before + 10)
    assert tab.begun[before] - told < 0.02
    assert tab.begun[before + 9] - tab.begun[before] == pytest.approx(9 / RATE, rel=0.2)


async def test_still_page_that_tells_too_often() -> None:
    """However often a page tells of changes, the rate is not exceeded."""
    tab = FakeTab(frame_control=True)
    async with running(tab) as compositor:
        await still(tab)
        before, end = len(tab.begun), time.monotonic() + 0.5
        while time.monotonic() < end:
            compositor.wake()
            await asyncio.sleep(0)
    assert len(tab.begun) - before <= 0.5 * RATE + 1


async def test_change_while_drawing() -> None:
    """What is told while a frame is under way is not forgotten."""
    tab = FakeTab(frame_control=True)
    async with running(tab) as compositor:
        await still(tab)
        tab.draws.clear()
        before = len(tab.begun)
        compositor.wake()
        await until(lambda: len(tab.begun) == before + 1)
        compositor.wake()
        tab.draws.set()
        await until(lambda: len(tab.begun) == before + 2)
    assert tab.begun[-1] - tab.begun[-2] < 1 / module._STILL_RATE / 2


async def test_slow_page() -> None:
    """A page that cannot keep up is not asked for what it missed."""
    tab = FakeTab(frame_control=True)
    tab.moves = True
    async with running(tab):
        await until(lambda: tab.begun)
        tab.draws.clear()
        await asyncio.sleep(10 / RATE)
        tab.draws.set()
        before = len(tab.begun)
        await until(lambda: len(tab.begun) >= before + 5)
    assert tab.begun[before + 4] - tab.begun[before] >= 0.8 * 4 / RATE


async def test_page_that_draws_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame that never ends is an error."""
    monkeypatch.setattr(module, "_FRAME_TIMEOUT_S", 0.05)
    tab = FakeTab(frame_control=True)
    tab.draws.clear()
    with pytest.raises(BrowserFailedError, match="does not draw any more"):
        await asyncio.wait_for(Compositor(tab, RATE).run(), TIMEOUT_S)
