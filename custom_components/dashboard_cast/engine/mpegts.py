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
from . import aac, h264

_PROGRAM: Final = 1
_PAT_PID: Final = 0
_PMT_PID: Final = 0x1000
_VIDEO_PID: Final = 0x100
_AUDIO_PID: Final = 0x101
_VIDEO_STREAM: Final = 0xE0
_AUDIO_STREAM: Final = 0xC0
_H264: Final = 0x1B
_ADTS_AAC: Final = 0x0F

_PAYLOAD: Final = 184
_COUNTER_MASK: Final = 0xF
# How far values of the clock may lie apart (section 2.7.2), in ticks.
_CLOCK_INTERVAL: Final = VIDEO_TIMESCALE // 10
# Pictures and sound are due this long after the clock has reached them, in ticks: the bytes of a picture come
# until the next value of the clock, and a decoder needs some time.
_DELAY: Final = VIDEO_TIMESCALE // 5
_TIME_MASK: Final = (1 << 33) - 1

_RANDOM_ACCESS: Final = 0x40
_HAS_CLOCK: Final = 0x10
# Bytes of a PES header that count as the packet's: two of flags, one of length, five of PTS.
_PES_OPTIONS: Final = 8

_START_CODE: Final = b"\0\0\0\1"
# A picture with slices of any type.
_DELIMITER: Final = _START_CODE + b"\x09\xf0"
# A block of silence behind its ADTS header: MPEG-4 AAC-LC without checksum, 48 kHz, two channels, 13 bytes.
_SILENCE: Final = b"\xff\xf1\x4c\x80\x01\xbf\xfc" + aac.SILENCE
# So many make one packet.
_SILENCES: Final = 13

# Heads of the packets inside a picture, by their counter.
_MIDDLES: Final = [
    struct.pack(">BHB", 0x47, _VIDEO_PID, 0x10 | counter) for counter in range(_COUNTER_MASK + 1)
]


