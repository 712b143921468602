"""Tests of the trial: it says whether a page can be drawn and encoded here."""

import logging
from pathlib import Path

from aiohttp import ClientSession
import pytest

from custom_components.dashboard_cast.engine import trial as module
from custom_components.dashboard_cast.engine.browser import LocalBrowser
from custom_components.dashboard_cast.engine.endpoint import Endpoint
from custom_components.dashboard_cast.engine.remote import CdpBrowser, RemoteBrowser
from custom_components.dashboard_cast.engine.trial import _pictures, try_encoders, try_engine
from custom_components.dashboard_cast.errors import (
    BrowserFailedError,
    BrowserMissingError,
    EncoderFailedError,
    FFmpegMissingError,
    MalformedMediaError,
)

from ..home.home import free_port
from .hardware import FAULT, HARDWARE, Fault, stand_in
from .helpers import Colour, executable, jpeg, processes, size

pytestmark = pytest.mark.paired

COLOURS: list[Colour] = [
    (255, 255, 255),
    (0, 0, 0),
    (3, 169, 244),
    (244, 67, 54),
    (76, 175, 80),
    (255, 235, 59),
]


async def test_all_is_well(caplog: pytest.LogCaptureFixture) -> None:
    """Where a browser and FFmpeg work, it is told what encodes: without a chip, software. Nothing stays.

    A browser that does not work is named.
    """
    gone = f"http://127.0.0.1:{free_port()}"
    async with ClientSession() as session:
        away = RemoteBrowser([CdpBrowser(Endpoint.parse(f"{gone}?token=s3cret"), session)])
        assert await try_engine([away, LocalBrowser()], "ffmpeg") == ["libx264"]
    (told,) = [one for one in caplog.messages if "Only others draw" in one]
    assert f"{gone}/…: endpoint_unreachable" in told
    assert "s3cret" not in told
    assert not processes("ffmpeg")
    assert not processes("chrom")


async def test_pictures(browser: LocalBrowser) -> None:
    """What is encoded are pictures of a page at full size, each unlike the others."""
    pictures = await _pictures(browser)
    assert {size(picture) for picture in pictures} == {(1280, 720)}
    assert len(set(pictures)) == len(pictures) > 1


@pytest.fixture
def pictures() -> list[bytes]:
    """Return pictures of full size."""
    stripes = [COLOURS[turn:] + COLOURS[:turn] for turn in range(len(COLOURS))]
    return [jpeg(1280, 720, colours) for colours in stripes]


@pytest.mark.parametrize(
    ("fault", "order"), [(Fault.NONE, [HARDWARE, "libx264"]), (Fault.DEAR, ["libx264", HARDWARE])]
)
async def test_order(tmp_path: Path, pictures: list[bytes], fault: Fault, order: list[str]) -> None:
    """Hardware comes first when it spares processor time."""
    assert await try_encoders(stand_in(tmp_path, fault), pictures) == order


@pytest.mark.parametrize(
    ("fault", "after", "reason"),
    [
        (Fault.DIES, 0, FAULT),
        (Fault.DIES, 20, FAULT),
        (Fault.HANGS, 20, "no picture within"),
        (Fault.NONSENSE, 10, "malformed_media"),
        (Fault.DELAYS, 0, "no picture within"),
        (Fault.NO_KEYFRAMES, 0, "no keyframe where one is due"),
        (Fault.TURNS, 3, "another configuration between keyframes"),
        (Fault.COLOURS, 0, "colours differ by"),
        (Fault.SIZE, 0, "another size or number"),
    ],
)
async def test_does_not_work(
    *,
    tmp_path: Path,
    pictures: list[bytes],
    caplog: pytest.LogCaptureFixture,
    fault: Fault,
    after: int,
    reason: str,
) -> None:
    """An encoder that fails in any way is left out, and why is told at debug level only."""
    caplog.set_level(logging.DEBUG)
    assert await try_encoders(stand_in(tmp_path, fault, after=after), pictures) == ["libx264"]
    (told,) = [one for one in caplog.records if "does not work here" in one.getMessage()]
    assert told.levelno == logging.DEBUG
    assert told.getMessage().startswith(HARDWARE)
    assert reason in told.getMessage()
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


