"""A select for each display of a dashboard: which of its views is shown."""

from collections import Counter
from collections.abc import Mapping
from typing import Final, override

from homeassistant.components.select import SelectEntity
from homeassistant.const import EVENT_LOVELACE_UPDATED
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .dashboards import View, async_views_of, dashboard_of, view_at
from .displays import Display
from .entity import DisplayEntity
from .errors import DashboardCastError
from .registry import DashboardCastConfigEntry
from .translation import translated

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


class ViewSelect(DisplayEntity, SelectEntity):
    """Which view of its dashboard a display shows, or will."""

    def __init__(self, display: Display) -> None:
        super().__init__(display, "view")
        self._dashboard = ""
        self._views: Mapping[str, View] = {}

    @property
    @override
    def available(self) -> bool:
        # Of a generated dashboard only the frontend knows the views, and a web page has none.
        return bool(self._views)

    @property
    @override
    def options(self) -> list[str]:
        return [*self._views]

    @property
    @override
    def current_option(self) -> str | None:
        shown = view_at([*self._views.values()], self.display.source.path)
        return next((option for option, view in self._views.items() if view is shown), None)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(
            self.hass.bus.async_listen(EVENT_LOVELACE_UPDATED, self._async_dashboard_changed)
        )
        await self._async_load()

    @override
    async def async_select_option(self, option: str) -> None:
        try:
            await self.display.async_show(self._views[option].path)
        except DashboardCastError as error:
            raise translated(error) from error

    @callback
    @override
    def _display_changed(self) -> None:
        if dashboard_of(self.display.source.path) == self._dashboard:
            super()._display_changed()
        else:
            self.hass.async_create_task(self._async_reload())

    async def _async_dashboard_changed(self, _event: Event) -> None:
        await self._async_reload()

    async def _async_reload(self) -> None:
        await self._async_load()
        self.async_write_ha_state()

    async def _async_load(self) -> None:
        """Take in which views the dashboard has."""
        path = self.display.source.path
        self._dashboard = dashboard_of(path)
        views = await async_views_of(self.hass, path)
        titles = Counter(view.title for view in views)
        self._views = {
            view.title if titles[view.title] == 1 else f"{view.title} ({view.path})": view for view in views
        }
