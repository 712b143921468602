"""One supervised child process: its pipes, the end of its log, and an end that is certain."""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
import logging
import os
from pathlib import Path
import signal
from typing import Final

_LOGGER = logging.getLogger(__name__)

_LOG_LINES: Final = 50
# How long a process may take to end by itself, and again after SIGTERM, before SIGKILL, in seconds.
_GRACE_S: Final = 2.0
# Below Home Assistant's own priority, so that automations come before pictures.
_NICENESS: Final = 5
_PIPE_LIMIT: Final = 1024 * 1024
_LOG_READ: Final = 16 * 1024


class ChildProcess:
    """A child process that reads its standard input, so that it ends by itself when we are gone."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._process: asyncio.subprocess.Process | None = None
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._log_task: asyncio.Task[None] | None = None

    async def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        """Start it with pipes for all three streams; raises OSError when that fails.

        environment: variables besides those of this process.
        """
        self._process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_PIPE_LIMIT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        with suppress(OSError):
            # The group: a wrapper script may have started the program already.
            os.setpriority(os.PRIO_PGRP, self._process.pid, _NICENESS)
        self._log_task = asyncio.create_task(self._read_log(), name=f"{self.name} log")

    @property
    def stdin(self) -> asyncio.StreamWriter:
        """Standard input of the process."""
        assert self._process is not None
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def stdout(self) -> asyncio.StreamReader:
        """Standard output of the process."""
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def log(self) -> str:
        """The last lines it wrote to standard error."""
        return "\n".join(self._log)

    async def cpu_time(self) -> float:
        """Return the seconds of processor time it has used; raises OSError where that is not told."""
        assert self._process is not None
        return await asyncio.to_thread(_cpu_time, self._process.pid)

    async def memory(self) -> int:
        """Return the bytes that it and its descendants use; raises OSError where that is not told.

        What processes share is counted once.
        """
        assert self._process is not None
        return await asyncio.to_thread(_memory, self._process.pid)

    async def wait(self) -> int:
        """Wait for its end and for the end of its log; return the exit code."""
        assert self._process is not None
        assert self._log_task is not None
        code = await self._process.wait()
        await asyncio.wait([self._log_task])
        return code

    async def stop(self) -> None:
        """End it: no more input, then SIGTERM, then SIGKILL; nobody else may be reading its output then.

        Cancelled, it kills at once: what hangs must not stay.
        """
        if self._process is None:
            return
        try:
            for end in (self.stdin.close, self._terminate, self.kill):
                end()
                if await self._ended(_GRACE_S):
                    return
        except asyncio.CancelledError:
            self.kill()
            raise

    def kill(self) -> None:
        """Kill it; `stop` is still what waits for its end."""
        self._signal(signal.SIGKILL)

    def _terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        """Send a signal to it and to what it has started: a wrapper script may stand in for a program."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    async def _ended(self, within: float) -> bool:
        """Return whether it ends, and its pipes with it, within so many seconds."""
        assert self._process is not None
        assert self._log_task is not None
        try:
            async with asyncio.timeout(within):
                await asyncio.gather(self._process.wait(), self._drain(), asyncio.shield(self._log_task))
        except TimeoutError:
            return False
        return True

    async def _drain(self) -> None:
        """Read what it still writes: a process that waits for a full pipe does not end."""
        while await self.stdout.read(_PIPE_LIMIT):
            pass

    async def _read_log(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        rest = b""
        while data := await self._process.stderr.read(_LOG_READ):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._note(line)
            rest = rest[:_LOG_READ]
        if rest:
            self._note(rest)

    def _note(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        self._log.append(text)
        _LOGGER.debug("%s: %s", self.name, text)


def _status(process: int) -> list[str]:
    """Return what Linux tells of a process, from the third field on (proc(5), stat)."""
    # They come behind its name, which may hold anything.
    return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()


def _cpu_time(process: int) -> float:
    """Return the seconds of processor time of a process: its 14th and 15th fields."""
    user, system = _status(process)[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _memory(root: int) -> int:
    """Return the bytes of a process and its descendants, each with its share of what is shared (PSS)."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            # It may end just now.
            with suppress(OSError):
                parents[int(entry.name)] = int(_status(int(entry.name))[1])
    tree = {root}
    while found := {process for process, parent in parents.items() if parent in tree} - tree:
        tree |= found
    return sum(_share(process) for process in tree)


def _share(process: int) -> int:
    """Return the bytes of one process (proc(5), smaps_rollup); 0 when it has ended."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8")
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))
