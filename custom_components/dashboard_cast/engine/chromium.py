"""One Chromium process: where it is found, how it is started, and that nothing is left of it."""

import asyncio
from contextlib import suppress
import fcntl
import logging
import os
from pathlib import Path
import re
import shutil
import tempfile
from typing import Final, Self, override

from ..errors import BrowserFailedError
from .cdp import CdpConnection, PipeTransport
from .process import ChildProcess
from .tab import ConnectedBrowser

_LOGGER = logging.getLogger(__name__)

# The lean one first: the headless shell idles at a third of what a whole Chromium needs.
EXECUTABLES: Final = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
)
# Where Playwright keeps its browsers, below the folder that its documentation names, the lean one first.
_PLAYWRIGHT_FOLDER: Final = "~/.cache/ms-playwright"
_PLAYWRIGHT_PATTERNS: Final = (
    "chromium_headless_shell-*/*/*headless*shell",
    "chromium-*/*/chrome",
)
_START_TIMEOUT_S: Final = 30.0
# A browser that takes more memory than that is to be replaced by another, in bytes; on a small machine, more
# than half of what there is. A first page takes 300 MB with all of the browser, each other one 100 MB or so.
_MEMORY_LIMIT: Final = 2_000_000_000
_WEIGH_INTERVAL_S: Final = 60.0
# A page whose scripts take more memory than that crashes, alone: it leaks. Dashboards take 20 to 150 MB.
HEAP_LIMIT_MB: Final = 512
# Chromium reads commands at file descriptor 3 and writes answers to 4.
_PIPES_TO_CDP: Final = ("/bin/sh", "-c", 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null', "sh")
_SWITCHES: Final = (
    "--remote-debugging-pipe",
    "--headless=new",
    "--no-startup-window",
    # Chromium refuses to run as root with its sandbox, and containers seldom allow it.
    "--no-sandbox",
    "--hide-scrollbars",
    "--mute-audio",
    # Windows that a page opens are nobody's: not seen, not checked, and closed with the page only.
    "--block-new-web-contents",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Pages draw when they are told to, which only the headless shell can. The other switches are those that its
# own deterministic mode adds: without them now and then a frame never ends.
_FRAME_CONTROL_SWITCHES: Final = (
    "--enable-begin-frame-control",
    "--run-all-compositor-stages-before-draw",
    "--disable-new-content-rendering-timeout",
    "--disable-threaded-animation",
    "--disable-threaded-scrolling",
    "--disable-checker-imaging",
    "--disable-image-animation-resync",
)
_HEADLESS_SHELL: Final = re.compile(r"headless[-_]shell")
_MEMORY: Final = Path("/dev/shm")  # noqa: S108
# Containers often have little shared memory, with which large pages would crash.
_ENOUGH_MEMORY_BYTES: Final = 256 * 1024 * 1024
_FOLDER_PREFIX: Final = "dashboard-cast-browser-"


def find_executable(configured: str | None = None) -> str | None:
    """Return the Chromium to start: the configured one or the first found. Looks at the disk.

    Without any on PATH it is the one that Playwright has downloaded, if it has.
    """
    if configured:
        return shutil.which(configured)
    return next((path for name in EXECUTABLES if (path := shutil.which(name))), None) or _playwrights_own()


def _playwrights_own() -> str | None:
    """Return the newest Chromium that Playwright has downloaded."""
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or _PLAYWRIGHT_FOLDER).expanduser()
    for pattern in _PLAYWRIGHT_PATTERNS:
        if found := [path for path in folder.glob(pattern) if os.access(path, os.X_OK)]:
            return str(max(found, key=lambda path: _revision(path.relative_to(folder))))
    return None


def _revision(path: Path) -> int:
    """Return the number in the name of the folder of a download."""
    number = re.search(r"\d+", path.parts[0])
    return int(number[0]) if number else 0


class Chromium(ConnectedBrowser):
    """A Chromium of our own, commanded over its pipes, which ends when these do."""

    def __init__(self, executable: str) -> None:
        super().__init__()
        self._executable = executable
        self.frame_control = bool(_HEADLESS_SHELL.search(Path(executable).name))
        self._child = ChildProcess("browser")
        self._folder: ProfileFolder | None = None
        self._weighing: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, executable: str) -> Self:
        """Start it and wait until it answers; raises BrowserFailedError, with nothing left of it."""
        chromium = cls(executable)
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                await chromium._start()
        except BaseException as error:
            await chromium.stop()
            if isinstance(error, TimeoutError):
                raise BrowserFailedError(detail=f"not ready within {_START_TIMEOUT_S:g} s") from error
            if isinstance(error, OSError | BrowserFailedError):
                said = error.placeholders["detail"] if isinstance(error, BrowserFailedError) else str(error)
                detail = (chromium._child.log or said).splitlines()[-1]
                raise BrowserFailedError(detail=detail) from error
            raise
        return chromium

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        self._folder = await loop.run_in_executor(None, ProfileFolder)
        _LOGGER.debug("Starting %s", self._executable)
        await self._child.start(
            *_PIPES_TO_CDP,
            self._executable,
            *_SWITCHES,
            f"--js-flags=--max-old-space-size={HEAP_LIMIT_MB}",
            *(_FRAME_CONTROL_SWITCHES if self.frame_control else ()),
            *self._folder.switches,
            environment={"TMPDIR": str(self._folder.path)},
        )
        self._connection = CdpConnection(PipeTransport(self._child.stdout, self._child.stdin))
        await self.session.send("Browser.getVersion")
        self.connection.watch()
        self._weighing = asyncio.create_task(self._weigh(), name="browser memory")

    async def _weigh(self) -> None:
        """Look at its memory now and then; where the system does not tell, there is no limit."""
        limit = min(_MEMORY_LIMIT, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)
        with suppress(OSError):
            while not self.worn:
                await asyncio.sleep(_WEIGH_INTERVAL_S)
                used = await self._child.memory()
                _LOGGER.debug("The browser takes %d MB", used / 1_000_000)
                self.worn = used > limit

    @override
    async def stop(self) -> None:
        """End it, and all that is left of it."""
        if self._weighing:
            self._weighing.cancel()
        try:
            if self._connection:
                await self._connection.close()
                if self.hangs:
                    # It hears nothing.
                    self._child.kill()
            await self._child.stop()
        finally:
            if self._folder:
                await asyncio.get_running_loop().run_in_executor(None, self._folder.remove)


class ProfileFolder:
    """A folder for Chromium's files, in memory where there is room; it is locked as long as it is in use.

    The lock ends with this process however that ends, so that the next one knows what nobody uses any more.
    """

    def __init__(self) -> None:
        """Make the folder and remove those that were left behind."""
        self._in_memory = _has_room(_MEMORY)
        base = _MEMORY if self._in_memory else Path(tempfile.gettempdir())
        _remove_abandoned(base)
        self.path = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX, dir=base))
        self._lock = _lock(self.path)

    @property
    def switches(self) -> tuple[str, ...]:
        """The switches that make Chromium use it."""
        folder = f"--user-data-dir={self.path}"
        return (folder,) if self._in_memory else (folder, "--disable-dev-shm-usage")

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)


def _has_room(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= _ENOUGH_MEMORY_BYTES


def _remove_abandoned(base: Path) -> None:
    for path in base.glob(f"{_FOLDER_PREFIX}*"):
        if (lock := _lock(path)) is not None:
            _LOGGER.debug("Removing %s", path)
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Return the open file that holds the lock of a folder; None when somebody else has it."""
    try:
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return file
