"""What the entities of displays share."""

from collections.abc import Callable, Iterable
from typing import override

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import DOMAIN
from .displays import Display
from .registry import DashboardCastConfigEntry


class DisplayEntity(Entity):
    """An entity of a display, which is a device.

    key: what it is called in the translations, and within the display.
    """

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, display: Display, key: str) -> None:
        self.display = display
        self._attr_translation_key = key
        self._attr_unique_id = f"{display.subentry_id}_{key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, display.subentry_id)},
            name=display.name,
            manufacturer="Dashboard Cast",
            entry_type=DeviceEntryType.SERVICE,
        )

    @override
    async def async_added_to_hass(self) -> None:
        self.async_on_remove(self.display.async_listen(self._display_changed))

    @callback
    def _display_changed(self) -> None:
        """Take in that something about the display has changed."""
        self.async_write_ha_state()


def add_for_displays(
    entry: DashboardCastConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    *make: Callable[[Display], DisplayEntity],
) -> None:
    """Add what is made of each display, also of those that are set up later."""

    def add(display: Display) -> None:
        async_add_entities([one(display) for one in make], config_subentry_id=display.subentry_id)

    entry.async_on_unload(entry.runtime_data.displays.async_follow(add))


def of_displays(hass: HomeAssistant, entity_ids: Iterable[str], key: str) -> set[str]:
    """Return which of these entities are those of displays that are called so."""
    registry = er.async_get(hass)
    entries = (registry.async_get(entity_id) for entity_id in entity_ids)
    return {
        entry.entity_id
        for entry in entries
        if entry and (entry.platform, entry.translation_key) == (DOMAIN, key)
    }
