"""What we run in a page apart from its own scripts, which neither see nor change it."""

from typing import Any, Final

from .cdp import CdpSession

_NAME: Final = "dashboard-cast"


class World:
    """An isolated world of a tab: it shares the page's elements, and nothing else."""

    def __init__(self, session: CdpSession) -> None:
        self._session = session

    async def frame(self) -> str:
        """Return the id of the tab's main frame; raises BrowserFailedError."""
        tree = await self._session.send("Page.getFrameTree")
        identifier: str = tree["frameTree"]["frame"]["id"]
        return identifier

    async def evaluate(self, expression: str) -> Any:
        """Return what an expression is, or comes to, in the page that is shown now; None when it fails.

        Raises BrowserFailedError, also when the page goes just then.
        """
        world = await self._session.send(
            "Page.createIsolatedWorld", frameId=await self.frame(), worldName=_NAME
        )
        answer = await self._session.send(
            "Runtime.evaluate",
            expression=expression,
            contextId=world["executionContextId"],
            awaitPromise=True,
            returnByValue=True,
        )
        return answer["result"].get("value")
