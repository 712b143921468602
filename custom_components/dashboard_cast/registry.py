"""What runs: every stream and every cast session, and who ends them."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
import logging
import time
from typing import Any, Final, Never, Protocol
from weakref import WeakValueDictionary

from homeassistant.auth.models import User
from homeassistant.components.sun import STATE_BELOW_HORIZON
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import EVENT_LOVELACE_UPDATED, EVENT_PANELS_UPDATED
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import (
    async_call_later,
    async_track_state_change_event,
    async_track_time_interval,
)
from homeassistant.util import dt as dt_util
from pychromecast import Chromecast

from .auth import SignIn
from .casting import DELIVERIES, CastDevice, CastSession
from .const import DOMAIN
from .dashboards import async_check_dashboard
from .devices import playable
from .displays import Display, Displays
from .engine.cdp import Browser
from .engine.codecs import Codec
from .engine.homes import Homes
from .engine.rotation import rotate
from .engine.snapshot import snapshot
from .engine.stream import Stream
from .errors import (
    AdministratorNeededError,
    DashboardCastError,
    DashboardNotFoundError,
    EncoderFailedError,
    NothingShownError,
    NotSetUpError,
    ShowSupersededError,
    StartCancelledError,
    StreamNotFoundError,
    TargetNotFoundError,
    ViewNotFoundError,
)
from .issues import note_engine_failed, note_engine_works, note_fetched
from .models import Ending, Message, Profile, Source, StreamFormat
from .thumbnails import Thumbnails
from .urls import device_url, split_stream_url

_LOGGER = logging.getLogger(__name__)

# A stream that nobody asked for anything this long has no viewer any more.
VIEWER_TIMEOUT: Final = timedelta(seconds=60)
_VIEWER_CHECK: Final = timedelta(seconds=10)
_SUN: Final = "sun.sun"

# Pictures without a stream that are drawn at once: each is a page more in memory.
_SNAPSHOTS_AT_ONCE: Final = 2

_NOT_THERE: Final = (AdministratorNeededError, DashboardNotFoundError, ViewNotFoundError)

type DashboardCastConfigEntry = ConfigEntry[Registry]


@dataclass(eq=False)
class _Slot:
    """A stream with those it runs for."""

    stream: Stream
    ready: asyncio.Task[None]
    source: Source
    """What it is to show."""
    shown: Source
    """What it shows, or showed last."""
    switching: asyncio.Task[None] | None = None
    """Brings what it is to show, while that is something else than it shows."""
    turning: asyncio.Task[Never] | None = None
    """Shows its views in turn."""
    sessions: set[CastSession] = field(default_factory=set)
    waiting: int = 0
    """How many wait for its address."""
    linked: bool = False
    """Whether its address was given away: then it lives as long as somebody watches."""

    def want(self, source: Source) -> None:
        """Note what it is to show, also for those who ask for the same again."""
        self.source = source
        for session in self.sessions:
            session.source = source

    def cancel(self) -> None:
        """Give up what goes on for it besides the stream itself."""
        for task in (self.switching, self.turning):
            if task:
                task.cancel()


@dataclass(frozen=True, slots=True)
class _Timer:
    """Ends a session."""

    due: float
    """On the event loop's clock, which nobody sets."""
    cancel: CALLBACK_TYPE


class Waiting(Protocol):
    """What waits for its turn on a media player."""

    @callback
    def relieve(self, session: CastSession) -> bool:
        """Begin something in the place of what an action shows, which has come to its end.

        Returns False to have it simply taken off.
        """

    @callback
    def dismiss(self) -> None:
        """Wait no more: somebody has stopped everything that is to be shown there."""


