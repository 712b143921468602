"""What a viewer of a live HLS stream does with it, without a picture: playlists, deadlines, stalls (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
import re
import struct

# Sums of durations differ by less than that, in seconds; no piece is so short.
_SAME_S = 0.01
_RUN = struct.Struct(">4sIII")
_RUN_ENTRY = struct.Struct(">III")
# The run is near the beginning of a chunk, in bytes.
_HEAD = 1024
# No repeat of a picture takes so many bytes.
_REPEAT = 200


@dataclass(frozen=True, slots=True)
class Piece:
    """A part or a segment in a playlist."""

    name: str
    duration: float
    """Seconds."""
    end: float
    """When it is over, in seconds since the epoch, as the playlist dates it."""
    independent: bool
    """Whether playing can begin with it."""

    @property
    def begin(self) -> float:
        """When it begins, in the same clock."""
        return self.end - self.duration


@dataclass(frozen=True, slots=True)
class Reload:
    """What the next playlist has to hold (RFC 8216bis section 6.2.5.2)."""

    segment: int
    part: int

    @property
    def query(self) -> str:
        """The delivery directives."""
        return f"?_HLS_msn={self.segment}&_HLS_part={self.part}"


@dataclass(frozen=True, slots=True)
class Listing:
    """What a media playlist lists."""

    segments: Sequence[Piece]
    parts: Sequence[Piece]
    next: Reload
    """What a viewer with low latency asks for next."""
    hold_back: float
    """How far such a viewer stays behind, in seconds."""
    target_duration: float


@lru_cache(maxsize=64)
def listing(text: str) -> Listing:
    """Return what a playlist says; parsed once for all viewers of this process that get the same.

    Not by the m3u8 library, which loses the date of a segment with parts.
    """
    segments, parts = list[Piece](), list[Piece]()
    clock, open_parts, begin = 0.0, 0, 0.0
    for line in text.splitlines():
        name, _, value = line.partition(":")
        match name:
            case "#EXT-X-PROGRAM-DATE-TIME":
                clock = begin = datetime.fromisoformat(value).timestamp()
            case "#EXT-X-PART":
                fields = _attributes(value)
                clock += float(fields["DURATION"])
                parts.append(Piece(fields["URI"], float(fields["DURATION"]), clock, "INDEPENDENT" in fields))
                open_parts += 1
            case "#EXTINF":
                duration = float(value.partition(",")[0])
                clock, open_parts = begin + duration, 0
            case _ if line and not line.startswith("#"):
                segments.append(Piece(line, duration, clock, independent=True))
    control = _attributes(_tag(text, "#EXT-X-SERVER-CONTROL"))
    return Listing(
        segments=segments,
        parts=parts,
        next=Reload(int(_tag(text, "#EXT-X-MEDIA-SEQUENCE")) + len(segments), open_parts),
        hold_back=float(control.get("PART-HOLD-BACK", 0)),
        target_duration=float(_tag(text, "#EXT-X-TARGETDURATION")),
    )


def _tag(text: str, name: str) -> str:
    """Return the value of a tag that is there once, `0` without it."""
    found = re.search(rf"^{name}:(.*)$", text, re.MULTILINE)
    return found[1] if found else "0"


def _attributes(text: str) -> dict[str, str]:
    """Return an attribute list (RFC 8216 section 4.2) without quotation marks."""
    return {name: value.strip('"') for name, value in re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)', text)}


def lead_in(pieces: Sequence[Piece], position: float) -> int:
    """Return the index of the piece to fetch first to play from a position: the decoder needs a keyframe."""
    fitting = [
        index for index, piece in enumerate(pieces) if piece.independent and piece.begin <= position + _SAME_S
    ]
    return fitting[-1] if fitting else 0


def after(pieces: Sequence[Piece], last: Piece) -> list[Piece]:
    """Return the pieces that come after this one."""
    return [piece for piece in pieces if piece.begin > last.begin + _SAME_S]


def pictures(part: bytes) -> int:
    """Return how many pictures of a CMAF chunk show something new: repeats take a few bytes.

    The first track run is that of the pictures, with duration, size and flags of each (ISO/IEC 14496-12
    section 8.8.8).
    """
    at = part.find(b"trun", 0, _HEAD)
    if at < 0:
        return 0
    _kind, _flags, count, _offset = _RUN.unpack_from(part, at)
    table = part[at + _RUN.size : at + _RUN.size + count * _RUN_ENTRY.size]
    return sum(size > _REPEAT for _duration, size, _sample_flags in _RUN_ENTRY.iter_unpack(table))


@dataclass(slots=True)
class Playback:
    """What plays on a viewer's screen, as far as the clock goes; all times in seconds.

    It stalls when a piece arrives after its time to be shown, and plays on from there that much later.
    """

    position: float
    """Where it begins, in seconds since the epoch as the playlist dates pictures."""
    delay: float | None = None
    """How long after its date a picture is shown, None before the first."""
    stalls: int = 0
    stalled: float = 0.0
    """How long, all together."""
    margins: list[float] = field(default_factory=list)
    """How long before its time to be shown each piece was there; below zero it was late."""

    def arrived(self, piece: Piece, now: float) -> None:
        """Take the next piece in."""
        if piece.end <= self.position + _SAME_S:
            return
        if self.delay is None:
            self.delay = now - max(self.position, piece.begin)
            return
        margin = piece.begin + self.delay - now
        self.margins.append(margin)
        if margin < 0:
            self.stalls += 1
            self.stalled -= margin
            self.delay -= margin

    def forget(self) -> None:
        """Measure anew from now on."""
        self.stalls, self.stalled = 0, 0.0
        self.margins.clear()
