"""Tests of the registry: who shares a stream, and when streams and cast sessions end."""

import asyncio
from datetime import timedelta
import gc
from typing import Any
import weakref

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest

from custom_components.dashboard_cast.errors import (
    AdministratorNeededError,
    BrowserFailedError,
    DashboardCastError,
    DashboardNotFoundError,
    EncoderFailedError,
    PageNotReadyError,
    StartCancelledError,
    StartSupersededError,
    UrlForbiddenError,
)
from custom_components.dashboard_cast.models import Profile, SizePreset, Source, Website
from custom_components.dashboard_cast.registry import VIEWER_TIMEOUT, Registry, loaded_registry

from .common import (
    OTHER_SOURCE,
    PLAYER,
    PROFILE,
    SECOND_TV,
    SOURCE,
    TV,
    FakeBrowser,
    FakeChromecast,
    MockConfigEntry,
    Players,
    Studio,
    async_fire_time_changed,
    cast_task,
    open_task,
    settled,
    url_of,
)


async def test_shared_stream(registry: Registry, players: Players, studio: Studio) -> None:
    """Two TVs with the same source and profile show one stream, which lives as long as one of them."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    await registry.async_cast(SECOND_TV, Source(path=SOURCE.path), Profile())
    assert players.tv.chromecast.urls == players.second_tv.chromecast.urls == [url_of(studio.only)]
    await registry.async_stop({TV})
    assert registry.streams == [studio.only]
    assert players.second_tv.chromecast.quits == 0
    await registry.async_stop({SECOND_TV})
    assert studio.only.ended
    assert not registry.streams


@pytest.mark.parametrize(
    ("source", "profile"),
    [
        (OTHER_SOURCE, PROFILE),
        (Source(path=SOURCE.path, theme="night"), PROFILE),
        (SOURCE, Profile.of(SizePreset.P1080, 15)),
    ],
)
async def test_separate_streams(
    registry: Registry, players: Players, studio: Studio, source: Source, profile: Profile
) -> None:
    """What looks different is another stream, with a token of its own."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    await registry.async_cast(SECOND_TV, source, profile)
    first, second = studio.streams
    assert (second.source, second.profile) == (source, profile)
    assert first.token != second.token
    assert registry.stream_of(second.token) is second
    assert set(registry.streams) == {first, second}


