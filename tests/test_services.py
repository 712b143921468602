"""Tests of the actions: what they take, what they refuse, what they return."""

from base64 import b64decode
from datetime import timedelta
import io
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from PIL import Image
import probatio
import pytest

from custom_components.dashboard_cast.const import DOMAIN
from custom_components.dashboard_cast.displays import Display
from custom_components.dashboard_cast.errors import PageNotReadyError
from custom_components.dashboard_cast.icons import async_outline
from custom_components.dashboard_cast.models import Corner, Message, Profile, Source
from custom_components.dashboard_cast.registry import Registry

from .common import (
    NEVER,
    PATH,
    PLAYER,
    SECOND_TV,
    SWITCH,
    TV,
    Home,
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


@pytest.mark.parametrize("service", ["start", "stop", "show", "message", "snapshot"])
async def test_not_set_up(
    hass: HomeAssistant, registry: Registry, entry: MockConfigEntry, service: str
) -> None:
    """The actions are there without a loaded config entry, and say what is missing."""
    await hass.config_entries.async_unload(entry.entry_id)
    data = {"start": {"path": PATH}, "snapshot": {"path": PATH}, "message": {"message": "x"}}.get(service, {})
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


@pytest.mark.parametrize(
    ("other", "key"),
    [
        (SECOND_TV, "target_unavailable"),
        (PLAYER, "target_not_screen"),
        ("media_player.none", "target_not_found"),
    ],
)
async def test_one_of_several_cannot_show_it(
    *, hass: HomeAssistant, registry: Registry, players: Players, other: str, key: str
) -> None:
    """One that is off or no TV keeps the dashboard from none of the others, and is told of."""
    hass.states.async_set(SECOND_TV, STATE_UNAVAILABLE)
    hass.states.async_set(PLAYER, "off", {"device_class": "speaker"})
    with pytest.raises(HomeAssistantError) as caught:
        await _start(hass, entity_id=[TV, other])
    assert caught.value.translation_key == key
    assert set(registry.sessions) == {TV}


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
    players.device.media_controller.fail(players.device.urls[0])
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


async def _show(hass: HomeAssistant, **data: Any) -> None:
    """Call the action that changes what is shown."""
    await hass.services.async_call(DOMAIN, "show", data, blocking=True)


async def test_show(hass: HomeAssistant, registry: Registry, players: Players, studio: Studio) -> None:
    """What is given changes, all else stays as it was."""
    await _start(hass, entity_id=TV, theme="night", zoom=1.5, kiosk=False)
    await _show(hass, entity_id=TV, path="tv-wall/kitchen/")
    await _show(hass, entity_id=TV, dark=True, language="de", zoom=2)
    assert studio.only.source == Source(
        path="/tv-wall/kitchen", theme="night", dark=True, zoom=2, language="de", kiosk=False
    )
    assert len(players.device.urls) == 1


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({}, "target_missing"),
        ({"entity_id": SECOND_TV}, "nothing_shown"),
        ({"entity_id": TV, "path": "http://x/"}, "path_invalid"),
        ({"entity_id": TV, "path": "/tv-wall/9"}, "view_not_found"),
        ({"stream": "http://x/"}, "stream_not_found"),
    ],
)
async def test_show_wrong_input(
    *,
    hass: HomeAssistant,
    registry: Registry,
    players: Players,
    studio: Studio,
    data: dict[str, Any],
    key: str,
) -> None:
    """What the person can mend is said, and nothing is changed."""
    await _start(hass, entity_id=TV)
    with pytest.raises(ServiceValidationError) as caught:
        await _show(hass, **{"dark": True} | data)
    assert caught.value.translation_key == key
    assert not studio.only.asked


@pytest.mark.parametrize("service", ["show", "message"])
async def test_one_of_several_shows_nothing(
    *, hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, service: str
) -> None:
    """One that shows nothing keeps none of the others from what it asks for, and is told of."""
    await _start(hass, entity_id=TV)
    data: dict[str, dict[str, Any]] = {"show": {"dark": True}, "message": {"message": "Hello"}}
    call = {"entity_id": [TV, SECOND_TV], **data[service]}
    with pytest.raises(ServiceValidationError) as caught:
        await hass.services.async_call(DOMAIN, service, call, blocking=True)
    assert caught.value.translation_key == "nothing_shown"
    assert caught.value.translation_placeholders == {"entity": SECOND_TV}
    assert studio.only.source.dark or studio.only.told


