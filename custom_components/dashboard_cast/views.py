"""What viewers fetch from Home Assistant: playlists, segments and pictures of running streams."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
import logging
import re
from typing import Final, override

from aiohttp import hdrs, web
from homeassistant.auth.models import User
from homeassistant.components.http import KEY_HASS_USER, HomeAssistantView
from homeassistant.components.lovelace.const import DEFAULT_ICON
from homeassistant.core import HomeAssistant

from .const import (
    API_PATH,
    CONTENT_TYPE_HLS,
    CONTENT_TYPE_JPEG,
    CONTENT_TYPE_MP4,
    CONTENT_TYPE_SVG,
    CONTENT_TYPE_TS,
    DOMAIN,
    LIVE_VIDEO,
    MASTER_PLAYLIST,
    MEDIA_PLAYLIST,
    STILL_PICTURE,
    THUMBNAILS_PATH,
    TS_MASTER_PLAYLIST,
    TS_PLAYLIST,
)
from .dashboards import async_dashboards
from .displays import Display
from .engine import fmp4, playlist
from .engine.live import live
from .engine.segments import TARGET_DURATION
from .engine.stream import READY_SEGMENTS, Stream
from .errors import DashboardCastError, IconNotFoundError
from .icons import async_outline
from .offers import DISPLAYS, display_of, offer_of, sees_display
from .registry import Registry, loaded_registry
from .urls import stream_path

_LOGGER = logging.getLogger(__name__)

# Nothing of a stream is worth a player's cache for longer than the stream lives; what has a number never
# changes.
_NO_STORE: Final = "no-cache, no-store"
_IMMUTABLE: Final = "public, max-age=600, immutable"
_METHODS: Final = "GET, HEAD, OPTIONS"
# Adaptive players fetch from another origin (Google's receiver) and read these answers' headers.
_CORS: Final = {
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
    hdrs.ACCESS_CONTROL_ALLOW_METHODS: _METHODS,
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "*, Range, Content-Type, Accept-Encoding",
    hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: "Accept-Ranges, Content-Length, Content-Range, Date",
    hdrs.ACCESS_CONTROL_MAX_AGE: "86400",
    # Chromium asks this of pages on public addresses that fetch from a private one.
    "Access-Control-Allow-Private-Network": "true",
}
_NUMBER: Final = r"(0|[1-9][0-9]{0,11})"
_INIT: Final = re.compile(rf"init-{_NUMBER}\.mp4", re.ASCII)
_SEGMENT: Final = re.compile(rf"{_NUMBER}\.m4s", re.ASCII)
_PART: Final = re.compile(rf"part-{_NUMBER}\.m4s", re.ASCII)
_TS_SEGMENT: Final = re.compile(rf"{_NUMBER}\.ts", re.ASCII)
# A blocking request is answered within three target durations or not at all (RFC 8216bis section 6.2.5.2).
_BLOCK_S: Final = 3.0 * TARGET_DURATION
# Who asks for what lies further ahead than that has lost count (the same section).
_SEGMENTS_AHEAD: Final = 2
# Who takes nothing of an endless answer for so long is gone, or too slow for any of it.
_SLOW_S: Final = 10.0

_DISPLAY_ICON: Final = "mdi:television"
# Outlines fill a box of 24 by 24; on a card they have some room around.
_ICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-12 -12 48 48"><path fill="#9e9e9e" d="{}"/></svg>'
)


class StreamView(HomeAssistantView):
    """Everything under a stream's token.

    The token in the path is the permission: media players send no credentials. Whether the token or the
    name is unknown, the answer is the same.
    """

    url = f"{API_PATH}/{{token}}/{{name}}"
    name = f"api:{DOMAIN}:stream"
    requires_auth = False

    def __init__(self, hass: HomeAssistant) -> None:
        """Serve the streams of this Home Assistant."""
        self._hass = hass

    @override
    def register(self, hass: HomeAssistant, app: web.Application, router: web.UrlDispatcher) -> None:
        # Not super().register: the CORS support of Home Assistant refuses preflights that ask for Range.
        for method, handler in (("GET", self.get), ("HEAD", self.get), ("OPTIONS", self.options)):
            router.add_route(method, self.url, handler)

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Answer GET and HEAD."""
        registry = loaded_registry(self._hass)
        if registry is None:
            return _not_found()
        token = request.match_info["token"]
        stream = registry.stream_of(token)
        if stream is None:
            display = registry.displays.of_token(token)
            return await _lead(registry, display, request) if display else _not_found()
        if request.match_info["name"] == LIVE_VIDEO:
            return await _live(stream, request)
        response = await _answer(stream, request)
        if response is None:
            return _not_found()
        stream.touch(request.remote)
        response.headers.update(_CORS)
        return _ranged(request, response)

    async def options(self, _request: web.Request) -> web.StreamResponse:
        """Answer a preflight; the same for every path."""
        return web.Response(status=HTTPStatus.NO_CONTENT, headers={**_CORS, hdrs.ALLOW: _METHODS})


