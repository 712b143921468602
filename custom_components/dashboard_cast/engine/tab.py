"""Tabs, and the browser that they are in, whatever way leads to it."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Self, override

from ..errors import BrowserFailedError
from .cdp import CdpConnection, CdpSession, EndHandler, FlatSession, Tab, TargetSession

TAB_TIMEOUT_S: Final = 10.0


class RunningBrowser(ABC):
    """A browser that runs, with browser contexts that are named."""

    def __init__(self) -> None:
        self.frame_control = False
        """Whether pages draw only when they are told to."""
        self.worn = False
        """Whether it takes too much memory."""
        self._drawing = asyncio.Lock()

    @property
    @abstractmethod
    def alive(self) -> bool:
        """Whether it can still answer."""

    @property
    def hangs(self) -> bool:
        """Whether it was given up since it does not answer any more; never, where nobody looks."""
        return False

    @abstractmethod
    async def stop(self) -> None:
        """End it, or what is ours of it."""

    @abstractmethod
    async def open_context(self) -> str:
        """Return a new browser context, which ends with the connection; raises BrowserFailedError."""

    @abstractmethod
    async def dispose(self, context: str) -> None:
        """Close a browser context and all in it; when the browser is gone or hangs, nothing can be done."""

    @abstractmethod
    async def open_tab(self, context: str) -> TargetSession:
        """Return a session with a new, empty tab in a browser context; raises BrowserFailedError."""

    async def begin_frame(self, session: CdpSession, interval: float) -> bool:
        """Let a tab draw; return whether anything had changed. Raises BrowserFailedError.

        One tab at a time: frames of two that overlap end Chromium's GPU process ("Got overlapping
        IssueExternalBeginFrame"), and with it everything. A frame that nobody waits for any more is still
        under way until the browser says otherwise, or its tab is closed.
        """
        frame = asyncio.create_task(self._draw(session, interval), name="frame")
        frame.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait([frame])
        return await frame

    async def _draw(self, session: CdpSession, interval: float) -> bool:
        async with self._drawing:
            answer = await session.send("HeadlessExperimental.beginFrame", interval=interval * 1_000)
        changed: bool = answer["hasDamage"]
        return changed


class ConnectedBrowser(RunningBrowser):
    """A Chromium at the other end of a connection of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.contexts: set[str] = set()
        """The browser contexts that tabs of ours are in."""
        self._connection: CdpConnection | None = None

    @property
    @override
    def alive(self) -> bool:
        return self.connection.alive

    @property
    @override
    def hangs(self) -> bool:
        return self.connection.silent

    @property
    def connection(self) -> CdpConnection:
        """The connection to it."""
        assert self._connection is not None
        return self._connection

    @property
    def session(self) -> FlatSession:
        """The CDP session with the browser itself."""
        return self.connection.browser

    @override
    async def open_context(self) -> str:
        making = asyncio.ensure_future(self._make_context())
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            # One that is made for whoever has given up by then is closed.
            with suppress(BrowserFailedError, TimeoutError):
                async with asyncio.timeout(TAB_TIMEOUT_S):
                    await self.dispose(await making)
            raise

    async def _make_context(self) -> str:
        answer = await self.session.send("Target.createBrowserContext", disposeOnDetach=True)
        context: str = answer["browserContextId"]
        self.contexts.add(context)
        return context

    @override
    async def dispose(self, context: str) -> None:
        with suppress(BrowserFailedError, TimeoutError):
            async with asyncio.timeout(TAB_TIMEOUT_S):
                await self.session.send("Target.disposeBrowserContext", browserContextId=context)
            self.contexts.discard(context)

    @override
    async def open_tab(self, context: str) -> FlatSession:
        frame_control = {"enableBeginFrameControl": True} if self.frame_control else {}
        target = await self.session.send(
            "Target.createTarget", url="about:blank", browserContextId=context, **frame_control
        )
        return await self.connection.attach(target["targetId"])


class BrowserTab(Tab):
    """A tab of a running browser, in a browser context of its own."""

    def __init__(
        self,
        browser: RunningBrowser,
        context: str,
        session: TargetSession,
        forget: Callable[[BrowserTab], None],
    ) -> None:
        self.browser = browser
        """What it is in."""
        self._context = context
        self._session = session
        self._forget = forget
        self._closed = False
        self._lost_handlers: list[EndHandler] = []
        session.on("Inspector.targetCrashed", lambda _: session.end("the tab crashed"))
        session.on_end(self._lose)

    @classmethod
    async def open(cls, browser: RunningBrowser, forget: Callable[[BrowserTab], None]) -> Self:
        """Open a tab; `forget` is called when it is closed. Raises BrowserFailedError."""
        context = await browser.open_context()
        try:
            session = await browser.open_tab(context)
            # The certificate of Home Assistant seldom fits the address that is nearest to the browser.
            await session.send("Security.setIgnoreCertificateErrors", ignore=True)
        except BaseException:
            await browser.dispose(context)
            raise
        return cls(browser, context, session, forget)

    @property
    @override
    def session(self) -> CdpSession:
        return self._session

    @property
    @override
    def frame_control(self) -> bool:
        return self.browser.frame_control

    @property
    @override
    def worn(self) -> bool:
        return self.browser.worn

    @override
    async def begin_frame(self, interval: float) -> bool:
        return await self.browser.begin_frame(self._session, interval)

    @override
    def on_lost(self, handler: EndHandler) -> None:
        self._lost_handlers.append(handler)

    def _lose(self, reason: str) -> None:
        if not self._closed:
            for handler in self._lost_handlers:
                handler(reason)

    @override
    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            await self.browser.dispose(self._context)
        finally:
            self._forget(self)
