"""Tests of displays: they come, go, give way and come back."""

import asyncio
from dataclasses import replace
from datetime import timedelta
import time
from typing import Any
from unittest.mock import patch

from homeassistant.components.frontend import async_register_built_in_panel, async_remove_panel
from homeassistant.components.lovelace.const import LOVELACE_DATA
from homeassistant.components.media_player import MediaPlayerEntityFeature, MediaPlayerState
from homeassistant.core import CoreState
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest

from custom_components.dashboard_cast.const import DOMAIN
from custom_components.dashboard_cast.displays import Display
from custom_components.dashboard_cast.errors import (
    BrowserFailedError,
    DashboardCastError,
    NothingShownError,
    PageNotReadyError,
    ViewNotFoundError,
)
from custom_components.dashboard_cast.models import Ending
from custom_components.dashboard_cast.rules import LOOK_S, Reason, Standing, Status

from .common import (
    OTHER_SOURCE,
    PATH,
    PLAYER,
    PROFILE,
    RESTED,
    SECOND_TV,
    SETTLED,
    SOURCE,
    SWITCH,
    TV,
    Home,
    MockUser,
    cast_status,
    how,
    settled,
)

ELSE = "http://elsewhere/film.mp4"
KITCHEN = "/tv-wall/kitchen"


def failure(display: Display) -> DashboardCastError | None:
    """Return what a display failed with."""
    return display.error


async def test_new_display_is_shown(home: Home, wall: Display) -> None:
    """Who sets one up sees it on the TV, has a switch that is on, and a device."""
    assert len(home.players.device.urls) == 1
    assert wall.stream is home.studio.only
    assert home.hass.states.is_state(SWITCH, "on")
    device = dr.async_get(home.hass).async_get_device_by_identifier(
        (DOMAIN, wall.subentry_id), home.entry.entry_id
    )
    assert device is not None
    assert device.name == "Wall"
    assert device.config_subentry_id == wall.subentry_id
    entity = er.async_get(home.hass).async_get(SWITCH)
    assert entity is not None
    assert entity.config_subentry_id == wall.subentry_id


async def test_switch(home: Home, wall: Display) -> None:
    """Off takes it off the TV, on brings it back."""
    await home.turn("turn_off")
    assert how(wall) == (Status.IDLE, None)
    assert home.hass.states.is_state(SWITCH, "off")
    assert home.players.device.quits == 1
    assert wall.stream is None
    await home.turn("turn_on")
    await home.wait(SETTLED)
    assert how(wall) == (Status.SHOWING, None)
    assert len(home.players.device.urls) == 2


async def test_what_is_told(home: Home, wall: Display) -> None:
    """Whoever listens hears of each change, until he does not want to any more."""
    heard: list[Status] = []
    stop = wall.async_listen(lambda: heard.append(wall.status))
    await wall.async_turn_off()
    await wall.async_turn_on()
    await home.wait(SETTLED)
    assert list(dict.fromkeys(heard)) == [Status.IDLE, Status.STARTING, Status.SHOWING]
    stop()
    heard.clear()
    await wall.async_turn_off()
    assert not heard


async def test_tv_restarts(home: Home, wall: Display) -> None:
    """A TV that was away and comes back without the dashboard gets it again."""
    home.players.tv._attr_available = False
    home.players.device.lose()
    home.players.tv.async_write_ha_state()
    await settled(home.hass)
    assert how(wall) == (Status.RECOVERING, Reason.UNAVAILABLE)
    await home.wait(20)
    assert len(home.players.device.urls) == 1
    home.players.tv._attr_available = True
    home.players.tv.async_write_ha_state()
    home.players.device.report(cast_status(None, None, app_id=None))
    await settled(home.hass)
    await home.wait(SETTLED)
    assert how(wall) == (Status.SHOWING, None)
    assert len(home.players.device.urls) == 2


async def test_connection_lost(home: Home, wall: Display) -> None:
    """A TV that goes on playing while the connection to it is lost gets no new LOAD."""
    home.players.device.lose()
    home.players.device.report(cast_status("ours"))
    await home.wait(SETTLED)
    assert how(wall) == (Status.SHOWING, None)
    assert len(home.players.device.urls) == 1


async def test_other_app(home: Home, wall: Display) -> None:
    """Another app has the TV for as long as it likes, and a while longer."""
    home.players.device.report(cast_status("another", "YouTube", app_id="233637DE"))
    home.players.tv.show(MediaPlayerState.PLAYING)
    await settled(home.hass)
    assert how(wall) == (Status.GIVING_WAY, Reason.BUSY)
    assert wall.wanted
    await home.wait(9_999)
    home.players.tv.show(MediaPlayerState.IDLE)
    await home.wait(SETTLED)
    assert how(wall) == (Status.GIVING_WAY, Reason.RESTING)
    assert len(home.players.device.urls) == 1
    await home.wait(RESTED)
    assert how(wall) == (Status.SHOWING, None)
    assert len(home.players.device.urls) == 2


async def test_music_first(home: Home) -> None:
    """What plays already is not interrupted, whoever asks; unless the display says so."""
    home.players.tv.show(MediaPlayerState.PLAYING)
    display = home.add()
    await home.wait(SETTLED)
    await home.turn("turn_on")
    assert how(display) == (Status.GIVING_WAY, Reason.BUSY)
    assert not home.players.device.urls
    await home.wait(1)
    alarm = await home.shown(name="Alarm", rules={"interrupt": True})
    assert alarm.wanted
    home.players.device.report(cast_status("another", "YouTube", app_id="233637DE"))
    await home.wait(SETTLED)
    assert how(alarm) == (Status.GIVING_WAY, Reason.BUSY)


async def test_interrupt_after_a_failure(home: Home) -> None:
    """What may interrupt does so once its page can be drawn."""
    home.players.tv.show(MediaPlayerState.PLAYING)
    home.studio.failure = PageNotReadyError(path="x", seconds="30", detail="still loading")
    alarm = home.add(rules={"interrupt": True})
    await settled(home.hass)
    assert alarm.status is Status.RECOVERING
    home.studio.failure = None
    await home.wait(SETTLED)
    assert how(alarm) == (Status.SHOWING, None)


async def test_app_that_is_only_open(home: Home) -> None:
    """An app that somebody has open is somebody's, also when nothing plays."""
    home.players.tv._attr_app_id = "CA5E8412"
    home.players.tv.show(MediaPlayerState.IDLE)
    display = home.add()
    await home.wait(SETTLED)
    assert how(display) == (Status.GIVING_WAY, Reason.BUSY)


async def test_person_stops_it(home: Home, wall: Display) -> None:
    """A stop on the TV is respected until somebody asks again."""
    home.players.device.media_controller.report(
        home.players.device.urls[0], playerState="IDLE", idleReason="CANCELLED"
    )
    await settled(home.hass)
    assert home.hass.states.is_state(SWITCH, "off")
    await home.wait(9_999)
    assert len(home.players.device.urls) == 1
    await home.turn("turn_on")
    assert how(wall) == (Status.SHOWING, None)


