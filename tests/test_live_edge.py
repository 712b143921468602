"""Tests of the way back to what is live, as a Cast device is told to go it."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest

from custom_components.dashboard_cast.live_edge import CALM_S, LATE_S, REST_S
from custom_components.dashboard_cast.models import StreamFormat
from custom_components.dashboard_cast.registry import Registry

from .common import (
    PROFILE,
    SOURCE,
    TV,
    FakeMediaController,
    Players,
    Studio,
    async_fire_time_changed,
    settled,
)

# A stream that was asked for something then always has a viewer.
NEVER_OVER = float("inf")
SEEK = {"type": "SEEK", "mediaSessionId": 1}


class Viewer:
    """A TV that shows a dashboard, and falls behind."""

    def __init__(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, controller: FakeMediaController
    ) -> None:
        self.seeks = controller.seeks
        self._hass = hass
        self._freezer = freezer
        self._controller = controller

    async def report(self, state: str, late: float | None = None) -> None:
        """Tell of a state, and perhaps of a new lateness."""
        if late is not None:
            self._controller.late = late
        self._controller.report(self._controller.loads[-1][0], playerState=state)
        await settled(self._hass)

    async def stall(self, late: float) -> None:
        """Stand still for want of pictures, and go on later than before."""
        await self.report("BUFFERING")
        await self.report("PLAYING", late)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._freezer.tick(seconds)
        async_fire_time_changed(self._hass)
        await settled(self._hass)


@pytest.fixture
async def viewer(
    hass: HomeAssistant,
    registry: Registry,
    players: Players,
    studio: Studio,
    freezer: FrozenDateTimeFactory,
) -> Viewer:
    """Return a TV that shows a dashboard by HLS."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    studio.only.last_request = NEVER_OVER
    return Viewer(hass, freezer, players.device.media_controller)


async def test_after_a_pause(viewer: Viewer) -> None:
    """Who lets it go on sees what is live at once; a SEEK without a position leads there."""
    await viewer.report("PAUSED")
    await viewer.wait(60)
    assert not viewer.seeks
    await viewer.report("BUFFERING")
    await viewer.report("PLAYING", late=60)
    assert viewer.seeks == [SEEK]
    await viewer.report("PLAYING", late=0)
    await viewer.wait(REST_S)
    assert len(viewer.seeks) == 1


async def test_after_a_gap(viewer: Viewer) -> None:
    """After a gap in its network it plays for a while first, and it jumps once."""
    await viewer.stall(late=5)
    await viewer.wait(CALM_S - 1)
    assert not viewer.seeks
    await viewer.report("PLAYING")
    await viewer.wait(1)
    assert viewer.seeks == [SEEK]


async def test_gap_after_gap(viewer: Viewer) -> None:
    """As long as there are gaps it keeps what helps it over them."""
    for late in (5, 10, 15):
        await viewer.stall(late)
        await viewer.wait(CALM_S - 1)
    assert not viewer.seeks
    await viewer.wait(1)
    assert len(viewer.seeks) == 1


async def test_not_too_often(viewer: Viewer) -> None:
    """With a network that has gaps time and again it jumps only now and then."""
    for _ in range(4):
        await viewer.stall(late=5)
        await viewer.wait(CALM_S)
        await viewer.report("PLAYING", late=0)
    assert len(viewer.seeks) == 1
    await viewer.stall(late=5)
    await viewer.wait(REST_S)
    assert len(viewer.seeks) == 2


async def test_in_vain(viewer: Viewer) -> None:
    """A player that a SEEK leads nowhere is not told again."""
    await viewer.stall(late=5)
    await viewer.wait(CALM_S)
    await viewer.report("PLAYING", late=9)
    for _ in range(3):
        await viewer.stall(late=9)
        await viewer.wait(REST_S)
        await viewer.report("PAUSED")
        await viewer.report("PLAYING", late=20)
    assert len(viewer.seeks) == 1


async def test_a_little_late(viewer: Viewer) -> None:
    """A second or two are nothing."""
    await viewer.stall(late=LATE_S - 0.1)
    await viewer.report("PAUSED")
    await viewer.report("PLAYING")
    await viewer.wait(REST_S)
    assert not viewer.seeks


async def test_over_before(viewer: Viewer, registry: Registry) -> None:
    """What is over is not told anything."""
    await viewer.stall(late=5)
    await registry.async_stop({TV})
    await viewer.wait(REST_S)
    assert not viewer.seeks


async def test_something_else_before(viewer: Viewer, players: Players) -> None:
    """What plays something else by then is left alone."""
    await viewer.stall(late=5)
    players.device.media_controller.report("http://music.example/song.mp3", playerState="PLAYING")
    await viewer.wait(REST_S)
    assert not viewer.seeks


async def test_endless_file(
    hass: HomeAssistant,
    registry: Registry,
    players: Players,
    studio: Studio,
    freezer: FrozenDateTimeFactory,
) -> None:
    """One endless file has no other place to go to."""
    await registry.async_cast(TV, SOURCE, PROFILE, stream_format=StreamFormat.MP4)
    studio.only.last_request = NEVER_OVER
    viewer = Viewer(hass, freezer, players.device.media_controller)
    await viewer.report("PAUSED")
    await viewer.report("PLAYING", late=60)
    await viewer.wait(REST_S)
    assert not viewer.seeks
