"""Tests of the encoder with the real FFmpeg: colours, times, keyframes, sound, and how it fails."""

import asyncio
from collections.abc import AsyncIterator
import io
from itertools import pairwise
from pathlib import Path

from PIL import Image
import psutil
import pytest

from custom_components.dashboard_cast.engine import encoder as module
from custom_components.dashboard_cast.engine.encoder import SEGMENT_SECONDS, Encoder, arguments, try_encoding
from custom_components.dashboard_cast.engine.pacer import PacedFrame
from custom_components.dashboard_cast.errors import EncoderFailedError, FFmpegMissingError
from custom_components.dashboard_cast.models import MICROSECONDS, Fragment, Init, Profile

from .helpers import SMALL, TIMEOUT_S, Colour, alive, encode, jpeg, near, paced, pixel, probe, processes, run

COLOURS: list[Colour] = [
    (255, 255, 255),
    (0, 0, 0),
    (128, 128, 128),
    (3, 169, 244),
    (244, 67, 54),
    (76, 175, 80),
    (255, 235, 59),
    (28, 28, 28),
]
# One coded block of sound.
BLOCK_S = 1_024 / 48_000


def script(folder: Path, *lines: str) -> str:
    """Write an executable shell script and return its path."""
    path = folder / "ffmpeg"
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return str(path)


@pytest.fixture
async def encoder() -> AsyncIterator[Encoder]:
    """Return a running encoder."""
    running = Encoder("ffmpeg", SMALL)
    await running.start()
    yield running
    await running.stop()


async def packets(init: Init, fragments: list[Fragment], stream: str) -> list[tuple[float, float]]:
    """Return start and duration of the packets in fragments, in seconds."""
    data = init.data + b"".join(fragment.data for fragment in fragments)
    show = "packet=pts_time,duration_time"
    answer = await probe(data, "-show_entries", show, stream=stream)
    return [(float(packet["pts_time"]), float(packet["duration_time"])) for packet in answer["packets"]]


def colour(y: int, u: int, v: int) -> tuple[float, float, float]:
    """Return red, green and blue of 0 to 255 for limited-range BT.709."""
    luma, blue, red = (y - 16) / 219, (u - 128) / 224, (v - 128) / 224
    rgb = luma + 1.5748 * red, luma - 0.1873 * blue - 0.4681 * red, luma + 1.8556 * blue
    return rgb[0] * 255, rgb[1] * 255, rgb[2] * 255


