"""From the action to the first picture on a TV: with no browser running, and with one."""

import time

from tests.home.home import LOCAL_BROWSER, Home
from tests.tv import Television

from .household import CLOCK, STILL, Household, until
from .scenario import BenchError, Options, Outcome, Row, Say, percentile

TV_ENTITY = "media_player.living_room_tv"
FIND_TIMEOUT_S = 60.0
PLAY_TIMEOUT_S = 45.0
# The browser stays half a minute without tabs.
LINGER_TIMEOUT_S = 60.0
BROWSER = "--remote-debugging-pipe"
WARM_STARTS = (CLOCK, STILL, CLOCK, STILL)


class Wall:
    """A home with a TV on its wall."""

    def __init__(self, home: Home, tv: Television) -> None:
        self._home = home
        self._tv = tv
        self._house = Household(home)

    async def set_up(self) -> None:
        """Set up both integrations; raises BenchError when the TV is not found."""
        await self._home.flow("dashboard_cast", *LOCAL_BROWSER)
        await self._home.add_cast([self._tv.host])
        try:
            await self._home.wait_state(
                TV_ENTITY, lambda state: bool(state["state"] != "unavailable"), FIND_TIMEOUT_S
            )
        except TimeoutError as error:
            raise BenchError(f"Home Assistant did not find the TV: {error}") from error

    async def show(self, path: str) -> float:
        """Show a dashboard; return the seconds from the action to its first picture."""
        begun, loads = time.time(), len(self._tv.loads)
        await self._home.call("dashboard_cast", "start", {"path": path}, target={"entity_id": TV_ENTITY})
        await self._tv.wait_playing(PLAY_TIMEOUT_S, loads=loads + 1)
        first = (await self._tv.report()).first_picture
        if first is None:
            raise BenchError("the TV plays and shows nothing")
        return first - begun

    async def rest(self) -> None:
        """End the stream and wait until the browser has gone too."""
        await self._house.stop()
        await until(lambda: not self._house.programs(BROWSER), "the browser still runs", LINGER_TIMEOUT_S)


async def run(options: Options, say: Say) -> Outcome:
    """Show two dashboards in turns, from time to time after everything has ended."""
    cold, warm = list[float](), list[float]()
    async with Television() as tv, Home() as home:
        wall = Wall(home, tv)
        await wall.set_up()
        for _ in range(options.rounds):
            await wall.rest()
            cold.append(await wall.show(STILL))
            say(f"cold start: {cold[-1]:.2f} s")
            warm += [await wall.show(path) for path in WARM_STARTS]
            say(f"warm starts: {', '.join(f'{seconds:.2f}' for seconds in warm[-len(WARM_STARTS) :])} s")
    return Outcome(rows(cold, warm), {"cold_s": cold, "warm_s": warm})


def rows(cold: list[float], warm: list[float]) -> list[Row]:
    """Return median and worst start, in seconds."""
    return [
        Row("action to first picture, cold (no browser), median", percentile(cold, 50), "s"),
        Row("action to first picture, cold (no browser), worst", percentile(cold, 100), "s"),
        Row("action to first picture, warm (another dashboard), median", percentile(warm, 50), "s"),
        Row("action to first picture, warm (another dashboard), worst", percentile(warm, 100), "s"),
    ]
