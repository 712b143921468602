"""A day of mishaps for real: whatever happens to a display, the right thing is on the TV again soon after."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
import os
from pathlib import Path
from random import Random
from signal import SIGKILL, SIGSTOP
from statistics import median
import time
from typing import NamedTuple

from aiohttp import ClientError
import pytest

from ..bench.scenario import percentile
from ..tv import Television
from . import census
from .house import PLAY_TIMEOUT_S, TV_ENTITY, house, until
from .wall import NAME, PATIENCE_S, STATUS, SWITCH, add, left_alone, turn, wait_status
from .ward import ANYWHERE, BEGINS, CONFIGURATION, LASTING_S, Trouble, Ward

DASHBOARD = "/demo-trouble/trouble"
# After that it is a failure.
RIGHT_S = 60.0
# The clock is right again when it has changed so often.
CHANGES = 4
# From a trouble of the page until it is known.
FOUND_S = 15.0
SLOW_KBITS = 30.0
# Between two looks at what may leak.
LOOK_EVERY = 10
# Every fourth time another mishap comes so soon that it may meet what follows the first.
OVERLAPS = 0.25
OVERLAP_S = 4.0
OVERLAPPING = "another one before it is right"
LOG_LINES = 25
HEAD = ("mishap", "times", "not right", "median", "p95", "longest", "LOADs (median, most)", "stalls")


class Over(NamedTuple):
    """When a mishap was over, both as `time.time()`."""

    since: float
    """From then on it is to be right again, and the seconds count."""
    drawn: float
    """A picture that was drawn after that is right."""


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that happens."""

    make: Callable[[Ward, float], Awaitable[Over]]
    least: float = 0.0
    """For so many seconds at least."""
    most: float = 0.0
    """For so many at most."""
    loads: int = 0
    """So many LOADs there may be until it is right again."""
    anytime: bool = True
    """Whether it can happen while nothing is shown."""


@dataclass(frozen=True, slots=True)
class Happening:
    """A mishap that is to happen."""

    name: str
    seconds: float
    """For so long, where it lasts."""
    wait: float
    """So many seconds after the one before."""

    def __str__(self) -> str:
        """Return it in words."""
        later = f"{self.wait:.1f} s later " if self.wait else ""
        lasting = f" ({self.seconds:.1f} s)" if self.seconds else ""
        return f"{later}{self.name}{lasting}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a mishap."""

    name: str
    seconds: float | None
    """Until the right thing was on the TV; None when it was not."""
    loads: int
    stalls: int
    """Since the mishap, or the last LOAD after it."""

    def __str__(self) -> str:
        """Return it in words."""
        right = "NOT RIGHT" if self.seconds is None else f"right after {self.seconds:.1f} s"
        return f"{right}, {self.loads} LOADs, {self.stalls} stalls"


def _now() -> Over:
    now = time.time()
    return Over(now, now)


def _lasts(
    begin: Callable[[Television], Awaitable[None]], end: Callable[[Television], Awaitable[None]]
) -> Callable[[Ward, float], Awaitable[Over]]:
    """Return what lasts for some time."""

    async def make(ward: Ward, seconds: float) -> Over:
        await begin(ward.house.tv)
        await asyncio.sleep(seconds)
        await end(ward.house.tv)
        return _now()

    return make


def _stops(stop: Callable[[Television], Awaitable[None]]) -> Callable[[Ward, float], Awaitable[Over]]:
    """Return a person's stop: the TV is left alone until the display is turned on again."""

    async def make(ward: Ward, _seconds: float) -> Over:
        await stop(ward.house.tv)
        await ward.house.home.wait_state(SWITCH, lambda state: bool(state["state"] == "off"))
        await left_alone(ward.house)
        await turn(ward.house, "turn_on")
        return _now()

    return make


def _starts(prepare: Callable[[Television], None]) -> Callable[[Ward, float], Awaitable[Over]]:
    """Return what happens while the display is turned off and on."""

    async def make(ward: Ward, _seconds: float) -> Over:
        await turn(ward.house, "turn_off")
        # What a Home Assistant that was killed has left there ends by itself.
        await ward.house.tv.wait_state("IDLE", PLAY_TIMEOUT_S)
        prepare(ward.house.tv)
        await turn(ward.house, "turn_on")
        return _now()

    return make


async def _restart(ward: Ward, _seconds: float) -> Over:
    await ward.house.home.restart()
    return _now()


async def _kill(ward: Ward, _seconds: float) -> Over:
    ward.house.home.kill()
    return await _restart(ward, 0)


async def _reload(ward: Ward, _seconds: float) -> Over:
    await ward.house.home.reload_entry(ward.house.entry_id)
    return _now()


async def _press(button: str, ward: Ward, _seconds: float) -> Over:
    await ward.house.home.call("button", "press", target={"entity_id": button})
    return _now()


async def _encoder(number: int, ward: Ward, _seconds: float) -> Over:
    for pid in ward.house.encoders():
        os.kill(pid, number)
    return _now()


async def _graphics(ward: Ward, _seconds: float) -> Over:
    await ward.send("gpu-process", SIGKILL)
    return _now()


