"""Tests of the Matroska stream: FFmpeg reads back what was written, to the microsecond."""

import asyncio
from collections.abc import Iterator

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.dashboard_cast.engine import matroska

from .helpers import SMALL, jpeg, probe, run

CLUSTER = 0x1F43B675
TIMESTAMP = 0xE7
BLOCK = 0xA3
PICTURE = jpeg()
ODD_TIMES = [0, 1, 1_003, 33_333, 333_334, 1_000_001, 59_999_999, 86_400_000_007]
HOUR_US = 3_600_000_000


def stream(*times_us: int) -> bytes:
    """Return a stream of one picture at all these times."""
    pictures = b"".join(matroska.picture(PICTURE, time) for time in times_us)
    header = matroska.header(SMALL.width, SMALL.height, SMALL.frame_rate)
    return header + pictures


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield identifiers and payloads of EBML elements (RFC 8794 sections 4 and 5)."""
    position = 0
    while position < len(data):
        length = 9 - data[position].bit_length()
        identifier = int.from_bytes(data[position : position + length])
        position += length
        length = 9 - data[position].bit_length()
        size = int.from_bytes(data[position : position + length]) & (1 << 7 * length) - 1
        position += length
        yield identifier, data[position : position + size]
        position += size


def blocks(data: bytes) -> list[tuple[int, int, bytes]]:
    """Return track, time and payload of every block."""
    found = []
    for identifier, cluster in elements(data):
        assert identifier == CLUSTER
        parts = dict(elements(cluster))
        block = parts[BLOCK]
        time = int.from_bytes(parts[TIMESTAMP]) + int.from_bytes(block[1:3], signed=True)
        found.append((block[0] & 0x7F, time, block[4:]))
    return found


async def times_read(data: bytes) -> list[int]:
    """Return the times of packets as FFmpeg reads them, in microseconds."""
    answer = await probe(data, "-show_entries", "packet=pts:stream=time_base")
    assert answer["streams"][0]["time_base"] == "1/1000000"
    return [packet["pts"] for packet in answer["packets"]]


async def test_times_are_exact() -> None:
    """FFmpeg reads every picture at the microsecond it was given."""
    assert await times_read(stream(*ODD_TIMES)) == ODD_TIMES


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(0, 100 * HOUR_US), min_size=2, max_size=20, unique=True).map(sorted))
def test_any_times_are_exact(times: list[int]) -> None:
    """Whatever the distances between pictures are, FFmpeg reads them as they are."""
    with asyncio.Runner() as runner:
        assert runner.run(times_read(stream(*times))) == times


async def test_track() -> None:
    """There is one track, and it is what it says it is."""
    (video,) = (await probe(stream(0, 500_000), "-show_streams"))["streams"]
    assert (video["codec_name"], video["width"], video["height"]) == ("mjpeg", SMALL.width, SMALL.height)
    assert video["avg_frame_rate"] == "10/1"


async def test_pictures_arrive_unchanged() -> None:
    """What FFmpeg takes out are the bytes that were put in."""
    command = ("ffmpeg", "-v", "error", "-f", "matroska", "-i", "pipe:0", "-map", "0:v", "-c", "copy")
    copied = await run(*command, "-f", "mjpeg", "pipe:1", data=stream(0, 40_000))
    assert copied == 2 * PICTURE


@given(st.binary(min_size=1, max_size=300), st.integers(0, 2**50))
def test_a_picture_is_one_block(payload: bytes, time_us: int) -> None:
    """A picture is one block of the first track, with all its bytes and its time."""
    assert blocks(matroska.picture(payload, time_us)) == [(1, time_us, payload)]


def test_a_time_before_the_start_is_refused() -> None:
    """Times count from the stream's start."""
    with pytest.raises(OverflowError):
        matroska.picture(PICTURE, -1)
