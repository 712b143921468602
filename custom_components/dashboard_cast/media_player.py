"""A media player for each display: on and off, what it shows, and what else it could."""

import hashlib
from typing import Final, override

from homeassistant.components.media_player import (
    MediaPlayerDeviceClass,
    MediaPlayerEntity,
    MediaPlayerEntityFeature,
    MediaPlayerState,
    MediaType,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import CONTENT_TYPE_JPEG
from .displays import Display
from .entity import add_for_displays
from .registry import DashboardCastConfigEntry
from .rules import Status
from .view_entity import ViewEntity

# Commands only note what is wanted.
PARALLEL_UPDATES: Final = 0

_STATES: Final = {
    Status.STARTING: MediaPlayerState.BUFFERING,
    Status.SHOWING: MediaPlayerState.PLAYING,
    Status.RECOVERING: MediaPlayerState.BUFFERING,
}


async def async_setup_entry(
    hass: HomeAssistant,
    entry: DashboardCastConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the media players."""
    add_for_displays(entry, async_add_entities, DisplayPlayer)


class DisplayPlayer(ViewEntity, MediaPlayerEntity):
    """A display as a media player, whose sources are the views of its dashboard."""

    _attr_device_class = MediaPlayerDeviceClass.TV
    _attr_media_content_type = MediaType.VIDEO
    # It is the device itself.
    _attr_name = None

    def __init__(self, display: Display) -> None:
        super().__init__(display, "player")

    @property
    @override
    def supported_features(self) -> MediaPlayerEntityFeature:
        features = MediaPlayerEntityFeature.TURN_ON | MediaPlayerEntityFeature.TURN_OFF
        return features | MediaPlayerEntityFeature.SELECT_SOURCE if self.titles else features

    @property
    @override
    def state(self) -> MediaPlayerState:
        if not self.display.wanted:
            return MediaPlayerState.OFF
        return _STATES.get(self.display.status, MediaPlayerState.IDLE)

    @property
    @override
    def source_list(self) -> list[str]:
        return self.titles

    @property
    @override
    def source(self) -> str | None:
        return self.shown_title

    @property
    @override
    def media_title(self) -> str:
        return self.shown_title or self.display.source.name

    @property
    @override
    def media_image_hash(self) -> str | None:
        """Another for each stream and view, so that their pictures are not taken for one another."""
        if self.display.stream is None:
            return None
        return hashlib.sha256(f"{self.display.stream.token}{self.display.source.path}".encode()).hexdigest()[
            :16
        ]

    @override
    async def async_get_media_image(self) -> tuple[bytes | None, str | None]:
        return self.display.stream.still if self.display.stream else None, CONTENT_TYPE_JPEG

    @override
    async def async_turn_on(self) -> None:
        await self.display.async_turn_on()

    @override
    async def async_turn_off(self) -> None:
        await self.display.async_turn_off()

    @override
    async def async_select_source(self, source: str) -> None:
        await self.async_show_view(source)
