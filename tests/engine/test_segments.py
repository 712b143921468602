"""Tests of the segment store: what is cut where, what is kept, and who is woken."""

import asyncio
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.dashboard_cast.engine import fmp4
from custom_components.dashboard_cast.engine.segments import (
    KEPT,
    LISTED,
    PART_TARGET,
    PART_TICKS,
    TARGET_DURATION,
    Part,
    Segment,
    SegmentStore,
)
from custom_components.dashboard_cast.models import VIDEO_TIMESCALE, Init, Sample

from . import boxes
from .broadcast import PARTS, Broadcast, changes, configuration
from .helpers import SMALL, TIMEOUT_S


@pytest.fixture
def broadcast() -> Broadcast:
    """Return a store that nothing was added to."""
    return Broadcast()


def test_nothing_yet(broadcast: Broadcast) -> None:
    """A store begins empty."""
    store = broadcast.store
    assert (store.listed, store.parts, store.inits, store.closed) == ([], {}, {}, False)
    assert (store.next_part, store.next_segment, store.current, store.version) == (0, 0, None, 0)


def test_parts(broadcast: Broadcast) -> None:
    """A part is complete as soon as the first picture after it is there, with all pictures since the last."""
    broadcast.part([100_000, 249_999])
    assert not broadcast.store.parts
    broadcast.part([50_000])
    (part,) = broadcast.store.parts.values()
    assert [sample.time for sample in part.samples] == [0, 9_000, 22_499]
    assert (part.number, part.end, part.duration, part.independent) == (0, PART_TICKS, PART_TARGET, True)
    broadcast.part()
    assert [sample.time for sample in broadcast.store.parts[1].samples] == [22_500, 27_000]
    assert not broadcast.store.parts[1].independent


def test_segment_from_keyframe_to_keyframe(broadcast: Broadcast) -> None:
    """A segment is complete with the keyframe after it."""
    broadcast.segments(1)
    assert not broadcast.store.segments
    assert broadcast.store.current
    assert len(broadcast.store.current.parts) == PARTS - 1
    broadcast.part()
    (segment,) = broadcast.store.segments.values()
    assert (segment.number, segment.start, segment.end) == (0, 0, VIDEO_TIMESCALE)
    assert segment.duration == TARGET_DURATION
    assert not segment.discontinuity
    assert [*segment.samples] == broadcast.samples[:PARTS]
    assert broadcast.store.next_segment == 1


def test_media(broadcast: Broadcast) -> None:
    """A segment is its parts in a row, each a fragment with the number of the part."""
    broadcast.part([100_000])
    broadcast.segments(1)
    segment = broadcast.store.segments[0]
    assert segment.data == b"".join(part.data for part in segment.parts)
    fragments = list(boxes.fragments(segment.data))
    assert [fragment.sequence for fragment in fragments] == [1, 2, 3, 4]
    for fragment, part in zip(fragments, segment.parts, strict=True):
        video = fragment.runs[0]
        late = fmp4.KEYFRAME_DELAY if part.independent else 0
        assert (video.time, video.end) == (part.samples[0].time + late, part.end)
        assert video.data == [sample.data for sample in part.samples]


def test_ring_keeps_the_latest(broadcast: Broadcast) -> None:
    """Old segments go with their parts; the playlist shows the latest of those that stay."""
    broadcast.finish(KEPT + 7)
    store = broadcast.store
    assert list(store.segments) == list(range(7, KEPT + 7))
    assert [segment.number for segment in store.listed] == list(range(KEPT + 7 - LISTED, KEPT + 7))
    assert list(store.parts) == list(range(7 * PARTS, (KEPT + 7) * PARTS))


def test_another_configuration(broadcast: Broadcast) -> None:
    """Pictures that need another configuration begin a segment with another init segment."""
    broadcast.segments(2)
    broadcast.avcc = configuration(1)
    broadcast.finish(2)
    first, second = (
        Init(0, configuration(0), 320, 180),
        Init(1, configuration(1), SMALL.width, SMALL.height),
    )
    listed = broadcast.store.listed
    assert [segment.init for segment in listed] == [first, first, second, second]
    assert [segment.discontinuity for segment in listed] == [False, False, True, False]
    assert [segment.number for segment in listed] == [0, 1, 2, 3]
    assert broadcast.store.inits == {0: first, 1: second}


