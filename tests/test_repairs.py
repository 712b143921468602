"""Tests of the fix flows: each comes back with the reason until what it is about really works."""

import socket
from typing import Any
from unittest.mock import AsyncMock, patch

from homeassistant.components.http import ApiConfig
from homeassistant.components.repairs import RepairsFlowManager, repairs_flow_manager
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.core_config import async_process_ha_core_config
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from syrupy.assertion import SnapshotAssertion

from custom_components.dashboard_cast.const import DOMAIN
from custom_components.dashboard_cast.errors import (
    AppOutdatedError,
    BrowserMissingError,
    CastMissingError,
    CertificateRejectedError,
    DashboardCastError,
    EncoderFailedError,
    EndpointNotBrowserError,
    FFmpegMissingError,
    StreamUnfetchedError,
    UserMissingError,
)
from custom_components.dashboard_cast.issues import Issue, _raise, note_engine_failed, note_unfetched
from custom_components.dashboard_cast.proof import Proof, async_proof
from custom_components.dashboard_cast.registry import Registry
from custom_components.dashboard_cast.repairs import _FLOWS

from .common import (
    TV,
    MockConfigEntry,
    MockUser,
    Players,
    add_display,
    as_sent,
    get_schema_suggested_value,
    home_server,
    settled,
)

TRIAL = "custom_components.dashboard_cast.config_flow.try_engine"


@pytest.fixture
async def manager(hass: HomeAssistant, registry: Registry) -> RepairsFlowManager:
    """Return what runs fix flows."""
    assert await async_setup_component(hass, "repairs", {})
    running = repairs_flow_manager(hass)
    assert running
    return running


async def _fix(manager: RepairsFlowManager, issue_id: str) -> Any:
    """Begin to fix an issue."""
    form = await manager.async_init(DOMAIN, context={"issue_id": issue_id})
    assert (form["type"], form["step_id"], form["errors"]) == (FlowResultType.FORM, "fix", {})
    return form


async def _try(manager: RepairsFlowManager, form: Any, fields: dict[str, Any]) -> Any:
    """Fill in the form; what is wrong is still there."""
    return await manager.async_configure(form["flow_id"], fields)


def test_flows() -> None:
    """Every issue has a flow."""
    assert set(_FLOWS) == set(Issue)


@pytest.mark.parametrize(
    ("error", "issue", "kind", "field", "value", "kept_in"),
    [
        (BrowserMissingError(), "browser", "local", "browser", "/opt/chrome", "options"),
        (FFmpegMissingError(binary="x"), "ffmpeg", "local", "ffmpeg", "/opt/ffmpeg", "options"),
        (
            EndpointNotBrowserError(endpoint="x", detail="y"),
            "endpoint",
            "remote",
            "endpoints",
            ["http://10.0.0.2:9222"],
            "data",
        ),
    ],
)
async def test_engine(
    *,
    hass: HomeAssistant,
    manager: RepairsFlowManager,
    entry: MockConfigEntry,
    source_ip: AsyncMock,
    error: DashboardCastError,
    issue: str,
    kind: str,
    field: str,
    value: str | list[str],
    kept_in: str,
) -> None:
    """Browser and FFmpeg are tried with what is entered; what works is kept and used, all else stays."""
    data = {"browser_kind": kind, "endpoints": ["http://10.0.0.9:9222"]}
    options = {"base_url": "http://192.168.1.10:8123", "browser": "/old/chrome", "ffmpeg": "/old/ffmpeg"}
    hass.config_entries.async_update_entry(entry, data={**entry.data, **data}, options=options)
    before: Registry = entry.runtime_data
    note_engine_failed(hass, error)
    form = await _fix(manager, issue)
    assert get_schema_suggested_value(form["data_schema"].schema, field) == {**options, **data}[field]
    with patch(TRIAL, side_effect=EncoderFailedError(detail="no libx264")) as trial:
        form = await _try(manager, form, {field: value})
        assert form["errors"] == {"base": "failed"}
        assert "no libx264" in form["description_placeholders"]["reason"]
        assert get_schema_suggested_value(form["data_schema"].schema, field) == value
        assert entry.options == options
        trial.side_effect, trial.return_value = None, ["libx264", "h264_vaapi"]
        result = await manager.async_configure(form["flow_id"], {field: value})
        await settled(hass)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert getattr(entry, kept_in)[field] == value
    assert entry.data["encoders"] == ["libx264", "h264_vaapi"]
    assert {**entry.options, field: None} == {**options, field: None} or kept_in == "data"
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data is not before
    assert not ir.async_get(hass).async_get_issue(DOMAIN, issue)


@pytest.mark.parametrize(
    ("issue", "error"),
    [
        (Issue.BROWSER, BrowserMissingError()),
        (Issue.ENDPOINT, EndpointNotBrowserError(endpoint="http://10.0.0.9:9222", detail="HTTP 404")),
        (Issue.FFMPEG, FFmpegMissingError(binary="/old/ffmpeg")),
        (Issue.ADDRESS, StreamUnfetchedError(entity="TV", address="http://10.10.10.10:8123")),
        (Issue.CERTIFICATE, CertificateRejectedError(address="https://home.example", detail="self-signed")),
        (Issue.CAST, CastMissingError()),
        (Issue.APP, AppOutdatedError(version="1.0.0", needed="1.1.0")),
        (Issue.USER, UserMissingError(display="Wall")),
    ],
)
async def test_forms(
    *,
    hass: HomeAssistant,
    manager: RepairsFlowManager,
    entry: MockConfigEntry,
    snapshot: SnapshotAssertion,
    issue: Issue,
    error: DashboardCastError,
) -> None:
    """Each form asks for what may be wrong, with what is set, and says why."""
    MockUser(id="anna", name="Anna").add_to_hass(hass)
    options = {"base_url": "http://192.168.1.10:8123", "browser": "/old/chrome", "ffmpeg": "/old/ffmpeg"}
    data = {**entry.data, "endpoints": ["http://10.0.0.9:9222"]}
    hass.config_entries.async_update_entry(entry, data=data, options=options)
    _raise(hass, issue, error)
    assert as_sent(await _fix(manager, issue)) == snapshot(name=issue)


