"""The benchmark's outcome as a table and as JSON."""

from dataclasses import asdict
from datetime import UTC, datetime
import json
import os
from pathlib import Path
import platform
import subprocess
from typing import Any

from .scenario import BenchError, Json, Limit, Outcome, Row

PROGRAMS = {"FFmpeg": ["ffmpeg", "-version"], "Chromium": ["chromium-headless-shell", "--version"]}
MARKS = {"goal": "goal reached", "target": "target kept", "missed": "MISSED", "": ""}


def as_json(outcome: Outcome, settings: Json, machine: Json) -> Json:
    """Return what a scenario has measured, when, and with what settings and machine."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": settings,
        "machine": machine,
        "figures": [_figure(row) for row in outcome.rows],
        "details": outcome.details,
    }


def read(file: Path) -> Json:
    """Return the scenarios in a file by name, none without a file; raises BenchError for any other file."""
    if not file.exists():
        return {}
    try:
        scenarios: Json = json.loads(file.read_text())["scenarios"]
        table(scenarios)
    except (ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{file} holds no figures of this benchmark: {error!r}") from error
    return scenarios


def write(file: Path, scenarios: Json) -> None:
    """Write the scenarios into a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"scenarios": scenarios}, indent=2) + "\n")


def _figure(row: Row) -> dict[str, Any]:
    """Return a row as JSON."""
    value = None if row.value is None else round(row.value, 3)
    limit = asdict(row.limit) if row.limit else None
    return {"name": row.name, "value": value, "unit": row.unit, "limit": limit, "verdict": row.verdict}


def _row(figure: Json) -> Row:
    """Return what `_figure` made JSON of."""
    limit = Limit(**figure["limit"]) if figure["limit"] else None
    return Row(figure["name"], figure["value"], figure["unit"], limit)


def machine() -> Json:
    """Return what the figures depend on, the load right now among it, so that noise is known."""
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


def table(scenarios: Json) -> str:
    """Return the figures of all scenarios, as `as_json` has them, for people."""
    cells = [("", "value", "target", "goal", "")]
    for name, scenario in scenarios.items():
        heading = f"{name.upper()}, {scenario['time']}"
        cells += [("", "", "", "", ""), (heading, "", "", "", "")]
        cells += [_cells(_row(figure)) for figure in scenario["figures"]]
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
