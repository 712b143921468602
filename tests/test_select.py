"""Tests of selects: which view of its dashboard a display shows."""

from typing import Any

from homeassistant.components.lovelace.const import LOVELACE_DATA
from homeassistant.components.media_player import MediaPlayerState
from homeassistant.components.select import DOMAIN as SELECT_DOMAIN
from homeassistant.core import State
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest

from custom_components.dashboard_cast.casting import CastSession
from custom_components.dashboard_cast.const import DOMAIN
from custom_components.dashboard_cast.displays import Display
from custom_components.dashboard_cast.errors import PageNotReadyError
from custom_components.dashboard_cast.rules import Status

from .common import (
    PATH,
    SECOND_TV,
    SETTLED,
    SOURCE,
    TV,
    Home,
    async_fire_time_changed,
    cast_status,
    how,
    settled,
    url_of,
)

SELECT = "select.wall_view"
KITCHEN = "/tv-wall/kitchen"
URL: dict[str, Any] = {"dashboard": None, "website": {"url": "https://grafana.example/d/home"}}


def view(home: Home) -> State:
    """Return the state of the select."""
    found = home.hass.states.get(SELECT)
    assert found is not None
    return found


async def pass_time(home: Home, seconds: float) -> None:
    """Let time pass without an end to what is on its way."""
    home.freezer.tick(seconds)
    async_fire_time_changed(home.hass)
    for _ in range(5):
        await home.hass.async_block_till_done()


async def select(home: Home, option: str) -> None:
    """Choose a view."""
    data = {"entity_id": SELECT, "option": option}
    await home.hass.services.async_call(SELECT_DOMAIN, "select_option", data, blocking=True)
    await settled(home.hass)


def reconfigure(home: Home, display: Display, **data: Any) -> None:
    """Change what a display shows."""
    subentry = home.entry.subentries[display.subentry_id]
    changed = {key: value for key, value in {**subentry.data, **data}.items() if value is not None}
    home.hass.config_entries.async_update_subentry(home.entry, subentry, data=changed)


async def change(home: Home, *views: dict[str, Any]) -> None:
    """Change the views of the dashboard."""
    await home.hass.data[LOVELACE_DATA].dashboards["tv-wall"].async_save({"views": [*views]})
    await settled(home.hass)


async def test_select(home: Home, wall: Display) -> None:
    """Another view is shown in the stream that there is; turning it off ends that."""
    assert view(home).attributes["options"] == ["First", "Kitchen"]
    assert view(home).state == "First"
    await select(home, "Kitchen")
    assert view(home).state == "Kitchen"
    assert home.studio.only.source.path == KITCHEN
    assert len(home.players.device.urls) == 1
    await wall.async_turn_off()
    assert view(home).state == "First"


async def test_choose_before_it_is_shown(home: Home) -> None:
    """What is chosen while the display is on its way there is shown, in one LOAD."""
    home.studio.gate.clear()
    wall = home.add(media_players=[TV, SECOND_TV])
    await pass_time(home, SETTLED)
    assert len(home.registry.sessions) == 2
    assert wall.status is Status.STARTING
    await wall.async_show(KITCHEN)
    home.studio.gate.set()
    await home.wait(SETTLED)
    assert (view(home).state, how(wall)) == ("Kitchen", (Status.SHOWING, None))
    for entity_id, player in ((TV, home.players.tv), (SECOND_TV, home.players.second_tv)):
        assert home.registry.sessions[entity_id].source.path == KITCHEN
        assert len(player.chromecast.urls) == 1
    assert len(home.registry.streams) == 1


async def test_choose_while_one_starts(home: Home) -> None:
    """A TV that is given the display at this moment follows the other one."""
    home.players.second_tv.show(MediaPlayerState.PLAYING)
    wall = await home.shown(media_players=[TV, SECOND_TV], rules={"patience": 5})
    home.players.second_tv.show(MediaPlayerState.IDLE)
    home.players.second_tv.chromecast.media_controller.answer = None
    await pass_time(home, 6)
    await home.players.second_tv.loaded()
    assert wall.standings[SECOND_TV].status is Status.STARTING
    home.players.second_tv.chromecast.media_controller.answer = {"playerState": "PLAYING"}
    await select(home, "Kitchen")
    sources = [home.registry.sessions[one].source.path for one in (TV, SECOND_TV)]
    assert sources == [KITCHEN, KITCHEN]
    assert {one.status for one in wall.standings.values()} == {Status.SHOWING}


