"""What several tests of the engine use: waiting, processes, tools, pictures, media."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import cache
import io
from itertools import pairwise
import json
from pathlib import Path
import struct
from typing import Any

from PIL import Image
import psutil

from custom_components.dashboard_cast.engine.codecs import SOFTWARE, Codec
from custom_components.dashboard_cast.engine.encoder import Encoder
from custom_components.dashboard_cast.engine.pacer import PART_US, SEGMENT_US, PacedFrame
from custom_components.dashboard_cast.models import Frame, Profile, Sample

TIMEOUT_S = 20.0
SMALL = Profile(width=320, height=180, frame_rate=10)

type Json = dict[str, Any]
type Colour = tuple[int, int, int]

GREY: Colour = (128, 128, 128)


async def until(condition: Callable[[], object], timeout: float = TIMEOUT_S) -> None:  # noqa: ASYNC109
    """Wait until a condition holds; raises TimeoutError after so many seconds."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def executable(folder: Path, name: str, *lines: str) -> Path:
    """Write an executable shell script."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return path


def processes(name: str = "") -> list[psutil.Process]:
    """Return the living processes below this one whose names contain `name`."""
    return [one for one in alive(psutil.Process().children(recursive=True)) if name in told(one.name, "")]


def ancestry(process: psutil.Process) -> set[psutil.Process]:
    """Return a process with all that it descends from, as far as they are there."""
    return {process, *told(process.parents, [])}


def alive(some: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Return those that still run, also when they lost their parent."""
    ended = psutil.STATUS_ZOMBIE
    return [one for one in some if one.is_running() and told(one.status, ended) != ended]


def told[T](ask: Callable[[], T], ended: T) -> T:
    """Return what a process answers, `ended` when it has ended meanwhile: helpers of Chromium come and go."""
    try:
        return ask()
    except psutil.NoSuchProcess:
        return ended


def command_of(process: psutil.Process) -> list[str]:
    """Return the command line of a process, nothing when it has ended meanwhile."""
    return told(process.cmdline, [])


async def run(*command: str, data: bytes = b"", quiet: bool = False) -> bytes:
    """Run a tool with `data` as its input and return its output; fails with what it complains about.

    quiet: whether it must not even warn.
    """
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    output, complaints = await asyncio.wait_for(process.communicate(data), TIMEOUT_S)
    assert process.returncode == 0, complaints.decode()
    assert not (quiet and complaints), complaints.decode()
    return output


async def probe(data: bytes, *show: str, stream: str = "v") -> Json:
    """Return what ffprobe says of media."""
    command = ("ffprobe", "-v", "error", "-of", "json", "-select_streams", stream, *show, "pipe:0")
    answer: Json = json.loads(await run(*command, data=data))
    return answer


def jpeg(width: int = SMALL.width, height: int = SMALL.height, colours: Iterable[Colour] = (GREY,)) -> bytes:
    """Return a picture of vertical stripes."""
    colours = list(colours)
    picture = Image.new("RGB", (width, height))
    edges = [round(index * width / len(colours)) for index in range(len(colours) + 1)]
    for (left, right), colour in zip(pairwise(edges), colours, strict=True):
        picture.paste(colour, (left, 0, right, height))
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=95, subsampling=0)
    return written.getvalue()


def pixel(picture: bytes, x: int, y: int) -> Colour:
    """Return the colour of one pixel of a JPEG."""
    red, green, blue = Image.open(io.BytesIO(picture)).convert("RGB").getpixel((x, y))  # type: ignore[misc]
    return int(red), int(green), int(blue)


def size(picture: bytes) -> tuple[int, int]:
    """Return a JPEG's width and height."""
    return Image.open(io.BytesIO(picture)).size


def near(one: Iterable[float], other: Iterable[float], tolerance: float) -> bool:
    """Return whether all numbers of two rows differ by at most so much."""
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


@cache
def frame(number: int) -> Frame:
    """Return a frame that looks like no other of the first few hundred."""
    colours = [(number * 37 * (index + 1) % 256, number * 91 % 256, 40 * index) for index in range(5)]
    return Frame(jpeg(colours=colours), float(number))


