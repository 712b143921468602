"""The segment store: a ring of segments in memory, and those who wait for the next."""

import asyncio
from collections import OrderedDict
from typing import Final

from ..models import Fragment, Init, Part, Segment

# What a playlist lists. Players want three (RFC 8216 section 6.3.3); more let a slow one catch up.
LISTED: Final = 10
# A segment stays for the length of the longest playlist that listed it (RFC 8216 section 6.2.2).
KEPT: Final = 2 * LISTED + 1


class SegmentStore:
    """Cuts fragments into parts and segments, keeps the latest, wakes those who wait.

    target_duration: seconds; a segment ends at the first keyframe after it.
    """

    def __init__(self, target_duration: int) -> None:
        self.target_duration = target_duration
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
        self._held: list[bytes] = []
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
        self._held.clear()
        self._run += 1
        self._run_is_new = True
        self._epoch = epoch
        self.inits[self._run] = init

    def add(self, fragment: Fragment) -> None:
        """Add the run's next fragment; those without a picture go along with the next that has one."""
        self._held.append(fragment.data)
        if fragment.start is None:
            return
        # Half a picture's time early is on time: the grid of pictures and that of seconds need not meet.
        if fragment.keyframe and self._duration > self.target_duration / 2:
            self._cut()
        if self._start is None:
            self._start = fragment.start
        self._parts.append(Part(b"".join(self._held), fragment.duration, fragment.keyframe))
        self._held.clear()

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
