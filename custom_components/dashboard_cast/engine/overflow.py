"""What becomes of a page that is longer than its screen."""

import asyncio
from collections.abc import Callable
import math
from pathlib import Path
from typing import Final, Never

from ..errors import BrowserFailedError
from ..models import Overflow, Source
from .cdp import CdpSession
from .look import Look
from .world import World

_SCRIPT: Final = Path(__file__).with_suffix(".js").read_text(encoding="utf-8").strip()
# Smaller than that nobody can read it: then the end is not seen.
_MIN_ZOOM: Final = 0.25
# A page has arranged itself for another screen within so many seconds.
_ARRANGE_S: Final = 0.4
# How often to look whether a page has become longer, in seconds.
_LOOK_S: Final = 5.0
# How long a part of the page stays, and how long the beginning and the end do, in seconds.
_REST_S: Final = 6.0
_END_REST_S: Final = 10.0


class LongView:
    """Fits a page into its screen or scrolls through it, as the source wants."""

    def __init__(self, session: CdpSession, source: Source, look: Look) -> None:
        self._world = World(session)
        self._source = source
        self._look = look
        self._scale = 1.0

    async def arrange(self) -> None:
        """Make a page that was just drawn fit, where it has to; raises BrowserFailedError."""
        if self._source.overflow is not Overflow.FIT:
            return
        smallest = _MIN_ZOOM / self._source.zoom
        # On a larger screen cards find room side by side as well; where they do not, only the height counts.
        share: Callable[[float], float] = math.sqrt
        while (fill := await self._fill()) > 1 and self._scale > smallest:
            self._scale = max(smallest, self._scale / share(fill))
            share = float
            await self._look.set_scale(self._scale)
            await asyncio.sleep(_ARRANGE_S)

    async def run(self) -> Never:
        """Go on with it until cancelled."""
        rest = _END_REST_S if self._source.overflow is Overflow.SCROLL else _LOOK_S
        while True:
            await asyncio.sleep(rest)
            try:
                if self._source.overflow is Overflow.SCROLL:
                    rest = _END_REST_S if await self._tell("scroll") else _REST_S
                else:
                    await self.arrange()
            except BrowserFailedError:
                # The page is on its way to another, or is lost, which others find out.
                continue

    async def _fill(self) -> float:
        """Return how much longer the page is than its screen."""
        return float(await self._tell("fill") or 1.0)

    async def _tell(self, what: str) -> float | bool | None:
        answer: float | bool | None = await self._world.evaluate(f'({_SCRIPT})("{what}")')
        return answer
