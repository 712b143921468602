"""A display keeps its dashboard on the TV, whatever the TV and the people in front of it do.

With `-v` the table of docs/reliability.md comes in the end. With EVERYWHERE=1 in the environment there are
troubles that last for long as well.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
import os
import time

import pytest
import pytest_asyncio

from custom_components.dashboard_cast.live_edge import LATE_S

from ..tv.receiver import DEFAULT_RECEIVER
from .conftest import print_table
from .house import CLOCK_DASHBOARD, PLAY_TIMEOUT_S, STILL_DASHBOARD, TV_ENTITY, House, living, until
from .wall import (
    BACK_S,
    NAME,
    PATIENCE_S,
    QUIET_S,
    STATUS,
    SWITCH,
    add,
    left_alone,
    live,
    remove,
    subentries,
    turn,
    wait_away,
    wait_status,
)

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

# Longer than what players have in store.
CUT_S = 3.0
# pychromecast tries a TV that is gone at once and after 5, 15 and 35 s, and then not for 40 s.
TRIES = 4
TRIES_TIMEOUT_S = 60.0
# Less than the clock takes.
SLOW_KBITS = 30.0
SLOW_S = 120.0
# In that time: four tries of up to 30 s, with waits between, each in the two formats that there is time for.
MOST_LOADS = 8
PLUG = "switch.coffee_machine"
# Says when a display is to be shown.
OCCASION = "input_boolean.kitchen_light"
lasting = pytest.mark.skipif(not os.environ.get("EVERYWHERE"), reason="takes long; run with EVERYWHERE=1")


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Return the rows of a table that is shown in the end."""
    yield from print_table(request.config, "what happens", "then", "back after", "LOADs")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def display(shared_house: House) -> AsyncIterator[str]:
    """Set up a display by the flow, as the frontend does; return the id of its subentry."""
    subentry_id = await add(shared_house, CLOCK_DASHBOARD, name=NAME, rules={"patience": PATIENCE_S})
    yield subentry_id
    await remove(shared_house, subentry_id)


@pytest_asyncio.fixture(loop_scope="module")
async def wall(shared_house: House, display: str) -> House:
    """Return a house whose TV shows a display."""
    await turn(shared_house, "turn_on")
    await shared_house.tv.wait_playing(PLAY_TIMEOUT_S)
    await shared_house.home.wait_state(STATUS, lambda state: bool(state["state"] == "showing"))
    return shared_house


async def back(house: House, loads: int, since: float) -> float:
    """Wait until the TV plays after one more LOAD, and return how long that took."""
    await house.tv.wait_playing(BACK_S, loads=loads + 1)
    assert len(house.tv.loads) == loads + 1
    return time.time() - since


@asynccontextmanager
async def watching[T](house: House, look: Callable[[], T]) -> AsyncIterator[list[T]]:
    """Give what something about the TV is, in order, each time that it has changed."""
    seen: list[T] = []

    def note() -> bool:
        if not seen or seen[-1] != look():
            seen.append(look())
        return False

    watch = asyncio.create_task(house.tv.wait_until(note, 2 * BACK_S))
    yield seen
    watch.cancel()


async def test_home_assistant_is_killed(shared_house: House, display: str, table: list[str]) -> None:
    """A display is shown also when Home Assistant is killed before it has written down that there is the TV.

    It writes a display after one second, and the registry of entities after ten.
    """
    house = shared_house
    await until(lambda: display in house.stored("core.config_entries"), "the display is not stored")
    house.home.kill()
    house.forget("core.entity_registry")
    loads = len(house.tv.loads)
    await house.home.restart()
    begun = time.time()
    seconds = await back(house, loads, begun)
    then = "it is sent there once Home Assistant has started and found the TV"
    table.append(
        f"| Home Assistant is killed soon after it has found the TV | {then} | {seconds:.1f} s | 1 |"
    )


