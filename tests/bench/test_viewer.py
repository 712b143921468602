"""Tests of the viewers that the benchmark's load generator plays."""

import pytest

from custom_components.dashboard_cast.engine import fmp4, playlist
from custom_components.dashboard_cast.engine.segments import PART_TARGET
from custom_components.dashboard_cast.models import Sample
from tests.engine.broadcast import EPOCH, PARTS, Broadcast

from .viewer import Listing, Piece, Playback, after, lead_in, listing, pictures


def piece(number: int, duration: float = 1.0) -> Piece:
    """Return a piece that is shown after so many others of its length."""
    return Piece(f"{number}.m4s", duration, (number + 1) * duration, independent=number % 4 == 0)


def listed(broadcast: Broadcast) -> Listing:
    """Return what a viewer reads."""
    return listing(playlist.media(broadcast.store))


def test_playlist() -> None:
    """A viewer finds parts and segments with their dates, and what to ask for next."""
    broadcast = Broadcast()
    broadcast.finish(4)
    broadcast.part()
    read = listed(broadcast)
    assert [one.name for one in read.segments] == ["0.m4s", "1.m4s", "2.m4s", "3.m4s"]
    assert [one.end - EPOCH for one in read.segments] == pytest.approx([1, 2, 3, 4])
    assert read.parts[-1].name == "part-16.m4s"
    assert read.parts[-1].end - EPOCH == pytest.approx(4.25)
    assert read.parts[-1].independent
    assert not read.parts[-2].independent
    assert read.next.query == "?_HLS_msn=4&_HLS_part=1"
    assert (read.hold_back, read.target_duration) == (3 * PART_TARGET, 1)


def test_next_at_the_end_of_a_segment() -> None:
    """When a segment is complete, the first part of the next one is asked for."""
    broadcast = Broadcast()
    broadcast.finish(3)
    assert listed(broadcast).next.query == "?_HLS_msn=3&_HLS_part=0"


def test_pictures_of_a_part() -> None:
    """Neither repeats nor sound count."""
    sizes = (5_000, 30, 1_000, 30)
    samples = [Sample(bytes(size), 4_500 * index, index == 0) for index, size in enumerate(sizes)]
    assert pictures(fmp4.fragment(1, samples, 18_000)) == 2
    assert pictures(b"no chunk") == 0


def test_lead_in() -> None:
    """What is fetched first is the keyframe before the position, or the first there is."""
    pieces = [piece(number, 0.25) for number in range(3, 11)]
    assert pieces[lead_in(pieces, 2.1)].name == "8.m4s"
    assert pieces[lead_in(pieces, 2.0)].name == "8.m4s"
    assert pieces[lead_in(pieces, 1.9)].name == "4.m4s"
    assert pieces[lead_in(pieces, 0.5)].name == "3.m4s"


def test_after() -> None:
    """The order is that of the dates, however durations were rounded."""
    pieces = [piece(number, 1 / PARTS) for number in range(8)]
    last = Piece("other.m4s", 1 / PARTS, pieces[5].end + 1e-4, independent=False)
    assert after(pieces, last) == pieces[6:]


def test_playback_without_stalls() -> None:
    """Who is half a second behind has that much time for each piece."""
    playback = Playback(position=10.5)
    for number, now in ((9, 11.9), (10, 12.0), (11, 12.1), (12, 13.5)):
        playback.arrived(piece(number), now)
    assert playback.delay == 1.5
    assert playback.margins == pytest.approx([0.4, 0.0])
    assert playback.stalls == 0


def test_playback_that_stalls() -> None:
    """What comes too late is shown when it comes, and so is all that follows."""
    playback = Playback(position=10.0)
    playback.arrived(piece(10), 12.0)
    playback.arrived(piece(11), 13.5)
    playback.arrived(piece(12), 14.0)
    assert (playback.stalls, playback.stalled) == (1, 0.5)
    assert playback.delay == 2.5
    assert playback.margins == [-0.5, 0.5]
    playback.forget()
    assert (playback.stalls, playback.stalled, playback.margins) == (0, 0.0, [])
