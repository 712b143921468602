"""The segment store: a ring of parts and segments in memory, and those who wait for the next."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from ..models import MICROSECONDS, VIDEO_TIMESCALE, Init, Sample
from . import fmp4, h264
from .pacer import PART_US, SEGMENT_US

# What a playlist lists. Players want three (RFC 8216 section 6.3.3); more let a slow one catch up.
LISTED: Final = 10
# A segment stays for the length of the longest playlist that listed it (RFC 8216 section 6.2.2).
KEPT: Final = 2 * LISTED + 1
PART_TICKS: Final = PART_US * VIDEO_TIMESCALE // MICROSECONDS
TARGET_DURATION: Final = SEGMENT_US // MICROSECONDS
"""What no segment is longer than, in seconds."""
PART_TARGET: Final = PART_US / MICROSECONDS
"""What no part is longer than, in seconds."""
HOLD_BACK_PARTS: Final = 3
"""How many parts players with low latency stay behind at least (RFC 8216bis section 4.4.3.8)."""


class Part:
    """A piece of a segment that is complete before the segment is: pictures and sound of one span of time."""

    def __init__(self, number: int, init: Init, samples: tuple[Sample, ...], end: int) -> None:
        self.number = number
        """Counted through the stream, so that the next one's name is known before it is there."""
        self.init = init
        self.samples = samples
        self.end = end
        """When its last picture's time is over, in ticks since the stream's start."""

    @property
    def duration(self) -> float:
        """Seconds."""
        return (self.end - self.samples[0].time) / VIDEO_TIMESCALE

    @property
    def independent(self) -> bool:
        """Whether it begins with a keyframe."""
        return self.samples[0].keyframe

    @cached_property
    def data(self) -> bytes:
        """The part as a CMAF chunk, made when somebody wants it.

        Where an encoder took over from another, its parameter sets come with its keyframes as well. With
        `avc1` there are not to be any (ISO/IEC 14496-15 section 5.3.3), but players take them, and need them:
        an endless file has no second init segment, and a player that was hinted at the first of these parts
        takes it for one that goes with the init segment before.
        """
        samples = self.samples
        if self.init.number:
            samples = tuple(_self_contained(sample, self.init.avcc) for sample in samples)
        return fmp4.fragment(self.number + 1, samples, self.end)


def _self_contained(sample: Sample, avcc: bytes) -> Sample:
    return replace(sample, data=h264.with_parameter_sets(avcc, sample.data)) if sample.keyframe else sample


@dataclass(eq=False)
class Segment:
    """A media segment: parts from one keyframe to the next."""

    number: int
    """Media sequence number, counted on through encoder restarts."""
    init: Init
    discontinuity: bool
    """Whether it is the first that needs its init segment, and not the first of all."""
    parts: list[Part] = field(default_factory=list)

    @property
    def start(self) -> int:
        """Ticks since the stream's start."""
        return self.parts[0].samples[0].time

    @property
    def end(self) -> int:
        """Ticks since the stream's start."""
        return self.parts[-1].end

    @property
    def duration(self) -> float:
        """Seconds."""
        return (self.end - self.start) / VIDEO_TIMESCALE

    @property
    def samples(self) -> Iterator[Sample]:
        """Its pictures."""
        return (sample for part in self.parts for sample in part.samples)

    @property
    def data(self) -> bytes:
        """The whole as CMAF."""
        return b"".join(part.data for part in self.parts)


