"""Tests of event entities: what has happened to a display."""

import pytest

from custom_components.dashboard_cast.displays import Display
from custom_components.dashboard_cast.event import DisplayEvent, happened
from custom_components.dashboard_cast.rules import Status

from .common import SETTLED, Home, cast_status, settled

SHOWN, STOPPED, RECOVERED, FAILED = DisplayEvent


@pytest.mark.parametrize(
    ("last", "now", "troubled", "event"),
    [
        (None, Status.STARTING, False, None),
        (None, Status.SHOWING, False, SHOWN),
        (None, Status.SHOWING, True, SHOWN),
        (None, Status.IDLE, False, None),
        (None, Status.GIVING_WAY, False, None),
        (None, Status.FAILED, True, FAILED),
        (SHOWN, Status.SHOWING, False, None),
        (SHOWN, Status.STARTING, False, None),
        (SHOWN, Status.RECOVERING, True, None),
        (SHOWN, Status.SHOWING, True, RECOVERED),
        (SHOWN, Status.FAILED, True, FAILED),
        (SHOWN, Status.IDLE, False, STOPPED),
        (SHOWN, Status.GIVING_WAY, False, STOPPED),
        (RECOVERED, Status.SHOWING, False, None),
        (RECOVERED, Status.SHOWING, True, RECOVERED),
        (RECOVERED, Status.IDLE, False, STOPPED),
        (FAILED, Status.RECOVERING, True, None),
        (FAILED, Status.FAILED, True, None),
        (FAILED, Status.SHOWING, False, RECOVERED),
        (FAILED, Status.IDLE, False, STOPPED),
        (STOPPED, Status.IDLE, False, None),
        (STOPPED, Status.SHOWING, True, SHOWN),
    ],
)
def test_happened(last: DisplayEvent | None, now: Status, troubled: bool, event: DisplayEvent | None) -> None:
    """What a status means depends on what was before."""
    assert happened(last, now, troubled=troubled) is event


def last(home: Home) -> tuple[str, str | None]:
    """Return what has happened last, and why."""
    state = home.hass.states.get("event.wall_activity")
    assert state is not None
    return state.attributes["event_type"], state.attributes.get("reason")


async def test_life(home: Home, wall: Display) -> None:
    """A display is shown, recovers after the TV was away, and is stopped."""
    assert last(home) == ("shown", None)
    home.players.tv._attr_available = False
    home.players.device.lose()
    home.players.tv.async_write_ha_state()
    await settled(home.hass)
    home.players.tv._attr_available = True
    home.players.tv.async_write_ha_state()
    home.players.device.report(cast_status(None, None, app_id=None))
    await home.wait(SETTLED)
    assert last(home) == ("recovered", None)
    await wall.async_turn_off()
    assert last(home) == ("stopped", None)


async def test_failure(home: Home) -> None:
    """Many failures in a row are told, with their reason, and their end is."""
    home.players.device.media_controller.plays = set()
    home.add()
    for seconds in (SETTLED, 4, 7, 13):
        await home.wait(seconds)
    assert last(home) == ("failed", "load_failed")
    home.players.device.media_controller.plays = None
    await home.wait(25)
    assert last(home) == ("recovered", None)