def test_inits_go_with_their_last_segment(broadcast: Broadcast) -> None:
    """An init segment stays while a kept segment needs it."""
    broadcast.segments(1)
    broadcast.avcc = configuration(1)
    broadcast.finish(KEPT - 1)
    assert set(broadcast.store.inits) == {0, 1}
    broadcast.segments(1)
    assert set(broadcast.store.inits) == {1}


def test_versions(broadcast: Broadcast) -> None:
    """The version counts what a playlist says: complete parts, and the end."""
    seen = []
    for _ in range(6):
        broadcast.part([1_000])
        seen.append(broadcast.store.version)
    assert seen == [0, 1, 2, 3, 4, 5]
    broadcast.store.close()
    assert broadcast.store.version == 6


async def started[R](coroutine: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
    """Return a task that has got to where it waits."""
    task = asyncio.create_task(coroutine)
    await asyncio.sleep(0)
    return task


async def settled(*tasks: asyncio.Task[bool]) -> list[bool | None]:
    """Return what tasks returned, None for those that go on."""
    for _ in range(5):
        await asyncio.sleep(0)
    return [task.result() if task.done() else None for task in tasks]


async def test_waiting_for_segments(broadcast: Broadcast) -> None:
    """Who waits is woken by the last segment that was wanted."""
    waiting = await started(broadcast.store.wait_for(2))
    broadcast.segments(2)
    assert await settled(waiting) == [None]
    broadcast.part()
    assert await settled(waiting) == [True]
    assert await broadcast.store.wait_for(2)


async def test_waiting_for_parts(broadcast: Broadcast) -> None:
    """A part is waited for, or the whole segment (RFC 8216bis section 6.2.5.2)."""
    broadcast.finish(1)
    first, second, whole = [await started(broadcast.store.wait_for_part(1, part)) for part in (0, 1, None)]
    later = await started(broadcast.store.wait_for_part(2, 0))
    assert await settled(first, second, whole, later) == [None] * 4
    broadcast.part()
    assert await settled(first, second, whole, later) == [True, None, None, None]
    broadcast.part()
    assert await settled(first, second, whole, later) == [True, True, None, None]
    broadcast.part()
    assert await settled(whole, later) == [None, None]
    broadcast.part()
    assert await settled(whole, later) == [True, None]
    broadcast.part()
    assert await settled(later) == [True]


async def test_waiting_for_what_is_there(broadcast: Broadcast) -> None:
    """What is there already, or gone again, is not waited for."""
    broadcast.finish(KEPT + 3)
    broadcast.part()
    store = broadcast.store
    for segment, part in [
        (KEPT + 3, 0),
        (KEPT + 2, 3),
        (KEPT + 2, None),
        (KEPT + 2, 7),
        (0, 0),
        (0, None),
        (0, 9),
    ]:
        assert await asyncio.wait_for(store.wait_for_part(segment, part), TIMEOUT_S)


async def test_a_part_beyond_the_last(broadcast: Broadcast) -> None:
    """A part after the last of a segment stands for the first of the next (RFC 8216bis section 6.2.5.2)."""
    broadcast.segments(1)
    waiting = await started(broadcast.store.wait_for_part(0, PARTS))
    broadcast.part()
    assert broadcast.store.next_segment == 1
    assert await settled(waiting) == [None]
    broadcast.part()
    assert await settled(waiting) == [True]


@pytest.mark.parametrize(("parts", "more"), [(0, 0), (1, 3), (2, 2), (3, 1)])
async def test_waiting_to_join(broadcast: Broadcast, parts: int, more: int) -> None:
    """Who is new comes when a segment begins."""
    broadcast.finish(2)
    for _ in range(parts):
        broadcast.part()
    waiting = await started(broadcast.store.wait_to_join())
    for _ in range(more):
        assert await settled(waiting) == [None]
        broadcast.part()
    assert await settled(waiting) == [True]


async def test_waiting_for_the_next_part(broadcast: Broadcast) -> None:
    """Who has a part waits for the one after it, and for none that is there."""
    waiting = await started(broadcast.store.wait_after(-1))
    broadcast.part()
    assert await settled(waiting) == [None]
    broadcast.part()
    assert await settled(waiting) == [True]
    waiting = await started(broadcast.store.wait_after(0))
    broadcast.finish(2)
    assert await settled(waiting) == [True]
    assert await asyncio.wait_for(broadcast.store.wait_after(3), TIMEOUT_S)


async def test_close_wakes(broadcast: Broadcast) -> None:
    """Who waits for what never comes is told so; what is there stays there."""
    broadcast.finish(1)
    store = broadcast.store
    waits = store.wait_for(2), store.wait_for_part(1, 2), store.wait_for_part(1, None), store.wait_after(3)
    waiting = [await started(wait) for wait in waits]
    store.close()
    assert await settled(*waiting) == [False] * 4
    assert not await store.wait_to_join()
    assert store.closed
    assert await store.wait_for(1)
    assert await store.wait_for_part(0, 3)
    assert await store.wait_after(2)
    assert not await store.wait_after(3)


lives = st.lists(
    st.tuples(st.lists(changes, min_size=PARTS, max_size=PARTS), st.booleans()), min_size=1, max_size=60
)


@settings(max_examples=40, deadline=None)
@given(lives, st.integers(0, 400 * 86_400))
def test_any_life(life: list[tuple[list[list[int]], bool]], start: int) -> None:
    """Whatever comes: no picture lost or doubled, parts and numbers without a gap, and all counts right.

    life: for each segment when the page changes in its parts, and whether the configuration is another.
    """
    broadcast = Broadcast(start * 1_000_000)
    parts: dict[int, Part] = {}
    segments: dict[int, Segment] = {}
    for number, (changes_us, another) in enumerate(life):
        if another:
            broadcast.avcc = configuration(number)
        for part_changes_us in changes_us:
            broadcast.part(part_changes_us)
            parts |= broadcast.store.parts
            segments |= broadcast.store.segments
            check(broadcast.store, segments)
    check_parts(list(parts.values()), broadcast.samples)
    check_segments(list(segments.values()), list(parts.values()))
    expected = [another and number > 0 for number, (_, another) in enumerate(life)]
    assert [segment.discontinuity for segment in segments.values()] == expected[: len(segments)]


def check_parts(parts: list[Part], samples: list[Sample]) -> None:
    """Check all parts that there ever were (RFC 8216bis section 4.4.4.9)."""
    assert [part.number for part in parts] == list(range(len(parts)))
    found = [sample for part in parts for sample in part.samples]
    assert found == samples[: len(found)]
    assert all(before.end == after.samples[0].time for before, after in pairwise(parts))
    assert all(part.samples[-1].time < part.end for part in parts)
    assert all(0.85 * PART_TARGET <= part.duration <= PART_TARGET for part in parts)
    assert all(part.independent == part.samples[0].keyframe for part in parts)


def check_segments(segments: list[Segment], parts: list[Part]) -> None:
    """Check all segments that there ever were."""
    assert [segment.number for segment in segments] == list(range(len(segments)))
    found = [part for segment in segments for part in segment.parts]
    assert found == parts[: len(found)]
    assert all(part.init == segment.init for segment in segments for part in segment.parts)
    for segment in segments:
        assert [sample.keyframe for sample in segment.samples].count(True) == 1
        assert next(segment.samples).keyframe
        assert round(segment.duration) <= TARGET_DURATION
    assert all(before.end == after.start for before, after in pairwise(segments))


def check(store: SegmentStore, ever: dict[int, Segment]) -> None:
    """Check what always holds of a store."""
    kept = list(store.segments.values())
    assert kept == list(ever.values())[-KEPT:]
    assert store.listed == kept[-LISTED:]
    assert store.next_segment == len(ever)
    current = store.current.parts if store.current else []
    assert [*store.parts.values()] == [part for segment in kept for part in segment.parts] + current
    assert store.next_part == len(ever) * PARTS + len(current)
    assert {segment.init.number for segment in kept} <= set(store.inits)
    gone = [segment for segment in ever.values() if store.listed and segment.number < store.listed[0].number]
    assert store.dropped_discontinuities == sum(segment.discontinuity for segment in gone)
