"""Tests of setting up and of the options."""

import asyncio
from collections.abc import Iterator
from typing import Any
from unittest.mock import AsyncMock, patch

from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.dashboard_cast.const import DOMAIN
from custom_components.dashboard_cast.errors import (
    BrowserFailedError,
    BrowserMissingError,
    DashboardCastError,
    EncoderFailedError,
    FFmpegMissingError,
    MalformedMediaError,
)

from .common import FakeBrowser, MockConfigEntry, MockUser, Studio, get_schema_suggested_value, settled

PROGRAMS = {"browser": "/opt/chrome", "ffmpeg": "/opt/ffmpeg"}
WORKING = ["h264_vaapi", "libx264", "h264_qsv"]
FAILURES: list[tuple[DashboardCastError, str, dict[str, str]]] = [
    (BrowserMissingError(), "browser_missing", {}),
    (BrowserFailedError(detail="crashed"), "browser_failed", {"detail": "crashed"}),
    (FFmpegMissingError(binary="ffmpeg"), "ffmpeg_missing", {"binary": "ffmpeg"}),
    (EncoderFailedError(detail="no libx264"), "encoder_failed", {"detail": "no libx264"}),
    (MalformedMediaError(detail="no moov"), "malformed_media", {"detail": "no moov"}),
]


@pytest.fixture
def trial() -> Iterator[AsyncMock]:
    """Return what stands in for the trial of browser and FFmpeg."""
    with patch("custom_components.dashboard_cast.config_flow.try_engine") as mock:
        mock.return_value = WORKING
        yield mock


@pytest.fixture(autouse=True)
def no_engine(enable_custom_integrations: None, studio: Studio) -> None:
    """Have entries that are made set up without a browser."""


async def _begin(hass: HomeAssistant) -> ConfigFlowResult:
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})


async def _submit(hass: HomeAssistant, flow: ConfigFlowResult, **data: str) -> ConfigFlowResult:
    """Fill in a form and return what follows the trial."""
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], data)
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert result["progress_action"] == "check"
    await hass.async_block_till_done()
    return await hass.config_entries.flow.async_configure(flow["flow_id"])


