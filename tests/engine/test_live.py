"""Tests of the endless fragmented MP4: it begins now, has no gap, and goes on as long as the stream."""

import asyncio
from collections.abc import AsyncIterator
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.dashboard_cast.engine import fmp4, h264
from custom_components.dashboard_cast.engine.codecs import preferred
from custom_components.dashboard_cast.engine.live import MAX_BEHIND, _padded, live
from custom_components.dashboard_cast.engine.pacer import SEGMENT_US
from custom_components.dashboard_cast.engine.segments import KEPT, SegmentStore
from custom_components.dashboard_cast.models import Sample

from .boxes import MovieFragment, Run, boxes, fragments
from .broadcast import PARTS, Broadcast, changes, configuration
from .hardware import HARDWARE, stand_in
from .helpers import SMALL, TIMEOUT_S, Coding, checksums, encode, frame, paced, probe, run, still

# ISO/IEC 14496-12 section 8.8.3.1: a sample that depends on others is no sync sample.
NON_SYNC = 0x00010000
VIDEO = 1
# What Chromium's video element reads at once, in bytes.
BLOCK = 32 * 1024


@pytest.fixture
def broadcast() -> Broadcast:
    """Return a store that nothing was added to."""
    return Broadcast()


async def take(viewer: AsyncIterator[bytes], count: int = 1) -> list[bytes]:
    """Return the next pieces, which are there."""
    async with asyncio.timeout(TIMEOUT_S):
        return [await anext(viewer) for _ in range(count)]


async def waits(viewer: AsyncIterator[bytes]) -> asyncio.Task[bytes]:
    """Return a task that waits for the next piece, which is not there yet."""
    task = asyncio.ensure_future(anext(viewer))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    return task


def read(piece: bytes) -> MovieFragment:
    """Return the one fragment of a piece: behind an init segment or nothing, before what fills a block up."""
    kinds = [kind for kind, _ in boxes(piece)]
    assert kinds in (["moof", "mdat", "free"], ["ftyp", "moov", "moof", "mdat", "free"])
    assert not len(piece) % BLOCK
    sizes = [8 + len(payload) for _, payload in boxes(piece)]
    (fragment,) = fragments(piece[sum(sizes[:-3]) : -sizes[-1]])
    return fragment


def video(piece: bytes) -> Run:
    """Return the pictures of a piece."""
    return read(piece).runs[0]


def data(samples: list[Sample]) -> list[bytes]:
    """Return the bytes of pictures."""
    return [sample.data for sample in samples]


async def test_begins_when_there_is_a_segment(broadcast: Broadcast) -> None:
    """Nothing comes before there is something to begin with; it begins with an init segment for a century."""
    viewer = live(broadcast.store)
    waiting = await waits(viewer)
    broadcast.finish(1)
    piece = await waiting
    assert piece.startswith(fmp4.init(broadcast.avcc, SMALL.width, SMALL.height, 3_153_600_000))
    streams = (await probe(piece, "-show_streams"))["streams"]
    assert [float(stream["duration"]) > 3e9 for stream in streams] == [True]


@settings(max_examples=30)
@given(st.sampled_from([0, BLOCK, 2 * BLOCK]), st.integers(-20, 20))
def test_blocks(blocks: int, more: int) -> None:
    """Behind all pieces comes the least that fills their last block up, and players leave it out."""
    piece = b"+" * max(0, blocks + more)
    padded = _padded(piece)
    assert padded.startswith(piece)
    assert not len(padded) % BLOCK
    ((kind, filler),) = boxes(padded[len(piece) :])
    assert kind == "free"
    assert len(filler) < BLOCK


