"""Silence in AAC-LC, coded once: several receivers refuse video without sound (pure)."""

from typing import Final

from ..models import VIDEO_TIMESCALE

SAMPLE_RATE: Final = 48_000
"""Samples per second."""
CHANNELS: Final = 2
BLOCK_SAMPLES: Final = 1_024
"""Samples in a coded block (ISO/IEC 14496-3 section 4.5.2.1)."""
BLOCK_TICKS: Final = BLOCK_SAMPLES * VIDEO_TIMESCALE // SAMPLE_RATE
"""How long a coded block lasts in ticks of the video's clock, exactly."""
CONFIG: Final = b"\x11\x90"
"""AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1): AAC-LC, 48 kHz, two channels."""
SILENCE: Final = b"\x21\x10\x04\x60\x8c\x1c"
"""One coded block of two silent channels: a channel pair element without spectral data."""


def blocks(start: int, end: int) -> range:
    """Return the numbers of the blocks that start in [start, end), in ticks of 1/90 000 s.

    Blocks follow each other from the stream's start on, so spans in a row have each block once.
    """
    return range(-(-start // BLOCK_TICKS), -(-end // BLOCK_TICKS))
