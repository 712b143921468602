"""One stream: a page, an encoder and a segment store, alive together."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from functools import partial
import logging
import secrets
import time
from typing import Final

from ..errors import BrowserFailedError, DashboardCastError, EncoderFailedError, SignInFailedError
from ..models import VIDEO_TIMESCALE, Frame, Init, Message, Profile, Source
from . import playlist
from .blank import Doubt
from .cdp import Browser, Tab
from .codecs import SOFTWARE, Codec
from .encoder import Encoder
from .figures import Figures
from .health import Health, Remedy, Verdict
from .homes import Homes, within_reach
from .note import noted
from .outages import Outages
from .overlay import Overlay
from .pacer import Pacer
from .page import READY_TIMEOUT_S, Credentials, Page
from .segments import SegmentStore
from .transport import TransportSegments

_LOGGER = logging.getLogger(__name__)

# What a player wants to find before it is sent to a stream (RFC 8216 section 6.3.3).
READY_SEGMENTS: Final = 3
TOKEN_BYTES: Final = 32
"""How random what viewers name is."""
# A page has half of it to be drawn.
START_TIMEOUT_S: Final = 2 * READY_TIMEOUT_S
# A lost page is opened anew at once, then after 1, 2, 4 ... seconds, at most so many, until one has lasted.
_LONGEST_WAIT_S: Final = 30.0
_LASTING_S: Final = 60.0
# Home Assistant that refuses to sign in so often in a row means it.
_MAX_REFUSALS: Final = 3
# A page that hangs does not close; no longer than that its end is waited for, in seconds.
_CLOSE_TIMEOUT_S: Final = 2.0
# Players ask for something several times in this time, in seconds; who does not is gone.
_VIEWER_TIMEOUT_S: Final = 10.0
# A page that could not be renewed, or is worn out again, waits so long for its turn, in seconds.
_RENEWAL_INTERVAL_S: Final = 600.0


class Stream:
    """A source drawn with a profile, for any number of viewers.

    ffmpeg: executable of FFmpeg. codecs: its encoders to use, the best first.
    homes, credentials and night: as `Page` wants them.
    timezone: of the clock in a note on the picture; None for that of the system.
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
        homes: Homes,
        credentials: Credentials,
        night: Callable[[], bool] = lambda: False,
        on_end: Callable[[BaseException | None], None] = lambda _reason: None,
        timezone: tzinfo | None = None,
    ) -> None:
        self.source = source
        """What is shown, or was last."""
        self.profile = profile
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        """What viewers name in their requests: 256 random bits."""
        self.store = SegmentStore(profile.width, profile.height)
        self.transport = TransportSegments(self.store)
        self.last_request = time.monotonic()
        """When a viewer asked for something, in seconds on the monotonic clock."""
        self._viewers: dict[str, float] = {}
        self._delay = 0.0
        self._browser = browser
        self._homes = homes
        self._credentials = credentials
        self._night = night
        self._on_end = on_end
        self._timezone = timezone
        self._outages = Outages(source.name, self._show_note)
        self._pacer = Pacer()
        self._encoder = Encoder(ffmpeg, profile, codecs)
        self._overlay = Overlay()
        self._doubt = Doubt()
        self._page: Page | None = None
        self._pages: set[Page] = set()
        self._opening = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()
        self._unfit: asyncio.Queue[Page] = asyncio.Queue()
        self._opened = 0
        self._opened_at = 0.0
        self._tries = 0
        self._renewable_at = 0.0
        self._showing = 0
        self._frame: Frame | None = None
        self._work: asyncio.Task[None] | None = None
        self._ended = False
        self._playlist = (-1, "")

    @property
    def still(self) -> bytes | None:
        """The latest picture as JPEG."""
        return self._frame.jpeg if self._frame else None

    @property
    def health(self) -> Health:
        """Whether live pictures come, and what happened so far."""
        return self._outages.health

    @property
    def pictures(self) -> int:
        """How many pictures were encoded so far."""
        return self._encoder.pictures

    @property
    def encoder(self) -> str:
        """FFmpeg's name of the encoder that is used."""
        return self._encoder.codec.name

    @property
    def init(self) -> Init:
        """What players need first; there has to be a segment."""
        return next(reversed(self.store.segments.values())).init

    def media_playlist(self) -> str:
        """Return the playlist of the CMAF segments, written once for all who ask before it changes."""
        if self._playlist[0] != self.store.version:
            self._playlist = self.store.version, playlist.media(self.store)
        return self._playlist[1]

    def touch(self, viewer: str | None = None) -> None:
        """Note that a viewer asked for something; viewer: the address that it has, when it is one."""
        self.last_request = time.monotonic()
        if viewer is not None:
            self._viewers[viewer] = self.last_request

    @property
    def viewers(self) -> int:
        """How many addresses asked for something lately."""
        limit = time.monotonic() - _VIEWER_TIMEOUT_S
        self._viewers = {viewer: seen for viewer, seen in self._viewers.items() if seen > limit}
        return len(self._viewers)

    async def figures(self) -> Figures:
        """Return what is known of it now, once it has started."""
        cpu_time = await self._cpu_time()
        return Figures(
            time=time.monotonic(),
            viewers=self.viewers,
            delay=self._delay,
            pictures=self.pictures,
            memory=self._page.memory if self._page else None,
            cpu_time=cpu_time,
        )

    async def start(self) -> None:
        """Draw the page and encode until a player can start; then go on until `stop`.

        Raises any DashboardCastError; then, and when cancelled, nothing of the stream is left.
        """
        self._work = asyncio.create_task(self._run(), name=f"stream {self.source.name}")
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

    async def follow_sun(self) -> None:
        """Draw dark or light as it is now, where the source follows the sun."""
        await asyncio.gather(*(page.follow_sun() for page in self._pages))

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
        await within_reach(self._browser, partial(self._open_page_in, source))

    async def _open_page_in(self, source: Source, tab: Tab) -> None:
        if self._ended:
            await tab.close()
            raise BrowserFailedError(detail="the stream has ended")
        self._opened += 1
        doubt = self._doubt if source == self.source else Doubt()
        page = Page(
            tab,
            source,
            self.profile,
            homes=self._homes,
            credentials=self._credentials,
            night=self._night,
            on_frame=partial(self._take_frame, self._opened),
            on_verdict=lambda verdict: self._hear(page, verdict),
            overlay=self._overlay,
            doubt=doubt,
        )
        self._pages.add(page)
        try:
            await page.open()
        except BaseException:
            await self._close_page(page)
            raise
        previous, self._page, self.source, self._doubt = self._page, page, source, doubt
        self._opened_at = time.monotonic()
        page.lost.add_done_callback(lambda _lost: self._lose(page))
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
            self._outages.end()
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
                _LOGGER.warning("The stream of %s has ended: %s", self.source.name, reason)
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
            self._delay = time.monotonic() - self._pacer.started - sample.time / VIDEO_TIMESCALE

    async def _cpu_time(self) -> float | None:
        """Return the seconds of processor time that page and encoder have used."""
        if self._page is None:
            return None
        try:
            page, encoder = await self._page.cpu_time(), await self._encoder.cpu_time()
        except (BrowserFailedError, OSError) as error:
            _LOGGER.debug("The processor time of %s is unknown: %s", self.source.name, error)
            return None
        return None if page is None else page + encoder

    def _hear(self, page: Page, verdict: Verdict) -> None:
        """Take in how a page is."""
        if page is not self._page or verdict.trouble is None:
            return
        if verdict.remedy is not Remedy.RENEW:
            self._outages.begin(verdict.trouble)
        elif time.monotonic() >= self._renewable_at:
            self._renewable_at = time.monotonic() + _RENEWAL_INTERVAL_S
            _LOGGER.debug("The page of %s is renewed: %s", self.source.name, verdict.trouble)
            self._unfit.put_nowait(page)

    def _lose(self, page: Page) -> None:
        if page is self._page and not self._ended:
            self._outages.begin(_words(page.lost.result()))
            self._unfit.put_nowait(page)

    async def _keep_page(self) -> None:
        """Open a new page in the place of one that is lost or worn out."""
        while True:
            page = await self._unfit.get()
            if page.lost.done():
                await self._mend(page)
            else:
                await self._renew(page)

    async def _mend(self, page: Page) -> None:
        """Open a lost page anew until that works; the last picture stays meanwhile.

        For ever: whatever is away, browser, network or Home Assistant, may come back, and a stream that
        nobody watches is ended by its owner. Raises SignInFailedError when Home Assistant means it.
        """
        refusals = int(isinstance(page.lost.result(), SignInFailedError))
        if time.monotonic() - self._opened_at >= _LASTING_S:
            self._tries = 0
        await self._give_up(page)
        # Another source may be shown meanwhile.
        while page is self._page:
            await self._wait_for_turn()
            try:
                async with self._opening:
                    if page is self._page:
                        await self._open_page(self.source)
            except SignInFailedError:
                refusals += 1
                if refusals > _MAX_REFUSALS:
                    raise
            except DashboardCastError as error:
                refusals = 0
                self._outages.begin(_words(error))

    async def _wait_for_turn(self) -> None:
        """Wait before a page is opened anew: not at first, then longer each time."""
        wait = 2.0 ** (self._tries - 1) if self._tries else 0.0
        self._tries += 1
        await asyncio.sleep(min(wait, _LONGEST_WAIT_S))

    async def _give_up(self, page: Page) -> None:
        """Close a lost page: it may hold up those that are to come, as it may hang itself."""
        closing = asyncio.create_task(self._close_page(page), name=f"close page of {self.source.name}")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        await asyncio.wait([closing], timeout=_CLOSE_TIMEOUT_S)

    async def _renew(self, page: Page) -> None:
        """Open a page anew while it shows what it should; when that fails, it goes on."""
        async with self._opening:
            if page is not self._page or page.lost.done():
                return
            try:
                await self._open_page(self.source)
            except DashboardCastError as error:
                _LOGGER.debug("The page of %s goes on as it is: %s", self.source.name, error)
            else:
                self._outages.count_renewal()

    async def _show_note(self, since: float) -> None:
        """Put a note on the picture that stays."""
        if self._frame is None:
            return
        text = f"Reconnecting since {datetime.fromtimestamp(since, self._timezone):%H:%M}"
        loop = asyncio.get_running_loop()
        picture = await loop.run_in_executor(None, noted, self._frame.jpeg, text)
        self._pacer.offer(Frame(picture, time.monotonic()))

    async def _end(self, reason: BaseException | None) -> None:
        if self._ended:
            return
        self._ended = True
        self._outages.stop()
        self.store.close()
        # One that is still being opened fails with that.
        await asyncio.gather(*(self._close_page(page) for page in [*self._pages]), *self._closing)
        await self._encoder.stop()
        self._on_end(reason)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of a group, whatever groups it lies in."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _words(error: DashboardCastError) -> str:
    """Return what went wrong, in few words."""
    return error.placeholders.get("detail") or error.key
