"""What the measurements of the benchmark have in common: options in, rows and details out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Protocol

from custom_components.dashboard_cast.models import SizePreset

type Say = Callable[[str], None]
type Json = dict[str, Any]


class BenchError(Exception):
    """A measurement cannot be made; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How thoroughly to measure."""

    seconds: float
    """Length of one measurement of cost, load or crowd."""
    minutes: float
    """Length of the measurement of delay."""
    rounds: int
    """How often what is noisy is measured."""
    sizes: Sequence[SizePreset]
    rate: int
    """The most pictures a second in the comparison with the classic pipeline."""
    viewers: int
    """How many watch one stream at once."""
    players: int
    """How many players watch at once in the measurement of delay."""
    streams: int
    """At how many streams at once to stop."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure has to keep to, and what it should reach."""

    target: float
    goal: float | None = None
    at_least: bool = False
    """Whether more is better."""

    def verdict(self, value: float) -> str:
        """Return how a figure does: `goal`, `target` or `missed`."""
        if self.goal is not None and self._kept(value, self.goal):
            return "goal"
        return "target" if self._kept(value, self.target) else "missed"

    def _kept(self, value: float, limit: float) -> bool:
        return value >= limit if self.at_least else value <= limit


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of the table; value: None when it could not be measured."""

    name: str
    value: float | None
    unit: str
    limit: Limit | None = None

    @property
    def verdict(self) -> str:
        """How it does, empty without a limit; what could not be measured missed it."""
        if self.limit is None:
            return ""
        return "missed" if self.value is None else self.limit.verdict(self.value)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scenario has measured: figures for people, and all the rest for the JSON file."""

    rows: Sequence[Row]
    details: Json = field(default_factory=dict)


class Scenario(Protocol):
    """A measurement; raises what its parts raise."""

    async def __call__(self, options: Options, say: Say) -> Outcome:
        """Measure."""


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return the smallest value that so many percent of all do not exceed (nearest rank), None of none."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)] if ordered else None
