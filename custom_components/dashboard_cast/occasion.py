"""When a display is to be shown: an entity that is on, a template that is true, or both."""

from collections.abc import Callable
from typing import Final

from homeassistant.const import STATE_HOME, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.exceptions import TemplateError
from homeassistant.helpers.event import (
    TrackTemplate,
    TrackTemplateResult,
    async_track_state_change_event,
    async_track_template_result,
)
from homeassistant.helpers.template import Template, result_as_boolean

# A person is at home, everything else is on.
_TRUE: Final = frozenset((STATE_ON, STATE_HOME))
CONDITION_DOMAINS: Final = (
    "automation",
    "binary_sensor",
    "calendar",
    "device_tracker",
    "fan",
    "group",
    "humidifier",
    "input_boolean",
    "light",
    "person",
    "remote",
    "schedule",
    "script",
    "siren",
    "switch",
    "update",
)
"""Domains of entities that are on or at home, or not; for all others there are templates."""
_UNKNOWN: Final = frozenset((STATE_UNAVAILABLE, STATE_UNKNOWN))


class Occasion:
    """What says when a display is to be shown.

    entity: id of what has to be on; template: what has to be true. None for what does not matter.
    on_result: called with the outcome, at the start and with each change; None for unknown.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entity: str | None,
        template: str | None,
        on_result: Callable[[bool | None], None],
    ) -> None:
        self._hass = hass
        self._entity = entity
        self._template = template
        self._on_result = on_result
        self._template_result: bool | None = None
        self._undo: list[CALLBACK_TYPE] = []

    def watches(self, entity: str | None, template: str | None) -> bool:
        """Return whether this is what it watches."""
        return (self._entity, self._template) == (entity, template)

    @callback
    def start(self) -> None:
        """Watch, and tell how it is now."""
        if self._entity:
            self._undo.append(async_track_state_change_event(self._hass, self._entity, self._entity_changed))
        if self._template:
            tracked = TrackTemplate(Template(self._template, self._hass), None)
            info = async_track_template_result(self._hass, [tracked], self._template_changed)
            self._undo.append(info.async_remove)
            info.async_refresh()
        self._on_result(self._outcome())

    @callback
    def stop(self) -> None:
        """Watch it no more."""
        for undo in self._undo:
            undo()
        self._undo.clear()

    @callback
    def _entity_changed(self, _event: Event[EventStateChangedData]) -> None:
        self._on_result(self._outcome())

    @callback
    def _template_changed(
        self, _event: Event[EventStateChangedData] | None, updates: list[TrackTemplateResult]
    ) -> None:
        result = updates[-1].result
        self._template_result = None if isinstance(result, TemplateError) else result_as_boolean(result)
        self._on_result(self._outcome())

    def _outcome(self) -> bool | None:
        parts = [self._entity_result()] if self._entity else []
        if self._template:
            parts.append(self._template_result)
        if False in parts:
            return False
        return None if None in parts else True

    def _entity_result(self) -> bool | None:
        assert self._entity is not None
        state = self._hass.states.get(self._entity)
        if state is None or state.state in _UNKNOWN:
            return None
        return state.state in _TRUE
