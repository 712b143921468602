"""Whether what comes out of a decoder looks like the page: its own pixels, and those of each format."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
import io
import time

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from custom_components.dashboard_cast.engine import fmp4
from custom_components.dashboard_cast.engine.live import live
from custom_components.dashboard_cast.engine.segments import Segment
from custom_components.dashboard_cast.engine.stream import Stream
from custom_components.dashboard_cast.models import VIDEO_TIMESCALE, StreamFormat

from .helpers import probe, run

SSIM_TARGET = 0.98
FLAT_TARGET = 2
"""How far a colour may be off, of 255."""
SETTLE_S = 1.0
"""So long after a change the picture is looked at."""

# Chroma is as coarse as 2 x 2 pixels and interpolated between, as players do; the colours are those that the
# video says it has.
_TO_RGB = "scale=flags=bilinear+accurate_rnd+full_chroma_int+full_chroma_inp,format=rgb24"
_BT709 = (0.2126, 0.7152, 0.0722)
# Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment", 2004: section III.C.
_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
# A flat area is a macroblock away from everything else.
_FLAT_MARGIN = 16
# So far from what was shown before, of 255, lies what changed.
_CHANGED = 16
# Differences of neighbours in luma that are an edge of text or a line.
_EDGE = 32.0

type Picture = NDArray[np.uint8]
"""Rows of pixels of red, green and blue."""
type Plane = NDArray[np.float64]
type Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Shown:
    """A page some time after a change, and what viewers see of it."""

    page: Picture
    """The page's own pixels."""
    decoded: dict[StreamFormat, Picture]
    """What each format shows `SETTLE_S` after the change."""
    course: list[tuple[float, Picture]]
    """The pictures from the change on, and when they are shown: seconds after it on the stream's clock."""
    bit_rates: dict[StreamFormat, float]
    """Of a segment in which nothing changes, in bit/s."""

    @property
    def seen(self) -> Picture:
        """What viewers see."""
        return self.decoded[StreamFormat.HLS]

    @cached_property
    def similarity(self) -> Plane:
        """The SSIM of the luma, for each pixel that a whole window fits around."""
        return ssim(luma(self.page), luma(self.seen))

    @property
    def edge_similarity(self) -> float:
        """The mean SSIM where text and lines have their edges."""
        return float(self.similarity[_inner(edges(luma(self.page)))].mean())

    @property
    def colour_similarity(self) -> float:
        """The mean SSIM of red, green and blue."""
        planes = [ssim(one, other) for one, other in zip(_planes(self.page), _planes(self.seen), strict=True)]
        return float(np.mean(planes))

    @property
    def flat_errors(self) -> NDArray[np.int16]:
        """How far the pixels of flat areas are off, of 255."""
        return difference(self.page, self.seen)[flat(self.page)]

    @property
    def rounding_errors(self) -> NDArray[np.int16]:
        """How far they would be off if nothing but rounding happened to them."""
        return difference(self.page, rounded(self.page))[flat(self.page)]

    @property
    def agree(self) -> bool:
        """Whether all formats show the very same."""
        return all(np.array_equal(picture, self.seen) for picture in self.decoded.values())

    @cached_property
    def settled(self) -> float:
        """The seconds from the change until what changed is like the page, and stays so.

        Infinite when nothing changed, or does not become like it.
        """
        page, before = luma(self.page), self.course[0][1]
        changed = _inner(difference(self.page, before) > _CHANGED)
        moment, like = float("inf"), False
        for when, picture in self.course[1:] if changed.any() else []:
            if not np.array_equal(picture, before):
                was, like = like, bool(ssim(page, luma(picture))[changed].mean() >= SSIM_TARGET)
                moment = when if like and not was else moment
                before = picture
        return moment if like else float("inf")


async def shown(stream: Stream, change: Callable[[], Awaitable[object]]) -> Shown:
    """Change the page of a running stream and look at what becomes of it.

    The page has to stand still before the change and from `SETTLE_S` after it on.
    """
    store, viewer = stream.store, live(stream.store)
    fragments = [await anext(viewer)]
    number = store.next_part - 1
    stream.transport.listed()
    first = store.next_segment
    changed = time.time()
    await change()
    moment = round((changed + SETTLE_S - store.epoch) * VIDEO_TIMESCALE)
    while not (last := _still_after(stream, moment)) or number < last.parts[-1].number:
        fragments.append(await anext(viewer))
        number += 1
    stream.transport.listed()
    page = await screenshot(stream)
    segments = [store.segments[index] for index in range(first, last.number + 1)]
    times = [sample.time for segment in segments for sample in segment.samples]
    later = sum(moment < time for time in times)
    transport = [stream.transport.data(segment.number) or b"" for segment in segments]
    course = await decoded(_initialized(segments[0]) + b"".join(segment.data for segment in segments))
    assert len(course) == len(times)
    return Shown(
        page,
        {
            StreamFormat.HLS: course[-1 - later],
            StreamFormat.HLS_TS: (await decoded(b"".join(transport), ago=later))[0],
            StreamFormat.MP4: (await decoded(b"".join(fragments), ago=later))[0],
        },
        [
            (store.epoch + when / VIDEO_TIMESCALE - changed, picture)
            for when, picture in zip(times, course, strict=True)
        ],
        {
            StreamFormat.HLS: 8 * len(last.data) / last.duration,
            StreamFormat.HLS_TS: 8 * len(transport[-1]) / last.duration,
        },
    )


