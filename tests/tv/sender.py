"""A sender for tests: the real pychromecast, with its threads kept away from the event loop."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self, override

from pychromecast import Chromecast, get_chromecast_from_host
from pychromecast.controllers.media import MediaStatus, MediaStatusListener
from pychromecast.controllers.receiver import (
    CastStatus,
    CastStatusListener,
    LaunchErrorListener,
    LaunchFailure,
)
from pychromecast.socket_client import ConnectionStatus, ConnectionStatusListener

from .castv2 import PORT
from .receiver import DEFAULT_RECEIVER
from .television import Television

WITHIN = 10.0  # s


@dataclass
class Sender(MediaStatusListener, CastStatusListener, LaunchErrorListener, ConnectionStatusListener):
    """Follows a television and keeps what it hears, in order."""

    tv: Television
    apps: list[str | None] = field(default_factory=list)
    media: list[tuple[str, str | None]] = field(default_factory=list)
    """Player state and idle reason of each media status that differs from the one before."""
    failures: list[int] = field(default_factory=list)
    """Detailed error codes of failed loads."""
    launch_errors: list[str | None] = field(default_factory=list)
    connections: list[str] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        """Connect."""
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Condition()
        self.cast = await asyncio.to_thread(self._connect)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect, and wait for the thread to end."""
        await asyncio.to_thread(self.cast.disconnect, WITHIN)

    def _connect(self) -> Chromecast:
        host = (self.tv.host, PORT, self.tv.uuid, self.tv.model, self.tv.name)
        cast = get_chromecast_from_host(host, retry_wait=0.1, timeout=WITHIN)
        cast.register_status_listener(self)
        cast.register_launch_error_listener(self)
        cast.register_connection_listener(self)
        cast.media_controller.register_status_listener(self)
        cast.wait(WITHIN)
        return cast

    # --- commands -----------------------------------------------------------------------------------------

    async def call[**P, T](self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a blocking function of pychromecast."""
        return await asyncio.to_thread(function, *args, **kwargs)

    async def launch(self, app_id: str = DEFAULT_RECEIVER) -> None:
        """Start an app."""
        await self.call(self.cast.start_app, app_id, timeout=WITHIN)

    async def play(self, url: str, content_type: str = "application/x-mpegurl") -> None:
        """Start the default media receiver and tell it to play, without waiting for what comes of it."""
        await self.launch()
        details: dict[str, Any] = {"title": "Test picture", "stream_type": "LIVE"}
        await self.call(self.cast.media_controller.play_media, url, content_type, **details)

    @property
    def status(self) -> CastStatus:
        """What the television said last about app and volume."""
        assert self.cast.status is not None
        return self.cast.status

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition on what was heard. Raises TimeoutError."""
        async with asyncio.timeout(WITHIN), self._changed:
            await self._changed.wait_for(condition)

    # --- what pychromecast says, in its thread ------------------------------------------------------------

    @override
    def new_media_status(self, status: MediaStatus) -> None:
        self._keep(self.media, (status.player_state, status.idle_reason))

    @override
    def load_media_failed(self, queue_item_id: int, error_code: int) -> None:
        self._keep(self.failures, error_code)

    @override
    def new_cast_status(self, status: CastStatus) -> None:
        self._keep(self.apps, status.app_id)

    @override
    def new_launch_error(self, status: LaunchFailure) -> None:
        self._keep(self.launch_errors, status.reason)

    @override
    def new_connection_status(self, status: ConnectionStatus) -> None:
        self._keep(self.connections, status.status)

    def _keep[T](self, heard: list[T], item: T) -> None:
        if not heard or heard[-1] != item:
            heard.append(item)
        asyncio.run_coroutine_threadsafe(self._wake(), self._loop)

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()
