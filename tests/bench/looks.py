"""What looks cost with which a dashboard moves: scrolled through, with transitions, shifted."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.home.usage import measure

from .household import SETTLE_S, STILL, Household, household
from .scenario import Options, Outcome, Row, Say

LONG = "/demo-views/long"
# Lights that are switched, one after the other, have sliders and icons that move to where they belong.
LIGHTS = ("input_boolean.kitchen_light", "input_boolean.reading_lamp")
SWITCH_INTERVAL_S = 2.0


@dataclass(frozen=True, slots=True)
class Case:
    """A dashboard, how it is seen, and whether something goes on in the house."""

    path: str
    fields: dict[str, Any] = field(default_factory=dict)
    busy: bool = False


CASES: Mapping[str, Case] = {
    "long view, its beginning": Case(LONG),
    "long view, as small as it takes": Case(LONG, {"overflow": "fit"}),
    "long view, scrolled through": Case(LONG, {"overflow": "scroll"}),
    "still dashboard": Case(STILL),
    "still dashboard that shifts against burn-in": Case(STILL, {"pixel_shift": True}),
    "a light switched every 2 s, reduced motion": Case(STILL, busy=True),
    "a light switched every 2 s, full motion": Case(STILL, {"reduced_motion": False}, busy=True),
}


async def run(options: Options, say: Say) -> Outcome:
    """Measure each case, one after the other, in one Home Assistant."""
    found: dict[str, float] = {}
    async with household() as house:
        for name, case in CASES.items():
            await house.start(case.path, **case.fields)
            switching = asyncio.create_task(_switch(house)) if case.busy else None
            await asyncio.sleep(SETTLE_S)
            usage = await measure(house.tree(), options.seconds)
            if switching:
                switching.cancel()
            await house.stop()
            found[name] = round(usage.cpu_percent, 2)
            say(f"{name}: {usage.cpu_percent:.1f} %")
    return Outcome([*rows(found)], {"cpu_percent": found})


async def _switch(house: Household) -> None:
    """Switch the lights, one after the other, for ever."""
    while True:
        for light in LIGHTS:
            await house.home.call("input_boolean", "toggle", {"entity_id": light})
            await asyncio.sleep(SWITCH_INTERVAL_S)


def rows(found: Mapping[str, float]) -> Iterator[Row]:
    """Yield what each case costs Home Assistant and all that it starts, in percent of a core."""
    for name, cpu_percent in found.items():
        yield Row(f"{name}, CPU", cpu_percent, "% of a core")
