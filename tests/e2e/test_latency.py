"""How soon a dashboard is on a TV, and how live and whole it is there."""

import asyncio
from pathlib import Path
from statistics import median
import time
from typing import cast

import m3u8
from PIL import Image
import pytest

from custom_components.dashboard_cast.engine.segments import LISTED

from .house import CLOCK_DASHBOARD, PLAY_TIMEOUT_S, STILL_DASHBOARD, House

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.asyncio(loop_scope="module")]

# What is promised for the way from the action to the TV; measured figures are in docs/performance.md.
COLD_S = 5.0
WARM_S = 3.0
LATENCY_MS = 4_000
LOW_LATENCY_MS = 1_500
# Times a start, which draws a page as well, and the way of a picture to the TV: what plays meanwhile takes
# its share of the machine.
CHANGE_TO_START = 1.3
SWAPS = 5


async def test_first_picture_comes_soon(house: House) -> None:
    """With a browser that has to start, and with one that runs."""
    cold = await house.show(STILL_DASHBOARD)
    assert cold <= COLD_S
    # The best of three is what it takes where nothing else keeps the machine busy.
    warm = [await house.show(path) for path in (CLOCK_DASHBOARD, STILL_DASHBOARD, CLOCK_DASHBOARD)]
    assert min(warm) <= WARM_S


async def test_picture_is_whole_and_live(house: House, tmp_path: Path) -> None:
    """The TV shows what the clock says, at full size, without a stall and without sidebar and toolbar."""
    await house.show(CLOCK_DASHBOARD)
    report = await house.watch()
    assert report.resolution == (1280, 720)
    assert report.stalls == 0
    assert report.latency_p95 is not None
    assert report.latency_p95 <= LOW_LATENCY_MS
    await house.tv.screenshot(tmp_path / "tv.png")
    # Where the toolbar would be there is nothing but the page's background.
    corner = Image.open(tmp_path / "tv.png").convert("L").crop((0, 0, 1280, 20))
    darkest, brightest = cast("tuple[int, int]", corner.getextrema())
    assert brightest - darkest < 8


@pytest.mark.parametrize(
    ("stream_format", "latency_ms"), [("hls", LOW_LATENCY_MS), ("hls_ts", 6_000), ("mp4", LATENCY_MS)]
)
async def test_every_format_plays(house: House, stream_format: str, latency_ms: float) -> None:
    """The same stream plays in each format, live and without a stall."""
    await house.show(CLOCK_DASHBOARD, format=stream_format)
    report = await house.watch()
    assert report.resolution == (1280, 720)
    assert report.stalls == 0
    assert report.latency_p95 is not None
    assert report.latency_p95 <= latency_ms


async def test_viewer_who_comes_late(house: House) -> None:
    """No part is lost to a player that moves the timeline by seconds whose floats round up."""
    answer = await house.home.call("dashboard_cast", "start", {"path": CLOCK_DASHBOARD}, return_response=True)
    playlist = house.home.url + answer["url"][answer["url"].index("/api/") :].replace("master", "hls")
    # Shaka Player rounds up from the fifth second to the eighth.
    await until_listed(house, playlist, 5)
    await house.play(answer["url"])
    report = await house.watch()
    assert report.stalls == 0
    assert report.seeks == 0


async def test_show(house: House) -> None:
    """Another look comes soon, without a LOAD and without a stall."""
    start = await house.show(CLOCK_DASHBOARD, dark=False)
    loads = len(house.tv.loads)
    delay = median((await house.watch(8)).latencies) / 1_000
    took = [await switch(house, dark=number % 2 == 0) for number in range(SWAPS)]
    assert (await house.tv.report()).stalls == 0
    assert len(house.tv.loads) == loads
    # Beside a start in the same run: to draw a page is work for the processor, and machines differ. Of five,
    # the slowest may be the machine's. `scripts/bench --only show` holds 95 of 100 to seconds.
    assert sorted(took)[-2] <= CHANGE_TO_START * (start + delay), (took, start, delay)


async def switch(house: House, *, dark: bool) -> float:
    """Show the same in dark or light; return the seconds from the action to the TV."""
    begun = time.monotonic()
    acting = asyncio.create_task(house.act("show", dark=dark))
    await house.becomes(dark=dark)
    seconds = time.monotonic() - begun
    await acting
    return seconds


async def until_listed(house: House, playlist: str, first: int) -> None:
    """Wait until a playlist begins with the segment of this number."""
    async with asyncio.timeout(PLAY_TIMEOUT_S):
        begin = 0
        while begin < first:
            async with house.home.session.get(f"{playlist}?_HLS_msn={begin + LISTED}") as response:
                begin = m3u8.loads(await response.text()).media_sequence
