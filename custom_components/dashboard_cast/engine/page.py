"""One page: a source drawn in one tab, signed in, ready, and seen as frames."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import cycle
import json
import logging
from pathlib import Path
from random import SystemRandom
import time
from typing import Any, Final

from ..errors import (
    BrowserFailedError,
    DashboardCastError,
    PageFailedError,
    PageNotReadyError,
    SignInFailedError,
)
from ..models import Frame, Overflow, Profile, Source, Website
from .blank import BlankFilter, Doubt
from .cdp import Json, Tab
from .compositor import Compositor
from .health import WELL, PageHealth, Remedy, Trouble, Verdict
from .homes import Homes
from .look import Look
from .overflow import LongView
from .overlay import Overlay
from .visit import Visit

_LOGGER = logging.getLogger(__name__)

READY_TIMEOUT_S: Final = 30.0
# Looking costs the page time that it needs for drawing.
_POLL_S: Final = 0.1
_STEADY_POLL_S: Final = 0.05
# The page has stopped growing when it had the same size this often in a row.
_STEADY_POLLS: Final = 3
# Text stays sharp, and FFmpeg reads it as fast as any.
_JPEG_QUALITY: Final = 90
# How often a page is asked how it is, in seconds, and how often while it is unwell.
_LOOK_INTERVAL_S: Final = 2.0
_UNWELL_INTERVAL_S: Final = 0.5
# A page that does not answer for so long is frozen, in seconds. A heavy dashboard on a slow machine keeps its
# thread busy for a second or two at a time.
_ANSWER_TIMEOUT_S: Final = 4.0
# How often the memory of a page is looked at, in seconds; at first when it has settled.
_WEIGH_INTERVAL_S: Final = 60.0
# A page that got well is shown again when it is drawn; it has so long for that, in seconds.
_REDRAW_TIMEOUT_S: Final = 10.0
# A page is renewed after so many seconds, for all that leaks slowly; those that were opened together, one by
# one.
_LIFETIME_S: Final = 6 * 3600.0
_LIFETIME_SPREAD: Final = (0.75, 1.25)
# A frame's time further than this from now is a wrong clock, in seconds.
_MAX_AGE_S: Final = 1.0
# A picture that moves against burn-in goes in such steps, in pixels, one in so many seconds: too far for the
# edges of cards to stay on the same pixels, and too slowly to be seen.
_SHIFTS: Final = ((2, 0), (4, 0), (4, 2), (4, 4), (2, 4), (0, 4), (0, 2), (0, 0))
_SHIFT_INTERVAL_S: Final = 120.0
# What the page calls to be signed in, when it is about to change, and when it is to be looked at.
_SIGN_IN: Final = "dashboardCastSignIn"
_CHANGED: Final = "dashboardCastChanged"
_LOOK: Final = "dashboardCastLook"
# What `Runtime.getHeapUsage` counts, in bytes.
_HEAPS: Final = ("usedSize", "embedderHeapUsedSize", "backingStorageSize")
# What page.js tells of the page.
_STATE: Final = {"signedIn": bool, "waitsFor": str, "error": str, "size": int}
# Whether there is something to see on a web page; page.js knows it of a dashboard.
_FILLED: Final = """
document.body?.innerText.trim() || document.querySelector("img, svg, canvas, video, iframe") ? true : false
"""
_SCRIPT: Final = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What signs a page in."""

    token: str
    expires_in: int
    """Seconds."""


type Work = Callable[[], Coroutine[Any, Any, None]]
type Credentials = Callable[[], Awaitable[AccessToken]]