async def test_show_says_how_to_start(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """The message about a TV that shows nothing names the action that starts."""
    with pytest.raises(ServiceValidationError, match=r"media_player\.tv shows no .* dashboard_cast\.start"):
        await _show(hass, entity_id=TV, dark=True)


async def test_show_in_area(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """Of an area those are meant that show something; when none does, that is said."""
    await _start(hass, entity_id=TV)
    await _show(hass, area_id=_area(hass, TV, SECOND_TV), dark=True)
    assert studio.only.source.dark
    await _stop(hass)
    with pytest.raises(ServiceValidationError) as caught:
        await _show(hass, area_id="living_room", dark=False)
    assert caught.value.translation_key == "nothing_shown"


async def test_show_in_stream(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """A stream's address and media players can be named together."""
    response = await _start(hass, response=True)
    await _start(hass, entity_id=TV, path="/tv-wall/kitchen")
    await _show(hass, stream=response["ts"], entity_id=TV, dark=True)
    assert [stream.source.dark for stream in studio.streams] == [True, True]


WALL = "media_player.wall"


def _device_of(home: Home, display: Display) -> dr.DeviceEntry:
    """Return the device that a display is."""
    identifier = (DOMAIN, display.subentry_id)
    device = dr.async_get(home.hass).async_get_device_by_identifier(identifier, home.entry.entry_id)
    assert isinstance(device, dr.DeviceEntry)
    return device


async def test_area_with_a_display(home: Home) -> None:
    """A display is no media player of the area that it is in: neither it nor its TVs are meant."""
    home.add(rules=NEVER, media_players=[TV, SECOND_TV])
    display = await home.shown("Hall", "/tv-wall/kitchen", media_players=[SECOND_TV])
    area_id = _area(home.hass, TV)
    for one in home.registry.displays:
        dr.async_get(home.hass).async_update_device(_device_of(home, one).id, area_id=area_id)
    await _start(home.hass, area_id=area_id)
    await _show(home.hass, area_id=area_id, dark=True)
    assert home.registry.sessions[TV].source.dark
    await _stop(home.hass, area_id=area_id)
    assert set(home.registry.sessions) == {SECOND_TV}
    assert home.registry.sessions[SECOND_TV].source == display.source


@pytest.mark.parametrize("name", [WALL, SWITCH, "the device"])
async def test_display_as_target(home: Home, wall: Display, name: str) -> None:
    """A display that is named by one of its entities or its device stands for its TVs."""
    target = {"device_id": _device_of(home, wall).id} if name == "the device" else {"entity_id": name}
    await _show(home.hass, **target, dark=True)
    await _message(home.hass, **target)
    assert home.studio.only.source.dark
    assert home.studio.only.told
    await _stop(home.hass, **target)
    assert not home.registry.sessions
    assert not wall.wanted


async def test_display_on_several(home: Home) -> None:
    """Of the TVs of a display those are meant that show something; when none does, that is said."""
    home.add(media_players=[TV, SECOND_TV], rules=NEVER)
    await settled(home.hass)
    with pytest.raises(ServiceValidationError) as caught:
        await _message(home.hass, entity_id=WALL)
    assert caught.value.translation_placeholders == {"entity": f"{SECOND_TV}, {TV}"}
    await _start(home.hass, entity_id=TV)
    await _message(home.hass, entity_id=WALL)
    assert home.studio.only.told


@pytest.mark.parametrize("by_device", [False, True])
async def test_nothing_starts_on_a_display(home: Home, wall: Display, *, by_device: bool) -> None:
    """A display has a dashboard of its own, so who names it is told what it is."""
    target: dict[str, Any] = {"device_id": _device_of(home, wall).id} if by_device else {"entity_id": WALL}
    with pytest.raises(ServiceValidationError, match=r"media_player\.wall is a display") as caught:
        await _start(home.hass, path="/tv-wall/kitchen", **target)
    assert caught.value.translation_key == "target_display"
    assert len(home.studio.streams) == 1


async def test_views(hass: HomeAssistant, registry: Registry, players: Players, studio: Studio) -> None:
    """Views in turn come with the start or later; they stay when only the look changes."""
    await _start(hass, entity_id=TV, views=["tv-wall/kitchen"], interval="00:00:20")
    rotation = Source(PATH, views=("/tv-wall/kitchen",), interval=20)
    assert registry.sessions[TV].source == rotation
    await _show(hass, entity_id=TV, zoom=2)
    assert registry.sessions[TV].source == Source(PATH, views=rotation.views, interval=20, zoom=2)
    await _show(hass, entity_id=TV, path=PATH)
    assert registry.sessions[TV].source.turns == (studio.only.source,)
    await _show(hass, entity_id=TV, views="/tv-wall/kitchen")
    assert registry.sessions[TV].source.views == rotation.views


@pytest.mark.parametrize("data", [{"interval": 4}, {"interval": "25:00:00"}, {"views": {}}])
async def test_views_schema(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, data: dict[str, Any]
) -> None:
    """Views that nobody could look at are refused."""
    with pytest.raises(probatio.Invalid):
        await _start(hass, entity_id=TV, **data)
    assert not studio.streams


async def test_unknown_view(hass: HomeAssistant, registry: Registry, players: Players) -> None:
    """Each view is checked as the first one is."""
    for path, key in (("/tv-wall/9", "view_not_found"), ("http://x/", "path_invalid")):
        with pytest.raises(ServiceValidationError) as caught:
            await _start(hass, entity_id=TV, views=[path])
        assert caught.value.translation_key == key


async def _message(hass: HomeAssistant, **data: Any) -> None:
    """Call the action that shows a message."""
    await hass.services.async_call(DOMAIN, "message", {"message": "Hello"} | data, blocking=True)


async def test_message(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, aioclient_mock: Any
) -> None:
    """All that can be set reaches the stream; a text is enough."""
    await _start(hass, entity_id=TV)
    await _message(hass)
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "PNG")
    aioclient_mock.get("http://127.0.0.1:8123/local/door.png", content=file.getvalue())
    look = {"icon": "mdi:doorbell", "image": "/local/door.png", "urgent": True, "position": "top_left"}
    await _message(hass, entity_id=TV, title="Door", duration="00:01:00", **look)
    first, second = studio.only.told
    assert first == Message("Hello")
    assert second == Message(
        "Hello",
        title="Door",
        icon=await async_outline(hass, "mdi:doorbell"),
        image=second.image,
        urgent=True,
        seconds=60,
        position=Corner.TOP_LEFT,
    )
    assert second.image


async def test_message_to_nobody(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """Where nothing is shown a message to all is none to anybody; one to a TV is a mistake."""
    await _message(hass)
    with pytest.raises(ServiceValidationError) as caught:
        await _message(hass, entity_id=TV)
    assert caught.value.translation_key == "nothing_shown"


@pytest.mark.parametrize(
    ("data", "key", "kind"),
    [
        ({"icon": "mdi:no-such"}, "icon_not_found", ServiceValidationError),
        ({"image": "https://example.org/x.jpg"}, "image_not_allowed", ServiceValidationError),
        ({"image": "camera.none"}, "image_unreadable", HomeAssistantError),
    ],
)
async def test_message_with_what_is_not_there(
    *,
    hass: HomeAssistant,
    registry: Registry,
    players: Players,
    studio: Studio,
    data: dict[str, Any],
    key: str,
    kind: type[Exception],
) -> None:
    """What cannot be shown is said, and nothing is shown."""
    await _start(hass, entity_id=TV)
    with pytest.raises(kind) as caught:
        await _message(hass, **data)
    assert isinstance(caught.value, HomeAssistantError)
    assert caught.value.translation_key == key
    assert not studio.only.told


@pytest.mark.parametrize(
    "data", [{"duration": 0}, {"duration": "25:00:00"}, {"position": "middle"}, {"colour": "red"}]
)
async def test_message_schema(hass: HomeAssistant, registry: Registry, data: dict[str, Any]) -> None:
    """What makes no sense is refused."""
    with pytest.raises(probatio.Invalid):
        await _message(hass, **data)


async def _snapshot(hass: HomeAssistant, *, response: bool = False, **data: Any) -> Response:
    """Call the action that takes a picture."""
    call = {"path": PATH, **data}
    return await hass.services.async_call(DOMAIN, "snapshot", call, blocking=True, return_response=response)


def listed(folder: Path) -> list[str]:
    """Return the names of what is in a folder."""
    return [path.name for path in folder.iterdir()]


async def test_snapshot_response(
    hass: HomeAssistant, registry: Registry, drawn: list[tuple[Any, ...]]
) -> None:
    """A picture comes as text that stands for its bytes, with its type and size."""
    response = await _snapshot(hass, response=True, theme="night", zoom=2)
    assert drawn == [(Source(PATH, theme="night", zoom=2), 1280, 720)]
    picture = Image.open(io.BytesIO(b64decode(response.pop("image"))))
    assert picture.size == (1280, 720)
    assert response == {"content_type": "image/png", "width": 1280, "height": 720}


@pytest.mark.parametrize(
    ("name", "data", "form"),
    [
        ("paper.png", {}, "PNG"),
        ("paper.JPG", {}, "JPEG"),
        ("paper", {}, "PNG"),
        ("paper.bmp", {"format": "webp"}, "WEBP"),
    ],
)
async def test_snapshot_file(
    *,
    hass: HomeAssistant,
    registry: Registry,
    drawn: list[tuple[Any, ...]],
    tmp_path: Path,
    name: str,
    data: dict[str, str],
    form: str,
) -> None:
    """A picture is written where Home Assistant allows it, in the format of its name, over the one before."""
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    file = tmp_path / name
    file.write_text("old")
    paper = {"width": 80, "height": 40, "rotation": "90", "grey_levels": "2"}
    response = await _snapshot(hass, response=True, filename=str(file), **paper, **data)
    picture = Image.open(file)
    assert (picture.format, picture.size) == (form, (40, 80))
    assert (response["width"], response["height"]) == (40, 80)
    assert listed(tmp_path) == [name]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("/etc/paper.png", "file_not_allowed"),
        ("{}/../paper.png", "file_not_allowed"),
        ("paper.png", "file_not_allowed"),
        ("", "destination_missing"),
    ],
)
async def test_snapshot_nowhere(
    *,
    hass: HomeAssistant,
    registry: Registry,
    drawn: list[tuple[Any, ...]],
    tmp_path: Path,
    name: str,
    key: str,
) -> None:
    """Where a picture may not be written, none is drawn."""
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    with pytest.raises(ServiceValidationError) as caught:
        await _snapshot(hass, filename=name.format(tmp_path))
    assert caught.value.translation_key == key
    assert not drawn


@pytest.mark.parametrize("name", ["paper.png", "none/paper.png"])
async def test_snapshot_not_written(
    *, hass: HomeAssistant, registry: Registry, drawn: list[tuple[Any, ...]], tmp_path: Path, name: str
) -> None:
    """A file that cannot be written is named, and nothing is left beside it."""
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    (tmp_path / "paper.png").mkdir()
    with pytest.raises(HomeAssistantError) as caught:
        await _snapshot(hass, filename=str(tmp_path / name))
    assert caught.value.translation_key == "file_not_written"
    assert listed(tmp_path) == ["paper.png"]


@pytest.mark.parametrize(
    "data", [{"width": 15}, {"height": 3841}, {"rotation": 45}, {"grey_levels": 8}, {"format": "bmp"}]
)
async def test_snapshot_schema(
    hass: HomeAssistant, registry: Registry, drawn: list[tuple[Any, ...]], data: dict[str, Any]
) -> None:
    """What makes no sense is refused."""
    with pytest.raises(probatio.Invalid):
        await _snapshot(hass, response=True, **data)
    assert not drawn
