"""The volume of a media player: what a display changes is as before when it is gone."""

import asyncio
import logging
from typing import Any, Final

from homeassistant.components.media_player import (
    ATTR_MEDIA_VOLUME_LEVEL,
    ATTR_MEDIA_VOLUME_MUTED,
    DOMAIN as MEDIA_PLAYER_DOMAIN,
)
from homeassistant.const import (
    ATTR_ENTITY_ID,
    SERVICE_VOLUME_MUTE,
    SERVICE_VOLUME_SET,
    STATE_UNAVAILABLE,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from pychromecast.error import PyChromecastError

_LOGGER = logging.getLogger(__name__)

_TIMEOUT_S: Final = 5.0
# Media players round what they are set to.
_NEAR: Final = 0.02


class Sound:
    """What was done to the volume of a media player, and how it was before.

    One thing is done after the other; what a media player refuses is left.
    """

    def __init__(self, hass: HomeAssistant, entity_id: str) -> None:
        self._hass = hass
        self._entity_id = entity_id
        self._lock = asyncio.Lock()
        self._muted = False
        self._before: float | None = None
        self._set: float | None = None

    @property
    def changed(self) -> bool:
        """Whether something is to be undone."""
        return self._muted or self._set is not None

    async def async_hush(self) -> None:
        """Mute it, so that it makes no sound when an app starts."""
        async with self._lock:
            if not self._muted and not self._attribute(ATTR_MEDIA_VOLUME_MUTED):
                self._muted = await self._async_call(SERVICE_VOLUME_MUTE, {ATTR_MEDIA_VOLUME_MUTED: True})

    async def async_settle(self, level: float | None) -> None:
        """Let it be heard again, and set the volume for what plays now; None for as it was before."""
        async with self._lock:
            await self._async_unmute()
            if level is None:
                await self._async_restore()
                return
            if self._set is None:
                self._before = self._attribute(ATTR_MEDIA_VOLUME_LEVEL)
            if await self._async_call(SERVICE_VOLUME_SET, {ATTR_MEDIA_VOLUME_LEVEL: level}):
                self._set = level

    async def async_restore(self) -> None:
        """Undo it all, but for what somebody has changed since."""
        async with self._lock:
            await self._async_unmute()
            await self._async_restore()

    async def _async_unmute(self) -> None:
        if self._muted:
            self._muted = not await self._async_call(SERVICE_VOLUME_MUTE, {ATTR_MEDIA_VOLUME_MUTED: False})

    async def _async_restore(self) -> None:
        if self._set is None:
            return
        now = self._attribute(ATTR_MEDIA_VOLUME_LEVEL)
        theirs = now is not None and abs(now - self._set) > _NEAR
        data = {ATTR_MEDIA_VOLUME_LEVEL: self._before}
        if theirs or self._before is None or await self._async_call(SERVICE_VOLUME_SET, data):
            self._set = self._before = None

    def _attribute(self, name: str) -> Any:
        state = self._hass.states.get(self._entity_id)
        return state.attributes.get(name) if state else None

    async def _async_call(self, service: str, data: dict[str, Any]) -> bool:
        """Have the media player do something, and return whether it has."""
        state = self._hass.states.get(self._entity_id)
        if state is None or state.state == STATE_UNAVAILABLE:
            # Home Assistant leaves out media players that are away, and says nothing of it.
            return False
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._hass.services.async_call(
                    MEDIA_PLAYER_DOMAIN, service, {ATTR_ENTITY_ID: self._entity_id, **data}, blocking=True
                )
        except (HomeAssistantError, PyChromecastError, TimeoutError) as error:
            _LOGGER.debug("%s does not change its volume: %s", self._entity_id, error)
            return False
        return True
