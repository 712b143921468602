"""The media namespace: what the default media receiver does with LOAD, PLAY, PAUSE, SEEK and STOP."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
import logging
import time

from .castv2 import CastServer, Json, Message, Sender
from .player import Failure, Player, PlayerEvent

_LOGGER = logging.getLogger(__name__)

NS_MEDIA = "urn:x-cast:com.google.cast.media"
LOAD_FAILED = 905
SUPPORTED_COMMANDS = 12303  # all basic media: pause, seek, volume, mute, tracks, playback rate


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """A LOAD that a sender sent."""

    time: float
    """When it came, as `time.time()`."""
    request: Json
    """The whole message."""

    @property
    def media(self) -> Json:
        """The media information in it."""
        media: Json = self.request.get("media", {})
        return media

    @property
    def url(self) -> str:
        """What to play."""
        return str(self.media.get("contentUrl") or self.media.get("contentId", ""))


@dataclass(slots=True)
class MediaSession:
    """One medium on the screen, from LOAD until it is idle."""

    id: int
    endpoint: str | None
    """The app's that plays it."""
    media: Json
    state: str = "LOADING"
    idle_reason: str | None = None
    position: float = 0.0
    duration: float | None = None

    @property
    def active(self) -> bool:
        """Whether it still loads, plays or pauses."""
        return self.state != "IDLE"

    def end(self, reason: str) -> None:
        """Make it idle for `reason`."""
        self.state = "IDLE"
        self.idle_reason = reason