async def _page(trouble: Trouble, ward: Ward, _seconds: float) -> Over:
    """Make a trouble of the page: what it shows counts once it is known, for until then it may look right."""
    home = ward.house.home
    await ward.act("age", seconds=LASTING_S)
    begun, read = time.time(), len(home.log())
    await trouble(ward)
    await until(lambda: BEGINS in home.log()[read:], "the trouble was not found", FOUND_S)
    found = time.time()
    await ward.tell_card("none")
    return Over(begun, found)


_CUT = _lasts(Television.cut_network, Television.restore_network)
_SLOW = _lasts(lambda tv: tv.slow_network(SLOW_KBITS), Television.restore_network)
_DARK = _lasts(lambda tv: tv.switch_off_by_person(closes_app=False), Television.switch_on_by_person)

MISHAPS: dict[str, Mishap] = {
    "no network for 1 to 4 s": Mishap(_CUT, 1, 4),
    "no network for 10 to 40 s": Mishap(_CUT, 10, 40, loads=1),
    f"{SLOW_KBITS:g} kbit/s for 5 to 20 s": Mishap(_SLOW, 5, 20, loads=3),
    "no power for 1 to 40 s": Mishap(_lasts(Television.power_off, Television.power_on), 1, 40, loads=1),
    "another app for 1 to 15 s": Mishap(
        _lasts(Television.take_over, Television.stop_by_person), 1, 15, loads=1
    ),
    "paused for 1 to 15 s": Mishap(_lasts(Television.pause_by_person, Television.resume_by_person), 1, 15),
    "screen behind a dongle off for 1 to 10 s": Mishap(_DARK, 1, 10),
    "stopped by a person": Mishap(_stops(Television.stop_by_person), loads=1, anytime=False),
    "TV switched off by a person": Mishap(_stops(Television.switch_off_by_person), loads=1, anytime=False),
    "a LOAD fails": Mishap(_starts(Television.reject_loads), loads=2),
    "the app does not start": Mishap(_starts(Television.refuse_launch), loads=1),
    "turned off and on": Mishap(_starts(lambda _tv: None), loads=1),
    "Home Assistant restarts": Mishap(_restart, loads=1),
    "Home Assistant killed (SIGKILL)": Mishap(_kill, loads=1),
    "integration reloaded": Mishap(_reload, loads=1),
    "*Cast again*": Mishap(partial(_press, "button.wall_cast_again"), loads=1),
    "*Reload page*": Mishap(partial(_press, "button.wall_reload_page")),
    "FFmpeg killed (SIGKILL)": Mishap(partial(_encoder, SIGKILL)),
    # A playlist that is waited for in vain is a 503 after 3 s, at which Shaka's own code now and then breaks.
    "FFmpeg stopped (SIGSTOP)": Mishap(partial(_encoder, SIGSTOP), loads=1),
    "graphics process killed (SIGKILL)": Mishap(_graphics, anytime=False),
    **{name: Mishap(partial(_page, trouble), anytime=False) for name, trouble in ANYWHERE.items()},
}


def plan(seed: int, rounds: int, only: str = "") -> list[list[Happening]]:
    """Return what happens in each round; the same for the same seed.

    only: words that are in the name of each mishap, which then comes alone.
    """
    chance = Random(seed)  # noqa: S311
    return [_round(chance, only) for _ in range(rounds)]


def _round(chance: Random, only: str) -> list[Happening]:
    first = chance.choice([name for name in MISHAPS if only in name])
    happenings = [_happening(chance, first)]
    if not only and chance.random() < OVERLAPS:
        second = chance.choice([name for name, mishap in MISHAPS.items() if mishap.anytime])
        happenings.append(_happening(chance, second, chance.uniform(0, OVERLAP_S)))
    return happenings


def _happening(chance: Random, name: str, wait: float = 0.0) -> Happening:
    return Happening(name, chance.uniform(MISHAPS[name].least, MISHAPS[name].most), wait)


def table(outcomes: Iterable[Outcome]) -> list[str]:
    """Return the lines of a table, a row for each kind of mishap that happened."""
    by_name: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_name.setdefault(outcome.name, []).append(outcome)
    rows = [_row(name, by_name[name]) for name in (*MISHAPS, OVERLAPPING) if name in by_name]
    everything = [one for found in by_name.values() for one in found]
    return [_line(HEAD), "|---" * len(HEAD) + "|", *rows, _row("all", everything)]


def _row(name: str, outcomes: list[Outcome]) -> str:
    seconds = [one.seconds for one in outcomes if one.seconds is not None]
    loads = [one.loads for one in outcomes]
    figures = (median(seconds), percentile(seconds, 95), max(seconds)) if seconds else ()
    times = [f"{figure:.1f} s" for figure in figures] or ["-"] * 3
    sent = f"{median(loads):g}, {max(loads)}"
    stalls = sum(one.stalls for one in outcomes)
    return _line((name, len(outcomes), len(outcomes) - len(seconds), *times, sent, stalls))


