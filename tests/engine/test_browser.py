"""Tests of the local browser: found, started, shared, ended, and what happens when it is not well."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
import sys
import time

import psutil
import pytest

from custom_components.dashboard_cast.engine import (
    browser as module,
    cdp,
    chromium as chromium_module,
    process as process_module,
)
from custom_components.dashboard_cast.engine.browser import LocalBrowser
from custom_components.dashboard_cast.engine.cdp import CdpConnection, Tab
from custom_components.dashboard_cast.engine.process import ChildProcess
from custom_components.dashboard_cast.engine.tab import BrowserTab, ConnectedBrowser
from custom_components.dashboard_cast.errors import BrowserFailedError, BrowserMissingError

from .frontend import Frontend
from .helpers import TIMEOUT_S, alive, ancestry, command_of, executable, processes, until
from .viewing import tabs_of

LINGER_S = 0.2


@pytest.fixture
def short_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let idle browsers end soon."""
    monkeypatch.setattr(module, "LINGER_S", LINGER_S)


@pytest.fixture
async def broken(tmp_path: Path) -> AsyncIterator[LocalBrowser]:
    """Return a browser whose executable ends at once."""
    local = LocalBrowser(
        str(executable(tmp_path, "chromium", "echo much to say >&2", "echo no display >&2", "exit 1"))
    )
    yield local
    await local.stop()


@pytest.fixture
async def hanging(tmp_path: Path) -> AsyncIterator[LocalBrowser]:
    """Return a browser whose executable never gets ready."""
    local = LocalBrowser(str(executable(tmp_path, "chromium", "exec sleep 60")))
    yield local
    await asyncio.wait_for(local.stop(), TIMEOUT_S)


def chromium() -> list[psutil.Process]:
    """Return Chromium's processes."""
    return list({*processes("chrom"), *processes("headless")})


def mains() -> list[psutil.Process]:
    """Return the first process of each Chromium: no helper of it, and no script that started it.

    A helper that was forked a moment ago has the command of its parent still.
    """
    found = [process for process in chromium() if is_main(command_of(process))]
    return [process for process in found if not (ancestry(process) - {process}).intersection(found)]


def is_main(command: list[str]) -> bool:
    """Return whether this starts a browser."""
    helper = any(word.startswith("--type=") for word in command)
    return "--remote-debugging-pipe" in command and not helper and command[0] != "/bin/sh"


async def value(tab: Tab, expression: str) -> object:
    """Return what an expression is in a tab."""
    answer = await tab.session.send("Runtime.evaluate", expression=expression, returnByValue=True)
    return answer["result"].get("value")


async def test_no_browser_anywhere(empty_path: Path) -> None:
    """Without any browser a tab cannot be had, and nothing is left running."""
    local = LocalBrowser()
    with pytest.raises(BrowserMissingError):
        await local.open_tab()
    assert not processes()
    await local.stop()


async def test_configured_browser_is_missing() -> None:
    """A configured browser that is not there is told, though others are there."""
    with pytest.raises(BrowserMissingError):
        await LocalBrowser("/no/such/browser").open_tab()
    assert not processes()


async def test_does_not_start(broken: LocalBrowser) -> None:
    """A browser that ends at once fails with the last line that it wrote."""
    with pytest.raises(BrowserFailedError) as failed:
        await broken.open_tab()
    assert failed.value.placeholders == {"detail": "no display"}
    assert not processes()


