"""The app Dashboard Cast Browser: whether it is too old for this release, and its update.

Only where Home Assistant runs under a Supervisor there are apps, and only there it loads what is needed for
them: so nothing of that is imported here.
"""

import logging
from typing import TYPE_CHECKING, Final
from uuid import UUID

from awesomeversion import AwesomeVersion
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.hassio import is_hassio

from .errors import AppNotUpdatedError, AppOutdatedError

if TYPE_CHECKING:
    from homeassistant.components.hassio import AddonManager

_LOGGER = logging.getLogger(__name__)

VERSION: Final = "0.1.0"
"""The release of the app that this one was made with (browser_app/config.yaml)."""
_NAME: Final = "Dashboard Cast Browser"


async def async_check_app(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Raise AppOutdatedError when the app whose browser is used is too old, and there is a newer one.

    What the Supervisor does not tell is taken for all right.
    """
    if (manager := await _async_manager(hass, entry)) is None:
        return
    try:
        info = await manager.async_get_addon_info()
    except HomeAssistantError as error:
        _LOGGER.debug("Nothing is known of the app: %s", error)
        return
    if info.version and info.update_available and AwesomeVersion(info.version) < VERSION:
        raise AppOutdatedError(version=info.version, needed=VERSION)


async def async_update_app(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Bring the app up to date, after a backup of it; takes as long as it takes to fetch.

    Raises AppNotUpdatedError.
    """
    try:
        if manager := await _async_manager(hass, entry):
            await manager.async_update_addon()
    except HomeAssistantError as error:
        raise AppNotUpdatedError(detail=str(error)) from error


async def _async_manager(hass: HomeAssistant, entry: ConfigEntry) -> AddonManager | None:
    """Return who manages the app whose browser is used; None when there is none."""
    # While the browser of the app is used, the entry has the id of its announcement.
    if not is_hassio(hass) or entry.unique_id is None:
        return None
    from aiohasupervisor import SupervisorError  # noqa: PLC0415
    from homeassistant.components.hassio import AddonManager, get_supervisor_client  # noqa: PLC0415

    try:
        announced = await get_supervisor_client(hass).discovery.list()
    except SupervisorError as error:
        _LOGGER.debug("The Supervisor does not tell what was announced: %s", error)
        return None
    slugs = {one.uuid: one.addon for one in announced}
    slug = slugs.get(UUID(entry.unique_id))
    return AddonManager(hass, _LOGGER, _NAME, slug) if slug else None