def _line(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


async def day(
    rounds: int, seed: int, *, only: str = "", log_file: Path | None = None, say: Callable[[str], None]
) -> list[str]:
    """Go through so many rounds, a mishap in each; return what went wrong, in words.

    log_file: where to leave Home Assistant's log.
    """
    configuration = CONFIGURATION + census.CONFIGURATION
    async with house(configuration=configuration, log_file=log_file) as found:
        ward = Ward(found)
        await ward.tell_card("none")
        await add(found, DASHBOARD, name=NAME, rules={"patience": PATIENCE_S})
        await _right(ward, time.time())
        return await _Day(ward, seed, say).live(plan(seed, rounds, only))


class _Day:
    """Rounds, and what came of them."""

    def __init__(self, ward: Ward, seed: int, say: Callable[[str], None]) -> None:
        self._ward = ward
        self._seed = seed
        self._say = say
        self._outcomes: list[Outcome] = []
        self._wrong: list[str] = []
        self._memory: list[float] = []

    async def live(self, rounds: list[list[Happening]]) -> list[str]:
        """Go through rounds and return what went wrong."""
        begun, before = time.monotonic(), await self._rest()
        for number, happenings in enumerate(rounds, 1):
            outcome = await self._round(number, happenings)
            self._outcomes.append(outcome)
            what = f"{number}/{len(rounds)} {time.monotonic() - begun:.0f} s: {_told(happenings)}"
            self._say(f"{what}: {outcome}")
            if number % LOOK_EVERY == 0:
                look = await self._rest()
                self._memory.append(sum(look.memory.values()))
                self._say(f"at rest: {look}")
        leaks = (await self._rest()).leaks(before) + census.growth(self._memory)
        self._say("\n".join(table(self._outcomes)))
        return self._wrong + leaks

    async def _round(self, number: int, happenings: list[Happening]) -> Outcome:
        """Have something happen and see that it ends well; what is wrong is told and put right."""
        tv = self._ward.house.tv
        loads, read = len(tv.loads), len(self._ward.house.home.log())
        try:
            return await _live_through(self._ward, happenings)
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001
            # Whatever it is, it is told, and the day goes on.
            sent = len(tv.loads) - loads
            wrong = f"seed {self._seed}, round {number}, {_told(happenings)}: {error!r}"
            self._wrong.append(wrong)
            self._say("\n".join([wrong, *await _describe(self._ward, read)]))
            await _recover(self._ward)
            return Outcome(_kind(happenings), None, sent, 0)

    async def _rest(self) -> census.Census:
        """Take a census while nothing is shown."""
        found = self._ward.house
        await found.stop()
        taken = await census.take(found.home)
        await turn(found, "turn_on")
        await _right(self._ward, time.time())
        return taken


def _told(happenings: list[Happening]) -> str:
    return ", ".join(map(str, happenings))


def _kind(happenings: list[Happening]) -> str:
    """Return the row of the table to which it counts."""
    return happenings[0].name if len(happenings) == 1 else OVERLAPPING


async def _live_through(ward: Ward, happenings: list[Happening]) -> Outcome:
    """Let it happen and wait until all is right; the seconds count from the last that happens."""
    tv = ward.house.tv
    await tv.reset_measurements()
    loads, over = len(tv.loads), _now()
    for one in happenings:
        await asyncio.sleep(one.wait)
        over = await MISHAPS[one.name].make(ward, one.seconds)
    right, stalls = await _right(ward, over.drawn)
    sent = len(tv.loads) - loads
    # The second may take from the TV what the first was answered with.
    most = sum(MISHAPS[one.name].loads for one in happenings) + len(happenings) - 1
    assert sent <= most, f"{sent} LOADs"
    return Outcome(_kind(happenings), right - over.since, sent, stalls)


async def _right(ward: Ward, drawn: float) -> tuple[float, int]:
    """Wait until the TV shows what was drawn after a moment, and the display says so.

    Return when it was first seen, and how often the TV's player stood still.
    """
    report = await ward.house.tv.wait_report(lambda report: len(report.seen_after(drawn)) >= CHANGES, RIGHT_S)
    await wait_status(ward.house, "showing")
    assert not report.unreadable, f"{report.unreadable} pictures of something else were seen"
    return report.seen_after(drawn)[0], report.stalls


async def _describe(ward: Ward, read: int) -> list[str]:
    """Return what is known when something is wrong; read: how much of the log was there before."""
    tv, home, told = ward.house.tv, ward.house.home, list[str]()
    # Perhaps Home Assistant is not there.
    with suppress(ClientError):
        states = await home.states()
        told = [f"{name}: {states.get(name)}" for name in (TV_ENTITY, SWITCH, STATUS)]
    seen = f"TV: app {tv.app_id}, {tv.state}, {tv.idle_reason}, {tv.last_failure}"
    return [seen, *told, *home.log()[read:].splitlines()[-LOG_LINES:]]


async def _recover(ward: Ward) -> None:
    """Bring everything back to where it was, with a new run of Home Assistant if nothing else helps."""
    found, tv = ward.house, ward.house.tv
    await tv.power_on()
    await tv.restore_network()
    await tv.stop_by_person()
    await found.home.restart()
    await turn(found, "turn_off")
    await turn(found, "turn_on")
    await _right(ward, time.time())
