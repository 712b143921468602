"""What there is while nothing is shown: what there is more of afterwards has leaked."""

import asyncio
from dataclasses import dataclass
from statistics import median

from ..home.home import Home
from ..home.usage import MB, ProcessTree

CONFIGURATION = "census:\n"
# What may come and go by itself, such as connections that are kept a while.
SLACK = {"files": 3, "tasks": 3}
# Memory counts as flat when it is, in the last fifth of the time, at most so much above what it was in the
# second: in the first all kinds of caches fill.
MOST_GROWTH = 0.05


@dataclass(frozen=True)
class Census:
    """What there is while nothing is shown."""

    counts: dict[str, int]
    heap_used: int
    """What Home Assistant's process has in use of libc's heap, in bytes; 0 where libc does not tell."""
    heap_free: int
    """What libc has kept of it, though nobody uses it, since the census before, in bytes."""
    memory: dict[str, float]
    """What is in use and no file backs, by program in MB."""

    def __str__(self) -> str:
        """Return what memory there is, in words."""
        parts = ", ".join(f"{name} {size:.0f} MB" for name, size in self.memory.items())
        return f"{parts}; heap {self.heap_used / MB:.0f} MB in use, {self.heap_free / MB:.0f} MB kept"

    def leaks(self, before: Census) -> list[str]:
        """Return what there is more of than before, in words."""
        return [
            f"{name}: {before.counts.get(name, 0)} before, {count} now"
            for name, count in self.counts.items()
            if count > before.counts.get(name, 0) + SLACK.get(name, 0)
        ]


async def take(home: Home, *, browser: int | None = None) -> Census:
    """Count, once everything has ended that was told to; browser: process id of one that runs elsewhere."""
    counts = await home.call("census", "take", return_response=True)
    used, free = counts.pop("heap_used", 0), counts.pop("heap_free", 0)
    tree = ProcessTree(home.pid, *([browser] if browser else []), mark=home.mark)
    memory = await asyncio.to_thread(tree.own_by_name)
    counts["processes"] = len(home.processes())
    return Census(counts, used, free, {name: size / MB for name, size in memory.items()})


def growth(memory: list[float]) -> list[str]:
    """Return, in words, that memory has grown; nothing when it has not, or nobody has looked often enough."""
    fifth = len(memory) // 5
    if not fifth:
        return []
    before, after = median(memory[fifth : 2 * fifth]), median(memory[-fifth:])
    grown = after > before * (1 + MOST_GROWTH)
    return [f"memory: {before:.0f} MB before, {after:.0f} MB now"] if grown else []
