"""Dashboard Cast: any dashboard as live video on any Cast device."""

from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HassJob, HomeAssistant
from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.typing import ConfigType

from .auth import async_ensure_user, async_remove_user, async_watch_user
from .browsers import BrowserKind, async_browser, endpoints_of
from .checkup import async_check_up, async_watch_engine
from .const import (
    AUTOMATIC,
    CONF_BROWSER_KIND,
    CONF_ENCODER,
    CONF_ENCODERS,
    CONF_ENDPOINTS,
    CONF_FFMPEG,
    DEFAULT_FFMPEG,
    DOMAIN,
)
from .displays import CONF_ENTITIES, SUBENTRY_DISPLAY, DisplayConfig
from .engine.codecs import preferred
from .errors import DashboardCastError
from .identities import identities_of
from .issues import (
    async_check_certificate,
    async_look_at_app,
    async_watch_cast,
    async_watch_entries,
    async_watch_users,
    delete_issues,
    note_engine_failed,
    note_engine_works,
)
from .keeper import Keeper, async_forget
from .registry import DashboardCastConfigEntry, Registry
from .services import async_setup_services
from .urls import async_homes
from .views import StreamView, ThumbnailView

PLATFORMS: Final = (
    Platform.BUTTON,
    Platform.CAMERA,
    Platform.EVENT,
    Platform.IMAGE,
    Platform.MEDIA_PLAYER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
)
CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up what is there with or without a config entry."""
    async_setup_services(hass)
    async_watch_entries(hass)
    # What is more particular comes first: a stream's token may be any word.
    hass.http.register_view(ThumbnailView(hass))
    hass.http.register_view(StreamView(hass))
    return True


async def async_setup_entry(hass: HomeAssistant, entry: DashboardCastConfigEntry) -> bool:
    """Set up the integration; browser and FFmpeg start with the first stream."""
    await async_ensure_user(hass, entry)
    try:
        await async_check_up(hass, entry.data, entry.options)
        homes = await async_homes(hass, entry.options, endpoints_of(entry.data))
        browser = await async_browser(hass, entry.data, entry.options)
    except DashboardCastError as error:
        note_engine_failed(hass, error)
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN,
            translation_key=error.key,
            translation_placeholders=error.placeholders,
        ) from error
    note_engine_works(hass)
    ffmpeg = entry.options.get(CONF_FFMPEG, DEFAULT_FFMPEG)
    chosen = entry.options.get(CONF_ENCODER, AUTOMATIC)
    # Entries from before there was a choice know of no encoder: they go on with software.
    codecs = preferred(entry.data.get(CONF_ENCODERS, ()), None if chosen == AUTOMATIC else chosen)
    registry = entry.runtime_data = Registry(
        hass, entry, browser=browser, ffmpeg=ffmpeg, codecs=codecs, homes=homes
    )

    await Keeper(hass, entry, registry).async_start()

    # Before the event of the stop, at which Home Assistant's Cast integration leaves its devices: then nobody
    # takes the dashboards off them any more.
    entry.async_on_unload(hass.async_add_shutdown_job(HassJob(registry.async_shutdown)))
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    await _async_watch(hass, entry)
    return True


async def _async_watch(hass: HomeAssistant, entry: DashboardCastConfigEntry) -> None:
    """See what goes wrong besides, for as long as the entry is loaded."""

    async def look(hass: HomeAssistant) -> None:
        await async_check_certificate(hass, entry)
        await async_look_at_app(hass, entry)

    entry.async_on_unload(async_watch_engine(hass, entry))
    entry.async_on_unload(async_watch_cast(hass))
    # Neither Home Assistant nor the Supervisor has answers before.
    entry.async_on_unload(async_at_started(hass, look))
    await async_watch_user(hass, entry)
    await async_watch_users(hass, entry)


async def async_migrate_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Bring an entry of an older release up to date.

    Home Assistant does not ask for one of a newer major version, and refuses it; a newer minor version only
    has what we do not look at.
    """
    if entry.minor_version < 2:
        # Once there was no choice of browsers.
        data = {CONF_BROWSER_KIND: BrowserKind.LOCAL, CONF_ENDPOINTS: [], **entry.data}
        hass.config_entries.async_update_entry(entry, data=data, minor_version=2)
    if entry.minor_version < 3:
        # Once displays knew their entities by ids of the registry only.
        for display in entry.get_subentries_of_type(SUBENTRY_DISPLAY):
            identities = identities_of(hass, DisplayConfig.of(display.data).names)
            data = {**display.data, CONF_ENTITIES: identities}
            hass.config_entries.async_update_subentry(entry, display, data=data)
        hass.config_entries.async_update_entry(entry, minor_version=3)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: DashboardCastConfigEntry) -> bool:
    """End everything that runs."""
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        return False
    await entry.runtime_data.async_shutdown()
    delete_issues(hass, ignored=False)
    return True


async def async_remove_entry(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove the user that was made for the integration, issues, and what is left of displays."""
    delete_issues(hass, ignored=True)
    await async_remove_user(hass, entry)
    await async_forget(hass, entry)
