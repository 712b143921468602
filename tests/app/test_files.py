"""The files that Home Assistant and Docker read, against the rules of both.

Rules of config.yaml: https://developers.home-assistant.io/docs/apps/configuration.
Rules of the Dockerfile, with their numbers: https://github.com/hadolint/hadolint.
"""

import json
import re
from typing import Any

from homeassistant.util.yaml import load_yaml_dict
import pytest

from custom_components.dashboard_cast.const import DOMAIN

from ..common import INTEGRATION
from .container import APP

TOP = APP.parent
REQUIRED = {"name", "version", "slug", "description", "arch"}
# The optional keys of which we make use, and what they may be.
OPTIONAL: dict[str, str] = {
    "url": r"https://\S+",
    "homeassistant": r"\d+\.\d+\.\d+",
    "stage": r"stable|experimental|deprecated",
    "startup": r"initialize|system|services|application|once",
    "boot": r"auto|manual|manual_only",
    "init": r"True|False",
    "host_network": r"False",
    "apparmor": r"True",
    "tmpfs": r"True|False",
    "discovery": r".*",
    "ports": r".*",
    "watchdog": r"(https?|tcp)://\[HOST\]:\[PORT:\d+\]\S*",
    "options": r".*",
    "schema": r".*",
}
SCHEMA_ELEMENT = r"(str|bool|password|int\(\d*,\d*\)|float\(\d*,\d*\)|list\(\w+(\|\w+)*\))\??"
PORT = "9222"


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """Return the app's configuration."""
    return load_yaml_dict(str(APP / "config.yaml"))


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile, each with its arguments on one line."""
    text = (APP / "Dockerfile").read_text()
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def test_repository() -> None:
    """Home Assistant takes the repository for one of apps."""
    repository = load_yaml_dict(str(TOP / "repository.yaml"))
    assert set(repository) == {"name", "url", "maintainer"}


def test_config_keys(config: dict[str, Any]) -> None:
    """All that is needed is there, and the rest is known and of its kind."""
    assert set(config) >= REQUIRED
    optional = {key: str(value) for key, value in config.items() if key not in REQUIRED}
    assert set(optional) <= set(OPTIONAL)
    assert [key for key, value in optional.items() if not re.fullmatch(OPTIONAL[key], value)] == []


def test_config_is_of_this_project(config: dict[str, Any]) -> None:
    """Versions and names are the same everywhere."""
    manifest = json.loads((INTEGRATION / "manifest.json").read_text())
    assert config["version"] == manifest["version"]
    assert config["homeassistant"] == json.loads((TOP / "hacs.json").read_text())["homeassistant"]
    assert config["discovery"] == [DOMAIN]
    assert re.fullmatch(r"[a-z0-9_]+", config["slug"])
    assert set(config["arch"]) == {"aarch64", "amd64"}
    assert f"## {config['version']}\n" in (APP / "CHANGELOG.md").read_text()


def test_options_fit_their_schema(config: dict[str, Any]) -> None:
    """Each option has a type that is known, and a default value where it has to be given."""
    schema = config["schema"]
    assert [kind for kind in schema.values() if not re.fullmatch(SCHEMA_ELEMENT, kind)] == []
    # An option with a default is no longer optional.
    assert set(config["options"]) == {name for name, kind in schema.items() if not kind.endswith("?")}
    assert config["options"]["log_level"] in re.findall(r"\w+", schema["log_level"])
    low, high = (int(bound) for bound in re.findall(r"\d+", schema["memory"]))
    assert low <= config["options"]["memory"] <= high


def test_options_and_ports_are_explained(config: dict[str, Any]) -> None:
    """People read what each option and port is, in the form and in the documentation."""
    translations = load_yaml_dict(str(APP / "translations" / "en.yaml"))
    assert set(translations["configuration"]) == set(config["schema"])
    assert set(translations["network"]) == set(config["ports"])
    documentation = (APP / "DOCS.md").read_text()
    assert all(f"| {text['name']} |" in documentation for text in translations["configuration"].values())


def test_one_port_that_is_not_published(config: dict[str, Any]) -> None:
    """Gateway, watchdog and health check mean the same port, which the network outside does not see."""
    assert config["ports"] == {f"{PORT}/tcp": None}
    assert config["watchdog"] == f"http://[HOST]:[PORT:{PORT}]/health"
    for module in ("__main__", "health"):
        assert PORT in (APP / "dashboard_cast_browser" / f"{module}.py").read_text()


def test_no_build_file() -> None:
    """The Supervisor warns of build.yaml, whose place is in the Dockerfile now."""
    assert not list(APP.glob("build.*"))


def test_icon() -> None:
    """The icon is a square PNG."""
    data = (APP / "icon.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert data[16:20] == data[20:24]


def test_base_image_is_pinned(instructions: list[tuple[str, str]]) -> None:
    """DL3006, DL3007: the base has a tag, and not the latest; DL3029: no platform."""
    (base,) = (rest for name, rest in instructions if name == "FROM")
    assert re.fullmatch(r"debian:\d[\w.-]*-slim", base)


def test_packages(instructions: list[tuple[str, str]]) -> None:
    """DL3009, DL3014, DL3015, DL3027, DL3059, DL4006: one clean step, without a pipe that may fail."""
    (run,) = (rest for name, rest in instructions if name == "RUN")
    assert "apt-get install --yes --no-install-recommends" in run
    assert "rm -rf /var/lib/apt/lists/*" in run
    assert not re.search(r"\bapt \b|\bsudo\b|\||;", run)
    packages = run.partition("recommends")[2].partition("&&")[0].split()
    assert packages == sorted(packages)


def test_one_command(instructions: list[tuple[str, str]]) -> None:
    """DL3012, DL3025, DL4003: one health check and one command, both without a shell."""
    names = [name for name, _ in instructions]
    assert names.count("CMD") == names.count("HEALTHCHECK") == 1
    assert "ENTRYPOINT" not in names
    commands = dict(instructions)
    assert json.loads(commands["CMD"]) == ["python3", "-m", "dashboard_cast_browser"]
    health = json.loads(commands["HEALTHCHECK"].partition("CMD ")[2])
    assert health == ["python3", "-m", "dashboard_cast_browser.health"]


def test_files(instructions: list[tuple[str, str]]) -> None:
    """DL3000, DL3020, DL3045: copied into an absolute folder, and only the program."""
    assert ("WORKDIR", "/app") in instructions
    copied = [rest for name, rest in instructions if name in {"COPY", "ADD"}]
    assert copied == ["dashboard_cast_browser dashboard_cast_browser"]
    assert all(path.parent.name == "dashboard_cast_browser" for path in APP.rglob("*.py"))


def test_user(instructions: list[tuple[str, str]]) -> None:
    """DL3002: no instruction makes root the user, and the browser's is made, without a login."""
    assert "USER" not in dict(instructions)
    assert re.search(r"useradd --system .*--shell /usr/sbin/nologin browser", dict(instructions)["RUN"])
    assert '"--user", default="browser"' in (APP / "dashboard_cast_browser" / "__main__.py").read_text()


def test_labels(instructions: list[tuple[str, str]], config: dict[str, Any]) -> None:
    """The Supervisor knows the image for an app of this name and version."""
    labels = dict(re.findall(r'([\w.]+)="([^"]*)"', dict(instructions)["LABEL"]))
    assert labels["io.hass.type"] == "app"
    assert labels["io.hass.name"] == config["name"]
    assert labels["io.hass.description"] == config["description"]
    assert labels["io.hass.version"] == "${BUILD_VERSION}"
    assert labels["io.hass.arch"] == "${BUILD_ARCH}"
