"""What displays cost while nothing is shown: of Home Assistant's start, and of the processor afterwards."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
import time

from tests.home.home import LOCAL_BROWSER, Home
from tests.home.usage import measure

from .household import SETTLE_S, STILL
from .scenario import Limit, Options, Outcome, Row, Say, percentile

DISPLAYS = 20
CONDITION = "input_boolean.evening"
# What a person does not notice, and what a clock of 10 ms cannot tell from nothing.
LIMIT_SETUP_MS = Limit(target=200)
LIMIT_CPU = Limit(target=0.5)
CONFIGURATION = """
input_boolean:
  evening:
    initial: false
media_player:
""" + "".join(
    f"""
  - platform: universal
    name: TV {number}
    unique_id: tv_{number}
    device_class: tv
    commands:
      play_media: {{ action: input_boolean.turn_on, target: {{ entity_id: {CONDITION} }} }}
"""
    for number in range(DISPLAYS)
)


@dataclass(frozen=True, slots=True)
class Start:
    """One start of Home Assistant, and the rest after it."""

    ready_s: float
    """From its process's start until it says that it runs."""
    setup_ms: float
    """What Home Assistant says our set-up took, 0 without us."""
    cpu_percent: float
    """Afterwards, of one core."""


class Wall:
    """A home whose displays have nothing to show yet."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._entry_id = ""

    async def set_up(self) -> None:
        """Set up the integration and all displays."""
        result = await self._home.flow("dashboard_cast", *LOCAL_BROWSER)
        self._entry_id = result["result"]["entry_id"]
        for number in range(DISPLAYS):
            answer = {
                "dashboard": STILL,
                "media_players": [f"media_player.tv_{number}"],
                "name": f"Display {number}",
                "rules": {"condition": CONDITION},
            }
            begin = [{"next_step_id": "new"}] if number else []
            await self._home.subentry(self._entry_id, "display", *begin, answer)

    async def start(self, seconds: float, *, with_us: bool) -> Start:
        """Start Home Assistant anew, with the integration or without, and watch it for some seconds."""
        disabled_by = None if with_us else "user"
        await self._home.websocket(
            type="config_entries/disable", entry_id=self._entry_id, disabled_by=disabled_by
        )
        await self._home.stop()
        begun = time.monotonic()
        await self._home.restart()
        ready = time.monotonic() - begun
        timings = await self._home.websocket(type="integration/setup_info")
        seconds_of = {one["domain"]: one["seconds"] for one in timings}
        await asyncio.sleep(SETTLE_S)
        usage = await measure([self._home.pid], seconds)
        return Start(ready, 1000 * seconds_of.get("dashboard_cast", 0), usage.cpu_percent)


async def run(options: Options, say: Say) -> Outcome:
    """Start Home Assistant without and with twenty displays in turn."""
    without, with_us = list[Start](), list[Start]()
    async with Home(configuration=CONFIGURATION) as home:
        wall = Wall(home)
        await wall.set_up()
        for _ in range(options.rounds):
            without.append(await wall.start(options.seconds, with_us=False))
            say(f"without: {without[-1]}")
            with_us.append(await wall.start(options.seconds, with_us=True))
            say(f"with {DISPLAYS} displays: {with_us[-1]}")
    details = {"without": [asdict(start) for start in without], "with": [asdict(start) for start in with_us]}
    return Outcome(rows(without, with_us), details)


def rows(without: Sequence[Start], with_us: Sequence[Start]) -> list[Row]:
    """Return medians, and what the displays add to them."""
    before, after = _median(without), _median(with_us)
    return [
        Row(f"set-up with {DISPLAYS} displays, by Home Assistant", after.setup_ms, "ms", LIMIT_SETUP_MS),
        Row("start of Home Assistant without them", before.ready_s, "s"),
        Row("start of Home Assistant with them, in relation", after.ready_s / before.ready_s, "x"),
        Row("CPU at rest without them", before.cpu_percent, "% of a core"),
        Row("CPU at rest that they add", after.cpu_percent - before.cpu_percent, "% of a core", LIMIT_CPU),
    ]


def _median(starts: Sequence[Start]) -> Start:
    figures = zip(*((start.ready_s, start.setup_ms, start.cpu_percent) for start in starts), strict=True)
    return Start(*(percentile(values, 50) or 0.0 for values in figures))
