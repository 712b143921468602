"""A day of use in fast motion: dashboards start, change and stop, and nothing of them stays."""

import argparse
import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median
import sys
import time

from ..engine.elsewhere import Machine
from ..home.api import ServiceError
from ..home.home import LOCAL_BROWSER, Home
from ..home.usage import MB, ProcessTree
from .house import CLOCK_DASHBOARD, STILL_DASHBOARD

CONFIGURATION = "census:\n"
CYCLES = 500
# What is made once and kept (modules, caches, the browser's own processes) is there after so many.
WARM_UP = 2
# Between two looks at the memory.
LOOK_EVERY = 10
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

    def leaks(self, before: Census) -> list[str]:
        """Return what there is more of than before, in words."""
        return [
            f"{name}: {before.counts.get(name, 0)} before, {count} now"
            for name, count in self.counts.items()
            if count > before.counts.get(name, 0) + SLACK.get(name, 0)
        ]


async def take(home: Home) -> Census:
    """Count, once everything has ended that was told to."""
    counts = await home.call("census", "take", return_response=True)
    used, free = counts.pop("heap_used", 0), counts.pop("heap_free", 0)
    return Census({**counts, "processes": len(home.processes())}, used, free)


async def cycle(home: Home, number: int) -> None:
    """Start a stream, watch it, show a message and something else in it, and stop it."""
    path = (STILL_DASHBOARD, CLOCK_DASHBOARD)[number % 2]
    answer = await home.call("dashboard_cast", "start", {"path": path}, return_response=True)
    await _watch(home, answer["url"])
    await home.call("dashboard_cast", "message", {"message": f"Number {number}", "icon": "mdi:bell"})
    # One is given up for the other.
    shows = [
        home.call("dashboard_cast", "show", {"stream": answer["url"], "dark": dark}) for dark in (True, False)
    ]
    results = await asyncio.gather(*shows, return_exceptions=True)
    assert {type(result) for result in results} == {ServiceError, type(None)}, results
    await home.call("dashboard_cast", "stop")


async def _watch(home: Home, url: str) -> None:
    """Fetch what a player fetches first."""
    base = home.url + url[url.index("/api/") :].rpartition("/")[0]
    async with home.session.get(f"{base}/hls.m3u8") as response:
        lines = (await response.text()).splitlines()
    segments = [line for line in lines if line.endswith(".m4s")]
    for name in (segments[0], "still.jpg"):
        async with home.session.get(f"{base}/{name}") as response:
            assert response.status == 200
            assert await response.read()


async def endure(
    home: Home, cycles: int, *, browser: int | None = None, say: Callable[[str], None] = lambda _text: None
) -> list[str]:
    """Go through so many cycles and return what has leaked, in words; nothing when all is well.

    home: needs `CONFIGURATION`, and has the integration set up with whatever browser.
    browser: process id of one that runs elsewhere.
    """
    for number in range(WARM_UP):
        await cycle(home, number)
    before, memory, begun = await take(home), list[float](), time.monotonic()
    for number in range(1, cycles + 1):
        await cycle(home, number)
        if number % LOOK_EVERY == 0:
            census, by_name = await take(home), await _memory(home, browser)
            memory.append(sum(by_name.values()))
            parts = ", ".join(f"{name} {size:.0f} MB" for name, size in by_name.items())
            heap = f"heap {census.heap_used / MB:.0f} MB in use, {census.heap_free / MB:.0f} MB kept"
            say(f"{number} cycles in {time.monotonic() - begun:.0f} s: {parts}; {heap}")
    return (await take(home)).leaks(before) + growth(memory)


async def _memory(home: Home, browser: int | None) -> dict[str, float]:
    """Return the memory that is in use while nothing is shown and that no file backs, by program in MB."""
    tree = ProcessTree(home.pid, *([browser] if browser else []), mark=home.mark)
    memory = await asyncio.to_thread(tree.own_by_name)
    return {name: size / MB for name, size in memory.items()}


def growth(memory: list[float]) -> list[str]:
    """Return, in words, that memory has grown; nothing when it has not, or nobody has looked often enough."""
    fifth = len(memory) // 5
    if not fifth:
        return []
    before, after = median(memory[fifth : 2 * fifth]), median(memory[-fifth:])
    grown = after > before * (1 + MOST_GROWTH)
    return [f"memory: {before:.0f} MB before, {after:.0f} MB now"] if grown else []


async def main() -> int:
    """Run as the arguments say; return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/endure", description=__doc__)
    parser.add_argument("--cycles", type=int, default=CYCLES, help="how many of them")
    parser.add_argument("--remote", action="store_true", help="with a browser that is reached over CDP")
    arguments = parser.parse_args()
    async with AsyncExitStack() as stack:
        machine = await stack.enter_async_context(Machine(frame_control=True)) if arguments.remote else None
        home = await stack.enter_async_context(Home(configuration=CONFIGURATION))
        elsewhere = machine and ({"next_step_id": "remote"}, {"endpoints": [machine.url]})
        await home.flow("dashboard_cast", *(elsewhere or LOCAL_BROWSER))
        leaks = await endure(
            home,
            arguments.cycles,
            browser=machine.pid if machine else None,
            say=lambda text: print(text, flush=True),
        )
    print("\n".join(leaks) or "Nothing has leaked.")
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
