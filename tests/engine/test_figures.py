"""Tests of the figures of a stream: what they come to from one time to the next."""

from dataclasses import replace

import pytest

from custom_components.dashboard_cast.engine.figures import Figures

BEFORE = Figures(time=100.0, viewers=1, delay=0.2, pictures=40, memory=None, cpu_time=3.0)


def test_frame_rate() -> None:
    """The pictures that came since then, over the time."""
    assert replace(BEFORE, time=110.0, pictures=65).frame_rate(BEFORE) == 2.5


@pytest.mark.parametrize(
    ("before", "now", "load"),
    [
        (3.0, 3.5, 0.05),
        (3.0, 3.0, 0.0),
        # The page is a new one, with a process of its own.
        (3.0, 1.0, None),
        (None, 1.0, None),
        (3.0, None, None),
    ],
)
def test_load(before: float | None, now: float | None, load: float | None) -> None:
    """The processor time that was used since then, over the time; if that is known."""
    assert replace(BEFORE, time=110.0, cpu_time=now).load(replace(BEFORE, cpu_time=before)) == load
