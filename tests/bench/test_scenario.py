"""Tests of limits and percentiles."""

import pytest

from .scenario import Limit, Row, percentile


@pytest.mark.parametrize(
    ("limit", "value", "verdict"),
    [
        (Limit(2, 1), 1, "goal"),
        (Limit(2, 1), 1.5, "target"),
        (Limit(2, 1), 2.1, "missed"),
        (Limit(2), 0, "target"),
        (Limit(8, at_least=True), 8, "target"),
        (Limit(8, at_least=True), 7, "missed"),
        (Limit(2), None, "missed"),
        (None, 3, ""),
    ],
)
def test_verdicts(limit: Limit | None, value: float | None, verdict: str) -> None:
    """A figure reaches its goal, keeps to its target, or misses it; without a limit it is just a figure."""
    assert Row("figure", value, "", limit).verdict == verdict


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 50, None),
        ([3], 1, 3),
        ([4, 1, 3, 2], 50, 2),
        ([4, 1, 3, 2], 95, 4),
        (list(range(1, 101)), 95, 95),
    ],
)
def test_percentile(values: list[float], percent: float, expected: float | None) -> None:
    """It is a value that occurs."""
    assert percentile(values, percent) == expected
