"""Tests of the playlists, read back with the m3u8 library and held against RFC 8216 and RFC 8216bis."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings, strategies as st
import m3u8
import pytest

from custom_components.dashboard_cast.engine import playlist
from custom_components.dashboard_cast.engine.segments import KEPT, LISTED, PART_TARGET, TARGET_DURATION
from custom_components.dashboard_cast.engine.transport import TransportSegments
from custom_components.dashboard_cast.models import Init, Profile

from .broadcast import EPOCH, PARTS, Broadcast, configuration
from .helpers import encode, frame, paced, parameter_sets

FIRST_INIT = Init(0, b"\x01\x64\x00\x29\xff", 1280, 720)
# How many complete segments have their parts listed.
WITH_PARTS = 2


@pytest.fixture
def broadcast() -> Broadcast:
    """Return a store that nothing was added to."""
    return Broadcast()


def media(broadcast: Broadcast) -> m3u8.M3U8:
    """Return the media playlist as a player reads it."""
    return m3u8.loads(playlist.media(broadcast.store))


def complete(read: m3u8.M3U8) -> list[m3u8.Segment]:
    """Return the segments that are not parts only."""
    return [segment for segment in read.segments if segment.uri]


def parts(read: m3u8.M3U8) -> dict[int, m3u8.PartialSegment]:
    """Return all parts by number."""
    listed = [part for segment in read.segments for part in segment.parts]
    return {int(part.uri.removeprefix("part-").removesuffix(".m4s")): part for part in listed}


def test_master() -> None:
    """The one variant tells everything that a device decides by."""
    master = m3u8.loads(playlist.master(FIRST_INIT, Profile(max_bit_rate=4_000_000)))
    assert master.is_variant
    assert master.is_independent_segments
    (variant,) = master.playlists
    assert variant.uri == "hls.m3u8"
    info = variant.stream_info
    assert info.codecs == "avc1.640029,mp4a.40.2"
    assert info.resolution == (1280, 720)
    assert info.frame_rate == 15
    assert info.average_bandwidth == 4_000_000
    assert info.bandwidth > info.average_bandwidth
    assert info.video_range == "SDR"


def test_master_of_another_playlist() -> None:
    """The variant is what was asked for."""
    master = m3u8.loads(playlist.master(FIRST_INIT, Profile(), "ts.m3u8"))
    assert [variant.uri for variant in master.playlists] == ["ts.m3u8"]


def test_master_is_exact() -> None:
    """Attributes are written as RFC 8216 section 4.3.4.2 wants them: quoted or not."""
    lines = playlist.master(FIRST_INIT, Profile()).splitlines()
    assert lines[0] == "#EXTM3U"
    assert 'CODECS="avc1.640029,mp4a.40.2"' in lines[-2]
    assert "RESOLUTION=1280x720," in lines[-2]
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in lines


async def test_master_of_a_real_stream() -> None:
    """Codecs are those of the parameter sets that the encoder made."""
    ((avcc, _),) = await encode([paced(frame(0), 0)])
    master = m3u8.loads(playlist.master(Init(0, avcc, 320, 180), Profile()))
    sequence, _ = parameter_sets(avcc)
    assert master.playlists[0].stream_info.codecs == f"avc1.{sequence[1:4].hex()},mp4a.40.2"


def test_names() -> None:
    """Names are those that views answer to."""
    names = playlist.init_name(3), playlist.segment_name(14), playlist.part_name(5), playlist.ts_name(6)
    assert names == ("init-3.mp4", "14.m4s", "part-5.m4s", "6.ts")


def test_empty(broadcast: Broadcast) -> None:
    """A playlist without segments is one all the same."""
    read = media(broadcast)
    assert (read.target_duration, read.media_sequence, len(read.segments)) == (1, 0, 0)
    assert read.preload_hint.uri == "part-0.m4s"


def test_always_numbered(broadcast: Broadcast) -> None:
    """Chromium's own player takes a playlist without this tag for one that is complete."""
    broadcast.finish(3)
    store = broadcast.store
    for text in (playlist.media(store), playlist.transport(store, store.listed)):
        assert "#EXT-X-MEDIA-SEQUENCE:0" in text.splitlines()


def test_low_latency(broadcast: Broadcast) -> None:
    """Players are told how long parts are, how far to stay behind, and that they may wait for the next."""
    broadcast.finish(1)
    read = media(broadcast)
    assert read.part_inf.part_target == PART_TARGET
    assert read.server_control.can_block_reload == "YES"
    # RFC 8216bis section 4.4.3.8: at least two, and should be three.
    assert read.server_control.part_hold_back >= 3 * PART_TARGET


