"""Many inputs for one parser, and what they cost."""

from dataclasses import dataclass
import gc
import time
import zlib

import psutil

from .mutation import Mutator
from .parsers import targets


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the inputs for one parser; a failure is raised instead."""

    name: str
    inputs: int
    accepted: int
    """How many inputs the parser did not refuse."""
    seconds: float
    slowest: float
    """The most CPU time that one input took, in seconds."""
    grown_mb: float
    """How much more memory the process has than after the first tenth."""

    def __str__(self) -> str:
        """Return it in a line."""
        return (
            f"{self.name}: {self.inputs} inputs, {self.accepted} of them accepted, in {self.seconds:.1f} s, "
            f"the slowest took {1000 * self.slowest:.0f} ms, {self.grown_mb:+.1f} MB"
        )


def fuzz(name: str, seed: int, inputs: int) -> Result:
    """Feed a parser so many inputs; raises FuzzError for the first that it does not bear."""
    target = next(target for target in targets() if target.name == name)
    mutator = Mutator(seed ^ zlib.crc32(name.encode()))
    begun, slowest, before, accepted = time.monotonic(), 0.0, 0.0, 0
    for number in range(inputs):
        if number == inputs // 10:
            before = memory_mb()
        start = time.thread_time()
        accepted += target.take(mutator)
        slowest = max(slowest, time.thread_time() - start)
    return Result(name, inputs, accepted, time.monotonic() - begun, slowest, memory_mb() - before)


def memory_mb() -> float:
    """Return the memory of this process that is in use."""
    gc.collect()
    return float(psutil.Process().memory_info().rss / 1e6)
