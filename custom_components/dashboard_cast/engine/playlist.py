"""From the segment store to playlists, written by the m3u8 library (pure).

The rules are in RFC 8216 and, for low latency, in its second edition (draft-pantos-hls-rfc8216bis).
"""

from datetime import UTC, datetime
from typing import Any, Final

from m3u8 import M3U8
from m3u8.model import (
    PartInformation,
    Playlist,
    PreloadHint,
    Segment as PlaylistSegment,
    ServerControl,
)

from ..const import MEDIA_PLAYLIST
from ..models import VIDEO_TIMESCALE, Init, Profile
from . import fmp4
from .segments import HOLD_BACK_PARTS, PART_TARGET, TARGET_DURATION, Segment, SegmentStore

# EXT-X-MAP outside I-frame playlists needs version 6 (RFC 8216 section 7).
_VERSION: Final = 6
_PART_HOLD_BACK: Final = HOLD_BACK_PARTS * PART_TARGET
# Parts further from the end than three target durations are of no use (RFC 8216bis section 4.4.4.9); beside
# these segments, the one that is being filled has parts.
_SEGMENTS_WITH_PARTS: Final = 2


def init_name(number: int) -> str:
    """Return the name of an init segment."""
    return f"init-{number}.mp4"


def segment_name(number: int) -> str:
    """Return the name of a media segment."""
    return f"{number}.m4s"


def part_name(number: int) -> str:
    """Return the name of a part, counted through the stream."""
    return f"part-{number}.m4s"


def ts_name(number: int) -> str:
    """Return the name of an MPEG-TS segment."""
    return f"{number}.ts"


def master(init: Init, profile: Profile, media_playlist: str = MEDIA_PLAYLIST) -> str:
    """Return the multivariant playlist: the one variant, with the codecs that its init segment declares."""
    playlist = M3U8()
    playlist.version = str(_VERSION)
    playlist.is_independent_segments = True
    playlist.add_playlist(
        Playlist(
            uri=media_playlist,
            stream_info={
                # A segment may hold what its time allows and the encoder's buffer of as much again.
                "bandwidth": 2 * profile.max_bit_rate,
                "average_bandwidth": profile.max_bit_rate,
                "resolution": f"{init.width}x{init.height}",
                "frame_rate": profile.frame_rate,
                "codecs": fmp4.codecs(init.avcc),
                "video_range": "SDR",
            },
            media=[],
            base_uri=None,
        )
    )
    playlist.is_variant = True
    return str(playlist.dumps())


def media(store: SegmentStore) -> str:
    """Return the media playlist of the listed segments, their parts and the part to come."""
    listed = store.listed
    playlist = _live(store, listed)
    playlist.part_inf = PartInformation(PART_TARGET)
    playlist.server_control = ServerControl(can_block_reload="YES", part_hold_back=_PART_HOLD_BACK)
    for segment in listed[:-_SEGMENTS_WITH_PARTS]:
        playlist.add_segment(_entry(store, segment))
    for segment in listed[-_SEGMENTS_WITH_PARTS:]:
        playlist.add_segment(_entry(store, segment, parts=_parts(segment)))
    if not store.closed:
        if store.current and store.current.parts:
            playlist.add_segment(_entry(store, store.current, uri=None, parts=_parts(store.current)))
        playlist.preload_hint = PreloadHint("PART", None, part_name(store.next_part))
    return str(playlist.dumps(timespec="milliseconds"))


def transport(store: SegmentStore, listed: list[Segment]) -> str:
    """Return the media playlist of these segments as MPEG-TS."""
    playlist = _live(store, listed)
    left_out = [segment for segment in store.listed if listed and segment.number < listed[0].number]
    dropped = store.dropped_discontinuities + sum(segment.discontinuity for segment in left_out)
    playlist.discontinuity_sequence = dropped or None
    for segment in listed:
        playlist.add_segment(_entry(store, segment, uri=ts_name(segment.number), init_section=None))
    return str(playlist.dumps(timespec="milliseconds"))


def _live(store: SegmentStore, listed: list[Segment]) -> M3U8:
    playlist = M3U8()
    playlist.version = str(_VERSION)
    playlist.is_independent_segments = True
    playlist.target_duration = TARGET_DURATION
    # As text: the library would leave a 0 out, and Chromium's own player takes a playlist without this tag
    # for one that does not grow.
    playlist.media_sequence = str(listed[0].number if listed else 0)
    playlist.discontinuity_sequence = store.dropped_discontinuities or None
    playlist.is_endlist = store.closed
    return playlist


def _entry(store: SegmentStore, segment: Segment, **changes: Any) -> PlaylistSegment:
    """Return a segment's lines; changes: what is other than with a complete CMAF segment."""
    start = datetime.fromtimestamp(store.epoch + segment.start / VIDEO_TIMESCALE, UTC)
    entry = {
        "uri": segment_name(segment.number),
        "duration": round(segment.duration, 6),
        "program_date_time": start,
        "discontinuity": segment.discontinuity,
        "init_section": {"uri": init_name(segment.init.number)},
    }
    return PlaylistSegment(**entry | changes)


def _parts(segment: Segment) -> list[dict[str, Any]]:
    """Return the attributes of a segment's parts."""
    return [
        {
            "uri": part_name(part.number),
            "duration": round(part.duration, 6),
            "independent": "YES" if part.independent else None,
        }
        for part in segment.parts
    ]
