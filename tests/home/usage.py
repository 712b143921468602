"""What processes cost: CPU time and memory of whole process trees, read from /proc."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
import os
from pathlib import Path
import time
from typing import Self

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
KIB = 1024
MB = 1_000_000
SAMPLE_INTERVAL_S = 0.5
MEMORY_SAMPLES = 4

type Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Process:
    """One process at one moment; times in seconds."""

    pid: int
    parent: int
    session: int
    started: int
    name: str
    own_cpu: float
    reaped_cpu: float

    @property
    def identity(self) -> Identity:
        """What tells it from a later process with the same id."""
        return self.pid, self.started

    @classmethod
    def read(cls, pid: int) -> Self | None:
        """Return the process, None when it is gone."""
        try:
            text = (PROC / str(pid) / "stat").read_text(errors="replace")
        except OSError:
            return None
        # The name stands in parentheses and may itself contain spaces and parentheses.
        before, _, after = text.rpartition(")")
        fields = after.split()
        user, system, children_user, children_system = (int(ticks) for ticks in fields[11:15])
        return cls(
            pid=pid,
            parent=int(fields[1]),
            session=int(fields[3]),
            started=int(fields[19]),
            name=before.partition("(")[2],
            own_cpu=(user + system) / TICKS_PER_SECOND,
            reaped_cpu=(children_user + children_system) / TICKS_PER_SECOND,
        )

    def pss_bytes(self) -> int:
        """Return the process's proportional share of memory in bytes, 0 when it is gone."""
        return self._memory("Pss:")

    def own_bytes(self) -> int:
        """Return the share that no file backs in bytes, which others who run the same do not change."""
        return self._memory("Pss_Anon:", "Pss_Shmem:")

    def _memory(self, *fields: str) -> int:
        try:
            lines = (PROC / str(self.pid) / "smaps_rollup").read_text().splitlines()
        except OSError:
            return 0
        return sum(int(line.split()[1]) * KIB for line in lines if line.startswith(fields))


def snapshot() -> dict[int, Process]:
    """Return every process of the machine by its id."""
    pids = (int(entry) for entry in os.listdir(PROC) if entry.isdecimal())  # noqa: PTH208
    return {pid: process for pid in pids if (process := Process.read(pid)) is not None}


def marked(variable: str, value: str) -> set[int]:
    """Return the ids of processes started with this environment variable, wherever they hang now."""
    wanted = f"{variable}={value}".encode()
    found = set()
    for pid in snapshot():
        try:
            environment = (PROC / str(pid) / "environ").read_bytes()
        except OSError:
            continue
        if wanted in environment.split(b"\0"):
            found.add(pid)
    return found


class ProcessTree:
    """Some processes with all that descend from them.

    A process that hangs below init since its parent's death still belongs to the tree when it is in one
    of the sessions given, carries the environment variable given, or was seen in the tree before.
    """

    def __init__(
        self, *roots: int, sessions: Iterable[int] = (), mark: tuple[str, str] | None = None
    ) -> None:
        self._roots = set(roots)
        self._sessions = set(sessions)
        self._mark = mark
        self._last: dict[Identity, Process] = {}
        self._cpu: dict[str, float] = defaultdict(float)

    def processes(self) -> list[Process]:
        """Return the tree's living processes."""
        everything = snapshot()
        children: dict[int, list[int]] = defaultdict(list)
        for process in everything.values():
            children[process.parent].append(process.pid)
        waiting = self._entrances(everything)
        found: dict[int, Process] = {}
        while waiting:
            pid = waiting.pop()
            if pid not in found:
                found[pid] = everything[pid]
                waiting.update(children[pid])
        return list(found.values())

    def _entrances(self, everything: dict[int, Process]) -> set[int]:
        entrances = {
            process.pid
            for process in everything.values()
            if process.session in self._sessions or process.identity in self._last
        }
        carrying = marked(*self._mark) if self._mark else set()
        return entrances | ((self._roots | carrying) & everything.keys())

    def cpu_seconds(self) -> float:
        """Return the CPU time of the tree so far, ended processes included.

        What a process used between the last call and its end is known only when its parent waited for it.
        """
        return sum(self.cpu_by_name().values())

    def cpu_by_name(self) -> dict[str, float]:
        """Return the CPU time so far in seconds by process name; see `cpu_seconds`."""
        living = {process.identity: process for process in self.processes()}
        inherited = self._inherited(living)
        for identity, process in living.items():
            before = self._last.get(identity)
            own = process.own_cpu - (before.own_cpu if before else 0)
            reaped = process.reaped_cpu - (before.reaped_cpu if before else 0)
            self._cpu[process.name] += own + max(0.0, reaped - inherited[process.pid])
        self._last = living
        return dict(self._cpu)

    def _inherited(self, living: dict[Identity, Process]) -> dict[int, float]:
        """Return how much of each living process's account of ended children is counted already."""
        alive = {process.pid for process in living.values()}
        dead = {process.pid: process for key, process in self._last.items() if key not in living}
        inherited: dict[int, float] = defaultdict(float)
        for process in dead.values():
            heir = process.parent
            while heir in dead and heir not in alive:
                heir = dead[heir].parent
            inherited[heir] += process.own_cpu + process.reaped_cpu
        return inherited

    def pss_by_name(self) -> dict[str, int]:
        """Return the proportional share of memory in bytes by process name."""
        return self._by_name(Process.pss_bytes)

    def own_by_name(self) -> dict[str, int]:
        """Return the memory that no file backs in bytes by process name."""
        return self._by_name(Process.own_bytes)

    def _by_name(self, size: Callable[[Process], int]) -> dict[str, int]:
        memory: dict[str, int] = defaultdict(int)
        for process in self.processes():
            memory[process.name] += size(process)
        return dict(memory)

    def pss_bytes(self) -> int:
        """Return the tree's proportional share of memory in bytes; other users' processes count as 0."""
        return sum(self.pss_by_name().values())


@dataclass(frozen=True, slots=True)
class Share:
    """One process name's part of a measurement."""

    cpu_percent: float
    pss_mb: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process tree cost over a time: CPU in percent of one core, memory in MB (10^6 bytes)."""

    cpu_percent: float
    pss_mb: float
    by_name: dict[str, Share] = field(default_factory=dict)


async def measure(roots: ProcessTree | Iterable[int], seconds: float) -> Usage:
    """Watch a process tree for some seconds and return what it cost meanwhile.

    CPU is exact over the whole time; memory is the mean of a few looks at it.
    """
    tree = roots if isinstance(roots, ProcessTree) else ProcessTree(*roots)
    begin, before = time.monotonic(), tree.cpu_by_name()
    memory: list[dict[str, int]] = []
    while (left := begin + seconds - time.monotonic()) > 0:
        if left <= seconds * (1 - len(memory) / MEMORY_SAMPLES):
            memory.append(tree.pss_by_name())
        await asyncio.sleep(min(SAMPLE_INTERVAL_S, max(0, begin + seconds - time.monotonic())))
        tree.cpu_by_name()
    after, elapsed = tree.cpu_by_name(), time.monotonic() - begin
    shares = {
        name: Share(
            cpu_percent=100 * (after.get(name, 0) - before.get(name, 0)) / elapsed,
            pss_mb=sum(sample.get(name, 0) for sample in memory) / len(memory) / MB,
        )
        for name in after.keys() | {name for sample in memory for name in sample}
    }
    return Usage(
        cpu_percent=sum(share.cpu_percent for share in shares.values()),
        pss_mb=sum(share.pss_mb for share in shares.values()),
        by_name=dict(sorted(shares.items(), key=lambda item: -item[1].cpu_percent)),
    )
