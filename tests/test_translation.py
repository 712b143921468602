"""Tests of what people read: errors, forms, actions and icons against the code they belong to."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
import inspect
import json
from pathlib import Path
import re
from string import Formatter
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util.yaml import load_yaml_dict
import probatio
import pytest

from custom_components.dashboard_cast import errors, services
from custom_components.dashboard_cast.browsers import BrowserKind
from custom_components.dashboard_cast.condition import CONDITIONS
from custom_components.dashboard_cast.config_flow import DashboardCastConfigFlow, DashboardCastOptionsFlow
from custom_components.dashboard_cast.const import AUTOMATIC, DEFAULT_FRAME_RATE, DOMAIN, MAX_FRAME_RATE
from custom_components.dashboard_cast.engine.codecs import CODECS
from custom_components.dashboard_cast.engine.picture import PictureFormat
from custom_components.dashboard_cast.errors import DashboardCastError
from custom_components.dashboard_cast.event import DisplayEvent
from custom_components.dashboard_cast.models import SIZE_AUTO, Corner, SizePreset
from custom_components.dashboard_cast.rules import Reason, Status
from custom_components.dashboard_cast.translation import translated
from custom_components.dashboard_cast.trigger import TRIGGERS

from .common import INTEGRATION

ERRORS: list[type[DashboardCastError]] = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, DashboardCastError) and kind is not DashboardCastError
]
WRONG_INPUT = {
    "administrator_needed",
    "cookie_invalid",
    "dashboard_not_found",
    "destination_missing",
    "file_not_allowed",
    "header_invalid",
    "icon_not_found",
    "image_not_allowed",
    "nothing_shown",
    "path_invalid",
    "source_missing",
    "stream_not_found",
    "target_display",
    "target_missing",
    "target_not_found",
    "target_not_screen",
    "url_forbidden",
    "url_invalid",
    "url_not_allowed",
    "view_not_found",
}
MEDIA_PLAYERS = {"entity": {"domain": "media_player"}}
NAMES = {kind.__name__: kind for kind in ERRORS}
SECTIONS = {
    "start": {"look", "picture", "website"},
    "show": {"look", "website"},
    "snapshot": {"look", "picture", "website"},
}
AUTOMATION = {"triggers": set(TRIGGERS), "conditions": set(CONDITIONS)}
# What takes part in showing a display.
SHOWING = ("auth", "casting", "dashboards", "devices", "keeper", "registry", "screens", "urls")
# What only actions, pictures of messages, set-up and repairs end with.
NO_REASONS = {
    "address_unreachable",
    "certificate_rejected",
    "ffmpeg_outdated",
    "image_unreadable",
    "not_set_up",
    "nothing_shown",
    "path_invalid",
    "show_superseded",
    "stream_not_found",
}
# What takes part in the trial of a flow.
TRIED = ("engine/trial", "browsers")


def _json(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((INTEGRATION / name).read_text(encoding="utf-8"))
    return loaded


ENGLISH = _json("translations/en.json")
SERVICES: dict[str, Any] = load_yaml_dict(str(INTEGRATION / "services.yaml"))
SCHEMAS = {
    "start": services._START_SCHEMA,
    "stop": services._STOP_SCHEMA,
    "show": services._SHOW_SCHEMA,
    "message": services._MESSAGE_SCHEMA,
    "snapshot": services._SNAPSHOT_SCHEMA,
}


def _placeholders(text: str) -> set[str]:
    """Return the names in braces of a message."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def _calls(tree: ast.AST) -> Iterator[tuple[type[DashboardCastError], set[str]]]:
    """Yield the errors that a module makes, with the placeholders it gives them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
            yield NAMES[node.func.id], {keyword.arg or "**" for keyword in node.keywords}
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id in NAMES:
            yield NAMES[node.exc.id], set()


@cache
def _made(path: Path) -> list[tuple[type[DashboardCastError], set[str]]]:
    return list(_calls(ast.parse(path.read_text(encoding="utf-8"))))


def _all_made() -> dict[type[DashboardCastError], list[set[str]]]:
    """Return for each error what placeholders it is raised with, wherever that is."""
    made: dict[type[DashboardCastError], list[set[str]]] = defaultdict(list)
    for path in INTEGRATION.rglob("*.py"):
        for kind, names in _made(path):
            made[kind].append(names)
    return made


def test_keys() -> None:
    """Every error has a key of its own, and every message an error."""
    keys = [kind.key for kind in ERRORS]
    assert len(set(keys)) == len(keys)
    assert set(ENGLISH["exceptions"]) == set(keys)


@pytest.mark.parametrize("kind", ERRORS)
def test_message(kind: type[DashboardCastError]) -> None:
    """An error's message has exactly the placeholders that it is raised with and documented with."""
    raised = _all_made()[kind]
    assert raised, "never raised"
    in_message = _placeholders(ENGLISH["exceptions"][kind.key]["message"])
    assert all(names == in_message for names in raised), (raised, in_message)
    documented = re.search(r"Placeholders?: ([a-z, ]+)\.", kind.__doc__ or "")
    assert (set(documented[1].split(", ")) if documented else set()) == in_message


