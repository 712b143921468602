"""Tests of repeats without an encoder: FFmpeg decodes them to the very pictures they repeat."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import pairwise
import subprocess
from typing import Any

from hypothesis import assume, given, settings, strategies as st
import pytest

from custom_components.dashboard_cast.engine import h264
from custom_components.dashboard_cast.engine.codecs import SOFTWARE
from custom_components.dashboard_cast.engine.encoder import arguments
from custom_components.dashboard_cast.engine.flv import Configuration, FlvReader, Picture
from custom_components.dashboard_cast.engine.h264 import Parameters, Repeater, round_of_repeats
from custom_components.dashboard_cast.errors import MalformedMediaError
from custom_components.dashboard_cast.models import Profile

from .helpers import checksums, nal_units, parameter_sets

TINY = Profile(width=64, height=48)
KEYFRAME_EVERY = 4
SLICE, IDR_SLICE = 1, 5

type Stream = tuple[bytes, list[Picture]]


@cache
def coded(count: int = 12, profile: Profile = TINY, *options: str) -> Stream:
    """Return configuration and pictures of the engine's own encoder, with other options of FFmpeg."""
    command = arguments("ffmpeg", SOFTWARE, profile)
    first, last = command.index("-analyzeduration"), command.index("-map")
    command[first:last] = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=3"]
    command[command.index("-force_key_frames") + 1] = f"expr:not(mod(n,{KEYFRAME_EVERY}))"
    end = command.index("-color_range")
    command[end:end] = ["-frames:v", str(count), *options]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    configuration, *pictures = FlvReader().feed(data)
    assert isinstance(configuration, Configuration)
    return configuration.data, [picture for picture in pictures if isinstance(picture, Picture)]


CAVLC = ("-x264-params", "weightp=0:cabac=0")
# B pictures that are never chosen: for them pictures have order counts of their own.
ORDERED = ("-bf", "1", "-x264-params", "weightp=0:b-adapt=1:b-bias=-100")
ORDERED_CAVLC = (*ORDERED[:-1], f"{ORDERED[-1]}:cabac=0")
KINDS = [(), CAVLC, ORDERED, ORDERED_CAVLC]


@cache
def stream_of(options: tuple[str, ...], count: int = 12, profile: Profile = TINY) -> Stream:
    """Return pictures each of which refers to the one before only, and says so."""
    avcc, pictures = coded(count, profile, *options)
    if "-bf" in options:
        # x264 keeps room for the B picture that never comes: max_num_ref_frames is 2 (011) and becomes 1
        # (010). Before it: profile, level, number of the set, 4:2:0, depths, flags, bits of frame numbers,
        # type of order counts, and their bits.
        place = 8 + 4
        bits = int.from_bytes(avcc[place : place + 2])
        found = f"{bits:016b}"
        assert found.startswith("10101100111011")
        avcc = avcc[:place] + (bits & ~(1 << 2)).to_bytes(2) + avcc[place + 2 :]
    return avcc, pictures


@cache
def repeater_of(profile: Profile = TINY) -> bytes:
    """Return the configuration of the engine's own encoder."""
    return coded(1, profile)[0]


class Bits:
    """Bits to read, as ITU-T H.264 clause 7.2 has it."""

    def __init__(self, data: bytes) -> None:
        self.rest = "".join(f"{byte:08b}" for byte in data)

    def fixed(self, count: int) -> int:
        """Read u(count)."""
        value, self.rest = self.rest[:count], self.rest[count:]
        return int(value, 2)

    def golomb(self) -> int:
        """Read ue(v)."""
        zeros = self.rest.index("1")
        return self.fixed(2 * zeros + 1) - 1


def golomb(value: int) -> str:
    """Write ue(v)."""
    code = f"{value + 1:b}"
    return "0" * (len(code) - 1) + code


def packed(bits: str) -> bytes:
    """Return bits as bytes, filled up with zeros."""
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8)


def without_emulation_prevention(nal: bytes) -> bytes:
    """Return the RBSP of a NAL unit (clause 7.3.1), taken out byte by byte."""
    found = bytearray()
    zeros = 0
    for byte in nal:
        if zeros >= 2 and byte == 3:
            zeros = 0
            continue
        zeros = 0 if byte else zeros + 1
        found.append(byte)
    return bytes(found)


