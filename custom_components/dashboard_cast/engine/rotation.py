"""Several views in one stream, each for a while."""

import asyncio
from collections.abc import Sequence
import logging
import time
from typing import Never

from ..errors import DashboardCastError
from ..models import Source
from .stream import Stream

_LOGGER = logging.getLogger(__name__)


async def rotate(stream: Stream, views: Sequence[Source], interval: float) -> Never:
    """Show views in turn, each for so many seconds, until cancelled; begins with the one after what is shown.

    The next view is drawn while the one before it shows. One that cannot be drawn is passed over, which is
    said once, and once that it can be drawn again.
    """
    drawing = 0.0
    broken: set[Source] = set()
    while True:
        # What took long to draw is begun earlier.
        await asyncio.sleep(interval - min(drawing, interval / 2))
        begun = time.monotonic()
        await _show_next(stream, views, broken)
        drawing = time.monotonic() - begun


async def _show_next(stream: Stream, views: Sequence[Source], broken: set[Source]) -> None:
    """Show the first view after the one that is shown that can be drawn; broken: those that could not be."""
    after = views.index(stream.source) + 1
    for view in (*views[after:], *views[: after - 1]):
        try:
            await stream.show(view)
        except DashboardCastError as error:
            if view not in broken:
                _LOGGER.warning("%s is passed over: %s", view.name, error)
                broken.add(view)
        else:
            if view in broken:
                _LOGGER.info("%s is shown again", view.name)
                broken.remove(view)
            return