@pytest.mark.parametrize("kind", ERRORS)
async def test_translated(hass: HomeAssistant, kind: type[DashboardCastError]) -> None:
    """An error becomes Home Assistant's, a validation error where the person can mend it."""
    error = kind(detail="x")
    shown = translated(error)
    assert isinstance(shown, HomeAssistantError)
    assert isinstance(shown, ServiceValidationError) is (kind.key in WRONG_INPUT)
    assert (shown.translation_domain, shown.translation_key) == (DOMAIN, kind.key)
    assert shown.translation_placeholders == {"detail": "x"}
    assert str(error) == f"{kind.key}, detail=x"


def _imported(module: Path) -> set[Path]:
    """Return a module and all of ours that it needs, directly or not."""
    found, left = set(), [module]
    while left:
        path = left.pop()
        if path in found or not path.is_file():
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level and node.module:
                base = path.parents[node.level - 1]
                left.append(base.joinpath(*node.module.split(".")).with_suffix(".py"))
    return found


def _of_trial() -> set[type[DashboardCastError]]:
    """Return the errors that the trial of browsers and programs can end with."""
    modules = {path for name in TRIED for path in _imported(INTEGRATION / f"{name}.py")}
    # Bounds web pages, of which a trial shows none.
    modules.remove(INTEGRATION / "engine/gate.py")
    return {kind for path in modules for kind, _ in _made(path)}


def test_entities() -> None:
    """Every entity has a name and an icon, and every state of its own has both."""
    icons = _json("icons.json")["entity"]
    # The media player is called as its device is.
    assert {
        "media_player": {"player"},
        **{domain: set(texts) for domain, texts in ENGLISH["entity"].items()},
    } == {domain: set(found) for domain, found in icons.items()}
    sensor = ENGLISH["entity"]["sensor"]["status"]
    assert set(sensor["state"]) == set(icons["sensor"]["status"]["state"]) == set(Status)
    event = ENGLISH["entity"]["event"]["activity"]["state_attributes"]
    assert set(event["event_type"]["state"]) == set(DisplayEvent)


def test_reasons() -> None:
    """Whatever keeps a display from being shown has a translation: what the rules say, and failures."""
    failures = {
        kind.key
        for path in (*INTEGRATION.glob("engine/*.py"), *(INTEGRATION / f"{name}.py" for name in SHOWING))
        for kind, _ in _made(path)
    }
    for entity in (ENGLISH["entity"]["sensor"]["status"], ENGLISH["entity"]["event"]["activity"]):
        assert set(entity["state_attributes"]["reason"]["state"]) == {*Reason, *failures} - NO_REASONS


@pytest.mark.parametrize("kind", ["triggers", "conditions"])
def test_automation(kind: str) -> None:
    """What automations can use has a name, an explanation, an icon, and so have its fields."""
    described = load_yaml_dict(str(INTEGRATION / f"{kind}.yaml"))
    texts, icons = ENGLISH[kind], _json("icons.json")[kind]
    names = {name for name in described if not name.startswith(".")}
    assert names == set(texts) == set(icons) == AUTOMATION[kind]
    for name in names:
        assert texts[name]["name"]
        assert texts[name]["description"].endswith(".")
        assert set(texts[name].get("fields", {})) == set(described[name].get("fields", {}))


