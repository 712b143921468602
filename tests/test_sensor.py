"""Tests of sensors: how it stands with a display, and figures of what runs for it."""

from dataclasses import replace
from functools import partial
from unittest.mock import patch

from homeassistant.components.media_player import MediaPlayerState
import pytest

from custom_components.dashboard_cast import meter
from custom_components.dashboard_cast.displays import Display
from custom_components.dashboard_cast.engine.figures import Figures
from custom_components.dashboard_cast.meter import Meter
from custom_components.dashboard_cast.rules import Status

from .common import NEVER, SETTLED, Home, cast_status, settled

TICK = meter.INTERVAL.total_seconds()


def state(home: Home, key: str) -> str:
    """Return the state of a sensor of the wall."""
    found = home.hass.states.get(f"sensor.wall_{key}")
    assert found is not None
    return found.state


def status(home: Home) -> tuple[str, str | None]:
    """Return how it stands with the wall, and why."""
    found = home.hass.states.get("sensor.wall_status")
    assert found is not None
    return found.state, found.attributes["reason"]


async def test_status(home: Home) -> None:
    """It follows what happens to the display, and says why."""
    display = home.add()
    await settled(home.hass)
    assert status(home) == ("starting", None)
    await home.wait(SETTLED)
    assert status(home) == ("showing", None)
    home.players.device.report(cast_status("another", "YouTube", app_id="233637DE"))
    home.players.tv.show(MediaPlayerState.PLAYING)
    await settled(home.hass)
    assert status(home) == ("giving_way", "busy")
    await display.async_turn_off()
    assert status(home) == ("idle", None)


async def test_failure(home: Home) -> None:
    """A failure is told by its key, which has a translation."""
    home.players.device.media_controller.plays = set()
    home.add()
    for seconds in (SETTLED, 4, 7, 13):
        await home.wait(seconds)
    assert status(home) == ("failed", "load_failed")


async def test_figures(home: Home, wall: Display) -> None:
    """Figures come in steps; what grows is told as its speed once there are two."""
    stream = home.studio.only
    assert state(home, "viewers") == "unknown"
    await home.wait(TICK)
    assert (state(home, "viewers"), state(home, "delay")) == ("1", "0.2")
    assert state(home, "frame_rate") == "unknown"
    stream.measured = replace(stream.measured, viewers=2, pictures=25)
    await home.wait(TICK)
    assert (state(home, "viewers"), state(home, "frame_rate")) == ("2", "2.5")


@pytest.mark.usefixtures("entity_registry_enabled_by_default")
async def test_what_it_costs(home: Home, wall: Display) -> None:
    """So do those of what it takes of the machine, where that is known."""
    stream = home.studio.only
    await home.wait(TICK)
    assert (state(home, "memory_of_the_page"), state(home, "processor_load")) == ("42.0", "unknown")
    stream.measured = replace(stream.measured, memory=None, cpu_time=0.5)
    await home.wait(TICK)
    assert (state(home, "memory_of_the_page"), state(home, "processor_load")) == ("unknown", "5.0")
    stream.measured = replace(stream.measured, cpu_time=None)
    await home.wait(TICK)
    assert state(home, "processor_load") == "unknown"


async def test_nothing_runs(home: Home, wall: Display) -> None:
    """Figures end with what they are of, and another stream begins anew."""
    await home.wait(TICK)
    await home.wait(TICK)
    await wall.async_turn_off()
    await settled(home.hass)
    assert (state(home, "viewers"), state(home, "frame_rate")) == ("0", "unknown")
    await wall.async_turn_on()
    await home.wait(SETTLED)
    assert wall.status is Status.SHOWING
    assert (state(home, "viewers"), state(home, "frame_rate")) == ("unknown", "unknown")
    await home.wait(TICK)
    assert (state(home, "viewers"), state(home, "frame_rate")) == ("1", "unknown")


async def test_one_timer(home: Home, wall: Display) -> None:
    """One timer measures for all who watch, only while something runs; then each is called."""
    called: list[str] = []
    measuring = Meter(home.hass)
    idle = home.add("Alarm", rules=NEVER)
    measuring.async_watch(idle, lambda: None)
    unwatch = [measuring.async_watch(wall, partial(called.append, name)) for name in "ab"]
    await home.wait(TICK)
    assert called == ["a", "b"]
    assert measuring.measured(wall)
    assert measuring.measured(idle) is None
    unwatch[0]()
    await home.wait(TICK)
    assert called == ["a", "b", "b"]
    await wall.async_turn_off()
    await settled(home.hass)
    await home.wait(TICK)
    assert called == ["a", "b", "b"]
    assert measuring.measured(wall) is None
    unwatch[1]()


async def test_over_while_it_is_measured(home: Home, wall: Display) -> None:
    """What is over by the time that it is measured is forgotten."""
    stream = home.studio.only

    async def end() -> Figures:
        wall.stream = None
        return stream.measured

    with patch.object(stream, "figures", end):
        await home.wait(TICK)
    wall.stream = stream
    wall.tell()
    assert state(home, "viewers") == "unknown"
