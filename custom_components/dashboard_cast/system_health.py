"""What Home Assistant's page about itself shows of us: browser, FFmpeg, and what runs."""

from collections.abc import Awaitable
from typing import Any

from homeassistant.components.system_health import SystemHealthRegistration
from homeassistant.core import HomeAssistant, callback

from .browsers import async_versions, kind_of
from .checkup import async_ffmpeg_version
from .const import DOMAIN
from .registry import loaded_registry


@callback
def async_register(hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Say who tells it."""
    register.async_register_info(async_info)


async def async_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return it; what takes a moment as something to be waited for."""
    registry = loaded_registry(hass)
    shown: dict[str, Any] = {
        "streams": len(registry.streams) if registry else 0,
        "media_players": len(registry.sessions) if registry else 0,
    }
    for entry in hass.config_entries.async_entries(DOMAIN, include_ignore=False, include_disabled=False):
        shown["browser_kind"] = kind_of(entry.data)
        shown["browser"] = _versions(async_versions(hass, entry.data, entry.options))
        shown["ffmpeg"] = async_ffmpeg_version(hass, entry.options)
    return shown


async def _versions(asked: Awaitable[list[str]]) -> str:
    return ", ".join(version or "?" for version in await asked)
