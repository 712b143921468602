"""A web server that plays Home Assistant's frontend, as much of it as a page looks at."""

import asyncio
from collections.abc import Callable
import secrets
from typing import Self

from aiohttp import web
from aiohttp.test_utils import TestServer

# What scenes are written with. `draw` puts up the elements of a dashboard and returns what is in its card.
SCRIPT = """
  const tell = (what) => fetch("/told", { method: "POST", body: what, mode: "no-cors" });
  const released = () => fetch("/release");
  const signIn = () => new Promise((resolve, reject) => {
    window.externalAuthSetToken = (good, data) => (good ? resolve(data) : reject(data));
    externalApp.getExternalAuth(JSON.stringify({ callback: "externalAuthSetToken" }));
  });
  const add = (parent, name, shadow = true) => {
    const node = document.createElement(name);
    node.style.display = "block";
    parent.append(node);
    return shadow ? node.attachShadow({ mode: "open" }) : node;
  };
  const home = document.querySelector("home-assistant");
  const enter = (data) => {
    home.hass = { connected: true, user: { name: "Reader" } };
    return tell(JSON.stringify(data));
  };
  const resolver = () => add(add(home.attachShadow({ mode: "open" }), "home-assistant-main"),
    "partial-panel-resolver", false);
  const root = (parent = resolver()) => {
    const node = add(add(parent, "ha-panel-lovelace"), "hui-root");
    const header = document.createElement("div");
    header.className = "header";
    header.style = "height: 40px; background: rgb(255, 0, 0)";
    node.append(header);
    return node;
  };
  const view = (parent = root()) => add(parent, "hui-view", false);
  const card = (parent = view()) => add(parent, "hui-card", false);
  const draw = () => {
    const content = add(card(), "div", false);
    content.style = "height: 1000px; background: rgb(0, 0, 255)";
    return content;
  };
"""
# The dot is there since a picture of one colour counts as blank.
DOCUMENT = """<!doctype html><meta charset="utf-8"><body style="margin: 0; background: rgb(0, 255, 0)">
<home-assistant style="display: block"></home-assistant>
<i style="position: fixed; left: 100px; top: 30px; width: 5px; height: 9px; border-left: 4px solid black;
  background: white"></i>
<script type="module">%s</script></body>"""
SIGN_IN = "await enter(await signIn());"
DRAWN = SIGN_IN + "const content = draw();"
MOVING = """
  let step = 0;
  const move = () => {
    content.style.background = `rgb(0, 0, ${(step++ * 10) % 256})`;
    window.moves = requestAnimationFrame(move);
  };
  move();
"""


class Frontend:
    """Serves scenes: each a script that runs in a page of its own."""

    def __init__(self) -> None:
        self.told: list[str] = []
        """What pages told of themselves."""
        self.asked: list[str] = []
        """The paths that were asked for."""
        self.url = ""
        """Its address, without a path."""
        self.release = asyncio.Event()
        """Lets answers go that wait for it."""
        self._scenes: dict[str, str] = {}
        self._proofs: dict[str, str] = {}
        self.answers: Callable[[str], str] = lambda path: self._proofs.get(path, "")
        """What it answers to challenges."""
        app = web.Application()
        app.router.add_post("/told", self._tell)
        app.router.add_get("/release", self._wait)
        app.router.add_get("/manifest.json", self._manifest)
        app.router.add_get("/echo", self._echo)
        app.router.add_get("/proof/{number}", self._prove)
        app.router.add_get("/{path:.*}", self._show)
        self._server = TestServer(app, host="127.0.0.1")

    async def __aenter__(self) -> Self:
        """Start to serve."""
        await self._server.start_server()
        self.url = f"http://127.0.0.1:{self._server.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let go who waits, and end."""
        self.release.set()
        await self._server.close()

    def challenge(self) -> tuple[str, str]:
        """Return a path and what is answered there, as Home Assistant does."""
        path = f"/proof/{len(self._proofs)}"
        answer = self._proofs[path] = secrets.token_hex()
        return path, answer

    def scene(self, script: str = DRAWN) -> str:
        """Add a scene and return its path; an empty script answers only when released."""
        path = f"/scene/{len(self._scenes)}"
        self._scenes[path] = script
        return path

    async def _tell(self, request: web.Request) -> web.Response:
        self.told.append(await request.text())
        return web.Response()

    async def _wait(self, _request: web.Request) -> web.Response:
        await self.release.wait()
        return web.Response(body=b"", content_type="application/octet-stream")

    async def _manifest(self, _request: web.Request) -> web.Response:
        return web.json_response({"name": "Home Assistant", "start_url": "/"})

    async def _prove(self, request: web.Request) -> web.Response:
        return web.Response(text=self.answers(request.path))

    async def _echo(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    async def _show(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        script = self._scenes.get(request.path)
        if script is None:
            raise web.HTTPNotFound
        if not script:
            await self.release.wait()
        return web.Response(text=DOCUMENT % (SCRIPT + script), content_type="text/html")
