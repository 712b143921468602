"""Home Assistant's Cast integration asks here whether what it is to play is ours (the name is its own)."""

from homeassistant.components.media_player import BrowseMedia, MediaType
from homeassistant.core import HomeAssistant
from pychromecast import Chromecast

from .errors import DashboardCastError
from .registry import loaded_registry
from .translation import translated


async def async_get_media_browser_root_object(hass: HomeAssistant, cast_type: str) -> list[BrowseMedia]:
    """Offer nothing to browse."""
    return []


async def async_browse_media(
    hass: HomeAssistant, media_content_type: MediaType | str, media_content_id: str, cast_type: str
) -> BrowseMedia | None:
    """Offer nothing to browse."""
    return None


async def async_play_media(
    hass: HomeAssistant,
    cast_entity_id: str,
    chromecast: Chromecast,
    media_type: MediaType | str,
    media_id: str,
) -> bool:
    """Play a stream of ours the way Cast devices want live video; return False for anything else."""
    registry = loaded_registry(hass)
    if registry is None:
        return False
    try:
        return await registry.async_load(cast_entity_id, chromecast, media_id)
    except DashboardCastError as error:
        raise translated(error) from error