def with_emulation_prevention(rbsp: bytes) -> bytes:
    """Return a NAL unit of an RBSP (clause 7.3.1), put in byte by byte."""
    found = bytearray()
    zeros = 0
    for byte in rbsp:
        if zeros >= 2 and byte <= 3:
            found.append(3)
            zeros = 0
        zeros = 0 if byte else zeros + 1
        found.append(byte)
    return bytes(found)


def numbers(picture: bytes, frame_number_bits: int) -> list[tuple[int, int, int | None]]:
    """Return NAL unit type, frame_num and, where it is one, idr_pic_id of a picture's slices."""
    found = []
    for nal in nal_units(picture):
        bits = Bits(without_emulation_prevention(nal[1:40]))
        kind = nal[0] & 0x1F
        for _ in ("first_mb_in_slice", "slice_type", "pic_parameter_set_id"):
            bits.golomb()
        found.append((kind, bits.fixed(frame_number_bits), bits.golomb() if kind == IDR_SLICE else None))
    return found


def repeated(stream: Stream, plan: list[list[bool]]) -> tuple[list[bytes], list[int]]:
    """Return coded pictures, each repeated as planned, and which picture each looks like.

    plan: for each picture its repeats, with whether it is to be one as a keyframe.
    """
    avcc, pictures = stream
    repeater = Repeater(avcc)
    made, looks = [], []
    for index, (picture, repeats) in enumerate(zip(pictures, plan, strict=True)):
        made.append(repeater.coded(picture.data))
        made += [repeater.key() if key and picture.keyframe else repeater.skip() for key in repeats]
        looks += [index] * (1 + len(repeats))
    return made, looks


async def same_pictures(stream: Stream, plan: list[list[bool]]) -> None:
    """Check that all pictures look as without repeats, bit for bit."""
    avcc, pictures = stream
    made, looks = repeated(stream, plan)
    original = await checksums(avcc, [picture.data for picture in pictures])
    assert len(set(original)) > len(pictures) // 2
    assert await checksums(avcc, made) == [original[index] for index in looks]


def run_of(count: int) -> list[bool]:
    """Return a plan for one picture: repeats, with a keyframe now and then."""
    return [not (index + 1) % KEYFRAME_EVERY for index in range(count)]


plans = st.lists(st.lists(st.booleans(), max_size=24), min_size=12, max_size=12)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(KINDS), plans)
def test_any_repeats(kind: tuple[str, ...], plan: list[list[bool]]) -> None:
    """However often which pictures are repeated, all of them and those after look as they should."""
    with asyncio.Runner() as runner:
        runner.run(same_pictures(stream_of(kind), plan))


@pytest.mark.parametrize(
    ("width", "height"),
    [(16, 16), (32, 16), (48, 16), (66, 34), (320, 180), (854, 480), (1280, 720), (1920, 1080)],
)
@pytest.mark.parametrize("kind", KINDS)
async def test_any_size(width: int, height: int, kind: tuple[str, ...]) -> None:
    """Pictures of all sizes can be repeated, those with several slices too."""
    stream = stream_of(kind, 6, Profile(width=width, height=height))
    await same_pictures(stream, [run_of(count) for count in (5, 0, 3, 1, 9, 2)])


@pytest.mark.parametrize(
    "options",
    [
        ("-profile:v", "main"),
        ("-profile:v", "baseline"),
        ("-x264-params", "weightp=0:no-deblock=1"),
        ("-x264-params", "weightp=0:no-deblock=1:cabac=0"),
    ],
)
async def test_other_streams(options: tuple[str, ...]) -> None:
    """Other profiles and filters of the encoder fit as well."""
    await same_pictures(coded(6, TINY, *options), [run_of(count) for count in (5, 0, 3, 1, 9, 2)])


def test_several_slices() -> None:
    """The full size has two slices in a picture, which get the same numbers."""
    avcc, pictures = coded(6, Profile(width=1920, height=1080))
    made, _ = repeated((avcc, pictures), [run_of(3)] * 6)
    bits = Parameters.of(avcc).frame_number_bits
    slices = [numbers(picture, bits) for picture in made]
    assert {len(found) for found in slices} == {1, 2}
    assert all(len(set(found)) == 1 for found in slices)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_long_time_between_keyframes(kind: tuple[str, ...]) -> None:
    """Numbers begin anew as often as they have to."""
    stream = stream_of(kind)
    wrap = Parameters.of(stream[0]).round
    await same_pictures(stream, [[False] * (3 * wrap + 1), *[[]] * 10, [False] * wrap])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pictures", [1, 2, 4, 15, 16, 17, 33])
