"""Tests of what the entities of displays share: how they are registered, come and go."""

from importlib import import_module

from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.filters import props

from custom_components.dashboard_cast import PLATFORMS
from custom_components.dashboard_cast.const import DOMAIN
from custom_components.dashboard_cast.displays import Display
from custom_components.dashboard_cast.errors import BrowserFailedError
from custom_components.dashboard_cast.registry import VIEWER_TIMEOUT

from .common import NEVER, SETTLED, SWITCH, Home, settled

# They give access to pictures, and are others each time.
TOKENS = props("access_token", "entity_picture")


def entities(home: Home) -> list[er.RegistryEntry]:
    """Return the entities of the integration."""
    registry = er.async_get(home.hass)
    found = er.async_entries_for_config_entry(registry, home.entry.entry_id)
    return sorted(found, key=lambda entity: entity.entity_id)


@pytest.mark.freeze_time("2030-01-01T12:00:00+00:00")
@pytest.mark.usefixtures("entity_registry_enabled_by_default")
async def test_entities(home: Home, snapshot: SnapshotAssertion) -> None:
    """A display that is shown has these entities, in these states."""
    await home.shown(subentry_id="wall")
    await home.wait(10)
    await home.wait(10)
    for entity in entities(home):
        assert entity == snapshot(name=f"{entity.entity_id}-entry")
        state = home.hass.states.get(entity.entity_id)
        assert state == snapshot(name=f"{entity.entity_id}-state", exclude=TOKENS)


async def test_device(home: Home, snapshot: SnapshotAssertion) -> None:
    """A display is a device, and has all of its entities."""
    display = await home.shown(subentry_id="wall")
    device = dr.async_get(home.hass).async_get_device_by_identifier(
        (DOMAIN, display.subentry_id), home.entry.entry_id
    )
    assert device == snapshot
    assert device is not None
    assert {entity.device_id for entity in entities(home)} == {device.id}


async def test_disabled_by_default(home: Home, wall: Display) -> None:
    """What only few want to know costs nobody else anything."""
    disabled = [entity.translation_key for entity in entities(home) if entity.disabled_by]
    assert disabled == ["memory", "processor"]


async def test_new_display(home: Home, wall: Display) -> None:
    """Another display has its entities at once, of the same kinds."""
    other = home.add("Alarm", rules=NEVER)
    await settled(home.hass)
    kinds = [
        {
            (entity.domain, entity.translation_key)
            for entity in entities(home)
            if entity.config_subentry_id == id_
        }
        for id_ in (wall.subentry_id, other.subentry_id)
    ]
    assert kinds[0] == kinds[1]
    assert len(kinds[0]) == 14


async def test_removed_display(home: Home, wall: Display) -> None:
    """A display leaves nothing behind: no entities, no device, no states, nothing that runs."""
    home.hass.config_entries.async_remove_subentry(home.entry, wall.subentry_id)
    await settled(home.hass)
    assert not entities(home)
    assert not dr.async_entries_for_config_entry(dr.async_get(home.hass), home.entry.entry_id)
    assert not [one for one in home.hass.states.async_entity_ids() if "wall" in one]
    assert not home.registry.streams


async def test_renamed_display(home: Home, wall: Display) -> None:
    """Entities are called after their display."""
    subentry = home.entry.subentries[wall.subentry_id]
    home.hass.config_entries.async_update_subentry(home.entry, subentry, title="Hall")
    await settled(home.hass)
    state = home.hass.states.get("sensor.wall_status")
    assert state is not None
    assert state.name == "Hall Status"


async def test_unloaded(home: Home, wall: Display) -> None:
    """Without the integration they are unavailable."""
    assert await home.hass.config_entries.async_unload(home.entry.entry_id)
    states = [home.hass.states.get(entity.entity_id) for entity in entities(home) if not entity.disabled_by]
    assert {state.state for state in states if state} == {"unavailable"}


@pytest.mark.parametrize("gone", ["TV", "browser"])
async def test_out_of_reach(home: Home, wall: Display, gone: str) -> None:
    """Without TV or browser all but one say how it is, or take what is wanted; figures are unknown."""
    await home.wait(10)
    if gone == "TV":
        home.players.tv._attr_available = False
        home.players.device.lose()
        home.players.tv.async_write_ha_state()
        # It may play on; what it has is over when it asks for nothing.
        await home.wait(VIEWER_TIMEOUT.total_seconds() + 1)
    else:
        home.studio.failure = BrowserFailedError(detail="killed")
        await home.studio.only.fail(home.studio.failure)
    await home.wait(SETTLED)
    states = {entity.entity_id: home.hass.states.get(entity.entity_id) for entity in entities(home)}
    known = {entity_id: state.state for entity_id, state in states.items() if state}
    assert [one for one, state in known.items() if state == "unavailable"] == ["button.wall_reload_page"]
    assert (known[SWITCH], known["sensor.wall_status"]) == ("on", "recovering")
    assert known["sensor.wall_viewers"] == "0"
    assert known["sensor.wall_delay"] == known["sensor.wall_frame_rate"] == "unknown"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_parallel_updates(platform: str) -> None:
    """Every platform says that its entities wait for nobody: there is nothing that they share."""
    assert import_module(f"custom_components.dashboard_cast.{platform}").PARALLEL_UPDATES == 0
