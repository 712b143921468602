"""Tests of the entities that displays name: they are found again, whatever they are called by then."""

from homeassistant.helpers import entity_registry as er

from custom_components.dashboard_cast.identities import entity_id_of, identities_of, kept_name
from custom_components.dashboard_cast.rules import Status

from .common import SETTLED, TV, Home, how

LOST = "an id of a registry that was never written"


async def test_names(home: Home) -> None:
    """An entity goes by its id in the registry; one that is not in there by its entity id."""
    registry = er.async_get(home.hass)
    tv = registry.async_get(TV)
    assert tv is not None
    assert [kept_name(home.hass, name) for name in (TV, "input_boolean.a")] == [tv.id, "input_boolean.a"]
    identities = identities_of(home.hass, [tv.id, "input_boolean.a"])
    assert identities == {tv.id: ["media_player", "cast", tv.unique_id]}
    registry.async_update_entity(TV, new_entity_id="media_player.big_tv")
    assert entity_id_of(home.hass, tv.id, identities) == "media_player.big_tv"
    assert entity_id_of(home.hass, "input_boolean.a", identities) == "input_boolean.a"


async def test_another_id(home: Home) -> None:
    """An entity that has another id in the registry is known by what it is to its own integration."""
    tv = er.async_get(home.hass).async_get(TV)
    assert tv is not None
    identities = {LOST: ["media_player", "cast", tv.unique_id]}
    assert entity_id_of(home.hass, LOST, identities) == TV
    assert entity_id_of(home.hass, LOST, {}) is None
    assert entity_id_of(home.hass, LOST, {LOST: ["media_player", "cast", "another"]}) is None


async def test_display(home: Home) -> None:
    """So a display is shown on it."""
    tv = er.async_get(home.hass).async_get(TV)
    assert tv is not None
    identities = {LOST: ["media_player", "cast", tv.unique_id]}
    display = home.add(media_players=[LOST], entities=identities)
    await home.wait(SETTLED)
    assert how(display) == (Status.SHOWING, None)
