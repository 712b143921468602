"""Browsers elsewhere, for tests: a Chromium with a debugging port, and what people put in front of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
import os
from pathlib import Path
import shutil
import signal
import socket
import ssl
from tempfile import TemporaryDirectory
from typing import Any, Self
from uuid import uuid4

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
import psutil

from custom_components.dashboard_cast.engine.chromium import _FRAME_CONTROL_SWITCHES, find_executable

from ..home.home import free_port

START_TIMEOUT_S = 20.0
_SWITCHES = (
    "--headless=new",
    "--no-startup-window",
    "--no-sandbox",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-first-run",
)


class Machine:
    """A Chromium that listens for CDP, always on the same port.

    frame_control: whether pages may be told when to draw. switches: what it is started with besides.
    """

    def __init__(self, *switches: str, frame_control: bool = False) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.socket = ""
        """The address of its WebSocket, as it tells it."""
        self._switches = (*_SWITCHES, *(_FRAME_CONTROL_SWITCHES if frame_control else ()), *switches)
        self._process: asyncio.subprocess.Process | None = None
        self._folder = TemporaryDirectory(prefix="dashboard-cast-machine-")

    @property
    def pid(self) -> int:
        """The id of its main process."""
        assert self._process
        return self._process.pid

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    @property
    def process(self) -> psutil.Process:
        """The process that all others of it hang from; raises psutil.NoSuchProcess when there is none."""
        assert self._process
        first = psutil.Process(self._process.pid)
        # Debian starts it by a script.
        return next(iter(first.children())) if first.cmdline()[0] == "/bin/sh" else first

    async def __aexit__(self, *_: object) -> None:
        """Kill it, and remove what it wrote."""
        await self.kill()
        shutil.rmtree(self._folder.name, ignore_errors=True)
        self._folder.cleanup()

    async def start(self) -> None:
        """Start it, or start it again, and wait until it answers."""
        executable = find_executable()
        assert executable
        self._process = await asyncio.create_subprocess_exec(
            executable,
            f"--remote-debugging-port={self.port}",
            f"--user-data-dir={self._folder.name}",
            *self._switches,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        async with asyncio.timeout(START_TIMEOUT_S), aiohttp.ClientSession() as session:
            while not self.socket:
                await self._ask(session)

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        try:
            async with session.get(f"{self.url}/json/version") as answer:
                self.socket = (await answer.json(content_type=None))["webSocketDebuggerUrl"]
        except aiohttp.ClientError:
            await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """Kill it as when its machine is switched off."""
        self.socket = ""
        if self._process:
            self._signal(signal.SIGKILL)
            await self._process.wait()

    def stop(self) -> None:
        """Let it stand still as when its machine hangs."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    async def pages(self) -> list[str]:
        """Return the ids of its tabs."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/json/list") as answer:
            found: list[dict[str, str]] = await answer.json(content_type=None)
        return [page["id"] for page in found if page["type"] == "page"]


class Wire:
    """A network cable to a port of this machine, which can be pulled without anybody being told."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> Self:
        """Plug it in."""
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Throw it away."""
        assert self._server
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Lose everything that is under way on the connections there are; new ones work."""
        for task in self._tasks:
            task.cancel()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.close()
            return
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._tasks.add(task)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        # Who is killed may not say goodbye.
        with suppress(ConnectionError):
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
        sink.close()


