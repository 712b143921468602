"""Memory of the first and of each further stream of one Home Assistant."""

import asyncio

from tests.home.usage import MB, ProcessTree

from .household import CLOCK, SETTLE_S, STILL, household
from .scenario import Json, Limit, Options, Outcome, Row, Say

DASHBOARDS = (STILL, CLOCK, "/demo-home/energy")
LIMIT_FIRST, LIMIT_FURTHER = Limit(450, 330), Limit(220, 130)
LOOKS = 5


async def run(options: Options, say: Say) -> Outcome:
    """Start one stream after the other and look at the memory of Home Assistant and all its processes."""
    async with household() as house:
        await asyncio.sleep(SETTLE_S)
        looks = [await _look(house.tree())]
        for path in DASHBOARDS:
            await house.start(path)
            # A page gives back what it needed to load only after a while.
            await asyncio.sleep(max(SETTLE_S, options.seconds))
            looks.append(await _look(house.tree()))
            say(f"{len(looks) - 1} streams: {looks[-1]['MB'] - looks[0]['MB']:.0f} MB")
    return Outcome(rows([look["MB"] for look in looks]), {"looks": looks, "dashboards": DASHBOARDS})


async def _look(tree: ProcessTree) -> Json:
    """Return the memory by process in MB, the mean of a few looks."""
    samples = []
    for _ in range(LOOKS):
        samples.append(tree.pss_by_name())
        await asyncio.sleep(1)
    names = {name for sample in samples for name in sample}
    by_name = {name: sum(sample.get(name, 0) for sample in samples) / LOOKS / MB for name in names}
    return {
        "MB": round(sum(by_name.values()), 1),
        "by_name": {name: round(size, 1) for name, size in sorted(by_name.items(), key=lambda i: -i[1])},
    }


def rows(totals: list[float]) -> list[Row]:
    """Return what the streams need: totals in MB without any, with one, with two and so on."""
    further = (totals[-1] - totals[1]) / (len(totals) - 2)
    return [
        Row("memory of the first stream", totals[1] - totals[0], "MB", LIMIT_FIRST),
        Row("memory of each further stream", further, "MB", LIMIT_FURTHER),
    ]
