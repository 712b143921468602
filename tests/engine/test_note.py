"""Tests of the note on a picture."""

import io
from typing import cast

from PIL import Image, ImageChops
import pytest

from custom_components.dashboard_cast.engine.note import noted

from .helpers import jpeg, near, pixel, size


def difference(one: bytes, other: bytes) -> tuple[int, int, int, int]:
    """Return where two pictures differ: left, top, right, bottom."""
    pictures = [Image.open(io.BytesIO(data)).convert("L") for data in (one, other)]
    found = ImageChops.difference(*pictures).point(lambda value: 255 if value > 16 else 0).getbbox()
    assert found
    return found


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080), (320, 180)])
def test_note(width: int, height: int) -> None:
    """A small note lies in the lower left corner; the rest of the picture is as it was."""
    before = jpeg(width, height, [(200, 60, 60), (60, 200, 60)])
    after = noted(before, "Reconnecting since 21:04")
    assert size(after) == (width, height)
    left, top, right, bottom = difference(before, after)
    assert left > 0
    assert bottom < height
    assert (right - left) * (bottom - top) < 0.04 * width * height
    assert top > 0.85 * height
    assert right < 0.6 * width
    assert near(pixel(after, width - 10, 10), pixel(before, width - 10, 10), 4)


def test_text_can_be_read() -> None:
    """Light letters on dark ground, whatever is below."""
    after = Image.open(io.BytesIO(noted(jpeg(1280, 720, [(255, 255, 255)]), "Reconnecting since 21:04")))
    box = difference(jpeg(1280, 720, [(255, 255, 255)]), noted(jpeg(1280, 720, [(255, 255, 255)]), "X"))
    corner = after.convert("L").crop((box[0] + 12, box[1], box[0] + 200, box[3]))
    darkest, brightest = cast("tuple[int, int]", corner.getextrema())
    assert darkest < 50
    assert brightest > 200


def test_other_text_is_another_note() -> None:
    """The text is really there."""
    before = jpeg(640, 360)
    assert noted(before, "Reconnecting since 21:04") != noted(before, "Reconnecting since 21:05")
