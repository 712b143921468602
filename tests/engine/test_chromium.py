"""Tests of the Chromium process: where it is found, and what it leaves on disk."""

import os
from pathlib import Path
import re
import shutil
import subprocess
import sys

import pytest

from custom_components.dashboard_cast.engine import chromium as module
from custom_components.dashboard_cast.engine.chromium import (
    EXECUTABLES,
    Chromium,
    ProfileFolder,
    find_executable,
)
from custom_components.dashboard_cast.errors import BrowserFailedError

from .helpers import TIMEOUT_S, executable, processes

PLAYWRIGHTS = (
    "chromium-1300/chrome-linux64/chrome",
    "chromium_headless_shell-999/chrome-linux/headless_shell",
    "chromium_headless_shell-1000/chrome-headless-shell-linux64/chrome-headless-shell",
)


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that is taken for memory."""
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.setattr(module, "_MEMORY", folder)
    return folder


def test_finds_the_lean_one_first(empty_path: Path) -> None:
    """Of several browsers the headless shell is taken, then the others in their order."""
    for name in reversed(EXECUTABLES):
        path = executable(empty_path, name)
        assert find_executable() == str(path)


def test_finds_none(empty_path: Path) -> None:
    """Where there is no browser, none is found."""
    assert find_executable() is None


def test_finds_the_configured_one(empty_path: Path, tmp_path: Path) -> None:
    """A configured browser is taken, by path or by name, and no other in its place."""
    executable(empty_path, "chromium")
    mine = executable(tmp_path, "mine")
    by_name = executable(empty_path, "brave")
    assert find_executable(str(mine)) == str(mine)
    assert find_executable("brave") == str(by_name)
    assert find_executable("/no/such/browser") is None


def test_finds_playwrights_last(empty_path: Path, tmp_path: Path) -> None:
    """Of those that Playwright downloaded the newest lean one is taken, when PATH has none."""
    for name in PLAYWRIGHTS:
        path = executable(tmp_path / "playwright", name)
        assert find_executable() == str(path)
    (tmp_path / "playwright/chromium_headless_shell-1001/linux").mkdir(parents=True)
    (tmp_path / "playwright/chromium_headless_shell-1001/linux/headless_shell").touch()
    assert find_executable() == str(path)
    on_path = executable(empty_path, "google-chrome")
    assert find_executable() == str(on_path)


def test_finds_where_playwright_puts_it(empty_path: Path, tmp_path: Path) -> None:
    """The place is that where the installed Playwright looks."""
    ask = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as running: print(running.chromium.executable_path)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", ask], env={**os.environ, "PATH": os.defpath}, capture_output=True, check=True
    )
    own = Path(answer.stdout.decode().strip())
    assert own.is_relative_to(tmp_path)
    assert find_executable() is None
    executable(own.parent, own.name)
    assert find_executable() == str(own)


def test_finds_playwrights_at_home(empty_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder that the environment names, Playwright's is in the user's cache."""
    monkeypatch.delenv("PLAYWRIGHT_BROWSERS_PATH")
    monkeypatch.setenv("HOME", str(tmp_path))
    path = executable(tmp_path / ".cache/ms-playwright", PLAYWRIGHTS[0])
    assert find_executable() == str(path)


def within(folder: Path) -> list[Path]:
    """Return what is in a folder."""
    return list(folder.iterdir())


async def started() -> Chromium:
    """Return a running Chromium."""
    path = find_executable()
    assert path
    return await Chromium.start(path)


async def test_folder_goes_with_it(memory: Path) -> None:
    """What Chromium writes lies in one folder in memory, which is removed at its end."""
    chromium = await started()
    (folder,) = within(memory)
    assert within(folder)
    await chromium.stop()
    assert not within(memory)


async def test_folder_goes_after_a_failure(memory: Path, tmp_path: Path) -> None:
    """A Chromium that does not start leaves no folder, and is told with what went wrong, once."""
    with pytest.raises(BrowserFailedError) as failure:
        await Chromium.start(str(executable(tmp_path, "chromium", "exit 1")))
    assert failure.value.placeholders["detail"].startswith("Browser.getVersion")
    assert not within(memory)


async def test_cannot_be_executed(tmp_path: Path) -> None:
    """A file that is no program is told with the system's word for it."""
    path = executable(tmp_path, "chromium")
    path.write_bytes(b"\x7fELF")
    with pytest.raises(BrowserFailedError, match=re.escape(str(path))):
        await Chromium.start(str(path))
    assert not processes()


def test_folder_left_behind(memory: Path) -> None:
    """A folder whose owner was killed is removed by the next one; the folder of a living owner stays."""
    mine = ProfileFolder()
    program = (
        "import os, signal\n"
        f"from {module.__name__} import ProfileFolder\n"
        f"from {module.__name__.rpartition('.')[0]} import chromium\n"
        f"chromium._MEMORY = chromium.Path({str(memory)!r})\n"
        "(ProfileFolder().path / 'file').touch()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=False, timeout=TIMEOUT_S)
    assert len(within(memory)) == 2
    (memory / "other").mkdir()
    new = ProfileFolder()
    assert set(within(memory)) == {mine.path, new.path, memory / "other"}
    mine.remove()
    new.remove()


def test_much_memory(memory: Path) -> None:
    """Where there is room in memory, shared memory is used as usual."""
    folder = ProfileFolder()
    assert folder.switches == (f"--user-data-dir={folder.path}",)
    folder.remove()


def test_little_memory(memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is little shared memory, nothing is put there."""
    usage = shutil.disk_usage(memory)._replace(free=64 * 1024 * 1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = ProfileFolder()
    assert folder.path.parent == tmp_path
    assert "--disable-dev-shm-usage" in folder.switches
    folder.remove()
    assert not folder.path.exists()


def test_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no place in memory at all, the folder for temporary files has to do."""
    monkeypatch.setattr(module, "_MEMORY", tmp_path / "nowhere")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = ProfileFolder()
    assert folder.path.parent == tmp_path
    folder.remove()
