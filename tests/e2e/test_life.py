"""What the integration starts ends with it, however it ends."""

from collections.abc import AsyncIterator
from http import HTTPStatus
import time

import pytest

from .house import STILL_DASHBOARD, TV_ENTITY, House, house as open_house, living, until

pytestmark = pytest.mark.e2e

# What a TV has loaded lasts so long at most, in seconds.
OLD_PICTURE_S = 30.0
# What Home Assistant itself takes to stop, in seconds, and less than it waits for what does not end.
STOPPED_WITHIN_S = 8.0


@pytest.fixture
async def own_house(loopback: None) -> AsyncIterator[House]:
    """Return a house for one test alone, with a dashboard on its TV."""
    async with open_house(configuration="trouble:\n") as found:
        await found.show(STILL_DASHBOARD)
        yield found


async def only_home_assistant_runs(house: House) -> None:
    """Wait until of all that Home Assistant started nothing is left."""
    await until(
        lambda: living(house.home.processes()) <= {house.home.pid},
        "browser or FFmpeg still runs",
    )


async def own_users(house: House) -> list[str]:
    """Return the ids of the users that the integration made."""
    users = await house.home.websocket(type="config/auth/list")
    return [user["id"] for user in users if user["name"] == "Dashboard Cast"]


async def test_reload_and_removal(own_house: House) -> None:
    """Reloading ends what runs and keeps the user; removing takes the user away too."""
    assert "Attempting install" not in own_house.home.log()
    user = await own_users(own_house)
    await own_house.home.reload_entry(own_house.entry_id)
    await only_home_assistant_runs(own_house)
    assert await own_users(own_house) == user
    await own_house.show(STILL_DASHBOARD)
    await own_house.home.remove_entry(own_house.entry_id)
    await only_home_assistant_runs(own_house)
    assert await own_users(own_house) == []
    assert await own_house.error_of(STILL_DASHBOARD) == "not_set_up"


async def test_home_assistant_stops(own_house: House) -> None:
    """A stop takes the dashboard off the TV, leaves no process, and is not held up by that."""
    begun = time.monotonic()
    await own_house.home.stop()
    assert time.monotonic() - begun < STOPPED_WITHIN_S
    assert not living(own_house.home.processes())
    assert own_house.tv.app_id is None


async def test_home_assistant_is_killed(own_house: House) -> None:
    """SIGKILL leaves no process either; after the restart the old stream is gone and everything works again.

    The TV has lost its stream without a word: it does not take long to say that it plays no more.
    """
    url, tokens = own_house.tv.loads[-1].url, await own_house.own_tokens()
    # What is to be signed in with is written to disk a second later.
    await until(lambda: tokens[0] in own_house.stored_users(), "the token was not stored")
    own_house.home.kill()
    await until(
        lambda: not living(own_house.home.processes()), "browser or FFmpeg has outlived Home Assistant"
    )
    await own_house.tv.wait_until(lambda: own_house.tv.state != "PLAYING", OLD_PICTURE_S, "the end")
    await own_house.home.restart()
    await own_house.available()
    assert await own_house.status_of(url) == HTTPStatus.NOT_FOUND
    await own_house.show(STILL_DASHBOARD)
    assert len(await own_house.own_tokens()) == 1
    assert await own_house.own_tokens() != tokens
    assert len(await own_users(own_house)) == 1
    state = await own_house.home.state(TV_ENTITY)
    assert state is not None
    assert state["state"] == "playing"


async def test_idle_costs_nothing(own_house: House) -> None:
    """A while after the last stream the browser is gone too."""
    await own_house.stop()
    await until(
        lambda: living(own_house.home.processes()) <= {own_house.home.pid},
        "the browser still runs",
        within=45,
    )
