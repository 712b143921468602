"""Tests of the pacer, in a time that runs only when everybody waits."""

import asyncio
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.dashboard_cast.engine.pacer import (
    GRACE_US,
    LEAD_US,
    PART_US,
    SEGMENT_US,
    PacedFrame,
    Pacer,
)
from custom_components.dashboard_cast.models import MICROSECONDS, Frame

from .helpers import near

START_S = 1_000.0
STILL_S = 3.0
# A time in floating-point seconds, counted in microseconds, is off by this much at most.
ROUNDING_US = 1
# What a picture is later than the one before, when it was not drawn later.
STEP_US = 1_000


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next thing to do."""

    def __init__(self, start: float) -> None:
        super().__init__()
        self.now = start

    def time(self) -> float:
        """Return the time, in seconds."""
        return self.now

    def _run_once(self) -> None:
        if not self._ready:  # type: ignore[attr-defined]
            times = [handle.when() for handle in self._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
            self.now = max(self.now, min(times, default=self.now))
        super()._run_once()  # type: ignore[misc]


def play[R](
    scene: Callable[..., Coroutine[Any, Any, R]], *args: Any, start: float = START_S, **kwargs: Any
) -> R:
    """Run a scene in virtual time, which begins so many seconds after the start of the machine."""
    loop = VirtualLoop(start)
    try:
        return loop.run_until_complete(scene(*args, **kwargs))
    finally:
        loop.close()


type Offer = tuple[float, float]
"""Seconds after the offer before, and seconds that the picture is old by then."""


class Scene:
    """Pictures offered to a pacer, and what it made of them."""

    def __init__(self, *, slow: float = 0.0) -> None:
        loop = asyncio.get_running_loop()
        self.pacer = Pacer(loop.time)
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
        async for paced in self.pacer.frames():
            self.sent.append(paced)
            now_us = (self._loop.time() - self.pacer.started) * MICROSECONDS
            self.late_us.append(round(now_us - paced.time_us))
            if self._slow:
                await asyncio.sleep(self._slow)

    @property
    def times(self) -> list[int]:
        """The times of the pictures that were sent."""
        return [paced.time_us for paced in self.sent]

    def shown(self, start_us: int, end_us: int) -> list[tuple[int, bytes]]:
        """Return times after the lead and pictures from there on, in [start, end)."""
        after = [(paced.time_us - LEAD_US, paced.frame.jpeg) for paced in self.sent]
        return [(time_us, jpeg) for time_us, jpeg in after if start_us <= time_us < end_us]


async def scene(offers: list[Offer], *, slow: float = 0.0) -> Scene:
    """Return what became of offers."""
    return await Scene(slow=slow).run(offers)


def changes(done: Scene) -> list[PacedFrame]:
    """Return the pictures that were sent as changes: those after the first, when they first appear."""
    return [after for before, after in pairwise(done.sent) if after.frame is not before.frame]


def check_grid(done: Scene) -> None:
    """Check that times rise, that no point of the grid is left out, and that whole seconds are keyframes."""
    times = done.times
    assert times[0] == 0
    assert all(before < after for before, after in pairwise(times))
    on_grid = [time_us for time_us in times if time_us % PART_US == 0]
    assert on_grid == list(range(0, times[-1] + 1, PART_US))
    assert all(paced.keyframe == (paced.time_us % SEGMENT_US == 0) for paced in done.sent)


def test_lead() -> None:
    """The first picture fills the time before it, at once; the stream begins so long before it was drawn."""
    done = play(scene, [(0.0, 0.0)])
    lead = done.times[: LEAD_US // PART_US + 1]
    assert lead == list(range(0, LEAD_US + 1, PART_US))
    assert done.late_us[: len(lead)] == [LEAD_US - time_us for time_us in lead]
    assert done.pacer.started == START_S - LEAD_US / MICROSECONDS


def test_first_picture_that_is_old() -> None:
    """A first picture that came late is shown when it was drawn, and made up for at once."""
    done = play(scene, [(0.0, 0.5)])
    assert done.pacer.started == START_S - 0.5 - LEAD_US / MICROSECONDS
    at_once = [time_us for time_us, late in zip(done.times, done.late_us, strict=True) if late > GRACE_US]
    assert at_once == list(range(0, LEAD_US + 500_000, PART_US))


def test_still_page_is_on_the_grid() -> None:
    """A page that stands still has a picture where each part begins, and nothing else."""
    done = play(scene, [(0.0, 0.0)])
    check_grid(done)
    assert all(time_us % PART_US == 0 for time_us in done.times)
    live = done.late_us[LEAD_US // PART_US + 1 :]
    assert len(live) >= STILL_S * MICROSECONDS // PART_US - 1
    assert all(GRACE_US <= late <= GRACE_US + ROUNDING_US for late in live)


def test_a_change_is_sent_at_once() -> None:
    """A change has the time it was drawn, is no keyframe, and is repeated on the next point."""
    done = play(scene, [(0.0, 0.0), (0.6, 0.0)])
    assert near_shown(done.shown(400_000, 800_000), [(500_000, b"0"), (600_000, b"1"), (750_000, b"1")])
    (change,) = changes(done)
    assert not change.keyframe
    assert done.late_us[done.sent.index(change)] <= ROUNDING_US


def near_shown(one: list[tuple[int, bytes]], other: list[tuple[int, bytes]]) -> bool:
    """Return whether the same pictures are shown at the same times, but for rounding."""
    same = [jpeg for _, jpeg in one] == [jpeg for _, jpeg in other]
    return same and near([time for time, _ in one], [time for time, _ in other], ROUNDING_US)


def test_a_point_waits_for_pictures_before_it() -> None:
    """A picture that was drawn before a point and came soon after it keeps its time."""
    done = play(scene, [(0.0, 0.0), (0.28, 0.04)])
    assert near_shown(done.shown(0, 400_000)[1:], [(240_000, b"1"), (250_000, b"1")])


def test_late_picture() -> None:
    """A picture that was drawn before a point that is sent already comes right after it."""
    done = play(scene, [(0.0, 0.0), (0.3, 0.06)])
    assert near_shown(done.shown(100_000, 400_000), [(250_000, b"0"), (251_000, b"1")])


def test_picture_on_a_point() -> None:
    """A picture that was drawn on a point comes right after the one before, or is the one that is there."""
    done = play(scene, [(0.0, 0.0), (0.5, 0.0)])
    check_grid(done)
    (change,) = changes(done)
    assert change.time_us == pytest.approx(LEAD_US + 500_500, abs=500 + ROUNDING_US)


def test_a_point_before_a_change_shows_what_was_there() -> None:
    """Points between two pictures show the first of them, however late the second is known."""
    done = play(scene, [(0.0, 0.0), (0.2, 0.0), (1.0, 0.03)])
    assert [jpeg for _, jpeg in done.shown(200_000 - ROUNDING_US, 1_169_000)] == [b"1"] * 5
    assert near_shown(done.shown(1_169_000, 1_300_000), [(1_170_000, b"2"), (1_250_000, b"2")])


def test_only_the_latest_is_sent() -> None:
    """Of pictures that come while the encoder is busy the last one counts."""
    done = play(scene, [(0.0, 0.0), (30.0, 0.0), (0.01, 0.0), (0.01, 0.0)], slow=0.2)
    check_grid(done)
    assert {paced.frame.jpeg for paced in done.sent} == {b"0", b"1", b"3"}


async def test_a_blocked_loop_is_made_up_for() -> None:
    """After a long pause all points come at once, with what was shown, and then the change."""
    now = START_S
    pacer = Pacer(lambda: now)
    pacer.offer(Frame(b"0", now))
    frames = pacer.frames()
    lead = [await anext(frames) for _ in range(LEAD_US // PART_US + 1)]
    assert lead[-1] == PacedFrame(Frame(b"0", START_S), LEAD_US, keyframe=True)
    now += 5.0
    pacer.offer(Frame(b"1", START_S + 2.7))
    after = [await anext(frames) for _ in range(19)]
    expected = [*((time_us, b"0") for time_us in range(PART_US, 4_960_001, PART_US))]
    assert [(paced.time_us - LEAD_US, paced.frame.jpeg) for paced in after] == expected
    assert (await anext(frames)).frame.jpeg == b"1"


async def test_points_before_a_change_come_before_it() -> None:
    """A change that came with its time ahead of points that are not due yet is not ahead of them."""
    now = START_S
    pacer = Pacer(lambda: now)
    pacer.offer(Frame(b"0", now))
    frames = pacer.frames()
    for _ in range(LEAD_US // PART_US + 1):
        await anext(frames)
    now += 0.26
    pacer.offer(Frame(b"1", START_S + 0.255))
    after = [await anext(frames) for _ in range(2)]
    assert [paced.frame.jpeg for paced in after] == [b"0", b"1"]
    assert near([paced.time_us - LEAD_US for paced in after], [250_000, 255_000], ROUNDING_US)


def test_no_drift() -> None:
    """After an hour on a machine that has run for weeks, times are still exact."""
    offers = [(0.0, 0.0), *[(7.3, 0.013)] * 490]
    done = play(scene, offers, start=1e6)
    check_grid(done)
    assert len(changes(done)) == 490
    for change in changes(done):
        late = change.time_us - done.drawn[change.frame.jpeg]
        assert late == 0 or (change.time_us % PART_US <= STEP_US and 0 < late <= STEP_US)
    assert done.times[-1] >= 3_580 * MICROSECONDS


def test_nothing_before_the_first_picture() -> None:
    """Without a picture there is nothing to send."""

    async def nothing() -> list[PacedFrame]:
        quiet = Scene()
        reader = asyncio.create_task(quiet._read())
        await asyncio.sleep(10)
        reader.cancel()
        await asyncio.wait([reader])
        return quiet.sent

    assert play(nothing) == []


pauses = st.floats(0.0, 2.0, allow_nan=False) | st.sampled_from([0.0, 0.001, 0.1, 0.25, 0.5, 1 / 15, 1 / 3])
ages = st.floats(0.0, 0.9, allow_nan=False) | st.floats(0.0, GRACE_US / MICROSECONDS)
soon = st.floats(0.0, (GRACE_US - 10) / MICROSECONDS)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(pauses, ages), min_size=1, max_size=25), st.floats(0.0, 0.2))
def test_any_offers(offers: list[Offer], slow: float) -> None:
    """The grid is whole, nothing is ahead of the clock, and the last picture is shown."""
    done = play(scene, [(0.0, 0.0), *offers], slow=slow)
    check_grid(done)
    # Pictures that are not later than those sent before come one step after them.
    assert all(late >= -STEP_US * len(offers) for late in done.late_us)
    if not slow:
        sent = zip(done.times, done.late_us, strict=True)
        points = [late for time_us, late in sent if time_us > LEAD_US and time_us % PART_US == 0]
        assert max(points) <= GRACE_US + ROUNDING_US
        assert done.sent[-1].frame.jpeg == b"%d" % len(offers)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(pauses.map(lambda pause: pause + 0.05), soon), min_size=1, max_size=25))
def test_any_offers_in_time(offers: list[Offer]) -> None:
    """Pictures that come soon after they were drawn are all sent, with that time."""
    done = play(scene, [(0.0, 0.0), *offers])
    check_grid(done)
    assert [change.frame.jpeg for change in changes(done)] == [
        b"%d" % (one + 1) for one in range(len(offers))
    ]
    for change in changes(done):
        assert 0 <= change.time_us - done.drawn[change.frame.jpeg] <= STEP_US
