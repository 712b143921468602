"""A cast session: one stream on one media player, from the start until somebody ends it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
import logging
import time
from typing import Any, Final, override

from homeassistant.components.media_player import (
    ATTR_MEDIA_CONTENT_ID,
    ATTR_MEDIA_CONTENT_TYPE,
    DOMAIN as MEDIA_PLAYER_DOMAIN,
    SERVICE_PLAY_MEDIA,
    MediaPlayerState,
)
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import (
    ATTR_ENTITY_ID,
    SERVICE_MEDIA_STOP,
    STATE_OFF,
    STATE_STANDBY,
    STATE_UNAVAILABLE,
)
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_state_change_event
from pychromecast import Chromecast
from pychromecast.config import APP_BACKDROP, APP_MEDIA_RECEIVER
from pychromecast.const import CAST_TYPE_CHROMECAST, MESSAGE_TYPE
from pychromecast.controllers.media import (
    MEDIA_PLAYER_ERROR_CODES,
    MEDIA_PLAYER_STATE_BUFFERING,
    MEDIA_PLAYER_STATE_PAUSED,
    MEDIA_PLAYER_STATE_PLAYING,
    STREAM_TYPE_LIVE,
    TYPE_SEEK,
    MediaStatus,
    MediaStatusListener,
)
from pychromecast.controllers.receiver import CastStatus, CastStatusListener
from pychromecast.error import PyChromecastError
from pychromecast.socket_client import (
    CONNECTION_STATUS_DISCONNECTED,
    CONNECTION_STATUS_LOST,
    ConnectionStatus,
    ConnectionStatusListener,
)

from .const import (
    CONTENT_TYPE_HLS,
    CONTENT_TYPE_MP4,
    LIVE_VIDEO,
    MASTER_PLAYLIST,
    STILL_PICTURE,
    TS_MASTER_PLAYLIST,
)
from .devices import is_away, is_cast_device
from .engine.stream import Stream
from .errors import (
    DashboardCastError,
    LoadFailedError,
    StartCancelledError,
    StartSupersededError,
    TargetNotScreenError,
)
from .issues import note_fetched, note_unfetched
from .live_edge import LiveEdge
from .models import Ending, Profile, Source, StreamFormat
from .sending import send_in_turn
from .urls import device_url, stream_path

_LOGGER = logging.getLogger(__name__)

# From the LOAD until pictures move; a Cast device that sleeps needs most of it.
LOAD_TIMEOUT_S: Final = 30.0
_COMMAND_TIMEOUT_S: Final = 10.0
# IdleReason and answers to LOAD (Google's media messages).
_IDLE_ERROR: Final = "ERROR"
_IDLE_INTERRUPTED: Final = "INTERRUPTED"
_IDLE_ENDINGS: Final = {"CANCELLED": Ending.CLOSED, _IDLE_INTERRUPTED: Ending.TAKEN}
_LOAD_FAILURES: Final = frozenset(("LOAD_FAILED", "INVALID_REQUEST"))
_ENDED_STATES: Final = frozenset((MediaPlayerState.IDLE, STATE_OFF, STATE_STANDBY, STATE_UNAVAILABLE))
# What a Cast device shows when no app of anybody's runs.
_OWN_SCREENS: Final = (None, APP_BACKDROP)
_STANDING: Final = frozenset((MEDIA_PLAYER_STATE_BUFFERING, MEDIA_PLAYER_STATE_PAUSED))
_CONNECTION_LOST: Final = frozenset((CONNECTION_STATUS_DISCONNECTED, CONNECTION_STATUS_LOST))


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a player is sent to a stream in one format."""

    name: str
    """Of what it fetches first."""
    content_type: str
    hints: dict[str, str] = field(default_factory=dict)
    """What LOAD adds to the media information (Cast's MediaInformation)."""


DELIVERIES: Final = {
    StreamFormat.HLS: Delivery(MASTER_PLAYLIST, CONTENT_TYPE_HLS, {"hlsVideoSegmentFormat": "fmp4"}),
    StreamFormat.HLS_TS: Delivery(
        TS_MASTER_PLAYLIST, CONTENT_TYPE_HLS, {"hlsVideoSegmentFormat": "mpeg2_ts"}
    ),
    StreamFormat.MP4: Delivery(LIVE_VIDEO, CONTENT_TYPE_MP4),
}
"""The formats, the best one first: without a wish they are tried in this order."""


