"""Charts as SVG, readable on light and on dark pages (pure)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import floor, log10
from xml.sax.saxutils import escape

WIDTH = 760
MARGIN = 20
HEAD = 64
"""Title and legend."""
LABELS = 230
"""The column of labels beside bars."""
VALUES = 60
"""The column of values to the right of bars."""
BAR, GAP = 14, 12
PLOT_HEIGHT = 240
FOOT = 44
AXIS = 46
TICKS = 5
CHARACTER = 7.2
"""About the width of one, for legends."""

# Readers choose light or dark; a chart brings its own ground, so it reads well on any page.
STYLE = """
svg { --ground: #ffffff; --ink: #1f2328; --soft: #59636e; --grid: #d1d9e0; --limit: #cf222e;
  --c0: #0969da; --c1: #bc4c00; --c2: #1a7f37; --c3: #8250df; }
@media (prefers-color-scheme: dark) { svg { --ground: #0d1117; --ink: #f0f6fc; --soft: #9198a1;
  --grid: #3d444d; --limit: #ff7b72; --c0: #58a6ff; --c1: #f0883e; --c2: #3fb950; --c3: #bc8cff; } }
text { font: 13px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: var(--ink); }
.title { font-size: 16px; font-weight: 600; }
.soft { fill: var(--soft); font-size: 12px; }
.ground { fill: var(--ground); }
.grid { stroke: var(--grid); }
.mark { stroke: var(--soft); stroke-dasharray: 2 3; }
.limit { stroke: var(--limit); stroke-width: 2; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Bars that belong together: one for each series, None where there is no value."""

    label: str
    values: Sequence[float | None]
    limit: float | None = None
    """What they have to keep to."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars that lie, in groups below each other."""

    title: str
    unit: str
    series: Sequence[str]
    groups: Sequence[Group]


@dataclass(frozen=True, slots=True)
class Lines:
    """Values over something; marks are places on the way with what happened there."""

    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[Sequence[float]]]
    """Points (x, y) of each series."""
    marks: Sequence[tuple[float, str]] = field(default_factory=tuple)
    limit: float | None = None


def bars(chart: Bars) -> str:
    """Return the chart as an SVG document."""
    height = HEAD
    body = list[str]()
    values = [value for group in chart.groups for value in (*group.values, group.limit) if value is not None]
    scale = (WIDTH - 2 * MARGIN - LABELS - VALUES) / max([*values, 1e-9])
    for group in chart.groups:
        body += _group(chart, group, height, scale)
        height += len(chart.series) * BAR + GAP
    legend = [*chart.series] if len(chart.series) > 1 else []
    limited = any(group.limit is not None for group in chart.groups)
    return _document(f"{chart.title} ({chart.unit})", legend, limited, height + MARGIN - GAP, body)


def _group(chart: Bars, group: Group, top: float, scale: float) -> Iterator[str]:
    left, bottom = MARGIN + LABELS, top + len(chart.series) * BAR
    yield _text(left - 8, (top + bottom) / 2 + 4, group.label, anchor="end")
    for index, value in enumerate(group.values):
        if value is None:
            continue
        y, long = top + index * BAR, max(value * scale, 1)
        yield _box(left, y + 1, long, BAR - 2, f"fill:var(--c{index})")
        yield _text(WIDTH - MARGIN, y + BAR - 3, _number(value), anchor="end", kind="soft")
    if group.limit is not None:
        x = left + group.limit * scale
        yield _rule(x, top - 2, x, bottom + 2, "limit")


def lines(chart: Lines) -> str:
    """Return the chart as an SVG document."""
    points = [point for line in chart.lines.values() for point in line]
    x_max = max([*(x for x, _y in points), *(x for x, _label in chart.marks), 1e-9])
    y_max = max([*(y for _x, y in points), chart.limit or 0, 1e-9]) * 1.05
    left, right, top = MARGIN + AXIS, WIDTH - MARGIN, HEAD + 16
    bottom = top + PLOT_HEIGHT
    x_of, y_of = _Scale(0, x_max, left, right), _Scale(0, y_max, bottom, top)
    body = [*_grid(x_of, y_of), _text(left, top - 8, chart.y, kind="soft")]
    body.append(_text(right, bottom + 34, chart.x, anchor="end", kind="soft"))
    for at, label in chart.marks:
        body += [
            _rule(x_of(at), top, x_of(at), bottom, "mark"),
            _text(x_of(at), top - 8, label, anchor="middle", kind="soft"),
        ]
    if chart.limit is not None:
        body.append(_rule(left, y_of(chart.limit), right, y_of(chart.limit), "limit"))
    for index, line in enumerate(chart.lines.values()):
        path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in line)
        body.append(f'<polyline class="line" style="stroke:var(--c{index})" points="{path}"/>')
    return _document(chart.title, [*chart.lines], chart.limit is not None, bottom + FOOT, body)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where values lie on the paper."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        return self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin)

    def ticks(self) -> Iterator[float]:
        step = _step(self.high)
        for number in range(int(self.high / step) + 1):
            yield number * step


def _grid(x_of: _Scale, y_of: _Scale) -> Iterator[str]:
    for value in y_of.ticks():
        yield _rule(x_of.begin, y_of(value), x_of.end, y_of(value), "grid")
        yield _text(x_of.begin - 6, y_of(value) + 4, _number(value), anchor="end", kind="soft")
    for value in x_of.ticks():
        yield _text(x_of(value), y_of.begin + 18, _number(value), anchor="middle", kind="soft")


def _step(high: float) -> float:
    """Return a round distance of ticks up to there: 1, 2 or 5 with zeros."""
    rough = high / TICKS
    power: float = 10.0 ** floor(log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _legend(names: Sequence[str], limited: bool) -> Iterator[str]:
    x: float = MARGIN
    for index, name in enumerate(names):
        yield _box(x, 40, 12, 12, f"fill:var(--c{index})")
        yield _text(x + 18, 51, name)
        x += 38 + CHARACTER * len(name)
    if limited:
        yield _rule(x + 6, 39, x + 6, 53, "limit")
        yield _text(x + 18, 51, "target")


def _document(title: str, series: Sequence[str], limited: bool, height: float, body: Sequence[str]) -> str:
    size = f'width="{WIDTH}" height="{height:g}" viewBox="0 0 {WIDTH} {height:g}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{height:g}" rx="6"/>',
        f'<text class="title" x="{MARGIN}" y="26">{escape(title)}</text>',
        *_legend(series, limited),
        *body,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _text(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _box(x: float, y: float, width: float, height: float, style: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" style="{style}"/>'
