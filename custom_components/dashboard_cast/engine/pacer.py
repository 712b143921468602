"""Change-driven pictures in, paced pictures out: when the encoder gets which picture."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
import time
from typing import Final

from ..models import MICROSECONDS, Frame

# A part begins on every point of this grid, with a picture: a repeat when nothing changed. Players stay three
# parts behind (RFC 8216bis section 4.4.3.8).
PART_US: Final = MICROSECONDS // 4
# A segment begins with a keyframe on the grid. Playlists count target durations in whole seconds (RFC 8216
# section 4.3.3.1), and players without low latency stay three of them behind.
SEGMENT_US: Final = MICROSECONDS
# The stream begins this long before its first picture: that picture fills the segments a player wants before
# it starts (three, RFC 8216 section 6.3.3), so nobody waits for them.
LEAD_US: Final = 3 * SEGMENT_US
# A picture reaches us this long after it was drawn; so long a point of the grid waits for pictures before it.
GRACE_US: Final = 40_000
# Two pictures never share a tick of the encoder's 90 kHz clock.
_STEP_US: Final = 1_000


@dataclass(frozen=True, slots=True)
class PacedFrame:
    """A picture on its way to the encoder."""

    frame: Frame
    time_us: int
    """Microseconds since the stream's start."""
    keyframe: bool
    """Whether a segment begins with it."""


class Pacer:
    """Sends a picture when it changed, with the time it was drawn, and repeats it where parts begin."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds, monotonic."""
        self._clock = clock
        self._frame: Frame | None = None
        self._changed = asyncio.Event()
        self._started: float | None = None
        self._last_us = -1

    @property
    def started(self) -> float:
        """When the stream started, in seconds of the clock: time 0 of its pictures."""
        assert self._started is not None
        return self._started

    def offer(self, frame: Frame) -> None:
        """Take a new picture; one that was not sent yet is forgotten."""
        if self._started is None:
            self._started = frame.time - LEAD_US / MICROSECONDS
        self._frame = frame
        self._changed.set()

    async def frames(self) -> AsyncIterator[PacedFrame]:
        """Yield pictures when it is their time, for ever; the next is sought when the last was taken."""
        await self._changed.wait()
        shown = self._take()
        while True:
            # What is shown at first is drawn already: nothing before it is waited for.
            while (point_us := self._next_point()) <= max(self._now_us() - GRACE_US, LEAD_US):
                yield self._send(shown, point_us)
            if self._changed.is_set():
                frame = self._take()
                time_us = self._since_start(frame.time)
                while (point_us := self._next_point()) <= time_us:
                    yield self._send(shown, point_us)
                shown = frame
                # One that came late was drawn before a point that is sent already.
                yield self._send(shown, max(time_us, self._last_us + _STEP_US))
            await self._wait_until(self._next_point() + GRACE_US)

    def _take(self) -> Frame:
        assert self._frame is not None
        self._changed.clear()
        return self._frame

    def _send(self, frame: Frame, time_us: int) -> PacedFrame:
        self._last_us = time_us
        return PacedFrame(frame, time_us, time_us % SEGMENT_US == 0)

    def _next_point(self) -> int:
        """Return the first point of the grid after the last picture."""
        return (self._last_us // PART_US + 1) * PART_US

    def _now_us(self) -> int:
        return self._since_start(self._clock())

    def _since_start(self, moment: float) -> int:
        return round((moment - self.started) * MICROSECONDS)

    async def _wait_until(self, time_us: int) -> None:
        delay = self.started + time_us / MICROSECONDS - self._clock()
        try:
            async with asyncio.timeout(max(0.0, delay)):
                await self._changed.wait()
        except TimeoutError:
            pass
