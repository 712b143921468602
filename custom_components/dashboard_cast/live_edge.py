"""Sends a player that has fallen behind back to what is live."""

from collections.abc import Callable
from datetime import datetime
import time
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

LATE_S: Final = 3.0
"""How late a player has to be for that, in seconds: a jump is seen, and a second or two are nothing."""
CALM_S: Final = 30.0
"""How long it has to play before, in seconds: what it is late by helps it over another gap."""
REST_S: Final = 300.0
"""From one jump to the next, in seconds, unless a person has paused it."""
# What a jump has to gain, in seconds, to be tried again.
_GAIN_S: Final = 1.0


class LiveEdge:
    """How late one player is with one stream, and when to do something about it.

    A pause, or a gap in its network that it gets over, leaves a player that much later.

    jump: tells the player to go on with what is live.
    """

    def __init__(self, hass: HomeAssistant, jump: Callable[[], None]) -> None:
        self._hass = hass
        self._jump = jump
        self._unschedule: CALLBACK_TYPE | None = None
        self._lead: float | None = None
        self._late = 0.0
        self._jumped_at: float | None = None
        self._late_before = 0.0
        self._late_since = 0.0

    @property
    def _in_vain(self) -> bool:
        """Whether the last jump gained nothing: then this player does not know what is live."""
        return self._jumped_at is not None and self._late_since > self._late_before - _GAIN_S

    @callback
    def note_playing(self, position: float, at: float, *, resumed: bool) -> None:
        """Take in that the player plays.

        position: of the media, in seconds; at: when it was there, on the monotonic clock.
        resumed: whether it goes on after a pause. Who has paused it wants to see what is live now.
        """
        lead = position - at
        self._lead = lead if self._lead is None else max(self._lead, lead)
        self._late = self._lead - lead
        self._late_since = min(self._late_since, self._late)
        if self._late < LATE_S or self._in_vain:
            self.note_waiting()
        elif resumed:
            self.note_waiting()
            self._do_jump()
        elif self._unschedule is None:
            rested = at if self._jumped_at is None else self._jumped_at + REST_S
            self._unschedule = async_call_later(self._hass, max(CALM_S, rested - at), self._due)

    @callback
    def note_waiting(self) -> None:
        """Take in that the player does not play, or nobody cares any more."""
        if self._unschedule:
            self._unschedule()
            self._unschedule = None

    @callback
    def _due(self, _now: datetime) -> None:
        self._unschedule = None
        self._do_jump()

    def _do_jump(self) -> None:
        self._jumped_at = time.monotonic()
        self._late_before = self._late_since = self._late
        self._jump()
