"""A real Home Assistant with the integration, and what the benchmark does with it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
import os
from pathlib import Path
import signal
from typing import Any

from tests.home.api import Data
from tests.home.home import LOCAL_BROWSER, Home
from tests.home.usage import ProcessTree

from .scenario import BenchError, Json

STILL, CLOCK, MOTION = "/demo-home/overview", "/demo-clock/clock", "/demo-motion/motion"
# What a browser does once after loading a page must be over before it is measured.
SETTLE_S = 12.0
END_TIMEOUT_S = 15.0
POLL_S = 0.1
# A stream without requests ends after a minute.
TOUCH_INTERVAL_S = 10.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where to find a stream."""

    url: str
    """The master playlist of the CMAF segments."""
    ts: str
    mp4: str
    still: str

    @property
    def media(self) -> str:
        """The media playlist of the CMAF segments."""
        return self.url.rpartition("/")[0] + "/hls.m3u8"


class Household:
    """A home in which streams run."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._kept: list[str] = []

    async def start(self, path: str, **fields: Any) -> Addresses:
        """Start a stream that lives as long as somebody watches, and see to it that somebody does."""
        answer: Json = await self.home.call(
            "dashboard_cast", "start", {"path": path, **fields}, return_response=True
        )
        # The address for other devices is one that leads here as well, only by a detour.
        addresses = Addresses(*(self._local(answer[name]) for name in ("url", "ts", "mp4", "still")))
        self._kept.append(addresses.media)
        return addresses

    def watch(self, url: str) -> None:
        """See to it that somebody watches the stream at an address that a media player was given."""
        self._kept.append(self._local(url).rpartition("/")[0] + "/hls.m3u8")

    def _local(self, url: str) -> str:
        return self.home.url + "/api/" + url.partition("/api/")[2]

    def forget(self) -> None:
        """Watch nothing any more."""
        self._kept.clear()

    async def stop(self) -> None:
        """End all streams and the browser, which lingers otherwise."""
        self.forget()
        await self.home.call("dashboard_cast", "stop")
        await until(lambda: not self.programs("ffmpeg"), "FFmpeg still runs")

    async def touch(self) -> None:
        """Ask for something of each stream now and then, for ever."""
        while True:
            for url in [*self._kept]:
                async with self.home.session.get(url) as response:
                    await response.read()
            await asyncio.sleep(TOUCH_INTERVAL_S)

    async def pulse(self) -> Json:
        """Return how late Home Assistant's event loop was since the last call (`pulse.Pulse.read`)."""
        answer: Json = await self.home.call("pulse", "read", return_response=True)
        return answer

    async def swap(self) -> None:
        """Give every stream a new page, and return when it shows."""
        await self.home.call("stage", "swap")

    def tree(self) -> ProcessTree:
        """Return Home Assistant with all its child processes."""
        return ProcessTree(self.home.pid, mark=self.home.mark)

    def programs(self, *words: str) -> list[int]:
        """Return the processes of this home in whose command line all these words occur."""
        # A renderer's title takes the place of its environment, so the mark alone does not find it.
        pids = [process.pid for process in self.tree().processes()]
        return [pid for pid in pids if all(word in command_line(pid) for word in words)]

    def kill(self, *words: str) -> int:
        """Kill the processes in whose command line all these words occur; return how many there were.

        Raises BenchError when there are none.
        """
        found = self.programs(*words)
        if not found:
            raise BenchError(f"no process to kill: {' '.join(words)}")
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        return len(found)


@asynccontextmanager
async def household(*browser: Data) -> AsyncIterator[Household]:
    """Give a home with the integration set up, and somebody who keeps streams alive.

    browser: what is answered when the integration asks for the browser; without it, a local one.
    """
    async with Home(configuration="pulse:\nstage:\n") as home:
        await home.flow("dashboard_cast", *(browser or LOCAL_BROWSER))
        house = Household(home)
        toucher = asyncio.create_task(house.touch())
        try:
            yield house
        finally:
            toucher.cancel()
            await asyncio.gather(toucher, return_exceptions=True)


def command_line(pid: int) -> str:
    """Return what a process was started with, empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


async def until(condition: Callable[[], bool], problem: str, within: float = END_TIMEOUT_S) -> None:
    """Wait for a condition; raises BenchError with the problem after so many seconds."""
    for _ in range(int(within / POLL_S)):
        if condition():
            return
        await asyncio.sleep(POLL_S)
    raise BenchError(f"{problem} after {within:g} s")
