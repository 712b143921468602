"""Tests of sending to a Cast device from several threads, with the real pychromecast and TLS."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

from homeassistant.core import HomeAssistant
from pychromecast import Chromecast, get_chromecast_from_cast_info
from pychromecast.models import CastInfo, HostServiceInfo
import pytest
import pytest_socket

from custom_components.dashboard_cast import sending as module
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
UNSENT_S = 0.2


@dataclass
class Device:
    """A Cast device that notes what it gets."""

    numbers: list[int] = field(default_factory=list)
    """One for each message, in order."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether it was asked how it is."""
    says_how_it_is: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether it answers that."""
    sender: Sender | None = None

    async def hear(self, sender: Sender, message: Message) -> None:
        """Take a message."""
        self.sender = sender
        match message.data:
            case {"number": number}:
                self.numbers.append(number)
            case {"type": "GET_STATUS", "requestId": request}:
                self.asked.set()
                asyncio.get_running_loop().create_task(self._answer(sender, request))

    def hang_up(self) -> None:
        """Cut the connection, and be as silent as at first."""
        self.asked.clear()
        self.says_how_it_is.clear()
        assert self.sender is not None
        self.sender.abort()

    async def _answer(self, sender: Sender, request: int) -> None:
        await self.says_how_it_is.wait()
        data = {"type": "RECEIVER_STATUS", "requestId": request, "status": {"volume": {"level": 1.0}}}
        sender.send(Message("receiver-0", "*", NAMESPACE, data))


@pytest.fixture
async def device(hass: HomeAssistant, socket_enabled: None) -> AsyncIterator[Device]:
    """Return a device that can be connected to."""
    pytest_socket.socket_allow_hosts([HOST], allow_unix_socket=True)
    found = Device()
    server = CastServer(HOST, found.hear)
    await server.start(await hass.async_add_executor_job(server_context, "TV"))
    yield found
    await server.stop()


@pytest.fixture
async def chromecast(hass: HomeAssistant, device: Device) -> AsyncIterator[Chromecast]:
    """Return the device as pychromecast has it, connected, with who sends to it waiting for their turn."""
    info = CastInfo({HostServiceInfo(HOST, PORT)}, UUID(int=1), "Chromecast", "TV", HOST, PORT, "cast", "")
    found = get_chromecast_from_cast_info(info, None)
    send_in_turn(found)
    found.start()
    await device.asked.wait()
    yield found
    # Until there is something to read, pychromecast's thread does not see that it is to end.
    device.says_how_it_is.set()
    await hass.async_add_executor_job(found.disconnect, WITHIN_S)


def send(chromecast: Chromecast, thread: int, messages: int = MESSAGES) -> None:
    """Send all messages of a thread."""
    for number in range(thread * messages, (thread + 1) * messages):
        chromecast.socket_client.send_message("receiver-0", NAMESPACE, {"number": number})


async def test_threads(hass: HomeAssistant, chromecast: Chromecast, device: Device) -> None:
    """Whatever threads send at once arrives, and the connection stands."""
    device.says_how_it_is.set()
    with ThreadPoolExecutor(THREADS) as pool:
        sending = [hass.loop.run_in_executor(pool, send, chromecast, thread) for thread in range(THREADS)]
        for one in sending:
            await one
    await until(lambda: len(device.numbers) == THREADS * MESSAGES)
    assert sorted(device.numbers) == [*range(THREADS * MESSAGES)]


async def test_beginning(hass: HomeAssistant, chromecast: Chromecast, device: Device) -> None:
    """Nothing is sent before the device has said how it is, after a connection that was lost, too."""
    await sends_later(hass, chromecast, device, [1])
    device.hang_up()
    await device.asked.wait()
    await sends_later(hass, chromecast, device, [1, 2])


async def sends_later(
    hass: HomeAssistant, chromecast: Chromecast, device: Device, expected: list[int]
) -> None:
    """Send the last of these numbers, which the device gets after it has said how it is."""
    sending = hass.async_add_executor_job(send, chromecast, expected[-1], 1)
    done, _ = await asyncio.wait([sending], timeout=UNSENT_S)
    assert not done
    assert device.numbers == expected[:-1]
    device.says_how_it_is.set()
    await sending
    await until(lambda: device.numbers == expected)


async def test_silent(
    hass: HomeAssistant, chromecast: Chromecast, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a device that does not say it, messages are sent all the same after some seconds."""
    monkeypatch.setattr(module, "_BEGINNING_S", UNSENT_S)
    await hass.async_add_executor_job(send, chromecast, 7, 1)
    await until(lambda: device.numbers == [7])


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
