"""Viewers at once on one stream, and what they do to Home Assistant's event loop."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict

from .audience import Mode, Plan, Verdict, watch
from .household import CLOCK, SETTLE_S, Household, household
from .scenario import Json, Limit, Options, Outcome, Row, Say

NO_STALL = Limit(0)
# Of CPU time in one go, without Python's garbage collector: what is late without computing waited for a core,
# which the viewers of the load generator and the encoder of the stream want as well.
LIMIT_BLOCK_MS = Limit(20)


async def run(options: Options, say: Say) -> Outcome:
    """Look at the event loop alone, with a stream, and with all viewers of it in each mode."""
    async with household() as house:
        await asyncio.sleep(SETTLE_S)
        idle = await _beat(house, options.seconds)
        say(f"no stream: {blocked(idle)}")
        playlist = (await house.start(CLOCK)).media
        await asyncio.sleep(SETTLE_S)
        plans = [Plan([playlist], 1, Mode.LOW_LATENCY, options.seconds)]
        plans += [Plan([playlist], options.viewers, mode, options.seconds) for mode in Mode]
        crowds = [await _crowd(house, plan, say) for plan in plans]
    return Outcome([*rows(idle, crowds)], {"idle": idle, "crowds": crowds})


async def _beat(house: Household, seconds: float) -> Json:
    """Return how the event loop does for so long."""
    await house.pulse()
    await asyncio.sleep(seconds)
    return await house.pulse()


async def _crowd(house: Household, plan: Plan, say: Say) -> Json:
    """Let viewers watch and return what they and the event loop say."""
    await house.pulse()
    verdict = await watch(plan)
    pulse = await house.pulse()
    say(f"{plan.viewers} x {plan.mode}: {told(verdict)}; {blocked(pulse)}")
    return {"viewers": plan.viewers, "mode": plan.mode, "seen": asdict(verdict), "pulse": pulse}


def blocked(pulse: Json) -> str:
    """Return what the event loop says in a few words."""
    return (
        f"the loop computed up to {pulse['busy_max']:.0f} ms in one go, was up to {pulse['lag_max']:.0f} late"
    )


def told(verdict: Verdict) -> str:
    """Return what viewers saw in a few words."""
    least = "none" if verdict.margin_min is None else f"{1000 * verdict.margin_min:.0f} ms"
    return f"{verdict.viewers_stalled} stalled, least reserve {least}, {verdict.errors or 'no'} errors"


def rows(idle: Json, crowds: list[Json]) -> Iterator[Row]:
    """Yield what people want to know."""
    yield Row("no stream: event loop's longest computing in one go", idle["busy_max"], "ms")
    yield Row("no stream: Python's longest garbage collection", idle["collected_max"], "ms")
    yield Row("no stream: event loop's latest turn, whoever had the cores", idle["lag_max"], "ms")
    for crowd in crowds:
        name = f"{crowd['viewers']} viewers, {crowd['mode']}"
        seen, pulse = crowd["seen"], crowd["pulse"]
        least = seen["margin_min"]
        yield Row(f"{name}: viewers that stalled", seen["viewers_stalled"], "", NO_STALL)
        yield Row(f"{name}: least reserve", None if least is None else 1000 * least, "ms")
        yield Row(
            f"{name}: event loop's longest computing in one go", pulse["busy_max"], "ms", LIMIT_BLOCK_MS
        )
        yield Row(f"{name}: Python's longest garbage collection", pulse["collected_max"], "ms")
        yield Row(f"{name}: event loop's latest turn, whoever had the cores", pulse["lag_max"], "ms")