@pytest.mark.parametrize("flow", ["config", "options"])
def test_flow_errors(flow: str) -> None:
    """A form has a message for all that the trial can end with, and for nothing that it never shows."""
    messages = ENGLISH[flow]["error"]
    tree = ast.parse((INTEGRATION / "config_flow.py").read_text(encoding="utf-8"))
    shown = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    own = {key for key in messages if key not in {kind.key for kind in ERRORS}}
    assert set(messages) - own == {kind.key for kind in _of_trial()}
    assert own <= shown


@pytest.mark.parametrize("flow", ["config", "options"])
def test_flow_error_placeholders(flow: str) -> None:
    """A form's message uses only what the error brings."""
    by_key = {kind.key: _all_made()[kind] for kind in ERRORS}
    for key, message in ENGLISH[flow]["error"].items():
        for names in by_key.get(key, [set()]):
            assert _placeholders(message) <= names


def test_flow_steps() -> None:
    """Every form that is shown has a title and, for each field, a name and an explanation."""
    config, options = ENGLISH["config"], ENGLISH["options"]
    assert set(config["step"]) == {"user", "no_local", "app", "reauth_confirm", *BrowserKind}
    assert set(config["progress"]) == {"check"}
    assert set(options["step"]) == {"init"}
    assert all(hasattr(DashboardCastConfigFlow, f"async_step_{step}") for step in config["step"])
    assert hasattr(DashboardCastOptionsFlow, "async_step_init")
    for step, fields in (
        (config["step"]["local"], {"browser", "ffmpeg"}),
        (config["step"]["remote"], {"endpoints", "browser_url", "ffmpeg"}),
        (config["step"]["playwright"], {"endpoints", "browser_url", "ffmpeg"}),
        (options["step"]["init"], {"user", "base_url", "browser", "browser_url", "ffmpeg", "encoder"}),
    ):
        assert set(step["data"]) == set(step["data_description"]) == fields
    assert all(step["title"] for step in (*config["step"].values(), *options["step"].values()))


def test_flow_menus() -> None:
    """Every kind of browser that can be chosen has a name and a form."""
    config = ENGLISH["config"]["step"]
    assert set(config["user"]["menu_options"]) == set(BrowserKind)
    assert set(config["no_local"]["menu_options"]) == {BrowserKind.REMOTE}
    assert set(BrowserKind) <= set(config)
    assert _placeholders(config["no_local"]["description"]) == {"app_url", "readme_url"}


def _fields(service: str) -> dict[str, dict[str, Any]]:
    """Return the fields of an action, those in sections too."""
    fields: dict[str, dict[str, Any]] = {}
    for name, field in (SERVICES[service].get("fields") or {}).items():
        fields.update(field.get("fields", {name: field}))
    return fields


def _keys(service: str) -> dict[str, Any]:
    """Return the keys of an action's schema, without those of its target."""
    target = {"entity_id", "device_id", "area_id", "floor_id", "label_id"}
    schema: dict[Any, Any] = SCHEMAS[service].schema
    return {str(key): key for key in schema if str(key) not in target}


def test_services() -> None:
    """The actions that are described are those that are registered, each with an icon and a name."""
    assert set(SERVICES) == set(ENGLISH["services"]) == set(_json("icons.json")["services"]) == set(SCHEMAS)
    for name, service in SERVICES.items():
        assert service.get("target") == (None if name == "snapshot" else MEDIA_PLAYERS)


@pytest.mark.parametrize("service", SERVICES)
def test_service_fields(service: str) -> None:
    """An action's fields are those of its schema, each with a name and an explanation."""
    fields, translations = _fields(service), ENGLISH["services"][service]
    assert set(fields) == set(_keys(service)) == set(translations.get("fields", {}))
    for text in (translations, *translations.get("fields", {}).values()):
        assert text["name"]
        assert text["description"].endswith(".")
    for name, field in fields.items():
        assert field.get("required", False) is isinstance(_keys(service)[name], probatio.Required)
        assert len(field["selector"]) == 1


