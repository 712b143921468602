"""Measure both pipelines with the same pages, strictly one after the other, and compare."""

import argparse
import asyncio
import json
from pathlib import Path
import sys
import time

from custom_components.dashboard_cast.models import SizePreset
from tests.home.home import Home
from tests.home.usage import measure

from . import report
from .classic import GRAB_RATE, ClassicPipeline
from .engine import EnginePipeline
from .pipeline import Page, Pipeline, PipelineError
from .report import Window

SCENARIOS = {"still": "/demo-home/overview", "motion": "/demo-motion/motion"}
# What a browser does once after loading a page must be over before it is measured.
SETTLE_S = 15
STARTED = time.monotonic()


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(f"[bench {time.monotonic() - STARTED:4.0f}s] {text}", file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--only", choices=SCENARIOS, help="measure one kind of page alone")
    parser.add_argument("--size", choices=list(SizePreset), default=SizePreset.P720, type=SizePreset)
    parser.add_argument("--seconds", type=float, default=20, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=2, help="measurements of each pipeline with each page")
    parser.add_argument("--rate", type=int, default=GRAB_RATE, help="the engine's most pictures a second")
    parser.add_argument("--out", type=Path, default=Path("out/bench.json"), help="where the numbers go")
    return parser.parse_args()


async def measured(pipeline: Pipeline, scenario: str, page: Page, seconds: float) -> Window:
    """Return what one pipeline costs with one page once it has come to rest."""
    try:
        tree = await pipeline.start(page)
        await asyncio.sleep(SETTLE_S)
        began, frames = time.monotonic(), pipeline.frames
        usage = await measure(tree, seconds)
        rate = (pipeline.frames - frames) / (time.monotonic() - began)
    finally:
        await pipeline.stop()
    window = Window(scenario, pipeline.name, usage, rate)
    say(f"{scenario}, {pipeline.name}: {usage.cpu_percent:.1f} %, {usage.pss_mb:.0f} MB, {rate:.1f}/s")
    return window


async def measure_all(options: argparse.Namespace) -> list[Window]:
    """Start a home and measure every scenario, the pipelines taking turns."""
    width, height = options.size.pixels
    say("starting Home Assistant")
    async with Home() as home:
        token = await home.add_user("Wall", "only looking")
        windows = []
        for scenario in [options.only] if options.only else SCENARIOS:
            page = Page(home.url, SCENARIOS[scenario], token, width, height, options.rate)
            pipelines: list[Pipeline] = [ClassicPipeline(), EnginePipeline()]
            windows += [
                await measured(pipeline, scenario, page, options.seconds)
                for _ in range(options.rounds)
                for pipeline in pipelines
            ]
    return windows


def main() -> None:
    """Measure, print a table and write the numbers."""
    options = arguments()
    try:
        windows = asyncio.run(measure_all(options))
    except PipelineError as error:
        sys.exit(f"bench: {error}")
    outcome = report.results(windows)
    settings = {
        "size": options.size,
        "seconds": options.seconds,
        "rounds": options.rounds,
        "rate": options.rate,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report.as_json(outcome, settings), indent=2) + "\n")
    print(report.table(outcome))


if __name__ == "__main__":
    main()