def test_media(broadcast: Broadcast) -> None:
    """Segments come with name, length, time of day, init segment and parts."""
    broadcast.finish(3)
    broadcast.part()
    read = media(broadcast)
    assert read.version == 6
    assert read.is_independent_segments
    assert read.media_sequence == 0
    assert not read.is_endlist
    assert not read.discontinuity_sequence
    assert [segment.uri for segment in read.segments] == ["0.m4s", "1.m4s", "2.m4s", None]
    assert [segment.duration for segment in complete(read)] == [TARGET_DURATION] * 3
    assert {segment.init_section.uri for segment in complete(read)} == {"init-0.mp4"}
    starts = [segment.program_date_time for segment in complete(read)]
    assert starts == [datetime.fromtimestamp(EPOCH + second, UTC) for second in range(3)]
    assert [part.independent for part in parts(read).values()] == ["YES", None, None, None] * 2 + ["YES"]
    assert read.preload_hint.uri == "part-13.m4s"


def test_first_line_and_order(broadcast: Broadcast) -> None:
    """What applies to a segment stands before it; the first segment has no discontinuity."""
    broadcast.finish(1)
    lines = playlist.media(broadcast.store).splitlines()
    assert lines[0] == "#EXTM3U"
    assert lines.count("#EXT-X-DISCONTINUITY") == 0
    assert lines.index('#EXT-X-MAP:URI="init-0.mp4"') < lines.index("0.m4s")
    assert lines[lines.index("0.m4s") - 1].startswith("#EXTINF:1")
    assert lines[-1] == '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-4.m4s"'


def test_parts_of_a_segment_to_come(broadcast: Broadcast) -> None:
    """What applies to a segment stands before its parts, as soon as the first one is there."""
    broadcast.segments(1)
    broadcast.avcc = configuration(1)
    broadcast.part()
    broadcast.part()
    lines = playlist.media(broadcast.store).splitlines()
    time = datetime.fromtimestamp(EPOCH + 1, UTC).isoformat(timespec="milliseconds")
    before = {"#EXT-X-DISCONTINUITY", '#EXT-X-MAP:URI="init-1.mp4"', f"#EXT-X-PROGRAM-DATE-TIME:{time}"}
    first = lines.index('#EXT-X-PART:DURATION=0.25,URI="part-4.m4s",INDEPENDENT=YES')
    assert {*lines[lines.index("0.m4s") + 1 : first]} == before
    assert lines[first + 1 :] == ["", '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-5.m4s"']


def test_only_late_segments_have_parts(broadcast: Broadcast) -> None:
    """Parts that are too old to start with are not listed (RFC 8216bis section 4.4.4.9)."""
    broadcast.finish(LISTED + 2)
    broadcast.part()
    with_parts = [bool(segment.parts) for segment in media(broadcast).segments]
    assert with_parts == [False] * (LISTED - WITH_PARTS) + [True] * (WITH_PARTS + 1)


def test_discontinuity(broadcast: Broadcast) -> None:
    """Another configuration has its tag and its init segment, and is counted when the tag has left."""
    broadcast.segments(1)
    broadcast.avcc = configuration(1)
    broadcast.finish(1)
    read = media(broadcast)
    assert [segment.discontinuity for segment in complete(read)] == [False, True]
    assert [segment.init_section.uri for segment in complete(read)] == ["init-0.mp4", "init-1.mp4"]
    broadcast.segments(LISTED - 1)
    read = media(broadcast)
    assert read.segments[0].discontinuity
    assert not read.discontinuity_sequence
    broadcast.segments(1)
    read = media(broadcast)
    assert not read.segments[0].discontinuity
    assert read.discontinuity_sequence == 1


def test_end(broadcast: Broadcast) -> None:
    """A closed store's playlist tells players not to ask again, and promises nothing."""
    broadcast.finish(1)
    broadcast.store.close()
    read = media(broadcast)
    assert read.is_endlist
    assert read.preload_hint is None
    assert [segment.uri for segment in read.segments] == ["0.m4s"]


def absolute(read: m3u8.M3U8) -> dict[int, tuple[object, ...]]:
    """Return what a playlist says of each segment, by its number, with its discontinuity sequence number."""
    found: dict[int, tuple[object, ...]] = {}
    discontinuity = read.discontinuity_sequence or 0
    for index, segment in enumerate(complete(read)):
        discontinuity += segment.discontinuity
        about = segment.uri, segment.duration, segment.program_date_time, discontinuity
        found[read.media_sequence + index] = about
    return found


def check(read: m3u8.M3U8, name: str = "{}.m4s") -> None:
    """Check the rules for one playlist (RFC 8216 sections 4.3.3.1 and 4.3.3.2)."""
    segments = complete(read)
    assert read.target_duration == TARGET_DURATION
    assert all(round(segment.duration) <= read.target_duration for segment in segments)
    numbers = range(read.media_sequence, read.media_sequence + len(segments))
    assert [segment.uri for segment in segments] == [name.format(number) for number in numbers]
    assert len(segments) <= LISTED
    for before, after in pairwise(segments):
        # Times are written to the millisecond.
        apart = after.program_date_time - before.program_date_time - timedelta(seconds=before.duration)
        assert abs(apart) <= timedelta(milliseconds=1)


