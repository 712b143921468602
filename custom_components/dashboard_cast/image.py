"""An image for each display: what it looked like last, which changes only now and then."""

from datetime import datetime, timedelta
from functools import partial
from typing import Final, override

from homeassistant.components.image import ImageEntity
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from .const import CONTENT_TYPE_JPEG
from .displays import Display
from .engine.stream import Stream
from .entity import DisplayEntity, add_for_displays
from .registry import DashboardCastConfigEntry

# Nothing is fetched.
PARALLEL_UPDATES: Final = 0

INTERVAL: Final = timedelta(minutes=5)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: DashboardCastConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the images."""
    add_for_displays(entry, async_add_entities, partial(DisplayImage, hass=hass))


class DisplayImage(DisplayEntity, ImageEntity):
    """What a display looked like last: when it came, now and then while it is shown, and when it went."""

    _attr_content_type = CONTENT_TYPE_JPEG

    def __init__(self, display: Display, *, hass: HomeAssistant) -> None:
        ImageEntity.__init__(self, hass)
        DisplayEntity.__init__(self, display, "last_picture")
        self._picture: bytes | None = None
        self._source = display.config.source
        self._stream: Stream | None = None
        self._outdated: Stream | None = None
        self._timer: CALLBACK_TYPE | None = None

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self._stop_timer)
        self._follow()

    @override
    async def async_image(self) -> bytes | None:
        return self._picture

    @callback
    @override
    def _display_changed(self) -> None:
        if self._source != self.display.config.source:
            self._forget()
        self._follow()
        super()._display_changed()

    def _forget(self) -> None:
        """Forget what it showed before it was given something else: that may be nobody's to see any more."""
        self._source = self.display.config.source
        self._picture = self._attr_image_last_updated = None
        self._outdated = self._stream

    def _follow(self) -> None:
        """Take a picture of a stream that is over, and of one that comes."""
        if self._stream is not self.display.stream:
            self._take()
            self._stream = self.display.stream
            self._take()
            self._stop_timer()
            if self._stream:
                self._timer = async_track_time_interval(
                    self.hass, self._refresh, INTERVAL, name=f"image of {self.display.name}"
                )

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer()
            self._timer = None

    @callback
    def _refresh(self, _now: datetime) -> None:
        self._take()
        self.async_write_ha_state()

    def _take(self) -> None:
        stream = None if self._stream is self._outdated else self._stream
        if stream and (still := stream.still) and still != self._picture:
            self._picture = still
            self._attr_image_last_updated = dt_util.utcnow()