async def test_home_assistant_misses_the_tv(shared_house: House, display: str, table: list[str]) -> None:
    """A display is shown also when Home Assistant takes the TV for away right after it was connected to.

    Its Cast integration does so when the machine is busy at that moment.
    """
    house = shared_house
    await house.home.stop()
    configuration = house.home.config_dir / "configuration.yaml"
    text = configuration.read_text(encoding="utf-8")
    configuration.write_text(text + "\ntrouble:\n  misses_connections: true\n", encoding="utf-8")
    loads, read = len(house.tv.loads), len(house.home.log())
    await house.home.restart()
    configuration.write_text(text, encoding="utf-8")
    seconds = await back(house, loads, time.time())
    assert "is connected to, which Home Assistant does not know" in house.home.log()[read:]
    then = "it is told so within 5 s, and sent there"
    table.append(
        f"| Home Assistant starts, and misses that it is connected to the TV | {then} | {seconds:.1f} s | 1 |"
    )


async def test_other_app(wall: House, table: list[str]) -> None:
    """Another app has the TV until it is closed, and a while longer."""
    loads = len(wall.tv.loads)
    await wall.tv.take_over()
    await left_alone(wall)
    assert wall.tv.app_id == "233637DE"
    begun = time.time()
    await wall.tv.stop_by_person()
    seconds = await back(wall, loads, begun)
    then = f"nothing is sent while it is open, and for {PATIENCE_S} s after (*Come back after*)"
    table.append(f"| another app has the TV, and is closed | {then} | {seconds:.1f} s | 1 |")
    assert seconds >= PATIENCE_S


async def test_tv_restarts(wall: House, table: list[str]) -> None:
    """A TV that was off is back with its dashboard soon after it is on."""
    loads = len(wall.tv.loads)
    await wall.tv.power_off()
    await wait_away(wall)
    begun = time.time()
    await wall.tv.power_on()
    seconds = await back(wall, loads, begun)
    table.append(f"| the TV loses power, and has it again | it is sent there anew | {seconds:.1f} s | 1 |")


@lasting
async def test_tv_is_away_for_long(wall: House, table: list[str]) -> None:
    """A TV is back soon after it is on, also when it was away so long that it is hardly tried any more."""
    loads, read, gone = len(wall.tv.loads), len(wall.home.log()), time.time()
    await wall.tv.power_off()
    tried = "connection status: FAILED"
    await until(lambda: wall.home.log()[read:].count(tried) == TRIES, "it is not tried", TRIES_TIMEOUT_S)
    begun = time.time()
    await wall.tv.power_on()
    seconds = await back(wall, loads, begun)
    then = "it is asked every 5 s whether it answers, and sent there anew"
    table.append(f"| the TV is off for {begun - gone:.0f} s | {then} | {seconds:.1f} s | 1 |")


async def test_load_fails(wall: House, table: list[str]) -> None:
    """A LOAD that fails is followed by another one."""
    loads = len(wall.tv.loads)
    wall.tv.reject_loads()
    begun = time.time()
    await turn(wall, "turn_off")
    await turn(wall, "turn_on")
    await wall.tv.wait_playing(BACK_S, loads=loads + 2)
    seconds = time.time() - begun
    table.append(f"| a LOAD fails | another one, in the next format | {seconds:.1f} s | 2 |")
    assert seconds < BACK_S


async def test_person_stops_it(wall: House, table: list[str]) -> None:
    """What a person stops on the TV stays stopped until somebody asks again."""
    loads = len(wall.tv.loads)
    await wall.tv.stop_by_person()
    await wall.home.wait_state(SWITCH, lambda state: bool(state["state"] == "off"))
    await left_alone(wall)
    begun = time.time()
    await turn(wall, "turn_on")
    seconds = await back(wall, loads, begun)
    then = "the switch goes off and nothing is sent, until somebody turns it on"
    table.append(f"| a person stops it on the TV | {then} | {seconds:.1f} s | 1 |")


