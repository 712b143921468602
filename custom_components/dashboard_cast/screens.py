"""A media player that displays are wanted on: does what the rules decide for it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import datetime
import logging
import time
from typing import Any, Final

from homeassistant.components.media_player import ATTR_APP_ID, ATTR_MEDIA_CONTENT_ID, MediaPlayerState
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_OFF, STATE_STANDBY, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, State, callback
from homeassistant.helpers.event import async_call_later, async_track_state_change_event
from pychromecast.config import APP_BACKDROP, APP_MEDIA_RECEIVER

from .casting import CastSession
from .devices import cast_status, chromecast_of, is_cast_device
from .displays import Display
from .engine.stream import Stream
from .errors import DashboardCastError, StartSupersededError
from .models import Ending
from .reconnection import Reconnection
from .registry import Registry
from .rules import Activity, Screen, Standing, Wish, decide
from .sending import send_in_turn
from .sound import Changes, Sound
from .urls import split_stream_url

_LOGGER = logging.getLogger(__name__)

_AWAY: Final = frozenset((STATE_UNAVAILABLE, STATE_UNKNOWN))
_OFF: Final = frozenset((STATE_OFF, STATE_STANDBY))
_IDLE: Final = _OFF | {MediaPlayerState.IDLE}
# Any other app that is open is somebody's, also when it says that nothing plays.
_NOBODYS_APPS: Final = frozenset((None, APP_BACKDROP, APP_MEDIA_RECEIVER))
_SOMEBODY_STOPPED: Final = frozenset((Ending.STOPPED, Ending.CLOSED))
_FAILURES: Final = frozenset((Ending.LOST, Ending.FAILED))


@callback
def is_somebodys(hass: HomeAssistant, entity_id: str) -> bool:
    """Return whether a media player does something that nobody keeps a screen for: no stream of ours."""
    state = hass.states.get(entity_id)
    return bool(state and state.state not in _AWAY and not _is_idle(state) and not _token(state))


def _is_idle(state: State) -> bool:
    return state.state in _IDLE and state.attributes.get(ATTR_APP_ID) in _NOBODYS_APPS


def _token(state: State) -> str:
    """Return the token of the stream that a media player was sent to; empty when it is none of ours."""
    return split_stream_url(str(state.attributes.get(ATTR_MEDIA_CONTENT_ID, "")))[0]


class ScreenKeeper:
    """Keeps what a media player should show on it.

    dismissed: ids of displays that somebody has stopped there before. changes: what was done to its volume.
    displays: returns those that are wanted there.
    on_change: called when something was decided, or has happened.
    on_sound: called when `changes` has become something else.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        registry: Registry,
        entity_id: str,
        *,
        dismissed: Iterable[str] = (),
        changes: Changes | None = None,
        displays: Callable[[], Iterable[Display]],
        on_change: CALLBACK_TYPE,
        on_sound: CALLBACK_TYPE,
    ) -> None:
        self.entity_id = entity_id
        self.standings: Mapping[str, Standing] = {}
        """How it stands with the displays that are wanted there, by id."""
        self.errors: dict[str, DashboardCastError] = {}
        """What displays failed with last, by id, until they play."""
        self._hass = hass
        self._entry = entry
        self._registry = registry
        self._displays = displays
        self._on_change = on_change
        self._sound = Sound(hass, entity_id, changes, on_change=on_sound)
        self._reconnection = Reconnection(hass, entity_id)
        # Whether what is held there is to be sent there again.
        self._outdated = False
        self._screen = Screen(dismissed=frozenset(dismissed))
        self._followed: CastSession | None = None
        self._task: asyncio.Task[None] | None = None
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._undo = (
            async_track_state_change_event(hass, entity_id, self._state_changed),
            registry.async_wait(entity_id, self),
        )

    def shows(self, display: Display) -> bool:
        """Return whether a display plays there."""
        return self._screen.held == display.subentry_id and self._screen.playing

    @property
    def is_somebodys(self) -> bool:
        """Whether something else than a display is there."""
        return self._screen.guest or self._screen.activity in {Activity.BUSY, Activity.PAUSED}

    @property
    def changes(self) -> Changes:
        """What was done to its volume and is to be undone."""
        return self._sound.changes

    def has_dismissed(self, display: Display) -> bool:
        """Return whether somebody stopped a display there."""
        return display.subentry_id in self._screen.dismissed

    def stream_of(self, display: Display) -> Stream | None:
        """Return the stream that is shown there for a display."""
        return self._followed.stream if self._followed and self.shows(display) else None

    @callback
    def ask(self, display: Display, *, force: bool, anew: bool) -> None:
        """Take in that somebody asks for a display.

        force: whether it may interrupt what plays there. anew: whether it is sent there again when it is
        there.
        """
        self.errors.pop(display.subentry_id, None)
        self._screen = self._screen.ask(display.subentry_id, force=force)
        if anew and self._screen.held == display.subentry_id:
            self._begin_anew(display)

    @callback
    def renew(self, display: Display) -> None:
        """Take in that a display shows something else by now: it is sent there again when it is there."""
        self.errors.pop(display.subentry_id, None)
        self._screen = self._screen.forgive(display.subentry_id)
        if self._screen.held == display.subentry_id:
            self._begin_anew(display)

    @callback
    def settle(self, display: Display) -> None:
        """Have it as loud as a display wants it by now, when that plays there."""
        if self.shows(display):
            self._settle(display.subentry_id)

    @callback
    def catch_up(self, display: Display) -> None:
        """Send a display there anew when what is there, or on its way, is not what it shows by now."""
        session = self._session
        same = session and (session.owner, session.source) == (display.subentry_id, display.source)
        if self._screen.held == display.subentry_id and not self._screen.guest and not same:
            self._begin_anew(display)

    @callback
    def hear(self, session: CastSession) -> None:
        """Take in that a cast session there has begun, plays, or is over."""
        if session.owner is None:
            self._hear_guest(session)
        elif not session.ended and session is self._session:
            self._follow(session, session.owner)
        elif session is self._followed:
            self._end(session.owner, session)
        elif session.ending is Ending.CLOSED:
            # Until what is on its way plays, this one did.
            self._dismiss(but=self._screen.held if self._screen.held != session.owner else None)
        self._changed()

    @callback
    def relieve(self, session: CastSession) -> bool:
        """Take the place of what an action shows there, and return whether a display does."""
        session.leaving = True
        self._screen = self._screen.part(Ending.SUPERSEDED, time.monotonic())
        self._changed()
        return self._screen.held is not None

    @callback
    def dismiss(self) -> None:
        """Take in that somebody wants no display there that is wanted now."""
        self._dismiss()
        self._changed()

    @callback
    def update(self) -> None:
        """Decide what it is to show, and have it shown."""
        if chromecast := chromecast_of(self._hass, self.entity_id):
            send_in_turn(chromecast)
        now = time.monotonic()
        session = self._session
        if session and session.owner is None and not session.leaving:
            self._screen = self._screen.welcome()
        self._screen = self._screen.see(self._activity(), now)
        displays = {display.subentry_id: display for display in self._displays()}
        wishes = [
            Wish(name, one.config.priority, one.demand.asked, one.config.patience)
            for name, one in displays.items()
        ]
        while (decision := decide(self._screen, wishes, now)).display != self._screen.held:
            if decision.display is None:
                self._release()
            else:
                self._begin(displays[decision.display])
        if self._outdated and self._screen.held:
            self._begin_anew(displays[self._screen.held])
        if self._screen.held is None and self._sound.changes:
            self._do(self._sound.async_restore())
        self._reconnection.want(wanted=bool(wishes) and self._screen.activity is Activity.AWAY)
        self.standings = decision.standings
        self._wake(decision.due)

    async def async_stop(self) -> None:
        """Leave it to whoever comes next, as loud as it was, and watch it no more."""
        self.stop()
        if self._sound.changes:
            await self._sound.async_restore()

    @callback
    def stop(self) -> None:
        """Leave it as it is, and watch it no more."""
        for undo in self._undo:
            undo()
        self._wake(None)
        self._reconnection.want(wanted=False)
        self._call_off()

    @callback
    def withdraw(self) -> None:
        """Take off what displays show there, and watch it no more."""
        self.stop()
        if self._screen.held:
            self._release()
        if self._sound.changes:
            self._do(self._sound.async_restore())

    @property
    def _session(self) -> CastSession | None:
        return self._registry.sessions.get(self.entity_id)

    def _activity(self) -> Activity:
        """Return what the media player does."""
        state = self._hass.states.get(self.entity_id)
        if state is None or state.state in _AWAY:
            return Activity.AWAY
        if self._session is None and (unseen := self._unseen(state)):
            return unseen
        token = _token(state)
        # A stream that does not run any more was left by an earlier run of Home Assistant.
        if self._session or (token and self._registry.stream_of(token) is None):
            return Activity.PAUSED if state.state == MediaPlayerState.PAUSED else Activity.OURS
        return Activity.IDLE if _is_idle(state) else Activity.BUSY

    def _unseen(self, state: State) -> Activity | None:
        """Return why nobody would see what is sent there, None when somebody may.

        To send it would switch the TV on, or to this input. A Cast device that shows its own screen is off to
        Home Assistant, too.
        """
        if state.state not in _OFF:
            return None
        if not is_cast_device(self._hass, self.entity_id):
            return Activity.OFF
        status = cast_status(self._hass, self.entity_id)
        if status is None or status.is_active_input is not False:
            return None
        return Activity.ELSEWHERE if status.is_stand_by is False else Activity.OFF

    def _begin_anew(self, display: Display) -> None:
        """Send a display there again, now or when the media player is back."""
        self._outdated = self._screen.activity is Activity.AWAY
        if not self._outdated:
            self._begin(display)

    def _begin(self, display: Display) -> None:
        """Send a display there, in the place of what is there."""
        self._outdated = False
        self._screen = self._screen.begin(display.subentry_id, time.monotonic())
        if self._followed and not self._followed.is_playing:
            # It makes room for this one, which is no news.
            self._followed = None
        self._call_off()
        self._task = self._entry.async_create_background_task(
            self._hass,
            self._async_begin(display),
            name=f"show {display.name} on {self.entity_id}",
            eager_start=False,
        )

    async def _async_begin(self, display: Display) -> None:
        config = display.config
        if config.silent_start and self._session is None:
            await self._sound.async_hush()
        try:
            await self._registry.async_begin(
                self.entity_id,
                display.source,
                config.profile,
                config.stream_format,
                owner=display.subentry_id,
            )
        except DashboardCastError as error:
            self._fail(display.subentry_id, Ending.FAILED, error)
            self._registry.clear(self.entity_id)
            self._changed()

    def _call_off(self) -> None:
        """Do not send what is about to be sent there."""
        if self._task:
            self._task.cancel()

    def _release(self) -> None:
        """Take the display that is there off."""
        held, self._screen = self._screen.held, self._screen.release(time.monotonic())
        assert held is not None
        self._followed = None
        self._outdated = False
        self._call_off()
        self._registry.withdraw(self.entity_id, held)

    def _hear_guest(self, session: CastSession) -> None:
        """Take in news of what an action shows there."""
        if not session.ended and not session.is_playing:
            self._make_way()
        if session.ending and not session.leaving:
            self._screen = self._screen.part(session.ending, time.monotonic())
            if session.ending is Ending.CLOSED:
                self._dismiss(but=self._screen.held)

    def _make_way(self) -> None:
        """Call off what was to be sent there and is not on its way yet: what an action shows came later."""
        if self._screen.held and self._task and not self._task.done():
            self._call_off()
            self._followed = None
            reason = StartSupersededError.key
            self._screen = self._screen.end(self._screen.held, Ending.SUPERSEDED, reason, time.monotonic())

    def _follow(self, session: CastSession, display: str) -> None:
        """Take in that the session of a display is on its way there, or plays."""
        self._followed = session
        if not session.is_playing:
            return
        if not self._screen.playing:
            self._settle(display)
        self._screen = self._screen.play(display, time.monotonic())
        if self.errors.pop(display, None):
            _LOGGER.info("The dashboard is on %s again", self.entity_id)

    def _settle(self, display: str) -> None:
        """Have the media player as loud as a display wants it."""
        config = next((one.config for one in self._displays() if one.subentry_id == display), None)
        if self._sound.changes or (config and config.volume is not None):
            self._do(self._async_settle(config.volume if config else None))

    async def _async_settle(self, level: float | None) -> None:
        await self._sound.async_settle(level)
        if self._screen.held is None:
            # It was taken off before it was its turn.
            await self._sound.async_restore()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        self._entry.async_create_background_task(self._hass, work, name=f"sound of {self.entity_id}")

    def _end(self, display: str, session: CastSession) -> None:
        """Take in that the session of a display is over."""
        assert session.ending is not None
        assert session.reason is not None
        self._followed = None
        if session.ending in _SOMEBODY_STOPPED:
            self._dismiss()
        self._fail(display, session.ending, session.reason)
        if self._screen.held is None:
            # It was to be sent there anew.
            self._call_off()

    def _fail(self, display: str, ending: Ending, reason: DashboardCastError) -> None:
        if ending in _FAILURES:
            self._note(display, reason)
        self._screen = self._screen.end(display, ending, reason.key, time.monotonic())
        session = self._session
        if session and session.owner:
            # What was there before goes on: the media player never heard of what was to take its place.
            self._screen = self._screen.begin(session.owner, time.monotonic())
            self._follow(session, session.owner)

    def _note(self, display: str, reason: DashboardCastError) -> None:
        if display not in self.errors:
            detail = reason.placeholders.get("detail", reason.key)
            _LOGGER.warning("The dashboard is not on %s: %s", self.entity_id, detail)
        self.errors[display] = reason

    def _dismiss(self, but: str | None = None) -> None:
        """Note that somebody wants nothing of this there: neither what was shown nor what comes after it.

        but: a display that is on its way, and was not seen yet.
        """
        wanted = {display.subentry_id for display in self._displays()}
        self._screen = self._screen.dismiss(wanted - {but})

    @callback
    def _state_changed(self, _event: Event[EventStateChangedData]) -> None:
        self._changed()

    @callback
    def _changed(self, _now: datetime | None = None) -> None:
        self.update()
        self._on_change()

    def _wake(self, due: float | None) -> None:
        """Decide again at a time, and not before unless something happens."""
        if self._cancel_timer:
            self._cancel_timer()
            self._cancel_timer = None
        if due is not None:
            wait = max(0.0, due - time.monotonic())
            self._cancel_timer = async_call_later(self._hass, wait, self._wake_up)

    @callback
    def _wake_up(self, _now: datetime) -> None:
        self._cancel_timer = None
        self._changed()