async def test_no_software(tmp_path: Path, pictures: list[bytes]) -> None:
    """An FFmpeg without libx264 will do where hardware works."""
    path = executable(
        tmp_path,
        "wrapper",
        'case "$*" in *"-c:v libx264"*) echo "Unknown encoder libx264" >&2; exit 1;; esac',
        f'exec {stand_in(tmp_path)} "$@"',
    )
    assert await try_encoders(str(path), pictures) == [HARDWARE]


async def test_browser_missing() -> None:
    """A browser that is not there is told."""
    with pytest.raises(BrowserMissingError):
        await try_engine([LocalBrowser("/no/such/browser")], "ffmpeg")


async def test_browser_fails(tmp_path: Path) -> None:
    """A browser that does not start is told."""
    path = tmp_path / "chromium"
    path.write_text("#!/bin/sh\nexit 1\n")
    path.chmod(0o755)
    with pytest.raises(BrowserFailedError):
        await try_engine([LocalBrowser(str(path))], "ffmpeg")


@pytest.mark.parametrize(
    ("ffmpeg", "error"), [("/no/such/ffmpeg", FFmpegMissingError), ("/bin/false", EncoderFailedError)]
)
async def test_ffmpeg(ffmpeg: str, error: type[Exception]) -> None:
    """An FFmpeg that is not there, or is none, is told; the browser has ended by then."""
    with pytest.raises(error):
        await try_engine([LocalBrowser()], ffmpeg)
    assert not processes()


@pytest.mark.parametrize("binary", ["/bin/false", "/bin/true"])
async def test_another_program(pictures: list[bytes], binary: str) -> None:
    """A program that is no encoder fails the trial."""
    with pytest.raises(EncoderFailedError) as failed:
        await try_encoders(binary, pictures)
    assert failed.value.placeholders["detail"]


async def test_a_program_that_writes_something_else(tmp_path: Path, pictures: list[bytes]) -> None:
    """A program that gives back what it gets fails the trial."""
    with pytest.raises(MalformedMediaError):
        await try_encoders(str(executable(tmp_path, "ffmpeg", "exec cat")), pictures)


@pytest.mark.parametrize("reads", ["", "head -c 100 > /dev/null"])
async def test_tells_what_ffmpeg_says(tmp_path: Path, pictures: list[bytes], reads: str) -> None:
    """What FFmpeg complains about reaches the person, whether it read the pictures or not."""
    lines = (reads, "echo 'Unknown encoder libx264' >&2", "exit 1")
    with pytest.raises(EncoderFailedError) as failed:
        await try_encoders(str(executable(tmp_path, "ffmpeg", *lines)), pictures)
    assert failed.value.placeholders == {"detail": "Unknown encoder libx264"}


async def test_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: list[bytes]) -> None:
    """A program that takes pictures and gives nothing fails the trial after a while, and is ended."""
    monkeypatch.setattr(module, "_TIMEOUT_S", 0.3)
    with pytest.raises(EncoderFailedError) as failed:
        await try_encoders(str(executable(tmp_path, "ffmpeg", "exec cat > /dev/null")), pictures)
    assert failed.value.placeholders == {"detail": "no 45 pictures within 0.3 s"}


async def test_pictures_that_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are no JPEG fail the trial."""
    monkeypatch.setattr(module, "_TIMEOUT_S", 2.0)
    monkeypatch.setattr(module, "_HARDWARE_TIMEOUT_S", 1.0)
    with pytest.raises(EncoderFailedError):
        await try_encoders("ffmpeg", [b"no picture"])
