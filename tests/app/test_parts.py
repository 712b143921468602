"""The app's parts, each alone: options, discovery, memory, and browsers that do not start."""

import asyncio
from functools import partial
from pathlib import Path
import socket
import stat
import sys
import tempfile

import aiohttp
import pytest

from browser_app.dashboard_cast_browser import discovery
from browser_app.dashboard_cast_browser.chromium import (
    FRAME_CONTROL_SWITCHES,
    SWITCHES,
    BrowserGoneError,
    Chromium,
)
from browser_app.dashboard_cast_browser.keeper import Keeper
from browser_app.dashboard_cast_browser.memory import used_bytes
from browser_app.dashboard_cast_browser.options import Options, OptionsError
from custom_components.dashboard_cast.engine import chromium as local

from ..engine.helpers import executable, processes, until
from .container import APP, PACKAGE, write_memory, write_options
from .supervisor import TOKEN, Supervisor


def test_switches_are_those_of_the_local_browser() -> None:
    """Pages are drawn alike by both browsers; only the way in differs."""
    assert SWITCHES[1:] == local._SWITCHES[1:]
    assert SWITCHES[0] == "--remote-debugging-port=0"
    assert local._SWITCHES[0] == "--remote-debugging-pipe"
    assert FRAME_CONTROL_SWITCHES == local._FRAME_CONTROL_SWITCHES


def test_token_is_kept(tmp_path: Path) -> None:
    """The token that was made once stays, and differs from everybody else's."""
    tokens = []
    for name in ("mine", "mine", "yours"):
        write_options(tmp_path / name)
        tokens.append(Options.load(tmp_path / name).token)
    assert tokens[0] == tokens[1] != tokens[2]
    assert stat.S_IMODE((tmp_path / "mine" / "token").stat().st_mode) == 0o600


def test_token_is_made_after_a_power_cut(tmp_path: Path) -> None:
    """A token that was not written to its end is made anew."""
    write_options(tmp_path)
    (tmp_path / "token.new").write_text("half a tok")
    assert len(Options.load(tmp_path).token) == 43


def test_token_of_the_user(tmp_path: Path) -> None:
    """A token that the user gives is taken, and our own is neither made nor lost."""
    write_options(tmp_path, token="a-token-of-the-user's"[:-2])
    assert Options.load(tmp_path).token == "a-token-of-the-user"
    assert not (tmp_path / "token").exists()


@pytest.mark.parametrize(
    "token", ["too short", "fifteen-letters", "with a space in it", "a&b=c" * 5, "ü" * 20]
)
def test_bad_token_is_refused(tmp_path: Path, token: str) -> None:
    """A token that is easily guessed or breaks an address is refused."""
    write_options(tmp_path, token=token)
    with pytest.raises(OptionsError, match="16 characters"):
        Options.load(tmp_path)


async def test_bad_token_ends_the_app(tmp_path: Path) -> None:
    """The app says what is wrong with the options, without telling the token, and ends."""
    write_options(tmp_path, token="not good")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", PACKAGE, "--data", str(tmp_path)), cwd=APP, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"The token needs" in said
    assert b"not good" not in said


async def test_announcement_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Supervisor that fails is told again, until it has taken the announcement."""
    monkeypatch.setattr(discovery, "_RETRY_S", 0)
    monkeypatch.setenv("SUPERVISOR_TOKEN", TOKEN)
    async with Supervisor(failures=2) as supervisor, aiohttp.ClientSession() as http, asyncio.timeout(5):
        await discovery.announce(http, supervisor.url, 9222, "secret")
    assert supervisor.announcements.get_nowait() == {
        "service": "dashboard_cast",
        "config": {"host": socket.gethostname(), "port": 9222, "token": "secret"},
    }
    assert supervisor.announcements.empty()


async def test_nobody_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of Home Assistant OS the app goes without."""
    monkeypatch.delenv("SUPERVISOR_TOKEN", raising=False)
    async with Supervisor() as supervisor, aiohttp.ClientSession() as http, asyncio.timeout(5):
        await discovery.announce(http, supervisor.url, 9222, "secret")
    assert supervisor.announcements.empty()


def test_memory(tmp_path: Path) -> None:
    """Files that the kernel keeps while there is room do not count."""
    write_memory(tmp_path, 300, inactive_mb=100)
    assert used_bytes(tmp_path) == 200 << 20


def test_memory_is_unknown(tmp_path: Path) -> None:
    """A kernel that does not tell is no failure."""
    assert used_bytes(tmp_path) is None


async def launch(program: str) -> Chromium:
    """Start a program as the browser."""
    async with aiohttp.ClientSession() as http:
        return await Chromium.start(program, user=None, heap_mb=512, http=http)


async def test_browser_is_missing() -> None:
    """A program that is not there is named."""
    with pytest.raises(BrowserGoneError, match=r"does not start.*/no/such/browser"):
        await launch("/no/such/browser")


async def test_browser_that_ends(tmp_path: Path) -> None:
    """A browser that ends before it listens is no browser; whatever long lines it wrote."""
    program = executable(tmp_path, "browser", "head -c 3000000 /dev/zero >&2", "echo end >&2")
    with pytest.raises(BrowserGoneError, match="ended while it started"):
        await launch(str(program))


@pytest.mark.parametrize("turns", range(1, 8))
async def test_cancelled_start_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    """Whenever a start is given up, neither files nor processes stay."""
    program = executable(tmp_path, "browser", "exec sleep 60")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "files"))
    (tmp_path / "files").mkdir()
    starting = asyncio.create_task(launch(str(program)))
    for _ in range(turns):
        await asyncio.sleep(0)
    starting.cancel()
    await asyncio.wait([starting])
    assert not list((tmp_path / "files").iterdir())
    await until(lambda: not processes("sleep"))


async def test_failing_browser_is_started_less_and_less_often(tmp_path: Path) -> None:
    """The machine is left in peace by a browser that cannot run."""
    starts = tmp_path / "starts"
    program = executable(tmp_path, "browser", f"date +%s.%N >>{starts}", "exit 1")
    keeper = Keeper(partial(launch, str(program)), limit_mb=1024, used_bytes=lambda: None)
    with pytest.raises(BrowserGoneError, match="is being started"):
        _ = keeper.chromium
    keeping = asyncio.create_task(keeper.run())
    await until(lambda: starts.exists() and len(starts.read_text().splitlines()) == 3)
    keeping.cancel()
    await asyncio.wait([keeping])
    first, second, third = (float(line) for line in starts.read_text().split())
    assert second - first < 1 <= third - second
    assert not keeper.started.is_set()