async def test_other_profile(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """The same source in another size takes the place of the one that the TV shows."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    session = await registry.async_cast(TV, SOURCE, Profile.of(SizePreset.P1080, 15))
    assert registry.sessions == {TV: session}
    assert players.device.urls == [url_of(stream) for stream in studio.streams]
    await settled(hass)
    assert [stream.ended for stream in studio.streams] == [True, False]


async def test_two_starts_at_once(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """Two starts at once on two TVs share one stream too."""
    await asyncio.gather(cast_task(hass, registry), cast_task(hass, registry, entity_id=SECOND_TV))
    assert players.tv.chromecast.urls == players.second_tv.chromecast.urls
    assert len(registry.streams) == 1


async def test_same_start_again(registry: Registry, players: Players, studio: Studio) -> None:
    """A TV that shows a source already is left alone when asked for it again."""
    session = await registry.async_cast(TV, SOURCE, PROFILE)
    assert await registry.async_cast(TV, SOURCE, PROFILE) is session
    assert len(players.device.urls) == 1


async def test_same_start_at_once(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """A second start of the same source on the same TV joins the first."""
    first, second = await asyncio.gather(cast_task(hass, registry), cast_task(hass, registry))
    assert first is second
    assert len(players.device.urls) == 1


async def test_other_start_at_once(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A start of another source on the same TV takes the place of the one that is under way."""
    studio.gate.clear()
    first = cast_task(hass, registry)
    second = cast_task(hass, registry, OTHER_SOURCE)
    with pytest.raises(StartSupersededError):
        await first
    studio.gate.set()
    assert (await second).source == OTHER_SOURCE
    await settled(hass)
    assert players.device.urls == [url_of(studio.streams[-1])]
    assert [stream.source for stream in registry.streams] == [OTHER_SOURCE]


async def test_superseded_while_loading(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A start whose LOAD is sent already can be taken the place of too."""
    players.device.media_controller.answer = None
    first = cast_task(hass, registry)
    await players.tv.loaded()
    players.device.media_controller.answer = {"playerState": "PLAYING"}
    second = await registry.async_cast(TV, OTHER_SOURCE, PROFILE)
    with pytest.raises(StartSupersededError):
        await first
    assert registry.sessions == {TV: second}
    assert players.device.quits == 0


async def test_stop_while_starting(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A stop before the stream runs ends the start, and nothing is left."""
    studio.gate.clear()
    start = cast_task(hass, registry)
    await hass.async_block_till_done()
    await registry.async_stop({TV})
    with pytest.raises(StartCancelledError):
        await start
    assert studio.only.ended
    assert not registry.streams
    assert not registry.sessions
    assert not players.device.urls


@pytest.mark.parametrize(
    "failure",
    [PageNotReadyError(path="/tv-wall/0", seconds="30", detail="-"), BrowserFailedError(detail="-")],
)
async def test_stream_does_not_start(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, failure: DashboardCastError
) -> None:
    """Who casts is told why the stream did not start; the next attempt is a new one."""
    studio.failure = failure
    with pytest.raises(type(failure)):
        await registry.async_cast(TV, SOURCE, PROFILE)
    await settled(hass)
    assert not registry.streams
    assert not registry.sessions
    studio.failure = None
    await registry.async_cast(TV, SOURCE, PROFILE)


async def test_link_does_not_start(hass: HomeAssistant, registry: Registry, studio: Studio) -> None:
    """Who asks for an address is told why the stream did not start."""
    studio.failure = PageNotReadyError(path="/tv-wall/0", seconds="30", detail="-")
    with pytest.raises(PageNotReadyError):
        await registry.async_open(SOURCE, PROFILE)
    assert not registry.streams


async def test_stop_while_linking(hass: HomeAssistant, registry: Registry, studio: Studio) -> None:
    """Who waits for an address when everything is stopped gets an error, and is not itself cancelled."""
    studio.gate.clear()
    opening = open_task(hass, registry)
    await hass.async_block_till_done()
    await registry.async_stop()
    with pytest.raises(DashboardCastError):
        await opening
    assert studio.only.ended


async def test_give_up_linking(hass: HomeAssistant, registry: Registry, studio: Studio) -> None:
    """A stream that only somebody wanted who has given up does not go on starting."""
    studio.gate.clear()
    opening = open_task(hass, registry)
    await hass.async_block_till_done()
    opening.cancel()
    await asyncio.wait([opening])
    assert not registry.streams


async def test_stream_fails_while_loading(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A stream that ends before the TV plays it is the reason that is told."""
    players.device.media_controller.answer = None
    start = cast_task(hass, registry)
    await players.tv.loaded()
    await studio.only.fail(BrowserFailedError(detail="crashed"))
    with pytest.raises(BrowserFailedError):
        await start


@pytest.mark.parametrize("reason", [EncoderFailedError(detail="-"), RuntimeError("no such thing")])
async def test_stream_ends(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, reason: Exception
) -> None:
    """A stream that ends by itself ends all its sessions; another start makes a new one."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    await registry.async_cast(SECOND_TV, SOURCE, PROFILE)
    await studio.only.fail(reason)
    await settled(hass)
    assert not registry.sessions
    assert not registry.streams
    assert [players.tv.chromecast.quits, players.second_tv.chromecast.quits] == [1, 1]
    await registry.async_cast(TV, SOURCE, PROFILE)
    assert len(studio.streams) == 2


async def test_link_outlives_sessions(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A stream whose address was given away goes on when its last TV is stopped."""
    stream = await registry.async_open(SOURCE, PROFILE)
    await registry.async_cast(TV, SOURCE, PROFILE)
    await registry.async_stop({TV})
    assert registry.streams == [stream]
    assert not studio.only.ended


async def _pass(hass: HomeAssistant, freezer: FrozenDateTimeFactory, time: timedelta) -> None:
    """Let time pass, once everything has settled."""
    await settled(hass)
    freezer.tick(time)
    async_fire_time_changed(hass)
    await settled(hass)


async def test_unwatched_link(
    hass: HomeAssistant, registry: Registry, studio: Studio, freezer: FrozenDateTimeFactory
) -> None:
    """A stream whose address was given away ends when nobody asked for anything for a minute."""
    assert timedelta(seconds=60) == VIEWER_TIMEOUT
    await registry.async_open(SOURCE, PROFILE)
    await _pass(hass, freezer, timedelta(seconds=50))
    studio.only.touch()
    await _pass(hass, freezer, timedelta(seconds=50))
    assert registry.streams == [studio.only]
    await _pass(hass, freezer, timedelta(seconds=20))
    assert studio.only.ended
    assert not registry.streams


async def test_unwatched_session(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, freezer: FrozenDateTimeFactory
) -> None:
    """A TV that stopped fetching without a word ends its session."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    await _pass(hass, freezer, timedelta(seconds=75))
    assert studio.only.ended
    assert not registry.sessions


async def test_slow_start_is_not_unwatched(
    hass: HomeAssistant, registry: Registry, studio: Studio, freezer: FrozenDateTimeFactory
) -> None:
    """A stream that still starts cannot be watched yet."""
    studio.gate.clear()
    opening = hass.async_create_background_task(registry.async_open(SOURCE, PROFILE), "open of the test")
    await hass.async_block_till_done()
    freezer.tick(timedelta(seconds=75))
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    studio.gate.set()
    assert await opening in registry.streams


async def test_duration(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, freezer: FrozenDateTimeFactory
) -> None:
    """A cast with a duration ends by itself, and the TV leaves the app."""
    await registry.async_cast(TV, SOURCE, PROFILE, timedelta(seconds=30))
    await _pass(hass, freezer, timedelta(seconds=25))
    assert TV in registry.sessions
    await _pass(hass, freezer, timedelta(seconds=10))
    assert not registry.sessions
    assert players.device.quits == 1
    assert studio.only.ended


@pytest.mark.parametrize("duration", [None, timedelta(seconds=45)])
async def test_duration_changed(
    hass: HomeAssistant,
    registry: Registry,
    players: Players,
    freezer: FrozenDateTimeFactory,
    duration: timedelta | None,
) -> None:
    """The last start says how long a source is shown."""
    await registry.async_cast(TV, SOURCE, PROFILE, timedelta(seconds=30))
    await registry.async_cast(TV, SOURCE, PROFILE, duration)
    await _pass(hass, freezer, timedelta(seconds=35))
    assert TV in registry.sessions
    await _pass(hass, freezer, timedelta(seconds=15))
    assert (TV in registry.sessions) is (duration is None)


async def test_duration_of_the_one_before(
    hass: HomeAssistant, registry: Registry, players: Players, freezer: FrozenDateTimeFactory
) -> None:
    """The duration of a dashboard that was replaced does not end the one that came after."""
    await registry.async_cast(TV, SOURCE, PROFILE, timedelta(seconds=30))
    await registry.async_cast(TV, OTHER_SOURCE, PROFILE)
    await _pass(hass, freezer, timedelta(seconds=35))
    assert registry.sessions[TV].source == OTHER_SOURCE


async def test_stop_everything(registry: Registry, players: Players, studio: Studio) -> None:
    """A stop without media players ends sessions and linked streams."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    await registry.async_cast(PLAYER, SOURCE, PROFILE)
    await registry.async_open(OTHER_SOURCE, PROFILE)
    await registry.async_stop()
    assert not registry.sessions
    assert not registry.streams
    assert all(stream.ended for stream in studio.streams)
    assert (players.device.quits, players.player.stops) == (1, 1)


async def test_stop_of_others(registry: Registry, players: Players, studio: Studio) -> None:
    """A stop of media players that show nothing ends nothing."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    await registry.async_stop({SECOND_TV})
    await registry.async_stop(set())
    assert TV in registry.sessions
    assert not studio.only.ended


async def test_shutdown(registry: Registry, players: Players, studio: Studio) -> None:
    """The shutdown ends streams, sessions and the browser."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    browser = studio.only.browser
    assert isinstance(browser, FakeBrowser)
    await registry.async_shutdown()
    assert players.device.quits == 1
    assert studio.only.ended
    assert browser.stopped


async def test_shutdown_while_starting(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """The shutdown ends what still starts."""
    studio.gate.clear()
    start = cast_task(hass, registry)
    await hass.async_block_till_done()
    await registry.async_shutdown()
    with pytest.raises(StartCancelledError):
        await start
    assert studio.only.ended


@pytest.mark.parametrize(
    ("path", "error"),
    [("/no-such", DashboardNotFoundError), ("/admin-wall/0", AdministratorNeededError)],
)
async def test_checked_first(
    registry: Registry, players: Players, studio: Studio, path: str, error: type[DashboardCastError]
) -> None:
    """No stream is made for a dashboard that is not there or may not be seen."""
    for wanted in (
        registry.async_cast(TV, Source(path=path), PROFILE),
        registry.async_open(Source(path=path), PROFILE),
    ):
        with pytest.raises(error):
            await wanted
    assert not studio.streams
    assert not registry.sessions


async def test_engine_is_told(
    hass: HomeAssistant, registry: Registry, studio: Studio, entry: MockConfigEntry
) -> None:
    """A stream gets what it needs of Home Assistant: its address, an access token, and programs."""
    await registry.async_open(SOURCE, PROFILE)
    assert (studio.only.homes.first, studio.only.ffmpeg) == ("http://127.0.0.1:8123", "ffmpeg")
    token = hass.auth.async_validate_access_token((await studio.only.credentials()).token)
    assert token
    assert token.user.id == entry.data["user_id"]
    assert registry.base_url() == "http://10.10.10.10:8123"


async def test_devices_are_let_go(registry: Registry, players: Players) -> None:
    """A Cast device that Home Assistant has forgotten is not kept by us."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    await registry.async_stop({TV})
    gone = weakref.ref(players.tv.chromecast)
    players.tv.chromecast = FakeChromecast()
    gc.collect()
    assert gone() is None


async def test_loaded_registry(
    hass: HomeAssistant, registry: Registry, entry: MockConfigEntry, hass_storage: dict[str, Any]
) -> None:
    """The registry is there while the config entry is loaded."""
    assert loaded_registry(hass) is registry
    await hass.config_entries.async_unload(entry.entry_id)
    assert loaded_registry(hass) is None


async def test_follows_the_sun(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, entry: MockConfigEntry
) -> None:
    """Streams know whether the sun is down, and are told when it rises or sets, not when it moves."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    stream = studio.only
    assert not stream._night()
    told: list[bool] = []

    async def follow() -> None:
        told.append(stream._night())

    stream.follow_sun = follow  # type: ignore[method-assign]
    for state, elevation in (("below_horizon", -1), ("below_horizon", -2), ("above_horizon", 1)):
        hass.states.async_set("sun.sun", state, {"elevation": elevation})
        await settled(hass)
    assert told == [True, False]
    await hass.config_entries.async_unload(entry.entry_id)
    hass.states.async_set("sun.sun", "below_horizon")
    await settled(hass)
    assert len(told) == 2


async def test_web_pages_are_checked_first(registry: Registry, players: Players, studio: Studio) -> None:
    """No stream is made for a web page that may not be shown; another needs no dashboard."""
    for url in ("http://127.0.0.1:8123/", "http://page.example:9222/"):
        with pytest.raises(UrlForbiddenError):
            await registry.async_open(Source(website=Website(url)), PROFILE)
    assert not studio.streams
    await registry.async_cast(TV, Source(website=Website("http://page.example/")), PROFILE)
    assert studio.only.source.name == "http://page.example"
