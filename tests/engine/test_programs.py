"""Tests of the programs: whether they are there, and whether they are new enough."""

from pathlib import Path
import time

import pytest

from custom_components.dashboard_cast.engine import process, programs
from custom_components.dashboard_cast.engine.chromium import find_executable
from custom_components.dashboard_cast.engine.programs import browser_version, check_ffmpeg
from custom_components.dashboard_cast.errors import (
    EncoderFailedError,
    FFmpegMissingError,
    FFmpegOutdatedError,
)

from .helpers import executable, processes


def says(folder: Path, version: str) -> str:
    """Return a program that says of itself which version it has."""
    return str(executable(folder, "program", f'echo "{version}"; echo "built with gcc"'))


async def test_ffmpeg() -> None:
    """The FFmpeg of this machine is new enough, and tells it at once."""
    begun = time.monotonic()
    assert (await check_ffmpeg("ffmpeg")).startswith("ffmpeg version ")
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    "version",
    [
        "ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers",
        "ffmpeg version n7.1 Copyright",
        "ffmpeg version 10.0",
        "ffmpeg version N-118896-g9f0970ee35 Copyright",
        "somebody's own build",
    ],
)
async def test_new_enough(tmp_path: Path, version: str) -> None:
    """From 5.1 on FFmpeg will do, and so will a build from git or one that says nothing of its version."""
    assert await check_ffmpeg(says(tmp_path, version)) == version


@pytest.mark.parametrize(
    ("said", "version"), [("4.4.2-0ubuntu0.22.04.1", "4.4"), ("n5.0.3", "5.0"), ("3.10", "3.10")]
)
async def test_too_old(tmp_path: Path, said: str, version: str) -> None:
    """What is too old is told with what it is and what it should be."""
    binary = says(tmp_path, f"ffmpeg version {said} Copyright")
    with pytest.raises(FFmpegOutdatedError) as caught:
        await check_ffmpeg(binary)
    assert caught.value.placeholders == {"binary": binary, "version": version, "needed": "5.1"}


async def test_missing() -> None:
    """What is not there is told with where it should be."""
    with pytest.raises(FFmpegMissingError, match="/no/such/ffmpeg"):
        await check_ffmpeg("/no/such/ffmpeg")


async def test_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that neither answers nor ends is given up, and ended."""
    monkeypatch.setattr(programs, "_ANSWER_TIMEOUT_S", 0.2)
    monkeypatch.setattr(process, "_GRACE_S", 0.2)
    binary = str(executable(tmp_path, "program", "exec sleep 1000"))
    with pytest.raises(EncoderFailedError) as failed:
        await check_ffmpeg(binary)
    assert failed.value.placeholders == {"detail": f"{binary} does not answer"}
    assert not processes("sleep")


async def test_browser() -> None:
    """A browser tells its version; one that is not there tells none."""
    found = find_executable()
    assert found
    assert "Chrom" in await browser_version(found)
    assert await browser_version("/no/such/browser") == ""
