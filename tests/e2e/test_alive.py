"""Whatever happens to a page: it is found soon, mended, and the TV shows good pictures only.

With `-v` the table of docs/reliability.md comes in the end.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import pairwise
import signal
import time

import psutil
import pytest
import pytest_asyncio
import pytest_socket

from ..tv.player import Report
from .conftest import LOOPBACK
from .house import House, house as open_house, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

DASHBOARD = "/demo-trouble/trouble"
# What is promised.
FOUND_S = 10.0
# Every change of the clock is seen; so many after the trouble are waited for.
CHANGES = 4
WITHIN_S = 60.0
BEGINS = "stays while this is being mended"
ENDS = "is live again after"
# The longest time without a new picture that still is no outage: the clock changes four times a second.
UNSEEN_S = 1.5
CUT_S = 4.0
# The TV plays on the same cores on which pages spin and start: there a picture may be late by so much.
SHARED_S = 0.5
# After that a page has lasted, and after that it is renewed at the latest.
LASTING_S = 60
LIFETIME_S = 8 * 3600


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[House]:
    """Return a house whose TV shows a clock."""
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(LOOPBACK, allow_unix_socket=True)
    async with open_house(configuration="trouble:\n") as found:
        await found.home.request("POST", "/api/states/sensor.trouble", {"state": "none"})
        await found.show(DASHBOARD)
        yield found
        await found.stop()


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Return the rows of a table that is shown in the end."""
    rows: list[str] = []
    yield rows
    if request.config.get_verbosity() > 0:
        plugins = request.config.pluginmanager
        head = "| trouble | found after | right again after | stalls |", "|---|---|---|---|"
        with plugins.getplugin("capturemanager").global_and_fixture_disabled():
            plugins.getplugin("terminalreporter").write_line("\n".join(("", *head, *rows)))


def browser(house: House) -> psutil.Process:
    """Return the process of the browser that others hang from."""
    found = map(psutil.Process, house.home.processes())
    commands = ((process, process.cmdline()) for process in found)
    # Debian starts it by a script.
    return next(
        one for one, words in commands if "--remote-debugging-pipe" in words and words[0] != "/bin/sh"
    )


def helper(house: House, kind: str) -> psutil.Process:
    """Return the largest of the browser's helpers of a kind; a renderer is that of the page."""
    found = [
        process
        for process in browser(house).children(recursive=True)
        # Chromium writes over the arguments of some, without what parts them.
        if f"--type={kind}" in " ".join(process.cmdline()).split()
    ]
    return max(found, key=lambda process: process.memory_info().rss)


def send(kind: str | None, number: signal.Signals) -> Callable[[House], Awaitable[None]]:
    """Return what sends a signal to a helper of the browser, or to the browser itself."""

    async def act(house: House) -> None:
        process = helper(house, kind) if kind else browser(house)
        process.send_signal(number)

    return act


def card(trouble: str) -> Callable[[House], Awaitable[None]]:
    """Return what lets the card make trouble."""

    async def act(house: House) -> None:
        await house.home.request("POST", "/api/states/sensor.trouble", {"state": trouble})

    return act


def action(name: str, **data: object) -> Callable[[House], Awaitable[None]]:
    """Return what calls an action of the component that makes trouble."""

    async def act(house: House) -> None:
        await house.home.request("POST", f"/api/services/trouble/{name}", data)

    return act


TROUBLES: dict[str, Callable[[House], Awaitable[None]]] = {
    "renderer stopped (SIGSTOP)": send("renderer", signal.SIGSTOP),
    "renderer killed (SIGKILL)": send("renderer", signal.SIGKILL),
    "browser stopped (SIGSTOP)": send(None, signal.SIGSTOP),
    "browser killed (SIGKILL)": send(None, signal.SIGKILL),
    "script that never ends": card("spin"),
    "page that leaks memory": card("leak"),
    "login page": card("login"),
    "error page of the browser": card("error"),
    "nothing of the view": card("blank"),
    f"WebSocket cut for {CUT_S:g} s": action("cut", seconds=CUT_S),
    "tokens revoked": action("revoke"),
    "own user removed": action("remove_user"),
    "Home Assistant updated": action("update", version="2099.1.0"),
}


@pytest.mark.parametrize("name", TROUBLES)
async def test_trouble(house: House, table: list[str], name: str) -> None:
    """It is found within ten seconds, mended without a LOAD, and nothing but the clock is ever seen."""
    loads, read = len(house.tv.loads), len(house.home.log())
    # What was before is long ago.
    await action("age", seconds=LASTING_S)(house)
    await house.watch(1)
    begun = time.time()
    await TROUBLES[name](house)
    await until(lambda: BEGINS in house.home.log()[read:], "the trouble was not found", FOUND_S + 5)
    found = time.time()
    await until(lambda: ENDS in house.home.log()[read:], "the picture is not live again", WITHIN_S)
    report = await house.tv.wait_report(lambda report: len(drawn_after(report, found)) >= CHANGES, WITHIN_S)
    right = drawn_after(report, found)[0]
    table.append(f"| {name} | {found - begun:.1f} s | {right - begun:.1f} s | {report.stalls} |")
    assert found - begun < FOUND_S
    assert len(house.tv.loads) == loads
    assert report.stalled <= SHARED_S
    assert report.unreadable == 0


async def test_graphics_process_killed(house: House) -> None:
    """Chromium starts another by itself, and the picture goes on."""
    loads = len(house.tv.loads)
    before = helper(house, "gpu-process").pid
    await send("gpu-process", signal.SIGKILL)(house)
    report = await house.watch(10)
    assert helper(house, "gpu-process").pid != before
    assert len(house.tv.loads) == loads
    assert report.unreadable == 0


async def test_renewal(house: House, table: list[str]) -> None:
    """A page that has been open for long is renewed by a swap that nobody sees."""
    loads, read = len(house.tv.loads), len(house.home.log())
    before = helper(house, "renderer").pid
    await house.watch(1)
    begun = time.time()
    await action("age", seconds=LIFETIME_S)(house)
    await until(lambda: "is renewed" in house.home.log()[read:], "the page was not renewed")
    await until(lambda: not psutil.pid_exists(before), "the old page is still there")
    swapped = time.time()
    report = await house.tv.wait_report(lambda report: bool(drawn_after(report, swapped)), WITHIN_S)
    moments = report.moments
    gap = max(after - one for one, after in pairwise(moments))
    table.append(f"| page open for long | {time.time() - begun:.1f} s | never wrong | {report.stalls} |")
    assert gap < UNSEEN_S
    assert BEGINS not in house.home.log()[read:]
    assert len(house.tv.loads) == loads
    assert report.stalled <= SHARED_S
    assert report.unreadable == 0


def drawn_after(report: Report, moment: float) -> list[float]:
    """Return when pictures were seen that were drawn after a moment; both as `time.time()`."""
    pairs = zip(report.moments, report.latencies, strict=True)
    return [seen for seen, latency in pairs if seen - latency / 1000 > moment]
