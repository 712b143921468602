"""An endpoint: the address of a browser that runs elsewhere, as people write it, and the way to its CDP."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
import json
from ssl import SSLContext
from typing import Any, Final, Literal, Self, override

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientError,
    ClientResponseError,
    ClientSession,
    ClientWebSocketResponse,
    ClientWSTimeout,
    WSServerHandshakeError,
)
from yarl import URL

from ..errors import (
    EndpointInvalidError,
    EndpointNotBrowserError,
    EndpointRefusedError,
    EndpointUnreachableError,
)
from .address import parsed
from .cdp import MAX_MESSAGE_SIZE, Json

type Socket = ClientWebSocketResponse[Literal[False]]

# A farm may have to start the browser first.
CONNECT_TIMEOUT_S: Final = 20.0
# A ping follows a silence this long, and its answer has half as long again: a cut is found within 7.5 s.
_HEARTBEAT_S: Final = 5.0
_CLOSE_TIMEOUT_S: Final = 2.0
# Who is in the network answers in some milliseconds, or in a second more when a packet was lost.
_KNOCK_TIMEOUT_S: Final = 2.0
_SECURE: Final = {"http": False, "ws": False, "https": True, "wss": True}
_REFUSED: Final = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
}
# Chromium answers only who calls it by an IP address or by this name, against DNS rebinding, and says so.
_HOST_REFUSED: Final = "Host header is specified"
_ACCEPTED_HOST: Final = "localhost"
# browserless ends a session after 30 s unless it is told otherwise, in milliseconds; 0 stands for never.
_UNLIMITED: Final = {"timeout": "0"}
# Where a Selenium Grid used to be, and still is.
_GRID_PREFIX: Final = "/wd/hub"
# It refuses JSON that does not name its encoding.
_JSON: Final = {"Content-Type": "application/json; charset=utf-8"}
_GRID_BROWSER: Final = {
    "alwaysMatch": {
        "browserName": "chrome",
        "goog:chromeOptions": {"args": ["--headless=new", "--hide-scrollbars", "--mute-audio"]},
    }
}


def redacted(url: URL | str) -> str:
    """Return scheme, host and port of an address: a token may be anywhere else in it."""
    try:
        whole = parsed(str(url))
        origin = whole.origin()
    except ValueError:
        return "…"
    return str(origin) if whole in (origin, origin / "") else f"{origin}/…"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a browser: that of Chromium's own port, of a gateway or of a Selenium Grid."""

    url: URL = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the endpoint that a person has written; raises EndpointInvalidError."""
        text = text.strip()
        try:
            url = parsed(text if "://" in text else f"http://{text}")
        except ValueError:
            # Without the cause, which tells the whole address.
            raise EndpointInvalidError from None
        if url.scheme not in _SECURE or not url.host:
            raise EndpointInvalidError
        return cls(url)

    @override
    def __str__(self) -> str:
        return redacted(self.url)

    @property
    def host(self) -> str:
        """Its host: a name or an IP address."""
        assert self.url.host is not None
        return self.url.host

    @property
    def port(self) -> int:
        """Its port, also where that goes without saying."""
        assert self.url.port is not None
        return self.url.port

    @property
    def is_websocket(self) -> bool:
        """Whether it is itself the address of a WebSocket."""
        return self.url.scheme.startswith("ws")

    def http(self, path: str) -> URL:
        """Return the address below which it is asked over HTTP, token and all."""
        base = self.url.with_scheme("https" if _SECURE[self.url.scheme] else "http")
        return (base / path).with_query(self.url.query)

    def websocket(self, told: str) -> URL:
        """Return an address of a WebSocket, as the browser tells it, as it is reached from here.

        The browser knows path and query; host, port, scheme and token are those of the endpoint. Raises
        ValueError.
        """
        inner = parsed(told)
        prefix = self.url.raw_path.rstrip("/").removesuffix(_GRID_PREFIX)
        path = inner.raw_path if inner.raw_path.startswith(prefix) else prefix + inner.raw_path
        return (
            self.url.with_scheme("wss" if _SECURE[self.url.scheme] else "ws")
            .with_path(path, encoded=True)
            .with_query(inner.query)
            .update_query(self.url.query)
        )


class Access:
    """One use of an endpoint: the way to a browser behind it, and what has to be given back there.

    session: makes the requests. ssl: as aiohttp wants it, True for the session's own.
    """

    def __init__(self, endpoint: Endpoint, session: ClientSession, ssl: SSLContext | bool) -> None:
        self._endpoint = endpoint
        self._session = session
        self._options: dict[str, Any] = {"ssl": ssl}
        self._grid: str | None = None
        self.address = endpoint.url
        """Where the browser's WebSocket was found; holds the token."""

    async def connect(self) -> Socket:
        """Return a WebSocket that speaks CDP.

        Raises EndpointUnreachableError, EndpointRefusedError or EndpointNotBrowserError, none of which tells
        a token.
        """
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                return await self._connect()
        except BaseException as error:
            await self.release()
            if isinstance(error, ClientError | OSError | ValueError):
                # What aiohttp says of an answer holds the whole address, token and all.
                raise self._failure(error) from None
            raise

    async def version(self) -> str:
        """Return what the browser says of its version, empty when it says nothing; raises nothing."""
        with suppress(ClientError, OSError, ValueError):
            async with asyncio.timeout(_KNOCK_TIMEOUT_S):
                return str((await self._ask("GET", "json/version")).get("Browser", ""))
        return ""

    @property
    def is_kept(self) -> bool:
        """Whether the browser is kept for us as long as we use it."""
        return self._grid is not None

    async def touch(self) -> None:
        """Tell who keeps the browser for us that it is in use; raises nothing."""
        with suppress(ClientError, OSError):
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._ask("GET", f"{self._grid}/timeouts")

    async def release(self) -> None:
        """Give back what was kept for us; raises nothing."""
        grid, self._grid = self._grid, None
        if grid:
            with suppress(ClientError, OSError):
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await self._ask("DELETE", grid)

    async def _connect(self) -> Socket:
        if self._endpoint.is_websocket:
            try:
                return await self._open(self._endpoint.url)
            except WSServerHandshakeError as error:
                # Chromium's own port is no WebSocket itself, but tells where there is one.
                if error.status in _REFUSED or self._endpoint.url.path != "/":
                    raise
        version = await self._ask("GET", "json/version")
        told = version.get("webSocketDebuggerUrl") or await self._grid_session()
        return await self._open(self._endpoint.websocket(str(told)))

    async def _open(self, url: URL) -> Socket:
        # A WebSocket at the root is that of a gateway that starts a browser for each who connects.
        if url.path == "/" and "timeout" not in url.query:
            try:
                return await self._open_at(url.update_query(_UNLIMITED))
            except WSServerHandshakeError as error:
                # Some who rent browsers refuse what is more than was paid for.
                if error.status != HTTPStatus.BAD_REQUEST:
                    raise
        return await self._open_at(url)

    async def _open_at(self, url: URL) -> Socket:
        self.address = url
        socket: Socket = await self._session.ws_connect(
            url,
            heartbeat=_HEARTBEAT_S,
            max_msg_size=MAX_MESSAGE_SIZE,
            timeout=ClientWSTimeout(ws_close=_CLOSE_TIMEOUT_S),
            decode_text=False,
            **self._options,
        )
        return socket

    async def _grid_session(self) -> object:
        """Have a Selenium Grid start a browser; return where its WebSocket is."""
        if "ready" not in _object(await self._ask("GET", "status"), "value"):
            raise self._not_browser("it knows neither /json/version nor /status")
        answer = await self._ask("POST", "session", {"capabilities": _GRID_BROWSER})
        session = _object(answer, "value")
        self._grid = f"session/{session.get('sessionId')}"
        told = _object(session, "capabilities").get("se:cdp")
        if not told:
            raise self._not_browser("its browser has no se:cdp")
        return told

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """Return the JSON object that is the answer, an empty one for anything else; raises ClientError."""
        options = {**self._options, "headers": {**_JSON, **self._options.get("headers", {})}}
        async with self._session.request(
            method, self._endpoint.http(path), json=body, allow_redirects=False, **options
        ) as answer:
            text = await answer.text(errors="replace")
            if _HOST_REFUSED in text and "headers" not in self._options:
                self._options["headers"] = {"Host": _ACCEPTED_HOST}
                return await self._ask(method, path, body)
            if answer.status != HTTPStatus.NOT_FOUND:
                answer.raise_for_status()
        return _parsed(text)

    def _failure(self, error: Exception) -> EndpointUnreachableError | EndpointRefusedError:
        reason = _reason(error)
        if isinstance(error, ClientResponseError) and error.status in _REFUSED:
            return EndpointRefusedError(endpoint=str(self._endpoint), detail=reason)
        return EndpointUnreachableError(endpoint=str(self._endpoint), detail=reason)

    def _not_browser(self, detail: str) -> EndpointNotBrowserError:
        return EndpointNotBrowserError(endpoint=str(self._endpoint), detail=detail)


