"""Tests of the encoder with the real FFmpeg: colours, times, keyframes, repeats, and how it fails."""

import asyncio
from collections.abc import AsyncIterator
import io
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings, strategies as st
from PIL import Image
import pytest

from custom_components.dashboard_cast.engine import encoder as module, matroska, process
from custom_components.dashboard_cast.engine.codecs import SOFTWARE
from custom_components.dashboard_cast.engine.encoder import Encoder, arguments
from custom_components.dashboard_cast.engine.flv import Configuration, FlvReader, Picture
from custom_components.dashboard_cast.engine.pacer import PART_US, SEGMENT_US, PacedFrame
from custom_components.dashboard_cast.errors import (
    EncoderFailedError,
    FFmpegMissingError,
    MalformedMediaError,
)
from custom_components.dashboard_cast.models import MICROSECONDS, Frame, Profile, Sample

from .helpers import (
    SMALL,
    TIMEOUT_S,
    Coded,
    Coding,
    Colour,
    alive,
    byte_stream,
    checksums,
    encode,
    executable,
    frame,
    jpeg,
    nal_units,
    ordered,
    paced,
    probe,
    processes,
    run,
    still,
    ticks,
    until,
)
from .looks import check_looks

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
IDR_SLICE = 5
HOUR_US = 3_600 * MICROSECONDS


def script(folder: Path, *lines: str) -> str:
    """Write a program that stands in for FFmpeg and return its path."""
    return str(executable(folder, "ffmpeg", *lines))


@pytest.fixture
async def encoder() -> AsyncIterator[Coding]:
    """Return a running encoder."""
    running = Coding("ffmpeg", SMALL)
    await running.start()
    yield running
    await running.stop()


def samples_of(coded: Coded) -> list[Sample]:
    """Return the pictures without their configuration."""
    return [sample for _, sample in coded]


def is_idr(sample: Sample) -> bool:
    """Return whether a decoder can start with a picture."""
    return {nal[0] & 0x1F for nal in nal_units(sample.data)} == {IDR_SLICE}


async def decoded(coded: Coded) -> list[str]:
    """Return the checksums of the decoded pictures, which have one configuration."""
    ((avcc),) = {avcc for avcc, _ in coded}
    found = await checksums(avcc, [sample.data for _, sample in coded])
    assert len(found) == len(coded)
    return found


