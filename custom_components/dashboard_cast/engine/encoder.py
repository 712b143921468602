"""From paced pictures to coded ones: FFmpeg's arguments, its runs, and who takes over when one fails."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
import logging
import time
from typing import Final, Never

from ..errors import DashboardCastError, EncoderFailedError, FFmpegMissingError, MalformedMediaError
from ..models import MICROSECONDS, VIDEO_TIMESCALE, Frame, Profile, Sample
from . import matroska
from .codecs import CODECS, SOFTWARE, Codec
from .flv import Configuration, FlvReader
from .h264 import Repeater, is_idr, only_slices
from .pacer import SEGMENT_US, PacedFrame
from .process import ChildProcess
from .programs import ask_ffmpeg

_LOGGER = logging.getLogger(__name__)

# FFmpeg makes a keyframe of the first picture from each multiple of this on. Its clock is not that of the
# stream: it goes on to the next multiple with each keyframe that it is given, and not with repeats.
_KEYFRAME_STEP_US: Final = SEGMENT_US
# Two pictures never share a tick of that clock, which FFmpeg's H.264 encoders are given in 1/90 000 s.
_CLOCK_STEP_US: Final = 1_000
_READ_SIZE: Final = 256 * 1024
# Players start when they have some pictures ahead, however long these last: one comes at least so often.
_FILL_US: Final = 50_000
# Who has been given a picture and says nothing for so long hangs; the first picture takes the start as well.
_PICTURE_TIMEOUT_S: Final = 3.0
_FIRST_PICTURE_TIMEOUT_S: Final = 20.0
# There is another encoder behind one of hardware, and a chip is fast or does not work.
_FIRST_HARDWARE_PICTURE_TIMEOUT_S: Final = 5.0
# Who fails more often than that within so many seconds will not get better.
_MAX_RESTARTS: Final = 3
_FAILURE_WINDOW_S: Final = 60.0

# JPEG is full-range BT.601 (JFIF); television is limited-range BT.709, and must say so or colours wash out.
# Browsers' pictures have the size already; then the first filters let them through.
_CONVERT: Final = (
    "scale={width}:{height},format=yuvj420p,"
    "colorspace=ispace=smpte170m:irange=pc:iprimaries=bt709:itrc=bt709"
    ":space=bt709:range=tv:primaries=bt709:trc=bt709:fast=1:format=yuv420p"
)
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


def arguments(binary: str, codec: Codec, profile: Profile) -> list[str]:
    """Return the command line that codes `matroska` on standard input to H.264 in FLV on standard output.

    Not among them is `-fflags nobuffer`: it throws away the pictures that FFmpeg probes.
    """
    command = [binary, "-hide_banner", "-loglevel", "error", "-nostats", *codec.device]
    # Without a look ahead at what comes, each picture is let through at once.
    command += ["-analyzeduration", "0", "-fpsprobesize", "0", "-probesize", "32"]
    command += ["-f", "matroska", "-i", "pipe:0", "-map", "0:v"]
    convert = _CONVERT.format(width=profile.width, height=profile.height)
    command += ["-vf", f"{convert},setsar=1,{codec.surface}", "-filter_threads", "1"]
    # Pictures keep the times they came with.
    command += ["-fps_mode", "passthrough", "-enc_time_base:v", f"1:{VIDEO_TIMESCALE}"]
    command += codec.arguments(profile)
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


@dataclass(frozen=True, slots=True)
class _Coded:
    """What FFmpeg made of a picture."""

    data: bytes
    avcc: bytes
    """The configuration that it needs."""


def _sample(data: bytes, time_us: int, *, keyframe: bool) -> Sample:
    return Sample(data, time_us * VIDEO_TIMESCALE // MICROSECONDS, keyframe)


class Encoder:
    """Pictures in, coded pictures out, one for one and with the same times.

    FFmpeg codes pictures that changed, and one keyframe of a picture that then stands still; repeats are made
    here, where the stream allows it. An FFmpeg that fails is replaced where the next keyframe is due, and one
    that uses hardware by the next encoder in the order of preference; until then the last picture stays.
    """

    def __init__(
        self,
        binary: str,
        profile: Profile,
        codecs: Sequence[Codec] = (SOFTWARE,),
        restarts: int = _MAX_RESTARTS,
    ) -> None:
        """codecs: the encoders to use, the best first.

        restarts: how often within a minute the last one is started anew.
        """
        self._binary = binary
        self._profile = profile
        self._codecs = deque(codecs)
        self._run: _Run | None = None
        self._orders: asyncio.Queue[_Order] = asyncio.Queue()
        self._repeater: Repeater | None = None
        self._avcc = b""
        self._coded: Frame | None = None
        self._coded_is_key = False
        self._ending: set[asyncio.Task[None]] = set()
        self._restarts = restarts
        self._failures: deque[float] = deque()
        self.pictures = 0
        """How many pictures FFmpeg was given."""

    @property
    def codec(self) -> Codec:
        """The encoder that is used, or will be with the next keyframe."""
        return self._codecs[0]

    async def start(self) -> None:
        """Start FFmpeg; raises FFmpegMissingError when it is not there."""
        self._run = await self._start_run()

    async def write(self, paced: PacedFrame) -> None:
        """Take the next picture, waiting while FFmpeg is busy. The first is a keyframe."""
        repeated = paced.frame is self._coded and (self._coded_is_key or not paced.keyframe)
        run = self._run
        if run and repeated and await run.can_be_repeated():
            run = None
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
            if self._repeater:
                for between_us in range(last_us + _FILL_US, time_us - _FILL_US // 2, _FILL_US):
                    yield self._avcc, _sample(self._repeater.skip(), between_us, keyframe=False)
            if data := await self._data(order):
                yield self._avcc, _sample(data, time_us, keyframe=order.paced.keyframe)
                last_us = time_us

    async def cpu_time(self) -> float:
        """Return the seconds of processor time FFmpeg has used.

        Raises OSError where that is not told, and while none runs.
        """
        if self._run is None:
            raise ProcessLookupError
        return await self._run.cpu_time()

    async def stop(self) -> None:
        """End FFmpeg; that goes on when this is cancelled, and none stays."""
        if self._run:
            self._end(self._run)
        await asyncio.shield(asyncio.gather(*self._ending))

    async def _code(self, run: _Run, paced: PacedFrame) -> None:
        self._coded, self._coded_is_key = paced.frame, paced.keyframe
        self.pictures += 1
        await run.write(paced)

    async def _data(self, order: _Order) -> bytes | None:
        """Return the coded picture that was ordered, None when there can be none before the next keyframe."""
        if self._run and order.run in (self._run, None):
            try:
                if order.run:
                    return await self._received(order.run, order.paced)
                self._run.check()
            except (EncoderFailedError, MalformedMediaError) as error:
                self._give_up(error)
        if order.paced.keyframe and self._run is None:
            return await self._recovered(order.paced)
        # Orders for a run that was given up come before those for its successor, whose first was a keyframe.
        if self._repeater is None:
            return None
        return self._repeater.key() if order.paced.keyframe else self._repeater.skip()

    async def _received(self, run: _Run, paced: PacedFrame) -> bytes:
        """Return the picture that a run was given, as it fits into the stream."""
        coded = await run.picture()
        if paced.keyframe and not is_idr(coded.data):
            raise EncoderFailedError(detail="no keyframe where one is due")
        if coded.avcc != self._avcc:
            if not paced.keyframe:
                raise EncoderFailedError(detail="another configuration between keyframes")
            self._repeater, self._avcc = _repeater(coded.avcc), coded.avcc
        return self._repeater.coded(coded.data) if self._repeater else only_slices(coded.data)

    def _give_up(self, error: DashboardCastError) -> None:
        """End a run that failed, and its encoder with it when there is another.

        Raises the error when there is none and that happens too often.
        """
        if self._run:
            self._end(self._run)
        self._run = None
        # What comes next has to be coded anew, whatever it looks like.
        self._coded = None
        if len(self._codecs) > 1:
            failed = self._codecs.popleft()
            _LOGGER.warning("%s is given up for %s: %s", failed.name, self.codec.name, error)
            return
        now = time.monotonic()
        while self._failures and now - self._failures[0] >= _FAILURE_WINDOW_S:
            self._failures.popleft()
        if not self._avcc or len(self._failures) >= self._restarts:
            raise error
        self._failures.append(now)
        _LOGGER.warning("FFmpeg is started anew: %s", error)

    def _end(self, run: _Run) -> None:
        """End a run; one that hangs takes its time, which viewers do not have."""
        ending = asyncio.create_task(run.stop(), name="end FFmpeg")
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _recovered(self, paced: PacedFrame) -> bytes:
        """Return a keyframe from a new run, which then goes on."""
        while True:
            run = await self._start_run()
            try:
                await self._code(run, paced)
                data = await self._received(run, paced)
            except (EncoderFailedError, MalformedMediaError) as error:
                self._end(run)
                if len(self._codecs) == 1:
                    raise
                self._give_up(error)
            except BaseException:
                self._end(run)
                raise
            else:
                self._run = run
                return data

    async def _start_run(self) -> _Run:
        run = _Run(self._profile, hardware=self.codec.is_hardware)
        await run.start(arguments(self._binary, self.codec, self._profile))
        return run


def _repeater(avcc: bytes) -> Repeater | None:
    """Return what makes repeats, None when they do not fit into a stream: then FFmpeg codes them too."""
    try:
        return Repeater(avcc)
    except MalformedMediaError as error:
        _LOGGER.debug("Repeats are coded: %s", error)
        return None


class _Run:
    """One process of FFmpeg."""

    def __init__(self, profile: Profile, *, hardware: bool) -> None:
        self._profile = profile
        self._process = ChildProcess("FFmpeg")
        self._pictures: asyncio.Queue[_Coded] = asyncio.Queue()
        self._limit = _FIRST_HARDWARE_PICTURE_TIMEOUT_S if hardware else _FIRST_PICTURE_TIMEOUT_S
        self._begun = asyncio.Event()
        self._repeats = True
        self._reading: asyncio.Task[None] | None = None
        self._keyframe_us = -_KEYFRAME_STEP_US

    async def start(self, command: list[str]) -> None:
        """Start it; raises FFmpegMissingError when it is not there."""
        try:
            await self._process.start(*command)
        except OSError as error:
            raise FFmpegMissingError(binary=command[0]) from error
        profile = self._profile
        self._process.stdin.write(matroska.header(profile.width, profile.height, profile.frame_rate))
        self._reading = asyncio.create_task(self._read(), name="read FFmpeg")
        self._reading.add_done_callback(self._over)

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

    async def can_be_repeated(self) -> bool:
        """Return whether its pictures can be repeated without it, which its first one tells."""
        await self._begun.wait()
        return self._repeats

    async def picture(self) -> _Coded:
        """Return the next coded picture.

        Raises EncoderFailedError when none comes, MalformedMediaError when something else does.
        """
        try:
            async with asyncio.timeout(self._limit):
                coded = await self._pictures.get()
        except TimeoutError as error:
            raise EncoderFailedError(detail=f"no picture within {self._limit:g} s") from error
        except asyncio.QueueShutDown:
            self.check()
            raise
        self._limit = _PICTURE_TIMEOUT_S
        return coded

    def check(self) -> None:
        """Raise what it ended with, EncoderFailedError or MalformedMediaError, if it has ended."""
        assert self._reading is not None
        if self._reading.done():
            self._reading.result()

    async def cpu_time(self) -> float:
        """Return the seconds of processor time it has used; raises OSError where that is not told."""
        return await self._process.cpu_time()

    async def stop(self) -> None:
        """End it."""
        if self._reading:
            # The process reads what is left; this has stopped reading by then.
            self._reading.cancel()
        await self._process.stop()

    async def _read(self) -> Never:
        """Take what it writes, whether somebody waits for it or not, until it ends."""
        reader, avcc = FlvReader(), b""
        while data := await self._process.stdout.read(_READ_SIZE):
            for item in reader.feed(data):
                if isinstance(item, Configuration):
                    avcc = item.data
                    self._repeats = _repeater(avcc) is not None
                    self._begun.set()
                elif not avcc:
                    raise MalformedMediaError(detail="a picture without a configuration")
                else:
                    self._pictures.put_nowait(_Coded(item.data, avcc))
        code = await self._process.wait()
        raise EncoderFailedError(detail=self._process.log or f"exit code {code}")

    def _over(self, reading: asyncio.Task[None]) -> None:
        # Who is told why is for `check`.
        _ = reading.cancelled() or reading.exception()
        self._begun.set()
        self._pictures.shutdown()


async def find_codecs(binary: str) -> list[Codec]:
    """Return those encoders that this FFmpeg was built with, which need not work here.

    Raises FFmpegMissingError, or EncoderFailedError when it does not answer.
    """
    words = (await ask_ffmpeg(binary, "-hide_banner", "-encoders")).split()
    return [codec for codec in CODECS if codec.name in words]