class CastSession:
    """The binding of a stream to a media player.

    stream_format: the wanted format; with None a Cast device that cannot play one is sent to the next.
    owner: id of the display that it is for; None for a person or an automation that asked for it.
    previous: the session that plays there now. It goes on until this one plays, so that the media player
    never runs dry, and stays when this one fails before the media player heard of it.
    acquire: returns the running stream; raises a DashboardCastError.
    on_play: called once when the media player plays.
    on_end: called once when the session is over, whoever ended it.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        entity_id: str,
        source: Source,
        profile: Profile,
        *,
        stream_format: StreamFormat | None = None,
        owner: str | None = None,
        previous: CastSession | None = None,
        acquire: Callable[[CastSession], Awaitable[Stream]],
        on_play: Callable[[CastSession], None],
        on_end: Callable[[CastSession], None],
    ) -> None:
        self.entity_id = entity_id
        self.source = source
        self.profile = profile
        self.stream_format = stream_format
        self.owner = owner
        self.stream: Stream | None = None
        """The stream, once it runs."""
        self.ending: Ending | None = None
        """Why it is over, None while it is not."""
        self.reason: DashboardCastError | None = None
        """What who waits for it was told of that."""
        self.leaving = False
        """Whether it only stays until its successor plays."""
        self.previous = previous
        self._sent = False
        self._formats = deque([stream_format] if stream_format else DELIVERIES)
        self._hass = hass
        self._entry = entry
        self._acquire = acquire
        self._on_play = on_play
        self._on_end = on_end
        self._device: CastDevice | None = None
        self._sent_at: float | None = None
        self._playing: asyncio.Future[None] = hass.loop.create_future()
        self._unsubscribe: CALLBACK_TYPE | None = None
        self._live_edge = LiveEdge(hass, self._jump)
        self._starting = hass.async_create_background_task(
            self._async_start(), name=f"cast to {entity_id}", eager_start=False
        )

    async def async_started(self) -> None:
        """Wait until the media player plays; raises the DashboardCastError that kept it from that."""
        # Who waits for a future itself and is cancelled cancels it, and others wait for it too.
        await asyncio.wait([self._playing])
        self._playing.result()

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.ending is not None

    @property
    def is_playing(self) -> bool:
        """Whether the media player has begun to play the stream, and was not seen to end."""
        return self._playing.done() and not self.ended

    @property
    def is_held(self) -> bool:
        """Whether a display waits for a person who has paused it on the media player."""
        return self.owner is not None and self._hass.states.is_state(self.entity_id, MediaPlayerState.PAUSED)

    async def async_load(self, device: CastDevice) -> None:
        """Send LOAD to a Cast device; called back from Home Assistant's Cast integration."""
        if not device.has_screen:
            raise TargetNotScreenError(entity=self.entity_id)
        self._device = device
        self._sent = True
        await self._async_send(device)

    async def async_stop(
        self, reason: DashboardCastError | None = None, ending: Ending = Ending.STOPPED
    ) -> None:
        """Take the stream off the media player, when it still plays it, and end the session.

        reason: what who still waits for the start is told; None when somebody wanted the stop.
        """
        device, was_loading = self._device, self._sent
        self.end(reason or StartCancelledError(entity=self.entity_id), ending)
        with suppress(HomeAssistantError, PyChromecastError, TimeoutError):
            async with asyncio.timeout(_COMMAND_TIMEOUT_S):
                if device:
                    await self._hass.async_add_executor_job(device.stop, self)
                elif was_loading and not self._is_cast():
                    await self._async_call(SERVICE_MEDIA_STOP, {})

    @callback
    def supersede(self) -> None:
        """End the session because the media player is about to get another stream."""
        self.end(StartSupersededError(entity=self.entity_id), Ending.SUPERSEDED)

    @callback
    def end(self, reason: DashboardCastError, ending: Ending = Ending.FAILED) -> None:
        """End the session and leave the media player alone; who still waits for the start gets the reason."""
        if self.ended:
            return
        self.ending, self.reason = ending, reason
        _LOGGER.debug("Cast session of %s ended: %s", self.entity_id, reason)
        self._starting.cancel()
        self._live_edge.note_waiting()
        if self._unsubscribe:
            self._unsubscribe()
        if not self._playing.done():
            self._playing.set_exception(reason)
            # Perhaps nobody waits for it any more.
            self._playing.exception()
        if self._sent:
            self._end_previous()
        self._on_end(self)

    @callback
    def note_playing(self) -> None:
        """Note that pictures move on the media player."""
        if not self._playing.done():
            note_fetched(self._hass, self.entity_id)
            self._playing.set_result(None)
            self._end_previous()
            self._on_play(self)

    @callback
    def note_position(self, position: float, at: float, *, resumed: bool) -> None:
        """Note where a Cast device is that plays; see `LiveEdge.note_playing`."""
        if not self.ended:
            self._live_edge.note_playing(position, at, resumed=resumed)

    @callback
    def note_waiting(self) -> None:
        """Note that a Cast device stands still, for want of a person or of pictures."""
        self._live_edge.note_waiting()

    @callback
    def note_failed(self, detail: str) -> None:
        """Note that the media player cannot play the stream; in another format it perhaps can."""
        if self._playing.done() or len(self._formats) == 1:
            self._note_unfetched()
            self.note_over(detail)
            return
        _LOGGER.debug("%s does not play %s: %s", self.entity_id, self._formats.popleft(), detail)
        self._hass.async_create_background_task(self._async_send_again(), name=f"cast to {self.entity_id}")

    @callback
    def note_over(self, detail: str, ending: Ending = Ending.FAILED) -> None:
        """Note that the media player does not play the stream, or not any more."""
        self.end(self._load_failed(detail), ending)

    async def _async_start(self) -> None:
        try:
            self.stream = await self._acquire(self)
            async with asyncio.timeout(LOAD_TIMEOUT_S):
                await self._async_play(self.stream)
                await self.async_started()
        except DashboardCastError as error:
            self.end(error)
        except TimeoutError:
            self._note_unfetched()
            self.end(self._load_failed(f"no picture within {LOAD_TIMEOUT_S:g} s"))
        except HomeAssistantError as error:
            # Our own failures come back through Home Assistant's Cast integration in its words.
            cause = error.__cause__
            self.end(cause if isinstance(cause, DashboardCastError) else self._load_failed(str(error)))
        except PyChromecastError as error:
            self.end(self._load_failed(str(error)))
        except Exception as error:
            # Media players are other people's code, and somebody waits for an answer.
            _LOGGER.exception("Unexpected failure to cast to %s", self.entity_id)
            self.end(self._load_failed(repr(error)))

    async def _async_play(self, stream: Stream) -> None:
        """Have the media player's own integration play the stream."""
        if is_away(self._hass, self.entity_id):
            raise self._load_failed("out of reach")
        delivery = DELIVERIES[self._formats[0]]
        url = stream_path(stream.token, delivery.name)
        is_cast = self._is_cast()
        # A Cast device comes back to `async_load` through our cast platform, which knows its address.
        base = "" if is_cast else device_url(self._hass, self._entry, None)
        self._sent = not is_cast
        media = {ATTR_MEDIA_CONTENT_ID: base + url, ATTR_MEDIA_CONTENT_TYPE: delivery.content_type}
        await self._async_call(SERVICE_PLAY_MEDIA, media)
        if not is_cast:
            self._watch_state()
            self.note_playing()

    async def _async_send(self, device: CastDevice) -> None:
        """Send LOAD for the first format that is left."""
        assert self.stream is not None
        base = device_url(self._hass, self._entry, device.host)
        delivery = DELIVERIES[self._formats[0]]
        url, poster = (base + stream_path(self.stream.token, name) for name in (delivery.name, STILL_PICTURE))
        # Who is told to load asks for it before we hear of it.
        now = time.monotonic()
        await self._hass.async_add_executor_job(device.load, self, url, poster, delivery)
        self._sent_at = now

    async def _async_send_again(self) -> None:
        assert self._device is not None
        try:
            await self._async_send(self._device)
        except (DashboardCastError, PyChromecastError) as error:
            self.end(self._load_failed(str(error)))

    @callback
    def _jump(self) -> None:
        """Have a Cast device go on with what is live."""
        if self._device:
            _LOGGER.debug("%s has fallen behind", self.entity_id)
            self._hass.async_add_executor_job(self._device.seek_live, self)

    async def _async_call(self, service: str, data: dict[str, Any]) -> None:
        await self._hass.services.async_call(
            MEDIA_PLAYER_DOMAIN, service, {ATTR_ENTITY_ID: self.entity_id, **data}, blocking=True
        )

    def _end_previous(self) -> None:
        if self.previous:
            self.previous.supersede()
            self.previous = None

    def _load_failed(self, detail: str) -> LoadFailedError:
        url = self._device.url if self._device else ""
        return LoadFailedError(entity=self.entity_id, detail=detail, url=url)

    def _note_unfetched(self) -> None:
        """Note that a Cast device never asked for what it was told to play: it cannot reach us."""
        if self._device and self.stream and self._sent_at and self.stream.last_request < self._sent_at:
            note_unfetched(self._hass, self.entity_id, self._device.url)

    def _is_cast(self) -> bool:
        return is_cast_device(self._hass, self.entity_id)

    def _watch_state(self) -> None:
        """End the session when a media player that is no Cast device has played and does not any more."""
        state = self._hass.states.get(self.entity_id)
        played = state is not None and state.state not in _ENDED_STATES

        @callback
        def changed(event: Event[EventStateChangedData]) -> None:
            nonlocal played
            new = event.data["new_state"]
            if new is None or (played and new.state == STATE_UNAVAILABLE):
                self.note_over(new.state if new else "removed", Ending.LOST)
            elif played and new.state in _ENDED_STATES:
                self.note_over(new.state, Ending.CLOSED)
            elif new.state not in _ENDED_STATES:
                played = True

        self._unsubscribe = async_track_state_change_event(self._hass, self.entity_id, changed)


