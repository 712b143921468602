"""Tests of buttons: what can be done with a display that is not as it should be."""

from homeassistant.components.button import DOMAIN as BUTTON_DOMAIN
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.dashboard_cast.displays import Display
from custom_components.dashboard_cast.errors import PageNotReadyError

from .common import SOURCE, Home, settled

RELOAD = "button.wall_reload_page"
CAST_AGAIN = "button.wall_cast_again"


async def press(home: Home, entity_id: str) -> None:
    """Press a button."""
    await home.hass.services.async_call(BUTTON_DOMAIN, "press", {"entity_id": entity_id}, blocking=True)
    await settled(home.hass)


async def test_reload(home: Home, wall: Display) -> None:
    """The page is drawn anew in the stream that there is; without one there is nothing to reload."""
    await press(home, RELOAD)
    assert home.studio.only.asked == [SOURCE]
    await wall.async_turn_off()
    await settled(home.hass)
    assert home.hass.states.is_state(RELOAD, "unavailable")


async def test_reload_fails(home: Home, wall: Display) -> None:
    """What keeps the page from being drawn is told."""
    home.studio.failure = PageNotReadyError(path=SOURCE.path, seconds="30", detail="still loading")
    with pytest.raises(HomeAssistantError) as failure:
        await press(home, RELOAD)
    assert failure.value.translation_key == "page_not_ready"


async def test_cast_again(home: Home, wall: Display) -> None:
    """It is sent to the TV anew; when it was off, too."""
    await press(home, CAST_AGAIN)
    assert len(home.players.device.urls) == 2
    await wall.async_turn_off()
    await settled(home.hass)
    await press(home, CAST_AGAIN)
    assert len(home.players.device.urls) == 3
    assert wall.wanted
