"""An encoder on a chip that fails while a TV shows its pictures: the TV plays on with software."""

import contextlib
import os
import signal

import pytest
import pytest_asyncio

from ..engine.hardware import stand_in
from .conftest import allow_loopback
from .house import CLOCK_DASHBOARD, House

pytestmark = [pytest.mark.e2e, pytest.mark.paired, pytest.mark.asyncio(loop_scope="module")]

# Coded otherwise than by our software, so that players need another configuration after the switch.
REPEATS = "ref=1:weightp=0:cabac=0"
NO_REPEATS = "ref=2:weightp=0:cabac=0"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chip(
    shared_house: House, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> str:
    """Give the house an FFmpeg with a hardware encoder, which set-up prefers; return how that codes."""
    allow_loopback()
    parameters: str = request.param
    ffmpeg = stand_in(tmp_path_factory.mktemp("chip"), parameters=parameters)
    await shared_house.home.options(shared_house.entry_id, {"ffmpeg": ffmpeg})
    # New options reload the entry by themselves, and nobody says when that is done.
    await shared_house.home.reload_entry(shared_house.entry_id)
    return parameters


@pytest.mark.parametrize(
    ("chip", "stream_format"),
    [(REPEATS, "hls"), (REPEATS, "hls_ts"), (REPEATS, "mp4"), (NO_REPEATS, "hls_ts")],
    indirect=["chip"],
)
async def test_software_takes_over(house: House, chip: str, stream_format: str) -> None:
    """The pictures go on with the same LOAD, without an error and without a stall.

    Two cannot bridge the time until the next encoder's first picture: MPEG-TS, which knows no durations, when
    the stream has no repeats, and a player of the endless MP4, which is only half a second behind.
    """
    await house.show(CLOCK_DASHBOARD, format=stream_format)
    loads = len(house.tv.loads)
    before = house.encoders()
    # The stand-in and the program that it uses.
    assert len(before) == 2
    await house.watch(8)
    for pid in before:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    report = await house.watch(28)
    bridged = stream_format == "hls" or (stream_format == "hls_ts" and chip == REPEATS)
    assert report.stalls <= (not bridged)
    # A player of HLS may jump over what is missing; one of the endless MP4 would jump back.
    assert stream_format != "mp4" or not report.seeks
    assert len(house.encoders() - before) == 1
    assert len(house.tv.loads) == loads
    assert house.tv.state == "PLAYING"