async def test_takes_too_long_to_start(hanging: LocalBrowser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that never gets ready is given up, and ended."""
    monkeypatch.setattr(chromium_module, "_START_TIMEOUT_S", 1.0)
    with pytest.raises(BrowserFailedError):
        await asyncio.wait_for(hanging.open_tab(), TIMEOUT_S)
    await until(lambda: not processes())


async def test_start_cancelled(hanging: LocalBrowser) -> None:
    """A start that nobody wants any more leaves no process."""
    opening = asyncio.create_task(hanging.open_tab())
    await until(lambda: processes("sleep"))
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await until(lambda: not processes())


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1])
async def test_real_start_cancelled(browser: LocalBrowser, delay: float) -> None:
    """A start that is cancelled at any moment leaves no process."""
    opening = asyncio.create_task(browser.open_tab())
    await until(processes)
    await asyncio.sleep(delay)
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    await browser.stop()
    await until(lambda: not processes(), 5)


async def test_one_browser_for_all_tabs(browser: LocalBrowser) -> None:
    """Tabs that are opened at once share a browser, and nothing else."""
    one, other = await asyncio.gather(browser.open_tab(), browser.open_tab())
    assert len(mains()) == 1
    async with Frontend() as server:
        for tab in (one, other):
            await tab.session.send("Page.navigate", url=server.url + server.scene())
            assert await value(tab, "document.cookie + localStorage.length") == "0"
            await value(tab, "document.cookie = localStorage.mine = 'a=b'")


async def test_worn_browser(browser: LocalBrowser) -> None:
    """Tabs leave a browser that takes too much memory one by one; it ends with the last of them."""
    one, other = await asyncio.gather(browser.open_tab(), browser.open_tab())
    (old,) = mains()
    assert [one.worn, other.worn] == [False, False]
    await wear(browser)
    assert [one.worn, other.worn] == [True, True]
    moved = await browser.open_tab()
    assert not moved.worn
    assert len(mains()) == 2
    await one.close()
    await (await browser.open_tab()).close()
    assert await value(other, "1 + 1") == 2
    assert len(mains()) == 2
    await other.close()
    await until(lambda: not alive([old]), 5)
    assert await value(moved, "1 + 1") == 2
    assert len(mains()) == 1


async def wear(browser: LocalBrowser) -> None:
    """Let a browser take too much memory."""
    assert browser._chromium
    browser._chromium.worn = True


async def test_worn_browser_that_is_stopped(browser: LocalBrowser) -> None:
    """Both browsers end, whatever is open in them."""
    await browser.open_tab()
    await wear(browser)
    await browser.open_tab()
    assert len(mains()) == 2
    started = processes()
    await browser.stop()
    await until(lambda: not alive(started), 5)


async def test_worn_browser_without_tabs(browser: LocalBrowser) -> None:
    """A browser that no tab is left in ends before the next one starts."""
    await (await browser.open_tab()).close()
    (old,) = mains()
    await wear(browser)
    assert not (await browser.open_tab()).worn
    assert not alive([old])


async def test_new_browser_ends_while_tabs_leave_the_old_one(browser: LocalBrowser) -> None:
    """The end of one is not that of the other."""
    one = await browser.open_tab()
    (old,) = mains()
    await wear(browser)
    await browser.open_tab()
    for process in mains():
        if process != old:
            process.kill()
    await browser.open_tab()
    assert len(mains()) == 2
    assert await value(one, "1 + 1") == 2


@pytest.mark.parametrize(("limit", "worn"), [(1, True), (50_000_000_000, False)])
async def test_memory_limit(
    browser: LocalBrowser, monkeypatch: pytest.MonkeyPatch, limit: int, *, worn: bool
) -> None:
    """A browser that takes more memory than it may is worn."""
    monkeypatch.setattr(chromium_module, "_MEMORY_LIMIT", limit)
    monkeypatch.setattr(chromium_module, "_WEIGH_INTERVAL_S", 0.02)
    weighed = asyncio.Event()
    memory = ChildProcess.memory

    async def noted(child: ChildProcess) -> int:
        used = await memory(child)
        # What a Chromium takes; most of its programs is shared with other browsers that run.
        assert 20_000_000 < used < 1_000_000_000
        asyncio.get_running_loop().call_soon(weighed.set)
        return used

    monkeypatch.setattr(ChildProcess, "memory", noted)
    tab = await browser.open_tab()
    await asyncio.wait_for(weighed.wait(), TIMEOUT_S)
    assert tab.worn == worn


async def test_stop_ends_all(browser: LocalBrowser) -> None:
    """A browser that is stopped leaves no process, whatever was open."""
    await browser.open_tab()
    started = processes()
    assert chromium()
    await browser.stop()
    await until(lambda: not alive(started), 5)


async def test_stop_before_start() -> None:
    """There is nothing to stop before the start."""
    await LocalBrowser().stop()


async def test_starts_again_after_stop(browser: LocalBrowser) -> None:
    """A stopped browser can be used again."""
    await browser.open_tab()
    await browser.stop()
    tab = await browser.open_tab()
    assert await value(tab, "1 + 1") == 2


async def test_tab_closed_after_stop(browser: LocalBrowser) -> None:
    """A tab that is closed after its browser leaves no timer behind."""
    tab = await browser.open_tab()
    await browser.stop()
    await tab.close()
    assert browser._linger is None or browser._linger.cancelled()
    if browser._linger:
        browser._linger.cancel()


async def test_tab_closed_twice(browser: LocalBrowser) -> None:
    """A tab that is closed can be closed again, and tells nobody that it was lost."""
    tab = await browser.open_tab()
    reasons: list[str] = []
    tab.on_lost(reasons.append)
    await tab.close()
    await tab.close()
    assert not reasons


async def test_ends_when_idle(browser: LocalBrowser, short_linger: None) -> None:
    """A browser without tabs ends after a while."""
    tab = await browser.open_tab()
    started = processes()
    await tab.close()
    assert chromium()
    await until(lambda: not alive(started), 5)


async def test_stays_for_the_next_tab(browser: LocalBrowser, short_linger: None) -> None:
    """A tab that comes soon after the last finds the browser running, and keeps it so."""
    tab = await browser.open_tab()
    running = mains()
    await tab.close()
    tab = await browser.open_tab()
    await asyncio.wait([asyncio.create_task(until(lambda: not alive(running), 3 * LINGER_S))])
    assert mains() == running
    assert await value(tab, "1 + 1") == 2


async def test_a_tab_that_comes_at_the_last_moment(browser: LocalBrowser) -> None:
    """A browser whose time is up stays when a tab was opened in between."""
    tab = await browser.open_tab()
    browser._end_soon()
    assert browser._ending
    await browser._ending
    assert await value(tab, "1 + 1") == 2


async def test_ends_when_no_tab_could_be_opened(
    browser: LocalBrowser, short_linger: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser that was started for a tab that failed ends after a while, too."""

    async def fail(*_: object) -> BrowserTab:
        raise BrowserFailedError(detail="no tab")

    monkeypatch.setattr(BrowserTab, "open", fail)
    with pytest.raises(BrowserFailedError) as failed:
        await browser.open_tab()
    assert failed.value.placeholders == {"detail": "no tab"}
    await until(lambda: not processes(), 5)


async def test_ends_when_opening_was_cancelled(
    browser: LocalBrowser, short_linger: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser that was started for a tab that nobody wants any more ends after a while, too."""
    begun = asyncio.Event()

    async def hang(*_: object) -> BrowserTab:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(BrowserTab, "open", hang)
    opening = asyncio.create_task(browser.open_tab())
    await asyncio.wait_for(begun.wait(), TIMEOUT_S)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await until(lambda: not processes(), 5)


async def test_half_opened_tab_is_closed(browser: LocalBrowser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tab whose session fails does not stay open."""
    await browser.open_tab()
    before = await tabs_of(browser)

    async def fail(*_: object) -> None:
        raise BrowserFailedError(detail="no session")

    monkeypatch.setattr(CdpConnection, "attach", fail)
    assert browser._chromium
    with pytest.raises(BrowserFailedError, match="no session"):
        await BrowserTab.open(browser._chromium, lambda _: None)
    assert await tabs_of(browser) == before


async def test_killed(browser: LocalBrowser) -> None:
    """All tabs of a browser that was killed are told; the next tab gets a new browser."""
    lost: asyncio.Queue[str] = asyncio.Queue()
    tabs = [await browser.open_tab() for _ in range(2)]
    for tab in tabs:
        tab.on_lost(lost.put_nowait)
    for process in chromium():
        if alive([process]):
            process.kill()
    reasons = [await asyncio.wait_for(lost.get(), TIMEOUT_S) for _ in tabs]
    assert reasons == ["the browser has ended"] * 2
    with pytest.raises(BrowserFailedError):
        await value(tabs[0], "1")
    tab = await asyncio.wait_for(browser.open_tab(), TIMEOUT_S)
    assert await value(tab, "1 + 1") == 2
    assert len(mains()) == 1


async def test_hangs(browser: LocalBrowser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that hangs is found out by its silence; the next tab gets a new one at once."""
    monkeypatch.setattr(cdp, "_PULSE_INTERVAL_S", 0.1)
    monkeypatch.setattr(cdp, "_PULSE_TIMEOUT_S", 0.5)
    lost: asyncio.Queue[str] = asyncio.Queue()
    tab = await browser.open_tab()
    tab.on_lost(lost.put_nowait)
    started = processes()
    for process in mains():
        process.suspend()
    assert await asyncio.wait_for(lost.get(), 2) == "the browser does not answer any more"
    begun = time.monotonic()
    tab = await asyncio.wait_for(browser.open_tab(), TIMEOUT_S)
    # Nobody has waited for it to end by itself.
    assert time.monotonic() - begun < 2 * process_module._GRACE_S
    assert await value(tab, "1 + 1") == 2
    assert not alive(started)


async def test_no_tab_of_a_browser_that_answers(
    browser: LocalBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser that answers, but does not come to an end with a tab, is replaced as well."""
    monkeypatch.setattr(module, "TAB_TIMEOUT_S", 2)
    await browser.open_tab()
    (old,) = mains()
    opened, open_context = 0, ConnectedBrowser.open_context

    async def hang(chromium: ConnectedBrowser) -> str:
        nonlocal opened
        opened += 1
        if opened == 1:
            await asyncio.Event().wait()
        return await open_context(chromium)

    monkeypatch.setattr(ConnectedBrowser, "open_context", hang)
    tab = await browser.open_tab()
    assert await value(tab, "1 + 1") == 2
    assert not alive([old])


async def test_ends_with_us() -> None:
    """A browser ends when the process that started it is killed."""
    program = (
        "import asyncio\n"
        f"from {LocalBrowser.__module__} import LocalBrowser\n"
        "async def main():\n"
        "    tab = await LocalBrowser().open_tab()\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    pipe = asyncio.subprocess.PIPE
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=pipe)
    assert owner.stdout
    await asyncio.wait_for(owner.stdout.readline(), TIMEOUT_S)
    started = chromium()
    assert started
    owner.kill()
    await owner.wait()
    await until(lambda: not alive(started), 5)


async def test_tab_closed_by_others(browser: LocalBrowser) -> None:
    """A tab that is closed behind our back is lost."""
    lost: asyncio.Queue[str] = asyncio.Queue()
    tab = await browser.open_tab()
    tab.on_lost(lost.put_nowait)
    (target,) = await tabs_of(browser)
    assert isinstance(browser._chromium, ConnectedBrowser)
    await browser._chromium.session.send("Target.closeTarget", targetId=target)
    assert await asyncio.wait_for(lost.get(), TIMEOUT_S) == "the tab was closed"
    with pytest.raises(BrowserFailedError, match="the tab was closed"):
        await value(tab, "1")


async def test_failed_method(browser: LocalBrowser) -> None:
    """A method that the browser does not know fails with its name."""
    tab = await browser.open_tab()
    with pytest.raises(BrowserFailedError) as failed:
        await tab.session.send("No.such")
    assert failed.value.placeholders["detail"].startswith("No.such: ")
