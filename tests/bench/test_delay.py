"""Tests of what becomes of what players have seen."""

from pathlib import Path

import pytest

from .charts import draw
from .delay import MISHAPS, after, by_second, rows
from .household import Addresses
from .report import as_json
from .scenario import Json, Outcome
from .watcher import READERS, SCREENS, Format, Reading, gaps

DELAYS = [(0.1, 1.0), (0.9, 1.2), (2.5, 3.0), (3.0, 1.1)]


def screen(seen_as: Format, **fields: object) -> Json:
    """Return what a player saw."""
    mishaps = [after(kind, 2, 1, DELAYS, [2.6]) for kind in MISHAPS]
    seen = {"p50": 0.9, "p95": 1.0, "drift": 0.1, "stalls": 3, "ends": [], "mishaps": mishaps}
    name = f"{seen_as}, Shaka 5"
    delays = by_second(DELAYS)
    return {"format": seen_as, "player": "shaka-5", "name": name, "delays": delays, **seen, **fields}


READ = {
    "format": Format.TS,
    "player": "ffprobe",
    "name": "TS, ffprobe",
    "seconds": 600,
    "gaps": 0,
    "errors": 0,
    "log": ["[warning] odd"],
}


def test_everybody_watches() -> None:
    """Each format in each player that can play it, and in ffprobe."""
    assert len(SCREENS) == 12
    assert {seat.format for seat in SCREENS} == {*Format}
    addresses = Addresses("cmaf", "ts", "mp4", "still")
    assert [seat.format.address(addresses) for seat in READERS] == ["cmaf", "ts", "mp4"]
    assert [str(SCREENS[0]), str(SCREENS[-1])] == ["low-latency HLS, Shaka 5", "endless MP4, Chromium"]


def test_after_a_mishap() -> None:
    """What counts is the time from the mishap on, for as long as its consequences may take."""
    seen = after("page killed", 2, 1, DELAYS, [1.9, 2.6, 3.0])
    assert seen == {"kind": "page killed", "at": 2, "max": 3.0, "stalls": 1}
    assert after("page killed", 10, 1, DELAYS, [])["max"] is None


def test_by_second() -> None:
    """The worst of each second; seconds without a picture are missing."""
    assert by_second(DELAYS) == [[0, 1.2], [2, 3.0], [3, 1.1]]


def test_rows() -> None:
    """Each format has limits of its own, and what went wrong is counted."""
    seen = [screen(Format.LOW_LATENCY), screen(Format.MP4, p95=0.9, ends=["decoder failed"]), READ]
    figures = {row.name: (row.value, row.verdict) for row in rows(seen)}
    expected = {
        "low-latency HLS, Shaka 5: delay, p95": (1.0, "goal"),
        "low-latency HLS, Shaka 5: drift": (0.1, "target"),
        "low-latency HLS, Shaka 5: stalls": (3, "missed"),
        "endless MP4, Shaka 5: delay, p95": (0.9, "missed"),
        "endless MP4, Shaka 5: drift": (0.1, ""),
        "TS, ffprobe: gaps in time stamps": (0, "target"),
        "page killed: stalls after it": (2, "missed"),
        "page killed: worst delay after it, endless MP4": (3.0, ""),
        "page killed: times a player went through it": (2, ""),
        "further LOADs needed, all players": (1, "missed"),
    }
    assert {name: figures[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("times", "count"),
    [
        ([], 0),
        ([1], 0),
        ([1, 1.5, 2], 0),
        ([1, 1.5, 1.5], 1),
        ([2, 1], 1),
        ([1, 2], 1),
        ([1, float("nan"), 2], 2),
    ],
)
def test_gaps(times: list[float], count: int) -> None:
    """Time goes forward in small steps."""
    assert gaps(times, 0.6) == count


def test_reading() -> None:
    """Frames of both media are told apart."""
    reading = Reading()
    for line in ("video,1.0", "audio,1.0", "audio,1.02,", "video,1.25", "audio,2.0", "video,N/A"):
        reading.take(line)
    assert reading.gaps == 2
    assert Reading().seconds == 0


def test_charts(tmp_path: Path) -> None:
    """One of all players, and one for each format that was watched."""
    seen = [screen(Format.LOW_LATENCY), screen(Format.MP4), READ]
    delay = as_json(Outcome([*rows(seen)], {"seen": seen}), {}, {})
    draw({"delay": delay}, tmp_path / "plots")
    names = {file.name for file in tmp_path.joinpath("plots").iterdir()}
    assert names == {"delay.svg", "delay-low-latency.svg", "delay-mp4.svg"}
    assert "page killed" in tmp_path.joinpath("plots", "delay-mp4.svg").read_text()
