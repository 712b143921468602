"""Small pictures of what is to be shown, for lists, drawn when they are asked for and kept for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
import logging
import time
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from .engine.picture import PictureFormat, developed
from .errors import DashboardCastError
from .models import Source

_LOGGER = logging.getLogger(__name__)

WIDTH: Final = 480
"""Pixels: twice what a card of Home Assistant's media browser has, for fine screens."""
HEIGHT: Final = 270
"""Pixels."""
# Drawn as on a TV, where the page is 1280 pixels wide.
_ZOOM: Final = WIDTH / 1280
# How long a picture will do, and after what time it is tried again when there was none.
_KEPT_S: Final = 300.0
_RETRY_S: Final = 30.0
# Who asks does not wait any longer: browsers have few connections for all that a page wants.
_PATIENCE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Thumbnail:
    """A picture, or what draws it."""

    drawing: asyncio.Task[bytes | None]
    since: float
    """When it was asked for, on the monotonic clock."""

    @property
    def is_due(self) -> bool:
        """Whether it has to be drawn anew."""
        drawing = self.drawing
        if not drawing.done():
            return False
        failed = drawing.cancelled() or drawing.exception() or drawing.result() is None
        return time.monotonic() - self.since > (_RETRY_S if failed else _KEPT_S)


class Thumbnails:
    """The pictures that were drawn, in memory, as long as the config entry is loaded.

    draw: returns a picture of a source, so many pixels large; raises a DashboardCastError.
    """

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, draw: Callable[[Source, int, int], Awaitable[bytes]]
    ) -> None:
        self._hass = hass
        self._entry = entry
        self._draw = draw
        self._thumbnails: dict[Source, _Thumbnail] = {}
        # A list asks for all of its pictures at once; each is a page, which takes memory.
        self._turn = asyncio.Lock()

    async def async_get(self, source: Source) -> bytes | None:
        """Return a JPEG of a source; None when it cannot be drawn, or not within some seconds.

        What takes longer is drawn all the same, for who asks the next time.
        """
        found = self._thumbnails.get(source)
        if found is None or found.is_due:
            found = self._thumbnails[source] = _Thumbnail(self._begin(source), time.monotonic())
        drawn, _ = await asyncio.wait([found.drawing], timeout=_PATIENCE_S)
        return found.drawing.result() if drawn and not found.drawing.cancelled() else None

    def _begin(self, source: Source) -> asyncio.Task[bytes | None]:
        return self._entry.async_create_background_task(
            self._hass, self._async_picture(source), name=f"thumbnail of {source.name}"
        )

    async def _async_picture(self, source: Source) -> bytes | None:
        try:
            async with self._turn:
                drawn = await self._draw(replace(source, zoom=source.zoom * _ZOOM), WIDTH, HEIGHT)
        except DashboardCastError as error:
            _LOGGER.debug("No thumbnail of %s: %s", source.name, error)
            return None
        return await self._hass.async_add_executor_job(developed, drawn, PictureFormat.JPEG)
