"""Tests of the fragmented MP4 reader: recorded, built by hand, cut anywhere, and broken in every way."""

from collections.abc import Iterator
from contextlib import suppress
import itertools
import struct
import tracemalloc

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.dashboard_cast.engine import fragmenter as reader
from custom_components.dashboard_cast.engine.fragmenter import Fragmenter, boxes, fragment, tracks
from custom_components.dashboard_cast.errors import MalformedMediaError
from custom_components.dashboard_cast.models import Fragment, Track

from .helpers import SMALL

VIDEO = Track(1, "vide", 90_000, "avc1.640029", 320, 180)
NON_SYNC = 0x00010000
SYNC = 0x02000000
CONTAINERS = {"moov", "trak", "mdia", "minf", "stbl", "mvex", "moof", "traf"}


def box(kind: str, *payload: bytes) -> bytes:
    """Return a box."""
    data = b"".join(payload)
    return struct.pack(">I4s", 8 + len(data), kind.encode()) + data


def words(*values: int) -> bytes:
    """Return 32-bit numbers."""
    return struct.pack(f">{len(values)}I", *values)


def traf(
    *runs: bytes, track: int = 1, start: int = 0, tfhd_flags: int = 0, defaults: bytes = b"", version: int = 0
) -> bytes:
    """Return a track fragment."""
    header = box("tfhd", words(tfhd_flags, track), defaults)
    time = box("tfdt", words(version << 24), struct.pack(">Q" if version else ">I", start))
    return box("traf", header, time, *runs)


def media(*trafs: bytes) -> bytes:
    """Return a `moof` and `mdat` pair."""
    return box("moof", box("mfhd", words(0, 1)), *trafs) + box("mdat", b"media")


HEVC = box("hvc1", bytes(78))


def trak(
    handler: bytes = b"vide",
    *,
    entry: bytes = HEVC,
    number: int = 1,
    timescale: int = 90_000,
    version: int = 0,
) -> bytes:
    """Return a track of an init segment; version 1 has 64-bit times."""
    times = bytes(16 if version else 8)
    tkhd = box("tkhd", words(version << 24), times, words(number), bytes(60), words(320 << 16, 180 << 16))
    mdhd = box("mdhd", words(version << 24), times, words(timescale), bytes(8))
    stsd = box("stsd", words(0, 1), entry)
    minf = box("minf", box("stbl", stsd))
    return box("trak", tkhd, box("mdia", mdhd, box("hdlr", words(0, 0), handler, bytes(13)), minf))


def avc1(profile: bytes = b"\x64\x00\x29") -> bytes:
    """Return a sample entry of H.264."""
    return box("avc1", bytes(78), box("avcC", b"\x01", profile, b"\xff"))


def mp4a(
    *, object_type: int = 0x40, config: int = 0x11, long_sizes: bool = False, first_tag: int = 3
) -> bytes:
    """Return a sample entry of audio."""
    size = b"\x80\x80\x80\x20" if long_sizes else b"\x20"
    decoder = bytes((object_type,)) + bytes(12)
    descriptors = bytes((first_tag,)) + size + bytes(3) + b"\x04" + size + decoder + b"\x05" + size
    return box("mp4a", bytes(28), box("esds", words(0), descriptors, bytes((config, 0x90))))


