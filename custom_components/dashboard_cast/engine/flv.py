"""FLV, as FFmpeg hands coded pictures over: each after its size, written as soon as it is coded (pure).

The numbers are those of Adobe's Flash Video File Format Specification 10.1, annex E.
"""

from dataclasses import dataclass
import struct
from typing import Final

from ..errors import MalformedMediaError

# A picture at the highest bit rate is a few megabytes; more is a broken stream.
MAX_TAG_SIZE: Final = 8 * 1024 * 1024

_HEADER_SIZE: Final = 9
_TAG_HEADER_SIZE: Final = 11
# Every tag is followed by its own size, for players that read backwards.
_BACK_POINTER_SIZE: Final = 4
_VIDEO: Final = 9
_AVC: Final = 7
_KEYFRAME: Final = 1
_CONFIGURATION: Final = 0
_PICTURE: Final = 1
# Frame type and codec, kind of packet, composition time.
_VIDEO_HEADER_SIZE: Final = 5


@dataclass(frozen=True, slots=True)
class Configuration:
    """The AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3) of the pictures that follow."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """One coded picture."""

    data: bytes
    """NAL units, each with its length in four bytes before it."""
    keyframe: bool


class FlvReader:
    """Takes FLV as it comes and gives what it holds of H.264."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._started = False

    def feed(self, data: bytes) -> list[Configuration | Picture]:
        """Return what is complete with these bytes; raises MalformedMediaError when they are no FLV."""
        self._buffer += data
        found = []
        while (tag := self._tag()) is not None:
            kind, payload = tag
            if kind == _VIDEO and (item := _video(payload)):
                found.append(item)
        return found

    def _tag(self) -> tuple[int, bytes] | None:
        """Take the next complete tag out of the buffer."""
        if not self._started and not self._start():
            return None
        if len(self._buffer) < _TAG_HEADER_SIZE:
            return None
        word = struct.unpack_from(">I", self._buffer)[0]
        kind, size = word >> 24, word & 0xFFFFFF
        if size > MAX_TAG_SIZE:
            raise MalformedMediaError(detail=f"FLV tag of {size} bytes")
        end = _TAG_HEADER_SIZE + size + _BACK_POINTER_SIZE
        if len(self._buffer) < end:
            return None
        payload = bytes(self._buffer[_TAG_HEADER_SIZE : _TAG_HEADER_SIZE + size])
        del self._buffer[:end]
        return kind, payload

    def _start(self) -> bool:
        """Take the file's header out of the buffer; return whether it was there."""
        size = _HEADER_SIZE + _BACK_POINTER_SIZE
        if not self._buffer.startswith(b"FLV"[: len(self._buffer)]):
            raise MalformedMediaError(detail="no FLV")
        if len(self._buffer) < size:
            return False
        del self._buffer[:size]
        self._started = True
        return True


def _video(payload: bytes) -> Configuration | Picture | None:
    """Return what a video tag holds, None for the end of the sequence and for a configuration to come."""
    if len(payload) < _VIDEO_HEADER_SIZE or payload[0] & 0xF != _AVC:
        raise MalformedMediaError(detail="FLV video that is not H.264")
    data = payload[_VIDEO_HEADER_SIZE:]
    if payload[1] == _CONFIGURATION:
        # Encoders that have none before their first picture announce an empty one.
        return Configuration(data) if data else None
    return Picture(data, payload[0] >> 4 == _KEYFRAME) if payload[1] == _PICTURE else None
