"""Tests of the actions: what they take, what they refuse, what they return."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import area_registry as ar, entity_registry as er
from homeassistant.setup import async_setup_component
import probatio
import pytest

from custom_components.dashboard_cast.const import DOMAIN
from custom_components.dashboard_cast.errors import PageNotReadyError
from custom_components.dashboard_cast.models import Profile, Source
from custom_components.dashboard_cast.registry import Registry

from .common import (
    PATH,
    PLAYER,
    SECOND_TV,
    TV,
    MockConfigEntry,
    Players,
    Studio,
    async_fire_time_changed,
    settled,
    url_of,
)

type Response = Any


async def _start(hass: HomeAssistant, *, response: bool = False, **data: Any) -> Response:
    """Call the action that shows a dashboard."""
    call = {"path": PATH, **data}
    return await hass.services.async_call(DOMAIN, "start", call, blocking=True, return_response=response)


async def _stop(hass: HomeAssistant, **data: Any) -> None:
    """Call the action that ends what is shown."""
    await hass.services.async_call(DOMAIN, "stop", data, blocking=True)


async def test_defaults(hass: HomeAssistant, registry: Registry, players: Players, studio: Studio) -> None:
    """A path and a media player are enough."""
    assert await _start(hass, entity_id=TV) is None
    assert studio.only.source == Source(path=PATH)
    assert studio.only.profile == Profile()
    assert players.device.urls == [url_of(studio.only)]


async def test_everything_given(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """All that can be set reaches the stream."""
    look: dict[str, Any] = {
        "theme": "night",
        "dark": True,
        "zoom": 1.5,
        "font_scale": 1.2,
        "device_scale": 2,
        "language": "de",
        "kiosk": False,
        "overflow": "fit",
        "reduced_motion": False,
    }
    await _start(hass, entity_id=TV, path="tv-wall/kitchen/", size="1080p", frame_rate=30, **look)
    assert studio.only.source == Source("/tv-wall/kitchen", **look)
    profile = studio.only.profile
    assert (profile.width, profile.height, profile.frame_rate) == (1920, 1080, 30)


@pytest.mark.parametrize(("dark", "expected"), [("auto", "auto"), ("true", True), ("false", False)])
async def test_dark(
    *, hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, dark: str, expected: object
) -> None:
    """The form gives texts for dark, light and following the sun."""
    await _start(hass, entity_id=TV, dark=dark)
    assert studio.only.source.dark == expected


@pytest.mark.parametrize(
    "data",
    [
        {"size": "4k"},
        {"frame_rate": 0},
        {"format": "avi"},
        {"frame_rate": 31},
        {"frame_rate": "many"},
        {"zoom": 0.2},
        {"zoom": 4.1},
        {"zoom": "nan-sense"},
        {"dark": "perhaps"},
        {"font_scale": 0.4},
        {"device_scale": 4},
        {"overflow": "hide"},
        {"headers": {"Bad name": "x"}},
        {"headers": {"X": "two\nlines"}},
        {"headers": "X: y"},
        {"cookies": {"a": "b; c"}},
        {"local_storage": {"key": {}}},
        {"kiosk": "perhaps"},
        {"duration": "-00:01:00"},
        {"duration": "soon"},
        {"path": {}},
        {"language": []},
        {"theme": {}},
        {"colour": "red"},
    ],
)
async def test_schema(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, data: dict[str, Any]
) -> None:
    """What makes no sense is refused before anything starts."""
    with pytest.raises(probatio.Invalid):
        await _start(hass, entity_id=TV, **data)
    assert not studio.streams


@pytest.mark.parametrize("data", [{}, {"path": PATH, "url": "https://page.example"}])
async def test_one_thing_to_show(hass: HomeAssistant, registry: Registry, data: dict[str, str]) -> None:
    """There is nothing that is shown unless named, and not two things at once."""
    with pytest.raises(ServiceValidationError) as caught:
        await hass.services.async_call(DOMAIN, "start", {"entity_id": TV, **data}, blocking=True)
    assert caught.value.translation_key == "source_missing"


@pytest.mark.parametrize(
    ("data", "key", "placeholders"),
    [
        ({}, "target_missing", {}),
        ({"entity_id": "media_player.none"}, "target_not_found", {"entity": "media_player.none"}),
        ({"entity_id": "light.lamp"}, "target_not_found", {"entity": "light.lamp"}),
        ({"entity_id": [TV, "media_player.none"]}, "target_not_found", {"entity": "media_player.none"}),
        ({"entity_id": TV, "path": "http://x/"}, "path_invalid", {"path": "http://x/"}),
        ({"entity_id": TV, "path": "/admin-wall"}, "administrator_needed", {"path": "/admin-wall"}),
        (
            {"entity_id": TV, "path": "/tv-wall/9"},
            "view_not_found",
            {"path": "/tv-wall/9", "known": "/tv-wall/0, /tv-wall/kitchen"},
        ),
    ],
)
async def test_wrong_input(
    *,
    hass: HomeAssistant,
    registry: Registry,
    players: Players,
    studio: Studio,
    data: dict[str, Any],
    key: str,
    placeholders: dict[str, str],
) -> None:
    """What the person can mend is a validation error with a translated message."""
    hass.states.async_set("light.lamp", "on")
    with pytest.raises(ServiceValidationError) as caught:
        await _start(hass, **data)
    assert (caught.value.translation_domain, caught.value.translation_key) == (DOMAIN, key)
    assert caught.value.translation_placeholders == placeholders
    assert not studio.streams


async def test_no_such_dashboard(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """The message about a dashboard that is not there lists those that are."""
    with pytest.raises(ServiceValidationError, match="There is no dashboard /no-such") as caught:
        await _start(hass, entity_id=TV, path="/no-such")
    assert "/tv-wall" in str(caught.value)


async def test_unavailable(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """A media player out of reach is said to be that."""
    hass.states.async_set(TV, STATE_UNAVAILABLE)
    with pytest.raises(HomeAssistantError) as caught:
        await _start(hass, entity_id=TV)
    assert caught.value.translation_key == "target_unavailable"
    assert not isinstance(caught.value, ServiceValidationError)


async def test_stream_fails(hass: HomeAssistant, registry: Registry, studio: Studio) -> None:
    """What goes wrong with a stream has a translated message."""
    studio.failure = PageNotReadyError(path=PATH, seconds="30", detail="blank")
    with pytest.raises(HomeAssistantError, match="was not drawn within 30 seconds: blank") as caught:
        await _start(hass, response=True)
    assert caught.value.translation_key == "page_not_ready"
    assert caught.value.translation_domain == DOMAIN


@pytest.mark.parametrize("service", ["start", "stop"])
async def test_not_set_up(
    hass: HomeAssistant, registry: Registry, entry: MockConfigEntry, service: str
) -> None:
    """The actions are there without a loaded config entry, and say what is missing."""
    await hass.config_entries.async_unload(entry.entry_id)
    data = {"path": PATH} if service == "start" else {}
    with pytest.raises(HomeAssistantError) as caught:
        await hass.services.async_call(DOMAIN, service, data, blocking=True)
    assert caught.value.translation_key == "not_set_up"


async def test_without_entry(hass: HomeAssistant, enable_custom_integrations: None) -> None:
    """Also without any config entry."""
    assert await async_setup_component(hass, DOMAIN, {})
    with pytest.raises(HomeAssistantError) as caught:
        await _start(hass, entity_id=TV)
    assert caught.value.translation_key == "not_set_up"


async def test_response(hass: HomeAssistant, registry: Registry, studio: Studio) -> None:
    """Asked for a response, the action needs no media player and returns the addresses."""
    response = await _start(hass, response=True)
    url = url_of(studio.only)
    names = {"url": "master.m3u8", "ts": "master-ts.m3u8", "mp4": "live.mp4", "still": "still.jpg"}
    addresses = {key: url.replace("master.m3u8", name) for key, name in names.items()}
    assert response == {**addresses, "media_players": []}


async def test_response_and_targets(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """Several media players and who gets the response share one stream, which outlives the casts."""
    response = await _start(hass, response=True, entity_id=[TV, SECOND_TV, PLAYER])
    assert response["media_players"] == [PLAYER, SECOND_TV, TV]
    assert players.tv.chromecast.urls == players.second_tv.chromecast.urls == [response["url"]]
    assert players.player.played == [response["url"]]
    await _stop(hass, entity_id=[TV, SECOND_TV, PLAYER])
    assert not studio.only.ended


async def test_no_response_no_link(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A stream whose address nobody got ends with its last media player."""
    await _start(hass, entity_id=[TV, SECOND_TV])
    await _stop(hass, entity_id=[TV, SECOND_TV])
    assert studio.only.ended