async def test_nothing_filled_in(hass: HomeAssistant, trial: AsyncMock) -> None:
    """Someone who fills in nothing gets an entry that works."""
    form = await _begin(hass)
    assert (form["type"], form["step_id"], form["errors"]) == (FlowResultType.FORM, "user", {})
    result = await _submit(hass, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Dashboard Cast"
    assert (result["data"], result["options"]) == ({"encoders": WORKING}, {})
    trial.assert_awaited_once_with(None, "ffmpeg")
    await settled(hass)
    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.LOADED


async def test_programs_filled_in(hass: HomeAssistant, trial: AsyncMock) -> None:
    """Programs that are named are tried and kept."""
    result = await _submit(hass, await _begin(hass), **PROGRAMS)
    assert result["options"] == PROGRAMS
    trial.assert_awaited_once_with("/opt/chrome", "/opt/ffmpeg")


async def test_progress(hass: HomeAssistant, trial: AsyncMock) -> None:
    """The dialogue shows that it goes on until the trial is over, and then goes on by itself."""
    over = asyncio.Event()

    async def wait(*_programs: Any) -> list[str]:
        await over.wait()
        return WORKING

    trial.side_effect = wait
    form = await _begin(hass)
    for _ in range(2):
        result = await hass.config_entries.flow.async_configure(form["flow_id"], {})
        assert result["type"] is FlowResultType.SHOW_PROGRESS
    over.set()
    await settled(hass)
    assert len(hass.config_entries.async_entries(DOMAIN)) == 0
    result = await hass.config_entries.flow.async_configure(form["flow_id"])
    assert result["type"] is FlowResultType.CREATE_ENTRY
    trial.assert_awaited_once()


async def test_dialogue_closed(hass: HomeAssistant, trial: AsyncMock) -> None:
    """A dialogue that is closed during the trial ends the trial."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def never(*_programs: Any) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    trial.side_effect = never
    form = await _begin(hass)
    await hass.config_entries.flow.async_configure(form["flow_id"], {})
    async with asyncio.timeout(5):
        await begun.wait()
        hass.config_entries.flow.async_abort(form["flow_id"])
        await ended.wait()
    await settled(hass)


@pytest.mark.parametrize(("failure", "key", "placeholders"), FAILURES)
async def test_failure_and_retry(
    hass: HomeAssistant,
    trial: AsyncMock,
    failure: DashboardCastError,
    key: str,
    placeholders: dict[str, str],
) -> None:
    """What is missing is said, with what was filled in, and can be tried again until it works."""
    trial.side_effect = failure
    result = await _submit(hass, await _begin(hass), ffmpeg="/opt/ffmpeg")
    for _ in range(2):
        assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "failed")
        assert result["errors"] == {"base": key}
        assert result["description_placeholders"] == placeholders
        assert result["data_schema"] is not None
        assert get_schema_suggested_value(result["data_schema"].schema, "ffmpeg") == "/opt/ffmpeg"
        result = await _submit(hass, result, ffmpeg="/opt/ffmpeg")
    trial.side_effect = None
    result = await _submit(hass, result, ffmpeg="/usr/bin/ffmpeg")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["options"] == {"ffmpeg": "/usr/bin/ffmpeg"}


async def test_only_one(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """There is one config entry."""
    result = await _begin(hass)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "single_instance_allowed")


@pytest.fixture
async def loaded(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Return the config entry, loaded, with programs of its own."""
    hass.config_entries.async_update_entry(entry, options=PROGRAMS)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


async def _options(hass: HomeAssistant, entry: MockConfigEntry) -> ConfigFlowResult:
    return await hass.config_entries.options.async_init(entry.entry_id)


async def _set(hass: HomeAssistant, entry: MockConfigEntry, **options: str) -> ConfigFlowResult:
    """Fill in the options."""
    form = await _options(hass, entry)
    result = await hass.config_entries.options.async_configure(form["flow_id"], options)
    await settled(hass)
    return result


async def test_options_form(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    """The form shows what is set, and people to choose from: no system's users, none switched off."""
    MockUser(name="Person", id="person").add_to_hass(hass)
    MockUser(name="", id="nameless").add_to_hass(hass)
    MockUser(name="Gone", is_active=False).add_to_hass(hass)
    form = await _options(hass, loaded)
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "init")
    assert form["data_schema"] is not None
    schema = form["data_schema"].schema
    assert get_schema_suggested_value(schema, "browser") == "/opt/chrome"
    assert schema["user"].config["options"] == [
        {"value": "person", "label": "Person"},
        {"value": "nameless", "label": "nameless"},
    ]


async def test_options_reload(hass: HomeAssistant, loaded: MockConfigEntry, trial: AsyncMock) -> None:
    """Options that changed take effect at once; programs that did not are not tried again."""
    MockUser(name="Person", id="person").add_to_hass(hass)
    before = loaded.runtime_data
    options = {"user": "person", "base_url": "http://192.168.1.10:8123", **PROGRAMS}
    result = await _set(hass, loaded, **options)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert loaded.options == options
    assert loaded.state is ConfigEntryState.LOADED
    assert loaded.runtime_data is not before
    assert (await loaded.runtime_data._sign_in.async_user()).id == "person"
    trial.assert_not_called()


async def test_options_unchanged(hass: HomeAssistant, loaded: MockConfigEntry, trial: AsyncMock) -> None:
    """Options that are saved again as they were end nothing that is shown."""
    await _set(hass, loaded, **PROGRAMS)
    before = loaded.runtime_data
    await _set(hass, loaded, **PROGRAMS)
    assert loaded.runtime_data is before
    trial.assert_not_called()


async def test_options_other_programs(hass: HomeAssistant, loaded: MockConfigEntry, trial: AsyncMock) -> None:
    """Other programs are tried before they are used."""
    result = await _set(hass, loaded, browser="/opt/other", ffmpeg="/opt/ffmpeg")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    trial.assert_awaited_once_with("/opt/other", "/opt/ffmpeg")
    assert _browser(loaded).executable == "/opt/other"


async def test_options_programs_cleared(
    hass: HomeAssistant, loaded: MockConfigEntry, trial: AsyncMock
) -> None:
    """Fields that are emptied have programs found again, as the form says."""
    result = await _set(hass, loaded)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    trial.assert_awaited_once_with(None, "ffmpeg")
    assert _browser(loaded).executable is None
    assert loaded.runtime_data._ffmpeg == "ffmpeg"
    form = await _options(hass, loaded)
    assert form["data_schema"] is not None
    assert get_schema_suggested_value(form["data_schema"].schema, "browser") is None


def _browser(entry: MockConfigEntry) -> FakeBrowser:
    browser = entry.runtime_data._browser
    assert isinstance(browser, FakeBrowser)
    return browser


@pytest.mark.parametrize(("failure", "key", "placeholders"), FAILURES)
async def test_options_failure_and_retry(
    *,
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    trial: AsyncMock,
    failure: DashboardCastError,
    key: str,
    placeholders: dict[str, str],
) -> None:
    """Programs that do not work are not saved; what was filled in stays in the form."""
    trial.side_effect = failure
    result = await _set(hass, loaded, browser="/opt/other", base_url="http://192.168.1.10:8123")
    assert (result["type"], result["errors"]) == (FlowResultType.FORM, {"base": key})
    assert result["description_placeholders"] == placeholders
    assert result["data_schema"] is not None
    assert get_schema_suggested_value(result["data_schema"].schema, "browser") == "/opt/other"
    assert get_schema_suggested_value(result["data_schema"].schema, "base_url") == "http://192.168.1.10:8123"
    assert loaded.options == PROGRAMS
    trial.side_effect = None
    result = await hass.config_entries.options.async_configure(result["flow_id"], {"browser": "/opt/other"})
    assert result["type"] is FlowResultType.CREATE_ENTRY


def _encoders(entry: MockConfigEntry) -> list[str]:
    """Return the encoders that streams use, the first until it fails and so on."""
    return [codec.name for codec in entry.runtime_data._codecs]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, ["h264_vaapi", "libx264"]),
        ({"encoder": "automatic"}, ["h264_vaapi", "libx264"]),
        ({"encoder": "libx264"}, ["libx264"]),
        ({"encoder": "h264_qsv"}, ["h264_qsv", "libx264"]),
    ],
)
async def test_options_encoder(
    *,
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    trial: AsyncMock,
    chosen: dict[str, str],
    expected: list[str],
) -> None:
    """What is chosen is used, else the best; software is behind it in any case."""
    hass.config_entries.async_update_entry(loaded, data={"encoders": WORKING})
    result = await _set(hass, loaded, ffmpeg="/opt/other", **chosen)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert loaded.data["encoders"] == WORKING
    assert _encoders(loaded) == expected
    form = await _options(hass, loaded)
    assert form["data_schema"] is not None
    assert form["data_schema"].schema["encoder"].config["options"] == ["automatic", *WORKING]


