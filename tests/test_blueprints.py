"""Tests of the blueprints: Home Assistant makes automations of them, which call our actions rightly."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
import shutil
from typing import Any
from urllib.parse import quote

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.components.blueprint.schemas import BLUEPRINT_SCHEMA
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
import pytest

from custom_components.dashboard_cast import services
from custom_components.dashboard_cast.const import DOMAIN

from .common import PATH, SECOND_TV, TV, Home, async_fire_time_changed, settled, until

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "blueprints" / "automation" / DOMAIN
BLUEPRINTS = sorted(FOLDER.glob("*.yaml"))
ADDRESS = "https://github.com/dashboard-cast/dashboard-cast/blob/main/"

type Automate = Callable[..., Awaitable[list[ServiceCall]]]


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Have the blueprints in the configuration folder, as after they were imported."""
    shutil.copytree(FOLDER, Path(hass_tmp_config_dir, "blueprints", "automation", DOMAIN))
    return hass_tmp_config_dir


@pytest.fixture
async def over(hass: HomeAssistant) -> AsyncIterator[None]:
    """End the automations of a test: else their time triggers would outlive it."""
    yield
    await hass.services.async_call("automation", "turn_off", {"entity_id": "all"}, blocking=True)


@pytest.fixture
def automate(hass: HomeAssistant, over: None) -> Automate:
    """Make an automation of a blueprint, and note what it calls of our actions, as these would take it."""

    async def make(name: str, **inputs: Any) -> list[ServiceCall]:
        schemas = {"start": services._START_SCHEMA, "show": services._SHOW_SCHEMA}
        calls: list[ServiceCall] = []
        for service, schema in {**schemas, "stop": services._STOP_SCHEMA}.items():

            async def note(call: ServiceCall) -> None:
                calls.append(call)

            hass.services.async_register(DOMAIN, service, note, schema)
        await _set_up(hass, name, {"screens": {"entity_id": TV}, **inputs})
        return calls

    return make


async def _set_up(hass: HomeAssistant, name: str, inputs: dict[str, Any]) -> None:
    """Make an automation of a blueprint."""
    blueprint = {"path": f"{DOMAIN}/{name}.yaml", "input": inputs}
    assert await async_setup_component(hass, "automation", {"automation": [{"use_blueprint": blueprint}]})
    await hass.async_block_till_done()
    assert hass.states.async_entity_ids("automation")


async def _go_on() -> None:
    """Let an automation go on until it waits; Home Assistant would wait for its end."""
    for _ in range(50):
        await asyncio.sleep(0)


async def _pass(hass: HomeAssistant, freezer: FrozenDateTimeFactory, time: timedelta) -> None:
    freezer.tick(time)
    async_fire_time_changed(hass)
    await _go_on()


async def _change(hass: HomeAssistant, state: str, entity_id: str = "binary_sensor.doorbell") -> None:
    hass.states.async_set(entity_id, state)
    await _go_on()


def _said(calls: list[ServiceCall]) -> list[tuple[str, Any]]:
    """Return which actions were called, each with the path that it was to show."""
    return [(call.service, call.data.get("path")) for call in calls]


@pytest.mark.parametrize("file", BLUEPRINTS, ids=lambda file: file.stem)
def test_complete(file: Path) -> None:
    """Each is a blueprint, is imported from where it lies, and can be imported from the README."""
    blueprint = Blueprint(load_yaml_dict(str(file)), expected_domain="automation", schema=BLUEPRINT_SCHEMA)
    source = ADDRESS + file.relative_to(ROOT).as_posix()
    assert blueprint.metadata["source_url"] == source
    assert blueprint.validate() is None
    assert all(each["name"] and each["description"].endswith(".") for each in blueprint.inputs.values())
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"/redirect/blueprint_import/?blueprint_url={quote(source, safe='')}" in readme