async def test_emptied(hass: HomeAssistant, manager: RepairsFlowManager, entry: MockConfigEntry) -> None:
    """A field that is emptied is not kept."""
    hass.config_entries.async_update_entry(entry, options={"browser": "/old/chrome"})
    note_engine_failed(hass, BrowserMissingError())
    form = await _fix(manager, "browser")
    with patch(TRIAL, return_value=["libx264"]):
        await manager.async_configure(form["flow_id"], {})
        await settled(hass)
    assert entry.options == {}


async def test_address(
    hass: HomeAssistant,
    manager: RepairsFlowManager,
    entry: MockConfigEntry,
    players: Players,
    loopback: None,
) -> None:
    """An address is kept when this Home Assistant, and no other, answers there."""
    note_unfetched(hass, TV, "http://10.10.10.10:8123/api/dashboard_cast/t0ken/master.m3u8")
    form = await _fix(manager, f"address_{TV}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = f"http://127.0.0.1:{server.getsockname()[1]}"
    for wrong in (nobody, "home", "http://[", "https://"):
        form = await _try(manager, form, {"base_url": wrong})
        assert form["errors"] == {"base": "failed"}
        assert wrong in form["description_placeholders"]["reason"]
    with home_server(Proof()) as port:
        form = await _try(manager, form, {"base_url": f"http://127.0.0.1:{port}"})
        assert "somebody else" in form["description_placeholders"]["reason"]
    with home_server(async_proof(hass)) as port:
        address = f"http://127.0.0.1:{port}/"
        result = await manager.async_configure(form["flow_id"], {"base_url": address})
        await settled(hass)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == {"base_url": address}


async def test_own_address(
    hass: HomeAssistant, manager: RepairsFlowManager, entry: MockConfigEntry, loopback: None
) -> None:
    """Without an address, Home Assistant's own has to be right, on its own port."""
    hass.config_entries.async_update_entry(entry, options={"base_url": "http://192.168.1.10:8123"})
    await async_process_ha_core_config(hass, {"internal_url": "http://home.example:8123"})
    note_unfetched(hass, TV, "http://192.168.1.10:8123")
    form = await _fix(manager, f"address_{TV}")
    with home_server(async_proof(hass)) as port:
        hass.config.api = ApiConfig("127.0.0.1", "127.0.0.1", port, use_ssl=False)
        result = await manager.async_configure(form["flow_id"], {})
        await settled(hass)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == {}


async def test_cast(hass: HomeAssistant, manager: RepairsFlowManager) -> None:
    """Google Cast has to be set up."""
    form = await _fix(manager, "cast")
    assert form["description_placeholders"]["cast_url"].endswith("domain=cast")
    form = await _try(manager, form, {})
    assert form["errors"] == {"base": "failed"}
    MockConfigEntry(domain="cast", state=ConfigEntryState.LOADED).add_to_hass(hass)
    result = await manager.async_configure(form["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_user(
    hass: HomeAssistant, manager: RepairsFlowManager, entry: MockConfigEntry, players: Players
) -> None:
    """Another user for a display is kept when he sees its dashboard; all else of the display stays."""
    anna = MockUser(name="Anna").add_to_hass(hass)
    admin = MockUser(name="Admin", is_owner=True).add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, options={"user": anna.id})
    wall = add_display(hass, entry, path="/admin-wall/0", look={"user": "gone", "zoom": 2.0})
    await settled(hass)
    before: Registry = entry.runtime_data
    form = await _fix(manager, f"user_{wall}")
    assert "Wall" in form["description_placeholders"]["reason"]
    field = form["data_schema"].schema["user"]
    assert {one["label"] for one in field.config["options"]} >= {"Anna", "Admin"}
    assert get_schema_suggested_value(form["data_schema"].schema, "user") is None
    for wrong in ({}, {"user": anna.id}):
        form = await _try(manager, form, wrong)
        assert form["errors"] == {"base": "failed"}
        assert "administrator" in form["description_placeholders"]["reason"]
    result = await manager.async_configure(form["flow_id"], {"user": admin.id})
    await settled(hass)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.subentries[wall].data["look"] == {"user": admin.id, "zoom": 2.0}
    assert entry.runtime_data is before
    assert not ir.async_get(hass).async_get_issue(DOMAIN, f"user_{wall}")


async def test_user_of_the_options(
    hass: HomeAssistant, manager: RepairsFlowManager, entry: MockConfigEntry, players: Players
) -> None:
    """Without a choice a display is shown as what has none of its own."""
    wall = add_display(hass, entry, look={"user": "gone"})
    await settled(hass)
    form = await _fix(manager, f"user_{wall}")
    result = await manager.async_configure(form["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.subentries[wall].data["look"] == {}


async def test_user_of_what_is_removed(
    hass: HomeAssistant, manager: RepairsFlowManager, entry: MockConfigEntry, players: Players
) -> None:
    """A display that is removed while the form is open needs no user any more."""
    wall = add_display(hass, entry, look={"user": "gone"})
    await settled(hass)
    form = await _fix(manager, f"user_{wall}")
    hass.config_entries.async_remove_subentry(entry, wall)
    await settled(hass)
    result = await manager.async_configure(form["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
