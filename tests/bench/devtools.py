"""The few words of the Chrome DevTools Protocol that show a page signed in."""

import asyncio
import itertools
from pathlib import Path
from typing import Any, Self

import aiohttp

from tests.home.kiosk import CARDS_SCRIPT, KIOSK_SCRIPT, sign_in_script

from .pipeline import Page, PipelineError

START_TIMEOUT_S = 60
POLL_INTERVAL_S = 0.1


def debugging_port(profile: Path) -> int | None:
    """Return where the browser with this profile folder listens, None until it does."""
    file = profile / "DevToolsActivePort"
    lines = file.read_text().splitlines() if file.exists() else []
    return int(lines[0]) if lines else None


class DevTools:
    """The only tab of a browser; scripts added to it live as long as this connection."""

    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._session = session
        self._socket = socket
        self._numbers = itertools.count(1)

    @classmethod
    async def connect(cls, profile: Path) -> Self:
        """Connect to the browser that runs with this profile folder, as soon as it is up.

        Raises PipelineError after 60 s.
        """
        session = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                address = await cls._tab(session, profile)
                return cls(session, await session.ws_connect(address, max_msg_size=0))
        except BaseException as error:
            await session.close()
            if isinstance(error, TimeoutError):
                raise PipelineError("the browser opened no tab") from error
            raise

    @staticmethod
    async def _tab(session: aiohttp.ClientSession, profile: Path) -> str:
        while True:
            if port := debugging_port(profile):
                async with session.get(f"http://127.0.0.1:{port}/json/list") as response:
                    tabs = [tab for tab in await response.json() if tab["type"] == "page"]
                if tabs:
                    address: str = tabs[0]["webSocketDebuggerUrl"]
                    return address
            await asyncio.sleep(POLL_INTERVAL_S)

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the result of a command; raises PipelineError when the browser refuses."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while (answer := await self._socket.receive_json()).get("id") != number:
            pass
        if "error" in answer:
            raise PipelineError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    async def show(self, page: Page) -> None:
        """Show a dashboard like a kiosk and wait until it has cards; raises PipelineError after 60 s."""
        await self.send("Page.enable")
        for script in (sign_in_script(page.token), KIOSK_SCRIPT):
            await self.send("Page.addScriptToEvaluateOnNewDocument", source=script)
        await self.send("Page.navigate", url=page.url)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not await self._cards():  # noqa: ASYNC110
                    await asyncio.sleep(POLL_INTERVAL_S)
        except TimeoutError as error:
            raise PipelineError("the dashboard did not appear") from error
        # Without this the browser would go on sending events that nobody reads.
        await self.send("Page.disable")

    async def _cards(self) -> int:
        answer = await self.send("Runtime.evaluate", expression=f"({CARDS_SCRIPT})()", returnByValue=True)
        return int(answer["result"].get("value", 0))

    async def close(self) -> None:
        """End the connection; the browser stays."""
        await self._socket.close()
        await self._session.close()
