"""Tests of charts: the numbers are where they belong, and the document is well formed."""

from xml.etree import ElementTree as ET

import pytest

from .plot import WIDTH, Bars, Group, Lines, bars, lines

SVG = "{http://www.w3.org/2000/svg}"


def parse(document: str) -> ET.Element:
    """Return the document; whatever is not well formed raises."""
    return ET.fromstring(document)  # noqa: S314


def texts(root: ET.Element) -> list[str]:
    """Return all that is written."""
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def boxes(root: ET.Element) -> list[float]:
    """Return how wide the bars are."""
    return [float(box.attrib["width"]) for box in root.iter(f"{SVG}rect") if box.attrib["height"] == "12.0"]


def test_bars() -> None:
    """Bars are as long as their values say, what was not measured has none, and limits are marked."""
    groups = [Group("still <720p>", [20, 5], 10), Group("motion", [40, None])]
    root = parse(bars(Bars("CPU & more", "%", ("classic", "ours"), groups)))
    legend, (first, second, third) = boxes(root)[:2], boxes(root)[2:]
    assert legend == [12, 12]
    assert (first / second, third / first) == pytest.approx((4, 2), rel=0.01)
    assert {"CPU & more (%)", "still <720p>", "classic", "ours", "target", "20", "5", "40"} <= {*texts(root)}
    rule = next(line for line in root.iter(f"{SVG}line") if line.attrib["y1"] == "62.0")
    bar = next(box for box in root.iter(f"{SVG}rect") if box.attrib.get("y") == "65.0")
    half = float(rule.attrib["x1"]) - float(bar.attrib["x"])
    assert half == pytest.approx(first / 2, abs=0.2)


def test_bars_of_one_series() -> None:
    """One series needs no legend, and no limit no mark."""
    root = parse(bars(Bars("Memory", "MB", ["ours"], [Group("first", [300])])))
    assert texts(root) == ["Memory (MB)", "first", "300"]
    assert not list(root.iter(f"{SVG}line"))


def test_lines() -> None:
    """Points lie within the plot, later ones further right, higher ones higher up; marks have their names."""
    chart = Lines("Delay", "minutes", "s", {"Shaka": [(0, 1), (5, 2), (10, 1)]}, [(5, "page killed")], 4)
    root = parse(lines(chart))
    polyline = root.find(f"{SVG}polyline")
    assert polyline is not None
    points = [tuple(map(float, point.split(","))) for point in polyline.attrib["points"].split()]
    xs, ys = zip(*points, strict=True)
    assert 0 < xs[0] < xs[1] < xs[2] < WIDTH
    assert ys[0] == ys[2] > ys[1]
    mark = next(line for line in root.iter(f"{SVG}line") if line.attrib["class"] == "mark")
    assert float(mark.attrib["x1"]) == xs[1]
    assert {"page killed", "Shaka", "target", "minutes", "10"} <= {*texts(root)}
    levels = [line.attrib["y1"] for line in root.iter(f"{SVG}line") if line.attrib["class"] == "limit"]
    # One in the legend, which is above.
    assert float(levels[0]) < float(levels[1]) < min(ys)


def test_nothing_to_draw() -> None:
    """Without any point the chart is empty, and still a chart."""
    assert "Delay" in texts(parse(lines(Lines("Delay", "minutes", "s", {"Shaka": []}))))
    assert texts(parse(bars(Bars("CPU", "%", ["ours"], [Group("still", [None])])))) == ["CPU (%)", "still"]
