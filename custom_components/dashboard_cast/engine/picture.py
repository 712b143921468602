"""Pictures as files: small ones for cards, and what an electronic paper wants (pure)."""

from enum import StrEnum
import io
from typing import Final

from PIL import Image, ImageOps

from ..errors import ImageUnreadableError

# As large as a card's picture gets on a screen of 1080 lines, in pixels.
_CARD_SIZE: Final = (960, 540)
_QUALITY: Final = 90


class PictureFormat(StrEnum):
    """How a picture is written."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"

    @property
    def content_type(self) -> str:
        """Its MIME type."""
        return f"image/{self}"


def thumbnail(data: bytes) -> bytes:
    """Return a picture of whatever format as a WebP that is small enough for a card.

    Raises ImageUnreadableError.
    """
    try:
        with Image.open(io.BytesIO(data)) as opened:
            opened.draft("RGB", _CARD_SIZE)
            picture = ImageOps.exif_transpose(opened)
            picture.thumbnail(_CARD_SIZE)
            return _written(picture.convert("RGBA"), PictureFormat.WEBP)
    # Broken files fail in many ways, each in the words of the format.
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageUnreadableError(detail=str(error)) from error


def developed(data: bytes, form: PictureFormat, rotation: int = 0, grey_levels: int | None = None) -> bytes:
    """Return a picture in another form.

    rotation: clockwise, in degrees: 0, 90, 180 or 270. grey_levels: so many greys from black to white, evenly
    spaced, mixed by dithering (Floyd-Steinberg); None for colours.
    """
    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGB").rotate(-rotation, expand=True)
    return _written(_grey(picture, grey_levels) if grey_levels else picture, form)


def _grey(picture: Image.Image, levels: int) -> Image.Image:
    palette = Image.new("P", (1, 1))
    palette.putpalette([255 * level // (levels - 1) for level in range(levels) for _colour in range(3)])
    return picture.convert("L").convert("RGB").quantize(palette=palette).convert("L")


def _written(picture: Image.Image, form: PictureFormat) -> bytes:
    file = io.BytesIO()
    picture.save(file, form.upper(), quality=_QUALITY)
    return file.getvalue()
