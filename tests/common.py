"""What the tests of Home Assistant's side share: a home with dashboards, and stand-ins at its edges."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
import re
import ssl
from threading import Thread
import time
from types import MappingProxyType, SimpleNamespace
from typing import Any, Final, override
from uuid import UUID

from aiohttp.test_utils import TestClient
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.media_player import (
    DOMAIN as MEDIA_PLAYER_DOMAIN,
    MediaPlayerEntity,
    MediaPlayerEntityFeature,
    MediaPlayerState,
)
from homeassistant.components.switch import DOMAIN as SWITCH_DOMAIN
from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.discovery import async_load_platform
from homeassistant.helpers.entity_platform import AddEntitiesCallback
from homeassistant.helpers.typing import ConfigType, DiscoveryInfoType
import probatio
from pychromecast.const import CAST_TYPE_CHROMECAST
from pychromecast.controllers.media import MediaStatus, MediaStatusListener
from pychromecast.controllers.receiver import CastStatus, CastStatusListener
from pychromecast.models import CastInfo
from pychromecast.response_handler import CallbackType
from pychromecast.socket_client import ConnectionStatus, ConnectionStatusListener, NetworkAddress

# The plugin has no types: it is imported here for all tests.
from pytest_homeassistant_custom_component.common import (  # type: ignore[import-untyped]
    MockConfigEntry,
    MockModule,
    MockPlatform,
    MockUser,
    async_fire_time_changed,
    get_schema_suggested_value,
    get_system_health_info,
    mock_integration,
    mock_platform,
)
from pytest_homeassistant_custom_component.syrupy import (  # type: ignore[import-untyped]
    HomeAssistantSnapshotExtension,
)
from pytest_homeassistant_custom_component.typing import (  # type: ignore[import-untyped]
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.dashboard_cast.cast import async_play_media
from custom_components.dashboard_cast.casting import CastSession
from custom_components.dashboard_cast.const import MASTER_PLAYLIST
from custom_components.dashboard_cast.displays import SUBENTRY_DISPLAY, Display
from custom_components.dashboard_cast.engine import fmp4
from custom_components.dashboard_cast.engine.cdp import Browser, Tab
from custom_components.dashboard_cast.engine.figures import Figures
from custom_components.dashboard_cast.engine.homes import Homes
from custom_components.dashboard_cast.engine.pacer import PART_US, SEGMENT_US
from custom_components.dashboard_cast.engine.page import Credentials
from custom_components.dashboard_cast.engine.segments import PART_TICKS, SegmentStore
from custom_components.dashboard_cast.engine.stream import READY_SEGMENTS, Stream
from custom_components.dashboard_cast.errors import DashboardCastError
from custom_components.dashboard_cast.models import Message, Profile, Sample, Source
from custom_components.dashboard_cast.proof import Proof
from custom_components.dashboard_cast.registry import Registry
from custom_components.dashboard_cast.rules import Status
from custom_components.dashboard_cast.urls import stream_path

__all__ = [
    "ClientSessionGenerator",
    "HomeAssistantSnapshotExtension",
    "MockConfigEntry",
    "MockModule",
    "MockPlatform",
    "MockUser",
    "WebSocketGenerator",
    "async_fire_time_changed",
    "get_schema_suggested_value",
    "get_system_health_info",
    "mock_integration",
    "mock_platform",
]

INTEGRATION: Final = Path(__file__).parent.parent / "custom_components" / "dashboard_cast"

PATH: Final = "/tv-wall/0"
"""A dashboard's view that is there."""
SOURCE: Final = Source(path=PATH)
OTHER_SOURCE: Final = Source(path="/tv-wall/kitchen")
PROFILE: Final = Profile()
TV: Final = "media_player.tv"
"""A Cast device with a screen."""
SECOND_TV: Final = "media_player.second_tv"
"""Another."""
PLAYER: Final = "media_player.player"
"""A media player that is no Cast device."""
NEVER: Final = {"template": "{{ false }}"}
"""Rules of a display that is only shown when somebody asks for it."""
SWITCH: Final = "switch.wall_show"
"""That of a display that is called "Wall"."""
SETTLED: Final = 4
"""Longer than a media player needs to settle, in seconds."""
RESTED: Final = 61
"""Longer than it has to be idle after something else, in seconds."""

