"""What viewers fetch from Home Assistant: playlists, segments and pictures of running streams."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
import re
from typing import Final, override

from aiohttp import hdrs, web
from homeassistant.components.http import HomeAssistantView
from homeassistant.core import HomeAssistant

from .const import (
    API_PATH,
    CONTENT_TYPE_HLS,
    CONTENT_TYPE_JPEG,
    CONTENT_TYPE_MP4,
    DOMAIN,
    MASTER_PLAYLIST,
    MEDIA_PLAYLIST,
    STILL_PICTURE,
)
from .engine import playlist
from .engine.stream import READY_SEGMENTS, Stream
from .registry import loaded_registry

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
        stream = registry.stream_of(request.match_info["token"]) if registry else None
        if stream is None:
            return _not_found()
        response = await _answer(stream, request.match_info["name"])
        if response is None:
            return _not_found()
        stream.touch()
        response.headers.update(_CORS)
        return _ranged(request, response)

    async def options(self, _request: web.Request) -> web.StreamResponse:
        """Answer a preflight; the same for every path."""
        return web.Response(status=HTTPStatus.NO_CONTENT, headers={**_CORS, hdrs.ALLOW: _METHODS})


async def _answer(stream: Stream, name: str) -> web.Response | None:
    """Return the whole of what `name` stands for, None when it stands for nothing."""
    if answer := _NAMED.get(name):
        return await answer(stream)
    if (match := _INIT.fullmatch(name)) and (init := stream.store.inits.get(int(match[1]))):
        return _media(init.data)
    if (match := _SEGMENT.fullmatch(name)) and (segment := stream.store.segments.get(int(match[1]))):
        return _media(segment.data)
    return None


async def _master(stream: Stream) -> web.Response | None:
    if not await stream.store.wait_for(READY_SEGMENTS):
        return None
    init = next(iter(stream.store.inits.values()))
    return _text(playlist.master(init, stream.profile))


async def _media_playlist(stream: Stream) -> web.Response | None:
    if not await stream.store.wait_for(READY_SEGMENTS):
        return None
    return _text(playlist.media(stream.store))


async def _still(stream: Stream) -> web.Response | None:
    if stream.still is None:
        return None
    headers = {hdrs.CACHE_CONTROL: _NO_STORE}
    return web.Response(body=stream.still, content_type=CONTENT_TYPE_JPEG, headers=headers)


_NAMED: Final[dict[str, Callable[[Stream], Awaitable[web.Response | None]]]] = {
    MASTER_PLAYLIST: _master,
    MEDIA_PLAYLIST: _media_playlist,
    STILL_PICTURE: _still,
}


def _text(text: str) -> web.Response:
    return web.Response(
        body=text.encode(), content_type=CONTENT_TYPE_HLS, headers={hdrs.CACHE_CONTROL: _NO_STORE}
    )


def _media(data: bytes) -> web.Response:
    headers = {hdrs.CACHE_CONTROL: _IMMUTABLE, hdrs.ACCEPT_RANGES: "bytes"}
    return web.Response(body=data, content_type=CONTENT_TYPE_MP4, headers=headers)


def _not_found() -> web.Response:
    headers = {**_CORS, hdrs.CACHE_CONTROL: _NO_STORE}
    return web.Response(status=HTTPStatus.NOT_FOUND, text="Not found", headers=headers)


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
