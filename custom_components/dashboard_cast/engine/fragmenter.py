"""Fragmented MP4: boxes, tracks, and the cut of an encoder's output into init segment and fragments (pure).

The numbers are those of ISO/IEC 14496-12 (boxes), 14496-14 (`esds`), 14496-15 (`avcC`) and RFC 6381 (codecs).
"""

from collections.abc import Iterator
from dataclasses import dataclass
import struct
from typing import Final

from ..errors import MalformedMediaError
from ..models import Fragment, Init, Track

# A fragment of a second at the highest bit rate is a few megabytes; a larger box is a broken stream.
MAX_BOX_SIZE: Final = 64 * 1024 * 1024

_TFHD_BASE_DATA_OFFSET: Final = 0x000001
_TFHD_SAMPLE_DESCRIPTION: Final = 0x000002
_TFHD_DEFAULT_DURATION: Final = 0x000008
_TFHD_DEFAULT_SIZE: Final = 0x000010
_TFHD_DEFAULT_FLAGS: Final = 0x000020
_TRUN_DATA_OFFSET: Final = 0x000001
_TRUN_FIRST_FLAGS: Final = 0x000004
_TRUN_DURATION: Final = 0x000100
_TRUN_SIZE: Final = 0x000200
_TRUN_FLAGS: Final = 0x000400
_TRUN_COMPOSITION: Final = 0x000800
_SAMPLE_IS_NON_SYNC: Final = 0x00010000
# Fields before the boxes inside a sample entry (ISO/IEC 14496-12 sections 12.1.3 and 12.2.3).
_VISUAL_ENTRY: Final = 78
_AUDIO_ENTRY: Final = 28


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its type, and where its payload lies in the bytes it was found in."""

    kind: str
    start: int
    end: int


class Fragmenter:
    """Cuts the bytes of an encoder into its init segment and fragments."""

    def __init__(self) -> None:
        self.init: Init | None = None
        """The init segment, once it is there."""
        self._buffer = bytearray()
        self._held = b""

    def feed(self, data: bytes) -> list[Fragment]:
        """Take bytes as they come and return the fragments that are complete with them.

        Raises MalformedMediaError when the bytes are not fragmented MP4.
        """
        self._buffer += data
        fragments = []
        for kind, box in self._boxes():
            self._held += box
            if len(self._held) > MAX_BOX_SIZE:
                raise MalformedMediaError(detail="boxes without media")
            if kind == "moov":
                self.init = Init(self._held, tracks(self._held))
                self._held = b""
            elif kind == "mdat":
                fragments.append(self._fragment(self._held))
                self._held = b""
        return fragments

    def _boxes(self) -> Iterator[tuple[str, bytes]]:
        """Yield the complete boxes at the top level and drop them from the buffer."""
        while len(self._buffer) >= 8:
            size, kind = struct.unpack_from(">I4s", self._buffer)
            if not 8 <= size <= MAX_BOX_SIZE:
                raise MalformedMediaError(detail=f"box {kind!r} of {size} bytes")
            if len(self._buffer) < size:
                return
            box = bytes(self._buffer[:size])
            del self._buffer[:size]
            yield kind.decode("latin-1"), box

    def _fragment(self, data: bytes) -> Fragment:
        if self.init is None:
            raise MalformedMediaError(detail="media before the init segment")
        return fragment(data, self.init.video)


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes that lie in data[start:end]; raise MalformedMediaError when they do not fit in."""
    end = len(data) if end is None else end
    while start < end:
        if end - start < 8:
            raise MalformedMediaError(detail="a box is cut off")
        size, kind = struct.unpack_from(">I4s", data, start)
        if not 8 <= size <= end - start:
            raise MalformedMediaError(detail=f"box {kind!r} of {size} bytes")
        yield Box(kind.decode("latin-1"), start + 8, start + size)
        start += size


def tracks(init: bytes) -> tuple[Track, ...]:
    """Return the tracks that an init segment declares; raise MalformedMediaError when it is broken."""
    moov = _only(init, "moov")
    with _reading("moov"):
        found = tuple(_track(init, box) for box in boxes(init, moov.start, moov.end) if box.kind == "trak")
    if not any(track.kind == "vide" for track in found):
        raise MalformedMediaError(detail="no video track")
    return found


def fragment(data: bytes, video: Track) -> Fragment:
    """Read one `moof` and `mdat` pair; raise MalformedMediaError when it is broken or has no picture."""
    moof = _only(data, "moof")
    with _reading("moof"):
        for traf in boxes(data, moof.start, moof.end):
            if traf.kind == "traf" and (found := _pictures(data, traf, video)):
                start, duration, keyframe = found
                return Fragment(data, start / video.timescale, duration / video.timescale, keyframe)
    raise MalformedMediaError(detail="a fragment without a picture")