class SegmentStore:
    """Cuts coded pictures into parts and segments, keeps the latest, wakes those who wait.

    A part ends where a picture lies on the next point of the grid (`pacer.PART_US`), a segment where that
    picture is a keyframe.
    """

    def __init__(self, width: int, height: int) -> None:
        """Take pictures of this size in pixels."""
        self.segments: dict[int, Segment] = {}
        """The complete segments by number, oldest first."""
        self.parts: dict[int, Part] = {}
        """The complete parts by number, oldest first, those of the current segment among them."""
        self.current: Segment | None = None
        """The segment that is being filled; perhaps it has no part yet."""
        self.closed = False
        """Whether nothing more comes."""
        self.dropped_discontinuities = 0
        """How many discontinuities lie before the first listed segment."""
        self.version = 0
        """Counts what playlists depend on."""
        self.epoch = 0.0
        """When time 0 was, in seconds since the epoch."""
        self._size = (width, height)
        self._init: Init | None = None
        self._next_part = 0
        self._next_segment = 0
        self._samples: list[Sample] = []
        self._changed = asyncio.Event()

    @property
    def listed(self) -> list[Segment]:
        """The segments a playlist shows, oldest first."""
        return list(self.segments.values())[-LISTED:]

    @property
    def inits(self) -> dict[int, Init]:
        """The init segments that kept segments need, by number."""
        needed = [segment.init for segment in self.segments.values()]
        return {init.number: init for init in [*needed, *([self._init] if self._init else [])]}

    @property
    def next_part(self) -> int:
        """The number of the part that is complete next."""
        return self._next_part

    def add(self, avcc: bytes, sample: Sample) -> None:
        """Add the next picture; avcc: the decoder configuration that it needs."""
        if self._samples and sample.time // PART_TICKS > self._samples[0].time // PART_TICKS:
            self._end_part(sample.time)
            if sample.keyframe:
                self._end_segment()
            self._wake()
        if self.current is None:
            self._begin_segment(avcc)
        self._samples.append(sample)

    def close(self) -> None:
        """Say that nothing more comes."""
        self.closed = True
        self._wake()

    async def wait_for(self, count: int) -> bool:
        """Wait for `count` complete segments; return whether they are there, else the store was closed."""
        while not self.closed and len(self.segments) < count:
            await self._changed.wait()
        return len(self.segments) >= count

    async def wait_for_part(self, segment: int, part: int | None) -> bool:
        """Wait for a part of a segment, or for the whole segment (RFC 8216bis section 6.2.5.2).

        Returns False when the store was closed before.
        """
        while not self.closed and not self._has(segment, part):
            await self._changed.wait()
        return self._has(segment, part)

    async def wait_to_join(self) -> bool:
        """Wait for the beginning of a segment: then a playlist puts new players as near to the end as can be.

        Players without low latency stay as far behind as they came after the end of the last segment. Some
        with low latency, Shaka Player 4 among them, begin with the keyframe before the parts they hold back.
        Returns False when the store was closed before.
        """
        if self.current and self.current.parts:
            return await self.wait_for_part(self.next_segment, None)
        return not self.closed

    async def wait_after(self, number: int) -> bool:
        """Wait for the part with the next number; return False when the store was closed before."""
        while not self.closed and self._next_part <= number + 1:
            await self._changed.wait()
        return self._next_part > number + 1

    @property
    def next_segment(self) -> int:
        """The number of the segment that is complete next."""
        return self._next_segment - bool(self.current)

    def _has(self, segment: int, part: int | None) -> bool:
        if part is None or segment != self.next_segment:
            # The first part of the segment after is what a part beyond the last one stands for.
            return segment < self.next_segment and (part is None or not self._beyond(segment, part))
        return self.current is not None and part < len(self.current.parts)

    def _beyond(self, segment: int, part: int) -> bool:
        """Return whether a part beyond the end of the last complete segment is asked for, and not there."""
        found = self.segments.get(segment)
        past_end = found is not None and part >= len(found.parts)
        return past_end and segment + 1 == self.next_segment and not (self.current and self.current.parts)

    def _begin_segment(self, avcc: bytes) -> None:
        changed = self._init is None or self._init.avcc != avcc
        if changed:
            number = self._init.number + 1 if self._init else 0
            self._init = Init(number, avcc, *self._size)
        assert self._init is not None
        self.current = Segment(self._next_segment, self._init, changed and self._next_segment > 0)
        self._next_segment += 1

    def _end_part(self, end: int) -> None:
        assert self.current is not None
        part = Part(self._next_part, self.current.init, tuple(self._samples), end)
        self._next_part += 1
        self._samples = []
        self.parts[part.number] = part
        self.current.parts.append(part)

    def _end_segment(self) -> None:
        assert self.current is not None
        self.segments[self.current.number] = self.current
        self.current = None
        self._forget()

    def _forget(self) -> None:
        """Drop what no playlist lists any more."""
        numbers = list(self.segments)
        if len(numbers) > LISTED:
            self.dropped_discontinuities += self.segments[numbers[-LISTED - 1]].discontinuity
        for number in numbers[:-KEPT]:
            for part in self.segments.pop(number).parts:
                del self.parts[part.number]

    def _wake(self) -> None:
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()
