"""Tests of how measurements become averages, ratios and a table."""

import json

from tests.home.usage import Share, Usage

from .report import Window, as_json, ratios, results, table


def window(pipeline: str, cpu: float, memory: float) -> Window:
    """Return a measurement of a pipeline with one process besides FFmpeg."""
    by_name = {"ffmpeg": Share(cpu / 2, memory / 4), pipeline: Share(cpu / 2, memory * 3 / 4)}
    return Window("still", pipeline, Usage(cpu, memory, by_name), 30)


WINDOWS = [
    window("classic", 20, 1000),
    window("engine", 2, 400),
    window("classic", 30, 1100),
    window("engine", 3, 440),
]


def test_windows_are_averaged() -> None:
    """Windows of the same pipeline and page are one result, whatever their order."""
    still = results(WINDOWS)["still"]
    assert still["classic"].cpu_percent == 25
    assert still["classic"].pss_mb == 1050
    assert still["classic"].windows == [20, 30]
    assert still["engine"].processes["ffmpeg"] == {"cpu_percent": 1.25, "pss_mb": 105}
    assert ratios(still) == {"cpu": 0.1, "memory": 0.4}


def test_table_and_json() -> None:
    """Both show every result and the ratio."""
    outcome = results(WINDOWS)
    lines = table(outcome).splitlines()
    assert [line.split()[1] for line in lines[1:]] == ["classic", "engine", "ratio"]
    assert "0.10x" in lines[-1]
    data = json.loads(json.dumps(as_json(outcome, {"seconds": 20})))
    assert data["scenarios"]["still"]["ratio"] == {"cpu": 0.1, "memory": 0.4}
    assert data["settings"] == {"seconds": 20}
    assert data["machine"]["cores"] > 0
