"""Dashboards among Home Assistant's media, to be browsed and played on any media player."""

from typing import Final, override

from homeassistant.auth.models import User
from homeassistant.components.http import KEY_HASS_USER
from homeassistant.components.media_player import (
    BrowseError,
    MediaClass,
    MediaType,
    async_process_play_media_url,
)
from homeassistant.components.media_source import (
    BrowseMediaSource,
    MediaSource,
    MediaSourceItem,
    PlayMedia,
    Unresolvable,
    is_media_source_id,
)
from homeassistant.components.websocket_api import current_connection
from homeassistant.core import HomeAssistant
from homeassistant.helpers.http import current_request

from .const import CONTENT_TYPE_HLS, DOMAIN, MASTER_PLAYLIST, MEDIA_PLAYLIST, THUMBNAILS_PATH
from .dashboards import Dashboard, async_dashboards, normalized_path
from .devices import is_cast_device
from .errors import DashboardCastError, DashboardNotFoundError
from .models import Profile, Source
from .registry import Registry, running_registry
from .translation import translated
from .urls import stream_path

# The one type that Home Assistant's frontend takes for HLS.
_FRONTEND_HLS: Final = "application/x-mpegURL"


async def async_get_media_source(hass: HomeAssistant) -> DashboardMediaSource:
    """Return the media source; the name of this function is Home Assistant's."""
    return DashboardMediaSource(hass)


class DashboardMediaSource(MediaSource):
    """All dashboards with their views."""

    name: str = "Dashboard Cast"

    def __init__(self, hass: HomeAssistant) -> None:
        """Offer the dashboards of this Home Assistant."""
        super().__init__(DOMAIN)
        self._hass = hass

    @override
    async def async_browse_media(self, item: MediaSourceItem) -> BrowseMediaSource:
        return await async_browse(self._hass, item.identifier)

    @override
    async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
        """Return what to play.

        A Cast device comes back to our cast platform with the identifier, and gets a cast session. All others
        get the path of a stream that starts now and ends when nobody watches.
        """
        target = item.target_media_player
        try:
            if target and is_cast_device(self._hass, target):
                return PlayMedia(item.media_source_id, CONTENT_TYPE_HLS)
            return await self._async_stream(item)
        except DashboardCastError as error:
            raise translated(error, Unresolvable) from error

    async def _async_stream(self, item: MediaSourceItem) -> PlayMedia:
        source, registry = source_of(item.identifier or ""), running_registry(self._hass)
        if item.target_media_player:
            stream = await registry.async_open(source, Profile())
            return PlayMedia(stream_path(stream.token, MASTER_PLAYLIST), CONTENT_TYPE_HLS)
        # Who asks gets the address, and so has to be somebody who may see what is there.
        name = source.path[1:].partition("/")[0]
        _found(await _async_visible(self._hass, registry), f"/{name}")
        stream = await registry.async_open(source, Profile())
        # The frontend's player fails to find the one variant of a multivariant playlist at a relative URL.
        return PlayMedia(stream_path(stream.token, MEDIA_PLAYLIST), _FRONTEND_HLS)


def identifier_of(hass: HomeAssistant, media_id: str) -> str | None:
    """Return the identifier in a media source's id, None when it is not one of ours."""
    if not is_media_source_id(media_id):
        return None
    item = MediaSourceItem.from_uri(hass, media_id, None)
    return (item.identifier or "") if item.domain == DOMAIN else None


def source_of(identifier: str) -> Source:
    """Return what to draw for an identifier, which is the path of a dashboard's view without a slash before.

    Raises PathInvalidError; whether there is such a dashboard is not looked at.
    """
    return Source(normalized_path(identifier))


async def async_browse(hass: HomeAssistant, identifier: str) -> BrowseMediaSource:
    """Return what an identifier stands for with what is below it, all dashboards for an empty one.

    Raises BrowseError.
    """
    try:
        dashboards = await _async_visible(hass, running_registry(hass))
        if not identifier:
            return _root(hass, dashboards)
        dashboard = _found(dashboards, normalized_path(identifier))
    except DashboardCastError as error:
        raise translated(error, BrowseError) from error
    node = _dashboard(hass, dashboard)
    node.children = [_playable(hass, view.path, view.title) for view in dashboard.views]
    return node


async def _async_visible(hass: HomeAssistant, registry: Registry) -> list[Dashboard]:
    """Return the dashboards that can be drawn, and that who asks may see; raises SignInFailedError."""
    asking = _asking()
    drawing = await registry.async_user()
    return await async_dashboards(hass, drawing, *([asking] if asking else []))


def _asking() -> User | None:
    """Return who asks, None for an automation."""
    if connection := current_connection.get():
        return connection.user
    request = current_request.get()
    return request.get(KEY_HASS_USER) if request else None


def _found(dashboards: list[Dashboard], path: str) -> Dashboard:
    """Return the dashboard with a path; raises DashboardNotFoundError."""
    for dashboard in dashboards:
        if dashboard.path == path:
            return dashboard
    raise DashboardNotFoundError(path=path, known=", ".join(sorted(each.path for each in dashboards)))


def _root(hass: HomeAssistant, dashboards: list[Dashboard]) -> BrowseMediaSource:
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=None,
        media_class=MediaClass.APP,
        media_content_type=MediaType.APPS,
        title=DashboardMediaSource.name,
        can_play=False,
        can_expand=True,
        children=[_dashboard(hass, dashboard) for dashboard in dashboards],
        children_media_class=MediaClass.APP,
    )


def _dashboard(hass: HomeAssistant, dashboard: Dashboard) -> BrowseMediaSource:
    """Return a dashboard, which plays as its first view, and opens when it has more."""
    node = _playable(hass, dashboard.path, dashboard.title)
    node.can_expand = len(dashboard.views) > 1
    node.children_media_class = MediaClass.APP
    return node


def _playable(hass: HomeAssistant, path: str, title: str) -> BrowseMediaSource:
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=path[1:],
        # Of videos the frontend shows a square cut out of the picture.
        media_class=MediaClass.APP,
        media_content_type=CONTENT_TYPE_HLS,
        title=title,
        can_play=True,
        can_expand=False,
        # Signed, for those who fetch pictures without the user's token.
        thumbnail=async_process_play_media_url(hass, THUMBNAILS_PATH + path, allow_relative_url=True),
    )
