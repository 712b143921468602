"""Dashboard Cast: any dashboard as live video on any Cast device."""

from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_HOMEASSISTANT_STOP, Platform
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

from .auth import async_ensure_user, async_remove_user
from .browsers import async_browser, endpoints_of
from .const import AUTOMATIC, CONF_ENCODER, CONF_ENCODERS, CONF_FFMPEG, DEFAULT_FFMPEG, DOMAIN
from .engine.codecs import preferred
from .errors import DashboardCastError
from .keeper import Keeper, async_forget
from .registry import DashboardCastConfigEntry, Registry
from .services import async_setup_services
from .urls import async_homes
from .views import StreamView

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
    """Set up what is there with or without a config entry: actions and views."""
    async_setup_services(hass)
    hass.http.register_view(StreamView(hass))
    return True


async def async_setup_entry(hass: HomeAssistant, entry: DashboardCastConfigEntry) -> bool:
    """Set up the integration; browser and FFmpeg start with the first stream."""
    await async_ensure_user(hass, entry)
    try:
        homes = await async_homes(hass, entry.options, [one.host for one in endpoints_of(entry.data)])
        browser = await async_browser(hass, entry.data, entry.options)
    except DashboardCastError as error:
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN,
            translation_key=error.key,
            translation_placeholders=error.placeholders,
        ) from error
    ffmpeg = entry.options.get(CONF_FFMPEG, DEFAULT_FFMPEG)
    chosen = entry.options.get(CONF_ENCODER, AUTOMATIC)
    # Entries from before there was a choice know of no encoder: they go on with software.
    codecs = preferred(entry.data.get(CONF_ENCODERS, ()), None if chosen == AUTOMATIC else chosen)
    registry = entry.runtime_data = Registry(
        hass, entry, browser=browser, ffmpeg=ffmpeg, codecs=codecs, homes=homes
    )

    await Keeper(hass, entry, registry).async_start()

    async def shut_down(_event: Event) -> None:
        await registry.async_shutdown()

    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, shut_down))
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: DashboardCastConfigEntry) -> bool:
    """End everything that runs."""
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        return False
    await entry.runtime_data.async_shutdown()
    return True


async def async_remove_entry(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove the user that was made for the integration, and what is kept of displays."""
    await async_remove_user(hass, entry)
    await async_forget(hass)
