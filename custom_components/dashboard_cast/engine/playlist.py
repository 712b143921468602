"""From the segment store to playlists, written by the m3u8 library (pure); the rules are in RFC 8216."""

from datetime import UTC, datetime
from typing import Final

from m3u8 import M3U8
from m3u8.model import Playlist, Segment as PlaylistSegment

from ..models import Init, Profile, Segment
from .segments import SegmentStore

# EXT-X-MAP outside I-frame playlists needs version 6 (RFC 8216 section 7).
_VERSION: Final = 6


def init_name(number: int) -> str:
    """Return the name of an init segment."""
    return f"init-{number}.mp4"


def segment_name(number: int) -> str:
    """Return the name of a media segment."""
    return f"{number}.m4s"


def master(init: Init, profile: Profile) -> str:
    """Return the multivariant playlist: the one variant, with the codecs that its init segment declares."""
    playlist = M3U8()
    playlist.version = str(_VERSION)
    playlist.is_independent_segments = True
    playlist.add_playlist(
        Playlist(
            uri="hls.m3u8",
            stream_info={
                # A segment may hold what its time allows and the encoder's buffer of as much again.
                "bandwidth": 2 * profile.max_bit_rate,
                "average_bandwidth": profile.max_bit_rate,
                "resolution": f"{init.video.width}x{init.video.height}",
                "frame_rate": profile.frame_rate,
                "codecs": init.codecs,
                "video_range": "SDR",
            },
            media=[],
            base_uri=None,
        )
    )
    playlist.is_variant = True
    return str(playlist.dumps())


def media(store: SegmentStore) -> str:
    """Return the media playlist of the listed segments."""
    listed = store.listed
    playlist = M3U8()
    playlist.version = str(_VERSION)
    playlist.is_independent_segments = True
    playlist.target_duration = store.target_duration
    playlist.media_sequence = listed[0].number if listed else 0
    playlist.discontinuity_sequence = store.dropped_discontinuities or None
    playlist.is_endlist = store.closed
    for segment in listed:
        playlist.add_segment(_entry(segment))
    return str(playlist.dumps(timespec="milliseconds"))


def _entry(segment: Segment) -> PlaylistSegment:
    start = datetime.fromtimestamp(segment.start, UTC)
    return PlaylistSegment(
        uri=segment_name(segment.number),
        duration=round(segment.duration, 6),
        program_date_time=start,
        discontinuity=segment.discontinuity,
        init_section={"uri": init_name(segment.init)},
    )
