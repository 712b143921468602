"""Triggers of automations: what happens to displays."""

from types import MappingProxyType
from typing import ClassVar, Final, override

from homeassistant.components.event import DOMAIN as EVENT_DOMAIN, EventEntityStateAttribute
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.trigger import (
    NotTriggeredReasonReporter,
    StatelessEntityTriggerBase,
    Trigger,
)

from .entity import of_displays
from .event import ACTIVITY, DisplayEvent


class DisplayTrigger(StatelessEntityTriggerBase):
    """Triggers when something happens to a display."""

    _domain_specs = MappingProxyType({EVENT_DOMAIN: DomainSpec()})
    _event: ClassVar[DisplayEvent]

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        return of_displays(self._hass, super().entity_filter(entities), ACTIVITY)

    @override
    def is_valid_state(self, state: State, report_not_triggered: NotTriggeredReasonReporter) -> bool:
        return state.attributes.get(EventEntityStateAttribute.EVENT_TYPE) == self._event


def _trigger(event: DisplayEvent) -> type[Trigger]:
    class OneTrigger(DisplayTrigger):
        _event = event

    return OneTrigger


TRIGGERS: Final[dict[str, type[Trigger]]] = {str(event): _trigger(event) for event in DisplayEvent}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers."""
    return TRIGGERS
