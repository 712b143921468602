"""Pages for tests: real ones in a tab, and a tab that is none."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
import json
import time
from typing import Any, override

from custom_components.dashboard_cast.engine.blank import Doubt
from custom_components.dashboard_cast.engine.browser import LocalBrowser
from custom_components.dashboard_cast.engine.cdp import Browser, CdpSession, EventHandler, Json, Tab
from custom_components.dashboard_cast.engine.health import Trouble, Verdict
from custom_components.dashboard_cast.engine.homes import Homes
from custom_components.dashboard_cast.engine.page import AccessToken, Credentials, Page
from custom_components.dashboard_cast.engine.tab import ConnectedBrowser
from custom_components.dashboard_cast.errors import SignInFailedError
from custom_components.dashboard_cast.models import Frame, Profile, Source

from .frontend import DRAWN, Frontend
from .helpers import SMALL, TIMEOUT_S

TOKEN = AccessToken("secret", 1_800)
TOLD = {"access_token": "secret", "expires_in": 1_800}
SOURCE = Source("/")
WELL: Json = {"signedIn": True, "connected": True, "waitsFor": "", "error": "", "version": "1"}
"""What a page says of itself that is well."""


async def credentials() -> AccessToken:
    """Return a token at once."""
    return TOKEN


async def refused() -> AccessToken:
    """Have no token."""
    raise SignInFailedError(path="/refused")


class Turns:
    """Credentials that are others each time."""

    def __init__(self, *turns: Credentials) -> None:
        self._turns = iter(turns)

    async def __call__(self) -> AccessToken:
        """Return what it is the turn of."""
        return await next(self._turns)()


@dataclass
class Viewing:
    """A page, its tab and the frames that came of it."""

    tab: Tab
    page: Page = field(init=False)
    frames: list[Frame] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    verdicts: list[Verdict] = field(default_factory=list)

    def take(self, frame: Frame) -> None:
        """Note a frame."""
        self.frames.append(frame)
        self.came.set()

    async def frame(self, fits: Callable[[bytes], bool] = lambda _: True) -> bytes:
        """Return the first picture, from the latest on, that fits."""
        async with asyncio.timeout(TIMEOUT_S):
            while not (self.frames and fits(self.frames[-1].jpeg)):
                self.came.clear()
                await self.came.wait()
        return self.frames[-1].jpeg

    async def trouble(self, trouble: Trouble | None) -> Verdict:
        """Wait until the page is found to have this trouble, and return the verdict."""
        async with asyncio.timeout(TIMEOUT_S):
            while not (self.verdicts and self.verdicts[-1].trouble is trouble):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return self.verdicts[-1]

    async def evaluate(self, expression: str) -> Any:
        """Return what an expression is in the page; promises are waited for."""
        answer = await self.tab.session.send(
            "Runtime.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})))()",
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return json.loads(answer["result"].get("value", "null"))

    async def state(self) -> Json:
        """Return what the page says of itself."""
        return await self.page._state()


@asynccontextmanager
async def viewing(
    browser: Browser,
    frontend: Frontend,
    scene: str = DRAWN,
    *,
    source: Source = SOURCE,
    profile: Profile = SMALL,
    token: Credentials = credentials,
    homes: Homes | None = None,
    night: Callable[[], bool] = lambda: False,
    doubt: Doubt | None = None,
) -> AsyncIterator[Viewing]:
    """Return a scene in a tab, not opened yet."""
    tab = await browser.open_tab()
    view = Viewing(tab)
    view.page = Page(
        tab,
        replace(source, path=frontend.scene(scene)),
        profile,
        homes=homes or Homes(frontend.url, challenge=frontend.challenge),
        credentials=token,
        on_frame=view.take,
        on_verdict=view.verdicts.append,
        night=night,
        doubt=doubt,
    )
    try:
        yield view
    finally:
        await asyncio.wait_for(view.page.close(), TIMEOUT_S)


async def tabs_of(browser: LocalBrowser) -> list[str]:
    """Return the target ids of all tabs of a browser."""
    assert isinstance(browser._chromium, ConnectedBrowser)
    answer = await browser._chromium.session.send("Target.getTargets")
    return [target["targetId"] for target in answer["targetInfos"] if target["type"] == "page"]


def frame_event(age: float = 0.0, picture: bytes = b"jpeg", **metadata: float) -> dict[str, Any]:
    """Return what the browser tells of a frame."""
    known = {"timestamp": time.time() - age} | metadata
    return {"data": base64.b64encode(picture).decode(), "metadata": known, "sessionId": 1}


class FakeSession(CdpSession):
    """A session that notes what is sent and says what a test wants."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Json]] = []
        self.answers: dict[str, Json] = {}
        self.state: Json = {**WELL, "size": 1}
        self.signs_in = False
        """Whether the page wants to sign in when it is told to navigate."""
        self._handlers: dict[str, EventHandler] = {}

    @override
    async def send(self, method: str, **parameters: Any) -> Json:
        self.sent.append((method, parameters))
        if method == "Page.navigate" and self.signs_in:
            self.state["waitsFor"] = "the connection"
            self.emit("Runtime.bindingCalled", {"name": "dashboardCastSignIn", "payload": "{}"})
        if method == "Runtime.evaluate":
            return {"result": {"value": self.state}}
        return self.answers.get(method, {})

    @override
    def on(self, event: str, handler: EventHandler) -> None:
        self._handlers[event] = handler

    def emit(self, event: str, parameters: Json) -> None:
        """Let something happen in the browser."""
        self._handlers[event](parameters)


class FakeTab(Tab):
    """A tab without a browser."""

    def __init__(self, *, frame_control: bool = False) -> None:
        self.fake = FakeSession()
        self.begun: list[float] = []
        """When frames were begun, in seconds on the monotonic clock."""
        self.moves = False
        """Whether frames find something changed."""
        self.draws = asyncio.Event()
        """Whether frames come to an end."""
        self.draws.set()
        self._frame_control = frame_control
        self.lost: Callable[[str], None] = lambda _: None
        self.closing: Callable[[], None] = lambda: None
        """Called while it is being closed."""
        self.closed = asyncio.Event()
        self.may_close = asyncio.Event()
        self.may_close.set()

    @property
    @override
    def session(self) -> CdpSession:
        return self.fake

    @property
    @override
    def frame_control(self) -> bool:
        return self._frame_control

    @property
    @override
    def worn(self) -> bool:
        return False

    @override
    async def begin_frame(self, interval: float) -> bool:
        self.begun.append(time.monotonic())
        await self.draws.wait()
        return self.moves

    @override
    def on_lost(self, handler: Callable[[str], None]) -> None:
        self.lost = handler

    @override
    async def close(self) -> None:
        self.closing()
        await self.may_close.wait()
        self.closed.set()


@contextmanager
def own_threads() -> Iterator[None]:
    """Let a browser start and end with threads that end, too: the loop outlives the test."""
    with ThreadPoolExecutor() as threads:
        asyncio.get_running_loop().set_default_executor(threads)
        yield
