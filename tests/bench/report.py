"""The benchmark's outcome as data, as a table and as JSON."""

from collections.abc import Iterable
from dataclasses import dataclass
import os
from pathlib import Path
import platform
from statistics import fmean
from typing import Any

from tests.home.usage import Usage

BASELINE, OURS = "classic", "engine"


@dataclass(frozen=True, slots=True)
class Window:
    """One measurement of one pipeline with one page: cost, and pictures encoded per second."""

    scenario: str
    pipeline: str
    usage: Usage
    frames_per_second: float


@dataclass(frozen=True, slots=True)
class Result:
    """All windows of one pipeline with one page, averaged; CPU in percent of one core, memory in MB."""

    cpu_percent: float
    pss_mb: float
    frames_per_second: float
    processes: dict[str, dict[str, float]]
    windows: list[float]

    @classmethod
    def of(cls, windows: list[Window]) -> Result:
        """Return the average of some windows, at least one."""
        names = {name for window in windows for name in window.usage.by_name}
        processes = {}
        for name in names:
            shares = [window.usage.by_name[name] for window in windows if name in window.usage.by_name]
            processes[name] = {
                "cpu_percent": round(sum(share.cpu_percent for share in shares) / len(windows), 2),
                "pss_mb": round(sum(share.pss_mb for share in shares) / len(windows), 1),
            }
        return cls(
            cpu_percent=round(fmean(window.usage.cpu_percent for window in windows), 2),
            pss_mb=round(fmean(window.usage.pss_mb for window in windows), 1),
            frames_per_second=round(fmean(window.frames_per_second for window in windows), 1),
            processes=dict(sorted(processes.items(), key=lambda item: -item[1]["cpu_percent"])),
            windows=[round(window.usage.cpu_percent, 2) for window in windows],
        )


def results(windows: Iterable[Window]) -> dict[str, dict[str, Result]]:
    """Return the averages by scenario and pipeline."""
    groups: dict[str, dict[str, list[Window]]] = {}
    for window in windows:
        groups.setdefault(window.scenario, {}).setdefault(window.pipeline, []).append(window)
    return {
        scenario: {pipeline: Result.of(group) for pipeline, group in pipelines.items()}
        for scenario, pipelines in groups.items()
    }


def ratios(pipelines: dict[str, Result]) -> dict[str, float]:
    """Return how much of the classic pipeline's CPU time and memory the engine needs."""
    ours, classic = pipelines[OURS], pipelines[BASELINE]
    return {
        "cpu": round(ours.cpu_percent / classic.cpu_percent, 3),
        "memory": round(ours.pss_mb / classic.pss_mb, 3),
    }


def as_json(outcome: dict[str, dict[str, Result]], settings: dict[str, Any]) -> dict[str, Any]:
    """Return the whole outcome with the settings and the machine it was measured with."""
    return {
        "settings": settings,
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "processor": _processor()},
        "scenarios": {
            scenario: {
                **{name: _as_dict(result) for name, result in pipelines.items()},
                "ratio": ratios(pipelines),
            }
            for scenario, pipelines in outcome.items()
        },
    }


def _as_dict(result: Result) -> dict[str, Any]:
    return {name: getattr(result, name) for name in Result.__slots__}


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def table(outcome: dict[str, dict[str, Result]]) -> str:
    """Return the outcome for people."""
    lines = [f"{'':8} {'pipeline':9} {'CPU % of a core':>16} {'memory MB (PSS)':>16} {'pictures/s':>11}"]
    for scenario, pipelines in outcome.items():
        for name, result in pipelines.items():
            numbers = f"{result.cpu_percent:16.1f} {result.pss_mb:16.0f} {result.frames_per_second:11.1f}"
            lines.append(f"{scenario:8} {name:9} {numbers}")
        ratio = ratios(pipelines)
        lines.append(f"{scenario:8} {'ratio':9} {ratio['cpu']:15.2f}x {ratio['memory']:15.2f}x")
    return "\n".join(lines)
