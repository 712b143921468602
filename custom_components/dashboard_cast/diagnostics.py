"""What people send with a report: how it is set up and what runs, without tokens, people and addresses."""

from dataclasses import asdict
import time
from typing import Any, Final

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .browsers import async_versions, kind_of
from .checkup import async_ffmpeg_version
from .const import CONF_BASE_URL, CONF_BROWSER_URL, CONF_ENDPOINTS, CONF_USER, CONF_USER_ID, DOMAIN
from .displays import (
    CONF_COOKIES,
    CONF_ENTITIES,
    CONF_HEADERS,
    CONF_LOCAL_STORAGE,
    CONF_PASSWORD,
    CONF_URL,
    CONF_USERNAME,
    Display,
)
from .engine.endpoint import redacted
from .engine.stream import Stream
from .registry import DashboardCastConfigEntry

_PRIVATE: Final = {
    CONF_BASE_URL,
    CONF_BROWSER_URL,
    CONF_COOKIES,
    CONF_ENTITIES,
    CONF_HEADERS,
    CONF_LOCAL_STORAGE,
    CONF_PASSWORD,
    CONF_URL,
    CONF_USER,
    CONF_USER_ID,
    CONF_USERNAME,
}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: DashboardCastConfigEntry
) -> dict[str, Any]:
    """Return the diagnostics of the entry."""
    endpoints = [redacted(endpoint) for endpoint in entry.data.get(CONF_ENDPOINTS, ())]
    registry = entry.runtime_data
    return {
        "data": async_redact_data({**entry.data, CONF_ENDPOINTS: endpoints}, _PRIVATE),
        "options": async_redact_data(entry.options, _PRIVATE),
        "browser": {
            "kind": kind_of(entry.data),
            "versions": await async_versions(hass, entry.data, entry.options),
        },
        "ffmpeg": await async_ffmpeg_version(hass, entry.options),
        "issues": [issue_id for domain, issue_id in ir.async_get(hass).issues if domain == DOMAIN],
        "streams": [_stream(stream) for stream in registry.streams],
        "media_players": {
            entity_id: {
                "path": session.source.name,
                "format": session.stream_format,
                "playing": session.is_playing,
            }
            for entity_id, session in registry.sessions.items()
        },
        "displays": [_display(entry, display) for display in registry.displays],
    }


def _display(entry: DashboardCastConfigEntry, display: Display) -> dict[str, Any]:
    """Return how a display is set up, and how it stands with it."""
    return {
        "name": display.name,
        "data": async_redact_data(entry.subentries[display.subentry_id].data, _PRIVATE),
        "path": display.source.name,
        "demand": asdict(display.demand),
        "status": display.status,
        "reason": display.reason,
        "standings": {
            entity_id: {"status": standing.status, "reason": standing.reason}
            for entity_id, standing in display.standings.items()
        },
        "error": display.error and display.error.key,
    }


def _stream(stream: Stream) -> dict[str, Any]:
    """Return how a stream is; its address is nobody's business."""
    return {
        "path": stream.source.name,
        "size": f"{stream.profile.width}x{stream.profile.height}",
        "frame_rate": stream.profile.frame_rate,
        "encoder": stream.encoder,
        "pictures": stream.pictures,
        "segments": len(stream.store.segments),
        "unwatched_for": round(time.monotonic() - stream.last_request),
        "health": asdict(stream.health),
    }
