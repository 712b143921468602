"""A visit to a web page by its URL: what lets us in, and what keeps the page in its bounds."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from http import HTTPStatus
import json
from pathlib import Path
from typing import Any, Final

from yarl import URL

from ..errors import BrowserFailedError, DashboardCastError, PageFailedError
from ..models import Source, Website
from .cdp import CdpSession, Json
from .gate import Gate
from .world import World

_SCRIPT: Final = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
# Runs beside the page's own scripts, and sees no more of them than they of it.
_STORE: Final = """if (self.origin === %s) {
  for (const [name, value] of %s) localStorage.setItem(name, value);
}"""
# It would answer requests that nobody checks, and outlive the page.
_NO_SERVICE_WORKER: Final = "delete Navigator.prototype.serviceWorker"


class Visit:
    """A web page in a tab, with none of what dashboards are given.

    homes: addresses of Home Assistant, which are out of bounds.
    run: starts what has to be done for the page's sake.
    refuse: called with the reason when the page has gone where it may not be, or is an error.
    """

    def __init__(
        self,
        session: CdpSession,
        source: Source,
        site: Website,
        *,
        homes: tuple[str, ...],
        run: Callable[[Callable[[], Coroutine[Any, Any, None]]], None],
        refuse: Callable[[DashboardCastError], None],
    ) -> None:
        self._session = session
        self._source = source
        self._site = site
        self._gate = Gate(*homes, allowed=site.allowed)
        self._run = run
        self._refuse = refuse
        self._world = World(session)
        self._origin = _origin(site.url)
        self._frame = ""
        self._challenged: set[str] = set()

    async def prepare(self) -> None:
        """Make everything ready before the page is there.

        Raises UrlInvalidError, UrlForbiddenError, UrlNotAllowedError or BrowserFailedError.
        """
        self._gate.check(self._site.url)
        send = self._session.send
        self._frame = await self._world.frame()
        self._session.on("Network.responseReceived", self._received)
        self._session.on("Fetch.requestPaused", lambda event: self._run(partial(self._continue, event)))
        self._session.on("Fetch.authRequired", lambda event: self._run(partial(self._authenticate, event)))
        # Nobody asks for what was received, so that it need not be kept.
        await send("Network.enable", maxTotalBufferSize=0, maxResourceBufferSize=0)
        await send("Network.setBypassServiceWorker", bypass=True)
        await send("Page.addScriptToEvaluateOnNewDocument", source=_NO_SERVICE_WORKER)
        await send("Security.setIgnoreCertificateErrors", ignore=not self._site.verify)
        await send("Fetch.enable", **self._interception())
        await self._introduce()

    async def state(self) -> Json | None:
        """Return how far the page is, as page.js does of a dashboard; None before it is there."""
        with suppress(BrowserFailedError):
            answer: Json | None = await self._world.evaluate(_SCRIPT)
            return answer
        return None

    def _interception(self) -> Json:
        """Return which requests are to be seen: those for documents, and those that get something along."""
        patterns = [{"urlPattern": "*", "resourceType": "Document"}]
        if self._site.headers or self._site.username is not None:
            patterns.append({"urlPattern": f"{self._origin}/*"})
        return {"patterns": patterns, "handleAuthRequests": self._site.username is not None}

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

    async def _continue(self, event: Json) -> None:
        """Let a request go on its way, or stop it."""
        try:
            method, changes = "Fetch.continueRequest", self._request(event)
        except DashboardCastError as error:
            method, changes = "Fetch.failRequest", {"errorReason": "BlockedByClient"}
            if event["frameId"] == self._frame:
                self._refuse(error)
        # A request that its page has given up meanwhile is none any more.
        with suppress(BrowserFailedError):
            await self._session.send(method, requestId=event["requestId"], **changes)

    def _request(self, event: Json) -> Json:
        """Return what to change in a request: our headers, where they belong.

        Raises UrlInvalidError, UrlForbiddenError or UrlNotAllowedError.
        """
        url = event["request"]["url"]
        if event["resourceType"] == "Document" and event["frameId"] == self._frame:
            self._gate.check(url)
        elif event["resourceType"] == "Document" and url.startswith("http"):
            self._gate.check_frame(url)
        if not self._site.headers or _origin(url) != self._origin:
            return {}
        headers = event["request"]["headers"] | dict(self._site.headers)
        return {"headers": [{"name": name, "value": value} for name, value in headers.items()]}

    async def _authenticate(self, event: Json) -> None:
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
        await self._session.send("Fetch.continueWithAuth", requestId=number, authChallengeResponse=answer)

    def _received(self, event: Json) -> None:
        """Look from where the page came, for a name says little, and whether it is the page at all."""
        if event["type"] != "Document" or event.get("frameId") != self._frame:
            return
        response = event["response"]
        status: int = response["status"]
        try:
            self._gate.check_remote(response.get("remoteIPAddress", ""), response.get("remotePort", 0))
            if status >= HTTPStatus.BAD_REQUEST:
                detail = f"it answers {status} {_phrase(status)}".rstrip()
                raise PageFailedError(path=self._site.name, detail=detail)
        except DashboardCastError as error:
            self._refuse(error)


def _origin(url: str) -> str:
    """Return the origin of a URL as browsers write it; nothing for one without."""
    try:
        return str(URL(url).origin())
    except ValueError:
        return ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
