"""One running app for all tests of a module."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import pytest_socket

from .container import Container

LOOPBACK = ["127.0.0.1"]


@pytest.fixture(autouse=True)
def loopback(socket_enabled: None) -> None:
    """Let tests connect to this machine, which Home Assistant's test plugin forbids."""
    pytest_socket.socket_allow_hosts(LOOPBACK, allow_unix_socket=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def container(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Container]:
    """Return the app, with a browser that answers."""
    # Comes before the fixtures of the first test that wants it, while sockets are still blocked.
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(LOOPBACK, allow_unix_socket=True)
    async with Container(tmp_path_factory.mktemp("container")) as running:
        yield running
