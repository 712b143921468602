"""Tests of the FLV reader: what FFmpeg writes, cut anywhere, and broken in every way."""

from contextlib import suppress
from functools import cache
from itertools import pairwise
import struct
import subprocess

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.dashboard_cast.engine.flv import MAX_TAG_SIZE, Configuration, FlvReader, Picture
from custom_components.dashboard_cast.errors import MalformedMediaError

from .helpers import nal_units, parameter_sets, probe

HEADER = b"FLV\x01\x01" + struct.pack(">II", 9, 0)
AUDIO, VIDEO, SCRIPT = 8, 9, 18
KEYFRAME, BETWEEN = 0x17, 0x27
CONFIGURATION, PICTURE, END_OF_SEQUENCE = 0, 1, 2
# Size, time and number of the track, before a tag's payload.
TAG_HEADER = 11


def tag(payload: bytes, kind: int = VIDEO) -> bytes:
    """Return a tag with the size that follows it."""
    header = struct.pack(">I7x", kind << 24 | len(payload))
    return header + payload + struct.pack(">I", TAG_HEADER + len(payload))


def video(data: bytes, packet: int = PICTURE, kind: int = BETWEEN) -> bytes:
    """Return a video tag of H.264."""
    return tag(bytes((kind, packet, 0, 0, 0)) + data)


@cache
def recorded() -> bytes:
    """Return what FFmpeg writes: ten pictures, the first and the sixth keyframes, and sound."""
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10"]
    command += ["-f", "lavfi", "-i", "sine", "-frames:v", "10", "-t", "1", "-c:v", "libx264", "-c:a", "aac"]
    command += ["-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "5", "-f", "flv", "pipe:1"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def read(data: bytes) -> list[Configuration | Picture]:
    """Return what a reader finds in all of it."""
    return FlvReader().feed(data)


async def test_what_ffmpeg_writes() -> None:
    """The configuration comes first, then each picture with all its bytes, as ffprobe sees them."""
    configuration, *pictures = read(recorded())
    assert isinstance(configuration, Configuration)
    assert [nal[0] & 0x1F for nal in parameter_sets(configuration.data)] == [7, 8]
    packets = (await probe(recorded(), "-show_packets"))["packets"]
    assert len(packets) == 10
    for picture, packet in zip(pictures, packets, strict=True):
        assert isinstance(picture, Picture)
        assert len(picture.data) == int(packet["size"])
        assert picture.keyframe == packet["flags"].startswith("K")
        assert nal_units(picture.data)


@settings(deadline=None)
@given(st.lists(st.integers(0, len(recorded())), max_size=60))
def test_cut_anywhere(cuts: list[int]) -> None:
    """However the bytes come, the same is found in them."""
    reader = FlvReader()
    edges = [0, *sorted(cuts), len(recorded())]
    pieces = [recorded()[start:end] for start, end in pairwise(edges)]
    assert [item for piece in pieces for item in reader.feed(piece)] == read(recorded())


def test_a_picture_comes_with_its_last_byte() -> None:
    """Nothing after a picture is waited for."""
    reader = FlvReader()
    data = HEADER + video(b"picture")
    assert reader.feed(data[:-1]) == []
    assert reader.feed(data[-1:]) == [Picture(b"picture", keyframe=False)]


def test_what_is_no_picture_is_left_out() -> None:
    """Sound, metadata and the end of the sequence are nothing to us."""
    others = tag(b"\xaf\x01sound", AUDIO) + tag(b"onMetaData", SCRIPT) + video(b"", END_OF_SEQUENCE, KEYFRAME)
    data = HEADER + others + video(b"avcc", CONFIGURATION, KEYFRAME) + others + video(b"p", kind=KEYFRAME)
    assert read(data) == [Configuration(b"avcc"), Picture(b"p", keyframe=True)]


@pytest.mark.parametrize(
    "data",
    [
        b"F4V",
        b"FL!",
        b"\x00",
        b"Unknown encoder libx264",
        HEADER + tag(b""),
        HEADER + tag(bytes((KEYFRAME, PICTURE, 0, 0))),
        # Sorenson H.263.
        HEADER + tag(b"\x12\x01\x00\x00\x00picture"),
    ],
)
def test_refused(data: bytes) -> None:
    """What is no FLV with H.264 is refused as soon as that is seen."""
    with pytest.raises(MalformedMediaError):
        read(data)


def test_a_tag_that_is_too_large() -> None:
    """No memory is spent on what a broken size promises."""
    assert MAX_TAG_SIZE < 2**24 - 1, "no size of three bytes is more"
    with pytest.raises(MalformedMediaError):
        read(HEADER + struct.pack(">I7x", VIDEO << 24 | MAX_TAG_SIZE + 1))


@given(st.binary(max_size=200), st.booleans())
def test_random_bytes(data: bytes, start: bool) -> None:
    """Random bytes are refused or give something, and do nothing else."""
    with suppress(MalformedMediaError):
        read(HEADER * start + data)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(recorded()) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_broken_bytes(changes: list[tuple[int, int]]) -> None:
    """Broken bytes are refused or give something else, and do nothing else."""
    data = bytearray(recorded())
    for position, value in changes:
        data[position] = value
    with suppress(MalformedMediaError):
        read(bytes(data))
