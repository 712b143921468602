"""The demo: a dashboard of a real Home Assistant on a TV, by the action that an automation would call."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
import logging
from pathlib import Path
import signal
import socket
import sys
import time
from typing import Any

from .home.api import CommandError, FlowError, RequestError
from .home.home import LOCAL_BROWSER, Home, HomeError
from .home.usage import ProcessTree, measure
from .tv import Television, TelevisionError

DASHBOARD = "/demo-clock/clock"
USUAL_PORT = 8123
FIND_TIMEOUT_S = 60.0
POLL_S = 0.2
PLAY_TIMEOUT_S = 30.0
# A player settles, and so does Home Assistant after its start.
SETTLE_S = 5.0
MEASURE_S = 15.0
FORMATS = ("auto", "hls", "hls_ts", "mp4")

type Say = Callable[[str], None]


class DemoError(Exception):
    """The demo did not get to its end; the message says why."""


@dataclass
class Options:
    """What the command line asks for."""

    once: bool
    out: Path
    tv: str | None
    stream_format: str


@dataclass
class Result:
    """What was measured."""

    first_picture_s: float | None
    latency_ms: dict[str, float | None]
    cpu_percent: float
    memory_mb: float
    stalls: int | None
    resolution: str | None
    stream_url: str


async def run(options: Options, say: Say) -> None:
    """Run the demo; raises DemoError and whatever the parts raise."""
    async with television(options.tv, say) as tv, home_assistant(say) as home:
        address = tv.host if tv else str(options.tv)
        entity_id = await set_up(home, address, say)
        idle = await measure(ProcessTree(home.pid), SETTLE_S)
        say(f"calling dashboard_cast.start: {DASHBOARD} on {entity_id}")
        begun = time.time()
        url = await start(home, entity_id, options.stream_format)
        first_picture = await first_picture_after(tv, begun) if tv else None
        say(f"the TV plays after {time.time() - begun:.1f} s; measuring for {MEASURE_S:.0f} s")
        result = await figures(home, tv, idle.cpu_percent, idle.pss_mb)
        result.first_picture_s, result.stream_url = first_picture, url
        options.out.mkdir(parents=True, exist_ok=True)
        if tv:
            await tv.screenshot(options.out / "tv.png")
        (options.out / "result.json").write_text(json.dumps(vars(result), indent=2) + "\n")
        show(result, home, options.out, has_picture=tv is not None)
        if not options.once:
            say("running until Ctrl-C")
            await asyncio.Event().wait()


@asynccontextmanager
async def television(address: str | None, say: Say) -> AsyncIterator[Television | None]:
    """Give the demo's own TV, or None when there is a real one at an address."""
    if address is not None:
        yield None
        return
    say("starting a TV")
    async with Television() as tv:
        yield tv


@asynccontextmanager
async def home_assistant(say: Say) -> AsyncIterator[Home]:
    """Give a Home Assistant that runs, at its usual port where that is free."""
    say("starting Home Assistant")
    async with Home(port=USUAL_PORT if is_free(USUAL_PORT) else 0) as home:
        yield home


def is_free(port: int) -> bool:
    """Return whether nothing listens on a TCP port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


async def set_up(home: Home, tv_address: str, say: Say) -> str:
    """Set up both integrations through their config flows; return the TV's entity id."""
    say("setting up Dashboard Cast: trying browser and FFmpeg")
    await home.flow("dashboard_cast", *LOCAL_BROWSER)
    say(f"setting up Google Cast: looking for the TV at {tv_address}")
    await home.add_cast([tv_address])
    for _ in range(int(FIND_TIMEOUT_S / POLL_S)):
        if entity_id := await cast_entity(home):
            return entity_id
        await asyncio.sleep(POLL_S)
    raise DemoError(f"Home Assistant found no Cast device at {tv_address}")


