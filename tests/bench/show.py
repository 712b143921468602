"""From the action `show` to the other picture on a TV that shows a dashboard already."""

import asyncio
import time

from tests.home.home import Home
from tests.tv import Television

from .household import CLOCK
from .scenario import Limit, Options, Outcome, Row, Say, percentile
from .start import TV_ENTITY, Wall

CHANGES = 20
CHANGE_TIMEOUT_S = 30.0
# Where the page has nothing but its background.
GROUND = (6, 300)
TARGET = 3.0


async def change(home: Home, tv: Television, *, dark: bool) -> float:
    """Show the same in dark or light; return the seconds from the action to the TV."""
    begun = time.monotonic()
    acting = asyncio.create_task(
        home.call("dashboard_cast", "show", {"dark": dark}, target={"entity_id": TV_ENTITY})
    )
    await tv.wait_dark(*GROUND, CHANGE_TIMEOUT_S, dark=dark)
    seconds = time.monotonic() - begun
    await acting
    return seconds


async def run(options: Options, say: Say) -> Outcome:
    """Change what a TV shows again and again: each time a new page, of a dashboard with a clock."""
    async with Television() as tv, Home() as home:
        wall = Wall(home, tv)
        await wall.set_up()
        await wall.show(CLOCK)
        loads = len(tv.loads)
        # It starts light, so that the first change is one.
        await change(home, tv, dark=True)
        await tv.reset_measurements()
        took = [await change(home, tv, dark=bool(number % 2)) for number in range(CHANGES * options.rounds)]
        say(f"changes: {', '.join(f'{seconds:.2f}' for seconds in took)} s")
        stalls, loads = (await tv.report()).stalls, len(tv.loads) - loads
    return Outcome(rows(took, stalls, loads), {"change_s": took})


def rows(took: list[float], stalls: int, loads: int) -> list[Row]:
    """Return median and 95th percentile of the changes, in seconds, and what viewers noticed besides."""
    return [
        Row("action to other picture, median", percentile(took, 50), "s"),
        Row("action to other picture, 95 % within", percentile(took, 95), "s", Limit(TARGET)),
        Row("stalls meanwhile", stalls, "", Limit(0)),
        Row("LOADs meanwhile", loads, "", Limit(0)),
    ]
