"""What Home Assistant lists under Repairs: raised once while something is wrong, deleted when it is right."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from homeassistant.auth import EVENT_USER_REMOVED, EVENT_USER_UPDATED
from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import async_call_later
from homeassistant.util.hass_dict import HassKey
from yarl import URL

from .app import async_check_app
from .auth import async_is_active
from .const import CAST_INTEGRATION, CONF_BASE_URL, DOMAIN
from .displays import SUBENTRY_DISPLAY, DisplayConfig
from .errors import (
    AddressNotFoundError,
    AddressUnreachableError,
    AppOutdatedError,
    BrowserMissingError,
    CastMissingError,
    CertificateRejectedError,
    DashboardCastError,
    EndpointInvalidError,
    EndpointNotBrowserError,
    EndpointRefusedError,
    EndpointUnreachableError,
    FFmpegMissingError,
    FFmpegOutdatedError,
    PlaywrightMissingError,
    StreamUnfetchedError,
    UserMissingError,
)
from .translation import message
from .urls import async_reach, device_url

# A browser elsewhere restarts, is updated, or starts later than Home Assistant: that is nobody's business.
PATIENCE: Final = timedelta(minutes=5)


class Issue(StrEnum):
    """What can be wrong; also the key of its texts."""

    BROWSER = "browser"
    ENDPOINT = "endpoint"
    FFMPEG = "ffmpeg"
    ADDRESS = "address"
    CERTIFICATE = "certificate"
    CAST = "cast"
    APP = "app"
    USER = "user"


_ENGINE: Final[dict[type[DashboardCastError], Issue]] = {
    BrowserMissingError: Issue.BROWSER,
    EndpointInvalidError: Issue.ENDPOINT,
    EndpointUnreachableError: Issue.ENDPOINT,
    EndpointRefusedError: Issue.ENDPOINT,
    EndpointNotBrowserError: Issue.ENDPOINT,
    PlaywrightMissingError: Issue.ENDPOINT,
    FFmpegMissingError: Issue.FFMPEG,
    FFmpegOutdatedError: Issue.FFMPEG,
}
"""What a stream cannot do without. Other failures may well be over with the next try."""
_WARNINGS: Final = frozenset((Issue.APP, Issue.CAST, Issue.USER))
"""With these much still works."""
_WAITING: Final[HassKey[CALLBACK_TYPE]] = HassKey(f"{DOMAIN}_waiting_issue")
"""Takes back an issue that is to be raised in a while."""


@callback
def note_engine_failed(hass: HomeAssistant, error: BaseException | None) -> None:
    """Raise an issue when a browser or FFmpeg is what is missing; one that may only be late has its time."""
    if not isinstance(error, DashboardCastError) or (issue := _ENGINE.get(type(error))) is None:
        return
    if not isinstance(error, EndpointUnreachableError):
        _raise(hass, issue, error)
    elif _WAITING not in hass.data:

        @callback
        def raise_it(_now: datetime) -> None:
            _raise(hass, issue, error)

        job = HassJob(raise_it, cancel_on_shutdown=True)
        hass.data[_WAITING] = async_call_later(hass, PATIENCE, job)


@callback
def note_engine_works(hass: HomeAssistant) -> None:
    """Delete what was raised for browser and FFmpeg."""
    if take_back := hass.data.pop(_WAITING, None):
        take_back()
    for issue in set(_ENGINE.values()):
        ir.async_delete_issue(hass, DOMAIN, issue)


@callback
def note_unfetched(hass: HomeAssistant, entity_id: str, url: str) -> None:
    """Raise an issue: a TV was told to play a URL and asked for nothing."""
    state = hass.states.get(entity_id)
    error = StreamUnfetchedError(entity=state.name if state else entity_id, address=str(URL(url).origin()))
    _raise(hass, Issue.ADDRESS, error, of=entity_id)


@callback
def note_fetched(hass: HomeAssistant, entity_id: str) -> None:
    """Delete what was raised for a TV: it plays, or there is none any more."""
    ir.async_delete_issue(hass, DOMAIN, f"{Issue.ADDRESS}_{entity_id}")


async def async_check_certificate(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Raise an issue when TVs will not trust Home Assistant's certificate, delete it when they will.

    It is looked at as they do: those who are to be trusted come with the library that Home Assistant uses.
    """
    try:
        if device_url(hass, entry, None).startswith("https:"):
            await async_reach(hass, entry.options.get(CONF_BASE_URL))
    except CertificateRejectedError as error:
        _raise(hass, Issue.CERTIFICATE, error)
    except AddressNotFoundError, AddressUnreachableError:
        # Nothing is known of the certificate.
        return
    else:
        ir.async_delete_issue(hass, DOMAIN, Issue.CERTIFICATE)


