"""Tests of the trial: it says whether a page can be drawn and encoded here."""

from pathlib import Path

import pytest

from custom_components.dashboard_cast.engine.browser import LocalBrowser
from custom_components.dashboard_cast.engine.trial import _picture, try_engine
from custom_components.dashboard_cast.errors import (
    BrowserFailedError,
    BrowserMissingError,
    EncoderFailedError,
    FFmpegMissingError,
)

from .helpers import processes, size


async def test_all_is_well() -> None:
    """Where browser and FFmpeg work, nothing is said, and nothing stays."""
    await try_engine(None, "ffmpeg")
    assert not processes("ffmpeg")
    assert not processes("chrom")


async def test_picture(browser: LocalBrowser) -> None:
    """What is encoded is a picture of a page at full size."""
    assert size(await _picture(browser)) == (1280, 720)


async def test_browser_missing() -> None:
    """A browser that is not there is told."""
    with pytest.raises(BrowserMissingError):
        await try_engine("/no/such/browser", "ffmpeg")


async def test_browser_fails(tmp_path: Path) -> None:
    """A browser that does not start is told."""
    path = tmp_path / "chromium"
    path.write_text("#!/bin/sh\nexit 1\n")
    path.chmod(0o755)
    with pytest.raises(BrowserFailedError):
        await try_engine(str(path), "ffmpeg")


@pytest.mark.parametrize(
    ("ffmpeg", "error"), [("/no/such/ffmpeg", FFmpegMissingError), ("/bin/false", EncoderFailedError)]
)
async def test_ffmpeg(ffmpeg: str, error: type[Exception]) -> None:
    """An FFmpeg that is not there, or is none, is told; the browser has ended by then."""
    with pytest.raises(error):
        await try_engine(None, ffmpeg)
    assert not processes()
