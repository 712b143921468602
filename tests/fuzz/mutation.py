"""Broken variants of good samples, the same for the same seed."""

from collections.abc import Callable, Sequence
import random
from typing import Final

# What length fields and counters are broken with.
_LENGTHS: Final = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0xFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
_MOST_CHANGES: Final = 4
_LONGEST_PIECE: Final = 64

type Change = Callable[[bytearray], None]


class Mutator:
    """Breaks samples: flips, cuts, repeats, overwrites numbers, splices two of them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self._changes: tuple[Change, ...] = (
            self._flip,
            self._overwrite,
            self._lengthen,
            self._cut,
            self._repeat,
            self._insert,
        )

    def mutated(self, samples: Sequence[bytes]) -> bytes:
        """Return a sample with some changes; one in four is the head of one and the tail of another."""
        data = bytearray(self.random.choice(samples))
        if self.random.random() < 0.25:
            other = self.random.choice(samples)
            data = data[: self._place(data)] + other[self._place(other) :]
        for _ in range(self.random.randint(0, _MOST_CHANGES)):
            self.random.choice(self._changes)(data)
        return bytes(data)

    def pieces(self, data: bytes) -> list[bytes]:
        """Return data in up to four pieces."""
        cuts = sorted(self._place(data) for _ in range(self.random.randint(0, 3)))
        return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]

    def _place(self, data: bytes | bytearray) -> int:
        """Return a place in data; half of all lie near its head, where headers are."""
        limit = len(data) if self.random.random() < 0.5 else min(len(data), _LONGEST_PIECE)
        return self.random.randint(0, limit)

    def _span(self, data: bytearray) -> slice:
        start = self._place(data)
        return slice(start, start + self.random.randint(1, _LONGEST_PIECE))

    def _flip(self, data: bytearray) -> None:
        if data:
            data[min(self._place(data), len(data) - 1)] ^= 1 << self.random.randrange(8)

    def _overwrite(self, data: bytearray) -> None:
        start = self._place(data)
        data[start : start + 1] = self.random.randbytes(1)

    def _lengthen(self, data: bytearray) -> None:
        """Overwrite what may be a length of one to four bytes."""
        size, start = self.random.randint(1, 4), self._place(data)
        value = self.random.choice(_LENGTHS) + self.random.randint(-1, 1)
        data[start : start + size] = (value & (1 << 8 * size) - 1).to_bytes(size)

    def _cut(self, data: bytearray) -> None:
        del data[self._span(data)]

    def _repeat(self, data: bytearray) -> None:
        span = self._span(data)
        data[span.start : span.start] = data[span] * self.random.randint(1, 4)

    def _insert(self, data: bytearray) -> None:
        start = self._place(data)
        data[start:start] = self.random.randbytes(self.random.randint(1, 8))
