"""Tests of the MPEG-TS writer: FFmpeg and Shaka Player read it back, and it adds up byte by byte."""

import asyncio
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path
import struct

from hypothesis import given, strategies as st
import pytest

from custom_components.dashboard_cast.engine import aac
from custom_components.dashboard_cast.engine.mpegts import Multiplexer
from custom_components.dashboard_cast.errors import MalformedMediaError
from custom_components.dashboard_cast.models import Sample

from ..tv.library import PlayerKind
from ..tv.player import Player, PlayerEvent
from ..tv.stream import HOST, serve
from . import media, transport
from .helpers import TIMEOUT_S
from .media import HEIGHT, SILENT_BLOCK, WIDTH, Coded
from .transport import nal_units

PAT, PMT, VIDEO, AUDIO = 0, 0x1000, 0x100, 0x101
WRAP = 2**33
DELAY = 18_000
AVCC = b"\x01\x64\x00\x29\xff\xe1\x00\x03\x67SP\x01\x00\x02\x68P"
OTHER = b"\x01\x64\x00\x29\xff\xe2\x00\x02\x67A\x00\x02\x67B\x02\x00\x02\x68C\x00\x02\x68D"

type Group = tuple[list[Sample], int]


def written(coded: Coded, size: int, first: int = 0) -> list[bytes]:
    """Return segments of so many pictures each, from the first-th on."""
    multiplexer = Multiplexer(coded.avcc)
    return [multiplexer.segment(*group) for group in coded.groups(size)][first:]


def sample(data: bytes, time: int, *, keyframe: bool = False) -> Sample:
    """Return a picture of one NAL unit."""
    return Sample(struct.pack(">I", len(data)) + data, time, keyframe)


@st.composite
def groups_of_samples(draw: st.DrawFn) -> list[Group]:
    """Return made-up pictures of any size in groups, and when each group has been shown."""
    # The distances of a still page and of the clock among them.
    distance = st.integers(1, 60_000) | st.sampled_from((3_000, 9_000, 18_000, 22_500, 45_000))
    distances = draw(st.lists(distance, min_size=1, max_size=20))
    start = draw(st.integers(0, 10**6) | st.integers(WRAP - 10**6, WRAP) | st.integers(0, 100 * WRAP))
    *times, end = accumulate(distances, initial=start)
    samples = [
        sample(b"\x41" * draw(st.integers(1, 1_000)), time, keyframe=draw(st.booleans())) for time in times
    ]
    cuts = draw(st.sets(st.integers(1, len(samples)), max_size=5))
    edges = sorted(cuts | {0, len(samples)})
    ends = {index: one.time for index, one in enumerate(samples)} | {len(samples): end}
    return [(samples[begin:stop], ends[stop]) for begin, stop in pairwise(edges)]


def multiplexed(groups: list[Group]) -> list[transport.Packet]:
    """Return the packets of segments in a row."""
    multiplexer = Multiplexer(AVCC)
    return transport.packets(b"".join(multiplexer.segment(*group) for group in groups))


@pytest.mark.parametrize("size", [1, 3, 8, 40])
async def test_times_are_exact(coded: Coded, size: int) -> None:
    """FFmpeg reads every picture at its tick, and knows the keyframes."""
    found = [
        (one["pts"] - DELAY, one["dts"] - DELAY, one["flags"].startswith("K"))
        for one in await media.packets(b"".join(written(coded, size)), "v")
    ]
    assert found == [(one.time, one.time, one.keyframe) for one in coded.samples]


async def test_pictures_arrive_unchanged(coded: Coded) -> None:
    """Decoded, the pictures are those that FFmpeg's own container gives."""
    assert await media.decoded(b"".join(written(coded, 8))) == await media.decoded(coded.flv)


@pytest.mark.parametrize("size", [1, 5])
async def test_sound_is_whole_and_silent(coded: Coded, size: int) -> None:
    """The sound has one block after the other, all zeros."""
    data = b"".join(written(coded, size))
    times = [one["pts"] - DELAY for one in await media.packets(data, "a")]
    assert times == list(range(0, coded.end, 1_920))
    assert await media.sound(data) == (len(times), {SILENT_BLOCK})


