"""When a stream has no live pictures: what is known, logged and shown of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
import logging
import time
from typing import Final

from .health import Health

_LOGGER = logging.getLogger(__name__)

# Most troubles are over before somebody wonders about the picture; then he is told, in seconds.
NOTE_AFTER_S: Final = 15.0


class Outages:
    """Keeps account of the times without live pictures.

    name: of the stream, for the log. show_note: called when an outage has lasted a while, with when it began,
    as `time.time()`; cancelled when the outage ends before it has returned.
    """

    def __init__(self, name: str, show_note: Callable[[float], Awaitable[None]]) -> None:
        self._name = name
        self._show_note = show_note
        self._noting: asyncio.Task[None] | None = None
        self.health = Health()
        """How the stream is."""

    def begin(self, trouble: str) -> None:
        """Note that there are no live pictures, and why; an outage that lasts gets the new reason."""
        if self.health.trouble:
            self.health = replace(self.health, trouble=trouble)
            _LOGGER.debug("%s: %s", self._name, trouble)
            return
        self.health = Health(trouble, time.time(), self.health.outages + 1, self.health.renewals)
        _LOGGER.warning("The picture of %s stays while this is being mended: %s", self._name, trouble)
        self._noting = asyncio.create_task(self._note(self.health.since), name=f"note {self._name}")

    def end(self) -> None:
        """Note that live pictures come; nothing to do when they did before."""
        if not self.health.trouble:
            return
        seconds = time.time() - self.health.since
        _LOGGER.info("The picture of %s is live again after %.1f s", self._name, seconds)
        self.health = replace(self.health, trouble="", since=0.0)
        self.stop()

    def count_renewal(self) -> None:
        """Note that a page was renewed in time."""
        self.health = replace(self.health, renewals=self.health.renewals + 1)

    def stop(self) -> None:
        """Let no note come any more."""
        if self._noting:
            self._noting.cancel()

    async def _note(self, since: float) -> None:
        await asyncio.sleep(NOTE_AFTER_S)
        await self._show_note(since)
