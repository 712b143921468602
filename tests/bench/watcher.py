"""Who watches a stream for the measurement of delay: real players that show it, and ffprobe that reads it."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from tests.tv.library import PlayerKind
from tests.tv.player import Player, PlayerEvent, Report

from .household import Addresses
from .scenario import BenchError

HOST = "127.0.0.1"
# Of the player's page, in pixels. A small one costs less to draw; what is decoded stays the same.
SIZE = (640, 360)
FIRST_PICTURE_TIMEOUT_S = 30.0
POLL_S = 0.2
READER = "ffprobe"
# No picture stays longer than a part, and a block of AAC lasts 1024 of 44 100 or 48 000 samples.
LONGEST_STEP_S = {"video": 0.6, "audio": 0.05}
# How much later than the time it reads ffprobe may come to its end.
READ_GRACE_S = 30.0


class Format(StrEnum):
    """How a stream is watched."""

    LOW_LATENCY = "low-latency HLS"
    CMAF = "CMAF HLS"
    """The same playlist, by players that know nothing of low latency."""
    TS = "MPEG-TS HLS"
    MP4 = "endless MP4"

    def address(self, addresses: Addresses) -> str:
        """Return where it is found."""
        return {Format.TS: addresses.ts, Format.MP4: addresses.mp4}.get(self, addresses.url)

    @property
    def content_type(self) -> str:
        """What players are told that it is."""
        return "video/mp4" if self is Format.MP4 else "application/x-mpegurl"


@dataclass(frozen=True, slots=True)
class Seat:
    """A format and who watches it: a `PlayerKind`, or `ffprobe`."""

    format: Format
    player: str

    def __str__(self) -> str:
        """Return what people call it."""
        return f"{self.format}, {NAMES[self.player]}"


NAMES = {
    PlayerKind.SHAKA_5: "Shaka 5",
    PlayerKind.SHAKA_4: "Shaka 4",
    PlayerKind.HLS_JS: "hls.js",
    PlayerKind.NATIVE: "Chromium",
    READER: READER,
}
SCREENS = (
    *(Seat(Format.LOW_LATENCY, kind) for kind in PlayerKind if kind is not PlayerKind.NATIVE),
    *(Seat(seen_as, kind) for seen_as in (Format.CMAF, Format.TS) for kind in PlayerKind),
    Seat(Format.MP4, PlayerKind.NATIVE),
)
READERS = tuple(Seat(seen_as, READER) for seen_as in (Format.CMAF, Format.TS, Format.MP4))


class Screen:
    """A real player with a screen of its own."""

    def __init__(self, seat: Seat, addresses: Addresses) -> None:
        self.seat = seat
        self.ends: list[str] = []
        """Why it does not play any more: each would need a new LOAD."""
        self._url = seat.format.address(addresses)
        low_latency = seat.format is Format.LOW_LATENCY
        self._player = Player(HOST, SIZE, self._hear, PlayerKind(seat.player), low_latency=low_latency)

    async def start(self) -> None:
        """Load the stream and wait for its first picture; raises PlayerError without a player."""
        await self._player.start()
        await self._player.switch_on(str(self.seat), "")
        await self._load()

    async def _load(self) -> None:
        content_type = self.seat.format.content_type
        failure = await self._player.load(1, self._url, content_type, autoplay=True, start=None)
        if failure:
            self.ends.append(failure.message)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_PICTURE_TIMEOUT_S):
                while not (await self.report()).frames:  # noqa: ASYNC110
                    await asyncio.sleep(POLL_S)
            return
        self.ends.append(f"no picture within {FIRST_PICTURE_TIMEOUT_S:g} s")

    async def stop(self) -> None:
        """Switch off; does nothing when it was not started."""
        await self._player.stop()

    def _hear(self, event: PlayerEvent) -> None:
        if event.state == "IDLE":
            self.ends.append(event.message or event.idle_reason or "idle")

    async def begin(self) -> None:
        """Measure from now on."""
        await self._player.reset_measurements()

    async def report(self) -> Report:
        """Return what was seen since `begin`."""
        return await self._player.report()

    async def look(self) -> str:
        """Return how it does so far, in a few words."""
        report = await self.report()
        p50, p95 = (
            "-" if value is None else f"{value:.0f}" for value in (report.latency_p50, report.latency_p95)
        )
        return f"p50 {p50} ms, p95 {p95} ms, {report.stalls} stalls" + "".join(
            f", ended: {end}" for end in self.ends
        )


@dataclass(slots=True)
class Reading:
    """What ffprobe read, for each kind of medium."""

    times: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in LONGEST_STEP_S})
    """Of each decoded frame, in seconds."""

    def take(self, line: str) -> None:
        """Take in what ffprobe says of a frame: `video,12.345`."""
        kind, time = line.split(",")[:2]
        self.times[kind].append(float(time) if time != "N/A" else float("nan"))

    @property
    def gaps(self) -> int:
        """How often time went back, stood, jumped or was not there, of all kinds."""
        return sum(gaps(times, LONGEST_STEP_S[kind]) for kind, times in self.times.items())

    @property
    def seconds(self) -> float:
        """How much was read of what there is least of."""
        return min(times[-1] - times[0] if times else 0.0 for times in self.times.values())


def gaps(times: Sequence[float], longest: float) -> int:
    """Return how many steps do not go forward by at most so many seconds."""
    steps = pairwise(times)
    return sum(not 0 < after - before <= longest for before, after in steps)


class Reader:
    """ffprobe, which reads and decodes everything, as strict as FFmpeg is."""

    def __init__(self, seat: Seat, addresses: Addresses, seconds: float) -> None:
        """Read for so many seconds of the medium."""
        self.seat = seat
        self.reading = Reading()
        self.log: list[str] = []
        """Its warnings and errors, each after its level."""
        self._seconds = seconds
        self._command = (
            *("ffprobe", "-loglevel", "level+warning", "-show_entries", "frame=media_type,pts_time"),
            *("-of", "csv=p=0", "-read_intervals", f"%+{seconds:g}", seat.format.address(addresses)),
        )
        self._process: asyncio.subprocess.Process | None = None
        self._pipes: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start it; raises BenchError when there is no ffprobe."""
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(*self._command, stdout=pipe, stderr=pipe)
        except OSError as error:
            raise BenchError(f"ffprobe does not start: {error}") from error
        assert process.stdout
        assert process.stderr
        self._process = process
        self._pipes = [
            asyncio.create_task(self._read(process.stdout)),
            asyncio.create_task(self._complain(process.stderr)),
        ]

    async def _read(self, output: asyncio.StreamReader) -> None:
        async for line in output:
            if text := line.decode().strip():
                self.reading.take(text)

    async def _complain(self, output: asyncio.StreamReader) -> None:
        async for line in output:
            if text := line.decode(errors="replace").strip():
                self.log.append(text)

    async def stop(self) -> None:
        """End it; does nothing when it was not started."""
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await asyncio.gather(*self._pipes)

    async def begin(self) -> None:
        """Do nothing: what it reads counts from its first frame on."""

    @property
    def errors(self) -> int:
        """How many errors it complained about."""
        return sum("[error]" in line or "[fatal]" in line for line in self.log)

    async def finish(self) -> None:
        """Wait until it has read all it was to read."""
        assert self._process
        try:
            async with asyncio.timeout(READ_GRACE_S):
                await self._process.wait()
                await asyncio.gather(*self._pipes)
        except TimeoutError:
            self.log.append(f"[error] had not read {self._seconds:g} s {READ_GRACE_S:g} s after its time")

    async def look(self) -> str:
        """Return how it does so far, in a few words."""
        reading = self.reading
        return f"{reading.seconds:.0f} s read, {reading.gaps} gaps, {self.errors} errors"


type Watcher = Screen | Reader


def watcher(seat: Seat, addresses: Addresses, seconds: float) -> Watcher:
    """Return who watches on this seat, for so many seconds at most."""
    return Reader(seat, addresses, seconds) if seat.player == READER else Screen(seat, addresses)