class Multiplexer:
    """Makes the segments of one stream, in the order in which they are shown."""

    def __init__(self, avcc: bytes) -> None:
        """Start with an AVCDecoderConfigurationRecord; raises MalformedMediaError when it is cut off."""
        self._counters = dict.fromkeys((_PAT_PID, _PMT_PID, _VIDEO_PID, _AUDIO_PID), 0)
        self.reconfigure(avcc)

    def reconfigure(self, avcc: bytes) -> None:
        """Go on with the AVCDecoderConfigurationRecord of another encoder run; raises MalformedMediaError."""
        self._parameter_sets = b"".join(_START_CODE + unit for unit in h264.parameter_sets(avcc))

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
        pieces: list[bytes | bytearray] = [_pes_header(_VIDEO_STREAM, 0, sample.time), _DELIMITER]
        if sample.keyframe:
            pieces.append(self._parameter_sets)
        pieces.append(_byte_stream(sample.data))
        data = b"".join(pieces)
        field = _adaptation_field(sample.time, _RANDOM_ACCESS if sample.keyframe else 0)
        start = _PAYLOAD - 1 - len(field)
        end = max(start, len(data) - (len(data) - start) % _PAYLOAD)
        packets = self._packet(_VIDEO_PID, data[:start], field) + self._middle(data, start, end)
        return packets + self._packet(_VIDEO_PID, data[end:], first=False) if data[end:] else packets

    def _middle(self, data: bytes, start: int, end: int) -> bytes:
        """Return data[start:end] in full packets of the video."""
        heads = islice(cycle(_MIDDLES), self._count(_VIDEO_PID, (end - start) // _PAYLOAD), None)
        payloads = (data[position : position + _PAYLOAD] for position in range(start, end, _PAYLOAD))
        return b"".join(chain.from_iterable(zip(heads, payloads, strict=False)))

    def _clock(self, time: int) -> bytes:
        """Return a packet with nothing but the clock; it has the counter of the packet before it."""
        counter = self._counters[_VIDEO_PID] - 1 & _COUNTER_MASK
        return _packet(_VIDEO_PID, counter, b"", _adaptation_field(time))

    def _audio(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield times and packets of the silence in [start, end), several blocks in each."""
        blocks = aac.blocks(start, end)
        for first in blocks[::_SILENCES]:
            time = first * aac.BLOCK_TICKS
            data = _SILENCE * min(_SILENCES, blocks.stop - first)
            header = _pes_header(_AUDIO_STREAM, len(data), time)
            yield time, self._packet(_AUDIO_PID, header + data)

    def _packet(self, pid: int, payload: bytes, field: bytes = b"", *, first: bool = True) -> bytes:
        """Return the next packet of a PID."""
        return _packet(pid, self._count(pid, 1), payload, field, first=first)

    def _count(self, pid: int, packets: int) -> int:
        """Return the counter of the next of so many packets of a PID."""
        counter = self._counters[pid]
        self._counters[pid] = counter + packets & _COUNTER_MASK
        return counter


def _packet(pid: int, counter: int, payload: bytes, field: bytes = b"", *, first: bool = False) -> bytes:
    """Return a packet, stuffed to its size (section 2.4.3).

    field: its adaptation field without the length. first: whether a table or PES packet begins in it.
    """
    room = _PAYLOAD - len(payload)
    head = struct.pack(">BHB", 0x47, first << 14 | pid, bool(room) << 5 | bool(payload) << 4 | counter)
    if room:
        # A length of 0 is a whole adaptation field; a longer one has flags.
        head += (bytes((room - 1,)) + (field or b"\0"))[:room].ljust(room, b"\xff")
    return head + payload


def _adaptation_field(time: int, flags: int = 0) -> bytes:
    """Return an adaptation field with the clock, without its length (sections 2.4.3.4 and 2.4.3.5)."""
    # 33 bits of 90 kHz, 6 reserved ones, 9 bits of 27 MHz.
    clock = (time & _TIME_MASK) << 15 | 0x3F << 9
    return bytes((_HAS_CLOCK | flags,)) + clock.to_bytes(6)


def _pes_header(stream: int, size: int, time: int) -> bytes:
    """Return a PES header with a PTS; size of the payload in bytes, 0 for any (section 2.4.3.7)."""
    pts = time + _DELAY & _TIME_MASK
    # Three pieces of the time, each with a marker bit behind it.
    stamp = 0x21 << 32 | pts >> 30 << 33 | (pts >> 15 & 0x7FFF) << 17 | 1 << 16 | (pts & 0x7FFF) << 1 | 1
    length = size + _PES_OPTIONS if size else 0
    return struct.pack(">IHBBB", 0x100 | stream, length, 0x80, 0x80, 5) + stamp.to_bytes(5)


def _byte_stream(data: bytes) -> bytearray:
    """Return NAL units with start codes in place of their lengths."""
    stream = bytearray(data)
    position = 0
    while position < len(stream):
        size = int.from_bytes(stream[position : position + 4])
        stream[position : position + 4] = _START_CODE
        position += 4 + size
    return stream


def _table(table: int, number: int, body: bytes) -> bytes:
    """Return the payload of a packet with one table about `number` (section 2.4.4)."""
    # Version 0, in force, the only section; 9 bytes of it are neither before the length nor the body.
    section = struct.pack(">BHHBBB", table, 0xB000 | 9 + len(body), number, 0xC1, 0, 0) + body
    return (b"\0" + section + _crc(section).to_bytes(4)).ljust(_PAYLOAD, b"\xff")


def _crc(data: bytes) -> int:
    """Return the CRC of a table (section 2.4.4, annex A)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
    return crc


_PAT: Final = _table(0x00, 1, struct.pack(">HH", _PROGRAM, 0xE000 | _PMT_PID))
_PMT: Final = _table(
    0x02,
    _PROGRAM,
    # The video has the clock; nothing else to say of program and streams.
    struct.pack(">HH", 0xE000 | _VIDEO_PID, 0xF000)
    + struct.pack(">BHH", _H264, 0xE000 | _VIDEO_PID, 0xF000)
    + struct.pack(">BHH", _ADTS_AAC, 0xE000 | _AUDIO_PID, 0xF000),
)
