"""Run a television until Ctrl-C: `python -m tests.tv [--host HOST] [--player PLAYER]`, see `--help`."""

import argparse
import asyncio
from contextlib import suppress
import logging
import sys

from .library import PlayerKind
from .player import Report
from .television import HOST, Television, TelevisionError

_LOGGER = logging.getLogger(__name__)
STATUS_EVERY = 5.0  # s


def parse_arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(prog="python -m tests.tv", description="A Cast device that really plays")
    parser.add_argument("--host", default=HOST, help="loopback address (default: %(default)s)")
    parser.add_argument("--name", default="Living Room TV", help="friendly name (default: %(default)s)")
    parser.add_argument("--model", default="Chromecast", help="model name (default: %(default)s)")
    parser.add_argument("--player", default=PlayerKind.SHAKA_5, choices=list(PlayerKind), type=PlayerKind)
    return parser.parse_args()


def describe(tv: Television, report: Report) -> str:
    """Return one line about what the television shows."""
    line = f"{tv.state:9} app {tv.app_id or '-'}"
    if report.frames:
        width, height = report.resolution
        line += f"  {width}x{height}  {report.frames} pictures  {report.stalls} stalls"
    if report.latency is not None:
        line += (
            f"  delay {report.latency:.0f} ms (p50 {report.latency_p50:.0f}, p95 {report.latency_p95:.0f})"
        )
    return line


async def watch(tv: Television) -> None:
    """Log a line whenever the state changes, and every few seconds while something plays."""
    while True:
        _LOGGER.info("%s", describe(tv, await tv.report()))
        await wait_for_news(tv)


async def wait_for_news(tv: Television) -> None:
    """Wait until the television shows something else, or it is time for the next line."""
    seen = tv.state, tv.app_id
    with suppress(TimeoutError):
        await tv.wait_until(lambda: (tv.state, tv.app_id) != seen, STATUS_EVERY)


async def run(options: argparse.Namespace) -> None:
    """Run the television until cancelled. Raises TelevisionError when it cannot be switched on."""
    async with Television(options.host, options.name, options.model, player=options.player) as tv:
        _LOGGER.info("%s (%s) is on at %s, uuid %s", tv.name, tv.model, tv.host, tv.uuid)
        await watch(tv)


def main() -> None:
    """Run, and leave quietly on Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        asyncio.run(run(parse_arguments()))
    except TelevisionError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        _LOGGER.info("Switched off")


if __name__ == "__main__":
    main()
