"""Conditions of automations: how it stands with displays."""

from types import MappingProxyType
from typing import Final, override

from homeassistant.components.sensor import DOMAIN as SENSOR_DOMAIN
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.condition import Condition, EntityConditionBase

from .entity import of_displays
from .rules import Status
from .sensor import STATUS


class ShownCondition(EntityConditionBase):
    """Whether displays are shown."""

    _domain_specs = MappingProxyType({SENSOR_DOMAIN: DomainSpec()})

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        return of_displays(self._hass, super().entity_filter(entities), STATUS)

    @override
    def is_valid_state(self, entity_state: State) -> bool:
        return entity_state.state == Status.SHOWING


CONDITIONS: Final[dict[str, type[Condition]]] = {"is_shown": ShownCondition}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions."""
    return CONDITIONS
