"""Whether the engine can work here, and with which encoders: pages are drawn and encoded for real."""

import asyncio
import base64
from collections.abc import Iterable
from contextlib import suppress
import logging
import time
from typing import Final

from ..errors import DashboardCastError, EncoderFailedError
from ..models import MICROSECONDS, Frame, Profile, Sample
from . import h264
from .cdp import Browser, Tab
from .codecs import SOFTWARE, Codec
from .compositor import Compositor
from .encoder import Encoder, find_codecs
from .homes import MANIFEST, Homes
from .pacer import SEGMENT_US, PacedFrame
from .process import ChildProcess
from .programs import check_ffmpeg

_LOGGER = logging.getLogger(__name__)

_PROFILE: Final = Profile()
# Looks of a page: text, and colours that no wrong conversion leaves as they are.
_LOOKS: Final = 6
_DRAW: Final = """
document.body.innerHTML = "<p>Dashboard Cast {look}</p>".repeat(9)
  + "<div style='position: fixed; inset: {look}0% 20% 10% 40%; background: hsl({hue}, 100%, 50%)'></div>";
document.body.style.background = "hsl(" + ({hue} + 180) + ", 60%, 25%)";
"""
# Three seconds, with a keyframe in each. Each picture comes twice: a repeat has to look like it.
_PICTURES: Final = 3 * _PROFILE.frame_rate
_TIMEOUT_S: Final = 20.0
# A chip that does not work should not be waited for.
_HARDWARE_TIMEOUT_S: Final = 6.0
# Hardware has its own whims; it has to spare at least a fifth of the processor time.
_WORTH_IT: Final = 0.8
# Pictures are compared in squares of so many pixels.
_SQUARE: Final = 40
# How much the colours of a picture may differ on average, of 255: libx264's do by up to 1.3, those of one of
# the pictures by 8 and more with a wrong matrix or range.
_TOLERANCE: Final = 4.0


async def try_engine(browsers: Iterable[Browser], ffmpeg: str, homes: Homes | None = None) -> list[str]:
    """Draw a page with each browser and encode the pictures of one with every encoder there is.

    browsers: one that works is enough; what is wrong with others is logged. They are stopped afterwards.
    ffmpeg: executable of FFmpeg. homes: where the browsers have to reach Home Assistant, if they have to.
    Returns the names of the encoders that work, in the order in which to use them: those that clearly spare
    processor time, software, and the others.
    Raises BrowserMissingError, BrowserFailedError or a kind of it, HomeUnreachableError, FFmpegMissingError,
    FFmpegOutdatedError, EncoderFailedError or MalformedMediaError.
    """
    pictures: list[bytes] = []
    failures: dict[Browser, DashboardCastError] = {}
    for browser in browsers:
        try:
            pictures = await _pictures(browser, homes)
        except DashboardCastError as error:
            failures[browser] = error
        finally:
            await browser.stop()
    if not pictures:
        raise next(iter(failures.values()))
    for browser, failure in failures.items():
        _LOGGER.warning("Only others draw as long as this lasts: %s: %s", browser, failure)
    return await try_encoders(ffmpeg, pictures)


async def try_encoders(binary: str, pictures: list[bytes]) -> list[str]:
    """Encode JPEGs with every encoder there is; returns and raises what `try_engine` does of encoders."""
    await check_ffmpeg(binary)
    costs: dict[Codec, float] = {}
    failure: DashboardCastError | None = None
    for codec in dict.fromkeys((*await find_codecs(binary), SOFTWARE)):
        try:
            costs[codec] = await _cost(binary, codec, pictures)
        except DashboardCastError as error:
            _LOGGER.debug("%s does not work here: %s", codec.name, error)
            failure = error
        else:
            _LOGGER.debug("%s takes %.1f ms for a picture", codec.name, 1_000 * costs[codec])
    if not costs:
        # Software was the last.
        assert failure is not None
        raise failure
    return [codec.name for codec in _ranked(costs)]


def _ranked(costs: dict[Codec, float]) -> list[Codec]:
    """Return encoders by what they cost, hardware that does not clearly spare anything last."""
    limit = _WORTH_IT * costs.get(SOFTWARE, float("inf"))
    return sorted(costs, key=lambda codec: (codec.is_hardware and costs[codec] >= limit, costs[codec]))


async def _cost(binary: str, codec: Codec, pictures: list[bytes]) -> float:
    """Return the seconds of processor time that a picture takes; raises a DashboardCastError."""
    limit = _HARDWARE_TIMEOUT_S if codec.is_hardware else _TIMEOUT_S
    encoder = Encoder(binary, _PROFILE, (codec,), restarts=0)
    try:
        async with asyncio.timeout(limit):
            await encoder.start()
            coded, cost = await _encode(encoder, pictures)
    except TimeoutError as error:
        raise EncoderFailedError(detail=f"no {_PICTURES} pictures within {limit:g} s") from error
    finally:
        await encoder.stop()
    await _check(binary, pictures, coded)
    return cost


