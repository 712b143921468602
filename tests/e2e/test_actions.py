"""What can be done with a dashboard that is on a TV, and with one that is not."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
import io

from PIL import Image
import pytest
import pytest_asyncio
import pytest_socket

from ..home.api import ServiceError
from ..tv.television import MEDIUM_GREY
from .census import CONFIGURATION, growth
from .conftest import LOOPBACK
from .endurance import endure
from .house import (
    CHANGE_TIMEOUT_S,
    CLOCK_DASHBOARD,
    GROUND,
    STILL_DASHBOARD,
    House,
    house as open_house,
)

pytestmark = [pytest.mark.e2e, pytest.mark.paired, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_house() -> AsyncIterator[House]:
    """Return a house in which can be counted what there is."""
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(LOOPBACK, allow_unix_socket=True)
    async with open_house(configuration=CONFIGURATION) as found:
        yield found


async def test_show_fails(house: House) -> None:
    """A view that is not there leaves what is shown; where nothing is shown, there is nothing to change."""
    with pytest.raises(ServiceError) as raised:
        await house.act("show", path=STILL_DASHBOARD)
    assert raised.value.translation_key == "nothing_shown"
    await house.show(CLOCK_DASHBOARD)
    with pytest.raises(ServiceError) as raised:
        await house.act("show", path="/demo-home/none")
    assert raised.value.translation_key == "view_not_found"
    assert (await house.watch(4)).stalls == 0


async def test_message(house: House) -> None:
    """An urgent message darkens the rest, also when something else comes to be shown, and goes."""
    await house.show(CLOCK_DASHBOARD, dark=False)
    loads = len(house.tv.loads)
    await house.act(
        "message", message="Somebody is at the door.", icon="mdi:doorbell", urgent=True, duration=7
    )
    await house.becomes(dark=True)
    await house.act("show", zoom=1.1)
    frames = (await house.tv.report()).frames
    await house.tv.wait_report(lambda report: report.frames > frames + 8, CHANGE_TIMEOUT_S)
    assert max(await house.tv.colour(*GROUND)) < MEDIUM_GREY
    await house.becomes(dark=False)
    assert len(house.tv.loads) == loads


async def test_rotation(house: House) -> None:
    """Views come in turn, in one stream, and the clock of the one that shows goes on."""
    await house.show(CLOCK_DASHBOARD, views=[STILL_DASHBOARD], interval=5)
    loads = len(house.tv.loads)
    await house.watch(4)
    for wanted in (False, True):
        await clock_is_seen(house, wanted=wanted)
    assert (await house.tv.report()).stalls == 0
    assert len(house.tv.loads) == loads


async def clock_is_seen(house: House, *, wanted: bool) -> None:
    """Wait until the TV shows the clock, or does not any more."""
    async with asyncio.timeout(CHANGE_TIMEOUT_S):
        seen = not wanted
        while seen is not wanted:
            before = len((await house.tv.report()).latencies)
            await asyncio.sleep(1)
            seen = len((await house.tv.report()).latencies) > before


async def test_snapshot(house: House) -> None:
    """A picture is taken without a stream, of whatever size, and into no file but where that is allowed."""
    paper = {"path": STILL_DASHBOARD, "width": 800, "height": 480, "rotation": 90, "grey_levels": 4}
    with pytest.raises(ServiceError) as raised:
        await house.home.call("dashboard_cast", "snapshot", {**paper, "filename": "/etc/paper.png"})
    assert raised.value.translation_key == "file_not_allowed"
    response = await house.home.call("dashboard_cast", "snapshot", paper, return_response=True)
    picture = Image.open(io.BytesIO(b64decode(response["image"])))
    assert (picture.size, picture.mode) == ((480, 800), "L")
    # A dashboard, and not an empty page: text and cards need all greys.
    assert {grey for _, grey in picture.getcolors() or []} == {0, 85, 170, 255}
    assert not house.encoders()


async def test_nothing_stays(house: House) -> None:
    """A day of use, in short."""
    assert await endure(house.home, 2) == []


async def test_growth() -> None:
    """Memory that grows all the time is told; a peak is not."""
    assert growth([50, 70, 99, 101, 150, 102, 100, 150, 99, 100]) == []
    assert growth([100 + 2 * number for number in range(10)]) == ["memory: 105 MB before, 117 MB now"]
    assert growth([100]) == []
