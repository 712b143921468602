"""The Chrome DevTools Protocol (CDP) as pages use it, whoever carries it."""

from collections.abc import Callable
from typing import Any, Protocol

type Json = dict[str, Any]
type EventHandler = Callable[[Json], None]


class CdpSession(Protocol):
    """A session with one target of a browser."""

    async def send(self, method: str, **parameters: Any) -> Json:
        """Call a method and return its result; raises BrowserFailedError when it fails."""

    def on(self, event: str, handler: EventHandler) -> None:
        """Call `handler` with the parameters of every such event."""


class Tab(Protocol):
    """One browser tab with cookies and storage of its own, which end with it."""

    @property
    def session(self) -> CdpSession:
        """The CDP session with the tab's page."""

    def on_lost(self, handler: Callable[[str], None]) -> None:
        """Call `handler`, with the reason, when the tab crashes or its browser is gone."""

    async def close(self) -> None:
        """Close the tab; does nothing when it is gone already."""


class Browser(Protocol):
    """Where tabs come from."""

    async def open_tab(self) -> Tab:
        """Open a tab, starting the browser when needed.

        Raises BrowserMissingError or BrowserFailedError.
        """

    async def stop(self) -> None:
        """Close all tabs and end the browser."""
