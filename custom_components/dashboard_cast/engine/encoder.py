"""From paced pictures to fragmented MP4: FFmpeg's arguments, its trial, and its process."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from ..errors import EncoderFailedError, FFmpegMissingError
from ..models import Fragment, Profile
from . import matroska
from .fmp4 import Fragmenter
from .pacer import KEEP_ALIVE_US, PacedFrame
from .process import ChildProcess

# Playlists count target durations in whole seconds (RFC 8216 section 4.3.3.1), yet players stay three
# segments behind and see a segment only when it is whole: half a second makes both short.
SEGMENT_SECONDS: Final = 0.5
_TIMESCALE: Final = 90_000
# FFmpeg lets a picture out when it has sound that comes after it.
_SOUND_LEAD_US: Final = 50_000
# Constant quality for text and flat colours; the bit rate is capped by the profile.
_QUALITY: Final = 20
# Every further thread costs a quarter more for the same pictures; one is fast enough up to this many pixels.
_ONE_THREAD_HEIGHT: Final = 720
_READ_SIZE: Final = 256 * 1024
_TRIAL_TIMEOUT_S: Final = 20

# JPEG is full-range BT.601 (JFIF); television is limited-range BT.709, and must say so or colours wash out.
_FILTERS: Final = (
    "scale={width}:{height}:in_color_matrix=bt601:in_range=full:out_color_matrix=bt709:out_range=limited:"
    "flags=bicubic+accurate_rnd,"
    "format=yuv420p,setsar=1"
)


def arguments(binary: str, profile: Profile) -> list[str]:
    """Return the command line that encodes `matroska` on standard input to fragmented MP4 on standard output.

    Not among them is `-fflags nobuffer`: it throws away the pictures that FFmpeg probes.
    """
    rate, buffer = str(profile.max_bit_rate), str(profile.max_bit_rate // 2)
    command = [binary, "-hide_banner", "-loglevel", "error", "-nostats"]
    command += ["-analyzeduration", "0", "-fpsprobesize", "0", "-f", "matroska", "-i", "pipe:0"]
    command += ["-map", "0:v", "-map", "0:a", "-vf"]
    command += [_FILTERS.format(width=profile.width, height=profile.height)]
    # Pictures keep the times they came with.
    command += ["-fps_mode", "passthrough", "-enc_time_base:v", f"1:{_TIMESCALE}"]
    command += ["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency"]
    command += ["-threads", "1" if profile.height <= _ONE_THREAD_HEIGHT else "2"]
    command += ["-profile:v", "high", "-level:v", profile.level, "-crf", str(_QUALITY)]
    command += ["-maxrate", rate, "-bufsize", buffer, "-sc_threshold", "0"]
    # Keyframes only where segments begin.
    command += ["-g", "100000", "-force_key_frames", f"expr:gte(t,n_forced*{SEGMENT_SECONDS})"]
    command += [
        "-color_range",
        "tv",
        "-colorspace",
        "bt709",
        "-color_primaries",
        "bt709",
        "-color_trc",
        "bt709",
    ]
    # One fragment from keyframe to keyframe. With `-frag_duration` it would be sound that ends fragments, and
    # they would not begin and end with the same picture and sound any more.
    command += ["-c:a", "copy", "-f", "mp4", "-movflags", "+empty_moov+default_base_moof+frag_keyframe"]
    command += ["-flush_packets", "1"]
    return [*command, "-video_track_timescale", str(_TIMESCALE), "pipe:1"]


class Encoder:
    """One run of FFmpeg: pictures in, fragments out."""

    def __init__(self, binary: str, profile: Profile) -> None:
        self._binary = binary
        self._profile = profile
        self._process = ChildProcess("FFmpeg")
        self._fragmenter = Fragmenter()
        self.pictures = 0
        """How many pictures it was given."""
        self._silent_until_us = 0

    @property
    def fragmenter(self) -> Fragmenter:
        """What cuts this run's output; holds its init segment."""
        return self._fragmenter

    async def start(self) -> None:
        """Start FFmpeg; raises FFmpegMissingError when it is not there."""
        try:
            await self._process.start(*arguments(self._binary, self._profile))
        except OSError as error:
            raise FFmpegMissingError(binary=self._binary) from error
        profile = self._profile
        self._process.stdin.write(matroska.header(profile.width, profile.height, profile.frame_rate))

    async def write(self, frame: PacedFrame) -> None:
        """Encode one picture, waiting while FFmpeg is busy; raises EncoderFailedError when it has ended."""
        silent_until_us = frame.time_us + _SOUND_LEAD_US
        silence = matroska.silence(self._silent_until_us, silent_until_us)
        self._silent_until_us = silent_until_us
        self.pictures += 1
        try:
            self._process.stdin.write(silence + matroska.picture(frame.jpeg, frame.time_us))
            await self._process.stdin.drain()
        except OSError as error:
            await self._process.wait()
            raise EncoderFailedError(detail=self._process.log or str(error)) from error

    async def fragments(self) -> AsyncIterator[Fragment]:
        """Yield fragments as they are complete; raises EncoderFailedError when FFmpeg ends."""
        while data := await self._process.stdout.read(_READ_SIZE):
            for fragment in self._fragmenter.feed(data):
                yield fragment
        code = await self._process.wait()
        raise EncoderFailedError(detail=self._process.log or f"exit code {code}")

    async def stop(self) -> None:
        """End FFmpeg."""
        await self._process.stop()


async def try_encoding(binary: str, jpeg: bytes, profile: Profile) -> None:
    """Encode one picture for a second, to see that this FFmpeg can.

    Raises FFmpegMissingError or EncoderFailedError.
    """
    encoder = Encoder(binary, profile)
    await encoder.start()
    try:
        async with asyncio.timeout(_TRIAL_TIMEOUT_S):
            for time_us in range(0, 2 * KEEP_ALIVE_US + 1, KEEP_ALIVE_US):
                await encoder.write(PacedFrame(jpeg, time_us))
            async for fragment in encoder.fragments():
                if fragment.keyframe:
                    return
    except TimeoutError as error:
        raise EncoderFailedError(detail=f"no picture within {_TRIAL_TIMEOUT_S} s") from error
    finally:
        await encoder.stop()