async def test_streams(coded: Coded) -> None:
    """Both streams are what they say they are."""
    video, audio = await media.streams(b"".join(written(coded, 8)))
    assert (video["codec_name"], video["profile"], video["id"]) == ("h264", "High", "0x100")
    assert (video["width"], video["height"]) == (WIDTH, HEIGHT)
    assert (audio["codec_name"], audio["profile"], audio["id"]) == ("aac", "LC", "0x101")
    assert (audio["channels"], audio["sample_rate"]) == (2, "48000")


async def test_from_the_middle(coded: Coded) -> None:
    """A player that comes late gets the pictures from a keyframe on, at their times."""
    data = b"".join(written(coded, 8, first=2))
    times = [one["pts"] - DELAY for one in await media.packets(data, "v")]
    assert times == [one.time for one in coded.samples[16:]]
    assert await media.decoded(data) == (await media.decoded(coded.flv))[16:]


async def test_across_the_wrap(coded: Coded) -> None:
    """Pictures go on when the clock of 33 bits starts anew, after a day."""
    start = WRAP - DELAY - coded.samples[20].time
    data = b"".join(written(coded.moved(start), 8))
    assert await media.decoded(data) == await media.decoded(coded.flv)
    times = [one.time for one in transport.pes(transport.packets(data), VIDEO)]
    assert times[20] == 0
    assert [(time - times[0]) % WRAP for time in times] == [one.time for one in coded.samples]


def test_tables_come_first() -> None:
    """A segment begins with the tables, which name both streams and which has the clock."""
    for group in ([sample(b"\x65", 0, keyframe=True)], 90_000), ([sample(b"\x41", 90_000)], 90_001):
        programs, program, picture, *_ = multiplexed([group])
        assert (programs.pid, program.pid, picture.pid) == (PAT, PMT, VIDEO)
        assert transport.table(programs) == (0, bytes.fromhex("0001 f000"))
        streams = bytes.fromhex("e100 f000  1b e100 f000  0f e101 f000")
        assert transport.table(program) == (2, streams)


@given(groups_of_samples())
def test_pictures(groups: list[Group]) -> None:
    """Every picture is one PES packet at its time, with all that decoding from it needs."""
    found = list(transport.pes(multiplexed(groups), VIDEO))
    samples = [one for group, _ in groups for one in group]
    assert [one.time for one in found] == [(sample.time + DELAY) % WRAP for sample in samples]
    assert [one.clock for one in found] == [sample.time % WRAP for sample in samples]
    assert [one.random_access for one in found] == [sample.keyframe for sample in samples]
    for one, expected in zip(found, samples, strict=True):
        parameter_sets = [b"\x67SP", b"\x68P"] if expected.keyframe else []
        assert nal_units(one.payload) == [b"\x09\xf0", *parameter_sets, expected.data[4:]]


@given(groups_of_samples())
def test_sound(groups: list[Group]) -> None:
    """The blocks of silence that start in a segment are in it, one after the other."""
    found = list(blocks(multiplexed(groups)))
    numbers = aac.blocks(groups[0][0][0].time, groups[-1][1])
    assert [time for time, _ in found] == [(number * 1_920 + DELAY) % WRAP for number in numbers]
    assert {data for _, data in found} <= {aac.SILENCE}
    multiplexer = Multiplexer(AVCC)
    for samples, end in groups:
        segment = transport.packets(multiplexer.segment(samples, end))
        assert len(list(blocks(segment))) == len(aac.blocks(samples[0].time, end))


def blocks(found: list[transport.Packet]) -> Iterator[tuple[int, bytes]]:
    """Yield times and data of coded blocks, out of their ADTS frames (ISO/IEC 14496-3 section 1.A.2.2)."""
    for packet in transport.pes(found, AUDIO):
        data, time = packet.payload, packet.time
        while data:
            # AAC-LC, 48 kHz, two channels, no checksum, one block.
            assert int.from_bytes(data[:7]) & 0xFFFFFDC0_001FFF == 0xFFF14C80_001FFC
            size = int.from_bytes(data[3:6]) >> 5 & 0x1FFF
            yield time, data[7:size]
            data, time = data[size:], (time + 1_920) % WRAP


@given(groups_of_samples())
def test_no_packet_is_missing(groups: list[Group]) -> None:
    """Counters go on from packet to packet, also from segment to segment."""
    transport.check_counters(multiplexed(groups))


