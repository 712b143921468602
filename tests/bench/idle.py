"""What displays cost: of Home Assistant's start, and of the processor afterwards, at rest and shown."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
import time

from tests.home.home import LOCAL_BROWSER, Home
from tests.home.usage import measure

from .household import SETTLE_S, STILL, Household
from .scenario import Limit, Options, Outcome, Row, Say, percentile

DISPLAYS, SHOWN = 20, 5
# When the first of them are shown, and when the others would be.
MORNING, EVENING = "input_boolean.morning", "input_boolean.evening"
SHOW_TIMEOUT_S = 120.0
# What a person does not notice, and what a clock of 10 ms cannot tell from nothing.
LIMIT_SETUP_MS = Limit(target=200)
LIMIT_CPU = Limit(target=0.5)
CONFIGURATION = (
    """
input_boolean:
  morning:
  evening:
    initial: false
input_text:
"""
    + "".join(
        f"""
  tv_{number}:
    max: 255
"""
        for number in range(DISPLAYS)
    )
    + """
media_player:
"""
    + "".join(
        f"""
  - platform: universal
    name: TV {number}
    unique_id: tv_{number}
    device_class: tv
    state_template: idle
    commands:
      play_media:
        action: input_text.set_value
        target: {{ entity_id: input_text.tv_{number} }}
        data: {{ value: "{{{{ media_content_id }}}}" }}
"""
        for number in range(DISPLAYS)
    )
)
"""The TVs are on and play nothing, but remember what they were told to."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start of Home Assistant, and some time after it."""

    ready_s: float
    """From its process's start until it says that it runs."""
    setup_ms: float
    """What Home Assistant says our set-up took, 0 without us."""
    cpu_percent: float
    """Afterwards, of one core; with browser and encoders."""


class Wall:
    """A home full of displays."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._house = Household(home)
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
                "rules": {"condition": MORNING if number < SHOWN else EVENING},
                # Each with a page and a stream of its own.
                "look": {"zoom": 1 + number / 20},
            }
            begin = [{"next_step_id": "new"}] if number else []
            await self._home.subentry(self._entry_id, "display", *begin, answer)

    async def start(self, seconds: float, *, with_us: bool, shown: bool = False) -> Start:
        """Start Home Assistant anew, with the integration or without, and watch it for some seconds.

        shown: whether the first displays are shown as soon as it has started, and watched.
        """
        # Home Assistant remembers it.
        await self._home.call("input_boolean", "turn_on" if shown else "turn_off", {"entity_id": MORNING})
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
        async with self._watched(SHOWN if shown else 0):
            await asyncio.sleep(SETTLE_S)
            usage = await measure(self._house.tree(), seconds)
        return Start(ready, 1000 * seconds_of.get("dashboard_cast", 0), usage.cpu_percent)

    @asynccontextmanager
    async def _watched(self, displays: int) -> AsyncIterator[None]:
        """Wait until the first displays are shown, and have somebody watch them."""
        for number in range(displays):
            await self._home.wait_state(
                f"sensor.display_{number}_status", lambda state: state["state"] == "showing", SHOW_TIMEOUT_S
            )
            told = await self._home.state(f"input_text.tv_{number}")
            self._house.watch(told["state"] if told else "")
        toucher = asyncio.create_task(self._house.touch())
        try:
            yield
        finally:
            toucher.cancel()
            await asyncio.gather(toucher, return_exceptions=True)
            self._house.forget()


async def run(options: Options, say: Say) -> Outcome:
    """Start Home Assistant without displays, with twenty, and with five of twenty shown, in turn."""
    without, with_us, shown = list[Start](), list[Start](), list[Start]()
    async with Home(configuration=CONFIGURATION) as home:
        wall = Wall(home)
        await wall.set_up()
        for _ in range(options.rounds):
            without.append(await wall.start(options.seconds, with_us=False))
            say(f"without: {without[-1]}")
            with_us.append(await wall.start(options.seconds, with_us=True))
            say(f"with {DISPLAYS} displays: {with_us[-1]}")
            shown.append(await wall.start(options.seconds, with_us=True, shown=True))
            say(f"with {SHOWN} of them shown: {shown[-1]}")
    rounds = {"without": without, "with": with_us, "shown": shown}
    details = {name: [asdict(start) for start in starts] for name, starts in rounds.items()}
    return Outcome(rows(without, with_us, shown), details)


def rows(without: Sequence[Start], with_us: Sequence[Start], shown: Sequence[Start]) -> list[Row]:
    """Return medians, and what the displays add to them."""
    before, after, showing = _median(without), _median(with_us), _median(shown)
    return [
        Row(f"set-up with {DISPLAYS} displays, by Home Assistant", after.setup_ms, "ms", LIMIT_SETUP_MS),
        Row("start of Home Assistant without them", before.ready_s, "s"),
        Row("start of Home Assistant with them, in relation", after.ready_s / before.ready_s, "x"),
        Row("CPU at rest without them", before.cpu_percent, "% of a core"),
        Row("CPU at rest that they add", after.cpu_percent - before.cpu_percent, "% of a core", LIMIT_CPU),
        Row(
            f"set-up with {SHOWN} of them to show, by Home Assistant", showing.setup_ms, "ms", LIMIT_SETUP_MS
        ),
        Row(f"CPU while {SHOWN} of them are shown, all in all", showing.cpu_percent, "% of a core"),
    ]


def _median(starts: Sequence[Start]) -> Start:
    figures = zip(*((start.ready_s, start.setup_ms, start.cpu_percent) for start in starts), strict=True)
    return Start(*(percentile(values, 50) or 0.0 for values in figures))