class Gateway:
    """What stands in front of browsers, at `url`.

    token: what has to be in the query of every request. tls: what it serves HTTPS with.
    """

    def __init__(self, *, token: str | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.browsers: dict[str, Machine] = {}
        """The browsers that run, by session."""
        self.asked: list[str] = []
        """The requests that were let in."""
        self._token = token
        self._tls = tls
        app = web.Application(middlewares=[self._admit])
        self.add_routes(app.router)
        self._server = TestServer(app, host="127.0.0.1", scheme="https" if tls else "http")
        self._client: aiohttp.ClientSession | None = None

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Say what it answers; all else is not found."""

    async def __aenter__(self) -> Self:
        """Start to serve."""
        await self._server.start_server(ssl=self._tls, access_log=None)
        self._client = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End, with all browsers."""
        assert self._client
        await self._client.close()
        await self._server.close()
        for session in [*self.browsers]:
            await self.end_browser(session)

    @property
    def url(self) -> str:
        """Its address, without a token."""
        return str(self._server.make_url("")).rstrip("/")

    @web.middleware
    async def _admit(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self._token and request.query.get("token") != self._token:
            raise web.HTTPUnauthorized
        self.asked.append(f"{request.method} {request.path}")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def start_browser(self) -> str:
        """Start a browser and return its session."""
        session = uuid4().hex
        self.browsers[session] = await Machine().__aenter__()
        return session

    async def end_browser(self, session: str) -> None:
        """End a browser, if it is there."""
        if browser := self.browsers.pop(session, None):
            await browser.__aexit__()

    async def carry(self, request: web.Request, address: str) -> web.WebSocketResponse:
        """Carry messages between a client and a browser until one of them ends."""
        assert self._client
        near = web.WebSocketResponse(max_msg_size=0)
        await near.prepare(request)
        async with self._client.ws_connect(address, max_msg_size=0) as far:
            ways = [asyncio.create_task(_pump(near, far)), asyncio.create_task(_pump(far, near))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        await near.close()
        return near


type _Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pump(source: _Socket, sink: _Socket) -> None:
    async for message in source:
        await sink.send_str(message.data)


class Browserless(Gateway):
    """Speaks as browserless does: each connection gets a browser of its own, which ends with it.

    rented: whether it refuses who wants to keep one for as long as he likes.
    """

    def __init__(self, *, rented: bool = False, **keywords: Any) -> None:
        self.timeouts: list[str | None] = []
        """What each connection wanted as the longest time of its session, in milliseconds."""
        self._rented = rented
        super().__init__(**keywords)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Serve the version, and browsers at the root."""
        router.add_get("/json/version", self._version)
        router.add_get("/", self._browse)

    async def _version(self, _request: web.Request) -> web.Response:
        # The address is the one that it has in its container.
        return web.json_response({"Browser": "Chrome", "webSocketDebuggerUrl": "ws://0.0.0.0:3000"})

    async def _browse(self, request: web.Request) -> web.WebSocketResponse:
        self.timeouts.append(request.query.get("timeout"))
        if self._rented and self.timeouts[-1] == "0":
            raise web.HTTPBadRequest
        session = await self.start_browser()
        try:
            return await self.carry(request, self.browsers[session].socket)
        finally:
            await self.end_browser(session)


class Grid(Gateway):
    """Speaks as a Selenium Grid does: a browser for each WebDriver session, until that is deleted.

    cdp: whether its browsers can be reached over CDP.
    """

    def __init__(self, *, cdp: bool = True, **keywords: Any) -> None:
        self._cdp = cdp
        super().__init__(**keywords)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Serve the WebDriver commands that there have to be, and CDP."""
        router.add_get("/status", self._status)
        router.add_post("/session", self._new)
        router.add_delete("/session/{id}", self._delete)
        router.add_get("/session/{id}/timeouts", self._timeouts)
        router.add_get("/session/{id}/se/cdp", self._browse)

    async def _status(self, _request: web.Request) -> web.Response:
        return web.json_response({"value": {"ready": True, "message": "Selenium Grid ready."}})

    async def _new(self, request: web.Request) -> web.Response:
        if request.charset != "utf-8":
            raise web.HTTPInternalServerError(text="Content-Type header does not indicate utf-8 encoded json")
        wanted = (await request.json())["capabilities"]["alwaysMatch"]
        assert wanted["browserName"] == "chrome"
        session = await self.start_browser()
        cdp = {"se:cdp": f"ws://172.17.0.4:4444/session/{session}/se/cdp"} if self._cdp else {}
        value = {"sessionId": session, "capabilities": {"browserName": "chrome", **cdp}}
        return web.json_response({"value": value})

    async def _delete(self, request: web.Request) -> web.Response:
        await self.end_browser(request.match_info["id"])
        return web.json_response({"value": None})

    async def _timeouts(self, _request: web.Request) -> web.Response:
        return web.json_response({"value": {"implicit": 0}})

    async def _browse(self, request: web.Request) -> web.WebSocketResponse:
        return await self.carry(request, self.browsers[request.match_info["id"]].socket)


@dataclass(frozen=True)
class Authority:
    """A private certificate, as people make them for their home."""

    server: ssl.SSLContext = field(
        init=False, default_factory=lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    )
    client: ssl.SSLContext = field(init=False, default_factory=ssl.create_default_context)
    """Trusts it."""

    def __post_init__(self) -> None:
        """Make key and certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "home")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName(
                    [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("home.example")]
                ),
                critical=False,
            )
            .sign(key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with TemporaryDirectory() as folder:
            file = Path(folder, "certificate.pem")
            file.write_bytes(private + pem)
            self.server.load_cert_chain(file)
        self.client.load_verify_locations(cadata=pem.decode())


class Names(aiohttp.abc.AbstractResolver):
    """A name server that knows the machine of the test by every name."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        """Return the loopback interface."""
        return [
            aiohttp.abc.ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def named_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Return a session for which every host name is this machine."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Names())) as session:
        yield session
