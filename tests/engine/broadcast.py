"""A segment store that is filled as the pacer and the encoder fill it, without either."""

from collections.abc import Iterable

from hypothesis import strategies as st

from custom_components.dashboard_cast.engine.pacer import PART_US, SEGMENT_US
from custom_components.dashboard_cast.engine.segments import SegmentStore
from custom_components.dashboard_cast.models import Sample

from .helpers import SMALL

EPOCH = 1_795_336_200.25
PARTS = SEGMENT_US // PART_US
"""In a segment."""


def configuration(number: int) -> bytes:
    """Return an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3), another for each number."""
    return b"\x01\x64\x00\x29\xff\xe1\x00\x04\x67" + number.to_bytes(3) + b"\x01\x00\x02\x68P"


class Broadcast:
    """Fills a store, part after part; the last picture waits for the next one, as in life."""

    def __init__(self, start_us: int = 0) -> None:
        self.store = SegmentStore(SMALL.width, SMALL.height)
        self.store.epoch = EPOCH
        self.samples: list[Sample] = []
        """All pictures so far."""
        self.avcc = configuration(0)
        self._start_us = start_us

    def part(self, changes_us: Iterable[int] = ()) -> None:
        """Add the pictures of a part: the one it begins with, and others so many microseconds later."""
        for offset_us in (0, *sorted(changes_us)):
            self._add(self._start_us + offset_us)
        self._start_us += PART_US

    def segments(self, count: int) -> None:
        """Add the pictures of so many segments."""
        for _ in range(count * PARTS):
            self.part()

    def finish(self, count: int) -> None:
        """Add so many segments and the picture that ends the last one."""
        self.segments(count)
        self.part()

    def _add(self, time_us: int) -> None:
        data = b"picture %d" % len(self.samples)
        keyframe = time_us % SEGMENT_US == 0
        sample = Sample(len(data).to_bytes(4) + data, time_us * 9 // 100, keyframe)
        self.samples.append(sample)
        self.store.add(self.avcc, sample)


changes = st.lists(st.integers(1_000, PART_US - 1), max_size=3, unique_by=lambda time_us: time_us // 1_000)
"""When in a part the page changes, in microseconds."""
