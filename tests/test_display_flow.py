"""Tests of setting up displays."""

from dataclasses import replace
import json
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.media_player import MediaPlayerDeviceClass, MediaPlayerState
from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER, SubentryFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.filters import props

from custom_components.dashboard_cast.displays import SUBENTRY_DISPLAY, DisplayConfig
from custom_components.dashboard_cast.models import Overflow, Profile, Source, StreamFormat, Website
from custom_components.dashboard_cast.registry import Registry

from .common import (
    INTEGRATION,
    PATH,
    SECOND_TV,
    SETTLED,
    TV,
    Home,
    MockConfigEntry,
    MockUser,
    Players,
    Studio,
    add_display,
    as_sent,
    get_schema_suggested_value,
    settled,
)

ENOUGH: dict[str, Any] = {"dashboard": PATH, "media_players": [TV]}
PAGE = "https://a.example/"


def entry_of(name: str, value: str) -> dict[str, str]:
    """Return a header, a cookie or an entry of localStorage as a form has it."""
    return {"name": name, "value": value}


@pytest.fixture(autouse=True)
def home(registry: Registry, players: Players) -> None:
    """Have the integration set up, and media players."""


async def _open(hass: HomeAssistant, entry: MockConfigEntry) -> SubentryFlowResult:
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_DISPLAY), context={"source": SOURCE_USER}
    )


async def _reconfigure(hass: HomeAssistant, entry: MockConfigEntry, display: str) -> SubentryFlowResult:
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_DISPLAY),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": display},
    )


async def _answer(
    hass: HomeAssistant, form: SubentryFlowResult, answer: dict[str, Any]
) -> SubentryFlowResult:
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], answer)
    await settled(hass)
    return result


def _suggested(form: SubentryFlowResult) -> dict[str, Any]:
    """Return what a form is filled with, sections too."""
    assert form["data_schema"] is not None
    schema = form["data_schema"].schema
    found = {str(key): get_schema_suggested_value(schema, key) for key in schema if key not in SECTIONS}
    for name in SECTIONS:
        inner = schema[name].schema.schema
        found[name] = {str(key): get_schema_suggested_value(inner, key) for key in inner}
    return found


SECTIONS = ("website", "look", "picture", "rules", "quiet")