JPEG: Final = b"\xff\xd8 a picture \xff\xd9"
AVCC: Final = bytes.fromhex(
    "01640029ffe1001d67640029acb402802dd80b5010101a50000003001000000301e8f1832a01000568ee06f2c0fdf8f800"
)
"""What x264 says of 1280 x 720."""
INIT: Final = fmp4.init(AVCC, PROFILE.width, PROFILE.height)


def picture(index: int) -> Sample:
    """Return the picture on a point of the grid; it is not to be decoded."""
    keyframe = index % (SEGMENT_US // PART_US) == 0
    nal = (b"\x65" if keyframe else b"\x41") + bytes((index + offset) % 256 for offset in range(100))
    return Sample(len(nal).to_bytes(4) + nal, index * PART_TICKS, keyframe)


def fill(store: SegmentStore, count: int = READY_SEGMENTS) -> None:
    """Put `count` more complete segments into a store, and the first picture of the one after."""
    first = 0 if store.current is None else store.next_part + 1
    for index in range(first, store.next_part + count * SEGMENT_US // PART_US + 1):
        store.add(AVCC, picture(index))


class FakeBrowser(Browser):
    """A browser without tabs, which nobody may ask for one."""

    def __init__(self, executable: str | None = None) -> None:
        self.executable = executable
        self.stopped = False

    @override
    async def open_tab(self) -> Tab:
        raise AssertionError("streams are stand-ins here")

    @override
    async def stop(self) -> None:
        self.stopped = True


class FakeStream(Stream):
    """A stream that neither draws nor encodes; it starts, ends and tells of it as a real one does."""

    def __init__(
        self, source: Source, profile: Profile, *, browser: Browser, studio: Studio, **keywords: Any
    ) -> None:
        super().__init__(source, profile, browser=browser, **keywords)
        self.browser = browser
        self.ffmpeg: str = keywords["ffmpeg"]
        self.homes: Homes = keywords["homes"]
        self.credentials: Credentials = keywords["credentials"]
        self.ended = False
        self.picture = JPEG
        self.asked: list[Source] = []
        """What it was to show after its start."""
        self.told: list[Message] = []
        """The messages that it was to show."""
        self.measured = Figures(time=0, viewers=1, delay=0.24, pictures=0, memory=42_000_000, cpu_time=0.0)
        """What is known of it, but for the time."""
        self._tell_end: Callable[[BaseException | None], None] = keywords["on_end"]
        self._studio = studio

    @property
    @override
    def still(self) -> bytes | None:
        return self.picture if self.store.segments else None

    @override
    async def start(self) -> None:
        try:
            await self._studio.admit()
        except DashboardCastError as error:
            await self.fail(error)
            raise
        except BaseException:
            await self.stop()
            raise
        fill(self.store)
        self.touch()

    @override
    async def show(self, source: Source) -> None:
        self.asked.append(source)
        await self._studio.admit()
        self.source = source

    @override
    async def figures(self) -> Figures:
        return replace(self.measured, time=time.monotonic())

    @override
    async def tell(self, message: Message) -> None:
        self.told.append(message)

    @override
    async def stop(self) -> None:
        await self.fail(None)

    async def fail(self, reason: BaseException | None) -> None:
        """End, as a stream does that cannot go on when there is a reason."""
        if self.ended:
            return
        self.ended = True
        self.store.close()
        await asyncio.sleep(0)
        self._tell_end(reason)


def _open() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


@dataclass
class Studio:
    """Makes the streams, and decides how they start and come to show something else."""

    failure: Exception | None = None
    """What the next start, or the next change, fails with."""
    streams: list[FakeStream] = field(default_factory=list)
    """All that were made."""
    gate: asyncio.Event = field(default_factory=_open)
    """Open while streams may start, and pages are drawn."""

    def make(self, *arguments: Any, **keywords: Any) -> FakeStream:
        """Return a new stream."""
        stream = FakeStream(*arguments, studio=self, **keywords)
        self.streams.append(stream)
        return stream

    async def admit(self) -> None:
        """Let a stream begin, once that may be; raises what it is to fail with."""
        await self.gate.wait()
        if self.failure:
            raise self.failure

    @property
    def only(self) -> FakeStream:
        """The one stream that was made."""
        (stream,) = self.streams
        return stream


class FakeMediaController:
    """What a Cast device was told to play, and what it says about it."""

    def __init__(self) -> None:
        self.status = MediaStatus()
        self.loads: list[tuple[str, str, dict[str, Any]]] = []
        self.listeners: list[MediaStatusListener] = []
        self._answer_load: CallbackType = lambda _sent, _answer: None
        self.answer: dict[str, Any] | None = {"playerState": "PLAYING"}
        """The status that follows a LOAD; None for none."""
        self.seeks: list[dict[str, Any]] = []
        """The SEEK messages that it was sent."""
        self.late = 0.0
        """How far it is behind, in seconds."""
        self.plays: set[str] | None = None
        """The names of what it can play; None for everything."""

    def register_status_listener(self, listener: MediaStatusListener) -> None:
        """Remember who listens."""
        self.listeners.append(listener)

    def play_media(self, url: str, content_type: str, **options: Any) -> None:
        """Note a LOAD and play it; what was played before is interrupted by that."""
        self._answer_load = options.pop("callback_function")
        if self.status.player_state == "PLAYING":
            self.report(playerState="IDLE", idleReason="INTERRUPTED")
        self.loads.append((url, content_type, options))
        if self.plays is not None and url.rpartition("/")[2] not in self.plays:
            self.fail(url)
        elif self.answer:
            self._answer_load(True, {"type": "MEDIA_STATUS"})  # noqa: FBT003
            self.report(url, **self.answer)

    def send_message(self, message: dict[str, Any], *, inc_session_id: bool) -> None:
        """Note a SEEK."""
        assert inc_session_id
        self.seeks.append(message)

    def fail(self, url: str, code: int = 104) -> None:
        """Fail to load, as devices do: they say it twice."""
        answer_load = self._answer_load
        self.report(url, playerState="IDLE", idleReason="ERROR")
        answer_load(True, {"type": "LOAD_FAILED", "detailedErrorCode": code})  # noqa: FBT003

    def report(self, url: str | None = None, **status: Any) -> None:
        """Send a media status."""
        media = {"media": {"contentId": url}} if url else {}
        where = {"mediaSessionId": len(self.loads), "currentTime": time.monotonic() - self.late}
        self.status.update({"status": [{**where, **status, **media}]})
        for listener in self.listeners:
            listener.new_media_status(self.status)


class FakeChromecast:
    """A Cast device as pychromecast shows it."""

    def __init__(self, cast_type: str = CAST_TYPE_CHROMECAST, host: str = "10.10.10.20") -> None:
        self.cast_type = cast_type
        self.cast_info = CastInfo(set(), UUID(int=1), "TV", "TV", host, 8009, cast_type, "Google")
        self.media_controller = FakeMediaController()
        self.socket_client: Any = SimpleNamespace(
            send_message=lambda: None, media_controller=self.media_controller, is_connected=False
        )
        """That it is connected is asked only while it is away."""
        self.status: CastStatus | None = cast_status("ours")
        self.listeners: list[CastStatusListener] = []
        self.connection_listeners: list[ConnectionStatusListener] = []
        self.quits = 0
        self.started: list[str] = []
        """The apps that it was told to open."""
        self.ignore_cec = False
        self.on_start: Callable[[], None] = lambda: None
        """Called while it opens an app."""

    def start_app(self, app_id: str) -> None:
        """Open an app."""
        self.started.append(app_id)
        self.on_start()

    def register_status_listener(self, listener: CastStatusListener) -> None:
        """Remember who listens."""
        self.listeners.append(listener)

    def register_connection_listener(self, listener: ConnectionStatusListener) -> None:
        """Remember who listens."""
        self.connection_listeners.append(listener)

    def lose(self) -> None:
        """Lose the connection, as pychromecast tells of it: first the status is gone."""
        self.media_controller.report(None)
        for listener in self.connection_listeners:
            listener.new_connection_status(
                ConnectionStatus("LOST", NetworkAddress("10.10.10.20", 8009), None)
            )

    def quit_app(self) -> None:
        """Close the app."""
        self.quits += 1

    def report(self, status: CastStatus) -> None:
        """Send a receiver status."""
        self.status = status
        for listener in self.listeners:
            listener.new_cast_status(status)

    @property
    def app_id(self) -> str | None:
        """The app that it shows."""
        return self.status.app_id if self.status else None

    @property
    def urls(self) -> list[str]:
        """What it was told to play."""
        return [url for url, _, _ in self.media_controller.loads]


def cast_status(
    session_id: str | None,
    display_name: str | None = "Default Media Receiver",
    app_id: str | None = "CC1AD845",
) -> CastStatus:
    """Return the status of a receiver that shows an app."""
    return CastStatus(
        is_active_input=True,
        is_stand_by=False,
        volume_level=1.0,
        volume_muted=False,
        app_id=app_id,
        display_name=display_name,
        namespaces=[],
        session_id=session_id,
        transport_id=session_id,
        status_text="",
        icon_url=None,
        volume_control_type="fixed",
    )


class FakePlayer(MediaPlayerEntity):
    """A media player of some other integration."""

    _attr_should_poll = False
    _attr_supported_features = (
        MediaPlayerEntityFeature.PLAY_MEDIA
        | MediaPlayerEntityFeature.STOP
        | MediaPlayerEntityFeature.VOLUME_MUTE
        | MediaPlayerEntityFeature.VOLUME_SET
    )
    _attr_state = MediaPlayerState.IDLE

    def __init__(self, name: str) -> None:
        self._attr_name = name
        self._attr_unique_id = name
        self.played: list[str] = []
        self.stops = 0
        self.volumes: list[float] = []
        """What the volume was set to, and 0 and 1 for when it was muted and not any more."""
        self.told = asyncio.Event()
        """Set when it was told to change its volume."""
        self.answers = _open()
        """Open while it says that it has."""
        self.failure: Exception | None = None

    @override
    async def async_play_media(self, media_type: str, media_id: str, **kwargs: Any) -> None:
        if self.failure:
            raise self.failure
        self.played.append(media_id)
        self.show(MediaPlayerState.PLAYING)

    @override
    async def async_media_stop(self) -> None:
        self.stops += 1
        self.show(MediaPlayerState.IDLE)

    @override
    async def async_set_volume_level(self, volume: float) -> None:
        self.volumes.append(volume)
        self.turn_volume(volume)
        self.told.set()
        await self.answers.wait()

    @override
    async def async_mute_volume(self, mute: bool) -> None:
        self.volumes.append(int(not mute))
        self._attr_is_volume_muted = mute
        self.async_write_ha_state()
        self.told.set()
        await self.answers.wait()

    def turn_volume(self, level: float) -> None:
        """Have the volume changed, as a person does."""
        self._attr_volume_level = level
        self.async_write_ha_state()

    def show(self, state: MediaPlayerState) -> None:
        """Change to a state."""
        self._attr_state = state
        self.async_write_ha_state()


class FakeCastPlayer(FakePlayer):
    """A media player of Home Assistant's Cast integration: it asks our cast platform first."""

    def __init__(self, name: str, chromecast: FakeChromecast) -> None:
        super().__init__(name)
        self.chromecast = chromecast
        self._asked = asyncio.Event()

    @property
    def _chromecast(self) -> FakeChromecast:
        """The device, as the entities of Home Assistant's Cast integration call it."""
        return self.chromecast

    @property
    def cast_status(self) -> CastStatus | None:
        """What the device says of itself."""
        return self.chromecast.status

    async def loaded(self) -> None:
        """Wait until a LOAD was sent and the session waits for its picture."""
        async with asyncio.timeout(5):
            await self._asked.wait()
        for _ in range(5):
            await self.hass.async_block_till_done()

    @override
    async def async_play_media(self, media_type: str, media_id: str, **kwargs: Any) -> None:
        chromecast: Any = self.chromecast
        if not await async_play_media(self.hass, self.entity_id, chromecast, media_type, media_id):
            await super().async_play_media(media_type, media_id)
        self._asked.set()


@dataclass
class Players:
    """The media players of the home."""

    tv: FakeCastPlayer
    second_tv: FakeCastPlayer
    player: FakePlayer

    @property
    def device(self) -> FakeChromecast:
        """The Cast device behind the first TV."""
        return self.tv.chromecast


async def add_players(hass: HomeAssistant, integration: str, players: Sequence[MediaPlayerEntity]) -> None:
    """Add media players of some integration."""

    async def set_up(
        _hass: HomeAssistant,
        _config: ConfigType,
        add: AddEntitiesCallback,
        _discovered: DiscoveryInfoType | None = None,
    ) -> None:
        add(players)

    mock_integration(hass, MockModule(integration))
    mock_platform(hass, f"{integration}.{MEDIA_PLAYER_DOMAIN}", MockPlatform(async_setup_platform=set_up))
    await async_load_platform(hass, MEDIA_PLAYER_DOMAIN, integration, {}, {MEDIA_PLAYER_DOMAIN: {}})
    await hass.async_block_till_done()


def url_of(stream: Stream, base: str = "http://10.10.10.10:8123") -> str:
    """Return the URL that a stream is played under."""
    return base + stream_path(stream.token, MASTER_PLAYLIST)


def add_display(
    hass: HomeAssistant,
    entry: ConfigEntry,
    name: str = "Wall",
    path: str = PATH,
    *,
    subentry_id: str | None = None,
    **data: Any,
) -> str:
    """Set up a display on the TV unless other media players are named, and return the id of its subentry."""
    subentry = ConfigSubentry(
        data=MappingProxyType({"dashboard": path, "media_players": [TV], **data}),
        subentry_type=SUBENTRY_DISPLAY,
        title=name,
        unique_id=None,
        **({"subentry_id": subentry_id} if subentry_id else {}),
    )
    hass.config_entries.async_add_subentry(entry, subentry)
    return subentry.subentry_id


async def settled(hass: HomeAssistant) -> None:
    """Let everything happen that was begun, background tasks too."""
    await hass.async_block_till_done(wait_background_tasks=True)


def how(display: Display) -> tuple[Status, str | None]:
    """Return how it stands with a display, and why."""
    return display.status, display.reason


@dataclass
class Home:
    """A home with media players and displays, in which time passes when it is told to."""

    hass: HomeAssistant
    entry: MockConfigEntry
    players: Players
    studio: Studio
    freezer: FrozenDateTimeFactory

    @property
    def registry(self) -> Registry:
        """What the integration runs."""
        found: Registry = self.entry.runtime_data
        return found

    def tick(self, seconds: float) -> None:
        """Let time pass, and see later what comes of it."""
        self.freezer.tick(seconds)
        async_fire_time_changed(self.hass)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.tick(seconds)
        await settled(self.hass)

    def find(self, subentry_id: str) -> Display:
        """Return the display of a subentry."""
        display = self.registry.displays.get(subentry_id)
        assert display is not None
        return display

    def add(self, name: str = "Wall", path: str = PATH, **data: Any) -> Display:
        """Set up a display."""
        return self.find(add_display(self.hass, self.entry, name, path, **data))

    async def shown(self, name: str = "Wall", path: str = PATH, **data: Any) -> Display:
        """Set up a display and return it when it is shown."""
        display = self.add(name, path, **data)
        await self.wait(SETTLED)
        assert how(display) == (Status.SHOWING, None)
        return display

    async def turn(self, service: str, entity_id: str = SWITCH) -> None:
        """Turn the switch of a display on or off."""
        await self.hass.services.async_call(SWITCH_DOMAIN, service, {"entity_id": entity_id}, blocking=True)
        await settled(self.hass)


def as_sent(result: Any) -> dict[str, Any]:
    """Return a step of a flow as the frontend gets it, without what is another each time."""
    shown = {key: value for key, value in result.items() if key not in {"context", "flow_id", "handler"}}
    if shown.get("data_schema") is not None:
        shown["data_schema"] = probatio.to_field_list(
            shown["data_schema"], custom_serializer=cv.custom_serializer
        )
    return shown


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition comes true, in whatever thread, and what it set off has gone on."""
    async with asyncio.timeout(5):
        # Device threads bring some of them about.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)


def cast_task(
    hass: HomeAssistant, registry: Registry, source: Source = SOURCE, entity_id: str = TV
) -> asyncio.Task[CastSession]:
    """Begin a cast that does not end by itself yet; given up when the test forgets it."""

    async def cast() -> CastSession:
        async with asyncio.timeout(10):
            return await registry.async_cast(entity_id, source, PROFILE)

    return hass.async_create_background_task(cast(), "cast of the test", eager_start=True)


def show_task(
    hass: HomeAssistant, registry: Registry, source: Source = OTHER_SOURCE, *entity_ids: str
) -> asyncio.Task[None]:
    """Begin to show something else on media players, on the TV unless others are named."""

    async def show() -> None:
        async with asyncio.timeout(10):
            await registry.async_show(entity_ids or (TV,), lambda _source: source)

    return hass.async_create_background_task(show(), "show of the test", eager_start=True)


def open_task(hass: HomeAssistant, registry: Registry) -> asyncio.Task[Stream]:
    """Begin to ask for a stream's address; given up when the test forgets it."""

    async def ask() -> Stream:
        async with asyncio.timeout(10):
            return await registry.async_open(SOURCE, PROFILE)

    return hass.async_create_background_task(ask(), "open of the test", eager_start=True)


@dataclass(frozen=True)
class RawAnswer:
    """An HTTP answer as it came over the wire."""

    status: HTTPStatus
    headers: dict[str, str]
    body: bytes


async def raw_request(client: TestClient[Any, Any], target: str, method: str = "GET") -> RawAnswer:
    """Ask for exactly this target, with nothing put right by a client library."""
    assert client.server.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
    request = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    writer.write(request.encode("latin-1"))
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(re.split(r":\s*", line, maxsplit=1) for line in lines)
    return RawAnswer(HTTPStatus(int(status.split()[1])), headers, body)


def one_thread(loop: asyncio.AbstractEventLoop) -> None:
    """Let a loop that several tests share do with one thread what blocks.

    An executor starts another one whenever the first is not quite idle yet, and Home Assistant's test plugin
    takes a thread that is new after a test for one that the test has left.
    """
    loop.set_default_executor(ThreadPoolExecutor(1))


class _Home(BaseHTTPRequestHandler):
    """Answers as a Home Assistant does to everybody.

    answer: what a question is answered with.
    """

    def __init__(self, *arguments: Any, answer: Callable[[str], str]) -> None:
        self._answer = answer
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer the question."""
        self.send_response(HTTPStatus.OK)
        self.end_headers()
        self.wfile.write(self._answer(self.path.rpartition("/")[2]).encode())

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def home_server(proof: Proof, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Have the Home Assistant with this proof answer on this machine; yields the port.

    In a thread: what a client that turns away does to a server would be an error in the test's loop.
    """
    with HTTPServer(("127.0.0.1", 0), partial(_Home, answer=proof.answer)) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
