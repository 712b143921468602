"""The Chrome DevTools Protocol (CDP): what pages need of a browser, and messages over any transport."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from itertools import count
from typing import Any, Final, Literal, Protocol, override

from aiohttp import ClientWebSocketResponse, WSMsgType

# Three times as fast as `json` on pictures, which are most of what comes. Home Assistant brings it.
import orjson

from ..errors import BrowserFailedError

type Json = dict[str, Any]
type EventHandler = Callable[[Json], None]
type EndHandler = Callable[[str], None]

# A picture of the largest page is a few megabytes; more is no message.
MAX_MESSAGE_SIZE: Final = 64 * 1024 * 1024
_READ_SIZE: Final = 1024 * 1024
_END: Final = b"\0"
# A browser is asked so often whether it is still there, and has so long for the answer, in seconds. It needs
# no page for that: what takes long when the machine is busy, such as to open a tab, is not meant by it.
_PULSE_INTERVAL_S: Final = 2.0
_PULSE_TIMEOUT_S: Final = 4.0


class CdpSession(Protocol):
    """A session with one target of a browser."""

    async def send(self, method: str, **parameters: Any) -> Json:
        """Call a method and return its result; raises BrowserFailedError when it fails."""

    def on(self, event: str, handler: EventHandler) -> None:
        """Call `handler` with the parameters of every such event."""


class TargetSession(CdpSession, Protocol):
    """A session that can come to an end."""

    def on_end(self, handler: EndHandler) -> None:
        """Call `handler`, with the reason, when nothing can be sent any more."""

    def end(self, reason: str) -> None:
        """Fail what is sent from now on, as far as it still waits for an answer too."""


class Tab(Protocol):
    """One browser tab with cookies and storage of its own, which end with it."""

    @property
    def session(self) -> CdpSession:
        """The CDP session with the tab's page."""

    @property
    def frame_control(self) -> bool:
        """Whether the page draws only when a frame is begun."""

    @property
    def worn(self) -> bool:
        """Whether its browser takes too much memory: the next tab is opened in another one."""

    async def begin_frame(self, interval: float) -> bool:
        """Let the page draw, where frames are controlled; return whether anything had changed.

        interval: when the next one is meant to come, in seconds. Raises BrowserFailedError.
        """

    def on_lost(self, handler: EndHandler) -> None:
        """Call `handler`, with the reason, when the tab crashes or its browser is gone."""

    async def close(self) -> None:
        """Close the tab; does nothing when it is gone already."""


class Browser(Protocol):
    """Where tabs come from."""

    async def open_tab(self) -> Tab:
        """Open a tab, starting the browser when needed.

        Raises BrowserMissingError or BrowserFailedError.
        """

    def pass_over(self, tab: Tab) -> bool:
        """Note that a tab does not reach Home Assistant; return whether the next one may."""
        return False

    async def stop(self) -> None:
        """Close all tabs and end the browser."""


class Transport(Protocol):
    """Carries whole messages to a browser and back."""

    async def send(self, message: bytes) -> None:
        """Send one message; raises OSError when the browser is gone."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the messages of the browser, until it is gone; raises BrowserFailedError."""

    async def close(self) -> None:
        """Let the browser know that nothing more comes."""


class PipeTransport(Transport):
    """Messages that end with a NUL byte, as Chromium's `--remote-debugging-pipe` has them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @override
    async def send(self, message: bytes) -> None:
        self._writer.write(message + _END)
        await self._writer.drain()

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces: list[bytes] = []
        size = 0
        while data := await self._reader.read(_READ_SIZE):
            *ends, rest = data.split(_END)
            for end in ends:
                yield b"".join((*pieces, end))
                pieces, size = [], 0
            pieces.append(rest)
            size += len(rest)
            if size > MAX_MESSAGE_SIZE:
                raise BrowserFailedError(detail=f"a message of more than {MAX_MESSAGE_SIZE} bytes")

    @override
    async def close(self) -> None:
        self._writer.close()


class WebSocketTransport(Transport):
    """Messages as those of a WebSocket, as Chromium's `--remote-debugging-port` has them."""

    def __init__(self, socket: ClientWebSocketResponse[Literal[False]]) -> None:
        self._socket = socket

    @override
    async def send(self, message: bytes) -> None:
        await self._socket.send_frame(message, WSMsgType.TEXT)

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for message in self._socket:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            yield message.data
        raise BrowserFailedError(detail="the connection to the browser was lost")

    @override
    async def close(self) -> None:
        await self._socket.close()


class Carrier(Protocol):
    """Carries the messages of sessions to a browser."""

    def next_number(self) -> int:
        """Return a number that no other message of its sessions has."""

    async def send(self, message: Json) -> None:
        """Send a message; raises OSError when the browser is gone."""


