"""Tests of addresses: what a browser, a Cast device and other media players are given."""

from socket import gaierror
from unittest.mock import MagicMock, patch

from homeassistant.components.http import ApiConfig
from homeassistant.core import HomeAssistant
from homeassistant.core_config import async_process_ha_core_config
from homeassistant.setup import async_setup_component
from hypothesis import example, given, strategies as st
import pytest

from custom_components.dashboard_cast.const import CONF_BASE_URL, CONF_BROWSER_URL
from custom_components.dashboard_cast.engine.endpoint import Endpoint
from custom_components.dashboard_cast.errors import (
    AddressNotFoundError,
    AddressUnreachableError,
    UrlForbiddenError,
)
from custom_components.dashboard_cast.proof import Proof, async_proof
from custom_components.dashboard_cast.urls import (
    async_homes,
    async_reach,
    browser_url,
    device_url,
    split_stream_url,
    stream_path,
)

from .common import MockConfigEntry, home_server

DEVICE = "192.168.1.20"


@pytest.fixture(autouse=True)
async def api(hass: HomeAssistant) -> ApiConfig:
    """Have Home Assistant's web server listen everywhere, without TLS."""
    assert await async_setup_component(hass, "http", {})
    hass.config.api = ApiConfig("10.10.10.10", "0.0.0.0", 8123, use_ssl=False)
    return hass.config.api


@pytest.mark.parametrize(
    ("host", "use_ssl", "url"),
    [
        ("0.0.0.0", False, "http://127.0.0.1:8123"),
        ("::", False, "http://127.0.0.1:8123"),
        ("127.0.0.1", False, "http://127.0.0.1:8123"),
        ("0.0.0.0", True, "https://127.0.0.1:8123"),
        ("192.168.1.10", False, "http://192.168.1.10:8123"),
        ("fd00::10", True, "https://[fd00::10]:8123"),
    ],
)
async def test_browser_url(hass: HomeAssistant, host: str, use_ssl: bool, url: str) -> None:
    """A browser on this machine uses the loopback interface when the web server listens there."""
    hass.config.api = ApiConfig(host, host, 8123, use_ssl)
    assert browser_url(hass) == url


def endpoints(*hosts: str) -> list[Endpoint]:
    """Return browsers behind a gateway on each host."""
    return [Endpoint.parse(f"ws://{host}:3000/?token=s3cret") for host in hosts]


OWN = {"internal_url": "http://10.10.10.11:8123", "external_url": "https://home.example:443"}


@pytest.mark.parametrize(
    ("hosts", "homes"),
    [
        ([], ["http://127.0.0.1:8123"]),
        (["10.10.10.30"], ["http://10.10.10.10:8123", "http://10.10.10.11:8123", "https://home.example"]),
        (
            ["10.10.10.30", "10.10.10.31"],
            ["http://10.10.10.10:8123", "http://10.10.10.11:8123", "https://home.example"],
        ),
        (["127.0.0.1"], ["http://127.0.0.1:8123", "http://10.10.10.11:8123", "https://home.example"]),
    ],
)
async def test_homes(hass: HomeAssistant, source_ip: MagicMock, hosts: list[str], homes: list[str]) -> None:
    """A browser elsewhere is given our interface towards it, then Home Assistant's own addresses."""
    await async_process_ha_core_config(hass, OWN)
    assert (await async_homes(hass, {}, endpoints(*hosts)))._addresses == homes


async def test_homes_for_a_name(hass: HomeAssistant, source_ip: MagicMock) -> None:
    """A name is looked up; one that nobody knows leads nowhere."""
    await async_process_ha_core_config(hass, OWN)
    with patch.object(hass.loop, "getaddrinfo") as lookup:
        lookup.return_value = [(2, 1, 6, "", ("10.10.10.30", 0))]
        assert (await async_homes(hass, {}, endpoints("chrome.lan"))).first == "http://10.10.10.10:8123"
        source_ip.assert_called_once_with("10.10.10.30")
        lookup.side_effect = gaierror
        assert (await async_homes(hass, {}, endpoints("chrome.lan"))).first == "http://10.10.10.11:8123"


@pytest.mark.parametrize(
    "url",
    [
        "http://10.10.10.11:8123/",
        "https://home.example/",
        "http://chrome.lan:3000/",
        "http://10.10.10.30:3000/",
        "http://localhost:3000/",
        "https://chrome.example/",
    ],
)
async def test_closed(hass: HomeAssistant, source_ip: MagicMock, url: str) -> None:
    """Web pages are kept from Home Assistant's addresses and from the browsers', by name and by number."""
    await async_process_ha_core_config(hass, OWN)
    behind = [*endpoints("chrome.lan"), Endpoint.parse("https://chrome.example/?token=s3cret")]
    with patch.object(hass.loop, "getaddrinfo", return_value=[(2, 1, 6, "", ("10.10.10.30", 0))]):
        gate = (await async_homes(hass, {}, behind)).gate(None)
    with pytest.raises(UrlForbiddenError):
        gate.check(url)
    # What others share with a browser behind a reverse proxy.
    gate.check("https://10.10.10.30/")


async def test_homes_with_tls(hass: HomeAssistant, api: ApiConfig, source_ip: MagicMock) -> None:
    """With TLS our interface is given all the same: pages accept any certificate."""
    api.use_ssl = True
    assert (await async_homes(hass, {}, endpoints("10.10.10.30"))).first == "https://10.10.10.10:8123"


async def test_homes_without_a_way(hass: HomeAssistant, api: ApiConfig, source_ip: MagicMock) -> None:
    """When nothing is known, there is still the address for a browser on this machine."""
    api.use_ssl = True
    source_ip.return_value = None
    assert (await async_homes(hass, {}, endpoints("10.10.10.30")))._addresses == ["https://127.0.0.1:8123"]


