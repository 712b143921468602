"""The app as a whole: real browser, real gateway, real processes.

The tests share one app, each goes on with what the one before has left.
"""

import asyncio
from functools import partial
import os
import signal
import socket
import stat
import time
from typing import Any

import aiohttp
import psutil
import pytest

from ..engine.helpers import alive, told, until
from . import supervisor
from .container import MEMORY_MB, USER, Container, Devtools, health, write_memory

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALLOWED = ("/json/version", "/devtools/browser/0123-abcd")
FORBIDDEN = ("/", "/json", "/json/list", "/json/new", "/json/protocol", "/devtools/page/0123", "/token")
# The watch looks every 2 s and waits 5 s for an answer; the rest is for starting the next on a busy machine.
REPLACED_S = 14.0


async def test_token_is_announced(container: Container) -> None:
    """The first start makes a long token that only its owner may read, and tells Home Assistant."""
    file = container.data / "token"
    assert container.announcement == {
        "service": "dashboard_cast",
        "config": {"host": socket.gethostname(), "port": container.port, "token": file.read_text()},
    }
    assert len(container.token) >= 43
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_version_leads_to_the_gateway(container: Container) -> None:
    """The address that is told has the name by which we were called, and the token."""
    version = await container.version(Host="browser.local:1234")
    assert version is not None
    assert "Chrome" in version["Browser"]
    address = version["webSocketDebuggerUrl"]
    assert address.startswith("ws://browser.local:1234/devtools/browser/")
    assert address.endswith(f"?token={container.token}")


@pytest.mark.parametrize("wrong", [None, "", "wrong", "{}x", "x{}", "{}\0", "é"])
async def test_refuses_who_has_no_token(container: Container, wrong: str | None) -> None:
    """Without the right token every path is refused, without a hint which ones there are."""
    token = wrong if wrong is None else wrong.replace("{}", container.token)
    for path in ALLOWED + FORBIDDEN:
        assert await container.status(path, token) == 401, path
    with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
        await container.http.ws_connect(
            container.url + await container.path(), params={} if token is None else {"token": token}
        )


@pytest.mark.parametrize("path", FORBIDDEN)
async def test_lets_nothing_else_through(container: Container, path: str) -> None:
    """Also with the token the rest of the debugging interface is not there."""
    for method in ("GET", "PUT", "POST"):
        assert await container.status(path, container.token, method) == 404


async def test_commands_go_through(container: Container) -> None:
    """A page is opened and told when to draw, large messages pass both ways, and the page ends with us."""
    async with Devtools(container) as devtools:
        context = await devtools.send("Target.createBrowserContext", disposeOnDetach=True)
        target = await devtools.send(
            "Target.createTarget", url="about:blank", enableBeginFrameControl=True, **context
        )
        attached = await devtools.send("Target.attachToTarget", flatten=True, **target)
        session = attached["sessionId"]
        frame = await devtools.send("HeadlessExperimental.beginFrame", session)
        assert "hasDamage" in frame
        large = "x" * 6_000_000
        answer = await devtools.send(
            "Runtime.evaluate", session, expression=f"'{large}'.toUpperCase()", returnByValue=True
        )
        assert answer["result"]["value"] == large.upper()
    async with Devtools(container) as devtools, asyncio.timeout(5):
        while target["targetId"] in str(await devtools.send("Target.getTargets")):
            pass


async def test_other_browsers_are_not_found(container: Container) -> None:
    """The connection of a browser that is no more, or never was, cannot be made."""
    with pytest.raises(aiohttp.WSServerHandshakeError, match="502"):
        await container.http.ws_connect(
            f"{container.url}/devtools/browser/0123-abcd", params={"token": container.token}
        )
    assert await container.status(await container.path(), container.token) == 400


