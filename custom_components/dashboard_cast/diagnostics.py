"""What people send with a report: how it is set up and what runs, without tokens, people and addresses."""

from typing import Any, Final

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.core import HomeAssistant

from .const import CONF_BASE_URL, CONF_BROWSER_URL, CONF_ENDPOINTS, CONF_USER, CONF_USER_ID
from .engine.endpoint import redacted
from .registry import DashboardCastConfigEntry

_PRIVATE: Final = {CONF_BASE_URL, CONF_BROWSER_URL, CONF_USER, CONF_USER_ID}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: DashboardCastConfigEntry
) -> dict[str, Any]:
    """Return the diagnostics of the entry."""
    endpoints = [redacted(endpoint) for endpoint in entry.data.get(CONF_ENDPOINTS, ())]
    registry = entry.runtime_data
    return {
        "data": async_redact_data({**entry.data, CONF_ENDPOINTS: endpoints}, _PRIVATE),
        "options": async_redact_data(entry.options, _PRIVATE),
        "streams": [
            {
                "path": stream.source.name,
                "size": f"{stream.profile.width}x{stream.profile.height}",
                "frame_rate": stream.profile.frame_rate,
                "pictures": stream.pictures,
                "segments": len(stream.store.segments),
            }
            for stream in registry.streams
        ],
        "media_players": {
            entity_id: {"path": session.source.name, "playing": session.is_playing}
            for entity_id, session in registry.sessions.items()
        },
    }
