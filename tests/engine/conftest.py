"""Fixtures of the engine's tests: the loopback network, a browser, and that no process stays."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
import pytest_socket

from custom_components.dashboard_cast.engine.browser import LocalBrowser

from .frontend import Frontend
from .helpers import ancestry, processes
from .media import Coded, encode


@pytest.fixture(autouse=True)
def loopback(socket_enabled: None) -> None:
    """Let tests connect to this machine, which Home Assistant's test plugin forbids."""
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def no_process_stays() -> Iterator[None]:
    """Fail a test that leaves a process behind; what a living browser starts for itself is not the test's."""
    before = set(processes())
    yield
    new = [process for process in processes() if not before & ancestry(process)]
    _, left = psutil.wait_procs(new, timeout=3)
    names = [process.name() for process in left]
    for process in left:
        process.kill()
    assert not names


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder on PATH, which is empty; Playwright has no browser of its own either."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "playwright"))
    return folder


@pytest.fixture
async def frontend() -> AsyncIterator[Frontend]:
    """Return a server that plays Home Assistant's frontend."""
    async with Frontend() as running:
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[LocalBrowser]:
    """Return the local browser, which starts when a tab is opened."""
    local = LocalBrowser()
    yield local
    await local.stop()


@pytest.fixture(scope="session")
def coded() -> Coded:
    """Return pictures of the real encoder, at uneven times."""
    return encode()