class Page:
    """A source in a tab.

    homes: addresses of Home Assistant at which the browser may reach it.
    credentials: asked for an access token whenever the frontend wants one; may raise SignInFailedError.
    on_frame: called with every new frame, at most `profile.frame_rate` times a second; not while the page is
    unwell, for then it may show anything: a login page, an error, nothing.
    on_verdict: called every now and then with how the page is.
    night: whether the sun is down, for sources that follow it.
    overlay: the messages to draw over it, on every document that it comes to show.
    doubt: what is thought of blank pictures, shared by the pages of a source.
    lossless: whether frames are PNG instead of JPEG.
    """

    def __init__(
        self,
        tab: Tab,
        source: Source,
        profile: Profile,
        *,
        homes: Homes,
        credentials: Credentials,
        on_frame: Callable[[Frame], None],
        on_verdict: Callable[[Verdict], None] = lambda _verdict: None,
        night: Callable[[], bool] = lambda: False,
        overlay: Overlay | None = None,
        doubt: Doubt | None = None,
        lossless: bool = False,
    ) -> None:
        self._tab = tab
        self._session = tab.session
        self._source = source
        self._profile = profile
        self._homes = homes
        self._home = homes.first
        self._script: str | None = None
        self._credentials = credentials
        self._on_frame = on_frame
        self._on_verdict = on_verdict
        now, spread = time.monotonic(), SystemRandom().uniform(*_LIFETIME_SPREAD)
        self._health = PageHealth(worn_at=now + _LIFETIME_S * spread)
        self._weigh_at = now + _WEIGH_INTERVAL_S
        self._presentable = True
        self._called_us = asyncio.Event()
        self._overlay = overlay or Overlay()
        self._doubts = doubt or Doubt()
        self._blanks = BlankFilter(profile, self._doubts, self._show)
        self._frame_format = "png" if lossless else "jpeg"
        self._tasks: set[asyncio.Task[None]] = set()
        self._acknowledged = 0.0
        self._frames = 0
        self._compositor = Compositor(tab, profile.frame_rate) if tab.frame_control else None
        self._look = Look(self._session, source, profile, night)
        self._long_view = LongView(self._session, source, self._look)
        self._visit = source.website and Visit(
            self._session, source, source.website, homes=homes, run=self._run, refuse=self._lose
        )
        self._closed = False
        self.lost: asyncio.Future[DashboardCastError] = asyncio.get_running_loop().create_future()
        """Done, with the reason, when the page cannot go on."""
        tab.on_lost(lambda reason: self._lose(BrowserFailedError(detail=reason)))

    async def open(self, timeout: float = READY_TIMEOUT_S) -> None:  # noqa: ASYNC109
        """Sign in, navigate, and wait until the dashboard is drawn; then frames come.

        Raises PageNotReadyError after `timeout` seconds, PageFailedError, HomeUnreachableError,
        SignInFailedError or BrowserFailedError; for a web page also UrlInvalidError, UrlForbiddenError or
        UrlNotAllowedError.
        """
        await self._prepare()
        await self._navigate(timeout)
        await self._wait_until_drawn(timeout)
        await self._long_view.arrange()
        self._session.on("Page.frameNavigated", self._navigated)
        self._run(self._watch)
        if self._source.overflow is not Overflow.CLIP:
            self._run(self._long_view.run)
        if self._source.pixel_shift:
            self._run(self._shift)
        self._session.on("Page.screencastFrame", self._take_frame)
        await self.draw_overlay()
        await self._cast()
        if self._compositor:
            self._compositor.wake()

    async def follow_sun(self) -> None:
        """Draw dark or light as it is now, where the source follows the sun."""
        if self._source.dark == "auto":
            await self._guard(self._look.set_media)

    @property
    def memory(self) -> int | None:
        """How many bytes its scripts use, as far as that was looked at."""
        return self._health.memory or None

    async def cpu_time(self) -> float | None:
        """Return the seconds of processor time that its process has used; None where that is not told.

        Raises BrowserFailedError when it does not answer.
        """
        await self._ask("Performance.enable")
        answer = await self._ask("Performance.getMetrics")
        # As long as they are wanted, the browser takes the time of everything that the page does.
        await self._ask("Performance.disable")
        metrics = {metric["name"]: metric["value"] for metric in answer.get("metrics", ())}
        return metrics.get("ProcessTime")

    async def draw_overlay(self) -> None:
        """Draw the messages that are due now."""
        await self._overlay.draw(self._session)
        if self._compositor:
            self._compositor.wake()

    async def close(self) -> None:
        """Close the tab and end everything that went on for it."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._tab.close()

    async def _prepare(self) -> None:
        send = self._session.send
        await send("Page.enable")
        await send("Runtime.enable")
        self._session.on("Page.domContentEventFired", lambda _: self._run(self.draw_overlay))
        # A page that asks something stands still until it has an answer.
        self._session.on("Page.javascriptDialogOpening", lambda _: self._run(self._dismiss))
        if self._compositor:
            self._run(self._compositor.run)
        await self._look.apply()
        await (self._visit.prepare() if self._visit else self._prepare_dashboard())

    async def _prepare_dashboard(self) -> None:
        send = self._session.send
        self._session.on("Runtime.bindingCalled", self._called)
        await send("Runtime.addBinding", name=_SIGN_IN)
        await send("Runtime.addBinding", name=_CHANGED)
        await send("Runtime.addBinding", name=_LOOK)

    async def _dismiss(self) -> None:
        with suppress(BrowserFailedError):
            await self._session.send("Page.handleJavaScriptDialog", accept=False)

    async def _shift(self) -> None:
        """Move the picture now and then, round a small square; without a change it costs nothing."""
        for x, y in cycle(_SHIFTS):
            await asyncio.sleep(_SHIFT_INTERVAL_S)
            await self._look.set_shift(x, y)
            if self._compositor:
                self._compositor.wake()

    async def _cast(self) -> None:
        """Let frames come, beginning with what is drawn now."""
        await self._session.send(
            "Page.startScreencast",
            format=self._frame_format,
            quality=_JPEG_QUALITY,
            maxWidth=self._profile.width,
            maxHeight=self._profile.height,
        )

    async def _navigate(self, timeout: float) -> None:  # noqa: ASYNC109
        if self._source.website:
            await self._navigate_to(self._source.website, timeout)
        else:
            await self._homes.lead(self._session, self._source.path, self._settle, timeout)

    async def _settle(self, home: str) -> None:
        """Let our script run at this address, and nowhere else."""
        self._home = home
        if self._script is not None:
            await self._session.send("Page.removeScriptToEvaluateOnNewDocument", identifier=self._script)
        answer = await self._session.send(
            "Page.addScriptToEvaluateOnNewDocument",
            source=script(self._source, home, tells=self._tab.frame_control),
        )
        self._script = answer.get("identifier")

    async def _navigate_to(self, site: Website, timeout: float) -> None:  # noqa: ASYNC109
        try:
            async with asyncio.timeout(timeout):
                answer = await self._session.send("Page.navigate", url=site.url)
        except TimeoutError as error:
            raise self._not_ready(timeout, f"{site.name} does not answer") from error
        # A page that may not be where it went says why itself.
        await self._raise_if_lost(0)
        if problem := answer.get("errorText"):
            raise PageFailedError(path=site.name, detail=problem)

    async def _wait_until_drawn(self, timeout: float) -> None:  # noqa: ASYNC109
        state: Json = {}
        try:
            async with asyncio.timeout(timeout):
                steady = 0
                while steady < _STEADY_POLLS:
                    await self._raise_if_lost(_STEADY_POLL_S if steady else _POLL_S)
                    size, state = state.get("size"), await self._state()
                    drawn = not state["waitsFor"] and not state["error"] and state["size"] == size
                    steady = steady + 1 if drawn else 0
        except TimeoutError as error:
            if state and not state["signedIn"]:
                raise SignInFailedError from error
            detail = state.get("error") or state.get("waitsFor") or "the page keeps changing"
            raise self._not_ready(timeout, detail) from error

    async def _raise_if_lost(self, within: float) -> None:
        """Raise why the page was lost, when that happens within so many seconds."""
        await asyncio.wait([self.lost], timeout=within)
        if self.lost.done():
            raise self.lost.result()

    async def _state(self) -> Json:
        """Return what page.js or visit.js says of the page, as `state_of` does."""
        if self._visit:
            return state_of(await self._visit.state())
        answer = await self._session.send(
            "Runtime.evaluate", expression="window.dashboardCast?.state()", returnByValue=True
        )
        return state_of(answer["result"].get("value"))

    def _not_ready(self, seconds: float, detail: str) -> PageNotReadyError:
        return PageNotReadyError(path=self._source.name, seconds=f"{seconds:g}", detail=detail)

    def _called(self, event: Json) -> None:
        if event["name"] == _SIGN_IN:
            self._run(self._sign_in)
        elif event["name"] == _LOOK:
            self._doubt()
        elif event["name"] == _CHANGED and self._compositor:
            self._compositor.wake()

    async def _sign_in(self) -> None:
        if not await self._is_home():
            # Somebody else answers, or nobody: a page that is not signed in is given up in time.
            _LOGGER.debug("Nobody is signed in at %s: this Home Assistant is not there", self._home)
            return
        try:
            token = await self._credentials()
        except SignInFailedError as error:
            self._lose(error)
            return
        answer = json.dumps({"access_token": token.token, "expires_in": token.expires_in})
        # Other documents in this tab can call the binding; the token goes to Home Assistant's alone.
        expression = (
            f"if (location.origin === {json.dumps(self._home)}) window.externalAuthSetToken?.(true, {answer})"
        )
        await self._session.send("Runtime.evaluate", expression=expression)

    async def _is_home(self) -> bool:
        with suppress(BrowserFailedError):
            return await self._homes.prove(self._session, self._home)
        # The document has gone; the next one asks itself.
        return False

    def _take_frame(self, event: Json) -> None:
        if self.lost.done():
            # It may be where it must not be.
            return
        age = time.time() - event["metadata"].get("timestamp", 0.0)
        moment = time.monotonic() - (age if 0 <= age <= _MAX_AGE_S else 0.0)
        self._frames += 1
        if self._presentable:
            self._blanks.take(Frame(base64.b64decode(event["data"]), moment))
        self._run(partial(self._acknowledge, event["sessionId"]))

    def _show(self, frame: Frame) -> None:
        """Hand a frame over, unless the page became unwell while that was kept back."""
        if self._presentable:
            self._on_frame(frame)

    async def _acknowledge(self, number: int) -> None:
        """Ask for the next frame; where nobody else caps the frame rate, not before it may come."""
        late = not self._compositor and await self._wait_for_turn()
        await self._session.send("Page.screencastFrameAck", sessionId=number)
        if late:
            # What was drawn before we asked again is not told: it may have been the last for long.
            frames = self._frames
            await asyncio.sleep(2 / self._profile.frame_rate)
            if frames == self._frames:
                await self._session.send("Page.stopScreencast")
                await self._cast()

    async def _wait_for_turn(self) -> bool:
        """Wait until the next frame may be asked for; return whether it was too early."""
        now = time.monotonic()
        # The browser has several frames under way: each takes the next moment that is free.
        self._acknowledged = max(now, self._acknowledged + 1 / self._profile.frame_rate)
        wait = self._acknowledged - now
        await asyncio.sleep(wait)
        return wait > 0

    def _navigated(self, event: Json) -> None:
        """Take in that a frame shows another document: of that of the page nothing is known yet."""
        if "parentId" in event["frame"]:
            return
        self._doubt()
        if "unreachableUrl" in event["frame"]:
            where = self._source.website.name if self._source.website else self._home
            self._lose(PageFailedError(path=self._source.name, detail=f"{where} does not answer"))

    def _doubt(self) -> None:
        """Take no frames until a look at the page, which is due at once, finds it well."""
        self._presentable = False
        self._called_us.set()

    async def _watch(self) -> None:
        """Look at the page now and then, and when it calls: not everything that goes wrong says so."""
        while not self.lost.done():
            await self._examine()
            interval = _LOOK_INTERVAL_S if self._presentable else _UNWELL_INTERVAL_S
            with suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await self._called_us.wait()

    async def _examine(self) -> None:
        """Ask the page how it is, and act accordingly."""
        self._called_us.clear()
        await self._weigh()
        said = await self._said()
        self._health.crowded = self._tab.worn
        self._health.blank = await self._is_wrongly_blank()
        verdict = self._health.judge(said, time.monotonic())
        self._on_verdict(verdict)
        if verdict.trouble is Trouble.BLANK and verdict.remedy is Remedy.REPLACE and self._doubts.settle():
            self._blanks.release()
        elif verdict.remedy is Remedy.REPLACE:
            self._lose(BrowserFailedError(detail=str(verdict.trouble)))
        elif not verdict.presentable:
            self._presentable = False
        elif not self._presentable:
            await self._resume()

    async def _said(self) -> object:
        """Return what page.js says of the page's health; of a web page, that it answers."""
        if self._visit:
            answer = await self._ask("Runtime.evaluate", expression="1")
            return WELL if answer else None
        answer = await self._ask(
            "Runtime.evaluate", expression="window.dashboardCast?.health()", returnByValue=True
        )
        return answer.get("result", {}).get("value")

    async def _is_wrongly_blank(self) -> bool:
        """Return whether the picture is blank though there should be something to see."""
        if not self._blanks.doubtful:
            return False
        expression = _FILLED if self._visit else "window.dashboardCast?.filled()"
        answer = await self._ask("Runtime.evaluate", expression=expression, returnByValue=True)
        filled = answer.get("result", {}).get("value") is True
        if not filled:
            self._blanks.release()
        return filled

    async def _weigh(self) -> None:
        """Look at the page's memory when it is time: scripts, what the browser keeps for them, buffers."""
        if (now := time.monotonic()) < self._weigh_at:
            return
        self._weigh_at = now + _WEIGH_INTERVAL_S
        usage = await self._ask("Runtime.getHeapUsage")
        self._health.weigh(sum(int(usage.get(name, 0)) for name in _HEAPS))

    async def _ask(self, method: str, **parameters: Any) -> Json:
        """Return what the page answers, nothing between two documents.

        Raises BrowserFailedError when it does not answer. A tab that is gone is told by itself.
        """
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                return await self._session.send(method, **parameters)
        except TimeoutError as error:
            raise BrowserFailedError(detail="the page does not answer any more") from error
        except BrowserFailedError:
            return {}

    async def _resume(self) -> None:
        """Take frames again once the page is drawn, beginning with what it shows then."""
        await self._wait_until_drawn(_REDRAW_TIMEOUT_S)
        self._presentable = True
        await self._session.send("Page.stopScreencast")
        await self._cast()
        if self._compositor:
            self._compositor.wake()

    def _run(self, work: Work) -> None:
        if self._closed:
            return
        task = asyncio.get_running_loop().create_task(self._guard(work), name=f"page {self._source.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, work: Work) -> None:
        try:
            await work()
        except DashboardCastError as error:
            self._lose(error)

    def _lose(self, error: DashboardCastError) -> None:
        self._presentable = False
        if not self.lost.done():
            self.lost.set_result(error)


def state_of(value: object) -> Json:
    """Return what page.js says of the page; before it could run, that nothing is there.

    Raises BrowserFailedError when it is something else: what is in the page can write over our script.
    """
    if value is None:
        return {"signedIn": True, "waitsFor": "the page", "error": "", "size": 0}
    if not isinstance(value, dict) or any(type(value.get(name)) is not kind for name, kind in _STATE.items()):
        raise BrowserFailedError(detail="the page does not tell how far it is")
    return value


def script(source: Source, home: str, *, tells: bool) -> str:
    """Return what runs in the page before its own scripts.

    tells: whether it calls us before it draws a change.
    """
    storage: dict[str, Any] = {"suspendWhenHidden": False}
    if source.kiosk:
        storage["dockedSidebar"] = "always_hidden"
    if source.theme is not None or source.dark is not None:
        # Without `dark` the frontend follows what the browser prefers, which may change at any time.
        dark = {} if source.dark in {None, "auto"} else {"dark": source.dark}
        storage["selectedTheme"] = {"theme": source.theme or "default", **dark}
    if source.language is not None:
        storage["selectedLanguage"] = source.language
    settings = {
        "origin": home,
        "signIn": _SIGN_IN,
        "changed": _CHANGED,
        "tells": tells,
        "look": _LOOK,
        "kiosk": source.kiosk,
        "fontScale": source.font_scale,
        "own": [
            *(["theme"] if "selectedTheme" in storage else []),
            *(["language"] if source.language is not None else []),
        ],
        "storage": storage,
    }
    return _SCRIPT.replace("__SETTINGS__", json.dumps(settings))
