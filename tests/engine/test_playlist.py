"""Tests of the playlists, read back with the m3u8 library and held against RFC 8216."""

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given, settings, strategies as st
import m3u8
import pytest

from custom_components.dashboard_cast.engine import playlist
from custom_components.dashboard_cast.engine.fragmenter import Fragmenter
from custom_components.dashboard_cast.engine.segments import LISTED, SegmentStore
from custom_components.dashboard_cast.models import Fragment, Init, Profile

from .helpers import SMALL

INTERVAL = 0.5
EPOCH = datetime(2026, 11, 22, 8, 30, tzinfo=UTC).timestamp()


class Running:
    """A store that runs on, run after run."""

    def __init__(self) -> None:
        self.store = SegmentStore(INTERVAL)
        self._runs = 0
        self._position = 0

    def begin(self) -> None:
        """Start the encoder anew."""
        self._runs += 1
        self._position = 0
        self.store.begin(Init(b"", ()), EPOCH + 1_000 * self._runs)

    def add(self, shown: float = INTERVAL) -> None:
        """Add a segment that is shown so many seconds."""
        start = INTERVAL * self._position
        self._position += 1
        self.store.add(Fragment(b"media", start, shown, keyframe=True))

    def media(self) -> m3u8.M3U8:
        """Return the media playlist as a player reads it."""
        return m3u8.loads(playlist.media(self.store))


@pytest.fixture
def running() -> Running:
    """Return a store that has begun."""
    new = Running()
    new.begin()
    return new


def test_master(recording: bytes) -> None:
    """The one variant tells everything that a device decides by."""
    fragmenter = Fragmenter()
    fragmenter.feed(recording)
    assert fragmenter.init
    master = m3u8.loads(playlist.master(fragmenter.init, SMALL))
    assert master.is_variant
    (variant,) = master.playlists
    assert variant.uri == "hls.m3u8"
    info = variant.stream_info
    assert info.codecs == fragmenter.init.codecs == "avc1.640029,mp4a.40.2"
    assert info.resolution == (SMALL.width, SMALL.height)
    assert info.frame_rate == SMALL.frame_rate
    assert info.bandwidth >= SMALL.max_bit_rate
    assert info.video_range == "SDR"


def test_master_is_exact(recording: bytes) -> None:
    """Attributes are written as RFC 8216 section 4.3.4.2 wants them: quoted or not."""
    fragmenter = Fragmenter()
    fragmenter.feed(recording)
    assert fragmenter.init
    lines = playlist.master(fragmenter.init, Profile()).splitlines()
    assert lines[0] == "#EXTM3U"
    assert 'CODECS="avc1.640029,mp4a.40.2"' in lines[-2]
    assert f"RESOLUTION={SMALL.width}x{SMALL.height}," in lines[-2]
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in lines


def test_names() -> None:
    """Names are those that views answer to."""
    assert (playlist.init_name(3), playlist.segment_name(14)) == ("init-3.mp4", "14.m4s")


def test_empty(running: Running) -> None:
    """A playlist without segments is one all the same."""
    media = running.media()
    assert (media.target_duration, media.media_sequence, len(media.segments)) == (1, 0, 0)


def test_media(running: Running) -> None:
    """Segments come with name, length, time of day and init segment."""
    for _ in range(3):
        running.add()
    media = running.media()
    assert media.version == 6
    assert media.is_independent_segments
    assert media.media_sequence == 0
    assert not media.is_endlist
    assert not media.discontinuity_sequence
    assert [segment.uri for segment in media.segments] == ["0.m4s", "1.m4s", "2.m4s"]
    assert [segment.duration for segment in media.segments] == [INTERVAL] * 3
    assert {segment.init_section.uri for segment in media.segments} == {"init-0.mp4"}
    times = [segment.program_date_time.timestamp() for segment in media.segments]
    assert times == [EPOCH + 1_000 + index * INTERVAL for index in range(3)]


def test_first_line_and_order(running: Running) -> None:
    """What applies to a segment stands before it; the first segment has no discontinuity."""
    running.add()
    lines = playlist.media(running.store).splitlines()
    assert lines[0] == "#EXTM3U"
    assert lines.count("#EXT-X-DISCONTINUITY") == 0
    assert lines.index('#EXT-X-MAP:URI="init-0.mp4"') < lines.index("0.m4s")
    assert lines[lines.index("0.m4s") - 1].startswith("#EXTINF:0.5")


def test_discontinuity(running: Running) -> None:
    """A new run has its tag and its init segment, and is counted when the tag has left."""
    running.add()
    running.begin()
    running.add()
    media = running.media()
    assert [segment.discontinuity for segment in media.segments] == [False, True]
    assert [segment.init_section.uri for segment in media.segments] == ["init-0.mp4", "init-1.mp4"]
    for _ in range(LISTED - 1):
        running.add()
    media = running.media()
    assert media.segments[0].discontinuity
    assert not media.discontinuity_sequence
    running.add()
    media = running.media()
    assert not media.segments[0].discontinuity
    assert media.discontinuity_sequence == 1


def test_end(running: Running) -> None:
    """A closed store's playlist tells players not to ask again."""
    running.add()
    running.store.close()
    assert running.media().is_endlist


def absolute(media: m3u8.M3U8) -> dict[int, tuple[object, ...]]:
    """Return what a playlist says of each segment, by its number, with its discontinuity sequence number."""
    found: dict[int, tuple[object, ...]] = {}
    discontinuity = media.discontinuity_sequence or 0
    for index, segment in enumerate(media.segments):
        discontinuity += segment.discontinuity
        about = (
            segment.uri,
            segment.duration,
            segment.init_section.uri,
            segment.program_date_time,
            discontinuity,
        )
        found[media.media_sequence + index] = about
    return found


def check(media: m3u8.M3U8) -> None:
    """Check the rules for one playlist (RFC 8216 sections 4.3.3.1 and 4.3.3.2)."""
    assert media.target_duration == 1
    assert all(round(segment.duration) <= media.target_duration for segment in media.segments)
    assert all(
        segment.uri == f"{number}.m4s" for number, segment in enumerate(media.segments, media.media_sequence)
    )
    assert len(media.segments) <= LISTED


def check_update(before: m3u8.M3U8, after: m3u8.M3U8) -> None:
    """Check the rules for two playlists in a row (RFC 8216 section 6.2.2)."""
    assert after.media_sequence >= before.media_sequence
    assert (after.discontinuity_sequence or 0) >= (before.discontinuity_sequence or 0)
    old, new = absolute(before), absolute(after)
    assert {number: old[number] for number in old.keys() & new.keys()} == {
        number: new[number] for number in old.keys() & new.keys()
    }
    assert max(old, default=-1) <= max(new, default=-1)


steps = st.lists(st.none() | st.sampled_from([0.1, 0.25, INTERVAL, 0.75, 1.0]), min_size=1, max_size=80)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_updates(changes: list[float | None]) -> None:
    """Whatever happens, each playlist is right, and says of a segment what the one before said."""
    running = Running()
    running.begin()
    playlists = [running.media()]
    for change in changes:
        if change is None:
            running.begin()
        else:
            running.add(change)
        playlists.append(running.media())
    for media in playlists:
        check(media)
    for before, after in pairwise(playlists):
        check_update(before, after)