class ThumbnailView(HomeAssistantView):
    """Small pictures of the dashboards and displays that the asking user may see, and of nothing else.

    Where there is none yet, or no browser to draw it, the answer is an icon.
    """

    url = f"{THUMBNAILS_PATH}/{{identifier:.+}}"
    name = f"api:{DOMAIN}:thumbnail"

    def __init__(self, hass: HomeAssistant) -> None:
        """Serve pictures of what this Home Assistant has."""
        self._hass = hass

    async def get(self, request: web.Request, identifier: str) -> web.Response:
        """Answer with the picture of what a media source has under this identifier."""
        registry = loaded_registry(self._hass)
        if registry is None:
            raise web.HTTPNotFound
        icon = await self._async_icon(registry, identifier, request[KEY_HASS_USER])
        if icon is None:
            raise web.HTTPNotFound
        headers = {hdrs.CACHE_CONTROL: _NO_STORE}
        if picture := await self._async_picture(registry, identifier):
            return web.Response(body=picture, content_type=CONTENT_TYPE_JPEG, headers=headers)
        # Not as text: the frontend makes a CSS URL of the type, where what follows it would end it.
        placeholder = (await self._async_drawn(icon)).encode()
        return web.Response(body=placeholder, content_type=CONTENT_TYPE_SVG, headers=headers)

    async def _async_icon(self, registry: Registry, identifier: str, user: User) -> str | None:
        """Return the icon of what is behind an identifier; None when this user sees no such thing."""
        if identifier.startswith(DISPLAYS):
            display = registry.displays.get(identifier.removeprefix(DISPLAYS))
            return _DISPLAY_ICON if display and sees_display(self._hass, user, display) else None
        for dashboard in await async_dashboards(self._hass, user):
            if f"/{identifier}" in {dashboard.path, *(view.path for view in dashboard.views)}:
                return dashboard.icon
        return None

    async def _async_picture(self, registry: Registry, identifier: str) -> bytes | None:
        """Return a JPEG: what a display shows, where it does; all else is drawn."""
        if identifier.startswith(DISPLAYS):
            stream = registry.stream_for(display_of(registry, identifier))
            if stream and stream.still:
                return stream.still
        return await registry.thumbnails.async_get(offer_of(self._hass, identifier).source)

    async def _async_drawn(self, icon: str) -> str:
        """Return an icon as SVG; those of other sets than Home Assistant's own are not known here."""
        try:
            outline = await async_outline(self._hass, icon)
        except IconNotFoundError:
            outline = await async_outline(self._hass, DEFAULT_ICON)
        return _ICON.format(outline)


