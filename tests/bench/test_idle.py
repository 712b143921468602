"""Tests of what is said of displays at rest, and of some that are shown."""

from tests.bench.idle import Start, rows

WITHOUT = [Start(2.0, 0, 0.1), Start(9.0, 0, 9.0), Start(2.0, 0, 0.1)]
WITH_US = [Start(2.2, 150, 0.3), Start(2.2, 900, 0.3), Start(8.8, 150, 8.0)]
SHOWN = [Start(2.3, 160, 9.0), Start(2.3, 160, 80.0), Start(2.3, 700, 9.0)]


def test_medians() -> None:
    """One round that something else has disturbed does not count."""
    told = {row.name: (round(row.value or 0, 3), row.verdict) for row in rows(WITHOUT, WITH_US, SHOWN)}
    assert told == {
        "set-up with 20 displays, by Home Assistant": (150, "target"),
        "start of Home Assistant without them": (2.0, ""),
        "start of Home Assistant with them, in relation": (1.1, ""),
        "CPU at rest without them": (0.1, ""),
        "CPU at rest that they add": (0.2, "target"),
        "set-up with 5 of them to show, by Home Assistant": (160, "target"),
        "CPU while 5 of them are shown, all in all": (9.0, ""),
    }


def test_too_long() -> None:
    """A set-up that takes longer than it may is said to."""
    assert rows(WITHOUT, [Start(2.0, 201, 0.1)], SHOWN)[0].verdict == "missed"
