"""Whether the engine can work here: a page is drawn and encoded for real."""

import base64
from typing import Final

from ..models import Profile
from .browser import LocalBrowser
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
    answer = await send("Page.captureScreenshot", format="jpeg")
    return base64.b64decode(answer["data"])
