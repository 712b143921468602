"""What the entities share that offer the views of a display's dashboard."""

from collections import Counter
from collections.abc import Mapping
from typing import override

from homeassistant.const import EVENT_LOVELACE_UPDATED
from homeassistant.core import Event, callback

from .dashboards import View, async_views_of, dashboard_of, view_at
from .displays import Display
from .entity import DisplayEntity
from .errors import DashboardCastError, ViewNotFoundError
from .translation import translated


class ViewEntity(DisplayEntity):
    """An entity of a display that offers the views of its dashboard by their titles."""

    def __init__(self, display: Display, key: str) -> None:
        super().__init__(display, key)
        self._dashboard = ""
        self._views: Mapping[str, View] = {}

    @property
    def titles(self) -> list[str]:
        """The titles of the views: none of a web page, nor where only the frontend knows the views."""
        return [*self._views]

    @property
    def shown_title(self) -> str | None:
        """The title of the view that is shown, or will be."""
        shown = view_at([*self._views.values()], self.display.source.path)
        return next((title for title, view in self._views.items() if view is shown), None)

    async def async_show_view(self, title: str) -> None:
        """Show another view; raises a HomeAssistantError when there is none with this title, or it fails."""
        try:
            if title not in self._views:
                raise ViewNotFoundError(path=title, known=", ".join(self._views))
            await self.display.async_show(self._views[title].path)
        except DashboardCastError as error:
            raise translated(error) from error

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(
            self.hass.bus.async_listen(EVENT_LOVELACE_UPDATED, self._async_dashboard_changed)
        )
        await self._async_load()

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
