"""Where a browser reaches Home Assistant: several addresses may, and trying is the only way to know."""

import asyncio
from collections.abc import Awaitable, Callable
import json
from typing import Final

from yarl import URL

from ..errors import HomeInvalidError, HomeUnreachableError
from .cdp import CdpSession

# Each of several addresses is given so long; one that leads nowhere may not answer for minutes.
HOME_TIMEOUT_S: Final = 5.0
# Home Assistant serves it to everybody.
MANIFEST: Final = "/manifest.json"
# Who leads elsewhere will not do: our script runs at the address itself.
_IS_HOME: Final = f"""
location.origin === %s &&
fetch("{MANIFEST}").then((answer) => answer.json()).then((it) => "start_url" in it).catch(() => false)
"""


class Homes:
    """Addresses of Home Assistant, without paths: for all who share them, the one that worked comes first."""

    def __init__(self, *addresses: str) -> None:
        """Try them in this order; raises HomeInvalidError when one is no address of a web server."""
        self._addresses = list(dict.fromkeys(map(_origin, addresses)))

    @property
    def first(self) -> str:
        """The address that is tried first."""
        return self._addresses[0]

    @property
    def addresses(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self._addresses)

    async def lead(
        self, session: CdpSession, path: str, prepare: Callable[[str], Awaitable[None]], seconds: float
    ) -> None:
        """Lead a tab to a path at the first address that it reaches.

        prepare: called with each address before it is tried. seconds: how long the only address is waited
        for. Raises HomeUnreachableError, with what was wrong with each, or BrowserFailedError.
        """
        several = len(self._addresses) > 1
        problems = []
        for address in self.addresses:
            await prepare(address)
            limit = HOME_TIMEOUT_S if several else seconds
            problem = await _visit(session, address, path, limit, check=several)
            if not problem:
                self._prefer(address)
                return
            problems.append(f"{address}: {problem}")
        raise HomeUnreachableError(detail="; ".join(problems))

    def _prefer(self, address: str) -> None:
        self._addresses.remove(address)
        self._addresses.insert(0, address)


def _origin(address: str) -> str:
    """Return an address as documents have it: without a path, nor a port that goes without saying."""
    try:
        url = URL(address).origin()
    except ValueError:
        raise HomeInvalidError from None
    if url.scheme not in {"http", "https"}:
        raise HomeInvalidError
    return str(url)


async def _visit(session: CdpSession, address: str, path: str, seconds: float, *, check: bool) -> str:
    """Lead a tab to a path at an address; return what is wrong, nothing when all is well.

    check: whether it may be somebody else who answers there.
    """
    try:
        async with asyncio.timeout(seconds):
            answer = await session.send("Page.navigate", url=address + path)
            if problem := answer.get("errorText"):
                return str(problem)
            if check and not await _is_home(session, address):
                return "Home Assistant is not there"
    except TimeoutError:
        return f"no answer within {seconds:g} s"
    return ""


async def _is_home(session: CdpSession, address: str) -> bool:
    expression = _IS_HOME % json.dumps(address)
    answer = await session.send(
        "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
    )
    return answer["result"].get("value") is True