async def _encode(encoder: Encoder, pictures: list[bytes]) -> tuple[list[tuple[bytes, Sample]], float]:
    """Return what comes out for pictures, each waited for, and the seconds of processor time one takes."""
    frames = [Frame(picture, time.monotonic()) for picture in pictures]
    samples, coded = encoder.samples(), []
    begun, used = 0.0, 0.0
    for number in range(_PICTURES):
        paced = PacedFrame(
            frames[number // 2 % len(frames)],
            number * MICROSECONDS // _PROFILE.frame_rate,
            keyframe=not number % (_PROFILE.frame_rate * SEGMENT_US // MICROSECONDS),
        )
        await encoder.write(paced)
        coded.append(await anext(samples))
        # The start does not count. Where the system does not tell, nothing is cheaper than software.
        with suppress(OSError):
            used = await encoder.cpu_time()
        begun = begun or used
    return coded, (used - begun) / (_PICTURES - 1)


async def _check(binary: str, pictures: list[bytes], coded: list[tuple[bytes, Sample]]) -> None:
    """Decode what was coded; raises EncoderFailedError when it is not what was to be seen."""
    stream = h264.byte_stream(coded[0][0], (sample.data for _, sample in coded))
    seen = await _looks(binary, "h264", stream)
    known = await _looks(binary, "mjpeg", b"".join(pictures))
    due = [known[number // 2 % len(known)] for number in range(_PICTURES)]
    if [len(look) for look in seen] != [len(look) for look in due]:
        raise EncoderFailedError(detail=f"{len(seen)} pictures of another size or number")
    worst = max(_difference(*pair) for pair in zip(seen, due, strict=True))
    if worst > _TOLERANCE:
        raise EncoderFailedError(detail=f"colours differ by {worst:.0f} of 255")


def _difference(one: bytes, other: bytes) -> float:
    """Return how much bytes differ on average."""
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


async def _looks(binary: str, kind: str, data: bytes) -> list[bytes]:
    """Return pictures much smaller, three bytes for each pixel; kind: FFmpeg's name of the format."""
    size = 3 * (_PROFILE.width // _SQUARE) * (_PROFILE.height // _SQUARE)
    # In this order: chroma that is scaled for itself moves by pixels.
    shrink = f"format=rgb24,scale=iw/{_SQUARE}:ih/{_SQUARE}:flags=area"
    process = ChildProcess("FFmpeg")
    await process.start(
        *(binary, "-hide_banner", "-loglevel", "error", "-f", kind, "-i", "pipe:0", "-vf", shrink),
        *("-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"),
    )
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            _, raw = await asyncio.gather(_feed(process, data), process.stdout.read())
    except TimeoutError as error:
        raise EncoderFailedError(detail="the decoder does not come to an end") from error
    finally:
        await process.stop()
    return [raw[start : start + size] for start in range(0, len(raw), size)]


async def _feed(process: ChildProcess, data: bytes) -> None:
    # Who does not take it all does not give all pictures back either.
    with suppress(OSError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _pictures(browser: Browser, homes: Homes | None = None) -> list[bytes]:
    """Return JPEGs of a page that looks other each time, once Home Assistant was reached."""
    tab = await browser.open_tab()
    await tab.session.send(
        "Emulation.setDeviceMetricsOverride",
        width=_PROFILE.width,
        height=_PROFILE.height,
        deviceScaleFactor=1,
        mobile=False,
    )
    drawing = asyncio.create_task(_draw(tab), name="trial")
    try:
        pictures = [await _picture(tab, look) for look in range(_LOOKS)]
        if homes:
            await homes.lead(tab.session, MANIFEST, _nothing, _TIMEOUT_S)
    finally:
        drawing.cancel()
    return pictures


async def _nothing(_home: str) -> None:
    """Prepare nothing for an address."""


async def _picture(tab: Tab, look: int) -> bytes:
    """Return a JPEG of one look of the page."""
    script = _DRAW.format(look=look, hue=look * 360 // _LOOKS)
    await tab.session.send("Runtime.evaluate", expression=script)
    answer = await tab.session.send("Page.captureScreenshot", format="jpeg")
    return base64.b64decode(answer["data"])


async def _draw(tab: Tab) -> None:
    """Let the page draw, where it does not by itself."""
    if tab.frame_control:
        await Compositor(tab, _PROFILE.frame_rate).run()
