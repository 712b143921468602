"""Tests of the hook that Home Assistant's Cast integration calls, with that integration's own code too."""

from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import MagicMock, patch

from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.components.cast import CastProtocol
from homeassistant.components.cast.const import SIGNAL_CAST_DISCOVERED
from homeassistant.components.cast.helpers import ChromecastInfo
from homeassistant.components.media_player import DOMAIN as MEDIA_PLAYER_DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.dispatcher import async_dispatcher_send
from pychromecast.const import CAST_TYPE_AUDIO
import pytest

from custom_components.dashboard_cast import cast
from custom_components.dashboard_cast.const import CONF_USER
from custom_components.dashboard_cast.errors import AddressNotFoundError
from custom_components.dashboard_cast.registry import Registry

from .common import (
    OTHER_SOURCE,
    PATH,
    PROFILE,
    SOURCE,
    TV,
    ClientSessionGenerator,
    FakeChromecast,
    MockConfigEntry,
    MockUser,
    Players,
    Studio,
    WebSocketGenerator,
    add_display,
    cast_status,
    settled,
    url_of,
)

# pychromecast calls from threads of its own.
pytestmark = pytest.mark.usefixtures("debug_mode")

MEDIA = "media-source://dashboard_cast"
FOREIGN = "http://music.example/song.mp3"


async def _play(hass: HomeAssistant, url: str) -> None:
    """Have the TV play a URL, as an automation would."""
    data = {"entity_id": TV, "media_content_id": url, "media_content_type": "video"}
    await hass.services.async_call(MEDIA_PLAYER_DOMAIN, "play_media", data, blocking=True)


async def test_protocol(hass: HomeAssistant) -> None:
    """The module is a cast platform as the Cast integration checks it."""
    platform: Any = cast
    for name in ("async_get_media_browser_root_object", "async_browse_media", "async_play_media"):
        assert hasattr(CastProtocol, name)
        assert hasattr(platform, name)


async def test_not_set_up(hass: HomeAssistant) -> None:
    """Without a loaded config entry nothing is ours."""
    device: Any = MagicMock()
    assert await cast.async_play_media(hass, TV, device, "video", FOREIGN) is False
    with pytest.raises(HomeAssistantError, match="not_set_up"):
        await cast.async_play_media(hass, TV, device, "video", MEDIA + PATH)


@pytest.mark.parametrize(
    "url",
    [
        FOREIGN,
        "/api/hls/token/master.m3u8",
        "/api/dashboard_cast/no-such/master.m3u8",
        'plex://{"library_name": "Movies", "title": "A Film"}',
        "http://[nonsense",
        "media-source://dashboard_cast_other/tv-wall",
    ],
)
async def test_foreign(hass: HomeAssistant, registry: Registry, players: Players, url: str) -> None:
    """What is not a running stream of ours is left to the Cast integration."""
    await _play(hass, url)
    assert players.tv.played == [url]
    assert not players.device.urls
    assert not registry.sessions


@pytest.mark.parametrize("base", ["", "http://192.168.1.10:8123", "https://home.example"])
async def test_played_directly(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, base: str
) -> None:
    """Somebody who plays a stream's address on a TV gets a cast session like any other."""
    stream = await registry.async_open(SOURCE, PROFILE)
    await _play(hass, url_of(stream, base))
    assert players.device.urls == [url_of(stream)]
    assert registry.sessions[TV].source == SOURCE
    assert len(studio.streams) == 1
    await registry.async_stop({TV})
    assert players.device.quits == 1


