"""Tests of the segment store: what is cut where, what is kept, and who is woken."""

import asyncio
from dataclasses import dataclass, field

from hypothesis import given, strategies as st
import pytest

from custom_components.dashboard_cast.engine.segments import KEPT, LISTED, SegmentStore
from custom_components.dashboard_cast.models import Fragment, Init

from .helpers import TIMEOUT_S

INTERVAL = 0.5
INITS = [Init(bytes((number,)), ()) for number in range(10)]


def picture(start: float, duration: float = 0.1, *, keyframe: bool = False, data: bytes = b"p") -> Fragment:
    """Return a fragment."""
    return Fragment(data, start, duration, keyframe)


def fill(store: SegmentStore, count: int) -> None:
    """Begin a run and fill so many segments, each one picture long."""
    store.begin(INITS[0], epoch=1_000.0)
    for index in range(count):
        store.add(picture(index * INTERVAL, INTERVAL, keyframe=True))


@pytest.fixture
def store() -> SegmentStore:
    """Return a store that a run has begun in."""
    new = SegmentStore(INTERVAL)
    new.begin(INITS[0], epoch=1_000.0)
    return new


def test_nothing_yet(store: SegmentStore) -> None:
    """A store begins empty, with the init segment that is to be used."""
    assert (store.listed, store.inits, store.closed) == ([], {0: INITS[0]}, False)


@pytest.mark.parametrize(("interval", "target"), [(0.5, 1), (1.0, 1), (1.5, 2), (2.0, 2)])
def test_target_duration(interval: float, target: int) -> None:
    """Playlists count target durations in whole seconds."""
    assert SegmentStore(interval).target_duration == target


def test_segment_from_keyframe_to_keyframe(store: SegmentStore) -> None:
    """A segment is complete as soon as pictures and sound reach its end, before the next keyframe comes."""
    store.add(picture(0, 0.2, keyframe=True, data=b"a"))
    store.add(picture(0.2, 0.2, data=b"b"))
    assert not store.segments
    store.add(picture(0.4, 0.1, data=b"c"))
    segment = store.segments[0]
    assert segment.data == b"abc"
    assert [part.data for part in segment.parts] == [b"a", b"b", b"c"]
    assert [part.independent for part in segment.parts] == [True, False, False]
    assert segment.duration == pytest.approx(0.5)
    assert (segment.start, segment.init, segment.discontinuity) == (1_000.0, 0, False)


def test_a_keyframe_always_begins_a_segment(store: SegmentStore) -> None:
    """A keyframe ends the segment before it, also one that is too short."""
    store.add(picture(0, 0.4, keyframe=True))
    assert not store.segments
    store.add(picture(0.4, 0.2, keyframe=True))
    assert [segment.duration for segment in store.segments.values()] == [0.4]


def test_pictures_beyond_the_end(store: SegmentStore) -> None:
    """A picture that is shown for long makes its segment longer, not the one after."""
    store.add(picture(0, 0.75, keyframe=True))
    store.add(picture(0.75, 0.25, keyframe=True))
    assert [segment.duration for segment in store.segments.values()] == [0.75, 0.25]


def test_ring_keeps_the_latest(store: SegmentStore) -> None:
    """Old segments go; the playlist shows the latest of those that stay."""
    fill(store, KEPT + 7)
    assert list(store.segments) == list(range(7, KEPT + 7))
    assert [segment.number for segment in store.listed] == list(range(KEPT + 7 - LISTED, KEPT + 7))


def test_new_run(store: SegmentStore) -> None:
    """A new encoder run goes on with the numbers, marks its first segment and cuts what was begun."""
    store.add(picture(0, 0.2, keyframe=True))
    store.begin(INITS[1], epoch=2_000.0)
    assert store.segments[0].duration == 0.2
    for start in (0.0, 0.5):
        store.add(picture(start, 0.5, keyframe=True))
    assert [segment.number for segment in store.listed] == [0, 1, 2]
    assert [segment.discontinuity for segment in store.listed] == [False, True, False]
    assert [segment.start for segment in store.listed] == [1_000.0, 2_000.0, 2_000.5]
    assert [segment.init for segment in store.listed] == [0, 1, 1]


