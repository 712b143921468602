"""Measure what Dashboard Cast costs and how well it plays, and compare it with the classic pipeline."""

import argparse
import asyncio
from collections.abc import Callable
from dataclasses import asdict
import json
from pathlib import Path
import sys
import time

from custom_components.dashboard_cast.models import SizePreset
from tests.home.api import CommandError, FlowError, RequestError
from tests.home.home import HomeError
from tests.tv import TelevisionError

from . import cost, crowd, fidelity, load, memory, report, start
from .classic import GRAB_RATE
from .pipeline import PipelineError
from .scenario import BenchError, Options, Outcome, Scenario

SCENARIOS: dict[str, Scenario] = {
    "cost": cost.run,
    "memory": memory.run,
    "start": start.run,
    "crowd": crowd.run,
    "load": load.run,
    "fidelity": fidelity.run,
}
FAILURES = (
    BenchError,
    PipelineError,
    HomeError,
    TelevisionError,
    CommandError,
    FlowError,
    RequestError,
    TimeoutError,
)
STARTED = time.monotonic()
# Seconds, minutes and rounds: for a look, and in earnest.
QUICK = (15.0, 1.5, 1)
FULL = (30.0, 10.0, 3)


def say(scenario: str) -> Callable[[str], None]:
    """Return what tells whoever waits how far a scenario is."""

    def tell(text: str) -> None:
        print(f"[{scenario} {time.monotonic() - STARTED:4.0f}s] {text}", file=sys.stderr, flush=True)

    return tell


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=SCENARIOS,
        default=list(SCENARIOS),
        metavar="NAME",
        help=f"what to measure: {', '.join(SCENARIOS)}; without it everything",
    )
    parser.add_argument(
        "--full", action="store_true", help="measure for as long as figures for the docs need"
    )
    parser.add_argument("--seconds", type=float, help="length of one measurement of cost, crowd or load")
    parser.add_argument("--minutes", type=float, help="length of the measurement of delay")
    parser.add_argument("--rounds", type=int, help="how often cost and start are measured")
    parser.add_argument(
        "--size",
        nargs="+",
        choices=list(SizePreset),
        default=list(SizePreset),
        type=SizePreset,
        help="sizes of the picture in cost; without it both",
    )
    parser.add_argument(
        "--rate", type=int, default=GRAB_RATE, help="the engine's most pictures a second in cost"
    )
    parser.add_argument("--viewers", type=int, default=200, help="how many watch at once in crowd")
    parser.add_argument("--streams", type=int, default=16, help="how many streams load starts at most")
    parser.add_argument("--out", type=Path, default=Path("out/bench.json"), help="where the numbers go")
    parser.add_argument("--plots", type=Path, help="the folder to draw SVG charts into")
    return parser.parse_args()


def options_of(given: argparse.Namespace) -> Options:
    """Return how thoroughly to measure: what was given, else what goes with `--full` or without."""
    seconds, minutes, rounds = FULL if given.full else QUICK
    return Options(
        seconds=seconds if given.seconds is None else given.seconds,
        minutes=minutes if given.minutes is None else given.minutes,
        rounds=rounds if given.rounds is None else given.rounds,
        sizes=given.size,
        rate=given.rate,
        viewers=given.viewers,
        streams=given.streams,
    )


async def measure(names: list[str], options: Options) -> dict[str, Outcome]:
    """Measure one after the other; what fails leaves the others their figures."""
    outcomes = {}
    for name in names:
        try:
            outcomes[name] = await SCENARIOS[name](options, say(name))
        except FAILURES as error:
            say(name)(f"failed: {error}")
    return outcomes


def main() -> None:
    """Measure, print a table and write the numbers."""
    given = arguments()
    options = options_of(given)
    settings = {
        **asdict(options),
        "scenarios": given.only,
        "machine_before": report.machine()["load_average"],
    }
    outcomes = asyncio.run(measure(given.only, options))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(report.as_json(outcomes, settings), indent=2) + "\n")
    print(report.table(outcomes))
    sys.exit(len(outcomes) < len(given.only))


if __name__ == "__main__":
    main()
