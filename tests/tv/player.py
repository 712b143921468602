"""The screen of the television: a page in a headless browser that plays, and measures what a viewer sees."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import logging
from pathlib import Path
import shutil
from statistics import median
from typing import Any

from aiohttp import web
from playwright.async_api import (
    Browser,
    CDPSession,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    async_playwright,
)

from .library import PlayerError, PlayerKind

_LOGGER = logging.getLogger(__name__)

HERE = Path(__file__).parent
BROWSERS = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
)
ARGUMENTS = (
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
)

# A day until the first byte, and a byte a second after that.
_CUT = {"latency": 86_400_000, "downloadThroughput": 1, "uploadThroughput": 1}
_UNLIMITED = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}

_COLOUR = """([x, y]) => {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.drawImage(document.querySelector("video"), -x, -y);
  return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}"""

type Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PlayerEvent:
    """The player changed its state by itself, while it played for the media session `session`."""

    session: int
    state: str
    position: float
    """In seconds."""
    duration: float | None
    """In seconds; None for live media."""
    idle_reason: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a medium did not load: Cast's detailed error code, and what the player says."""

    code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a viewer saw since the last LOAD or `reset_measurements`."""

    resolution: Size
    """Of the video, in pixels; (0, 0) without one."""
    frames: int
    """Pictures presented."""
    dropped: int
    """Pictures decoded too late to be presented."""
    seeks: int
    """How often the player jumped by itself."""
    seconds: float
    """Measured for so long."""
    stall_times: tuple[float, ...]
    """When each stall was over, as `time.time()`.

    A picture stayed as the medium stood still for 0.25 s, or for 1.5 s for whatever reason.
    """
    stalled: float
    """In seconds, all stalls together."""
    first_picture: float | None
    """When the first picture was presented, as `time.time()`."""
    latencies: tuple[float, ...]
    """From drawing to presentation, in ms: one for each change of the clock card's strip."""
    moments: tuple[float, ...]
    """When each of these changes was presented, as `time.time()`."""
    unreadable: int
    """Pictures whose strip failed its checksum."""

    @property
    def stalls(self) -> int:
        """How many stalls there were."""
        return len(self.stall_times)

    @property
    def latency(self) -> float | None:
        """The newest latency in ms, None before the first."""
        return self.latencies[-1] if self.latencies else None

    @property
    def latency_p50(self) -> float | None:
        """The median latency in ms, None before the first."""
        return self._percentile(50)

    @property
    def latency_p95(self) -> float | None:
        """The latency in ms that 95 % stay below, None before the first."""
        return self._percentile(95)

    @property
    def drift(self) -> float | None:
        """By how many ms the delay grew, first to last tenth compared by median; None before both."""
        tenth = len(self.latencies) // 10
        return median(self.latencies[-tenth:]) - median(self.latencies[:tenth]) if tenth else None

    def seen_after(self, moment: float) -> list[float]:
        """Return when pictures were presented that were drawn after a moment; all as `time.time()`."""
        pairs = zip(self.moments, self.latencies, strict=True)
        return [seen for seen, latency in pairs if seen - latency / 1000 > moment]

    def _percentile(self, percent: int) -> float | None:
        ordered = sorted(self.latencies)
        return ordered[(len(ordered) - 1) * percent // 100] if ordered else None


def find_browser() -> str:
    """Return the path of the leanest Chromium there is. Raises PlayerError without one."""
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    raise PlayerError(f"No Chromium found: none of {', '.join(BROWSERS)} is on the PATH")


class Player:
    """Plays one medium at a time, from an origin of its own; `tell` hears of every change of state."""

    def __init__(
        self,
        host: str,
        size: Size,
        tell: Callable[[PlayerEvent], None],
        kind: PlayerKind,
        *,
        low_latency: bool,
    ) -> None:
        self._host = host
        self._size = size
        self._tell = tell
        self._kind = kind
        self._low_latency = low_latency
        self._library: Path | None = None
        self._runner: web.AppRunner | None = None
        self._files: dict[str, bytes] = {}
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._page: Page | None = None
        self._network: CDPSession | None = None

    # --- life ---------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the browser. Raises PlayerError when it or the player is missing, or it does not start."""
        executable, self._library = find_browser(), self._kind.find_library()
        self._playwright = await async_playwright().start()
        try:
            self._browser = await self._playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        except Error as error:
            await self.stop()
            raise PlayerError(f"The browser does not start: {error.message}") from error

    async def stop(self) -> None:
        """Close the page and the browser; does nothing when stopped."""
        await self.switch_off()
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()
        self._browser = self._playwright = None

    @property
    def is_on(self) -> bool:
        """Whether the page is open."""
        return self._page is not None

    async def switch_on(self, title: str, hint: str) -> None:
        """Open the page, with the idle screen. Raises OSError when the address is not to be had."""
        assert self._browser is not None, "start() comes first"
        url = await self._serve()
        width, height = self._size
        self._page = await self._browser.new_page(viewport={"width": width, "height": height})
        self._page.on("console", self._log)
        self._page.on(
            "pageerror", lambda error: _LOGGER.warning("Error on the screen's page: %s", error.message)
        )
        self._network = await self._page.context.new_cdp_session(self._page)
        # What goes on before the first limit can be limited only when there was one without effect.
        await self.restore_network()
        await self._page.expose_function("tell", self._hear)
        await self._page.goto(url)
        await self._page.wait_for_function("window.television")
        await self.show_idle(title, hint)

    async def switch_off(self) -> None:
        """Close the page; does nothing when it is closed."""
        if self._page is not None:
            await self._page.close()
            self._page = self._network = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def cut_network(self) -> None:
        """Let no byte in: whatever the medium's player asks for, and has asked for, gets no answer."""
        await self._limit(_CUT)

    async def slow_network(self, kbits: float) -> None:
        """Let in so many kbit/s, for all connections together."""
        await self._limit(_UNLIMITED | {"downloadThroughput": kbits * 1000 / 8})

    async def restore_network(self) -> None:
        """Let everything in, also what was held up."""
        await self._limit(_UNLIMITED)

    async def _limit(self, conditions: Mapping[str, float]) -> None:
        assert self._network is not None, "the television is switched off"
        await self._network.send("Network.emulateNetworkConditions", {"offline": False, **conditions})

    async def _serve(self) -> str:
        """Serve the page on a free port of the television and return its URL."""
        # From memory: what aiohttp serves from disk leaves threads behind.
        scripts = {path.relative_to(HERE).as_posix(): path for path in HERE.rglob("*.js")}
        self._files = {name: path.read_bytes() for name, path in scripts.items()}
        self._files["player.html"] = (HERE / "player.html").read_bytes()
        self._files["library.js"] = self._library.read_bytes() if self._library else b""
        app = web.Application()
        app.router.add_get("/{name:.+}", self._send)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, 0).start()
        return f"http://{self._host}:{self._runner.addresses[0][1]}/player.html?adapter={self._kind.adapter}"

    async def _send(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._files:
            raise web.HTTPNotFound
        kind = "text/html" if name.endswith(".html") else "text/javascript"
        return web.Response(body=self._files[name], content_type=kind, charset="utf-8")

    # --- what the page says -------------------------------------------------------------------------------

    def _log(self, message: ConsoleMessage) -> None:
        _LOGGER.debug("Screen: %s", message.text)

    def _hear(self, event: dict[str, Any]) -> None:
        self._tell(
            PlayerEvent(
                session=event["session"],
                state=event["state"],
                position=event["currentTime"],
                duration=event["duration"],
                idle_reason=event.get("idleReason"),
                message=event.get("message"),
            )
        )

    # --- what the page is told ----------------------------------------------------------------------------

    async def _call(self, function: str, *arguments: object) -> Any:
        assert self._page is not None, "the television is switched off"
        return await self._page.evaluate(
            "([name, values]) => window.television[name](...values)", [function, list(arguments)]
        )

    async def load(
        self, session: int, url: str, content_type: str, *, autoplay: bool, start: float | None
    ) -> Failure | None:
        """Load a medium and play it from `start` seconds; returns why it failed."""
        media = {
            "url": url,
            "contentType": content_type,
            "autoplay": autoplay,
            "start": start,
            "lowLatency": self._low_latency,
        }
        failure = await self._call("load", session, media)
        return Failure(failure["code"], failure["message"]) if failure else None

    async def play(self) -> None:
        """Go on after a pause."""
        await self._call("play")

    async def pause(self) -> None:
        """Hold the picture."""
        await self._call("pause")

    async def seek(self, position: float | None) -> None:
        """Go to `position` seconds; None for what is live, or the beginning of what is not."""
        await self._call("seek", position)

    async def stop_media(self) -> None:
        """Drop the medium and show the idle screen."""
        await self._call("stop")

    async def show_idle(self, title: str, hint: str) -> None:
        """Write on the idle screen."""
        await self._call("showIdle", title, hint)

    async def position(self) -> tuple[float, float | None]:
        """Return where the medium is and how long it lasts, in seconds; live media last None."""
        position = await self._call("position")
        return position["currentTime"], position["duration"]

    async def screenshot(self, path: Path) -> None:
        """Write what the screen shows to a PNG file."""
        assert self._page is not None, "the television is switched off"
        # Playwright writes files in threads, a second of which is started now and then and found by tests.
        path.write_bytes(await self._page.screenshot(type="png"))  # noqa: ASYNC240

    async def colour(self, x: int, y: int) -> tuple[int, int, int]:
        """Return red, green and blue (0 to 255) of one pixel of the video's picture."""
        assert self._page is not None, "the television is switched off"
        red, green, blue = await self._page.evaluate(_COLOUR, [x, y])
        return red, green, blue

    async def reset_measurements(self) -> None:
        """Measure anew from now on."""
        await self._call("remeasure")

    async def report(self) -> Report:
        """Return what was measured."""
        data = await self._call("report")
        first = data["firstPicture"]
        return Report(
            resolution=(data["width"], data["height"]),
            frames=data["frames"],
            dropped=data["dropped"],
            seeks=data["seeks"],
            seconds=data["seconds"],
            stall_times=tuple(time / 1000 for time in data["stalls"]),
            stalled=data["stalled"] / 1000,
            first_picture=None if first is None else first / 1000,
            latencies=tuple(data["latencies"]),
            moments=tuple(time / 1000 for time in data["moments"]),
            unreadable=data["unreadable"],
        )
