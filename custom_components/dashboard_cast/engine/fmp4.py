"""Fragmented MP4: init segment and fragments of pictures and silence (pure).

The boxes are those of ISO/IEC 14496-12, 14496-14 (`esds`) and 14496-15 (`avcC`), as CMAF (ISO/IEC 23000-19)
wants them, but with both tracks in one file.
"""

from collections.abc import Sequence
from dataclasses import replace
import struct
from typing import Final

from ..models import VIDEO_TIMESCALE, Sample
from . import aac

_VIDEO_TRACK: Final = 1
_AUDIO_TRACK: Final = 2
_BIT_RATE_OF_SILENCE: Final = 8 * len(aac.SILENCE) * aac.SAMPLE_RATE // aac.BLOCK_SAMPLES

# Sample flags (ISO/IEC 14496-12 section 8.8.3.1): depends on no other; depends on others, no sync sample.
_SYNC: Final = 0x02000000
_NON_SYNC: Final = 0x01010000
# Flags of a track fragment header and a track run (ISO/IEC 14496-12 sections 8.8.7 and 8.8.8).
_BASE_IS_MOOF: Final = 0x020000
_DEFAULT_DURATION_SIZE_FLAGS: Final = 0x000038
_DATA_OFFSET: Final = 0x000001
_DURATIONS_SIZES_FLAGS: Final = 0x000700

KEYFRAME_DELAY: Final = 1
"""How many ticks late a keyframe is shown that begins a fragment.

Shaka Player moves a timeline that does not begin at 0, by a millisecond too far
(`MediaSourceEngine.setTimestampOffset_`). Before each part it compares that with the right move and allows
for less than a millisecond: it depends on how a float is rounded whether it begins the part anew, and then
all is lost up to the next keyframe. So for every part without a keyframe the right move is a bit nearer to
what was set with the last one.
"""

ENDLESS_S: Final = 100 * 365 * 86_400
"""How long a file says it is that has no end: no viewer stays so long.

Without a duration Chromium's video element takes what has been read for all there is, and that for a file in
which only the beginning can be sought. When it runs dry, its clock can be ahead of the next piece's end; then
it seeks back to that end, which makes it the beginning.
"""

_MATRIX: Final = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def _box(kind: bytes, *payload: bytes) -> bytes:
    data = b"".join(payload)
    return struct.pack(">I4s", 8 + len(data), kind) + data


def _full_box(kind: bytes, flags: int, *payload: bytes) -> bytes:
    """Return a box with flags, whose version is their highest byte."""
    return _box(kind, struct.pack(">I", flags), *payload)


_FILE_TYPE: Final = _box(b"ftyp", b"iso6", bytes(4), b"iso6cmfcmp41")
# An init segment has no samples.
_NO_SAMPLES: Final = b"".join(
    (
        _full_box(b"stts", 0, bytes(4)),
        _full_box(b"stsc", 0, bytes(4)),
        _full_box(b"stsz", 0, bytes(8)),
        _full_box(b"stco", 0, bytes(4)),
    )
)
# The media lie in the same file.
_DATA_INFORMATION: Final = _box(
    b"dinf", _full_box(b"dref", 0, struct.pack(">I", 1), _full_box(b"url ", 0x000001))
)
# What television is: BT.709 in all respects, limited range (ISO/IEC 23091-2), square pixels.
_COLOUR: Final = _box(b"colr", b"nclx", struct.pack(">HHHB", 1, 1, 1, 0))
_SQUARE_PIXELS: Final = _box(b"pasp", struct.pack(">II", 1, 1))

