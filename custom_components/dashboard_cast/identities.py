"""The entities that displays name: by ids of the entity registry, which stay when an entity is renamed.

The registry is written ten seconds after a change, three minutes when Home Assistant has just started. Who
is killed before comes back with other ids for the same entities. So what an entity is to its own integration
is kept as well.
"""

from collections.abc import Iterable, Mapping

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

type Identities = Mapping[str, Iterable[str]]
"""Domain, platform and unique id of entities, by their ids in the registry."""


@callback
def kept_name(hass: HomeAssistant, entity_id: str) -> str:
    """Return what to keep an entity by: the id of its registry entry, where it has one."""
    entity = er.async_get(hass).async_get(entity_id)
    return entity.id if entity else entity_id


@callback
def identities_of(hass: HomeAssistant, names: Iterable[str]) -> dict[str, list[str]]:
    """Return what is to be kept beside names; those that are entity ids are left out."""
    entries = er.async_get(hass).entities
    found = {name: entries.get_entry(name) for name in names}
    return {
        name: [entity.domain, entity.platform, entity.unique_id] for name, entity in found.items() if entity
    }


@callback
def entity_ids_of(hass: HomeAssistant, names: Iterable[str], identities: Identities) -> list[str]:
    """Return what entities are called now, without those that are gone."""
    found = (entity_id_of(hass, name, identities) for name in names)
    return [entity_id for entity_id in found if entity_id]


@callback
def entity_id_of(hass: HomeAssistant, name: str, identities: Identities) -> str | None:
    """Return what an entity is called now; None when it is gone."""
    registry = er.async_get(hass)
    if entity_id := er.async_resolve_entity_id(registry, name):
        return entity_id
    return registry.async_get_entity_id(*identities[name]) if name in identities else None