class _reading:  # noqa: N801
    """Turn a read past the end into a MalformedMediaError that names the box."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, struct.error | IndexError | ValueError | UnicodeDecodeError):
            raise MalformedMediaError(detail=f"{self._what}: {error}") from error


def _only(data: bytes, *path: str, start: int = 0, end: int | None = None) -> Box:
    """Return the first box at a path of types."""
    kind, *rest = path
    for box in boxes(data, start, end):
        if box.kind == kind:
            return _only(data, *rest, start=box.start, end=box.end) if rest else box
    raise MalformedMediaError(detail=f"no {kind} box")


def _track(data: bytes, trak: Box) -> Track:
    tkhd = _only(data, "tkhd", start=trak.start, end=trak.end)
    mdhd = _only(data, "mdia", "mdhd", start=trak.start, end=trak.end)
    hdlr = _only(data, "mdia", "hdlr", start=trak.start, end=trak.end)
    stsd = _only(data, "mdia", "minf", "stbl", "stsd", start=trak.start, end=trak.end)
    # Version 1 of both headers has 64-bit times (ISO/IEC 14496-12 sections 8.3.2 and 8.4.2).
    number = struct.unpack_from(">I", data, tkhd.start + (20 if data[tkhd.start] else 12))[0]
    timescale = struct.unpack_from(">I", data, mdhd.start + (20 if data[mdhd.start] else 12))[0]
    if not timescale:
        raise MalformedMediaError(detail="a time scale of zero")
    width, height = struct.unpack_from(">II", data, tkhd.end - 8)
    kind = data[hdlr.start + 8 : hdlr.start + 12].decode("latin-1")
    entry = next(boxes(data, stsd.start + 8, stsd.end), None)
    if entry is None:
        raise MalformedMediaError(detail="no sample entry")
    return Track(number, kind, timescale, _codec(data, entry), width >> 16, height >> 16)


def _codec(data: bytes, entry: Box) -> str:
    """Return a sample entry's codec as RFC 6381 section 3 writes it."""
    if entry.kind == "avc1":
        avcc = _only(data, "avcC", start=entry.start + _VISUAL_ENTRY, end=entry.end)
        return "avc1." + data[avcc.start + 1 : avcc.start + 4].hex()
    if entry.kind == "mp4a":
        esds = _only(data, "esds", start=entry.start + _AUDIO_ENTRY, end=entry.end)
        return _audio_codec(data[esds.start + 4 : esds.end])
    return entry.kind


def _audio_codec(descriptors: bytes) -> str:
    """Return `mp4a.<object type>.<audio object type>` (ISO/IEC 14496-14 section 3.1.2, RFC 6381 3.3)."""
    position = 0
    object_type = 0
    # ES (3) holds DecoderConfig (4), which holds DecoderSpecificInfo (5): each payload starts with the next.
    for tag, fixed in ((0x03, 3), (0x04, 13), (0x05, 0)):
        if descriptors[position] != tag:
            raise MalformedMediaError(detail=f"esds descriptor {descriptors[position]}")
        position += 1
        while descriptors[position] & 0x80:
            position += 1
        position += 1
        if tag == 0x04:
            object_type = descriptors[position]
        position += fixed
    return f"mp4a.{object_type:02x}.{descriptors[position] >> 3}"


def _pictures(data: bytes, traf: Box, video: Track) -> tuple[int, int, bool] | None:
    """Return start and duration in ticks and whether a keyframe comes first; None for another track."""
    tfhd = _only(data, "tfhd", start=traf.start, end=traf.end)
    flags, number = struct.unpack_from(">II", data, tfhd.start)
    if number != video.number:
        return None
    default_duration, default_flags = _defaults(data, tfhd, flags & 0xFFFFFF)
    tfdt = _only(data, "tfdt", start=traf.start, end=traf.end)
    start = struct.unpack_from(">Q" if data[tfdt.start] else ">I", data, tfdt.start + 4)[0]
    duration = 0
    first_flags: int | None = None
    for trun in boxes(data, traf.start, traf.end):
        if trun.kind == "trun":
            length, flags_of_first = _run(data, trun, default_duration, default_flags)
            duration += length
            first_flags = flags_of_first if first_flags is None else first_flags
    keyframe = first_flags is not None and not first_flags & _SAMPLE_IS_NON_SYNC
    return start, duration, keyframe


def _defaults(data: bytes, tfhd: Box, flags: int) -> tuple[int, int]:
    """Return the default sample duration and flags of a track fragment (ISO/IEC 14496-12 section 8.8.7)."""
    position = tfhd.start + 8
    position += 8 * bool(flags & _TFHD_BASE_DATA_OFFSET) + 4 * bool(flags & _TFHD_SAMPLE_DESCRIPTION)
    duration = sample_flags = 0
    if flags & _TFHD_DEFAULT_DURATION:
        duration = struct.unpack_from(">I", data, position)[0]
        position += 4
    position += 4 * bool(flags & _TFHD_DEFAULT_SIZE)
    if flags & _TFHD_DEFAULT_FLAGS:
        sample_flags = struct.unpack_from(">I", data, position)[0]
    return duration, sample_flags


def _run(data: bytes, trun: Box, default_duration: int, default_flags: int) -> tuple[int, int | None]:
    """Return a track run's duration and its first sample's flags (ISO/IEC 14496-12 section 8.8.8)."""
    word, count = struct.unpack_from(">II", data, trun.start)
    flags = word & 0xFFFFFF
    position = trun.start + 8 + 4 * bool(flags & _TRUN_DATA_OFFSET)
    first_flags = default_flags
    if flags & _TRUN_FIRST_FLAGS:
        first_flags = struct.unpack_from(">I", data, position)[0]
        position += 4
    fields = [bit for bit in (_TRUN_DURATION, _TRUN_SIZE, _TRUN_FLAGS, _TRUN_COMPOSITION) if flags & bit]
    stride = 4 * len(fields)
    if position + count * stride > trun.end:
        raise MalformedMediaError(detail="a track run is cut off")
    if flags & _TRUN_FLAGS and count:
        first_flags = struct.unpack_from(">I", data, position + 4 * fields.index(_TRUN_FLAGS))[0]
    if not flags & _TRUN_DURATION:
        return count * default_duration, first_flags if count else None
    duration = sum(struct.unpack_from(">I", data, position + index * stride)[0] for index in range(count))
    return duration, first_flags if count else None