@given(groups_of_samples())
def test_the_clock_is_told_in_time(groups: list[Group]) -> None:
    """The clock is told every 100 ms (ISO/IEC 13818-1 section 2.7.2), however long a picture stays."""
    clocks = [packet.clock for packet in multiplexed(groups) if packet.clock is not None]
    clocks.append(groups[-1][1] % WRAP)
    assert all(0 < (later - earlier) % WRAP <= 9_000 for earlier, later in pairwise(clocks))


@given(groups_of_samples())
def test_sound_comes_in_time(groups: list[Group]) -> None:
    """Sound lies where the clock is behind it, but by little, so that no buffer runs empty or over."""
    clock = 0
    for packet in multiplexed(groups):
        clock = clock if packet.clock is None else packet.clock
        if packet.pid == AUDIO:
            (begun,) = transport.pes([packet], AUDIO)
            assert DELAY <= (begun.time - clock) % WRAP <= DELAY + 9_000


@pytest.mark.parametrize("size", range(6, len(AVCC)))
def test_configuration_is_cut_off(size: int) -> None:
    """Half a configuration is none."""
    with pytest.raises(MalformedMediaError, match="cut off"):
        Multiplexer(AVCC[:size])


def test_reconfigured() -> None:
    """The next encoder run has other parameter sets, and no packet is missing in between."""
    multiplexer = Multiplexer(AVCC)
    data = multiplexer.segment([sample(b"\x65", 0, keyframe=True)], 45_000)
    multiplexer.reconfigure(OTHER)
    data += multiplexer.segment([sample(b"\x65", 45_000, keyframe=True)], 90_000)
    found = transport.packets(data)
    transport.check_counters(found)
    units = [nal_units(one.payload)[1:-1] for one in transport.pes(found, VIDEO)]
    assert units == [[b"\x67SP", b"\x68P"], [b"\x67A", b"\x67B", b"\x68C", b"\x68D"]]


@given(st.lists(st.binary(min_size=1, max_size=50).map(lambda data: b"\x41" + data.replace(b"\0", b"\1"))))
def test_slices(units: list[bytes]) -> None:
    """Every slice of a picture gets its start code."""
    data = b"".join(struct.pack(">I", len(unit)) + unit for unit in units)
    (found,) = transport.pes(multiplexed([([Sample(data, 0, keyframe=False)], 3_000)]), VIDEO)
    assert nal_units(found.payload) == [b"\x09\xf0", *units]


def test_any_size() -> None:
    """Packets are full, whatever the picture's size is."""
    for size in range(600):
        found = multiplexed([([sample(b"\x41" * size, 0)], 1_000)])
        transport.check_counters(found)
        (picture,) = transport.pes(found, VIDEO)
        assert picture.payload == b"\0\0\0\1\x09\xf0\0\0\0\1" + b"\x41" * size


async def test_shaka_plays(coded: Coded, tmp_path: Path) -> None:
    """Shaka Player, which Cast devices have, plays the segments."""
    write_playlist(tmp_path, list(zip(written(coded, 8), coded.groups(8), strict=True))[3:])
    reason: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def hear(event: PlayerEvent) -> None:
        if event.idle_reason:
            reason.set_result(event.idle_reason)

    player = Player(HOST, (WIDTH, HEIGHT), hear, PlayerKind.SHAKA_5, low_latency=True)
    await player.start()
    try:
        await player.switch_on("", "")
        async with serve(tmp_path) as url:
            address = f"{url}/ts.m3u8"
            assert not await player.load(1, address, "application/x-mpegurl", autoplay=True, start=None)
            assert await asyncio.wait_for(reason, TIMEOUT_S) == "FINISHED"
            report = await player.report()
    finally:
        await player.stop()
    assert report.resolution == (WIDTH, HEIGHT)
    assert report.stalls == 0
    assert report.frames > 0


def write_playlist(folder: Path, segments: list[tuple[bytes, Group]]) -> None:
    """Write segments and a playlist of them into a folder."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:5"]
    for number, (segment, (samples, end)) in enumerate(segments):
        (folder / f"{number}.ts").write_bytes(segment)
        lines += [f"#EXTINF:{(end - samples[0].time) / 90_000:.5f},", f"{number}.ts"]
    (folder / "ts.m3u8").write_text("\n".join([*lines, "#EXT-X-ENDLIST", ""]))
