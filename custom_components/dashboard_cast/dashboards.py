"""Which dashboards there are: a path is checked before a browser is troubled with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from homeassistant.auth.models import User
from homeassistant.components.frontend import DATA_PANELS, Panel
from homeassistant.components.lovelace.const import DOMAIN as LOVELACE_DOMAIN, LOVELACE_DATA, ConfigNotFound
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from .errors import AdministratorNeededError, DashboardNotFoundError, PathInvalidError, ViewNotFoundError

_MAX_LENGTH: Final = 200
_FORBIDDEN: Final = frozenset("\\?#:@")


def normalized_path(path: str) -> str:
    """Return a dashboard's path with one slash before each part; raises PathInvalidError.

    Schemes, hosts, queries, `..` and what is encoded more than once are no part of such a path.
    """
    decoded = unquote(path)
    parts = decoded.strip("/").split("/")
    if (
        len(decoded) >= _MAX_LENGTH
        or unquote(decoded) != decoded
        or _FORBIDDEN & set(decoded)
        or not decoded.isprintable()
        or any(part in {"", ".", ".."} or part != part.strip() for part in parts)
        or decoded.startswith("//")
    ):
        raise PathInvalidError(path=path)
    return "/" + "/".join(parts)


async def async_check_dashboard(hass: HomeAssistant, path: str, user: User) -> None:
    """Check that a normalized path names a dashboard, and a view of it, that this user may see.

    Raises DashboardNotFoundError, ViewNotFoundError or AdministratorNeededError.
    """
    name, _, rest = path[1:].partition("/")
    panels = hass.data.get(DATA_PANELS, {})
    panel: Panel | None = panels.get(name)
    if panel is None:
        raise DashboardNotFoundError(path=path, known=_listed(dashboard_paths(hass)))
    if panel.require_admin and not user.is_admin:
        raise AdministratorNeededError(path=path)
    if panel.component_name == LOVELACE_DOMAIN and rest:
        await _async_check_view(hass, name, rest, path)


def dashboard_paths(hass: HomeAssistant) -> list[str]:
    """Return the paths of all dashboards."""
    panels: dict[str, Panel] = hass.data.get(DATA_PANELS, {})
    return [f"/{name}" for name, panel in panels.items() if panel.component_name == LOVELACE_DOMAIN]


@dataclass(frozen=True, slots=True)
class View:
    """What of Home Assistant's dashboards can be shown."""

    path: str
    title: str
    """The dashboard's title, and that of the view."""


async def async_all_views(hass: HomeAssistant) -> list[View]:
    """Return the views of all dashboards; of one whose views only the frontend knows, the dashboard."""
    panels: dict[str, Panel] = hass.data.get(DATA_PANELS, {})
    found: list[View] = []
    for name, panel in panels.items():
        if panel.component_name == LOVELACE_DOMAIN:
            title = panel.sidebar_title or name
            views = await _async_views(hass, name)
            found.extend(_listed_view(name, title, *view) for view in enumerate(views or ()))
            if not views:
                found.append(View(f"/{name}", title))
    return found


async def async_views_of(hass: HomeAssistant, path: str) -> list[View]:
    """Return the views of the dashboard that a normalized path leads to, under their own titles.

    There are none of a dashboard whose views only the frontend knows.
    """
    name = dashboard_of(path)
    return [_view(name, *view) for view in enumerate(await _async_views(hass, name) or ())]


def dashboard_of(path: str) -> str:
    """Return the name of the dashboard that a normalized path leads to."""
    return path[1:].partition("/")[0]


def view_at(views: Sequence[View], path: str) -> View | None:
    """Return the view of a dashboard at a normalized path: that with its name or number, or the first."""
    view = path[1:].partition("/")[2] or "0"
    if found := next((one for one in views if one.path == path), None):
        return found
    return views[int(view)] if view.isdecimal() and int(view) < len(views) else None


def _listed_view(name: str, title: str, index: int, view: dict[str, Any]) -> View:
    found = _view(name, index, view)
    return View(found.path, f"{title}: {found.title}")


def _view(name: str, index: int, view: dict[str, Any]) -> View:
    path = str(view.get("path", index))
    return View(f"/{name}/{path}", str(view.get("title", path)))


async def _async_check_view(hass: HomeAssistant, name: str, view: str, path: str) -> None:
    views = await _async_views(hass, name)
    if views is None:
        return
    known = [str(found.get("path", index)) for index, found in enumerate(views)]
    by_number = view.isdecimal() and int(view) < len(views)
    if view not in known and not by_number:
        raise ViewNotFoundError(path=path, known=_listed(f"/{name}/{found}" for found in known))


async def _async_views(hass: HomeAssistant, name: str) -> list[dict[str, Any]] | None:
    """Return a dashboard's views; None when only the frontend knows them (generated dashboards)."""
    dashboards = hass.data[LOVELACE_DATA].dashboards
    config = dashboards.get(name) or dashboards.get(None if name == LOVELACE_DOMAIN else name)
    if config is None:
        return None
    try:
        loaded = await config.async_load(False)  # noqa: FBT003
    except ConfigNotFound, HomeAssistantError:
        return None
    views = loaded.get("views")
    if "strategy" in loaded or not isinstance(views, list):
        return None
    return views


def _listed(paths: Any) -> str:
    return ", ".join(sorted(paths))
