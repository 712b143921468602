"""H.264: what pictures are made of, and repeats of the picture before, which cost no encoder (pure).

A dashboard stands still most of the time, and players still want pictures at fixed times: a repeat is a
P picture in which every macroblock is skipped (a few bytes), or the last IDR picture once more. Pictures that
an encoder coded are renumbered to fit in between. The clauses named are those of ITU-T H.264.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
import re
from typing import Final, Self

from ..errors import MalformedMediaError

_START_CODE: Final = b"\0\0\0\1"
# Table 7-1.
_SLICE: Final = 1
_IDR_SLICE: Final = 5
_SEQUENCE_SET: Final = 7
_PICTURE_SET: Final = 8
_NAL_TYPE: Final = 0x1F
_NAL_REFERENCE: Final = 0x60
# A slice that others refer to, of a picture that is no IDR picture.
_SKIP_NAL_HEADER: Final = 0x41
# "P, as all slices of the picture" and "I, as all slices of the picture" are 5 more than P and I (table 7-6).
_P: Final = 0
_I: Final = 2
_SLICE_TYPES: Final = 5
# Profiles whose sequence parameter sets have the fields of clause 7.3.2.1.1 from chroma_format_idc on.
_HIGH_PROFILES: Final = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))
# Clause 7.4.2.1.1, and table A-1 for the highest level.
_MAX_FRAME_NUMBER_BITS: Final = 16
_MAX_ORDER_BITS: Final = 16
_MAX_MACROBLOCKS: Final = 139_264
# More repeats at once than twice that are no use to anybody.
_MAX_ROUND: Final = 512
# No slice header of ours is longer, in bytes.
_MAX_HEADER: Final = 40
_ESCAPED: Final = re.compile(rb"\x00\x00(?=[\x00-\x03])")
# With this slice QP the context of mb_skip_flag begins in state 42 (clause 9.3.1.1; m = 23 and n = 33, table
# 9-13), which expects skips already, so that the table of probabilities can be short.
_SKIP_QP: Final = 51
# Table 9-44 from state 42 to 62: range of the less probable symbol, by quarter of the current range.
_LESS_PROBABLE: Final = (
    (16, 20, 23, 27), (15, 19, 22, 25), (14, 18, 21, 24), (14, 17, 20, 23), (13, 16, 19, 22),
    (12, 15, 18, 21), (12, 14, 17, 20), (11, 14, 16, 19), (11, 13, 15, 18), (10, 12, 15, 17),
    (10, 12, 14, 16), (9, 11, 13, 15), (9, 11, 12, 14), (8, 10, 12, 14), (8, 9, 11, 13),
    (7, 9, 11, 12), (7, 9, 10, 12), (7, 8, 10, 11), (6, 8, 9, 11), (6, 7, 9, 10),
    (6, 7, 8, 9),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameters:
    """What of a stream's parameter sets decides how slice headers look."""

    macroblocks: int
    """In one picture."""
    frame_number_bits: int
    order_bits: int
    """Of the picture order count; 0 where the order of output follows from frame numbers."""
    picture_set: int
    """Number of the picture parameter set."""
    cabac: bool
    """Whether coded data are arithmetic, else of variable length (CAVLC)."""
    initial_qp: int
    deblocking_control: bool

    @classmethod
    def of(cls, avcc: bytes) -> Self:
        """Read an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3.1.2).

        Raises MalformedMediaError when it is broken, or when repeats do not fit into such a stream.
        """
        sets = [*parameter_sets(avcc)]
        if [int.from_bytes(nal[:1]) & _NAL_TYPE for nal in sets] != [_SEQUENCE_SET, _PICTURE_SET]:
            raise MalformedMediaError(detail="not one sequence and one picture parameter set of H.264")
        sequence, picture = sets
        macroblocks, frame_number_bits, order_bits = _sequence_set(_BitReader(_unescaped(sequence)[1:]))
        return cls(
            macroblocks, frame_number_bits, order_bits, *_picture_set(_BitReader(_unescaped(picture)[1:]))
        )

    @property
    def number_bits(self) -> int:
        """How many bits number a picture but an IDR picture: frame_num, and pic_order_cnt_lsb behind it."""
        return self.frame_number_bits + self.order_bits

    def numbers(self, count: int) -> str:
        """Return these bits for a picture so many after a keyframe; the order counts fields."""
        frame_number = count % (1 << self.frame_number_bits)
        order = 2 * count % (1 << self.order_bits)
        return f"{frame_number << self.order_bits | order:0{self.number_bits}b}"

    @property
    def round(self) -> int:
        """After how many pictures numbers begin anew."""
        return 1 << max(self.frame_number_bits, self.order_bits - 1)