def spans(coded: Coded, found: list[str], *edges_us: int) -> list[set[str]]:
    """Return the different looks of pictures between each two of these times."""
    looks = [(sample.time * 100 // 9, look) for (_, sample), look in zip(coded, found, strict=True)]
    return [{look for time_us, look in looks if start <= time_us < end} for start, end in pairwise(edges_us)]


async def test_colours() -> None:
    """Colours come out as the browser drew them, in repeats as well."""
    picture = Frame(jpeg(colours=COLOURS), 0.0)
    pictures = still(picture, 0, 2 * SEGMENT_US)
    await check_looks(await encode(pictures), pictures, len(COLOURS), 3.5)


async def test_picture_of_another_size() -> None:
    """A picture that is no multiple of the size is brought to it."""
    other = Frame(jpeg(width=SMALL.width - 1, height=SMALL.height + 3), 0.0)
    ((avcc, sample),) = await encode([PacedFrame(other, 0, keyframe=True)])
    video = (await probe(byte_stream(avcc, [sample.data]), "-f", "h264", "-show_streams"))["streams"][0]
    assert (video["width"], video["height"]) == (SMALL.width, SMALL.height)


async def test_what_the_stream_declares() -> None:
    """Profile, level, pixels and colours are those that televisions play."""
    ((avcc, sample),) = await encode([paced(frame(0), 0)])
    assert avcc[:4].hex() == "01640029"
    data = byte_stream(avcc, [sample.data])
    video = (await probe(data, "-f", "h264", "-show_streams"))["streams"][0]
    expected = {
        "codec_name": "h264",
        "profile": "High",
        "level": 41,
        "width": SMALL.width,
        "height": SMALL.height,
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
    """Pictures are shown when they were drawn, to a tick of the stream's clock, one for one."""
    times = [0, 33_333, 100_001, 250_000, 500_000, 666_667, 667_667, 750_000, SEGMENT_US, 1_000_012]
    pictures = [paced(frame(index), time_us) for index, time_us in enumerate(times)]
    coded = ordered(await encode(pictures), pictures)
    assert [sample.time for _, sample in coded] == [time_us * 9 // 100 for time_us in times]
    assert [sample.keyframe for _, sample in coded] == [time_us % SEGMENT_US == 0 for time_us in times]


@pytest.mark.parametrize(
    ("distance_us", "expected_us"),
    [
        (20_000, []),
        (50_000, []),
        (75_000, []),
        (75_001, [50_000]),
        (100_000, [50_000]),
        (199_999, [50_000, 100_000, 150_000]),
        (PART_US, [50_000, 100_000, 150_000, 200_000]),
    ],
)
async def test_the_time_between_is_filled(encoder: Coding, distance_us: int, expected_us: list[int]) -> None:
    """Players get a picture every 50 ms, but none shortly before the next one: the last one once more."""
    pictures = [paced(frame(0), 0), *(paced(frame(index), index * distance_us) for index in (1, 2))]
    coded = await encoder.through(pictures)
    times = [
        time_us for start in (0, distance_us) for time_us in (start, *(start + at for at in expected_us))
    ]
    assert [sample.time for _, sample in coded] == [
        time_us * 9 // 100 for time_us in (*times, 2 * distance_us)
    ]
    assert [sample.keyframe for _, sample in coded] == [True, *[False] * (len(coded) - 1)]
    found = spans(coded, await decoded(coded), -1, distance_us - 20, 2 * distance_us - 20, 3 * distance_us)
    assert [len(looks) for looks in found] == [1, 1, 1]
    assert len(set.union(*found)) == 3
    assert encoder.pictures == 3


async def test_a_still_page_costs_nothing(encoder: Coding) -> None:
    """A picture that stands still is coded once, and looks the same for ever."""
    coded = await encoder.through(still(frame(0), 0, 9 * SEGMENT_US))
    assert encoder.pictures == 1
    assert len(set(await decoded(coded))) == 1
    assert [is_idr(sample) for _, sample in coded] == [sample.keyframe for _, sample in coded]
    assert sum(len(sample.data) for _, sample in coded if not sample.keyframe) < len(coded) * 30


async def test_a_change_is_coded_twice(encoder: Coding) -> None:
    """A picture that changed is coded when it did and as the next keyframe; then it stands still."""
    pictures = [
        *still(frame(0), 0, 600_000),
        paced(frame(1), 600_000),
        *still(frame(1), 750_000, 4 * SEGMENT_US),
    ]
    coded = await encoder.through(pictures)
    assert encoder.pictures == 3
    first, second, third = spans(coded, await decoded(coded), 0, 600_000, SEGMENT_US, 4 * SEGMENT_US)
    assert [len(first), len(second), len(third)] == [1, 1, 1]
    assert first != second
    await check_looks(coded, pictures)


async def test_a_change_on_a_keyframe_is_coded_once(encoder: Coding) -> None:
    """A picture that changed where a segment begins is a keyframe already."""
    await encoder.through(still(frame(0), 0, SEGMENT_US) + still(frame(1), SEGMENT_US, 4 * SEGMENT_US))
    assert encoder.pictures == 2


async def test_equal_pictures_of_a_page_are_changes(encoder: Coding) -> None:
    """Whether a picture changed is for the browser to say."""
    await encoder.through([paced(Frame(jpeg(), index), index * 100_000) for index in range(5)])
    assert encoder.pictures == 5


async def test_no_keyframe_between() -> None:
    """A change of the whole picture makes no keyframe: it would be the start of nothing."""
    coded = await encode([paced(frame(index % 2), index * 100_000) for index in range(31)])
    assert [is_idr(sample) for _, sample in coded] == [sample.time % 90_000 == 0 for _, sample in coded]


@pytest.mark.parametrize("still_s", [3, 20, 300])
async def test_no_keyframe_after_a_still_time(still_s: int) -> None:
    """However long a page stood still, what changes then makes no keyframes of its own."""
    end_us = still_s * SEGMENT_US
    moving = [paced(frame(1 + index), end_us + 100_000 * (index + 1)) for index in range(19)]
    coded = await encode([*still(frame(0), 0, end_us), paced(frame(0), end_us), *moving])
    assert [is_idr(sample) for _, sample in coded] == [sample.keyframe for _, sample in coded]


async def test_keyframes_after_days_of_standing_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the longest still time a keyframe is one."""
    # Two million repeats would say no more.
    monkeypatch.setattr(module, "_FILL_US", 1_000 * HOUR_US)
    changed_us = 31 * HOUR_US + 600_000
    pictures = [paced(frame(0), 0), *still(frame(0), 31 * HOUR_US, changed_us), paced(frame(1), changed_us)]
    pictures += still(frame(1), 31 * HOUR_US + 750_000, 31 * HOUR_US + SEGMENT_US)
    pictures += [paced(frame(2 + index), (31 * 3_600 + 1 + index) * SEGMENT_US) for index in range(4)]
    coded = await encode(pictures)
    assert all(is_idr(sample) for _, sample in coded if sample.keyframe)
    await check_looks(coded, pictures)


async def test_clock_of_flv() -> None:
    """FLV counts milliseconds in 31 bits: FFmpeg goes on when it begins anew, after 25 and 50 days."""
    # FFmpeg takes a jump of more than 30 hours for an error.
    times = range(0, 51 * 24 * HOUR_US, 28 * HOUR_US)
    data = matroska.header(SMALL.width, SMALL.height, SMALL.frame_rate)
    data += b"".join(matroska.picture(frame(index).jpeg, time_us) for index, time_us in enumerate(times))
    configuration, *pictures = FlvReader().feed(await run(*arguments("ffmpeg", SOFTWARE, SMALL), data=data))
    assert isinstance(configuration, Configuration)
    coded = [
        (configuration.data, Sample(one.data, index * 9_000, one.keyframe))
        for index, one in enumerate(pictures)
        if isinstance(one, Picture)
    ]
    assert len(coded) == len(times)
    await check_looks(coded, [paced(frame(index), index * 100_000) for index in range(len(times))])


async def test_a_picture_is_let_out_at_once(encoder: Coding) -> None:
    """Nothing is held back until the next picture comes."""
    for index in range(5):
        coded = await encoder.through([paced(frame(index), index * 100_000)])
        assert coded[-1][1].time == index * 9_000


async def test_several_slices() -> None:
    """Pictures of the full size are as exact."""
    picture = Frame(jpeg(1920, 1080, COLOURS), 0.0)
    other = Frame(jpeg(1920, 1080, COLOURS[::-1]), 0.0)
    pictures = [
        *still(picture, 0, SEGMENT_US),
        paced(other, 1_100_000),
        *still(other, 1_250_000, 3 * SEGMENT_US),
    ]
    coded = await encode(pictures, Profile(width=1920, height=1080))
    assert max(len(nal_units(sample.data)) for _, sample in coded) == 2
    found = spans(coded, await decoded(coded), 0, SEGMENT_US, 1_100_000, 2 * SEGMENT_US, 3 * SEGMENT_US)
    assert [len(looks) for looks in found] == [1, 1, 1, 1]


changes = st.integers(1, 999_999) | st.sampled_from([249_999, 499_995, 749_990, 999_995, 999_999])
scenes = st.lists(
    st.tuples(st.integers(0, 6), st.lists(changes, max_size=4, unique=True)),
    min_size=1,
    max_size=5,
)


@settings(max_examples=15, deadline=None)
@given(scenes)
def test_any_changes(scene: list[tuple[int, list[int]]]) -> None:
    """Whatever changes when: a picture out for each in, at its time, and always what is due.

    scene: for each second, after how many still seconds it comes, and when in it the page changes.
    """
    pictures = _pictures(scene)
    with asyncio.Runner() as runner:
        coded = runner.run(encode(pictures))
        asked = samples_of(ordered(coded, pictures))
        assert [sample.time for sample in asked] == [ticks(one) for one in pictures]
        assert [sample.keyframe for sample in asked] == [one.keyframe for one in pictures]
        assert [is_idr(sample) for _, sample in coded] == [sample.keyframe for _, sample in coded]
        runner.run(check_looks(coded, pictures))


def _pictures(scene: list[tuple[int, list[int]]]) -> list[PacedFrame]:
    """Return the pictures of a scene, on the whole grid and where they change."""
    made: list[PacedFrame] = []
    number, start_us = 0, 0
    for still_s, changes_us in scene:
        made += still(frame(number), start_us, start_us + still_s * SEGMENT_US)
        start_us += still_s * SEGMENT_US
        points = set(range(0, SEGMENT_US, PART_US))
        # The pacer keeps a millisecond between a picture and a change after it, not before a point.
        changes = {time_us for time_us in changes_us if time_us % PART_US >= 1_000}
        for time_us in sorted(points | changes):
            if time_us not in points and start_us + time_us < made[-1].time_us + 1_000:
                continue
            number += time_us not in points
            made.append(paced(frame(number), start_us + time_us))
        start_us += SEGMENT_US
    return made


async def test_bit_rate_is_capped() -> None:
    """Pictures that cannot be compressed do not exceed what the profile allows, but for its buffer."""
    profile = Profile(width=320, height=180, frame_rate=10, max_bit_rate=500_000)
    noise = [Frame(_saved(Image.effect_noise((320, 180), 90).convert("RGB")), 0.0) for _ in range(40)]
    samples = samples_of(
        await encode([paced(one, index * 100_000) for index, one in enumerate(noise)], profile)
    )
    bits = 8 * sum(len(sample.data) for sample in samples)
    assert bits <= profile.max_bit_rate * (4.0 + 0.5) * 1.1


def _saved(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=80)
    return written.getvalue()


@pytest.mark.parametrize(("height", "threads"), [(720, "1"), (1080, "2")])
def test_threads(height: int, threads: str) -> None:
    """A second thread costs more than it brings where one is fast enough."""
    command = arguments("ffmpeg", SOFTWARE, Profile(height=height))
    assert command[command.index("-threads") + 1] == threads


def test_arguments_follow_the_profile() -> None:
    """Binary, level and bit rate are those that were asked for."""
    command = arguments("/opt/ffmpeg", SOFTWARE, Profile(level="4.2", max_bit_rate=1_234_567))
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
        await Encoder(str(path), SMALL).start()


async def kill() -> None:
    """Kill FFmpeg and wait until it is gone."""
    (ffmpeg,) = processes("ffmpeg")
    ffmpeg.kill()
    await until(lambda: not alive([ffmpeg]))


async def test_killed_before_the_first_picture(encoder: Coding) -> None:
    """An FFmpeg that has never given a picture is not tried again."""
    await kill()
    with pytest.raises(EncoderFailedError) as failed:
        await encoder.through([paced(frame(0), 0)])
    assert failed.value.placeholders == {"detail": "exit code -9"}


async def test_killed_while_the_page_moves(encoder: Coding) -> None:
    """Pictures go on: the last one stays until the next keyframe, which a new FFmpeg codes."""
    before = [paced(frame(index), index * 100_000) for index in range(6)]
    coded = await encoder.through(before)
    await kill()
    gap = [paced(frame(index), index * 100_000) for index in range(6, 10)]
    after = [paced(frame(index), index * 100_000) for index in range(10, 25)]
    for picture in gap + after:
        coded += await encoder.through([picture])
    assert len(processes("ffmpeg")) == 1
    assert [sample.time for _, sample in coded] == [index * 4_500 for index in range(49)]
    assert [is_idr(sample) for _, sample in coded] == [sample.keyframe for _, sample in coded]
    await check_looks(coded, [*before, *after])
    (looks,) = spans(coded, await decoded(coded), 500_000, SEGMENT_US)
    assert len(looks) == 1


async def test_killed_while_the_page_is_still(encoder: Coding) -> None:
    """It is noticed though nobody needs it: with the next keyframe another is there for what changes then."""
    pictures = still(frame(0), 0, SEGMENT_US)
    coded = await encoder.through(pictures)
    await kill()
    pictures = still(frame(0), SEGMENT_US, 3 * SEGMENT_US)
    for picture in pictures:
        coded += await encoder.through([picture])
    assert len(processes("ffmpeg")) == 1
    assert encoder.pictures == 2
    change = [paced(frame(1), 3_100_000), *still(frame(1), 3_250_000, 5 * SEGMENT_US)]
    coded += await encoder.through([paced(frame(0), 3 * SEGMENT_US), *change])
    await check_looks(coded, [paced(frame(0), 0), *change])


async def test_killed_with_many_pictures_under_way(encoder: Coding) -> None:
    """Pictures that a dead FFmpeg was given are replaced; the order and the times stay."""
    coded = await encoder.through(still(frame(0), 0, SEGMENT_US))
    await kill()
    pictures = [paced(frame(index // 3), SEGMENT_US + index * 125_000) for index in range(3, 40)]
    coded += await encoder.through(pictures)
    last = [paced(frame(50), 6_050_000), *still(frame(50), 6_250_000, 8 * SEGMENT_US)]
    for picture in last:
        coded += await encoder.through([picture])
    assert [is_idr(sample) for _, sample in coded if sample.keyframe] == [True] * 6
    assert len(await decoded(coded)) == len(coded)
    end = [one for one in coded if one[1].time >= ticks(paced(frame(50), 7 * SEGMENT_US))]
    await check_looks(end, last)


async def test_killed_on_a_keyframe(encoder: Coding) -> None:
    """A keyframe that a dead FFmpeg was to code is coded by the next one at once."""
    coded = await encoder.through(still(frame(0), 0, SEGMENT_US))
    await kill()
    coded += await encoder.through([paced(frame(1), SEGMENT_US)])
    await check_looks(coded, [paced(frame(0), 0), paced(frame(1), SEGMENT_US)])


async def test_fails_too_often(encoder: Coding) -> None:
    """An FFmpeg that ends again and again ends the stream, with what it died of."""
    await encoder.through([paced(frame(0), 0)])
    for index in range(module._MAX_RESTARTS):
        await kill()
        await encoder.through([paced(frame(1 + index), (1 + index) * SEGMENT_US)])
    await kill()
    with pytest.raises(EncoderFailedError) as failed:
        await encoder.through([paced(frame(50), 50 * SEGMENT_US)])
    assert failed.value.placeholders == {"detail": "exit code -9"}


async def test_fails_now_and_then(encoder: Coding, monkeypatch: pytest.MonkeyPatch) -> None:
    """An FFmpeg that ends every other minute is started anew for ever."""
    monkeypatch.setattr(module, "_FAILURE_WINDOW_S", 0.0)
    await encoder.through([paced(frame(0), 0)])
    for index in range(module._MAX_RESTARTS + 2):
        await kill()
        await encoder.through([paced(frame(1 + index), (1 + index) * SEGMENT_US)])


async def test_hangs(encoder: Coding, monkeypatch: pytest.MonkeyPatch) -> None:
    """An FFmpeg that says nothing any more is replaced at once; nobody waits for its end."""
    coded = await encoder.through(still(frame(0), 0, SEGMENT_US))
    (ffmpeg,) = processes("ffmpeg")
    ffmpeg.suspend()
    monkeypatch.setattr(module, "_PICTURE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(process, "_GRACE_S", TIMEOUT_S)
    coded += await encoder.through([paced(frame(1), 1_100_000)])
    assert alive([ffmpeg])
    monkeypatch.undo()
    coded += await encoder.through(
        [paced(frame(1), 1_250_000), *still(frame(1), 2 * SEGMENT_US, 3 * SEGMENT_US)]
    )
    ffmpeg.resume()
    await until(lambda: not alive([ffmpeg]))
    await check_looks(coded, [paced(frame(0), 0), paced(frame(1), 2 * SEGMENT_US)])


async def test_stopped_while_it_hangs(encoder: Coding, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop that comes while a hanging FFmpeg is ended leaves none."""
    await encoder.through([paced(frame(0), 0)])
    (ffmpeg,) = processes("ffmpeg")
    ffmpeg.suspend()
    monkeypatch.setattr(module, "_PICTURE_TIMEOUT_S", 0.1)
    monkeypatch.setattr(process, "_GRACE_S", 0.2)
    going_on = asyncio.create_task(encoder.through([paced(frame(1), 100_000)]))
    await until(lambda: encoder._run is None)
    going_on.cancel()
    await asyncio.wait([going_on])
    await encoder.stop()
    left = alive([ffmpeg])
    for one in left:
        one.kill()
    assert not left


async def test_stop_that_is_cancelled(encoder: Coding, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop that is itself given up leaves no FFmpeg either, hang as it may."""
    await encoder.through([paced(frame(0), 0)])
    (ffmpeg,) = processes("ffmpeg")
    ffmpeg.suspend()
    monkeypatch.setattr(process, "_GRACE_S", 0.2)
    stopping = asyncio.create_task(encoder.stop())
    for _ in range(2):
        await asyncio.sleep(0)
    stopping.cancel()
    await asyncio.wait([stopping])
    assert stopping.cancelled()
    await until(lambda: not alive([ffmpeg]), 5)


async def test_becomes_nonsense(tmp_path: Path) -> None:
    """A program that writes no video any more ends the stream."""
    encoder = Coding(script(tmp_path, "echo 'This is no video at all'", "exec cat > /dev/null"), SMALL)
    await encoder.start()
    try:
        with pytest.raises(MalformedMediaError):
            await encoder.through([paced(frame(0), 0)])
    finally:
        await encoder.stop()


async def test_writing_waits_while_ffmpeg_is_busy(encoder: Coding) -> None:
    """Pictures do not pile up in memory."""
    (ffmpeg,) = processes("ffmpeg")
    ffmpeg.suspend()

    async def write_for_ever() -> None:
        for index in range(10**9):
            await encoder.write(paced(Frame(jpeg(), 0.0), index * 100_000))

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(write_for_ever(), 0.5)
    assert encoder.pictures * len(jpeg()) < 2_000_000
    ffmpeg.resume()


async def test_stop(encoder: Coding) -> None:
    """FFmpeg ends with its encoder."""
    started = processes("ffmpeg")
    assert started
    await encoder.stop()
    assert not alive(started)
