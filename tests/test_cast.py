"""Tests of the hook that Home Assistant's Cast integration calls, with that integration's own code too."""

from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import MagicMock, patch

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
from custom_components.dashboard_cast.errors import AddressNotFoundError
from custom_components.dashboard_cast.registry import Registry

from .common import (
    OTHER_SOURCE,
    PROFILE,
    SOURCE,
    TV,
    FakeChromecast,
    MockConfigEntry,
    Players,
    Studio,
    cast_status,
    settled,
    url_of,
)

FOREIGN = "http://music.example/song.mp3"


async def _play(hass: HomeAssistant, url: str) -> None:
    """Have the TV play a URL, as an automation would."""
    data = {"entity_id": TV, "media_content_id": url, "media_content_type": "video"}
    await hass.services.async_call(MEDIA_PLAYER_DOMAIN, "play_media", data, blocking=True)


async def test_protocol(hass: HomeAssistant) -> None:
    """The module is a cast platform as the Cast integration checks it, with nothing to browse."""
    platform: Any = cast
    for name in ("async_get_media_browser_root_object", "async_browse_media", "async_play_media"):
        assert hasattr(CastProtocol, name)
        assert hasattr(platform, name)
    assert await cast.async_get_media_browser_root_object(hass, "cast") == []
    assert await cast.async_browse_media(hass, "video", "x", "cast") is None


async def test_not_set_up(hass: HomeAssistant) -> None:
    """Without a loaded config entry nothing is ours."""
    device: Any = MagicMock()
    assert await cast.async_play_media(hass, TV, device, "video", FOREIGN) is False


@pytest.mark.parametrize(
    "url",
    [
        FOREIGN,
        "/api/hls/token/master.m3u8",
        "/api/dashboard_cast/no-such/master.m3u8",
        'plex://{"library_name": "Movies", "title": "A Film"}',
        "http://[nonsense",
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
    socket_client = MagicMock()
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
