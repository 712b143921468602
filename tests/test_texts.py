"""Tests of all texts against Home Assistant's rules, against each other and against the code.

They know no text by name, so that steps, entities and languages that are added are looked at as well.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
import json
from pathlib import Path
import re
from string import Formatter
from typing import Any

from homeassistant.const import Platform
from homeassistant.helpers.selector import validate_selector
from homeassistant.util.yaml import load_yaml_dict
import pytest

from custom_components.dashboard_cast.config_flow import DashboardCastConfigFlow, DashboardCastOptionsFlow
from custom_components.dashboard_cast.issues import Issue
from custom_components.dashboard_cast.repairs import _FLOWS

from .common import INTEGRATION, MockConfigEntry

type Tree = dict[str, Any]


def _json(path: Path) -> Tree:
    loaded: Tree = json.loads(path.read_text(encoding="utf-8"))
    return loaded


LANGUAGES = {path.stem: _json(path) for path in sorted((INTEGRATION / "translations").glob("*.json"))}
ENGLISH = LANGUAGES["en"]
SERVICES_TEXT = (INTEGRATION / "services.yaml").read_text(encoding="utf-8")
SERVICES = load_yaml_dict(str(INTEGRATION / "services.yaml"))
ICONS = _json(INTEGRATION / "icons.json")
SUBENTRIES = DashboardCastConfigFlow.async_get_supported_subentry_types(MockConfigEntry())
# What HTML, an address or a placeholder in quotes looks like (script/hassfest/translations.py).
_HTML = re.compile(r"<[a-zA-Z/][^>]*>")
_ADDRESS = re.compile(
    r"((ftps?|scp|https?|mqtts?|socket|socks5)://|www\.)[a-z0-9]+([-.][a-z0-9]+)*\.[a-z]{2}", re.IGNORECASE
)
_QUOTED = re.compile(r"'{\w+}'")
_KEY = re.compile(r"(?!.+[_-]{2})(?![_-])[a-z0-9-_]+(?<![_-])")


def _leaves(tree: Tree, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield all texts with the keys that lead to them."""
    for key, branch in tree.items():
        if isinstance(branch, dict):
            yield from _leaves(branch, (*path, key))
        else:
            yield (*path, key), branch


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@cache
def _constants(path: Path) -> set[str]:
    """Return all texts in a module, those that it has from our constants too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    values = ast.parse((INTEGRATION / "const.py").read_text(encoding="utf-8"))
    for node in ast.walk(values):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in names:
            found |= {str(one.value) for one in ast.walk(node) if isinstance(one, ast.Constant)}
    return found


def _all_constants() -> set[str]:
    return set().union(*(_constants(path) for path in INTEGRATION.glob("*.py")))


def _flows() -> Iterator[tuple[str, Tree, type]]:
    """Yield the flows with their texts and what runs them."""
    yield "config", ENGLISH["config"], DashboardCastConfigFlow
    yield "options", ENGLISH["options"], DashboardCastOptionsFlow
    for name, texts in ENGLISH.get("config_subentries", {}).items():
        yield f"config_subentries.{name}", texts, SUBENTRIES[name]
    for issue, (flow, _) in _FLOWS.items():
        yield f"issues.{issue}", ENGLISH["issues"][issue]["fix_flow"], flow


FLOWS = {name: (texts, runs) for name, texts, runs in _flows()}


def test_everything_has_its_place() -> None:
    """There is nothing but what Home Assistant looks for, with proper keys."""
    known = {
        "config",
        "config_subentries",
        "options",
        "services",
        "selector",
        "exceptions",
        "issues",
        "entity",
    }
    known |= {"device", "device_automation", "system_health", "conditions", "triggers", "common"}
    assert set(ENGLISH) <= known
    for path, _ in _leaves(ENGLISH):
        assert all(_KEY.fullmatch(key) for key in path), path


@pytest.mark.parametrize("language", LANGUAGES)
def test_language(language: str) -> None:
    """Every language says all that English says, nothing else, with the same placeholders."""
    said, english = dict(_leaves(LANGUAGES[language])), dict(_leaves(ENGLISH))
    assert said.keys() == english.keys()
    assert {path: _placeholders(text) for path, text in said.items()} == {
        path: _placeholders(text) for path, text in english.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_text(language: str) -> None:
    """A text is plain: no HTML, address, quoted placeholder, reference of core's, or space around it."""
    for path, text in _leaves(LANGUAGES[language]):
        assert text == text.strip() != "", path
        for wrong in (_HTML, _ADDRESS, _QUOTED, re.compile(r"\[%|%\]")):
            assert not wrong.search(text), path
        assert all(name.isidentifier() for name in _placeholders(text)), path
    for path, text in _leaves(LANGUAGES[language]):
        if "state" in path or path[-1] == "unit_of_measurement":
            assert not _placeholders(text), path


