"""Tests of the encoders on chips: what they are told, and who takes over when one fails."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
import logging
from pathlib import Path

import pytest

from custom_components.dashboard_cast.engine import encoder as module
from custom_components.dashboard_cast.engine.codecs import CODECS, SOFTWARE, Codec, preferred
from custom_components.dashboard_cast.engine.encoder import arguments, find_codecs
from custom_components.dashboard_cast.engine.h264 import is_idr
from custom_components.dashboard_cast.engine.pacer import SEGMENT_US, PacedFrame
from custom_components.dashboard_cast.models import Profile

from .hardware import FAULT, HARDWARE, Fault, stand_in
from .helpers import (
    SMALL,
    Coded,
    Coding,
    Json,
    byte_stream,
    frame,
    ordered,
    paced,
    probe,
    processes,
    still,
    ticks,
)
from .looks import check_looks

pytestmark = pytest.mark.paired
CHIPS = preferred([HARDWARE])
REPEATS = "ref=1:weightp=0"
# With two reference pictures repeats do not fit in.
NO_REPEATS = "ref=2:weightp=0"


@asynccontextmanager
async def coding(binary: str, codecs: Sequence[Codec] = CHIPS) -> AsyncIterator[Coding]:
    """Return a running encoder."""
    running = Coding(binary, SMALL, codecs)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what we have warned of; asyncio may tell of a busy machine besides."""
    ours = [one for one in caplog.records if one.name.startswith("custom_components")]
    return [one.getMessage() for one in ours if one.levelno >= logging.WARNING]


def moving(start: int, end: int) -> list[PacedFrame]:
    """Return pictures that change ten times a second."""
    return [paced(frame(index), index * 100_000) for index in range(start, end)]


@pytest.mark.parametrize(
    ("working", "chosen", "expected"),
    [
        ([], None, ["libx264"]),
        (["libx264", "h264_qsv"], None, ["libx264"]),
        (["h264_qsv", "h264_vaapi", "libx264"], None, ["h264_qsv", "h264_vaapi", "libx264"]),
        (["h264_qsv", "h264_vaapi"], None, ["h264_qsv", "h264_vaapi", "libx264"]),
        (["h264_qsv", "libx264", "h264_vaapi"], "h264_vaapi", ["h264_vaapi", "libx264"]),
        (["h264_qsv", "libx264"], "libx264", ["libx264"]),
        (["unheard_of", "libx264"], None, ["libx264"]),
        (["libx264"], "unheard_of", ["libx264"]),
    ],
)
def test_order(working: list[str], chosen: str | None, expected: list[str]) -> None:
    """What is chosen comes first, else what the trial found to be best; software is the last resort."""
    assert [codec.name for codec in preferred(working, chosen)] == expected


async def test_found() -> None:
    """What FFmpeg was built with is found, whether it works or not."""
    assert SOFTWARE in await find_codecs("ffmpeg")
    assert await find_codecs("/bin/true") == []


async def test_ffmpeg_understands_what_it_is_told() -> None:
    """An encoder may have no device here, but its options are none that FFmpeg does not know."""
    for codec in await find_codecs("ffmpeg"):
        await check_options(codec)


