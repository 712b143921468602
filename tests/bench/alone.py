"""A stream of the engine alone, without Home Assistant around it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from custom_components.dashboard_cast.engine.browser import LocalBrowser
from custom_components.dashboard_cast.engine.homes import Homes
from custom_components.dashboard_cast.engine.page import AccessToken
from custom_components.dashboard_cast.engine.stream import Stream
from custom_components.dashboard_cast.models import Profile, Source

from .pipeline import Page

TOKEN_LIFE_S = 1_800


@asynccontextmanager
async def stream(page: Page) -> AsyncIterator[Stream]:
    """Give a stream of the page that can be played."""

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
        yield running
    finally:
        await running.stop()
        await browser.stop()
