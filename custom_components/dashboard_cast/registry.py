"""What runs: every stream and every cast session, and who ends them."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
import logging
import time
from typing import Any, Final
from weakref import WeakValueDictionary

from homeassistant.components.sun import STATE_BELOW_HORIZON
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, callback
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
from .engine.cdp import Browser
from .engine.codecs import Codec
from .engine.gate import Gate
from .engine.homes import Homes
from .engine.stream import Stream
from .errors import DashboardCastError, EncoderFailedError, StartCancelledError
from .models import Profile, Source, StreamFormat
from .urls import device_url, split_stream_url

_LOGGER = logging.getLogger(__name__)

# A stream that nobody asked for anything this long has no viewer any more.
VIEWER_TIMEOUT: Final = timedelta(seconds=60)
_VIEWER_CHECK: Final = timedelta(seconds=10)
_SUN: Final = "sun.sun"

type DashboardCastConfigEntry = ConfigEntry[Registry]


@dataclass(eq=False)
class _Slot:
    """A stream with those it runs for."""

    stream: Stream
    ready: asyncio.Task[None]
    sessions: set[CastSession] = field(default_factory=set)
    waiting: int = 0
    """How many wait for its address."""
    linked: bool = False
    """Whether its address was given away: then it lives as long as somebody watches."""


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
        self._timers: dict[CastSession, CALLBACK_TYPE] = {}
        # A device lives as long as the object it listens to, which holds it.
        self._devices: WeakValueDictionary[int, CastDevice] = WeakValueDictionary()
        self._ending: set[asyncio.Task[None]] = set()
        self._unwatch = async_track_time_interval(
            hass, self._end_unwatched, _VIEWER_CHECK, name="Dashboard Cast viewers"
        )
        entry.async_on_unload(async_track_state_change_event(hass, _SUN, self._sun_moved))

    @property
    def sessions(self) -> dict[str, CastSession]:
        """The cast sessions by media player."""
        return dict(self._sessions)

    @property
    def streams(self) -> list[Stream]:
        """The streams that run or start."""
        return [slot.stream for slot in self._slots]

    def stream_of(self, token: str) -> Stream | None:
        """Return the stream with this token."""
        return next((stream for stream in self.streams if stream.token == token), None)

    async def async_cast(
        self,
        entity_id: str,
        source: Source,
        profile: Profile,
        duration: timedelta | None = None,
        stream_format: StreamFormat | None = None,
    ) -> CastSession:
        """Show a source on a media player and return when it plays.

        stream_format: None for the best that the media player plays.
        duration: how long to show it; None for as long as nobody ends it. A media player that shows it
        already, or is about to, is left alone; one that shows another is given this one.
        Raises a DashboardCastError.
        """
        await self._async_check(source)
        profile = playable(self._hass, entity_id, profile)
        session = self._sessions.get(entity_id)
        wanted = (source, profile, stream_format)
        if session is None or (session.source, session.profile, session.stream_format) != wanted:
            session = self._open_session(entity_id, *wanted)
        await session.async_started()
        self._end_after(session, duration)
        return session

    async def async_open(self, source: Source, profile: Profile) -> Stream:
        """Return a running stream for whoever gets its address; raises a DashboardCastError."""
        await self._async_check(source)
        slot = self._slot(source, profile)
        slot.waiting += 1
        try:
            await asyncio.wait([slot.ready])
            slot.linked = True
        finally:
            slot.waiting -= 1
            self._release(slot)
        return self._started(slot)

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
            session = self._open_session(entity_id, stream.source, stream.profile, _format_of(name))
            await session.async_started()
            return True
        await session.async_load(self._device(chromecast))
        return True

    async def async_stop(self, entity_ids: set[str] | None = None) -> None:
        """End the cast sessions of these media players, or all of them, and what nobody watches then."""
        wanted = [
            session
            for entity_id, current in self._sessions.items()
            if entity_ids is None or entity_id in entity_ids
            for session in (current, current.previous)
            if session
        ]
        await asyncio.gather(*(session.async_stop() for session in wanted))
        if entity_ids is None:
            for slot in list(self._slots):
                self._close(slot)
        await self._async_settle()

    async def async_shutdown(self) -> None:
        """End everything."""
        self._unwatch()
        await self.async_stop()
        await self._browser.stop()
        self._sign_in.revoke()

    async def _async_check(self, source: Source) -> None:
        if source.website:
            Gate(*self._homes.addresses, allowed=source.website.allowed).check(source.website.url)
        else:
            await async_check_dashboard(self._hass, source.path, await self._sign_in.async_user())

    def _open_session(
        self, entity_id: str, source: Source, profile: Profile, stream_format: StreamFormat | None
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
            previous=previous,
            acquire=self._acquire,
            on_end=self._session_ended,
        )
        self._sessions[entity_id] = session
        return session

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
        for slot in self._slots:
            if (slot.stream.source, slot.stream.profile) == (source, profile):
                return slot
        stream = Stream(
            source,
            profile,
            browser=self._browser,
            ffmpeg=self._ffmpeg,
            codecs=self._codecs,
            homes=self._homes,
            credentials=self._sign_in.async_credentials,
            night=self._is_night,
            on_end=lambda reason: self._stream_ended(slot, reason),
            timezone=dt_util.get_default_time_zone(),
        )
        ready = self._entry.async_create_background_task(
            self._hass, stream.start(), name=f"start stream {source.name}", eager_start=False
        )
        # When nobody waits any more for a start that fails, that is no news.
        ready.add_done_callback(lambda task: task.cancelled() or task.exception())
        slot = _Slot(stream, ready)
        self._slots.add(slot)
        return slot

    @callback
    def _session_ended(self, session: CastSession) -> None:
        if cancel := self._timers.pop(session, None):
            cancel()
        if self._sessions.get(session.entity_id) is session:
            del self._sessions[session.entity_id]
            if session.previous and not session.previous.ended:
                self._sessions[session.entity_id] = session.previous
        for slot in list(self._slots):
            if session in slot.sessions:
                slot.sessions.remove(session)
                self._release(slot)

    @callback
    def _stream_ended(self, slot: _Slot, reason: BaseException | None) -> None:
        """Forget a stream that has ended, and end its cast sessions."""
        self._slots.discard(slot)
        if isinstance(reason, DashboardCastError):
            error = reason
        else:
            error = EncoderFailedError(detail=str(reason or "the stream has ended"))
        for session in list(slot.sessions):
            self._soon(session.async_stop(error))

    def _release(self, slot: _Slot) -> None:
        """End a stream that nobody is left for."""
        if not slot.sessions and not slot.waiting and not slot.linked:
            self._close(slot)

    def _close(self, slot: _Slot) -> None:
        self._slots.discard(slot)
        self._soon(self._async_close(slot))

    async def _async_close(self, slot: _Slot) -> None:
        slot.ready.cancel()
        await asyncio.gather(slot.ready, return_exceptions=True)
        await slot.stream.stop()

    @callback
    def _end_unwatched(self, _now: Any) -> None:
        limit = time.monotonic() - VIEWER_TIMEOUT.total_seconds()
        for slot in list(self._slots):
            if slot.ready.done() and slot.stream.last_request < limit:
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

    def _end_after(self, session: CastSession, duration: timedelta | None) -> None:
        """Set, or take back, the end of a session."""
        if cancel := self._timers.pop(session, None):
            cancel()
        if duration is None:
            return

        @callback
        def end(_now: Any) -> None:
            self._timers.pop(session, None)
            self._soon(session.async_stop())

        self._timers[session] = async_call_later(self._hass, duration, end)

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
