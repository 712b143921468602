"""Tests of cast sessions: what a media player does, and what becomes of the session then."""

import asyncio
from datetime import timedelta
import threading
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.media_player import MediaPlayerState
from homeassistant.const import STATE_OFF, STATE_STANDBY, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from pychromecast.const import CAST_TYPE_AUDIO, CAST_TYPE_GROUP
from pychromecast.error import NotConnected
import pytest

from custom_components.dashboard_cast.casting import LOAD_TIMEOUT_S
from custom_components.dashboard_cast.errors import (
    AddressNotFoundError,
    LoadFailedError,
    PageNotReadyError,
    StartCancelledError,
    StartSupersededError,
    TargetNotScreenError,
)
from custom_components.dashboard_cast.models import Source, StreamFormat
from custom_components.dashboard_cast.registry import Registry

from .common import (
    OTHER_SOURCE,
    PLAYER,
    PROFILE,
    SOURCE,
    TV,
    MockConfigEntry,
    Players,
    Studio,
    async_fire_time_changed,
    cast_status,
    cast_task,
    settled,
    until,
    url_of,
)

# pychromecast calls from threads of its own.
pytestmark = pytest.mark.usefixtures("debug_mode")

ELSE = "http://music.example/song.mp3"


async def _cast(registry: Registry, entity_id: str = TV) -> None:
    await registry.async_cast(entity_id, SOURCE, PROFILE)


async def test_load_message(registry: Registry, players: Players, studio: Studio) -> None:
    """A Cast device gets the address of our interface towards it, and what it must know of the stream."""
    await _cast(registry)
    [(url, content_type, options)] = players.device.media_controller.loads
    assert url == url_of(studio.only)
    assert content_type == "application/vnd.apple.mpegurl"
    assert options == {
        "title": SOURCE.path,
        "thumb": url.replace("master.m3u8", "still.jpg"),
        "stream_type": "LIVE",
        "media_info": {"hlsVideoSegmentFormat": "fmp4"},
    }


@pytest.mark.parametrize(
    ("app_id", "started"), [("233637DE", ["CC1AD845"]), (None, ["CC1AD845"]), ("CC1AD845", [])]
)
async def test_app_of_its_own(
    registry: Registry, players: Players, app_id: str | None, started: list[str]
) -> None:
    """The receiver app for media is opened first: what another app is sent, it does not play."""
    players.device.status = cast_status("other", "YouTube", app_id)
    await _cast(registry)
    assert players.device.started == started


