"""A Playwright server: a browser elsewhere that is reached over Playwright's own protocol.

Playwright is imported when it is used: it is installed only where somebody chooses this.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
import re
from typing import TYPE_CHECKING, Any, Final, Self, override

from ..errors import BrowserFailedError, EndpointUnreachableError
from .cdp import EndHandler, EventHandler, Json, TargetSession
from .endpoint import CONNECT_TIMEOUT_S, Endpoint
from .remote import EndpointBrowser
from .tab import TAB_TIMEOUT_S, RunningBrowser

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, CDPSession, Error, Playwright

_ADDRESS: Final = re.compile(r"\S*://\S*")
# When they differ, which is what goes wrong most.
_VERSION: Final = re.compile(r"(?:server|client) version: v\S+")


def _reason(error: Error) -> str:
    """Return what Playwright complains about in one line, without any address: that may hold a token."""
    complaint = _ADDRESS.sub("…", error.message.splitlines()[0])
    return ", ".join((complaint, *dict.fromkeys(_VERSION.findall(error.message))))


async def _answered[T](call: Awaitable[T]) -> T:
    """Return what Playwright answers; raises BrowserFailedError when it fails."""
    from playwright.async_api import Error  # noqa: PLC0415

    try:
        return await call
    except Error as error:
        raise BrowserFailedError(detail=_reason(error)) from None


class PlaywrightSession(TargetSession):
    """A CDP session that Playwright carries."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session
        self._ended: str | None = None
        self._end_handlers: list[EndHandler] = []

    @override
    async def send(self, method: str, **parameters: Any) -> Json:
        if self._ended is not None:
            raise BrowserFailedError(detail=f"{method}: {self._ended}")
        answer: Json = await _answered(self._session.send(method, parameters))
        return answer

    @override
    def on(self, event: str, handler: EventHandler) -> None:
        loop = asyncio.get_running_loop()

        def take(parameters: Json) -> None:
            # What a handler does wrong must not end the connection.
            loop.call_soon(handler, parameters)

        self._session.on(event, take)

    @override
    def on_end(self, handler: EndHandler) -> None:
        self._end_handlers.append(handler)

    @override
    def end(self, reason: str) -> None:
        if self._ended is None:
            self._ended = reason
            for handler in self._end_handlers:
                handler(reason)


class PlaywrightChromium(RunningBrowser):
    """The Chromium that a server has started for us, which ends with the connection; draws when it likes."""

    def __init__(self, driver: Playwright, browser: Browser) -> None:
        super().__init__()
        self._driver = driver
        self._browser = browser
        self._contexts: dict[str, BrowserContext] = {}

    @classmethod
    async def connect(cls, endpoint: Endpoint) -> Self:
        """Have a server start a browser; raises EndpointUnreachableError."""
        from playwright.async_api import Error, async_playwright  # noqa: PLC0415

        driver = await async_playwright().start()
        try:
            return cls(
                driver,
                await driver.chromium.connect(str(endpoint.url), timeout=CONNECT_TIMEOUT_S * 1_000),
            )
        except BaseException as error:
            await driver.stop()
            if isinstance(error, Error):
                raise EndpointUnreachableError(endpoint=str(endpoint), detail=_reason(error)) from None
            raise

    @property
    @override
    def alive(self) -> bool:
        return self._browser.is_connected()

    @override
    async def open_context(self) -> str:
        # Playwright's own idea of a screen would stand in the way of ours.
        context = await _answered(self._browser.new_context(no_viewport=True))
        self._contexts[name := str(id(context))] = context
        return name

    @override
    async def dispose(self, context: str) -> None:
        with suppress(BrowserFailedError, TimeoutError):
            async with asyncio.timeout(TAB_TIMEOUT_S):
                await _answered(self._contexts.pop(context).close())

    @override
    async def open_tab(self, context: str) -> PlaywrightSession:
        opened = self._contexts[context]
        page = await _answered(opened.new_page())
        session = PlaywrightSession(await _answered(opened.new_cdp_session(page)))
        # Also when the connection is lost.
        page.on("close", _ending(session, "the tab was closed"))
        page.on("crash", _ending(session, "the tab crashed"))
        return session

    @override
    async def stop(self) -> None:
        """End it, and the driver that carries the connection."""
        try:
            with suppress(BrowserFailedError, TimeoutError):
                async with asyncio.timeout(TAB_TIMEOUT_S):
                    await _answered(self._browser.close())
        finally:
            await self._driver.stop()


def _ending(session: PlaywrightSession, reason: str) -> Callable[[object], None]:
    """Return what ends a session when something happens."""
    return lambda _what: session.end(reason)


class PlaywrightBrowser(EndpointBrowser):
    """A browser behind a Playwright server."""

    @override
    async def _start(self) -> PlaywrightChromium:
        return await PlaywrightChromium.connect(self.endpoint)