@pytest.mark.parametrize("language", LANGUAGES)
def test_plain(language: str) -> None:
    """What the frontend shows as it is has no Markdown: failures, and fields within a list."""
    for path, text in _leaves(LANGUAGES[language]):
        if {"error", "exceptions", "selector"} & set(path):
            assert "`" not in text, path


@pytest.mark.parametrize("flow", FLOWS)
def test_steps(flow: str) -> None:
    """Every step that has texts is there, and so is every step that its menu leads to."""
    texts, runs = FLOWS[flow]
    for step, shown in texts["step"].items():
        for name in (step, *shown.get("menu_options", ())):
            assert hasattr(runs, f"async_step_{name}"), name
        described = shown.get("menu_option_descriptions", {})
        assert described.keys() <= shown.get("menu_options", {}).keys()
        assert shown["title"]


@pytest.mark.parametrize("flow", FLOWS)
def test_fields(flow: str) -> None:
    """Every field has a name and an explanation, and is one of the code's."""
    texts, _ = FLOWS[flow]
    for step, shown in texts["step"].items():
        for fields in (shown, *shown.get("sections", {}).values()):
            names = fields.get("data", {})
            assert names.keys() == fields.get("data_description", {}).keys(), step
            assert names.keys() <= _all_constants(), step


@pytest.mark.parametrize("flow", FLOWS)
def test_outcomes(flow: str) -> None:
    """No text is left over of an error, an end or a progress that the code does not know."""
    texts, _ = FLOWS[flow]
    known = _all_constants() | set(ENGLISH["exceptions"]) | {"already_configured", "reconfigure_successful"}
    for kind in ("error", "abort", "progress", "create_entry"):
        assert texts.get(kind, {}).keys() <= known, kind


def test_subentries() -> None:
    """Every kind of subentry has texts, with a name and what adding one is called."""
    texts = ENGLISH.get("config_subentries", {})
    assert texts.keys() == SUBENTRIES.keys()
    for shown in texts.values():
        assert shown["entry_type"]
        assert shown["initiate_flow"]["user"]


def test_issues() -> None:
    """Every issue has a title and a form with its fields, and no text is left over."""
    assert set(ENGLISH["issues"]) == set(Issue) == set(_FLOWS)
    for issue, (_, fields) in _FLOWS.items():
        texts = ENGLISH["issues"][issue]
        assert texts["title"]
        (form,) = texts["fix_flow"]["step"].values()
        assert set(form.get("data", {})) == {str(field) for field in fields}
        assert "{reason}" in form["description"]


def test_selectors() -> None:
    """Every choice that has texts is offered somewhere."""
    offered = _all_constants() | set(re.findall(r"translation_key: (\w+)", SERVICES_TEXT))
    assert ENGLISH["selector"].keys() <= offered


def test_services() -> None:
    """Every field of an action has a selector that Home Assistant takes, and its name only once."""
    for name, service in SERVICES.items():
        fields: list[tuple[str, Mapping[str, Any]]] = []
        for key, field in ((service or {}).get("fields") or {}).items():
            fields.extend(field["fields"].items() if "fields" in field else [(key, field)])
        assert len(dict(fields)) == len(fields), name
        for key, field in fields:
            validate_selector(field["selector"])
            assert field.keys() <= {"default", "example", "filter", "required", "selector"}, key


def _entities(tree: Tree) -> Iterator[tuple[str, str, Tree]]:
    """Yield platform, key and what is said of an entity."""
    for platform, entities in tree.get("entity", {}).items():
        for key, said in entities.items():
            yield platform, key, said


def test_entities() -> None:
    """Every entity that has a name is one of the code's, on a platform that there is."""
    for platform, key, said in _entities(ENGLISH):
        assert platform in set(Platform)
        assert key in _constants(INTEGRATION / f"{platform}.py")
        assert said.keys() <= {"name", "state", "state_attributes", "unit_of_measurement"}


def test_entity_icons() -> None:
    """Icons are for entities that there are, and of Material Design Icons."""
    for platform, key, _ in _entities(ICONS):
        assert key in _constants(INTEGRATION / f"{platform}.py")
    assert ICONS.keys() <= {"services", "entity", "conditions", "triggers"}
    for path, icon in _leaves(ICONS):
        assert re.fullmatch(r"mdi:[a-z0-9]+(-[a-z0-9]+)*", icon), path