async def _lead(registry: Registry, display: Display, request: web.Request) -> web.StreamResponse:
    """Lead who wants to watch a display to a stream of it, which starts unless it runs.

    There are players, go2rtc among them, that look for segments where they were sent first: these lead to
    the stream as well, but start none.
    """
    name = request.match_info["name"]
    try:
        starts = name in {*_NAMED, LIVE_VIDEO}
        stream = await registry.async_open_display(display) if starts else registry.stream_for(display)
    except DashboardCastError as error:
        _LOGGER.warning("%s cannot be watched: %s", display.name, error)
        return _plain(HTTPStatus.SERVICE_UNAVAILABLE)
    if stream is None:
        return _not_found()
    headers = {**_CORS, hdrs.CACHE_CONTROL: _NO_STORE, hdrs.LOCATION: stream_path(stream.token, name)}
    return web.Response(status=HTTPStatus.TEMPORARY_REDIRECT, headers=headers)


async def _answer(stream: Stream, request: web.Request) -> web.Response | None:
    """Return the whole of what is asked for, None when there is no such thing."""
    name = request.match_info["name"]
    if answer := _NAMED.get(name):
        return await answer(stream, request)
    for pattern, find in _NUMBERED:
        if match := pattern.fullmatch(name):
            return await find(stream, int(match[1]))
    return None


async def _master(stream: Stream, _request: web.Request) -> web.Response | None:
    if not await stream.store.wait_for(READY_SEGMENTS):
        return None
    return _text(playlist.master(stream.init, stream.profile))


async def _ts_master(stream: Stream, _request: web.Request) -> web.Response | None:
    if not await stream.store.wait_for(READY_SEGMENTS):
        return None
    return _text(playlist.master(stream.init, stream.profile, TS_PLAYLIST))


async def _media_playlist(stream: Stream, request: web.Request) -> web.Response | None:
    if not await stream.store.wait_for(READY_SEGMENTS):
        return None
    wanted = _number(request, "_HLS_msn"), _number(request, "_HLS_part")
    if wanted == (None, None):
        await stream.store.wait_to_join()
    elif refusal := await _block(stream, *wanted):
        return refusal
    return _text(stream.media_playlist())


async def _block(stream: Stream, segment: int | None, part: int | None) -> web.Response | None:
    """Wait until the playlist has what is asked for; return what to answer when that does not happen."""
    if segment is None or segment > stream.store.next_segment + _SEGMENTS_AHEAD:
        return _plain(HTTPStatus.BAD_REQUEST)
    try:
        async with asyncio.timeout(_BLOCK_S):
            await stream.store.wait_for_part(segment, part)
    except TimeoutError:
        return _plain(HTTPStatus.SERVICE_UNAVAILABLE)
    return None


def _number(request: web.Request, parameter: str) -> int | None:
    """Return a delivery directive (RFC 8216bis section 6.2.5); None when it is not there, or is no number."""
    text = request.query.get(parameter, "")
    return int(text) if re.fullmatch(_NUMBER, text, re.ASCII) else None


async def _ts_playlist(stream: Stream, _request: web.Request) -> web.Response | None:
    if not await stream.store.wait_for(READY_SEGMENTS):
        return None
    return _text(playlist.transport(stream.store, stream.transport.listed()))


async def _still(stream: Stream, _request: web.Request) -> web.Response | None:
    if stream.still is None:
        return None
    headers = {hdrs.CACHE_CONTROL: _NO_STORE}
    return web.Response(body=stream.still, content_type=CONTENT_TYPE_JPEG, headers=headers)


async def _init(stream: Stream, number: int) -> web.Response | None:
    init = stream.store.inits.get(number)
    return _media(fmp4.init(init.avcc, init.width, init.height)) if init else None


async def _segment(stream: Stream, number: int) -> web.Response | None:
    segment = stream.store.segments.get(number)
    return _media(segment.data) if segment else None


async def _part(stream: Stream, number: int) -> web.Response | None:
    """Answer with a part; the one that a playlist announces is waited for (RFC 8216bis section 6.2.6)."""
    if number == stream.store.next_part:
        await stream.store.wait_after(number - 1)
    part = stream.store.parts.get(number)
    return _media(part.data) if part else None


