"""Which dashboards there are: a path is checked before a browser is troubled with it."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from homeassistant.auth.models import User
from homeassistant.components.frontend import DATA_PANELS, DATA_PANELS_CONFIG, PanelResponse
from homeassistant.components.lovelace.const import (
    DEFAULT_ICON,
    DOMAIN as LOVELACE_DOMAIN,
    LOVELACE_DATA,
    ConfigNotFound,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import async_get_translations

from .const import DOMAIN
from .errors import AdministratorNeededError, DashboardNotFoundError, PathInvalidError, ViewNotFoundError

_MAX_LENGTH: Final = 200
_FORBIDDEN: Final = frozenset("\\?#:@")
# The panel of the dashboard that Home Assistant makes of areas and favourites.
_HOME: Final = "home"


@dataclass(frozen=True, slots=True)
class View:
    """A view of a dashboard, for people to choose from."""

    path: str
    """Normalized, with that of the dashboard."""
    title: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard, for people to choose from."""

    path: str
    """Normalized."""
    title: str
    icon: str
    """Such as `mdi:home`."""
    views: tuple[View, ...] = ()
    """None when only the frontend knows them (generated dashboards)."""


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
    panel = _panels(hass).get(name)
    if panel is None:
        raise DashboardNotFoundError(path=path, known=_listed(dashboard_paths(hass)))
    if panel["require_admin"] and not user.is_admin:
        raise AdministratorNeededError(path=path)
    if panel["component_name"] == LOVELACE_DOMAIN and rest:
        await _async_check_view(hass, name, rest, path)


def dashboard_paths(hass: HomeAssistant) -> list[str]:
    """Return the paths of all dashboards."""
    return [f"/{name}" for name in _dashboard_panels(hass)]


async def async_dashboards(hass: HomeAssistant, *users: User) -> list[Dashboard]:
    """Return the dashboards that all of these users may see, by title.

    The one that Home Assistant keeps for old links has none, and people do not see it anywhere.
    """
    titles = await async_get_translations(hass, hass.config.language, "common", [DOMAIN])
    found = [
        Dashboard(
            path=f"/{name}",
            # What has its own name for a title, the frontend translates.
            title=titles.get(f"component.{DOMAIN}.common.{panel['title']}", panel["title"]),
            icon=panel["icon"] or DEFAULT_ICON,
            views=tuple(_named(name, await _async_views(hass, name) or [])),
        )
        for name, panel in _dashboard_panels(hass).items()
        if panel["title"]
        if not panel["require_admin"] or all(user.is_admin for user in users)
    ]
    return sorted(found, key=lambda dashboard: dashboard.title.casefold())


def _panels(hass: HomeAssistant) -> dict[str, PanelResponse]:
    """Return what there is in the frontend, by path, as people have set it."""
    changed = hass.data.get(DATA_PANELS_CONFIG, {})
    panels = hass.data.get(DATA_PANELS, {})
    return {name: panel.to_response(changed.get(name)) for name, panel in panels.items()}


def _dashboard_panels(hass: HomeAssistant) -> dict[str, PanelResponse]:
    kinds = (LOVELACE_DOMAIN, _HOME)
    return {name: panel for name, panel in _panels(hass).items() if panel["component_name"] in kinds}


def _named(dashboard: str, views: list[dict[str, Any]]) -> Iterator[View]:
    """Yield the views of a dashboard that have a path which we can show."""
    for index, view in enumerate(views):
        path = str(view.get("path") or index)
        with suppress(PathInvalidError):
            yield View(normalized_path(f"/{dashboard}/{path}"), str(view.get("title") or path))


async def async_all_views(hass: HomeAssistant) -> list[View]:
    """Return the views of all dashboards, each with its dashboard's title in front of its own.

    Of a dashboard whose views only the frontend knows, the dashboard.
    """
    found: list[View] = []
    for dashboard in await async_dashboards(hass):
        views = dashboard.views or (View(dashboard.path, ""),)
        found.extend(View(one.path, ": ".join(filter(None, (dashboard.title, one.title)))) for one in views)
    return found


async def async_views_of(hass: HomeAssistant, path: str) -> list[View]:
    """Return the views of the dashboard that a normalized path leads to, under their own titles.

    There are none of a dashboard whose views only the frontend knows.
    """
    name = dashboard_of(path)
    return [*_named(name, await _async_views(hass, name) or [])]


def dashboard_of(path: str) -> str:
    """Return the name of the dashboard that a normalized path leads to."""
    return path[1:].partition("/")[0]


def view_at(views: Sequence[View], path: str) -> View | None:
    """Return the view of a dashboard at a normalized path: that with its name or number, or the first."""
    view = path[1:].partition("/")[2] or "0"
    if found := next((one for one in views if one.path == path), None):
        return found
    return views[int(view)] if view.isdecimal() and int(view) < len(views) else None


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