async def cast_entity(home: Home) -> str | None:
    """Return the entity of the Cast device once it is there and available."""
    registry = await home.websocket(type="config/entity_registry/list")
    for entry in registry:
        if entry["platform"] == "cast":
            state = await home.state(entry["entity_id"])
            if state and state["state"] != "unavailable":
                return str(entry["entity_id"])
    return None


async def start(home: Home, entity_id: str, stream_format: str) -> str:
    """Call the action and return the stream's address."""
    answer = await home.call(
        "dashboard_cast",
        "start",
        {"path": DASHBOARD, "format": stream_format},
        target={"entity_id": entity_id},
        return_response=True,
    )
    return str(answer["url"])


async def first_picture_after(tv: Television, begun: float) -> float:
    """Return how many seconds after `begun` the TV showed the first picture."""
    await tv.wait_playing(PLAY_TIMEOUT_S)
    report = await tv.report()
    assert report.first_picture is not None
    return round(report.first_picture - begun, 2)


async def figures(home: Home, tv: Television | None, idle_cpu: float, idle_mb: float) -> Result:
    """Measure delay and cost. What Home Assistant needed before the stream ran is not the stream's."""
    await asyncio.sleep(SETTLE_S)
    if tv:
        await tv.reset_measurements()
    usage = await measure(ProcessTree(home.pid), MEASURE_S)
    report = await tv.report() if tv else None
    width, height = (report.resolution if report else None) or (0, 0)
    return Result(
        first_picture_s=None,
        latency_ms={
            "p50": rounded(report.latency_p50 if report else None),
            "p95": rounded(report.latency_p95 if report else None),
        },
        cpu_percent=round(usage.cpu_percent - idle_cpu, 1),
        memory_mb=round(usage.pss_mb - idle_mb, 1),
        stalls=report.stalls if report else None,
        resolution=f"{width}x{height}" if report else None,
        stream_url="",
    )


def rounded(milliseconds: float | None) -> float | None:
    """Return a delay without digits that mean nothing."""
    return None if milliseconds is None else round(milliseconds, 1)


def show(result: Result, home: Home, out: Path, *, has_picture: bool) -> None:
    """Print what was measured, and where to look."""
    latency = result.latency_ms
    rows = [
        ("action to first picture", f"{result.first_picture_s} s" if has_picture else "look at the TV"),
        ("glass-to-glass delay", f"p50 {latency['p50']} ms, p95 {latency['p95']} ms"),
        ("stalls", str(result.stalls)),
        ("picture", str(result.resolution)),
        ("CPU of the stream", f"{result.cpu_percent} % of one core"),
        ("memory of the stream", f"{result.memory_mb} MB (PSS)"),
        ("stream", result.stream_url),
        ("Home Assistant", f"{home.url}  user {home.owner.username}, password {home.owner.password}"),
        ("files", f"{out / 'tv.png'}, {out / 'result.json'}" if has_picture else str(out / "result.json")),
    ]
    print()
    for name, value in rows:
        print(f"  {name:<24} {value}")
    print(flush=True)


def parse(arguments: list[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end when the figures are there")
    parser.add_argument("--out", type=Path, default=Path("out/demo"), help="where to leave the files")
    parser.add_argument("--tv", metavar="ADDRESS", help="cast to the real Cast device at this IP address")
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0], help="how the video is delivered")
    options = parser.parse_args(arguments)
    return Options(options.once, options.out, options.tv, options.format)


async def main(arguments: list[str]) -> int:
    """Run until the end, a failure or a signal; return the exit code."""
    options = parse(arguments)
    begun = time.monotonic()

    def say(what: str) -> None:
        print(f"[demo {time.monotonic() - begun:5.1f}s] {what}", flush=True)

    work: Coroutine[Any, Any, None] = run(options, say)
    task = asyncio.create_task(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        say("stopped")
    except (
        DemoError,
        HomeError,
        TelevisionError,
        CommandError,
        FlowError,
        RequestError,
        TimeoutError,
    ) as error:
        print(f"[demo] failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    sys.exit(asyncio.run(main(sys.argv[1:])))
