"""Tests of what Home Assistant's hassfest and HACS ask of files: manifest, icons, pictures, workflows."""

import json
from pathlib import Path
import re
from typing import Any

from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.loader import async_get_integration
from homeassistant.util.yaml import load_yaml_dict
from packaging.requirements import Requirement
from PIL import Image
import probatio
import pytest

from custom_components.dashboard_cast.const import DOMAIN

from .common import INTEGRATION

ROOT = INTEGRATION.parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def _json(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


MANIFEST = _json(INTEGRATION / "manifest.json")


# ALLOWED_USED_COMPONENTS of script/hassfest/dependencies.py, as far as it matters here.
ALWAYS_THERE = {
    *("automation", "device_automation", "frontend", "group", "homeassistant", "input_boolean"),
    *("media_source", "person", "script", "stream", "sun", "system_health", "timer", "websocket_api", "zone"),
}


def _url(value: str) -> str:
    """Accept an address that everybody can open."""
    if not re.fullmatch(r"https://github\.com/[\w-]+/[\w-]+(/issues)?", value):
        raise probatio.Invalid("no address of a repository")
    return value


# script/hassfest/manifest.py: what a custom integration has to have, of what it may.
SCHEMA = probatio.Schema(
    {
        probatio.Required("domain"): cv.slug,
        probatio.Required("name"): str,
        probatio.Optional("after_dependencies"): [cv.slug],
        probatio.Required("codeowners"): probatio.All([probatio.Match(r"^@[\w-]+$")], probatio.Length(min=1)),
        probatio.Required("config_flow"): True,
        probatio.Required("dependencies"): [cv.slug],
        probatio.Required("documentation"): _url,
        probatio.Required("integration_type"): probatio.In(["device", "hub", "service"]),
        probatio.Required("iot_class"): probatio.In(["calculated", "local_polling", "local_push"]),
        probatio.Required("issue_tracker"): _url,
        probatio.Optional("loggers"): [str],
        probatio.Required("requirements"): [str],
        probatio.Required("version"): str,
    }
)


def test_manifest() -> None:
    """The manifest has what is asked for, nothing else, and in the order that is."""
    SCHEMA(MANIFEST)
    keys = list(MANIFEST)
    assert keys[:2] == ["domain", "name"]
    assert keys[2:] == sorted(keys[2:])
    assert MANIFEST["domain"] == DOMAIN == INTEGRATION.name
    assert AwesomeVersion(MANIFEST["version"]).strategy is AwesomeVersionStrategy.SEMVER
    # The Supervisor may find the app again, with another token, while there is an entry.
    assert not MANIFEST.get("single_config_entry")


def test_requirements() -> None:
    """What is needed is on PyPI, each with the version that it begins with; Playwright is not among it."""
    found = {Requirement(text).name: Requirement(text) for text in MANIFEST["requirements"]}
    assert not any(requirement.url or not requirement.specifier for requirement in found.values())
    assert len(found) == len(MANIFEST["requirements"])
    assert "playwright" not in {name.lower() for name in found}


def _used() -> set[str]:
    """Return the integrations of Home Assistant's that ours imports from."""
    pattern = re.compile(r"^\s*(?:from|import) homeassistant\.components\.(\w+)", re.MULTILINE)
    return {name for path in INTEGRATION.rglob("*.py") for name in pattern.findall(path.read_text())}


async def test_dependencies(hass: HomeAssistant) -> None:
    """What is depended upon is there, and so is all that is imported of Home Assistant's integrations."""
    named = [*MANIFEST["dependencies"], *MANIFEST.get("after_dependencies", ())]
    assert len(set(named)) == len(named)
    for domain in named:
        assert (await async_get_integration(hass, domain)).is_built_in
    # What asks for our module of its name may be imported from there.
    asking = {path.stem for path in INTEGRATION.glob("*.py")}
    assert _used() <= {*named, *asking, *Platform, *ALWAYS_THERE}


def test_platforms_of_others() -> None:
    """A module that Home Assistant looks for by name has what it looks for in it."""
    for name, function in (
        ("diagnostics", "async_get_config_entry_diagnostics"),
        ("repairs", "async_create_fix_flow"),
        ("system_health", "async_register"),
        ("cast", "async_play_media"),
    ):
        assert f"def {function}(" in (INTEGRATION / f"{name}.py").read_text(encoding="utf-8")


def test_no_files_of_core() -> None:
    """What belongs into Home Assistant's own repository only is not there."""
    assert not (INTEGRATION / "strings.json").exists()
    assert not (INTEGRATION / ".translations").exists()


def test_hacs() -> None:
    """HACS is told the name and the oldest Home Assistant, finds one integration, and a licence."""
    hacs = _json(ROOT / "hacs.json")
    assert set(hacs) == {"name", "homeassistant", "hacs"}
    assert hacs["name"] == MANIFEST["name"]
    needed = re.search(r"\*\*Home Assistant (\d{4}\.\d+)\*\*", (ROOT / "README.md").read_text())
    assert needed
    assert hacs["homeassistant"] == f"{needed[1]}.0"
    assert [path.parent for path in ROOT.glob("custom_components/*/manifest.json")] == [INTEGRATION]
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert MANIFEST["documentation"] in (ROOT / "repository.yaml").read_text()


@pytest.mark.parametrize(("name", "size"), [("icon.png", 256), ("icon@2x.png", 512)])
def test_brand(name: str, size: int) -> None:
    """The integration's pictures have the sizes that Home Assistant's brands have, and are transparent."""
    with Image.open(INTEGRATION / "brand" / name) as picture:
        assert (picture.format, picture.size, picture.mode) == ("PNG", (size, size), "RGBA")
        assert picture.getchannel("A").getextrema()[0] == 0


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows(path: Path) -> None:
    """A workflow may read only, and whose actions it runs is pinned to a commit."""
    workflow = load_yaml_dict(str(path))
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        assert job["timeout-minutes"] <= 45
        for action in [step["uses"] for step in job["steps"] if "uses" in step]:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)
            assert f"{action} # " in path.read_text()


def test_what_workflows_do() -> None:
    """Tests, hassfest and HACS's action are run."""
    text = "".join(path.read_text() for path in WORKFLOWS)
    for what in ("run: scripts/test\n", "home-assistant/actions/hassfest@", "hacs/action@"):
        assert what in text
