"""The process the benchmark measures: the engine with one stream, and nobody watching.

Prints the number of pictures encoded so far: first when the stream can be played, then twice a second.
Ends when its standard input does.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
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

from custom_components.dashboard_cast.engine.browser import LocalBrowser  # noqa: E402
from custom_components.dashboard_cast.engine.homes import Homes  # noqa: E402
from custom_components.dashboard_cast.engine.page import AccessToken  # noqa: E402
from custom_components.dashboard_cast.engine.stream import Stream  # noqa: E402
from custom_components.dashboard_cast.models import Profile, Source  # noqa: E402

REPORT_INTERVAL_S = 0.5
TOKEN_LIFE_S = 1_800

type Counter = Callable[[], int]


@asynccontextmanager
async def stream(page: Page) -> AsyncIterator[Counter]:
    """Stream the page with the engine; gives a counter of encoded pictures once the stream can be played."""

    async def credentials() -> AccessToken:
        return AccessToken(page.token, TOKEN_LIFE_S)

    browser = LocalBrowser()
    running = Stream(
        Source(page.path),
        Profile(width=page.width, height=page.height, frame_rate=page.frame_rate),
        browser=browser,
        ffmpeg="ffmpeg",
        homes=Homes(page.home),
        credentials=credentials,
    )
    try:
        await running.start()
        yield lambda: running.pictures
    finally:
        await running.stop()
        await browser.stop()


async def report(count: Counter) -> None:
    """Print the count for ever."""
    while True:
        print(count(), flush=True)
        await asyncio.sleep(REPORT_INTERVAL_S)


async def main(page: Page) -> None:
    """Stream until standard input ends."""
    async with stream(page) as count:
        reporter = asyncio.create_task(report(count))
        await asyncio.to_thread(sys.stdin.read)
        reporter.cancel()


if __name__ == "__main__":
    asyncio.run(main(Page(**json.loads(sys.argv[1]))))
