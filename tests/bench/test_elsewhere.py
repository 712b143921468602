"""Tests of what is said of browsers elsewhere."""

from tests.bench.elsewhere import LOCAL, REMOTE, Part, rows
from tests.home.usage import Share, Usage

USAGE = Usage(
    12.0,
    400.0,
    {"python3.14": Share(2.0, 100.0), "ffmpeg": Share(1.0, 50.0), "chromium-headle": Share(9.0, 250.0)},
)


def test_sides() -> None:
    """Home Assistant and FFmpeg are one side, all else is the browser."""
    assert Part.of(USAGE, home=True) == Part(3.0, 150.0)
    assert Part.of(USAGE, home=False) == Part(9.0, 250.0)


def test_ratio() -> None:
    """Both sides together are compared."""
    kinds = {LOCAL: (Part(2, 0), Part(8, 0)), REMOTE: (Part(3, 0), Part(12, 0))}
    ratio = next(row for row in rows({"still": kinds}) if row.limit)
    assert ratio.value == 1.5
    assert ratio.verdict == "missed"
