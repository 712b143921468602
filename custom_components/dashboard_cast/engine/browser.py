"""The local browser: a Chromium on this machine that lives while tabs are open, and a little longer."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import logging
from typing import Final, Self, override

from ..errors import BrowserFailedError, BrowserMissingError
from .cdp import Browser, CdpSession, EndHandler, FlatSession, Json, Tab
from .chromium import Chromium, find_executable

_LOGGER = logging.getLogger(__name__)

# A browser without tabs stays this long for the next one, in seconds.
LINGER_S: Final = 30.0
_TAB_TIMEOUT_S: Final = 10.0


class LocalBrowser(Browser):
    """A Chromium of our own, started with the first tab."""

    def __init__(self, executable: str | None = None) -> None:
        """Use this executable, or find one."""
        self._configured = executable
        self._chromium: Chromium | None = None
        self._starting = asyncio.Lock()
        self._tabs: set[LocalTab] = set()
        self._linger: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    @override
    async def open_tab(self) -> Tab:
        if self._linger:
            self._linger.cancel()
        async with self._starting:
            try:
                tab = await self._open_tab()
            finally:
                self._linger_if_idle()
            self._tabs.add(tab)
            return tab

    @override
    async def stop(self) -> None:
        if self._linger:
            self._linger.cancel()
        async with self._starting:
            await self._end()

    async def _open_tab(self) -> LocalTab:
        """Open a tab in the browser that runs; when that fails, in a new one.

        A browser that hangs is only found out by asking it for something.
        """
        if self._chromium and self._chromium.alive:
            try:
                return await self._tab_of(self._chromium)
            except BrowserFailedError as error:
                _LOGGER.warning("The browser does not answer and is started anew: %s", error)
        await self._end()
        self._chromium = await Chromium.start(await self._find())
        return await self._tab_of(self._chromium)

    async def _tab_of(self, chromium: Chromium) -> LocalTab:
        try:
            async with asyncio.timeout(_TAB_TIMEOUT_S):
                return await LocalTab.open(chromium, self._forget)
        except TimeoutError as error:
            raise BrowserFailedError(detail=f"no tab within {_TAB_TIMEOUT_S:g} s") from error

    async def _find(self) -> str:
        loop = asyncio.get_running_loop()
        executable = await loop.run_in_executor(None, find_executable, self._configured)
        if executable is None:
            raise BrowserMissingError
        return executable

    def _forget(self, tab: LocalTab) -> None:
        self._tabs.discard(tab)
        self._linger_if_idle()

    def _linger_if_idle(self) -> None:
        if self._linger:
            self._linger.cancel()
        if self._chromium and not self._tabs:
            self._linger = asyncio.get_running_loop().call_later(LINGER_S, self._end_soon)

    def _end_soon(self) -> None:
        self._ending = asyncio.get_running_loop().create_task(self._end_idle(), name="end idle browser")

    async def _end_idle(self) -> None:
        async with self._starting:
            if not self._tabs:
                await self._end()

    async def _end(self) -> None:
        """End the browser, in whatever state it is."""
        chromium, self._chromium = self._chromium, None
        if self._linger:
            self._linger.cancel()
        self._tabs.clear()
        if chromium:
            await chromium.stop()


class LocalTab(Tab):
    """A tab of the local browser, in a browser context of its own."""

    def __init__(
        self, chromium: Chromium, context: Json, session: FlatSession, forget: Callable[[LocalTab], None]
    ) -> None:
        self._chromium = chromium
        self._context = context
        self._session = session
        self._forget = forget
        self._closed = False
        self._lost_handlers: list[EndHandler] = []
        session.on("Inspector.targetCrashed", lambda _: session.end("the tab crashed"))
        session.on_end(self._lose)

    @classmethod
    async def open(cls, chromium: Chromium, forget: Callable[[LocalTab], None]) -> Self:
        """Open a tab; `forget` is called when it is closed. Raises BrowserFailedError."""
        context = await _context(chromium.session)
        try:
            session = await chromium.open_tab(context)
            # The certificate of Home Assistant seldom fits the address that is nearest to the browser.
            await session.send("Security.setIgnoreCertificateErrors", ignore=True)
        except BaseException:
            await _dispose(chromium.session, context)
            raise
        return cls(chromium, context, session, forget)

    @property
    @override
    def session(self) -> CdpSession:
        return self._session

    @property
    @override
    def frame_control(self) -> bool:
        return self._chromium.frame_control

    @override
    async def begin_frame(self, interval: float) -> bool:
        return await self._chromium.begin_frame(self._session, interval)

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
            await _dispose(self._chromium.session, self._context)
        finally:
            self._forget(self)


async def _context(browser: FlatSession) -> Json:
    """Return a new browser context; one that is made for whoever has given up by then is closed."""
    making = asyncio.ensure_future(browser.send("Target.createBrowserContext", disposeOnDetach=True))
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        with suppress(BrowserFailedError, TimeoutError):
            async with asyncio.timeout(_TAB_TIMEOUT_S):
                await _dispose(browser, await making)
        raise


async def _dispose(browser: FlatSession, context: Json) -> None:
    """Close a browser context and all in it; when the browser is gone or hangs, nothing can be done."""
    with suppress(BrowserFailedError, TimeoutError):
        async with asyncio.timeout(_TAB_TIMEOUT_S):
            await browser.send("Target.disposeBrowserContext", **context)