async def reach(endpoints: Sequence[Endpoint]) -> None:
    """Return once somebody listens at one of these endpoints; nothing is asked for.

    Raises EndpointUnreachableError, for one of them, when nobody does.
    """
    knocks = [asyncio.create_task(_knock(endpoint)) for endpoint in endpoints]
    try:
        failure: EndpointUnreachableError | None = None
        for knock in asyncio.as_completed(knocks):
            try:
                return await knock
            except EndpointUnreachableError as error:
                failure = error
        assert failure is not None
        raise failure
    finally:
        for one in knocks:
            one.cancel()


async def _knock(endpoint: Endpoint) -> None:
    """Open a connection and close it."""
    try:
        async with asyncio.timeout(_KNOCK_TIMEOUT_S):
            _, writer = await asyncio.open_connection(endpoint.host, endpoint.url.port)
    except OSError as error:
        detail = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
        raise EndpointUnreachableError(endpoint=str(endpoint), detail=detail) from None
    writer.close()


def _parsed(text: str) -> Json:
    """Return a JSON object; an empty one when it is something else."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _object(parent: Json, name: str) -> Json:
    """Return the object of this name in an answer; an empty one when there is none."""
    found = parent.get(name)
    return found if isinstance(found, dict) else {}


def _reason(error: Exception) -> str:
    """Return why an endpoint could not be used, without any part of its address."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ClientResponseError):
        return f"HTTP {error.status}"
    if isinstance(error, ClientConnectorCertificateError):
        return str(error.certificate_error)
    if isinstance(error, ClientConnectorError):
        return error.os_error.strerror or type(error.os_error).__name__
    return type(error).__name__