def cut(data: bytes, points: list[int]) -> list[bytes]:
    """Return data in pieces."""
    edges = [0, *sorted(points), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def feed(pieces: list[bytes]) -> tuple[Fragmenter, list[Fragment]]:
    """Return a fragmenter and what it made of the pieces."""
    fragmenter = Fragmenter()
    return fragmenter, [found for piece in pieces for found in fragmenter.feed(piece)]


def walk(data: bytes, start: int = 0, end: int | None = None) -> Iterator[reader.Box]:
    """Yield all boxes of good media, those in containers too."""
    for found in boxes(data, start, end):
        yield found
        if found.kind in CONTAINERS:
            yield from walk(data, found.start, found.end)


def test_recorded_init(recording: bytes) -> None:
    """The init segment of the real encoder is read."""
    init = feed([recording])[0].init
    assert init
    assert init.codecs == "avc1.640029,mp4a.40.2"
    assert (init.video.width, init.video.height) == (SMALL.width, SMALL.height)
    assert [track.timescale for track in init.tracks] == [90_000, 48_000]


def test_recorded_fragments(recording: bytes) -> None:
    """Fragments of the real encoder reach from keyframe to keyframe without a gap."""
    fragments = feed([recording])[1]
    assert [found.start for found in fragments] == [index / 2 for index in range(7)]
    assert all(found.keyframe for found in fragments)
    for one, other in itertools.pairwise(fragments):
        assert other.start == pytest.approx(one.start + one.duration, abs=1e-9)


def test_no_byte_is_lost(recording: bytes) -> None:
    """Init segment and fragments are the encoder's output, up to its index at the end."""
    fragmenter, fragments = feed([recording])
    assert fragmenter.init
    whole = fragmenter.init.data + b"".join(found.data for found in fragments)
    assert recording.startswith(whole)
    assert [found.kind for found in boxes(recording, len(whole))] == ["mfra"]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_cut_anywhere(recording: bytes, data: st.DataObject) -> None:
    """However the bytes come, the same fragments come out."""
    points = data.draw(st.lists(st.integers(0, len(recording)), max_size=30))
    assert feed(cut(recording, points))[1] == feed([recording])[1]


def test_byte_by_byte(recording: bytes) -> None:
    """A fragment is there with its last byte, not before."""
    whole = feed([recording])[0].init
    assert whole
    first = feed([recording])[1][0]
    end = len(whole.data) + len(first.data)
    fragmenter, before = feed(cut(recording[: end - 1], list(range(end - 1))))
    assert before == []
    assert fragmenter.feed(recording[end - 1 : end]) == [first]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_changed_bytes(recording: bytes, data: st.DataObject) -> None:
    """Whatever bytes are changed, nothing but MalformedMediaError is raised."""
    broken = bytearray(recording[:8_000])
    spots = st.tuples(st.integers(0, len(broken) - 1), st.integers(0, 255))
    for position, value in data.draw(st.lists(spots, min_size=1, max_size=8)):
        broken[position] = value
    with suppress(MalformedMediaError):
        feed([bytes(broken)])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_changed_sizes(recording: bytes, data: st.DataObject) -> None:
    """Whatever a box says of its size or type, nothing but MalformedMediaError is raised."""
    broken = bytearray(recording)
    known = [found for found in walk(recording) if found.start < 8_000]
    chosen = data.draw(st.sampled_from(known))
    sizes = st.integers(0, 64) | st.integers(0, 2**32 - 1)
    struct.pack_into(">I", broken, chosen.start - 8, data.draw(sizes))
    if data.draw(st.booleans()):
        struct.pack_into("4s", broken, chosen.start - 4, data.draw(st.sampled_from(known)).kind.encode())
    with suppress(MalformedMediaError):
        feed([bytes(broken)])


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_emptied_boxes(recording: bytes, data: st.DataObject) -> None:
    """A box without what belongs in it raises nothing but MalformedMediaError."""
    init = feed([recording])[0].init
    assert init
    chosen = data.draw(st.sampled_from(list(walk(init.data))))
    keep = data.draw(st.integers(0, chosen.end - chosen.start))
    with suppress(MalformedMediaError):
        tracks(shorten(init.data, chosen, keep))


def shorten(data: bytes, chosen: reader.Box, keep: int) -> bytes:
    """Return media where one box keeps so many bytes of its payload, and the boxes around it still fit."""
    gone = chosen.end - chosen.start - keep
    changed = bytearray(data)
    for around in walk(data):
        if around.start <= chosen.start and chosen.end <= around.end:
            struct.pack_into(">I", changed, around.start - 8, around.end - around.start + 8 - gone)
    del changed[chosen.end - gone : chosen.end]
    return bytes(changed)


@given(st.binary(max_size=400))
def test_noise(noise: bytes) -> None:
    """Noise raises nothing but MalformedMediaError."""
    with suppress(MalformedMediaError):
        feed([noise])
    with suppress(MalformedMediaError):
        feed([box("moov", noise)])
    with suppress(MalformedMediaError):
        fragment(media(box("traf", noise)), VIDEO)


@settings(deadline=None)
@given(st.integers(0, 8_000))
def test_truncated(recording: bytes, length: int) -> None:
    """A stream that stops gives a part of the whole stream's fragments."""
    found = feed([recording[:length]])[1]
    assert feed([recording])[1][: len(found)] == found


def test_memory_is_bounded_while_a_box_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A box that claims to be huge is refused at its head."""
    monkeypatch.setattr(reader, "MAX_BOX_SIZE", 1_000)
    assert Fragmenter().feed(words(1_000) + b"mdat") == []
    with pytest.raises(MalformedMediaError, match="1001 bytes"):
        Fragmenter().feed(words(1_001) + b"mdat")


def test_memory_is_bounded_without_media(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boxes that never lead to media do not pile up."""
    monkeypatch.setattr(reader, "MAX_BOX_SIZE", 100_000)
    fragmenter = Fragmenter()
    filler = box("free", bytes(50_000))
    tracemalloc.start()
    try:
        with suppress(MalformedMediaError):
            for _ in range(100):
                fragmenter.feed(filler)
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (words(7) + b"free", "box b'free' of 7 bytes"),
        (media(traf()), "media before the init segment"),
        (box("moov"), "no video track"),
        (box("moov", trak(b"soun", entry=mp4a())), "no video track"),
        (box("moov", trak(timescale=0)), "a time scale of zero"),
        (box("moov", b"1234"), "a box is cut off"),
        (box("moov", box("trak")), "no tkhd box"),
        (box("moov", trak(entry=box("avc1", bytes(78)))), "no avcC box"),
        (box("moov", trak(entry=mp4a(first_tag=6))), "esds descriptor 6"),
        (box("moov", trak(entry=box("mp4a", bytes(28), box("esds", bytes(5))))), "esds descriptor 0"),
        (box("moov", trak(entry=box("mp4a", bytes(28), box("esds")))), "moov"),
        (box("moov", box("trak", box("tkhd"), box("mdia", box("mdhd"), box("hdlr")))), "no minf box"),
    ],
)
def test_broken(data: bytes, detail: str) -> None:
    """What is wrong is told."""
    with pytest.raises(MalformedMediaError, match=detail):
        Fragmenter().feed(data)


