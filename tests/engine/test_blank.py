"""Tests of blank pictures: how they are known, kept back, and believed in the end."""

import io
import time

from PIL import Image, ImageDraw
import pytest

from custom_components.dashboard_cast.engine.blank import BlankFilter, Doubt, is_blank, largest
from custom_components.dashboard_cast.models import Frame

from .helpers import SMALL, jpeg

BLACK, WHITE, RED = (0, 0, 0), (255, 255, 255), (255, 0, 0)


def flat(width: int = SMALL.width, height: int = SMALL.height, colour: str = "#123456") -> bytes:
    """Return a picture of one colour as Chromium writes it: less colour than brightness."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "JPEG", quality=90)
    return file.getvalue()


def with_text(width: int, height: int) -> bytes:
    """Return a black picture with nothing but two figures."""
    picture = Image.new("RGB", (width, height))
    ImageDraw.Draw(picture).text((width // 2, height // 2), "07", fill="#404040")
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


@pytest.mark.parametrize(
    ("width", "height"), [(1280, 720), (1920, 1080), (720, 1280), (1024, 600), (333, 77)]
)
@pytest.mark.parametrize("colour", ["white", "black", "#808080", "#1c1c1c", "#03a9f4"])
def test_blank(width: int, height: int, colour: str) -> None:
    """A picture of one colour is small and blank."""
    picture = flat(width, height, colour)
    assert len(picture) <= largest(width, height)
    assert is_blank(picture)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (320, 180)])
def test_little_to_see(width: int, height: int) -> None:
    """A few letters, or two colours in large areas, are something to see however small the picture is."""
    assert not is_blank(with_text(width, height))
    assert not is_blank(jpeg(width, height, [BLACK, WHITE]))


def test_no_picture() -> None:
    """What cannot be read is not blank."""
    assert not is_blank(b"no picture")


def test_other_formats() -> None:
    """It may be a PNG as well."""
    file = io.BytesIO()
    Image.new("RGB", (100, 100), "white").save(file, "PNG")
    assert is_blank(file.getvalue())


def test_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pages in a row settle it, for longer each time; what one shows in between starts anew."""
    now = 1_000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    doubt = Doubt()
    assert not doubt.settle()
    doubt.refute()
    trusts = []
    for _ in range(9):
        assert [doubt.settle(), doubt.settle()] == [False, True]
        begun = now
        while not doubt.stands:
            now += 60
        trusts.append(now - begun)
    assert trusts == [600, 1_200, 2_400, 4_800, 9_600, 19_200, 21_600, 21_600, 21_600]


class Sieve(BlankFilter):
    """A filter with what came through."""

    def __init__(self) -> None:
        self.doubt = Doubt()
        self.passed: list[Frame] = []
        super().__init__(SMALL, self.doubt, self.passed.append)

    def give(self, *pictures: bytes) -> list[Frame]:
        """Let pictures come and return them as frames."""
        frames = [Frame(picture, float(number)) for number, picture in enumerate(pictures)]
        for frame in frames:
            self.take(frame)
        return frames


@pytest.fixture
def sieve() -> Sieve:
    """Return a filter."""
    return Sieve()


def test_first_picture_is_shown(sieve: Sieve) -> None:
    """Blank pictures are better than none."""
    assert sieve.give(flat()) == sieve.passed
    assert sieve.doubtful


def test_blank_pictures_are_kept_back(sieve: Sieve) -> None:
    """In the place of a good picture, a blank one is not shown before it is released, and then once."""
    good, bad = sieve.give(jpeg(colours=[RED, BLACK]), flat())
    assert sieve.doubtful
    assert sieve.passed == [good]
    sieve.release()
    sieve.release()
    assert sieve.passed == [good, bad]


def test_flash(sieve: Sieve) -> None:
    """A good picture makes forget a blank one before it."""
    good, _, better = sieve.give(jpeg(colours=[RED, BLACK]), flat(), with_text(SMALL.width, SMALL.height))
    assert not sieve.doubtful
    sieve.release()
    assert sieve.passed == [good, better]


def test_believed(sieve: Sieve) -> None:
    """Once it is settled that they are meant, blank pictures come through."""
    sieve.give(jpeg(colours=[RED, BLACK]))
    for _ in range(2):
        sieve.doubt.settle()
    _, bad = sieve.give(jpeg(colours=[RED, BLACK]), flat())
    assert not sieve.doubtful
    assert sieve.passed[-1] is bad


def test_doubted_again(sieve: Sieve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that is blank for long is doubted again in the end, though no other came."""
    now = 1_000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    sieve.give(flat())
    for _ in range(2):
        sieve.doubt.settle()
    assert not sieve.doubtful
    now += 600
    assert sieve.doubtful