_VIDEO_HEADER: Final = _full_box(b"tfhd", _BASE_IS_MOOF, struct.pack(">I", _VIDEO_TRACK))
_AUDIO_HEADER: Final = _full_box(
    b"tfhd",
    _BASE_IS_MOOF | _DEFAULT_DURATION_SIZE_FLAGS,
    struct.pack(">IIII", _AUDIO_TRACK, aac.BLOCK_SAMPLES, len(aac.SILENCE), _SYNC),
)
_BOX: Final = struct.Struct(">I4s")
# The head of `moof` and all of `mfhd`.
_MOVIE_FRAGMENT: Final = struct.Struct(">I4sI4sII")
# `tfdt` with a time of 64 bits, and `trun` up to its table.
_TIME_AND_RUN: Final = struct.Struct(">I4sIQI4sIII")
_RUN_ENTRY: Final = struct.Struct(">III")


def codecs(avcc: bytes) -> str:
    """Return the CODECS attribute (RFC 6381 section 3.3): AVCDecoderConfigurationRecord's and the sound's."""
    return f"avc1.{avcc[1:4].hex()},mp4a.40.{aac.CONFIG[0] >> 3}"


def init(avcc: bytes, width: int, height: int, seconds: int = 0) -> bytes:
    """Return the init segment of an AVCDecoderConfigurationRecord.

    width and height: pixels. seconds: the duration, 0 when the fragments alone tell.
    """
    header = _full_box(
        b"mvhd",
        0,
        struct.pack(">8xI4xIH10x", VIDEO_TIMESCALE, 0x10000, 0x0100),
        _MATRIX,
        struct.pack(">24xI", _AUDIO_TRACK + 1),
    )
    return _FILE_TYPE + _box(
        b"moov",
        header,
        _video_track(avcc, width, height, seconds),
        _audio_track(seconds),
        _box(b"mvex", _track_defaults(_VIDEO_TRACK), _track_defaults(_AUDIO_TRACK)),
    )


def fragment(sequence: int, samples: Sequence[Sample], end: int) -> bytes:
    """Return a `moof` and `mdat` pair of one or more samples and the silence beside them.

    sequence: number of the fragment, from 1. end: when the last sample has been shown, in ticks since the
    stream's start: the time of the next fragment's first sample.
    """
    blocks = aac.blocks(samples[0].time, end)
    if samples[0].keyframe:
        samples = [replace(samples[0], time=samples[0].time + KEYFRAME_DELAY), *samples[1:]]
    silence = aac.SILENCE * len(blocks)
    table = _table(samples, end)
    pictures_size = sum(len(sample.data) for sample in samples)
    moof_size = _MOVIE_FRAGMENT.size + _run_size(_VIDEO_HEADER, table)
    moof_size += _run_size(_AUDIO_HEADER) if blocks else 0
    pictures = moof_size + _BOX.size
    pieces = [
        _MOVIE_FRAGMENT.pack(moof_size, b"moof", 16, b"mfhd", 0, sequence),
        _run(_VIDEO_HEADER, samples[0].time, len(samples), offset=pictures, table=table),
    ]
    if blocks:
        time = blocks.start * aac.BLOCK_SAMPLES
        pieces.append(_run(_AUDIO_HEADER, time, len(blocks), offset=pictures + pictures_size))
    pieces.append(_BOX.pack(_BOX.size + pictures_size + len(silence), b"mdat"))
    pieces += [sample.data for sample in samples]
    pieces.append(silence)
    return b"".join(pieces)


def _table(samples: Sequence[Sample], end: int) -> bytes:
    """Return durations, sizes and flags of samples."""
    ends = [*(sample.time for sample in samples[1:]), end]
    return b"".join(
        _RUN_ENTRY.pack(until - sample.time, len(sample.data), _SYNC if sample.keyframe else _NON_SYNC)
        for sample, until in zip(samples, ends, strict=True)
    )


def _run_size(header: bytes, table: bytes = b"") -> int:
    return _BOX.size + len(header) + _TIME_AND_RUN.size + len(table)


