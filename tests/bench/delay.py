"""The delay from page to screen in real players over a long time, with mishaps in the middle."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import batched
import time

from .household import CLOCK, Addresses, Household, household
from .scenario import Json, Limit, Options, Outcome, Row, Say, percentile
from .watcher import READER, READERS, SCREENS, Format, Reader, Screen, Seat, Watcher, watcher

# Until players have caught up with the end of the stream.
CATCH_UP_S = 10.0
# How long after a mishap what is seen counts as its consequence, at most.
CONSEQUENCE_S = 15.0
LOOKS = 10
# p95 in seconds.
LIMITS = {
    Format.LOW_LATENCY: Limit(1.5, 1.0),
    Format.CMAF: Limit(4),
    Format.TS: Limit(6),
    Format.MP4: Limit(0.8, 0.5),
}
# Seconds in all the time: one part, which is what players set their distance in.
LIMIT_DRIFT = Limit(0.25)
NONE = Limit(0)
ENCODER_KILL, PAGE_SWAP, PAGE_KILL = "encoder killed", "page swapped", "page killed"
MISHAPS = (ENCODER_KILL, PAGE_SWAP, PAGE_KILL)

type Delays = Sequence[tuple[float, float]]
"""Seconds since the measurement began, and the delay of what was shown then in seconds."""


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that viewers should not notice."""

    kind: str
    at: float
    """As `time.time()`."""


async def run(options: Options, say: Say) -> Outcome:
    """Let a few watch at once, and then the next ones, until every player has seen every format."""
    seats = (*SCREENS, *READERS)
    seconds, seen = 60 * options.minutes, list[Json]()
    async with household() as house:
        addresses = await house.start(CLOCK)
        groups = [*batched(seats, options.players, strict=False)]
        for number, group in enumerate(groups, 1):
            say(f"round {number} of {len(groups)}, {options.minutes:g} minutes")
            seen += await _round(house, addresses, group, seconds, say)
    return Outcome([*rows(seen)], {"seconds": seconds, "seen": seen})


async def _round(
    house: Household, addresses: Addresses, seats: Sequence[Seat], seconds: float, say: Say
) -> list[Json]:
    """Return what the watchers on these seats saw in so many seconds."""
    async with AsyncExitStack() as stack:
        watchers = [watcher(seat, addresses, seconds + CATCH_UP_S) for seat in seats]
        for one in watchers:
            stack.push_async_callback(one.stop)
            await one.start()
        await asyncio.sleep(CATCH_UP_S)
        for one in watchers:
            await one.begin()
        begun = time.time()
        mishaps, _ = await asyncio.gather(_disturb(house, seconds, say), _tell(watchers, seconds, say))
        return [await _seen(one, begun, mishaps) for one in watchers]


async def _tell(watchers: Sequence[Watcher], seconds: float, say: Say) -> None:
    """Say now and then how it goes."""
    for _ in range(LOOKS):
        await asyncio.sleep(seconds / LOOKS)
        for one in watchers:
            say(f"{one.seat}: {await one.look()}")


async def _disturb(house: Household, seconds: float, say: Say) -> list[Mishap]:
    """Let one thing after the other go wrong, at even distances, and return when."""
    mishaps = []
    for kind in MISHAPS:
        await asyncio.sleep(seconds / (len(MISHAPS) + 1))
        mishaps.append(Mishap(kind, time.time()))
        say(kind)
        if kind == PAGE_SWAP:
            await house.swap()
        else:
            house.kill("--type=renderer" if kind == PAGE_KILL else "ffmpeg")
    return mishaps


async def _seen(one: Watcher, begun: float, mishaps: Sequence[Mishap]) -> Json:
    """Return what was seen since a moment."""
    seat = {"format": one.seat.format, "player": one.seat.player, "name": str(one.seat)}
    if isinstance(one, Reader):
        await one.finish()
        return seat | await _read(one)
    return seat | await _shown(one, begun, mishaps)


