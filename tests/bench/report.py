"""The benchmark's outcome as a table and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
import os
from pathlib import Path
import platform
import subprocess
from typing import Any

from .scenario import Json, Limit, Outcome, Row

PROGRAMS = {"FFmpeg": ["ffmpeg", "-version"], "Chromium": ["chromium-headless-shell", "--version"]}
MARKS = {"goal": "goal reached", "target": "target kept", "missed": "MISSED", "": ""}


def as_json(outcomes: Mapping[str, Outcome], settings: Json) -> Json:
    """Return the whole outcome with the settings and the machine it was measured with."""
    return {
        "settings": settings,
        "machine": machine(),
        "scenarios": {
            name: {"figures": [_figure(row) for row in outcome.rows], "details": outcome.details}
            for name, outcome in outcomes.items()
        },
    }


def _figure(row: Row) -> dict[str, Any]:
    """Return a row as JSON."""
    value = None if row.value is None else round(row.value, 3)
    limit = {name: given for name, given in asdict(row.limit).items() if given} if row.limit else None
    return {"name": row.name, "value": value, "unit": row.unit, "limit": limit, "verdict": row.verdict}


def machine() -> Json:
    """Return what the figures depend on; the load before the measurements, so that noise is known."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        **{name: _version(command) for name, command in PROGRAMS.items()},
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _version(command: list[str]) -> str:
    """Return the first line that a program says of itself, empty when there is no such program."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return ""
    return answer.stdout.partition("\n")[0].strip()


def table(outcomes: Mapping[str, Outcome]) -> str:
    """Return the figures for people."""
    cells = [("", "value", "target", "goal", "")]
    for name, outcome in outcomes.items():
        cells += [("", "", "", "", ""), (name.upper(), "", "", "", "")]
        cells += [_cells(row) for row in outcome.rows]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    return "\n".join(_line(line, widths) for line in cells)


def _line(cells: tuple[str, str, str, str, str], widths: list[int]) -> str:
    name, value, target, goal, verdict = cells
    columns = [name.ljust(widths[0]), value.rjust(widths[1]), target.rjust(widths[2]), goal.rjust(widths[3])]
    return "  ".join([*columns, verdict]).rstrip()


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    value = "not measured" if row.value is None else f"{number(row.value)} {row.unit}".strip()
    target, goal = (_limit(row.limit, which) for which in ("target", "goal"))
    return row.name, value, target, goal, MARKS[row.verdict]


def _limit(limit: Limit | None, which: str) -> str:
    value = getattr(limit, which, None)
    if limit is None or value is None:
        return ""
    return f"{'>=' if limit.at_least else '<='} {number(value)}"


def number(value: float) -> str:
    """Return a number with three digits that mean something, and no more."""
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    return f"{value:.{digits}f}"
