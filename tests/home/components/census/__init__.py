"""For tests: what there is in Home Assistant's process that ought to go when nothing is shown.

`census:` in the configuration switches it on; the action `census.take` returns the numbers.
"""

import asyncio
from collections import Counter
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
        heap = await hass.async_add_executor_job(_give_back)
        living = Counter(type(found).__name__ for found in gc.get_objects() if isinstance(found, KINDS))
        users = [user for user in await hass.auth.async_get_users() if user.name == USER_NAME]
        return {
            **living,
            **heap,
            "tabs": tabs,
            "tasks": len(asyncio.all_tasks()),
            "files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208
            "users": len(users),
            "tokens": sum(len(user.refresh_tokens) for user in users),
        }

    hass.services.async_register(DOMAIN, "take", take, supports_response=SupportsResponse.ONLY)
    return True


class _MallInfo(ctypes.Structure):
    """What glibc tells of its heap (mallinfo2(3)), in bytes."""

    _fields_ = [
        *[(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd")],
        *[(name, ctypes.c_size_t) for name in ("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")],
    ]


def _give_back() -> dict[str, int]:
    """Give memory that is free back to the system, so that what is left is in use; where libc can.

    Return how much of libc's heap was in use before, and how much was free but kept, in bytes.
    """
    libc = ctypes.CDLL(None)
    try:
        mallinfo, trim = libc.mallinfo2, libc.malloc_trim
    except AttributeError:
        return {}
    mallinfo.restype = _MallInfo
    found = mallinfo()
    trim(0)
    return {"heap_used": found.uordblks + found.hblkhd, "heap_free": found.fordblks}


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
