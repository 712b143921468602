"""What several tests of the engine use: waiting, processes, tools, pictures, media."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
import io
from itertools import pairwise
import json
from pathlib import Path
from typing import Any

from PIL import Image
import psutil

from custom_components.dashboard_cast.engine.encoder import Encoder
from custom_components.dashboard_cast.engine.pacer import PacedFrame
from custom_components.dashboard_cast.models import MICROSECONDS, Fragment, Init, Profile

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
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if name in process.name() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def ancestry(process: psutil.Process) -> set[psutil.Process]:
    """Return a process with all that it descends from, as far as they are there."""
    try:
        return {process, *process.parents()}
    except psutil.NoSuchProcess:
        return {process}


def alive(some: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Return those that still run, also when they lost their parent."""
    return [process for process in some if process.is_running() and _status(process) != psutil.STATUS_ZOMBIE]


def _status(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return str(psutil.STATUS_ZOMBIE)


async def run(*command: str, data: bytes = b"") -> bytes:
    """Run a tool with `data` as its input and return its output; fails with what it complains about."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    output, complaints = await asyncio.wait_for(process.communicate(data), TIMEOUT_S)
    assert process.returncode == 0, complaints.decode()
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


def paced(picture: bytes, seconds: float, rate: int) -> list[PacedFrame]:
    """Return the same picture at an even rate, for so many seconds."""
    return [PacedFrame(picture, index * MICROSECONDS // rate) for index in range(round(seconds * rate) + 1)]


async def encode(
    frames: Iterable[PacedFrame], profile: Profile, seconds: float
) -> tuple[Init, list[Fragment]]:
    """Encode pictures and return the init segment and the fragments that hold so many seconds of them."""
    encoder = Encoder("ffmpeg", profile)
    await encoder.start()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            for frame in frames:
                await encoder.write(frame)
            fragments = await _read(encoder, seconds)
    finally:
        await encoder.stop()
    assert encoder.fragmenter.init
    return encoder.fragmenter.init, fragments


async def _read(encoder: Encoder, seconds: float) -> list[Fragment]:
    """Return the fragments of the first seconds."""
    found = []
    async with aclosing(encoder.fragments()) as fragments:  # type: ignore[type-var]
        async for fragment in fragments:
            found.append(fragment)
            if fragment.start + fragment.duration > seconds - 1e-6:
                return found
    return found