class Registry:
    """The only owner of streams and cast sessions."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: DashboardCastConfigEntry,
        *,
        browser: Browser,
        ffmpeg: str,
        codecs: Sequence[Codec],
        homes: Homes,
    ) -> None:
        self._hass = hass
        self._entry = entry
        self._browser = browser
        self._ffmpeg = ffmpeg
        self._codecs = codecs
        self._homes = homes
        self._sign_in = SignIn(hass, entry, homes.first)
        self._slots: set[_Slot] = set()
        self._sessions: dict[str, CastSession] = {}
        self._timers: dict[CastSession, _Timer] = {}
        # A device lives as long as the object it listens to, which holds it.
        self._devices: WeakValueDictionary[int, CastDevice] = WeakValueDictionary()
        self._ending: set[asyncio.Task[None]] = set()
        self.displays = Displays()
        """What people have set up to be shown; a `Keeper` sees to it."""
        self._listeners: set[Callable[[CastSession], None]] = set()
        self._waiting: dict[str, Waiting] = {}
        self._on_shutdown: list[Callable[[], Awaitable[None]]] = []
        self._snapshots = asyncio.Semaphore(_SNAPSHOTS_AT_ONCE)
        self.thumbnails = Thumbnails(hass, entry, self.async_snapshot)
        """Pictures for lists of dashboards."""
        self._unwatch = async_track_time_interval(
            hass, self._end_unwatched, _VIEWER_CHECK, name="Dashboard Cast viewers"
        )
        entry.async_on_unload(async_track_state_change_event(hass, _SUN, self._sun_moved))
        entry.async_on_unload(hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, self._entity_changed))
        for changed in (EVENT_PANELS_UPDATED, EVENT_LOVELACE_UPDATED):
            entry.async_on_unload(hass.bus.async_listen(changed, self._async_dashboards_changed))

    @property
    def sessions(self) -> dict[str, CastSession]:
        """The cast sessions by media player."""
        return dict(self._sessions)

    @callback
    def async_listen(self, listener: Callable[[CastSession], None]) -> CALLBACK_TYPE:
        """Call a listener with each cast session that begins, plays or is over, until that is taken back."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    @callback
    def async_wait(self, entity_id: str, waiting: Waiting) -> CALLBACK_TYPE:
        """Let something wait for its turn on a media player, until that is taken back."""
        self._waiting[entity_id] = waiting

        @callback
        def forget() -> None:
            del self._waiting[entity_id]

        return forget

    @callback
    def async_on_shutdown(self, on_shutdown: Callable[[], Awaitable[None]]) -> None:
        """Call this before everything ends because Home Assistant stops, or the entry is unloaded."""
        self._on_shutdown.append(on_shutdown)

    @property
    def streams(self) -> list[Stream]:
        """The streams that run or start."""
        return [slot.stream for slot in self._slots]

    def stream_of(self, token: str) -> Stream | None:
        """Return the stream with this token."""
        return next((stream for stream in self.streams if stream.token == token), None)

    async def async_check(self, source: Source) -> None:
        """Check that there is what a source shows, and that it may be shown; raises a DashboardCastError."""
        for view in source.turns:
            if view.website:
                self._homes.gate(view.website.allowed).check(view.website.url)
            else:
                user = await self._sign_in.async_user(source.user)
                await async_check_dashboard(self._hass, view.path, user)

    async def async_cast(
        self,
        entity_id: str,
        source: Source,
        profile: Profile,
        duration: timedelta | None = None,
        stream_format: StreamFormat | None = None,
        *,
        owner: str | None = None,
    ) -> CastSession:
        """Show a source on a media player and return when it plays.

        stream_format: None for the best that the media player plays.
        owner: id of the display that it is for, if it is for one.
        duration: how long to show it; None for as long as nobody ends it. A media player that shows it
        already, or is about to, is left alone; one that shows another is given this one.
        Raises a DashboardCastError.
        """
        await self.async_check(source)
        profile = playable(self._hass, entity_id, profile)
        session = self._sessions.get(entity_id)
        wanted = (source, profile, stream_format)
        if session is None or (session.source, session.profile, session.stream_format) != wanted:
            session = self._open_session(entity_id, *wanted, owner)
        await session.async_started()
        if session.owner is None:
            # What is there for a display stays as long as that wants it.
            self._end_after(session, duration)
        for slot in self._slots_of([session]):
            await self._async_switched(slot)
        return session

    async def async_begin(
        self,
        entity_id: str,
        source: Source,
        profile: Profile,
        stream_format: StreamFormat | None,
        *,
        owner: str,
    ) -> CastSession:
        """Begin to show a source on a media player for a display, in the place of what is there.

        owner: id of the display. Returns at once; the session tells when it plays, and when it is over.
        Raises a DashboardCastError when there is nothing to show.
        """
        await self.async_check(source)
        profile = playable(self._hass, entity_id, profile)
        return self._open_session(entity_id, source, profile, stream_format, owner)

    async def async_show(self, entity_ids: Collection[str], change: Callable[[Source], Source]) -> None:
        """Show something else on media players that show something, in the streams that they play already.

        change: returns what to show instead of a source. A stream that also other media players play goes on
        as it is; those that are named are sent to one of their own.
        What is shown stays until the other is drawn, and for good when that fails. Raises NothingShownError
        before anything is changed, ShowSupersededError when something else is to be shown before this was
        drawn, or another DashboardCastError.
        """
        for session in [self._session_on(entity_id) for entity_id in entity_ids]:
            await session.async_started()
        # Those that play by now: some may have ended meanwhile.
        sessions = [self._session_on(entity_id) for entity_id in entity_ids]
        try:
            await at_once(self._async_change(slot, sessions, change) for slot in self._slots_of(sessions))
        finally:
            self._lead(sessions)

    async def async_show_in(self, url: str, change: Callable[[Source], Source]) -> None:
        """Show something else in the stream at an address, for whoever watches; raises as `async_show`.

        Raises StreamNotFoundError when there is none.
        """
        token, _ = split_stream_url(url)
        slot = next((slot for slot in self._slots if slot.stream.token == token), None)
        if slot is None:
            raise StreamNotFoundError
        await asyncio.wait([slot.ready])
        self._started(slot)
        sessions = [*slot.sessions]
        await self._async_change(slot, sessions, change)
        self._lead(sessions)

    def _lead(self, sessions: Iterable[CastSession]) -> None:
        """Have the displays of these sessions know what all their media players were made to show."""
        for owner in {session.owner for session in sessions if session.owner}:
            shown = {session.source for session in self._sessions.values() if session.owner == owner}
            display = self.displays.get(owner)
            if display and len(shown) == 1:
                display.follow(*shown)

    async def async_tell(self, entity_ids: Iterable[str] | None, message: Message) -> None:
        """Show a message over what these media players show, or over everything that is shown.

        Who shares a stream with them sees it, too. Raises NothingShownError before anything is changed.
        """
        if entity_ids is None:
            slots = [*self._slots]
        else:
            slots = self._slots_of([self._session_on(entity_id) for entity_id in entity_ids])
        await at_once(slot.stream.tell(message) for slot in slots)

    async def async_open(self, source: Source, profile: Profile) -> Stream:
        """Return a running stream for whoever gets its address; raises a DashboardCastError."""
        await self.async_check(source)
        slot = self._slot(source, profile)
        slot.waiting += 1
        try:
            await asyncio.wait([slot.ready])
            slot.linked = True
        finally:
            slot.waiting -= 1
            self._release(slot)
        return self._started(slot)

    async def async_open_display(self, display: Display) -> Stream:
        """Return a running stream of a display, the one that is shown where there is one.

        Raises a DashboardCastError.
        """
        return await self.async_open(display.source, display.profile)

    def stream_for(self, display: Display) -> Stream | None:
        """Return the stream that is shown for a display, or that somebody watches without a media player."""
        slot = self._running(display.source, display.profile)
        return display.stream or (slot.stream if slot else None)

    async def async_snapshot(self, source: Source, width: int, height: int) -> bytes:
        """Return a PNG of a source, so many pixels large; raises a DashboardCastError."""
        await self.async_check(source)
        async with self._snapshots:
            return await snapshot(
                self._browser,
                source,
                width,
                height,
                homes=self._homes,
                credentials=partial(self._sign_in.async_credentials, source.user),
            )

    async def async_user(self) -> User:
        """Return whom dashboards are drawn for; raises SignInFailedError."""
        return await self._sign_in.async_user()

    def base_url(self) -> str:
        """Return the address of Home Assistant that is given to who asks for a stream's address.

        Raises AddressNotFoundError.
        """
        return device_url(self._hass, self._entry, None)

    async def async_load(self, entity_id: str, chromecast: Chromecast, url: str) -> bool:
        """Send a Cast device to a stream of ours; return whether the URL is one.

        Raises a DashboardCastError.
        """
        token, name = split_stream_url(url)
        stream = self.stream_of(token)
        if stream is None:
            return False
        session = self._sessions.get(entity_id)
        if session is None or session.stream is not stream:
            # Somebody had the media player play a stream's address.
            source = next(slot.source for slot in self._slots if slot.stream is stream)
            session = self._open_session(entity_id, source, stream.profile, _format_of(name))
            await session.async_started()
            return True
        await session.async_load(self._device(chromecast))
        return True

    async def async_stop(self, entity_ids: set[str] | None = None) -> None:
        """End the cast sessions of these media players, or all of them, and what nobody watches then.

        What waits for its turn there waits no more, unless it was for the end of what an action shows on a
        media player that is named: that only makes room.
        """
        for entity_id, waiting in [*self._waiting.items()]:
            if entity_ids is None or (entity_id in entity_ids and not self._has_guest(entity_id)):
                waiting.dismiss()
        wanted = [
            session
            for entity_id, current in self._sessions.items()
            if entity_ids is None or entity_id in entity_ids
            for session in (current, current.previous)
            if session and not (entity_ids and self._relieve(session))
        ]
        ending = Ending.CLOSED if entity_ids is None else Ending.STOPPED
        await asyncio.gather(*(session.async_stop(ending=ending) for session in wanted))
        if entity_ids is None:
            for slot in list(self._slots):
                self._close(slot)
        await self._async_settle()

    @callback
    def withdraw(self, entity_id: str, owner: str) -> None:
        """Take a display off a media player, and end what nobody watches then."""
        current = self._sessions.get(entity_id)
        for session in (current, current.previous) if current else ():
            if session and session.owner == owner:
                self._soon(session.async_stop())

    @callback
    def clear(self, entity_id: str) -> None:
        """Take what only waits for its successor off a media player: there is none."""
        session = self._sessions.get(entity_id)
        if session and session.leaving:
            self._soon(session.async_stop())

    async def async_shutdown(self) -> None:
        """End everything."""
        for on_shutdown in self._on_shutdown:
            await on_shutdown()
        self._unwatch()
        await self.async_stop()
        await self._browser.stop()
        self._sign_in.revoke()

    def _open_session(
        self,
        entity_id: str,
        source: Source,
        profile: Profile,
        stream_format: StreamFormat | None,
        owner: str | None = None,
    ) -> CastSession:
        previous = self._sessions.get(entity_id)
        if previous and not previous.is_playing:
            still_playing = previous.previous
            previous.supersede()
            previous = still_playing
        session = CastSession(
            self._hass,
            self._entry,
            entity_id,
            source,
            profile,
            stream_format=stream_format,
            owner=owner,
            previous=previous,
            acquire=self._acquire,
            on_play=self._tell,
            on_end=self._session_ended,
        )
        self._sessions[entity_id] = session
        self._tell(session)
        return session

    def _tell(self, session: CastSession) -> None:
        for listener in [*self._listeners]:
            listener(session)

    async def _acquire(self, session: CastSession) -> Stream:
        """Return the running stream that a session wants."""
        slot = self._slot(session.source, session.profile)
        slot.sessions.add(session)
        await asyncio.wait([slot.ready])
        return self._started(slot)

    def _started(self, slot: _Slot) -> Stream:
        """Return a stream whose start is over; raises what kept it from starting."""
        if slot.ready.cancelled():
            raise StartCancelledError(entity=slot.stream.source.name)
        slot.ready.result()
        return slot.stream

    def _slot(self, source: Source, profile: Profile) -> _Slot:
        if running := self._running(source, profile):
            return running
        stream = Stream(
            source.turns[0],
            profile,
            browser=self._browser,
            ffmpeg=self._ffmpeg,
            codecs=self._codecs,
            homes=self._homes,
            credentials=partial(self._sign_in.async_credentials, source.user),
            night=self._is_night,
            on_end=lambda reason: self._stream_ended(slot, reason),
            timezone=dt_util.get_default_time_zone(),
        )
        ready = self._entry.async_create_background_task(
            self._hass, stream.start(), name=f"start stream {source.name}", eager_start=False
        )
        slot = _Slot(stream, ready, source, source)
        self._slots.add(slot)

        @callback
        def started(task: asyncio.Task[None]) -> None:
            # When nobody waits any more for a start that fails, that is no news.
            if not task.cancelled() and task.exception() is None:
                note_engine_works(self._hass)
                self._turn(slot)

        ready.add_done_callback(started)
        return slot

    def _running(self, source: Source, profile: Profile) -> _Slot | None:
        """Return the stream of a source that runs or starts."""
        # One that is about to change is nobody's to join: the change may fail.
        same = (source, source, profile)
        found = (slot for slot in self._slots if (slot.source, slot.shown, slot.stream.profile) == same)
        return next(found, None)

    def _turn(self, slot: _Slot) -> None:
        """Begin to show the views of a stream in turn, when it has several."""
        if slot.source.views and slot in self._slots:
            slot.turning = self._entry.async_create_background_task(
                self._hass,
                rotate(slot.stream, slot.source.turns, slot.source.interval),
                name=f"rotate {slot.source.name}",
                eager_start=False,
            )

    def _session_on(self, entity_id: str) -> CastSession:
        """Return the session of a media player; raises NothingShownError."""
        session = self._sessions.get(entity_id)
        if session is None:
            raise NothingShownError(entity=entity_id)
        return session

    def _slots_of(self, sessions: Iterable[CastSession]) -> list[_Slot]:
        wanted = set(sessions)
        return [slot for slot in self._slots if slot.sessions & wanted]

    async def _async_change(
        self, slot: _Slot, sessions: Iterable[CastSession], change: Callable[[Source], Source]
    ) -> None:
        """Show something else on those of a stream's media players that these sessions are on."""
        source = change(slot.source)
        await self.async_check(source)
        if slot not in self._slots:
            raise ShowSupersededError(path=source.name)
        wanted = slot.sessions & set(sessions)
        if source == slot.source:
            await self._async_switched(slot)
        elif slot.sessions == wanted and source.user == slot.source.user:
            await self._async_switch(slot, source)
        else:
            await at_once(self._async_part(session, source) for session in wanted)

    async def _async_part(self, session: CastSession, source: Source) -> None:
        """Send a media player to a stream of its own, for as long as it was to show the one before."""
        timer = self._timers.get(session)
        duration = timedelta(seconds=timer.due - self._hass.loop.time()) if timer else None
        await self.async_cast(
            session.entity_id, source, session.profile, duration, session.stream_format, owner=session.owner
        )

    async def _async_switch(self, slot: _Slot, source: Source) -> None:
        """Show another source in a stream; whoever wanted yet another one is told."""
        slot.cancel()
        slot.want(source)
        slot.switching = self._entry.async_create_background_task(
            self._hass, self._async_bring(slot, source), name=f"show {source.name}", eager_start=False
        )
        # When nobody waits any more for what fails, that is no news.
        slot.switching.add_done_callback(lambda task: task.cancelled() or task.exception())
        await self._async_switched(slot)

    async def _async_bring(self, slot: _Slot, source: Source) -> None:
        try:
            await slot.stream.show(source.turns[0])
        except DashboardCastError:
            slot.want(slot.shown)
            raise
        finally:
            if slot.stream.source == source.turns[0]:
                slot.shown = source
            if slot.switching is asyncio.current_task():
                slot.switching = None
                self._turn(slot)

    async def _async_switched(self, slot: _Slot) -> None:
        """Wait until a stream shows what it is to show; raises what kept it from that."""
        if switching := slot.switching:
            path = slot.source.name
            await asyncio.wait([switching])
            if switching.cancelled():
                raise ShowSupersededError(path=path)
            switching.result()

    @callback
    def _session_ended(self, session: CastSession) -> None:
        if timer := self._timers.pop(session, None):
            timer.cancel()
        if self._sessions.get(session.entity_id) is session:
            del self._sessions[session.entity_id]
            if session.previous and not session.previous.ended:
                self._sessions[session.entity_id] = session.previous
                self.clear(session.entity_id)
        for slot in list(self._slots):
            if session in slot.sessions:
                slot.sessions.remove(session)
                self._release(slot)
        self._tell(session)

    @callback
    def _stream_ended(self, slot: _Slot, reason: BaseException | None) -> None:
        """Forget a stream that has ended, and end its cast sessions."""
        self._slots.discard(slot)
        slot.cancel()
        note_engine_failed(self._hass, reason)
        if isinstance(reason, DashboardCastError):
            error = reason
        else:
            error = EncoderFailedError(detail=str(reason or "the stream has ended"))
        for session in list(slot.sessions):
            self._soon(session.async_stop(error, Ending.FAILED))

    def _release(self, slot: _Slot) -> None:
        """End a stream that nobody is left for."""
        if not slot.sessions and not slot.waiting and not slot.linked:
            self._close(slot)

    def _close(self, slot: _Slot) -> None:
        self._slots.discard(slot)
        self._soon(self._async_close(slot))

    async def _async_close(self, slot: _Slot) -> None:
        slot.cancel()
        slot.ready.cancel()
        await asyncio.gather(slot.ready, return_exceptions=True)
        await slot.stream.stop()

    @callback
    def _end_unwatched(self, _now: Any) -> None:
        limit = time.monotonic() - VIEWER_TIMEOUT.total_seconds()
        for slot in list(self._slots):
            # Some players fetch nothing while they are paused.
            held = any(session.is_held for session in slot.sessions)
            if slot.ready.done() and slot.stream.last_request < limit and not held:
                _LOGGER.debug("Nobody watches %s", slot.stream.source.name)
                self._close(slot)

    def _is_night(self) -> bool:
        return self._hass.states.is_state(_SUN, STATE_BELOW_HORIZON)

    @callback
    def _sun_moved(self, event: Event[EventStateChangedData]) -> None:
        """Let pages that follow the sun do so; its height, which changes all the time, is nothing to them."""
        before, after = event.data["old_state"], event.data["new_state"]
        if before and after and before.state == after.state:
            return
        for stream in self.streams:
            self._soon(stream.follow_sun())

    @callback
    def _entity_changed(self, event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        """End what a media player shows that is removed from Home Assistant: nobody could end it later."""
        if event.data["action"] != "remove":
            return
        entity_id = event.data["entity_id"]
        note_fetched(self._hass, entity_id)
        if session := self._sessions.get(entity_id):
            # Nobody has stopped it: a display stays wanted.
            self._soon(session.async_stop(TargetNotFoundError(entity=entity_id), Ending.LOST))

    async def _async_dashboards_changed(self, _event: Event) -> None:
        """End what shows a dashboard or a view that is gone, or that its user may not see any more.

        The frontend would show another one in its place.
        """
        for slot in list(self._slots):
            try:
                await self.async_check(slot.source)
            except _NOT_THERE as error:
                self._stream_ended(slot, error)
                self._close(slot)

    def _end_after(self, session: CastSession, duration: timedelta | None) -> None:
        """Set, or take back, the end of a session."""
        if timer := self._timers.pop(session, None):
            timer.cancel()
        if duration is None:
            return

        @callback
        def end(_now: Any) -> None:
            self._timers.pop(session, None)
            if not self._relieve(session):
                self._soon(session.async_stop())

        self._timers[session] = _Timer(
            self._hass.loop.time() + duration.total_seconds(), async_call_later(self._hass, duration, end)
        )

    def _relieve(self, session: CastSession) -> bool:
        """Let a display take the place of a session whose end has come; return whether one does."""
        waiting = self._waiting.get(session.entity_id)
        return bool(waiting and _is_guest(session) and waiting.relieve(session))

    def _has_guest(self, entity_id: str) -> bool:
        current = self._sessions.get(entity_id)
        return bool(current and any(_is_guest(one) for one in (current, current.previous) if one))

    def _device(self, chromecast: Chromecast) -> CastDevice:
        device = self._devices.get(id(chromecast))
        if device is None:
            device = self._devices[id(chromecast)] = CastDevice(chromecast, self._hass.loop)
        return device

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._hass.async_create_background_task(work, name="Dashboard Cast end", eager_start=False)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _async_settle(self) -> None:
        """Wait until everything that was told to end has ended."""
        while self._ending:
            await asyncio.wait(self._ending)


async def at_once(work: Iterable[Coroutine[Any, Any, Any]]) -> None:
    """Do several things at once; when some fail the others go on, and the first failure is raised."""
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def _is_guest(session: CastSession) -> bool:
    """Return whether this is what an action shows, and has come to show."""
    return session.owner is None and session.is_playing


def _format_of(name: str) -> StreamFormat | None:
    """Return the format that begins with what has this name; None when players may choose."""
    formats = {delivery.name: stream_format for stream_format, delivery in DELIVERIES.items()}
    found = formats.get(name)
    return None if found is StreamFormat.HLS else found


@callback
def loaded_registry(hass: HomeAssistant) -> Registry | None:
    """Return the registry, None while the integration is not set up."""
    entries: list[DashboardCastConfigEntry] = hass.config_entries.async_entries(DOMAIN)
    return next((entry.runtime_data for entry in entries if entry.state is ConfigEntryState.LOADED), None)


@callback
def running_registry(hass: HomeAssistant) -> Registry:
    """Return the registry; raises NotSetUpError while the integration is not set up."""
    registry = loaded_registry(hass)
    if registry is None:
        raise NotSetUpError
    return registry
