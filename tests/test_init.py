"""Tests of the config entry's life: set up, unloaded, reloaded, removed, and Home Assistant's end."""

from typing import Any
from unittest.mock import MagicMock

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from homeassistant.setup import async_setup_component
import pytest

from custom_components.dashboard_cast.const import CONF_USER_ID, DOMAIN
from custom_components.dashboard_cast.registry import Registry

from .common import (
    PROFILE,
    SOURCE,
    TV,
    FakeBrowser,
    MockConfigEntry,
    Players,
    Studio,
    add_display,
    cast_task,
    settled,
)


def _browser(registry: Registry) -> FakeBrowser:
    browser = registry._browser
    assert isinstance(browser, FakeBrowser)
    return browser


def _state(entry: ConfigEntry) -> ConfigEntryState:
    return entry.state


async def test_set_up(hass: HomeAssistant, registry: Registry, entry: MockConfigEntry) -> None:
    """An entry is set up without a browser or FFmpeg being started."""
    assert entry.state is ConfigEntryState.LOADED
    assert not registry.streams
    assert not registry.sessions
    assert registry._ffmpeg == "ffmpeg"
    assert _browser(registry).executable is None
    assert hass.services.has_service(DOMAIN, "start")
    assert hass.services.has_service(DOMAIN, "stop")


async def test_programs(hass: HomeAssistant, studio: Studio, entry: MockConfigEntry) -> None:
    """The programs of the options are used."""
    hass.config_entries.async_update_entry(entry, options={"browser": "/opt/other", "ffmpeg": "/opt/ffmpeg"})
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert _browser(entry.runtime_data).executable == "/opt/other"
    assert entry.runtime_data._ffmpeg == "/opt/ffmpeg"


async def test_no_yaml(hass: HomeAssistant, enable_custom_integrations: None) -> None:
    """There is nothing to configure in YAML; the actions are there all the same."""
    assert await async_setup_component(hass, DOMAIN, {})
    assert hass.services.has_service(DOMAIN, "start")


@pytest.mark.parametrize("begun", [True, False], ids=["shown", "starting"])
@pytest.mark.parametrize("how", ["unload", "reload", "remove", "stop"])
async def test_nothing_outlives(
    *,
    hass: HomeAssistant,
    registry: Registry,
    entry: MockConfigEntry,
    players: Players,
    studio: Studio,
    how: str,
    begun: bool,
) -> None:
    """Whatever ends the integration ends sessions, streams, the browser and access tokens, once."""
    if not begun:
        studio.gate.clear()
    cast = cast_task(hass, registry)
    await (settled(hass) if begun else hass.async_block_till_done())
    token = (await studio.only.credentials()).token
    await _end(hass, entry, how)
    assert cast.done()
    assert (cast.exception() is None) is begun
    assert studio.only.ended
    assert not registry.sessions
    assert players.device.quits == int(begun)
    assert _browser(registry).stopped
    assert hass.auth.async_validate_access_token(token) is None


async def _end(hass: HomeAssistant, entry: MockConfigEntry, how: str) -> None:
    """End the integration in one of its ways."""
    if how == "stop":
        await hass.async_stop()
    elif how == "remove":
        await hass.config_entries.async_remove(entry.entry_id)
    elif how == "reload":
        await hass.config_entries.async_reload(entry.entry_id)
    else:
        await hass.config_entries.async_unload(entry.entry_id)
    await settled(hass)


async def test_reload(
    hass: HomeAssistant, registry: Registry, entry: MockConfigEntry, players: Players
) -> None:
    """After a reload everything works again, with the same user."""
    user_id = entry.data[CONF_USER_ID]
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert entry.data[CONF_USER_ID] == user_id
    again: Registry = entry.runtime_data
    assert again is not registry
    await again.async_cast(TV, SOURCE, PROFILE)


async def test_unload_keeps_user(hass: HomeAssistant, registry: Registry, entry: MockConfigEntry) -> None:
    """The user stays while the entry does."""
    await hass.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED
    assert await hass.auth.async_get_user(entry.data[CONF_USER_ID])


async def test_remove(hass: HomeAssistant, registry: Registry, entry: MockConfigEntry) -> None:
    """With the entry goes the user that was made for it."""
    user_id = entry.data[CONF_USER_ID]
    await hass.config_entries.async_remove(entry.entry_id)
    assert await hass.auth.async_get_user(user_id) is None


async def test_unload_after_stop(hass: HomeAssistant, registry: Registry, entry: MockConfigEntry) -> None:
    """An unload that follows Home Assistant's stop finds nothing left to do."""
    await _end(hass, entry, "stop")
    await _end(hass, entry, "unload")
    assert entry.state is ConfigEntryState.NOT_LOADED


@pytest.mark.parametrize("data", [{}, {"encoders": ["libx264"]}, {"browser_kind": "local", "endpoints": []}])
async def test_upgrade(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    studio: Studio,
    source_ip: MagicMock,
    data: dict[str, Any],
) -> None:
    """An entry from before there was a choice of browsers keeps the local one, and all that it has."""
    entry = MockConfigEntry(domain=DOMAIN, data=data, version=1, minor_version=1)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert (entry.version, entry.minor_version) == (1, 3)
    own = {CONF_USER_ID: entry.data[CONF_USER_ID]}
    assert entry.data == {"browser_kind": "local", "endpoints": [], **data, **own}


async def test_upgrade_of_displays(
    hass: HomeAssistant, enable_custom_integrations: None, studio: Studio, source_ip: MagicMock
) -> None:
    """Displays that knew their entities by ids of the registry only can find them without those, too."""
    tv = er.async_get(hass).async_get_or_create("media_player", "cast", "the-tv")
    data = {"browser_kind": "local", "endpoints": []}
    entry = MockConfigEntry(domain=DOMAIN, data=data, version=1, minor_version=2)
    entry.add_to_hass(hass)
    display = add_display(hass, entry, media_players=[tv.id, "media_player.other"])
    before = entry.subentries[display].data
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.minor_version == 3
    kept = {tv.id: ["media_player", "cast", "the-tv"]}
    assert entry.subentries[display].data == {**before, "entities": kept}


async def test_downgrade(
    hass: HomeAssistant, enable_custom_integrations: None, studio: Studio, source_ip: MagicMock
) -> None:
    """An entry of a release that only had more in it works, and keeps that."""
    data = {"browser_kind": "local", "endpoints": [], "invented": "later"}
    entry = MockConfigEntry(domain=DOMAIN, data=data, version=1, minor_version=99)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.minor_version == 99
    assert entry.data["invented"] == "later"


async def test_newer_major(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    studio: Studio,
    source_ip: MagicMock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An entry that means something else by now is refused, said in the log, and left as it is."""
    entry = MockConfigEntry(domain=DOMAIN, title="Dashboard Cast", data={"x": 1}, version=2)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert _state(entry) is ConfigEntryState.MIGRATION_ERROR
    assert entry.data == {"x": 1}
    assert "Dashboard Cast for dashboard_cast has version 2 which is higher than the current" in caplog.text


@pytest.mark.parametrize("mode", ["safe_mode", "recovery_mode"])
async def test_without_custom_integrations(
    hass: HomeAssistant, entry: MockConfigEntry, studio: Studio, mode: str
) -> None:
    """In safe and recovery mode nothing of ours is loaded, and the entry stays as it is."""
    before = dict(entry.data)
    hass.data.pop(DATA_CUSTOM_COMPONENTS, None)
    setattr(hass.config, mode, True)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert _state(entry) is ConfigEntryState.NOT_LOADED
    assert not hass.services.has_service(DOMAIN, "start")
    assert entry.data == before
