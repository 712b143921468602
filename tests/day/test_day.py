"""A day in simulated time: a mishap every minute, and the right thing on every TV at the end of each."""

import asyncio
import os
from random import Random

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest

from ..common import Home, MockConfigEntry, Players, Studio, add_players
from .household import Household, household
from .oracle import Oracle
from .television import Television

MINUTES = int(os.environ.get("DAY_MINUTES", "120"))
SEED = int(os.environ.get("DAY_SEED", "1"))


@pytest.fixture
async def house(
    hass: HomeAssistant,
    registry: object,
    entry: MockConfigEntry,
    studio: Studio,
    freezer: FrozenDateTimeFactory,
) -> Household:
    """Return a household in which all is as usual."""
    tvs = [Television("TV", "10.10.10.20"), Television("Second TV", "10.10.10.21")]
    await add_players(hass, "cast", tvs)
    home = Home(hass, entry, Players(tvs[0], tvs[1], tvs[0]), studio, freezer)
    found = Household(home, {tv.entity_id: tv for tv in tvs}, Random(SEED), Oracle(household()))  # noqa: S311
    await found.set_up()
    return found


def counts(hass: HomeAssistant) -> dict[str, int]:
    """Count what could be left over."""
    return {
        "tasks": len(asyncio.all_tasks()),
        "listeners": sum(hass.bus.async_listeners().values()),
    }


async def test_day(house: Household) -> None:
    """Nothing is lost, nothing is left over; `DAY_MINUTES=1440 DAY_SEED=2` makes it another whole day."""
    assert not [*house.wrong()]
    before = counts(house.hass)
    for _ in range(MINUTES):
        await house.live()
        wrong = [*house.wrong()]
        assert not wrong, "\n".join([f"seed {SEED}:", *house.story[-12:], *wrong])
    await house.rest()
    assert counts(house.hass) == before
