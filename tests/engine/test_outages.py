"""Tests of the account of outages: what is known, logged and shown."""

import asyncio
import logging
import time

import pytest

from custom_components.dashboard_cast.engine import outages as module
from custom_components.dashboard_cast.engine.health import Health
from custom_components.dashboard_cast.engine.outages import Outages


class Notes:
    """What was to be shown as a note."""

    def __init__(self) -> None:
        self.since: list[float] = []
        self.came = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.drawn = 0

    async def show(self, since: float) -> None:
        """Take a note."""
        self.since.append(since)
        self.came.set()
        await self.may_go_on.wait()
        self.drawn += 1


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the note come at once."""
    monkeypatch.setattr(module, "NOTE_AFTER_S", 0.0)


async def test_outage(caplog: pytest.LogCaptureFixture) -> None:
    """An outage is known with its beginning and counted once; log lines frame it."""
    caplog.set_level(logging.INFO)
    outages = Outages("/path", Notes().show)
    assert outages.health == Health()
    before = time.time()
    outages.begin("it hangs")
    outages.begin("no browser")
    assert outages.health.trouble == "no browser"
    assert before <= outages.health.since <= time.time()
    outages.end()
    outages.end()
    assert outages.health == Health(outages=1)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "/path" in caplog.messages[0]
    assert "it hangs" in caplog.messages[0]
    outages.begin("again")
    assert outages.health.outages == 2
    outages.stop()


async def test_renewals() -> None:
    """Renewals are counted, and are no outages."""
    outages = Outages("/path", Notes().show)
    outages.count_renewal()
    outages.begin("it hangs")
    outages.count_renewal()
    assert (outages.health.renewals, outages.health.outages) == (2, 1)
    outages.end()
    assert (outages.health.renewals, outages.health.outages) == (2, 1)


async def test_note(quick: None) -> None:
    """Who waits for long is told since when, once."""
    notes = Notes()
    outages = Outages("/path", notes.show)
    outages.begin("it hangs")
    notes.may_go_on.set()
    await asyncio.wait_for(notes.came.wait(), 5)
    outages.begin("it still hangs")
    await asyncio.sleep(0)
    assert notes.since == [outages.health.since]
    assert notes.drawn == 1
    outages.end()


async def test_no_note_when_it_is_over(quick: None) -> None:
    """An outage that ends while its note is drawn shows none."""
    notes = Notes()
    outages = Outages("/path", notes.show)
    outages.begin("it hangs")
    await asyncio.wait_for(notes.came.wait(), 5)
    outages.end()
    notes.may_go_on.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not notes.drawn


async def test_short_outages_have_no_note() -> None:
    """Most are over before somebody wonders."""
    notes = Notes()
    outages = Outages("/path", notes.show)
    outages.begin("it hangs")
    await asyncio.sleep(0)
    outages.end()
    assert not notes.since
    assert not [
        task for task in asyncio.all_tasks() if task.get_name() == "note /path" and not task.cancelling()
    ]
