"""The actions."""

import asyncio
from datetime import timedelta
from typing import Any, Final

from homeassistant.components.media_player import DOMAIN as MEDIA_PLAYER_DOMAIN
from homeassistant.const import (
    ATTR_AREA_ID,
    ATTR_DEVICE_ID,
    ATTR_ENTITY_ID,
    ATTR_FLOOR_ID,
    ATTR_LABEL_ID,
    STATE_UNAVAILABLE,
)
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
    split_entity_id,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids
import probatio

from .addresses import async_allowed_urls
from .const import (
    DEFAULT_FRAME_RATE,
    DOMAIN,
    LIVE_VIDEO,
    MASTER_PLAYLIST,
    MAX_FRAME_RATE,
    STILL_PICTURE,
    TS_MASTER_PLAYLIST,
)
from .dashboards import normalized_path
from .errors import (
    DashboardCastError,
    NotSetUpError,
    SourceMissingError,
    TargetMissingError,
    TargetNotFoundError,
    TargetUnavailableError,
)
from .models import Overflow, Pairs, Profile, SizePreset, Source, StreamFormat, Website
from .registry import Registry, loaded_registry
from .translation import translated
from .urls import stream_path

FORMAT_AUTO: Final = "auto"

SERVICE_START: Final = "start"
SERVICE_STOP: Final = "stop"

ATTR_COOKIES: Final = "cookies"
ATTR_DARK: Final = "dark"
ATTR_DEVICE_SCALE: Final = "device_scale"
ATTR_DURATION: Final = "duration"
ATTR_FONT_SCALE: Final = "font_scale"
ATTR_FORMAT: Final = "format"
ATTR_FRAME_RATE: Final = "frame_rate"
ATTR_HEADERS: Final = "headers"
ATTR_KIOSK: Final = "kiosk"
ATTR_LANGUAGE: Final = "language"
ATTR_LOCAL_STORAGE: Final = "local_storage"
ATTR_OVERFLOW: Final = "overflow"
ATTR_PASSWORD: Final = "password"  # noqa: S105
ATTR_PATH: Final = "path"
ATTR_REDUCED_MOTION: Final = "reduced_motion"
ATTR_SIZE: Final = "size"
ATTR_THEME: Final = "theme"
ATTR_URL: Final = "url"
ATTR_USERNAME: Final = "username"
ATTR_VERIFY_SSL: Final = "verify_ssl"
ATTR_ZOOM: Final = "zoom"