async def test_a_round_of_repeats(pictures: int, kind: tuple[str, ...]) -> None:
    """Behind any of a segment's pictures there is room for repeats; those that follow stay as they are."""
    avcc, coded_pictures = stream_of(kind, KEYFRAME_EVERY)
    first, second, *others = [picture.data for picture in coded_pictures]
    repeater = Repeater(avcc)
    segment = [repeater.coded(first), repeater.coded(second)]
    segment += [repeater.skip() for _ in range(2, pictures)]
    segment += [repeater.coded(picture) for picture in others]
    segment += [repeater.skip() for _ in range(20)]
    repeats = round_of_repeats(avcc, pictures)
    bits = Parameters.of(avcc).frame_number_bits
    assert len(repeats) == 2 * repeater.round
    made = segment[:pictures] + repeats + segment[pictures:]
    found = [number for picture in made for _, number, _ in numbers(picture, bits)]
    assert found == [index % (1 << bits) for index in range(len(made))]
    looks = await checksums(avcc, segment)
    expected = looks[:pictures] + looks[pictures - 1 : pictures] * len(repeats) + looks[pictures:]
    assert await checksums(avcc, made) == expected


@pytest.mark.parametrize("sequence", [{"references": 2}, {"count_bits": 16}])
def test_no_round_of_repeats(sequence: dict[str, int]) -> None:
    """Where repeats do not fit, or would be thousands, there is no room for any."""
    with pytest.raises(MalformedMediaError):
        round_of_repeats(configuration(sequence=sequence_set(**sequence)), 1)


def test_frame_numbers() -> None:
    """Each picture counts one more than that before, from keyframe to keyframe (clause 7.4.3)."""
    avcc, pictures = coded()
    bits = Parameters.of(avcc).frame_number_bits
    made, _ = repeated((avcc, pictures), [run_of(index) for index in range(12)])
    expected = 0
    for picture in made:
        ((kind, frame_number, _),) = numbers(picture, bits)
        expected = 0 if kind == IDR_SLICE else (expected + 1) % (1 << bits)
        assert frame_number == expected


def test_keyframes_differ() -> None:
    """Of two IDR pictures in a row, the second has another idr_pic_id (clause 7.4.3)."""
    avcc, pictures = coded()
    bits = Parameters.of(avcc).frame_number_bits
    made, _ = repeated((avcc, pictures), [[True, True, False, True]] * 12)
    found = [number for picture in made for kind, _, number in numbers(picture, bits) if kind == IDR_SLICE]
    assert len(found) == 3 * 4
    assert all(before != after for before, after in pairwise(found))


def test_only_keyframes_can_be_repeated_as_such() -> None:
    """What came between an IDR picture and now is not thrown away."""
    avcc, pictures = coded()
    repeater = Repeater(avcc)
    repeater.coded(pictures[0].data)
    repeater.skip()
    repeater.key()
    repeater.coded(pictures[1].data)
    with pytest.raises(AssertionError):
        repeater.key()


def test_nothing_but_slices_is_left() -> None:
    """Parameter sets, delimiters and messages in the stream are of no use to players."""
    avcc, pictures = coded()
    assert any(nal[0] & 0x1F == 6 for nal in nal_units(pictures[0].data))
    repeater = Repeater(avcc)
    kinds = [{nal[0] & 0x1F for nal in nal_units(repeater.coded(picture.data))} for picture in pictures]
    assert kinds == [{IDR_SLICE} if picture.keyframe else {SLICE} for picture in pictures]


def test_repeats_are_small() -> None:
    """A repeat costs next to nothing, at the full size too."""
    repeater = Repeater(repeater_of(Profile(width=1920, height=1080)))
    assert len(repeater.skip()) < 100


def test_parameters() -> None:
    """What decides how slices look is read from the configuration."""
    parameters = Parameters.of(repeater_of())
    assert (parameters.macroblocks, parameters.picture_set) == (12, 0)
    assert parameters.deblocking_control
    assert 4 <= parameters.frame_number_bits <= 16