async def test_home_button(home: Home, wall: Display) -> None:
    """So is a way back to the TV's own screen."""
    home.players.device.report(cast_status(None, None, app_id=None))
    await home.wait(9_999)
    assert how(wall) == (Status.IDLE, None)
    assert len(home.players.device.urls) == 1


async def test_stop_before_it_is_sent_anew(home: Home, wall: Display) -> None:
    """Who stops it on the TV just after it was changed does not want the other one either."""
    reconfigure(home, wall, dashboard=KITCHEN)
    home.registry.sessions[TV].note_over("closed", Ending.CLOSED)
    await home.wait(9_999)
    assert how(wall) == (Status.IDLE, None)
    assert not home.registry.sessions
    assert len(home.players.device.urls) == 1


async def stop_on_the_tv(home: Home) -> None:
    """Have a person stop what plays while another stream is about to take its place."""
    home.studio.gate.clear()
    opened = asyncio.Event()
    forget = home.registry.async_listen(lambda _session: opened.set())
    await opened.wait()
    forget()
    assert home.registry.sessions[TV].previous
    home.players.device.report(cast_status(None, None, app_id=None))
    await home.hass.async_block_till_done()
    home.studio.gate.set()
    await settled(home.hass)
    await home.wait(SETTLED)


async def test_stop_while_it_is_sent_anew(home: Home, wall: Display) -> None:
    """Nor does who stops it on the TV while the other one is on its way."""
    reconfigure(home, wall, dashboard=KITCHEN)
    await stop_on_the_tv(home)
    assert how(wall) == (Status.IDLE, None)
    assert not home.registry.sessions
    assert len(home.players.device.urls) == 1


async def test_stop_while_another_comes(home: Home, wall: Display) -> None:
    """Who stops it on the TV while an alarm is on its way gets the alarm, and it does not come back after."""
    alarm = home.add(name="Alarm", path=KITCHEN, rules={"priority": 5})
    await stop_on_the_tv(home)
    assert how(alarm) == (Status.SHOWING, None)
    await alarm.async_turn_off()
    await home.wait(9_999)
    assert not home.registry.sessions
    assert how(wall) == (Status.IDLE, None)


async def test_stop_of_an_action_while_another_comes(home: Home) -> None:
    """Who stops on the TV what an action shows there while an alarm is on its way gets the alarm, too."""
    await home.registry.async_cast(TV, OTHER_SOURCE, PROFILE)
    alarm = home.add(name="Alarm", path=KITCHEN, rules={"interrupt": True})
    await stop_on_the_tv(home)
    assert how(alarm) == (Status.SHOWING, None)


async def test_stop_action(home: Home, wall: Display) -> None:
    """So is the action."""
    await home.hass.services.async_call(DOMAIN, "stop", {"entity_id": TV}, blocking=True)
    await home.wait(9_999)
    assert how(wall) == (Status.IDLE, None)
    assert not home.registry.sessions


@pytest.mark.parametrize("data", [{"entity_id": TV}, {}])
@pytest.mark.parametrize("away", [False, True])
async def test_stop_action_before_it_is_shown(
    home: Home, wall: Display, data: dict[str, str], *, away: bool
) -> None:
    """Also where something else plays, which goes on, and on a TV that is out of reach."""
    home.players.device.report(cast_status("another", "YouTube", app_id="233637DE"))
    home.players.tv.show(MediaPlayerState.PLAYING)
    if away:
        home.players.tv._attr_available = False
        home.players.tv.async_write_ha_state()
    await settled(home.hass)
    await home.hass.services.async_call(DOMAIN, "stop", data, blocking=True)
    assert home.hass.states.is_state(SWITCH, "off")
    home.players.tv._attr_available = True
    home.players.tv.show(MediaPlayerState.IDLE)
    await home.wait(9_999)
    assert how(wall) == (Status.IDLE, None)
    assert len(home.players.device.urls) == 1
    assert home.players.device.quits == 0


async def test_stop_action_while_it_recovers(home: Home) -> None:
    """Also while it waits for the next try."""
    home.studio.failure = PageNotReadyError(path="x", seconds="30", detail="still loading")
    wall = home.add()
    await home.wait(SETTLED)
    assert wall.status is Status.RECOVERING
    home.studio.failure = None
    await home.registry.async_stop({TV})
    await home.wait(9_999)
    assert how(wall) == (Status.IDLE, None)


async def test_stop_action_elsewhere(home: Home, wall: Display) -> None:
    """A stop on one TV is none on another."""
    other = await home.shown(name="Other", path=KITCHEN, media_players=[SECOND_TV])
    await home.registry.async_stop({SECOND_TV})
    await home.wait(SETTLED)
    assert (wall.wanted, other.wanted) == (True, False)


async def test_stopped_on_one_tv(home: Home) -> None:
    """A stop is about one TV; the display goes on where nobody stopped it."""
    display = await home.shown(media_players=[TV, SECOND_TV])
    assert len(home.registry.streams) == 1
    home.players.device.report(cast_status(None, None, app_id=None))
    await settled(home.hass)
    assert how(display) == (Status.SHOWING, None)
    assert (display.standings[TV].status, display.standings[TV].reason) == (Status.IDLE, Reason.STOPPED)
    assert display.wanted
    home.players.second_tv.chromecast.report(cast_status(None, None, app_id=None))
    await settled(home.hass)
    assert not display.wanted


async def test_stopped_on_one_tv_before_a_restart(home: Home) -> None:
    """That holds over a restart, and when the TV is renamed, until somebody asks again."""
    entities = er.async_get(home.hass)
    tv = entities.async_get(TV)
    assert tv is not None
    display = await home.shown(media_players=[tv.id, SECOND_TV])
    home.players.device.report(cast_status(None, None, app_id=None))
    await settled(home.hass)
    entities.async_update_entity(TV, new_entity_id="media_player.big_tv")
    await home.wait(SETTLED)
    await home.hass.config_entries.async_reload(home.entry.entry_id)
    await home.wait(SETTLED)
    display = home.find(display.subentry_id)
    assert how(display) == (Status.SHOWING, None)
    assert display.standings["media_player.big_tv"].reason == Reason.STOPPED
    assert len(home.players.device.urls) == 1
    await home.turn("turn_on")
    await home.wait(SETTLED)
    assert display.standings["media_player.big_tv"].status is Status.SHOWING


async def test_paused(home: Home, wall: Display) -> None:
    """A pause by a person is left alone."""
    home.players.tv._attr_media_content_id = home.players.device.urls[0]
    home.players.tv.show(MediaPlayerState.PAUSED)
    await home.wait(1)
    assert how(wall) == (Status.GIVING_WAY, Reason.PAUSED)
    # Some players fetch nothing meanwhile; what nobody waits for would end.
    await home.wait(9_999)
    assert how(wall) == (Status.GIVING_WAY, Reason.PAUSED)
    assert failure(wall) is None
    assert not home.players.device.quits
    home.players.tv.show(MediaPlayerState.PLAYING)
    await home.wait(SETTLED)
    assert how(wall) == (Status.SHOWING, None)


