"""Tests of the stream as MPEG-TS: made only when somebody asks, in order, and playable."""

from itertools import pairwise

import pytest

from custom_components.dashboard_cast.engine.pacer import SEGMENT_US
from custom_components.dashboard_cast.engine.segments import KEPT, LISTED, SegmentStore
from custom_components.dashboard_cast.engine.transport import TransportSegments

from . import media, transport
from .broadcast import Broadcast, configuration
from .helpers import SMALL, checksums, encode, frame, paced, parameter_sets, run, still

VIDEO = 0x100


@pytest.fixture
def broadcast() -> Broadcast:
    """Return a store that nothing was added to."""
    return Broadcast()


def numbers(made: TransportSegments) -> list[int]:
    """Return the numbers of the listed segments."""
    return [segment.number for segment in made.listed()]


def nal_units(data: bytes) -> list[bytes]:
    """Return the NAL units of the pictures in a segment."""
    found = transport.pes(transport.packets(data), VIDEO)
    return [nal for one in found for nal in transport.nal_units(one.payload)]


def test_nothing_yet(broadcast: Broadcast) -> None:
    """Before the first segment there is none."""
    assert TransportSegments(broadcast.store).listed() == []


def test_begins_with_the_latest(broadcast: Broadcast) -> None:
    """Who asks first gets what a player wants before it starts, and no more is made."""
    broadcast.finish(LISTED)
    made = TransportSegments(broadcast.store)
    assert made.data(LISTED - 1) is None
    assert numbers(made) == [LISTED - 3, LISTED - 2, LISTED - 1]
    assert [made.data(number) is not None for number in range(LISTED)] == [False] * 7 + [True] * 3


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_begins_with_few(broadcast: Broadcast, count: int) -> None:
    """A young stream has fewer."""
    broadcast.finish(count)
    assert numbers(TransportSegments(broadcast.store)) == list(range(count))[-3:]


def test_goes_on(broadcast: Broadcast) -> None:
    """Segments are added one by one, and listed as long as those of other formats."""
    broadcast.finish(3)
    made = TransportSegments(broadcast.store)
    for count in range(3, 2 * KEPT):
        assert numbers(made) == list(range(count))[-LISTED:]
        broadcast.segments(1)


def test_each_is_made_once(broadcast: Broadcast) -> None:
    """Asking again makes nothing again: counters of packets go on from segment to segment."""
    broadcast.finish(3)
    made = TransportSegments(broadcast.store)
    made.listed()
    first = made.data(2)
    made.listed()
    assert made.data(2) is first
    broadcast.segments(2)
    made.listed()
    transport.check_counters(
        packet for number in range(5) for packet in transport.packets(made.data(number) or b"")
    )


def test_what_was_listed_stays(broadcast: Broadcast) -> None:
    """A segment can be fetched while a player may still know it from a playlist, and goes then."""
    broadcast.finish(3)
    made = TransportSegments(broadcast.store)
    for _ in range(2 * KEPT):
        listed = numbers(made)
        assert all(made.data(number) for number in range(max(0, listed[-1] + 1 - KEPT), listed[-1] + 1))
        assert made.data(listed[-1] - KEPT) is None
        broadcast.segments(1)


@pytest.mark.parametrize("pause", [1, LISTED - 1, LISTED, LISTED + 1, 3 * KEPT])
def test_a_pause(broadcast: Broadcast, pause: int) -> None:
    """After a time when nobody asked, the list has no hole; what is too old is begun anew."""
    broadcast.finish(3)
    made = TransportSegments(broadcast.store)
    made.listed()
    broadcast.segments(pause)
    listed = numbers(made)
    assert listed[-1] == 2 + pause
    assert all(after == before + 1 for before, after in pairwise(listed))
    assert len(listed) == (min(LISTED, 3 + pause) if pause <= LISTED else 3)
    assert all(made.data(number) for number in listed)


def test_another_configuration(broadcast: Broadcast) -> None:
    """From where another configuration is needed, keyframes come with its parameter sets."""
    broadcast.segments(2)
    broadcast.avcc = configuration(7)
    broadcast.finish(1)
    made = TransportSegments(broadcast.store)
    made.listed()
    for number, of in ((1, 0), (2, 7)):
        found = nal_units(made.data(number) or b"")
        assert set(parameter_sets(configuration(of))) <= set(found)
        assert parameter_sets(configuration(7 - of))[0] not in found


async def test_plays() -> None:
    """FFmpeg decodes it to the very pictures of the stream, at their times, and finds nothing wrong."""
    coded = await encode(
        [
            *(paced(frame(index), index * 50_000) for index in range(30)),
            *still(frame(29), SEGMENT_US + 500_000, 3 * SEGMENT_US + 1),
        ]
    )
    store = SegmentStore(SMALL.width, SMALL.height)
    for avcc, sample in coded:
        store.add(avcc, sample)
    made = TransportSegments(store)
    data = b"".join(made.data(segment.number) or b"" for segment in made.listed())
    samples = [sample for _, sample in coded[:-1]]
    expected = await checksums(coded[0][0], [sample.data for sample in samples])
    command = ("ffmpeg", "-v", "warning", "-i", "pipe:0", "-map", "0:v", "-fps_mode", "passthrough")
    lines = (await run(*command, "-f", "framemd5", "pipe:1", data=data, quiet=True)).splitlines()
    assert [line.decode().split()[-1] for line in lines if not line.startswith(b"#")] == expected
    times = [int(packet["pts"]) for packet in await media.packets(data, "v")]
    assert [time - times[0] for time in times] == [sample.time for sample in samples]
