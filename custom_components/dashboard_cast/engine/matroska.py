"""A live Matroska stream of JPEG pictures and silence: how pictures and their times reach FFmpeg (pure).

FFmpeg's own picture demuxers make times up, from a frame rate or from the moment of arrival. A container
carries them instead: any distance between pictures, no drift, and pictures may be written ahead of time.
Only what RFC 9559 (Matroska) and RFC 8794 (EBML) need for a stream of unknown length is written.
"""

import struct
from typing import Final

from ..models import MICROSECONDS, VIDEO_TIMESCALE
from . import aac

# One tick is a microsecond (TimestampScale counts nanoseconds, RFC 9559 section 5.1.2.9).
_TIMESTAMP_SCALE: Final = 1_000_000_000 // MICROSECONDS

_EBML: Final = 0x1A45DFA3
_DOC_TYPE: Final = 0x4282
_SEGMENT: Final = 0x18538067
_INFO: Final = 0x1549A966
_TIMESTAMP_SCALE_ID: Final = 0x2AD7B1
_TRACKS: Final = 0x1654AE6B
_TRACK_ENTRY: Final = 0xAE
_TRACK_NUMBER: Final = 0xD7
_TRACK_UID: Final = 0x73C5
_TRACK_TYPE: Final = 0x83
_DEFAULT_DURATION: Final = 0x23E383
_CODEC_ID: Final = 0x86
_CODEC_PRIVATE: Final = 0x63A2
_VIDEO: Final = 0xE0
_PIXEL_WIDTH: Final = 0xB0
_PIXEL_HEIGHT: Final = 0xBA
_AUDIO: Final = 0xE1
_SAMPLING_FREQUENCY: Final = 0xB5
_CHANNELS: Final = 0x9F
_CLUSTER: Final = 0x1F43B675
_TIMESTAMP: Final = 0xE7
_SIMPLE_BLOCK: Final = 0xA3
_UNKNOWN_SIZE: Final = b"\x01\xff\xff\xff\xff\xff\xff\xff"

_VIDEO_TRACK: Final = 1
_AUDIO_TRACK: Final = 2


def header(width: int, height: int, frame_rate: float) -> bytes:
    """Return what comes before the first picture: size in pixels, pictures per second (a hint)."""
    video = _unsigned(_PIXEL_WIDTH, width) + _unsigned(_PIXEL_HEIGHT, height)
    audio = _element(_SAMPLING_FREQUENCY, struct.pack(">f", aac.SAMPLE_RATE)) + _unsigned(
        _CHANNELS, aac.CHANNELS
    )
    tracks = _track(
        _VIDEO_TRACK,
        b"V_MJPEG",
        _unsigned(_DEFAULT_DURATION, round(1_000_000_000 / frame_rate)) + _element(_VIDEO, video),
    ) + _track(_AUDIO_TRACK, b"A_AAC", _element(_CODEC_PRIVATE, aac.CONFIG) + _element(_AUDIO, audio))
    return (
        _element(_EBML, _element(_DOC_TYPE, b"matroska"))
        + _identifier(_SEGMENT)
        + _UNKNOWN_SIZE
        + _element(_INFO, _unsigned(_TIMESTAMP_SCALE_ID, _TIMESTAMP_SCALE))
        + _element(_TRACKS, tracks)
    )


def picture(jpeg: bytes, time_us: int) -> bytes:
    """Return one picture, shown from `time_us` microseconds after the stream's start (not negative)."""
    return _cluster(_VIDEO_TRACK, jpeg, time_us)


def silence(start_us: int, end_us: int) -> bytes:
    """Return the silent audio that starts in [start_us, end_us), so that calls in a row leave no gap."""
    start, end = (-(-time_us * VIDEO_TIMESCALE // MICROSECONDS) for time_us in (start_us, end_us))
    return b"".join(
        _cluster(_AUDIO_TRACK, aac.SILENCE, round(block * aac.BLOCK_TICKS * MICROSECONDS / VIDEO_TIMESCALE))
        for block in aac.blocks(start, end)
    )


def _track(number: int, codec: bytes, details: bytes) -> bytes:
    """Return one TrackEntry; for video and audio TrackType happens to equal our track number."""
    return _element(
        _TRACK_ENTRY,
        _unsigned(_TRACK_NUMBER, number)
        + _unsigned(_TRACK_UID, number)
        + _unsigned(_TRACK_TYPE, number)
        + _element(_CODEC_ID, codec)
        + details,
    )


def _cluster(track: int, payload: bytes, time_us: int) -> bytes:
    """Return one block in a cluster of its own: block times reach only 32 767 ticks from their cluster's."""
    time = _unsigned(_TIMESTAMP, time_us)
    # Track number, no offset to the cluster's time, a key frame (RFC 9559 section 10.2).
    block_header = bytes((0x80 | track, 0, 0, 0x80))
    block_size = len(block_header) + len(payload)
    block_start = _identifier(_SIMPLE_BLOCK) + _size(block_size)
    cluster_size = len(time) + len(block_start) + block_size
    return b"".join((_identifier(_CLUSTER), _size(cluster_size), time, block_start, block_header, payload))


def _element(identifier: int, payload: bytes) -> bytes:
    return _identifier(identifier) + _size(len(payload)) + payload


def _unsigned(identifier: int, value: int) -> bytes:
    return _element(identifier, value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


def _identifier(identifier: int) -> bytes:
    return identifier.to_bytes((identifier.bit_length() + 7) // 8)


def _size(size: int) -> bytes:
    """Return a data size in eight bytes, the longest form (RFC 8794 section 6)."""
    return (1 << 56 | size).to_bytes(8)
