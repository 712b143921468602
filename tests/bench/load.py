"""Streams at once until pictures come late or are dropped."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.home.usage import measure

from .audience import Mode, Plan, Verdict, watch
from .household import MOTION, SETTLE_S, STILL, Household, household
from .scenario import Json, Limit, Options, Outcome, Row, Say

# A stream that falls further below its rate drops pictures.
ENOUGH = 0.9
MOTION_RATE = 15
LIMIT_STILL = Limit(8, at_least=True)
VIEWS = (STILL, "/demo-home/energy")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of streams."""

    name: str
    steps: Sequence[int]
    """How many at once."""
    rate: int
    """Pictures per second that each has to show, 0 for pages that stand still."""
    limit: Limit | None = None

    def stream(self, number: int) -> tuple[str, dict[str, Any]]:
        """Return path and fields of a stream that is none of the others."""
        # A hair's breadth of zoom is another source, a page and an encoder of its own, and looks the same.
        zoom = {"zoom": round(1 + number / 100, 2)}
        if self.rate:
            return MOTION, {**zoom, "frame_rate": self.rate}
        return VIEWS[number % len(VIEWS)], zoom


@dataclass(slots=True)
class Climb:
    """What came of adding streams."""

    kind: Kind
    steps: list[Json] = field(default_factory=list)

    @property
    def height(self) -> int:
        """How many streams at once went well."""
        return max((step["streams"] for step in self.steps if step["well"]), default=0)


STILLS = Kind("still", (1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24), 0, LIMIT_STILL)
MOTIONS = Kind("motion", (1, 2, 3, 4, 6, 8), MOTION_RATE)


async def run(options: Options, say: Say) -> Outcome:
    """Start more and more streams of each kind."""
    climbs = [await _climb(kind, options, say) for kind in (STILLS, MOTIONS)]
    return Outcome([*rows(climbs)], {climb.kind.name: climb.steps for climb in climbs})


async def _climb(kind: Kind, options: Options, say: Say) -> Climb:
    """Start streams until they do not do well any more."""
    climb, playlists = Climb(kind), list[str]()
    async with household() as house:
        for count in kind.steps:
            if count > options.streams:
                break
            while len(playlists) < count:
                path, fields = kind.stream(len(playlists))
                playlists.append((await house.start(path, **fields)).media)
            climb.steps.append(await _step(house, kind, playlists, options.seconds, say))
            if not climb.steps[-1]["well"]:
                break
    return climb


async def _step(house: Household, kind: Kind, playlists: list[str], seconds: float, say: Say) -> Json:
    """Return how these streams do together, with a viewer each."""
    await asyncio.sleep(SETTLE_S)
    plan = Plan(playlists, 1, Mode.LOW_LATENCY, seconds)
    verdict, usage = await asyncio.gather(watch(plan), measure(house.tree(), seconds))
    well = does_well(verdict, kind.rate)
    slowest = min(verdict.pictures_per_second)
    say(
        f"{len(playlists)} x {kind.name}: {'well' if well else 'too many'}, {usage.cpu_percent:.0f} %, "
        f"{verdict.stalls} late, {slowest:.1f} new pictures/s"
    )
    return {
        "streams": len(playlists),
        "well": well,
        "cpu_percent": round(usage.cpu_percent, 1),
        "pss_mb": round(usage.pss_mb, 1),
        "seen": asdict(verdict),
    }


def does_well(verdict: Verdict, rate: int) -> bool:
    """Return whether no picture came late or was dropped, for streams of so many pictures a second."""
    late = verdict.stalls or verdict.gaps or verdict.errors
    return not late and min(verdict.pictures_per_second) >= ENOUGH * rate


def rows(climbs: Sequence[Climb]) -> Iterator[Row]:
    """Yield how many streams there may be."""
    for climb in climbs:
        kind = climb.kind
        what = f"{kind.rate} pictures/s each" if kind.rate else "no late picture"
        yield Row(f"{kind.name} streams at once, {what}", climb.height, "", kind.limit)
        best = next((step for step in climb.steps if step["streams"] == climb.height), None)
        if best:
            yield Row(f"{kind.name} streams at once, CPU of these", best["cpu_percent"], "% of a core")
