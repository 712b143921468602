"""One house for all tests of a module."""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
import logging

import pytest
import pytest_asyncio
import pytest_socket

from ..common import one_thread
from .house import House, house as open_house

LOOPBACK = ["127.0.0.0/8"]

# What the TV was told is shown with it.
logging.getLogger("tests.tv").setLevel(logging.DEBUG)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell what Home Assistant has printed last when a test has failed."""
    report = yield
    # A ward has its house.
    found = [getattr(one, "house", one) for one in getattr(item, "funcargs", {}).values()]
    houses = [one for one in found if isinstance(one, House)]
    if report.failed and houses:
        report.sections.append(("Home Assistant's log", houses[0].home.log_tail()))
    return report


@pytest.fixture(autouse=True)
def loopback(socket_enabled: None) -> None:
    """Let tests connect to this machine, which Home Assistant's test plugin forbids."""
    pytest_socket.socket_allow_hosts(LOOPBACK, allow_unix_socket=True)


def allow_loopback() -> None:
    """Do so for a fixture of several tests, which comes while sockets are still blocked."""
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(LOOPBACK, allow_unix_socket=True)


def print_table(config: pytest.Config, *head: str) -> Iterator[list[str]]:
    """Yield the rows of a table for docs/reliability.md; with `-v` they are shown in the end."""
    rows: list[str] = []
    yield rows
    if config.get_verbosity() > 0:
        plugins = config.pluginmanager
        lines = ("", f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows)
        with plugins.getplugin("capturemanager").global_and_fixture_disabled():
            plugins.getplugin("terminalreporter").write_line("\n".join(lines))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_house() -> AsyncIterator[House]:
    """Return a house that lives as long as the module's tests; for them `house` is what to use."""
    allow_loopback()
    one_thread(asyncio.get_running_loop())
    async with open_house() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def house(shared_house: House) -> AsyncIterator[House]:
    """Return a house in which nothing is shown, and see to it that this is so afterwards."""
    yield shared_house
    await shared_house.stop()
    await shared_house.encoders_end()
