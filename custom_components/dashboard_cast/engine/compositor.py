"""When a page draws, in a browser that draws only when it is told to."""

import asyncio
from contextlib import suppress
import time
from typing import Final, Never

from ..errors import BrowserFailedError
from .cdp import Tab

# So many frames in a row in which nothing changed make a page a still one.
_STILL_FRAMES: Final = 3
# A still page is looked at so often, in Hz, for what it does not tell of: frames within it, late animations.
_STILL_RATE: Final = 5.0
# A frame that takes longer than this never comes, in seconds.
_FRAME_TIMEOUT_S: Final = 10.0


class Compositor:
    """Begins the frames of a page: at the full rate while it moves, now and then while it is still.

    Each begun frame costs the browser a millisecond even when nothing has changed. A page that tells when it
    is about to change is drawn at once.
    """

    def __init__(self, tab: Tab, frame_rate: int) -> None:
        """Begin at most so many frames per second."""
        self._tab = tab
        self._interval = 1 / frame_rate
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """Draw as soon as the frame rate allows."""
        self._changed.set()

    async def run(self) -> Never:
        """Begin frames until cancelled; raises BrowserFailedError when the page does not draw any more."""
        still, due = 0, time.monotonic()
        while True:
            told = self._changed.is_set()
            self._changed.clear()
            still = 0 if await self._begin() else still + 1
            due = max(due + self._interval, time.monotonic())
            # A mere look at a still page does not count: the next frame may come at any time.
            if told or still < _STILL_FRAMES:
                await asyncio.sleep(due - time.monotonic())
            if still >= _STILL_FRAMES:
                await self._rest()
                due = time.monotonic()

    async def _begin(self) -> bool:
        """Let the page draw one frame; return whether anything was drawn."""
        try:
            async with asyncio.timeout(_FRAME_TIMEOUT_S):
                return await self._tab.begin_frame(self._interval)
        except TimeoutError as error:
            raise BrowserFailedError(detail="the page does not draw any more") from error

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(1 / _STILL_RATE):
                await self._changed.wait()