async def test_stopped_while_the_app_opens(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """Nothing is sent to an app that nobody wants by the time it is open, and it is closed."""
    players.device.status = cast_status(None, None, None)
    opening, stopped = asyncio.Event(), threading.Event()

    def open_slowly() -> None:
        hass.loop.call_soon_threadsafe(opening.set)
        stopped.wait(5)

    players.device.on_start = open_slowly
    start = cast_task(hass, registry)
    await opening.wait()
    await registry.async_stop({TV})
    stopped.set()
    with pytest.raises(StartCancelledError):
        await start
    await until(lambda: players.device.quits == 1)
    assert not players.device.urls


async def test_waits_for_picture(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """A start is done only when pictures move: buffering is not enough."""
    controller = players.device.media_controller
    controller.answer = {"playerState": "BUFFERING"}
    start = cast_task(hass, registry)
    await players.tv.loaded()
    assert not start.done()
    controller.report(controller.loads[0][0], playerState="PLAYING")
    assert (await start).entity_id == TV


def _names(players: Players) -> list[str]:
    """Return the names of what the device was told to play."""
    return [url.rpartition("/")[2] for url in players.device.urls]


async def test_next_format(registry: Registry, players: Players, studio: Studio) -> None:
    """A device that cannot play one format is sent to the next, once for each failure, and plays that."""
    controller = players.device.media_controller
    controller.plays = {"live.mp4"}
    await _cast(registry)
    assert _names(players) == ["master.m3u8", "master-ts.m3u8", "live.mp4"]
    assert [options["media_info"] for _, _, options in controller.loads] == [
        {"hlsVideoSegmentFormat": "fmp4"},
        {"hlsVideoSegmentFormat": "mpeg2_ts"},
        {},
    ]
    assert controller.loads[2][1] == "video/mp4"
    assert len(studio.streams) == 1


async def test_wanted_format(registry: Registry, players: Players) -> None:
    """A format that somebody asked for is the only one; asked for another, the device gets that."""
    players.device.media_controller.plays = {"master-ts.m3u8", "live.mp4"}
    with pytest.raises(LoadFailedError):
        await registry.async_cast(TV, SOURCE, PROFILE, stream_format=StreamFormat.HLS)
    for stream_format in (StreamFormat.HLS_TS, StreamFormat.MP4, StreamFormat.MP4):
        await registry.async_cast(TV, SOURCE, PROFILE, stream_format=stream_format)
    assert _names(players) == ["master.m3u8", "master-ts.m3u8", "live.mp4"]


async def test_lost_between_formats(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """A device that is gone when it is to be sent to the next format fails the start."""
    controller = players.device.media_controller
    controller.answer = None
    start = cast_task(hass, registry)
    await players.tv.loaded()
    with patch.object(controller, "play_media", side_effect=NotConnected("gone")):
        controller.fail(players.device.urls[0])
        with pytest.raises(LoadFailedError, match="gone"):
            await start


async def test_format_of_other_media_players(registry: Registry, players: Players) -> None:
    """Any media player is given the format that was asked for."""
    await registry.async_cast(PLAYER, SOURCE, PROFILE, stream_format=StreamFormat.MP4)
    assert players.player.played[0].endswith("/live.mp4")


async def test_failure_while_playing(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """A device that fails after it has played ends the session: nothing is loaded again by itself."""
    await _cast(registry)
    players.device.media_controller.fail(players.device.urls[0])
    await settled(hass)
    assert not registry.sessions
    assert len(players.device.urls) == 1


async def test_load_failed(hass: HomeAssistant, registry: Registry, players: Players, studio: Studio) -> None:
    """A device that cannot load the stream in any format says why, and the stream ends."""
    players.device.media_controller.plays = set()
    with pytest.raises(LoadFailedError) as caught:
        await _cast(registry)
    assert caught.value.placeholders["entity"] == TV
    assert caught.value.placeholders["url"] == url_of(studio.only).replace("master.m3u8", "live.mp4")
    assert "MEDIA_SRC_NOT_SUPPORTED (104)" in caught.value.placeholders["detail"]
    await settled(hass)
    assert studio.only.ended
    assert not registry.sessions


async def test_unknown_load_failure(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """An error code that nobody has named is told all the same."""
    controller = players.device.media_controller
    controller.answer = None
    wanted = registry.async_cast(TV, SOURCE, PROFILE, stream_format=StreamFormat.HLS)
    start = hass.async_create_background_task(wanted, "cast of the test")
    await players.tv.loaded()
    controller.fail(players.device.urls[0], 999)
    with pytest.raises(LoadFailedError, match=r"unknown error \(999\)"):
        await start


async def test_no_picture_in_time(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """A device that never plays ends the start after a time."""
    players.device.media_controller.answer = None
    with (
        patch("custom_components.dashboard_cast.casting.LOAD_TIMEOUT_S", 0.01),
        pytest.raises(LoadFailedError),
    ):
        await _cast(registry)
    assert LOAD_TIMEOUT_S >= 20
    assert not registry.sessions


@pytest.mark.parametrize("reason", ["CANCELLED", "INTERRUPTED", "FINISHED", "ERROR"])
async def test_idle(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, reason: str
) -> None:
    """A device that goes idle ends the session and is left alone."""
    await _cast(registry)
    players.device.media_controller.report(playerState="IDLE", idleReason=reason)
    await settled(hass)
    _assert_given_up(registry, players, studio)


async def test_idle_without_reason(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """Idle without a reason is how a device begins to load."""
    players.device.media_controller.answer = {"playerState": "IDLE"}
    start = cast_task(hass, registry)
    await players.tv.loaded()
    assert not start.done()
    players.device.media_controller.report(playerState="PLAYING")
    await start


async def test_other_content(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A device that plays something else in the same app ends the session and is left alone."""
    await _cast(registry)
    players.device.media_controller.report(ELSE, playerState="PLAYING")
    await settled(hass)
    _assert_given_up(registry, players, studio)


async def test_other_app(hass: HomeAssistant, registry: Registry, players: Players, studio: Studio) -> None:
    """A device that shows another app ends the session and is left alone."""
    await _cast(registry)
    players.device.report(cast_status("another", "YouTube"))
    await settled(hass)
    _assert_given_up(registry, players, studio)


async def test_home_screen(hass: HomeAssistant, registry: Registry, players: Players, studio: Studio) -> None:
    """A device that was sent back to its own screen ends the session."""
    await _cast(registry)
    players.device.report(cast_status(None, None))
    await settled(hass)
    _assert_given_up(registry, players, studio)


def _assert_given_up(registry: Registry, players: Players, studio: Studio) -> None:
    """Check that nothing is left of the cast and the device was told nothing more."""
    assert not registry.sessions
    assert not registry.streams
    assert studio.only.ended
    assert players.device.quits == 0
    assert len(players.device.urls) == 1


async def test_same_app(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """News of our own app, such as another volume, end nothing."""
    await _cast(registry)
    players.device.report(cast_status("ours"))
    players.device.media_controller.report(playerState="BUFFERING")
    players.device.media_controller.report(playerState="PLAYING")
    await settled(hass)
    assert TV in registry.sessions


async def test_before_load_is_taken_up(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """What a device did before the LOAD, and how it ends that, is not about the stream."""
    controller = players.device.media_controller
    controller.answer = None
    start = cast_task(hass, registry)
    await players.tv.loaded()
    controller.report(ELSE, playerState="PLAYING")
    controller.report(ELSE, playerState="IDLE", idleReason="INTERRUPTED")
    players.device.report(cast_status("another"))
    players.device.report(cast_status("ours"))
    controller.report(controller.loads[0][0], playerState="PLAYING")
    await start
    assert TV in registry.sessions


async def test_after_the_end(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """What a device does after the session is over changes nothing any more."""
    await _cast(registry)
    url = players.device.urls[0]
    players.device.media_controller.report(ELSE, playerState="PLAYING")
    await settled(hass)
    players.device.media_controller.report(url, playerState="PLAYING")
    players.device.report(cast_status("another"))
    await settled(hass)
    assert not registry.sessions


async def test_stop_quits_app(registry: Registry, players: Players, studio: Studio) -> None:
    """A stop closes the receiver app, once, and ends the stream."""
    await _cast(registry)
    await registry.async_stop({TV})
    assert players.device.quits == 1
    assert studio.only.ended
    await registry.async_stop({TV})
    assert players.device.quits == 1


async def test_stop_leaves_other_content(registry: Registry, players: Players) -> None:
    """A stop leaves a device alone that plays something else before we heard of it."""
    await _cast(registry)
    players.device.media_controller.status.content_id = ELSE
    await registry.async_stop({TV})
    assert players.device.quits == 0


async def test_stop_while_given_up(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """A stop that meets the news that the device plays something else leaves it alone."""
    await _cast(registry)
    players.device.media_controller.report(ELSE, playerState="PLAYING")
    await registry.async_stop({TV})
    await settled(hass)
    assert players.device.quits == 0
    assert not registry.sessions


async def test_restarts_while_loading(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """A device that comes back without our app, which it had not told to play yet, is not waited for."""
    players.device.media_controller.answer = {"playerState": "BUFFERING"}
    start = cast_task(hass, registry)
    await players.tv.loaded()
    players.device.lose()
    assert not start.done()
    players.device.report(cast_status(None, None, app_id=None))
    with pytest.raises(LoadFailedError, match="its own screen"):
        await start
    assert not registry.sessions


async def test_stop_survives_lost_device(registry: Registry, players: Players, studio: Studio) -> None:
    """A stop ends the session also when the device is out of reach."""
    await _cast(registry)
    with patch.object(players.device, "quit_app", side_effect=NotConnected):
        await registry.async_stop({TV})
    assert not registry.sessions
    assert studio.only.ended


async def test_stop_while_loading(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A stop between LOAD and the first picture ends the start."""
    players.device.media_controller.answer = {"playerState": "BUFFERING"}
    start = cast_task(hass, registry)
    await players.tv.loaded()
    await registry.async_stop({TV})
    with pytest.raises(StartCancelledError):
        await start
    assert players.device.quits == 1
    assert studio.only.ended


async def test_stop_before_the_load_is_taken_up(
    hass: HomeAssistant, registry: Registry, players: Players
) -> None:
    """A receiver that has not said anything of the LOAD yet is closed as well."""
    players.device.media_controller.answer = None
    start = cast_task(hass, registry)
    await players.tv.loaded()
    await registry.async_stop({TV})
    with pytest.raises(StartCancelledError):
        await start
    assert players.device.quits == 1


@pytest.mark.parametrize("cast_type", [CAST_TYPE_AUDIO, CAST_TYPE_GROUP])
async def test_no_screen(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, cast_type: str
) -> None:
    """A speaker or a group is told apart from a device that fails, and sent nothing."""
    players.device.cast_type = cast_type
    with pytest.raises(TargetNotScreenError):
        await _cast(registry)
    await settled(hass)
    assert not players.device.urls
    assert studio.only.ended


async def test_no_address(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """Without an address for the device, the person is told so and not that the device failed."""
    failure = AddressNotFoundError(entity=TV)
    with (
        patch("custom_components.dashboard_cast.casting.device_url", side_effect=failure),
        pytest.raises(AddressNotFoundError),
    ):
        await _cast(registry)
    assert not registry.sessions


async def test_media_player_that_is_away(registry: Registry, players: Players, studio: Studio) -> None:
    """Nobody waits for a media player that is away by the time the stream runs."""
    players.tv._attr_available = False
    players.tv.async_write_ha_state()
    with pytest.raises(LoadFailedError) as raised:
        await _cast(registry)
    assert raised.value.placeholders["detail"] == "out of reach"
    assert studio.only.ended


async def test_device_out_of_reach(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """A LOAD that cannot be sent is a failed load."""
    with (
        patch.object(players.device.media_controller, "play_media", side_effect=NotConnected("gone")),
        pytest.raises(LoadFailedError, match="gone"),
    ):
        await _cast(registry)
    await settled(hass)
    assert not registry.streams


async def test_stream_ends(hass: HomeAssistant, registry: Registry, players: Players, studio: Studio) -> None:
    """A stream that ends by itself ends its sessions, and the TV leaves the app."""
    await _cast(registry)
    await studio.only.fail(LoadFailedError(entity="", detail="", url=""))
    await settled(hass)
    assert not registry.sessions
    assert players.device.quits == 1


async def test_one_device_many_sessions(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """The next dashboard on a TV replaces the one before without closing the app."""
    await _cast(registry)
    listeners = [*players.device.listeners]
    await registry.async_cast(TV, OTHER_SOURCE, PROFILE)
    assert players.device.urls == [url_of(stream) for stream in studio.streams]
    await settled(hass)
    assert players.device.quits == 0
    assert players.device.listeners == listeners
    assert len(players.device.media_controller.listeners) == 1
    assert [stream.ended for stream in studio.streams] == [True, False]


async def test_other_player(registry: Registry, players: Players, studio: Studio) -> None:
    """A media player that is no Cast device gets an absolute URL."""
    await _cast(registry, PLAYER)
    assert players.player.played == [url_of(studio.only)]
    assert PLAYER in registry.sessions


async def test_other_player_fails(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """What a media player's integration says goes to the person, and nothing is left."""
    players.player.failure = HomeAssistantError("no such codec")
    with pytest.raises(LoadFailedError, match="no such codec"):
        await _cast(registry, PLAYER)
    await settled(hass)
    assert not registry.sessions
    assert not registry.streams


async def test_other_player_stop(registry: Registry, players: Players, studio: Studio) -> None:
    """A stop stops such a media player."""
    await _cast(registry, PLAYER)
    await registry.async_stop({PLAYER})
    assert players.player.stops == 1
    assert studio.only.ended


@pytest.mark.parametrize(
    "states",
    [
        [MediaPlayerState.IDLE],
        [MediaPlayerState.OFF],
        [MediaPlayerState.PAUSED, MediaPlayerState.OFF],
        [MediaPlayerState.BUFFERING, MediaPlayerState.IDLE],
    ],
    ids="-".join,
)
async def test_other_player_ends(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, states: list[MediaPlayerState]
) -> None:
    """A media player that stops playing ends the session, and is told nothing."""
    await _cast(registry, PLAYER)
    for state in states:
        players.player.show(state)
        await hass.async_block_till_done()
    await settled(hass)
    assert not registry.sessions
    assert studio.only.ended
    assert players.player.stops == 0


@pytest.mark.parametrize("state", [STATE_OFF, STATE_STANDBY, STATE_UNAVAILABLE])
async def test_other_player_state(
    hass: HomeAssistant, registry: Registry, players: Players, state: str
) -> None:
    """Off, standby and out of reach all end a session."""
    await _cast(registry, PLAYER)
    hass.states.async_set(PLAYER, state)
    await settled(hass)
    assert not registry.sessions


async def test_other_player_slow(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """A media player that was told to play and still says idle has not stopped."""
    await _cast(registry, PLAYER)
    hass.states.async_set(PLAYER, MediaPlayerState.IDLE, force_update=True)
    await settled(hass)
    await registry.async_cast(PLAYER, OTHER_SOURCE, PROFILE)
    hass.states.async_set(PLAYER, MediaPlayerState.PAUSED)
    await settled(hass)
    assert PLAYER in registry.sessions


async def test_other_player_removed(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """A media player that is removed ends its session."""
    await _cast(registry, PLAYER)
    hass.states.async_remove(PLAYER)
    await settled(hass)
    assert not registry.sessions


async def test_other_player_without_address(
    hass: HomeAssistant, registry: Registry, players: Players, entry: MockConfigEntry
) -> None:
    """Without an address of Home Assistant's, such a media player is not asked."""
    with (
        patch(
            "custom_components.dashboard_cast.casting.device_url",
            side_effect=AddressNotFoundError(entity=PLAYER),
        ),
        pytest.raises(AddressNotFoundError),
    ):
        await _cast(registry, PLAYER)
    assert not players.player.played


async def test_give_up_waiting(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """Who gives up waiting for a start does not end it."""
    players.device.media_controller.answer = None
    start = cast_task(hass, registry)
    await players.tv.loaded()
    start.cancel()
    await asyncio.wait([start])
    assert TV in registry.sessions
    players.device.media_controller.report(players.device.urls[0], playerState="PLAYING")
    assert await registry.async_cast(TV, SOURCE, PROFILE) is registry.sessions[TV]


async def test_stop_is_bounded(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """A media player that does not answer a stop does not hold it up for ever."""

    async def never(**_data: Any) -> None:
        await asyncio.Event().wait()

    await _cast(registry, PLAYER)
    with (
        patch("custom_components.dashboard_cast.casting._COMMAND_TIMEOUT_S", 0.01),
        patch.object(players.player, "async_media_stop", never),
    ):
        await registry.async_stop({PLAYER})
    assert not registry.sessions


async def test_duration_counts_from_the_picture(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, freezer: FrozenDateTimeFactory
) -> None:
    """A slow start takes nothing from the time that a dashboard is shown."""
    studio.gate.clear()
    start = hass.async_create_background_task(
        registry.async_cast(TV, SOURCE, PROFILE, timedelta(seconds=10)), "cast of the test"
    )
    await hass.async_block_till_done()
    freezer.tick(timedelta(seconds=20))
    async_fire_time_changed(hass)
    studio.gate.set()
    await start
    await settled(hass)
    assert TV in registry.sessions
    freezer.tick(timedelta(seconds=11))
    async_fire_time_changed(hass)
    await settled(hass)
    assert not registry.sessions


async def test_what_plays_goes_on(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """The dashboard that a TV shows goes on until the next one plays."""
    first = await registry.async_cast(TV, SOURCE, PROFILE)
    controller = players.device.media_controller
    controller.answer = {"playerState": "BUFFERING"}
    start = cast_task(hass, registry, OTHER_SOURCE)
    await until(lambda: len(players.device.urls) == 2)
    assert not first.ended
    assert not studio.streams[0].ended
    controller.report(controller.loads[1][0], playerState="PLAYING")
    session = await start
    await settled(hass)
    assert registry.sessions == {TV: session}
    assert [stream.ended for stream in studio.streams] == [True, False]
    assert players.device.quits == 0


async def test_what_plays_stays(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """The dashboard that a TV shows stays when the next one fails before the TV heard of it."""
    first = await registry.async_cast(TV, SOURCE, PROFILE)
    studio.failure = PageNotReadyError(path="/", seconds="30", detail="-")
    with pytest.raises(PageNotReadyError):
        await registry.async_cast(TV, OTHER_SOURCE, PROFILE)
    await settled(hass)
    assert registry.sessions == {TV: first}
    assert [stream.ended for stream in studio.streams] == [False, True]
    await registry.async_stop({TV})
    assert players.device.quits == 1


async def test_what_played_is_over(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """When the TV failed to load the next dashboard, the one before is gone too."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    players.device.media_controller.plays = set()
    with pytest.raises(LoadFailedError):
        await registry.async_cast(TV, OTHER_SOURCE, PROFILE)
    await settled(hass)
    assert not registry.sessions
    assert all(stream.ended for stream in studio.streams)


@pytest.mark.parametrize("sent", [True, False], ids=["sent", "not sent"])
async def test_stop_while_changing(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, sent: bool
) -> None:
    """A stop while a TV changes from one dashboard to the next ends both, and closes the app."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    await settled(hass)
    players.device.media_controller.answer = {"playerState": "BUFFERING"}
    if not sent:
        studio.gate.clear()
    start = cast_task(hass, registry, OTHER_SOURCE)
    await until(lambda: len(players.device.urls) == 1 + sent and len(studio.streams) == 2)
    await registry.async_stop({TV})
    with pytest.raises(StartCancelledError):
        await start
    await settled(hass)
    assert not registry.sessions
    assert all(stream.ended for stream in studio.streams)
    assert players.device.quits == 1


async def test_third_while_changing(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A third dashboard takes the place of the second, which never played, and the first goes on."""
    first = await registry.async_cast(TV, SOURCE, PROFILE)
    studio.gate.clear()
    second = cast_task(hass, registry, OTHER_SOURCE)
    await until(lambda: len(studio.streams) == 2)
    third = cast_task(hass, registry, Source(path="/tv-wall"))
    with pytest.raises(StartSupersededError):
        await second
    assert not first.ended
    studio.gate.set()
    assert registry.sessions == {TV: await third}
    await settled(hass)
    assert [stream.ended for stream in studio.streams] == [True, True, False]


async def test_unexpected_failure(
    hass: HomeAssistant, registry: Registry, players: Players, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault in a media player's own code is told as a failed load, and logged."""
    players.player.failure = RuntimeError("a fault")
    with pytest.raises(LoadFailedError, match="a fault"):
        await _cast(registry, PLAYER)
    assert "Unexpected failure to cast to media_player.player" in caplog.text
