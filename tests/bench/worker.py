"""The process the benchmark measures: the engine with one stream, and nobody watching.

Prints the number of pictures encoded so far: first when the stream can be played, then twice a second.
Ends when its standard input does.
"""

import asyncio
import json
from pathlib import Path
import sys
from types import ModuleType

from .pipeline import Page

# The engine needs nothing of Home Assistant, but the package it lies in imports it when it is initialized.
# Without that, what is measured is the engine.
_PACKAGE = "custom_components.dashboard_cast"
sys.modules[_PACKAGE] = ModuleType(_PACKAGE)
sys.modules[_PACKAGE].__path__ = [str(Path(__file__).parents[2] / _PACKAGE.replace(".", "/"))]

from custom_components.dashboard_cast.engine.stream import Stream  # noqa: E402

from .alone import stream  # noqa: E402

REPORT_INTERVAL_S = 0.5


async def report(running: Stream) -> None:
    """Print the count for ever."""
    while True:
        print(running.pictures, flush=True)
        await asyncio.sleep(REPORT_INTERVAL_S)


async def main(page: Page) -> None:
    """Stream until standard input ends."""
    async with stream(page) as running:
        reporter = asyncio.create_task(report(running))
        await asyncio.to_thread(sys.stdin.read)
        reporter.cancel()


if __name__ == "__main__":
    asyncio.run(main(Page(**json.loads(sys.argv[1]))))
