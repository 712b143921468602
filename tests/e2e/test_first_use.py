"""The first use, in a real browser: soon there, with few clicks."""

import pytest

from ..first_use import first_use, furnished, person
from .house import PLAY_TIMEOUT_S

pytestmark = pytest.mark.e2e

WITHIN_S = 120.0
MOST_CLICKS = 10


async def test_first_use(loopback: None) -> None:
    """From "Add integration" to the dashboard on the TV in two minutes and ten clicks at most."""
    async with furnished() as (home, tv), person(home) as found:
        seconds = await first_use(found, tv)
        assert seconds <= WITHIN_S
        assert found.clicks <= MOST_CLICKS
        await tv.wait_playing(PLAY_TIMEOUT_S)
