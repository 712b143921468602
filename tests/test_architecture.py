"""Tests of the shape: who may import whom."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
import sys

import pytest

from .common import INTEGRATION

# From the bottom up; a module imports from its own room and from those below.
ROOMS = [
    {"const", "models", "errors"},
    {"engine"},
    {
        "addresses",
        "app",
        "auth",
        "browsers",
        "urls",
        "proof",
        "dashboards",
        "icons",
        "images",
        "reconnection",
        "registry",
        "casting",
        "checkup",
        "devices",
        "issues",
        "live_edge",
        "thumbnails",
        "translation",
        "rules",
        "displays",
        "identities",
        "occasion",
        "offers",
        "screens",
        "selection",
        "sending",
        "keeper",
        "power",
        "sound",
    },
    {
        "views",
        "services",
        "media_source",
        "cast",
        "config_flow",
        "display_flow",
        "diagnostics",
        "entity",
        "meter",
        "repairs",
        "system_health",
        "view_entity",
        "button",
        "camera",
        "condition",
        "event",
        "image",
        "media_player",
        "select",
        "sensor",
        "switch",
        "trigger",
    },
    {"__init__"},
]
MODULES = sorted(INTEGRATION.rglob("*.py"))


def _name(path: Path) -> str:
    """Return a module's name below the integration, such as `engine.page`."""
    return ".".join(path.relative_to(INTEGRATION).with_suffix("").parts)


def _room(name: str) -> int:
    """Return which room a module is in, counted from the bottom."""
    return next(number for number, room in enumerate(ROOMS) if name.partition(".")[0] in room)


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _absolute(tree: ast.AST) -> Iterator[str]:
    """Yield the names of the packages that a module imports from elsewhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def _ours(path: Path) -> set[str]:
    """Return the names of our modules that a module imports."""
    found: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1].relative_to(INTEGRATION).parts
            module = (*base, *(node.module.split(".") if node.module else ()))
            # `from .engine import playlist` names a module in what is imported.
            found.update(_module((*module, alias.name)) or ".".join(module) for alias in node.names)
    return found


def _module(parts: tuple[str, ...]) -> str | None:
    return ".".join(parts) if INTEGRATION.joinpath(*parts).with_suffix(".py").is_file() else None


def test_every_module_has_a_room() -> None:
    """Nobody adds a module without saying where it belongs."""
    assert {_name(path).split(".")[0] for path in MODULES} == set().union(*ROOMS)


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_imports_go_down(path: Path) -> None:
    """A module imports from its own room and from those below."""
    for imported in _ours(path):
        assert _room(imported) <= _room(_name(path)), imported


@pytest.mark.parametrize("path", [path for path in MODULES if path.stem != "__init__"], ids=_name)
def test_no_absolute_imports_of_ours(path: Path) -> None:
    """Our own modules are imported relatively, so that the rules see them."""
    assert not [name for name in _absolute(_tree(path)) if name.split(".")[0] == "custom_components"]


def test_no_circles() -> None:
    """No module needs itself on a way round."""
    graph = {_name(path): _ours(path) for path in MODULES}
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("name", sorted(ROOMS[0]))
def test_words_need_nothing(name: str) -> None:
    """The words are data: they need the standard library only."""
    tree = _tree(INTEGRATION / f"{name}.py")
    assert {package.split(".")[0] for package in _absolute(tree)} <= sys.stdlib_module_names


@pytest.mark.parametrize("path", sorted((INTEGRATION / "engine").glob("*.py")), ids=_name)
def test_engine_is_alone(path: Path) -> None:
    """The engine knows nothing of Home Assistant nor of Cast devices."""
    packages = {package.split(".")[0] for package in _absolute(_tree(path))}
    assert not packages & {"homeassistant", "pychromecast", "probatio"}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_no_playwright(path: Path) -> None:
    """Nothing needs playwright, for there is none on Alpine Linux; what uses it imports it only then."""
    tree = _tree(path)
    at_once = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    lazily = _name(path) == "engine.playwright_server"
    imported = [name for node in (at_once if lazily else [tree]) for name in _absolute(node)]
    assert "playwright" not in {package.split(".")[0] for package in imported}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_no_voluptuous(path: Path) -> None:
    """Schemas are made with the library that Home Assistant uses now."""
    assert "voluptuous" not in {package.split(".")[0] for package in _absolute(_tree(path))}
