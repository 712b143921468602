"""Whether browser and FFmpeg are still there: asked at set-up, and while a picture stands still."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval

from .browsers import endpoints_of
from .const import CONF_BROWSER, CONF_FFMPEG, DEFAULT_FFMPEG
from .engine.chromium import find_executable
from .engine.endpoint import reach
from .engine.programs import check_ffmpeg
from .errors import BrowserMissingError, DashboardCastError
from .issues import note_engine_failed, note_engine_works
from .registry import DashboardCastConfigEntry
from .translation import message

_INTERVAL: Final = timedelta(minutes=1)


async def async_check_up(hass: HomeAssistant, data: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Look whether there are a browser and FFmpeg, starting neither a browser nor a stream.

    Takes as long as FFmpeg takes to tell its version, and two seconds more for browsers elsewhere that do
    not answer. Raises BrowserMissingError, EndpointInvalidError, EndpointUnreachableError, or what
    `check_ffmpeg` does.
    """
    if endpoints := endpoints_of(data):
        await reach(endpoints)
    elif not await hass.async_add_executor_job(find_executable, options.get(CONF_BROWSER)):
        raise BrowserMissingError
    await check_ffmpeg(options.get(CONF_FFMPEG, DEFAULT_FFMPEG))


async def async_ffmpeg_version(hass: HomeAssistant, options: Mapping[str, Any]) -> str:
    """Return what FFmpeg says of its version, or what is wrong with it."""
    try:
        return await check_ffmpeg(options.get(CONF_FFMPEG, DEFAULT_FFMPEG))
    except DashboardCastError as error:
        return message(hass, error)


@callback
def async_watch_engine(hass: HomeAssistant, entry: DashboardCastConfigEntry) -> CALLBACK_TYPE:
    """Check up now and then while something that is shown has no live pictures; return what ends that."""

    async def look(_now: datetime) -> None:
        streams = entry.runtime_data.streams
        if any(stream.health.trouble for stream in streams):
            try:
                await async_check_up(hass, entry.data, entry.options)
            except DashboardCastError as error:
                note_engine_failed(hass, error)
        elif any(stream.pictures for stream in streams):
            note_engine_works(hass)

    return async_track_time_interval(hass, look, _INTERVAL, name="Dashboard Cast check-up")
