"""Tests of dashboard paths: what is one, and what Home Assistant has behind it."""

from pathlib import Path
import re
from typing import Any

from homeassistant.auth.models import User
from homeassistant.components.frontend import async_register_built_in_panel
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from hypothesis import example, given, strategies as st
import pytest

from custom_components.dashboard_cast.dashboards import (
    async_check_dashboard,
    dashboard_paths,
    normalized_path,
)
from custom_components.dashboard_cast.errors import (
    AdministratorNeededError,
    DashboardNotFoundError,
    PathInvalidError,
    ViewNotFoundError,
)

from .common import MockConfigEntry, MockUser

VIEWS_YAML = "views:\n  - title: First\n  - title: Second\n    path: second\n"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/lovelace/0", "/lovelace/0"),
        ("lovelace/0", "/lovelace/0"),
        ("/lovelace/", "/lovelace"),
        ("lovelace", "/lovelace"),
        ("/tv-wall/living%20room", "/tv-wall/living room"),
        ("/tv-wall/k%C3%BCche", "/tv-wall/küche"),
        ("/a.b/c..d", "/a.b/c..d"),
    ],
)
def test_normalized(path: str, expected: str) -> None:
    """What people copy from their browser becomes one slash before each part."""
    assert normalized_path(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "   ",
        "//evil.example/0",
        "%2f%2fevil.example/0",
        "/lovelace//0",
        "http://evil.example",
        "https%3a%2f%2fevil.example",
        "javascript:alert(1)",
        "user@evil.example",
        "/../config",
        "/lovelace/..",
        "/lovelace/%2e%2e/config",
        "/lovelace/%252e%252e/config",
        "/./lovelace",
        "/lovelace/0?edit=1",
        "/lovelace/0%3Fedit=1",
        "/lovelace/0#top",
        "\\lovelace\\0",
        "/lovelace/%5c",
        "/lovelace/0\n",
        "/lovelace/%00",
        "/lovelace/%0d%0aX: y",
        "/lovelace/ 0",
        "/lovelace/\u202e0",
        f"/{'a' * 200}",
    ],
)
def test_invalid(path: str) -> None:
    """What leads elsewhere, or only looks like a path, is refused and named as it was given."""
    with pytest.raises(PathInvalidError) as caught:
        normalized_path(path)
    assert caught.value.placeholders == {"path": path}


PIECES = st.sampled_from([*"/.%\\?#:@aé \n\0", "//", "..", "%2e", "%2f", "%25", "%5c"])


@given(st.text(max_size=220) | st.lists(PIECES, max_size=12).map("".join))
@example("a" * 200)
@example("/lovelace/%2525")
def test_whatever_text(path: str) -> None:
    """Whatever the text, the outcome is a refusal or a plain path that is its own normal form."""
    try:
        normal = normalized_path(path)
    except PathInvalidError:
        return
    assert re.fullmatch(r"(/[^/\\?#:@\x00-\x1f\x7f]+)+", normal)
    assert normal.isprintable()
    assert not {".", ".."} & set(normal.split("/"))
    assert normalized_path(normal) == normal


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Have a configuration folder of this test's own, with dashboards in YAML."""
    folder = Path(hass_tmp_config_dir)
    (folder / "wall.yaml").write_text(VIEWS_YAML, encoding="utf-8")
    (folder / "broken.yaml").write_text("views: [", encoding="utf-8")
    return hass_tmp_config_dir


@pytest.fixture
def viewer(hass: HomeAssistant) -> User:
    """Return a user who is no administrator."""
    user: User = MockUser(name="Viewer").add_to_hass(hass)
    user.groups = []
    return user


@pytest.fixture
async def wall(hass: HomeAssistant, dashboards: None, entry: MockConfigEntry) -> None:
    """Set up dashboards in storage and in YAML."""
    yaml = {
        "yaml-wall": {"mode": "yaml", "title": "Wall", "filename": "wall.yaml"},
        "missing-wall": {"mode": "yaml", "title": "Missing", "filename": "missing.yaml"},
        "broken-wall": {"mode": "yaml", "title": "Broken", "filename": "broken.yaml"},
    }
    assert await async_setup_component(hass, "lovelace", {"lovelace": {"dashboards": yaml}})
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()


