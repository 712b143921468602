"""Browsers that run elsewhere: one behind each endpoint, and the first that answers draws."""

import asyncio
from collections.abc import Iterator, Sequence
import logging
from ssl import SSLContext
import time
from typing import Final, Self, override
from weakref import WeakValueDictionary

from aiohttp import ClientSession

from ..errors import BrowserFailedError
from .browser import SharedBrowser
from .cdp import Browser, CdpConnection, Tab, WebSocketTransport
from .endpoint import Access, Endpoint
from .tab import TAB_TIMEOUT_S, BrowserTab, ConnectedBrowser

_LOGGER = logging.getLogger(__name__)

# An endpoint that failed is asked again after this time, while others answer, in seconds.
REST_S: Final = 60.0
# How long a browser that has worked is waited for, and how often it is looked for meanwhile, in seconds.
_PATIENCE_S: Final = 30.0
_FIRST_DELAY_S: Final = 0.5
_LONGEST_DELAY_S: Final = 8.0
# A browser that went silent hangs, or only its connection was lost: then it is there again within this time.
_RETURN_S: Final = 3.0
# A Selenium Grid ends a session that nobody asks for anything, by default after 300 s.
_TOUCH_INTERVAL_S: Final = 60.0
# One for all connections to a browser: frames of two of them must not overlap either.
_DRAWING: Final[WeakValueDictionary[str, asyncio.Lock]] = WeakValueDictionary()


class RemoteChromium(ConnectedBrowser):
    """A Chromium on another machine, commanded over a WebSocket; what is ours in it ends with that."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access
        self._keeping: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, access: Access) -> Self:
        """Connect to a browser; raises what `Access.connect` does, or BrowserFailedError."""
        chromium = cls(access)
        try:
            chromium._connection = CdpConnection(WebSocketTransport(await access.connect()))
            chromium._drawing = _DRAWING.setdefault(str(access.address), chromium._drawing)
            async with asyncio.timeout(TAB_TIMEOUT_S):
                chromium.frame_control = await chromium._has_frame_control()
        except BaseException as error:
            await chromium.stop()
            if isinstance(error, TimeoutError):
                raise BrowserFailedError(detail=f"no tab within {TAB_TIMEOUT_S:g} s") from error
            raise
        chromium.connection.watch()
        if access.is_kept:
            chromium._keeping = asyncio.create_task(chromium._keep(), name="keep remote browser")
        return chromium

    async def _has_frame_control(self) -> bool:
        """Return whether pages can be told when to draw: only a browser that was started for it can."""
        context = await self.open_context()
        self.frame_control = True
        try:
            return await self._draws_when_told(context)
        finally:
            self.frame_control = False
            await self.dispose(context)

    async def _draws_when_told(self, context: str) -> bool:
        try:
            session = await self.open_tab(context)
            await self.begin_frame(session, TAB_TIMEOUT_S)
        except BrowserFailedError as error:
            _LOGGER.debug("The remote browser draws when it likes: %s", error)
            if not self.alive:
                raise
            return False
        return True

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_TOUCH_INTERVAL_S)
            await self._access.touch()

    @override
    async def stop(self) -> None:
        """Leave it; what was ours in it ends."""
        if self._keeping:
            self._keeping.cancel()
        if self._connection:
            await self._connection.close()
        await self._access.release()


class EndpointBrowser(SharedBrowser):
    """The browser behind one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__()
        self.endpoint = endpoint
        self.rests_until = 0.0
        """When it is worth asking again, in seconds on the monotonic clock; 0 while nothing is wrong."""
        self._turn = asyncio.Lock()
        self._failure: tuple[float, BrowserFailedError] | None = None

    @override
    async def open_tab(self) -> Tab:
        """Open a tab, and say once that this fails, and once that it works again."""
        asked = time.monotonic()
        async with self._turn:
            # Who waited while somebody else found out need not find out again.
            if self._failure and self._failure[0] > asked:
                raise self._failure[1]
            try:
                tab = await super().open_tab()
            except BrowserFailedError as error:
                self._fail(error)
                raise
            if self._failure:
                _LOGGER.warning("The browser at %s works again", self.endpoint)
                self._failure, self.rests_until = None, 0.0
            return tab

    def has(self, tab: Tab) -> bool:
        """Return whether a tab is, or was, in the browser that runs."""
        return isinstance(tab, BrowserTab) and tab.browser is self._chromium

    def rest(self) -> None:
        """Ask the others first for a while."""
        self.rests_until = time.monotonic() + REST_S

    def _fail(self, error: BrowserFailedError) -> None:
        if not self._failure:
            _LOGGER.warning("The browser at %s cannot be used: %s", self.endpoint, error)
        self._failure = (time.monotonic(), error)
        self.rest()