class FlatSession(TargetSession):
    """A session whose messages carry its id; one without is the first of its carrier, or the only one."""

    def __init__(self, connection: Carrier, identifier: str | None) -> None:
        self._connection = connection
        self._address = {"sessionId": identifier} if identifier else {}
        self._answers: dict[int, asyncio.Future[Json]] = {}
        self._handlers: dict[str, list[EventHandler]] = defaultdict(list)
        self._end_handlers: list[EndHandler] = []
        self._ended: str | None = None

    @override
    async def send(self, method: str, **parameters: Any) -> Json:
        if self._ended is not None:
            raise BrowserFailedError(detail=f"{method}: {self._ended}")
        number = self._connection.next_number()
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self._connection.send(
                {"id": number, "method": method, "params": parameters} | self._address
            )
            message = await answer
        except OSError as error:
            raise BrowserFailedError(detail=f"{method}: {error}") from error
        finally:
            del self._answers[number]
        if problem := message.get("error"):
            raise BrowserFailedError(detail=f"{method}: {problem['message']}")
        result: Json = message["result"]
        return result

    @override
    def on(self, event: str, handler: EventHandler) -> None:
        self._handlers[event].append(handler)

    @override
    def on_end(self, handler: EndHandler) -> None:
        self._end_handlers.append(handler)

    def take(self, message: Json) -> None:
        """Give a message of the browser to who waits for it."""
        if "id" not in message:
            for handler in self._handlers.get(message["method"], ()):
                # What a handler does wrong must not end the connection.
                asyncio.get_running_loop().call_soon(handler, message["params"])
        elif (answer := self._answers.get(message["id"])) and not answer.done():
            answer.set_result(message)

    @override
    def end(self, reason: str) -> None:
        if self._ended is not None:
            return
        self._ended = reason
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result({"error": {"message": reason}})
        for handler in self._end_handlers:
            handler(reason)


class CdpConnection(Carrier):
    """The connection to a browser, with a session for itself and one for each target."""

    def __init__(self, transport: Transport) -> None:
        """Begin to read messages."""
        self.silent = False
        """Whether it was ended since the browser does not answer any more."""
        self._transport = transport
        self._numbers = count(1)
        self.browser = FlatSession(self, None)
        """The session with the browser itself."""
        self._sessions: dict[str | None, FlatSession] = {None: self.browser}
        self.browser.on("Target.detachedFromTarget", self._detached)
        self._reading = asyncio.create_task(self._read(), name="browser connection")
        self._watching: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether the browser can still answer."""
        return not self._reading.done()

    async def attach(self, target: str) -> FlatSession:
        """Return a session with a target; raises BrowserFailedError."""
        answer = await self.browser.send("Target.attachToTarget", targetId=target, flatten=True)
        identifier = answer.get("sessionId")
        if not isinstance(identifier, str):
            raise BrowserFailedError(detail=f"no session with {target}")
        session = self._sessions[identifier] = FlatSession(self, identifier)
        return session

    def watch(self) -> None:
        """End all sessions when the browser, which has answered before, does not answer any more."""
        self._watching = asyncio.create_task(self._watch(), name="browser pulse")

    async def close(self) -> None:
        """End all sessions; the browser ends as well when it was started for this connection."""
        if self._watching:
            self._watching.cancel()
        self._reading.cancel()
        await asyncio.wait([self._reading])
        await self._transport.close()

    @override
    def next_number(self) -> int:
        return next(self._numbers)

    @override
    async def send(self, message: Json) -> None:
        await self._transport.send(orjson.dumps(message))

    async def _watch(self) -> None:
        """Feel the pulse of the browser for as long as there is a connection."""
        while self.alive and not self.silent:
            await asyncio.sleep(_PULSE_INTERVAL_S)
            self.silent = not await self._answers()
        self._reading.cancel()

    async def _answers(self) -> bool:
        """Return whether the browser itself answers, whatever its pages do, or is known to be gone."""
        try:
            # That it fails is an answer, too.
            with suppress(BrowserFailedError):
                async with asyncio.timeout(_PULSE_TIMEOUT_S):
                    await self.browser.send("Browser.getVersion")
        except TimeoutError:
            return False
        return True

    async def _read(self) -> None:
        reason = "the browser has ended"
        try:
            async for data in self._transport:
                message = parsed(data)
                if session := self._sessions.get(message.get("sessionId")):
                    session.take(message)
        except BrowserFailedError as error:
            reason = error.placeholders["detail"]
        finally:
            if self.silent:
                reason = "the browser does not answer any more"
            for session in self._sessions.values():
                session.end(reason)

    def _detached(self, event: Json) -> None:
        if session := self._sessions.pop(str(event.get("sessionId")), None):
            session.end("the tab was closed")


def parsed(data: bytes | str) -> Json:
    """Return an answer or an event; raises BrowserFailedError when it is neither.

    Which results and parameters there are, is for those to say who asked for them.
    """
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BrowserFailedError(detail="a message that is no JSON") from error
    if not isinstance(message, dict) or not isinstance(message.get("sessionId", ""), str):
        raise BrowserFailedError(detail="a message of no session")
    if "id" not in message:
        known = isinstance(message.get("method"), str) and isinstance(message.get("params"), dict)
    elif problem := message.get("error"):
        known = isinstance(message["id"], int) and isinstance(problem, dict) and "message" in problem
    else:
        known = isinstance(message["id"], int) and isinstance(message.get("result"), dict)
    if not known:
        raise BrowserFailedError(detail="a message that is neither answer nor event")
    return message
