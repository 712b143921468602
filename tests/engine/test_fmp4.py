"""Tests of the fragmented MP4 writer: FFmpeg and Chromium read it back, and it adds up byte by byte."""

import base64
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
import struct

from hypothesis import given, strategies as st
from playwright.async_api import async_playwright
import pytest

from custom_components.dashboard_cast.engine import aac, fmp4
from custom_components.dashboard_cast.engine.segments import PART_TARGET, PART_TICKS
from custom_components.dashboard_cast.models import VIDEO_TIMESCALE, Sample

from ..tv.player import ARGUMENTS, find_browser
from .boxes import MovieFragment, fragments, paths
from .media import HEIGHT, SILENT_BLOCK, WIDTH, Coded, decoded, packets, sound, streams

VIDEO, AUDIO = 1, 2
SYNC, NON_SYNC = 0x02000000, 0x01010000
MONTHS = 90_000 * 86_400 * 100
PLAY = """
async ([codecs, pieces]) => {
  const video = document.createElement("video");
  const source = new MediaSource();
  const until = (target, event) => new Promise((resolve, reject) => {
    target.addEventListener(event, resolve, { once: true });
    video.addEventListener("error", () => reject(new Error(video.error.message)), { once: true });
  });
  video.muted = true;
  video.src = URL.createObjectURL(source);
  await until(source, "sourceopen");
  const buffer = source.addSourceBuffer(`video/mp4; codecs="${codecs}"`);
  for (const piece of pieces) {
    buffer.appendBuffer(Uint8Array.from(atob(piece), (letter) => letter.charCodeAt(0)));
    await until(buffer, "updateend");
  }
  source.endOfStream();
  const ranges = [];
  for (let index = 0; index < video.buffered.length; index++)
    ranges.push([video.buffered.start(index), video.buffered.end(index)]);
  video.currentTime = ranges[0][0];
  video.playbackRate = 4;
  const ended = until(video, "ended");
  await video.play();
  await ended;
  const { totalVideoFrames } = video.getVideoPlaybackQuality();
  return { ranges, pictures: totalVideoFrames, size: [video.videoWidth, video.videoHeight] };
}
"""


def written(coded: Coded, size: int, first: int = 0) -> list[bytes]:
    """Return the init segment and the fragments of so many pictures each, from the first-th fragment on."""
    groups = list(enumerate(coded.groups(size), start=1))[first:]
    made = [fmp4.fragment(number, samples, end) for number, (samples, end) in groups]
    return [fmp4.init(coded.avcc, WIDTH, HEIGHT), *made]


@st.composite
def groups_of_samples(draw: st.DrawFn) -> list[tuple[list[Sample], int]]:
    """Return made-up pictures in groups, and when each group has been shown."""
    distances = draw(st.lists(st.integers(2, 200_000), min_size=1, max_size=30))
    *times, end = accumulate(distances, initial=draw(st.integers(0, MONTHS)))
    samples = [Sample(draw(st.binary(max_size=30)), time, draw(st.booleans())) for time in times]
    cuts = draw(st.sets(st.integers(1, len(samples)), max_size=10))
    edges = sorted(cuts | {0, len(samples)})
    ends = {index: sample.time for index, sample in enumerate(samples)} | {len(samples): end}
    return [(samples[start:stop], ends[stop]) for start, stop in pairwise(edges)]


def shown(groups: Iterable[Sequence[Sample]]) -> list[int]:
    """Return when pictures are shown that are written in these groups."""
    return [
        sample.time + (fmp4.KEYFRAME_DELAY if sample.keyframe and sample is group[0] else 0)
        for group in groups
        for sample in group
    ]


@pytest.mark.parametrize("size", [1, 3, 8, 40])
async def test_times_are_exact(coded: Coded, size: int) -> None:
    """FFmpeg reads every picture at its tick, with its bytes and flag."""
    found = [
        (one["pts"], one["dts"], int(one["size"]), one["flags"].startswith("K"))
        for one in await packets(b"".join(written(coded, size)), "v")
    ]
    times = shown([samples for samples, _ in coded.groups(size)])
    assert found == [
        (time, time, len(one.data), one.keyframe) for time, one in zip(times, coded.samples, strict=True)
    ]


