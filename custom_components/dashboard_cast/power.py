"""What is turned on for a display, and off when it is over."""

from collections.abc import Iterable
from typing import Final

from homeassistant.const import (
    ATTR_ENTITY_ID,
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    STATE_OFF,
    STATE_STANDBY,
)
from homeassistant.core import DOMAIN as HOMEASSISTANT_DOMAIN, HomeAssistant, callback

_OFF: Final = frozenset((STATE_OFF, STATE_STANDBY))


@callback
def switch_on(hass: HomeAssistant, entity_ids: Iterable[str]) -> set[str]:
    """Turn on what is off, and return what that was."""
    found = {
        entity_id
        for entity_id in entity_ids
        if (state := hass.states.get(entity_id)) is not None and state.state in _OFF
    }
    _call(hass, SERVICE_TURN_ON, found)
    return found


@callback
def switch_off(hass: HomeAssistant, entity_ids: Iterable[str]) -> None:
    """Turn off what was turned on."""
    _call(hass, SERVICE_TURN_OFF, set(entity_ids))


def _call(hass: HomeAssistant, service: str, entity_ids: set[str]) -> None:
    if entity_ids:
        hass.async_create_task(
            hass.services.async_call(
                HOMEASSISTANT_DOMAIN, service, {ATTR_ENTITY_ID: sorted(entity_ids)}, blocking=False
            ),
            f"Dashboard Cast {service}",
        )
