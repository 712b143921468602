"""The stream as MPEG-TS, for devices that play nothing else: made only while somebody asks for it."""

from typing import Final

from .mpegts import Multiplexer
from .segments import KEPT, Segment, SegmentStore

# What a player wants before it starts (RFC 8216 section 6.3.3); older ones are not worth the work.
_FIRST: Final = 3


class TransportSegments:
    """The latest segments of a store as MPEG-TS."""

    def __init__(self, store: SegmentStore) -> None:
        self._store = store
        self._multiplexer: Multiplexer | None = None
        self._avcc = b""
        self._made: dict[int, bytes] = {}

    def listed(self) -> list[Segment]:
        """Make the segments that are new and return those a playlist shows, oldest first."""
        listed = self._store.listed
        if not listed:
            return []
        if self._made and max(self._made) + 1 < listed[0].number:
            # Nobody has asked for a while: what follows does not join up with what was made.
            self._made.clear()
        begin = max(self._made, default=listed[-_FIRST:][0].number - 1) + 1
        for segment in listed:
            if segment.number >= begin:
                self._made[segment.number] = self._make(segment)
        for number in list(self._made)[:-KEPT]:
            del self._made[number]
        return [segment for segment in listed if segment.number in self._made]

    def data(self, number: int) -> bytes | None:
        """Return a segment that was listed, None when there is none of that number."""
        return self._made.get(number)

    def _make(self, segment: Segment) -> bytes:
        if self._multiplexer is None:
            self._multiplexer = Multiplexer(segment.init.avcc)
        elif segment.init.avcc != self._avcc:
            self._multiplexer.reconfigure(segment.init.avcc)
        self._avcc = segment.init.avcc
        return self._multiplexer.segment([*segment.samples], segment.end)