async def test_homes_configured(hass: HomeAssistant, source_ip: MagicMock) -> None:
    """The address of the options is the only one."""
    await async_process_ha_core_config(hass, OWN)
    for hosts in ([], ["10.10.10.30"]):
        found = await async_homes(hass, {CONF_BROWSER_URL: "http://10.10.10.12:8123/"}, endpoints(*hosts))
        assert found._addresses == ["http://10.10.10.12:8123"]


async def test_towards_device(hass: HomeAssistant, entry: MockConfigEntry, source_ip: MagicMock) -> None:
    """A Cast device is given the address of our interface towards it, whatever URLs are configured."""
    await async_process_ha_core_config(
        hass, {"internal_url": "http://homeassistant.local:8123", "external_url": "https://home.example"}
    )
    assert device_url(hass, entry, DEVICE) == "http://10.10.10.10:8123"
    source_ip.assert_called_once_with(DEVICE)


async def test_port(
    hass: HomeAssistant, entry: MockConfigEntry, api: ApiConfig, source_ip: MagicMock
) -> None:
    """The address has the port that the web server listens on."""
    api.port = 80
    assert device_url(hass, entry, DEVICE) == "http://10.10.10.10"


async def test_unknown_interface(hass: HomeAssistant, entry: MockConfigEntry, source_ip: MagicMock) -> None:
    """When there is no way to the device, Home Assistant's own URL is given."""
    source_ip.return_value = None
    await async_process_ha_core_config(hass, {"internal_url": "http://192.168.1.10:8123"})
    assert device_url(hass, entry, DEVICE) == "http://192.168.1.10:8123"


@pytest.mark.parametrize("device", [DEVICE, None, "tv.example"])
@pytest.mark.parametrize("configured", ["http://192.168.7.7:8123", "http://192.168.7.7:8123/"])
async def test_configured(
    hass: HomeAssistant, entry: MockConfigEntry, source_ip: MagicMock, device: str | None, configured: str
) -> None:
    """The address of the options goes before all others, with or without a slash at its end."""
    hass.config_entries.async_update_entry(entry, options={CONF_BASE_URL: configured})
    assert device_url(hass, entry, device) == "http://192.168.7.7:8123"


async def test_tls(hass: HomeAssistant, entry: MockConfigEntry, api: ApiConfig, source_ip: MagicMock) -> None:
    """With TLS the name in the certificate decides, so the external URL is given."""
    api.use_ssl = True
    await async_process_ha_core_config(
        hass, {"internal_url": "https://192.168.1.10:8123", "external_url": "https://home.example"}
    )
    assert device_url(hass, entry, DEVICE) == "https://home.example"


@pytest.mark.parametrize("device", [None, "tv.example"])
async def test_unknown_device(
    hass: HomeAssistant, entry: MockConfigEntry, source_ip: MagicMock, device: str | None
) -> None:
    """A device without an IP address is given Home Assistant's own internal URL."""
    await async_process_ha_core_config(
        hass, {"internal_url": "http://192.168.1.10:8123", "external_url": "https://home.example"}
    )
    assert device_url(hass, entry, device) == "http://192.168.1.10:8123"
    source_ip.assert_not_called()


async def test_no_url(hass: HomeAssistant, entry: MockConfigEntry, api: ApiConfig) -> None:
    """Without any URL the person is told which media player it was for."""
    api.use_ssl = True
    with pytest.raises(AddressNotFoundError) as caught:
        device_url(hass, entry, DEVICE)
    assert not caught.value.placeholders


def test_round_trip() -> None:
    """Token and name in a path of ours are found again, also in a whole URL."""
    path = stream_path("a-token", "master.m3u8")
    assert path == "/api/dashboard_cast/a-token/master.m3u8"
    assert split_stream_url(path) == ("a-token", "master.m3u8")
    whole = f"http://192.168.1.10:8123{path}?x=1#y"
    assert split_stream_url(whole) == ("a-token", "master.m3u8")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://music.example/song.mp3",
        "/api/hls/a-token/master.m3u8",
        "/api/dashboard_castle/a-token/master.m3u8",
        "/api/dashboard_cast",
        "http://music.example/?/api/dashboard_cast/a-token/master.m3u8",
        "http://music.example/x/api/dashboard_cast/a-token/master.m3u8",
        "spotify:track:1",
        "media-source://tts/cloud?message=hello",
        '{"app_name": "bubblehub"}',
    ],
)
def test_foreign(url: str) -> None:
    """What is not below our path has no token of ours."""
    assert split_stream_url(url)[0] == ""


@given(st.text() | st.from_regex(r"(https?|plex)://[^ ]*", fullmatch=True))
@example('plex://{"library_name": "Movies", "title": "A Film"}')
@example("http://[nonsense")
@example("http://[]@")
@example("http://host:port/song.mp3")
def test_whatever_is_played(url: str) -> None:
    """Whatever a media player is told to play, asking whether it is ours never fails."""
    token, _ = split_stream_url(url)
    assert "/" not in token


async def test_reach(hass: HomeAssistant, loopback: None) -> None:
    """This Home Assistant is known by its answer; without an address it is asked at its own port."""
    with home_server(async_proof(hass)) as port:
        await async_reach(hass, f"http://127.0.0.1:{port}")
        await async_process_ha_core_config(hass, {"internal_url": "http://home.example:8123"})
        hass.config.api = ApiConfig("127.0.0.1", "127.0.0.1", port, use_ssl=False)
        await async_reach(hass, None)
    with home_server(Proof()) as port, pytest.raises(AddressUnreachableError, match="somebody else"):
        await async_reach(hass, f"http://127.0.0.1:{port}")
