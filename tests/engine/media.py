"""Coded pictures from the real FFmpeg, and what FFmpeg says of media that were made of them."""

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate, cycle, islice
import json
import subprocess
from typing import Any

from custom_components.dashboard_cast.models import Sample

from .helpers import TIMEOUT_S

WIDTH, HEIGHT = 320, 180
# Distances between pictures in ticks: even, odd, the least, those of a still page and of a pause.
DISTANCES = (3_000, 3_001, 90, 5_999, 22_500, 1_501, 45_000, 9_000, 9_001, 90_000)
SILENT_BLOCK = sha256(bytes(1_024 * 2 * 2)).hexdigest()
"""Checksum of a decoded block: two channels of 16 bits."""
# FLV (Adobe Flash Video File Format 10.1, annex E): a header and an empty size, then tags with their sizes.
_FLV_HEADER = 13
_FLV_TAG = 11
_FLV_VIDEO = 9

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Coded:
    """What an encoder made: its AVCDecoderConfigurationRecord, pictures, and when the last has been shown."""

    flv: bytes
    """What FFmpeg itself made of the pictures."""
    avcc: bytes
    samples: list[Sample]
    end: int

    def moved(self, ticks: int) -> Coded:
        """Return the same pictures at a later time."""
        samples = [Sample(one.data, one.time + ticks, one.keyframe) for one in self.samples]
        return Coded(self.flv, self.avcc, samples, self.end + ticks)

    def groups(self, size: int) -> list[tuple[list[Sample], int]]:
        """Return groups of so many pictures, and when each has been shown."""
        groups = [self.samples[start : start + size] for start in range(0, len(self.samples), size)]
        ends = [*(group[0].time for group in groups[1:]), self.end]
        return list(zip(groups, ends, strict=True))


def encode(count: int = 40, keyframe_every: int = 8) -> Coded:
    """Return pictures of several slices, at uneven times."""
    picture = f"testsrc2=size={WIDTH}x{HEIGHT}:rate=30"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, "-frames:v", str(count)]
    command += ["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-threads", "4"]
    command += ["-profile:v", "high", "-pix_fmt", "yuv420p", "-g", str(keyframe_every), "-f", "flv", "pipe:1"]
    flv = subprocess.run(command, capture_output=True, check=True).stdout
    avcc, pictures = _read_flv(flv)
    *times, end = accumulate(islice(cycle(DISTANCES), count), initial=0)
    samples = [Sample(data, time, key) for (data, key), time in zip(pictures, times, strict=True)]
    return Coded(flv, avcc, samples, end)


def _read_flv(data: bytes) -> tuple[bytes, list[tuple[bytes, bool]]]:
    """Return the AVCDecoderConfigurationRecord, and all pictures and whether they are keyframes."""
    avcc = b""
    pictures = []
    position = _FLV_HEADER
    while position < len(data):
        start = position + _FLV_TAG
        end = start + int.from_bytes(data[position + 1 : position + 4])
        if data[position] == _FLV_VIDEO and data[start + 1] == 0:
            avcc = data[start + 5 : end]
        elif data[position] == _FLV_VIDEO and data[start + 1] == 1:
            pictures.append((data[start + 5 : end], data[start] >> 4 == 1))
        position = end + 4
    return avcc, pictures


async def ffmpeg(program: str, data: bytes, *arguments: str) -> str:
    """Return what `ffmpeg` or `ffprobe` says of media on its standard input; fails when it warns."""
    command = [program, "-hide_banner", "-v", "warning", *(() if program == "ffprobe" else ("-nostats",))]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, "-i", "pipe:0", *arguments, stdin=pipe, stdout=pipe, stderr=pipe
    )
    output, complaints = await asyncio.wait_for(process.communicate(data), TIMEOUT_S)
    assert not complaints, complaints.decode()
    assert process.returncode == 0
    return output.decode()


async def streams(data: bytes) -> list[Json]:
    """Return what ffprobe says of the streams."""
    found: list[Json] = json.loads(await ffmpeg("ffprobe", data, "-of", "json", "-show_streams"))["streams"]
    return found


async def packets(data: bytes, stream: str) -> list[Json]:
    """Return what ffprobe says of the packets of a stream (`v` or `a`), in the order of the file."""
    show = ("-of", "json", "-select_streams", stream, "-show_packets")
    found: list[Json] = json.loads(await ffmpeg("ffprobe", data, *show))["packets"]
    return found


async def decoded(data: bytes) -> list[str]:
    """Return the checksums of the decoded pictures."""
    clock = ("-fps_mode", "passthrough", "-enc_time_base:v", "1:90000")
    arguments = ("-map", "0:v", *clock, "-f", "framehash", "pipe:1")
    lines = (await ffmpeg("ffmpeg", data, *arguments)).splitlines()
    return [line.rpartition(",")[2].strip() for line in lines if not line.startswith("#")]


async def sound(data: bytes) -> tuple[int, set[str]]:
    """Return how many blocks the decoded sound has, and the checksums of these."""
    arguments = ("-map", "0:a", "-c:a", "pcm_s16le", "-f", "framehash", "pipe:1")
    lines = [line for line in (await ffmpeg("ffmpeg", data, *arguments)).splitlines() if line[0] != "#"]
    return len(lines), {line.rpartition(",")[2].strip() for line in lines}