def test_a_run_that_gave_nothing(store: SegmentStore) -> None:
    """The first segment of all has no discontinuity, whatever run it is of."""
    store.begin(INITS[1], epoch=2_000.0)
    store.add(picture(0, 0.5, keyframe=True))
    assert not store.segments[0].discontinuity
    assert store.inits == {1: INITS[1]}


def test_inits_go_with_their_last_segment(store: SegmentStore) -> None:
    """An init segment stays while a kept segment needs it."""
    store.add(picture(0, 0.5, keyframe=True))
    store.begin(INITS[1], epoch=2_000.0)
    for index in range(KEPT - 1):
        store.add(picture(index * INTERVAL, INTERVAL, keyframe=True))
    assert store.inits == {0: INITS[0], 1: INITS[1]}
    store.add(picture(KEPT * INTERVAL, INTERVAL, keyframe=True))
    assert store.inits == {1: INITS[1]}


async def test_waiting_for_segments(store: SegmentStore) -> None:
    """Who waits is woken by the last segment that was wanted."""
    waiting = asyncio.create_task(store.wait_for(2))
    await asyncio.sleep(0)
    store.add(picture(0, 0.5, keyframe=True))
    await asyncio.sleep(0)
    assert not waiting.done()
    store.add(picture(0.5, 0.5, keyframe=True))
    assert await asyncio.wait_for(waiting, TIMEOUT_S)


async def test_close_wakes(store: SegmentStore) -> None:
    """Who waits for what never comes is told so; what is there stays there."""
    waiting = asyncio.create_task(store.wait_for(2))
    await asyncio.sleep(0)
    store.add(picture(0, 0.5, keyframe=True))
    store.close()
    assert not await asyncio.wait_for(waiting, TIMEOUT_S)
    assert store.closed
    assert await store.wait_for(1)
    assert not await store.wait_for(2)


@dataclass
class Played:
    """A store that was filled, and what it was filled with."""

    store: SegmentStore
    data: list[bytes] = field(default_factory=list)
    seen: dict[int, bytes] = field(default_factory=dict)
    discontinuities: set[int] = field(default_factory=set)

    def add(self, fragment: Fragment) -> None:
        """Add a fragment, and note what came of it."""
        self.store.add(fragment)
        self.data.append(fragment.data)
        for segment in self.store.segments.values():
            self.seen[segment.number] = segment.data
            if segment.discontinuity:
                self.discontinuities.add(segment.number)


runs = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=60), min_size=1, max_size=len(INITS))


@given(runs)
def test_any_runs(pictures_per_segment: list[list[int]]) -> None:
    """Whatever runs come: no byte lost or doubled, numbers without a gap, and all counts right."""
    played = Played(SegmentStore(INTERVAL))
    for number, counts in enumerate(pictures_per_segment):
        played.store.begin(INITS[number], epoch=1_000.0 * number)
        for position, count in enumerate(counts):
            for index in range(count):
                start = INTERVAL * (position + index / count)
                played.add(
                    picture(start, INTERVAL / count, keyframe=not index, data=b"%d;" % len(played.data))
                )
        check(played)
    assert b"".join(played.seen[number] for number in sorted(played.seen)) == b"".join(played.data)
    firsts = [sum(map(len, pictures_per_segment[: run + 1])) for run in range(len(pictures_per_segment) - 1)]
    assert played.discontinuities == set(firsts)


def check(played: Played) -> None:
    """Check what always holds of a store."""
    store = played.store
    numbers = list(store.segments)
    assert numbers == list(range(numbers[-1] - len(numbers) + 1, numbers[-1] + 1))
    assert numbers[-1] + 1 == len(played.seen)
    assert len(numbers) <= KEPT
    assert store.listed == list(store.segments.values())[-LISTED:]
    assert set(store.inits) == {segment.init for segment in store.segments.values()}
    before = [number for number in played.discontinuities if number < store.listed[0].number]
    assert store.dropped_discontinuities == len(before)
