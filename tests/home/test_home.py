"""Tests of the home itself: it starts, takes commands, shows its dashboards and leaves nothing behind."""

from collections.abc import AsyncIterator
from pathlib import Path
import shutil

import aiohttp
from playwright.async_api import Browser, Page, async_playwright
import pytest
import pytest_asyncio
import pytest_socket

from .api import CommandError, FlowError, ServiceError
from .home import Home, HomeError
from .kiosk import CARDS_SCRIPT, ERRORS_SCRIPT, KIOSK_SCRIPT, sign_in_script
from .usage import marked

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

VIEWS = {
    "/demo-home/overview": 15,
    "/demo-home/energy": 12,
    "/demo-clock/clock": 10,
    "/demo-motion/motion": 1,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Return a headless Chromium."""
    executable = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def visitor(home: Home) -> str:
    """Return an access token of a user who may only look."""
    pytest_socket.enable_socket()
    return await home.add_user("Visitor", "only looking")


async def show(browser: Browser, home: Home, path: str, token: str) -> Page:
    """Open a dashboard the way a kiosk does."""
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    await context.add_init_script(sign_in_script(token))
    await context.add_init_script(KIOSK_SCRIPT)
    page = await context.new_page()
    await page.goto(home.url + path)
    return page


async def test_starts_without_installing_anything(home: Home) -> None:
    """All that core needs is there already, and nothing in the configuration is wrong."""
    log = home.log()
    assert "Attempting install" not in log
    assert "Invalid config" not in log
    assert "Setup failed" not in log
    assert (await home.request("GET", "/api/config"))["state"] == "RUNNING"


async def test_components_of_its_own(home: Home) -> None:
    """What the benchmark adds to Home Assistant is there, whatever the working directory is."""
    assert (await home.call("pulse", "read", return_response=True))["beats"] > 0
    with pytest.raises(ServiceError, match="no stream runs"):
        await home.call("stage", "swap")


@pytest.mark.parametrize("path", VIEWS)
async def test_a_visitor_sees_every_card(home: Home, browser: Browser, visitor: str, path: str) -> None:
    """A user who may only look sees the whole dashboard, and no card has an error."""
    page = await show(browser, home, path, visitor)
    await page.wait_for_function(f"({CARDS_SCRIPT})() >= {VIEWS[path]}")
    await page.wait_for_load_state("networkidle")
    assert await page.evaluate(ERRORS_SCRIPT) == []
    assert await page.evaluate("document.documentElement.scrollHeight") <= 720
    await page.context.close()


async def test_a_visitor_does_not_see_the_keys(home: Home, browser: Browser, visitor: str) -> None:
    """The dashboard for administrators is there for the owner alone; others are sent elsewhere."""
    page = await show(browser, home, "/demo-admin/keys", visitor)
    await page.wait_for_url("**/home/overview")
    await page.context.close()
    assert home.token is not None
    page = await show(browser, home, "/demo-admin/keys", home.token)
    await page.wait_for_function(f"({CARDS_SCRIPT})() > 0")
    assert page.url.endswith("/demo-admin/keys")
    await page.context.close()


async def test_actions_change_states(home: Home) -> None:
    """An action reaches its entity; one that fails says why."""
    await home.call("light", "turn_off", target={"entity_id": "light.ceiling"})
    await home.wait_state("light.ceiling", lambda state: state["state"] == "off")
    forecasts = await home.call(
        "weather",
        "get_forecasts",
        {"type": "daily"},
        target={"entity_id": "weather.home"},
        return_response=True,
    )
    assert len(forecasts["weather.home"]["forecast"]) == 7
    with pytest.raises(ServiceError, match="not found") as failed:
        await home.call("light", "explode")
    assert failed.value.code == "not_found"


async def test_states(home: Home) -> None:
    """States can be asked for one by one, all at once, and waited for."""
    assert await home.state("light.nowhere") is None
    everything = await home.states()
    assert everything["person.anna"]["state"] == "home"
    assert not {state["state"] for state in everything.values()} & {"unavailable"}
    with pytest.raises(TimeoutError, match="armed_home"):
        await home.wait_state("alarm_control_panel.home", lambda state: state["state"] == "off", timeout=0.3)


async def test_commands_that_fail(home: Home) -> None:
    """A command that Home Assistant refuses raises with its words."""
    with pytest.raises(CommandError) as refused:
        await home.websocket(type="no/such/command")
    assert refused.value.code == "unknown_command"


async def test_flows(home: Home) -> None:
    """Flows run to their end; one that needs more inputs than given says so."""
    with pytest.raises(FlowError, match="more inputs") as missing:
        await home.flow("cast")
    assert missing.value.result["step_id"] == "config"
    entry_id = await home.add_cast(["127.0.0.1"])
    assert [entry["state"] for entry in await home.entries("cast")] == ["loaded"]
    await home.reload_entry(entry_id)
    more = {"known_hosts": ["127.0.0.2"], "more_options": {}}
    assert (await home.options(entry_id, more))["type"] == "create_entry"
    assert [entry["entry_id"] for entry in await home.entries("cast")] == [entry_id]
    await home.remove_entry(entry_id)
    assert await home.entries("cast") == []


async def test_restarts(home: Home) -> None:
    """It comes back on the same port for the same owner, also after it was killed."""
    before = home.pid
    await home.restart()
    assert home.pid != before
    assert (await home.states())["light.ceiling"]["state"] == "on"
    home.kill()
    await home.restart()
    assert (await home.states())["light.ceiling"]["state"] == "on"


async def test_leaves_nothing_behind(tmp_path: Path) -> None:
    """Its folder and its processes are gone afterwards; only the log stays, where it was asked for."""
    package = "input_boolean:\n  added: {name: Added}\n"
    async with Home(
        environment={"TEST_HOME_PROBE": "seen"}, configuration=package, log_file=tmp_path / "log"
    ) as home:
        assert (await home.state("input_boolean.added")) is not None
        assert home.pid in home.processes()
        assert home.pid in marked("TEST_HOME_PROBE", "seen")
    assert not home.config_dir.exists()
    assert home.processes() == set()
    assert (tmp_path / "log").exists()
    with pytest.raises(aiohttp.ClientError):
        async with aiohttp.ClientSession() as session, session.get(home.url):
            pass


async def test_says_why_it_did_not_start() -> None:
    """A home that cannot start shows the end of its log, and cleans up."""
    home = Home(environment={"PYTHONPATH": "/", "PYTHONHOME": "/nowhere"})
    with pytest.raises(HomeError, match=r"(?s)ended with 1 .*PYTHONHOME"):
        await home.__aenter__()
    assert not home.config_dir.exists()