class Repeater:
    """Turns an encoder's pictures into a stream with repeats in between.

    Pictures are given and returned as NAL units, each with its length in four bytes before it.
    """

    def __init__(self, avcc: bytes, count: int = 0) -> None:
        """Begin with the encoder's configuration; raises MalformedMediaError, as `Parameters.of` does.

        count: how many pictures there were since the last keyframe.
        """
        self._parameters = Parameters.of(avcc)
        self._count = count
        self._idr_number = 0
        self._idr: list[bytes] | None = None

    @property
    def round(self) -> int:
        """After how many pictures their numbers begin anew."""
        return self._parameters.round

    def coded(self, data: bytes) -> bytes:
        """Return a picture the encoder coded, numbered as the stream needs it.

        Nothing but its slices is left of it. Raises MalformedMediaError when it is broken.
        """
        slices = _slices(data)
        if slices[0][0] & _NAL_TYPE == _IDR_SLICE:
            self._idr = slices
            return self._numbered_idr(slices)
        self._idr = None
        self._count += 1
        return _joined(self._numbered(nal) for nal in slices)

    def skip(self) -> bytes:
        """Return a picture that looks like the one before; there has to be one."""
        self._count += 1
        return _joined([self._skip_slice()])

    def key(self) -> bytes:
        """Return the last picture once more as a keyframe; it has to be an IDR picture or a repeat of one."""
        assert self._idr is not None
        return self._numbered_idr(self._idr)

    def _numbered(self, nal: bytes) -> bytes:
        """Return a slice with its numbers: they take as many bits as those before (clause 7.3.3)."""
        if not nal[0] & _NAL_REFERENCE:
            raise MalformedMediaError(detail="a picture that none refers to")
        rbsp = _unescaped(nal)
        header = _BitReader(rbsp[1:_MAX_HEADER])
        self._skip_slice_start(header)
        size, bits = 8 * len(rbsp) - 8, self._parameters.number_bits
        shift = size - header.position - bits
        if shift < 0:
            raise MalformedMediaError(detail="a slice is cut off")
        mask = ((1 << bits) - 1) << shift
        number = int(self._parameters.numbers(self._count), 2)
        numbered = int.from_bytes(rbsp[1:]) & ~mask | number << shift
        return nal[:1] + _escaped(numbered.to_bytes(size // 8))

    def _numbered_idr(self, slices: list[bytes]) -> bytes:
        """Return an IDR picture with another idr_pic_id than the one before (clause 7.4.3)."""
        self._count = 0
        self._idr_number ^= 1
        return _joined(self._numbered_idr_slice(nal) for nal in slices)

    def _numbered_idr_slice(self, nal: bytes) -> bytes:
        rbsp = _unescaped(nal)
        header = _BitReader(rbsp[1:_MAX_HEADER])
        if self._skip_slice_start(header) != _I:
            raise MalformedMediaError(detail="an IDR slice that is not intra-coded")
        header.skip(self._parameters.frame_number_bits)
        before = header.position
        header.unsigned_golomb()  # idr_pic_id
        start, after = header.bits[:before] + _golomb(self._idr_number), header.position
        if self._parameters.order_bits and header.fixed(self._parameters.order_bits):
            raise MalformedMediaError(detail="a keyframe that is not the first in order")
        if not self._parameters.cabac:
            return nal[:1] + _escaped(_behind(start, rbsp[1:], after))
        header.skip(2)  # no_output_of_prior_pics_flag, long_term_reference_flag
        self._skip_slice_end(header)
        # What follows the header is aligned to bytes (clause 7.3.4), so it need not be moved bit by bit.
        rest = rbsp[1 + (header.position + 7) // 8 :]
        return nal[:1] + _escaped(_aligned(start + header.bits[after : header.position]) + rest)

    def _skip_slice_start(self, header: _BitReader) -> int:
        """Read a slice header up to frame_num (clause 7.3.3) and return the type of the slice."""
        header.unsigned_golomb()  # first_mb_in_slice
        kind = header.unsigned_golomb() % _SLICE_TYPES
        header.unsigned_golomb()  # pic_parameter_set_id
        return kind

    def _skip_slice_end(self, header: _BitReader) -> None:
        """Read an I slice's header from slice_qp_delta to its end."""
        header.unsigned_golomb()  # slice_qp_delta, signed: as long as an unsigned one
        if self._parameters.deblocking_control and header.unsigned_golomb() != 1:
            header.unsigned_golomb()  # slice_alpha_c0_offset_div2
            header.unsigned_golomb()  # slice_beta_offset_div2

    def _skip_slice(self) -> bytes:
        parameters = self._parameters
        header = "".join((
            _golomb(0),  # first_mb_in_slice
            _golomb(_P + _SLICE_TYPES),
            _golomb(parameters.picture_set),
            parameters.numbers(self._count),
            "1" + _golomb(0),  # the one reference picture, whatever the picture parameter set says
            "0",  # ref_pic_list_modification_flag_l0
            "0",  # adaptive_ref_pic_marking_mode_flag
            _golomb(0) if parameters.cabac else "",  # cabac_init_idc
            _signed_golomb(_SKIP_QP - parameters.initial_qp),
            _golomb(1) if parameters.deblocking_control else "",  # no deblocking
        ))  # fmt: skip
        if parameters.cabac:
            data = _aligned(header) + skipped(parameters.macroblocks)
        else:
            # mb_skip_run, and the stop bit (clauses 7.3.4 and 7.3.2.11).
            data = _aligned(header + _golomb(parameters.macroblocks) + "1", "0")
        return bytes((_SKIP_NAL_HEADER,)) + _escaped(data)


def round_of_repeats(avcc: bytes, pictures: int) -> list[bytes]:
    """Return repeats of the last of a segment's pictures so far, as many as number them round twice.

    What follows in the segment fits behind them as it is.
    Raises MalformedMediaError, as `Parameters.of` does.
    """
    repeater = Repeater(avcc, count=pictures - 1)
    _require(repeater.round <= _MAX_ROUND, "short numbers")
    return [repeater.skip() for _ in range(2 * repeater.round)]


class _BitReader:
    """Reads the syntax elements of clause 7.2 and 9.1."""

    def __init__(self, data: bytes) -> None:
        self.bits = f"{int.from_bytes(data):0{8 * len(data)}b}" if data else ""
        self.position = 0

    def fixed(self, count: int) -> int:
        """Read u(count)."""
        start = self.position
        self.skip(count)
        return int(self.bits[start : self.position], 2)

    def skip(self, count: int) -> None:
        """Leave bits out."""
        self.position += count
        if self.position > len(self.bits):
            raise MalformedMediaError(detail="an H.264 header is cut off")

    def unsigned_golomb(self) -> int:
        """Read ue(v)."""
        first = self.bits.find("1", self.position)
        if first < 0:
            raise MalformedMediaError(detail="an H.264 header is cut off")
        zeros = first - self.position
        self.position = first
        return self.fixed(zeros + 1) - 1

    def signed_golomb(self) -> int:
        """Read se(v)."""
        code = self.unsigned_golomb()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def nal_units(data: bytes) -> Iterator[bytes]:
    """Yield the NAL units of a picture, without their lengths; raises MalformedMediaError."""
    position = 0
    while position < len(data):
        start = position + 4
        position = start + int.from_bytes(data[position:start])
        if not start < position <= len(data):
            raise MalformedMediaError(detail="a NAL unit is cut off")
        yield data[start:position]


def only_slices(data: bytes) -> bytes:
    """Return a picture without all that is no slice of it; raises MalformedMediaError."""
    return _joined(_slices(data))


def is_idr(data: bytes) -> bool:
    """Return whether a decoder can begin with a picture; raises MalformedMediaError."""
    return _slices(data)[0][0] & _NAL_TYPE == _IDR_SLICE


def byte_stream(avcc: bytes, pictures: Iterable[bytes]) -> bytes:
    """Return pictures and what they need as a byte stream (annex B)."""
    nals = chain(parameter_sets(avcc), *(nal_units(picture) for picture in pictures))
    return b"".join(_START_CODE + nal for nal in nals)


def with_parameter_sets(avcc: bytes, data: bytes) -> bytes:
    """Return a picture behind the parameter sets of an AVCDecoderConfigurationRecord."""
    return _joined(parameter_sets(avcc)) + data


def parameter_sets(avcc: bytes) -> Iterator[bytes]:
    """Yield the SPS and PPS of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3.1).

    Raises MalformedMediaError when it is cut off.
    """
    position = 5
    for mask in (0x1F, 0xFF):
        count = int.from_bytes(avcc[position : position + 1]) & mask
        position += 1
        for _ in range(count):
            start = position + 2
            position = start + int.from_bytes(avcc[position:start])
            yield avcc[start:position]
        if position > len(avcc):
            raise MalformedMediaError(detail="H.264 configuration is cut off")


def _slices(data: bytes) -> list[bytes]:
    slices = [nal for nal in nal_units(data) if nal[0] & _NAL_TYPE in {_SLICE, _IDR_SLICE}]
    if not slices:
        raise MalformedMediaError(detail="a picture without a slice")
    return slices


@cache
def skipped(macroblocks: int) -> bytes:
    """Return the coded data of a slice in which so many macroblocks are skipped (clauses 7.3.4, 9.3.4.2)."""
    coder = _ArithmeticCoder()
    for _ in range(macroblocks - 1):
        coder.skip()
        coder.go_on()
    coder.skip()
    return coder.end()


class _ArithmeticCoder:
    """The part of the arithmetic encoder (clause 9.3.4.2) that skipped macroblocks need."""

    def __init__(self) -> None:
        self._low = 0
        self._range = 510
        self._state = 0
        self._outstanding = 0
        self._bits: list[str] = []

    def skip(self) -> None:
        """Code mb_skip_flag = 1, which is the more probable symbol."""
        self._range -= _LESS_PROBABLE[self._state][self._range >> 6 & 3]
        self._state = min(self._state + 1, len(_LESS_PROBABLE) - 1)
        self._renormalize()

    def go_on(self) -> None:
        """Code end_of_slice_flag = 0."""
        self._range -= 2
        self._renormalize()

    def end(self) -> bytes:
        """Code end_of_slice_flag = 1 and return all bits; the last one is the stop bit of clause 7.3.2.11."""
        self._low += self._range - 2
        self._range = 2
        self._renormalize()
        self._put(self._low >> 9 & 1)
        self._bits.append(f"{self._low >> 7 & 3 | 1:02b}")
        # The first bit that the procedure puts is left out (figure 9-8).
        return _aligned("".join(self._bits)[1:], "0")

    def _renormalize(self) -> None:
        while self._range < 256:
            if self._low < 256:
                self._put(0)
            elif self._low >= 512:
                self._low -= 512
                self._put(1)
            else:
                self._low -= 256
                self._outstanding += 1
            self._range <<= 1
            self._low <<= 1

    def _put(self, bit: int) -> None:
        self._bits.append(str(bit) + str(1 - bit) * self._outstanding)
        self._outstanding = 0


def _sequence_set(bits: _BitReader) -> tuple[int, int, int]:
    """Return macroblocks in a picture, bits of a frame number and of an order count (clause 7.3.2.1.1)."""
    profile = bits.fixed(8)
    bits.skip(16)
    bits.unsigned_golomb()  # seq_parameter_set_id
    if profile in _HIGH_PROFILES:
        _require(bits.unsigned_golomb() == 1, "4:2:0")
        bits.unsigned_golomb()  # bit_depth_luma_minus8
        bits.unsigned_golomb()  # bit_depth_chroma_minus8
        bits.skip(1)
        _require(not bits.fixed(1), "no scaling matrix")
    frame_number_bits = bits.unsigned_golomb() + 4
    _require(frame_number_bits <= _MAX_FRAME_NUMBER_BITS, "numbers of at most 16 bits")
    # With type 2 the order of output follows from frame numbers, with type 0 pictures have numbers for it.
    order_type = bits.unsigned_golomb()
    _require(order_type in {0, 2}, "picture order count type 0 or 2")
    order_bits = 0 if order_type else bits.unsigned_golomb() + 4
    _require(order_bits <= _MAX_ORDER_BITS, "order counts of at most 16 bits")
    # An encoder that refers to older pictures would find the repeats among them.
    _require(bits.unsigned_golomb() == 1, "one reference picture")
    bits.skip(1)
    macroblocks = (bits.unsigned_golomb() + 1) * (bits.unsigned_golomb() + 1)
    _require(macroblocks <= _MAX_MACROBLOCKS, "a size that a level allows")
    _require(bool(bits.fixed(1)), "frames, not fields")
    return macroblocks, frame_number_bits, order_bits


def _picture_set(bits: _BitReader) -> tuple[int, bool, int, bool]:
    """Return number, whether CABAC is used, initial QP, and whether slices say how to deblock.

    (Clause 7.3.2.2.)
    """
    number = bits.unsigned_golomb()
    bits.unsigned_golomb()  # seq_parameter_set_id
    cabac = bool(bits.fixed(1))
    _require(not bits.fixed(1), "no order counts of fields")
    _require(not bits.unsigned_golomb(), "no slice groups")
    bits.unsigned_golomb()  # num_ref_idx_l0_default_active_minus1
    bits.unsigned_golomb()  # num_ref_idx_l1_default_active_minus1
    _require(not bits.fixed(1), "no weighted prediction")
    bits.skip(2)
    initial_qp = 26 + bits.signed_golomb()
    bits.signed_golomb()  # pic_init_qs_minus26
    bits.signed_golomb()  # chroma_qp_index_offset
    deblocking_control = bool(bits.fixed(1))
    bits.skip(1)
    _require(not bits.fixed(1), "no redundant pictures")
    return number, cabac, initial_qp, deblocking_control


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise MalformedMediaError(detail=f"repeats need H.264 with {what}")


def _joined(nals: Iterator[bytes] | list[bytes]) -> bytes:
    return b"".join(piece for nal in nals for piece in (len(nal).to_bytes(4), nal))


def _unescaped(nal: bytes) -> bytes:
    """Return a NAL unit without emulation prevention bytes (clause 7.4.1)."""
    return nal.replace(b"\x00\x00\x03", b"\x00\x00")


def _escaped(rbsp: bytes) -> bytes:
    return _ESCAPED.sub(b"\x00\x00\x03", rbsp)


def _golomb(value: int) -> str:
    """Write ue(v)."""
    code = f"{value + 1:b}"
    return "0" * (len(code) - 1) + code


def _signed_golomb(value: int) -> str:
    """Write se(v)."""
    return _golomb(2 * value - 1 if value > 0 else -2 * value)


def _behind(start: str, data: bytes, position: int) -> bytes:
    """Return bits with those of an RBSP from a position on behind them, ended as clause 7.3.2.11 has it."""
    rest = int.from_bytes(data) & ((1 << 8 * len(data) - position) - 1)
    if not rest:
        raise MalformedMediaError(detail="a slice is cut off")
    # The last one is the stop bit; what is behind it fills up.
    filler = (rest & -rest).bit_length() - 1
    size = 8 * len(data) - position - filler
    bits = int(start, 2) << size | rest >> filler
    padding = -(len(start) + size) % 8
    return (bits << padding).to_bytes((len(start) + size + padding) // 8)


def _aligned(bits: str, filler: str = "1") -> bytes:
    """Return bits as bytes; cabac_alignment_one_bit fills the last one (clause 7.3.4)."""
    bits += filler * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8) if bits else b""
