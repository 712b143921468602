"""Tests of images: what a display looked like last."""

from homeassistant.components.image import async_get_image
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.dashboard_cast import image
from custom_components.dashboard_cast.displays import Display
from custom_components.dashboard_cast.errors import PageNotReadyError

from .common import JPEG, NEVER, OTHER_SOURCE, SETTLED, Home, settled
from .test_select import reconfigure

IMAGE = "image.wall_last_picture"


def since(home: Home) -> str:
    """Return when the image has changed."""
    state = home.hass.states.get(IMAGE)
    assert state is not None
    return state.state


async def watch(home: Home) -> None:
    """Let somebody watch until the image may have changed."""
    for _ in range(10):
        home.studio.streams[0].touch()
        await home.wait(image.INTERVAL.total_seconds() / 10)


async def test_image(home: Home, wall: Display) -> None:
    """There is a picture as soon as it is shown, and it stays."""
    came = since(home)
    assert (await async_get_image(home.hass, IMAGE)).content == JPEG
    await home.wait(5)
    await wall.async_turn_off()
    await settled(home.hass)
    assert since(home) == came
    assert (await async_get_image(home.hass, IMAGE)).content == JPEG


async def test_changes_now_and_then(home: Home, wall: Display) -> None:
    """It is renewed now and then when it has changed, and at the end."""
    came = since(home)
    await watch(home)
    assert since(home) == came
    home.studio.only.picture = b"another"
    assert (await async_get_image(home.hass, IMAGE)).content == JPEG
    await watch(home)
    assert since(home) > came
    assert (await async_get_image(home.hass, IMAGE)).content == b"another"
    home.studio.only.picture = b"the last"
    await wall.async_turn_off()
    await settled(home.hass)
    assert (await async_get_image(home.hass, IMAGE)).content == b"the last"


@pytest.mark.parametrize("wanted", [False, True])
async def test_another_dashboard(home: Home, wall: Display, *, wanted: bool) -> None:
    """What it showed before it was given something else may be nobody's to see any more, and is forgotten."""
    if not wanted:
        await wall.async_turn_off()
        await settled(home.hass)
    reconfigure(home, wall, dashboard=OTHER_SOURCE.path)
    assert since(home) == "unknown"
    with pytest.raises(HomeAssistantError):
        await async_get_image(home.hass, IMAGE)
    home.studio.only.picture = b"still there"
    home.studio.failure = PageNotReadyError(path=OTHER_SOURCE.path, seconds="30", detail="still loading")
    await watch(home)
    assert since(home) == "unknown"
    home.studio.failure = None
    await wall.async_cast_again()
    await home.wait(SETTLED)
    assert (await async_get_image(home.hass, IMAGE)).content == JPEG


async def test_never_shown(home: Home) -> None:
    """Before it was shown for the first time there is no picture."""
    home.add(rules=NEVER)
    await settled(home.hass)
    assert since(home) == "unknown"
    with pytest.raises(HomeAssistantError):
        await async_get_image(home.hass, IMAGE)