@pytest.mark.parametrize("parts", range(PARTS))
async def test_begins_with_what_is_shown_now(broadcast: Broadcast, parts: int) -> None:
    """The first piece has all pictures from the last keyframe on, is over in no time, and ends now."""
    broadcast.finish(2)
    for _ in range(parts):
        broadcast.part([100_000])
    (first,) = await take(live(broadcast.store))
    since = 2 * PARTS if parts else PARTS
    whole = broadcast.samples[since:-2] if parts else broadcast.samples[PARTS:-1]
    shown = video(first)
    assert shown.data == data(whole)
    assert shown.end == (whole[-1].time // 22_500 + 1) * 22_500
    assert [duration for duration, _, _ in shown.table] == [1] + [2] * (len(whole) - 1)
    assert [not flags & NON_SYNC for _, _, flags in shown.table] == [sample.keyframe for sample in whole]


async def test_goes_on_without_a_gap(broadcast: Broadcast) -> None:
    """Each part comes when it is there, once, with the number after that of the one before."""
    broadcast.finish(2)
    broadcast.part()
    viewer = live(broadcast.store)
    (first,) = await take(viewer)
    pieces = [first]
    for _ in range(3 * PARTS):
        waiting = await waits(viewer)
        broadcast.part([120_000])
        pieces.append(await asyncio.wait_for(waiting, TIMEOUT_S))
    check_gap_free(pieces)
    assert [sample for piece in pieces for sample in video(piece).data] == data(broadcast.samples[8:-2])


def check_gap_free(pieces: list[bytes]) -> None:
    """Check that pictures and sound of fragments follow each other, and their numbers too."""
    found = [read(piece) for piece in pieces]
    assert [one.sequence for one in found] == list(range(found[0].sequence, found[0].sequence + len(found)))
    ends: dict[int, int] = {}
    for fragment in found:
        for one in fragment.runs:
            late = fmp4.KEYFRAME_DELAY if one.track == VIDEO and not one.table[0][2] & NON_SYNC else 0
            assert one.time == ends.get(one.track, one.time - late) + late
            ends[one.track] = one.end


async def test_several_viewers(broadcast: Broadcast) -> None:
    """Who comes later sees the same."""
    broadcast.finish(1)
    viewers = [live(broadcast.store)]
    await take(viewers[0])
    broadcast.segments(1)
    viewers.append(live(broadcast.store))
    await take(viewers[1])
    broadcast.segments(1)
    assert (await take(viewers[0], 2 * PARTS))[-PARTS:] == await take(viewers[1], PARTS)


@pytest.mark.parametrize("behind", [1, MAX_BEHIND - 1, MAX_BEHIND, MAX_BEHIND + 1, MAX_BEHIND + 2, 50, 200])
async def test_who_is_slow_is_taken_on(broadcast: Broadcast, behind: int) -> None:
    """Who is too far behind goes on with a keyframe of now; who is not loses nothing."""
    broadcast.finish(1)
    viewer = live(broadcast.store)
    await take(viewer)
    for _ in range(behind):
        broadcast.part()
    (piece,) = await take(viewer)
    start = video(piece)
    missed = start.time // 22_500 - PARTS
    assert bool(missed) == (behind >= MAX_BEHIND)
    assert not (missed and start.table[0][2] & NON_SYNC)
    left = broadcast.store.next_part - read(piece).sequence
    assert left < (PARTS if missed else MAX_BEHIND)
    rest = await take(viewer, left)
    check_gap_free([piece, *rest])
    (await waits(viewer)).cancel()


async def test_a_slow_viewer_needs_nothing_that_is_gone(broadcast: Broadcast) -> None:
    """Whoever waits long finds the store without what it had."""
    broadcast.finish(1)
    viewer = live(broadcast.store)
    await take(viewer)
    broadcast.segments(3 * KEPT)
    (piece,) = await take(viewer)
    assert read(piece).sequence - 1 in broadcast.store.parts


async def test_ends_with_the_store(broadcast: Broadcast) -> None:
    """What is there is still delivered; then it is over."""
    broadcast.finish(1)
    viewer = live(broadcast.store)
    await take(viewer)
    broadcast.segments(1)
    broadcast.store.close()
    assert len([piece async for piece in viewer]) == PARTS


async def test_ends_while_waiting(broadcast: Broadcast) -> None:
    """Who waits for the next part learns that there is none."""
    broadcast.finish(1)
    viewer = live(broadcast.store)
    await take(viewer)
    waiting = await waits(viewer)
    broadcast.store.close()
    with pytest.raises(StopAsyncIteration):
        await waiting


async def test_nothing_of_an_empty_store() -> None:
    """A stream that ended before its first segment shows nothing."""
    store = SegmentStore(SMALL.width, SMALL.height)
    viewer = live(store)
    waiting = await waits(viewer)
    store.close()
    with pytest.raises(StopAsyncIteration):
        await waiting


@pytest.mark.parametrize("behind", [0, 5, 40])
async def test_goes_on_with_another_configuration(broadcast: Broadcast, behind: int) -> None:
    """A file has one init segment: what another encoder needs comes with its keyframes, and nowhere else."""
    broadcast.segments(2)
    viewer = live(broadcast.store)
    await take(viewer)
    broadcast.avcc = configuration(1)
    broadcast.finish(2)
    for _ in range(behind):
        broadcast.part()
    broadcast.store.close()
    pieces = [piece async for piece in viewer]
    known = {sample.data: sample for sample in broadcast.samples}
    sets = b"".join(len(one).to_bytes(4) + one for one in h264.parameter_sets(broadcast.avcc))
    found = [one for piece in pieces for one in video(piece).data]
    keyframes = [one.removeprefix(sets) for one in found if one.startswith(sets)]
    after = [known[one] for one in keyframes]
    assert after
    assert all(sample.keyframe and sample.time >= 2 * 90_000 for sample in after)
    others = [known[one] for one in found if not one.startswith(sets)]
    assert not [sample for sample in others if sample.keyframe and sample.time >= 2 * 90_000]


async def test_another_encoder_takes_over(tmp_path: Path) -> None:
    """FFmpeg decodes what another encoder made, in the same file, to its very pictures, and does not warn."""
    pictures = [paced(frame(index), index * 100_000) for index in range(31)]
    before = await encode(pictures)
    # Without arithmetic coding, so that its pictures are rubbish with the first one's parameter sets.
    other = Coding(stand_in(tmp_path, parameters="cabac=0"), SMALL, preferred([HARDWARE]))
    await other.start()
    after = await other.through(pictures)
    await other.stop()
    switch = SEGMENT_US * 9 // 100
    coded = [one for one in before if one[1].time < switch] + [one for one in after if one[1].time >= switch]
    assert len({avcc for avcc, _ in coded}) == 2
    store = SegmentStore(SMALL.width, SMALL.height)
    viewer = live(store)
    pieces: list[bytes] = []
    for avcc, sample in coded:
        store.add(avcc, sample)
        if sample.time >= switch and not pieces:
            pieces = await take(viewer)
    store.close()
    pieces += [piece async for piece in viewer]
    looks = [
        look
        for avcc, some in groupby(coded[:-1], itemgetter(0))
        for look in await checksums(avcc, [sample.data for _, sample in some])
    ]
    command = ("ffmpeg", "-v", "warning", "-i", "pipe:0", "-map", "0:v", "-fps_mode", "passthrough")
    lines = (await run(*command, "-f", "framemd5", "pipe:1", data=b"".join(pieces), quiet=True)).splitlines()
    seen = [line.decode().split()[-1] for line in lines if not line.startswith(b"#")]
    first = len([one for one in coded if one[1].time < switch])
    assert seen[-len(looks) + first :] == looks[first:]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(changes, st.booleans()), min_size=PARTS, max_size=80), st.integers(0, 30))
