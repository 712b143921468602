"""A visit to a web page by its URL: what lets us in, and what keeps the page in its bounds."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
import json
from pathlib import Path
from typing import Final

from yarl import URL

from ..errors import BrowserFailedError, DashboardCastError, PageFailedError, UrlForbiddenError
from ..models import Source, Website
from .address import parsed
from .cdp import CdpSession, Json
from .gate import Address, endpoint, is_here, remote_host, requested
from .homes import Homes
from .targets import WORKER, Run, follow
from .world import World

_SCRIPT: Final = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
# Runs beside the page's own scripts, and sees no more of them than they of it.
_STORE: Final = """if (self.origin === %s) {
  for (const [name, value] of %s) localStorage.setItem(name, value);
}"""
# They would make and answer requests that nobody checks, and outlive the page.
_NO_SHARED_WORKERS: Final = "delete Navigator.prototype.serviceWorker; delete globalThis.SharedWorker"
_SOCKETS: Final = ("Network.webSocketCreated", "Network.webTransportCreated")


class Visit:
    """A web page in a tab, with none of what dashboards are given.

    homes: where Home Assistant is, which is out of bounds.
    run: starts what has to be done for the page's sake.
    refuse: called with the reason when the page has gone where it may not be, or is an error.
    """

    def __init__(
        self,
        session: CdpSession,
        source: Source,
        site: Website,
        *,
        homes: Homes,
        run: Run,
        refuse: Callable[[DashboardCastError], None],
    ) -> None:
        self._session = session
        self._source = source
        self._site = site
        self._homes = homes
        self._gate = homes.gate(site.allowed)
        self._run = run
        self._refuse = refuse
        self._world = World(session)
        self._origin = _origin(site.url)
        self._frame = ""
        self._host: str | Address = ""
        # Not known of a name before something came from there.
        self._here: bool | None = None
        self._strangers: set[str] = set()
        self._exposed: set[tuple[str | Address, int]] = set()
        self._challenged: set[str] = set()

    async def prepare(self) -> None:
        """Make everything ready before the page is there.

        Raises UrlInvalidError, UrlForbiddenError, UrlNotAllowedError or BrowserFailedError.
        """
        self._gate.check(self._site.url)
        self._host, _ = endpoint(self._site.url)
        self._here = is_here(self._host) or None
        self._frame = await self._world.frame()
        await self._session.send("Security.setIgnoreCertificateErrors", ignore=not self._site.verify)
        await self._bound(self._session)
        await self._introduce()

    async def _bound(self, session: CdpSession, kind: str = "page") -> None:
        """Keep the page, or a frame or worker in it, in its bounds, with all that it opens."""
        send = session.send
        session.on("Network.responseReceived", self._received)
        session.on("Network.requestWillBeSent", self._announced)
        # Nobody asks for what was received, so that it need not be kept.
        await send("Network.enable", maxTotalBufferSize=0, maxResourceBufferSize=0)
        # What a worker asks for is asked through the page or frame that it belongs to.
        if kind != WORKER:
            await self._intercept(session)
        connecting = partial(self._connecting, stopped=await self._stop_sockets(session, kind))
        for event in _SOCKETS:
            session.on(event, connecting)
        await follow(session, self._bound, self._run)

    async def _intercept(self, session: CdpSession) -> None:
        """Have every request of a page or frame pause for us, and nobody in it answer instead."""
        send, run = session.send, self._run
        session.on("Fetch.requestPaused", lambda event: run(partial(self._continue, session, event)))
        session.on("Fetch.authRequired", lambda event: run(partial(self._authenticate, session, event)))
        await send("Network.setBypassServiceWorker", bypass=True)
        await send("Page.addScriptToEvaluateOnNewDocument", source=_NO_SHARED_WORKERS)
        asked = self._site.username is not None
        await send("Fetch.enable", patterns=[{"urlPattern": "*"}], handleAuthRequests=asked)

    async def _stop_sockets(self, session: CdpSession, kind: str) -> bool:
        """Have the browser stop sockets to where they may not, since we cannot; return whether it does.

        Chromium can since version 142, but does not always in workers.
        """
        conditions = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        rules = [{"urlPattern": each, **conditions} for each in self._gate.patterns(here=bool(self._here))]
        with suppress(BrowserFailedError):
            # `offline` was asked for beside the rules at first.
            await session.send(
                "Network.emulateNetworkConditionsByRule", offline=True, matchedNetworkConditions=rules
            )
            return kind != WORKER
        return False

    async def state(self) -> Json | None:
        """Return how far the page is, as page.js does of a dashboard; None before it is there.

        Raises UrlForbiddenError when it is one of Home Assistant's, whatever its address.
        """
        with suppress(BrowserFailedError):
            answer: Json | None = await self._world.evaluate(_SCRIPT)
            if answer:
                await self._recognise(answer["origin"])
            return answer
        return None

    async def _recognise(self, origin: str) -> None:
        """Find out whether it is Home Assistant that the page comes from, once for each origin."""
        if origin in self._strangers:
            return
        if await self._homes.shown_in(self._session):
            raise UrlForbiddenError(host=origin)
        self._strangers.add(origin)

    async def _introduce(self) -> None:
        """Bring cookies, stored entries and the language."""
        send, site = self._session.send, self._site
        if site.cookies:
            cookies = [{"name": name, "value": value, "url": site.url} for name, value in site.cookies]
            await send("Network.setCookies", cookies=cookies)
        if site.storage:
            source = _STORE % (json.dumps(self._origin), json.dumps(site.storage))
            await send("Page.addScriptToEvaluateOnNewDocument", source=source, worldName="dashboard-cast")
        if self._source.language is not None:
            agent = await self._world.evaluate("navigator.userAgent")
            await send(
                "Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=self._source.language
            )

    async def _continue(self, session: CdpSession, event: Json) -> None:
        """Let a request go on its way, or stop it."""
        try:
            method, changes = "Fetch.continueRequest", self._request(event)
        except DashboardCastError as error:
            method, changes = "Fetch.failRequest", {"errorReason": "BlockedByClient"}
            if self._is_page(event["resourceType"], event):
                self._refuse(error)
        # A request that its page has given up meanwhile is none any more.
        with suppress(BrowserFailedError):
            await session.send(method, requestId=event["requestId"], **changes)

    def _request(self, event: Json) -> Json:
        """Return what to change in a request: our headers, where they belong.

        Raises UrlInvalidError, UrlForbiddenError or UrlNotAllowedError.
        """
        url = event["request"]["url"]
        if self._is_page(event["resourceType"], event):
            self._gate.check(url, here=bool(self._here))
        else:
            self._check(url)
        if not self._site.headers or _origin(url) != self._origin:
            return {}
        headers = event["request"]["headers"] | dict(self._site.headers)
        return {"headers": [{"name": name, "value": value} for name, value in headers.items()]}

    def _check(self, url: str) -> None:
        """Check what something in the page asks for; raises UrlInvalidError or UrlForbiddenError."""
        self._gate.check_request(url, here=bool(self._here))
        if url.startswith(("http", "ws")) and requested(url) in self._exposed:
            raise UrlForbiddenError(host=URL(url).host or "")

    def _is_page(self, kind: str, event: Json) -> bool:
        return kind == "Document" and event.get("frameId") == self._frame

    async def _authenticate(self, session: CdpSession, event: Json) -> None:
        """Answer to a question for name and password: to the page's own server, and once."""
        challenge, number = event["authChallenge"], event["requestId"]
        answer = {"response": "CancelAuth"}
        ours = challenge.get("source") != "Proxy" and _origin(challenge["origin"]) == self._origin
        if ours and number not in self._challenged:
            self._challenged.add(number)
            answer = {
                "response": "ProvideCredentials",
                "username": self._site.username or "",
                "password": self._site.password,
            }
        with suppress(BrowserFailedError):
            await session.send("Fetch.continueWithAuth", requestId=number, authChallengeResponse=answer)

    def _received(self, event: Json) -> None:
        """Look from where something came, for a name says little, and whether the page is one at all."""
        response = event["response"]
        is_page, status = self._is_page(event["type"], event), response["status"]
        try:
            if is_page and self._here is None:
                self._here = self._is_from_here(response)
            self._gate.check_remote(
                response.get("remoteIPAddress", ""), response.get("remotePort", 0), here=bool(self._here)
            )
            if is_page and status >= HTTPStatus.BAD_REQUEST:
                detail = f"it answers {status} {_phrase(status)}".rstrip()
                raise PageFailedError(path=self._site.name, detail=detail)
        except DashboardCastError as error:
            if event["type"] == "Document":
                self._refuse(error)
            else:
                # It was not seen by anybody yet, and there will be no more of it.
                self._exposed.add(requested(response["url"]))

    def _is_from_here(self, response: Json) -> bool:
        """Return whether the page that was asked for, and no other, comes from the browser's own machine."""
        address = response.get("remoteIPAddress", "")
        asked = requested(response["url"])[0] == self._host
        return asked and bool(address) and is_here(remote_host(address))

    def _announced(self, event: Json) -> None:
        """Look at what speculation rules have the browser fetch ahead, which is not paused for us."""
        if event.get("type") == "Prefetch":
            self._connecting(event["request"], stopped=False)

    def _connecting(self, event: Json, *, stopped: bool) -> None:
        """Give the page up when it connects to where it may not, unless the browser stops that by itself."""
        try:
            self._check(event["url"])
        except DashboardCastError as error:
            if not (stopped and self._gate.has_pattern(event["url"])):
                self._refuse(error)


def _origin(url: str) -> str:
    """Return the origin of a URL as browsers write it; nothing for one without."""
    try:
        return str(parsed(url).origin())
    except ValueError:
        return ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
