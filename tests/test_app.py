"""Tests of the app with the browser: one that is too old is found, and is updated."""

from collections.abc import AsyncIterator
from typing import Any

from aiohttp import ClientSession
from homeassistant.components.hassio import HassIO
from homeassistant.components.hassio.const import DATA_COMPONENT
from homeassistant.components.repairs import RepairsFlowManager, repairs_flow_manager
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
import pytest

from custom_components.dashboard_cast.app import VERSION
from custom_components.dashboard_cast.const import DOMAIN
from custom_components.dashboard_cast.issues import Issue, async_look_at_app
from custom_components.dashboard_cast.registry import Registry

from .app.supervisor import SLUG, TOKEN, UUID, Supervisor
from .common import INTEGRATION, MockConfigEntry, settled


@pytest.fixture
async def supervisor(
    hass: HomeAssistant,
    registry: Registry,
    entry: MockConfigEntry,
    loopback: None,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Supervisor]:
    """Have Home Assistant run under a Supervisor, with the app's browser in use."""
    monkeypatch.setenv("SUPERVISOR_TOKEN", TOKEN)
    hass.config_entries.async_update_entry(entry, unique_id=UUID)
    hass.config.components.add("hassio")
    async with Supervisor() as running, ClientSession() as session:
        hass.data[DATA_COMPONENT] = HassIO(hass.loop, session, running.url.removeprefix("http://"))
        yield running


async def look(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    """Look at the app and return what is listed under Repairs."""
    await async_look_at_app(hass, entry)
    return ir.async_get(hass).async_get_issue(DOMAIN, Issue.APP)


async def begin(hass: HomeAssistant) -> tuple[RepairsFlowManager, Any]:
    """Begin to mend it."""
    assert await async_setup_component(hass, "repairs", {})
    manager = repairs_flow_manager(hass)
    assert manager
    return manager, await manager.async_init(DOMAIN, context={"issue_id": Issue.APP})


def test_version() -> None:
    """What is expected is what comes with the release."""
    config = load_yaml_dict(INTEGRATION.parents[1] / "browser_app" / "config.yaml")
    assert config["version"] == VERSION


async def test_outdated(hass: HomeAssistant, supervisor: Supervisor, entry: MockConfigEntry) -> None:
    """An app that is older than the release is listed, until it is not any more."""
    issue = await look(hass, entry)
    assert issue
    assert issue.severity is ir.IssueSeverity.WARNING
    assert issue.translation_placeholders
    assert "0.0.9" in issue.translation_placeholders["reason"]
    supervisor.version = supervisor.latest
    assert await look(hass, entry) is None


async def test_nothing_newer(hass: HomeAssistant, supervisor: Supervisor, entry: MockConfigEntry) -> None:
    """Nothing is listed that cannot be done, nor an update that this release does not need."""
    supervisor.latest = supervisor.version
    assert await look(hass, entry) is None
    supervisor.version, supervisor.latest = VERSION, "99.0.0"
    assert await look(hass, entry) is None


async def test_another_browser(hass: HomeAssistant, supervisor: Supervisor, entry: MockConfigEntry) -> None:
    """An app whose browser is not used is not looked at."""
    hass.config_entries.async_update_entry(entry, unique_id=None)
    assert await look(hass, entry) is None
    hass.config_entries.async_update_entry(entry, unique_id="1" * 32)
    assert await look(hass, entry) is None


async def test_no_answer(hass: HomeAssistant, supervisor: Supervisor, entry: MockConfigEntry) -> None:
    """A Supervisor that does not answer says nothing about the app."""
    async with ClientSession() as session:
        hass.data[DATA_COMPONENT] = HassIO(hass.loop, session, "127.0.0.1:9")
        assert await look(hass, entry) is None


async def test_update(hass: HomeAssistant, supervisor: Supervisor, entry: MockConfigEntry) -> None:
    """The fix flow updates the app after a backup, and shows that this goes on."""
    supervisor.fetched.clear()
    assert await look(hass, entry)
    manager, form = await begin(hass)
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "fix")
    result = await manager.async_configure(form["flow_id"], {})
    assert (result["type"], result["progress_action"]) == (FlowResultType.SHOW_PROGRESS, "update")
    supervisor.fetched.set()
    await settled(hass)
    result = await manager.async_configure(form["flow_id"])
    assert result["type"] is FlowResultType.CREATE_ENTRY
    # The entry is reloaded.
    await settled(hass)
    assert supervisor.version == supervisor.latest
    assert [backup["addons"] for backup in supervisor.backups] == [[SLUG]]
    assert not ir.async_get(hass).async_get_issue(DOMAIN, Issue.APP)


async def test_update_fails(hass: HomeAssistant, supervisor: Supervisor, entry: MockConfigEntry) -> None:
    """One that fails comes back with the reason, and can be tried again."""
    supervisor._failures = 1
    assert await look(hass, entry)
    manager, form = await begin(hass)
    await manager.async_configure(form["flow_id"], {})
    await settled(hass)
    form = await manager.async_configure(form["flow_id"])
    assert form["errors"] == {"base": "failed"}
    assert form["description_placeholders"]
    assert "No space left" in form["description_placeholders"]["reason"]
    await manager.async_configure(form["flow_id"], {})
    await settled(hass)
    await manager.async_configure(form["flow_id"])
    await settled(hass)
    assert supervisor.version == supervisor.latest
