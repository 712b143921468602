"""MPEG-TS: whole segments of pictures and silence (pure).

The numbers are those of ISO/IEC 13818-1 (packets, tables, PES), ITU-T H.264 annex B (byte stream) and
ISO/IEC 14496-3 section 1.A.2.2 (ADTS).
"""

from collections.abc import Iterator, Sequence
from itertools import chain, cycle, islice
from operator import itemgetter
import struct
from typing import Final

from ..models import VIDEO_TIMESCALE, Sample
from . import aac

_PROGRAM: Final = 1
_PAT_PID: Final = 0
_PMT_PID: Final = 0x1000
_VIDEO_PID: Final = 0x100
_AUDIO_PID: Final = 0x101
_VIDEO_STREAM: Final = 0xE0
_AUDIO_STREAM: Final = 0xC0
_H264: Final = 0x1B
_ADTS_AAC: Final = 0x0F

_PACKET: Final = 188
_PAYLOAD: Final = 184
_COUNTERS: Final = 16
# How far values of the clock may lie apart (section 2.7.2), in ticks.
_CLOCK_INTERVAL: Final = VIDEO_TIMESCALE // 10
# Pictures and sound are due this long after the clock has reached them, in ticks: the bytes of a picture come
# until the next value of the clock, and a decoder needs some time.
_DELAY: Final = VIDEO_TIMESCALE // 5
_TIME_MASK: Final = (1 << 33) - 1

_RANDOM_ACCESS: Final = 0x40
_HAS_CLOCK: Final = 0x10

_START_CODE: Final = b"\0\0\0\1"
# A picture with slices of any type.
_DELIMITER: Final = _START_CODE + b"\x09\xf0"
# A block of silence behind its ADTS header: MPEG-4 AAC-LC without checksum, 48 kHz, two channels, 13 bytes.
_SILENCE: Final = b"\xff\xf1\x4c\x80\x01\xbf\xfc" + aac.SILENCE
# So many make one packet.
_SILENCES: Final = 13

# Heads of the packets inside a picture, by their counter.
_MIDDLES: Final = [struct.pack(">BHB", 0x47, _VIDEO_PID, 0x10 | counter) for counter in range(_COUNTERS)]


class Multiplexer:
    """Makes the segments of one stream, in the order in which they are shown."""

    def __init__(self, avcc: bytes) -> None:
        """Start with an AVCDecoderConfigurationRecord."""
        self._counters = dict.fromkeys((_PAT_PID, _PMT_PID, _VIDEO_PID, _AUDIO_PID), 0)
        self.reconfigure(avcc)

    def reconfigure(self, avcc: bytes) -> None:
        """Go on with the AVCDecoderConfigurationRecord of another encoder run."""
        self._parameter_sets = b"".join(_START_CODE + unit for unit in _parameter_sets(avcc))

    def segment(self, samples: Sequence[Sample], end: int) -> bytes:
        """Return a segment of one or more samples and the silence beside them.

        end: when the last sample has been shown, in ticks since the stream's start: the time of the next
        segment's first sample.
        """
        media = [*self._video(samples, end), *self._audio(samples[0].time, end)]
        media.sort(key=itemgetter(0))
        tables = (self._packet(_PAT_PID, _PAT), self._packet(_PMT_PID, _PMT))
        return b"".join((*tables, *(packets for _, packets in media)))

    def _video(self, samples: Sequence[Sample], end: int) -> Iterator[tuple[int, bytes]]:
        """Yield times and packets of pictures, and of the clock where pictures are too far apart for it."""
        ends = (*(sample.time for sample in samples[1:]), end)
        for sample, until in zip(samples, ends, strict=True):
            yield sample.time, self._picture(sample)
            for time in range(sample.time + _CLOCK_INTERVAL, until, _CLOCK_INTERVAL):
                yield time, self._clock(time)

    def _picture(self, sample: Sample) -> bytes:
        """Return the packets of a picture."""
        field = _adaptation(sample.time, _RANDOM_ACCESS if sample.keyframe else 0)
        parameter_sets = self._parameter_sets if sample.keyframe else b""
        # A size of 0 is for pictures of any size (section 2.4.3.7).
        header = _pes_header(_VIDEO_STREAM, sample.time)
        data = b"".join((header, _DELIMITER, parameter_sets, _byte_stream(sample.data)))
        start = _PAYLOAD - len(field)
        end = max(start, len(data) - (len(data) - start) % _PAYLOAD)
        first = self._packet(_VIDEO_PID, data[:start], field=field)
        middle = self._middle(data, start, end)
        rest = data[end:]
        return first + middle + (self._packet(_VIDEO_PID, rest, start=False) if rest else b"")