def paced(shown: Frame, time_us: int) -> PacedFrame:
    """Return a frame as the pacer sends it: segments begin on whole seconds."""
    return PacedFrame(shown, time_us, keyframe=time_us % SEGMENT_US == 0)


def still(shown: Frame, start_us: int, end_us: int) -> list[PacedFrame]:
    """Return a frame on all points of the grid in [start, end)."""
    return [paced(shown, time_us) for time_us in range(start_us, end_us, PART_US)]


type Coded = list[tuple[bytes, Sample]]
"""Coded pictures, each with the decoder configuration that it needs."""


class Coding(Encoder):
    """An encoder whose pictures are asked for in several goes."""

    def __init__(self, binary: str, profile: Profile, codecs: Sequence[Codec] = (SOFTWARE,)) -> None:
        super().__init__(binary, profile, codecs)
        self._coded_pictures = self.samples()

    async def through(self, pictures: Sequence[PacedFrame]) -> Coded:
        """Return what comes out for pictures, and for the time between them."""
        collecting = asyncio.create_task(self._until(ticks(pictures[-1])))
        try:
            for picture in pictures:
                await self.write(picture)
            return await collecting
        finally:
            collecting.cancel()

    async def _until(self, last: int) -> Coded:
        """Return what comes up to a picture of this time."""
        found: Coded = []
        async with asyncio.timeout(TIMEOUT_S):
            while not found or found[-1][1].time != last:
                found.append(await anext(self._coded_pictures))
        return found


def ticks(picture: PacedFrame) -> int:
    """Return the time of a picture as its sample has it."""
    return picture.time_us * 9 // 100


def ordered(coded: Coded, pictures: Iterable[PacedFrame]) -> Coded:
    """Return what came out for these pictures, without what fills the time between them."""
    times = {ticks(picture) for picture in pictures}
    return [one for one in coded if one[1].time in times]


async def encode(pictures: Sequence[PacedFrame], profile: Profile = SMALL) -> Coded:
    """Return what a new encoder makes of pictures."""
    encoder = Coding("ffmpeg", profile)
    await encoder.start()
    try:
        return await encoder.through(pictures)
    finally:
        await encoder.stop()


def nal_units(data: bytes) -> list[bytes]:
    """Return the NAL units of a coded picture (ISO/IEC 14496-15 section 5.3.3)."""
    found = []
    while data:
        end = 4 + int.from_bytes(data[:4])
        assert 4 < end <= len(data)
        found.append(data[4:end])
        data = data[end:]
    return found


def parameter_sets(avcc: bytes) -> tuple[bytes, bytes]:
    """Return the one sequence and the one picture parameter set of an AVCDecoderConfigurationRecord."""
    (size,) = struct.unpack_from(">H", avcc, 6)
    return avcc[8 : 8 + size], avcc[11 + size :][: int.from_bytes(avcc[9 + size : 11 + size])]


def byte_stream(avcc: bytes, pictures: Iterable[bytes]) -> bytes:
    """Return coded pictures as a byte stream (ITU-T H.264 annex B)."""
    nals = [*parameter_sets(avcc), *(nal for picture in pictures for nal in nal_units(picture))]
    return b"".join(b"\0\0\0\1" + nal for nal in nals)


async def checksums(avcc: bytes, pictures: Iterable[bytes]) -> list[str]:
    """Return the checksum of each decoded picture; fails with whatever the decoder complains about."""
    command = ("ffmpeg", "-v", "warning", "-f", "h264", "-i", "pipe:0", "-fps_mode", "passthrough")
    lines = await run(*command, "-f", "framemd5", "pipe:1", data=byte_stream(avcc, pictures), quiet=True)
    return [line.rpartition(",")[2].strip() for line in lines.decode().splitlines() if line[0] != "#"]


async def planes(avcc: bytes, pictures: Iterable[bytes]) -> bytes:
    """Return all decoded pictures as they are: luma, blue, red."""
    command = ("ffmpeg", "-v", "error", "-f", "h264", "-i", "pipe:0", "-fps_mode", "passthrough")
    return await run(*command, "-f", "rawvideo", "pipe:1", data=byte_stream(avcc, pictures))
