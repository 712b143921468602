"""Dashboards and displays among Home Assistant's media, to be browsed and played on any media player."""

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
from homeassistant.helpers.translation import async_get_translations

from .const import CONTENT_TYPE_HLS, DOMAIN, MASTER_PLAYLIST, MEDIA_PLAYLIST, THUMBNAILS_PATH
from .dashboards import Dashboard, normalized_path
from .devices import is_cast_device
from .errors import DashboardCastError
from .offers import (
    DISPLAYS,
    async_check_offered,
    async_offered_dashboards,
    dashboard_at,
    identifier_of_display,
    offer_of,
    sees_display,
)
from .registry import running_registry
from .translation import translated
from .urls import stream_path

# The one type that Home Assistant's frontend takes for HLS.
_FRONTEND_HLS: Final = "application/x-mpegURL"


async def async_get_media_source(hass: HomeAssistant) -> DashboardMediaSource:
    """Return the media source; the name of this function is Home Assistant's."""
    return DashboardMediaSource(hass)


class DashboardMediaSource(MediaSource):
    """All dashboards with their views, and all displays."""

    name: str = "Dashboard Cast"

    def __init__(self, hass: HomeAssistant) -> None:
        """Offer those of this Home Assistant."""
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
        identifier, registry = item.identifier or "", running_registry(self._hass)
        if not item.target_media_player:
            # Who asks gets the address, and so has to be somebody who may see what is there.
            await async_check_offered(self._hass, registry, _asking(), identifier)
        offer = offer_of(self._hass, identifier)
        stream = await registry.async_open(offer.source, offer.profile)
        if item.target_media_player:
            return PlayMedia(stream_path(stream.token, MASTER_PLAYLIST), CONTENT_TYPE_HLS)
        # The frontend's player fails to find the one variant of a multivariant playlist at a relative URL.
        return PlayMedia(stream_path(stream.token, MEDIA_PLAYLIST), _FRONTEND_HLS)


def identifier_of(hass: HomeAssistant, media_id: str) -> str | None:
    """Return the identifier in a media source's id, None when it is not one of ours."""
    if not is_media_source_id(media_id):
        return None
    item = MediaSourceItem.from_uri(hass, media_id, None)
    return (item.identifier or "") if item.domain == DOMAIN else None


async def async_browse(hass: HomeAssistant, identifier: str) -> BrowseMediaSource:
    """Return what an identifier stands for with what is below it, everything for an empty one.

    Raises BrowseError.
    """
    try:
        if identifier == DISPLAYS:
            return await _async_displays(hass)
        dashboards = await async_offered_dashboards(hass, running_registry(hass), _asking())
        if not identifier:
            return await _async_root(hass, dashboards)
        dashboard = dashboard_at(dashboards, normalized_path(identifier))
    except DashboardCastError as error:
        raise translated(error, BrowseError) from error
    node = _dashboard(hass, dashboard)
    node.children = [_playable(hass, view.path[1:], view.title) for view in dashboard.views]
    return node


def _asking() -> User | None:
    """Return who asks, None for an automation."""
    if connection := current_connection.get():
        return connection.user
    request = current_request.get()
    return request.get(KEY_HASS_USER) if request else None


async def _async_root(hass: HomeAssistant, dashboards: list[Dashboard]) -> BrowseMediaSource:
    displays = await _async_displays(hass)
    further = [displays] if displays.children else []
    children = [*further, *(_dashboard(hass, dashboard) for dashboard in dashboards)]
    return _folder(None, DashboardMediaSource.name, children)


async def _async_displays(hass: HomeAssistant) -> BrowseMediaSource:
    """Return the displays that who asks may see; raises NotSetUpError."""
    displays = (
        display for display in running_registry(hass).displays if sees_display(hass, _asking(), display)
    )
    children = [_playable(hass, identifier_of_display(display), display.name) for display in displays]
    titles = await async_get_translations(hass, hass.config.language, "common", [DOMAIN])
    return _folder(DISPLAYS, titles[f"component.{DOMAIN}.common.displays"], children)


def _folder(identifier: str | None, title: str, children: list[BrowseMediaSource]) -> BrowseMediaSource:
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=identifier,
        media_class=MediaClass.APP,
        media_content_type=MediaType.APPS,
        title=title,
        can_play=False,
        can_expand=True,
        children=children,
        children_media_class=MediaClass.APP,
    )


def _dashboard(hass: HomeAssistant, dashboard: Dashboard) -> BrowseMediaSource:
    """Return a dashboard, which plays as its first view, and opens when it has more."""
    node = _playable(hass, dashboard.path[1:], dashboard.title)
    node.can_expand = len(dashboard.views) > 1
    node.children_media_class = MediaClass.APP
    return node


def _playable(hass: HomeAssistant, identifier: str, title: str) -> BrowseMediaSource:
    picture = f"{THUMBNAILS_PATH}/{identifier}"
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=identifier,
        # Of videos the frontend shows a square cut out of the picture.
        media_class=MediaClass.APP,
        media_content_type=CONTENT_TYPE_HLS,
        title=title,
        can_play=True,
        can_expand=False,
        # Signed, for those who fetch pictures without the user's token.
        thumbnail=async_process_play_media_url(hass, picture, allow_relative_url=True),
    )
