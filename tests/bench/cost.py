"""CPU time and memory of the engine and of the classic pipeline, with the same pages, in turns."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from statistics import fmean
import time

from tests.home.home import Home
from tests.home.usage import Usage, measure

from .classic import ClassicPipeline
from .engine import EnginePipeline
from .household import MOTION, SETTLE_S, STILL
from .pipeline import Page, Pipeline
from .scenario import Json, Limit, Options, Outcome, Row, Say

BASELINE, OURS = "classic", "engine"
PAGES = {"still": STILL, "motion": MOTION}
LIMITS = {"still": Limit(1 / 8, 1 / 10), "motion": Limit(1, 0.7)}

type Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Window:
    """One measurement of one pipeline with one kind of page at one size."""

    page: str
    size: str
    pipeline: str
    usage: Usage
    pictures_per_second: float


@dataclass(frozen=True, slots=True)
class Cost:
    """All windows of one pipeline with one page, averaged; CPU in percent of one core, memory in MB."""

    cpu_percent: float
    pss_mb: float
    pictures_per_second: float
    processes: dict[str, dict[str, float]]
    windows: list[float]

    @classmethod
    def of(cls, windows: list[Window]) -> Cost:
        """Return the average of some windows, at least one."""
        names = {name for window in windows for name in window.usage.by_name}
        processes = {name: _share(windows, name) for name in names}
        return cls(
            cpu_percent=round(fmean(window.usage.cpu_percent for window in windows), 2),
            pss_mb=round(fmean(window.usage.pss_mb for window in windows), 1),
            pictures_per_second=round(fmean(window.pictures_per_second for window in windows), 1),
            processes=dict(sorted(processes.items(), key=lambda item: -item[1]["cpu_percent"])),
            windows=[round(window.usage.cpu_percent, 2) for window in windows],
        )


def _share(windows: list[Window], name: str) -> dict[str, float]:
    """Return a process's part of the average."""
    shares = [window.usage.by_name[name] for window in windows if name in window.usage.by_name]
    return {
        "cpu_percent": round(sum(share.cpu_percent for share in shares) / len(windows), 2),
        "pss_mb": round(sum(share.pss_mb for share in shares) / len(windows), 1),
    }


def costs(windows: Iterable[Window]) -> dict[Key, dict[str, Cost]]:
    """Return the averages by page and size, and by pipeline."""
    groups: dict[Key, dict[str, list[Window]]] = {}
    for window in windows:
        groups.setdefault((window.page, window.size), {}).setdefault(window.pipeline, []).append(window)
    return {
        key: {pipeline: Cost.of(group) for pipeline, group in pipelines.items()}
        for key, pipelines in groups.items()
    }


def rows(measured: dict[Key, dict[str, Cost]]) -> Iterator[Row]:
    """Yield what people want to know."""
    for (page, size), pipelines in measured.items():
        classic, ours = pipelines[BASELINE], pipelines[OURS]
        name = f"{page} {size}"
        yield Row(f"{name}, CPU of the classic pipeline", classic.cpu_percent, "% of a core")
        yield Row(f"{name}, CPU of the engine", ours.cpu_percent, "% of a core")
        yield Row(f"{name}, CPU ratio", ours.cpu_percent / classic.cpu_percent, "x", LIMITS[page])
        yield Row(f"{name}, memory of the classic pipeline", classic.pss_mb, "MB")
        yield Row(f"{name}, memory of the engine", ours.pss_mb, "MB")
        yield Row(f"{name}, pictures encoded by the engine", ours.pictures_per_second, "/s")


def details(measured: dict[Key, dict[str, Cost]]) -> Json:
    """Return everything, by page and size."""
    return {
        f"{page} {size}": {name: asdict(cost) for name, cost in pipelines.items()}
        for (page, size), pipelines in measured.items()
    }


async def run(options: Options, say: Say) -> Outcome:
    """Measure both pipelines with each page at each size, strictly one after the other."""
    windows = []
    async with Home() as home:
        token = await home.add_user("Wall", "only looking")
        for size in options.sizes:
            width, height = size.pixels
            for name, path in PAGES.items():
                page = Page(home.url, path, token, width, height, options.rate)
                pipelines: list[Pipeline] = [ClassicPipeline(), EnginePipeline()]
                for pipeline in pipelines * options.rounds:
                    usage, rate = await _cost(pipeline, page, options.seconds)
                    windows.append(Window(name, size, pipeline.name, usage, rate))
                    say(f"{name} {size}, {pipeline.name}: {usage.cpu_percent:.1f} %, {rate:.1f} pictures/s")
    measured = costs(windows)
    return Outcome([*rows(measured)], details(measured))


async def _cost(pipeline: Pipeline, page: Page, seconds: float) -> tuple[Usage, float]:
    """Return what one pipeline costs with one page once it has come to rest, and its pictures a second."""
    try:
        tree = await pipeline.start(page)
        await asyncio.sleep(SETTLE_S)
        began, frames = time.monotonic(), pipeline.frames
        usage = await measure(tree, seconds)
        return usage, (pipeline.frames - frames) / (time.monotonic() - began)
    finally:
        await pipeline.stop()
