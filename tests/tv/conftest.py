"""A television, a sender that follows it, and streams to play."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_socket

from .addresses import NETWORK
from .library import PlayerKind
from .sender import Sender
from .stream import live_hls, serve
from .television import Television

HOST = f"{NETWORK}.99"


@pytest.fixture(autouse=True)
def loopback(socket_enabled: None) -> None:
    """Let tests connect to this machine, which Home Assistant's test plugin forbids."""
    pytest_socket.socket_allow_hosts(["127.0.0.0/8"], allow_unix_socket=True)


@pytest.fixture
async def tv(loopback: None, request: pytest.FixtureRequest) -> AsyncIterator[Television]:
    """Return a television that is on; its parameter is the player, when another than Shaka 5 is wanted."""
    player = getattr(request, "param", PlayerKind.SHAKA_5)
    async with Television(
        HOST, name="Test TV", model="Google Nest Hub", size=(640, 360), player=player
    ) as television:
        yield television


@pytest.fixture
async def sender(tv: Television) -> AsyncIterator[Sender]:
    """Return a connected sender."""
    async with Sender(tv) as connected:
        yield connected


@pytest.fixture
async def live_url(tmp_path: Path) -> AsyncIterator[str]:
    """Return the URL of a live stream."""
    async with live_hls(tmp_path) as playlist, serve(tmp_path) as url:
        yield f"{url}/{playlist}"
