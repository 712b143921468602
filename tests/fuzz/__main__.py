"""Feed broken input to everything that reads what comes from outside, and odd requests to the web server."""

import argparse
import asyncio
from concurrent.futures import Future, ProcessPoolExecutor
import os
import sys
import time

from . import requests
from .campaign import Result, fuzz
from .parsers import targets

MEMORY_MB = 32
SLOWEST_S = 1.0


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="another one gives other input")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="for all parsers together")
    parser.add_argument("--requests", type=int, default=10_000, help="to a real Home Assistant")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="that feed parsers at once")
    return parser.parse_args()


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(f"[{time.monotonic() - STARTED:4.0f}s] {text}", file=sys.stderr, flush=True)


STARTED = time.monotonic()


def parsers(seed: int, inputs: int, processes: int) -> list[Result]:
    """Feed all parsers, several at once; each gets as many inputs as the others."""
    names = [target.name for target in targets()]
    share = -(-inputs // len(names))
    with ProcessPoolExecutor(processes) as pool:
        jobs: list[Future[Result]] = [pool.submit(fuzz, name, seed, share) for name in names]
        for job in jobs:
            job.add_done_callback(lambda done: say(str(done.exception() or done.result())))
    return [job.result() for job in jobs]


def main() -> None:
    """Fuzz both and print what was found; the exit code says whether it was nothing."""
    given = arguments()
    good = True
    if given.inputs:
        results = parsers(given.seed, given.inputs, given.processes)
        good &= all(result.grown_mb < MEMORY_MB and result.slowest < SLOWEST_S for result in results)
        say(f"{sum(result.inputs for result in results)} inputs")
    if given.requests:
        answers = asyncio.run(requests.run(given.seed, given.requests, say))
        good &= not answers.problems
        say(str(answers))
    sys.exit(not good)


if __name__ == "__main__":
    main()
