"""The load generator: a process with viewers that fetch streams as real players do, and draw nothing.

Started with a JSON object of `Plan` as its argument, it prints one of `Verdict` when it is done.
"""

import asyncio
from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import StrEnum
import json
import sys
import time
from typing import Self

import aiohttp

from .scenario import BenchError, percentile
from .viewer import Listing, Piece, Playback, after, lead_in, listing, pictures

# An ordinary player starts three target durations before the end (RFC 8216 section 6.3.3).
SEGMENTS_BEHIND = 3
RETRY_S = 0.25
# What no viewer waits longer for, in seconds.
REQUEST_TIMEOUT_S = 10.0
RAMP_PER_VIEWER_S = 0.02


class Mode(StrEnum):
    """How viewers follow a stream."""

    LOW_LATENCY = "low latency"
    """Blocking reloads, and every part."""
    ORDINARY = "ordinary"
    """A reload and a segment every target duration."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Who watches what, and for how long."""

    playlists: list[str]
    """Addresses of media playlists."""
    viewers: int
    """Of each."""
    mode: Mode
    seconds: float
    """Measured for so long once all watch."""

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the plan that was written as JSON."""
        plan = json.loads(text)
        return cls(**plan | {"mode": Mode(plan["mode"])})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the viewers of all streams saw; times in seconds."""

    viewers: int
    stalls: int
    viewers_stalled: int
    stalled: float
    gaps: int
    """How often a viewer was so late that pieces were not listed any more."""
    errors: dict[str, int]
    """Requests without success, by what happened."""
    requests: int
    megabytes: float
    margin_min: float | None
    """The least time left for a piece before its time to be shown."""
    margin_p1: float | None
    margin_p50: float | None
    age_p50: float | None
    """How long after its end a piece was there."""
    age_p95: float | None
    age_max: float | None
    pictures_per_second: list[float]
    """For each stream, as its first viewer got them."""
    generator_cpu_percent: float
    """Of this process: near 100 it is the load generator that is late."""


@dataclass(slots=True)
class Viewer:
    """One viewer; `watch` goes on until cancelled."""

    session: aiohttp.ClientSession
    playlist: str
    mode: Mode
    playback: Playback | None = None
    gaps: int = 0
    requests: int = 0
    received: int = 0
    pictures: int = 0
    ages: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def forget(self) -> None:
        """Measure anew from now on."""
        self.gaps = self.requests = self.received = self.pictures = 0
        self.ages.clear()
        self.errors.clear()
        if self.playback:
            self.playback.forget()

    async def watch(self) -> None:
        """Fetch all there is for ever."""
        last: Piece | None = None
        query, before = "", ""
        while True:
            asked = time.monotonic()
            text = (await self._fetch(self.playlist + query)).decode()
            read = listing(text)
            for piece in self._wanted(read, last):
                await self._take(piece)
                last = piece
            if self.mode is Mode.LOW_LATENCY:
                query = read.next.query
            else:
                # RFC 8216 section 6.3.4.
                pause = read.target_duration * (0.5 if text == before else 1)
                await asyncio.sleep(asked + pause - time.monotonic())
            before = text

    def _wanted(self, read: Listing, last: Piece | None) -> list[Piece]:
        """Return what to fetch next, oldest first."""
        low_latency = self.mode is Mode.LOW_LATENCY
        pieces = read.parts if low_latency else read.segments
        if last is None:
            hold_back = read.hold_back if low_latency else SEGMENTS_BEHIND * read.target_duration
            self.playback = Playback(pieces[-1].end - hold_back)
            return list(pieces[lead_in(pieces, self.playback.position) :])
        wanted = after(pieces, last)
        if wanted and wanted[0].begin > last.end + last.duration / 2:
            self.gaps += 1
        return wanted

    async def _take(self, piece: Piece) -> None:
        data = await self._fetch(self.playlist.rpartition("/")[0] + "/" + piece.name)
        now = time.time()
        assert self.playback is not None
        self.playback.arrived(piece, now)
        self.ages.append(now - piece.end)
        self.pictures += pictures(data)

    async def _fetch(self, url: str) -> bytes:
        """Return the answer to a request, which is made until it succeeds."""
        while True:
            self.requests += 1
            try:
                async with self.session.get(url) as response:
                    data = await response.read()
                    if response.ok:
                        self.received += len(data)
                        return data
                    self.errors[str(response.status)] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                self.errors[type(error).__name__] += 1
            await asyncio.sleep(RETRY_S)


class Audience:
    """All viewers of a plan."""

    def __init__(self, session: aiohttp.ClientSession, plan: Plan) -> None:
        self._plan = plan
        self._viewers = [
            Viewer(session, playlist, plan.mode) for _ in range(plan.viewers) for playlist in plan.playlists
        ]

    async def watch(self) -> Verdict:
        """Let them come one after the other, then watch for the plan's time."""
        async with asyncio.TaskGroup() as group:
            tasks = []
            for viewer in self._viewers:
                tasks.append(group.create_task(viewer.watch()))
                await asyncio.sleep(RAMP_PER_VIEWER_S)
            await asyncio.sleep(1)
            for viewer in self._viewers:
                viewer.forget()
            wall, cpu = time.monotonic(), time.process_time()
            await asyncio.sleep(self._plan.seconds)
            seconds, cpu = time.monotonic() - wall, time.process_time() - cpu
            for task in tasks:
                task.cancel()
        return self._verdict(seconds, cpu)

    def _verdict(self, seconds: float, cpu: float) -> Verdict:
        viewers = self._viewers
        playbacks = [viewer.playback for viewer in viewers if viewer.playback]
        margins = [margin for playback in playbacks for margin in playback.margins]
        ages = [age for viewer in viewers for age in viewer.ages]
        firsts = viewers[: len(self._plan.playlists)]
        return Verdict(
            viewers=len(viewers),
            stalls=sum(playback.stalls for playback in playbacks),
            viewers_stalled=sum(playback.stalls > 0 for playback in playbacks),
            stalled=sum(playback.stalled for playback in playbacks),
            gaps=sum(viewer.gaps for viewer in viewers),
            errors=dict(sum((viewer.errors for viewer in viewers), Counter())),
            requests=sum(viewer.requests for viewer in viewers),
            megabytes=sum(viewer.received for viewer in viewers) / 1e6,
            margin_min=min(margins, default=None),
            margin_p1=percentile(margins, 1),
            margin_p50=percentile(margins, 50),
            age_p50=percentile(ages, 50),
            age_p95=percentile(ages, 95),
            age_max=max(ages, default=None),
            pictures_per_second=[viewer.pictures / seconds for viewer in firsts],
            generator_cpu_percent=100 * cpu / seconds,
        )


async def main(plan: Plan) -> None:
    """Watch and print what was seen."""
    timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        verdict = await Audience(session, plan).watch()
    print(json.dumps(asdict(verdict)))


async def watch(plan: Plan) -> Verdict:
    """Let a process of its own watch, and return what it saw; raises BenchError when it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, json.dumps(asdict(plan)), stdout=asyncio.subprocess.PIPE
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise BenchError(f"the load generator ended with {process.returncode}")
    return Verdict(**json.loads(output))


if __name__ == "__main__":
    asyncio.run(main(Plan.read(sys.argv[1])))
