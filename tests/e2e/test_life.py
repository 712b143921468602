"""What the integration starts ends with it, however it ends."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
import time

import pytest
import pytest_asyncio

from ..common import one_thread
from ..home.home import LOCAL_BROWSER
from .conftest import allow_loopback
from .house import STILL_DASHBOARD, TV_ENTITY, House, house as open_house, living, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

# What a TV has loaded lasts so long at most, in seconds.
OLD_PICTURE_S = 30.0
# What Home Assistant itself takes to stop, in seconds, and less than it waits for what does not end.
STOPPED_WITHIN_S = 8.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_house() -> AsyncIterator[House]:
    """Return a house whose integration can be asked for more than it tells."""
    allow_loopback()
    one_thread(asyncio.get_running_loop())
    async with open_house(configuration="trouble:\n") as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def house(shared_house: House) -> House:
    """Return a house with a dashboard on its TV, whatever was ended in it before."""
    home = shared_house.home
    if not living({home.pid}):
        await home.restart()
        await shared_house.available()
    if not await home.websocket(type="config_entries/get", domain="dashboard_cast"):
        result = await home.flow("dashboard_cast", *LOCAL_BROWSER)
        shared_house.entry_id = result["result"]["entry_id"]
    await shared_house.stop()
    await shared_house.show(STILL_DASHBOARD)
    return shared_house


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


async def test_reload_and_removal(house: House) -> None:
    """Reloading ends what runs and keeps the user; removing takes the user away too."""
    assert "Attempting install" not in house.home.log()
    user = await own_users(house)
    await house.home.reload_entry(house.entry_id)
    await only_home_assistant_runs(house)
    assert await own_users(house) == user
    await house.show(STILL_DASHBOARD)
    await house.home.remove_entry(house.entry_id)
    await only_home_assistant_runs(house)
    assert await own_users(house) == []
    assert await house.error_of(STILL_DASHBOARD) == "not_set_up"


async def test_home_assistant_stops(house: House) -> None:
    """A stop takes the dashboard off the TV, leaves no process, and is not held up by that."""
    begun = time.monotonic()
    await house.home.stop()
    assert time.monotonic() - begun < STOPPED_WITHIN_S
    assert not living(house.home.processes())
    assert house.tv.app_id is None


async def test_home_assistant_is_killed(house: House) -> None:
    """SIGKILL leaves no process either; after the restart the old stream is gone and everything works again.

    The TV has lost its stream without a word: it does not take long to say that it plays no more.
    """
    url, tokens = house.tv.loads[-1].url, await house.own_tokens()
    # What is to be signed in with is written to disk a second later.
    await until(lambda: tokens[0] in house.stored_users(), "the token was not stored")
    house.home.kill()
    await until(lambda: not living(house.home.processes()), "browser or FFmpeg has outlived Home Assistant")
    await house.tv.wait_until(lambda: house.tv.state != "PLAYING", OLD_PICTURE_S, "the end")
    await house.home.restart()
    await house.available()
    assert await house.status_of(url) == HTTPStatus.NOT_FOUND
    await house.show(STILL_DASHBOARD)
    assert len(await house.own_tokens()) == 1
    assert await house.own_tokens() != tokens
    assert len(await own_users(house)) == 1
    state = await house.home.state(TV_ENTITY)
    assert state is not None
    assert state["state"] == "playing"


async def test_idle_costs_nothing(house: House) -> None:
    """A while after the last stream the browser is gone too."""
    await house.stop()
    await until(
        lambda: living(house.home.processes()) <= {house.home.pid},
        "the browser still runs",
        within=45,
    )
