"""Which media players are Cast devices, what they can show, and what those play, by their model."""

from dataclasses import replace
from typing import Final

from homeassistant.components.media_player import (
    DATA_COMPONENT,
    DOMAIN as MEDIA_PLAYER_DOMAIN,
    MediaPlayerDeviceClass,
    MediaPlayerEntity,
    MediaPlayerEntityFeature,
)
from homeassistant.const import (
    ATTR_DEVICE_CLASS,
    ATTR_ENTITY_ID,
    ATTR_SUPPORTED_FEATURES,
    STATE_UNAVAILABLE,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from pychromecast import Chromecast
from pychromecast.controllers.receiver import CastStatus

from .const import CAST_INTEGRATION
from .errors import TargetNotFoundError, TargetNotScreenError
from .models import Profile

_HD_60: Final = Profile(width=1280, height=720, frame_rate=60, level="4.1")
_HD_30: Final = Profile(width=1280, height=720, frame_rate=30, level="4.1")
# Google's "Supported media for Google Cast". Who is not in it plays at least H.264 level 4.1 in 1080p at 30
# pictures a second, which is more than the largest profile asks for.
_LIMITS: Final = {
    "Google Home Hub": _HD_60,
    "Google Nest Hub": _HD_60,
    "Google Nest Hub Max": _HD_30,
}
# Screens that are no TVs: the first has 1024 by 600 pixels. The other one has 1280 by 800, but nobody says
# that it plays more than 720 lines, so this is as much as it surely plays and has its shape, 16 to 10.
_SIZES: Final = {
    "Google Home Hub": (1024, 600),
    "Google Nest Hub": (1024, 600),
    "Google Nest Hub Max": (1152, 720),
}


@callback
def is_cast_device(hass: HomeAssistant, entity_id: str) -> bool:
    """Return whether a media player is a Cast device."""
    entity = er.async_get(hass).async_get(entity_id)
    return entity is not None and entity.platform == CAST_INTEGRATION


@callback
def player_of(hass: HomeAssistant, entity_id: str) -> MediaPlayerEntity | None:
    """Return the entity of a media player, which knows more than its state tells; None without one."""
    component = hass.data.get(DATA_COMPONENT)
    return component.get_entity(entity_id) if component else None


@callback
def chromecast_of(hass: HomeAssistant, entity_id: str) -> Chromecast | None:
    """Return the Cast device behind a media player; None where there is none, or it was not found yet."""
    # The Cast integration hands it out only together with what is to be played.
    chromecast: Chromecast | None = getattr(player_of(hass, entity_id), "_chromecast", None)
    return chromecast


@callback
def cast_status(hass: HomeAssistant, entity_id: str) -> CastStatus | None:
    """Return what a Cast device says of its screen, which it knows from the TV by HDMI-CEC.

    None for other media players, and where people have the Cast integration ignore it.
    """
    # Home Assistant tells neither in the state: it makes `off` of both, and of the device's own screen.
    chromecast = chromecast_of(hass, entity_id)
    if chromecast is None or chromecast.ignore_cec:
        return None
    status: CastStatus | None = getattr(player_of(hass, entity_id), "cast_status", None)
    return status


@callback
def is_away(hass: HomeAssistant, entity_id: str) -> bool:
    """Return whether a media player is out of reach: Home Assistant leaves it out, and says nothing of it."""
    state = hass.states.get(entity_id)
    return state is None or state.state == STATE_UNAVAILABLE


@callback
def playable(hass: HomeAssistant, entity_id: str, profile: Profile) -> Profile:
    """Return the profile as the device of a media player can play it, and as it fits its screen if it may."""
    entity = er.async_get(hass).async_get(entity_id)
    device = dr.async_get(hass).async_get(entity.device_id) if entity and entity.device_id else None
    model = (isinstance(device, dr.DeviceEntry) and device.model) or ""
    if profile.is_automatic and model in _SIZES:
        width, height = _SIZES[model]
        profile = replace(profile, width=width, height=height)
    limit = _LIMITS.get(model)
    return profile.within(limit) if limit else profile


@callback
def check_screen(hass: HomeAssistant, entity_id: str) -> None:
    """Check that an entity is a media player that shows pictures, as far as that can be known beforehand.

    Raises TargetNotFoundError, or TargetNotScreenError for speakers and groups.
    """
    state = hass.states.get(entity_id)
    if state is None or state.domain != MEDIA_PLAYER_DOMAIN:
        raise TargetNotFoundError(entity=entity_id)
    speaker = state.attributes.get(ATTR_DEVICE_CLASS) == MediaPlayerDeviceClass.SPEAKER
    group = ATTR_ENTITY_ID in state.attributes
    features = MediaPlayerEntityFeature(state.attributes.get(ATTR_SUPPORTED_FEATURES, 0))
    # What is unavailable has perhaps not said yet what it can.
    plays = not features or MediaPlayerEntityFeature.PLAY_MEDIA in features
    if speaker or group or not plays:
        raise TargetNotScreenError(entity=entity_id)