async def test_person_pauses_it(wall: House, table: list[str]) -> None:
    """What a person pauses is left alone; when it goes on, it is live again."""
    loads = len(wall.tv.loads)
    await wall.tv.pause_by_person()
    await wait_status(wall, "giving_way", "paused")
    await left_alone(wall)
    assert wall.tv.state == "PAUSED"
    begun = time.time()
    await wall.tv.resume_by_person()
    seconds = await live(wall, begun)
    await wait_status(wall, "showing")
    then = f"nothing is sent, for {QUIET_S:g} s in this case; it goes on when the person lets it"
    table.append(f"| a person pauses it | {then} | {seconds:.1f} s | 0 |")
    assert seconds < LATE_S
    assert len(wall.tv.loads) == loads


async def test_screen_behind_a_dongle(wall: House, table: list[str]) -> None:
    """A dongle plays on while the TV behind it is off: nothing is sent, and it is there when the TV is on."""
    loads = len(wall.tv.loads)
    await wall.tv.switch_off_by_person(closes_app=False)
    await wall.home.wait_state(TV_ENTITY, lambda state: bool(state["state"] == "off"))
    begun = time.time()
    await wall.tv.switch_on_by_person()
    await wall.home.wait_state(TV_ENTITY, lambda state: bool(state["state"] == "playing"))
    seconds = await live(wall, begun)
    then = "it plays on and is there again at once"
    table.append(
        f"| a person switches the screen behind a dongle off and on | {then} | {seconds:.1f} s | 0 |"
    )
    assert len(wall.tv.loads) == loads


@lasting
async def test_screen_is_off_at_a_restart(wall: House, table: list[str]) -> None:
    """A restart of Home Assistant does not switch the TV on; the person who does finds the dashboard."""
    await wall.tv.switch_off_by_person(closes_app=False)
    await wall.home.restart()
    await wait_status(wall, "giving_way", "off")
    loads = len(wall.tv.loads)
    await left_alone(wall)
    begun = time.time()
    await wall.tv.switch_on_by_person()
    seconds = await back(wall, loads, begun)
    then = "the screen stays off until a person switches it on"
    table.append(f"| Home Assistant restarts while the screen is off | {then} | {seconds:.1f} s | 1 |")


async def test_short_network_loss(wall: House, table: list[str]) -> None:
    """The TV's player gets over it by itself: no LOAD, and it is live again."""
    loads = len(wall.tv.loads)
    await wall.tv.cut_network()
    await left_alone(wall, CUT_S)
    begun = time.time()
    await wall.tv.restore_network()
    seconds = await live(wall, begun)
    then = "the TV's player waits and goes on"
    table.append(f"| no network for {CUT_S:g} s | {then} | {seconds:.1f} s | 0 |")
    assert len(wall.tv.loads) == loads


async def test_long_network_loss(wall: House, table: list[str]) -> None:
    """A TV that Home Assistant misses is back soon after it answers, with one LOAD at most."""
    loads, gone = len(wall.tv.loads), time.time()
    await wall.tv.cut_network()
    await wait_away(wall)
    missed = time.time() - gone
    begun = time.time()
    await wall.tv.restore_network()
    seconds = await live(wall, begun)
    await wait_status(wall, "showing")
    sent = len(wall.tv.loads) - loads
    then = f"after {missed:.1f} s Home Assistant misses it; the status is *Recovering* until it answers"
    table.append(f"| no network for longer | {then} | {seconds:.1f} s | {sent} |")
    assert sent <= 1


async def slow(house: House, table: list[str], seconds: float) -> int:
    """Let the TV have too slow a network for a while, and return how often it was sent to the display."""
    loads = len(house.tv.loads)
    await house.tv.slow_network(SLOW_KBITS)
    await house.tv.wait_state("BUFFERING", BACK_S)
    with suppress(TimeoutError):
        await house.tv.wait_loads(loads + MOST_LOADS + 1, seconds)
    meanwhile = len(house.tv.loads) - loads
    begun = time.time()
    await house.tv.restore_network()
    right = await live(house, begun)
    sent = len(house.tv.loads) - loads
    what = f"{SLOW_KBITS:g} kbit/s for {seconds:g} s"
    then = f"the picture stands now and then; {meanwhile} LOADs meanwhile"
    table.append(f"| {what} | {then} | {right:.1f} s | {sent} |")
    return sent


