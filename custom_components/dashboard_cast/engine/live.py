"""The stream as one endless fragmented MP4 (progressive, low latency)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from ..errors import MalformedMediaError
from . import fmp4, h264
from .segments import Part, Segment, SegmentStore

# A viewer who is so many parts behind is taken on to the latest keyframe.
MAX_BEHIND: Final = 12
# Chromium's video element sees nothing of a block before all of it is there: without padding a still page
# would be a second and more behind. It makes a megabit a second at least.
_BLOCK: Final = 32 * 1024
# How long pictures last that have to be decoded and are not to be seen.
_UNSEEN_TICKS: Final = 2


async def live(store: SegmentStore) -> AsyncIterator[bytes]:
    """Yield init segment and fragments for ever, the next when it is there and asked for.

    It begins with what is shown now, on a keyframe. Who takes too long misses parts. It ends with the stream
    only: where another encoder takes over, what a player needs comes with the keyframes (`Part.data`).
    """
    if not await store.wait_for(1):
        return
    segment = _latest(store)
    init, number = segment.init, segment.parts[-1].number
    header = fmp4.init(init.avcc, init.width, init.height, fmp4.ENDLESS_S)
    yield _padded(header + _caught_up(segment))
    while await store.wait_after(number):
        part = _next(store, number)
        yield _padded(part.data)
        number = part.number


def _latest(store: SegmentStore) -> Segment:
    """Return the newest segment that has parts."""
    if store.current and store.current.parts:
        return store.current
    return next(reversed(store.segments.values()))


def _next(store: SegmentStore, number: int) -> Part:
    """Return the part after this one, or for who is late the first of the newest segment."""
    if store.next_part - number > MAX_BEHIND:
        return _latest(store).parts[0]
    return store.parts[number + 1]


def _caught_up(segment: Segment) -> bytes:
    """Return a segment so far as one fragment that is over in no time: its last picture is shown now.

    Players start where the fragment starts: whole, it would put them up to a segment behind for good.
    """
    samples = [*segment.samples]
    samples += [replace(samples[-1], data=data, keyframe=False) for data in _repeats(segment, len(samples))]
    begin = segment.end - _UNSEEN_TICKS * len(samples)
    moved = [replace(sample, time=begin + _UNSEEN_TICKS * index) for index, sample in enumerate(samples)]
    return fmp4.fragment(segment.parts[-1].number + 1, moved, segment.end)


def _repeats(segment: Segment, pictures: int) -> list[bytes]:
    """Return repeats of the last picture: some players want to see twenty pictures before they begin."""
    try:
        return h264.round_of_repeats(segment.init.avcc, pictures)
    except MalformedMediaError:
        return []


def _padded(data: bytes) -> bytes:
    """Fill the last block up with a box that players ignore (ISO/IEC 14496-12 section 8.1.2)."""
    # A box has at least its header.
    size = 8 + -(len(data) + 8) % _BLOCK
    return data + size.to_bytes(4) + b"free" + bytes(size - 8)
