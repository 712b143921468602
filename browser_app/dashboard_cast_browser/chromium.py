"""One Chromium process, whose debugging port only this machine reaches."""

import asyncio
from contextlib import suppress
import logging
import os
from pathlib import Path
import pwd
import re
import shutil
import signal
import tempfile
from typing import Any, Final, Self

import aiohttp

_LOGGER = logging.getLogger(__name__)

# The same as the integration starts its own browser with, but for the way in: a test compares them.
SWITCHES: Final = (
    # A free port of the loopback interface; Chromium says which.
    "--remote-debugging-port=0",
    "--headless=new",
    "--no-startup-window",
    # Chromium's sandbox needs rights that containers seldom give; the container is the sandbox.
    "--no-sandbox",
    "--hide-scrollbars",
    "--mute-audio",
    "--block-new-web-contents",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
FRAME_CONTROL_SWITCHES: Final = (
    "--enable-begin-frame-control",
    "--run-all-compositor-stages-before-draw",
    "--disable-new-content-rendering-timeout",
    "--disable-threaded-animation",
    "--disable-threaded-scrolling",
    "--disable-checker-imaging",
    "--disable-image-animation-resync",
)
# Where Chromium passes pictures between its processes. The Supervisor gives an app as much of it as memory
# allows, but plain Docker gives 64 MB, with which large pages crash.
_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108
_ENOUGH_SHARED_MEMORY_BYTES: Final = 256 * 1024 * 1024
# What Chromium may know of our environment, in which the Supervisor's token is.
_ENVIRONMENT: Final = ("PATH", "LANG", "TZ")
_LISTENING: Final = re.compile(rb"DevTools listening on ws://127\.0\.0\.1:(\d+)/")
_START_TIMEOUT_S: Final = 30.0
_ANSWER_TIMEOUT_S: Final = 5.0
_END_TIMEOUT_S: Final = 5.0
_LINE_LIMIT: Final = 1024 * 1024


class BrowserGoneError(Exception):
    """The browser does not start, does not answer, or has to go."""


class Chromium:
    """A running Chromium. Nothing of it stays when it is stopped."""

    def __init__(
        self, process: asyncio.subprocess.Process, folder: Path, http: aiohttp.ClientSession
    ) -> None:
        self._process = process
        self._folder = folder
        self._http = http
        self._port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read_log(), name="browser log")

    @classmethod
    async def start(
        cls, program: str, *, user: str | None, heap_mb: int, http: aiohttp.ClientSession
    ) -> Self:
        """Start it and wait until it listens; raises BrowserGoneError.

        user: who it runs as, None for who we are. heap_mb: the most that the scripts of one page may keep, in
        MiB; a page that wants more crashes alone.
        """
        folder = Path(tempfile.mkdtemp(prefix="browser-app-"))
        try:
            process = await _spawn(program, user, heap_mb, folder)
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError):
                raise BrowserGoneError(f"it does not start: {error}") from error
            raise
        chromium = cls(process, folder, http)
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                await asyncio.shield(chromium._port)
        except BaseException as error:
            await chromium.stop()
            if isinstance(error, TimeoutError):
                raise BrowserGoneError(f"it does not listen within {_START_TIMEOUT_S:g} s") from error
            raise
        return chromium

    @property
    def address(self) -> str:
        """Where it listens: an address that no other machine reaches."""
        return f"http://127.0.0.1:{self._port.result()}"

    async def version(self) -> dict[str, Any]:
        """Return what it says of itself, a sign of life; raises BrowserGoneError."""
        try:
            timeout = aiohttp.ClientTimeout(total=_ANSWER_TIMEOUT_S)
            async with self._http.get(f"{self.address}/json/version", timeout=timeout) as answer:
                version: dict[str, Any] = await answer.json(content_type=None)
        except TimeoutError as error:
            raise BrowserGoneError(f"it does not answer within {_ANSWER_TIMEOUT_S:g} s") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise BrowserGoneError(f"it does not answer: {error}") from error
        return version

    async def run(self, seconds: float) -> None:
        """Let it run for so long; raises BrowserGoneError when it ends before."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                code = await self._process.wait()
                raise BrowserGoneError(f"it ended with code {code}")

    async def stop(self) -> None:
        """End it at once, since it has nothing worth keeping, and remove its files."""
        with suppress(ProcessLookupError):
            # The group: a script stands before Debian's Chromium, and a browser has many processes.
            os.killpg(self._process.pid, signal.SIGKILL)
        try:
            await self._process.wait()
            # The log ends with the last of them.
            await asyncio.wait([self._reading], timeout=_END_TIMEOUT_S)
        finally:
            self._reading.cancel()
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _read_log(self) -> None:
        assert self._process.stderr is not None
        while line := await _read_line(self._process.stderr):
            _LOGGER.debug("%s", line.decode(errors="replace").rstrip())
            if not self._port.done() and (found := _LISTENING.search(line)):
                self._port.set_result(int(found[1]))
        if not self._port.done():
            self._port.set_exception(BrowserGoneError("it ended while it started"))


async def _read_line(log: asyncio.StreamReader) -> bytes:
    """Return the next line, and only its end when it is longer than any of use; nothing at the end."""
    while True:
        with suppress(ValueError):
            return await log.readline()


async def _spawn(program: str, user: str | None, heap_mb: int, folder: Path) -> asyncio.subprocess.Process:
    """Start Chromium with its files in a folder; raises OSError."""
    account: dict[str, Any] = {}
    if user:
        group = pwd.getpwnam(user).pw_gid
        shutil.chown(folder, user, group)
        account = {"user": user, "group": group, "extra_groups": []}
    known = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return await asyncio.create_subprocess_exec(
        program,
        *SWITCHES,
        *FRAME_CONTROL_SWITCHES,
        *(() if _has_shared_memory() else ("--disable-dev-shm-usage",)),
        f"--js-flags=--max-old-space-size={heap_mb}",
        f"--user-data-dir={folder}",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        limit=_LINE_LIMIT,
        env={**known, "HOME": str(folder), "TMPDIR": str(folder)},
        start_new_session=True,
        **account,
    )


def _has_shared_memory() -> bool:
    return shutil.disk_usage(_SHARED_MEMORY).free >= _ENOUGH_SHARED_MEMORY_BYTES