def _still_after(stream: Stream, moment: int) -> Segment | None:
    """Return the first complete segment that begins after a moment, in ticks; None before there is one."""
    return next((found for found in stream.store.segments.values() if found.start > moment), None)


def _initialized(segment: Segment) -> bytes:
    return fmp4.init(segment.init.avcc, segment.init.width, segment.init.height)


async def screenshot(stream: Stream) -> Picture:
    """Return the page's own pixels as it stands; fails when they changed meanwhile."""
    assert stream._page is not None
    before = stream.still
    answer = await stream._page._session.send("Page.captureScreenshot", format="png")
    assert stream.still == before
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["data"]))).convert("RGB"))


async def decoded(media: bytes, *, ago: int | None = None) -> list[Picture]:
    """Return the pictures of media in the colours that these say they have.

    ago: how many pictures before the last is the only one wanted.
    """
    video = (await probe(media, "-count_packets", "-show_streams"))["streams"][0]
    only = "" if ago is None else f"select=eq(n\\,{int(video['nb_read_packets']) - 1 - ago}),"
    command = ("ffmpeg", "-v", "error", "-i", "pipe:0", "-map", "0:v", "-fps_mode", "passthrough")
    raw = await run(*command, "-vf", only + _TO_RGB, "-f", "rawvideo", "pipe:1", data=media)
    return list(np.frombuffer(raw, np.uint8).reshape(-1, video["height"], video["width"], 3))


def rounded(picture: Picture) -> Picture:
    """Return what is left of colours when JPEG and television have each rounded them to 8 bits.

    JPEG is full-range BT.601 (JFIF), television limited-range BT.709.
    """
    jpeg, television = _matrix(0.299, 0.114), _matrix(0.2126, 0.0722)
    scale = np.array((219, 224, 224)) / 255
    # libjpeg rounds halves down; the little more is that of binary fractions.
    full = np.clip(np.ceil(picture @ jpeg.T - 0.5 - 1e-9), (0, -128, -128), (255, 127, 127))
    limited = np.rint(full @ (television @ np.linalg.inv(jpeg)).T * scale) / scale
    return np.clip(np.rint(limited @ np.linalg.inv(television).T), 0, 255).astype(np.uint8)


def _matrix(red: float, blue: float) -> Plane:
    """Return the matrix from RGB to luma and colour differences, by the shares of luma."""
    share = np.array((red, 1 - red - blue, blue))
    return np.stack((share, (np.eye(3)[2] - share) / (2 - 2 * blue), (np.eye(3)[0] - share) / (2 - 2 * red)))


def luma(picture: Picture) -> Plane:
    """Return the luma of BT.709, from 0 to 255."""
    return np.asarray(picture @ np.array(_BT709))


def difference(one: Picture, other: Picture) -> NDArray[np.int16]:
    """Return for each pixel how far the worst channel is off."""
    return np.asarray(np.abs(one.astype(np.int16) - other).max(axis=2))


def edges(plane: Plane) -> Mask:
    """Return where luma jumps from a pixel to the next."""
    down = np.abs(np.diff(plane, axis=0, append=plane[-1:]))
    right = np.abs(np.diff(plane, axis=1, append=plane[:, -1:]))
    return np.asarray(np.maximum(down, right) > _EDGE)


def flat(picture: Picture) -> Mask:
    """Return the pixels around which there is but one colour, up to `_FLAT_MARGIN` to each side."""
    size = 2 * _FLAT_MARGIN + 1
    pixels = picture.astype(np.int16)
    jumps = np.zeros(picture.shape[:2], np.int32)
    jumps[:, 1:] += np.diff(pixels, axis=1).any(axis=2)
    jumps[1:] += np.diff(pixels, axis=0).any(axis=2)
    # How many jumps there are in the square around each pixel, from the sums of all above and before it.
    sums = np.pad(jumps.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    around = sums[size:, size:] - sums[size:, :-size] - sums[:-size, size:] + sums[:-size, :-size]
    return np.pad(around == 0, _FLAT_MARGIN)


def ssim(one: Plane, other: Plane) -> Plane:
    """Return the structural similarity for each pixel that a whole window fits around."""
    mean, other_mean = _blurred(one), _blurred(other)
    variance = _blurred(one * one) - mean * mean
    other_variance = _blurred(other * other) - other_mean * other_mean
    covariance = _blurred(one * other) - mean * other_mean
    likeness = (2 * mean * other_mean + _C1) * (2 * covariance + _C2)
    return likeness / ((mean**2 + other_mean**2 + _C1) * (variance + other_variance + _C2))


def _blurred(plane: Plane) -> Plane:
    """Return weighted means by the circular Gaussian window, without those that reach beyond the edge."""
    distance = np.arange(_WINDOW) - _WINDOW // 2
    weights = np.exp(-(distance**2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    for _ in range(2):
        rows = plane.shape[0] - _WINDOW + 1
        plane = sum((weight * plane[i : i + rows] for i, weight in enumerate(weights)), np.zeros(1)).T
    return plane


def _inner(mask: Mask) -> Mask:
    """Return the part of a mask that `ssim` has values for."""
    half = _WINDOW // 2
    return mask[half:-half, half:-half]


def _planes(picture: Picture) -> list[Plane]:
    return [picture[..., channel].astype(np.float64) for channel in range(3)]
