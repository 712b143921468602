"""What of the benchmark's figures is drawn, and how; from the JSON alone."""

from collections.abc import Callable, Iterator
from pathlib import Path

from .cost import BASELINE, OURS
from .crowd import LIMIT_BLOCK_MS
from .delay import LIMITS, MISHAPS
from .memory import LIMIT_FIRST, LIMIT_FURTHER
from .plot import Bars, Group, Lines, bars, lines
from .scenario import Json
from .watcher import NAMES, READER, Format

type Chart = tuple[str, str]
"""Name of the file without its ending, and the SVG document."""


def draw(scenarios: Json, folder: Path) -> None:
    """Write charts of all the scenarios there are into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for scenario, charts in CHARTS.items():
        if scenario in scenarios:
            for name, chart in charts(scenarios[scenario]):
                folder.joinpath(f"{name}.svg").write_text(chart)


def _cost(scenario: Json) -> Iterator[Chart]:
    groups = [
        Group(name, [pipelines[pipeline]["cpu_percent"] for pipeline in (BASELINE, OURS)])
        for name, pipelines in scenario["details"].items()
    ]
    series = ("classic pipeline", "Dashboard Cast")
    yield "cpu", bars(Bars("CPU of one stream", "% of a core", series, groups))


def _memory(scenario: Json) -> Iterator[Chart]:
    first, further = (figure["value"] for figure in scenario["figures"])
    groups = [
        Group("first stream", [first], LIMIT_FIRST.target),
        Group("each further stream", [further], LIMIT_FURTHER.target),
    ]
    yield "memory", bars(Bars("Memory of streams", "MB", ["Dashboard Cast"], groups))


def _delay(scenario: Json) -> Iterator[Chart]:
    shown = [one for one in scenario["details"]["seen"] if one["player"] != READER]
    groups = [
        Group(one["name"], [one["p50"], one["p95"]], LIMITS[Format(one["format"])].target) for one in shown
    ]
    yield "delay", bars(Bars("Delay from page to screen", "s", ("median", "95th percentile"), groups))
    for seen_as in Format:
        screens = [one for one in shown if one["format"] == seen_as]
        if screens:
            yield f"delay-{seen_as.name.lower().replace('_', '-')}", _over_time(seen_as, screens)


def _over_time(seen_as: Format, screens: list[Json]) -> str:
    """Return the delay in each player over the whole time, in minutes, with what went wrong."""
    series = {
        NAMES[one["player"]]: [(second / 60, delay) for second, delay in one["delays"]] for one in screens
    }
    marks = [
        (sum(one["mishaps"][index]["at"] for one in screens) / len(screens) / 60, kind)
        for index, kind in enumerate(MISHAPS)
    ]
    limit = LIMITS[seen_as].target
    return lines(Lines(f"Delay over time, {seen_as}", "minutes", "s", series, marks, limit))


def _crowd(scenario: Json) -> Iterator[Chart]:
    details = scenario["details"]
    looks = [("no stream", details["idle"])]
    looks += [(f"{crowd['viewers']}, {crowd['mode']}", crowd["pulse"]) for crowd in details["crowds"]]
    groups = [Group(name, [pulse["busy_max"]], LIMIT_BLOCK_MS.target) for name, pulse in looks]
    title = "Longest computing of Home Assistant's event loop in one go, by viewers"
    yield "crowd", bars(Bars(title, "ms", ["event loop"], groups))


def _load(scenario: Json) -> Iterator[Chart]:
    series = {
        name: [(step["streams"], step["cpu_percent"]) for step in steps if step["well"]]
        for name, steps in scenario["details"].items()
    }
    yield "load", lines(Lines("CPU of streams at once", "streams", "% of a core", series))


CHARTS: dict[str, Callable[[Json], Iterator[Chart]]] = {
    "cost": _cost,
    "memory": _memory,
    "delay": _delay,
    "crowd": _crowd,
    "load": _load,
}
