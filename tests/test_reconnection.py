"""Tests of coming back to a Cast device that was away: the real pychromecast, and a Cast server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import override
from uuid import UUID

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pychromecast import Chromecast, get_chromecast_from_cast_info
from pychromecast.discovery import CastBrowser, SimpleCastListener
from pychromecast.models import CastInfo, HostServiceInfo
from pychromecast.socket_client import (
    CONNECTION_STATUS_CONNECTED,
    CONNECTION_STATUS_FAILED,
    ConnectionStatus,
    ConnectionStatusListener,
)
import pytest
import pytest_socket

from custom_components.dashboard_cast import reconnection
from custom_components.dashboard_cast.reconnection import Reconnection

from .common import MockConfigEntry, until
from .tv.addresses import NETWORK
from .tv.blackhole import BlackHole
from .tv.castv2 import PORT, CastServer, Message, Sender
from .tv.certificate import server_context

HOST = f"{NETWORK}.41"
OTHER_HOST = f"{NETWORK}.42"
SERVICE = HostServiceInfo(HOST, PORT)
OWN_WAIT_S = 60.0
SOON_S = 0.05
WITHIN_S = 10.0

type Start = Callable[[str], Awaitable[None]]


@dataclass
class Device(ConnectionStatusListener):
    """A Cast device that nobody answers for, and whose next try by pychromecast itself is far away."""

    chromecast: Chromecast
    browser: CastBrowser
    entity_id: str = ""
    heard: list[str] = field(default_factory=list)

    @override
    def new_connection_status(self, status: ConnectionStatus) -> None:
        self.heard.append(status.status)
        # It waits this long from pass to pass; how long for the service was settled before.
        self.chromecast.socket_client.retry_wait = SOON_S


@pytest.fixture
def soon(socket_enabled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask often, on this machine only."""
    pytest_socket.socket_allow_hosts(["127.0.0.0/8"], allow_unix_socket=True)
    monkeypatch.setattr(reconnection, "INTERVAL_S", SOON_S)
    monkeypatch.setattr(reconnection, "_ANSWER_TIMEOUT_S", SOON_S)


@pytest.fixture
async def device(hass: HomeAssistant, soon: None) -> AsyncIterator[Device]:
    """Return a Cast device that Home Assistant knows of, and cannot reach."""
    uuid = UUID(int=1)
    info = CastInfo({SERVICE}, uuid, "Chromecast", "TV", HOST, PORT, "cast", "Google Inc.")
    browser = CastBrowser(SimpleCastListener())
    browser.devices[uuid] = info
    found = Device(get_chromecast_from_cast_info(info, None, retry_wait=OWN_WAIT_S), browser)
    found.chromecast.register_connection_listener(found)
    entry = MockConfigEntry(domain="cast")
    entry.runtime_data = SimpleNamespace(browser=browser)
    entry.add_to_hass(hass)
    entity = er.async_get(hass).async_get_or_create("media_player", "cast", str(uuid), config_entry=entry)
    found.entity_id = entity.entity_id
    found.chromecast.start()
    await until(lambda: CONNECTION_STATUS_FAILED in found.heard)
    yield found
    await hass.async_add_executor_job(found.chromecast.disconnect, WITHIN_S)


@pytest.fixture
async def server(hass: HomeAssistant, soon: None) -> AsyncIterator[Start]:
    """Return how to have something answer at an address."""

    async def ignore(_sender: Sender, _message: Message) -> None:
        """Say nothing: a connection is all that it takes."""

    servers: list[CastServer] = []

    async def start(host: str) -> None:
        servers.append(CastServer(host, ignore))
        await servers[-1].start(await hass.async_add_executor_job(server_context, "TV"))

    yield start
    for one in servers:
        await one.stop()


@pytest.fixture
async def asking(hass: HomeAssistant, device: Device) -> AsyncIterator[Reconnection]:
    """Return what asks the device."""
    found = Reconnection(hass, device.entity_id)
    found.want(wanted=True)
    yield found
    found.want(wanted=False)


async def test_back(device: Device, asking: Reconnection, server: Start) -> None:
    """A device that answers again is connected to at once, and nothing of it stays."""
    await server(HOST)
    await until(lambda: device.heard[-1] == CONNECTION_STATUS_CONNECTED)
    asking.want(wanted=False)
    await until(lambda: device.chromecast.socket_client.services == {SERVICE})


async def test_missed(
    hass: HomeAssistant, device: Device, server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that is connected to, and taken for away, is told of once more, and not connected to anew."""
    device.chromecast.socket_client.services.add(HostServiceInfo(OTHER_HOST, PORT))
    await server(OTHER_HOST)
    await until(lambda: not device.chromecast.socket_client.first_connection)
    heard = [*device.heard]
    monkeypatch.setattr(reconnection, "chromecast_of", lambda *_: device.chromecast)
    asking = Reconnection(hass, device.entity_id)
    asking.want(wanted=True)
    await until(lambda: len(device.heard) > len(heard))
    asking.want(wanted=False)
    assert {*device.heard[len(heard) :]} == {CONNECTION_STATUS_CONNECTED}


async def test_other_address(device: Device, asking: Reconnection, server: Start) -> None:
    """A device that has got another address meanwhile is found there."""
    (uuid,) = device.browser.devices
    device.browser.devices[uuid] = replace(device.browser.devices[uuid], host=OTHER_HOST)
    await server(OTHER_HOST)
    await until(lambda: device.heard[-1] == CONNECTION_STATUS_CONNECTED)
    assert device.chromecast.socket_client.host == OTHER_HOST


async def test_no_answer(device: Device, asking: Reconnection, server: Start) -> None:
    """An address that does not answer is not tried, however often it is asked."""
    hole = BlackHole(HOST, PORT)
    heard = [*device.heard]
    await asyncio.sleep(10 * SOON_S)
    assert device.heard == heard
    hole.close()
    await server(HOST)
    await until(lambda: device.heard[-1] == CONNECTION_STATUS_CONNECTED)


async def test_not_wanted(device: Device, asking: Reconnection, server: Start) -> None:
    """Nobody asks when nothing is wanted there: pychromecast tries when it likes."""
    asking.want(wanted=False)
    heard = [*device.heard]
    await server(HOST)
    await asyncio.sleep(10 * SOON_S)
    assert device.heard == heard
