"""A note on a picture, drawn without the help of any browser (pure)."""

import io
from typing import Final

_QUALITY: Final = 90
# Of the picture's height: how large the text is, and how far it keeps from edges.
_TEXT: Final = 1 / 30
_MARGIN: Final = 1 / 60
_BACKGROUND: Final = (32, 33, 36)
_FOREGROUND: Final = (232, 234, 237)


def noted(jpeg: bytes, text: str) -> bytes:
    """Return a JPEG with a small note in its lower left corner.

    Takes milliseconds, and the first time loads Pillow from disk: not for the event loop.
    """
    # Most streams never need it.
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415

    with Image.open(io.BytesIO(jpeg)) as opened:
        picture = opened.convert("RGB")
    margin = picture.height * _MARGIN
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(picture.height * _TEXT)
    place = (2 * margin, picture.height - 2 * margin)
    left, top, right, bottom = draw.textbbox(place, text, font=font, anchor="ld")
    box = (left - margin, top - margin, right + margin, bottom + margin)
    draw.rounded_rectangle(box, margin, fill=_BACKGROUND)
    draw.text(place, text, font=font, fill=_FOREGROUND, anchor="ld")
    written = io.BytesIO()
    # As few colours are thrown away as Chromium does.
    picture.save(written, "JPEG", quality=_QUALITY)
    return written.getvalue()