async def test_options_encoder_that_does_not_work(
    hass: HomeAssistant, loaded: MockConfigEntry, trial: AsyncMock
) -> None:
    """An encoder that another FFmpeg lacks is not saved, nor is what was found out; without it all is."""
    hass.config_entries.async_update_entry(loaded, data={"encoders": WORKING})
    await _set(hass, loaded, encoder="h264_qsv", **PROGRAMS)
    trial.return_value = ["libx264"]
    result = await _set(hass, loaded, ffmpeg="/opt/other", encoder="h264_qsv")
    assert (result["type"], result["errors"]) == (FlowResultType.FORM, {"encoder": "encoder_unavailable"})
    assert (loaded.options["ffmpeg"], loaded.data["encoders"]) == ("/opt/ffmpeg", WORKING)
    result = await hass.config_entries.options.async_configure(result["flow_id"], {"ffmpeg": "/opt/other"})
    await settled(hass)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert _encoders(loaded) == ["libx264"]


async def test_entry_from_before_there_was_a_choice(
    hass: HomeAssistant, entry: MockConfigEntry, trial: AsyncMock
) -> None:
    """It goes on with software; with the next change of the options it learns what works."""
    hass.config_entries.async_update_entry(entry, data={}, options=PROGRAMS)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert _encoders(entry) == ["libx264"]
    await _set(hass, entry, base_url="http://192.168.1.10:8123", **PROGRAMS)
    trial.assert_awaited_once()
    assert _encoders(entry) == ["h264_vaapi", "libx264"]


@pytest.mark.parametrize(
    "address",
    ["homeassistant", "192.168.1.10:8123", "ftp://192.168.1.10", "http://", "http://[", "http://x:y"],
)
async def test_options_no_address(
    hass: HomeAssistant, loaded: MockConfigEntry, trial: AsyncMock, address: str
) -> None:
    """What is no address is not saved as one."""
    result = await _set(hass, loaded, base_url=address, **PROGRAMS)
    assert result["type"] is FlowResultType.FORM
    assert "base_url_invalid" in (result["errors"] or {}).values()
    assert loaded.options == PROGRAMS
