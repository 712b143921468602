"""One Chromium process: where it is found, how it is started, and that nothing is left of it."""

import asyncio
import fcntl
import logging
import os
from pathlib import Path
import re
import shutil
import tempfile
from typing import Final, Self

from ..errors import BrowserFailedError
from .cdp import CdpConnection, FlatSession, Json, PipeTransport
from .process import ChildProcess

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


class Chromium:
    """A running Chromium, commanded over its pipes, which ends when these do."""

    def __init__(self, executable: str) -> None:
        self._executable = executable
        self.frame_control = bool(_HEADLESS_SHELL.search(Path(executable).name))
        """Whether pages draw only when they are told to."""
        self._child = ChildProcess("browser")
        self._drawing = asyncio.Lock()
        self._folder: ProfileFolder | None = None
        self._connection: CdpConnection | None = None

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
                detail = (chromium._child.log or str(error)).splitlines()[-1]
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
            *(_FRAME_CONTROL_SWITCHES if self.frame_control else ()),
            *self._folder.switches,
            environment={"TMPDIR": str(self._folder.path)},
        )
        self._connection = CdpConnection(PipeTransport(self._child.stdout, self._child.stdin))
        await self.session.send("Browser.getVersion")

    async def open_tab(self, context: Json) -> FlatSession:
        """Return a session with a new, empty tab in a browser context; raises BrowserFailedError."""
        frame_control = {"enableBeginFrameControl": True} if self.frame_control else {}
        target = await self.session.send("Target.createTarget", url="about:blank", **context, **frame_control)
        return await self.connection.attach(target["targetId"])

    async def begin_frame(self, session: FlatSession, interval: float) -> bool:
        """Let a tab draw; return whether anything had changed. Raises BrowserFailedError.

        One tab at a time: frames of two that overlap end Chromium's GPU process ("Got overlapping
        IssueExternalBeginFrame"), and with it everything. A frame that nobody waits for any more is still
        under way until the browser says otherwise, or its tab is closed.
        """
        frame = asyncio.create_task(self._draw(session, interval), name="frame")
        frame.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait([frame])
        return await frame

    async def _draw(self, session: FlatSession, interval: float) -> bool:
        async with self._drawing:
            answer = await session.send("HeadlessExperimental.beginFrame", interval=interval * 1_000)
        changed: bool = answer["hasDamage"]
        return changed

    @property
    def alive(self) -> bool:
        """Whether it can still answer."""
        return self.connection.alive

    @property
    def connection(self) -> CdpConnection:
        """The connection to it."""
        assert self._connection is not None
        return self._connection

    @property
    def session(self) -> FlatSession:
        """The CDP session with the browser itself."""
        return self.connection.browser

    async def stop(self) -> None:
        """End it, and all that is left of it."""
        try:
            if self._connection:
                await self._connection.close()
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