async def async_look_at_app(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Raise an issue when the app with the browser is too old for this release, delete it when it is not."""
    try:
        await async_check_app(hass, entry)
    except AppOutdatedError as error:
        _raise(hass, Issue.APP, error)
    else:
        ir.async_delete_issue(hass, DOMAIN, Issue.APP)


@callback
def async_watch_cast(hass: HomeAssistant) -> CALLBACK_TYPE:
    """Raise an issue as long as Home Assistant's Cast integration is not set up; return what ends that."""

    @callback
    def look(*_change: object) -> None:
        if hass.config_entries.async_entries(CAST_INTEGRATION, include_ignore=False, include_disabled=False):
            ir.async_delete_issue(hass, DOMAIN, Issue.CAST)
        else:
            _raise(hass, Issue.CAST, CastMissingError())

    look()
    return async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, look)


async def async_watch_users(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Raise an issue for each display whose own user is gone, for as long as that is so and it is loaded."""

    async def look(*_change: object) -> None:
        names = {
            display.subentry_id: display.title
            for display in entry.get_subentries_of_type(SUBENTRY_DISPLAY)
            if await _async_lacks_user(hass, DisplayConfig.of(display.data))
        }
        for issue in list(ir.async_get(hass).issues.values()):
            of = issue.issue_id.removeprefix(f"{Issue.USER}_")
            if (issue.domain, issue.translation_key) == (DOMAIN, Issue.USER) and of not in names:
                ir.async_delete_issue(hass, DOMAIN, issue.issue_id)
        for subentry_id, name in names.items():
            _raise(hass, Issue.USER, UserMissingError(display=name), of=subentry_id)

    await look()
    for kind in (EVENT_USER_REMOVED, EVENT_USER_UPDATED):
        entry.async_on_unload(hass.bus.async_listen(kind, look))
    entry.async_on_unload(async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, look))


async def _async_lacks_user(hass: HomeAssistant, display: DisplayConfig) -> bool:
    """Return whether a display is to be shown as somebody who is gone; web pages know no users."""
    user = display.source.user
    return user is not None and display.source.website is None and not await async_is_active(hass, user)


@callback
def async_watch_entries(hass: HomeAssistant) -> None:
    """Delete what was raised when somebody disables the entry: one whose set-up fails is not unloaded."""

    @callback
    def look(_change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain == DOMAIN and entry.disabled_by:
            delete_issues(hass, ignored=False)

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, look)


@callback
def delete_issues(hass: HomeAssistant, *, ignored: bool) -> None:
    """Delete what was raised; ignored: also what somebody has chosen to ignore, which is forgotten then."""
    note_engine_works(hass)
    for issue in list(ir.async_get(hass).issues.values()):
        if issue.domain == DOMAIN and (ignored or not issue.dismissed_version):
            ir.async_delete_issue(hass, DOMAIN, issue.issue_id)


def _raise(hass: HomeAssistant, issue: Issue, error: DashboardCastError, *, of: str = "") -> None:
    """Raise an issue with a failure as its reason; of: what it is about where there may be several."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{issue}_{of}" if of else issue,
        is_fixable=True,
        is_persistent=False,
        severity=ir.IssueSeverity.WARNING if issue in _WARNINGS else ir.IssueSeverity.ERROR,
        translation_key=issue,
        translation_placeholders={"reason": message(hass, error)},
    )
