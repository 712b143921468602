"""For tests: what there is in Home Assistant's process that ought to go when nothing is shown.

`census:` in the configuration switches it on; the action `census.take` returns the numbers.
"""

import asyncio
from collections import Counter
from contextlib import suppress
import ctypes
import gc
import os

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.helpers.typing import ConfigType

from custom_components.dashboard_cast.auth import USER_NAME
from custom_components.dashboard_cast.casting import CastSession
from custom_components.dashboard_cast.engine.cdp import Tab
from custom_components.dashboard_cast.engine.page import Page
from custom_components.dashboard_cast.engine.process import ChildProcess
from custom_components.dashboard_cast.engine.stream import Stream
from custom_components.dashboard_cast.registry import loaded_registry

DOMAIN = "census"
KINDS = (CastSession, ChildProcess, Page, Stream)


async def async_setup(hass: HomeAssistant, _config: ConfigType) -> bool:
    """Offer the action."""

    async def take(_call: ServiceCall) -> ServiceResponse:
        """Count."""
        tabs = await _tabs(hass)
        gc.collect()
        await hass.async_add_executor_job(_give_back)
        living = Counter(type(found).__name__ for found in gc.get_objects() if isinstance(found, KINDS))
        users = [user for user in await hass.auth.async_get_users() if user.name == USER_NAME]
        return {
            **living,
            "tabs": tabs,
            "tasks": len(asyncio.all_tasks()),
            "files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208
            "users": len(users),
            "tokens": sum(len(user.refresh_tokens) for user in users),
        }

    hass.services.async_register(DOMAIN, "take", take, supports_response=SupportsResponse.ONLY)
    return True


def _give_back() -> None:
    """Give memory that is free back to the system, so that what is left is in use; where libc can."""
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


async def _tabs(hass: HomeAssistant) -> int:
    """Return how many tabs the browser has, with the one that asks."""
    registry = loaded_registry(hass)
    assert registry is not None
    tab: Tab = await registry._browser.open_tab()
    try:
        targets = (await tab.session.send("Target.getTargets"))["targetInfos"]
    finally:
        await tab.close()
    return len([target for target in targets if target["type"] == "page"])
