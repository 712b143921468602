"""What a page has besides itself: frames of other sites and workers, each with a session of its own."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any, Final, override

import orjson

from ..errors import BrowserFailedError
from .cdp import Carrier, CdpSession, FlatSession, Json, parsed

WORKER: Final = "worker"
"""The kind of a target that is a dedicated worker."""

type Adopt = Callable[[CdpSession, str], Awaitable[None]]
type Run = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


class _Tunnel(Carrier):
    """Carries the messages of a target within those of the page that has it.

    Chromium would rather have them beside those of the page. But the sessions of a Playwright server bring
    what is theirs only, and so it is one way for all.
    """

    def __init__(self, session: CdpSession, identifier: str) -> None:
        self._session = session
        self._identifier = identifier
        self._numbers = count(1)

    @override
    def next_number(self) -> int:
        return next(self._numbers)

    @override
    async def send(self, message: Json) -> None:
        text = orjson.dumps(message).decode()
        await self._session.send("Target.sendMessageToTarget", sessionId=self._identifier, message=text)


async def follow(session: CdpSession, adopt: Adopt, run: Run) -> None:
    """Have each target that a page, frame or worker opens adopted before anything runs in it.

    adopt: called with its session and kind; a target that it fails for does not run. run: starts what has to
    be done. Raises BrowserFailedError.
    """
    found: dict[str, FlatSession] = {}

    def attached(event: Json) -> None:
        identifier = event["sessionId"]
        target = found[identifier] = FlatSession(_Tunnel(session, identifier), None)
        run(partial(_adopt, target, event["targetInfo"]["type"], adopt))

    def received(event: Json) -> None:
        if target := found.get(event["sessionId"]):
            target.take(parsed(event["message"]))

    def detached(event: Json) -> None:
        if target := found.pop(event["sessionId"], None):
            target.end("it was closed")

    session.on("Target.attachedToTarget", attached)
    session.on("Target.receivedMessageFromTarget", received)
    session.on("Target.detachedFromTarget", detached)
    await session.send("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=False)


async def _adopt(target: FlatSession, kind: str, adopt: Adopt) -> None:
    # One that is gone again needs nothing.
    with suppress(BrowserFailedError):
        await adopt(target, kind)
        await target.send("Runtime.runIfWaitingForDebugger")
