"""Tests of what tells how long Home Assistant's event loop was blocked."""

import asyncio
from collections.abc import AsyncIterator
import gc
import time

import pytest
import pytest_asyncio

from .components.pulse import INTERVAL_S, Pulse

pytestmark = pytest.mark.alone
BEATS = 10


@pytest_asyncio.fixture
async def pulse() -> AsyncIterator[Pulse]:
    """Return a pulse that beats."""
    made = Pulse(asyncio.get_running_loop())
    made.start()
    yield made
    made.stop()


async def test_a_loop_that_computes(pulse: Pulse) -> None:
    """What holds the loop up shows as late and as busy."""
    until = time.thread_time() + 0.1
    while time.thread_time() < until:
        pass
    await asyncio.sleep(INTERVAL_S)
    read = pulse.read()
    assert read["lag_max"] >= 90
    assert read["busy_max"] >= 90


async def test_a_loop_that_waits(pulse: Pulse) -> None:
    """What stops the loop without computing shows as late alone."""
    time.sleep(0.1)  # noqa: ASYNC251
    await asyncio.sleep(INTERVAL_S)
    read = pulse.read()
    assert read["lag_max"] >= 90
    assert read["busy_max"] < 50
    assert read["worst"][0][0] == read["lag_max"]


async def test_the_garbage_collector(pulse: Pulse) -> None:
    """A full collection is late, and nobody's computing."""
    heap = [[number] for number in range(1_000_000)]
    await asyncio.sleep(2 * INTERVAL_S)
    pulse.read()
    gc.collect()
    await asyncio.sleep(INTERVAL_S)
    read = pulse.read()
    assert read["collected_max"] > 10
    # The beat that was late need not have been due yet when the collection began.
    assert read["lag_max"] >= read["collected_max"] - 1_000 * INTERVAL_S - 1
    assert read["busy_max"] < read["collected_max"] / 2
    assert len(heap) == 1_000_000


async def test_a_reading_begins_anew(pulse: Pulse) -> None:
    """What was told once is not told again."""
    time.sleep(0.1)  # noqa: ASYNC251
    await asyncio.sleep(INTERVAL_S)
    pulse.read()
    assert pulse.read()["beats"] == 0