class CastDevice(MediaStatusListener, CastStatusListener, ConnectionStatusListener):
    """A Cast device, and the cast session that it is in now.

    There is one for each Chromecast object, as long as that lives: its listeners cannot be taken back. They
    are called in pychromecast's threads. Its other methods block.
    """

    def __init__(self, chromecast: Chromecast, loop: asyncio.AbstractEventLoop) -> None:
        """Listen to the device; loop: where sessions live."""
        self.url = ""
        """What it was sent to last."""
        self._chromecast = chromecast
        self._loop = loop
        self._session: CastSession | None = None
        self._app_session: str | None = None
        self._seekable = False
        self._paused = False
        self._replaced: int | None = None
        self._answered = False
        self._failed = False
        self._away = False
        send_in_turn(chromecast)
        chromecast.media_controller.register_status_listener(self)
        chromecast.register_status_listener(self)
        chromecast.register_connection_listener(self)

    @property
    def has_screen(self) -> bool:
        """Whether it shows pictures: speakers and groups of them do not."""
        return bool(self._chromecast.cast_type == CAST_TYPE_CHROMECAST)

    @property
    def host(self) -> str:
        """Its address."""
        return str(self._chromecast.cast_info.host)

    def load(self, session: CastSession, url: str, poster: str, delivery: Delivery) -> None:
        """Send LOAD on behalf of a session, which replaces the one before."""
        self.url = url
        self._app_session = None
        self._answered = self._failed = self._away = self._paused = False
        # What is one endless file has no other place to go to.
        self._seekable = delivery.content_type == CONTENT_TYPE_HLS
        self._session = session
        self._replaced = self._chromecast.media_controller.status.media_session_id
        if self._chromecast.app_id != APP_MEDIA_RECEIVER:
            # Else pychromecast would send LOAD to any app that plays media, which is anybody's.
            self._chromecast.start_app(APP_MEDIA_RECEIVER)
            if self._session is not session:
                # Somebody wants something else by now, or nothing.
                self._leave_app()
                return
        self._chromecast.media_controller.play_media(
            url,
            delivery.content_type,
            title=session.source.name,
            thumb=poster,
            stream_type=STREAM_TYPE_LIVE,
            media_info=delivery.hints,
            callback_function=lambda _sent, answer: self._take_answer(url, answer or {}),
        )

    def stop(self, session: CastSession) -> None:
        """Close the receiver app when it still shows what the session loaded."""
        if self._session is not session:
            return
        self._session = None
        # Until the device has taken the LOAD up, its status is about what it did before.
        loading = self._app_session is None and self._chromecast.app_id == APP_MEDIA_RECEIVER
        if loading or self._chromecast.media_controller.status.content_id == self.url:
            self._chromecast.quit_app()

    def _leave_app(self) -> None:
        """Close the app that was opened for what nobody wants any more."""
        if self._session is None:
            self._chromecast.quit_app()

    def seek_live(self, session: CastSession) -> None:
        """Have the device go on with what is live, when it still plays what the session loaded.

        A SEEK without a position leads there (Google's `chrome.cast.media.SeekRequest`).
        """
        controller = self._chromecast.media_controller
        if self._session is session and controller.status.content_id == self.url:
            seek = {MESSAGE_TYPE: TYPE_SEEK, "mediaSessionId": controller.status.media_session_id}
            with suppress(PyChromecastError):
                controller.send_message(seek, inc_session_id=True)

    @override
    def new_media_status(self, status: MediaStatus) -> None:
        # Until the LOAD is taken up, the status is about what the device did before.
        if status.content_id is None:
            # pychromecast forgets the status with the connection to the device, or to the app. What became of
            # the app is in the receiver's status, which follows.
            return
        if status.idle_reason == _IDLE_INTERRUPTED and status.media_session_id == self._replaced:
            # By our own LOAD. What was there before may have been the same stream.
            return
        if status.content_id != self.url:
            if self._app_session is not None:
                self._tell_over("the device plays something else", Ending.TAKEN)
        elif status.player_state == MEDIA_PLAYER_STATE_PLAYING:
            receiver = self._chromecast.status
            self._app_session = receiver.session_id if receiver else None
            self._tell(CastSession.note_playing)
            self._tell_position(status)
        elif status.player_state in _STANDING:
            self._paused |= status.player_state == MEDIA_PLAYER_STATE_PAUSED
            self._tell(CastSession.note_waiting)
        elif status.player_is_idle and status.idle_reason == _IDLE_ERROR:
            # A LOAD that fails is told in its answer, with a reason.
            if self._answered:
                self._tell_failed("the device cannot play it")
        elif status.player_is_idle and status.idle_reason:
            ending = _IDLE_ENDINGS.get(status.idle_reason, Ending.FAILED)
            self._tell_over(f"the device is idle: {status.idle_reason}", ending)

    @override
    def load_media_failed(self, queue_item_id: int, error_code: int) -> None:
        """Leave it to `_take_answer`, which knows what was to be loaded."""

    def _take_answer(self, url: str, answer: dict[str, Any]) -> None:
        """Take the device's answer to a LOAD."""
        if url != self.url:
            return
        self._answered = True
        if answer.get("type") in _LOAD_FAILURES:
            code = answer.get("detailedErrorCode")
            meaning = MEDIA_PLAYER_ERROR_CODES.get(code, "unknown error")
            self._tell_failed(f"the device could not load it: {meaning} ({code})")

    @override
    def new_cast_status(self, status: CastStatus) -> None:
        if self._app_session is not None:
            gone = status.session_id != self._app_session
        else:
            # It was switched off, or has crashed, before it told that it plays.
            gone = self._away and status.app_id != APP_MEDIA_RECEIVER
        if gone:
            self._tell_over(f"the device shows {status.display_name or 'its own screen'}", self._why(status))
        self._away = False

    @override
    def new_connection_status(self, status: ConnectionStatus) -> None:
        if status.status in _CONNECTION_LOST:
            self._away = True

    def _why(self, status: CastStatus) -> Ending:
        """Return why our app is not there any more."""
        if status.app_id not in _OWN_SCREENS:
            return Ending.TAKEN
        # One that was switched off and on, or has crashed, comes back with its own screen.
        return Ending.LOST if self._away else Ending.CLOSED

    def _tell_position(self, status: MediaStatus) -> None:
        position, at, resumed = status.current_time, time.monotonic(), self._paused
        self._paused = False
        if self._seekable and position is not None:
            self._tell(lambda session: session.note_position(position, at, resumed=resumed))

    def _tell_failed(self, detail: str) -> None:
        """Tell of a failure once: a device reports it as a failed LOAD and as a reason to be idle."""
        if not self._failed:
            self._failed = True
            self._tell(lambda session: session.note_failed(detail))

    def _tell_over(self, detail: str, ending: Ending) -> None:
        self._tell(lambda session: session.note_over(detail, ending))
        self._app_session = None
        self._session = None

    def _tell(self, what: Callable[[CastSession], None]) -> None:
        if session := self._session:
            self._loop.call_soon_threadsafe(what, session)
