"""Tests of what the page about the system shows."""

import json

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from custom_components.dashboard_cast.const import DOMAIN
from custom_components.dashboard_cast.registry import Registry

from .common import (
    INTEGRATION,
    PROFILE,
    SOURCE,
    TV,
    MockConfigEntry,
    Players,
    get_system_health_info,
    settled,
)


async def _info(hass: HomeAssistant) -> dict[str, object]:
    """Return it, waited for."""
    assert await async_setup_component(hass, "system_health", {})
    await settled(hass)
    shown: dict[str, object] = await get_system_health_info(hass, DOMAIN)
    return {key: await value if hasattr(value, "__await__") else value for key, value in shown.items()}


async def test_info(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """Browser, FFmpeg, streams and media players are told, each with a name."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    shown = await _info(hass)
    assert (shown["streams"], shown["media_players"], shown["browser_kind"]) == (1, 1, "local")
    assert "Chrom" in str(shown["browser"])
    assert str(shown["ffmpeg"]).startswith("ffmpeg version ")
    texts = json.loads((INTEGRATION / "translations/en.json").read_text(encoding="utf-8"))
    assert set(shown) == set(texts["system_health"]["info"])


async def test_what_is_missing(hass: HomeAssistant, registry: Registry, entry: MockConfigEntry) -> None:
    """What is not there is told."""
    options = {"browser": "/no/such/browser", "ffmpeg": "/no/such/ffmpeg"}
    hass.config_entries.async_update_entry(entry, options=options)
    shown = await _info(hass)
    assert shown["browser"] == "?"
    assert "/no/such/ffmpeg" in str(shown["ffmpeg"])


async def test_playwright(hass: HomeAssistant, registry: Registry, entry: MockConfigEntry) -> None:
    """Servers of Playwright tell no version without starting a browser."""
    data = {**entry.data, "browser_kind": "playwright", "endpoints": ["ws://a/", "ws://b/"]}
    hass.config_entries.async_update_entry(entry, data=data)
    assert (await _info(hass))["browser"] == "?, ?"


async def test_not_set_up(hass: HomeAssistant, registry: Registry, entry: MockConfigEntry) -> None:
    """Without an entry there is nothing to tell but that nothing is shown."""
    await hass.config_entries.async_remove(entry.entry_id)
    assert await _info(hass) == {"streams": 0, "media_players": 0}
