"""The volume of a media player: what a display changes is as before when it is gone."""

import asyncio
from dataclasses import dataclass, replace
import logging
from typing import Any, Final

from homeassistant.components.media_player import (
    ATTR_MEDIA_VOLUME_LEVEL,
    ATTR_MEDIA_VOLUME_MUTED,
    DOMAIN as MEDIA_PLAYER_DOMAIN,
)
from homeassistant.const import ATTR_ENTITY_ID, SERVICE_VOLUME_MUTE, SERVICE_VOLUME_SET
from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceNotSupported
from pychromecast.error import PyChromecastError

from .devices import is_away, player_of

_LOGGER = logging.getLogger(__name__)

_TIMEOUT_S: Final = 5.0
# Media players round what they are set to.
_NEAR: Final = 0.02


@dataclass(frozen=True, slots=True)
class Changes:
    """What was done to the volume of a media player and is to be undone."""

    muted: bool = False
    before: float | None = None
    """How loud it was, from 0 to 1."""
    level: float | None = None
    """What it was set to; None when it was not."""

    def __bool__(self) -> bool:
        """Return whether there is anything."""
        return self.muted or self.level is not None


class Sound:
    """The volume of a media player, with what is to be undone.

    changes: what was done before. on_change: called when that has become more or less.
    One thing is done after the other; what a media player refuses is left.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entity_id: str,
        changes: Changes | None = None,
        *,
        on_change: CALLBACK_TYPE,
    ) -> None:
        self.changes = changes or Changes()
        self._hass = hass
        self._entity_id = entity_id
        self._on_change = on_change
        self._lock = asyncio.Lock()

    async def async_hush(self) -> None:
        """Mute it, so that it makes no sound when an app starts."""
        async with self._lock:
            if not self.changes.muted and not self._is_muted:
                await self._async_change(
                    replace(self.changes, muted=True), SERVICE_VOLUME_MUTE, {ATTR_MEDIA_VOLUME_MUTED: True}
                )

    async def async_settle(self, level: float | None) -> None:
        """Let it be heard again, and set the volume for what plays now; None for as it was before."""
        async with self._lock:
            await self._async_unmute()
            if level is None:
                await self._async_restore()
                return
            changes = self.changes
            before = self._level if changes.level is None else changes.before
            await self._async_change(
                replace(changes, before=before, level=level),
                SERVICE_VOLUME_SET,
                {ATTR_MEDIA_VOLUME_LEVEL: level},
            )

    async def async_restore(self) -> None:
        """Undo it all, but for what somebody has changed since."""
        async with self._lock:
            await self._async_unmute()
            await self._async_restore()

    async def _async_unmute(self) -> None:
        if self.changes.muted and await self._async_call(
            SERVICE_VOLUME_MUTE, {ATTR_MEDIA_VOLUME_MUTED: False}
        ):
            self._note(replace(self.changes, muted=False))

    async def _async_restore(self) -> None:
        before, level = self.changes.before, self.changes.level
        if level is None:
            return
        now = self._level
        # What it is said to be may be from before it was set.
        known = [one for one in (level, before) if one is not None]
        theirs = now is not None and all(abs(now - one) > _NEAR for one in known)
        data = {ATTR_MEDIA_VOLUME_LEVEL: before}
        if theirs or before is None or await self._async_call(SERVICE_VOLUME_SET, data):
            self._note(replace(self.changes, before=None, level=None))

    async def _async_change(self, changes: Changes, service: str, data: dict[str, Any]) -> None:
        """Do what is to be undone, which is noted first: it may be done though no answer comes."""
        if not is_away(self._hass, self._entity_id):
            self._note(changes)
            await self._async_call(service, data)

    def _note(self, changes: Changes) -> None:
        self.changes = changes
        self._on_change()

    @property
    def _is_muted(self) -> bool:
        # The state of one that is off does not tell, also that of a Cast device that shows its own screen.
        player = player_of(self._hass, self._entity_id)
        return bool(player and player.is_volume_muted)

    @property
    def _level(self) -> float | None:
        player = player_of(self._hass, self._entity_id)
        return player.volume_level if player else None

    async def _async_call(self, service: str, data: dict[str, Any]) -> bool:
        """Have the media player do something, and return whether it has, or never will."""
        if is_away(self._hass, self._entity_id):
            return False
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._hass.services.async_call(
                    MEDIA_PLAYER_DOMAIN, service, {ATTR_ENTITY_ID: self._entity_id, **data}, blocking=True
                )
        except ServiceNotSupported:
            return True
        except (HomeAssistantError, PyChromecastError, TimeoutError) as error:
            _LOGGER.debug("%s does not change its volume: %s", self._entity_id, error)
            return False
        return True
