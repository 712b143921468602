"""The actions."""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.util.file import WriteError, write_utf8_file
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
from .devices import check_screen
from .engine.picture import PictureFormat, developed
from .errors import (
    DashboardCastError,
    DestinationMissingError,
    FileNotAllowedError,
    FileNotWrittenError,
    NothingShownError,
    SourceMissingError,
    TargetDisplayError,
    TargetMissingError,
    TargetUnavailableError,
)
from .icons import async_outline
from .images import async_image
from .models import (
    SIZE_AUTO,
    Corner,
    Message,
    Overflow,
    Pairs,
    Profile,
    SizePreset,
    Source,
    StreamFormat,
    Website,
)
from .registry import Registry, at_once, running_registry
from .selection import Selection, has_target, selected
from .translation import translated
from .urls import stream_path

FORMAT_AUTO: Final = "auto"

SERVICE_MESSAGE: Final = "message"
SERVICE_SHOW: Final = "show"
SERVICE_SNAPSHOT: Final = "snapshot"
SERVICE_START: Final = "start"
SERVICE_STOP: Final = "stop"

ATTR_COOKIES: Final = "cookies"
ATTR_DARK: Final = "dark"
ATTR_DEVICE_SCALE: Final = "device_scale"
ATTR_DURATION: Final = "duration"
ATTR_FILE_NAME: Final = "filename"
ATTR_FONT_SCALE: Final = "font_scale"
ATTR_FORMAT: Final = "format"
ATTR_FRAME_RATE: Final = "frame_rate"
ATTR_GREY_LEVELS: Final = "grey_levels"
ATTR_HEADERS: Final = "headers"
ATTR_HEIGHT: Final = "height"
ATTR_ICON: Final = "icon"
ATTR_IMAGE: Final = "image"
ATTR_INTERVAL: Final = "interval"
ATTR_KIOSK: Final = "kiosk"
ATTR_LANGUAGE: Final = "language"
ATTR_LOCAL_STORAGE: Final = "local_storage"
ATTR_MESSAGE: Final = "message"
ATTR_OVERFLOW: Final = "overflow"
ATTR_PASSWORD: Final = "password"  # noqa: S105
ATTR_PATH: Final = "path"
ATTR_PIXEL_SHIFT: Final = "pixel_shift"
ATTR_POSITION: Final = "position"
ATTR_REDUCED_MOTION: Final = "reduced_motion"
ATTR_ROTATION: Final = "rotation"
ATTR_SIZE: Final = "size"
ATTR_STREAM: Final = "stream"
ATTR_THEME: Final = "theme"
ATTR_TITLE: Final = "title"
ATTR_URGENT: Final = "urgent"
ATTR_URL: Final = "url"
ATTR_USERNAME: Final = "username"
ATTR_VERIFY_SSL: Final = "verify_ssl"
ATTR_VIEWS: Final = "views"
ATTR_WEBSITE: Final = "website"
ATTR_WIDTH: Final = "width"
ATTR_ZOOM: Final = "zoom"

