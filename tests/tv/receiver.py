"""The platform of a Cast device: which app runs, how loud it is, and who is connected to what."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
import logging
import re
from uuid import uuid4

from .castv2 import NS_CONNECTION, CastServer, Json, Message, Sender
from .dial import select
from .media import NS_MEDIA, MediaReceiver

_LOGGER = logging.getLogger(__name__)

PLATFORM = "receiver-0"
NS_HEARTBEAT = "urn:x-cast:com.google.cast.tp.heartbeat"
NS_RECEIVER = "urn:x-cast:com.google.cast.receiver"
NS_MULTIZONE = "urn:x-cast:com.google.cast.multizone"
NS_SETUP = "urn:x-cast:com.google.cast.setup"

DEFAULT_RECEIVER = "CC1AD845"
APP_NAMES = {DEFAULT_RECEIVER: "Default Media Receiver", "233637DE": "YouTube", "CA5E8412": "Netflix"}
APP_ID = re.compile(r"[0-9A-F]{8}")


@dataclass(frozen=True, slots=True)
class App:
    """A running app."""

    id: str
    name: str
    session_id: str = field(default_factory=lambda: str(uuid4()))
    transport_id: str = field(default_factory=lambda: f"pid-{uuid4()}")

    def describe(self) -> Json:
        """Return it as RECEIVER_STATUS lists it."""
        return {
            "appId": self.id,
            "displayName": self.name,
            "isIdleScreen": False,
            "launchedFromCloud": False,
            "namespaces": [{"name": NS_MEDIA}],
            "sessionId": self.session_id,
            "statusText": self.name,
            "transportId": self.transport_id,
            "universalAppId": self.id,
        }


class Receiver:
    """Answers senders, and owns the running app; all media go to `media`."""

    def __init__(
        self, server: CastServer, media: MediaReceiver, facts: Json, show: Callable[[], Awaitable[None]]
    ) -> None:
        self._server = server
        self._media = media
        self._facts = facts
        self._show = show
        self.app: App | None = None
        self.volume: Json = {"controlType": "attenuation", "level": 1.0, "muted": False, "stepInterval": 0.05}
        self.standby = False
        """Whether it is switched off at the remote: the screen is dark, and the network is there."""
        self.launch_error: str | None = None
        """Why the next LAUNCH is to fail."""
        self._handlers: dict[str, Callable[[Sender, Message], Awaitable[None]]] = {
            NS_CONNECTION: self._handle_connection,
            NS_HEARTBEAT: self._handle_heartbeat,
            NS_RECEIVER: self._handle_receiver,
            NS_MULTIZONE: self._handle_multizone,
            NS_SETUP: self._handle_setup,
            NS_MEDIA: self._handle_media,
        }

    async def handle(self, sender: Sender, message: Message) -> None:
        """Answer one message; what is addressed to an app that is gone gets a CLOSE."""
        if not self._is_here(message.destination):
            sender.send(Message(message.destination, message.source, NS_CONNECTION, {"type": "CLOSE"}))
        elif handler := self._handlers.get(message.namespace):
            await handler(sender, message)
        else:
            _LOGGER.debug("No such namespace here: %s", message.namespace)

    def _is_here(self, endpoint: str) -> bool:
        return endpoint == PLATFORM or (self.app is not None and endpoint == self.app.transport_id)

    # --- namespaces ---------------------------------------------------------------------------------------

    async def _handle_connection(self, sender: Sender, message: Message) -> None:
        pair = (message.source, message.destination)
        match message.data.get("type"):
            case "CONNECT":
                sender.followed.add(pair)
            case "CLOSE":
                sender.followed.discard(pair)

    async def _handle_heartbeat(self, sender: Sender, message: Message) -> None:
        if message.data.get("type") == "PING":
            sender.send(Message(message.destination, message.source, NS_HEARTBEAT, {"type": "PONG"}))

    async def _handle_receiver(self, sender: Sender, message: Message) -> None:
        data = message.data
        match data.get("type"):
            case "GET_STATUS":
                self._answer(sender, message, self._status())
            case "GET_APP_AVAILABILITY":
                available = dict.fromkeys(data.get("appId", []), "APP_AVAILABLE")
                answer = {"responseType": "GET_APP_AVAILABILITY", "availability": available}
                self._answer(sender, message, answer)
            case "LAUNCH":
                await self._handle_launch(sender, message)
            case "STOP" if self.app is not None and data.get("sessionId") == self.app.session_id:
                await self.close_app("CANCELLED")
                self._report(sender, message)
            case "STOP":
                self._answer(sender, message, {"type": "INVALID_REQUEST", "reason": "INVALID_SESSION_ID"})
            case "SET_VOLUME":
                self.volume |= data.get("volume", {})
                self._report(sender, message)
            case _:
                self._answer(sender, message, {"type": "INVALID_REQUEST", "reason": "INVALID_COMMAND"})

    async def _handle_launch(self, sender: Sender, message: Message) -> None:
        app_id = str(message.data.get("appId"))
        error, self.launch_error = self.launch_error, None
        if error is None and not APP_ID.fullmatch(app_id):
            error = "NOT_FOUND"
        if error is not None:
            self._answer(sender, message, {"type": "LAUNCH_ERROR", "reason": error, "appId": app_id})
            return
        if self.app is None or self.app.id != app_id:
            await self._replace_app(app_id, APP_NAMES.get(app_id, app_id))
        self._report(sender, message)

    async def _handle_multizone(self, sender: Sender, message: Message) -> None:
        match message.data.get("type"):
            case "GET_STATUS":
                status = {"devices": [], "isMultichannel": False}
                self._answer(sender, message, {"type": "MULTIZONE_STATUS", "status": status})
            case "GET_CASTING_GROUPS":
                self._answer(sender, message, {"type": "CASTING_GROUPS", "status": {"groups": []}})

    async def _handle_setup(self, sender: Sender, message: Message) -> None:
        wanted = message.data.get("data", {}).get("params", [])
        facts = select(self._facts, wanted)
        answer = {
            "type": message.data.get("type"),
            "response_code": 200,
            "response_string": "OK",
            "data": facts,
        }
        self._answer(sender, message, answer | {"request_id": message.data.get("request_id", 0)})

    async def _handle_media(self, sender: Sender, message: Message) -> None:
        if self.app is not None and self.app.id == DEFAULT_RECEIVER:
            await self._media.handle(sender, message)
        elif message.data.get("type") == "GET_STATUS":
            self._answer(sender, message, {"type": "MEDIA_STATUS", "status": []})
        else:  # other apps play their own media only
            self._answer(sender, message, {"type": "INVALID_REQUEST", "reason": "INVALID_COMMAND"})

    # --- the running app ----------------------------------------------------------------------------------

    async def launch(self, app_id: str, name: str) -> None:
        """Start an app in place of the running one, as a person or another sender does."""
        await self._replace_app(app_id, name)
        self.report()

    async def stop(self) -> None:
        """End the running app, as a person does."""
        await self.close_app("CANCELLED")
        self.report()

    async def set_standby(self, standby: bool) -> None:
        """Switch the screen off or on, as the remote does; all senders hear of it."""
        self.standby = standby
        await self._show()
        self.report()

    def set_volume(self, **volume: float | bool) -> None:
        """Change `level` or `muted`, as the remote does; all senders hear of it."""
        self.volume |= volume
        self.report()

    async def close_app(self, reason: str) -> None:
        """End the running app; its medium goes idle for `reason`. Its senders hear of both."""
        if self.app is None:
            return
        self._media.finish(reason)
        for sender in self._server.senders:
            sender.hang_up(self.app.transport_id)
        self.app = None
        self._media.endpoint = None
        await self._media.player.stop_media()
        await self._show()

    def forget(self) -> None:
        """Drop app and medium without a word to anybody, as after a power cut."""
        self.app = None
        self.standby = False
        self._media.endpoint = self._media.session = None

    async def _replace_app(self, app_id: str, name: str) -> None:
        await self.close_app("INTERRUPTED")
        self.app = App(app_id, name)
        self.standby = False  # an app wakes the screen (HDMI-CEC's One Touch Play)
        if app_id == DEFAULT_RECEIVER:
            self._media.endpoint = self.app.transport_id
        await self._show()

    # --- what senders are told ----------------------------------------------------------------------------

    def report(self, *, but: Sender | None = None) -> None:
        """Tell all senders about app and volume."""
        self._media.changed()
        self._server.announce(PLATFORM, NS_RECEIVER, self._status() | {"requestId": 0}, but=but)

    def _report(self, sender: Sender, message: Message) -> None:
        self.report(but=sender)
        self._answer(sender, message, self._status())

    def _answer(self, sender: Sender, message: Message, data: Json) -> None:
        data = data | {"requestId": message.data.get("requestId", 0)}
        sender.send(Message(message.destination, message.source, message.namespace, data))

    def _status(self) -> Json:
        status: Json = {"volume": self.volume, "isActiveInput": not self.standby, "isStandBy": self.standby}
        if self.app is not None:
            status["applications"] = [self.app.describe()]
        return {"type": "RECEIVER_STATUS", "status": status}
