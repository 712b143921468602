"""A Cast device that was away: Home Assistant is connected to it again soon after it answers."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
import logging
from typing import Final
from uuid import UUID

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_time_interval
from pychromecast import Chromecast
from pychromecast.discovery import CastBrowser
from pychromecast.models import CastInfo, HostServiceInfo
from pychromecast.socket_client import CONNECTION_STATUS_CONNECTED, ConnectionStatus, NetworkAddress

from .const import CAST_INTEGRATION
from .devices import chromecast_of

_LOGGER = logging.getLogger(__name__)

# pychromecast looks as often for what to try (`RETRY_TIME`).
INTERVAL_S: Final = 5.0
_ANSWER_TIMEOUT_S: Final = 3.0


@dataclass(frozen=True)
class _Trial(HostServiceInfo):
    """An address to try at once: pychromecast waits only before what it has tried before."""

    number: int


class Reconnection:
    """Asks a Cast device that is away every few seconds, and has pychromecast try when it answers.

    By itself pychromecast doubles its wait after each failure, up to five minutes
    (`SocketClient.initialize_connection`). It looks through the services of a device in each pass, though,
    and allows for changes to them.

    A device may also be connected to, and away all the same: the Cast integration takes it for away after it
    has let pychromecast's thread begin, which is told to it already when the machine is busy at that moment.
    Then pychromecast tells again.
    """

    def __init__(self, hass: HomeAssistant, entity_id: str) -> None:
        self._hass = hass
        self._entity_id = entity_id
        self._stop_asking: CALLBACK_TYPE | None = None
        self._forget: CALLBACK_TYPE | None = None
        self._trials = 0

    @callback
    def want(self, *, wanted: bool) -> None:
        """Begin to ask, or stop; does nothing when that is what it does."""
        if wanted and not self._stop_asking:
            name = f"reconnect {self._entity_id}"
            interval = timedelta(seconds=INTERVAL_S)
            self._stop_asking = async_track_time_interval(self._hass, self._async_ask, interval, name=name)
        elif not wanted and self._stop_asking:
            self._stop_asking()
            self._stop_asking = None
            self._forget_trial()

    async def _async_ask(self, _now: datetime) -> None:
        chromecast = chromecast_of(self._hass, self._entity_id)
        if chromecast and chromecast.socket_client.is_connected:
            _LOGGER.debug("%s is connected to, which Home Assistant does not know", self._entity_id)
            await self._hass.async_add_executor_job(_tell_again, chromecast)
            return
        found = _cast_info(self._hass, self._entity_id)
        answers = found is not None and await _answers(found)
        self._forget_trial()
        if found and answers and self._stop_asking:
            _LOGGER.debug("%s answers at %s:%s", self._entity_id, found.host, found.port)
            self._try(found)

    def _try(self, found: CastInfo) -> None:
        """Have a device tried where it was last, whatever was tried before."""
        self._trials += 1
        services, trial = found.services, _Trial(found.host, found.port, self._trials)
        # pychromecast's discovery adds and removes services in the same way, in threads of its own.
        services.add(trial)
        self._forget = lambda: services.discard(trial)

    def _forget_trial(self) -> None:
        if self._forget:
            self._forget()
            self._forget = None


def _cast_info(hass: HomeAssistant, entity_id: str) -> CastInfo | None:
    """Return what Home Assistant's Cast integration knows of a device: where it was last, for one."""
    entity = er.async_get(hass).async_get(entity_id)
    if entity is None or entity.platform != CAST_INTEGRATION or entity.config_entry_id is None:
        return None
    entry = hass.config_entries.async_get_entry(entity.config_entry_id)
    browser: CastBrowser | None = getattr(getattr(entry, "runtime_data", None), "browser", None)
    return browser.devices.get(UUID(entity.unique_id)) if browser else None


def _tell_again(chromecast: Chromecast) -> None:
    """Have pychromecast say once more that it is connected to a device."""
    client = chromecast.socket_client
    address = NetworkAddress(client.host, client.port)
    client._report_connection_status(ConnectionStatus(CONNECTION_STATUS_CONNECTED, address, None))


async def _answers(found: CastInfo) -> bool:
    """Return whether somebody takes connections where a device was last."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            _, writer = await asyncio.open_connection(found.host, found.port)
        writer.close()
        return True
    return False