async def test_slow_network(wall: House, table: list[str]) -> None:
    """With too slow a network nothing is sent; with a faster one it is live again."""
    assert await slow(wall, table, QUIET_S) <= 1


@lasting
async def test_slow_network_lasts(wall: House, table: list[str]) -> None:
    """What fails time and again is sent ever more rarely."""
    assert await slow(wall, table, SLOW_S) <= MOST_LOADS


async def test_quiet(wall: House, table: list[str]) -> None:
    """A TV that is muted while its app starts, as loud as wanted afterwards, and as before in the end.

    What is to be on for it is on meanwhile.
    """
    await turn(wall, "turn_off")
    await wall.tv.wait_until(lambda: wall.tv.app_id is None, PLAY_TIMEOUT_S)
    wall.tv.set_volume_by_person(0.6)
    quiet = {"volume": 30, "silent_start": True, "power": [PLUG]}
    async with watching(wall, lambda: (wall.tv.app_id, wall.tv.muted)) as seen:
        begun, loads = time.time(), len(wall.tv.loads)
        display = await add(wall, STILL_DASHBOARD, name="Quiet", quiet=quiet)
        shown = await back(wall, loads, begun)
        await wall.tv.wait_until(lambda: (wall.tv.volume, wall.tv.muted) == (0.3, False), BACK_S)
    assert seen == [(None, False), (None, True), (DEFAULT_RECEIVER, True), (DEFAULT_RECEIVER, False)]
    await wall.home.wait_state(PLUG, lambda state: bool(state["state"] == "on"))
    begun = time.time()
    await turn(wall, "turn_off", "switch.quiet_show")
    await wall.tv.wait_until(lambda: wall.tv.volume == 0.6, BACK_S)
    await wall.home.wait_state(PLUG, lambda state: bool(state["state"] == "off"))
    restored = time.time() - begun
    await remove(wall, display)
    then = f"muted until it plays, then as loud as wanted; as before {restored:.1f} s after its end"
    table.append(f"| a display with *Start silently*, *Volume* and *Turn on* | {then} | {shown:.1f} s | 1 |")


async def test_alarm_goes_first(wall: House, table: list[str]) -> None:
    """An alarm takes the TV and gives it back, without the TV's own screen in between."""
    loads = len(wall.tv.loads)
    begun = time.time()
    alarm = await add(wall, STILL_DASHBOARD, name="Alarm", rules={"priority": 5})
    taken = await back(wall, loads, begun)
    async with watching(wall, lambda: wall.tv.app_id) as apps:
        begun = time.time()
        await remove(wall, alarm)
        seconds = await back(wall, loads + 1, begun)
    then = f"it takes the TV in {taken:.1f} s and gives it back; the TV's own screen is not seen"
    table.append(f"| a display with a higher priority | {then} | {seconds:.1f} s | 1 |")
    assert apps == [DEFAULT_RECEIVER]