@given(st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 255]) | st.integers(0, 255)).map(bytes))
def test_emulation_prevention(data: bytes) -> None:
    """Start codes cannot be inside a NAL unit, and no byte is lost (clause 7.4.1)."""
    rbsp = data + b"\x80"
    escaped = h264._escaped(rbsp)
    assert escaped == with_emulation_prevention(rbsp)
    assert h264._unescaped(escaped) == rbsp == without_emulation_prevention(escaped)
    assert not any(code in escaped for code in (b"\0\0\0", b"\0\0\1", b"\0\0\2"))


payloads = st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 255]) | st.integers(0, 255), max_size=60).map(bytes)


@given(payloads, st.integers(1, 40), st.integers(0, 15), st.integers(0, 8_000))
def test_renumbering_changes_nothing_else(payload: bytes, skips: int, number: int, first: int) -> None:
    """Whatever the bits of a slice are, only its frame number becomes another."""
    avcc = configuration()
    start = golomb(first) + golomb(5) + golomb(0)
    end = "".join(f"{byte:08b}" for byte in payload) + "1"
    repeater = Repeater(avcc)
    for _ in range(skips):
        repeater.skip()
    made = repeater.coded(one_nal(0x41, packed(start + f"{number:04b}" + end)))
    assert made == one_nal(0x41, packed(start + f"{(skips + 1) % 16:04b}" + end))


@given(payloads, st.integers(0, 70_000), st.integers(-26, 25), st.none() | st.integers(-6, 6))
def test_renumbering_a_keyframe(payload: bytes, number: int, qp: int, deblock: int | None) -> None:
    """Of an IDR slice only idr_pic_id and the filling up to whole bytes become others."""
    repeater = Repeater(configuration(picture_set(qp=-6)))
    start = golomb(0) + golomb(7) + golomb(0) + "0000"
    end = "01" + signed(qp) + (golomb(0) + signed(deblock) + signed(0) if deblock is not None else golomb(1))
    picture = one_nal(0x65, filled(start + golomb(number) + end) + payload + b"\x80")
    assert repeater.coded(picture) == one_nal(0x65, filled(start + golomb(1) + end) + payload + b"\x80")
    assert repeater.key() == one_nal(0x65, filled(start + golomb(0) + end) + payload + b"\x80")
    assert repeater.key() == one_nal(0x65, filled(start + golomb(1) + end) + payload + b"\x80")


@given(payloads, st.integers(0, 70_000))
def test_renumbering_a_keyframe_of_variable_length_codes(payload: bytes, number: int) -> None:
    """Of an IDR slice only idr_pic_id becomes another, whatever bits are behind it."""
    repeater = Repeater(configuration(picture_set(cabac=0), sequence_set(order=0)))
    start = golomb(0) + golomb(7) + golomb(0) + "0000"
    end = "0000" + "".join(f"{byte:08b}" for byte in payload) + "1"
    picture = one_nal(0x65, packed(start + golomb(number) + end))
    assert repeater.coded(picture) == one_nal(0x65, packed(start + golomb(1) + end))
    assert repeater.key() == one_nal(0x65, packed(start + golomb(0) + end))


@pytest.mark.parametrize("skips", [0, 1, 7, 8, 15, 16, 100])
def test_order_counts(skips: int) -> None:
    """Order counts go up by two fields for each picture (clause 8.2.1.1)."""
    repeater = Repeater(configuration(sequence=sequence_set(order=0)))
    for _ in range(skips):
        repeater.skip()
    start, count = golomb(0) + golomb(5) + golomb(0), skips + 1
    made = repeater.coded(one_nal(0x41, packed(start + "0000" + "0000" + "10101")))
    assert made == one_nal(0x41, packed(start + f"{count % 16:04b}" + f"{2 * count % 16:04b}" + "10101"))


def test_a_keyframe_that_is_not_the_first_in_order() -> None:
    """What is shown before it would be missing."""
    picture = one_nal(0x65, packed(golomb(0) + golomb(7) + golomb(0) + "0000" + golomb(0) + "0010" + "011"))
    with pytest.raises(MalformedMediaError):
        Repeater(configuration(sequence=sequence_set(order=0))).coded(picture)


def signed(value: int) -> str:
    """Write se(v)."""
    return golomb(2 * value - 1 if value > 0 else -2 * value)


def filled(bits: str) -> bytes:
    """Return bits as bytes, filled up with ones (clause 7.3.4, cabac_alignment_one_bit)."""
    return packed(bits + "1" * (-len(bits) % 8))