async def test_colours() -> None:
    """Colours come out as the browser drew them."""
    picture = jpeg(colours=COLOURS)
    init, fragments = await encode(paced(picture, 1, 5), SMALL, 0.5)
    decode = ("ffmpeg", "-v", "error", "-i", "pipe:0", "-frames:v", "1", "-f", "rawvideo", "pipe:1")
    data = await run(*decode, data=init.data + fragments[0].data)
    width, height = SMALL.width, SMALL.height
    planes = (
        data[: width * height],
        data[width * height : width * height * 5 // 4],
        data[width * height * 5 // 4 :],
    )
    for index in range(len(COLOURS)):
        x, y = (2 * index + 1) * width // (2 * len(COLOURS)), height // 2
        half = y // 2 * (width // 2) + x // 2
        shown = colour(planes[0][y * width + x], planes[1][half], planes[2][half])
        assert near(shown, pixel(picture, x, y), 3.5)


async def test_what_the_stream_declares() -> None:
    """Profile, level, pixels and colours are those that televisions play."""
    init, fragments = await encode(paced(jpeg(), 1, 5), SMALL, 0.5)
    assert init.codecs == "avc1.640029,mp4a.40.2"
    assert (init.video.width, init.video.height) == (SMALL.width, SMALL.height)
    video = (await probe(init.data + fragments[0].data, "-show_streams"))["streams"][0]
    expected = {
        "codec_name": "h264",
        "profile": "High",
        "level": 41,
        "pix_fmt": "yuv420p",
        "color_range": "tv",
        "color_space": "bt709",
        "color_primaries": "bt709",
        "color_transfer": "bt709",
        "has_b_frames": 0,
        "sample_aspect_ratio": "1:1",
    }
    assert {name: video.get(name) for name in expected} == expected


async def test_times() -> None:
    """Pictures are shown when they were drawn, to a tick of the stream's clock."""
    times = [0, 33_333, 100_001, 250_000, 500_000, 666_667, 700_000, 1_000_000]
    picture = jpeg()
    init, fragments = await encode([PacedFrame(picture, time) for time in times], SMALL, 1.0)
    shown = [start for start, _ in await packets(init, fragments, "v")]
    assert near(shown, [time / MICROSECONDS for time in times[: len(shown)]], 1 / 90_000)
    assert len(shown) >= 7


async def test_keyframes() -> None:
    """A fragment begins at each segment's start, with a keyframe, and reaches to the next."""
    _, fragments = await encode(paced(jpeg(), 3, 10), SMALL, 2.5)
    assert all(fragment.keyframe for fragment in fragments)
    assert near(
        [fragment.start for fragment in fragments], [SEGMENT_SECONDS * index for index in range(5)], 1e-4
    )
    for before, after in pairwise(fragments):
        assert after.start == pytest.approx(before.start + before.duration, abs=1e-9)


async def test_no_keyframe_between() -> None:
    """A change of the whole picture makes no keyframe: it would be the start of nothing."""
    pictures = [jpeg(), jpeg(colours=COLOURS)]
    frames = [PacedFrame(pictures[index % 2], index * 100_000) for index in range(16)]
    _, fragments = await encode(frames, SMALL, 1.0)
    assert near([fragment.start for fragment in fragments], [0, 0.5], 1e-4)


@pytest.mark.parametrize("rate", [2, 7, 15])
async def test_sound_covers_pictures(rate: int) -> None:
    """The sound of each segment spans what its pictures span, to within a block, without a gap."""
    init, fragments = await encode(paced(jpeg(), 4, rate), SMALL, 3.0)
    sound = await packets(init, fragments, "a")
    for (start, duration), (next_start, _) in pairwise(sound):
        assert next_start == pytest.approx(start + duration, abs=1e-4)
    for fragment in fragments:
        heard = await packets(init, [fragment], "a")
        end = fragment.start + fragment.duration
        assert abs(heard[0][0] - fragment.start) <= BLOCK_S
        assert abs(sum(heard[-1]) - end) <= BLOCK_S


async def test_sound_is_silent() -> None:
    """The sound that a device asks for is no noise."""
    init, fragments = await encode(paced(jpeg(), 1.5, 10), SMALL, 1.0)
    data = init.data + b"".join(fragment.data for fragment in fragments)
    command = ("ffmpeg", "-v", "error", "-i", "pipe:0", "-map", "0:a", "-f", "s16le", "pipe:1")
    assert set(await run(*command, data=data)) == {0}


async def test_a_picture_is_let_out_by_the_next(encoder: Encoder) -> None:
    """A segment comes as soon as the first picture after it is there: nothing is held back."""
    for frame in paced(jpeg(), SEGMENT_SECONDS, 10):
        await encoder.write(frame)
    fragments = encoder.fragments()
    fragment = await asyncio.wait_for(anext(fragments), TIMEOUT_S)
    assert (fragment.start, fragment.duration) == (0.0, SEGMENT_SECONDS)
    assert encoder.fragmenter.init
    assert encoder.pictures == 6
    await fragments.aclose()  # type: ignore[attr-defined]


async def test_bit_rate_is_capped() -> None:
    """Pictures that cannot be compressed do not exceed what the profile allows, over its buffer's second."""
    profile = Profile(width=320, height=180, frame_rate=10, max_bit_rate=500_000)
    noise = [Image.effect_noise((320, 180), 90).convert("RGB") for _ in range(4)]
    frames = [PacedFrame(_saved(noise[index % 4]), index * 100_000) for index in range(46)]
    _, fragments = await encode(frames, profile, 4.0)
    bits = 8 * sum(len(fragment.data) for fragment in fragments)
    assert bits <= profile.max_bit_rate * (4.0 + 1.0) * 1.1


def _saved(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=80)
    return written.getvalue()


@pytest.mark.parametrize(("height", "threads"), [(720, "1"), (1080, "2")])
def test_threads(height: int, threads: str) -> None:
    """A second thread costs more than it brings where one is fast enough."""
    command = arguments("ffmpeg", Profile(height=height))
    assert command[command.index("-threads") + 1] == threads


def test_arguments_follow_the_profile() -> None:
    """Binary, level and bit rate are those that were asked for."""
    command = arguments("/opt/ffmpeg", Profile(level="4.2", max_bit_rate=1_234_567))
    assert command[0] == "/opt/ffmpeg"
    assert command[command.index("-level:v") + 1] == "4.2"
    assert command[command.index("-maxrate") + 1] == "1234567"
    assert command[command.index("-bufsize") + 1] == "617283"
    assert (command[command.index("-i") + 1], command[-1]) == ("pipe:0", "pipe:1")


async def test_missing() -> None:
    """An FFmpeg that is not there is told by the path that was tried."""
    encoder = Encoder("/no/such/ffmpeg", SMALL)
    with pytest.raises(FFmpegMissingError) as missing:
        await encoder.start()
    assert missing.value.placeholders == {"binary": "/no/such/ffmpeg"}
    await encoder.stop()


async def test_not_executable(tmp_path: Path) -> None:
    """A file that cannot be run is no FFmpeg."""
    path = tmp_path / "ffmpeg"
    path.touch()
    with pytest.raises(FFmpegMissingError):
        await try_encoding(str(path), jpeg(), SMALL)


async def test_killed_while_reading(encoder: Encoder) -> None:
    """Who reads fragments learns that FFmpeg has ended."""
    (ffmpeg,) = processes("ffmpeg")
    ffmpeg.kill()
    with pytest.raises(EncoderFailedError) as failed:
        await asyncio.wait_for(anext(encoder.fragments()), TIMEOUT_S)
    assert failed.value.placeholders == {"detail": "exit code -9"}


async def test_killed_while_writing(encoder: Encoder) -> None:
    """Who writes pictures learns that FFmpeg has ended."""
    (ffmpeg,) = processes("ffmpeg")
    ffmpeg.kill()
    with pytest.raises(EncoderFailedError):
        await asyncio.wait_for(write_for_ever(encoder), TIMEOUT_S)


async def write_for_ever(encoder: Encoder) -> None:
    """Write pictures until that fails."""
    time_us = 0
    while True:
        await encoder.write(PacedFrame(jpeg(), time_us))
        time_us += 100_000


async def test_writing_waits_while_ffmpeg_is_busy(encoder: Encoder) -> None:
    """Pictures do not pile up in memory."""
    (ffmpeg,) = processes("ffmpeg")
    ffmpeg.suspend()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(write_for_ever(encoder), 0.3)
    assert encoder.pictures * len(jpeg()) < 2_000_000
    ffmpeg.resume()


async def test_stop(encoder: Encoder) -> None:
    """FFmpeg ends with its encoder."""
    started = processes("ffmpeg")
    await encoder.stop()
    assert not alive(started)
    assert all(isinstance(process, psutil.Process) for process in started)


async def test_trial() -> None:
    """An FFmpeg that can encode passes, and is gone after that."""
    await try_encoding("ffmpeg", jpeg(), SMALL)
    assert not processes("ffmpeg")


@pytest.mark.parametrize("binary", ["/bin/false", "/bin/true", "/bin/cat"])
async def test_trial_of_another_program(binary: str) -> None:
    """A program that is no encoder fails the trial."""
    with pytest.raises(EncoderFailedError) as failed:
        await try_encoding(binary, jpeg(), SMALL)
    assert failed.value.placeholders["detail"]


@pytest.mark.parametrize("reads", ["", "cat > /dev/null"])
async def test_trial_tells_what_ffmpeg_says(tmp_path: Path, reads: str) -> None:
    """What FFmpeg complains about reaches the person, whether it read the pictures or not."""
    binary = script(tmp_path, reads, "echo 'Unknown encoder libx264' >&2", "exit 1")
    with pytest.raises(EncoderFailedError) as failed:
        await asyncio.wait_for(trial_to_the_end(binary, reads), TIMEOUT_S)
    assert failed.value.placeholders == {"detail": "Unknown encoder libx264"}


async def trial_to_the_end(binary: str, reads: str) -> None:
    """Try a binary; end the input of one that reads it all."""
    if not reads:
        await try_encoding(binary, jpeg(), SMALL)
    encoder = Encoder(binary, SMALL)
    await encoder.start()
    try:
        await encoder.write(PacedFrame(jpeg(), 0))
        encoder._process.stdin.close()
        async for _ in encoder.fragments():
            pass
    finally:
        await encoder.stop()


async def test_trial_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that takes pictures and gives nothing fails the trial after a while, and is ended."""
    monkeypatch.setattr(module, "_TRIAL_TIMEOUT_S", 0.3)
    binary = script(tmp_path, "exec cat > /dev/null")
    with pytest.raises(EncoderFailedError) as failed:
        await try_encoding(binary, jpeg(), SMALL)
    assert failed.value.placeholders == {"detail": "no picture within 0.3 s"}


async def test_trial_of_a_picture_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are no JPEG fail the trial."""
    monkeypatch.setattr(module, "_TRIAL_TIMEOUT_S", 0.5)
    with pytest.raises(EncoderFailedError):
        await try_encoding("ffmpeg", b"no picture", SMALL)
