"""Buttons of each display: for what is not as it should be."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .displays import Display
from .entity import DisplayEntity, add_for_displays
from .errors import DashboardCastError
from .registry import DashboardCastConfigEntry
from .translation import translated

# Of each page there may be a new one at the same time.
PARALLEL_UPDATES: Final = 0


@dataclass(frozen=True, kw_only=True)
class DisplayButtonDescription(ButtonEntityDescription):
    """Something to be done with a display."""

    press: Callable[[Display], Awaitable[None]]
    """Does it; may raise a DashboardCastError."""
    available: Callable[[Display], bool] = lambda _display: True
    """Whether it can be done now."""


BUTTONS: Final = (
    DisplayButtonDescription(
        key="reload",
        entity_category=EntityCategory.CONFIG,
        press=Display.async_reload,
        available=lambda display: display.stream is not None,
    ),
    DisplayButtonDescription(key="cast_again", press=Display.async_cast_again),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: DashboardCastConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the buttons."""
    buttons = [partial(DisplayButton, description=description) for description in BUTTONS]
    add_for_displays(entry, async_add_entities, *buttons)


class DisplayButton(DisplayEntity, ButtonEntity):
    """Something to be done with a display."""

    entity_description: DisplayButtonDescription

    def __init__(self, display: Display, *, description: DisplayButtonDescription) -> None:
        super().__init__(display, description.key)
        self.entity_description = description

    @property
    @override
    def available(self) -> bool:
        return self.entity_description.available(self.display)

    @override
    async def async_press(self) -> None:
        try:
            await self.entity_description.press(self.display)
        except DashboardCastError as error:
            raise translated(error) from error
