"""The way in: lets who knows the token reach the browser over HTTP and WebSocket, and nothing else of it."""

import asyncio
from collections.abc import Awaitable, Callable
import hmac
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from .chromium import BrowserGoneError
from .keeper import Keeper

type _Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
type _Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse

HEALTH: Final = "/health"
"""The one path that needs no token: it tells only whether the browser answers."""
_VERSION: Final = "/json/version"
_BROWSER: Final = r"/devtools/browser/{id:[0-9A-Fa-f-]+}"
# A client that is gone without a word must not keep its tabs: Chromium closes them with the connection.
_HEARTBEAT_S: Final = 30.0


class Gateway:
    """The HTTP application. Requests are not logged, since their addresses hold the token.

    The Host header that Chromium gets is that of its own address, so that a client may call us what it likes.
    """

    def __init__(self, keeper: Keeper, token: str, http: aiohttp.ClientSession) -> None:
        self._keeper = keeper
        self._token = token.encode()
        self._http = http

    def application(self) -> web.Application:
        """Return what serves it."""
        application = web.Application(middlewares=[self._admit, _without_browser])
        application.router.add_get(HEALTH, self._health)
        application.router.add_get(_VERSION, self._version)
        application.router.add_get(_BROWSER, self._devtools, allow_head=False)
        return application

    @web.middleware
    async def _admit(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Refuse, whatever is asked for, who does not know the token."""
        given = request.query.get("token", "").encode(errors="replace")
        if request.path != HEALTH and not hmac.compare_digest(given, self._token):
            raise web.HTTPUnauthorized
        return await handler(request)

    async def _health(self, _request: web.Request) -> web.Response:
        """Answer 200 when the browser answers."""
        await self._keeper.chromium.version()
        return web.Response(text="The browser answers.\n")

    async def _version(self, request: web.Request) -> web.Response:
        """Answer as Chromium does, but with an address that leads to us."""
        version = await self._keeper.chromium.version()
        path = urlsplit(version["webSocketDebuggerUrl"]).path
        address = request.url.with_scheme("ws").with_path(path).with_query(token=self._token.decode())
        return web.json_response(
            {**version, "webSocketDebuggerUrl": str(address)}, headers={"Cache-Control": "no-store"}
        )

    async def _devtools(self, request: web.Request) -> web.WebSocketResponse:
        """Carry messages between a client and the browser until one of them ends."""
        address = self._keeper.chromium.address + request.path
        try:
            browser = await self._http.ws_connect(address, max_msg_size=0)
        except aiohttp.ClientError as error:
            raise web.HTTPBadGateway from error
        client = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, compress=False, max_msg_size=0)
        try:
            await client.prepare(request)
            await _carry(client, browser)
            await client.close()
        finally:
            await browser.close()
        return client


@web.middleware
async def _without_browser(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Answer 503 while there is no browser that answers."""
    try:
        return await handler(request)
    except BrowserGoneError as error:
        raise web.HTTPServiceUnavailable from error


async def _carry(client: _Socket, browser: _Socket) -> None:
    """Carry messages both ways until one side ends."""
    ways = [
        asyncio.create_task(_pump(client, browser), name="commands"),
        asyncio.create_task(_pump(browser, client), name="answers"),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        # A side that goes away in the middle of a message is no failure.
        await asyncio.gather(*ways, return_exceptions=True)


async def _pump(source: _Socket, sink: _Socket) -> None:
    """Carry messages one way; all of the DevTools protocol are text."""
    async for message in source:
        if message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