@pytest.mark.parametrize(
    "path",
    [
        "/tv-wall",
        "/tv-wall/0",
        "/tv-wall/1",
        "/tv-wall/kitchen",
        "/yaml-wall",
        "/yaml-wall/0",
        "/yaml-wall/second",
        "/generated-wall/whatever",
        "/empty-wall/whatever",
        "/missing-wall/whatever",
        "/broken-wall/whatever",
        "/lovelace",
        "/lovelace/whatever",
        "/home/overview",
    ],
)
async def test_found(hass: HomeAssistant, wall: None, viewer: User, path: str) -> None:
    """Views by path and by number are found; what only the frontend or nobody can tell is let through."""
    await async_check_dashboard(hass, path, viewer)


@pytest.mark.parametrize("path", ["/no-such", "/no-such/0", "/TV-wall/0", "/None/0"])
async def test_no_dashboard(hass: HomeAssistant, wall: None, viewer: User, path: str) -> None:
    """Who names a dashboard that is not there is told which are."""
    with pytest.raises(DashboardNotFoundError) as caught:
        await async_check_dashboard(hass, path, viewer)
    known = caught.value.placeholders["known"].split(", ")
    assert caught.value.placeholders["path"] == path
    assert known == sorted(dashboard_paths(hass))
    assert {"/tv-wall", "/yaml-wall", "/lovelace"} <= set(known)
    assert "/config" not in known


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/tv-wall/2", "/tv-wall/0, /tv-wall/kitchen"),
        ("/tv-wall/first", "/tv-wall/0, /tv-wall/kitchen"),
        ("/tv-wall/kitchen/more", "/tv-wall/0, /tv-wall/kitchen"),
        ("/tv-wall/-1", "/tv-wall/0, /tv-wall/kitchen"),
        ("/yaml-wall/third", "/yaml-wall/0, /yaml-wall/second"),
    ],
)
async def test_no_view(hass: HomeAssistant, wall: None, viewer: User, path: str, known: str) -> None:
    """Who names a view that is not there is told which are."""
    with pytest.raises(ViewNotFoundError) as caught:
        await async_check_dashboard(hass, path, viewer)
    assert caught.value.placeholders == {"path": path, "known": known}


async def test_default_dashboard(
    hass: HomeAssistant, hass_storage: dict[str, Any], entry: MockConfigEntry, viewer: User
) -> None:
    """The views of the dashboard that was always there are known too."""
    config = {"views": [{"title": "Only", "path": "only"}]}
    hass_storage["lovelace"] = {"version": 1, "data": {"config": config}}
    assert await hass.config_entries.async_setup(entry.entry_id)
    await async_check_dashboard(hass, "/lovelace/only", viewer)
    with pytest.raises(ViewNotFoundError):
        await async_check_dashboard(hass, "/lovelace/other", viewer)


@pytest.mark.parametrize("path", ["/admin-wall", "/admin-wall/0", "/config"])
async def test_for_administrators(
    hass: HomeAssistant, wall: None, viewer: User, hass_admin_user: MockUser, path: str
) -> None:
    """What is for administrators only is checked before the browser would show a refusal."""
    await async_check_dashboard(hass, path, hass_admin_user)
    with pytest.raises(AdministratorNeededError) as caught:
        await async_check_dashboard(hass, path, viewer)
    assert caught.value.placeholders == {"path": path}


async def test_dashboard_of_another(hass: HomeAssistant, wall: None, viewer: User) -> None:
    """The views of a dashboard that another integration registers are its own affair."""
    async_register_built_in_panel(hass, "lovelace", frontend_url_path="other-wall")
    await async_check_dashboard(hass, "/other-wall/whatever", viewer)


async def test_without_frontend(hass: HomeAssistant, viewer: User) -> None:
    """Before the frontend is set up there are no dashboards."""
    assert not dashboard_paths(hass)
    with pytest.raises(DashboardNotFoundError):
        await async_check_dashboard(hass, "/lovelace", viewer)
