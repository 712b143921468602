"""Tests of images: what a display looked like last."""

from homeassistant.components.image import async_get_image
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.dashboard_cast import image
from custom_components.dashboard_cast.displays import Display

from .common import JPEG, NEVER, Home, settled

IMAGE = "image.wall_last_picture"


def since(home: Home) -> str:
    """Return when the image has changed."""
    state = home.hass.states.get(IMAGE)
    assert state is not None
    return state.state


async def watch(home: Home) -> None:
    """Let somebody watch until the image may have changed."""
    for _ in range(10):
        home.studio.only.touch()
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


async def test_never_shown(home: Home) -> None:
    """Before it was shown for the first time there is no picture."""
    home.add(rules=NEVER)
    await settled(home.hass)
    assert since(home) == "unknown"
    with pytest.raises(HomeAssistantError):
        await async_get_image(home.hass, IMAGE)
