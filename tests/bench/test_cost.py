"""Tests of how windows of cost become averages and ratios."""

from tests.home.usage import Share, Usage

from .cost import Window, costs, rows


def window(pipeline: str, cpu: float, memory: float) -> Window:
    """Return a measurement of a pipeline with one process besides FFmpeg."""
    by_name = {"ffmpeg": Share(cpu / 2, memory / 4), pipeline: Share(cpu / 2, memory * 3 / 4)}
    return Window("still", "720p", pipeline, Usage(cpu, memory, by_name), 30)


WINDOWS = [
    window("classic", 20, 1000),
    window("engine", 2, 400),
    window("classic", 30, 1100),
    window("engine", 3, 440),
]


def test_windows_are_averaged() -> None:
    """Windows of the same pipeline and page are one cost, whatever their order."""
    still = costs(WINDOWS)["still", "720p"]
    assert still["classic"].cpu_percent == 25
    assert still["classic"].pss_mb == 1050
    assert still["classic"].windows == [20, 30]
    assert still["engine"].processes["ffmpeg"] == {"cpu_percent": 1.25, "pss_mb": 105}


def test_rows() -> None:
    """The ratio is the engine's share of the classic pipeline's CPU."""
    found = {row.name: row for row in rows(costs(WINDOWS))}
    ratio = found["still 720p, CPU ratio"]
    assert (ratio.value, ratio.verdict) == (0.1, "goal")
    assert found["still 720p, memory of the engine"].value == 420
