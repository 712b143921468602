"""Whether what is seen is what is due."""

from bisect import bisect_right
from functools import cache
from itertools import groupby
from operator import itemgetter

from custom_components.dashboard_cast.engine.pacer import PacedFrame

from .helpers import SMALL, Coded, Colour, near, pixel, planes, ticks


def colour(y: int, u: int, v: int) -> tuple[float, float, float]:
    """Return red, green and blue of 0 to 255 for limited-range BT.709."""
    luma, blue, red = (y - 16) / 219, (u - 128) / 224, (v - 128) / 224
    rgb = luma + 1.5748 * red, luma - 0.1873 * blue - 0.4681 * red, luma + 1.8556 * blue
    return rgb[0] * 255, rgb[1] * 255, rgb[2] * 255


async def check_looks(
    coded: Coded, pictures: list[PacedFrame], stripes: int = 5, tolerance: float = 6.0
) -> None:
    """Check that at all times the colours are those of the frame that is due."""
    width, height = SMALL.width, SMALL.height
    data = b""
    for avcc, some in groupby(coded, itemgetter(0)):
        data += await planes(avcc, [sample.data for _, sample in some])
    size = width * height * 3 // 2
    assert len(data) == size * len(coded)
    times = [ticks(picture) for picture in pictures]
    points = [((2 * stripe + 1) * width // (2 * stripes), height // 2) for stripe in range(stripes)]
    for index, (_, sample) in enumerate(coded):
        due = pictures[bisect_right(times, sample.time) - 1].frame
        shown = data[index * size : (index + 1) * size]
        for (x, y), expected in zip(points, pixels(due.jpeg, tuple(points)), strict=True):
            half = width * height + y // 2 * (width // 2) + x // 2
            seen = colour(shown[y * width + x], shown[half], shown[half + width * height // 4])
            assert near(seen, expected, tolerance), (sample.time, x)


@cache
def pixels(picture: bytes, points: tuple[tuple[int, int], ...]) -> list[Colour]:
    """Return the colours of a JPEG at these points."""
    return [pixel(picture, x, y) for x, y in points]
