"""Change-driven pictures in, paced pictures out: when the encoder gets which picture."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
import time
from typing import Final

from ..models import MICROSECONDS, Frame

# A still page is sent this often, so that segments and parts go on.
KEEP_ALIVE_US: Final = MICROSECONDS // 2
# The stream begins this long before its first picture: that picture fills the segments a player wants before
# it starts (three, RFC 8216 section 6.3.3), so nobody waits for them.
LEAD_US: Final = 3 * KEEP_ALIVE_US
ECHO_INTERVALS: Final = 2
# Two pictures never share a tick of the encoder's 90 kHz clock.
_STEP_US: Final = 1_000


@dataclass(frozen=True, slots=True)
class PacedFrame:
    """A picture on its way to the encoder."""

    jpeg: bytes
    time_us: int
    """Microseconds since the stream's start."""


class Pacer:
    """Sends a picture when it changed, with the time it was drawn, and repeats it on a grid of keep-alives.

    An encoder's picture becomes a fragment only when the next one tells how long it lasts. So a picture that
    nothing follows is sent once more: after two intervals of the frame rate cap, as in motion the next one
    may be a little late.
    """

    def __init__(self, frame_rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Pace at most `frame_rate` pictures per second; clock: seconds, monotonic."""
        self._interval_us = MICROSECONDS // frame_rate
        self._clock = clock
        self._frame: Frame | None = None
        self._changed = asyncio.Event()
        self._started: float | None = None
        self._last_us = -1
        self._echo = False

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
            for time_us in self._due():
                yield self._send(shown, time_us)
            if self._changed.is_set():
                frame = self._take()
                # A late picture was drawn before keep-alives that are sent already.
                time_us = max(self._since_start(frame.time), self._last_us + _STEP_US)
                for due_us in self._due(time_us):
                    yield self._send(shown, due_us)
                shown = frame
                self._echo = True
                yield self._send(shown, time_us)
            await self._wait_until(self._next_us())

    def _take(self) -> Frame:
        assert self._frame is not None
        self._changed.clear()
        return self._frame

    def _send(self, frame: Frame, time_us: int) -> PacedFrame:
        self._last_us = time_us
        return PacedFrame(frame.jpeg, time_us)

    def _due(self, end_us: int | None = None) -> list[int]:
        """Return the times up to now, or before `end_us`, at which the shown picture has to be repeated."""
        now_us = self._since_start(self._clock()) if end_us is None else end_us - 1
        times: list[int] = []
        last_us = self._last_us
        while (next_us := self._next_us(last_us)) <= now_us:
            self._echo = False
            times.append(next_us)
            last_us = next_us
        return times

    def _next_us(self, last_us: int | None = None) -> int:
        """Return when the shown picture is repeated next, after having been sent at `last_us`."""
        last_us = self._last_us if last_us is None else last_us
        if last_us < 0:
            return 0
        # On a grid, so that a still page has a picture exactly where a segment begins; a point of the grid
        # is left out when a change was sent shortly before.
        point_us = (last_us + KEEP_ALIVE_US // 2) // KEEP_ALIVE_US * KEEP_ALIVE_US + KEEP_ALIVE_US
        return min(point_us, last_us + ECHO_INTERVALS * self._interval_us) if self._echo else point_us

    def _since_start(self, moment: float) -> int:
        return round((moment - self.started) * MICROSECONDS)

    async def _wait_until(self, time_us: int) -> None:
        delay = self.started + time_us / MICROSECONDS - self._clock()
        try:
            async with asyncio.timeout(max(0.0, delay)):
                await self._changed.wait()
        except TimeoutError:
            pass