async def test_view_while_it_ends_on_one_tv(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A TV on which the display ends at this moment does not keep the others from the view."""
    await home.shown(media_players=[TV, SECOND_TV])
    started = CastSession.async_started

    async def ends(session: CastSession) -> None:
        await started(session)
        home.players.device.report(cast_status(None, None, app_id=None))
        await settled(home.hass)

    monkeypatch.setattr(CastSession, "async_started", ends)
    await select(home, "Kitchen")
    monkeypatch.undo()
    await settled(home.hass)
    assert TV not in home.registry.sessions
    assert home.registry.sessions[SECOND_TV].source.path == KITCHEN
    assert view(home).state == "Kitchen"


async def test_view_after_a_reload(home: Home, wall: Display) -> None:
    """The view that was chosen is shown again, until it is turned off."""
    await select(home, "Kitchen")
    await home.hass.config_entries.async_reload(home.entry.entry_id)
    await home.wait(SETTLED)
    assert view(home).state == "Kitchen"
    assert home.registry.sessions[TV].source.path == KITCHEN
    await home.find(wall.subentry_id).async_turn_off()
    await home.hass.config_entries.async_reload(home.entry.entry_id)
    await settled(home.hass)
    assert view(home).state == "First"


async def test_view_of_an_action(home: Home, wall: Display) -> None:
    """What an action has the display show is its view from then on, as if it had been chosen."""
    data = {"entity_id": TV, "path": KITCHEN}
    await home.hass.services.async_call(DOMAIN, "show", data, blocking=True)
    assert view(home).state == "Kitchen"
    await home.studio.only.fail(PageNotReadyError(path=KITCHEN, seconds="30", detail="gone"))
    await settled(home.hass)
    await home.wait(SETTLED)
    assert home.registry.sessions[TV].source.path == KITCHEN
    stream = url_of(home.studio.streams[-1])
    data = {"stream": stream, "path": PATH}
    await home.hass.services.async_call(DOMAIN, "show", data, blocking=True)
    assert view(home).state == "First"


async def test_view_of_an_action_on_one_tv(home: Home) -> None:
    """What only one of its TVs is made to show is not that of the display."""
    wall = await home.shown(media_players=[TV, SECOND_TV])
    data = {"entity_id": SECOND_TV, "path": KITCHEN}
    await home.hass.services.async_call(DOMAIN, "show", data, blocking=True)
    await settled(home.hass)
    assert home.registry.sessions[SECOND_TV].source.path == KITCHEN
    assert (wall.source.path, view(home).state) == (PATH, "First")


async def test_view_cannot_be_shown(home: Home, wall: Display) -> None:
    """What keeps a view from being shown is told, and what is shown stays."""
    home.studio.failure = PageNotReadyError(path=KITCHEN, seconds="30", detail="still loading")
    with pytest.raises(HomeAssistantError) as failure:
        await select(home, "Kitchen")
    assert failure.value.translation_key == "page_not_ready"
    assert view(home).state == "First"
    with pytest.raises(ServiceValidationError):
        await select(home, "Attic")


@pytest.mark.parametrize(
    ("path", "shown"),
    [(PATH, "First"), ("/tv-wall", "First"), ("/tv-wall/1", "Kitchen"), (KITCHEN, "Kitchen")],
)
async def test_paths(home: Home, path: str, shown: str) -> None:
    """A view is named by its path or its number, or not at all."""
    home.add(path=path)
    await settled(home.hass)
    assert view(home).state == shown


async def test_dashboard_is_changed(home: Home, wall: Display) -> None:
    """The options are the views that there are now; those with the same title are told apart."""
    await change(home, {"title": "Hall"}, {"title": "Bath"}, {"title": "Bath", "path": "bath"})
    options = ["Hall", "Bath (/tv-wall/1)", "Bath (/tv-wall/bath)"]
    assert view(home).attributes["options"] == options
    assert view(home).state == "Hall"
    await select(home, options[2])
    assert home.studio.only.source.path == "/tv-wall/bath"
    await change(home, {"title": "Hall"})
    assert view(home).state == "unknown"


async def test_other_dashboard(home: Home, wall: Display) -> None:
    """A display that gets another dashboard has the views of that; of a generated one they are not known."""
    reconfigure(home, wall, dashboard="/generated-wall")
    await settled(home.hass)
    assert view(home).state == "unavailable"
    reconfigure(home, wall, dashboard=SOURCE.path)
    await settled(home.hass)
    assert view(home).state == "First"


async def test_web_page(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """A web page has no views; a display that comes to show a dashboard gets its select then."""
    display = home.add(media_players=[TV], **URL)
    await settled(home.hass)
    assert home.hass.states.get(SELECT) is None
    reconfigure(home, display, dashboard=PATH, website=None)
    await settled(home.hass)
    assert view(home).state == "First"
    await display.async_turn_off()
    await settled(home.hass)
    assert "unique" not in caplog.text
    reconfigure(home, display, **URL)
    await settled(home.hass)
    assert view(home).state == "unavailable"
