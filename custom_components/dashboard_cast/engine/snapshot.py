"""A picture of a source without a stream."""

import asyncio
from functools import partial
from typing import Final

from ..errors import BrowserFailedError, DashboardCastError
from ..models import Frame, Profile, Source
from .cdp import Browser, Tab
from .homes import Homes, within_reach
from .page import Credentials, Page

# From when the page is drawn until it is seen, in seconds.
_FRAME_TIMEOUT_S: Final = 10.0


async def snapshot(
    browser: Browser, source: Source, width: int, height: int, *, homes: Homes, credentials: Credentials
) -> bytes:
    """Return a PNG of a source, so many pixels large; homes and credentials: as `Page` wants them.

    It is drawn in a tab of its own, which is closed whatever happens. Raises what `Page.open` does, or
    BrowserMissingError.
    """
    profile = Profile(width, height)
    return await within_reach(browser, partial(_drawn, source, profile, homes=homes, credentials=credentials))


async def _drawn(
    source: Source, profile: Profile, tab: Tab, *, homes: Homes, credentials: Credentials
) -> bytes:
    """Return a PNG of a source that is drawn in this tab."""
    picture: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def take(frame: Frame) -> None:
        if not picture.done():
            picture.set_result(frame.jpeg)

    def fail(lost: asyncio.Future[DashboardCastError]) -> None:
        if not picture.done() and not lost.cancelled():
            picture.set_exception(lost.result())

    page = Page(tab, source, profile, homes=homes, credentials=credentials, on_frame=take, lossless=True)
    try:
        await page.open()
        page.lost.add_done_callback(fail)
        async with asyncio.timeout(_FRAME_TIMEOUT_S):
            return await picture
    except TimeoutError as error:
        raise BrowserFailedError(detail="the page is not drawn") from error
    finally:
        await page.close()
