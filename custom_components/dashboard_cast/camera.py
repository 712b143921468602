"""A camera for each display: its live picture, and a stream for wherever cameras go."""

import asyncio
from functools import partial
import logging
import time
from typing import Final, override

from homeassistant.components.camera import Camera, CameraEntityFeature
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import CONTENT_TYPE_JPEG, TS_MASTER_PLAYLIST
from .displays import Display
from .engine.picture import PictureFormat, developed
from .engine.stream import Stream
from .entity import DisplayEntity, add_for_displays
from .errors import DashboardCastError
from .registry import DashboardCastConfigEntry
from .translation import translated
from .urls import stream_path

_LOGGER = logging.getLogger(__name__)

# Stills and streams are nobody's turn to wait for.
PARALLEL_UPDATES: Final = 0

# A browser that fails is not troubled again by each who looks at a thumbnail, in seconds.
_RETRY_S: Final = 60.0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: DashboardCastConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the cameras."""
    add_for_displays(entry, async_add_entities, partial(DisplayCamera, entry=entry))


class DisplayCamera(DisplayEntity, Camera):
    """What a display shows, or would show."""

    _attr_supported_features = CameraEntityFeature.STREAM

    def __init__(self, display: Display, *, entry: DashboardCastConfigEntry) -> None:
        Camera.__init__(self)
        DisplayEntity.__init__(self, display, "picture")
        self.content_type = CONTENT_TYPE_JPEG
        self._entry = entry
        self._last: bytes | None = None
        # What it shows: when the display is given something else, that may be nobody's to see any more.
        self._last_source = display.source
        self._stream: Stream | None = None
        self._drawing: asyncio.Task[None] | None = None
        self._retry_at = 0.0

    @property
    @override
    def is_streaming(self) -> bool:
        return self.display.stream is not None

    @override
    async def async_camera_image(self, width: int | None = None, height: int | None = None) -> bytes | None:
        """Return the live picture; while nothing runs the last one, or one that is drawn for who asks."""
        stream = self._entry.runtime_data.stream_for(self.display)
        if stream and (still := stream.still):
            return still
        if self._last_picture is None:
            await self._async_draw_once()
        return self._last_picture

    @property
    def _last_picture(self) -> bytes | None:
        return self._last if self._last_source == self.display.source else None

    @override
    async def stream_source(self) -> str:
        """Return an address that leads to a stream, which starts when somebody fetches that.

        Home Assistant asks for it when it only wants to know what kind of address it is.
        """
        try:
            base = self._entry.runtime_data.base_url()
        except DashboardCastError as error:
            raise translated(error) from error
        return base + stream_path(self.display.token, TS_MASTER_PLAYLIST)

    @callback
    @override
    def _display_changed(self) -> None:
        if self._stream is not self.display.stream:
            # The last picture of a stream that is over is kept.
            if self._stream and (still := self._stream.still):
                self._last, self._last_source = still, self._stream.source
            self._stream = self.display.stream
        super()._display_changed()

    async def _async_draw_once(self) -> None:
        """Draw a picture; who wants one meanwhile waits for the same, and it is kept for the next."""
        if self._drawing is None or self._drawing.done():
            if time.monotonic() < self._retry_at:
                return
            self._drawing = self._entry.async_create_background_task(
                self.hass, self._async_draw(), name=f"picture of {self.display.name}"
            )
        # Who gives up does not end it for the others.
        await asyncio.wait([self._drawing])

    async def _async_draw(self) -> None:
        source, profile = self.display.source, self.display.config.profile
        try:
            picture = await self._entry.runtime_data.async_snapshot(source, profile.width, profile.height)
        except DashboardCastError as error:
            _LOGGER.debug("There is no picture of %s: %s", self.display.name, error)
            self._retry_at = time.monotonic() + _RETRY_S
        else:
            self._last = await self.hass.async_add_executor_job(developed, picture, PictureFormat.JPEG)
            self._last_source = source