DARK_AUTO: Final = "auto"
# RFC 9110 sections 5.1 and 5.5, of which only what can be seen, and RFC 6265 section 4.1.1.
HEADERS: Final = probatio.Schema(
    {
        probatio.All(cv.string, probatio.Match(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")): probatio.All(
            cv.string, probatio.Match(r"^[\x20-\x7e]*\Z")
        )
    }
)
COOKIES: Final = probatio.Schema(
    {
        probatio.All(cv.string, probatio.Match(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")): probatio.All(
            cv.string, probatio.Match(r"^[\x21-\x3a\x3c-\x7e]*\Z")
        )
    }
)


def _scale(lowest: float, highest: float) -> probatio.All[float]:
    return probatio.All(probatio.Coerce(float), probatio.Range(min=lowest, max=highest))


_WEBSITE: Final[dict[str, Any]] = {
    ATTR_URL: cv.string,
    ATTR_USERNAME: cv.string,
    ATTR_PASSWORD: cv.string,
    ATTR_HEADERS: HEADERS,
    ATTR_COOKIES: COOKIES,
    ATTR_LOCAL_STORAGE: probatio.Schema({cv.string: cv.string}),
    ATTR_VERIFY_SSL: cv.boolean,
}

FILE_SUFFIXES: Final = {
    "png": PictureFormat.PNG,
    "jpg": PictureFormat.JPEG,
    "jpeg": PictureFormat.JPEG,
    "webp": PictureFormat.WEBP,
}
"""Which format a file's name stands for."""
ROTATIONS: Final = (0, 90, 180, 270)
"""Degrees, clockwise."""
GREY_LEVELS: Final = (2, 4, 16)
"""What electronic paper shows."""
MIN_INTERVAL: Final = timedelta(seconds=5)
"""Between two views that are shown in turn: drawing takes a part of it."""
MAX_SIDE: Final = 3840
"""Of a picture, in pixels."""

_LOOK: Final[dict[str, Any]] = {
    ATTR_THEME: cv.string,
    ATTR_DARK: probatio.Any(cv.boolean, DARK_AUTO),
    ATTR_ZOOM: _scale(0.25, 4.0),
    ATTR_FONT_SCALE: _scale(0.5, 3.0),
    ATTR_DEVICE_SCALE: _scale(1.0, 3.0),
    ATTR_LANGUAGE: cv.string,
    ATTR_KIOSK: cv.boolean,
    ATTR_OVERFLOW: probatio.Coerce(Overflow),
    ATTR_REDUCED_MOTION: cv.boolean,
}
"""How a source looks: each is a field of `Source` with its name, and has the same default."""


def _source_fields(*, kept: bool = False) -> dict[probatio.Marker, Any]:
    """Return the part of a schema that says what to draw, and how it looks.

    kept: whether what is not given stays as it is, and so has no default.
    """
    looks = {field.name: field.default for field in fields(Source) if field.name in _LOOK}
    defaults = {} if kept else {**looks, ATTR_VERIFY_SSL: True}
    return {
        probatio.Optional(name, default=_or_undefined(defaults.get(name))): check
        for name, check in {ATTR_PATH: cv.string, **_WEBSITE, **_LOOK}.items()
    }


def _or_undefined(default: object) -> object:
    return probatio.UNDEFINED if default is None else default


# What a picture that stays one has no use for.
_LIVE_FIELDS: Final = {
    probatio.Optional(ATTR_PIXEL_SHIFT): cv.boolean,
    probatio.Optional(ATTR_VIEWS): probatio.All(cv.ensure_list, [cv.string]),
    probatio.Optional(ATTR_INTERVAL): probatio.All(
        cv.positive_time_period, probatio.Range(min=MIN_INTERVAL, max=timedelta(days=1))
    ),
}
_START_SCHEMA: Final = probatio.Schema(
    {
        **cv.ENTITY_SERVICE_FIELDS,
        **_source_fields(),
        **_LIVE_FIELDS,
        probatio.Optional(ATTR_SIZE, default=SIZE_AUTO): probatio.In([SIZE_AUTO, *SizePreset]),
        probatio.Optional(ATTR_FRAME_RATE, default=DEFAULT_FRAME_RATE): probatio.All(
            probatio.Coerce(int), probatio.Range(min=1, max=MAX_FRAME_RATE)
        ),
        probatio.Optional(ATTR_FORMAT, default=FORMAT_AUTO): probatio.In([FORMAT_AUTO, *StreamFormat]),
        probatio.Optional(ATTR_DURATION): cv.positive_time_period,
    }
)
_STOP_SCHEMA: Final = probatio.Schema({**cv.ENTITY_SERVICE_FIELDS})
_SHOW_SCHEMA: Final = probatio.Schema(
    {
        **cv.ENTITY_SERVICE_FIELDS,
        probatio.Optional(ATTR_STREAM): cv.string,
        **_source_fields(kept=True),
        **_LIVE_FIELDS,
    }
)
_MESSAGE_SCHEMA: Final = probatio.Schema(
    {
        **cv.ENTITY_SERVICE_FIELDS,
        probatio.Required(ATTR_MESSAGE): cv.string,
        probatio.Optional(ATTR_TITLE, default=""): cv.string,
        probatio.Optional(ATTR_ICON): cv.string,
        probatio.Optional(ATTR_IMAGE): cv.string,
        probatio.Optional(ATTR_URGENT, default=False): cv.boolean,
        probatio.Optional(ATTR_DURATION, default={"seconds": 10}): probatio.All(
            cv.positive_time_period, probatio.Range(min=timedelta(seconds=1), max=timedelta(days=1))
        ),
        probatio.Optional(ATTR_POSITION, default=Corner.TOP_RIGHT): probatio.Coerce(Corner),
    }
)
_SIDE: Final = probatio.All(probatio.Coerce(int), probatio.Range(min=16, max=MAX_SIDE))
_SNAPSHOT_SCHEMA: Final = probatio.Schema(
    {
        **_source_fields(),
        probatio.Optional(ATTR_FILE_NAME): cv.string,
        probatio.Optional(ATTR_WIDTH, default=1280): _SIDE,
        probatio.Optional(ATTR_HEIGHT, default=720): _SIDE,
        probatio.Optional(ATTR_ROTATION, default=0): probatio.All(
            probatio.Coerce(int), probatio.In(ROTATIONS)
        ),
        probatio.Optional(ATTR_GREY_LEVELS): probatio.All(probatio.Coerce(int), probatio.In(GREY_LEVELS)),
        probatio.Optional(ATTR_FORMAT): probatio.Coerce(PictureFormat),
    }
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    hass.services.async_register(
        DOMAIN, SERVICE_START, _async_start, _START_SCHEMA, supports_response=SupportsResponse.OPTIONAL
    )
    hass.services.async_register(DOMAIN, SERVICE_STOP, _async_stop, _STOP_SCHEMA)
    hass.services.async_register(DOMAIN, SERVICE_SHOW, _async_show, _SHOW_SCHEMA)
    hass.services.async_register(DOMAIN, SERVICE_MESSAGE, _async_message, _MESSAGE_SCHEMA)
    hass.services.async_register(
        DOMAIN,
        SERVICE_SNAPSHOT,
        _async_snapshot,
        _SNAPSHOT_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )


async def _async_start(call: ServiceCall) -> ServiceResponse:
    """Show something on media players, or only start its stream for whoever gets the response."""
    try:
        registry = running_registry(call.hass)
        source, profile = await _async_source(call), _profile(call.data)
        target = _selected(call, registry)
        if not target.to and not call.return_response:
            raise TargetMissingError
        await _async_cast(call, target, source, profile)
        return await _async_response(registry, target.to, source, profile) if call.return_response else None
    except DashboardCastError as error:
        raise translated(error) from error


async def _async_stop(call: ServiceCall) -> None:
    """End what is shown on media players; without targets, everything."""
    try:
        registry = running_registry(call.hass)
    except DashboardCastError as error:
        raise translated(error) from error
    await registry.async_stop(_selected(call, registry).on if has_target(call.data) else None)


async def _async_show(call: ServiceCall) -> None:
    """Show something else in streams that run."""
    try:
        registry = running_registry(call.hass)
        given = await _async_given(call)

        def change(source: Source) -> Source:
            return replace(source, **given)

        if ATTR_STREAM in call.data:
            await registry.async_show_in(call.data[ATTR_STREAM], change)
        if ATTR_STREAM not in call.data or has_target(call.data):
            await _async_where_shown(call, registry, partial(registry.async_show, change=change))
    except DashboardCastError as error:
        raise translated(error) from error


async def _async_message(call: ServiceCall) -> None:
    """Show a card over what is shown; without targets, everywhere."""
    try:
        registry = running_registry(call.hass)
        card = await _async_card(call.hass, call.data)
        if has_target(call.data):
            await _async_where_shown(call, registry, partial(registry.async_tell, message=card))
        else:
            await registry.async_tell(None, card)
    except DashboardCastError as error:
        raise translated(error) from error


async def _async_card(hass: HomeAssistant, data: dict[str, Any]) -> Message:
    """Return the message of an action; raises an error about its icon or image."""
    icon, image = data.get(ATTR_ICON), data.get(ATTR_IMAGE)
    return Message(
        text=data[ATTR_MESSAGE],
        title=data[ATTR_TITLE],
        icon=await async_outline(hass, icon) if icon else None,
        image=await async_image(hass, image) if image else None,
        urgent=data[ATTR_URGENT],
        seconds=data[ATTR_DURATION].total_seconds(),
        position=data[ATTR_POSITION],
    )


async def _async_snapshot(call: ServiceCall) -> ServiceResponse:
    """Draw a dashboard and write it to a file, or return it."""
    file: str | None = call.data.get(ATTR_FILE_NAME)
    form = call.data.get(ATTR_FORMAT) or _format_of(file)
    try:
        registry = running_registry(call.hass)
        if file:
            await _async_check_file(call.hass, file)
        elif not call.return_response:
            raise DestinationMissingError
        source = await _async_source(call)
        drawn = await registry.async_snapshot(source, call.data[ATTR_WIDTH], call.data[ATTR_HEIGHT])
        picture = await call.hass.async_add_executor_job(
            developed, drawn, form, call.data[ATTR_ROTATION], call.data.get(ATTR_GREY_LEVELS)
        )
        if file:
            await _async_write(call.hass, file, picture)
    except DashboardCastError as error:
        raise translated(error) from error
    return _pictured(call.data, form, picture) if call.return_response else None


def _pictured(data: dict[str, Any], form: PictureFormat, picture: bytes) -> ServiceResponse:
    sides = data[ATTR_WIDTH], data[ATTR_HEIGHT]
    width, height = reversed(sides) if data[ATTR_ROTATION] % 180 else sides
    image = b64encode(picture).decode()
    return {"image": image, "content_type": form.content_type, "width": width, "height": height}


def _format_of(file: str | None) -> PictureFormat:
    """Return the format that a file's name stands for."""
    return FILE_SUFFIXES.get((file or "").rpartition(".")[2].lower(), PictureFormat.PNG)


async def _async_check_file(hass: HomeAssistant, file: str) -> None:
    """Check that Home Assistant permits a file; raises FileNotAllowedError."""
    if not await hass.async_add_executor_job(hass.config.is_allowed_path, file):
        raise FileNotAllowedError(file=file)


async def _async_write(hass: HomeAssistant, file: str, data: bytes) -> None:
    """Write a file, or leave it as it was; raises FileNotWrittenError."""
    try:
        await hass.async_add_executor_job(partial(write_utf8_file, file, data, mode="wb"))
    except WriteError as error:
        raise FileNotWrittenError(file=file, detail=str(error)) from error


async def _async_cast(call: ServiceCall, target: Selection, source: Source, profile: Profile) -> None:
    """Cast to all of a target at once; when some fail the others go on, and the first failure is raised."""
    registry, duration = running_registry(call.hass), call.data.get(ATTR_DURATION)
    wanted = call.data[ATTR_FORMAT]
    stream_format = None if wanted == FORMAT_AUTO else StreamFormat(wanted)

    async def cast(entity_id: str) -> None:
        _check_target(call.hass, target, entity_id)
        await registry.async_cast(entity_id, source, profile, duration, stream_format)

    await at_once(cast(entity_id) for entity_id in sorted(target.to))


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


async def _async_given(call: ServiceCall) -> dict[str, Any]:
    """Return what an action says of its source, as fields of `Source`.

    Raises SourceMissingError for two at once, PathInvalidError or what `async_allowed_urls` does.
    """
    data = call.data
    given: dict[str, Any] = {name: data[name] for name in (*_LOOK, ATTR_PIXEL_SHIFT) if name in data}
    if ATTR_PATH in data and ATTR_URL in data:
        raise SourceMissingError
    if ATTR_PATH in data:
        given |= {ATTR_PATH: normalized_path(data[ATTR_PATH]), ATTR_WEBSITE: None}
    elif ATTR_URL in data:
        given |= {ATTR_PATH: "", ATTR_WEBSITE: await _async_website(call)}
    if ATTR_VIEWS in data:
        given[ATTR_VIEWS] = tuple(normalized_path(path) for path in data[ATTR_VIEWS])
    elif ATTR_PATH in given:
        # Views belong to what they come after.
        given[ATTR_VIEWS] = ()
    if ATTR_INTERVAL in data:
        given[ATTR_INTERVAL] = data[ATTR_INTERVAL].total_seconds()
    return given


async def _async_source(call: ServiceCall) -> Source:
    """Return what to draw; raises what `_async_given` does, SourceMissingError also for nothing."""
    given = await _async_given(call)
    if ATTR_PATH not in given:
        raise SourceMissingError
    return Source(**given)


async def _async_website(call: ServiceCall) -> Website:
    data = call.data
    return Website(
        data[ATTR_URL],
        username=data.get(ATTR_USERNAME),
        password=data.get(ATTR_PASSWORD, ""),
        headers=_pairs(data, ATTR_HEADERS),
        cookies=_pairs(data, ATTR_COOKIES),
        storage=_pairs(data, ATTR_LOCAL_STORAGE),
        verify=data.get(ATTR_VERIFY_SSL, True),
        allowed=await async_allowed_urls(call.hass, data[ATTR_URL], call.context.user_id),
    )


def _pairs(data: dict[str, Any], name: str) -> Pairs:
    """Return the entries of a field so that the same ones are always equal."""
    return tuple(sorted(data.get(name, {}).items()))


def _profile(data: dict[str, Any]) -> Profile:
    return Profile.named(data[ATTR_SIZE], data[ATTR_FRAME_RATE])


def _selected(call: ServiceCall, registry: Registry) -> Selection:
    return selected(call.hass, registry.displays, call.data)


async def _async_where_shown(
    call: ServiceCall, registry: Registry, act: Callable[[list[str]], Awaitable[None]]
) -> None:
    """Do something on the targets that show something.

    Of a display, an area and the like only those are meant. Raises TargetMissingError, or NothingShownError
    when none does; for others that were named themselves, as soon as it is done.
    """
    target, shown = _selected(call, registry), registry.sessions.keys()
    if not target.on:
        raise TargetMissingError
    showing = target.on & shown
    if showing:
        await act(sorted(showing))
    if idle := (target.named if showing else target.on) - shown:
        raise NothingShownError(entity=", ".join(sorted(idle)))


def _check_target(hass: HomeAssistant, target: Selection, entity_id: str) -> None:
    """Check that something can be shown there.

    Raises TargetDisplayError, TargetUnavailableError or what `check_screen` does.
    """
    if entity_id in target.displays:
        raise TargetDisplayError(entity=entity_id)
    check_screen(hass, entity_id)
    if hass.states.is_state(entity_id, STATE_UNAVAILABLE):
        raise TargetUnavailableError(entity=entity_id)