def test_any_viewer(life: list[tuple[list[int], bool]], joins: int) -> None:
    """Whatever the pace of a viewer: begins with a keyframe, leaves out parts only up to a keyframe.

    life: when the page changes in each part, and whether the viewer takes what is there after it.
    """

    async def watch() -> tuple[Broadcast, list[bytes]]:
        broadcast = Broadcast()
        broadcast.finish(1)
        for _ in range(joins):
            broadcast.part()
        viewer = live(broadcast.store)
        pieces = await take(viewer)
        for changes_us, takes in life:
            broadcast.part(changes_us)
            if takes:
                pieces += await take(viewer)
        broadcast.store.close()
        return broadcast, pieces + [piece async for piece in viewer]

    with asyncio.Runner() as runner:
        broadcast, pieces = runner.run(watch())
    check_order(broadcast, pieces)


def check_order(broadcast: Broadcast, pieces: list[bytes]) -> None:
    """Check that all pictures are there but those that were left out before a keyframe."""
    index = {sample.data: number for number, sample in enumerate(broadcast.samples)}
    keyframes = {number for number, sample in enumerate(broadcast.samples) if sample.keyframe}
    before = None
    for piece in pieces:
        numbers = [index[one] for one in video(piece).data]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert numbers[0] in keyframes or numbers[0] - 1 == before
        assert before is None or numbers[0] > before
        before = numbers[-1]


async def test_plays() -> None:
    """FFmpeg decodes what a viewer gets to the very pictures of the stream, and finds nothing wrong.

    The first piece repeats its last picture: some players want to see twenty before they begin.
    """
    coded = await encode(
        [
            *(paced(frame(index), index * 50_000) for index in range(30)),
            *still(frame(29), SEGMENT_US + 500_000, 4 * SEGMENT_US),
        ]
    )
    store = SegmentStore(SMALL.width, SMALL.height)
    for avcc, sample in coded[:28]:
        store.add(avcc, sample)
    viewer = live(store)
    pieces = await take(viewer)
    for avcc, sample in coded[28:]:
        store.add(avcc, sample)
    store.close()
    pieces += [piece async for piece in viewer]
    check_gap_free(pieces)
    last = len(coded) - 1
    looks = await checksums(coded[0][0], [sample.data for _, sample in coded])
    # The second segment, and of that one part, is what is there.
    expected = looks[20:25] + [looks[24]] * 32 + looks[25:last]
    command = ("ffmpeg", "-v", "error", "-i", "pipe:0", "-map", "0:v", "-fps_mode", "passthrough")
    lines = (await run(*command, "-f", "framemd5", "pipe:1", data=b"".join(pieces), quiet=True)).splitlines()
    assert [line.decode().split()[-1] for line in lines if not line.startswith(b"#")] == expected
    packets = (await probe(b"".join(pieces), "-show_packets"))["packets"]
    times = [int(packet["pts"]) for packet in packets]
    assert times == sorted(set(times))
    assert [end - start for start, end in pairwise(times[:37])] == [1] + [2] * 35
    # A part begins with each of these keyframes.
    assert times[37:] == [sample.time + fmp4.KEYFRAME_DELAY * sample.keyframe for _, sample in coded[25:last]]
