"""Keeps a browser running: starts it, watches it, and puts another in its place."""

import asyncio
from collections.abc import Awaitable, Callable
import logging
from typing import Final

from .chromium import BrowserGoneError, Chromium

_LOGGER = logging.getLogger(__name__)

# With the five seconds that an answer may take, a browser that hangs is found within seven.
_WATCH_INTERVAL_S: Final = 2.0
# One that fails is replaced at once; one that fails again and again, less and less often.
_STEADY_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 60.0
_MIB: Final = 1024 * 1024


class Keeper:
    """The owner of the one browser."""

    def __init__(
        self,
        launch: Callable[[], Awaitable[Chromium]],
        *,
        limit_mb: int,
        used_bytes: Callable[[], int | None],
    ) -> None:
        """launch: starts a browser. limit_mb: how much memory may be in use, in MiB."""
        self._launch = launch
        self._limit_mb = limit_mb
        self._used_bytes = used_bytes
        self._chromium: Chromium | None = None
        self.started = asyncio.Event()
        """Set when there was a browser for the first time."""

    @property
    def chromium(self) -> Chromium:
        """The browser of the moment; raises BrowserGoneError while there is none."""
        if self._chromium is None:
            raise BrowserGoneError("it is being started")
        return self._chromium

    async def run(self) -> None:
        """Keep a browser running, until cancelled."""
        clock = asyncio.get_running_loop().time
        failures = 0
        while True:
            start = clock()
            try:
                await self._keep_one()
            except BrowserGoneError as error:
                _LOGGER.warning("The browser is started anew, since %s", error)
            failures = 1 if clock() - start >= _STEADY_S else failures + 1
            # 0, 1, 2, 4, ... seconds
            await asyncio.sleep(min(2**failures // 4, _LONGEST_PAUSE_S))

    async def _keep_one(self) -> None:
        """Start a browser and watch it until it has to be replaced: raises BrowserGoneError."""
        chromium = await self._launch()
        try:
            _LOGGER.info("The browser is %s", (await chromium.version())["Browser"])
            self._chromium = chromium
            self.started.set()
            while True:
                await chromium.run(_WATCH_INTERVAL_S)
                await chromium.version()
                self._check_memory()
        finally:
            self._chromium = None
            await chromium.stop()

    def _check_memory(self) -> None:
        used = self._used_bytes()
        if used is not None and used > self._limit_mb * _MIB:
            raise BrowserGoneError(f"{used // _MIB} MB are in use, more than {self._limit_mb} MB")
