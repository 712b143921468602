"""Measures what runs for displays."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval

from .displays import Display
from .engine.figures import Figures
from .engine.stream import Stream

INTERVAL: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of a stream, and those before."""

    stream: Stream
    now: Figures
    before: Figures | None
    """None when these are the first."""


class Meter:
    """Takes the figures of what runs for displays.

    There is one timer for all, which stands still while nothing runs that somebody wants to know of.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass
        self._watches: list[tuple[Display, Callable[[], None]]] = []
        self._measured: dict[Display, Measured] = {}
        self._stop_timer: CALLBACK_TYPE | None = None

    def measured(self, display: Display) -> Measured | None:
        """Return what was measured last of what runs for a display; None when that was nothing yet."""
        found = self._measured.get(display)
        return found if found and found.stream is display.stream else None

    @callback
    def async_watch(self, display: Display, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call a listener when something of a display was measured, until that is taken back."""
        watch = (display, listener)
        self._watches.append(watch)
        # A display has each listener once, and several may watch it.
        unlisten = display.async_listen(partial(self._run_timer))
        self._run_timer()

        @callback
        def end() -> None:
            unlisten()
            self._watches.remove(watch)
            self._run_timer()

        return end

    def _run_timer(self) -> None:
        """Let the timer run while there is something to measure."""
        runs = any(display.stream for display, _ in self._watches)
        if runs and self._stop_timer is None:
            self._stop_timer = async_track_time_interval(
                self._hass, self._async_measure, INTERVAL, name="Dashboard Cast figures"
            )
        elif self._stop_timer and not runs:
            self._stop_timer()
            self._stop_timer = None
            self._measured.clear()

    async def _async_measure(self, _now: datetime) -> None:
        for display in {display for display, _ in self._watches}:
            await self._async_measure_one(display)
        for _, listener in [*self._watches]:
            listener()

    async def _async_measure_one(self, display: Display) -> None:
        if (stream := display.stream) is None:
            return
        now = await stream.figures()
        # What is over by now is nobody's business any more.
        if stream is display.stream:
            last = self.measured(display)
            self._measured[display] = Measured(stream, now, last.now if last else None)