async def test_load_fails(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """A TV that cannot play it is tried again, ever more seldom; the log has one line for all of it."""
    home.players.device.media_controller.plays = set()
    display = home.add(picture={"format": "mp4"})
    tries = []
    for seconds in (SETTLED, 4, 7, 13, 25):
        await home.wait(seconds)
        tries.append((len(home.players.device.urls), display.status))
    assert tries == [
        (1, Status.RECOVERING),
        (2, Status.RECOVERING),
        (3, Status.RECOVERING),
        (4, Status.FAILED),
        (5, Status.FAILED),
    ]
    assert display.reason == "load_failed"
    assert failure(display)
    said = [record.getMessage() for record in caplog.records if record.name.endswith(".screens")]
    assert len(said) == 1
    assert said[0].startswith("The dashboard is not on media_player.tv: the device could not load it")
    home.players.device.media_controller.plays = None
    await home.wait(49)
    assert how(display) == (Status.SHOWING, None)
    assert failure(display) is None
    assert "The dashboard is on media_player.tv again" in caplog.text


async def test_page_fails(home: Home) -> None:
    """So is a page that cannot be drawn."""
    home.studio.failure = PageNotReadyError(path=SOURCE.path, seconds="30", detail="still loading")
    display = home.add()
    await home.wait(SETTLED)
    assert how(display) == (Status.RECOVERING, "page_not_ready")
    assert isinstance(display.error, PageNotReadyError)
    home.studio.failure = None
    await home.wait(SETTLED)
    assert how(display) == (Status.SHOWING, None)


async def test_dashboard_is_deleted(home: Home, wall: Display) -> None:
    """A dashboard that is not there any more is taken off the TV, and that is said."""
    async_remove_panel(home.hass, "tv-wall")
    await home.wait(1)
    assert how(wall) == (Status.RECOVERING, "dashboard_not_found")
    assert home.players.device.quits == 1
    assert not home.registry.streams
    assert home.studio.only.ended


async def test_dashboard_becomes_the_administrators(home: Home, wall: Display) -> None:
    """Nor is one shown on that its user may not see any more."""
    async_register_built_in_panel(
        home.hass,
        "lovelace",
        frontend_url_path="tv-wall",
        config={"mode": "storage"},
        require_admin=True,
        update=True,
    )
    await home.wait(1)
    assert how(wall) == (Status.RECOVERING, "administrator_needed")
    assert not home.registry.streams


async def test_view_is_deleted(home: Home) -> None:
    """So is a view; other views of its dashboard go on."""
    wall = await home.shown()
    kitchen = await home.shown(name="Kitchen", path=KITCHEN, media_players=[SECOND_TV])
    dashboard = home.hass.data[LOVELACE_DATA].dashboards["tv-wall"]
    await dashboard.async_save({"views": [{"title": "First"}]})
    await home.wait(1)
    assert how(wall) == (Status.SHOWING, None)
    assert how(kitchen) == (Status.RECOVERING, "view_not_found")
    await dashboard.async_save({"views": [{"title": "First"}, {"title": "Kitchen", "path": "kitchen"}]})
    await home.wait(SETTLED)
    assert how(kitchen) == (Status.SHOWING, None)


async def test_stream_ends(home: Home, wall: Display) -> None:
    """So is a stream that ends."""
    await home.studio.only.fail(BrowserFailedError(detail="crashed"))
    await settled(home.hass)
    await home.wait(SETTLED)
    assert how(wall) == (Status.SHOWING, None)
    assert len(home.studio.streams) == 2


async def test_action_goes_first(home: Home, wall: Display) -> None:
    """What a person has shown by the action stays until it is over; then the display comes back."""
    await home.registry.async_cast(TV, OTHER_SOURCE, PROFILE)
    await settled(home.hass)
    await home.wait(30)
    assert how(wall) == (Status.GIVING_WAY, Reason.REQUESTED)
    assert wall.stream is None
    assert home.registry.sessions[TV].source == OTHER_SOURCE
    await home.registry.async_stop({TV})
    await settled(home.hass)
    assert how(wall) == (Status.SHOWING, None)
    assert home.registry.sessions[TV].source == SOURCE
    assert len(home.players.device.urls) == 3
    assert home.players.device.quits == 0


@pytest.mark.parametrize("rules", [{}, {"interrupt": True}])
async def test_action_as_a_display_begins(home: Home, rules: dict[str, Any]) -> None:
    """What is asked for just after a display was decided on has the last word, and the display comes back."""
    wall = home.add(rules=rules)
    home.tick(SETTLED)
    await home.registry.async_cast(TV, OTHER_SOURCE, PROFILE)
    await settled(home.hass)
    assert how(wall) == (Status.GIVING_WAY, Reason.REQUESTED)
    assert home.registry.sessions[TV].source == OTHER_SOURCE
    assert len(home.players.device.urls) == 1
    await home.wait(SETTLED)
    await home.registry.async_stop({TV})
    await settled(home.hass)
    assert how(wall) == (Status.SHOWING, None)


async def test_action_as_a_display_begins_anew(home: Home, wall: Display) -> None:
    """What was to follow does that when the action that came in between fails; until then nothing changes."""
    home.studio.failure = PageNotReadyError(path="x", seconds="30", detail="still loading")
    reconfigure(home, wall, dashboard=KITCHEN)
    with pytest.raises(PageNotReadyError):
        await home.registry.async_cast(TV, OTHER_SOURCE, PROFILE)
    assert home.registry.sessions[TV].source == SOURCE
    home.studio.failure = None
    await home.wait(SETTLED)
    assert how(wall) == (Status.SHOWING, None)
    assert home.registry.sessions[TV].source.path == KITCHEN
    assert home.players.device.quits == 0


async def test_action_for_a_while(home: Home, wall: Display) -> None:
    """When its time is up the display takes its place, without the TV's own screen in between."""
    await home.registry.async_cast(TV, OTHER_SOURCE, PROFILE, timedelta(seconds=20))
    await settled(home.hass)
    await home.wait(21)
    assert how(wall) == (Status.SHOWING, None)
    assert home.players.device.quits == 0
    assert len(home.registry.streams) == 1


@pytest.mark.parametrize("path", [PATH, "/tv-wall/attic"])
async def test_action_without_a_successor(home: Home, wall: Display, path: str) -> None:
    """What an action shows is taken off in time also when the display cannot take its place."""
    await home.registry.async_cast(TV, OTHER_SOURCE, PROFILE)
    await settled(home.hass)
    await home.wait(SETTLED)
    reconfigure(home, wall, dashboard=path)
    home.studio.failure = PageNotReadyError(path="x", seconds="30", detail="still loading")
    await home.registry.async_stop({TV})
    await settled(home.hass)
    assert wall.status is Status.RECOVERING
    assert not home.registry.sessions
    assert home.players.device.quits == 1


async def test_everything_is_stopped(home: Home, wall: Display) -> None:
    """Who stops everything does not want the display either."""
    await home.registry.async_cast(TV, OTHER_SOURCE, PROFILE)
    await home.registry.async_stop()
    await home.wait(9_999)
    assert how(wall) == (Status.IDLE, None)
    assert not home.registry.sessions


async def test_action_that_a_person_ends(home: Home, wall: Display) -> None:
    """Who stops it on the TV does not want the display either."""
    await home.registry.async_cast(TV, OTHER_SOURCE, PROFILE)
    home.players.device.report(cast_status(None, None, app_id=None))
    await settled(home.hass)
    await home.wait(9_999)
    assert how(wall) == (Status.IDLE, None)


async def test_action_shows_the_same(home: Home, wall: Display) -> None:
    """An action that asks for what is shown changes nothing, and does not end it either."""
    await home.registry.async_cast(TV, SOURCE, PROFILE, timedelta(seconds=10))
    await home.wait(60)
    assert how(wall) == (Status.SHOWING, None)
    assert len(home.players.device.urls) == 1


async def test_action_that_fails(home: Home, wall: Display) -> None:
    """An action that fails leaves the display where it is."""
    home.studio.failure = PageNotReadyError(path="x", seconds="30", detail="still loading")
    with pytest.raises(PageNotReadyError):
        await home.registry.async_cast(TV, OTHER_SOURCE, PROFILE)
    await home.wait(SETTLED)
    assert how(wall) == (Status.SHOWING, None)
    assert not home.studio.streams[0].ended


async def test_priorities(home: Home, wall: Display) -> None:
    """The alarm goes first and hands the TV back, without its own screen in between."""
    alarm = await home.shown(name="Alarm", path=KITCHEN, rules={"priority": 5})
    assert how(wall) == (Status.GIVING_WAY, Reason.OUTRANKED)
    await home.turn("turn_off", "switch.alarm_show")
    assert how(wall) == (Status.SHOWING, None)
    assert how(alarm) == (Status.IDLE, None)
    assert len(home.players.device.urls) == 3
    assert home.players.device.quits == 0


async def test_last_one_of_the_same_priority(home: Home, wall: Display) -> None:
    """Of the same priority the one is shown that was asked for last."""
    other = await home.shown(name="Other", path=KITCHEN)
    await home.wait(1)
    await home.turn("turn_on")
    assert how(wall) == (Status.SHOWING, None)
    assert how(other) == (Status.GIVING_WAY, Reason.OUTRANKED)


async def test_two_that_take_turns(home: Home) -> None:
    """Two of the same priority for one TV: each change is one LOAD, and the TV's own screen is never seen."""
    conditions = ("input_boolean.one", "input_boolean.other")
    one, other = (
        home.add(name, path, rules={"condition": condition})
        for name, path, condition in zip(("One", "Other"), (PATH, KITCHEN), conditions, strict=True)
    )
    for loads, (condition, state, shown) in enumerate(
        [
            (conditions[0], "on", one),
            (conditions[1], "on", other),
            # What is not shown anyway.
            (conditions[0], "off", other),
            (conditions[0], "on", one),
            (conditions[0], "off", other),
        ]
    ):
        home.hass.states.async_set(condition, state)
        await settled(home.hass)
        await home.wait(SETTLED)
        assert how(shown) == (Status.SHOWING, None)
        assert len(home.players.device.urls) == (1, 2, 2, 3, 4)[loads]
    assert home.players.device.quits == 0


@pytest.mark.parametrize("hours", [-6, 6])
async def test_clock_that_is_set(home: Home, wall: Display, hours: int) -> None:
    """Who was asked for last goes first, whatever the clock says by then."""
    other = await home.shown(name="Other", path=KITCHEN)
    with patch("time.time", return_value=time.time() + 3600 * hours):
        await home.turn("turn_on")
        await home.wait(1)
    assert how(wall) == (Status.SHOWING, None)
    await home.turn("turn_on", "switch.other_show")
    await home.wait(1)
    assert how(other) == (Status.SHOWING, None)
    assert how(wall) == (Status.GIVING_WAY, Reason.OUTRANKED)


async def test_alarm_that_cannot_be_drawn(home: Home, wall: Display) -> None:
    """What is shown stays while what goes first cannot be drawn, and is still watched."""
    home.studio.failure = PageNotReadyError(path="x", seconds="30", detail="still loading")
    alarm = home.add("Alarm", KITCHEN, rules={"priority": 5})
    await home.wait(1)
    assert how(alarm) == (Status.RECOVERING, "page_not_ready")
    assert how(wall) == (Status.SHOWING, None)
    assert len(home.players.device.urls) == 1
    await home.turn("turn_off", "switch.alarm_show")
    await home.turn("turn_off")
    assert home.players.device.quits == 1


async def test_condition(home: Home) -> None:
    """It is shown while an entity is on; in between its switch has the last word."""
    home.hass.states.async_set("schedule.day", "off")
    display = home.add(rules={"condition": "schedule.day"})
    await home.wait(SETTLED)
    assert how(display) == (Status.IDLE, None)
    home.hass.states.async_set("schedule.day", "on")
    await settled(home.hass)
    assert how(display) == (Status.SHOWING, None)
    await home.turn("turn_off")
    home.hass.states.async_set("schedule.day", "on", {"next_event": "later"})
    home.hass.states.async_set("schedule.day", "unavailable")
    home.hass.states.async_set("schedule.day", "on")
    await home.wait(SETTLED)
    assert not display.wanted
    home.hass.states.async_set("schedule.day", "off")
    home.hass.states.async_set("schedule.day", "on")
    await home.wait(SETTLED)
    assert how(display) == (Status.SHOWING, None)
    home.hass.states.async_set("schedule.day", "off")
    await settled(home.hass)
    assert not display.wanted
    assert home.players.device.quits == 2


async def test_condition_that_is_renamed_and_removed(home: Home) -> None:
    """An entity is the same under another name; when it is gone, everything stays as it is."""
    entities = er.async_get(home.hass)
    entity = entities.async_get_or_create("input_boolean", "other", "1", suggested_object_id="guests")
    home.hass.states.async_set(entity.entity_id, "on")
    display = await home.shown(rules={"condition": entity.id})
    entities.async_update_entity(entity.entity_id, new_entity_id="input_boolean.visit")
    home.hass.states.async_set("input_boolean.visit", "on")
    await settled(home.hass)
    assert how(display) == (Status.SHOWING, None)
    home.hass.states.async_set("input_boolean.visit", "off")
    await home.wait(SETTLED)
    assert not display.wanted
    home.hass.states.async_set("input_boolean.visit", "on")
    await settled(home.hass)
    entities.async_remove("input_boolean.visit")
    home.hass.states.async_remove("input_boolean.visit")
    await home.wait(SETTLED)
    assert display.wanted


async def test_template(home: Home) -> None:
    """It is shown while a template is true, and with an entity while both are."""
    home.hass.states.async_set("sensor.people", "0")
    template = "{{ states('sensor.people') | int > 1 }}"
    display = home.add(rules={"template": template, "condition": "person.anna"})
    home.hass.states.async_set("sensor.people", "2")
    await home.wait(SETTLED)
    assert not display.wanted
    home.hass.states.async_set("person.anna", "home")
    await home.wait(SETTLED)
    assert how(display) == (Status.SHOWING, None)
    home.hass.states.async_set("sensor.people", "nobody")
    await home.wait(SETTLED)
    assert how(display) == (Status.SHOWING, None)
    home.hass.states.async_set("sensor.people", "1")
    await home.wait(SETTLED)
    assert not display.wanted


async def test_condition_that_changes_in_the_set_up(home: Home) -> None:
    """Another condition has its say at once, and none leaves it to the switch."""
    home.hass.states.async_set("schedule.day", "on")
    home.hass.states.async_set("schedule.night", "off")
    display = await home.shown(rules={"condition": "schedule.day"})
    reconfigure(home, display, rules={"condition": "schedule.night"})
    await home.wait(SETTLED)
    assert not display.wanted
    reconfigure(home, display, rules={})
    await home.turn("turn_on")
    home.hass.states.async_set("schedule.night", "on")
    home.hass.states.async_set("schedule.night", "off")
    await home.wait(SETTLED)
    assert display.wanted


def reconfigure(home: Home, display: Display, **changes: Any) -> None:
    """Change the set-up of a display."""
    subentry = home.entry.subentries[display.subentry_id]
    title = changes.pop("name", subentry.title)
    home.hass.config_entries.async_update_subentry(
        home.entry, subentry, title=title, data={**subentry.data, **changes}
    )


async def test_changed_while_away(home: Home, wall: Display) -> None:
    """A display that is changed while its TV plays on out of reach is sent there when it is back."""
    home.players.tv._attr_available = False
    home.players.device.lose()
    home.players.tv.async_write_ha_state()
    await settled(home.hass)
    reconfigure(home, wall, dashboard="/generated-wall/0")
    await home.wait(20)
    assert how(wall) == (Status.RECOVERING, Reason.UNAVAILABLE)
    assert failure(wall) is None
    home.players.tv._attr_available = True
    home.players.tv.async_write_ha_state()
    await home.wait(SETTLED)
    assert how(wall) == (Status.SHOWING, None)
    assert home.registry.sessions[TV].source.path == "/generated-wall/0"
    assert len(home.players.device.urls) == 2


async def test_only_what_was_changed(home: Home, wall: Display) -> None:
    """A display that is set up, changed or removed does not touch the others."""
    other = await home.shown(name="Other", path=KITCHEN, media_players=[SECOND_TV])
    reconfigure(home, other, dashboard="/generated-wall/0")
    await home.wait(SETTLED)
    assert other.status is Status.SHOWING
    assert home.registry.sessions[SECOND_TV].source.path == "/generated-wall/0"
    assert len(home.players.second_tv.chromecast.urls) == 2
    assert home.players.second_tv.chromecast.quits == 0
    home.hass.config_entries.async_remove_subentry(home.entry, other.subentry_id)
    await home.wait(SETTLED)
    assert home.players.second_tv.chromecast.quits == 1
    assert home.hass.states.get("switch.other_show") is None
    assert list(home.registry.displays) == [wall]
    assert how(wall) == (Status.SHOWING, None)
    assert len(home.players.device.urls) == 1
    assert not home.studio.streams[0].ended


async def test_change_of_what_was_stopped(home: Home) -> None:
    """A change in the set-up brings nothing back where somebody has stopped it."""
    wall = await home.shown(media_players=[TV, SECOND_TV])
    home.players.device.report(cast_status(None, None, app_id=None))
    await settled(home.hass)
    reconfigure(home, wall, dashboard=KITCHEN)
    await home.wait(RESTED)
    assert list(home.registry.sessions) == [SECOND_TV]
    assert wall.standings[TV] == Standing(Status.IDLE, Reason.STOPPED)


async def test_renamed(home: Home, wall: Display) -> None:
    """Another name is one for the device as well, and interrupts nothing."""
    reconfigure(home, wall, name="Hall", rules={"priority": 2})
    await home.wait(SETTLED)
    device = dr.async_get(home.hass).async_get_device_by_identifier(
        (DOMAIN, wall.subentry_id), home.entry.entry_id
    )
    assert device is not None
    assert (device.name, wall.config.priority) == ("Hall", 2)
    assert len(home.players.device.urls) == 1


async def test_other_media_players(home: Home, wall: Display) -> None:
    """It leaves those that are not named any more, and comes to those that are."""
    reconfigure(home, wall, media_players=[SECOND_TV, PLAYER])
    await home.wait(SETTLED)
    assert home.players.device.quits == 1
    assert len(home.players.second_tv.chromecast.urls) == 1
    assert len(home.players.player.played) == 1
    assert how(wall) == (Status.SHOWING, None)
    home.players.player.show(MediaPlayerState.OFF)
    await home.wait(SETTLED)
    assert wall.standings[PLAYER].reason == Reason.STOPPED


async def test_media_player_that_goes_away(home: Home) -> None:
    """One that is renamed is the same; when it is removed, that is said."""
    entities = er.async_get(home.hass)
    tv = entities.async_get(TV)
    assert tv is not None
    display = await home.shown(media_players=[tv.id])
    entities.async_update_entity(TV, new_entity_id="media_player.big_tv")
    await settled(home.hass)
    await home.wait(SETTLED)
    assert how(display) == (Status.SHOWING, None)
    assert list(home.registry.sessions) == ["media_player.big_tv"]
    entities.async_remove("media_player.big_tv")
    await home.wait(SETTLED)
    assert how(display) == (Status.FAILED, "target_not_found")


async def test_media_player_is_removed(home: Home, wall: Display) -> None:
    """That is no person's stop: the display stays wanted."""
    er.async_get(home.hass).async_remove(TV)
    await home.wait(SETTLED)
    assert home.hass.states.is_state(SWITCH, "on")
    assert not home.registry.sessions


async def test_registry_that_was_lost(home: Home) -> None:
    """A media player and a condition that have other ids by now are found by what they are."""
    entities = er.async_get(home.hass)
    tv = entities.async_get(TV)
    assert tv is not None
    window = entities.async_get_or_create("schedule", "schedule", "window")
    home.hass.states.async_set(window.entity_id, "on")
    lost = {"0" * 32: tv, "1" * 32: window}
    identities = {name: [one.domain, one.platform, one.unique_id] for name, one in lost.items()}
    await home.shown(media_players=["0" * 32], rules={"condition": "1" * 32}, entities=identities)
    assert list(home.registry.sessions) == [TV]


@pytest.mark.parametrize(
    ("stand_by", "reason"), [(True, Reason.OFF), (None, Reason.OFF), (False, Reason.ELSEWHERE)]
)
async def test_unseen(home: Home, wall: Display, stand_by: bool | None, reason: Reason) -> None:
    """After a restart a TV that is off, or shows another input, is left so until people switch it on."""
    device = home.players.device
    seen = cast_status(None, None, None)
    device.status = replace(seen, is_active_input=False, is_stand_by=stand_by)
    home.players.tv.show(MediaPlayerState.OFF)
    await home.hass.config_entries.async_reload(home.entry.entry_id)
    await home.wait(SETTLED)
    again = home.find(wall.subentry_id)
    assert how(again) == (Status.GIVING_WAY, reason)
    assert len(device.urls) == 1
    device.status = seen
    await home.wait(LOOK_S)
    await home.wait(SETTLED)
    assert how(again) == (Status.SHOWING, None)


async def test_ignored_cec(home: Home, wall: Display) -> None:
    """Who has the Cast integration ignore what a device says of its screen, has us ignore it, too."""
    device = home.players.device
    device.ignore_cec = True
    device.status = replace(cast_status(None, None, None), is_active_input=False)
    home.players.tv.show(MediaPlayerState.OFF)
    await home.hass.config_entries.async_reload(home.entry.entry_id)
    await home.wait(SETTLED)
    assert how(home.find(wall.subentry_id)) == (Status.SHOWING, None)


async def test_reload_keeps_what_is_wanted(home: Home, wall: Display) -> None:
    """After a restart what was shown is shown again, and what was off is off."""
    await home.hass.config_entries.async_reload(home.entry.entry_id)
    await home.wait(SETTLED)
    again = home.find(wall.subentry_id)
    assert again is not wall
    assert how(again) == (Status.SHOWING, None)
    await home.turn("turn_off")
    await home.hass.config_entries.async_reload(home.entry.entry_id)
    await home.wait(SETTLED)
    assert how(home.find(wall.subentry_id)) == (Status.IDLE, None)


async def test_window_that_ended_meanwhile(home: Home) -> None:
    """A condition that has changed while Home Assistant was away counts; one that has not does not."""
    home.hass.states.async_set("schedule.day", "on")
    display = await home.shown(rules={"condition": "schedule.day"})
    await home.turn("turn_off")
    await home.hass.config_entries.async_reload(home.entry.entry_id)
    await home.wait(SETTLED)
    assert not home.find(display.subentry_id).wanted
    await home.turn("turn_on")
    await home.hass.config_entries.async_unload(home.entry.entry_id)
    home.hass.states.async_set("schedule.day", "off")
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await home.wait(SETTLED)
    assert not home.find(display.subentry_id).wanted


async def test_what_is_kept(home: Home, wall: Display, hass_storage: dict[str, Any]) -> None:
    """What is wanted is on disk soon, and gone with the integration."""
    await home.wait(2)
    assert hass_storage["dashboard_cast.displays"]["data"]["displays"][wall.subentry_id]["wanted"] is True
    await home.hass.config_entries.async_remove(home.entry.entry_id)
    assert "dashboard_cast.displays" not in hass_storage


async def test_what_an_older_release_kept(home: Home, wall: Display, hass_storage: dict[str, Any]) -> None:
    """What is wanted survives an update."""
    await wall.async_turn_off()
    await home.hass.config_entries.async_unload(home.entry.entry_id)
    stored = hass_storage["dashboard_cast.displays"]
    stored |= {"version": 1, "data": stored["data"]["displays"]}
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await home.wait(SETTLED)
    assert home.hass.states.is_state(SWITCH, "off")


async def test_waits_for_home_assistant(home: Home, wall: Display) -> None:
    """Nothing is shown before Home Assistant has started, and everything after."""
    await home.hass.config_entries.async_unload(home.entry.entry_id)
    home.hass.set_state(CoreState.starting)
    assert await home.hass.config_entries.async_setup(home.entry.entry_id)
    await home.wait(SETTLED)
    display = home.find(wall.subentry_id)
    assert how(display) == (Status.STARTING, None)
    assert len(home.players.device.urls) == 1
    home.hass.set_state(CoreState.running)
    home.hass.bus.async_fire("homeassistant_started")
    await settled(home.hass)
    await home.wait(SETTLED)
    assert how(display) == (Status.SHOWING, None)


async def test_other_view(home: Home, wall: Display) -> None:
    """Another view is shown in the same stream, until it is turned off."""
    await wall.async_show(KITCHEN)
    assert (wall.source.path, home.registry.sessions[TV].source.path) == (KITCHEN, KITCHEN)
    assert home.studio.only.asked == [OTHER_SOURCE]
    assert len(home.players.device.urls) == 1
    with pytest.raises(ViewNotFoundError):
        await wall.async_show("/tv-wall/attic")
    home.studio.failure = BrowserFailedError(detail="crashed")
    with pytest.raises(BrowserFailedError):
        await wall.async_show(SOURCE.path)
    assert wall.source.path == KITCHEN
    await wall.async_turn_off()
    assert wall.source.path == SOURCE.path


async def test_other_view_beside_another_viewer(home: Home, wall: Display) -> None:
    """Who shares the stream keeps the view; the display is still watched in its new one."""
    await home.registry.async_cast(SECOND_TV, SOURCE, PROFILE)
    await wall.async_show(KITCHEN)
    await settled(home.hass)
    assert home.registry.sessions[SECOND_TV].source == SOURCE
    assert how(wall) == (Status.SHOWING, None)
    home.players.device.report(cast_status(None, None, app_id=None))
    await settled(home.hass)
    assert not wall.wanted


async def test_reload_page(home: Home, wall: Display) -> None:
    """A new page is drawn in the same stream."""
    await wall.async_reload()
    assert home.studio.only.asked == [SOURCE]
    await wall.async_turn_off()
    with pytest.raises(NothingShownError):
        await wall.async_reload()


async def test_cast_again(home: Home, wall: Display) -> None:
    """It is sent again to where it is, and to where something else plays."""
    await wall.async_cast_again()
    await settled(home.hass)
    assert how(wall) == (Status.SHOWING, None)
    assert len(home.players.device.urls) == 2
    home.players.device.report(cast_status("another", "YouTube", app_id="233637DE"))
    home.players.tv.show(MediaPlayerState.PLAYING)
    await settled(home.hass)
    await wall.async_cast_again()
    await settled(home.hass)
    assert how(wall) == (Status.SHOWING, None)
    assert len(home.players.device.urls) == 3


async def test_user(home: Home) -> None:
    """A display of a user is drawn with his rights, beside one of another."""
    MockUser(name="Anna", id="anna", groups=[]).add_to_hass(home.hass)
    user = await home.hass.auth.async_get_user("anna")
    assert user is not None
    await home.shown(look={"user": "anna"}, media_players=[PLAYER])
    token = (await home.studio.only.credentials()).token
    validated = home.hass.auth.async_validate_access_token(token)
    assert validated is not None
    assert validated.user.id == "anna"


async def test_volume(home: Home) -> None:
    """The volume is set while the display plays, and as before when it is over."""
    home.players.tv.turn_volume(0.5)
    wall = await home.shown(quiet={"volume": 20})
    assert home.players.tv.volume_level == 0.2
    await home.wait(1)
    other = await home.shown(name="Other", path=KITCHEN, quiet={"volume": 30})
    assert home.players.tv.volume_level == 0.3
    await other.async_turn_off()
    await settled(home.hass)
    assert home.players.tv.volume_level == 0.2
    await wall.async_turn_off()
    await settled(home.hass)
    assert home.players.tv.volumes == [0.2, 0.3, 0.2, 0.5]


async def test_volume_that_is_set_up_anew(home: Home) -> None:
    """Another volume is set at once, and none leaves the one that the TV had."""
    home.players.tv.turn_volume(0.5)
    wall = await home.shown(quiet={"volume": 20})
    reconfigure(home, wall, quiet={"volume": 30})
    await settled(home.hass)
    assert home.players.tv.volume_level == 0.3
    reconfigure(home, wall, quiet={})
    await settled(home.hass)
    assert home.players.tv.volume_level == 0.5
    assert len(home.players.device.urls) == 1


async def test_volume_of_the_next(home: Home) -> None:
    """A display that leaves the volume alone has the one that the TV had."""
    home.players.tv.turn_volume(0.5)
    await home.shown(quiet={"volume": 20})
    await home.wait(1)
    await home.shown(name="Other", path=KITCHEN)
    assert home.players.tv.volumes == [0.2, 0.5]


async def test_volume_that_a_person_changes(home: Home) -> None:
    """What somebody sets meanwhile stays."""
    home.players.tv.turn_volume(0.5)
    wall = await home.shown(quiet={"volume": 20})
    home.players.tv.turn_volume(0.7)
    await wall.async_turn_off()
    await settled(home.hass)
    assert home.players.tv.volumes == [0.2]


async def test_volume_that_is_not_told_yet(home: Home) -> None:
    """A TV that does not say by then that it was set has the volume that it had, too."""
    home.players.tv.turn_volume(0.5)
    with patch.object(home.players.tv, "turn_volume"):
        wall = await home.shown(quiet={"volume": 20})
        await wall.async_turn_off()
        await settled(home.hass)
    assert home.players.tv.volumes == [0.2, 0.5]


async def test_volume_of_a_slow_tv(home: Home, wall: Display) -> None:
    """A display that is turned off before the TV says that it was set leaves it as loud as it was."""
    home.players.tv.turn_volume(0.5)
    home.players.tv.answers.clear()
    reconfigure(home, wall, quiet={"volume": 20})
    await home.players.tv.told.wait()
    await wall.async_turn_off()
    home.players.tv.answers.set()
    await settled(home.hass)
    assert home.players.tv.volumes == [0.2, 0.5]


async def test_volume_without_an_answer(home: Home) -> None:
    """A TV that is set, but never says so, is as loud as before in the end, too."""
    tv = home.players.tv
    tv.turn_volume(0.5)

    async def set_silently(volume: float) -> None:
        tv.volumes.append(volume)
        tv.turn_volume(volume)
        raise HomeAssistantError("no answer")

    with patch.object(tv, "async_set_volume_level", set_silently):
        wall = await home.shown(quiet={"volume": 20})
    await wall.async_turn_off()
    await settled(home.hass)
    assert tv.volumes == [0.2, 0.5]


async def test_volume_after_a_power_cut(home: Home, hass_storage: dict[str, Any]) -> None:
    """How loud a TV was is on disk soon after it was made louder, and forgotten when it is as it was."""
    home.players.tv.turn_volume(0.5)
    wall = await home.shown(quiet={"volume": 20})
    await home.wait(2)
    stored = hass_storage["dashboard_cast.displays"]["data"]["volumes"]
    assert stored == {TV: {"muted": False, "before": 0.5, "level": 0.2}}
    await wall.async_turn_off()
    await home.wait(2)
    assert hass_storage["dashboard_cast.displays"]["data"]["volumes"] == {}


async def test_volume_after_a_takeover(home: Home) -> None:
    """Another app is as loud as it should be, and so is the TV after the end of Home Assistant."""
    home.players.tv.turn_volume(0.5)
    wall = await home.shown(quiet={"volume": 20})
    home.players.device.report(cast_status("another", "YouTube", app_id="233637DE"))
    await settled(home.hass)
    assert home.players.tv.volume_level == 0.5
    await wall.async_cast_again()
    await settled(home.hass)
    assert home.players.tv.volume_level == 0.2
    await home.hass.config_entries.async_unload(home.entry.entry_id)
    assert home.players.tv.volume_level == 0.5


async def test_volume_of_a_tv_that_is_away(home: Home) -> None:
    """One that was away when it was to be as before is that once it is back, also after a restart."""
    home.players.tv.turn_volume(0.5)
    wall = await home.shown(quiet={"volume": 20})
    home.players.tv._attr_available = False
    home.players.device.lose()
    home.players.tv.async_write_ha_state()
    await wall.async_turn_off()
    await home.wait(SETTLED)
    await home.hass.config_entries.async_reload(home.entry.entry_id)
    await home.wait(SETTLED)
    assert home.players.tv.volumes == [0.2]
    home.players.tv._attr_available = True
    home.players.tv.show(MediaPlayerState.IDLE)
    await settled(home.hass)
    assert home.players.tv.volumes == [0.2, 0.5]


async def test_volume_that_cannot_be_set(home: Home, wall: Display) -> None:
    """A TV that refuses shows the display nevertheless."""
    with patch.object(home.players.tv, "async_set_volume_level", side_effect=HomeAssistantError("no")):
        reconfigure(home, wall, dashboard=KITCHEN, quiet={"volume": 20})
        await home.wait(1)
    assert how(wall) == (Status.SHOWING, None)


async def test_volume_that_is_fixed(home: Home, hass_storage: dict[str, Any]) -> None:
    """A TV whose volume cannot be set shows the display, and nothing is left to be undone."""
    home.players.tv._attr_supported_features = MediaPlayerEntityFeature.PLAY_MEDIA
    wall = await home.shown(quiet={"volume": 20, "silent_start": True})
    await wall.async_turn_off()
    await home.wait(2)
    assert home.players.tv.volumes == []
    assert hass_storage["dashboard_cast.displays"]["data"]["volumes"] == {}


async def test_silent_start(home: Home) -> None:
    """A TV that chimes is muted until the display plays, unless it is muted anyway, or does not start."""
    wall = await home.shown(quiet={"silent_start": True})
    assert home.players.tv.volumes == [0, 1]
    await wall.async_cast_again()
    await settled(home.hass)
    assert home.players.tv.volumes == [0, 1]
    await wall.async_turn_off()
    await home.players.tv.async_mute_volume(True)  # noqa: FBT003
    await wall.async_turn_on()
    await home.wait(SETTLED)
    assert home.players.tv.volumes == [0, 1, 0]
    home.players.device.report(cast_status(None, None, app_id=None))
    await settled(home.hass)
    await home.players.tv.async_mute_volume(False)  # noqa: FBT003
    home.studio.failure = PageNotReadyError(path="x", seconds="30", detail="still loading")
    await wall.async_turn_on()
    await home.wait(SETTLED)
    assert home.players.tv.volumes == [0, 1, 0, 1, 0, 1]


async def test_silent_start_of_a_muted_tv(home: Home) -> None:
    """A TV that a person has muted stays that, though Home Assistant does not tell while it is off."""
    await home.players.tv.async_mute_volume(True)  # noqa: FBT003
    home.players.tv.show(MediaPlayerState.OFF)
    wall = await home.shown(quiet={"silent_start": True})
    await wall.async_turn_off()
    await settled(home.hass)
    assert home.players.tv.volumes == [0]


async def test_silent_start_of_a_slow_tv(home: Home, wall: Display) -> None:
    """A display that is turned off while its TV is being muted leaves it as it was."""
    await wall.async_turn_off()
    await settled(home.hass)
    home.players.tv.answers.clear()
    other = home.add(name="Other", quiet={"silent_start": True})
    home.tick(SETTLED)
    await home.players.tv.told.wait()
    await other.async_turn_off()
    home.players.tv.answers.set()
    await settled(home.hass)
    assert home.players.tv.volumes == [0, 1]


@pytest.fixture
async def plug(home: Home) -> str:
    """Return a plug that is off."""
    assert await async_setup_component(home.hass, "homeassistant", {})
    assert await async_setup_component(home.hass, "input_boolean", {"input_boolean": {"plug": None}})
    return "input_boolean.plug"


async def test_power(home: Home, plug: str) -> None:
    """What is off is turned on for a display, and off when that is over; a reload does not make it forget."""
    wall = await home.shown(quiet={"power": [plug]})
    assert home.hass.states.is_state(plug, "on")
    await home.hass.config_entries.async_reload(home.entry.entry_id)
    await home.wait(SETTLED)
    await home.turn("turn_off")
    assert home.hass.states.is_state(plug, "off")
    assert not home.find(wall.subentry_id).wanted


async def test_power_that_was_on(home: Home, plug: str) -> None:
    """What was on stays on."""
    await home.hass.services.async_call("input_boolean", "turn_on", {"entity_id": plug}, blocking=True)
    await home.shown(quiet={"power": [plug]})
    await home.turn("turn_off")
    assert home.hass.states.is_state(plug, "on")


async def test_power_that_others_need(home: Home, plug: str) -> None:
    """What another display needs is turned off with that one."""
    wall = await home.shown(quiet={"power": [plug]})
    await home.wait(1)
    other = await home.shown(name="Other", path=KITCHEN, quiet={"power": [plug]})
    await wall.async_turn_off()
    await settled(home.hass)
    assert home.hass.states.is_state(plug, "on")
    await other.async_turn_off()
    await settled(home.hass)
    assert home.hass.states.is_state(plug, "off")


async def test_power_while_somebody_watches(home: Home, plug: str) -> None:
    """Nobody's film is turned off."""
    other = await home.shown(name="Other", quiet={"power": [plug]})
    home.players.device.report(cast_status("another", "YouTube", app_id="233637DE"))
    home.players.tv.show(MediaPlayerState.PLAYING)
    await settled(home.hass)
    await other.async_turn_off()
    await settled(home.hass)
    assert home.hass.states.is_state(plug, "on")


async def test_power_after_a_stop(home: Home, plug: str) -> None:
    """Who stops the display on the TV is in front of it."""
    await home.shown(quiet={"power": [plug]})
    home.players.device.report(cast_status(None, None, app_id=None))
    await settled(home.hass)
    assert home.hass.states.is_state(SWITCH, "off")
    assert home.hass.states.is_state(plug, "on")


async def test_power_that_is_set_up_anew(home: Home, plug: str) -> None:
    """What is added is turned on at once, and off when it is taken out again; what was on stays."""
    wall = await home.shown()
    reconfigure(home, wall, quiet={"power": [plug]})
    await settled(home.hass)
    assert home.hass.states.is_state(plug, "on")
    reconfigure(home, wall, quiet={})
    await settled(home.hass)
    assert home.hass.states.is_state(plug, "off")
    await home.hass.services.async_call("input_boolean", "turn_on", {"entity_id": plug}, blocking=True)
    reconfigure(home, wall, quiet={"power": [plug]})
    reconfigure(home, wall, quiet={})
    await settled(home.hass)
    assert home.hass.states.is_state(plug, "on")


async def test_power_of_a_display_that_is_removed(home: Home, plug: str) -> None:
    """It is turned off with the display."""
    wall = await home.shown(quiet={"power": [plug]})
    home.hass.config_entries.async_remove_subentry(home.entry, wall.subentry_id)
    await settled(home.hass)
    assert home.hass.states.is_state(plug, "off")


@pytest.mark.parametrize(("busy", "state"), [(False, "off"), (True, "on")])
async def test_power_after_the_integration(home: Home, plug: str, state: str, *, busy: bool) -> None:
    """So it is with all of them, but where somebody watches something else."""
    await home.shown(quiet={"power": [plug]})
    if busy:
        home.players.device.report(cast_status("another", "YouTube", app_id="233637DE"))
        home.players.tv.show(MediaPlayerState.PLAYING)
    else:
        home.players.tv.show(MediaPlayerState.IDLE)
    await settled(home.hass)
    await home.hass.config_entries.async_remove(home.entry.entry_id)
    await settled(home.hass)
    assert home.hass.states.is_state(plug, state)


async def test_power_that_is_renamed(home: Home, plug: str, hass_storage: dict[str, Any]) -> None:
    """It is turned off under its new name, also when an older release has kept the old one."""
    registry = er.async_get(home.hass)
    entity = registry.async_get(plug)
    assert entity is not None
    await home.shown(quiet={"power": [entity.id]})
    await home.hass.config_entries.async_unload(home.entry.entry_id)
    stored = hass_storage["dashboard_cast.displays"]
    (demand,) = stored["data"]["displays"].values()
    assert demand["powered"] == [entity.id]
    demand["powered"], stored["version"] = [plug], 2
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await home.wait(SETTLED)
    registry.async_update_entity(plug, new_entity_id="input_boolean.other")
    await settled(home.hass)
    await home.turn("turn_off")
    assert home.hass.states.is_state("input_boolean.other", "off")