async def test_pictures_arrive_unchanged(coded: Coded) -> None:
    """Decoded, the pictures are those that FFmpeg's own container gives."""
    assert await decoded(b"".join(written(coded, 3))) == await decoded(coded.flv)


@given(st.integers(1, MONTHS // VIDEO_TIMESCALE), st.integers(1, 3))
def test_parts_are_where_shaka_player_wants_them(second: int, part: int) -> None:
    """Whenever a viewer comes, a part without a keyframe does not move its timeline by a millisecond."""

    def move(number: int) -> float:
        sample = Sample(b"data", second * VIDEO_TIMESCALE + number * PART_TICKS, keyframe=not number)
        (fragment,) = fragments(fmp4.fragment(1, [sample], sample.time + PART_TICKS))
        return number * PART_TARGET - fragment.runs[0].time / VIDEO_TIMESCALE

    moved = move(0) + 0.001
    assert abs(moved - move(part)) < 0.001


@pytest.mark.parametrize("size", [1, 5])
async def test_sound_is_whole_and_silent(coded: Coded, size: int) -> None:
    """The sound has one block after the other, all zeros."""
    data = b"".join(written(coded, size))
    times = [one["pts"] for one in await packets(data, "a")]
    assert times == [block * 1_024 for block in range(-(-coded.end // 1_920))]
    assert await sound(data) == (len(times), {SILENT_BLOCK})


async def test_tracks(coded: Coded) -> None:
    """Both tracks are what they say they are."""
    video, audio = await streams(b"".join(written(coded, 8)))
    assert (video["codec_name"], video["codec_tag_string"], video["profile"]) == ("h264", "avc1", "High")
    assert (video["width"], video["height"], video["sample_aspect_ratio"]) == (WIDTH, HEIGHT, "1:1")
    assert (video["color_range"], video["color_space"]) == ("tv", "bt709")
    assert (video["color_primaries"], video["color_transfer"]) == ("bt709", "bt709")
    assert (video["time_base"], video["start_pts"]) == ("1/90000", fmp4.KEYFRAME_DELAY)
    assert (audio["codec_name"], audio["profile"], audio["channels"]) == ("aac", "LC", 2)
    assert (audio["time_base"], audio["sample_rate"], audio["start_pts"]) == ("1/48000", "48000", 0)


def test_init_segment(coded: Coded) -> None:
    """An init segment is for CMAF, has the encoder's record as it is, and no samples."""
    data = fmp4.init(coded.avcc, 1_920, 1_080)
    found = list(paths(data))
    assert [path for path, _ in found if "/" not in path] == ["ftyp", "moov"]
    assert {b"iso6", b"cmfc"} <= {found[0][1][place : place + 4] for place in range(8, len(found[0][1]), 4)}
    assert coded.avcc in data
    assert [path for path, _ in found if path.startswith("moov/mvex/")] == ["moov/mvex/trex"] * 2
    assert all(not any(payload) for path, payload in found if path[-4:] in {"stts", "stsc", "stsz", "stco"})
    sizes = [struct.unpack(">II", payload[-8:]) for path, payload in found if path.endswith("tkhd")]
    assert sizes == [(1_920 << 16, 1_080 << 16), (0, 0)]


def test_codecs(coded: Coded) -> None:
    """Codecs are named as RFC 6381 does, after what the record says."""
    assert fmp4.codecs(b"\x01\x64\x00\x29\xff") == "avc1.640029,mp4a.40.2"
    assert fmp4.codecs(coded.avcc) == f"avc1.{coded.avcc[1:4].hex()},mp4a.40.2"


@given(groups_of_samples())
def test_fragments_in_a_row_have_no_gap(groups: list[tuple[list[Sample], int]]) -> None:
    """However pictures are divided, they and the sound go on where the fragment before ended."""
    data = b"".join(fmp4.fragment(number, *group) for number, group in enumerate(groups, start=7))
    found = list(fragments(data))
    assert [one.sequence for one in found] == list(range(7, 7 + len(groups)))
    samples = [sample for group, _ in groups for sample in group]
    start, end = samples[0].time, groups[-1][1]
    pictures = assert_gapless(found, VIDEO, start, end)
    assert [(data, flags) for data, _, flags in pictures] == [
        (sample.data, SYNC if sample.keyframe else NON_SYNC) for sample in samples
    ]
    assert [time for _, time, _ in pictures] == shown([group for group, _ in groups])
    blocks = aac.blocks(start, end)
    silence = assert_gapless(found, AUDIO, blocks.start * 1_024, blocks.stop * 1_024) if blocks else []
    assert silence == [(aac.SILENCE, block * 1_024, SYNC) for block in blocks]


def assert_gapless(
    found: list[MovieFragment], track: int, start: int, end: int
) -> list[tuple[bytes, int, int]]:
    """Return data, times and flags of a track's samples, which reach from start to end."""
    samples = []
    for one in found:
        if run := one.run(track):
            if track == VIDEO and run.table[0][2] == SYNC:
                start += fmp4.KEYFRAME_DELAY
            assert run.time == start
            for (duration, _, flags), data in zip(run.table, run.data, strict=True):
                samples.append((data, start, flags))
                start += duration
    assert start == end
    return samples


@given(groups_of_samples())
def test_sound_begins_in_its_fragment(groups: list[tuple[list[Sample], int]]) -> None:
    """A fragment has exactly the blocks that start while its pictures are shown."""
    for samples, end in groups:
        (found,) = fragments(fmp4.fragment(1, samples, end))
        run = found.run(AUDIO)
        times = [run.time // 1_024 * 1_920 + 1_920 * index for index in range(len(run.table))] if run else []
        assert times == list(range(-(-samples[0].time // 1_920) * 1_920, end, 1_920))


def test_a_fragment_without_sound(coded: Coded) -> None:
    """A fragment shorter than a block of sound is one of pictures alone."""
    (found,) = fragments(fmp4.fragment(1, [Sample(b"data", 1, keyframe=True)], 1_920))
    assert [run.track for run in found.runs] == [VIDEO]


async def test_after_months(coded: Coded) -> None:
    """Times of more than 32 bits are as exact as others."""
    late = coded.moved(MONTHS)
    data = b"".join(written(late, 8))
    times = shown([samples for samples, _ in late.groups(8)])
    assert [one["pts"] for one in await packets(data, "v")] == times
    first = -(-MONTHS // 1_920) * 1_024
    assert (await packets(data, "a"))[0]["pts"] == first


async def test_from_the_middle(coded: Coded) -> None:
    """A player that comes late gets the pictures from a keyframe on, at their times."""
    data = b"".join(written(coded, 8, first=2))
    times = shown([samples for samples, _ in coded.groups(8)[2:]])
    assert [one["pts"] for one in await packets(data, "v")] == times
    assert await decoded(data) == (await decoded(coded.flv))[16:]


@pytest.mark.parametrize(("size", "first"), [(1, 0), (3, 0), (8, 2)])
async def test_chromium_plays(coded: Coded, size: int, first: int) -> None:
    """Chromium plays all pictures, and finds no gap between fragments."""
    pieces = [base64.b64encode(piece).decode() for piece in written(coded, size, first)]
    start = coded.groups(size)[first][0][0].time
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS) as running,
    ):
        page = await running.new_page()
        played = await page.evaluate(PLAY, [fmp4.codecs(coded.avcc), pieces])
    (found,) = played["ranges"]
    assert found == pytest.approx([start / 90_000, coded.end / 90_000], abs=0.022)
    assert played["pictures"] > 0
    assert played["size"] == [WIDTH, HEIGHT]
