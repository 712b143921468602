"""Whether the engine can work here: a page is drawn and encoded for real."""

import asyncio
import base64
from typing import Final

from ..models import Profile
from .browser import LocalBrowser
from .cdp import Tab
from .compositor import Compositor
from .encoder import try_encoding

_PROFILE: Final = Profile()
_DRAW: Final = "document.body.textContent = 'Dashboard Cast'"


async def try_engine(browser: str | None, ffmpeg: str) -> None:
    """Draw one page and encode its picture.

    browser: executable of the browser, None to find one. ffmpeg: executable of FFmpeg.
    Raises BrowserMissingError, BrowserFailedError, FFmpegMissingError or EncoderFailedError.
    """
    local = LocalBrowser(browser)
    try:
        picture = await _picture(local)
    finally:
        await local.stop()
    await try_encoding(ffmpeg, picture, _PROFILE)


async def _picture(browser: LocalBrowser) -> bytes:
    """Return a JPEG of a small page."""
    tab = await browser.open_tab()
    send = tab.session.send
    await send(
        "Emulation.setDeviceMetricsOverride",
        width=_PROFILE.width,
        height=_PROFILE.height,
        deviceScaleFactor=1,
        mobile=False,
    )
    await send("Runtime.evaluate", expression=_DRAW)
    drawing = asyncio.create_task(_draw(tab), name="trial")
    try:
        answer = await send("Page.captureScreenshot", format="jpeg")
    finally:
        drawing.cancel()
    return base64.b64decode(answer["data"])


async def _draw(tab: Tab) -> None:
    """Let the page draw, where it does not by itself."""
    if tab.frame_control:
        await Compositor(tab, _PROFILE.frame_rate).run()