async def _read(reader: Reader) -> Json:
    reading = reader.reading
    return {
        "seconds": round(reading.seconds, 1),
        "gaps": reading.gaps,
        "errors": reader.errors,
        "log": reader.log,
    }


async def _shown(screen: Screen, begun: float, mishaps: Sequence[Mishap]) -> Json:
    report = await screen.report()
    delays = [
        (moment - begun, delay / 1000) for moment, delay in zip(report.moments, report.latencies, strict=True)
    ]
    stalls = [moment - begun for moment in report.stall_times]
    reach = min(CONSEQUENCE_S, report.seconds / (len(MISHAPS) + 1))
    times = [(mishap.kind, mishap.at - begun) for mishap in mishaps]
    seconds = [delay for _moment, delay in delays]
    return {
        "p50": percentile(seconds, 50),
        "p95": percentile(seconds, 95),
        "max": max(seconds, default=None),
        "drift": None if report.drift is None else report.drift / 1000,
        "readings": len(seconds),
        "stalls": len(stalls),
        "stalled": report.stalled,
        "seeks": report.seeks,
        "dropped": report.dropped,
        "unreadable": report.unreadable,
        "ends": screen.ends,
        "mishaps": [after(kind, at, reach, delays, stalls) for kind, at in times],
        "delays": by_second(delays),
    }


def after(kind: str, at: float, reach: float, delays: Delays, stalls: Sequence[float]) -> Json:
    """Return what was seen in the seconds that follow a mishap."""
    return {
        "kind": kind,
        "at": round(at, 1),
        "max": max((delay for moment, delay in delays if at <= moment < at + reach), default=None),
        "stalls": sum(at <= moment < at + reach for moment in stalls),
    }


def by_second(delays: Delays) -> list[list[float]]:
    """Return the worst delay of each second that has one, after the second."""
    worst: dict[int, float] = {}
    for moment, delay in delays:
        worst[int(moment)] = max(delay, worst.get(int(moment), delay))
    return [[second, round(delay, 3)] for second, delay in sorted(worst.items())]


def rows(seen: Sequence[Json]) -> Iterator[Row]:
    """Yield what people want to know."""
    shown = [one for one in seen if one["player"] != READER]
    for one in shown:
        yield from _screen_rows(one)
    for one in seen:
        if one["player"] == READER:
            name = one["name"]
            yield Row(f"{name}: read", one["seconds"], "s")
            yield Row(f"{name}: gaps in time stamps", one["gaps"], "", NONE)
            yield Row(f"{name}: errors", one["errors"], "", NONE)
            yield Row(f"{name}: warnings", len(one["log"]) - one["errors"], "")
    yield from _mishap_rows(shown)
    yield Row("further LOADs needed, all players", sum(len(one["ends"]) for one in shown), "", NONE)


def _screen_rows(one: Json) -> Iterator[Row]:
    seen_as, name, drift = Format(one["format"]), one["name"], one["drift"]
    yield Row(f"{name}: delay, p50", one["p50"], "s")
    yield Row(f"{name}: delay, p95", one["p95"], "s", LIMITS[seen_as])
    yield Row(f"{name}: drift", drift, "s", LIMIT_DRIFT if seen_as is Format.LOW_LATENCY else None)
    yield Row(f"{name}: stalls", one["stalls"], "", NONE)


def _mishap_rows(shown: Sequence[Json]) -> Iterator[Row]:
    """Yield how all players bear each mishap."""
    for kind in MISHAPS:
        results = [
            (one["format"], mishap) for one in shown for mishap in one["mishaps"] if mishap["kind"] == kind
        ]
        yield Row(f"{kind}: times a player went through it", len(results), "")
        yield Row(f"{kind}: stalls after it", sum(mishap["stalls"] for _format, mishap in results), "", NONE)
        for seen_as in Format:
            worst = [
                mishap["max"] for name, mishap in results if name == seen_as and mishap["max"] is not None
            ]
            yield Row(f"{kind}: worst delay after it, {seen_as}", max(worst, default=None), "s")