def test_no_sample_entry() -> None:
    """An init segment that does not say how a track is coded is broken."""
    with pytest.raises(MalformedMediaError):
        Fragmenter().feed(box("moov", trak(entry=b"")))


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (box("mdat"), "no moof box"),
        (box("moof", box("traf")), "no tfhd box"),
        (box("moof", box("traf", box("tfhd", words(0, 1)))), "no tfdt box"),
        (media(traf(box("trun", words(0x100, 2, 5)))), "a track run is cut off"),
        (box("moof", box("traf", box("tfhd"))), "moof"),
        (media(traf(box("trun", words(0x100, 1, 48_000)), track=2)), "a fragment without a picture"),
        (media(), "a fragment without a picture"),
    ],
)
def test_broken_fragment(data: bytes, detail: str) -> None:
    """What is wrong with a fragment is told."""
    with pytest.raises(MalformedMediaError, match=detail):
        fragment(data, VIDEO)


@pytest.mark.parametrize("version", [0, 1])
def test_track_of_either_version(version: int) -> None:
    """Track headers with 32-bit and 64-bit times are read."""
    data = box("moov", trak(entry=avc1(b"\x4d\x40\x1f"), number=7, timescale=1_000, version=version))
    assert tracks(data) == (Track(7, "vide", 1_000, "avc1.4d401f", 320, 180),)


@pytest.mark.parametrize(
    ("entry", "codec"),
    [
        (mp4a(), "mp4a.40.2"),
        (mp4a(long_sizes=True), "mp4a.40.2"),
        (mp4a(config=0x2B), "mp4a.40.5"),
        (mp4a(object_type=0x67, config=0x09), "mp4a.67.1"),
        (box("Opus", bytes(28)), "Opus"),
    ],
)
def test_audio_codecs(entry: bytes, codec: str) -> None:
    """Audio codecs are named as RFC 6381 does."""
    data = box("moov", trak(entry=avc1()), trak(b"soun", entry=entry, number=2))
    assert tracks(data)[1].codec == codec


def test_defaults_of_a_track_fragment() -> None:
    """Durations and flags may stand in the track fragment's header, behind other fields."""
    defaults = bytes(8) + words(1, 3_000, 99, NON_SYNC)
    data = media(traf(box("trun", words(0, 3)), start=90_000, tfhd_flags=0x00003B, defaults=defaults))
    found = fragment(data, VIDEO)
    assert (found.start, found.duration, found.keyframe) == (1.0, 0.1, False)


def test_flags_of_the_first_sample() -> None:
    """A run may have flags for its first sample alone."""
    run = box("trun", words(0x000005, 2, 0, SYNC))
    data = media(traf(run, tfhd_flags=0x28, defaults=words(9_000, NON_SYNC)))
    assert fragment(data, VIDEO).keyframe


def test_several_runs_and_tracks() -> None:
    """The first run's first sample counts for the keyframe, all runs for the duration."""
    first = box("trun", words(0x000500, 1, 9_000, SYNC))
    second = box("trun", words(0x000500, 1, 18_000, NON_SYNC))
    sound = traf(box("trun", words(0x100, 1, 1_024)), track=2, start=2**33, version=1)
    found = fragment(media(sound, traf(first, second)), VIDEO)
    assert (found.start, found.duration, found.keyframe) == (0.0, 0.3, True)


def test_a_run_without_samples() -> None:
    """An empty run is no keyframe."""
    found = fragment(media(traf(box("trun", words(0x000704, 0, SYNC)))), VIDEO)
    assert (found.start, found.duration, found.keyframe) == (0.0, 0.0, False)


@given(
    samples=st.lists(
        st.tuples(st.integers(0, 10**6), st.sampled_from([SYNC, NON_SYNC])), min_size=1, max_size=20
    ),
    start=st.integers(0, 2**40),
    sizes=st.booleans(),
    offset=st.booleans(),
    composition=st.booleans(),
)
def test_runs_in_every_form(
    samples: list[tuple[int, int]], start: int, *, sizes: bool, offset: bool, composition: bool
) -> None:
    """Whatever other fields a run has, durations and flags are found among them."""
    flags = 0x500 | offset | sizes * 0x200 | composition * 0x800
    table = b"".join(
        words(duration, *([7] * sizes), sample_flags, *([1] * composition))
        for duration, sample_flags in samples
    )
    run = box("trun", words(flags, len(samples), *([8] * offset)), table)
    found = fragment(media(traf(run, start=start, version=1)), VIDEO)
    assert found.start == start / VIDEO.timescale
    assert found.duration == sum(duration for duration, _ in samples) / VIDEO.timescale
    assert found.keyframe == (samples[0][1] == SYNC)
