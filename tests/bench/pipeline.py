"""What the benchmark knows of a pipeline: it shows a page, has processes, and counts pictures."""

from abc import ABC, abstractmethod
import asyncio
import contextlib
from dataclasses import dataclass
import os
from pathlib import Path
import signal
import tempfile

from tests.home.usage import ProcessTree

STOP_TIMEOUT_S = 10
LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Page:
    """What to show, for whom, at which size in pixels and at most how many pictures a second."""

    home: str
    """Address of Home Assistant, without a path."""
    path: str
    """Dashboard and view."""
    token: str
    width: int
    height: int
    frame_rate: int

    @property
    def url(self) -> str:
        """Its whole address."""
        return self.home + self.path


class PipelineError(Exception):
    """A pipeline did not start or broke down."""


class Pipeline(ABC):
    """From a page to a stream of segments; may be started again after it was stopped."""

    name: str

    @abstractmethod
    async def start(self, page: Page) -> ProcessTree:
        """Show the page and return its processes once pictures come; raises PipelineError."""

    @abstractmethod
    async def stop(self) -> None:
        """End all its processes; does nothing when none run."""

    @property
    @abstractmethod
    def frames(self) -> int:
        """How many pictures were encoded since the start."""


class Child:
    """One process of a pipeline, in a session of its own, its complaints kept in a file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.process = process
        self._log = log

    @classmethod
    async def start(
        cls, name: str, *command: str, folder: Path, environment: dict[str, str] | None = None
    ) -> Child:
        """Start it with pipes for input and output; raises PipelineError when there is no such program."""
        log = folder / f"{name}.log"
        with log.open("ab") as errors:
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=errors,
                    # Chromium leaves folders behind where it may.
                    env={**os.environ, "TMPDIR": str(folder), **(environment or {})},
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                raise PipelineError(f"{command[0]} is missing; scripts/bench installs it") from error
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    async def line(self) -> str:
        """Return the next line it prints; raises PipelineError at the end of its output."""
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            raise self.error("ended")
        return line.decode().strip()

    def error(self, what: str) -> PipelineError:
        """Return what to raise when it fails, with the end of what it complained of."""
        tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
        return PipelineError(f"{self.name} {what}. The end of its log:\n{tail}")

    async def stop(self) -> None:
        """End it and all it started in its session."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self._signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self.process.communicate()
        self._signal(signal.SIGKILL)
        await self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a new folder, in memory where the system has a place for it."""
    memory = Path("/dev/shm")  # noqa: S108
    return tempfile.TemporaryDirectory(
        prefix="dashboard-cast-bench-", dir=memory if os.access(memory, os.W_OK) else None
    )
