"""One stream: a page, an encoder and a segment store, alive together."""

import asyncio
from collections.abc import Callable
import logging
import secrets
import time
from typing import Final

from ..errors import EncoderFailedError
from ..models import Frame, Profile, Source
from .cdp import Browser
from .encoder import SEGMENT_SECONDS, Encoder
from .pacer import Pacer
from .page import READY_TIMEOUT_S, Credentials, Page
from .segments import SegmentStore

_LOGGER = logging.getLogger(__name__)

# What a player wants to find before it is sent to a stream (RFC 8216 section 6.3.3).
READY_SEGMENTS: Final = 3
_TOKEN_BYTES: Final = 32
# A page has half of it to be drawn.
START_TIMEOUT_S: Final = 2 * READY_TIMEOUT_S


class Stream:
    """A source drawn with a profile, for any number of viewers.

    home and credentials: as `Page` wants them.
    on_end: called once when the stream has ended, with the reason when it ended by itself.
    """

    def __init__(
        self,
        source: Source,
        profile: Profile,
        *,
        browser: Browser,
        ffmpeg: str,
        home: str,
        credentials: Credentials,
        on_end: Callable[[BaseException | None], None] = lambda _reason: None,
    ) -> None:
        self.source = source
        self.profile = profile
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        """What viewers name in their requests: 256 random bits."""
        self.store = SegmentStore(SEGMENT_SECONDS)
        self.last_request = time.monotonic()
        """When a viewer asked for something, in seconds on the monotonic clock."""
        self._browser = browser
        self._home = home
        self._credentials = credentials
        self._on_end = on_end
        self._pacer = Pacer(profile.frame_rate)
        self._encoder = Encoder(ffmpeg, profile)
        self._page: Page | None = None
        self._frame: Frame | None = None
        self._work: asyncio.Task[None] | None = None
        self._ended = False

    @property
    def still(self) -> bytes | None:
        """The latest picture as JPEG."""
        return self._frame.jpeg if self._frame else None

    @property
    def pictures(self) -> int:
        """How many pictures were encoded so far."""
        return self._encoder.pictures

    def touch(self) -> None:
        """Note that a viewer asked for something."""
        self.last_request = time.monotonic()

    async def start(self) -> None:
        """Draw the page and encode until a player can start; then go on until `stop`.

        Raises any DashboardCastError; then, and when cancelled, nothing of the stream is left.
        """
        self._work = asyncio.create_task(self._run(), name=f"stream {self.source.path}")
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                if not await self.store.wait_for(READY_SEGMENTS):
                    await asyncio.shield(self._work)
        except TimeoutError as error:
            await self.stop()
            raise EncoderFailedError(detail=f"no video within {START_TIMEOUT_S:g} s") from error
        except BaseException:
            await self.stop()
            raise
        self.touch()

    async def stop(self) -> None:
        """End the stream and everything it started."""
        if self._work:
            # An end that is under way already is left to get done.
            if not self._ended:
                self._work.cancel()
            # What it ended with was told where it happened.
            await asyncio.gather(self._work, return_exceptions=True)
        await self._end(None)

    async def _open_page(self) -> None:
        tab = await self._browser.open_tab()
        self._page = Page(
            tab,
            self.source,
            self.profile,
            home=self._home,
            credentials=self._credentials,
            on_frame=self._take_frame,
        )
        await self._page.open()

    def _take_frame(self, frame: Frame) -> None:
        self._frame = frame
        self._pacer.offer(frame)

    async def _run(self) -> None:
        """Open, then carry pictures to the encoder and fragments to the store until something ends."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._encoder.start())
                group.create_task(self._open_page())
            async with asyncio.TaskGroup() as group:
                group.create_task(self._encode())
                group.create_task(self._collect())
                group.create_task(self._watch_page())
        except BaseExceptionGroup as group_error:
            reason = _first(group_error)
            if self.store.segments:
                _LOGGER.warning("The stream of %s has ended: %s", self.source.path, reason)
            await self._end(reason)
            raise reason from group_error

    async def _encode(self) -> None:
        async for frame in self._pacer.frames():
            await self._encoder.write(frame)

    async def _collect(self) -> None:
        begun = False
        async for fragment in self._encoder.fragments():
            if not begun and (init := self._encoder.fragmenter.init):
                self.store.begin(init, time.time() - time.monotonic() + self._pacer.started)
                begun = True
            self.store.add(fragment)

    async def _watch_page(self) -> None:
        assert self._page is not None
        raise await self._page.lost

    async def _end(self, reason: BaseException | None) -> None:
        if self._ended:
            return
        self._ended = True
        self.store.close()
        if self._page:
            await self._page.close()
        await self._encoder.stop()
        self._on_end(reason)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of a group, whatever groups it lies in."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
