"""The demo dashboard on a screen is that of the browser, as the scenario measures it."""

import pytest
import pytest_socket

from custom_components.dashboard_cast.models import SizePreset

from . import fidelity
from .scenario import Options


@pytest.mark.e2e
async def test_dashboard(socket_enabled: None) -> None:
    """Every figure of a real dashboard keeps to its limit."""
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
    options = Options(
        seconds=0, minutes=0, rounds=1, sizes=[SizePreset.P720], rate=15, viewers=0, streams=0, players=0
    )
    outcome = await fidelity.run(options, lambda _text: None)
    assert len(outcome.rows) == 8
    assert [row for row in outcome.rows if row.verdict == "missed"] == []