def one_nal(header: int, rbsp: bytes) -> bytes:
    """Return a picture of one NAL unit, with its length."""
    nal = bytes((header,)) + with_emulation_prevention(rbsp)
    return len(nal).to_bytes(4) + nal


def sequence_set(
    *,
    profile: int = 100,
    chroma: int = 1,
    scaling: int = 0,
    count_bits: int = 4,
    order: int = 2,
    references: int = 1,
    width: int = 4,
    height: int = 3,
    frames: int = 1,
) -> bytes:
    """Return a sequence parameter set (clause 7.3.2.1.1), sizes in macroblocks."""
    high = golomb(chroma) + golomb(0) + golomb(0) + "0" + str(scaling) if profile == 100 else ""
    bits = f"{profile:08b}" + f"{0:08b}" + f"{41:08b}" + golomb(0) + high
    bits += golomb(count_bits - 4) + golomb(order) + (golomb(0) if order == 0 else "")
    bits += golomb(references) + "0" + golomb(width - 1) + golomb(height - 1) + str(frames) + "1001"
    return b"\x67" + with_emulation_prevention(packed(bits))


def picture_set(
    *,
    cabac: int = 1,
    fields: int = 0,
    groups: int = 0,
    weighted: int = 0,
    qp: int = 0,
    deblocking: int = 1,
    redundant: int = 0,
) -> bytes:
    """Return a picture parameter set (clause 7.3.2.2)."""
    bits = golomb(0) + golomb(0) + f"{cabac}{fields}" + golomb(groups) + golomb(0) + golomb(0)
    bits += str(weighted) + "00" + signed(qp) + signed(0) + signed(0) + f"{deblocking}0{redundant}1"
    return b"\x68" + with_emulation_prevention(packed(bits))


def configuration(
    picture: bytes = b"", sequence: bytes = b"", *, sequences: int = 1, pictures: int = 1
) -> bytes:
    """Return an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3)."""
    sequence, picture = sequence or sequence_set(), picture or picture_set()
    data = b"\x01" + sequence[1:4] + bytes((0xFF, 0xE0 | sequences))
    data += (len(sequence).to_bytes(2) + sequence) * sequences
    return data + bytes((pictures,)) + (len(picture).to_bytes(2) + picture) * pictures


def test_what_fits() -> None:
    """The hand-made parameter sets of the tests below are those of a stream that repeats fit into."""
    expected = Parameters(
        macroblocks=12,
        frame_number_bits=4,
        order_bits=0,
        picture_set=0,
        cabac=True,
        initial_qp=26,
        deblocking_control=True,
    )
    assert Parameters.of(configuration()) == expected
    assert Parameters.of(configuration(sequence=sequence_set(profile=77))) == expected
    other = Parameters.of(configuration(picture_set(qp=-3, deblocking=0), sequence_set(count_bits=9)))
    assert other == replace(expected, frame_number_bits=9, initial_qp=23, deblocking_control=False)
    ordered = Parameters.of(configuration(picture_set(cabac=0), sequence_set(order=0)))
    assert ordered == replace(expected, order_bits=4, cabac=False)


@pytest.mark.parametrize(
    "changes",
    [{"order": 1}, {"references": 2}, {"frames": 0}, {"chroma": 2}, {"scaling": 1}],
)
def test_sequences_that_do_not_fit(changes: dict[str, Any]) -> None:
    """A stream whose pictures cannot be repeated is refused at once."""
    with pytest.raises(MalformedMediaError):
        Repeater(configuration(sequence=sequence_set(**changes)))


@pytest.mark.parametrize("changes", [{"fields": 1}, {"groups": 1}, {"weighted": 1}, {"redundant": 1}])
def test_pictures_that_do_not_fit(changes: dict[str, Any]) -> None:
    """A stream whose slices look otherwise is refused at once."""
    with pytest.raises(MalformedMediaError):
        Repeater(configuration(picture_set(**changes)))


@pytest.mark.parametrize("changes", [{"sequences": 0}, {"sequences": 2}, {"pictures": 0}, {"pictures": 2}])
def test_other_configurations(changes: dict[str, Any]) -> None:
    """One parameter set of each kind it has to be."""
    with pytest.raises(MalformedMediaError):
        Repeater(configuration(**changes))


