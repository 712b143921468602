"""Tests of the issues: raised once while something is wrong, deleted when it is right."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
import socket
from unittest.mock import patch

from aiohttp import ClientSession, TCPConnector
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.http import ApiConfig
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.core_config import async_process_ha_core_config
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest

from custom_components.dashboard_cast.const import DOMAIN
from custom_components.dashboard_cast.engine.health import Health
from custom_components.dashboard_cast.errors import (
    BrowserFailedError,
    BrowserMissingError,
    DashboardCastError,
    EncoderFailedError,
    EndpointNotBrowserError,
    EndpointRefusedError,
    EndpointUnreachableError,
    FFmpegMissingError,
    FFmpegOutdatedError,
    LoadFailedError,
)
from custom_components.dashboard_cast.issues import PATIENCE, async_check_certificate
from custom_components.dashboard_cast.proof import async_proof
from custom_components.dashboard_cast.registry import Registry

from .common import (
    PROFILE,
    SOURCE,
    TV,
    FakeStream,
    MockConfigEntry,
    MockUser,
    Players,
    Studio,
    add_display,
    async_fire_time_changed,
    home_server,
    settled,
)
from .engine.elsewhere import Authority

UNREACHABLE = EndpointUnreachableError(endpoint="http://chrome:9222", detail="refused")
CHECK = "custom_components.dashboard_cast.checkup.async_check_up"
SET_UP_CHECK = "custom_components.dashboard_cast.async_check_up"


def raised(hass: HomeAssistant, *, besides: str = "cast") -> dict[str, str]:
    """Return the issues there are, with their reasons; besides: the one that nothing was done about."""
    return {
        issue.issue_id: (issue.translation_placeholders or {})["reason"]
        for issue in ir.async_get(hass).issues.values()
        if issue.domain == DOMAIN and issue.issue_id != besides
    }


async def _fail(hass: HomeAssistant, registry: Registry, studio: Studio, error: DashboardCastError) -> None:
    """Have a stream fail to start."""
    studio.failure = error
    with pytest.raises(type(error)):
        await registry.async_open(SOURCE, PROFILE)
    await settled(hass)


@pytest.mark.parametrize(
    ("error", "issue", "reason"),
    [
        (BrowserMissingError(), "browser", "No browser was found"),
        (EndpointRefusedError(endpoint="x", detail="HTTP 401"), "endpoint", "HTTP 401"),
        (EndpointNotBrowserError(endpoint="x", detail="y"), "endpoint", "not a browser"),
        (FFmpegMissingError(binary="/opt/ffmpeg"), "ffmpeg", "/opt/ffmpeg"),
        (FFmpegOutdatedError(binary="ffmpeg", version="4.4", needed="5.1"), "ffmpeg", "4.4"),
    ],
)
async def test_stream_fails(
    *,
    hass: HomeAssistant,
    registry: Registry,
    studio: Studio,
    error: DashboardCastError,
    issue: str,
    reason: str,
) -> None:
    """What a stream could not do without is told with its reason, until a stream starts."""
    await _fail(hass, registry, studio, error)
    found = raised(hass)
    assert list(found) == [issue]
    assert reason in found[issue]
    studio.failure = None
    await registry.async_open(SOURCE, PROFILE)
    await settled(hass)
    assert not raised(hass)


@pytest.mark.parametrize("error", [BrowserFailedError(detail="x"), EncoderFailedError(detail="x")])
async def test_stream_fails_once(
    hass: HomeAssistant, registry: Registry, studio: Studio, error: DashboardCastError
) -> None:
    """What may be over with the next try is no issue."""
    await _fail(hass, registry, studio, error)
    assert not raised(hass)


async def test_endpoint_is_waited_for(hass: HomeAssistant, registry: Registry, studio: Studio) -> None:
    """A browser elsewhere that is away for a short time is no issue, and one for a while is."""
    await _fail(hass, registry, studio, UNREACHABLE)
    studio.failure = None
    await registry.async_open(SOURCE, PROFILE)
    await settled(hass)
    await _later(hass, PATIENCE)
    assert not raised(hass)
    await registry.async_stop()
    for _ in range(2):
        await _fail(hass, registry, studio, UNREACHABLE)
        await _later(hass, PATIENCE * 0.9)
        assert not raised(hass)
    await _later(hass, PATIENCE)
    assert "http://chrome:9222" in raised(hass)["endpoint"]


async def _later(hass: HomeAssistant, delta: timedelta) -> None:
    """Have happen what is due by then."""
    async_fire_time_changed(hass, dt_util.utcnow() + delta + timedelta(seconds=1))
    await settled(hass)


async def test_set_up(hass: HomeAssistant, studio: Studio, entry: MockConfigEntry) -> None:
    """A set-up without FFmpeg fails for now, says what to do, and mends itself."""
    with patch(SET_UP_CHECK, side_effect=FFmpegMissingError(binary="ffmpeg")):
        assert not await hass.config_entries.async_setup(entry.entry_id)
    assert _state(entry) is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "ffmpeg_missing"
    assert list(raised(hass)) == ["ffmpeg"]
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert _state(entry) is ConfigEntryState.LOADED
    assert not raised(hass)


def _state(entry: MockConfigEntry) -> ConfigEntryState:
    state: ConfigEntryState = entry.state
    return state


@pytest.mark.parametrize("how", ["unload", "remove", "remove unloaded"])
async def test_end(hass: HomeAssistant, registry: Registry, entry: MockConfigEntry, how: str) -> None:
    """Nothing is listed of an integration that is not loaded, and nothing is waited for."""
    if how == "remove unloaded":
        with patch(SET_UP_CHECK, side_effect=UNREACHABLE):
            await hass.config_entries.async_reload(entry.entry_id)
        assert _state(entry) is ConfigEntryState.SETUP_RETRY
    assert raised(hass, besides="") or how == "remove unloaded"
    end = hass.config_entries.async_unload if how == "unload" else hass.config_entries.async_remove
    await end(entry.entry_id)
    assert not raised(hass, besides="")


@pytest.mark.parametrize("error", [FFmpegMissingError(binary="ffmpeg"), UNREACHABLE])
async def test_disabled(
    *,
    hass: HomeAssistant,
    registry: Registry,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    error: DashboardCastError,
) -> None:
    """Nor of one that somebody disables while its set-up fails, which Home Assistant does not unload."""
    with patch(SET_UP_CHECK, side_effect=error):
        await hass.config_entries.async_reload(entry.entry_id)
        assert _state(entry) is ConfigEntryState.SETUP_RETRY
        assert bool(raised(hass)) == (error is not UNREACHABLE)
        await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    assert not raised(hass, besides="")
    freezer.tick(PATIENCE)
    async_fire_time_changed(hass)
    assert not raised(hass, besides="")


async def test_ignored(hass: HomeAssistant, registry: Registry, entry: MockConfigEntry) -> None:
    """What somebody ignores stays ignored over a reload, and goes with the entry."""
    ir.async_ignore_issue(hass, DOMAIN, "cast", ignore=True)
    await hass.config_entries.async_reload(entry.entry_id)
    issue = ir.async_get(hass).async_get_issue(DOMAIN, "cast")
    assert issue
    assert issue.dismissed_version
    await hass.config_entries.async_remove(entry.entry_id)
    assert not ir.async_get(hass).async_get_issue(DOMAIN, "cast")


async def _running(registry: Registry, studio: Studio) -> FakeStream:
    await registry.async_open(SOURCE, PROFILE)
    return studio.only


async def test_picture_stands_still(hass: HomeAssistant, registry: Registry, studio: Studio) -> None:
    """While a picture stands still the browser is looked for, and when pictures come again all is well."""
    stream = await _running(registry, studio)
    with patch(CHECK, side_effect=BrowserMissingError) as check:
        await _watched(hass, stream, Health())
        check.assert_not_awaited()
        await _watched(hass, stream, Health(trouble="the browser crashed"))
        assert list(raised(hass)) == ["browser"]
    with patch(CHECK):
        await _watched(hass, stream, Health(trouble="the page is drawn"))
    assert list(raised(hass)) == ["browser"]
    await _watched(hass, stream, Health())
    assert not raised(hass)


async def _watched(hass: HomeAssistant, stream: FakeStream, health: Health) -> None:
    """Let a minute pass in which the stream has viewers."""
    stream._outages.health = health
    stream._encoder.pictures = 1
    with patch.object(stream, "last_request", float("inf")):
        await _later(hass, timedelta(minutes=1))


async def test_cast_is_missing(hass: HomeAssistant, registry: Registry) -> None:
    """Without Home Assistant's Cast integration it is said, as long as it is not set up."""
    assert "cast" in raised(hass, besides="")
    entry = MockConfigEntry(domain="cast")
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, title="Google Cast")
    assert "cast" not in raised(hass, besides="")
    await hass.config_entries.async_remove(entry.entry_id)
    await settled(hass)
    assert "cast" in raised(hass, besides="")


