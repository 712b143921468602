"""The fuzzer's first part, small enough for every day, and that it finds what is wrong."""

import pytest

from .campaign import fuzz
from .mutation import Mutator
from .parsers import FuzzError, Target, targets

INPUTS = 1_500
SEED = 20_261_124


NAMES = [
    *("FLV", "H.264 parameter sets", "H.264 pictures", "H.264 NAL units"),
    *("MPEG-TS configuration", "MPEG-TS pictures", "fMP4 configuration", "fMP4 pictures"),
    *("CDP pipe", "page.js answers"),
    *("Range header", "names", "delivery directives", "dashboard paths", "stream URLs", "web page URLs"),
]


@pytest.mark.parametrize("name", NAMES)
def test_parser(name: str) -> None:
    """Only documented errors, in little time and memory, and what is accepted keeps its promise."""
    result = fuzz(name, SEED, INPUTS)
    assert result.accepted > INPUTS / 10
    assert result.slowest < 1
    assert result.grown_mb < 16


def test_all() -> None:
    """No parser is left out."""
    assert [target.name for target in targets()] == NAMES


def test_same_seed_same_input() -> None:
    """What was found can be found again."""
    one, other, different = Mutator(1), Mutator(1), Mutator(2)
    inputs = [one.mutated([b"good sample"]) for _ in range(100)]
    assert inputs == [other.mutated([b"good sample"]) for _ in range(100)]
    assert inputs != [different.mutated([b"good sample"]) for _ in range(100)]
    assert len(set(inputs)) > 50


def test_undocumented_errors_are_found() -> None:
    """An error that a parser does not document ends the run and tells the input; others do not."""
    target = Target("numbers", [b"12"], lambda data, _mutator: int(data), (ValueError,))
    mutator = Mutator(SEED)
    assert {target.take(mutator) for _ in range(200)} == {True, False}
    undocumented = Target("numbers", [b"12"], lambda data, _mutator: int(data))
    with pytest.raises(FuzzError, match="numbers failed with b'"):
        [undocumented.take(mutator) for _ in range(200)]