async def test_doorbell(hass: HomeAssistant, automate: Automate) -> None:
    """Who rings is shown for a minute, each time anew, and then nothing more."""
    await _change(hass, "off")
    calls = await automate("doorbell", doorbell="binary_sensor.doorbell", view="/lovelace/cameras")
    await _change(hass, "on")
    assert _said(calls) == [("start", "/lovelace/cameras")]
    assert calls[0].data["entity_id"] == [TV]
    assert calls[0].data["duration"] == timedelta(minutes=1)
    await _change(hass, "off")
    assert len(calls) == 1
    await _change(hass, "on")
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("states", "rings"),
    [
        (["unavailable", "on"], 0),
        (["off", "unavailable"], 0),
        (["unknown", "2026-11-01T10:00:00+00:00"], 1),
        (["2026-11-01T10:00:00+00:00", "2026-11-01T10:00:05+00:00"], 1),
    ],
)
async def test_what_ringing_is(
    hass: HomeAssistant, automate: Automate, states: list[str], rings: int
) -> None:
    """Doorbells are switched on, or have events; one that is back from the network does not ring."""
    await _change(hass, states[0])
    calls = await automate("doorbell", doorbell="binary_sensor.doorbell", view="/lovelace/cameras")
    await _change(hass, states[1])
    assert len(calls) == rings


async def test_doorbell_and_back(
    hass: HomeAssistant, automate: Automate, freezer: FrozenDateTimeFactory
) -> None:
    """Afterwards the TV shows another view, a minute after the last ring."""
    await _change(hass, "off")
    calls = await automate(
        "doorbell", doorbell="binary_sensor.doorbell", view="/lovelace/cameras", afterwards="/lovelace/0"
    )
    await _change(hass, "on")
    await _pass(hass, freezer, timedelta(seconds=50))
    await _change(hass, "off")
    await _change(hass, "on")
    await _pass(hass, freezer, timedelta(seconds=50))
    assert _said(calls) == [("start", "/lovelace/cameras")] * 2
    await _pass(hass, freezer, timedelta(seconds=11))
    assert _said(calls)[2:] == [("start", "/lovelace/0")]
    assert "duration" not in calls[0].data


@pytest.mark.parametrize("afterwards", ["", PATH])
async def test_doorbell_over_a_display(home: Home, over: None, afterwards: str) -> None:
    """A display comes back by itself, unless another view is to be shown, which then stays."""
    display = await home.shown()
    await _change(home.hass, "off")
    inputs = {"doorbell": "binary_sensor.doorbell", "view": "/tv-wall/kitchen", "afterwards": afterwards}
    times = {"duration": {"seconds": 20}}
    await _set_up(home.hass, "doorbell", {"screens": {"entity_id": TV}, **inputs, **times})
    await _change(home.hass, "on")
    await until(lambda: home.registry.sessions[TV].source.path == "/tv-wall/kitchen")
    await until(lambda: home.registry.sessions[TV].is_playing)
    await _pass(home.hass, home.freezer, timedelta(seconds=21))
    await settled(home.hass)
    await home.wait(21)
    assert home.registry.sessions[TV].source.path == PATH
    assert home.registry.sessions[TV].owner == (None if afterwards else display.subentry_id)


async def test_bedtime(hass: HomeAssistant, automate: Automate, freezer: FrozenDateTimeFactory) -> None:
    """Dashboards become dark at the time, and end half an hour later."""
    freezer.move_to("2026-11-01 21:59:30+00:00")
    await hass.config.async_set_time_zone("UTC")
    calls = await automate("bedtime")
    await _pass(hass, freezer, timedelta(seconds=31))
    assert [(call.service, call.data) for call in calls] == [("show", {"entity_id": [TV], "dark": True})]
    await _pass(hass, freezer, timedelta(minutes=29))
    assert len(calls) == 1
    await _pass(hass, freezer, timedelta(minutes=2))
    assert [(call.service, call.data) for call in calls[1:]] == [("stop", {"entity_id": [TV]})]


async def test_bedtime_of_several(home: Home, over: None) -> None:
    """A TV that shows nothing keeps no other one light, and none awake."""
    home.freezer.move_to("2026-11-01 21:59:30+00:00")
    await home.hass.config.async_set_time_zone("UTC")
    await home.hass.services.async_call(DOMAIN, "start", {"entity_id": TV, "path": PATH}, blocking=True)
    await settled(home.hass)
    await _set_up(home.hass, "bedtime", {"screens": {"entity_id": [SECOND_TV, TV]}})
    # The making of the automation takes its time: nobody is to be missing at bedtime.
    home.studio.only.touch()
    await _pass(home.hass, home.freezer, timedelta(seconds=31))
    assert home.registry.sessions[TV].source.dark
    await _pass(home.hass, home.freezer, timedelta(minutes=30))
    await settled(home.hass)
    assert not home.registry.sessions