@pytest.mark.parametrize(
    "when",
    [
        {"condition": OCCASION},
        pytest.param({"template": f"{{{{ is_state('{OCCASION}', 'on') }}}}"}, marks=lasting),
    ],
)
async def test_show_when(wall: House, table: list[str], when: dict[str, str]) -> None:
    """An alarm comes when its condition does, over another app; a person stops it until the next time."""
    (said,) = when
    await turn(wall, "turn_off", OCCASION)
    alarm = await add(wall, STILL_DASHBOARD, name="Alarm", rules={"priority": 5, "interrupt": True, **when})
    await wall.tv.take_over()
    await wait_status(wall, "giving_way", "busy")
    loads = len(wall.tv.loads)
    begun = time.time()
    await turn(wall, "turn_on", OCCASION)
    seconds = await back(wall, loads, begun)
    then = "it is shown at once, with *Interrupt what is playing* over another app"
    table.append(f"| the {said} of a display comes true | {then} | {seconds:.1f} s | 1 |")
    await wall.tv.stop_by_person()
    await wall.home.wait_state("switch.alarm_show", lambda state: bool(state["state"] == "off"))
    await left_alone(wall)
    await turn(wall, "turn_off", OCCASION)
    begun = time.time()
    await turn(wall, "turn_on", OCCASION)
    seconds = await back(wall, loads + 1, begun)
    then = "nothing is sent until the next time that it comes true"
    table.append(f"| a person stops a display while its {said} is true | {then} | {seconds:.1f} s | 1 |")
    begun = time.time()
    await turn(wall, "turn_off", OCCASION)
    await wall.tv.wait_until(lambda: wall.tv.app_id is None, BACK_S)
    gone = time.time() - begun
    table.append(f"| the {said} of a display ends | it is taken off in {gone:.1f} s | | 0 |")
    await remove(wall, alarm)


async def test_home_assistant_restarts(wall: House, table: list[str]) -> None:
    """After a restart of Home Assistant the dashboard is back."""
    loads = len(wall.tv.loads)
    await wall.home.restart()
    begun = time.time()
    seconds = await back(wall, loads, begun)
    await wall.home.wait_state(SWITCH, lambda state: bool(state["state"] == "on"))
    then = "it is sent there anew once Home Assistant has started"
    table.append(f"| Home Assistant restarts | {then} | {seconds:.1f} s after its start | 1 |")


@lasting
@pytest.mark.parametrize("mode", ["safe", "recovery"])
async def test_without_custom_integrations(wall: House, mode: str) -> None:
    """In safe and recovery mode the TV is left alone, and afterwards the dashboard is back by itself."""
    loads = len(wall.tv.loads)
    await wall.home.restart_bare(mode)
    config = await wall.home.request("GET", "/api/config")
    assert config[f"{mode}_mode"]
    assert "dashboard_cast" not in config["components"]
    assert living(wall.home.processes()) == {wall.home.pid}
    await left_alone(wall)
    await wall.home.restart()
    await back(wall, loads, time.time())
    await wall.home.wait_state(SWITCH, lambda state: bool(state["state"] == "on"))
    assert await subentries(wall)


async def test_dashboard_is_deleted(wall: House, table: list[str]) -> None:
    """A dashboard that is deleted is taken off the TV: the frontend would show another in its place."""
    created = await wall.home.websocket(
        type="lovelace/dashboards/create", url_path="for-guests", title="Guests", mode="storage"
    )
    config = {"views": [{"title": "All", "cards": [{"type": "markdown", "content": "# Welcome"}]}]}
    await wall.home.websocket(type="lovelace/config/save", url_path="for-guests", config=config)
    loads = len(wall.tv.loads)
    display = await add(wall, "/for-guests", name="Guests", rules={"priority": 5})
    await back(wall, loads, time.time())
    begun = time.time()
    await wall.home.websocket(type="lovelace/dashboards/delete", dashboard_id=created["id"])
    await wall.home.wait_state(
        "sensor.guests_status", lambda state: state["attributes"]["reason"] == "dashboard_not_found"
    )
    seconds = await back(wall, loads + 1, begun)
    then = "it is taken off, the status says why, and the display that is next is shown"
    table.append(f"| a dashboard is deleted while it is shown | {then} | {seconds:.1f} s | 1 |")
    await remove(wall, display)


async def test_others_go_on(wall: House) -> None:
    """What is set up, changed or removed beside a display leaves it alone."""
    loads = len(wall.tv.loads)
    other = await add(wall, STILL_DASHBOARD, name="Other", rules={"condition": "input_boolean.none"})
    await remove(wall, other)
    report = await wall.watch()
    assert report.stalls == 0
    assert len(wall.tv.loads) == loads
    await until(lambda: len(wall.encoders()) == 1, "a stream too many runs")
