"""Tests of sending to a Cast device from several threads, with the real pychromecast and TLS."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from homeassistant.core import HomeAssistant
from pychromecast import Chromecast, get_chromecast_from_cast_info
from pychromecast.models import CastInfo, HostServiceInfo
import pytest
import pytest_socket

from custom_components.dashboard_cast.registry import Registry
from custom_components.dashboard_cast.sending import send_in_turn

from .common import PROFILE, SOURCE, TV, Home, Players, until
from .tv.addresses import NETWORK
from .tv.castv2 import PORT, CastServer, Message, Sender
from .tv.certificate import server_context

HOST = f"{NETWORK}.43"
NAMESPACE = "urn:x-cast:com.google.cast.receiver"
THREADS = 4
MESSAGES = 500
WITHIN_S = 10.0


@pytest.fixture
async def heard(hass: HomeAssistant, socket_enabled: None) -> AsyncIterator[list[int]]:
    """Return the numbers that a Cast device gets, one for each message, in order."""
    pytest_socket.socket_allow_hosts([HOST], allow_unix_socket=True)
    numbers: list[int] = []

    async def hear(sender: Sender, message: Message) -> None:
        match message.data:
            case {"number": number}:
                numbers.append(number)
            case {"type": "PING"}:
                # TLS begins with something to read: without more pychromecast waits for more.
                sender.send(Message(message.destination, message.source, message.namespace, {"type": "PONG"}))

    server = CastServer(HOST, hear)
    await server.start(await hass.async_add_executor_job(server_context, "TV"))
    yield numbers
    await server.stop()


@pytest.fixture
async def chromecast(hass: HomeAssistant, heard: list[int]) -> AsyncIterator[Chromecast]:
    """Return the device as pychromecast has it, connected."""
    info = CastInfo({HostServiceInfo(HOST, PORT)}, UUID(int=1), "Chromecast", "TV", HOST, PORT, "cast", "")
    found = get_chromecast_from_cast_info(info, None)
    found.start()
    await until(lambda: not found.socket_client.connecting)
    yield found
    await hass.async_add_executor_job(found.disconnect, WITHIN_S)


def send(chromecast: Chromecast, thread: int) -> None:
    """Send all messages of a thread."""
    for number in range(thread * MESSAGES, (thread + 1) * MESSAGES):
        chromecast.socket_client.send_message("receiver-0", NAMESPACE, {"number": number})


async def test_threads(hass: HomeAssistant, chromecast: Chromecast, heard: list[int]) -> None:
    """Whatever threads send at once arrives, and the connection stands."""
    send_in_turn(chromecast)
    with ThreadPoolExecutor(THREADS) as pool:
        sending = [hass.loop.run_in_executor(pool, send, chromecast, thread) for thread in range(THREADS)]
        for one in sending:
            await one
    await until(lambda: len(heard) == THREADS * MESSAGES)
    assert sorted(heard) == [*range(THREADS * MESSAGES)]


async def test_once(chromecast: Chromecast) -> None:
    """To ask for it again changes nothing."""
    send_in_turn(chromecast)
    once = chromecast.socket_client.send_message
    send_in_turn(chromecast)
    assert chromecast.socket_client.send_message is once


async def test_who_is_cast_to(registry: Registry, players: Players) -> None:
    """A device takes its turn from the first LOAD on; others are left as they are."""
    before = [one.chromecast.socket_client.send_message for one in (players.tv, players.second_tv)]
    await registry.async_cast(TV, SOURCE, PROFILE)
    assert players.tv.chromecast.socket_client.send_message is not before[0]
    assert players.second_tv.chromecast.socket_client.send_message is before[1]


async def test_who_has_a_display(home: Home) -> None:
    """So does the device of a display, before anything is sent to it."""
    before = home.players.device.socket_client.send_message
    home.add(condition="input_boolean.none")
    await home.wait(0)
    assert not home.players.device.media_controller.loads
    assert home.players.device.socket_client.send_message is not before
