"""Tests of what Cast devices are given, by their model."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest

from custom_components.dashboard_cast.devices import playable
from custom_components.dashboard_cast.models import SIZE_AUTO, Profile, SizePreset
from custom_components.dashboard_cast.offers import offer_of

from .common import MockConfigEntry

FULL_HD = Profile.of(SizePreset.P1080, 30)


def _media_player(hass: HomeAssistant, model: str | None) -> str:
    """Register a media player of a device of this model."""
    entry = MockConfigEntry(domain="cast")
    entry.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={("cast", "tv")}, model=model
    )
    registered = er.async_get(hass).async_get_or_create(
        "media_player", "cast", "tv", config_entry=entry, device_id=device.id
    )
    return registered.entity_id


@pytest.mark.parametrize("model", ["Google Nest Hub", "Google Nest Hub Max", "Google Home Hub"])
async def test_small_screens(hass: HomeAssistant, model: str) -> None:
    """A device that plays nothing larger than 720p gets that, no faster than was asked for."""
    entity_id = _media_player(hass, model)
    assert playable(hass, entity_id, FULL_HD) == Profile.of(SizePreset.P720, 30)
    slow = Profile.of(SizePreset.P720, 5)
    assert playable(hass, entity_id, slow) == slow


@pytest.mark.parametrize("model", ["Chromecast", "Google TV Streamer", "A projector", None])
async def test_televisions(hass: HomeAssistant, model: str | None) -> None:
    """Everything else gets what was asked for."""
    assert playable(hass, _media_player(hass, model), FULL_HD) == FULL_HD


@pytest.mark.parametrize(
    ("model", "pixels"),
    [
        ("Google Home Hub", (1024, 600)),
        ("Google Nest Hub", (1024, 600)),
        ("Google Nest Hub Max", (1152, 720)),
        ("Chromecast", (1280, 720)),
        ("Chromecast Ultra", (1280, 720)),
        ("Google TV Streamer", (1280, 720)),
        (None, (1280, 720)),
    ],
)
async def test_automatic_size(hass: HomeAssistant, model: str | None, pixels: tuple[int, int]) -> None:
    """Nobody has to know how many pixels a screen has; what was asked for otherwise stays."""
    fitted = playable(hass, _media_player(hass, model), Profile.named(SIZE_AUTO, 10))
    assert (fitted.width, fitted.height) == pixels
    assert fitted.frame_rate == 10


async def test_size_of_media(hass: HomeAssistant) -> None:
    """A dashboard that is chosen among the media fits the screen it is chosen for."""
    offered = offer_of(hass, "lovelace/0").profile
    assert playable(hass, _media_player(hass, "Google Nest Hub"), offered).width == 1024


async def test_chosen_size(hass: HomeAssistant) -> None:
    """Who has chosen a size gets it also where another would fit."""
    chosen = Profile.named(SizePreset.P720, 15)
    assert playable(hass, _media_player(hass, "Google Nest Hub"), chosen) == chosen


async def test_no_device(hass: HomeAssistant) -> None:
    """A media player that belongs to no device gets what was asked for."""
    assert playable(hass, "media_player.unknown", FULL_HD) == FULL_HD