async def check_options(codec: Codec) -> None:
    """Check that FFmpeg knows the options of an encoder it was built with."""
    # Without a device FFmpeg would not even read the rest.
    command = arguments("ffmpeg", replace(codec, device=(), surface="format=nv12"), Profile())
    pictures = "testsrc2=size=1280x720:rate=15"
    source = command.index("-f")
    command[source : source + 4] = ["-f", "lavfi", "-i", pictures]
    command[-1:] = ["-frames:v", "3", "-f", "null", "-"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    _, complaints = await process.communicate()
    for complaint in (b"option", b"Undefined constant", b"Unable to parse", b"No such filter"):
        assert complaint not in complaints, complaints.decode()


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_all_are_told_the_profile(codec: Codec) -> None:
    """Level, cap of the bit rate, no B pictures, and colours are everybody's."""
    command = codec.arguments(Profile(level="4.2", max_bit_rate=1_234_567))
    told = dict(pairwise(command))
    assert (told["-c:v"], told["-bf"]) == (codec.name, "0")
    assert (told["-maxrate"], told["-bufsize"]) == ("1234567", "617283")
    assert told.get("-level:v") == "4.2" or "level=4.2:" in told["-bsf:v"]


async def test_what_the_stream_declares(tmp_path: Path) -> None:
    """Level, range and colours are right behind an encoder that knows nothing of them."""
    async with coding(stand_in(tmp_path)) as encoder:
        ((avcc, sample),) = await encoder.through([paced(frame(0), 0)])
    assert avcc[:4].hex() == "01640029"
    assert is_idr(sample.data)
    video = (await probe(byte_stream(avcc, [sample.data]), "-f", "h264", "-show_streams"))["streams"][0]
    expected: Json = {"color_range": "tv", "color_space": "bt709", "color_primaries": "bt709"}
    expected |= {"color_transfer": "bt709", "profile": "High", "level": 41, "width": 320, "height": 180}
    assert {name: video.get(name) for name in expected} == expected


@pytest.mark.parametrize("parameters", [REPEATS, NO_REPEATS])
async def test_pictures(tmp_path: Path, parameters: str) -> None:
    """One picture out for each in, at its time, and always what is due."""
    pictures = [*moving(0, 15), *still(frame(14), 1_500_000, 4 * SEGMENT_US), *moving(40, 60)]
    async with coding(stand_in(tmp_path, parameters=parameters)) as encoder:
        coded = await encoder.through(pictures)
        assert encoder.codec.name == HARDWARE
    asked = ordered(coded, pictures)
    assert [sample.time for _, sample in asked] == [ticks(one) for one in pictures]
    assert [is_idr(sample.data) for _, sample in coded] == [sample.keyframe for _, sample in coded]
    await check_looks(coded, pictures)


async def test_repeats_are_coded_where_they_cannot_be_made(tmp_path: Path) -> None:
    """Where repeats do not fit into a stream FFmpeg codes them; nothing fills the time between."""
    pictures = still(frame(0), 0, 3 * SEGMENT_US)
    async with coding(stand_in(tmp_path, parameters=NO_REPEATS)) as encoder:
        coded = await encoder.through(pictures)
        assert encoder.pictures == len(pictures) == len(coded)
    await check_looks(coded, pictures)


FAULTS = [Fault.DIES, Fault.HANGS, Fault.NONSENSE, Fault.DELAYS, Fault.NO_KEYFRAMES, Fault.TURNS]


@pytest.mark.parametrize(
    ("fault", "after", "parameters"),
    [
        *((fault, after, REPEATS) for fault in FAULTS for after in (0, 10)),
        *((fault, 7, NO_REPEATS) for fault in (Fault.DIES, Fault.NO_KEYFRAMES)),
    ],
)
async def test_software_takes_over(
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: Fault,
    after: int,
    parameters: str,
) -> None:
    """However an encoder fails, at the start, on a keyframe or between: the next keyframe is by software."""
    monkeypatch.setattr(module, "_PICTURE_TIMEOUT_S", 1.0)
    monkeypatch.setattr(module, "_FIRST_HARDWARE_PICTURE_TIMEOUT_S", 2.0)
    pictures = moving(0, 25)
    coded: Coded = []
    binary = stand_in(tmp_path, fault, after=after, parameters=parameters)
    async with coding(binary) as encoder:
        # What is under way to one that fails is lost: new pictures come when it is known.
        for start, end in pairwise((0, 7, 11, 21, 25)):
            coded += await encoder.through(pictures[start:end])
        assert encoder.codec is SOFTWARE
    warnings = complaints(caplog)
    assert len(warnings) == 1
    assert warnings[0].startswith(f"{HARDWARE} is given up for libx264: ")
    keyframes = [sample.time for _, sample in coded if sample.keyframe]
    assert keyframes == [0, 90_000, 180_000]
    assert all(is_idr(sample.data) for _, sample in coded if sample.keyframe)
    last = [one for one in coded if one[1].time >= keyframes[2]]
    await check_looks(last, pictures)


async def test_says_why(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What the encoder complained about is in the log."""
    async with coding(stand_in(tmp_path, Fault.DIES)) as encoder:
        await encoder.through([paced(frame(0), 0)])
    assert FAULT in caplog.text


async def test_without_a_device(caplog: pytest.LogCaptureFixture) -> None:
    """Every encoder that this FFmpeg has is tried at the start, for real, down to software."""
    codecs = await find_codecs("ffmpeg")
    async with coding("ffmpeg", codecs) as encoder:
        coded = await encoder.through(still(frame(0), 0, SEGMENT_US))
        assert encoder.codec is SOFTWARE
    await check_looks(coded, [paced(frame(0), 0)])
    warnings = complaints(caplog)
    assert len(warnings) == len(codecs) - 1


async def test_notices_on_a_still_page(tmp_path: Path) -> None:
    """An encoder that dies while nothing changes is replaced with the next keyframe, not the next change."""
    async with coding(stand_in(tmp_path)) as encoder:
        coded = await encoder.through(still(frame(0), 0, SEGMENT_US))
        for one in processes("ffmpeg"):
            one.kill()
        run = encoder._run
        assert run
        assert run._reading
        await asyncio.wait([run._reading])
        for picture in still(frame(0), SEGMENT_US, 3 * SEGMENT_US):
            coded += await encoder.through([picture])
        assert encoder.codec is SOFTWARE
        assert encoder.pictures == 2
    assert len({avcc for avcc, _ in coded}) == 2
