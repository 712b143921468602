"""A day of use in fast motion: dashboards start, change and stop, and nothing of them stays."""

import argparse
import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
import sys
import time

from ..engine.elsewhere import Machine
from ..home.api import ServiceError
from ..home.home import LOCAL_BROWSER, Home
from .census import CONFIGURATION, growth, take
from .house import CLOCK_DASHBOARD, STILL_DASHBOARD
from .mishaps import day

CYCLES = 500
# What is made once and kept (modules, caches, the browser's own processes) is there after so many.
WARM_UP = 2
# Between two looks at the memory.
LOOK_EVERY = 10


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

    home: needs the census, and has the integration set up with whatever browser.
    browser: process id of one that runs elsewhere.
    """
    for number in range(WARM_UP):
        await cycle(home, number)
    before, memory, begun = await take(home), list[float](), time.monotonic()
    for number in range(1, cycles + 1):
        await cycle(home, number)
        if number % LOOK_EVERY == 0:
            census = await take(home, browser=browser)
            memory.append(sum(census.memory.values()))
            say(f"{number} cycles in {time.monotonic() - begun:.0f} s: {census}")
    return (await take(home)).leaks(before) + growth(memory)


async def main() -> int:
    """Run as the arguments say; return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/endure", description=__doc__)
    parser.add_argument("--cycles", type=int, default=CYCLES, help="how many of them")
    parser.add_argument("--remote", action="store_true", help="with a browser that is reached over CDP")
    parser.add_argument("--mishaps", type=int, metavar="ROUNDS", help="mishaps in their place, on a TV")
    parser.add_argument("--seed", type=int, default=1, help="which mishaps: the same are the same")
    parser.add_argument("--only", default="", metavar="WORDS", help="mishaps with these words in their name")
    parser.add_argument("--log", type=Path, help="where to leave the log of Home Assistant, after mishaps")
    arguments = parser.parse_args()
    if arguments.mishaps:
        wrong = await day(
            arguments.mishaps, arguments.seed, only=arguments.only, log_file=arguments.log, say=_say
        )
    else:
        wrong = await _cycles(arguments.cycles, remote=arguments.remote)
    print("\n".join(wrong) or "Nothing has leaked.")
    return 1 if wrong else 0


async def _cycles(cycles: int, *, remote: bool) -> list[str]:
    """Set up a home, go through so many cycles, and return what has leaked."""
    async with AsyncExitStack() as stack:
        machine = await stack.enter_async_context(Machine(frame_control=True)) if remote else None
        home = await stack.enter_async_context(Home(configuration=CONFIGURATION))
        elsewhere = machine and ({"next_step_id": "remote"}, {"endpoints": [machine.url]})
        await home.flow("dashboard_cast", *(elsewhere or LOCAL_BROWSER))
        return await endure(home, cycles, browser=machine.pid if machine else None, say=_say)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
