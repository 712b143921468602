"""Tests of triggers and conditions: automations hear of displays, and ask how it stands with them."""

from typing import Any

from homeassistant.components.automation import DOMAIN as AUTOMATION_DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.condition import async_get_all_descriptions as async_get_conditions
from homeassistant.helpers.trigger import async_get_all_descriptions as async_get_triggers
from homeassistant.setup import async_setup_component

from custom_components.dashboard_cast.condition import CONDITIONS
from custom_components.dashboard_cast.const import DOMAIN
from custom_components.dashboard_cast.displays import Display
from custom_components.dashboard_cast.trigger import TRIGGERS

from .common import SETTLED, Home, settled

ACTIVITY = "event.wall_activity"
STATUS = "sensor.wall_status"


async def automate(hass: HomeAssistant, **automation: Any) -> list[str]:
    """Set up an automation, and return what it says each time."""
    said: list[str] = []
    hass.bus.async_listen("said", lambda event: said.append(event.data["what"]))
    action = {"event": "said", "event_data": {"what": "{{ trigger.id }}"}}
    assert await async_setup_component(
        hass, AUTOMATION_DOMAIN, {AUTOMATION_DOMAIN: {**automation, "actions": action}}
    )
    await hass.async_block_till_done()
    return said


def device_of(home: Home) -> str:
    """Return the device of the wall."""
    entity = er.async_get(home.hass).async_get(ACTIVITY)
    assert entity is not None
    assert entity.device_id is not None
    return entity.device_id


async def test_triggers(home: Home, wall: Display) -> None:
    """What happens to a display triggers what is about that, for the entity as for its device."""
    said = await automate(
        home.hass,
        triggers=[
            {"trigger": f"{DOMAIN}.{name}", "id": name, "target": {"entity_id": ACTIVITY}}
            for name in TRIGGERS
        ]
        + [{"trigger": f"{DOMAIN}.stopped", "id": "device", "target": {"device_id": device_of(home)}}],
    )
    await wall.async_turn_off()
    await settled(home.hass)
    assert sorted(said) == ["device", "stopped"]
    await wall.async_turn_on()
    await home.wait(4)
    assert sorted(said) == ["device", "shown", "stopped"]
    said.clear()
    home.players.device.media_controller.plays = set()
    await wall.async_cast_again()
    for seconds in (SETTLED, 4, 7, 13):
        await home.wait(seconds)
    assert said == ["failed"]
    home.players.device.media_controller.plays = None
    await home.wait(25)
    assert said == ["failed", "recovered"]


async def test_other_entities(home: Home, wall: Display) -> None:
    """Events of others trigger nothing, whatever they are called."""
    said = await automate(
        home.hass,
        triggers={"trigger": f"{DOMAIN}.shown", "id": "x", "target": {"entity_id": "event.doorbell"}},
    )
    for moment in ("2026-11-25T10:00:00+00:00", "2026-11-25T10:00:01+00:00"):
        home.hass.states.async_set("event.doorbell", moment, {"event_type": "shown"})
        await settled(home.hass)
    assert not said


async def test_condition(home: Home, wall: Display) -> None:
    """An automation goes on only while a display is shown."""
    said = await automate(
        home.hass,
        triggers={"trigger": "event", "event_type": "go", "id": "went"},
        conditions={"condition": f"{DOMAIN}.is_shown", "target": {"entity_id": STATUS}},
    )
    home.hass.bus.async_fire("go")
    await settled(home.hass)
    assert said == ["went"]
    await wall.async_turn_off()
    home.hass.bus.async_fire("go")
    await settled(home.hass)
    assert said == ["went"]


async def test_descriptions(home: Home) -> None:
    """What can be chosen in the editor is what there is."""
    assert await async_setup_component(home.hass, AUTOMATION_DOMAIN, {})
    triggers = await async_get_triggers(home.hass)
    conditions = await async_get_conditions(home.hass)
    for described, there in ((triggers, TRIGGERS), (conditions, CONDITIONS)):
        ours = {
            name.partition(".")[2]: one for name, one in described.items() if name.startswith(f"{DOMAIN}.")
        }
        assert set(ours) == set(there)
        assert all(one["target"]["entity"][0]["integration"] == DOMAIN for one in ours.values() if one)
