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
    Dashboard,
    View,
    async_check_dashboard,
    async_dashboards,
    dashboard_paths,
    normalized_path,
)
from custom_components.dashboard_cast.errors import (
    AdministratorNeededError,
    DashboardNotFoundError,
    PathInvalidError,
    ViewNotFoundError,
)

from .common import MockConfigEntry, MockUser, WebSocketGenerator

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


async def test_listed(hass: HomeAssistant, wall: None, viewer: User, hass_admin_user: MockUser) -> None:
    """All dashboards are listed by title with their views, for those who may see them."""
    seen = await async_dashboards(hass, viewer)
    views = (View("/tv-wall/0", "First"), View("/tv-wall/kitchen", "Kitchen"))
    assert Dashboard("/tv-wall", "tv_wall", "mdi:view-dashboard", views) in seen
    assert Dashboard("/generated-wall", "generated_wall", "mdi:view-dashboard") in seen
    titles = [dashboard.title for dashboard in seen]
    assert titles == [*("Broken", "empty_wall", "generated_wall", "Missing", "Overview", "tv_wall", "Wall")]
    for users in ([hass_admin_user], []):
        listed = await async_dashboards(hass, *users)
        assert {dashboard.path for dashboard in listed} == {
            "/admin-wall",
            *(dashboard.path for dashboard in seen),
        }
    assert await async_dashboards(hass, viewer, hass_admin_user) == seen
    # The frontend shows it to nobody, and calls the one at /home by the same name.
    assert "/lovelace" not in {dashboard.path for dashboard in seen}


async def test_listed_as_changed(
    hass: HomeAssistant, wall: None, viewer: User, hass_ws_client: WebSocketGenerator
) -> None:
    """What administrators have changed in the list of dashboards counts: title, icon, and who may see it."""
    socket = await hass_ws_client()
    changes: dict[str, dict[str, Any]] = {
        "home": {"title": "My home", "icon": "mdi:castle"},
        "tv-wall": {"require_admin": True},
        "admin-wall": {"require_admin": False},
    }
    for path, change in changes.items():
        await socket.send_json_auto_id({"type": "frontend/update_panel", "url_path": path, **change})
        assert (await socket.receive_json())["success"]
    seen = {dashboard.path: dashboard for dashboard in await async_dashboards(hass, viewer)}
    assert seen["/home"] == Dashboard("/home", "My home", "mdi:castle")
    assert "/admin-wall" in seen
    assert "/tv-wall" not in seen
    await async_check_dashboard(hass, "/admin-wall", viewer)
    with pytest.raises(AdministratorNeededError):
        await async_check_dashboard(hass, "/tv-wall", viewer)


async def test_views_as_people_write_them(
    hass: HomeAssistant, hass_storage: dict[str, Any], entry: MockConfigEntry
) -> None:
    """Views without a title go by their path, numbers will do, and what is no path of ours is left out."""
    views = [{"path": "a"}, {"title": 5, "path": 7}, {"path": ""}, {"path": "x?y"}, {"path": "living room"}]
    hass_storage["lovelace"] = {"version": 1, "data": {"config": {"views": views}}}
    assert await hass.config_entries.async_setup(entry.entry_id)
    found = {dashboard.path: dashboard.views for dashboard in await async_dashboards(hass)}["/lovelace"]
    assert [(view.path, view.title) for view in found] == [
        ("/lovelace/a", "a"),
        ("/lovelace/7", "5"),
        ("/lovelace/2", "2"),
        ("/lovelace/living room", "living room"),
    ]
