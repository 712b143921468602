"""Tests of the pacer, in a time that runs only when everybody waits."""

import asyncio
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.dashboard_cast.engine.pacer import (
    ECHO_INTERVALS,
    KEEP_ALIVE_US,
    LEAD_US,
    PacedFrame,
    Pacer,
)
from custom_components.dashboard_cast.models import MICROSECONDS, Frame

from .helpers import near

START_S = 1_000.0
STILL_S = 3.0
# A time in floating-point seconds, counted in microseconds, is off by this much at most.
ROUNDING_US = 1


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next thing to do."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START_S

    def time(self) -> float:
        """Return the time, in seconds."""
        return self.now

    def _run_once(self) -> None:
        if not self._ready:  # type: ignore[attr-defined]
            times = [handle.when() for handle in self._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
            self.now = max(self.now, min(times, default=self.now))
        super()._run_once()  # type: ignore[misc]


def play[**P, R](scene: Callable[P, Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a scene in virtual time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(scene(*args, **kwargs))
    finally:
        loop.close()


type Offer = tuple[float, float]
"""Seconds after the offer before, and seconds that the picture is old by then."""


class Scene:
    """Pictures offered to a pacer, and what it made of them."""

    def __init__(self, rate: int, *, slow: float = 0.0) -> None:
        loop = asyncio.get_running_loop()
        self.pacer = Pacer(rate, loop.time)
        self.sent: list[PacedFrame] = []
        self.late_us: list[int] = []
        """How long after its time each picture was sent."""
        self.drawn: dict[bytes, int] = {}
        """When each picture was drawn, in microseconds since the stream's start."""
        self._loop = loop
        self._slow = slow

    async def run(self, offers: list[Offer]) -> Scene:
        """Offer pictures, then stand still for a while."""
        reader = asyncio.create_task(self._read())
        for number, (pause, age) in enumerate(offers):
            await asyncio.sleep(pause)
            frame = Frame(b"%d" % number, self._loop.time() - age)
            self.pacer.offer(frame)
            self.drawn[frame.jpeg] = round((frame.time - self.pacer.started) * MICROSECONDS)
        await asyncio.sleep(STILL_S)
        reader.cancel()
        await asyncio.wait([reader])
        return self

    async def _read(self) -> None:
        async for frame in self.pacer.frames():
            self.sent.append(frame)
            now_us = (self._loop.time() - self.pacer.started) * MICROSECONDS
            self.late_us.append(round(now_us - frame.time_us))
            if self._slow:
                await asyncio.sleep(self._slow)

    @property
    def times(self) -> list[int]:
        """The times of the pictures that were sent."""
        return [frame.time_us for frame in self.sent]


async def scene(rate: int, offers: list[Offer], *, slow: float = 0.0) -> Scene:
    """Return what became of offers."""
    return await Scene(rate, slow=slow).run(offers)


def changes(done: Scene) -> list[PacedFrame]:
    """Return the pictures that were sent as changes: those after the first, when they first appear."""
    return [after for before, after in pairwise(done.sent) if after.jpeg != before.jpeg]


def test_lead() -> None:
    """The first picture fills the time before it, at once."""
    done = play(scene, 10, [(0.0, 0.0)])
    lead = done.times[: LEAD_US // KEEP_ALIVE_US + 1]
    assert lead == list(range(0, LEAD_US + 1, KEEP_ALIVE_US))
    assert done.late_us[: len(lead)] == [LEAD_US - time for time in lead]
    assert done.pacer.started == START_S - LEAD_US / MICROSECONDS


def test_still_page_is_on_the_grid() -> None:
    """A page that stands still has a picture exactly where each keep-alive interval begins, in time."""
    done = play(scene, 10, [(0.0, 0.0)])
    end_us = LEAD_US + round(STILL_S * MICROSECONDS)
    assert done.times == list(range(0, end_us, KEEP_ALIVE_US)) or done.times[-1] == end_us
    assert all(time % KEEP_ALIVE_US == 0 for time in done.times)
    assert all(0 <= late <= ROUNDING_US for late in done.late_us[LEAD_US // KEEP_ALIVE_US :])


def test_change_and_echo() -> None:
    """A change is sent at once and again after two frame intervals; then the page is still, on the grid."""
    done = play(scene, 10, [(0.0, 0.0), (0.6, 0.0)])
    after = [frame for frame in done.sent if frame.jpeg == b"1"]
    assert [frame.time_us - LEAD_US for frame in after[:3]] == [600_000, 800_000, 1_500_000]
    assert all(frame.time_us % KEEP_ALIVE_US == 0 for frame in after[2:])


def test_point_left_out_after_a_change() -> None:
    """A point of the grid shortly after an echo is left out."""
    done = play(scene, 10, [(0.0, 0.0), (0.75, 0.0)])
    after = [frame.time_us - LEAD_US for frame in done.sent if frame.jpeg == b"1"]
    assert after[:3] == [750_000, 950_000, 1_500_000]


def test_only_the_latest_is_sent() -> None:
    """Of pictures that come while the encoder is busy the last one counts."""
    done = play(scene, 10, [(0.0, 0.0), (8.4, 0.0), (0.01, 0.0), (0.01, 0.0)], slow=0.3)
    assert {frame.jpeg for frame in done.sent} == {b"0", b"1", b"3"}


def test_late_picture() -> None:
    """A picture that was drawn before a keep-alive that is sent already comes right after it."""
    done = play(scene, 10, [(0.0, 0.0), (0.51, 0.1)])
    (change,) = changes(done)
    assert 500_000 < change.time_us - LEAD_US <= 502_000


def test_a_picture_of_the_past_keeps_its_time() -> None:
    """A picture has the time it was drawn, not the time it arrived."""
    done = play(scene, 10, [(0.0, 0.0), (0.4, 0.1)])
    (change,) = changes(done)
    assert change.time_us - LEAD_US == pytest.approx(300_000, abs=ROUNDING_US)


async def test_a_repeat_that_is_due_before_a_change_comes_before_it() -> None:
    """After a busy time the picture that was shown meanwhile is repeated first, then the change comes."""
    now = START_S
    pacer = Pacer(10, lambda: now)
    pacer.offer(Frame(b"0", now))
    frames = pacer.frames()
    lead = [await anext(frames) for _ in range(LEAD_US // KEEP_ALIVE_US + 1)]
    assert lead[-1] == PacedFrame(b"0", LEAD_US)
    now += 0.95
    pacer.offer(Frame(b"1", START_S + 0.7))
    after = [await anext(frames) for _ in range(3)]
    assert [frame.jpeg for frame in after] == [b"0", b"1", b"1"]
    assert near([frame.time_us - LEAD_US for frame in after], [500_000, 700_000, 900_000], ROUNDING_US)


def test_a_change_takes_the_place_of_an_echo() -> None:
    """While a page moves at the cap, each picture is sent once."""
    done = play(scene, 10, [(0.0, 0.0), *[(0.1, 0.0)] * 4])
    moving = [time for time in done.times if time <= LEAD_US + 400_000 + ROUNDING_US]
    assert len(moving) == LEAD_US // KEEP_ALIVE_US + 1 + 4
    assert [frame.jpeg for frame in changes(done)] == [b"1", b"2", b"3", b"4"]


def test_nothing_before_the_first_picture() -> None:
    """Without a picture there is nothing to send."""

    async def nothing() -> list[PacedFrame]:
        quiet = Scene(10)
        reader = asyncio.create_task(quiet._read())
        await asyncio.sleep(10)
        reader.cancel()
        await asyncio.wait([reader])
        return quiet.sent

    assert play(nothing) == []


pauses = st.floats(0.0, 2.0, allow_nan=False) | st.sampled_from([0.0, 0.1, 0.25, 0.5, 1 / 15, 1 / 3])
ages = st.floats(0.0, 0.9, allow_nan=False)
rates = st.integers(1, 30)
# At these the cap alone decides; slower ones are overtaken by keep-alives.
fast_rates = st.integers(5, 30)


@settings(max_examples=60, deadline=None)
@given(rates, st.lists(st.tuples(pauses, ages), min_size=1, max_size=25), st.floats(0.0, 0.2))
def test_any_offers(rate: int, offers: list[Offer], slow: float) -> None:
    """Times rise, never ahead of the clock, never with a hole, and the last picture is shown."""
    done = play(scene, rate, [(0.0, 0.0), *offers], slow=slow)
    assert done.times[0] == 0
    assert all(before < after for before, after in pairwise(done.times))
    # Pictures that are not later than those sent before come one step after them.
    assert all(late >= -2_000 * len(offers) for late in done.late_us)
    longest = KEEP_ALIVE_US * 3 // 2
    assert all(after - before <= longest for before, after in pairwise(done.times))
    assert done.sent[-1].jpeg == b"%d" % len(offers)


@settings(max_examples=60, deadline=None)
@given(fast_rates, st.lists(pauses, min_size=1, max_size=25))
def test_any_offers_at_the_cap(rate: int, more: list[float]) -> None:
    """Pictures that come at the cap or slower are all sent, with their times, and never more than twice."""
    interval_us = MICROSECONDS // rate
    done = play(scene, rate, [(0.0, 0.0), *((pause + 1 / rate, 0.0) for pause in more)])
    for change in changes(done):
        assert abs(change.time_us - done.drawn[change.jpeg]) <= 2_000
    assert len(changes(done)) == len(more)
    live = [time for time in done.times if time >= LEAD_US]
    for one, third in zip(live, live[2:], strict=False):
        assert third - one >= interval_us - 2_000


@settings(max_examples=60, deadline=None)
@given(rates, st.lists(pauses, min_size=1, max_size=25))
def test_every_change_is_followed_up(rate: int, more: list[float]) -> None:
    """After a change the next picture comes soon, so that the encoder lets the change out."""
    interval_us = MICROSECONDS // rate
    done = play(scene, rate, [(0.0, 0.0), *((pause, 0.0) for pause in more)])
    changed = {change.time_us for change in changes(done)}
    for before, after in pairwise(done.times):
        if before in changed:
            assert after - before <= ECHO_INTERVALS * interval_us


@settings(max_examples=30, deadline=None)
@given(rates, pauses)
def test_still_after_any_change(rate: int, pause: float) -> None:
    """Once the echo is sent, all pictures lie on the grid."""
    done = play(scene, rate, [(0.0, 0.0), (0.1 + pause, 0.0)])
    (change,) = changes(done)
    rest = [time for time in done.times if time > change.time_us]
    assert rest[0] <= change.time_us + ECHO_INTERVALS * MICROSECONDS // rate
    assert all(time % KEEP_ALIVE_US == 0 for time in rest[1:])
    assert len(rest) > 3