async def test_only_the_gateway_is_reached(container: Container) -> None:
    """The browser listens on the loopback interface only."""
    addresses = set()
    for process in container.main.children(recursive=True):
        connections: list[Any] = told(partial(process.net_connections, kind="inet"), [])
        addresses |= {one.laddr for one in connections if one.status == psutil.CONN_LISTEN}
    assert addresses
    assert {address.ip for address in addresses} == {"127.0.0.1"}
    assert container.port not in {address.port for address in addresses}


async def test_browser_knows_no_secret(container: Container) -> None:
    """What runs foreign pages has neither our rights nor the Supervisor's token, and cannot read ours."""
    browser = container.browser()
    assert "SUPERVISOR_TOKEN" not in browser.environ()
    if os.geteuid() == 0:
        assert {told(process.username, USER) for process in browser.children(recursive=True)} == {USER}


async def test_killed_browser_is_replaced(container: Container) -> None:
    """A browser that ends is replaced at once; its clients hear of it."""
    path = await container.path()
    assert await health(container.port) == 0
    async with Devtools(container) as devtools:
        container.browser().send_signal(signal.SIGKILL)
        await devtools.ended()
    assert await container.replaced(path) != path
    assert await health(container.port) == 0


async def test_hanging_browser_is_replaced(container: Container) -> None:
    """A browser that stands still is found by the health check, and replaced with all its processes."""
    path = await container.path()
    old = [container.browser(), *container.browser().children(recursive=True)]
    stopped = time.monotonic()
    for process in old:
        told(partial(process.send_signal, signal.SIGSTOP), None)
    assert await health(container.port) == 1
    await container.replaced(path)
    assert time.monotonic() - stopped < REPLACED_S
    assert not alive(old)


async def test_memory_is_limited(container: Container) -> None:
    """A container that uses more than it may gets a new browser."""
    path = await container.path()
    write_memory(container.cgroup, MEMORY_MB + 1)
    await container.replaced(path)
    write_memory(container.cgroup, MEMORY_MB)
    assert f"{MEMORY_MB + 1} MB are in use, more than {MEMORY_MB} MB" in container.log_file.read_text()


async def test_page_has_half_of_the_memory(container: Container) -> None:
    """The scripts of one page get half of what the app may use."""
    async with Devtools(container) as devtools:
        target = await devtools.send("Target.createTarget", url="about:blank")
        attached = await devtools.send("Target.attachToTarget", flatten=True, **target)
        answer = await devtools.send(
            "Runtime.evaluate", attached["sessionId"], expression="performance.memory.jsHeapSizeLimit"
        )
    assert MEMORY_MB // 2 <= answer["result"]["value"] >> 20 <= MEMORY_MB * 2 // 3


async def test_secrets_are_not_told(container: Container) -> None:
    """Neither log nor processes show a token, whatever is asked for."""
    for request in ("GET /json/version?token={} HTTP/1.1\r\nHost: \0\r\n\r\n", "GET /?token={}\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", container.port)
        writer.write(request.format(container.token).encode())
        assert (await reader.read())[8:11] == b" 40"
        writer.close()
    told = container.log_file.read_text()
    assert "DevTools listening" in told
    shown = [
        argument for process in psutil.process_iter(["cmdline"]) for argument in process.info["cmdline"] or ()
    ]
    assert any("--remote-debugging-port" in argument for argument in shown)
    for secret in (container.token, supervisor.TOKEN):
        assert secret not in told
        assert not [argument for argument in shown if secret in argument]


async def test_stop_ends_everything(container: Container) -> None:
    """SIGTERM ends the app quickly and well, also while a client is connected, with nothing left of it."""
    processes = container.main.children(recursive=True)
    folder = next(
        argument.partition("=")[2]
        for argument in container.browser().cmdline()
        if argument.startswith("--user-data-dir=")
    )
    async with Devtools(container) as devtools:
        start = time.monotonic()
        assert await container.stop() == 0
        assert time.monotonic() - start < 5
        await devtools.ended()
    await until(lambda: not alive(processes))
    assert not os.path.exists(folder)  # noqa: ASYNC240, PTH110
    assert await health(container.port) == 1
