"""The television as tests and the demo use it: what it shows, and what a person does with it."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
import logging
import os
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import NAMESPACE_URL, UUID, uuid5

from . import castv2, dial
from .addresses import NETWORK
from .blackhole import BlackHole
from .castv2 import CastServer, Message, Sender
from .certificate import server_context
from .library import PlayerError, PlayerKind
from .media import LOAD_FAILED, LoadRequest, MediaReceiver
from .player import Failure, Player, PlayerEvent, Report, Size
from .receiver import DEFAULT_RECEIVER, Receiver

_LOGGER = logging.getLogger(__name__)

HOST = f"{NETWORK}.37"
LOOK_EVERY = 0.02  # s
MEDIUM_GREY = 128


class TelevisionError(Exception):
    """The television cannot be switched on; the message says why."""


class Television:
    """A Cast device at an address of its own, with a real player behind it.

    It is on from `start` (or entering it as a context) until `stop`. Senders find it at `host`, port 8009,
    and its description at port 8443; it plays from an origin that is not Home Assistant's.
    """

    def __init__(
        self,
        host: str = HOST,
        name: str = "Living Room TV",
        model: str = "Chromecast",
        size: Size = (1280, 720),
        *,
        player: PlayerKind = PlayerKind.SHAKA_5,
        low_latency: bool = True,
    ) -> None:
        """Prepare a television of `size` pixels that plays HLS with `player`.

        Without `low_latency` the player takes low-latency HLS for ordinary live HLS; Chromium's own always
        does.
        """
        self.host = host
        self.name = name
        self.model = model
        self.uuid: UUID = uuid5(NAMESPACE_URL, f"cast://{host}")
        self._waiters: set[asyncio.Event] = set()
        self._black_holes: list[BlackHole] = []
        facts = dial.device_facts(name, model, self.uuid)
        self._dial = dial.DialServer(host, facts)
        self._cast = CastServer(host, self._handle)
        self._player = Player(host, size, self._hear, player, low_latency=low_latency)
        self._media = MediaReceiver(self._cast, self._player, self._notify)
        self._receiver = Receiver(self._cast, self._media, facts, self._show_app)

    # --- life ---------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()

    async def start(self) -> None:
        """Start the browser and switch on. Raises TelevisionError when something is missing or taken."""
        try:
            await self._player.start()
        except PlayerError as error:
            raise TelevisionError(str(error)) from error
        try:
            await self.power_on()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Switch off and end the browser; no process and no socket stays."""
        await self.power_off()
        await self._player.stop()

    # --- what it shows ------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """LOADING, BUFFERING, PLAYING, PAUSED or IDLE: PLAYING only once pictures move."""
        return self._media.session.state if self._media.session else "IDLE"

    @property
    def idle_reason(self) -> str | None:
        """Why the last medium ended: CANCELLED, INTERRUPTED, FINISHED or ERROR; None while there is none."""
        return self._media.session.idle_reason if self._media.session else None

    @property
    def app_id(self) -> str | None:
        """The running app's id, None on the idle screen."""
        return self._receiver.app.id if self._receiver.app else None

    @property
    def volume(self) -> float:
        """From 0 to 1."""
        return float(self._receiver.volume["level"])

    @property
    def muted(self) -> bool:
        """Whether nothing is heard."""
        return bool(self._receiver.volume["muted"])

    @property
    def loads(self) -> list[LoadRequest]:
        """All LOAD requests since the start, oldest first."""
        return self._media.loads

    @property
    def last_failure(self) -> Failure | None:
        """Why the last LOAD that failed did, with the player's own words."""
        return self._media.last_failure

    async def screenshot(self, path: Path) -> None:
        """Write exactly what the screen shows to a PNG file."""
        await self._player.screenshot(path)

    async def colour(self, x: int, y: int) -> tuple[int, int, int]:
        """Return red, green and blue (0 to 255) of one pixel of the video that plays."""
        return await self._player.colour(x, y)

    async def wait_dark(self, x: int, y: int, within: float, *, dark: bool = True) -> None:
        """Wait until one pixel of the video is darker than a medium grey, or not any more.

        Raises TimeoutError after `within` seconds.
        """
        async with asyncio.timeout(within):
            while True:
                if (max(await self.colour(x, y)) < MEDIUM_GREY) is dark:
                    return
                await asyncio.sleep(LOOK_EVERY)

    async def report(self) -> Report:
        """Return what a viewer saw since the last LOAD or reset."""
        return await self._player.report()

    async def wait_report(self, condition: Callable[[Report], bool], within: float) -> Report:
        """Wait for a condition on what a viewer saw and return that. Raises TimeoutError after `within` s."""
        async with asyncio.timeout(within):
            while True:
                if condition(report := await self.report()):
                    return report
                await asyncio.sleep(LOOK_EVERY)

    async def reset_measurements(self) -> None:
        """Measure anew from now on."""
        await self._player.reset_measurements()

    async def wait_until(self, condition: Callable[[], bool], within: float, what: str = "a change") -> None:
        """Wait for a condition on the properties above. Raises TimeoutError after `within` seconds."""
        changed = asyncio.Event()
        self._waiters.add(changed)
        try:
            async with asyncio.timeout(within):
                while not condition():
                    changed.clear()
                    await changed.wait()
        except TimeoutError as error:
            message = f"{self.name} waited {within} s for {what}: {self._describe()}"
            raise TimeoutError(message) from error
        finally:
            self._waiters.discard(changed)

    async def wait_state(self, state: str, within: float) -> None:
        """Wait for `state`. Raises TimeoutError after `within` seconds."""
        await self.wait_until(lambda: self.state == state, within, state)

    async def wait_playing(self, within: float, *, loads: int = 1) -> None:
        """Wait until pictures move, after so many LOAD requests since the start.

        Raises TimeoutError after `within` seconds.
        """
        what = f"PLAYING after {loads} LOAD requests"
        await self.wait_until(lambda: len(self.loads) >= loads and self.state == "PLAYING", within, what)

    async def wait_loads(self, count: int, within: float) -> None:
        """Wait until `count` LOAD requests have come. Raises TimeoutError after `within` seconds."""
        await self.wait_until(lambda: len(self.loads) >= count, within, f"{count} LOAD requests")

    # --- what a person does -------------------------------------------------------------------------------

    async def stop_by_person(self) -> None:
        """Stop on the remote: the medium is CANCELLED, and the app closes."""
        await self._receiver.stop()

    async def take_over(self, app_id: str = "233637DE", name: str = "YouTube") -> None:
        """Start another app: our medium is INTERRUPTED, and our app is gone."""
        await self._receiver.launch(app_id, name)

    async def pause_by_person(self) -> None:
        """Pause on the remote: the picture stands, and all senders hear PAUSED."""
        await self._media.command("PAUSE")

    async def resume_by_person(self) -> None:
        """Go on after a pause, on the remote."""
        await self._media.command("PLAY")

    def set_volume_by_person(self, level: float) -> None:
        """Set the volume on the remote, from 0 to 1."""
        self._receiver.set_volume(level=level)

    def mute_by_person(self, *, muted: bool = True) -> None:
        """Mute on the remote, or let it be heard again."""
        self._receiver.set_volume(muted=muted)

    async def switch_off_by_person(self, *, closes_app: bool = True) -> None:
        """Switch off at the remote, which leaves the network on.

        A TV with Cast of its own closes the app, as for any other person's stop. A dongle behind a TV, with
        `closes_app` false, has power of its own: it plays on, and only tells that nobody sees it (HDMI-CEC:
        `isActiveInput` is false and `isStandBy` true), which Home Assistant calls off.
        """
        if closes_app:
            await self._receiver.close_app("CANCELLED")
        await self._receiver.set_standby(True)

    async def switch_on_by_person(self) -> None:
        """Switch on at the remote: what it still plays is seen again, else the idle screen."""
        await self._receiver.set_standby(False)

    # --- what happens to it -------------------------------------------------------------------------------

    async def cut_network(self) -> None:
        """Let nothing through between it and anybody else, in either direction; nobody is told.

        Connections stay and are silent, new ones get no answer. The player gets no byte any more: it shows
        what it has, waits, and asks again as it likes. Of what it asks for the request itself still gets out,
        and an MP4 without an end goes on: Chromium's limits are for answers, and not for those.
        """
        self._cast.cut()
        self._black_holes.append(BlackHole(self.host, castv2.PORT))
        await self._dial.stop()
        self._black_holes.append(BlackHole(self.host, dial.PORT))
        await self._player.cut_network()

    async def slow_network(self, kbits: float) -> None:
        """Let the player have so many kbit/s; what senders say, which is little, goes through as before."""
        await self._player.slow_network(kbits)

    async def restore_network(self) -> None:
        """Let everything through again, also what was held up."""
        await self._player.restore_network()
        if self._black_holes:
            self._fill_holes()
            await self._open_ports()

    async def power_off(self) -> None:
        """Pull the plug: connections are cut, ports closed, the screen is dark; nobody is told why.

        Does nothing when it is off.
        """
        self._fill_holes()
        await self._cast.stop()
        await self._dial.stop()
        await self._media.close()
        self._receiver.forget()
        await self._player.switch_off()
        self._notify()

    async def power_on(self) -> None:
        """Put the plug in: the idle screen. Does nothing when it is on.

        Raises TelevisionError when address or ports are taken.
        """
        if self._player.is_on:
            return
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self.power_off)
            await self._open_ports()
            await self._player.switch_on(*self._idle_text())
            undo.pop_all()

    def reject_loads(self, code: int = LOAD_FAILED) -> None:
        """Let the next LOAD fail with a detailed error code, whatever it is."""
        self._media.reject = Failure(code, "rejected by the test")

    def refuse_launch(self, reason: str = "CANCELLED") -> None:
        """Let the next LAUNCH fail for `reason`, as LAUNCH_ERROR has them."""
        self._receiver.launch_error = reason

    # --- inside -------------------------------------------------------------------------------------------

    async def _handle(self, sender: Sender, message: Message) -> None:
        _LOGGER.debug("%s got %s", self.name, message)
        await self._receiver.handle(sender, message)

    def _hear(self, event: PlayerEvent) -> None:
        self._media.hear(event)

    def _notify(self) -> None:
        for waiter in self._waiters:
            waiter.set()

    async def _open_ports(self) -> None:
        context = server_context(self.name)
        await self._listen(castv2.PORT, self._cast.start(context))
        await self._listen(dial.PORT, self._dial.start(context))

    def _fill_holes(self) -> None:
        while self._black_holes:
            self._black_holes.pop().close()

    async def _listen(self, port: int, start: Coroutine[None, None, None]) -> None:
        try:
            await start
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else error
            raise TelevisionError(f"{self.host}:{port} cannot be listened on: {reason}") from error

    def _idle_text(self) -> tuple[str, str]:
        app = self._receiver.app
        if self._receiver.standby:
            return "", ""
        if app is None or app.id == DEFAULT_RECEIVER:
            return self.name, "Ready to cast"
        return app.name, ""

    async def _show_app(self) -> None:
        await self._player.show_idle(*self._idle_text())

    def _describe(self) -> str:
        failure = self.last_failure
        failed = f", last failure {failure.code}: {failure.message}" if failure else ""
        return f"state {self.state}, idle reason {self.idle_reason}, {len(self.loads)} loads{failed}"
