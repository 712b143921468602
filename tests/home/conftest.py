"""Fixtures of tests with a real Home Assistant: sockets, and one home for all tests of a module."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import pytest_socket

from .home import Home


@pytest.fixture(autouse=True)
def allow_sockets(socket_enabled: None) -> None:
    """Let every test here use the network of this machine."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home() -> AsyncIterator[Home]:
    """Return a Home Assistant that runs; for tests marked with the module's event loop."""
    # Comes before the fixtures of the first test that wants it, while sockets are still blocked.
    pytest_socket.enable_socket()
    async with Home(configuration="pulse:\nstage:\n") as running:
        yield running
