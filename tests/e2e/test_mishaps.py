"""What a day of mishaps is made of, and what is told of it."""

import pytest

from .mishaps import MISHAPS, Outcome, plan, table


def test_plan() -> None:
    """The same seed gives the same mishaps, each as long as it may be, and another seed others."""
    day = plan(1, 200)
    assert plan(1, 200) == day
    assert plan(2, 200) != day
    everything = [one for happenings in day for one in happenings]
    assert all(MISHAPS[one.name].least <= one.seconds <= MISHAPS[one.name].most for one in everything)
    assert {one.name for one in everything} == MISHAPS.keys()


def test_overlap() -> None:
    """Now and then another mishap comes soon after the first, but none that needs a picture."""
    day = plan(1, 200)
    seconds = [happenings[1] for happenings in day if len(happenings) == 2]
    assert 30 < len(seconds) < 70
    assert all(MISHAPS[one.name].anytime and one.wait > 0 for one in seconds)
    assert not any(happenings[0].wait for happenings in day)


def test_some_only() -> None:
    """Those with some words in their name are tried alone."""
    day = plan(1, 50, "Home Assistant killed")
    assert {one.name for (one,) in day} == {"Home Assistant killed (SIGKILL)"}
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
