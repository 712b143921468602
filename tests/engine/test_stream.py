"""Tests of the stream: it starts, goes on, and ends with all that belongs to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from itertools import pairwise
from pathlib import Path
import random
import time
from typing import Any, override

import pytest

from custom_components.dashboard_cast.engine import (
    fmp4,
    outages,
    page as page_module,
    stream as stream_module,
)
from custom_components.dashboard_cast.engine.browser import LocalBrowser
from custom_components.dashboard_cast.engine.cdp import Browser, FlatSession, Tab
from custom_components.dashboard_cast.engine.health import Health, Trouble
from custom_components.dashboard_cast.engine.homes import Homes
from custom_components.dashboard_cast.engine.page import Credentials
from custom_components.dashboard_cast.engine.segments import Segment
from custom_components.dashboard_cast.engine.stream import READY_SEGMENTS, Stream
from custom_components.dashboard_cast.engine.tab import ConnectedBrowser
from custom_components.dashboard_cast.errors import (
    BrowserFailedError,
    BrowserMissingError,
    DashboardCastError,
    EncoderFailedError,
    FFmpegMissingError,
    MalformedMediaError,
    PageNotReadyError,
    SignInFailedError,
)
from custom_components.dashboard_cast.models import VIDEO_TIMESCALE, Frame, Message, Source

from .frontend import DRAWN, MOVING, SIGN_IN, Frontend
from .helpers import SMALL, TIMEOUT_S, alive, jpeg, probe, processes, size, until
from .viewing import FakeTab, Turns, credentials, frame_event, refused


@dataclass
class Ends:
    """What `on_end` was called with."""

    reasons: list[BaseException | None] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, reason: BaseException | None) -> None:
        """Note an end."""
        self.reasons.append(reason)
        self.came.set()


class FakeBrowser(Browser):
    """A browser with fake tabs, which are opened when they may be."""

    def __init__(self) -> None:
        self.tab = FakeTab()
        """The latest that was opened, before that the first."""
        self.tabs: list[FakeTab] = []
        """All that were opened."""
        self.asked = asyncio.Event()
        self.may_open = asyncio.Event()
        self.may_open.set()
        self.fails = False
        """Whether no tab can be opened."""
        self.signs_in = False
        """Whether pages in further tabs want to sign in when they are told to navigate."""

    @property
    def opened(self) -> bool:
        """Whether a tab was opened."""
        return bool(self.tabs)

    @override
    async def open_tab(self) -> Tab:
        self.asked.set()
        await self.may_open.wait()
        if self.fails:
            raise BrowserFailedError(detail="no tab")
        if self.tabs:
            self.tab = FakeTab()
        self.tab.fake.signs_in = self.signs_in
        self.tabs.append(self.tab)
        return self.tab

    @override
    async def stop(self) -> None:
        """Do nothing."""


@pytest.fixture
def ends() -> Ends:
    """Return what notes the end of a stream."""
    return Ends()


@pytest.fixture
def fake() -> FakeBrowser:
    """Return a browser that is none."""
    return FakeBrowser()


def make(
    browser: Browser, frontend: Frontend, ends: Ends, scene: str = DRAWN, **other: Credentials
) -> Stream:
    """Return a stream of a scene."""
    token = other.get("token", credentials)
    source = Source(frontend.scene(scene))
    return Stream(
        source,
        SMALL,
        browser=browser,
        ffmpeg="ffmpeg",
        homes=Homes(frontend.url),
        credentials=token,
        on_end=ends,
    )


def make_fake(browser: FakeBrowser, ends: Ends, ffmpeg: str = "ffmpeg") -> Stream:
    """Return a stream of a fake page."""
    source = Source("/")
    return Stream(
        source,
        SMALL,
        browser=browser,
        ffmpeg=ffmpeg,
        homes=Homes("http://home"),
        credentials=credentials,
        on_end=ends,
    )


@pytest.fixture
async def stream(browser: LocalBrowser, frontend: Frontend, ends: Ends) -> AsyncIterator[Stream]:
    """Return a stream that runs."""
    running = make(browser, frontend, ends, DRAWN + MOVING)
    await asyncio.wait_for(running.start(), TIMEOUT_S)
    yield running
    await asyncio.wait_for(running.stop(), TIMEOUT_S)


async def start_fake(browser: FakeBrowser, stream: Stream) -> None:
    """Start a stream of a fake page, which has one picture."""
    starting = asyncio.create_task(stream.start())
    await show(browser, jpeg())
    await asyncio.wait_for(starting, TIMEOUT_S)


async def show(browser: FakeBrowser, picture: bytes, count: int = 1) -> None:
    """Let the page in the count-th tab be drawn."""
    await until(lambda: len(browser.tabs) == count and "Page.screencastFrame" in browser.tab.fake._handlers)
    browser.tab.fake.emit("Page.screencastFrame", frame_event(picture=picture))


async def segments(stream: Stream, more: int) -> list[Segment]:
    """Wait for so many more segments and return all."""
    count = stream.store.next_segment + more
    await until(lambda: stream.store.next_segment >= count)
    return list(stream.store.segments.values())


def check_gap_free(found: list[Segment]) -> None:
    """Check that viewers notice nothing: the same configuration, and each segment where the last one ends."""
    assert len({segment.init.number for segment in found}) == 1
    assert all(segment.duration == 1 and len(segment.parts) == 4 for segment in found)
    for before, after in pairwise(found):
        assert (after.number, after.start) == (before.number + 1, before.end)


TASKS = ("page ", "watch page ", "stream ", "FFmpeg", "end FFmpeg")


def tasks() -> list[str]:
    """Return the names of what goes on for streams and pages."""
    names = [task.get_name() for task in asyncio.all_tasks()]
    return [name for name in names if name.startswith(TASKS)]


async def test_start(stream: Stream) -> None:
    """A stream that has started can be played: segments, a still picture, real media in all formats."""
    found = list(stream.store.segments.values())
    assert len(found) >= READY_SEGMENTS
    assert stream.still
    assert size(stream.still) == (SMALL.width, SMALL.height)
    assert stream.pictures >= 1
    cmaf = fmp4.init(stream.init.avcc, stream.init.width, stream.init.height)
    cmaf += b"".join(segment.data for segment in found)
    transport = b"".join(stream.transport.data(one.number) or b"" for one in stream.transport.listed())
    for media in (cmaf, transport):
        shown = (await probe(media, "-show_streams"))["streams"][0]
        assert (shown["codec_name"], shown["width"], shown["height"]) == ("h264", SMALL.width, SMALL.height)


async def test_playlist(fake: FakeBrowser, ends: Ends) -> None:
    """The playlist is written once for all who ask before it changes."""
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    first = stream.media_playlist()
    assert "2.m4s" in first
    assert stream.media_playlist() is first or stream.store.version > READY_SEGMENTS * 4
    await segments(stream, 1)
    assert "3.m4s" in stream.media_playlist()
    await stream.stop()
    assert "#EXT-X-ENDLIST" in stream.media_playlist()


async def test_starts_quickly(fake: FakeBrowser, ends: Ends) -> None:
    """Nobody waits for the segments that a player wants before it starts: the first picture fills them."""
    stream = make_fake(fake, ends)
    before = time.monotonic()
    await start_fake(fake, stream)
    assert time.monotonic() - before < READY_SEGMENTS - 1
    await stream.stop()


async def test_segments_have_the_time_of_day(stream: Stream) -> None:
    """A segment's start is when its first picture was drawn, and segments follow each other."""
    found = await segments(stream, 2)
    check_gap_free(found)
    end = stream.store.epoch + found[-1].end / VIDEO_TIMESCALE
    assert time.time() - 1.5 < end < time.time()


