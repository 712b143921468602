"""Signing in: the integration's own read-only user, and short-lived access tokens for pages."""

from collections.abc import Mapping
from datetime import timedelta
import logging
from typing import Any, Final

from homeassistant.auth import EVENT_USER_REMOVED, EVENT_USER_UPDATED
from homeassistant.auth.const import GROUP_ID_READ_ONLY
from homeassistant.auth.models import TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN, RefreshToken, User
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.core import Event, HomeAssistant, callback

from .const import CONF_USER, CONF_USER_ID
from .engine.page import AccessToken
from .errors import SignInFailedError

_LOGGER = logging.getLogger(__name__)

USER_NAME: Final = "Dashboard Cast"
# As short as frontends get them; the page asks for the next in time.
TOKEN_LIFETIME: Final = timedelta(minutes=30)


async def async_ensure_user(hass: HomeAssistant, entry: ConfigEntry) -> User:
    """Return the integration's own user, made when there is none: system, read-only, local only."""
    user_id: str | None = entry.data.get(CONF_USER_ID)
    if user_id and (user := await hass.auth.async_get_user(user_id)):
        return user
    user = await hass.auth.async_create_system_user(
        USER_NAME, group_ids=[GROUP_ID_READ_ONLY], local_only=True
    )
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_USER_ID: user.id})
    return user


async def async_remove_user(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove the integration's own user and with it all its tokens."""
    user_id: str | None = entry.data.get(CONF_USER_ID)
    if user_id and (user := await hass.auth.async_get_user(user_id)):
        await hass.auth.async_remove_user(user)


async def async_watch_user(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Ask for another user whenever the one of the options is gone or switched off, while it is loaded.

    Only what is shown as that user stands still meanwhile. When the user is back, nothing is asked any more.
    """

    async def look(_event: Event | None = None) -> None:
        if await _async_may_sign_in(hass, entry):
            for flow in list(entry.async_get_active_flows(hass, {SOURCE_REAUTH})):
                _LOGGER.info("The user whose dashboards are shown is back")
                hass.config_entries.flow.async_abort(flow["flow_id"])
        elif not any(entry.async_get_active_flows(hass, {SOURCE_REAUTH})):
            _LOGGER.warning("The user whose dashboards are shown was removed or switched off")
            entry.async_start_reauth(hass)

    @callback
    def is_ours(data: Mapping[str, Any]) -> bool:
        return bool(data["user_id"] == entry.options.get(CONF_USER))

    await look()
    for kind in (EVENT_USER_REMOVED, EVENT_USER_UPDATED):
        entry.async_on_unload(hass.bus.async_listen(kind, look, event_filter=is_ours))


async def _async_may_sign_in(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Return whether there is a user to show dashboards as; our own is made when it is missing."""
    chosen: str | None = entry.options.get(CONF_USER)
    return chosen is None or await async_is_active(hass, chosen)


async def async_is_active(hass: HomeAssistant, user_id: str) -> bool:
    """Return whether a user is there and not switched off."""
    user = await hass.auth.async_get_user(user_id)
    return user is not None and user.is_active


async def async_people(hass: HomeAssistant) -> list[User]:
    """Return the users whose dashboards can be shown, besides our own: people who are not switched off."""
    return [
        user for user in await hass.auth.async_get_users() if user.is_active and not user.system_generated
    ]


class SignIn:
    """Access tokens of the users that dashboards are drawn for, as long as the config entry is loaded.

    home: address of Home Assistant as the browser reaches it.
    """

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, home: str) -> None:
        self._hass = hass
        self._entry = entry
        self._home = home
        self._refresh_tokens: dict[str, RefreshToken] = {}

    async def async_user(self, user_id: str | None = None) -> User:
        """Return whom dashboards are drawn for: this user, else that of the options, else our own.

        Raises SignInFailedError when that user was removed or switched off.
        """
        chosen: str | None = user_id or self._entry.options.get(CONF_USER)
        if chosen is None:
            user: User | None = await async_ensure_user(self._hass, self._entry)
        else:
            user = await self._hass.auth.async_get_user(chosen)
        if user is None or not user.is_active:
            raise SignInFailedError
        return user

    async def async_credentials(self, user_id: str | None = None) -> AccessToken:
        """Return a new access token; raises SignInFailedError when there is no user to sign in.

        user_id: as `async_user` has it.
        """
        token = await self._async_refresh_token(user_id)
        try:
            access = self._hass.auth.async_create_access_token(token)
        except ValueError as error:
            raise SignInFailedError from error
        return AccessToken(access, int(token.access_token_expiration.total_seconds()))

    def revoke(self) -> None:
        """Make all our access tokens invalid."""
        for user_id in [*self._refresh_tokens]:
            if token := self._living_token(user_id):
                self._hass.auth.async_remove_refresh_token(token)
        self._refresh_tokens.clear()

    async def _async_refresh_token(self, user_id: str | None) -> RefreshToken:
        """Return a user's refresh token, made anew when somebody revoked it."""
        user = await self.async_user(user_id)
        token = self._living_token(user.id)
        if token is None:
            self._remove_left_behind(user)
            # Users who are persons have tokens of a client; the system's have none.
            client = None if user.system_generated else f"{self._home}/"
            token = await self._hass.auth.async_create_refresh_token(
                user, client_id=client, client_name=USER_NAME, access_token_expiration=TOKEN_LIFETIME
            )
            self._refresh_tokens[user.id] = token
        return token

    def _remove_left_behind(self, user: User) -> None:
        """Remove our refresh tokens of earlier runs: Home Assistant that is killed cannot revoke them."""
        for token in [*user.refresh_tokens.values()]:
            # Who has made one for good has just chosen the same name.
            if token.client_name == USER_NAME and token.token_type != TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN:
                self._hass.auth.async_remove_refresh_token(token)

    def _living_token(self, user_id: str) -> RefreshToken | None:
        token = self._refresh_tokens.get(user_id)
        return self._hass.auth.async_get_refresh_token(token.id) if token else None
