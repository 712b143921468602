"""Tests of media players: displays in the shape of what they are shown on."""

from typing import Any

from homeassistant.components.media_player import DOMAIN as MEDIA_PLAYER_DOMAIN, MediaPlayerState
from homeassistant.core import State
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.dashboard_cast.devices import check_screen
from custom_components.dashboard_cast.displays import Display
from custom_components.dashboard_cast.errors import TargetNotScreenError

from .common import JPEG, NEVER, SETTLED, Home, cast_status, settled
from .test_views import MakeClient

WALL = "media_player.wall"


def wall_of(home: Home) -> State:
    """Return the state of the media player."""
    found = home.hass.states.get(WALL)
    assert found is not None
    return found


async def call(home: Home, service: str, **data: Any) -> None:
    """Do something with the media player."""
    await home.hass.services.async_call(
        MEDIA_PLAYER_DOMAIN, service, {"entity_id": WALL, **data}, blocking=True
    )
    await settled(home.hass)


async def test_states(home: Home) -> None:
    """It is off until somebody turns it on, starts, plays, and is idle while it gives way."""
    home.add(rules=NEVER)
    await settled(home.hass)
    assert wall_of(home).state == "off"
    await call(home, "turn_on")
    assert wall_of(home).state == "buffering"
    await home.wait(SETTLED)
    assert wall_of(home).state == "playing"
    home.players.device.report(cast_status("another", "YouTube", app_id="233637DE"))
    home.players.tv.show(MediaPlayerState.PLAYING)
    await settled(home.hass)
    assert wall_of(home).state == "idle"
    await call(home, "turn_off")
    assert wall_of(home).state == "off"


async def test_sources(home: Home, wall: Display) -> None:
    """Its sources are the views; one that there is not is refused with those that there are."""
    attributes = wall_of(home).attributes
    assert (attributes["source"], attributes["source_list"]) == ("First", ["First", "Kitchen"])
    await call(home, "select_source", source="Kitchen")
    assert home.studio.only.source.path == "/tv-wall/kitchen"
    assert wall_of(home).attributes["media_title"] == "Kitchen"
    with pytest.raises(ServiceValidationError) as failure:
        await call(home, "select_source", source="Attic")
    assert failure.value.translation_placeholders == {"path": "Attic", "known": "First, Kitchen"}


async def test_without_sources(home: Home) -> None:
    """Of a generated dashboard it has none to choose from."""
    home.add(path="/generated-wall")
    await settled(home.hass)
    assert "source_list" not in wall_of(home).attributes
    assert wall_of(home).attributes["supported_features"] == 128 + 256


async def test_picture(home: Home, wall: Display, hass_client_no_auth: MakeClient) -> None:
    """Its picture is the live one, under another name for each view."""
    client = await hass_client_no_auth()
    first = wall_of(home).attributes["entity_picture"]
    assert await (await client.get(first)).read() == JPEG
    await call(home, "select_source", source="Kitchen")
    assert wall_of(home).attributes["entity_picture"] != first


async def test_displays_are_not_shown_on_displays(home: Home, wall: Display) -> None:
    """Nobody can choose it as what to show a display on."""
    with pytest.raises(TargetNotScreenError):
        check_screen(home.hass, WALL)
