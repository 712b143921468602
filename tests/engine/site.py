"""A web server that plays a web page which somebody wants to see, and notes what it is asked."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from aiohttp import web
from aiohttp.test_utils import TestServer

PAGE = """<!doctype html><meta charset="utf-8"><title>Page</title>
<body style="margin: 0; background: rgb(0, 0, 255)"><div style="height: 100px"></div>%s</body>"""
NAME, PASSWORD = "anna", "sesame"


@dataclass(frozen=True)
class Asked:
    """A request."""

    path: str
    headers: dict[str, str]
    """With names in lower case."""


class Site:
    """Serves pages: each what is put into its body.

    host: the address of the interface at which it does.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.asked: list[Asked] = []
        self.url = ""
        """Its address, without a path."""
        self._pages: dict[str, str] = {}
        self.answers: Callable[[str], str] = lambda _path: ""
        """What it answers where Home Assistant is asked who it is."""
        app = web.Application()
        app.router.add_get("/redirect", self._redirect)
        app.router.add_get("/guarded", self._guard)
        app.router.add_get("/broken", self._fail)
        app.router.add_get("/proof/{number}", self._prove)
        app.router.add_route("*", "/{path:.*}", self._show)
        self._host = host
        self._server = TestServer(app, host=host)

    async def __aenter__(self) -> Self:
        """Start to serve."""
        await self._server.start_server()
        self.url = f"http://{self._host}:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """End."""
        await self._server.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server.port
        return self._server.port

    def page(self, body: str = "") -> str:
        """Add a page and return its address."""
        path = f"/page/{len(self._pages)}"
        self._pages[path] = body
        return self.url + path

    def requests(self, path: str) -> list[Asked]:
        """Return the requests for a path."""
        return [asked for asked in self.asked if asked.path == path]

    def _note(self, request: web.Request) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.path, headers))

    async def _redirect(self, request: web.Request) -> web.Response:
        self._note(request)
        raise web.HTTPFound(request.query["to"])

    async def _prove(self, request: web.Request) -> web.Response:
        return web.Response(text=self.answers(request.path))

    async def _guard(self, request: web.Request) -> web.Response:
        self._note(request)
        wanted = "Basic " + b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
        if request.headers.get("Authorization") != wanted:
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="here"'})
        return web.Response(text=PAGE % "", content_type="text/html")

    async def _fail(self, request: web.Request) -> web.Response:
        self._note(request)
        return web.Response(status=int(request.query["status"]))

    async def _show(self, request: web.Request) -> web.Response:
        self._note(request)
        body = self._pages.get(request.path, "")
        headers = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*"}
        return web.Response(text=PAGE % body, content_type="text/html", headers=headers)
