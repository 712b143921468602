"""A select for each display of a dashboard: which of its views is shown."""

from typing import Final, override

from homeassistant.components.select import SelectEntity
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .displays import Display
from .registry import DashboardCastConfigEntry
from .view_entity import ViewEntity

# The last one that is chosen is shown, whatever is on its way.
PARALLEL_UPDATES: Final = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: DashboardCastConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add a select for each display that shows a dashboard, or comes to show one."""

    @callback
    def follow(display: Display) -> None:
        @callback
        def add() -> None:
            if display.config.source.website is None:
                unlisten()
                async_add_entities([ViewSelect(display)], config_subentry_id=display.subentry_id)

        unlisten = display.async_listen(add)
        add()

    entry.async_on_unload(entry.runtime_data.displays.async_follow(follow))


class ViewSelect(ViewEntity, SelectEntity):
    """Which view of its dashboard a display shows, or will."""

    def __init__(self, display: Display) -> None:
        super().__init__(display, "view")

    @property
    @override
    def available(self) -> bool:
        return bool(self.titles)

    @property
    @override
    def options(self) -> list[str]:
        return self.titles

    @property
    @override
    def current_option(self) -> str | None:
        return self.shown_title

    @override
    async def async_select_option(self, option: str) -> None:
        await self.async_show_view(option)