@pytest.mark.parametrize(
    "changes",
    [{"width": 1_000, "height": 1_000}, {"count_bits": 17}, {"width": 2**20}, {"count_bits": 2**30}],
)
def test_sizes_beyond_all_levels(changes: dict[str, Any]) -> None:
    """Numbers that no stream may have are refused: they would cost memory and time (clause 7.4.2.1.1)."""
    with pytest.raises(MalformedMediaError):
        Repeater(configuration(sequence=sequence_set(**changes)))


@pytest.mark.parametrize(
    "options",
    [
        ("-refs", "3"),
        ("-bf", "2", "-tune", "animation"),
        ("-x264-params", "weightp=2"),
        ("-x264-params", "weightp=0:interlaced=1"),
        ("-profile:v", "high422", "-pix_fmt", "yuv422p"),
        ("-profile:v", "high444", "-pix_fmt", "yuv444p"),
    ],
)
def test_encoders_that_do_not_fit(options: tuple[str, ...]) -> None:
    """What x264 makes with other options is refused at once."""
    avcc, _ = coded(4, TINY, *options)
    with pytest.raises(MalformedMediaError) as refused:
        Repeater(avcc)
    assert refused.value.placeholders["detail"].startswith("repeats need H.264 with ")


@pytest.mark.parametrize(
    "picture",
    [
        b"",
        b"\0\0\0\1",
        b"\0\0\0\0",
        b"\0\0\0\5\x41",
        one_nal(0x06, b"message\x80"),
        # None refers to it.
        one_nal(0x01, packed(golomb(0) + golomb(5) + golomb(0) + "00011")),
        # An IDR slice of type P.
        one_nal(
            0x65, packed(golomb(0) + golomb(5) + golomb(0) + "0000" + golomb(0) + "0011" + golomb(0) + "1")
        ),
        # Slices that end in their headers.
        one_nal(0x41, b"\x80"),
        one_nal(0x65, b"\x88"),
        b"\0\0\0\1\x41",
        b"\0\0\0\1\x65",
        # One that ends in its frame number.
        one_nal(0x41, b"\x11\x10"),
    ],
)
def test_pictures_that_are_none(picture: bytes) -> None:
    """A picture that is broken, or of a kind that we know nothing of, is refused."""
    with pytest.raises(MalformedMediaError):
        Repeater(configuration()).coded(picture)


@given(st.integers(0, len(repeater_of()) - 1))
def test_a_configuration_that_is_cut_off(size: int) -> None:
    """Half a configuration is none."""
    end = 8 + sum(3 + len(nal) for nal in parameter_sets(repeater_of()))
    assume(size < end - 4)
    with pytest.raises(MalformedMediaError):
        Repeater(repeater_of()[:size])


@settings(max_examples=300)
@given(st.integers(0, 11), st.integers(0))
def test_a_picture_that_is_cut_off(number: int, size: int) -> None:
    """Half a picture is refused or renumbered, and nothing else."""
    avcc, pictures = coded()
    data = pictures[number].data
    with suppress(MalformedMediaError):
        Repeater(avcc).coded(data[: size % len(data)])


@given(st.binary(max_size=60))
def test_random_configurations(data: bytes) -> None:
    """Random bytes are refused, or taken for a stream that repeats fit into."""
    with suppress(MalformedMediaError):
        Repeater(data).skip()


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(st.integers(6, len(repeater_of()) - 1), st.integers(0, 255)), min_size=1, max_size=5)
)
def test_broken_configurations(changes: list[tuple[int, int]]) -> None:
    """Broken bytes are refused, or taken for a stream that repeats fit into."""
    data = bytearray(repeater_of())
    for position, value in changes:
        data[position] = value
    with suppress(MalformedMediaError):
        Repeater(bytes(data)).skip()


@given(st.binary(max_size=60), st.sampled_from([0x01, 0x41, 0x61, 0x65, 0x25]))
def test_random_pictures(data: bytes, header: int) -> None:
    """Random bytes are refused, or numbered as if they were a picture."""
    for picture in (data, one_nal(header, data)):
        with suppress(MalformedMediaError):
            Repeater(configuration()).coded(picture)


@settings(max_examples=300)
@given(st.integers(0, 11), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=5))
def test_broken_pictures(number: int, changes: list[tuple[int, int]]) -> None:
    """Broken bytes are refused, or numbered as if they were a picture."""
    avcc, pictures = coded()
    data = bytearray(pictures[number].data)
    for position, value in changes:
        data[position % min(len(data), 64)] = value
    with suppress(MalformedMediaError):
        Repeater(avcc).coded(bytes(data))
