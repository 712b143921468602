"""Tests of the registry: who shares a stream, and when streams and cast sessions end."""

import asyncio
from datetime import timedelta
import gc
from typing import Any
from unittest.mock import patch
import weakref

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest

from custom_components.dashboard_cast.errors import (
    AdministratorNeededError,
    BrowserFailedError,
    DashboardCastError,
    DashboardNotFoundError,
    EncoderFailedError,
    NothingShownError,
    PageNotReadyError,
    ShowSupersededError,
    StartCancelledError,
    StartSupersededError,
    StreamNotFoundError,
    UrlForbiddenError,
)
from custom_components.dashboard_cast.models import Message, Profile, SizePreset, Source, Website
from custom_components.dashboard_cast.registry import VIEWER_TIMEOUT, Registry, loaded_registry

from .common import (
    OTHER_SOURCE,
    PATH,
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
    show_task,
    until,
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


async def test_devices_are_let_go(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """A Cast device that Home Assistant has forgotten is not kept by us."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    await registry.async_stop({TV})
    forgotten = weakref.ref(players.tv.chromecast)
    players.tv.chromecast = FakeChromecast()
    async with asyncio.timeout(5):
        # The thread that has told it to stop may hold it for a moment longer.
        while forgotten() is not None:
            await hass.async_add_executor_job(gc.collect)


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


THIRD_SOURCE = Source(path="/tv-wall/kitchen", dark=True)


async def test_show(hass: HomeAssistant, registry: Registry, players: Players, studio: Studio) -> None:
    """What a TV shows is changed without another LOAD, and that is what it shows from then on."""
    session = await registry.async_cast(TV, SOURCE, PROFILE)
    await show_task(hass, registry)
    assert studio.only.asked == [OTHER_SOURCE]
    assert players.device.urls == [url_of(studio.only)]
    assert await registry.async_cast(TV, OTHER_SOURCE, PROFILE) is session
    assert await registry.async_cast(TV, SOURCE, PROFILE) is not session
    assert players.device.urls == [url_of(stream) for stream in studio.streams]


async def test_show_what_is_shown(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """What is shown already is left alone."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    await show_task(hass, registry, SOURCE)
    assert not studio.only.asked


async def test_show_where_nothing_is_shown(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A media player that shows nothing keeps the others from being changed."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    with pytest.raises(NothingShownError):
        await show_task(hass, registry, OTHER_SOURCE, TV, SECOND_TV)
    assert not studio.only.asked


async def test_show_no_dashboard(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A dashboard that is not there is found out before anything is drawn."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    with pytest.raises(DashboardNotFoundError):
        await show_task(hass, registry, Source("/no-such"))
    assert not studio.only.asked


async def test_show_fails(hass: HomeAssistant, registry: Registry, players: Players, studio: Studio) -> None:
    """What cannot be drawn leaves what was shown, and counts as if it had not been asked for."""
    session = await registry.async_cast(TV, SOURCE, PROFILE)
    studio.failure = PageNotReadyError(path="/tv-wall/kitchen", seconds="30", detail="-")
    with pytest.raises(PageNotReadyError):
        await show_task(hass, registry)
    assert await registry.async_cast(TV, SOURCE, PROFILE) is session
    studio.failure = None
    await show_task(hass, registry)
    assert await registry.async_cast(TV, OTHER_SOURCE, PROFILE) is session


async def test_show_on_all_who_share(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A stream that only those share who are named changes for all of them at once."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    await registry.async_cast(SECOND_TV, SOURCE, PROFILE)
    await show_task(hass, registry, OTHER_SOURCE, TV, SECOND_TV)
    assert studio.only.asked == [OTHER_SOURCE]
    assert {session.source for session in registry.sessions.values()} == {OTHER_SOURCE}


async def test_show_on_one_who_shares(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, freezer: FrozenDateTimeFactory
) -> None:
    """Who is not named goes on as before; who is gets a stream of its own, for the time that was left."""
    await registry.async_cast(TV, SOURCE, PROFILE, timedelta(seconds=60))
    await registry.async_cast(SECOND_TV, SOURCE, PROFILE)
    await _pass(hass, freezer, timedelta(seconds=25))
    await show_task(hass, registry)
    first, second = studio.streams
    assert (first.asked, second.source) == ([], OTHER_SOURCE)
    assert players.device.urls == [url_of(first), url_of(second)]
    assert players.second_tv.chromecast.urls == [url_of(first)]
    for stream in studio.streams:
        stream.touch()
    await _pass(hass, freezer, timedelta(seconds=36))
    assert set(registry.sessions) == {SECOND_TV}


async def test_show_keeps_the_duration(
    hass: HomeAssistant, registry: Registry, players: Players, freezer: FrozenDateTimeFactory
) -> None:
    """A change does not make a TV show dashboards for longer."""
    await registry.async_cast(TV, SOURCE, PROFILE, timedelta(seconds=30))
    await show_task(hass, registry)
    await _pass(hass, freezer, timedelta(seconds=31))
    assert not registry.sessions


async def test_two_shows_at_once(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """The last one wins, and the first is told so at once."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    studio.gate.clear()
    first = show_task(hass, registry)
    await until(lambda: len(studio.only.asked) == 1)
    second = show_task(hass, registry, THIRD_SOURCE)
    with pytest.raises(ShowSupersededError):
        await first
    studio.gate.set()
    await second
    assert studio.only.source == registry.sessions[TV].source == THIRD_SOURCE


async def test_back_to_what_is_shown(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """Who wants back what still shows takes the change back."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    studio.gate.clear()
    first = show_task(hass, registry)
    await until(lambda: len(studio.only.asked) == 1)
    second = show_task(hass, registry, SOURCE)
    with pytest.raises(ShowSupersededError):
        await first
    studio.gate.set()
    await second
    assert studio.only.source == registry.sessions[TV].source == SOURCE


async def test_same_show_at_once(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """Who asks for what is being drawn, by a start as well, waits for the same and hears the same."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    studio.gate.clear()
    tasks: list[asyncio.Task[Any]] = [show_task(hass, registry)]
    await until(lambda: len(studio.only.asked) == 1)
    tasks += [show_task(hass, registry), cast_task(hass, registry, OTHER_SOURCE)]
    # Lets both come as far as they do.
    await until(lambda: True)
    assert not any(task.done() for task in tasks)
    studio.failure = PageNotReadyError(path="/tv-wall/kitchen", seconds="30", detail="-")
    studio.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(result) for result in results} == {PageNotReadyError}
    assert len(studio.only.asked) == len(players.device.urls) == 1


async def test_nobody_joins_a_change(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """While a stream changes, its old and its new source are shown elsewhere by streams of their own."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    studio.gate.clear()
    showing = show_task(hass, registry)
    await until(lambda: len(studio.only.asked) == 1)
    others = [
        cast_task(hass, registry, SOURCE, SECOND_TV),
        cast_task(hass, registry, OTHER_SOURCE, PLAYER),
    ]
    await until(lambda: len(studio.streams) == 3)
    studio.gate.set()
    await asyncio.gather(showing, *others)
    assert [stream.source for stream in studio.streams] == [OTHER_SOURCE, SOURCE, OTHER_SOURCE]


async def test_show_while_starting(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A change waits for the start, and does not happen when that fails."""
    studio.gate.clear()
    starting, showing = cast_task(hass, registry), show_task(hass, registry)
    await hass.async_block_till_done()
    assert not studio.only.asked
    studio.gate.set()
    await asyncio.gather(starting, showing)
    assert studio.only.source == OTHER_SOURCE


@pytest.mark.parametrize("how", ["stop", "shutdown", "failure"])
async def test_end_while_showing(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, how: str
) -> None:
    """A stream that ends before the other page is drawn ends that too."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    studio.gate.clear()
    showing = show_task(hass, registry)
    await until(lambda: len(studio.only.asked) == 1)
    if how == "stop":
        await registry.async_stop({TV})
    elif how == "shutdown":
        await registry.async_shutdown()
    else:
        await studio.only.fail(BrowserFailedError(detail="-"))
    with pytest.raises(ShowSupersededError):
        await showing
    assert not registry.streams


@pytest.mark.parametrize("by_address", [False, True])
async def test_end_before_showing(
    *,
    hass: HomeAssistant,
    registry: Registry,
    players: Players,
    studio: Studio,
    by_address: bool,
) -> None:
    """Where nothing is shown any more when it could begin, nothing is drawn, and that is told."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    if by_address:
        asking = registry.async_show_in(url_of(studio.only), lambda _source: OTHER_SOURCE)
        showing = hass.async_create_background_task(asking, "show of the test", eager_start=True)
    else:
        showing = show_task(hass, registry)
    registry.sessions[TV].supersede()
    with pytest.raises((NothingShownError, ShowSupersededError)):
        await showing
    assert not studio.only.asked


async def test_show_in_a_stream(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A stream can be named by its address: then it changes for whoever watches."""
    stream = await registry.async_open(SOURCE, PROFILE)
    await registry.async_cast(TV, SOURCE, PROFILE)
    await registry.async_show_in(url_of(stream), lambda _source: OTHER_SOURCE)
    assert studio.only.asked == [OTHER_SOURCE]
    assert registry.sessions[TV].source == OTHER_SOURCE
    await registry.async_stop()
    for url in (url_of(stream), "http://elsewhere/", "http://["):
        with pytest.raises(StreamNotFoundError):
            await registry.async_show_in(url, lambda _source: OTHER_SOURCE)


async def test_address_played_after_a_change(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A TV that is sent to a stream's address by hand shows what that stream shows now."""
    stream = await registry.async_open(SOURCE, PROFILE)
    await registry.async_show_in(url_of(stream), lambda _source: OTHER_SOURCE)
    await hass.services.async_call(
        "media_player",
        "play_media",
        {"entity_id": TV, "media_content_id": url_of(stream), "media_content_type": "video"},
        blocking=True,
    )
    assert registry.sessions[TV].source == OTHER_SOURCE
    assert registry.streams == [stream]


async def test_tell(registry: Registry, players: Players, studio: Studio) -> None:
    """A message appears on the media players that are named, once in each stream, or everywhere."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    await registry.async_cast(SECOND_TV, SOURCE, PROFILE)
    await registry.async_cast(PLAYER, OTHER_SOURCE, PROFILE)
    first, second = studio.streams
    await registry.async_tell([TV, SECOND_TV], Message("a"))
    await registry.async_tell(None, Message("b"))
    assert (first.told, second.told) == ([Message("a"), Message("b")], [Message("b")])
    await registry.async_stop({TV})
    with pytest.raises(NothingShownError):
        await registry.async_tell([TV, PLAYER], Message("c"))
    assert len(second.told) == 1


ROTATION = Source(path=SOURCE.path, views=(OTHER_SOURCE.path,), interval=0.001)


async def test_rotation(hass: HomeAssistant, registry: Registry, players: Players, studio: Studio) -> None:
    """Views are shown in turn; asked for again, they are left alone."""
    session = await registry.async_cast(TV, ROTATION, PROFILE)
    await until(lambda: len(studio.only.asked) > 3)
    assert [source.path for source in studio.only.asked[:3]] == [OTHER_SOURCE.path, PATH, OTHER_SOURCE.path]
    assert await registry.async_cast(TV, ROTATION, PROFILE) is session
    assert len(players.device.urls) == 1
    await registry.async_stop({TV})
    asked = len(studio.only.asked)
    await settled(hass)
    assert len(studio.only.asked) == asked


async def test_rotation_of_what_is_not_there(registry: Registry, players: Players, studio: Studio) -> None:
    """All views have to be there at the start."""
    with pytest.raises(DashboardNotFoundError):
        await registry.async_cast(TV, Source(PATH, views=("/no-such",)), PROFILE)
    assert not studio.streams


async def test_rotation_ends(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """Something else ends a rotation, another rotation takes its place, and what fails lets it go on."""
    await registry.async_cast(TV, ROTATION, PROFILE)
    await show_task(hass, registry, SOURCE)
    asked = len(studio.only.asked)
    await settled(hass)
    assert len(studio.only.asked) == asked
    assert studio.only.source.path == PATH
    await show_task(hass, registry, ROTATION)
    await until(lambda: len(studio.only.asked) > asked + 3)
    studio.failure = PageNotReadyError(path="-", seconds="30", detail="-")
    with pytest.raises(PageNotReadyError):
        await show_task(hass, registry, THIRD_SOURCE)
    studio.failure = None
    asked = len(studio.only.asked)
    await until(lambda: len(studio.only.asked) > asked + 3)
    assert registry.sessions[TV].source == ROTATION


async def test_snapshots_at_once(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many pictures only some are drawn at the same time; one that fails makes room, too."""
    drawing = most = 0

    async def draw(_browser: object, source: Source, *_size: int, **_keywords: object) -> bytes:
        nonlocal drawing, most
        drawing += 1
        most = max(most, drawing)
        await asyncio.sleep(0)
        drawing -= 1
        if source == SOURCE:
            raise BrowserFailedError(detail="-")
        return b"png"

    monkeypatch.setattr("custom_components.dashboard_cast.registry.snapshot", draw)
    sources = [SOURCE, OTHER_SOURCE] * 4
    taken = (registry.async_snapshot(source, 40, 20) for source in sources)
    results = await asyncio.gather(*taken, return_exceptions=True)
    assert results.count(b"png") == 4
    assert most == 2


async def test_snapshot_of_what_is_not_there(registry: Registry) -> None:
    """No browser is started for a dashboard that is not there."""
    with pytest.raises(DashboardNotFoundError):
        await registry.async_snapshot(Source("/no-such"), 40, 20)


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(days=1)], ids=["back", "ahead"])
async def test_clock_jumps(
    hass: HomeAssistant, registry: Registry, players: Players, jump: timedelta
) -> None:
    """When the clock is set, what is left of a duration stays as long as it was, and nothing ends."""
    await registry.async_cast(TV, SOURCE, PROFILE, timedelta(seconds=30))
    await registry.async_cast(SECOND_TV, SOURCE, PROFILE)
    with patch("homeassistant.util.dt.utcnow", return_value=dt_util.utcnow() + jump):
        # The other TV keeps the stream, and this one gets its own for the rest of the time.
        await show_task(hass, registry)
        left = registry._timers[registry.sessions[TV]].due - hass.loop.time()
        await settled(hass)
    assert 20 < left <= 30
    assert set(registry.sessions) == {TV, SECOND_TV}


async def test_media_player_is_removed(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """With a TV that is removed from Home Assistant ends what it shows; another TV is left alone."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    await registry.async_cast(SECOND_TV, SOURCE, PROFILE)
    entities = er.async_get(hass)
    entities.async_update_entity(TV, name="Den")
    await settled(hass)
    assert set(registry.sessions) == {TV, SECOND_TV}
    entities.async_remove(TV)
    await settled(hass)
    assert set(registry.sessions) == {SECOND_TV}
    assert (players.device.quits, players.second_tv.chromecast.quits) == (1, 0)
    assert not studio.only.ended
