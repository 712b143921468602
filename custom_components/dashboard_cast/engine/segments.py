"""The segment store: a ring of segments in memory, and those who wait for the next."""

import asyncio
from collections import OrderedDict
import math
from typing import Final

from ..models import Fragment, Init, Part, Segment

# What a playlist lists. Players want three (RFC 8216 section 6.3.3); more let a slow one catch up.
LISTED: Final = 16
# A segment stays for the length of the longest playlist that listed it (RFC 8216 section 6.2.2).
KEPT: Final = 2 * LISTED + 1
# Less than a tick of any clock in the encoder's output.
_TICK_S: Final = 1e-6


class SegmentStore:
    """Cuts fragments into parts and segments, keeps the latest, wakes those who wait.

    interval: seconds between forced keyframes; a segment reaches from one to the next.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.target_duration = math.ceil(interval)
        """What no segment is longer than, rounded, in seconds."""
        self.segments: OrderedDict[int, Segment] = OrderedDict()
        """The complete segments by number, oldest first."""
        self.inits: dict[int, Init] = {}
        """The init segments that kept segments need, by number."""
        self.closed = False
        """Whether nothing more comes."""
        self.dropped_discontinuities = 0
        """How many discontinuities lie before the first listed segment."""
        self._next_number = 0
        self._epoch = 0.0
        self._run = -1
        self._run_is_new = False
        self._keyframes = 0
        self._parts: list[Part] = []
        self._start: float | None = None
        self._changed = asyncio.Event()

    @property
    def listed(self) -> list[Segment]:
        """The segments a playlist shows, oldest first."""
        return list(self.segments.values())[-LISTED:]

    def begin(self, init: Init, epoch: float) -> None:
        """Take up a new encoder run; epoch: when its time 0 was, in seconds since the epoch."""
        self._cut()
        self._run += 1
        self._run_is_new = True
        self._keyframes = 0
        self._epoch = epoch
        self.inits[self._run] = init

    def add(self, fragment: Fragment) -> None:
        """Add the run's next fragment."""
        if fragment.keyframe:
            self._cut()
            self._keyframes += 1
        if self._start is None:
            self._start = fragment.start
        self._parts.append(Part(fragment.data, fragment.duration, fragment.keyframe))
        # The encoder's n-th keyframe is the first picture from n intervals on (`encoder.arguments`). So the
        # end of a segment is known before the next one begins.
        if fragment.start + fragment.duration > self._keyframes * self.interval - _TICK_S:
            self._cut()

    def close(self) -> None:
        """Say that nothing more comes."""
        self.closed = True
        self._wake()

    async def wait_for(self, count: int) -> bool:
        """Wait for `count` complete segments; return whether they are there, else the store was closed."""
        while not self.closed and len(self.segments) < count:
            await self._changed.wait()
        return len(self.segments) >= count

    @property
    def _duration(self) -> float:
        return sum(part.duration for part in self._parts)

    def _cut(self) -> None:
        """End the segment that is being filled."""
        if self._start is None:
            return
        segment = Segment(
            number=self._next_number,
            parts=tuple(self._parts),
            start=self._epoch + self._start,
            duration=self._duration,
            init=self._run,
            discontinuity=self._run_is_new and self._next_number > 0,
            data=b"".join(part.data for part in self._parts),
        )
        self.segments[segment.number] = segment
        self._next_number += 1
        self._run_is_new = False
        self._start = None
        self._parts = []
        self._forget()
        self._wake()

    def _forget(self) -> None:
        """Drop what no playlist lists any more, and init segments that nothing needs."""
        while len(self.segments) > KEPT:
            self.segments.popitem(last=False)
        if len(self.segments) > LISTED:
            left = list(self.segments.values())[-LISTED - 1]
            self.dropped_discontinuities += left.discontinuity
        needed = {segment.init for segment in self.segments.values()} | {self._run}
        self.inits = {number: init for number, init in self.inits.items() if number in needed}

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
