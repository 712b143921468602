"""Reads MPEG-TS strictly, as ISO/IEC 13818-1 has it: whatever does not add up fails."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SIZE = 188


@dataclass(frozen=True, slots=True)
class Packet:
    """A transport packet."""

    pid: int
    first: bool
    """Whether a table or PES packet begins in it."""
    counter: int
    field: bytes
    """Its adaptation field without the length."""
    payload: bytes

    @property
    def clock(self) -> int | None:
        """The PCR, in ticks of 90 kHz."""
        if not (self.field and self.field[0] & 0x10):
            return None
        value = int.from_bytes(self.field[1:7])
        assert value & 0x7FFF == 0x7E00
        return value >> 15

    @property
    def random_access(self) -> bool:
        """Whether decoding can begin here."""
        return bool(self.field) and bool(self.field[0] & 0x40)


@dataclass(frozen=True, slots=True)
class Pes:
    """A PES packet."""

    stream: int
    time: int
    """The PTS."""
    payload: bytes
    random_access: bool
    clock: int | None


def packets(data: bytes) -> list[Packet]:
    """Return all packets."""
    assert len(data) % SIZE == 0
    return [_packet(data[start : start + SIZE]) for start in range(0, len(data), SIZE)]


def _packet(data: bytes) -> Packet:
    head = int.from_bytes(data[:4])
    # Sync byte; no error, no priority, not scrambled.
    assert head & 0xFFA000C0 == 0x47000000
    assert head & 0x30
    field, payload = b"", data[4:]
    if head & 0x20:
        field, payload = data[5 : 5 + data[4]], data[5 + data[4] :]
        assert data[4] == 183 if not head & 0x10 else data[4] <= 182
        used = 7 if field and field[0] & 0x10 else 1
        assert set(field[used:]) <= {0xFF}
    return Packet(head >> 8 & 0x1FFF, bool(head & 0x400000), head & 0xF, field, payload)


def check_counters(found: Iterable[Packet]) -> None:
    """Fail when a packet is missing: counters count packets with payload, others repeat the last."""
    last: dict[int, int] = {}
    for packet in found:
        before = last.get(packet.pid)
        step = 1 if packet.payload else 0
        assert before is None or packet.counter == (before + step) % 16
        last[packet.pid] = packet.counter


def table(packet: Packet) -> tuple[int, bytes]:
    """Return the type of the table in a packet, and its section from the header's end to the checksum."""
    assert packet.first
    assert packet.payload[0] == 0
    length = int.from_bytes(packet.payload[2:4]) & 0xFFF
    section = packet.payload[1 : 4 + length]
    assert crc(section) == 0
    assert set(packet.payload[4 + length :]) <= {0xFF}
    return section[0], section[8:-4]


def crc(data: bytes) -> int:
    """Return the CRC, bit by bit; that of a section with its checksum is 0."""
    register = 0xFFFFFFFF
    for bit in (byte >> place & 1 for byte in data for place in range(7, -1, -1)):
        register, out = register << 1 & 0xFFFFFFFF, register >> 31
        register ^= 0x04C11DB7 * (out ^ bit)
    return register


def pes(found: Iterable[Packet], pid: int) -> Iterator[Pes]:
    """Yield the PES packets of a PID."""
    begin: Packet | None = None
    data = b""
    for packet in found:
        if packet.pid != pid or not packet.payload:
            continue
        if packet.first:
            if begin:
                yield _pes(begin, data)
            begin, data = packet, b""
        assert begin
        data += packet.payload
    if begin:
        yield _pes(begin, data)


def _pes(begin: Packet, data: bytes) -> Pes:
    assert data[:3] == b"\0\0\1"
    size = int.from_bytes(data[4:6])
    # Video may leave its size open.
    assert size == len(data) - 6 or (size == 0 and data[3] & 0xF0 == 0xE0)
    assert data[6:9] == b"\x80\x80\x05"
    stamp = int.from_bytes(data[9:14])
    assert stamp & 0xF100010001 == 0x2100010001
    time = (stamp >> 33 & 7) << 30 | (stamp >> 17 & 0x7FFF) << 15 | stamp >> 1 & 0x7FFF
    return Pes(data[3], time, data[14:], begin.random_access, begin.clock)


def nal_units(data: bytes) -> list[bytes]:
    """Return the NAL units of a byte stream (ITU-T H.264 annex B), all with start codes of four bytes."""
    empty, *units = data.split(b"\0\0\0\1")
    assert not empty
    return units
