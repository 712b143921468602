"""Measure what Dashboard Cast costs and how well it plays, and compare it with the classic pipeline."""

import argparse
import asyncio
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
import sys
import time

from custom_components.dashboard_cast.models import SizePreset
from tests.home.api import CommandError, FlowError, RequestError
from tests.home.home import HomeError
from tests.tv import TelevisionError
from tests.tv.library import PlayerError

from . import charts, cost, crowd, delay, elsewhere, fidelity, idle, load, looks, memory, report, show, start
from .classic import GRAB_RATE
from .pipeline import PipelineError
from .scenario import BenchError, Json, Options, Scenario

SCENARIOS: dict[str, Scenario] = {
    "cost": cost.run,
    "elsewhere": elsewhere.run,
    "looks": looks.run,
    "memory": memory.run,
    "start": start.run,
    "show": show.run,
    "delay": delay.run,
    "crowd": crowd.run,
    "load": load.run,
    "fidelity": fidelity.run,
    "idle": idle.run,
}
FAILURES = (
    BenchError,
    PipelineError,
    HomeError,
    TelevisionError,
    PlayerError,
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
    parser.add_argument(
        "--seconds",
        type=float,
        help="length of one measurement of cost, elsewhere, looks, crowd, load or idle",
    )
    parser.add_argument("--minutes", type=float, help="length of the measurement of delay")
    parser.add_argument(
        "--rounds", type=int, help="how often cost, elsewhere, start, show and idle are measured"
    )
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
    parser.add_argument("--players", type=int, default=4, help="how many players watch at once in delay")
    parser.add_argument("--streams", type=int, default=16, help="how many streams load starts at most")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("out/bench.json"),
        help="where the numbers go; what is not measured now stays in it",
    )
    parser.add_argument("--plots", type=Path, help="the folder to draw SVG charts into")
    parser.add_argument(
        "--redraw", type=Path, metavar="FILE", help="measure nothing: show and draw this file"
    )
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
        players=given.players,
        streams=given.streams,
    )


async def measure(name: str, options: Options) -> Json | None:
    """Measure and return the figures with all they depend on; None when that failed, and why is said."""
    machine = report.machine()
    try:
        outcome = await SCENARIOS[name](options, say(name))
    except FAILURES as error:
        say(name)(f"failed: {error}")
        return None
    return report.as_json(outcome, asdict(options), machine)


def measure_all(names: list[str], options: Options, file: Path) -> bool:
    """Measure one after the other, and put each into the file; return whether all went well.

    What is not measured, or fails, keeps the figures that the file has. Raises BenchError for a bad file.
    """
    measured = []
    for name in names:
        figures = asyncio.run(measure(name, options))
        measured.append(figures is not None)
        if figures:
            scenarios = report.read(file) | {name: figures}
            report.write(file, {known: scenarios[known] for known in SCENARIOS if known in scenarios})
    return all(measured)


def main() -> None:
    """Measure unless told to redraw alone, print a table and draw charts of all figures there are."""
    given = arguments()
    try:
        report.read(given.redraw or given.out)
        well = bool(given.redraw) or measure_all(given.only, options_of(given), given.out)
        scenarios = report.read(given.redraw or given.out)
    except BenchError as error:
        sys.exit(str(error))
    print(report.table(scenarios))
    if given.plots:
        charts.draw(scenarios, given.plots)
    sys.exit(not well)


if __name__ == "__main__":
    main()