def check_parts(read: m3u8.M3U8) -> None:
    """Check the rules for parts (RFC 8216bis sections 4.4.3.7, 4.4.4.9 and 4.4.5.3)."""
    listed = parts(read)
    assert list(listed) == list(range(min(listed, default=0), max(listed, default=-1) + 1))
    for segment in read.segments:
        durations = [part.duration for part in segment.parts]
        assert all(duration <= read.part_inf.part_target for duration in durations)
        assert all(duration >= 0.85 * read.part_inf.part_target for duration in durations[:-1])
        if segment.uri and segment.parts:
            assert sum(durations) == pytest.approx(segment.duration, abs=1e-6)
            assert segment.parts[0].independent == "YES"
    if not read.is_endlist:
        assert [segment.uri for segment in read.segments].count(None) <= 1
        late = sum(part.duration for part in listed.values())
        # Players begin the hold-back behind the end, on a part that is listed (section 4.4.3.8).
        whole = sum(segment.duration for segment in complete(read))
        assert late >= min(read.server_control.part_hold_back + TARGET_DURATION, whole)
        assert late < (WITH_PARTS + 1) * TARGET_DURATION
        assert read.preload_hint.hint_type == "PART"


def check_update(before: m3u8.M3U8, after: m3u8.M3U8) -> None:
    """Check the rules for two playlists in a row (RFC 8216 section 6.2.2)."""
    assert after.media_sequence >= before.media_sequence
    assert (after.discontinuity_sequence or 0) >= (before.discontinuity_sequence or 0)
    old, new = absolute(before), absolute(after)
    both = old.keys() & new.keys()
    assert {number: old[number] for number in both} == {number: new[number] for number in both}
    assert max(old, default=-1) <= max(new, default=-1)


def check_hint(before: m3u8.M3U8, after: m3u8.M3U8) -> None:
    """Check that the hinted part is the next one (RFC 8216bis section 4.4.5.3)."""
    old, new = parts(before), parts(after)
    added = [number for number in new if number > max(old, default=-1)]
    assert [new[number].uri for number in added[:1]] == ([before.preload_hint.uri] if added else [])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_updates(others: list[bool]) -> None:
    """Whatever happens, each playlist is right, and says of a segment what the one before said.

    others: for each segment whether it needs another configuration.
    """
    broadcast = Broadcast()
    playlists = [media(broadcast)]
    for number, another in enumerate(others):
        if another:
            broadcast.avcc = configuration(number)
        for _ in range(PARTS):
            broadcast.part()
            playlists.append(media(broadcast))
    for before, after in pairwise(playlists):
        check(after)
        check_parts(after)
        check_update(before, after)
        check_hint(before, after)
    broadcast.store.close()
    check(media(broadcast))
    check_update(playlists[-1], media(broadcast))


def test_what_is_listed_can_be_fetched_for_long(broadcast: Broadcast) -> None:
    """A segment stays as long as the longest playlist with it after it was last listed (section 6.2.2)."""
    broadcast.finish(KEPT)
    gone: dict[int, int] = {}
    for step in range(2 * KEPT):
        listed = absolute(media(broadcast))
        for number in range(KEPT - LISTED, min(listed)):
            gone.setdefault(number, step)
            assert number in broadcast.store.segments or step - gone[number] >= LISTED
        broadcast.segments(1)
    assert gone


def transport(made: TransportSegments, broadcast: Broadcast) -> m3u8.M3U8:
    """Return the playlist of MPEG-TS segments as a player reads it."""
    return m3u8.loads(playlist.transport(broadcast.store, made.listed()))


def test_transport(broadcast: Broadcast) -> None:
    """A player of MPEG-TS needs no init segment and knows of no parts."""
    broadcast.finish(4)
    read = transport(TransportSegments(broadcast.store), broadcast)
    check(read, "{}.ts")
    assert [segment.uri for segment in read.segments] == ["1.ts", "2.ts", "3.ts"]
    assert read.media_sequence == 1
    assert not any(segment.init_section for segment in read.segments)
    text = playlist.transport(broadcast.store, broadcast.store.listed)
    assert not any(
        tag in text for tag in ("EXT-X-MAP", "EXT-X-PART", "EXT-X-PRELOAD", "EXT-X-SERVER-CONTROL")
    )
    broadcast.store.close()
    assert transport(TransportSegments(broadcast.store), broadcast).is_endlist


@pytest.mark.parametrize("another", [None, 2, 4, 9, 20])
def test_transport_updates(broadcast: Broadcast, another: int | None) -> None:
    """Each playlist of MPEG-TS says of a segment what the one before said.

    another: the segment from which on another configuration is needed.
    """
    made = TransportSegments(broadcast.store)
    playlists = []
    for number in range(30):
        if number == another:
            broadcast.avcc = configuration(1)
        broadcast.segments(1)
        if number >= 6:
            playlists.append(transport(made, broadcast))
    for before, after in pairwise(playlists):
        check(after, "{}.ts")
        check_update(before, after)