class CdpBrowser(EndpointBrowser):
    """A browser that is reached over CDP.

    session: makes all requests. ssl: as aiohttp wants it, True for the session's own.
    """

    def __init__(self, endpoint: Endpoint, session: ClientSession, ssl: SSLContext | bool = True) -> None:
        super().__init__(endpoint)
        self._session = session
        self._ssl = ssl
        self._abandoned: set[str] = set()
        self._was_silent = False

    @override
    async def _end(self) -> None:
        self._was_silent = bool(self._chromium and self._chromium.hangs)
        await super()._end()

    @override
    async def _start(self) -> RemoteChromium:
        access = Access(self.endpoint, self._session, self._ssl)
        try:
            async with asyncio.timeout(_RETURN_S if self._was_silent else None):
                chromium = await RemoteChromium.connect(access)
        except TimeoutError as error:
            raise BrowserFailedError(detail="it does not answer any more") from error
        # A browser may not have noticed that the last connection was cut.
        for context in self._abandoned:
            await chromium.dispose(context)
        self._abandoned = chromium.contexts
        return chromium


class RemoteBrowser(Browser):
    """Browsers behind endpoints: tabs come from the first that answers."""

    def __init__(self, browsers: Sequence[EndpointBrowser]) -> None:
        """Connect with the first tab."""
        self._browsers = browsers
        self._has_worked = False

    @override
    async def open_tab(self) -> Tab:
        """Open a tab; a browser that has worked before is waited for. Raises BrowserFailedError."""
        delay, end = _FIRST_DELAY_S, time.monotonic() + (_PATIENCE_S if self._has_worked else 0)
        while True:
            try:
                tab = await self._first_tab()
            except BrowserFailedError:
                if time.monotonic() + delay > end:
                    raise
                await asyncio.sleep(delay)
                delay = min(2 * delay, _LONGEST_DELAY_S)
            else:
                self._has_worked = True
                return tab

    @override
    def pass_over(self, tab: Tab) -> bool:
        now = time.monotonic()
        for browser in self._browsers:
            if browser.has(tab):
                _LOGGER.info("The browser at %s does not reach Home Assistant", browser.endpoint)
                browser.rest()
        return any(browser.rests_until <= now for browser in self._browsers)

    async def _first_tab(self) -> Tab:
        """Return a tab of the first browser that has one; raises what the last said."""
        failure: BrowserFailedError | None = None
        for browser in self._worth_asking():
            try:
                return await browser.open_tab()
            except BrowserFailedError as error:
                failure = error
        assert failure is not None
        raise failure

    def _worth_asking(self) -> Iterator[EndpointBrowser]:
        """Yield the browsers in their order, those that rest last."""
        now = time.monotonic()
        yield from sorted(self._browsers, key=lambda browser: browser.rests_until > now)

    @override
    def __str__(self) -> str:
        return ", ".join(str(browser.endpoint) for browser in self._browsers)

    @override
    async def stop(self) -> None:
        await asyncio.gather(*(browser.stop() for browser in self._browsers))
