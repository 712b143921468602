"""Which media players the target of an action stands for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from homeassistant.components.media_player import DOMAIN as MEDIA_PLAYER_DOMAIN
from homeassistant.const import ATTR_AREA_ID, ATTR_DEVICE_ID, ATTR_ENTITY_ID, ATTR_FLOOR_ID, ATTR_LABEL_ID
from homeassistant.core import HomeAssistant, callback, split_entity_id
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.target import (
    SelectedEntities,
    TargetSelection,
    async_extract_referenced_entity_ids,
)

from .const import DOMAIN
from .displays import Display, Displays
from .identities import entity_ids_of

_NAMED: Final = (ATTR_ENTITY_ID, ATTR_DEVICE_ID)
_TARGET: Final = (*_NAMED, ATTR_AREA_ID, ATTR_FLOOR_ID, ATTR_LABEL_ID)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a target stands for, as entity ids."""

    named: set[str]
    """What was named itself, but for displays."""
    implied: set[str]
    """The media players of devices, areas and the like, but for displays."""
    displays: set[str]
    """Entities of displays that were named, or whose devices were."""
    screens: set[str]
    """The media players that these displays are for."""

    @property
    def on(self) -> set[str]:
        """Where something is meant that is shown already."""
        return self.named | self.implied | self.screens

    @property
    def to(self) -> set[str]:
        """Where something is to be shown; with displays, which take nothing."""
        return self.named | self.implied | self.displays


@callback
def has_target(data: Mapping[str, Any]) -> bool:
    """Return whether the data of an action name a target, be it an empty one."""
    return any(key in data for key in _TARGET)


@callback
def selected(hass: HomeAssistant, displays: Displays, data: Mapping[str, Any]) -> Selection:
    """Return what the target of an action stands for."""
    named = _entities(hass, {key: data[key] for key in _NAMED if key in data})
    implied = {*_players(_entities(hass, data))}
    ours = {
        entity_id: display
        for entity_id in named.referenced | implied
        if (display := _display_of(hass, displays, entity_id))
    }
    # One that is only in the same area may well be on a TV elsewhere.
    meant = ours.keys() & {*named.referenced, *_players(named)}
    configs = [ours[one].config for one in meant]
    screens = {*chain(*(entity_ids_of(hass, one.media_players, one.identities) for one in configs))}
    return Selection(named.referenced - ours.keys(), implied - ours.keys(), meant, screens)


def _entities(hass: HomeAssistant, data: Mapping[str, Any]) -> SelectedEntities:
    return async_extract_referenced_entity_ids(hass, TargetSelection({**data}))


def _players(entities: SelectedEntities) -> Iterator[str]:
    """Go through the media players among what was not named itself."""
    for entity_id in entities.indirectly_referenced:
        if split_entity_id(entity_id)[0] == MEDIA_PLAYER_DOMAIN:
            yield entity_id


def _display_of(hass: HomeAssistant, displays: Displays, entity_id: str) -> Display | None:
    """Return the display that an entity belongs to."""
    entity = er.async_get(hass).async_get(entity_id)
    if entity is None or entity.platform != DOMAIN:
        return None
    return displays.get(entity.config_subentry_id or "")
