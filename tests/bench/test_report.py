"""Tests of how measurements become a table and JSON."""

import json
from pathlib import Path

import pytest

from .report import as_json, machine, number, read, table, write
from .scenario import BenchError, Limit, Outcome, Row

OUTCOME = Outcome(
    [
        Row("CPU", 22.64, "% of a core"),
        Row("ratio", 0.11, "x", Limit(1 / 8, 1 / 10)),
        Row("streams", 8, "", Limit(8, at_least=True)),
        Row("delay", None, "s", Limit(1.5, 1)),
        Row("stalls", 0, "", Limit(0)),
    ],
    {"windows": [1, 2]},
)


def test_table() -> None:
    """Each figure stands beside its limits, and says how it does."""
    cost = as_json(OUTCOME, {}, {})
    lines = table({"cost": cost}).splitlines()
    assert lines[2] == f"COST, {cost['time']}"
    assert [line.split() for line in lines[3:]] == [
        ["CPU", "22.6", "%", "of", "a", "core"],
        ["ratio", "0.11", "x", "<=", "0.12", "<=", "0.10", "target", "kept"],
        ["streams", "8", ">=", "8", "target", "kept"],
        ["delay", "not", "measured", "<=", "1.50", "<=", "1", "MISSED"],
        ["stalls", "0", "<=", "0", "target", "kept"],
    ]


def test_json() -> None:
    """All of it, with the machine and the settings."""
    cost = as_json(OUTCOME, {"seconds": 20}, machine())
    assert cost["figures"][0] == {
        "name": "CPU",
        "value": 22.64,
        "unit": "% of a core",
        "limit": None,
        "verdict": "",
    }
    assert cost["figures"][1]["verdict"] == "target"
    assert cost["figures"][2]["limit"] == {"target": 8, "goal": None, "at_least": True}
    assert cost["figures"][3]["value"] is None
    assert cost["details"] == {"windows": [1, 2]}
    assert cost["settings"] == {"seconds": 20}
    assert cost["machine"]["cores"] > 0


def test_file(tmp_path: Path) -> None:
    """What was written is read again, and gives the same table."""
    file = tmp_path / "out" / "bench.json"
    assert read(file) == {}
    scenarios = {"cost": as_json(OUTCOME, {}, machine())}
    write(file, scenarios)
    assert read(file) == scenarios
    assert table(read(file)) == table(scenarios)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"scenarios": {"cost": {"figures": []}}})])
def test_other_file(text: str, tmp_path: Path) -> None:
    """A file that is something else is neither read nor written over."""
    file = tmp_path / "bench.json"
    file.write_text(text)
    with pytest.raises(BenchError, match="holds no figures"):
        read(file)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (8.0, "8"),
        (0.0123, "0.012"),
        (0.125, "0.12"),
        (1.234, "1.23"),
        (22.64, "22.6"),
        (458.4, "458"),
    ],
)
def test_number(value: float, text: str) -> None:
    """Three digits that mean something."""
    assert number(value) == text
