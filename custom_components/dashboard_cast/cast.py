"""Home Assistant's Cast integration asks here whether what it is to play is ours (the name is its own)."""

from homeassistant.components.media_player import BrowseError, BrowseMedia, MediaType
from homeassistant.core import HomeAssistant
from pychromecast import Chromecast
from pychromecast.const import CAST_TYPE_CHROMECAST

from .errors import DashboardCastError, ScreenMissingError
from .media_source import async_browse, identifier_of
from .offers import offer_of
from .registry import loaded_registry, running_registry
from .translation import translated


async def async_get_media_browser_root_object(hass: HomeAssistant, cast_type: str) -> list[BrowseMedia]:
    """Offer nothing more: the Cast integration lists our media source itself, among all the others."""
    return []


async def async_browse_media(
    hass: HomeAssistant, media_content_type: MediaType | str, media_content_id: str, cast_type: str
) -> BrowseMedia | None:
    """Return what a device with a screen can show; None for what is not ours. Raises BrowseError."""
    identifier = identifier_of(hass, media_content_id)
    if identifier is None:
        return None
    if cast_type != CAST_TYPE_CHROMECAST:
        raise translated(ScreenMissingError(), BrowseError)
    return await async_browse(hass, identifier)


async def async_play_media(
    hass: HomeAssistant,
    cast_entity_id: str,
    chromecast: Chromecast,
    media_type: MediaType | str,
    media_id: str,
) -> bool:
    """Play what is ours as Cast devices want live video; return False for all else."""
    identifier = identifier_of(hass, media_id)
    try:
        if identifier is None:
            registry = loaded_registry(hass)
            return registry is not None and await registry.async_load(cast_entity_id, chromecast, media_id)
        offer = offer_of(hass, identifier)
        await running_registry(hass).async_cast(
            cast_entity_id, offer.source, offer.profile, stream_format=offer.stream_format
        )
    except DashboardCastError as error:
        raise translated(error) from error
    return True
