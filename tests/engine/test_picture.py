"""Tests of pictures as files."""

import io

from PIL import Image, ImageStat
import pytest

from custom_components.dashboard_cast.engine.picture import PictureFormat, developed, thumbnail
from custom_components.dashboard_cast.errors import ImageUnreadableError

from .helpers import Colour

RED: Colour = (255, 0, 0)
BLUE: Colour = (0, 0, 255)


def drawn(form: str = "PNG", size: tuple[int, int] = (40, 20), mode: str = "RGB", **options: object) -> bytes:
    """Return a blue picture whose upper left corner is red."""
    picture = Image.new("RGB", size, BLUE)
    picture.paste(RED, (0, 0, size[0] // 2, size[1] // 2))
    file = io.BytesIO()
    picture.convert(mode).save(file, form, **options)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    """Return a picture that was read."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


@pytest.mark.parametrize("form", PictureFormat)
def test_formats(form: PictureFormat) -> None:
    """A picture is what it was, in another format."""
    picture = opened(developed(drawn(), form))
    assert (picture.format, picture.size) == (form.upper(), (40, 20))
    assert Image.MIME[form.upper()] == form.content_type
    red, _, blue = picture.convert("RGB").getpixel((5, 4))  # type: ignore[misc]
    assert red > 200
    assert blue < 50


@pytest.mark.parametrize(
    ("rotation", "size", "corner"),
    [(0, (40, 20), (5, 5)), (90, (20, 40), (15, 5)), (180, (40, 20), (35, 15)), (270, (20, 40), (5, 35))],
)
def test_rotation(rotation: int, size: tuple[int, int], corner: tuple[int, int]) -> None:
    """Pictures turn clockwise."""
    picture = opened(developed(drawn(), PictureFormat.PNG, rotation))
    assert picture.size == size
    assert picture.getpixel(corner) == RED


@pytest.mark.parametrize(
    ("levels", "greys"), [(2, {0, 255}), (4, {0, 85, 170, 255}), (16, set(range(0, 256, 17)))]
)
def test_grey_levels(levels: int, greys: set[int]) -> None:
    """A gradient has all greys that there may be, none else, and is on average as bright as before."""
    gradient = Image.linear_gradient("L").convert("RGB")
    file = io.BytesIO()
    gradient.save(file, "PNG")
    picture = opened(developed(file.getvalue(), PictureFormat.PNG, grey_levels=levels))
    assert picture.mode == "L"
    assert {grey for _, grey in picture.getcolors() or []} == greys
    assert ImageStat.Stat(picture).mean[0] == pytest.approx(127.5, abs=3)
    # Dithered: a grey between two levels is a mixture of both.
    if levels == 2:
        middle = picture.crop((0, 120, 256, 130))
        assert {grey for _, grey in middle.getcolors() or []} == greys


def test_thumbnail() -> None:
    """A picture becomes as small as a card needs it, keeps its shape, and is shown the right way up."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = opened(thumbnail(drawn("JPEG", (4000, 2000), exif=exif.tobytes())))
    assert (picture.format, picture.size) == ("WEBP", (270, 540))
    assert picture.convert("RGB").getpixel((200, 100))[0] > 200  # type: ignore[index]


@pytest.mark.parametrize(("form", "mode"), [("PNG", "RGBA"), ("GIF", "P"), ("WEBP", "RGB"), ("JPEG", "L")])
def test_thumbnail_of_a_small_picture(form: str, mode: str) -> None:
    """A picture of whatever format stays as large as it is."""
    assert opened(thumbnail(drawn(form, mode=mode))).size == (40, 20)


@pytest.mark.parametrize(
    "data", [b"", b"<svg/>", b"<html>", drawn()[:60], drawn("JPEG", (400, 400))[:900]], ids=range(5)
)
def test_no_picture(data: bytes) -> None:
    """What is no picture, or only a piece of one, is said to be that."""
    with pytest.raises(ImageUnreadableError):
        thumbnail(data)


def test_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that would fill the memory is refused."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ImageUnreadableError):
        thumbnail(drawn())
