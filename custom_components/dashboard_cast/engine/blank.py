"""Blank pictures, all of one colour: a fault, until a second page of the same source shows one as well."""

from collections.abc import Callable
import io
import time
from typing import Final

from PIL import Image

from ..models import Frame, Profile

# JPEG codes blocks of 8 x 8 pixels, six for 16 x 16: four of brightness and two of colour. One in which
# nothing changes takes 6 and 4 bits with the codes of ISO/IEC 10918-1 annex K; Chromium makes its own, of 2.
_EDGE: Final = 16
_BYTES: Final = (4 * 6 + 2 * 4) / 8
_HEADER_BYTES: Final = 1_000
# Each eighth pixel tells: those between cannot differ in a picture that is so small.
_SCALE: Final = 8
_TOLERANCE: Final = 2
# How long blank pictures are taken for meant once two pages agree, at first and at most, in seconds.
_FIRST_TRUST_S: Final = 600.0
_LONGEST_TRUST_S: Final = 6 * 3600.0


def largest(width: int, height: int) -> int:
    """Return how many bytes a blank picture of this size, in pixels, has at most."""
    blocks = -(-width // _EDGE) * -(-height // _EDGE)
    return round(_HEADER_BYTES + blocks * _BYTES)


def is_blank(picture: bytes) -> bool:
    """Return whether a picture is of one colour; what cannot be read is not.

    Takes half a millisecond for a small one of 1280 x 720 pixels.
    """
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            opened.draft("RGB", (opened.width // _SCALE, opened.height // _SCALE))
            bands = opened.convert("RGB").split()
    except OSError:
        return False
    ranges = (band.getextrema() for band in bands)
    return all(high - low <= _TOLERANCE for low, high in ranges)  # type: ignore[operator]


class Doubt:
    """What is thought of the blank pictures of a source, over all pages that a stream has of it.

    A page that stays blank though something is in it is replaced. When the next one is blank as well, the
    source looks like that: it is shown so, and doubted again after longer and longer.
    """

    def __init__(self) -> None:
        self.seen = False
        """Whether there was a picture that was not blank: it stays in the place of one that is."""
        self._suspected = False
        self._trusted_until = 0.0
        self._trust_s = _FIRST_TRUST_S

    @property
    def stands(self) -> bool:
        """Whether a blank picture is taken for a fault."""
        return time.monotonic() >= self._trusted_until

    def refute(self) -> None:
        """Take in a picture that is not blank."""
        self.seen, self._suspected = True, False

    def settle(self) -> bool:
        """Take in that a page stays blank; return whether that is meant, since the one before was so too."""
        self._suspected = not self._suspected
        if not self._suspected:
            self._trusted_until = time.monotonic() + self._trust_s
            self._trust_s = min(2 * self._trust_s, _LONGEST_TRUST_S)
        return not self._suspected


class BlankFilter:
    """Lets the pictures of one page through; doubtful blank ones wait while there is a better one.

    on_frame: called with the pictures that pass.
    """

    def __init__(self, profile: Profile, doubt: Doubt, on_frame: Callable[[Frame], None]) -> None:
        self._largest = largest(profile.width, profile.height)
        self._doubt = doubt
        self._on_frame = on_frame
        self._blank = False
        self._kept: Frame | None = None

    @property
    def doubtful(self) -> bool:
        """Whether the latest picture is blank, and may be a fault."""
        return self._blank and self._doubt.stands

    def take(self, frame: Frame) -> None:
        """Take a picture, and look at it when it is suspiciously small."""
        self._blank = len(frame.jpeg) <= self._largest and is_blank(frame.jpeg)
        self._kept = frame
        if not self._blank:
            self._doubt.refute()
        if not (self.doubtful and self._doubt.seen):
            self.release()

    def release(self) -> None:
        """Let through what was kept back: it is meant."""
        kept, self._kept = self._kept, None
        if kept:
            self._on_frame(kept)