@dataclass(slots=True)
class MediaReceiver:
    """The player's side of the media namespace. `endpoint` is the running app's, None without one."""

    server: CastServer
    player: Player
    changed: Callable[[], None]
    endpoint: str | None = None
    session: MediaSession | None = None
    loads: list[LoadRequest] = field(default_factory=list)
    last_failure: Failure | None = None
    reject: Failure | None = None
    """Why the next LOAD is to fail."""
    volume: Json = field(default_factory=lambda: {"level": 1.0, "muted": False})
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    # --- what senders ask ---------------------------------------------------------------------------------

    async def handle(self, sender: Sender, message: Message) -> None:
        """Answer a message of the media namespace."""
        match message.data.get("type"):
            case "GET_STATUS":
                await self._locate()
                self._answer(sender, message, self._status())
            case "LOAD":
                self._spawn(self._load(sender, message))
            case "PLAY" | "PAUSE" | "SEEK" | "STOP" | "SET_VOLUME" if self._is_current(message):
                await self._command(message.data)
                self._report(sender, message)
            case "PLAY" | "PAUSE" | "SEEK" | "STOP" | "SET_VOLUME":
                self._answer(sender, message, {"type": "INVALID_PLAYER_STATE"})
            case unknown:
                _LOGGER.info("Refused the media command %s", unknown)
                self._answer(sender, message, {"type": "INVALID_REQUEST", "reason": "INVALID_COMMAND"})

    def _is_current(self, message: Message) -> bool:
        session = self.session
        return session is not None and session.active and message.data.get("mediaSessionId") == session.id

    async def _command(self, data: Json) -> None:
        session = self.session
        assert session is not None
        match data["type"]:
            case "PLAY":
                await self.player.play()
            case "PAUSE":
                await self.player.pause()
            case "SEEK":
                # Without a position a live medium goes on with what is live (chrome.cast.media.SeekRequest).
                await self.player.seek(data.get("currentTime"))
            case "SET_VOLUME":
                self.volume |= data.get("volume", {})
            case "STOP":
                session.end("CANCELLED")
                await self.player.stop_media()
        await self._locate()

    async def _load(self, sender: Sender, message: Message) -> None:
        request = LoadRequest(time.time(), message.data)
        self.loads.append(request)
        self.finish("INTERRUPTED")
        own = self.session = MediaSession(len(self.loads), self.endpoint, request.media)
        self.report()
        failure = await self._show(own, request)
        if self.session is not own or not own.active:
            self._answer(sender, message, {"type": "LOAD_CANCELLED", "itemId": own.id})
        elif failure is None:
            self._report(sender, message)
        else:
            self._fail(own, failure)
            answer = {"type": "LOAD_FAILED", "itemId": own.id, "detailedErrorCode": failure.code}
            self._answer(sender, message, answer)

    async def _show(self, session: MediaSession, request: LoadRequest) -> Failure | None:
        rejected, self.reject = self.reject, None
        if rejected is not None:
            await self.player.stop_media()
            return rejected
        return await self.player.load(
            session.id,
            request.url,
            request.media.get("contentType", ""),
            autoplay=request.request.get("autoplay", True),
            start=request.request.get("currentTime"),
        )

    def _fail(self, session: MediaSession, failure: Failure) -> None:
        _LOGGER.info("LOAD failed with %s: %s", failure.code, failure.message)
        self.last_failure = failure
        session.end("ERROR")
        self.report()

    # --- what the player says -----------------------------------------------------------------------------

    def hear(self, event: PlayerEvent) -> None:
        """Pass on a change of state that the player saw; events of earlier media are dropped."""
        session = self.session
        if session is None or not session.active or event.session != session.id:
            return
        if event.message is not None:
            _LOGGER.info("Playing failed: %s", event.message)
        session.state = event.state
        session.idle_reason = event.idle_reason
        session.position, session.duration = event.position, event.duration
        self.report()

    # --- what a person does -------------------------------------------------------------------------------

    async def command(self, kind: str) -> None:
        """Do PLAY or PAUSE without a sender, and tell all senders; does nothing without a medium."""
        if self.session is not None and self.session.active:
            await self._command({"type": kind})
            self.report()

    # --- what happens to the app --------------------------------------------------------------------------

    def finish(self, reason: str) -> None:
        """Make the session idle for `reason` and tell all senders; does nothing without an active one."""
        if self.session is not None and self.session.active:
            self.session.end(reason)
            self.report()

    async def close(self) -> None:
        """Drop what is still loading."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- what senders are told ----------------------------------------------------------------------------

    def report(self, *, but: Sender | None = None) -> None:
        """Tell all senders of the running app about the session."""
        self.changed()
        if self.endpoint is not None:
            self.server.announce(self.endpoint, NS_MEDIA, self._status() | {"requestId": 0}, but=but)

    def _report(self, sender: Sender, message: Message) -> None:
        self.report(but=sender)
        self._answer(sender, message, self._status())

    def _answer(self, sender: Sender, message: Message, data: Json) -> None:
        data = data | {"requestId": message.data.get("requestId", 0)}
        sender.send(Message(message.destination, message.source, NS_MEDIA, data))

    async def _locate(self) -> None:
        if self.session is not None and self.session.active:
            self.session.position, self.session.duration = await self.player.position()

    def _status(self) -> Json:
        session = self.session
        here = session is not None and session.endpoint == self.endpoint
        return {"type": "MEDIA_STATUS", "status": [self._describe(session)] if session and here else []}

    def _describe(self, session: MediaSession) -> Json:
        media = session.media
        if session.duration is not None and media.get("streamType") != "LIVE":
            media = media | {"duration": session.duration}
        status: Json = {
            "mediaSessionId": session.id,
            "playbackRate": 1,
            "playerState": session.state,
            "currentTime": session.position,
            "supportedMediaCommands": SUPPORTED_COMMANDS,
            "volume": self.volume,
            "currentItemId": session.id,
            "repeatMode": "REPEAT_OFF",
        }
        if session.state == "LOADING":  # devices put it this way
            loading = {"playerState": "LOADING", "media": media, "mediaSessionId": session.id}
            return status | {"playerState": "IDLE", "extendedStatus": loading}
        if session.idle_reason is not None:
            return status | {"idleReason": session.idle_reason, "media": media}
        return status | {"media": media}

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
