"""Tests of the Matroska stream: FFmpeg reads back what was written, to the microsecond."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.dashboard_cast.engine import matroska

from .helpers import SMALL, jpeg, probe, run

CLUSTER = 0x1F43B675
TIMESTAMP = 0xE7
BLOCK = 0xA3
PICTURE = jpeg()
ODD_TIMES = [0, 1, 1_003, 33_333, 333_334, 1_000_001, 59_999_999, 86_400_000_007]
# 1024 samples at 48 kHz, in microseconds.
SOUND_US = 1_024_000 / 48
HOUR_US = 3_600_000_000


def stream(*times_us: int, sound_us: int = 0) -> bytes:
    """Return a stream of one picture at all these times, with sound for so long."""
    pictures = b"".join(matroska.picture(PICTURE, time) for time in times_us)
    header = matroska.header(SMALL.width, SMALL.height, SMALL.frame_rate)
    return header + matroska.silence(0, sound_us) + pictures


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


async def times_read(data: bytes, track: str) -> list[int]:
    """Return the times of packets as FFmpeg reads them, in microseconds."""
    answer = await probe(data, "-show_entries", "packet=pts:stream=time_base", stream=track)
    assert answer["streams"][0]["time_base"] == "1/1000000"
    return [packet["pts"] for packet in answer["packets"]]


async def test_times_are_exact() -> None:
    """FFmpeg reads every picture at the microsecond it was given."""
    assert await times_read(stream(*ODD_TIMES, sound_us=1), "v") == ODD_TIMES


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(0, 100 * HOUR_US), min_size=2, max_size=20, unique=True).map(sorted))
def test_any_times_are_exact(times: list[int]) -> None:
    """Whatever the distances between pictures are, FFmpeg reads them as they are."""
    loop = asyncio.new_event_loop()
    try:
        assert loop.run_until_complete(times_read(stream(*times, sound_us=1), "v")) == times
    finally:
        loop.close()


async def test_tracks() -> None:
    """Both tracks are what they say they are."""
    data = stream(0, 500_000, sound_us=500_000)
    video = (await probe(data, "-show_streams"))["streams"][0]
    assert (video["codec_name"], video["width"], video["height"]) == ("mjpeg", SMALL.width, SMALL.height)
    assert video["avg_frame_rate"] == "10/1"
    audio = (await probe(data, "-show_streams", stream="a"))["streams"][0]
    assert (audio["codec_name"], audio["profile"], audio["channels"]) == ("aac", "LC", 2)
    assert audio["sample_rate"] == "48000"


async def test_pictures_arrive_unchanged() -> None:
    """What FFmpeg takes out are the bytes that were put in."""
    command = ("ffmpeg", "-v", "error", "-f", "matroska", "-i", "pipe:0", "-map", "0:v", "-c", "copy")
    copied = await run(*command, "-f", "mjpeg", "pipe:1", data=stream(0, 40_000, sound_us=1))
    assert copied == 2 * PICTURE


async def test_silence_is_silent() -> None:
    """Decoded, the sound is zeros, and as long as was asked for."""
    command = ("ffmpeg", "-v", "error", "-f", "matroska", "-i", "pipe:0", "-map", "0:a")
    samples = await run(*command, "-f", "s16le", "pipe:1", data=stream(0, sound_us=1_000_000))
    assert set(samples) == {0}
    assert len(samples) == 4 * 1_024 * 47


@given(st.lists(st.integers(0, HOUR_US // 60), min_size=2).map(sorted))
def test_silence_in_a_row_is_one_silence(times: list[int]) -> None:
    """However a span is divided, the same blocks come out, each once."""
    pieces = [matroska.silence(start, end) for start, end in pairwise(times)]
    assert b"".join(pieces) == matroska.silence(times[0], times[-1])


@given(st.integers(0, HOUR_US * 1_000), st.integers(0, 10_000_000))
def test_silence_has_no_gap(start_us: int, length_us: int) -> None:
    """Blocks lie on the grid of coded blocks from the stream's start, none missing, none outside."""
    times = [time for _, time, _ in blocks(matroska.silence(start_us, start_us + length_us))]
    first = -(-start_us * 48 // 1_024_000)
    assert times == [round((first + index) * SOUND_US) for index in range(len(times))]
    assert all(start_us - 1 <= time <= start_us + length_us for time in times)
    assert abs(len(times) - length_us / SOUND_US) <= 1


@given(st.binary(min_size=1, max_size=300), st.integers(0, 2**50))
def test_a_picture_is_one_block(payload: bytes, time_us: int) -> None:
    """A picture is one block of the first track, with all its bytes and its time."""
    assert blocks(matroska.picture(payload, time_us)) == [(1, time_us, payload)]


def test_sound_is_the_second_track() -> None:
    """Sound does not get among the pictures."""
    assert {track for track, _, _ in blocks(matroska.silence(0, 100_000))} == {2}


def test_a_time_before_the_start_is_refused() -> None:
    """Times count from the stream's start."""
    with pytest.raises(OverflowError):
        matroska.picture(PICTURE, -1)
