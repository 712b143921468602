"""The local browser: a Chromium on this machine, started and supervised by Playwright."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
import logging
from pathlib import Path
import shutil
from typing import TYPE_CHECKING, Any, Final, override

from ..errors import BrowserFailedError, BrowserMissingError, DashboardCastError
from .cdp import Browser, CdpSession, EventHandler, Json, Tab

if TYPE_CHECKING:
    from playwright.async_api import (
        Browser as PlaywrightBrowser,
        BrowserContext,
        CDPSession,
        Page as PlaywrightPage,
        Playwright,
    )

_LOGGER = logging.getLogger(__name__)

# The lean one first: the headless shell idles at a third of what a whole Chromium needs.
EXECUTABLES: Final = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
)
# A browser without tabs stays this long for the next one, in seconds.
LINGER_S: Final = 30.0
_START_TIMEOUT_S: Final = 30.0
_TAB_TIMEOUT_S: Final = 10.0
_SWITCHES: Final = (
    # Chromium refuses to run as root with its sandbox, and containers seldom allow it.
    "--no-sandbox",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The small shared memory of containers would crash large pages.
    "--disable-dev-shm-usage",
    # Nothing of a page may be kept on disk.
    "--disk-cache-size=1",
)


def find_executable(configured: str | None = None) -> str | None:
    """Return the Chromium to start: the configured one or the first found on PATH. Looks at the disk."""
    names = (configured,) if configured else EXECUTABLES
    return next((path for name in names if (path := shutil.which(name))), None)


class LocalBrowser(Browser):
    """A Chromium of our own that lives while tabs are open, and a little longer."""

    def __init__(self, executable: str | None = None) -> None:
        """Use this executable, or find one."""
        self._configured = executable
        self._playwright: Playwright | None = None
        self._browser: PlaywrightBrowser | None = None
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

        A driver that died without a word is only found out by asking it for something.
        """
        if self._browser:
            try:
                async with asyncio.timeout(_TAB_TIMEOUT_S):
                    return await LocalTab.open(await self._running(), self._forget)
            except Exception as error:  # noqa: BLE001
                _LOGGER.warning("The browser does not answer and is started anew: %s", _summary(error))
                await self._end()
        try:
            return await LocalTab.open(await self._running(), self._forget)
        except DashboardCastError:
            raise
        except Exception as error:
            raise BrowserFailedError(detail=_summary(error)) from error

    async def _running(self) -> PlaywrightBrowser:
        """Return the browser, started when there is none that lives."""
        if self._browser and self._browser.is_connected():
            return self._browser
        await self._end()
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                executable = await self._find()
                _LOGGER.debug("Starting %s", executable)
                self._browser = await self._launch(executable)
        except BaseException as error:
            await self._end()
            if isinstance(error, DashboardCastError) or not isinstance(error, Exception):
                raise
            raise BrowserFailedError(detail=_summary(error)) from error
        return self._browser

    async def _find(self) -> str:
        """Return the executable; raises BrowserMissingError when there is none, or no Playwright."""
        loop = asyncio.get_running_loop()
        try:
            start = await loop.run_in_executor(None, _import_playwright)
        except ImportError as error:
            raise BrowserMissingError from error
        executable = await loop.run_in_executor(None, find_executable, self._configured)
        if executable is None and self._configured is None:
            # Playwright's own Chromium, where somebody installed it.
            await self._drive(start)
            assert self._playwright is not None
            own = self._playwright.chromium.executable_path
            executable = own if await loop.run_in_executor(None, Path(own).is_file) else None
        if executable is None:
            raise BrowserMissingError
        return executable

    async def _drive(self, start: Callable[[], Coroutine[Any, Any, Playwright]]) -> None:
        """Start the driver. One whose start nobody waits for any more is kept, to be ended properly."""
        starting = asyncio.ensure_future(start())
        try:
            self._playwright = await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._playwright = await starting
            raise

    async def _launch(self, executable: str) -> PlaywrightBrowser:
        if self._playwright is None:
            await self._drive(_import_playwright())
        assert self._playwright is not None
        return await self._playwright.chromium.launch(
            executable_path=executable,
            args=list(_SWITCHES),
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
        )

    def _forget(self, tab: LocalTab) -> None:
        self._tabs.discard(tab)
        self._linger_if_idle()

    def _linger_if_idle(self) -> None:
        if self._linger:
            self._linger.cancel()
        if self._browser and not self._tabs:
            self._linger = asyncio.get_running_loop().call_later(LINGER_S, self._end_soon)

    def _end_soon(self) -> None:
        self._ending = asyncio.get_running_loop().create_task(self._end_idle(), name="end idle browser")

    async def _end_idle(self) -> None:
        async with self._starting:
            if not self._tabs:
                await self._end()

    async def _end(self) -> None:
        """End browser and driver, in whatever state they are."""
        browser, self._browser = self._browser, None
        playwright, self._playwright = self._playwright, None
        if self._linger:
            self._linger.cancel()
        tabs, self._tabs = self._tabs, set()
        for tab in tabs:
            tab.lose("the browser has ended")
        # A browser that was killed makes its driver answer with errors; it is gone all the same.
        with suppress(Exception):
            if browser:
                await browser.close()
        with suppress(Exception):
            if playwright:
                await playwright.stop()


class LocalTab(Tab):
    """A tab of the local browser, in a browser context of its own."""

    def __init__(
        self,
        context: BrowserContext,
        page: PlaywrightPage,
        session: PlaywrightSession,
        forget: Callable[[LocalTab], None],
    ) -> None:
        self._context = context
        self._page = page
        self._session = session
        self._forget = forget
        self._closed = False
        self._lost_handlers: list[Callable[[str], None]] = []
        page.on("crash", lambda _page: self.lose("the tab crashed"))
        page.on("close", lambda _page: self.lose("the browser has ended"))

    @classmethod
    async def open(cls, browser: PlaywrightBrowser, forget: Callable[[LocalTab], None]) -> LocalTab:
        """Open a tab; `forget` is called when it is closed."""
        # Playwright sets a size of its own otherwise; the page's is set over CDP.
        context = await browser.new_context(
            no_viewport=True, service_workers="block", ignore_https_errors=True
        )
        try:
            page = await context.new_page()
            session = PlaywrightSession(await context.new_cdp_session(page))
        except BaseException:
            await context.close()
            raise
        return cls(context, page, session, forget)

    @property
    @override
    def session(self) -> CdpSession:
        return self._session

    @override
    def on_lost(self, handler: Callable[[str], None]) -> None:
        self._lost_handlers.append(handler)

    def lose(self, reason: str) -> None:
        """Tell that the tab is gone, unless it was closed."""
        if not self._closed:
            for handler in self._lost_handlers:
                handler(reason)

    @override
    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            # When the browser is gone, so is the tab.
            with suppress(Exception):
                await self._context.close()
        finally:
            self._forget(self)


class PlaywrightSession(CdpSession):
    """A CDP session that Playwright's driver relays."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session

    @override
    async def send(self, method: str, **parameters: Any) -> Json:
        try:
            result: Json = await self._session.send(method, parameters)
        except Exception as error:
            raise BrowserFailedError(detail=f"{method}: {_summary(error)}") from error
        return result

    @override
    def on(self, event: str, handler: EventHandler) -> None:
        self._session.on(event, handler)


def _import_playwright() -> Callable[[], Any]:
    """Import Playwright, which most installations do not have, and return what starts its driver."""
    from playwright.async_api import async_playwright  # noqa: PLC0415

    return async_playwright().start


def _summary(error: BaseException) -> str:
    """Return the first line of an error: Playwright adds its log and a drawing of a box."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
