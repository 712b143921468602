"""Reads fragmented MP4 strictly, as ISO/IEC 14496-12 has it: whatever does not add up fails."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
import struct

CONTAINERS = {"moov", "trak", "mdia", "minf", "dinf", "stbl", "mvex", "moof", "traf"}
# Flags of `tfhd` and `trun` that are read here.
BASE_IS_MOOF = 0x020000
DEFAULTS = 0x000038
DATA_OFFSET = 0x000001
TABLE = 0x000700


@dataclass(frozen=True, slots=True)
class Run:
    """A track run."""

    track: int
    time: int
    """In the track's ticks."""
    table: list[tuple[int, int, int]]
    """Durations, sizes and flags of its samples."""
    data: list[bytes]
    """The samples."""

    @property
    def end(self) -> int:
        """When its last sample ends, in the track's ticks."""
        return self.time + sum(duration for duration, _, _ in self.table)


@dataclass(frozen=True, slots=True)
class MovieFragment:
    """A `moof` and `mdat` pair."""

    sequence: int
    runs: list[Run]

    def run(self, track: int) -> Run | None:
        """Return the run of a track."""
        return next((run for run in self.runs if run.track == track), None)


def boxes(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield types and payloads of boxes in a row."""
    while data:
        size, kind = struct.unpack_from(">I4s", data)
        assert 8 <= size <= len(data), kind
        yield kind.decode(), data[8:size]
        data = data[size:]


def paths(data: bytes, above: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield paths such as `moov/mvhd` and payloads of all boxes, those in containers too."""
    for kind, payload in boxes(data):
        yield above + kind, payload
        if kind in CONTAINERS:
            yield from paths(payload, f"{above}{kind}/")


def fragments(data: bytes) -> Iterator[MovieFragment]:
    """Yield the `moof` and `mdat` pairs in a row."""
    while data:
        (kind, moof), (media_kind, media) = islice(boxes(data), 2)
        assert (kind, media_kind) == ("moof", "mdat")
        place = 8 + len(moof) + 8
        whole = data[: place + len(media)]
        (first, header), *trafs = boxes(moof)
        assert first == "mfhd"
        runs = []
        for kind, traf in trafs:
            assert kind == "traf"
            run, offset = _run(traf, whole)
            # Runs lie one behind the other, and nothing else is in the media.
            assert offset == place
            place += sum(map(len, run.data))
            runs.append(run)
        assert place == len(whole)
        yield MovieFragment(struct.unpack(">4xI", header)[0], runs)
        data = data[len(whole) :]


def _run(traf: bytes, whole: bytes) -> tuple[Run, int]:
    """Return the run of a track fragment, and where its data begin."""
    (_, tfhd), (_, tfdt), (_, trun) = found = list(boxes(traf))
    assert [kind for kind, _ in found] == ["tfhd", "tfdt", "trun"]
    flags, track, *defaults = struct.unpack(f">{len(tfhd) // 4}I", tfhd)
    assert flags in {BASE_IS_MOOF, BASE_IS_MOOF | DEFAULTS}
    version, time = struct.unpack(">IQ", tfdt)
    assert version == 1 << 24
    flags, count, offset, *fields = struct.unpack(f">{len(trun) // 4}I", trun)
    assert flags in {DATA_OFFSET, DATA_OFFSET | TABLE}
    if flags & TABLE:
        table = list(zip(fields[::3], fields[1::3], fields[2::3], strict=True))
    else:
        table = [(defaults[0], defaults[1], defaults[2])] * count
    assert len(table) == count > 0
    data = []
    position = offset
    for _, size, _ in table:
        data.append(whole[position : position + size])
        position += size
    return Run(track, time, table, data), offset
