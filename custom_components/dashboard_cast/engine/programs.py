"""FFmpeg and browsers as programs: whether they are there, and which version they have."""

import asyncio
import re
from typing import Final

from ..errors import EncoderFailedError, FFmpegMissingError, FFmpegOutdatedError
from .process import ChildProcess

_ANSWER_TIMEOUT_S: Final = 20.0
# The first FFmpeg with the option -fps_mode.
_OLDEST: Final = (5, 1)
# Builds of a release begin with its number, those of a distribution or of git perhaps with a letter.
_RELEASE: Final = re.compile(r"ffmpeg version n?(\d+)\.(\d+)")


async def ask(name: str, *command: str) -> str:
    """Return what a program writes to standard output, and end it.

    Raises OSError when it does not start, TimeoutError when it does not come to an end within 20 s.
    """
    process = ChildProcess(name)
    await process.start(*command)
    process.stdin.close()
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            return (await process.stdout.read()).decode(errors="replace")
    finally:
        await process.stop()


async def ask_ffmpeg(binary: str, *arguments: str) -> str:
    """Return what FFmpeg answers; raises FFmpegMissingError, or EncoderFailedError when it does not."""
    try:
        return await ask("FFmpeg", binary, *arguments)
    except TimeoutError as error:
        raise EncoderFailedError(detail=f"{binary} does not answer") from error
    except OSError as error:
        raise FFmpegMissingError(binary=binary) from error


async def check_ffmpeg(binary: str) -> str:
    """Return the version of FFmpeg as it says it.

    Raises FFmpegOutdatedError when it is too old for us, or what `ask_ffmpeg` does.
    """
    said = await ask_ffmpeg(binary, "-version")
    # What has no such number was built from git, and nobody does that with an old one.
    if (release := _RELEASE.match(said)) and (int(release[1]), int(release[2])) < _OLDEST:
        needed = ".".join(map(str, _OLDEST))
        raise FFmpegOutdatedError(binary=binary, version=f"{release[1]}.{release[2]}", needed=needed)
    return _first_line(said)


async def browser_version(executable: str) -> str:
    """Return the version of a Chromium as it says it; empty when it does not."""
    try:
        return _first_line(await ask("browser", executable, "--version"))
    except OSError:
        return ""


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
