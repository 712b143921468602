"""A display on the TV, as people set it up, turn it on and off, and see how it stands with it."""

import pytest

from ..home.api import Data
from .house import TV_ENTITY, House

# What is promised once the TV answers, and there is nothing else on it.
BACK_S = 30.0
PATIENCE_S = 5
# Longer than the TV is given to settle, and than the first wait after a failure.
QUIET_S = 6.0
# How long it may take until Home Assistant misses a TV: it asks every 10 s and waits for 20.
AWAY_TIMEOUT_S = 30.0
NAME = "Wall"
SWITCH = "switch.wall_show"
STATUS = "sensor.wall_status"


async def subentries(house: House) -> list[str]:
    """Return the ids of the displays."""
    found = await house.home.websocket(type="config_entries/subentries/list", entry_id=house.entry_id)
    return [one["subentry_id"] for one in found]


async def add(house: House, dashboard: str, **settings: object) -> str:
    """Set up a display on the TV and return the id of its subentry."""
    before = await subentries(house)
    answer = {"dashboard": dashboard, "media_players": [TV_ENTITY], **settings}
    begin: list[Data] = [{"next_step_id": "new"}] if before else []
    await house.home.subentry(house.entry_id, "display", *begin, answer)
    (subentry_id,) = set(await subentries(house)) - set(before)
    return subentry_id


async def remove(house: House, subentry_id: str) -> None:
    """Remove a display."""
    await house.home.websocket(
        type="config_entries/subentries/delete", entry_id=house.entry_id, subentry_id=subentry_id
    )


async def live(house: House, since: float) -> float:
    """Wait until the TV shows what was drawn after a moment, and return how long after that."""
    report = await house.tv.wait_report(lambda report: bool(report.seen_after(since)), BACK_S)
    return report.seen_after(since)[0] - since


async def left_alone(house: House, seconds: float = QUIET_S) -> None:
    """See that nothing is sent to the TV for a while."""
    with pytest.raises(TimeoutError):
        await house.tv.wait_loads(len(house.tv.loads) + 1, seconds)


async def turn(house: House, service: str, entity_id: str = SWITCH) -> None:
    """Turn the switch of a display, or something else, on or off."""
    await house.home.call("homeassistant", service, target={"entity_id": entity_id})


async def wait_status(house: House, status: str, reason: str | None = None) -> None:
    """Wait until it stands so with the display."""
    await house.home.wait_state(
        STATUS, lambda state: (state["state"], state["attributes"]["reason"]) == (status, reason)
    )


async def wait_away(house: House) -> None:
    """Wait until Home Assistant misses the TV."""
    await house.home.wait_state(
        TV_ENTITY, lambda state: bool(state and state["state"] == "unavailable"), AWAY_TIMEOUT_S
    )