@pytest.mark.parametrize("service", SECTIONS)
def test_service_sections(service: str) -> None:
    """The sections of the form have names and icons."""
    sections = {name for name, field in SERVICES[service]["fields"].items() if "fields" in field}
    icons = _json("icons.json")["services"][service]["sections"]
    assert sections == set(ENGLISH["services"][service]["sections"]) == set(icons) == SECTIONS[service]


def test_service_defaults() -> None:
    """What the form shows as default is what the action takes when nothing is given."""
    taken = SCHEMAS["start"]({"path": "/lovelace"})
    shown = {name: field["default"] for name, field in _fields("start").items() if "default" in field}
    assert shown == {name: taken[name] for name in shown}
    assert set(taken) == {*shown, "path"}
    assert shown["frame_rate"] == DEFAULT_FRAME_RATE


@pytest.mark.parametrize("service", SECTIONS)
def test_service_examples(service: str) -> None:
    """Every example is accepted."""
    examples = {name: field["example"] for name, field in _fields(service).items() if "example" in field}
    assert SCHEMAS[service](examples)["path"] == examples["path"]


def test_show_has_no_defaults() -> None:
    """What is not given stays as it is; a look is chosen from the same as at the start."""
    assert SCHEMAS["show"]({}) == {}
    for name, field in SERVICES["show"]["fields"]["look"]["fields"].items():
        assert field["selector"] == SERVICES["start"]["fields"]["look"]["fields"][name]["selector"]


def test_message_defaults() -> None:
    """A message looks as the form says, also when none of it is given."""
    taken = SCHEMAS["message"]({"message": "x"})
    shown = {name: field["default"] for name, field in _fields("message").items() if "default" in field}
    assert taken == {"message": "x", "title": "", **shown, "duration": timedelta(**shown["duration"])}
    assert SERVICES["message"]["fields"]["position"]["selector"]["select"]["options"] == list(Corner)


def test_snapshot_defaults() -> None:
    """A picture is what the form says, also when none of it is given; only what makes sense can be chosen."""
    taken = SCHEMAS["snapshot"]({"path": "/x"})
    fields = _fields("snapshot")
    shown = {name: field["default"] for name, field in fields.items() if "default" in field}
    assert taken == {"path": "/x", **shown, "rotation": int(shown["rotation"])}
    for name, choices in (
        ("rotation", services.ROTATIONS),
        ("grey_levels", services.GREY_LEVELS),
        ("format", PictureFormat),
    ):
        assert fields[name]["selector"]["select"]["options"] == [str(choice) for choice in choices]
    for name in ("width", "height"):
        assert fields[name]["selector"]["number"]["max"] == services.MAX_SIDE


@pytest.mark.parametrize("name", ["frame_rate", "zoom", "font_scale", "device_scale"])
def test_service_numbers(name: str) -> None:
    """A number's ends in the form are the ends of what is accepted."""
    number = _fields("start")[name]["selector"]["number"]
    for end, beyond in (("min", -0.01), ("max", 0.01)):
        assert SCHEMAS["start"]({"path": "/x", name: number[end]})[name] == number[end]
        step = 1 if name == "frame_rate" else abs(beyond)
        with pytest.raises(probatio.Invalid):
            SCHEMAS["start"]({"path": "/x", name: number[end] + step * (1 if end == "max" else -1)})
    assert _fields("start")["frame_rate"]["selector"]["number"]["max"] == MAX_FRAME_RATE


def test_service_sizes() -> None:
    """The sizes to choose from are those that there are, each with its pixels."""
    select = _fields("start")["size"]["selector"]["select"]
    texts = ENGLISH["selector"][select["translation_key"]]["options"]
    assert set(select["options"]) == set(texts) == {SIZE_AUTO, *SizePreset}
    for size in SizePreset:
        assert texts[size] == " × ".join(str(side) for side in size.pixels)  # noqa: RUF001


def test_encoders() -> None:
    """Every encoder that can be chosen has a name, and nothing else has."""
    names = ENGLISH["selector"]["encoder"]["options"]
    assert set(names) == {AUTOMATIC, *(codec.name for codec in CODECS)}