def _run(header: bytes, time: int, count: int, *, offset: int, table: bytes = b"") -> bytes:
    """Return a `traf` of one run; time in the track's ticks, offset of the data from the `moof`'s start.

    Without a table all samples are as the track fragment's header says.
    """
    flags = _DATA_OFFSET | (_DURATIONS_SIZES_FLAGS if table else 0)
    trun_size = 20 + len(table)
    return b"".join(
        (
            _BOX.pack(_run_size(header, table), b"traf"),
            header,
            _TIME_AND_RUN.pack(20, b"tfdt", 1 << 24, time, trun_size, b"trun", flags, count, offset),
            table,
        )
    )


def _video_track(avcc: bytes, width: int, height: int, seconds: int) -> bytes:
    # One picture per sample at 72 dpi, 24 bits deep, as ISO/IEC 14496-12 section 12.1.3 has it.
    fields = struct.pack(">6xH16xHHII4xH32xHh", 1, width, height, 72 << 16, 72 << 16, 1, 24, -1)
    entry = _box(b"avc1", fields, _box(b"avcC", avcc), _COLOUR, _SQUARE_PIXELS)
    shape = struct.pack(">II", width << 16, height << 16)
    media = _media(VIDEO_TIMESCALE, seconds, b"vide", _full_box(b"vmhd", 1, bytes(8)), entry)
    return _track(_VIDEO_TRACK, media, shape=shape)


def _audio_track(seconds: int) -> bytes:
    fields = struct.pack(">6xH8xHH4xI", 1, aac.CHANNELS, 16, aac.SAMPLE_RATE << 16)
    entry = _box(b"mp4a", fields, _full_box(b"esds", 0, _elementary_stream()))
    media = _media(aac.SAMPLE_RATE, seconds, b"soun", _full_box(b"smhd", 0, bytes(4)), entry)
    return _track(_AUDIO_TRACK, media, volume=0x0100)


def _elementary_stream() -> bytes:
    """Return the ES_Descriptor of the sound (ISO/IEC 14496-1 section 7.2.6.5)."""
    # MPEG-4 audio (0x40) in an audio stream (0x15), then the sizes of buffer and highest and mean bit rate.
    kind = struct.pack(">BB3xII", 0x40, 0x15, _BIT_RATE_OF_SILENCE, _BIT_RATE_OF_SILENCE)
    decoder = _descriptor(4, kind, _descriptor(5, aac.CONFIG))
    return _descriptor(3, bytes(3), decoder, _descriptor(6, b"\x02"))


def _descriptor(tag: int, *payload: bytes) -> bytes:
    """Return a descriptor shorter than 128 bytes."""
    data = b"".join(payload)
    return bytes((tag, len(data))) + data


def _media(timescale: int, seconds: int, handler: bytes, media_header: bytes, entry: bytes) -> bytes:
    """Return a `mdia` with one sample entry."""
    samples = _box(b"stbl", _full_box(b"stsd", 0, struct.pack(">I", 1), entry), _NO_SAMPLES)
    return _box(
        b"mdia",
        # 0x55C4 is the language "und".
        _full_box(b"mdhd", 1 << 24, struct.pack(">16xIQH2x", timescale, seconds * timescale, 0x55C4)),
        _full_box(b"hdlr", 0, struct.pack(">4x4s13x", handler)),
        _box(b"minf", media_header, _DATA_INFORMATION, samples),
    )


def _track(number: int, media: bytes, *, volume: int = 0, shape: bytes = bytes(8)) -> bytes:
    """Return a `trak`; volume is 8.8 fixed point, shape width and height in 16.16."""
    # Flags: enabled, and part of the presentation.
    fields = struct.pack(">8xI20xH2x", number, volume)
    return _box(b"trak", _full_box(b"tkhd", 0x000003, fields, _MATRIX, shape), media)


def _track_defaults(track: int) -> bytes:
    """Return a `trex` that leaves all to the fragments but the sample entry, the first."""
    return _full_box(b"trex", 0, struct.pack(">II12x", track, 1))
