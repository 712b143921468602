"""Tests of the local browser: found, started, shared, ended, and what happens when it is not well."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
import sys

from playwright.async_api import async_playwright
import psutil
import pytest

from custom_components.dashboard_cast.engine import browser as module
from custom_components.dashboard_cast.engine.browser import (
    EXECUTABLES,
    LocalBrowser,
    LocalTab,
    find_executable,
)
from custom_components.dashboard_cast.engine.cdp import Tab
from custom_components.dashboard_cast.errors import BrowserFailedError, BrowserMissingError

from .helpers import TIMEOUT_S, alive, processes, until

LINGER_S = 0.2


def executable(folder: Path, name: str, *lines: str) -> Path:
    """Write an executable shell script."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return path


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder on PATH, which is empty; Playwright has no browser of its own either."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "playwright"))
    return folder


@pytest.fixture
def short_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let idle browsers end soon."""
    monkeypatch.setattr(module, "LINGER_S", LINGER_S)


@pytest.fixture
async def broken(tmp_path: Path) -> AsyncIterator[LocalBrowser]:
    """Return a browser whose executable ends at once."""
    local = LocalBrowser(str(executable(tmp_path, "chromium", "echo 'no display' >&2", "exit 1")))
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
    return processes("chrom") + processes("headless")


async def value(tab: Tab, expression: str) -> object:
    """Return what an expression is in a tab."""
    answer = await tab.session.send("Runtime.evaluate", expression=expression, returnByValue=True)
    return answer["result"].get("value")


def test_finds_the_lean_one_first(empty_path: Path) -> None:
    """Of several browsers the headless shell is taken, then the others in their order."""
    for name in reversed(EXECUTABLES):
        path = executable(empty_path, name)
        assert find_executable() == str(path)


def test_finds_none(empty_path: Path) -> None:
    """Where there is no browser, none is found."""
    assert find_executable() is None


def test_finds_the_configured_one(empty_path: Path, tmp_path: Path) -> None:
    """A configured browser is taken, by path or by name, and no other in its place."""
    executable(empty_path, "chromium")
    mine = executable(tmp_path, "mine")
    by_name = executable(empty_path, "brave")
    assert find_executable(str(mine)) == str(mine)
    assert find_executable("brave") == str(by_name)
    assert find_executable("/no/such/browser") is None


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


async def test_no_playwright(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library that drives it there is no browser."""
    monkeypatch.setitem(sys.modules, "playwright.async_api", None)
    with pytest.raises(BrowserMissingError):
        await LocalBrowser().open_tab()


async def test_playwright_does_not_start(empty_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that cannot start its driver is a browser that fails, not an error of ours."""

    async def fail() -> None:
        raise OSError("no node")

    monkeypatch.setattr(module, "_import_playwright", lambda: fail)
    with pytest.raises(BrowserFailedError, match="no node"):
        await LocalBrowser().open_tab()


async def test_playwrights_own_browser(
    empty_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where PATH has no browser, the one that Playwright installed is taken."""
    monkeypatch.undo()
    real = find_executable()
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "playwright"))
    async with async_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    assert own.is_relative_to(tmp_path)
    executable(own.parent, own.name, f'exec {real} "$@"')
    monkeypatch.setattr(module, "EXECUTABLES", ())
    local = LocalBrowser()
    tab = await local.open_tab()
    assert await value(tab, "1 + 1") == 2
    await local.stop()


async def test_does_not_start(broken: LocalBrowser) -> None:
    """A browser that ends at once fails, in one line."""
    with pytest.raises(BrowserFailedError) as failed:
        await broken.open_tab()
    detail = failed.value.placeholders["detail"]
    assert detail
    assert "\n" not in detail
    assert not processes()


async def test_takes_too_long_to_start(hanging: LocalBrowser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that never gets ready is given up, and ended."""
    monkeypatch.setattr(module, "_START_TIMEOUT_S", 1.0)
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


async def test_start_of_the_driver_cancelled(hanging: LocalBrowser) -> None:
    """A start that is cancelled before the driver is ready leaves no driver."""
    opening = asyncio.create_task(hanging.open_tab())
    await until(processes)
    # It has begun, and takes much longer to get ready.
    await asyncio.sleep(0.03)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await until(lambda: not processes(), 5)


async def test_one_browser_for_all_tabs(browser: LocalBrowser) -> None:
    """Tabs that are opened at once share a browser, and nothing else."""
    one, other = await asyncio.gather(browser.open_tab(), browser.open_tab())
    assert len(processes("node")) == 1
    assert isinstance(one, LocalTab)
    assert isinstance(other, LocalTab)
    assert one._context is not other._context


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
    driver = processes("node")
    await tab.close()
    await browser.open_tab()
    await asyncio.wait([asyncio.create_task(until(lambda: not alive(driver), 3 * LINGER_S))])
    assert processes("node") == driver
    assert browser._browser
    assert browser._browser.is_connected()


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

    async def fail(*_: object) -> LocalTab:
        raise RuntimeError("no tab\nbut much to say")

    monkeypatch.setattr(LocalTab, "open", fail)
    with pytest.raises(BrowserFailedError) as failed:
        await browser.open_tab()
    assert failed.value.placeholders == {"detail": "no tab"}
    await until(lambda: not processes(), 5)


async def test_ends_when_opening_was_cancelled(
    browser: LocalBrowser, short_linger: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser that was started for a tab that nobody wants any more ends after a while, too."""
    begun = asyncio.Event()

    async def hang(*_: object) -> LocalTab:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(LocalTab, "open", hang)
    opening = asyncio.create_task(browser.open_tab())
    await asyncio.wait_for(begun.wait(), TIMEOUT_S)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await until(lambda: not processes(), 5)


async def test_half_opened_tab_is_closed(browser: LocalBrowser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tab whose session fails does not stay open."""

    def fail(*_: object) -> None:
        raise RuntimeError("no session")

    monkeypatch.setattr(module, "PlaywrightSession", fail)
    with pytest.raises(BrowserFailedError, match="no session"):
        await browser.open_tab()
    assert browser._browser
    assert not browser._browser.contexts


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
    assert len(processes("node")) == 1


async def test_driver_killed(browser: LocalBrowser) -> None:
    """All tabs of a browser whose driver was killed are told; the next tab gets a new browser."""
    lost = asyncio.Event()
    tab = await browser.open_tab()
    tab.on_lost(lambda _reason: lost.set())
    started = processes()
    for process in processes("node"):
        process.kill()
    await until(lambda: not alive(started), 5)
    tab = await asyncio.wait_for(browser.open_tab(), TIMEOUT_S)
    assert await value(tab, "1 + 1") == 2
    assert lost.is_set()


async def test_failed_method(browser: LocalBrowser) -> None:
    """A method that the browser does not know fails with its name."""
    tab = await browser.open_tab()
    with pytest.raises(BrowserFailedError) as failed:
        await tab.session.send("No.such")
    assert failed.value.placeholders["detail"].startswith("No.such: ")
