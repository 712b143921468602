"""An encoder on a chip that fails while a TV shows its pictures: the TV plays on with software."""

from collections.abc import AsyncIterator
import contextlib
import os
from pathlib import Path
import signal

import pytest
import pytest_asyncio

from ..engine.hardware import stand_in
from .house import CLOCK_DASHBOARD, House

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

# Coded otherwise than by our software, so that players need another configuration after the switch.
REPEATS = "ref=1:weightp=0:cabac=0"
NO_REPEATS = "ref=2:weightp=0:cabac=0"


@pytest_asyncio.fixture(loop_scope="module", params=[REPEATS, NO_REPEATS], ids=["repeats", "no repeats"])
async def chip(house: House, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """Return the house with an FFmpeg that has a hardware encoder, which set-up prefers by itself."""
    await house.home.options(house.entry_id, {"ffmpeg": stand_in(tmp_path, parameters=request.param)})
    # New options reload the entry by themselves, and nobody says when that is done.
    await house.home.reload_entry(house.entry_id)
    yield house
    await house.stop()
    await house.encoders_end()
    await house.home.options(house.entry_id, {})
    await house.home.reload_entry(house.entry_id)


@pytest.mark.parametrize("stream_format", ["hls", "hls_ts", "mp4"])
async def test_software_takes_over(chip: House, stream_format: str, request: pytest.FixtureRequest) -> None:
    """The pictures go on with the same LOAD, without an error and without a stall.

    Two cannot bridge the time until the next encoder's first picture: MPEG-TS, which knows no durations, when
    the stream has no repeats, and a player of the endless MP4, which is only half a second behind.
    """
    await chip.show(CLOCK_DASHBOARD, format=stream_format)
    loads = len(chip.tv.loads)
    before = chip.encoders()
    # The stand-in and the program that it uses.
    assert len(before) == 2
    await chip.watch(20)
    for pid in before:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    report = await chip.watch(40)
    repeats = request.node.callspec.params["chip"] == REPEATS
    bridged = stream_format == "hls" or (stream_format == "hls_ts" and repeats)
    assert report.stalls <= (not bridged)
    assert not report.seeks
    assert len(chip.encoders() - before) == 1
    assert len(chip.tv.loads) == loads
    assert chip.tv.state == "PLAYING"
