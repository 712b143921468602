"""For tests: what goes wrong between Home Assistant and the pages that it serves.

`trouble:` in the configuration switches it on; each action makes one kind of trouble. With
`misses_connections: true` Home Assistant takes Cast devices for away that it has just been connected to.
"""

import asyncio
import threading

from homeassistant.components.websocket_api import auth, http
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.helpers.json import json_bytes
from homeassistant.helpers.typing import ConfigType
from pychromecast import Chromecast

from custom_components.dashboard_cast.auth import USER_NAME
from custom_components.dashboard_cast.registry import loaded_registry

DOMAIN = "trouble"
CUT_EVERY_S = 0.05
POLL_S = 0.01


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Offer the actions."""
    if (config[DOMAIN] or {}).get("misses_connections"):
        miss_connections()

    async def cut(call: ServiceCall) -> None:
        """Cut the WebSocket connections of browsers without a word, and new ones for some `seconds`."""
        hass.async_create_background_task(keep_cutting(hass, call.data["seconds"]), DOMAIN)

    async def update(call: ServiceCall) -> None:
        """Be another version of Home Assistant for who connects from now on, as everybody has to."""
        version = {"ha_version": call.data["version"]}
        auth.AUTH_OK_MESSAGE = json_bytes({"type": auth.TYPE_AUTH_OK, **version})
        http.AUTH_REQUIRED_MESSAGE = json_bytes({"type": auth.TYPE_AUTH_REQUIRED, **version})
        cut_browsers(hass)

    async def revoke(_call: ServiceCall) -> None:
        """Take back what the integration's own user may sign in with."""
        for user in await hass.auth.async_get_users():
            if user.name == USER_NAME:
                for token in [*user.refresh_tokens.values()]:
                    hass.auth.async_remove_refresh_token(token)

    async def remove_user(_call: ServiceCall) -> None:
        """Remove the integration's own user."""
        for user in await hass.auth.async_get_users():
            if user.name == USER_NAME:
                await hass.auth.async_remove_user(user)

    async def own_tokens(_call: ServiceCall) -> ServiceResponse:
        """Return the ids of what the integration's own users may sign in with."""
        users = [user for user in await hass.auth.async_get_users() if user.name == USER_NAME]
        return {"tokens": [token for user in users for token in user.refresh_tokens]}

    async def switch_off_user(call: ServiceCall) -> None:
        """Let the integration's own user be switched off for some `seconds`; who is signed in has to anew."""
        hass.async_create_background_task(keep_switched_off(hass, call.data["seconds"]), DOMAIN)

    async def age(call: ServiceCall) -> None:
        """Let the pages of all streams be older by so many `seconds`."""
        registry = loaded_registry(hass)
        assert registry is not None
        for stream in registry.streams:
            assert stream._page is not None
            stream._opened_at -= call.data["seconds"]
            stream._renewable_at -= call.data["seconds"]
            stream._page._health._worn_at -= call.data["seconds"]

    for action in (cut, update, revoke, remove_user, switch_off_user, age):
        hass.services.async_register(DOMAIN, action.__name__, action)
    only = SupportsResponse.ONLY
    hass.services.async_register(DOMAIN, own_tokens.__name__, own_tokens, supports_response=only)
    return True


def miss_connections() -> None:
    """Be so busy that Cast devices are connected to before it goes on with them."""
    start = Chromecast.start

    def start_late(chromecast: Chromecast) -> None:
        start(chromecast)
        while chromecast.socket_client.first_connection:
            # Home Assistant does not let its loop sleep.
            threading.Event().wait(POLL_S)

    Chromecast.start = start_late  # type: ignore[assignment, method-assign]


async def keep_cutting(hass: HomeAssistant, seconds: float) -> None:
    """Let no browser have a WebSocket connection for so many seconds."""
    until = hass.loop.time() + seconds
    while hass.loop.time() < until:
        cut_browsers(hass)
        await asyncio.sleep(CUT_EVERY_S)


async def keep_switched_off(hass: HomeAssistant, seconds: float) -> None:
    """Let the integration's own user not be active for so many seconds."""
    (user,) = (user for user in await hass.auth.async_get_users() if user.name == USER_NAME)
    await hass.auth.async_update_user(user, is_active=False)
    cut_browsers(hass)
    await asyncio.sleep(seconds)
    await hass.auth.async_update_user(user, is_active=True)


def cut_browsers(hass: HomeAssistant) -> None:
    """Cut all WebSocket connections that browsers have now."""
    assert hass.http.runner is not None
    assert hass.http.runner.server is not None
    for connection in hass.http.runner.server.connections:
        request = connection._current_request
        if request is None or connection.transport is None or request.path != "/api/websocket":
            continue
        if "Chrome" in request.headers.get("User-Agent", ""):
            connection.transport.abort()