async def _ts_segment(stream: Stream, number: int) -> web.Response | None:
    data = stream.transport.data(number)
    return _media(data, CONTENT_TYPE_TS) if data else None


async def _live(stream: Stream, request: web.Request) -> web.StreamResponse:
    """Answer with the stream itself, for as long as it and the viewer last."""
    response = web.StreamResponse(headers={**_CORS, hdrs.CACHE_CONTROL: _NO_STORE})
    response.content_type = CONTENT_TYPE_MP4
    try:
        await response.prepare(request)
        if request.method == hdrs.METH_HEAD:
            return response
        async for data in live(stream.store):
            async with asyncio.timeout(_SLOW_S):
                await response.write(data)
            stream.touch(request.remote)
    except ConnectionError:
        # Switched off, or out of reach: viewers do not say goodbye.
        pass
    except TimeoutError:
        # Not even the end of the answer would be taken.
        if request.transport:
            request.transport.abort()
    return response


_NAMED: Final[dict[str, Callable[[Stream, web.Request], Awaitable[web.Response | None]]]] = {
    MASTER_PLAYLIST: _master,
    MEDIA_PLAYLIST: _media_playlist,
    TS_MASTER_PLAYLIST: _ts_master,
    TS_PLAYLIST: _ts_playlist,
    STILL_PICTURE: _still,
}
_NUMBERED: Final[
    tuple[tuple[re.Pattern[str], Callable[[Stream, int], Awaitable[web.Response | None]]], ...]
] = (
    (_PART, _part),
    (_SEGMENT, _segment),
    (_INIT, _init),
    (_TS_SEGMENT, _ts_segment),
)


def _text(text: str) -> web.Response:
    return web.Response(
        body=text.encode(), content_type=CONTENT_TYPE_HLS, headers={hdrs.CACHE_CONTROL: _NO_STORE}
    )


def _media(data: bytes, content_type: str = CONTENT_TYPE_MP4) -> web.Response:
    headers = {hdrs.CACHE_CONTROL: _IMMUTABLE, hdrs.ACCEPT_RANGES: "bytes"}
    return web.Response(body=data, content_type=content_type, headers=headers)


def _not_found() -> web.Response:
    return _plain(HTTPStatus.NOT_FOUND)


def _plain(status: HTTPStatus) -> web.Response:
    headers = {**_CORS, hdrs.CACHE_CONTROL: _NO_STORE}
    return web.Response(status=status, text=status.phrase, headers=headers)


def _ranged(request: web.Request, response: web.Response) -> web.Response:
    """Cut a complete answer down to the one byte range that was asked for (RFC 9110 section 14)."""
    body = response.body
    if hdrs.ACCEPT_RANGES not in response.headers or not isinstance(body, bytes):
        return response
    wanted = _range(request.headers.get(hdrs.RANGE, ""), len(body))
    if wanted is None:
        return response
    if not wanted:
        response.headers[hdrs.CONTENT_RANGE] = f"bytes */{len(body)}"
        response.body = b""
        response.set_status(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        return response
    response.headers[hdrs.CONTENT_RANGE] = f"bytes {wanted.start}-{wanted.stop - 1}/{len(body)}"
    response.body = body[wanted.start : wanted.stop]
    response.set_status(HTTPStatus.PARTIAL_CONTENT)
    return response


def _range(header: str, size: int) -> range | None:
    """Return which bytes a Range header asks for: None for all of them, an empty range for none there are.

    What is malformed, or asks for several ranges, may be ignored (RFC 9110 section 14.2), and is.
    """
    match = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", header.strip(), re.ASCII)
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        return range(max(0, size - int(match[2])), size)
    start, end = int(match[1]), int(match[2]) if match[2] else size - 1
    if match[2] and end < start:
        return None
    return range(start, min(end + 1, size))
