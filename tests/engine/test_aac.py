"""Tests of the silence: its blocks lie on one grid, however time is divided."""

from itertools import chain, pairwise

from hypothesis import given, strategies as st

from custom_components.dashboard_cast.engine import aac

MONTHS = 90_000 * 86_400 * 100


def test_a_block_is_whole_ticks() -> None:
    """1024 samples at 48 kHz are a whole number of ticks, so that nothing is rounded."""
    assert aac.BLOCK_TICKS * aac.SAMPLE_RATE == aac.BLOCK_SAMPLES * 90_000


@given(st.lists(st.integers(0, MONTHS // 100_000), min_size=2).map(sorted), st.integers(0, MONTHS))
def test_spans_in_a_row_have_each_block_once(times: list[int], start: int) -> None:
    """However a span is divided, the same blocks come out."""
    spans = [aac.blocks(start + one, start + other) for one, other in pairwise(times)]
    assert list(chain(*spans)) == list(aac.blocks(start + times[0], start + times[-1]))


@given(st.integers(0, MONTHS), st.integers(0, 100_000))
def test_blocks_start_in_the_span(start: int, length: int) -> None:
    """Every block that starts in the span is there, and no other."""
    blocks = aac.blocks(start, start + length)
    around = range(start // 1_920 - 1, (start + length) // 1_920 + 2)
    assert list(blocks) == [block for block in around if start <= block * 1_920 < start + length]