def _as_filled(fields: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the frontend sends of a form that nobody has touched: its computeInitialHaFormData."""
    filled: dict[str, Any] = {}
    for field in fields:
        suggested = field.get("description", {}).get("suggested_value")
        if suggested is not None:
            filled[field["name"]] = suggested
        elif "default" in field:
            filled[field["name"]] = field["default"]
        elif field.get("type") == "expandable" and (within := _as_filled(field["schema"])):
            filled[field["name"]] = within
    return filled


def _config(entry: MockConfigEntry, title: str) -> DisplayConfig:
    (found,) = (one for one in entry.subentries.values() if one.title == title)
    return DisplayConfig.of(found.data)


async def test_dashboard_and_tv_are_enough(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """All else has defaults, and the display is called like what it shows."""
    form = await _open(hass, entry)
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "new")
    result = await _answer(hass, form, ENOUGH)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    config = _config(entry, "tv_wall: First")
    assert config.source == Source(path=PATH)
    assert config.profile == Profile()
    assert config.stream_format is None
    assert not config.conditional
    assert (config.priority, config.patience, config.interrupt) == (0, 60.0, False)
    tv = er.async_get(hass).async_get(TV)
    assert tv is not None
    assert config.media_players == (tv.id,)
    assert config.identities == {tv.id: [tv.domain, tv.platform, tv.unique_id]}


async def test_views_are_listed_by_title(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """What there is can be picked: views by their titles, generated dashboards as a whole."""
    form = await _open(hass, entry)
    assert form["data_schema"] is not None
    options = {
        one["value"]: one["label"] for one in form["data_schema"].schema["dashboard"].config["options"]
    }
    assert options["/tv-wall/0"] == "tv_wall: First"
    assert options["/tv-wall/kitchen"] == "tv_wall: Kitchen"
    assert options["/generated-wall"] == "generated_wall"
    assert options["/empty-wall"] == "empty_wall"


async def test_everything(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Every field does what it says."""
    MockUser(name="Anna", id="anna").add_to_hass(hass)
    hass.states.async_set("schedule.day", "off")
    answer = {
        "name": "Kitchen",
        "dashboard": "tv-wall/kitchen/",
        "media_players": [TV, SECOND_TV],
        "look": {
            "theme": "Evening",
            "dark": "auto",
            "zoom": 1.5,
            "font_scale": 2,
            "overflow": "fit",
            "language": "de",
            "kiosk": False,
            "user": "anna",
        },
        "picture": {"size": "1080p", "frame_rate": 20, "format": "mp4"},
        "rules": {
            "condition": "schedule.day",
            "template": "{{ true }}",
            "priority": 3,
            "patience": 10,
            "interrupt": True,
        },
    }
    result = await _answer(hass, await _open(hass, entry), answer)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    config = _config(entry, "Kitchen")
    assert config.source == Source(
        path="/tv-wall/kitchen",
        theme="Evening",
        dark="auto",
        zoom=1.5,
        font_scale=2,
        overflow=Overflow.FIT,
        language="de",
        kiosk=False,
        user="anna",
    )
    assert (config.profile.width, config.profile.frame_rate) == (1920, 20)
    assert config.stream_format is StreamFormat.MP4
    assert len(config.media_players) == 2
    assert (config.condition, config.template) == ("schedule.day", "{{ true }}")
    assert (config.priority, config.patience, config.interrupt) == (3, 10.0, True)


async def test_web_page(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """A web page instead of a dashboard, with what lets us in; its name has no secrets."""
    website = {"url": "https://grafana.example/d/home?key=s3cret", "username": "me", "password": "s3cret"}
    result = await _answer(hass, await _open(hass, entry), {"media_players": [TV], "website": website})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    config = _config(entry, "https://grafana.example")
    assert config.source == Source(website=Website(website["url"], username="me", password="s3cret"))


ACCESS: dict[str, Any] = {
    "url": PAGE,
    "username": "me",
    "password": "s3cret",
    "headers": [entry_of("X-Second", "2"), entry_of("Authorization", "Bearer s3cret")],
    "cookies": [entry_of("session", "old"), entry_of("session", "s3cret")],
    "local_storage": [entry_of("theme", '{"dark": true}')],
    "verify_ssl": False,
}
ADMITTED = Website(
    PAGE,
    username="me",
    password="s3cret",
    headers=(("Authorization", "Bearer s3cret"), ("X-Second", "2")),
    cookies=(("session", "s3cret"),),
    storage=(("theme", '{"dark": true}'),),
    verify=False,
)


async def test_what_lets_us_in(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    players: Players,
    studio: Studio,
    freezer: FrozenDateTimeFactory,
) -> None:
    """All that actions take for a web page reaches what is shown, and is there when it is to be changed."""
    answer = {**ENOUGH, "name": "Wall", "website": ACCESS}
    del answer["dashboard"]
    result = await _answer(hass, await _open(hass, entry), answer)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await Home(hass, entry, players, studio, freezer).wait(SETTLED)
    assert studio.only.source == Source(website=ADMITTED)
    (display,) = entry.subentries
    form = await _reconfigure(hass, entry, display)
    assert _suggested(form)["website"] == ACCESS
    less = {name: value for name, value in ACCESS.items() if name != "headers"}
    await _answer(hass, form, {**answer, "website": less})
    assert _config(entry, "Wall").source.website == replace(ADMITTED, headers=())


@pytest.mark.parametrize(
    ("answer", "field", "error"),
    [
        ({}, "dashboard", "source_missing"),
        ({"dashboard": PATH, "website": {"url": PAGE}}, "dashboard", "source_missing"),
        ({"dashboard": PATH, "media_players": []}, "media_players", "target_missing"),
        ({"dashboard": "/attic/0"}, "dashboard", "dashboard_not_found"),
        ({"dashboard": "/tv-wall/attic"}, "dashboard", "view_not_found"),
        ({"dashboard": "/tv-wall/../config"}, "dashboard", "path_invalid"),
        ({"dashboard": "/admin-wall/0"}, "dashboard", "administrator_needed"),
        ({"dashboard": PATH, "look": {"user": "gone"}}, "look", "sign_in_failed"),
        ({"dashboard": PATH, "rules": {"template": "{{ nonsense"}}, "rules", "template_invalid"),
        ({"website": {"url": "file:///etc/passwd"}}, "website", "url_invalid"),
        ({"website": {"url": "http://127.0.0.1:9222/json"}}, "website", "url_forbidden"),
        ({"website": {"url": PAGE, "headers": [entry_of("Bad name", "x")]}}, "website", "header_invalid"),
        ({"website": {"url": PAGE, "headers": [entry_of("X", "two\nlines")]}}, "website", "header_invalid"),
        ({"website": {"url": PAGE, "cookies": [entry_of("a=b", "c")]}}, "website", "cookie_invalid"),
        ({"website": {"url": PAGE, "cookies": [entry_of("a", "b; c")]}}, "website", "cookie_invalid"),
    ],
)
async def test_what_cannot_be_shown(
    hass: HomeAssistant, entry: MockConfigEntry, answer: dict[str, Any], field: str, error: str
) -> None:
    """A mistake is told where it was made, keeps what was filled in, and can be mended."""
    form = await _open(hass, entry)
    if "user" in answer.get("look", {}):
        assert form["data_schema"] is not None
        # Somebody may be removed while the form is open.
        form["data_schema"].schema["look"].schema.schema["user"].config["options"].append(
            {"value": "gone", "label": "Gone"}
        )
    form = await _answer(hass, form, {"media_players": [TV], "name": "Wall", **answer})
    assert form["type"] is FlowResultType.FORM
    assert form["errors"] == {field: error}
    assert _suggested(form)["name"] == "Wall"
    result = await _answer(hass, form, ENOUGH)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_media_players_without_a_picture(
    hass: HomeAssistant, entry: MockConfigEntry, players: Players
) -> None:
    """Speakers, groups, and what is gone, are refused."""
    form = await _open(hass, entry)
    players.second_tv._attr_device_class = MediaPlayerDeviceClass.SPEAKER
    players.second_tv.show(MediaPlayerState.IDLE)
    form = await _answer(hass, form, {"dashboard": PATH, "media_players": [TV, SECOND_TV]})
    assert form["errors"] == {"media_players": "target_not_screen"}
    assert form["description_placeholders"] == {"entity": SECOND_TV}
    form = await _answer(hass, form, {"dashboard": PATH, "media_players": ["media_player.attic"]})
    assert form["errors"] == {"media_players": "target_not_found"}


async def test_copy(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Another display is a good beginning."""
    display = add_display(hass, entry, look={"zoom": 2.0})
    menu = await _open(hass, entry)
    assert menu["type"] is FlowResultType.MENU
    assert menu["menu_options"] == ["new", "copy"]
    form = await _answer(hass, menu, {"next_step_id": "copy"})
    assert form["step_id"] == "copy"
    form = await _answer(hass, form, {"copied": display})
    assert form["step_id"] == "new"
    suggested = _suggested(form)
    assert (suggested["dashboard"], suggested["media_players"], suggested["name"]) == (PATH, [TV], None)
    assert suggested["look"]["zoom"] == 2.0
    result = await _answer(hass, form, {**ENOUGH, "name": "Copy", "media_players": [SECOND_TV]})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert len(entry.subentries) == 2


async def test_forms(hass: HomeAssistant, entry: MockConfigEntry, snapshot: SnapshotAssertion) -> None:
    """Every step as the frontend gets it, and what comes of it."""
    assert as_sent(await _open(hass, entry)) == snapshot(name="first")
    display = add_display(hass, entry, subentry_id="wall")
    menu = await _open(hass, entry)
    assert as_sent(menu) == snapshot(name="user")
    assert as_sent(await _answer(hass, menu, {"next_step_id": "copy"})) == snapshot(name="copy")
    form = await _answer(hass, await _open(hass, entry), {"next_step_id": "new"})
    result = await _answer(hass, form, {**ENOUGH, "media_players": ["media_player.attic"]})
    assert as_sent(result) == snapshot(name="new-failed")
    result = await _answer(hass, form, {**ENOUGH, "media_players": [SECOND_TV]})
    # Media players go by the ids of their registry entries.
    assert as_sent(result) == snapshot(name="new-done", exclude=props("media_players", "entities"))
    form = await _reconfigure(hass, entry, display)
    assert as_sent(form) == snapshot(name="reconfigure")
    assert as_sent(await _answer(hass, form, ENOUGH)) == snapshot(name="reconfigure-done")


async def test_new_beside_others(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """A new one begins empty."""
    add_display(hass, entry)
    form = await _answer(hass, await _open(hass, entry), {"next_step_id": "new"})
    assert _suggested(form)["dashboard"] is None


async def test_reconfigure(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """The form shows what is set, under the names that entities have by now, and changes it."""
    entities = er.async_get(hass)
    switch = entities.async_get_or_create("switch", "other", "1", suggested_object_id="night")
    hass.states.async_set(switch.entity_id, "off")
    await _answer(
        hass,
        await _open(hass, entry),
        {**ENOUGH, "name": "Wall", "rules": {"condition": switch.entity_id}},
    )
    (display,) = entry.subentries
    entities.async_update_entity(TV, new_entity_id="media_player.big_tv")
    entities.async_update_entity(switch.entity_id, new_entity_id="switch.evening")
    await settled(hass)
    form = await _reconfigure(hass, entry, display)
    suggested = _suggested(form)
    assert suggested["name"] == "Wall"
    assert suggested["media_players"] == ["media_player.big_tv"]
    assert suggested["rules"]["condition"] == "switch.evening"
    result = await _answer(
        hass, form, {"dashboard": "/tv-wall/kitchen", "media_players": [SECOND_TV], "name": "Other"}
    )
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    assert _config(entry, "Other").source.path == "/tv-wall/kitchen"
    assert _config(entry, "Other").condition is None


async def test_own_players_are_not_offered(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """The media players of displays play nothing, and are not to choose from."""
    add_display(hass, entry)
    await settled(hass)
    (display,) = entry.subentries
    form = as_sent(await _reconfigure(hass, entry, display))
    (field,) = [one for one in form["data_schema"] if one["name"] == "media_players"]
    assert field["selector"]["entity"]["exclude_entities"] == ["media_player.wall"]


async def test_reconfigure_nothing(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """The frontend fills the form in with what is set, in its sections too, and sends it back as it was."""
    answer = {
        **ENOUGH,
        "name": "Wall",
        "look": {"zoom": 2.5, "kiosk": False},
        "picture": {"frame_rate": 7},
        "rules": {"template": "{{ false }}", "priority": 5, "patience": 77},
        "quiet": {"volume": 30},
    }
    await _answer(hass, await _open(hass, entry), answer)
    before = _config(entry, "Wall")
    (display,) = entry.subentries
    form = await _reconfigure(hass, entry, display)
    await _answer(hass, form, _as_filled(as_sent(form)["data_schema"]))
    assert _config(entry, "Wall") == before


async def test_reconfigure_after_a_loss(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Entities whose registry entries were lost are known by what they are to their own integration."""
    tv = er.async_get(hass).async_get(TV)
    assert tv is not None
    lost = "0123456789abcdef0123456789abcdef"
    identity = [tv.domain, tv.platform, tv.unique_id]
    display = add_display(hass, entry, media_players=[lost], entities={lost: identity})
    form = await _reconfigure(hass, entry, display)
    assert _suggested(form)["media_players"] == [TV]
    await _answer(hass, form, {**ENOUGH, "name": "Wall"})
    assert _config(entry, "Wall").identities == {tv.id: identity}


async def test_reconfigure_what_is_gone(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Entities and a user that were removed are left out of the form."""
    gone = "0123456789abcdef0123456789abcdef"
    look = {"user": gone, "zoom": 2.0}
    display = add_display(hass, entry, media_players=[gone], rules={"condition": gone}, look=look)
    suggested = _suggested(await _reconfigure(hass, entry, display))
    assert (suggested["look"]["user"], suggested["look"]["zoom"]) == (None, 2.0)
    assert suggested["media_players"] == []
    assert suggested["rules"]["condition"] is None


async def test_not_running(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Without the integration running, what can be shown cannot be checked."""
    await hass.config_entries.async_unload(entry.entry_id)
    result = await _open(hass, entry)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "entry_not_loaded")


async def test_everything_is_described(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Every field and every section of the form has a name and an explanation, and so has every failure."""
    form = await _open(hass, entry)
    assert form["data_schema"] is not None
    schema = form["data_schema"].schema
    texts = json.loads((INTEGRATION / "translations" / "en.json").read_text(encoding="utf-8"))
    display = texts["config_subentries"][SUBENTRY_DISPLAY]
    for step in ("new", "reconfigure"):
        described = display["step"][step]
        assert set(described["data"]) == {str(key) for key in schema if key not in SECTIONS}
        assert set(described["data_description"]) == set(described["data"])
        assert set(described["sections"]) == set(SECTIONS)
        for name, section in described["sections"].items():
            assert section["name"]
            assert section["description"].endswith(".")
            assert set(section["data"]) == {str(key) for key in schema[name].schema.schema}
            assert set(section["data_description"]) == set(section["data"])
    assert set(display["step"]["user"]["menu_options"]) == {"new", "copy"}
    assert set(display["step"]["copy"]["data_description"]) == {"copied"}
    assert set(display["error"]) == {
        "source_missing",
        "dashboard_not_found",
        "view_not_found",
        "path_invalid",
        "administrator_needed",
        "sign_in_failed",
        "target_missing",
        "target_not_found",
        "target_not_screen",
        "url_invalid",
        "url_forbidden",
        "url_not_allowed",
        "template_invalid",
        "header_invalid",
        "cookie_invalid",
    }


def test_readme_tells_of_every_option() -> None:
    """Every field and section of the form is in the README's table, under its own name and in its order."""
    texts = json.loads((INTEGRATION / "translations" / "en.json").read_text(encoding="utf-8"))
    step = texts["config_subentries"][SUBENTRY_DISPLAY]["step"]["new"]
    names = [*step["data"].values()]
    for section in step["sections"].values():
        names += [f"**{section['name']}**", *section["data"].values()]
    readme = (INTEGRATION.parent.parent / "README.md").read_text(encoding="utf-8")
    table = readme.partition("### Options of a display")[2].partition("\n## ")[0]
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| ")]
    assert [name for row in rows[1:] for name in row.split(", ")] == names