async def test_goes_on_when_still(fake: FakeBrowser, ends: Ends) -> None:
    """Segments go on when the page stands still, and cost FFmpeg nothing."""
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    check_gap_free(await segments(stream, 2))
    assert stream.pictures == 1
    await stream.stop()


async def test_touch(fake: FakeBrowser, ends: Ends) -> None:
    """A request is noted with its time; the start counts as one."""
    stream = make_fake(fake, ends)
    made = stream.last_request
    await start_fake(fake, stream)
    assert stream.last_request > made
    before = time.monotonic()
    stream.touch()
    assert before <= stream.last_request <= time.monotonic()
    await stream.stop()


def test_viewers(fake: FakeBrowser, ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each address counts once, until it has not asked for anything for a while."""
    stream = make_fake(fake, ends)
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    stream.touch()
    assert stream.viewers == 0
    stream.touch("10.0.0.1")
    now += 6
    stream.touch("10.0.0.2")
    stream.touch("10.0.0.2")
    assert stream.viewers == 2
    now += 6
    assert stream.viewers == 1


async def test_figures(stream: Stream) -> None:
    """What is known of a stream: pictures soon come to be fetched, and page and FFmpeg use the processor."""
    stream.touch("10.0.0.1")
    before = await stream.figures()
    await segments(stream, 2)
    now = await stream.figures()
    assert now.viewers == 1
    assert 0 < now.delay < 3
    assert now.time > before.time
    assert now.pictures > before.pictures
    assert now.cpu_time is not None
    assert before.cpu_time is not None
    assert now.cpu_time > before.cpu_time > 0


async def test_figures_without_a_browser_that_tells(fake: FakeBrowser, ends: Ends) -> None:
    """Where the processor time is not told it is not known."""
    stream = make_fake(fake, ends)
    assert (await stream.figures()).cpu_time is None
    await start_fake(fake, stream)
    assert (await stream.figures()).cpu_time is None
    await stream.stop()


async def test_before_the_start(fake: FakeBrowser, ends: Ends) -> None:
    """A stream that was not started shows nothing and has no process."""
    stream = make_fake(fake, ends)
    assert (stream.still, stream.pictures, len(stream.store.segments)) == (None, 0, 0)
    await stream.stop()
    assert not fake.opened


def test_tokens(fake: FakeBrowser) -> None:
    """Tokens are different, long and fit into a path."""
    tokens = {make_fake(fake, Ends()).token for _ in range(50)}
    assert len(tokens) == 50
    assert all(len(token) >= 43 for token in tokens)
    assert all(token.replace("-", "").replace("_", "").isalnum() for token in tokens)


async def test_stop(stream: Stream, browser: LocalBrowser, ends: Ends) -> None:
    """A stopped stream leaves no FFmpeg, no tab, no task, and a closed store; it can be stopped again."""
    ffmpeg = processes("ffmpeg")
    assert ffmpeg
    await stream.stop()
    await stream.stop()
    assert ends.reasons == [None]
    assert stream.store.closed
    assert not alive(ffmpeg)
    assert not browser._tabs
    assert not tasks()


async def test_ffmpeg_killed(stream: Stream, ends: Ends) -> None:
    """A stream whose FFmpeg ends goes on with another, and viewers notice no gap."""
    old = processes("ffmpeg")
    for process in old:
        process.kill()
    await until(lambda: set(processes("ffmpeg")) - set(old))
    before = stream.pictures
    check_gap_free(await segments(stream, 2))
    assert stream.pictures > before
    assert not ends.reasons


async def test_ffmpeg_killed_too_often(browser: LocalBrowser, frontend: Frontend, ends: Ends) -> None:
    """A stream whose FFmpeg ends again and again is told so once, and closes its page."""
    stream = make(browser, frontend, ends, DRAWN + MOVING)
    stream._encoder._restarts = 1
    await asyncio.wait_for(stream.start(), TIMEOUT_S)
    while not ends.reasons:
        for process in processes("ffmpeg"):
            if alive([process]):
                process.kill()
        await asyncio.sleep(0.01)
    assert not browser._tabs
    await stream.stop()
    (reason,) = ends.reasons
    assert isinstance(reason, EncoderFailedError)
    assert stream.store.closed
    assert not tasks()


async def test_browser_killed(stream: Stream, ends: Ends) -> None:
    """A stream whose browser ends goes on in another one, and viewers notice no gap."""
    old = processes("chrom") + processes("headless")
    for process in old:
        if alive([process]):
            process.kill()
    await until(lambda: not alive(old))
    before = stream.pictures
    await until(lambda: stream.pictures > before + 3)
    check_gap_free(await segments(stream, 1))
    assert processes("chrom") + processes("headless")
    assert not ends.reasons


async def test_page_lost(fake: FakeBrowser, ends: Ends) -> None:
    """A page that is lost is closed and opened anew; its last picture stays, and there is no gap."""
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    fake.may_open.clear()
    fake.tabs[0].lost("gone")
    check_gap_free(await segments(stream, 1))
    assert stream.pictures == 1
    # It may hang, and hold up the next one.
    assert fake.tabs[0].closed.is_set()
    fake.may_open.set()
    new = jpeg(colours=[(255, 0, 0)])
    await show(fake, new, 2)
    await until(lambda: stream.pictures >= 2)
    check_gap_free(await segments(stream, 1))
    assert stream.still == new
    assert fake.tabs[0].closed.is_set()
    assert not fake.tabs[1].closed.is_set()
    await stream.stop()
    assert fake.tabs[1].closed.is_set()
    assert ends.reasons == [None]


async def test_pages_lost_again_and_again(
    fake: FakeBrowser, ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often a page is lost, the stream goes on; the waits get longer until one has lasted."""
    waits: list[float] = []
    monkeypatch.setattr(stream_module, "_LONGEST_WAIT_S", 0.02)
    stream = make_fake(fake, ends)
    real = stream._wait_for_turn

    async def wait() -> None:
        before = time.monotonic()
        await real()
        waits.append(time.monotonic() - before)

    stream._wait_for_turn = wait  # type: ignore[method-assign]
    await start_fake(fake, stream)
    for count in range(1, 7):
        fake.tab.lost(f"gone {count}")
        await show(fake, jpeg(), count + 1)
    assert waits[0] < 0.01
    assert min(waits[1:]) >= 0.02
    assert stream._tries == 6
    stream._opened_at -= stream_module._LASTING_S
    fake.tab.lost("gone at last")
    await show(fake, jpeg(), 8)
    assert stream._tries == 1
    assert not ends.reasons
    await stream.stop()


@pytest.mark.parametrize(("tries", "wait"), [(0, 0), (1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (60, 30)])
async def test_waits(
    fake: FakeBrowser, ends: Ends, monkeypatch: pytest.MonkeyPatch, tries: int, wait: float
) -> None:
    """A page is opened anew at once, then after longer and longer, up to half a minute."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    stream = make_fake(fake, ends)
    stream._tries = tries
    monkeypatch.setattr(asyncio, "sleep", sleep)
    await stream._wait_for_turn()
    assert slept == [wait]


async def test_page_cannot_be_opened_anew(
    fake: FakeBrowser, ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While no page can be opened the last picture stays, with a note; when one can, the stream is live."""
    monkeypatch.setattr(stream_module, "_LONGEST_WAIT_S", 0.05)
    monkeypatch.setattr(outages, "NOTE_AFTER_S", 0.2)
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    pictures = stream.pictures
    fake.fails = True
    fake.tab.lost("gone")
    await until(lambda: stream.health.trouble == "no tab")
    assert time.time() - 5 < stream.health.since <= time.time()
    # The note is a picture of its own.
    await until(lambda: stream.pictures > pictures)
    assert stream.still == jpeg()
    check_gap_free(await segments(stream, 1))
    fake.fails = False
    new = jpeg(colours=[(255, 0, 0)])
    await show(fake, new, 2)
    await until(lambda: not stream.health.trouble)
    assert stream.still == new
    assert (stream.health.outages, stream.health.renewals) == (1, 0)
    assert not ends.reasons
    await stream.stop()


async def test_note_on_the_picture(fake: FakeBrowser, ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    """The note says since when, on the clock of the home."""
    texts: list[str] = []

    def note(picture: bytes, text: str) -> bytes:
        texts.append(text)
        return picture

    monkeypatch.setattr(stream_module, "noted", note)
    stream = make_fake(fake, ends)
    stream._timezone = timezone(timedelta(hours=5, minutes=30))
    # Nothing to draw on.
    await stream._show_note(0.0)
    await start_fake(fake, stream)
    await stream._show_note(1_700_000_000.0)
    assert texts == ["Reconnecting since 03:43"]
    await stream.stop()


async def test_sign_in_refused(fake: FakeBrowser, ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    """Home Assistant that refuses to sign in again and again ends the stream."""
    monkeypatch.setattr(stream_module, "_LONGEST_WAIT_S", 0.01)
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    stream._credentials = refused
    fake.signs_in = True
    fake.tab.fake.emit("Runtime.bindingCalled", {"name": "dashboardCastSignIn", "payload": "{}"})
    fake.tab.lost("gone")
    await asyncio.wait_for(ends.came.wait(), TIMEOUT_S)
    (reason,) = ends.reasons
    assert isinstance(reason, SignInFailedError)
    assert len(fake.tabs) == stream_module._MAX_REFUSALS + 2
    assert all(tab.closed.is_set() for tab in fake.tabs)


async def test_hanging_page_is_left_behind(
    fake: FakeBrowser, ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost page whose tab does not close holds nobody up, but the end of the stream waits for it."""
    monkeypatch.setattr(stream_module, "_CLOSE_TIMEOUT_S", 0.05)
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    hanging = fake.tab
    hanging.may_close.clear()
    hanging.lost("gone")
    await show(fake, jpeg(colours=[(255, 0, 0)]), 2)
    await until(lambda: not stream.health.trouble)
    stopping = asyncio.create_task(stream.stop())
    await asyncio.wait([stopping], timeout=0.5)
    assert not stopping.done()
    hanging.may_close.set()
    await asyncio.wait_for(stopping, TIMEOUT_S)
    assert hanging.closed.is_set()
    assert not tasks()


async def test_trouble_of_the_page(fake: FakeBrowser, ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the page is unwell the stream says so and its picture stays; later pictures are taken again."""
    monkeypatch.setattr(page_module, "_LOOK_INTERVAL_S", 0.02)
    monkeypatch.setattr(page_module, "_UNWELL_INTERVAL_S", 0.02)
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    fake.tab.fake.state["connected"] = False
    await until(lambda: stream.health.trouble)
    assert stream.health.trouble == str(Trouble.DISCONNECTED)
    bad, good = jpeg(colours=[(255, 0, 0)]), jpeg(colours=[(0, 255, 0)])
    fake.tab.fake.emit("Page.screencastFrame", frame_event(picture=bad))
    assert stream.still == jpeg()
    assert stream.health.trouble
    fake.tab.fake.state["connected"] = True
    await until(lambda: stream._page and stream._page._presentable)
    fake.tab.fake.emit("Page.screencastFrame", frame_event(picture=good))
    assert stream.still == good
    assert not stream.health.trouble
    assert len(fake.tabs) == 1
    await stream.stop()


async def test_renewal(fake: FakeBrowser, ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is worn out is shown until the next one is drawn; not renewed again right afterwards."""
    monkeypatch.setattr(page_module, "_LOOK_INTERVAL_S", 0.02)
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    await until(lambda: len(fake.tab.fake.sent) > 20)
    fake.may_open.clear()
    fake.asked.clear()
    fake.tab.fake.state["version"] = "2"
    await asyncio.wait_for(fake.asked.wait(), TIMEOUT_S)
    moved = jpeg(colours=[(0, 0, 255)])
    fake.tab.fake.emit("Page.screencastFrame", frame_event(picture=moved))
    assert stream.still == moved
    assert not stream.health.trouble
    fake.may_open.set()
    new = jpeg(colours=[(255, 0, 0)])
    await show(fake, new, 2)
    await until(lambda: stream.health.renewals == 1)
    assert stream.still == new
    assert fake.tabs[0].closed.is_set()
    await until(lambda: len(fake.tab.fake.sent) > 20)
    fake.tab.fake.state["version"] = "3"
    looks = len(fake.tab.fake.sent)
    await until(lambda: len(fake.tab.fake.sent) > looks + 5)
    assert len(fake.tabs) == 2
    assert stream.health.outages == 0
    await stream.stop()


async def test_browser_is_replaced(stream: Stream, browser: LocalBrowser, ends: Ends) -> None:
    """The page moves out of a browser that takes too much memory, which then ends; nobody sees it."""
    old = browser._chromium
    assert old
    old.worn = True
    await until(lambda: stream.health.renewals == 1)
    await until(lambda: not old.alive)
    before = stream.pictures
    await until(lambda: stream.pictures > before + 3)
    check_gap_free(await segments(stream, 1))
    assert stream.health == Health(renewals=1)
    assert browser._chromium is not old
    assert not ends.reasons


async def test_renewal_fails(fake: FakeBrowser, ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that cannot be renewed goes on."""
    monkeypatch.setattr(page_module, "_LOOK_INTERVAL_S", 0.02)
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    await until(lambda: len(fake.tab.fake.sent) > 20)
    fake.fails = True
    fake.asked.clear()
    fake.tab.fake.state["version"] = "2"
    await asyncio.wait_for(fake.asked.wait(), TIMEOUT_S)
    await until(lambda: not stream._opening.locked())
    fake.tab.fake.emit("Page.screencastFrame", frame_event(picture=jpeg(colours=[(0, 0, 255)])))
    assert stream.still == jpeg(colours=[(0, 0, 255)])
    assert stream.health == Health()
    await stream.stop()


async def test_other_source_while_a_page_cannot_be_opened(
    fake: FakeBrowser, ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who shows something else between two tries is not held up, and the lost page is not opened again."""
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    fake.fails = True
    fake.tab.lost("gone")
    await until(lambda: stream._tries == 2 and not stream._opening.locked())
    fake.fails = False
    showing = asyncio.create_task(stream.show(Source("/other")))
    await show(fake, jpeg(colours=[(255, 0, 0)]), 2)
    await asyncio.wait_for(showing, 0.9)
    assert not stream.health.trouble
    # The try that was due finds nothing to do.
    await until(lambda: stream._unfit.empty() and not stream._opening.locked())
    await segments(stream, 1)
    assert len(fake.tabs) == 2
    await stream.stop()


async def test_nobody_has_to_stop_what_has_ended(fake: FakeBrowser, ends: Ends) -> None:
    """A stream that ended by itself leaves nothing, no complaint of asyncio either."""
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    stream._encoder._restarts = 0
    for process in processes("ffmpeg"):
        process.kill()
    await asyncio.wait_for(ends.came.wait(), TIMEOUT_S)
    await until(lambda: not tasks())
    # Who waits for the end of a task hears of it a step later.
    await asyncio.sleep(0)
    assert stream._work
    # Whether it complains that nobody asked what the task ended with, once that is forgotten.
    assert not stream._work._log_traceback
    assert not processes("ffmpeg")


async def test_only_the_shown_page_is_replaced(fake: FakeBrowser, ends: Ends) -> None:
    """That a page is gone that was replaced already is nothing to do about."""
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    await stream._open_page(stream.source)
    assert fake.tabs[0].closed.is_set()
    fake.tabs[0].lost("gone")
    await segments(stream, 1)
    assert len(fake.tabs) == 2
    await stream.stop()


def test_pictures_of_an_older_page(fake: FakeBrowser, ends: Ends) -> None:
    """A page is shown until the one after it has a picture, and never again."""

    async def scene() -> list[bytes | None]:
        stream = make_fake(fake, ends)
        shown = []
        for page, picture in [(1, b"a"), (1, b"b"), (2, b"c"), (1, b"d"), (2, b"e"), (3, b"f"), (2, b"g")]:
            stream._take_frame(page, Frame(picture, time.monotonic()))
            shown.append(stream.still)
        return shown

    assert asyncio.run(scene()) == [b"a", b"b", b"c", b"c", b"e", b"f", b"f"]


async def test_show_another_source(fake: FakeBrowser, ends: Ends) -> None:
    """Another page takes the place of the one that is shown once it is drawn, and viewers see no gap."""
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    fake.may_open.clear()
    showing = asyncio.create_task(stream.show(Source("/other")))
    check_gap_free(await segments(stream, 1))
    assert stream.source == Source("/")
    assert not fake.tabs[0].closed.is_set()
    fake.may_open.set()
    new = jpeg(colours=[(255, 0, 0)])
    await show(fake, new, 2)
    await asyncio.wait_for(showing, TIMEOUT_S)
    assert stream.source == Source("/other")
    assert stream.still == new
    assert fake.tabs[0].closed.is_set()
    check_gap_free(await segments(stream, 1))
    fake.tab.lost("gone")
    await show(fake, jpeg(), 3)
    assert ("Page.navigate", {"url": "http://home/other"}) in fake.tab.fake.sent
    await stream.stop()
    assert ends.reasons == [None]


async def test_doubt_of_blank_pictures(fake: FakeBrowser, ends: Ends) -> None:
    """What is thought of blank pictures goes from page to page of a source, and not to another."""
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    doubt = stream._doubt
    fake.tab.lost("gone")
    await show(fake, jpeg(), 2)
    await until(lambda: not stream.health.trouble)
    assert stream._page
    assert stream._page._doubts is stream._doubt is doubt
    showing = asyncio.create_task(stream.show(Source("/other")))
    await show(fake, jpeg(), 3)
    await showing
    assert stream._page._doubts is stream._doubt is not doubt
    await stream.stop()


async def test_show_fails(fake: FakeBrowser, ends: Ends) -> None:
    """When the other page cannot be opened, the one that is shown stays."""
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    fake.fails = True
    with pytest.raises(BrowserFailedError):
        await stream.show(Source("/other"))
    assert stream.source == Source("/")
    assert not fake.tab.closed.is_set()
    check_gap_free(await segments(stream, 1))
    await stream.stop()


async def test_show_cancelled(fake: FakeBrowser, ends: Ends) -> None:
    """Who does not want the other page any more leaves no tab, and what was shown."""
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    showing = asyncio.create_task(stream.show(Source("/other")))
    await until(lambda: len(fake.tabs) == 2 and fake.tab.fake.sent)
    showing.cancel()
    await asyncio.wait([showing])
    assert [tab.closed.is_set() for tab in fake.tabs] == [False, True]
    assert stream.source == Source("/")
    await stream.stop()


@pytest.mark.parametrize("method", ["Target.createBrowserContext", "Target.createTarget", "Page.navigate"])
async def test_show_cancelled_while_opening(
    stream: Stream,
    browser: LocalBrowser,
    frontend: Frontend,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    """Whatever the browser is just doing for a page that nobody wants any more is undone."""
    ask = FlatSession.send

    async def send(self: FlatSession, called: str, **parameters: Any) -> Any:
        if called == method:
            asyncio.get_running_loop().call_soon(showing.cancel)
        return await ask(self, called, **parameters)

    monkeypatch.setattr(FlatSession, "send", send)
    showing = asyncio.create_task(stream.show(Source(frontend.scene())))
    await asyncio.wait([showing])
    assert showing.cancelled()
    assert isinstance(browser._chromium, ConnectedBrowser)
    session, contexts = browser._chromium.session, list[str]()
    async with asyncio.timeout(TIMEOUT_S):
        while len(contexts) != 1:
            contexts = (await session.send("Target.getBrowserContexts"))["browserContextIds"]
    assert len(browser._tabs) == 1


async def test_show_cancelled_too_late(fake: FakeBrowser, ends: Ends) -> None:
    """Who changes his mind when the other page shows already keeps that one, and the old one is closed."""
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    fake.tabs[0].may_close.clear()
    closing = asyncio.Event()
    fake.tabs[0].closing = closing.set
    showing = asyncio.create_task(stream.show(Source("/other")))
    await show(fake, jpeg(), 2)
    await asyncio.wait_for(closing.wait(), TIMEOUT_S)
    showing.cancel()
    await asyncio.wait([showing])
    assert stream.source == Source("/other")
    fake.tabs[0].may_close.set()
    await asyncio.wait_for(fake.tabs[0].closed.wait(), TIMEOUT_S)
    assert not fake.tab.closed.is_set()
    await stream.stop()


def drawn(tab: FakeTab) -> list[str]:
    """Return what was drawn over a fake page: the scripts that ran in a world of their own."""
    calls = [parameters for method, parameters in tab.fake.sent if method == "Runtime.evaluate"]
    return [call["expression"] for call in calls if "contextId" in call]


async def test_tell(fake: FakeBrowser, ends: Ends) -> None:
    """A message is drawn over the page that shows, and over those that come while its time lasts."""

    def answer(tab: FakeTab) -> None:
        tab.fake.answers["Page.getFrameTree"] = {"frameTree": {"frame": {"id": "frame"}}}
        tab.fake.answers["Page.createIsolatedWorld"] = {"executionContextId": 1}

    stream = make_fake(fake, ends)
    await stream.tell(Message("first word", seconds=60))
    answer(fake.tab)
    await start_fake(fake, stream)
    await stream.tell(Message("second word", seconds=0.1))
    assert ["second word" in script for script in drawn(fake.tab)] == [False, True]
    await segments(stream, 1)
    showing = asyncio.create_task(stream.show(Source("/other")))
    await until(lambda: len(fake.tabs) == 2)
    answer(fake.tab)
    await show(fake, jpeg(), 2)
    await asyncio.wait_for(showing, TIMEOUT_S)
    (script,) = drawn(fake.tab)
    assert "first word" in script
    assert "second word" not in script
    await stream.stop()


async def test_stop_while_another_source_is_drawn(
    stream: Stream, frontend: Frontend, browser: LocalBrowser
) -> None:
    """A page that is still being drawn when the stream ends fails with that, and its tab is closed."""
    showing = asyncio.create_task(stream.show(Source(frontend.scene(SIGN_IN + "await tell('signed in');"))))
    await until(lambda: "signed in" in frontend.told)
    await asyncio.wait_for(stream.stop(), TIMEOUT_S)
    with pytest.raises(BrowserFailedError):
        await asyncio.wait_for(showing, TIMEOUT_S)
    assert not browser._tabs
    assert not tasks()


async def test_stop_before_another_source_has_a_tab(fake: FakeBrowser, ends: Ends) -> None:
    """A tab that comes when the stream has ended is closed at once."""
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    fake.may_open.clear()
    showing = asyncio.create_task(stream.show(Source("/other")))
    await asyncio.wait_for(stream.stop(), TIMEOUT_S)
    fake.may_open.set()
    with pytest.raises(BrowserFailedError):
        await asyncio.wait_for(showing, TIMEOUT_S)
    assert not fake.tab.fake.sent
    assert all(tab.closed.is_set() for tab in fake.tabs)


async def test_page_lost_while_another_source_is_opened(fake: FakeBrowser, ends: Ends) -> None:
    """The page that is about to be shown takes the place of the lost one; no third is opened."""
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    fake.may_open.clear()
    showing = asyncio.create_task(stream.show(Source("/other")))
    fake.tabs[0].lost("gone")
    fake.may_open.set()
    await show(fake, jpeg(), 2)
    await asyncio.wait_for(showing, TIMEOUT_S)
    await segments(stream, 1)
    assert len(fake.tabs) == 2
    assert not fake.tab.closed.is_set()
    await stream.stop()


async def test_stop_while_a_page_is_opened_anew(fake: FakeBrowser, ends: Ends) -> None:
    """A stop while the page is opened again leaves nothing of either."""
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    fake.tabs[0].lost("gone")
    await until(lambda: len(fake.tabs) == 2)
    await asyncio.wait_for(stream.stop(), TIMEOUT_S)
    assert all(tab.closed.is_set() for tab in fake.tabs)
    assert not processes("ffmpeg")
    assert not tasks()
    assert ends.reasons == [None]


async def test_signed_out(browser: LocalBrowser, frontend: Frontend, ends: Ends) -> None:
    """A stream whose sign-in is withdrawn ends with that."""
    scene = DRAWN + "released().then(signIn);"
    stream = make(browser, frontend, ends, scene, token=Turns(credentials, *[refused] * 10))
    await asyncio.wait_for(stream.start(), TIMEOUT_S)
    frontend.release.set()
    await asyncio.wait_for(ends.came.wait(), TIMEOUT_S)
    assert isinstance(ends.reasons[0], SignInFailedError)


@pytest.mark.parametrize(
    ("ffmpeg", "error"), [("/no/such/ffmpeg", FFmpegMissingError), ("/bin/false", EncoderFailedError)]
)
async def test_start_fails_without_ffmpeg(
    fake: FakeBrowser, ends: Ends, ffmpeg: str, error: type[DashboardCastError]
) -> None:
    """A start without an FFmpeg that works fails, tells it once, and closes the page."""
    stream = make_fake(fake, ends, ffmpeg)
    with pytest.raises(error):
        await start_fake_that_fails(fake, stream)
    assert fake.tab.closed.is_set() == fake.opened
    assert len(ends.reasons) == 1
    assert not tasks()


async def start_fake_that_fails(browser: FakeBrowser, stream: Stream) -> None:
    """Start a stream of a fake page; give it a picture if it gets that far."""
    starting = asyncio.create_task(stream.start())
    await until(lambda: starting.done() or "Page.screencastFrame" in browser.tab.fake._handlers)
    if not starting.done():
        browser.tab.fake.emit("Page.screencastFrame", frame_event(picture=jpeg()))
    await asyncio.wait_for(starting, TIMEOUT_S)


async def test_start_fails_with_what_is_no_video(fake: FakeBrowser, ends: Ends, tmp_path: Path) -> None:
    """A program that writes something else than video is told as that."""
    path = tmp_path / "ffmpeg"
    path.write_text("#!/bin/sh\necho 'This is no video at all'\nexec cat > /dev/null\n")
    path.chmod(0o755)
    stream = make_fake(fake, ends, str(path))
    with pytest.raises(MalformedMediaError):
        await start_fake_that_fails(fake, stream)
    assert isinstance(ends.reasons[0], MalformedMediaError)


async def test_start_fails_without_browser(frontend: Frontend, ends: Ends) -> None:
    """A start without a browser fails with what is missing, and leaves no FFmpeg."""
    stream = make(LocalBrowser("/no/such/browser"), frontend, ends)
    with pytest.raises(BrowserMissingError):
        await asyncio.wait_for(stream.start(), TIMEOUT_S)
    assert not processes("ffmpeg")
    assert len(ends.reasons) == 1


async def test_start_fails_without_a_page(
    browser: LocalBrowser, frontend: Frontend, ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start whose page is not drawn fails with that, and leaves neither FFmpeg nor tab."""
    stream = make(browser, frontend, ends, "await enter(await signIn());")
    monkeypatch.setattr("custom_components.dashboard_cast.engine.page.Page.open.__defaults__", (0.5,))
    with pytest.raises(PageNotReadyError):
        await asyncio.wait_for(stream.start(), TIMEOUT_S)
    assert not processes("ffmpeg")
    assert not browser._tabs


async def test_start_cancelled(browser: LocalBrowser, frontend: Frontend, ends: Ends) -> None:
    """A start that is cancelled leaves neither FFmpeg nor tab nor task."""
    stream = make(browser, frontend, ends, "await enter(await signIn());")
    starting = asyncio.create_task(stream.start())
    await until(lambda: frontend.told and processes("ffmpeg"))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not processes("ffmpeg")
    assert not browser._tabs
    assert not tasks()
    assert ends.reasons == [None]


async def test_start_cancelled_while_waiting_for_segments(fake: FakeBrowser, ends: Ends) -> None:
    """A start that is cancelled when all runs already leaves nothing either."""
    stream = make_fake(fake, ends)
    starting = asyncio.create_task(stream.start())
    await until(lambda: any(name.startswith("stream ") for name in tasks()))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert fake.tab.closed.is_set()
    assert not processes("ffmpeg")
    assert not tasks()


STAGES: dict[str, Callable[[FakeBrowser], None]] = {
    "opening": lambda fake: fake.may_open.clear(),
    "drawing": lambda fake: fake.tab.fake.state.update(waitsFor="a card"),
    "encoding": lambda _: None,
}


@pytest.mark.parametrize("stage", STAGES)
async def test_stop_while_starting(fake: FakeBrowser, ends: Ends, stage: str) -> None:
    """A stop that comes while a stream starts is the end of it, at whatever it is."""
    STAGES[stage](fake)
    stream = make_fake(fake, ends)
    starting = asyncio.create_task(stream.start())
    await until(lambda: processes("ffmpeg") and fake.asked.is_set())
    await asyncio.wait_for(stream.stop(), TIMEOUT_S)
    fake.may_open.set()
    fake.tab.fake.state["waitsFor"] = ""
    done, _ = await asyncio.wait([starting], timeout=3)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    left = processes("ffmpeg"), tasks(), fake.opened and not fake.tab.closed.is_set()
    for task in asyncio.all_tasks():
        if task.get_name().startswith(TASKS):
            task.cancel()
    await stream._encoder.stop()
    assert done
    assert left == ([], [], False)
    assert ends.reasons == [None]


async def test_stop_while_it_ends_by_itself(fake: FakeBrowser, ends: Ends) -> None:
    """A stop that comes while a stream clears up after a failure lets it finish that."""
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    fake.tab.may_close.clear()
    stream._encoder._restarts = 0
    for process in processes("ffmpeg"):
        process.kill()
    await until(lambda: stream.store.closed)
    stopping = asyncio.create_task(stream.stop())
    for _ in range(5):
        await asyncio.sleep(0)
    fake.tab.may_close.set()
    await asyncio.wait_for(stopping, TIMEOUT_S)
    left = processes("ffmpeg")
    await stream._encoder.stop()
    assert fake.tab.closed.is_set()
    assert not left
    assert len(ends.reasons) == 1


@pytest.mark.parametrize("seed", range(3))
async def test_everything_at_once(
    fake: FakeBrowser, ends: Ends, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Whatever comes together, no page is opened for nobody, and no tab outlives its stream."""
    monkeypatch.setattr(stream_module, "_LONGEST_WAIT_S", 0.01)
    monkeypatch.setattr(page_module, "_LOOK_INTERVAL_S", 0.01)
    chance = random.Random(seed)  # noqa: S311
    stream = make_fake(fake, ends)
    await start_fake(fake, stream)
    shows: list[asyncio.Task[None]] = []

    def show_other() -> None:
        shows.append(asyncio.create_task(stream.show(Source(f"/{len(shows)}"))))

    def toggle_failing() -> None:
        fake.fails = not fake.fails

    def leave() -> None:
        if "Page.frameNavigated" in fake.tab.fake._handlers:
            fake.tab.fake.emit("Page.frameNavigated", {"frame": {"unreachableUrl": "http://home"}})

    happenings: list[Callable[[], object]] = [
        show_other,
        lambda: shows and shows[-1].cancel(),
        lambda: fake.tab.lost("gone"),
        lambda: fake.tab.fake.state.update(version=str(chance.random())),
        leave,
        toggle_failing,
    ]
    for _ in range(40):
        chance.choice(happenings)()
        await asyncio.sleep(chance.choice([0, 0, 0.005, 0.03]))
        # The one that is shown, and the one that is about to be.
        assert len([tab for tab in fake.tabs if not tab.closed.is_set()]) <= 2
    await asyncio.wait_for(stream.stop(), TIMEOUT_S)
    await asyncio.wait_for(asyncio.gather(*shows, return_exceptions=True), TIMEOUT_S)
    assert all(tab.closed.is_set() for tab in fake.tabs)
    assert not tasks()
    assert ends.reasons == [None]
