"""Where a browser reaches Home Assistant: several addresses may, and trying is the only way to know."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
import hmac
import json
from typing import Final

from ..errors import HomeInvalidError, HomeUnreachableError
from .address import parsed
from .cdp import Browser, CdpSession, Tab
from .gate import Gate
from .world import World

# Each of several addresses is given so long; one that leads nowhere may not answer for minutes.
HOME_TIMEOUT_S: Final = 5.0
# A small document that Home Assistant serves to everybody.
MANIFEST: Final = "/manifest.json"
# Asked where the page's scripts see nothing of it. Who leads elsewhere will not do: our script runs at the
# address itself.
_ASK: Final = f"""
fetch(location.origin + %s, {{
  cache: "no-store", credentials: "omit", redirect: "error",
  signal: AbortSignal.timeout({1_000 * HOME_TIMEOUT_S:g}),
}}).then((answer) => answer.text()).then((answer) => [location.origin, answer]).catch(() => null)
"""

type Challenge = Callable[[], tuple[str, str]]
"""Returns a path, another each time, and what only this Home Assistant answers there.

Whoever has taken over one of its addresses cannot answer, nor can another Home Assistant. Who stands between
browser and Home Assistant and passes questions on can: against him helps only a certificate that is checked.
"""


class Homes:
    """Addresses of Home Assistant, without paths: for all who share them, the one that worked comes first.

    challenge: tells this Home Assistant from whoever else answers; without one whoever answers will do.
    closed: other addresses at which web pages have no business, such as those of the browsers themselves.
    """

    def __init__(
        self, *addresses: str, challenge: Challenge | None = None, closed: Iterable[str] = ()
    ) -> None:
        """Try them in this order; raises HomeInvalidError when one is no address of a web server."""
        self._addresses = list(dict.fromkeys(map(_origin, addresses)))
        self._challenge = challenge
        self._closed = list(map(_origin, closed))

    @property
    def first(self) -> str:
        """The address that is tried first."""
        return self._addresses[0]

    def gate(self, allowed: frozenset[str] | None) -> Gate:
        """Return what keeps a web page away from all of these addresses; allowed: as `Gate` wants it."""
        return Gate(*self._addresses, *self._closed, allowed=allowed)

    async def lead(
        self, session: CdpSession, path: str, prepare: Callable[[str], Awaitable[None]], seconds: float
    ) -> None:
        """Lead a tab to a path at the first address at which this Home Assistant is.

        prepare: called with each address before it is tried. seconds: how long the only address is waited
        for. Raises HomeUnreachableError, with what was wrong with each, or BrowserFailedError.
        """
        limit = HOME_TIMEOUT_S if len(self._addresses) > 1 else seconds
        problems = []
        for address in [*self._addresses]:
            await prepare(address)
            problem = await self._visit(session, address, path, limit)
            if not problem:
                self._prefer(address)
                return
            problems.append(f"{address}: {problem}")
        raise HomeUnreachableError(detail="; ".join(problems))

    async def prove(self, session: CdpSession, address: str) -> bool:
        """Return whether a tab shows a document that this Home Assistant has served at an address.

        It is asked by the document itself, over the way that all else takes. Raises BrowserFailedError.
        """
        return self._challenge is None or await _asked(session, self._challenge) == address

    async def shown_in(self, session: CdpSession) -> bool:
        """Return whether a tab shows a document of this Home Assistant, at whatever address.

        Raises BrowserFailedError.
        """
        return self._challenge is not None and bool(await _asked(session, self._challenge))

    def _prefer(self, address: str) -> None:
        self._addresses.remove(address)
        self._addresses.insert(0, address)

    async def _visit(self, session: CdpSession, address: str, path: str, seconds: float) -> str:
        """Lead a tab to a path at an address; return what is wrong, nothing when all is well."""
        try:
            async with asyncio.timeout(seconds):
                answer = await session.send("Page.navigate", url=address + path)
                if problem := answer.get("errorText"):
                    return str(problem)
                if not await self.prove(session, address):
                    return "this Home Assistant is not there"
        except TimeoutError:
            return f"no answer within {seconds:g} s"
        return ""


async def within_reach[T](browser: Browser, use: Callable[[Tab], Awaitable[T]]) -> T:
    """Use a tab of a browser; when Home Assistant is out of its reach, one of the next, if there is one.

    Returns and raises what `use` does, or raises what `Browser.open_tab` does.
    """
    while True:
        tab = await browser.open_tab()
        try:
            return await use(tab)
        except HomeUnreachableError:
            if not browser.pass_over(tab):
                raise


def _origin(address: str) -> str:
    """Return an address as documents have it: without a path, nor a port that goes without saying."""
    try:
        url = parsed(address).origin()
    except ValueError:
        raise HomeInvalidError from None
    if url.scheme not in {"http", "https"}:
        raise HomeInvalidError
    return str(url)


async def _asked(session: CdpSession, challenge: Challenge) -> str:
    """Return the origin of a tab's document when who has served it passes; nothing otherwise."""
    path, right = challenge()
    found = await World(session).evaluate(_ASK % json.dumps(path))
    if not isinstance(found, list):
        return ""
    origin, answer = map(str, found)
    return origin if hmac.compare_digest(answer.encode(), right.encode()) else ""
