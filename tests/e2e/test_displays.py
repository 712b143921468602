"""A display keeps its dashboard on the TV, whatever the TV and the people in front of it do."""

import asyncio
from collections.abc import AsyncIterator
import time

import pytest
import pytest_asyncio

from ..home.api import Data
from ..tv.receiver import DEFAULT_RECEIVER
from .house import CLOCK_DASHBOARD, PLAY_TIMEOUT_S, STILL_DASHBOARD, TV_ENTITY, House, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

# What is promised once the TV answers, and there is nothing else on it.
BACK_S = 30.0
PATIENCE_S = 5
# Longer than the TV is given to settle, and than the first wait after a failure.
QUIET_S = 6.0
# How long it may take until Home Assistant misses a TV.
AWAY_TIMEOUT_S = 30.0
SWITCH = "switch.wall_show"


@pytest_asyncio.fixture(loop_scope="module")
async def wall(house: House) -> AsyncIterator[str]:
    """Set up a display by the flow, as the frontend does; return the id of its subentry."""
    settings = {"name": "Wall", "rules": {"patience": PATIENCE_S}}
    loads = len(house.tv.loads)
    subentry_id = await add(house, CLOCK_DASHBOARD, **settings)
    await house.tv.wait_playing(PLAY_TIMEOUT_S, loads=loads + 1)
    yield subentry_id
    await remove(house, subentry_id)
    await house.stop()


async def subentries(house: House) -> list[str]:
    """Return the ids of the displays."""
    found = await house.home.websocket(type="config_entries/subentries/list", entry_id=house.entry_id)
    return [one["subentry_id"] for one in found]


async def add(house: House, dashboard: str, **settings: object) -> str:
    """Set up a display on the TV and return the id of its subentry."""
    before = await subentries(house)
    answer = {"dashboard": dashboard, "media_players": [TV_ENTITY], **settings}
    begin: list[Data] = [{"next_step_id": "new"}] if before else []
    await house.home.subentry(house.entry_id, "display", *begin, answer)
    (subentry_id,) = set(await subentries(house)) - set(before)
    return subentry_id


async def remove(house: House, subentry_id: str) -> None:
    """Remove a display."""
    await house.home.websocket(
        type="config_entries/subentries/delete", entry_id=house.entry_id, subentry_id=subentry_id
    )


async def back(house: House, loads: int, since: float) -> float:
    """Wait until the TV plays after one more LOAD, and return how long that took."""
    await house.tv.wait_playing(BACK_S, loads=loads + 1)
    assert len(house.tv.loads) == loads + 1
    return time.monotonic() - since


async def left_alone(house: House) -> None:
    """See that nothing is sent to the TV for a while."""
    with pytest.raises(TimeoutError):
        await house.tv.wait_loads(len(house.tv.loads) + 1, QUIET_S)


async def turn(house: House, service: str, entity_id: str = SWITCH) -> None:
    """Turn the switch of a display on or off."""
    await house.home.call("switch", service, target={"entity_id": entity_id})


async def test_other_app(house: House, wall: str) -> None:
    """Another app has the TV until it is closed, and a while longer."""
    loads = len(house.tv.loads)
    await house.tv.take_over()
    await left_alone(house)
    assert house.tv.app_id == "233637DE"
    begun = time.monotonic()
    await house.tv.stop_by_person()
    seconds = await back(house, loads, begun)
    assert seconds >= PATIENCE_S


async def test_tv_restarts(house: House, wall: str) -> None:
    """A TV that was off is back with its dashboard soon after it is on."""
    loads = len(house.tv.loads)
    await house.tv.power_off()
    await house.home.wait_state(
        TV_ENTITY, lambda state: bool(state and state["state"] == "unavailable"), AWAY_TIMEOUT_S
    )
    begun = time.monotonic()
    await house.tv.power_on()
    await back(house, loads, begun)


async def test_load_fails(house: House, wall: str) -> None:
    """A LOAD that fails is followed by another one."""
    loads = len(house.tv.loads)
    house.tv.reject_loads()
    begun = time.monotonic()
    await turn(house, "turn_off")
    await turn(house, "turn_on")
    await house.tv.wait_playing(BACK_S, loads=loads + 2)
    assert time.monotonic() - begun < BACK_S


async def test_person_stops_it(house: House, wall: str) -> None:
    """What a person stops on the TV stays stopped until somebody asks again."""
    loads = len(house.tv.loads)
    await house.tv.stop_by_person()
    await house.home.wait_state(SWITCH, lambda state: bool(state["state"] == "off"))
    await left_alone(house)
    begun = time.monotonic()
    await turn(house, "turn_on")
    await back(house, loads, begun)


async def test_alarm_goes_first(house: House, wall: str) -> None:
    """An alarm takes the TV and gives it back, without the TV's own screen in between."""
    apps: set[str | None] = set()
    loads = len(house.tv.loads)
    alarm = await add(house, STILL_DASHBOARD, name="Alarm", rules={"priority": 5})
    await back(house, loads, time.monotonic())
    begun = time.monotonic()

    def note() -> bool:
        apps.add(house.tv.app_id)
        return False

    watching = asyncio.create_task(house.tv.wait_until(note, BACK_S))
    await remove(house, alarm)
    await back(house, loads + 1, begun)
    watching.cancel()
    assert apps == {DEFAULT_RECEIVER}


async def test_home_assistant_restarts(house: House, wall: str) -> None:
    """After a restart of Home Assistant the dashboard is back."""
    loads = len(house.tv.loads)
    await house.home.restart()
    begun = time.monotonic()
    await back(house, loads, begun)
    await house.home.wait_state(SWITCH, lambda state: bool(state["state"] == "on"))


async def test_others_go_on(house: House, wall: str) -> None:
    """What is set up, changed or removed beside a display leaves it alone."""
    loads = len(house.tv.loads)
    other = await add(house, STILL_DASHBOARD, name="Other", rules={"condition": "input_boolean.none"})
    await remove(house, other)
    report = await house.watch()
    assert report.stalls == 0
    assert len(house.tv.loads) == loads
    await until(lambda: len(house.encoders()) == 1, "a stream too many runs")