async def test_one_of_several_fails(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """When one media player fails the others go on, and the failure is told."""
    players.player.failure = HomeAssistantError("no such codec")
    with pytest.raises(HomeAssistantError) as caught:
        await _start(hass, entity_id=[TV, PLAYER])
    assert caught.value.translation_key == "load_failed"
    assert set(registry.sessions) == {TV}


async def test_load_failed_in_action(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """A device that cannot play the stream is an error of the action, not its end without a word."""
    players.device.media_controller.answer = None
    start = hass.async_create_background_task(_start(hass, entity_id=TV, format="hls"), "action of the test")
    await players.tv.loaded()
    players.device.media_controller.listeners[0].load_media_failed(1, 104)
    with pytest.raises(HomeAssistantError) as caught:
        await start
    assert caught.value.translation_key == "load_failed"


async def test_duration(
    hass: HomeAssistant, registry: Registry, players: Players, freezer: FrozenDateTimeFactory
) -> None:
    """A duration ends the cast."""
    await _start(hass, entity_id=TV, duration={"seconds": 30})
    await settled(hass)
    assert TV in registry.sessions
    freezer.tick(timedelta(seconds=31))
    async_fire_time_changed(hass)
    await settled(hass)
    assert not registry.sessions


async def test_stop_one(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """A stop with a target ends what is shown there."""
    await _start(hass, entity_id=[TV, SECOND_TV])
    await _stop(hass, entity_id=TV)
    assert set(registry.sessions) == {SECOND_TV}
    assert (players.tv.chromecast.quits, players.second_tv.chromecast.quits) == (1, 0)


async def test_stop_everything(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A stop without a target ends everything, streams without media players too."""
    await _start(hass, response=True)
    await _start(hass, entity_id=TV, path="/tv-wall/kitchen")
    await _stop(hass)
    assert not registry.sessions
    assert all(stream.ended for stream in studio.streams)


def _area(hass: HomeAssistant, *entity_ids: str) -> str:
    """Return an area with these entities in it."""
    area = ar.async_get(hass).async_create("Living room")
    for entity_id in entity_ids:
        er.async_get(hass).async_update_entity(entity_id, area_id=area.id)
    return area.id


async def test_start_in_area(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """An area stands for its media players; what else is there does not matter."""
    er.async_get(hass).async_get_or_create("light", "other", "lamp", suggested_object_id="lamp")
    hass.states.async_set("light.lamp", "on")
    await _start(hass, area_id=_area(hass, TV, "light.lamp"))
    assert set(registry.sessions) == {TV}


async def test_stop_in_area(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """A stop in an area ends what is shown there."""
    area_id = _area(hass, TV)
    await _start(hass, entity_id=[TV, SECOND_TV])
    await _stop(hass, area_id=area_id)
    assert set(registry.sessions) == {SECOND_TV}


@pytest.mark.parametrize("target", [{"area_id": "empty"}, {"entity_id": "none"}, {"entity_id": []}])
async def test_stop_nothing(
    hass: HomeAssistant, registry: Registry, players: Players, target: dict[str, Any]
) -> None:
    """A target that stands for no media player is not the same as no target."""
    await _start(hass, entity_id=TV)
    await _stop(hass, **target)
    assert set(registry.sessions) == {TV}


async def test_stop_takes_nothing_else(hass: HomeAssistant, registry: Registry) -> None:
    """A stop has a target and nothing else."""
    with pytest.raises(probatio.Invalid):
        await _stop(hass, path=PATH)
