"""What a day of mishaps is made of, and what is told of it."""

import pytest

from .mishaps import MISHAPS, Outcome, plan, table


def test_plan() -> None:
    """The same seed gives the same mishaps, each as long as it may be; another one gives others."""
    day = plan(1, 200)
    assert plan(1, 200) == day
    assert plan(2, 200) != day
    assert all(MISHAPS[name].least <= seconds <= MISHAPS[name].most for name, seconds in day)
    assert len({name for name, _ in day}) > len(MISHAPS) / 2


def test_some_only() -> None:
    """Those with some words in their name are tried alone."""
    assert {name for name, _ in plan(1, 50, "Home Assistant killed")} == {"Home Assistant killed (SIGKILL)"}
    with pytest.raises(IndexError):
        plan(1, 1, "no such words")


def test_table() -> None:
    """A row for each mishap that happened, in the order in which they are named, and one for all."""
    name, other = "no network for 1 to 4 s", "stopped by a person"
    outcomes = [Outcome(name, float(seconds), 0, 1) for seconds in range(1, 21)]
    rows = table(
        [Outcome(other, None, 3, 0), *outcomes, Outcome(name, 90.0, 5, 0), Outcome(name, None, 1, 0)]
    )
    assert rows[2:] == [
        f"| {name} | 22 | 1 | 11.0 s | 20.0 s | 90.0 s | 0, 5 | 20 |",
        f"| {other} | 1 | 1 | - | - | - | 3, 3 | 0 |",
        "| all | 23 | 2 | 11.0 s | 20.0 s | 90.0 s | 0, 5 | 20 |",
    ]
    assert {row.count("|") for row in rows} == {9}
