"""A switch for each display: whether it is to be shown."""

from typing import Any, Final, override

from homeassistant.components.switch import SwitchEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .displays import Display
from .entity import DisplayEntity, add_for_displays
from .registry import DashboardCastConfigEntry

# Commands only note what is wanted.
PARALLEL_UPDATES: Final = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: DashboardCastConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the switches."""
    add_for_displays(entry, async_add_entities, DisplaySwitch)


class DisplaySwitch(DisplayEntity, SwitchEntity):
    """Whether a display is to be shown."""

    def __init__(self, display: Display) -> None:
        super().__init__(display, "shown")

    @property
    @override
    def is_on(self) -> bool:
        return self.display.wanted

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self.display.async_turn_on()

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self.display.async_turn_off()
