"""From paced pictures to coded ones: FFmpeg's arguments, its trial, and its runs."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
import logging
import time
from typing import Final

from ..errors import EncoderFailedError, FFmpegMissingError
from ..models import MICROSECONDS, VIDEO_TIMESCALE, Frame, Profile, Sample
from . import matroska
from .flv import Configuration, FlvReader, Picture
from .h264 import Repeater
from .pacer import SEGMENT_US, PacedFrame
from .process import ChildProcess

_LOGGER = logging.getLogger(__name__)

# FFmpeg makes a keyframe of the first picture from each multiple of this on. Its clock is not that of the
# stream: it goes on to the next multiple with each keyframe that it is given, and not with repeats.
_KEYFRAME_STEP_US: Final = SEGMENT_US
# Two pictures never share a tick of that clock, which FFmpeg's H.264 encoders are given in 1/90 000 s.
_CLOCK_STEP_US: Final = 1_000
# Constant quality for text and flat colours; the bit rate is capped by the profile.
_QUALITY: Final = 20
# Every further thread costs a quarter more for the same pictures; one is fast enough up to this many pixels.
_ONE_THREAD_HEIGHT: Final = 720
_READ_SIZE: Final = 256 * 1024
# Players start when they have some pictures ahead, however long these last: one comes at least so often.
_FILL_US: Final = 50_000
_TRIAL_TIMEOUT_S: Final = 20.0
# Who has been given a picture and says nothing for so long hangs; the first picture takes the start as well.
_PICTURE_TIMEOUT_S: Final = 3.0
_FIRST_PICTURE_TIMEOUT_S: Final = 20.0
# Who fails more often than that within so many seconds will not get better.
_MAX_FAILURES: Final = 3
_FAILURE_WINDOW_S: Final = 60.0

# JPEG is full-range BT.601 (JFIF); television is limited-range BT.709, and must say so or colours wash out.
# The first is exact and costs a third of the second, which every FFmpeg has.
_EXACT_FILTER: Final = "zscale"
_FILTERS: Final = {
    _EXACT_FILTER: "zscale=w={width}:h={height}:matrixin=170m:rangein=full:matrix=709:range=limited",
    "scale": "scale={width}:{height}:in_color_matrix=bt601:in_range=full:"
    "out_color_matrix=bt709:out_range=limited:flags=neighbor+accurate_rnd+full_chroma_int",
}
_COLOURS: Final = (
    "-color_range",
    "tv",
    "-colorspace",
    "bt709",
    "-color_primaries",
    "bt709",
    "-color_trc",
    "bt709",
)


def arguments(binary: str, profile: Profile, scaler: str) -> list[str]:
    """Return the command line that codes `matroska` on standard input to H.264 in FLV on standard output.

    scaler: the filter that converts colours, a key of `_FILTERS`.
    Not among them is `-fflags nobuffer`: it throws away the pictures that FFmpeg probes.
    """
    rate, buffer = str(profile.max_bit_rate), str(profile.max_bit_rate // 2)
    command = [binary, "-hide_banner", "-loglevel", "error", "-nostats"]
    # Without a look ahead at what comes, each picture is let through at once.
    command += ["-analyzeduration", "0", "-fpsprobesize", "0", "-probesize", "32"]
    command += ["-f", "matroska", "-i", "pipe:0", "-map", "0:v"]
    convert = _FILTERS[scaler].format(width=profile.width, height=profile.height)
    command += ["-vf", f"{convert},format=yuv420p,setsar=1", "-filter_threads", "1"]
    # Pictures keep the times they came with.
    command += ["-fps_mode", "passthrough", "-enc_time_base:v", f"1:{VIDEO_TIMESCALE}"]
    command += ["-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency"]
    # What `h264.Repeater` needs: one reference picture, no weights.
    command += ["-refs", "1", "-bf", "0", "-x264-params", "weightp=0"]
    command += ["-threads", "1" if profile.height <= _ONE_THREAD_HEIGHT else "2"]
    command += ["-profile:v", "high", "-level:v", profile.level, "-crf", str(_QUALITY)]
    command += ["-maxrate", rate, "-bufsize", buffer, "-sc_threshold", "0"]
    step = _KEYFRAME_STEP_US // MICROSECONDS
    command += ["-g", "100000", "-force_key_frames", f"expr:gte(t,n_forced*{step})"]
    command += [*_COLOURS, "-f", "flv", "-flvflags", "no_duration_filesize", "-flush_packets", "1"]
    return [*command, "pipe:1"]


@dataclass(frozen=True, slots=True)
class _Order:
    """A picture that is expected."""

    paced: PacedFrame
    run: _Run | None
    """Who was given it to code; None when it looks like the one before, or nobody was there."""


def _sample(data: bytes, time_us: int, *, keyframe: bool) -> Sample:
    return Sample(data, time_us * VIDEO_TIMESCALE // MICROSECONDS, keyframe)


class Encoder:
    """Pictures in, coded pictures out, one for one and with the same times.

    FFmpeg codes pictures that changed, and one keyframe of a picture that then stands still; repeats are made
    here. An FFmpeg that fails is replaced where the next keyframe is due; until then the last picture stays.
    """

    def __init__(self, binary: str, profile: Profile) -> None:
        self._binary = binary
        self._profile = profile
        self._scaler = ""
        self._run: _Run | None = None
        self._orders: asyncio.Queue[_Order] = asyncio.Queue()
        self._repeater: Repeater | None = None
        self._avcc = b""
        self._coded: Frame | None = None
        self._coded_is_key = False
        self._ending: set[asyncio.Task[None]] = set()
        self._failures: deque[float] = deque(maxlen=_MAX_FAILURES)
        self.pictures = 0
        """How many pictures FFmpeg was given."""

    async def start(self) -> None:
        """Start FFmpeg; raises FFmpegMissingError when it is not there."""
        self._scaler = await find_scaler(self._binary)
        self._run = await self._start_run()

    async def write(self, paced: PacedFrame) -> None:
        """Take the next picture, waiting while FFmpeg is busy. The first is a keyframe."""
        repeated = paced.frame is self._coded and (self._coded_is_key or not paced.keyframe)
        run = None if repeated else self._run
        self._orders.put_nowait(_Order(paced, run))
        if run:
            await self._code(run, paced)

    async def samples(self) -> AsyncIterator[tuple[bytes, Sample]]:
        """Yield coded pictures, each with the decoder configuration (`models.Init.avcc`) that it needs.

        Raises EncoderFailedError, MalformedMediaError or FFmpegMissingError when FFmpeg fails for good.
        """
        last_us = 0
        while True:
            order = await self._orders.get()
            time_us = order.paced.time_us
            for between_us in range(last_us + _FILL_US, time_us - _FILL_US // 2, _FILL_US):
                assert self._repeater is not None
                yield self._avcc, _sample(self._repeater.skip(), between_us, keyframe=False)
            data = await self._data(order)
            yield self._avcc, _sample(data, time_us, keyframe=order.paced.keyframe)
            last_us = time_us

    async def stop(self) -> None:
        """End FFmpeg."""
        if self._run:
            await self._run.stop()
        await asyncio.gather(*self._ending)

    async def _code(self, run: _Run, paced: PacedFrame) -> None:
        self._coded, self._coded_is_key = paced.frame, paced.keyframe
        self.pictures += 1
        await run.write(paced)

    async def _data(self, order: _Order) -> bytes:
        """Return the coded picture that was ordered."""
        if order.run and order.run is self._run:
            try:
                return await self._received(self._run)
            except EncoderFailedError as error:
                self._give_up(error)
        if order.paced.keyframe and self._run is None:
            return await self._recovered(order.paced)
        # Orders for a run that was given up come before those for its successor, whose first was a keyframe.
        assert self._repeater is not None
        return self._repeater.key() if order.paced.keyframe else self._repeater.skip()

    async def _received(self, run: _Run) -> bytes:
        picture = await run.picture()
        if self._repeater is None or run.avcc != self._avcc:
            self._repeater, self._avcc = Repeater(run.avcc), run.avcc
        return self._repeater.coded(picture.data)

    def _give_up(self, error: EncoderFailedError) -> None:
        """End a run that failed; raises the error when that happens too often."""
        assert self._run is not None
        run, self._run = self._run, None
        # What comes next has to be coded anew, whatever it looks like.
        self._coded = None
        # One that hangs takes its time, which viewers do not have.
        ending = asyncio.create_task(run.stop(), name="end FFmpeg")
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        now = time.monotonic()
        often = len(self._failures) == _MAX_FAILURES and now - self._failures[0] < _FAILURE_WINDOW_S
        self._failures.append(now)
        if self._repeater is None or often:
            raise error
        _LOGGER.warning("FFmpeg is started anew: %s", error)

    async def _recovered(self, paced: PacedFrame) -> bytes:
        """Return a keyframe from a new run, which then goes on."""
        run = await self._start_run()
        try:
            await self._code(run, paced)
            data = await self._received(run)
        except BaseException:
            await run.stop()
            raise
        self._run = run
        return data

    async def _start_run(self) -> _Run:
        run = _Run(self._profile)
        await run.start(arguments(self._binary, self._profile, self._scaler))
        return run


class _Run:
    """One process of FFmpeg."""

    def __init__(self, profile: Profile) -> None:
        self.avcc = b""
        """The configuration of the pictures that came so far."""
        self._profile = profile
        self._process = ChildProcess("FFmpeg")
        self._reader = FlvReader()
        self._pictures: deque[Picture] = deque()
        self._keyframe_us = -_KEYFRAME_STEP_US

    async def start(self, command: list[str]) -> None:
        """Start it; raises FFmpegMissingError when it is not there."""
        try:
            await self._process.start(*command)
        except OSError as error:
            raise FFmpegMissingError(binary=command[0]) from error
        profile = self._profile
        self._process.stdin.write(matroska.header(profile.width, profile.height, profile.frame_rate))

    async def write(self, paced: PacedFrame) -> None:
        """Give it a picture; one that has ended is found out by who waits for the coded picture."""
        if paced.keyframe:
            self._keyframe_us += _KEYFRAME_STEP_US
        since_keyframe_us = paced.time_us % SEGMENT_US // _CLOCK_STEP_US * _CLOCK_STEP_US
        try:
            self._process.stdin.write(
                matroska.picture(paced.frame.jpeg, self._keyframe_us + since_keyframe_us)
            )
            await self._process.stdin.drain()
        except OSError:
            _LOGGER.debug("FFmpeg does not take pictures any more")

    async def picture(self) -> Picture:
        """Return the next coded picture; raises EncoderFailedError when none comes."""
        limit = _PICTURE_TIMEOUT_S if self.avcc else _FIRST_PICTURE_TIMEOUT_S
        try:
            async with asyncio.timeout(limit):
                while not self._pictures:
                    await self._read()
        except TimeoutError as error:
            raise EncoderFailedError(detail=f"no picture within {limit:g} s") from error
        return self._pictures.popleft()

    async def stop(self) -> None:
        """End it."""
        await self._process.stop()

    async def _read(self) -> None:
        data = await self._process.stdout.read(_READ_SIZE)
        if not data:
            code = await self._process.wait()
            raise EncoderFailedError(detail=self._process.log or f"exit code {code}")
        for item in self._reader.feed(data):
            if isinstance(item, Configuration):
                self.avcc = item.data
            else:
                self._pictures.append(item)


async def find_scaler(binary: str) -> str:
    """Return which of `_FILTERS` this FFmpeg has; raises FFmpegMissingError or EncoderFailedError."""
    process = ChildProcess("FFmpeg")
    try:
        await process.start(binary, "-hide_banner", "-h", f"filter={_EXACT_FILTER}")
    except OSError as error:
        raise FFmpegMissingError(binary=binary) from error
    process.stdin.close()
    try:
        async with asyncio.timeout(_TRIAL_TIMEOUT_S):
            answer = await process.stdout.read()
    except TimeoutError as error:
        raise EncoderFailedError(detail=f"{binary} does not answer") from error
    finally:
        await process.stop()
    return _EXACT_FILTER if f"Filter {_EXACT_FILTER}".encode() in answer else "scale"


async def try_encoding(binary: str, jpeg: bytes, profile: Profile) -> None:
    """Encode one picture, to see that this FFmpeg can.

    Raises FFmpegMissingError, EncoderFailedError or MalformedMediaError.
    """
    encoder = Encoder(binary, profile)
    try:
        async with asyncio.timeout(_TRIAL_TIMEOUT_S):
            await encoder.start()
            await encoder.write(PacedFrame(Frame(jpeg, 0.0), 0, keyframe=True))
            await anext(encoder.samples())
    except TimeoutError as error:
        raise EncoderFailedError(detail=f"no picture within {_TRIAL_TIMEOUT_S:g} s") from error
    finally:
        await encoder.stop()