DARK_AUTO: Final = "auto"
# RFC 9110 sections 5.1 and 5.5, of which only what can be seen, and RFC 6265 section 4.1.1.
_HEADER: Final = {
    probatio.All(cv.string, probatio.Match(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")): probatio.All(
        cv.string, probatio.Match(r"^[\x20-\x7e]*\Z")
    )
}
_COOKIE: Final = {
    probatio.All(cv.string, probatio.Match(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")): probatio.All(
        cv.string, probatio.Match(r"^[\x21-\x3a\x3c-\x7e]*\Z")
    )
}


def _scale(lowest: float, highest: float) -> probatio.All[float]:
    return probatio.All(probatio.Coerce(float), probatio.Range(min=lowest, max=highest))


_WEBSITE_FIELDS: Final = {
    probatio.Optional(ATTR_USERNAME): cv.string,
    probatio.Optional(ATTR_PASSWORD): cv.string,
    probatio.Optional(ATTR_HEADERS): probatio.Schema(_HEADER),
    probatio.Optional(ATTR_COOKIES): probatio.Schema(_COOKIE),
    probatio.Optional(ATTR_LOCAL_STORAGE): probatio.Schema({cv.string: cv.string}),
    probatio.Optional(ATTR_VERIFY_SSL, default=True): cv.boolean,
}
_LOOK_FIELDS: Final = {
    probatio.Optional(ATTR_THEME): cv.string,
    probatio.Optional(ATTR_DARK): probatio.Any(cv.boolean, DARK_AUTO),
    probatio.Optional(ATTR_ZOOM, default=1.0): _scale(0.25, 4.0),
    probatio.Optional(ATTR_FONT_SCALE, default=1.0): _scale(0.5, 3.0),
    probatio.Optional(ATTR_DEVICE_SCALE, default=1.0): _scale(1.0, 3.0),
    probatio.Optional(ATTR_LANGUAGE): cv.string,
    probatio.Optional(ATTR_KIOSK, default=True): cv.boolean,
    probatio.Optional(ATTR_OVERFLOW, default=Overflow.CLIP): probatio.Coerce(Overflow),
    probatio.Optional(ATTR_REDUCED_MOTION, default=True): cv.boolean,
}
_START_SCHEMA: Final = probatio.Schema(
    {
        **cv.ENTITY_SERVICE_FIELDS,
        probatio.Optional(ATTR_PATH): cv.string,
        probatio.Optional(ATTR_URL): cv.string,
        **_WEBSITE_FIELDS,
        **_LOOK_FIELDS,
        probatio.Optional(ATTR_SIZE, default=SizePreset.P720): probatio.Coerce(SizePreset),
        probatio.Optional(ATTR_FRAME_RATE, default=DEFAULT_FRAME_RATE): probatio.All(
            probatio.Coerce(int), probatio.Range(min=1, max=MAX_FRAME_RATE)
        ),
        probatio.Optional(ATTR_FORMAT, default=FORMAT_AUTO): probatio.In([FORMAT_AUTO, *StreamFormat]),
        probatio.Optional(ATTR_DURATION): cv.positive_time_period,
    }
)
_TARGET_KEYS: Final = (ATTR_ENTITY_ID, ATTR_DEVICE_ID, ATTR_AREA_ID, ATTR_FLOOR_ID, ATTR_LABEL_ID)
_STOP_SCHEMA: Final = probatio.Schema({**cv.ENTITY_SERVICE_FIELDS})


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    hass.services.async_register(
        DOMAIN, SERVICE_START, _async_start, _START_SCHEMA, supports_response=SupportsResponse.OPTIONAL
    )
    hass.services.async_register(DOMAIN, SERVICE_STOP, _async_stop, _STOP_SCHEMA)


async def _async_start(call: ServiceCall) -> ServiceResponse:
    """Show something on media players, or only start its stream for whoever gets the response."""
    try:
        registry = _registry(call.hass)
        source, profile = await _async_source(call), _profile(call.data)
        targets = _targets(call)
        if not targets and not call.return_response:
            raise TargetMissingError
        for entity_id in targets:
            _check_target(call.hass, entity_id)
        await _async_cast(registry, targets, source, profile, call.data)
        return await _async_response(registry, targets, source, profile) if call.return_response else None
    except DashboardCastError as error:
        raise translated(error) from error


async def _async_stop(call: ServiceCall) -> None:
    """End what is shown on media players; without targets, everything."""
    try:
        registry = _registry(call.hass)
    except DashboardCastError as error:
        raise translated(error) from error
    has_target = any(key in call.data for key in _TARGET_KEYS)
    await registry.async_stop(_targets(call) if has_target else None)


async def _async_cast(
    registry: Registry, targets: set[str], source: Source, profile: Profile, data: dict[str, Any]
) -> None:
    """Cast to all targets at once; when some fail the others go on, and the first failure is raised."""
    duration: timedelta | None = data.get(ATTR_DURATION)
    stream_format = None if data[ATTR_FORMAT] == FORMAT_AUTO else StreamFormat(data[ATTR_FORMAT])
    casts = (
        registry.async_cast(entity_id, source, profile, duration, stream_format)
        for entity_id in sorted(targets)
    )
    for result in await asyncio.gather(*casts, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def _async_response(
    registry: Registry, targets: set[str], source: Source, profile: Profile
) -> ServiceResponse:
    stream = await registry.async_open(source, profile)
    base = registry.base_url()
    return {
        "url": base + stream_path(stream.token, MASTER_PLAYLIST),
        "ts": base + stream_path(stream.token, TS_MASTER_PLAYLIST),
        "mp4": base + stream_path(stream.token, LIVE_VIDEO),
        "still": base + stream_path(stream.token, STILL_PICTURE),
        "media_players": [*sorted(targets)],
    }


def _registry(hass: HomeAssistant) -> Registry:
    registry = loaded_registry(hass)
    if registry is None:
        raise NotSetUpError
    return registry


async def _async_source(call: ServiceCall) -> Source:
    """Return what to draw; raises SourceMissingError, PathInvalidError or what `async_allowed_urls` does."""
    data = call.data
    if (ATTR_PATH in data) is (ATTR_URL in data):
        raise SourceMissingError
    return Source(
        path=normalized_path(data[ATTR_PATH]) if ATTR_PATH in data else "",
        website=await _async_website(call) if ATTR_URL in data else None,
        theme=data.get(ATTR_THEME),
        dark=data.get(ATTR_DARK),
        zoom=data[ATTR_ZOOM],
        language=data.get(ATTR_LANGUAGE),
        kiosk=data[ATTR_KIOSK],
        font_scale=data[ATTR_FONT_SCALE],
        device_scale=data[ATTR_DEVICE_SCALE],
        reduced_motion=data[ATTR_REDUCED_MOTION],
        overflow=data[ATTR_OVERFLOW],
    )


async def _async_website(call: ServiceCall) -> Website:
    data = call.data
    return Website(
        data[ATTR_URL],
        username=data.get(ATTR_USERNAME),
        password=data.get(ATTR_PASSWORD, ""),
        headers=_pairs(data, ATTR_HEADERS),
        cookies=_pairs(data, ATTR_COOKIES),
        storage=_pairs(data, ATTR_LOCAL_STORAGE),
        verify=data[ATTR_VERIFY_SSL],
        allowed=await async_allowed_urls(call.hass, data[ATTR_URL], call.context.user_id),
    )


def _pairs(data: dict[str, Any], name: str) -> Pairs:
    """Return the entries of a field so that the same ones are always equal."""
    return tuple(sorted(data.get(name, {}).items()))


def _profile(data: dict[str, Any]) -> Profile:
    return Profile.of(data[ATTR_SIZE], data[ATTR_FRAME_RATE])


def _targets(call: ServiceCall) -> set[str]:
    """Return what was named, and the media players of areas, devices and the like that were named."""
    selected = async_extract_referenced_entity_ids(call.hass, TargetSelection(call.data))
    players = {
        entity_id
        for entity_id in selected.indirectly_referenced
        if split_entity_id(entity_id)[0] == MEDIA_PLAYER_DOMAIN
    }
    return selected.referenced | players


def _check_target(hass: HomeAssistant, entity_id: str) -> None:
    """Check that a target can be cast to; raises TargetNotFoundError or TargetUnavailableError."""
    state = hass.states.get(entity_id)
    if state is None or state.domain != MEDIA_PLAYER_DOMAIN:
        raise TargetNotFoundError(entity=entity_id)
    if state.state == STATE_UNAVAILABLE:
        raise TargetUnavailableError(entity=entity_id)
