"""For tests and the benchmark: how long Home Assistant's event loop was blocked.

`pulse:` in the configuration switches it on; the action `pulse.read` tells what was since the last time.
"""

import asyncio
from collections.abc import Callable
import gc
import threading
import time
from typing import Any

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.helpers.typing import ConfigType

DOMAIN = "pulse"
# A beat costs 30 microseconds: at this rate half a percent of a core.
INTERVAL_S = 0.005
WORST = 10


class Pulse:
    """A timer that is meant to fire every 5 ms, and how late it was.

    wall: a clock in seconds; cpu: the CPU time of this thread in seconds. What is late on the first and not
    on the second did not run at all: other processes had the cores. Python's garbage collector is counted
    apart: it looks through all of Home Assistant now and then, whoever makes the objects.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        wall: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        """Prepare it; `start` starts it."""
        self._loop = loop
        self._wall = wall
        self._cpu = cpu
        self._timer: asyncio.TimerHandle | None = None
        self._last = (0.0, 0.0)
        self._beats: list[tuple[float, float]] = []
        self._thread = 0
        self._collecting = 0.0
        self._collected = 0.0
        self._collections: list[float] = []
        self._since = 0.0

    def start(self) -> None:
        """Begin."""
        self._since = self._wall()
        self._thread = threading.get_ident()
        gc.callbacks.append(self._collect)
        self._arm()

    def stop(self) -> None:
        """End."""
        if self._timer:
            self._timer.cancel()
            gc.callbacks.remove(self._collect)

    def read(self) -> dict[str, Any]:
        """Return what was since the last reading; all times but `seconds` in ms.

        lag: how late the loop came; busy: how long it ran between two beats without looking for events, as
        CPU time without the garbage collector. collected_max: the collector's longest run, as CPU time.
        worst: the latest beats as (lag, busy).
        """
        beats, self._beats = self._beats, []
        collections, self._collections = self._collections, []
        since, self._since = self._since, self._wall()
        lags = sorted(lag for lag, _busy in beats)
        return {
            "seconds": round(self._since - since, 1),
            "beats": len(beats),
            "lag_p50": _percentile(lags, 50),
            "lag_p99": _percentile(lags, 99),
            "lag_max": _percentile(lags, 100),
            "busy_max": max((busy for _lag, busy in beats), default=0.0),
            "collected_max": max(collections, default=0.0),
            "worst": sorted(beats, reverse=True)[:WORST],
        }

    def _arm(self) -> None:
        self._last = self._wall(), self._cpu()
        self._collected = 0.0
        self._timer = self._loop.call_later(INTERVAL_S, self._beat)

    def _beat(self) -> None:
        wall, cpu = self._last
        lag = self._wall() - wall - INTERVAL_S
        self._beats.append((_milliseconds(lag), _milliseconds(self._cpu() - cpu - self._collected)))
        self._arm()

    def _collect(self, phase: str, _info: dict[str, int]) -> None:
        """Take in that a collection starts or stops; one in another thread shows as late alone."""
        if threading.get_ident() != self._thread:
            return
        if phase == "start":
            self._collecting = self._cpu()
        else:
            took = self._cpu() - self._collecting
            self._collected += took
            self._collections.append(_milliseconds(took))


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 2)


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[(len(ordered) - 1) * percent // 100] if ordered else 0.0


async def async_setup(hass: HomeAssistant, _config: ConfigType) -> bool:
    """Start the pulse and offer the action."""
    pulse = Pulse(hass.loop)

    async def read(_call: ServiceCall) -> ServiceResponse:
        return pulse.read()

    def stop(_event: Event) -> None:
        pulse.stop()

    hass.services.async_register(DOMAIN, "read", read, supports_response=SupportsResponse.ONLY)
    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop)
    pulse.start()
    return True