async def test_played_over_another(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A stream that is played directly takes the place of what the TV showed."""
    stream = await registry.async_open(OTHER_SOURCE, PROFILE)
    await registry.async_cast(TV, SOURCE, PROFILE)
    await _play(hass, url_of(stream))
    await settled(hass)
    assert registry.sessions[TV].source == OTHER_SOURCE
    assert registry.streams == [stream]


async def test_played_again(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A stream that the TV shows already can be loaded anew."""
    session = await registry.async_cast(TV, SOURCE, PROFILE)
    await _play(hass, url_of(studio.only))
    assert registry.sessions[TV] is session
    assert players.device.urls == [url_of(studio.only)] * 2


async def test_speaker(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """Somebody who plays a stream on a speaker is told that it has no screen."""
    players.device.cast_type = CAST_TYPE_AUDIO
    stream = await registry.async_open(SOURCE, PROFILE)
    with pytest.raises(ServiceValidationError) as caught:
        await _play(hass, url_of(stream))
    assert caught.value.translation_key == "target_not_screen"
    assert not registry.sessions


async def test_failure_is_translated(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """Who asked the Cast integration reads a translated message too."""
    stream = await registry.async_open(SOURCE, PROFILE)
    device: Any = players.device
    with (
        patch.object(registry, "async_load", side_effect=AddressNotFoundError(entity=TV)),
        pytest.raises(HomeAssistantError, match="No address is known"),
    ):
        await cast.async_play_media(hass, TV, device, "video", url_of(stream))


class Television(FakeChromecast):
    """A Cast device with all that the Cast integration asks of it."""

    name = "TV"
    app_id = "CC1AD845"
    app_display_name = "Default Media Receiver"
    ignore_cec = False
    connection_listener: Any = None

    @property
    def uuid(self) -> Any:
        """Its identifier."""
        return self.cast_info.uuid

    def register_connection_listener(self, listener: Any) -> None:
        """Remember who wants to know whether it is connected."""
        self.connection_listener = listener

    def start(self) -> None:
        """Connect."""

    def disconnect(self) -> None:
        """Disconnect."""


@pytest.fixture
async def television(hass: HomeAssistant, mock_async_zeroconf: MagicMock) -> AsyncIterator[Television]:
    """Have the real Cast integration discover a TV."""
    device = Television()
    entry = MockConfigEntry(domain="cast", title="Google Cast")
    entry.add_to_hass(hass)
    with (
        patch("homeassistant.components.cast.media_player.setup_internal_discovery"),
        patch("homeassistant.components.cast.media_player.MultizoneManager"),
        patch("pychromecast.get_chromecast_from_cast_info", return_value=device),
    ):
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        async_dispatcher_send(hass, SIGNAL_CAST_DISCOVERED, ChromecastInfo(cast_info=device.cast_info))
        await settled(hass)
        device.connection_listener.new_connection_status(MagicMock(status="CONNECTED"))
        device.report(cast_status("ours"))
        await settled(hass)
        yield device


async def test_real_cast_integration(
    hass: HomeAssistant, registry: Registry, television: Television, studio: Studio
) -> None:
    """The real Cast integration finds the hook, hands over the device, and lets other media pass."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    assert television.urls == [url_of(studio.only)]
    await registry.async_stop({TV})
    assert television.quits == 1
    with patch("homeassistant.components.cast.media_player.quick_play") as quick_play:
        await _play(hass, FOREIGN)
    assert quick_play.call_args.args[2]["media_id"] == FOREIGN
    assert len(television.urls) == 1


async def _browse(ask: WebSocketGenerator, media_id: str | None = None) -> dict[str, Any]:
    """Return the answer of the Cast device's own media browser; its root without an id."""
    socket = await ask()
    what = {"media_content_id": media_id, "media_content_type": "video"} if media_id else {}
    await socket.send_json_auto_id({"type": "media_player/browse_media", "entity_id": TV, **what})
    answer: dict[str, Any] = await socket.receive_json()
    return answer


async def test_browsed_and_played(
    hass: HomeAssistant,
    registry: Registry,
    television: Television,
    studio: Studio,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """Dashboards are once in the device's media browser; what is chosen there plays like after any start."""
    children = (await _browse(hass_ws_client))["result"]["children"]
    (ours,) = [child for child in children if child["title"] == "Dashboard Cast"]
    for title in ("tv_wall", "Kitchen"):
        node = (await _browse(hass_ws_client, ours["media_content_id"]))["result"]
        (ours,) = [child for child in node["children"] if child["title"] == title]
    await _play(hass, ours["media_content_id"])
    assert television.urls == [url_of(studio.only)]
    assert registry.sessions[TV].source == OTHER_SOURCE
    await registry.async_stop({TV})
    assert studio.only.ended


async def test_display_is_played(
    *,
    hass: HomeAssistant,
    registry: Registry,
    entry: MockConfigEntry,
    television: Television,
    studio: Studio,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """A display is in the device's media browser, too, and plays in its own picture and format."""
    add_display(hass, entry, "Guests", media_players=[], picture={"size": "600p", "format": "hls_ts"})
    await settled(hass)
    (guests,) = (await _browse(hass_ws_client, f"{MEDIA}/display:"))["result"]["children"]
    await _play(hass, guests["media_content_id"])
    assert television.urls == [url_of(studio.only).replace("master", "master-ts")]
    assert registry.sessions[TV].profile.height == 600


async def test_lasts_as_long_as_the_device_plays(
    hass: HomeAssistant, registry: Registry, television: Television, studio: Studio
) -> None:
    """The stream of a dashboard that was chosen ends at once when somebody stops it on the device."""
    await _play(hass, MEDIA + PATH)
    television.media_controller.report(url_of(studio.only), playerState="IDLE", idleReason="CANCELLED")
    await settled(hass)
    assert studio.only.ended
    assert not registry.sessions


async def test_nothing_on_speakers(
    registry: Registry, television: Television, hass_ws_client: WebSocketGenerator
) -> None:
    """A device without a screen says so instead of showing dashboards that it could not play."""
    television.cast_type = CAST_TYPE_AUDIO
    answer = await _browse(hass_ws_client, MEDIA)
    assert answer["error"]["message"].startswith("This media player has no screen.")


async def test_other_media_are_browsed(
    registry: Registry, television: Television, hass_ws_client: WebSocketGenerator
) -> None:
    """What is not ours is left to the Cast integration."""
    answer = await _browse(hass_ws_client, "media-source://other/song")
    assert "nknown media source" in answer["error"]["message"]


async def test_no_such_dashboard(hass: HomeAssistant, registry: Registry, television: Television) -> None:
    """Who plays what is not there is told so."""
    with pytest.raises(ServiceValidationError, match="There is no dashboard /no-such"):
        await _play(hass, f"{MEDIA}/no-such")
    with pytest.raises(ServiceValidationError, match="is not the path of a dashboard"):
        await _play(hass, MEDIA)


async def test_who_browses_over_http(
    *,
    hass: HomeAssistant,
    registry: Registry,
    television: Television,
    entry: MockConfigEntry,
    hass_admin_user: MockUser,
    hass_client: ClientSessionGenerator,
) -> None:
    """Also who browses by an HTTP request sees dashboards for administrators only as one."""
    hass.config_entries.async_update_entry(entry, options={CONF_USER: hass_admin_user.id})
    user = await hass.auth.async_create_user("Person", group_ids=[GROUP_ID_USER])
    token = hass.auth.async_create_access_token(await hass.auth.async_create_refresh_token(user, "http://x/"))
    data = {"entity_id": TV, "media_content_id": MEDIA, "media_content_type": "video"}
    for client, sees in ((await hass_client(), True), (await hass_client(token), False)):
        path = "/api/services/media_player/browse_media?return_response"
        answer = await (await client.post(path, json=data)).json()
        titles = {child["title"] for child in answer["service_response"][TV]["children"]}
        assert "tv_wall" in titles
        assert ("admin_wall" in titles) is sees
