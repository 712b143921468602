"""The app as its container runs it, on this machine: data, control group and Supervisor of its own."""

import asyncio
import json
import os
from pathlib import Path
import sys
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import psutil

from browser_app.dashboard_cast_browser.chromium import SWITCHES
from custom_components.dashboard_cast.engine.chromium import find_executable

from ..engine.helpers import command_of, processes
from ..home.home import free_port
from . import supervisor

APP = Path(__file__).parents[2] / "browser_app"
PACKAGE = "dashboard_cast_browser"
USER = "nobody"
MEMORY_MB = 1024
TIMEOUT_S = 20.0
# How long the app may take to end before it is killed; the container's own time is 10 s.
STOP_TIMEOUT_S = 8.0

type Json = dict[str, Any]


def write_options(data: Path, **options: Any) -> None:
    """Leave the user's options where the Supervisor puts them."""
    data.mkdir(exist_ok=True)
    given = {"memory": MEMORY_MB, "log_level": "debug", **options}
    (data / "options.json").write_text(json.dumps(given))


def write_memory(cgroup: Path, used_mb: int, inactive_mb: int = 0) -> None:
    """Say how much memory the container uses, as the kernel does."""
    cgroup.mkdir(exist_ok=True)
    (cgroup / "memory.stat").write_text(f"anon 4096\ninactive_file {inactive_mb << 20}\nactive_file 0\n")
    (cgroup / "memory.current").write_text(f"{used_mb << 20}\n")


async def health(port: int) -> int:
    """Run the container's health check; return its exit code."""
    command = (sys.executable, "-m", f"{PACKAGE}.health", str(port))
    return await (await asyncio.create_subprocess_exec(*command, cwd=APP)).wait()


class Container:
    """`async with Container(folder) as container:` is an app whose browser answers."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.cgroup = folder / "cgroup"
        self.log_file = folder / "log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.supervisor = supervisor.Supervisor()
        self.announcement: Json = {}
        """What Home Assistant was told."""
        self._process: asyncio.subprocess.Process | None = None
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Start it and wait until it is announced."""
        write_options(self.data)
        write_memory(self.cgroup, MEMORY_MB // 2)
        self._http = aiohttp.ClientSession()
        await self.supervisor.__aenter__()
        try:
            await self._start()
            async with asyncio.timeout(TIMEOUT_S):
                self.announcement = await self.supervisor.announcements.get()
        except BaseException as error:
            await self.__aexit__(None, None, None)
            if isinstance(error, TimeoutError):
                raise TimeoutError(self.log_file.read_text()) from error
            raise
        return self

    async def _start(self) -> None:
        options = {
            "--data": self.data,
            "--port": self.port,
            "--cgroup": self.cgroup,
            "--browser": find_executable(),
            "--user": USER,
            "--supervisor": self.supervisor.url,
        }
        arguments = [str(part) for option in options.items() for part in option]
        with self.log_file.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", PACKAGE, *arguments),
                cwd=APP,
                env={**os.environ, "SUPERVISOR_TOKEN": supervisor.TOKEN},
                stderr=log,
            )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        await self.stop()
        await self.supervisor.__aexit__(kind, error, trace)
        await self.http.close()

    async def stop(self) -> int:
        """Stop it as Docker does, by SIGTERM; return its exit code. Raises TimeoutError when it does not."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                return await self._process.wait()
        except TimeoutError:
            self._process.kill()
            raise

    @property
    def http(self) -> aiohttp.ClientSession:
        """What makes requests."""
        assert self._http is not None
        return self._http

    @property
    def token(self) -> str:
        """The token that Home Assistant was told."""
        return str(self.announcement["config"]["token"])

    @property
    def main(self) -> psutil.Process:
        """The app's own process."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def browser(self) -> psutil.Process:
        """Return the process of the browser that commands all others."""
        # A script stands before Debian's Chromium, with one argument more.
        return next(process for process in processes() if command_of(process)[1:2] == [SWITCHES[0]])

    async def status(self, path: str, token: str | None = None, method: str = "GET", **headers: str) -> int:
        """Return the status of an answer, asked for with a token or without."""
        query = {} if token is None else {"token": token}
        async with self.http.request(method, self.url + path, params=query, headers=headers) as answer:
            return answer.status

    async def version(self, **headers: str) -> Json | None:
        """Return what the browser says of itself, None while there is none."""
        address = f"{self.url}/json/version"
        async with self.http.get(address, params={"token": self.token}, headers=headers) as answer:
            if answer.status == 503:
                return None
            version: Json = await answer.json()
        return version

    async def path(self) -> str:
        """Return where the browser's connection is, which tells one browser from the next; waits for one."""
        async with asyncio.timeout(TIMEOUT_S):
            while (version := await self.version()) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return urlsplit(version["webSocketDebuggerUrl"]).path

    async def replaced(self, path: str) -> str:
        """Wait until there is another browser than this; return where its connection is."""
        async with asyncio.timeout(TIMEOUT_S):
            while (new := await self.path()) == path:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return new


class Devtools:
    """`async with Devtools(container) as devtools:` commands its browser."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._number = 0

    async def __aenter__(self) -> Self:
        """Connect, at the address that the gateway tells."""
        version = await self._container.version()
        assert version is not None
        address = version["webSocketDebuggerUrl"]
        self._socket = await self._container.http.ws_connect(address, max_msg_size=0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave."""
        await self._socket.close()

    async def send(self, method: str, session: str | None = None, **parameters: Any) -> Json:
        """Return the result of a command to the browser or to one of its pages."""
        self._number += 1
        address = {"sessionId": session} if session else {}
        message = {"id": self._number, "method": method, "params": parameters, **address}
        await self._socket.send_json(message)
        async with asyncio.timeout(TIMEOUT_S):
            while (answer := await self._socket.receive_json()).get("id") != self._number:
                pass
        result: Json = answer["result"]
        return result

    async def ended(self) -> None:
        """Wait until the gateway ends the connection."""
        async with asyncio.timeout(TIMEOUT_S):
            while (await self._socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
