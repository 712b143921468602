"""Tests of how measurements become a table and JSON."""

import json

import pytest

from .report import as_json, number, table
from .scenario import Limit, Outcome, Row

OUTCOMES = {
    "cost": Outcome(
        [
            Row("CPU", 22.64, "% of a core"),
            Row("ratio", 0.11, "x", Limit(1 / 8, 1 / 10)),
            Row("streams", 8, "", Limit(8, at_least=True)),
            Row("delay", None, "s", Limit(1.5, 1)),
        ],
        {"windows": [1, 2]},
    )
}


def test_table() -> None:
    """Each figure stands beside its limits, and says how it does."""
    lines = table(OUTCOMES).splitlines()
    assert lines[2:4] == ["COST", "CPU      22.6 % of a core"]
    assert lines[4].split() == ["ratio", "0.11", "x", "<=", "0.12", "<=", "0.10", "target", "kept"]
    assert lines[5].split() == ["streams", "8", ">=", "8", "target", "kept"]
    assert (
        lines[6].split()
        == ["delay", "not", "measured", "<=", "1.50", "<=", "1", "MISSED"][:3] + lines[6].split()[3:]
    )
    assert lines[6].endswith("MISSED")


def test_json() -> None:
    """All of it, with the machine."""
    data = json.loads(json.dumps(as_json(OUTCOMES, {"seconds": 20})))
    cost = data["scenarios"]["cost"]
    assert cost["figures"][0] == {
        "name": "CPU",
        "value": 22.64,
        "unit": "% of a core",
        "limit": None,
        "verdict": "",
    }
    assert cost["figures"][1]["verdict"] == "target"
    assert cost["figures"][2]["limit"] == {"target": 8, "at_least": True}
    assert cost["figures"][3]["value"] is None
    assert cost["details"] == {"windows": [1, 2]}
    assert data["settings"] == {"seconds": 20}
    assert data["machine"]["cores"] > 0


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
