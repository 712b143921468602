"""Browsers that all tabs share: they live while tabs are open, and a little longer."""

from abc import abstractmethod
import asyncio
import logging
from typing import Final, override

from ..errors import BrowserFailedError, BrowserMissingError
from .cdp import Browser, Tab
from .chromium import Chromium, find_executable
from .tab import TAB_TIMEOUT_S, BrowserTab, RunningBrowser

_LOGGER = logging.getLogger(__name__)

# A browser without tabs stays this long for the next one, in seconds.
LINGER_S: Final = 30.0


class SharedBrowser(Browser):
    """A browser that is started with the first tab and ends a while after the last."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._chromium: RunningBrowser | None = None
        self._starting = asyncio.Lock()
        self._tabs: set[BrowserTab] = set()
        self._retired: set[RunningBrowser] = set()
        self._linger: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    @abstractmethod
    async def _start(self) -> RunningBrowser:
        """Return a browser that runs; raises BrowserMissingError or BrowserFailedError."""

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
            self._tabs.clear()
            await self._end()
            await self._end_retired()

    async def _open_tab(self) -> BrowserTab:
        """Open a tab in the browser that runs; when that fails, in a new one."""
        if self._chromium and self._chromium.worn:
            # Its tabs move one by one: whoever has one sees that it is worn, and opens another.
            _LOGGER.warning("The browser takes too much memory and is replaced")
            self._retired.add(self._chromium)
            self._chromium = None
            await self._end_retired()
        if self._chromium and self._chromium.alive:
            try:
                return await self._tab_of(self._chromium)
            except BrowserFailedError as error:
                _LOGGER.warning("The browser does not answer and is started anew: %s", error)
        await self._end()
        self._chromium = await self._start()
        return await self._tab_of(self._chromium)

    async def _tab_of(self, chromium: RunningBrowser) -> BrowserTab:
        try:
            async with asyncio.timeout(TAB_TIMEOUT_S):
                return await BrowserTab.open(chromium, self._forget)
        except TimeoutError as error:
            raise BrowserFailedError(detail=f"no tab within {TAB_TIMEOUT_S:g} s") from error

    def _forget(self, tab: BrowserTab) -> None:
        self._tabs.discard(tab)
        self._linger_if_idle()
        if self._retired:
            self._end_soon()

    def _linger_if_idle(self) -> None:
        if self._linger:
            self._linger.cancel()
        if self._chromium and not self._tabs:
            self._linger = asyncio.get_running_loop().call_later(LINGER_S, self._end_soon)

    def _end_soon(self) -> None:
        self._ending = asyncio.get_running_loop().create_task(self._end_idle(), name="end idle browser")

    async def _end_idle(self) -> None:
        async with self._starting:
            await self._end_retired()
            if not self._tabs:
                await self._end()

    async def _end_retired(self) -> None:
        """End the browsers that were replaced and have no tabs any more."""
        for chromium in self._retired - {tab.browser for tab in self._tabs}:
            self._retired.discard(chromium)
            await chromium.stop()

    async def _end(self) -> None:
        """End the browser, in whatever state it is."""
        chromium, self._chromium = self._chromium, None
        if self._linger:
            self._linger.cancel()
        self._tabs = {tab for tab in self._tabs if tab.browser in self._retired}
        if chromium:
            await chromium.stop()


class LocalBrowser(SharedBrowser):
    """A Chromium of our own on this machine."""

    def __init__(self, executable: str | None = None) -> None:
        """Use this executable, or find one."""
        super().__init__()
        self._configured = executable

    @override
    async def _start(self) -> Chromium:
        loop = asyncio.get_running_loop()
        executable = await loop.run_in_executor(None, find_executable, self._configured)
        if executable is None:
            raise BrowserMissingError
        return await Chromium.start(executable)
