"""Tests of Playwright servers: a real one, with Debian's Chromium behind it."""

import asyncio
from collections.abc import AsyncIterator
import json
import os
from pathlib import Path
import sys

from playwright._impl._driver import compute_driver_executable
from playwright.async_api import Error
import psutil
import pytest

from custom_components.dashboard_cast.engine.chromium import find_executable
from custom_components.dashboard_cast.engine.endpoint import Endpoint, redacted
from custom_components.dashboard_cast.engine.playwright_server import PlaywrightBrowser, _reason
from custom_components.dashboard_cast.engine.remote import RemoteBrowser
from custom_components.dashboard_cast.errors import BrowserFailedError, EndpointUnreachableError
from custom_components.dashboard_cast.models import Source, Website

from .frontend import DRAWN, MOVING, Frontend
from .helpers import TIMEOUT_S, alive, processes, until
from .site import Site
from .viewing import refused, viewing

SECRET = "s3cret"
SHELL = "chrome-headless-shell-linux64/chrome-headless-shell"


def _folder_of(list_of_browsers: Path) -> str:
    """Return where a Playwright keeps its headless shell, below its folder of browsers."""
    browsers = json.loads(list_of_browsers.read_text())["browsers"]
    (revision,) = (one["revision"] for one in browsers if one["name"] == "chromium-headless-shell")
    return f"chromium_headless_shell-{revision}"


class Server:
    """A Playwright server, whose browsers are this machine's Chromium."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""

    async def start(self) -> None:
        """Put the browser where the server looks for it, and start."""
        node, script = compute_driver_executable()
        found = find_executable()
        assert found
        shell = self._folder / _folder_of(Path(script).parent / "browsers.json") / SHELL
        shell.parent.mkdir(parents=True)
        shell.symlink_to(found)
        self._process = await asyncio.create_subprocess_exec(
            *(node, script, "run-server", "--host", "127.0.0.1", "--port", "0", "--path", f"/{SECRET}"),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(self._folder)},
        )
        assert self._process.stdout
        line = await asyncio.wait_for(self._process.stdout.readline(), TIMEOUT_S)
        self.url = line.decode().rpartition(" ")[2].strip()

    async def kill(self) -> None:
        """Kill it, and wait for its end."""
        assert self._process
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def browsers(self) -> list[psutil.Process]:
        """Return the processes of its browsers."""
        assert self._process
        return alive(psutil.Process(self._process.pid).children(recursive=True))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """Return a server that runs."""
    running = Server(tmp_path / "browsers")
    await running.start()
    yield running
    await running.kill()


async def test_shows_a_dashboard(server: Server, frontend: Frontend) -> None:
    """A page is drawn and moves; with the last of us the browser ends, and the driver."""
    browser = RemoteBrowser([PlaywrightBrowser(Endpoint.parse(server.url))])
    async with viewing(browser, frontend, DRAWN + MOVING) as view:
        await view.page.open()
        assert not view.tab.frame_control
        first = await view.frame()
        assert await view.frame(lambda picture: picture != first)
        with pytest.raises(BrowserFailedError, match=r"No\.such"):
            await view.tab.session.send("No.such")
    assert server.browsers()
    await browser.stop()
    await until(lambda: not server.browsers())


async def test_shows_a_web_page(server: Server, frontend: Frontend) -> None:
    """A web page is kept in its bounds here, too, with a worker that gets where it may."""
    browser = RemoteBrowser([PlaywrightBrowser(Endpoint.parse(server.url))])
    async with Site() as site:
        code = """for (const url of ["%s/held", "%s/let"]) fetch(url, { mode: "no-cors" }).catch(() => 0)
          .then(() => postMessage("done"));"""
        worker = code.replace("%s", frontend.url, 1).replace("%s", site.url)
        body = f"""<script>new Worker(URL.createObjectURL(new Blob([`{worker}`]))).onmessage = () =>
          fetch("/told");</script>"""
        source = Source(website=Website(site.page(body)))
        async with viewing(browser, frontend, source=source, token=refused) as view:
            await view.page.open()
            await until(lambda: len(site.requests("/told")) == 2)
        assert site.requests("/let")
    assert not frontend.asked
    await browser.stop()


async def test_server_is_killed(server: Server) -> None:
    """Tabs of a server that was killed are lost."""
    browser = PlaywrightBrowser(Endpoint.parse(server.url))
    tab = await browser.open_tab()
    reasons: asyncio.Queue[str] = asyncio.Queue()
    tab.on_lost(reasons.put_nowait)
    await server.kill()
    assert await asyncio.wait_for(reasons.get(), TIMEOUT_S) == "the tab was closed"
    with pytest.raises(BrowserFailedError, match="the tab was closed"):
        await tab.session.send("Runtime.evaluate", expression="1")
    await tab.close()
    await browser.stop()


async def test_not_admitted(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """What is wrong is told without the address, and no driver stays."""
    url = server.url.replace(SECRET, f"{SECRET}-another")
    browser = PlaywrightBrowser(Endpoint.parse(url))
    before = len(processes("node"))
    with pytest.raises(EndpointUnreachableError) as failed:
        await browser.open_tab()
    detail = "BrowserType.connect: WebSocket error: … 400 Bad Request"
    assert failed.value.placeholders == {"endpoint": redacted(url), "detail": detail}
    assert SECRET not in str(failed.value) + caplog.text
    assert len(processes("node")) == before


def test_versions_differ() -> None:
    """Of a mismatch both versions are told, once."""
    box = "\n║   - server version: v1.65      ║\n║   - client version: v1.20      ║"
    error = Error(
        f"BrowserType.connect: WebSocket error: ws://h:3/{SECRET} 428 Precondition Required{2 * box}"
    )
    told = "server version: v1.65, client version: v1.20"
    assert _reason(error) == f"BrowserType.connect: WebSocket error: … 428 Precondition Required, {told}"


async def test_no_browser_outlives_us(server: Server) -> None:
    """When the process that opened a tab is killed, the server ends its browser."""
    program = (
        "import asyncio\n"
        f"from {Endpoint.__module__} import Endpoint\n"
        f"from {PlaywrightBrowser.__module__} import PlaywrightBrowser\n"
        "async def main():\n"
        f"    tab = await PlaywrightBrowser(Endpoint.parse({server.url!r})).open_tab()\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    pipe = asyncio.subprocess.PIPE
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=pipe)
    assert owner.stdout
    assert await asyncio.wait_for(owner.stdout.readline(), TIMEOUT_S) == b"ready\n"
    assert server.browsers()
    owner.kill()
    await owner.wait()
    await until(lambda: not server.browsers())
