"""One stream: a page, an encoder and a segment store, alive together."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
import logging
import secrets
import time
from typing import Final

from ..errors import BrowserFailedError, DashboardCastError, EncoderFailedError
from ..models import Frame, Init, Message, Profile, Source
from . import playlist
from .cdp import Browser
from .codecs import SOFTWARE, Codec
from .encoder import Encoder
from .overlay import Overlay
from .pacer import Pacer
from .page import READY_TIMEOUT_S, Credentials, Page
from .segments import SegmentStore
from .transport import TransportSegments

_LOGGER = logging.getLogger(__name__)

# What a player wants to find before it is sent to a stream (RFC 8216 section 6.3.3).
READY_SEGMENTS: Final = 3
_TOKEN_BYTES: Final = 32
# A page has half of it to be drawn.
START_TIMEOUT_S: Final = 2 * READY_TIMEOUT_S
# A page that is lost more often than that within so many seconds will not get better.
_MAX_LOSSES: Final = 3
_LOSS_WINDOW_S: Final = 60.0


class Stream:
    """A source drawn with a profile, for any number of viewers.

    ffmpeg: executable of FFmpeg. codecs: its encoders to use, the best first.
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
        codecs: Sequence[Codec] = (SOFTWARE,),
        home: str,
        credentials: Credentials,
        on_end: Callable[[BaseException | None], None] = lambda _reason: None,
    ) -> None:
        self.source = source
        """What is shown, or was last."""
        self.profile = profile
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        """What viewers name in their requests: 256 random bits."""
        self.store = SegmentStore(profile.width, profile.height)
        self.transport = TransportSegments(self.store)
        self.last_request = time.monotonic()
        """When a viewer asked for something, in seconds on the monotonic clock."""
        self._browser = browser
        self._home = home
        self._credentials = credentials
        self._on_end = on_end
        self._pacer = Pacer()
        self._encoder = Encoder(ffmpeg, profile, codecs)
        self._overlay = Overlay()
        self._page: Page | None = None
        self._pages: set[Page] = set()
        self._opening = asyncio.Lock()
        self._lost: asyncio.Queue[Page] = asyncio.Queue()
        self._opened = 0
        self._showing = 0
        self._losses: deque[float] = deque(maxlen=_MAX_LOSSES)
        self._frame: Frame | None = None
        self._work: asyncio.Task[None] | None = None
        self._ended = False
        self._playlist = (-1, "")

    @property
    def still(self) -> bytes | None:
        """The latest picture as JPEG."""
        return self._frame.jpeg if self._frame else None

    @property
    def pictures(self) -> int:
        """How many pictures were encoded so far."""
        return self._encoder.pictures

    @property
    def init(self) -> Init:
        """What players need first; there has to be a segment."""
        return next(reversed(self.store.segments.values())).init

    def media_playlist(self) -> str:
        """Return the playlist of the CMAF segments, written once for all who ask before it changes."""
        if self._playlist[0] != self.store.version:
            self._playlist = self.store.version, playlist.media(self.store)
        return self._playlist[1]

    def touch(self) -> None:
        """Note that a viewer asked for something."""
        self.last_request = time.monotonic()

    async def start(self) -> None:
        """Draw the page and encode until a player can start; then go on until `stop`.

        Raises any DashboardCastError; then, and when cancelled, nothing of the stream is left.
        """
        self._work = asyncio.create_task(self._run(), name=f"stream {self.source.path}")
        # A stream that ends by itself says why through `on_end`.
        self._work.add_done_callback(lambda work: work.cancelled() or work.exception())
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

    async def show(self, source: Source) -> None:
        """Draw another source, or the same on a new page, for the viewers there are; once it has started.

        What is shown stays until the new page is drawn, and for good when that fails or is cancelled: raises
        what `Page.open` does, or BrowserMissingError.
        """
        async with self._opening:
            await self._open_page(source)

    async def tell(self, message: Message) -> None:
        """Show a message over the picture, whatever page shows in the time that it stays."""
        self._overlay.add(message)
        if self._page:
            await self._page.draw_overlay()

    async def stop(self) -> None:
        """End the stream and everything it started."""
        if self._work:
            # An end that is under way already is left to get done.
            if not self._ended:
                self._work.cancel()
            # What it ended with was told where it happened.
            await asyncio.gather(self._work, return_exceptions=True)
        await self._end(None)

    async def _open_page(self, source: Source) -> None:
        """Open a page; with its first picture it takes the place of the one that is shown."""
        tab = await self._browser.open_tab()
        if self._ended:
            await tab.close()
            raise BrowserFailedError(detail="the stream has ended")
        self._opened += 1
        page = Page(
            tab,
            source,
            self.profile,
            home=self._home,
            credentials=self._credentials,
            on_frame=partial(self._take_frame, self._opened),
            overlay=self._overlay,
        )
        self._pages.add(page)
        try:
            await page.open()
        except BaseException:
            await self._close_page(page)
            raise
        previous, self._page, self.source = self._page, page, source
        page.lost.add_done_callback(lambda _lost: self._lost.put_nowait(page))
        if previous:
            # Who has changed his mind by now does not keep the old page open.
            await asyncio.shield(self._close_page(previous))

    async def _close_page(self, page: Page) -> None:
        self._pages.discard(page)
        await page.close()

    def _take_frame(self, page: int, frame: Frame) -> None:
        """Take a picture of the page with this number; pages opened before the one that shows are over."""
        if page >= self._showing:
            self._showing = page
            self._frame = frame
            self._pacer.offer(frame)

    async def _run(self) -> None:
        """Open, then carry pictures to the encoder and coded ones to the store until something ends."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._encoder.start())
                group.create_task(self._open_page(self.source))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._encode())
                group.create_task(self._collect())
                group.create_task(self._keep_page())
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
        async for avcc, sample in self._encoder.samples():
            if not self.store.epoch:
                self.store.epoch = time.time() - time.monotonic() + self._pacer.started
            self.store.add(avcc, sample)

    async def _keep_page(self) -> None:
        """Open the page anew when it is lost; the last picture stays meanwhile."""
        while True:
            page = await self._lost.get()
            async with self._opening:
                if page is self._page:
                    await self._replace_page(page.lost.result())

    async def _replace_page(self, reason: DashboardCastError) -> None:
        """Open the page anew until that works; raises why it was lost when it happens too often."""
        while True:
            now = time.monotonic()
            if len(self._losses) == _MAX_LOSSES and now - self._losses[0] < _LOSS_WINDOW_S:
                raise reason
            self._losses.append(now)
            _LOGGER.warning("The page of %s is opened anew: %s", self.source.path, reason)
            try:
                return await self._open_page(self.source)
            except DashboardCastError as error:
                reason = error

    async def _end(self, reason: BaseException | None) -> None:
        if self._ended:
            return
        self._ended = True
        self.store.close()
        # One that is still being opened fails with that.
        await asyncio.gather(*(self._close_page(page) for page in [*self._pages]))
        await self._encoder.stop()
        self._on_end(reason)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of a group, whatever groups it lies in."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