async def _cast(registry: Registry) -> None:
    await registry.async_cast(TV, SOURCE, PROFILE)


async def test_tv_fetches_nothing(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A TV that fails and never asked for the stream does not reach us; when it plays, it does."""
    controller = players.device.media_controller
    controller.plays = set()
    with pytest.raises(LoadFailedError):
        await _cast(registry)
    reason = raised(hass)[f"address_{TV}"]
    assert reason.startswith("TV was told")
    assert "http://10.10.10.10:8123" in reason
    assert studio.only.token not in reason
    controller.plays = None
    await _cast(registry)
    assert not raised(hass)


async def test_tv_hangs(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """Nor does a TV that waits for an answer until its time is over; with the TV the issue goes."""
    players.device.media_controller.answer = None
    with (
        patch("custom_components.dashboard_cast.casting.LOAD_TIMEOUT_S", 0.1),
        pytest.raises(LoadFailedError),
    ):
        await _cast(registry)
    assert list(raised(hass)) == [f"address_{TV}"]
    er.async_get(hass).async_remove(TV)
    await settled(hass)
    assert not raised(hass)


async def test_tv_cannot_play(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A TV that asked for the stream and cannot play it has another problem."""
    controller = players.device.media_controller
    controller.plays = set()
    fail = controller.fail

    def fetch_and_fail(url: str, code: int = 104) -> None:
        studio.only.last_request = float("inf")
        fail(url, code)

    with patch.object(controller, "fail", fetch_and_fail), pytest.raises(LoadFailedError):
        await _cast(registry)
    assert not raised(hass)


@pytest.fixture
async def web(hass: HomeAssistant, loopback: None) -> None:
    """Have Home Assistant's web server, which answers for it."""
    assert await async_setup_component(hass, "http", {})


@pytest.fixture
def authority(hass: HomeAssistant, web: None) -> Iterator[Authority]:
    """Have Home Assistant show a private certificate for 127.0.0.1; return who signed it."""
    signer = Authority()
    with home_server(async_proof(hass), signer.server) as port:
        hass.config.api = ApiConfig("127.0.0.1", "127.0.0.1", port, use_ssl=True)
        yield signer


@contextmanager
def trusting(authority: Authority) -> Iterator[None]:
    """Have the authority be one that everybody trusts."""
    session = ClientSession(connector=TCPConnector(ssl=authority.client))
    with patch("custom_components.dashboard_cast.urls.async_get_clientsession", return_value=session):
        yield


async def _set_internal_url(hass: HomeAssistant, host: str) -> str:
    assert hass.config.api
    url = f"https://{host}:{hass.config.api.port}"
    await async_process_ha_core_config(hass, {"internal_url": url})
    return url


async def test_private_certificate(hass: HomeAssistant, entry: MockConfigEntry, authority: Authority) -> None:
    """A certificate that nobody knows is told with the address that TVs would get."""
    url = await _set_internal_url(hass, "home.example")
    await async_check_certificate(hass, entry)
    reason = raised(hass)["certificate"]
    assert url in reason
    assert "self-signed certificate" in reason


async def test_trusted_certificate(hass: HomeAssistant, entry: MockConfigEntry, authority: Authority) -> None:
    """A certificate of a known authority will do for its own name, and for no other."""
    with trusting(authority):
        await _set_internal_url(hass, "other.example")
        await async_check_certificate(hass, entry)
        assert "other.example" in raised(hass)["certificate"]
        await _set_internal_url(hass, "home.example")
        await async_check_certificate(hass, entry)
        assert not raised(hass)


async def test_address_of_the_options(
    hass: HomeAssistant, entry: MockConfigEntry, authority: Authority
) -> None:
    """The certificate is looked at where TVs are sent; over HTTP there is none."""
    assert hass.config.api
    port = hass.config.api.port
    hass.config_entries.async_update_entry(entry, options={"base_url": f"https://127.0.0.1:{port}"})
    hass.config.api = ApiConfig("127.0.0.1", "127.0.0.1", 1, use_ssl=False)
    await async_check_certificate(hass, entry)
    assert "certificate" in raised(hass)
    hass.config_entries.async_update_entry(entry, options={"base_url": f"http://127.0.0.1:{port}"})
    await async_check_certificate(hass, entry)
    assert not raised(hass)


async def test_nothing_known(hass: HomeAssistant, entry: MockConfigEntry, web: None) -> None:
    """Where no certificate is seen nothing is said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    hass.config.api = ApiConfig("127.0.0.1", "127.0.0.1", port, use_ssl=True)
    await async_check_certificate(hass, entry)
    await _set_internal_url(hass, "home.example")
    await async_check_certificate(hass, entry)
    assert not raised(hass)


async def test_user_of_a_display(
    hass: HomeAssistant, registry: Registry, entry: MockConfigEntry, players: Players
) -> None:
    """A display whose own user is switched off or removed is told by name, until that is right again."""
    anna = MockUser(name="Anna").add_to_hass(hass)
    wall = add_display(hass, entry, look={"user": anna.id})
    add_display(hass, entry, "As the others")
    add_display(hass, entry, "Page", website={"url": "https://a.example/"}, look={"user": anna.id})
    await settled(hass)
    assert not raised(hass)
    await hass.auth.async_update_user(anna, is_active=False)
    await settled(hass)
    found = raised(hass)
    assert list(found) == [f"user_{wall}"]
    assert "Wall" in found[f"user_{wall}"]
    await hass.auth.async_update_user(anna, is_active=True)
    await settled(hass)
    assert not raised(hass)
    await hass.auth.async_remove_user(anna)
    await settled(hass)
    assert list(raised(hass)) == [f"user_{wall}"]


@pytest.mark.parametrize("done", ["renamed", "changed", "removed", "unloaded", "reloaded"])
async def test_user_of_a_display_that_is(
    *, hass: HomeAssistant, registry: Registry, entry: MockConfigEntry, players: Players, done: str
) -> None:
    """What becomes of a display, its issue goes along with."""
    wall = add_display(hass, entry, look={"user": "gone"})
    add_display(hass, entry, "Other", look={"user": "gone"})
    await settled(hass)
    issue, subentry = f"user_{wall}", entry.subentries[wall]
    assert issue in raised(hass)
    if done == "renamed":
        hass.config_entries.async_update_subentry(entry, subentry, title="Kitchen")
    elif done == "changed":
        hass.config_entries.async_update_subentry(entry, subentry, data={**subentry.data, "look": {}})
    elif done == "removed":
        hass.config_entries.async_remove_subentry(entry, wall)
    else:
        await hass.config_entries.async_unload(entry.entry_id)
    await settled(hass)
    if done == "reloaded":
        assert await hass.config_entries.async_setup(entry.entry_id)
    found = raised(hass)
    assert (issue in found) is (done in {"renamed", "reloaded"})
    assert done != "renamed" or "Kitchen" in found[issue]


async def test_looked_at_once_started(
    hass: HomeAssistant, studio: Studio, entry: MockConfigEntry, authority: Authority
) -> None:
    """Set-up does not wait for the web server; the certificate is looked at when that is there."""
    await _set_internal_url(hass, "home.example")
    hass.set_state(CoreState.starting)
    api = hass.config.api
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert not raised(hass)
    hass.config.api = api
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await settled(hass)
    assert "certificate" in raised(hass)
