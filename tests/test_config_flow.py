"""Tests of setting up and of the options."""

import asyncio
from collections.abc import Iterator
import time
from typing import Any
from unittest.mock import AsyncMock, MagicMock, patch

from homeassistant.auth.models import User
from homeassistant.config_entries import (
    SOURCE_HASSIO,
    SOURCE_REAUTH,
    SOURCE_USER,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.service_info.hassio import HassioServiceInfo
from homeassistant.requirements import RequirementsNotFound
import pytest
from syrupy.assertion import SnapshotAssertion

from custom_components.dashboard_cast import async_setup_entry
from custom_components.dashboard_cast.const import DOMAIN
from custom_components.dashboard_cast.engine.cdp import Browser
from custom_components.dashboard_cast.engine.homes import Homes
from custom_components.dashboard_cast.engine.playwright_server import PlaywrightBrowser
from custom_components.dashboard_cast.engine.remote import RemoteBrowser
from custom_components.dashboard_cast.errors import (
    BrowserFailedError,
    BrowserMissingError,
    DashboardCastError,
    EncoderFailedError,
    EndpointNotBrowserError,
    EndpointRefusedError,
    EndpointUnreachableError,
    FFmpegMissingError,
    FFmpegOutdatedError,
    HomeUnreachableError,
    MalformedMediaError,
)
from custom_components.dashboard_cast.registry import DashboardCastConfigEntry

from .common import (
    FakeBrowser,
    MockConfigEntry,
    MockUser,
    Studio,
    as_sent,
    get_schema_suggested_value,
    settled,
)

PROGRAMS = {"browser": "/opt/chrome", "ffmpeg": "/opt/ffmpeg"}
WORKING = ["h264_vaapi", "libx264", "h264_qsv"]
FAILURES: list[tuple[DashboardCastError, str, str]] = [
    (BrowserMissingError(), "browser", "browser_missing"),
    (BrowserFailedError(detail="crashed"), "browser", "browser_failed"),
    (FFmpegMissingError(binary="ffmpeg"), "ffmpeg", "ffmpeg_missing"),
    (FFmpegOutdatedError(binary="ffmpeg", version="4.4", needed="5.1"), "ffmpeg", "ffmpeg_outdated"),
    (EncoderFailedError(detail="no libx264"), "ffmpeg", "encoder_failed"),
    (MalformedMediaError(detail="no moov"), "ffmpeg", "malformed_media"),
    (HomeUnreachableError(detail="gone"), "base", "home_unreachable"),
]
REMOTE_FAILURES: list[tuple[DashboardCastError, str, str]] = [
    (EndpointUnreachableError(endpoint="x", detail="y"), "endpoints", "endpoint_unreachable"),
    (EndpointRefusedError(endpoint="x", detail="y"), "endpoints", "endpoint_refused"),
    (EndpointNotBrowserError(endpoint="x", detail="y"), "endpoints", "endpoint_not_browser"),
    (HomeUnreachableError(detail="gone"), "browser_url", "home_unreachable"),
    (BrowserFailedError(detail="crashed"), "base", "browser_failed"),
    (FFmpegMissingError(binary="ffmpeg"), "ffmpeg", "ffmpeg_missing"),
]
ENDPOINTS = ["http://10.0.0.2:9222", "ws://10.0.0.3:3000/?token=s3cret"]
APP = {"host": "local-dashboard-cast-browser", "port": 9222, "token": "s3cret"}
APP_ENDPOINT = "http://local-dashboard-cast-browser:9222/?token=s3cret"


def tried(mock: AsyncMock) -> tuple[list[Browser], str, Homes]:
    """Return the browsers, the FFmpeg and the addresses that were tried last."""
    browsers, ffmpeg, homes = mock.call_args.args
    return list(browsers), ffmpeg, homes


def local(browsers: list[Browser]) -> str | None:
    """Return the executable of the one browser, which is a local one."""
    (browser,) = browsers
    assert isinstance(browser, FakeBrowser)
    return browser.executable


def remotes(browsers: list[Browser]) -> list[str]:
    """Return the endpoints of browsers that each have one."""
    found = []
    for browser in browsers:
        assert isinstance(browser, RemoteBrowser)
        (one,) = browser._browsers
        found.append(str(one.endpoint.url))
    return found


@pytest.fixture
def trial() -> Iterator[AsyncMock]:
    """Return what stands in for the trial of browser and FFmpeg."""
    with patch("custom_components.dashboard_cast.config_flow.try_engine") as mock:
        mock.return_value = WORKING
        yield mock


@pytest.fixture(autouse=True)
def no_engine(enable_custom_integrations: None, studio: Studio) -> None:
    """Have entries that are made set up without a browser."""


@pytest.fixture(autouse=True)
def executable() -> Iterator[MagicMock]:
    """Have a browser on this machine."""
    with patch("custom_components.dashboard_cast.config_flow.find_executable") as mock:
        mock.return_value = "/usr/bin/chromium"
        yield mock


@pytest.fixture(autouse=True)
def names(hass: HomeAssistant, source_ip: MagicMock) -> Iterator[AsyncMock]:
    """Have one address for every name, and one interface towards it."""
    with patch.object(hass.loop, "getaddrinfo") as mock:
        mock.return_value = [(2, 1, 6, "", ("10.10.10.30", 0))]
        yield mock


async def _menu(hass: HomeAssistant) -> ConfigFlowResult:
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})


async def _choose(hass: HomeAssistant, menu: ConfigFlowResult, kind: str) -> ConfigFlowResult:
    assert menu["type"] is FlowResultType.MENU
    return await hass.config_entries.flow.async_configure(menu["flow_id"], {"next_step_id": kind})


async def _begin(hass: HomeAssistant, kind: str = "local") -> ConfigFlowResult:
    return await _choose(hass, await _menu(hass), kind)


async def _submit(hass: HomeAssistant, flow: ConfigFlowResult, **data: Any) -> ConfigFlowResult:
    """Fill in a form and return what follows the trial."""
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], data)
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert result["progress_action"] == "check"
    await hass.async_block_till_done()
    return await hass.config_entries.flow.async_configure(flow["flow_id"])


async def test_nothing_filled_in(hass: HomeAssistant, trial: AsyncMock) -> None:
    """Someone who fills in nothing gets an entry that works."""
    form = await _begin(hass)
    assert (form["type"], form["step_id"], form["errors"]) == (FlowResultType.FORM, "local", {})
    result = await _submit(hass, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Dashboard Cast"
    data = {"browser_kind": "local", "endpoints": [], "encoders": WORKING}
    assert (result["data"], result["options"]) == (data, {})
    trial.assert_awaited_once()
    browsers, ffmpeg, homes = tried(trial)
    assert (local(browsers), ffmpeg, homes.first) == (None, "ffmpeg", "http://127.0.0.1:8123")
    await settled(hass)
    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.LOADED


async def test_programs_filled_in(hass: HomeAssistant, trial: AsyncMock) -> None:
    """Programs that are named are tried and kept."""
    result = await _submit(hass, await _begin(hass), **PROGRAMS)
    assert result["options"] == PROGRAMS
    browsers, ffmpeg, _ = tried(trial)
    assert (local(browsers), ffmpeg) == ("/opt/chrome", "/opt/ffmpeg")


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


async def test_quick_failure(hass: HomeAssistant, trial: AsyncMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails at once ends when the frontend has had time to listen for the end, not before."""
    lasts = 0.1
    monkeypatch.setattr("custom_components.dashboard_cast.config_flow.NOTICED_S", lasts)
    trial.side_effect = BrowserMissingError()
    form = await _begin(hass)
    begun = time.monotonic()
    result = await hass.config_entries.flow.async_configure(form["flow_id"], {})
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    await settled(hass)
    assert time.monotonic() - begun >= lasts
    result = await hass.config_entries.flow.async_configure(form["flow_id"])
    assert result["errors"] == {"browser": "browser_missing"}


async def test_finished_twice_at_once(hass: HomeAssistant, trial: AsyncMock) -> None:
    """Home Assistant, and who asks for the progress, may both find that the trial is over; one finishes."""
    form = await _begin(hass)
    flows = hass.config_entries.flow
    await flows.async_configure(form["flow_id"], {})
    await settled(hass)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def set_up(hass: HomeAssistant, entry: DashboardCastConfigEntry) -> bool:
        begun.set()
        await go_on.wait()
        return await async_setup_entry(hass, entry)

    with patch("custom_components.dashboard_cast.async_setup_entry", set_up):
        asked = asyncio.create_task(flows.async_configure(form["flow_id"]))
        await begun.wait()
        own = await flows._async_configure(form["flow_id"])
        go_on.set()
        assert (await asked)["type"] is FlowResultType.CREATE_ENTRY
    assert own["type"] is FlowResultType.SHOW_PROGRESS
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1
    assert not flows.async_progress()


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


@pytest.mark.parametrize(("failure", "field", "key"), FAILURES)
async def test_failure_and_retry(
    hass: HomeAssistant, trial: AsyncMock, failure: DashboardCastError, field: str, key: str
) -> None:
    """What is missing is said, with what was filled in, and can be tried again until it works."""
    trial.side_effect = failure
    result = await _submit(hass, await _begin(hass), ffmpeg="/opt/ffmpeg")
    for _ in range(2):
        assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "local")
        assert result["errors"] == {field: key}
        assert result["description_placeholders"] == failure.placeholders
        assert result["data_schema"] is not None
        assert get_schema_suggested_value(result["data_schema"].schema, "ffmpeg") == "/opt/ffmpeg"
        result = await _submit(hass, result, ffmpeg="/opt/ffmpeg")
    trial.side_effect = None
    result = await _submit(hass, result, ffmpeg="/usr/bin/ffmpeg")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["options"] == {"ffmpeg": "/usr/bin/ffmpeg"}


async def test_only_one(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """There is one config entry."""
    result = await _menu(hass)
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


async def test_options_of_what_is_gone(
    hass: HomeAssistant, loaded: MockConfigEntry, trial: AsyncMock
) -> None:
    """A user and an encoder that are gone are left out, since the form would not take them back."""
    gone = {"user": "gone", "encoder": "gone", "ffmpeg": "/opt/ffmpeg"}
    hass.config_entries.async_update_entry(loaded, options=gone)
    form = await _options(hass, loaded)
    assert form["data_schema"] is not None
    schema = form["data_schema"].schema
    filled = {str(key): get_schema_suggested_value(schema, key) for key in schema}
    assert (filled["user"], filled["encoder"], filled["ffmpeg"]) == (None, None, "/opt/ffmpeg")


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
    browsers, ffmpeg, _ = tried(trial)
    assert (local(browsers), ffmpeg) == ("/opt/other", "/opt/ffmpeg")
    assert _browser(loaded).executable == "/opt/other"


async def test_options_programs_cleared(
    hass: HomeAssistant, loaded: MockConfigEntry, trial: AsyncMock
) -> None:
    """Fields that are emptied have programs found again, as the form says."""
    result = await _set(hass, loaded)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    browsers, ffmpeg, _ = tried(trial)
    assert (local(browsers), ffmpeg) == (None, "ffmpeg")
    assert _browser(loaded).executable is None
    assert loaded.runtime_data._ffmpeg == "ffmpeg"
    form = await _options(hass, loaded)
    assert form["data_schema"] is not None
    assert get_schema_suggested_value(form["data_schema"].schema, "browser") is None


def _browser(entry: MockConfigEntry) -> FakeBrowser:
    browser = entry.runtime_data._browser
    assert isinstance(browser, FakeBrowser)
    return browser


@pytest.mark.parametrize(("failure", "field", "key"), FAILURES)
async def test_options_failure_and_retry(
    *,
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    trial: AsyncMock,
    failure: DashboardCastError,
    field: str,
    key: str,
) -> None:
    """Programs that do not work are not saved; what was filled in stays in the form."""
    trial.side_effect = failure
    result = await _set(hass, loaded, browser="/opt/other", base_url="http://192.168.1.10:8123")
    assert (result["type"], result["errors"]) == (FlowResultType.FORM, {field: key})
    assert result["description_placeholders"] == failure.placeholders
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


async def test_options_no_address_for_the_browser(
    hass: HomeAssistant, entry: MockConfigEntry, trial: AsyncMock
) -> None:
    """What is no address of Home Assistant's is not saved as one for the browser either, nor at set-up."""
    await _set_up_remote(hass, entry)
    result = await _set(hass, entry, browser_url="homeassistant")
    assert result["errors"] == {"browser_url": "home_invalid"}
    form = await _choose(hass, await entry.start_reconfigure_flow(hass), "remote")
    result = await _submit(hass, form, endpoints=ENDPOINTS, browser_url="ftp://home")
    assert result["errors"] == {"browser_url": "home_invalid"}
    trial.assert_not_called()


async def _set_up_remote(hass: HomeAssistant, entry: MockConfigEntry, **options: str) -> None:
    """Set an entry up that draws elsewhere."""
    data = {"browser_kind": "remote", "endpoints": ENDPOINTS, "encoders": WORKING}
    hass.config_entries.async_update_entry(entry, data=data, options=options)
    assert await hass.config_entries.async_setup(entry.entry_id)


@pytest.mark.parametrize(
    ("found", "soabi", "step", "kinds"),
    [
        ("/usr/bin/chromium", "cpython-314-x86_64-linux-gnu", "user", ["local", "remote", "playwright"]),
        (None, "cpython-314-x86_64-linux-gnu", "user", ["remote", "local", "playwright"]),
        ("/usr/bin/chromium", "cpython-314-x86_64-linux-musl", "user", ["local", "remote"]),
        (None, "cpython-314-aarch64-linux-musl", "no_local", ["remote"]),
    ],
)
async def test_what_works_comes_first(
    *,
    hass: HomeAssistant,
    executable: MagicMock,
    found: str | None,
    soabi: str,
    step: str,
    kinds: list[str],
) -> None:
    """A local browser is offered where there is one, or could be; else it is said why not."""
    executable.return_value = found
    with patch("sysconfig.get_config_var", return_value=soabi):
        menu = await _menu(hass)
    assert (menu["type"], menu["step_id"], menu["menu_options"]) == (FlowResultType.MENU, step, kinds)
    form = await _choose(hass, menu, "remote")
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "remote")


async def test_remote(hass: HomeAssistant, trial: AsyncMock, source_ip: MagicMock) -> None:
    """Each of the browsers elsewhere is tried by itself, and all are kept."""
    form = await _begin(hass, "remote")
    result = await _submit(hass, form, endpoints=ENDPOINTS, browser_url="http://10.0.0.1:8123")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    data = {"browser_kind": "remote", "endpoints": ENDPOINTS, "encoders": WORKING}
    assert (result["data"], result["options"]) == (data, {"browser_url": "http://10.0.0.1:8123"})
    browsers, ffmpeg, homes = tried(trial)
    assert (remotes(browsers), ffmpeg, homes.first) == (ENDPOINTS, "ffmpeg", "http://10.0.0.1:8123")
    await settled(hass)
    [entry] = hass.config_entries.async_entries(DOMAIN)
    used = entry.runtime_data._browser
    assert [str(one.endpoint.url) for one in used._browsers] == ENDPOINTS


@pytest.mark.parametrize(("failure", "field", "key"), REMOTE_FAILURES)
async def test_remote_failure_and_retry(
    hass: HomeAssistant, trial: AsyncMock, failure: DashboardCastError, field: str, key: str
) -> None:
    """What is wrong elsewhere is said at the field that it belongs to, with what was filled in."""
    trial.side_effect = failure
    result = await _submit(hass, await _begin(hass, "remote"), endpoints=["http://127.0.0.1:9222"])
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "remote")
    assert result["errors"] == {field: key}
    assert result["description_placeholders"] == failure.placeholders
    assert result["data_schema"] is not None
    suggested = get_schema_suggested_value(result["data_schema"].schema, "endpoints")
    assert suggested == ["http://127.0.0.1:9222"]
    trial.side_effect = None
    result = await _submit(hass, result, endpoints=["http://127.0.0.1:9223"])
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.fixture
def install() -> Iterator[AsyncMock]:
    """Return what stands in for the installation of packages."""
    with patch("custom_components.dashboard_cast.browsers.async_process_requirements") as mock:
        yield mock


async def test_playwright(hass: HomeAssistant, trial: AsyncMock, install: AsyncMock) -> None:
    """Playwright is installed when it is chosen, and its servers are tried and used."""
    result = await _submit(hass, await _begin(hass, "playwright"), endpoints=["ws://10.0.0.4:3000"])
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["browser_kind"] == "playwright"
    assert install.call_args.args[1:] == (DOMAIN, ["playwright>=1.56.0"])
    ((browser,), _, _) = tried(trial)
    assert isinstance(browser, RemoteBrowser)
    assert isinstance(browser._browsers[0], PlaywrightBrowser)
    await settled(hass)
    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.LOADED


async def test_playwright_cannot_be_installed(
    hass: HomeAssistant, trial: AsyncMock, install: AsyncMock
) -> None:
    """Where there is no Playwright to be had it is said so; on Alpine Linux nobody tries for minutes."""
    install.side_effect = RequirementsNotFound(DOMAIN, ["playwright"])
    form = await _begin(hass, "playwright")
    result = await _submit(hass, form, endpoints=["ws://10.0.0.4:3000"])
    assert result["errors"] == {"base": "playwright_missing"}
    install.assert_called_once()
    with patch("sysconfig.get_config_var", return_value="cpython-314-x86_64-linux-musl"):
        result = await _submit(hass, result, endpoints=["ws://10.0.0.4:3000"])
    assert result["errors"] == {"base": "playwright_missing"}
    install.assert_called_once()
    trial.assert_not_called()


async def test_playwright_is_gone(hass: HomeAssistant, entry: MockConfigEntry, install: AsyncMock) -> None:
    """An entry whose Playwright is missing after an update is set up later, and says why not now."""
    install.side_effect = RequirementsNotFound(DOMAIN, ["playwright"])
    data = {"browser_kind": "playwright", "endpoints": ["ws://10.0.0.4:3000"]}
    hass.config_entries.async_update_entry(entry, data=data)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "playwright_missing"


@pytest.mark.parametrize("endpoints", [[], [""], ["http://[s3cret"]])
async def test_no_endpoint(hass: HomeAssistant, trial: AsyncMock, endpoints: list[str]) -> None:
    """What is no address is not tried, and nothing is none."""
    result = await _submit(hass, await _begin(hass, "remote"), endpoints=endpoints)
    assert result["errors"] == {"endpoints": "endpoint_invalid"}
    trial.assert_not_called()


async def test_reconfigure(hass: HomeAssistant, loaded: MockConfigEntry, trial: AsyncMock) -> None:
    """Another browser is used from then on; all else stays as it was."""
    options = {**PROGRAMS, "base_url": "http://192.168.1.10:8123", "user": "person"}
    hass.config_entries.async_update_entry(loaded, options=options)
    user = loaded.data["user_id"]
    menu = await loaded.start_reconfigure_flow(hass)
    form = await _choose(hass, menu, "remote")
    assert form["data_schema"] is not None
    assert get_schema_suggested_value(form["data_schema"].schema, "ffmpeg") == "/opt/ffmpeg"
    result = await _submit(hass, form, endpoints=ENDPOINTS)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    await settled(hass)
    assert loaded.data == {
        "browser_kind": "remote",
        "endpoints": ENDPOINTS,
        "encoders": WORKING,
        "user_id": user,
    }
    assert loaded.options == {"base_url": "http://192.168.1.10:8123", "user": "person"}
    assert isinstance(loaded.runtime_data._browser, RemoteBrowser)
    menu = await loaded.start_reconfigure_flow(hass)
    form = await _choose(hass, menu, "remote")
    assert form["data_schema"] is not None
    assert get_schema_suggested_value(form["data_schema"].schema, "endpoints") == ENDPOINTS
    result = await _submit(hass, await _choose(hass, await loaded.start_reconfigure_flow(hass), "local"))
    await settled(hass)
    assert (loaded.data["browser_kind"], loaded.data["endpoints"]) == ("local", [])
    assert isinstance(loaded.runtime_data._browser, FakeBrowser)


async def test_options_of_a_remote_browser(
    hass: HomeAssistant, entry: MockConfigEntry, trial: AsyncMock
) -> None:
    """They have no executable, but the address of Home Assistant; another one is tried with the browsers."""
    await _set_up_remote(hass, entry)
    form = await _options(hass, entry)
    assert form["data_schema"] is not None
    assert set(form["data_schema"].schema) == {"user", "base_url", "browser_url", "ffmpeg", "encoder"}
    result = await _set(hass, entry, browser_url="https://10.0.0.1:8123/")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    browsers, _, homes = tried(trial)
    assert (remotes(browsers), homes.first) == (ENDPOINTS, "https://10.0.0.1:8123")
    assert entry.data["endpoints"] == ENDPOINTS
    trial.side_effect = HomeUnreachableError(detail="gone")
    result = await _set(hass, entry, browser_url="https://10.0.0.9:8123")
    assert result["errors"] == {"browser_url": "home_unreachable"}


async def _discover(hass: HomeAssistant, uuid: str = "1234", **other: Any) -> ConfigFlowResult:
    """Have the Supervisor find the app."""
    info = HassioServiceInfo(config=APP | other, name="Dashboard Cast Browser", slug="app", uuid=uuid)
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_HASSIO}, data=info)


async def test_app(hass: HomeAssistant, trial: AsyncMock) -> None:
    """The app's browser needs nothing but a yes, and is tried as others are."""
    form = await _discover(hass)
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "app")
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["title_placeholders"] == {"name": "Dashboard Cast Browser"}
    trial.side_effect = EndpointUnreachableError(endpoint="x", detail="y")
    result = await _submit(hass, form)
    assert (result["step_id"], result["errors"]) == ("app", {"base": "endpoint_unreachable"})
    trial.side_effect = None
    result = await _submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["endpoints"] == [APP_ENDPOINT]
    assert result["result"].unique_id == "1234"
    assert remotes(tried(trial)[0]) == [APP_ENDPOINT]


async def test_app_has_another_token(hass: HomeAssistant, trial: AsyncMock) -> None:
    """An app that is found again says where it is now, and nobody has to do anything."""
    await _submit(hass, await _discover(hass))
    await settled(hass)
    [entry] = hass.config_entries.async_entries(DOMAIN)
    for _ in range(2):
        result = await _discover(hass, token="other")
        assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
        await settled(hass)
        assert entry.data["endpoints"] == [APP_ENDPOINT.replace("s3cret", "other")]
        assert entry.data["encoders"] == WORKING
        assert entry.state is ConfigEntryState.LOADED


async def test_app_beside_another_browser(
    hass: HomeAssistant, loaded: MockConfigEntry, trial: AsyncMock
) -> None:
    """Whoever has another browser is asked; all else stays. Reconfigured, the entry is the app's no more."""
    result = await _submit(hass, await _discover(hass))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    await settled(hass)
    assert [entry.entry_id for entry in hass.config_entries.async_entries(DOMAIN)] == [loaded.entry_id]
    assert (loaded.unique_id, loaded.data["endpoints"]) == ("1234", [APP_ENDPOINT])
    assert (tried(trial)[1], loaded.options) == ("/opt/ffmpeg", {"ffmpeg": "/opt/ffmpeg"})
    await _submit(hass, await _choose(hass, await loaded.start_reconfigure_flow(hass), "local"))
    await settled(hass)
    assert (loaded.unique_id, loaded.data["browser_kind"]) == (None, "local")


async def _asked(hass: HomeAssistant, entry: MockConfigEntry) -> list[ConfigFlowResult]:
    """Return the dialogues that ask for another user."""
    await settled(hass)
    return list(entry.async_get_active_flows(hass, {SOURCE_REAUTH}))


async def _chosen(hass: HomeAssistant, entry: MockConfigEntry) -> User:
    """Have the dashboards of a person shown."""
    user: User = MockUser(name="Anna", id="anna").add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, options={**PROGRAMS, "user": user.id})
    return user


@pytest.mark.parametrize("how", ["removed", "switched off"])
@pytest.mark.parametrize("other", [{"user": "ben"}, {}], ids=["person", "built-in"])
async def test_user_is_gone(
    hass: HomeAssistant, loaded: MockConfigEntry, how: str, other: dict[str, str]
) -> None:
    """When the user is gone another is asked for; what is shown meanwhile goes on."""
    anna = await _chosen(hass, loaded)
    MockUser(name="Ben", id="ben").add_to_hass(hass)
    registry = loaded.runtime_data
    assert not await _asked(hass, loaded)
    if how == "removed":
        await hass.auth.async_remove_user(anna)
    else:
        await hass.auth.async_update_user(anna, is_active=False)
    (flow,) = await _asked(hass, loaded)
    form = await hass.config_entries.flow.async_configure(flow["flow_id"])
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "reauth_confirm")
    assert form["data_schema"] is not None
    assert form["data_schema"].schema["user"].config["options"] == [{"value": "ben", "label": "Ben"}]
    result = await hass.config_entries.flow.async_configure(form["flow_id"], other)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    await settled(hass)
    assert loaded.options == {**PROGRAMS, **other}
    assert loaded.runtime_data is registry
    assert (await registry._sign_in.async_user()).name == ("Ben" if other else "Dashboard Cast")


async def test_user_comes_back(
    hass: HomeAssistant, loaded: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """When the user is switched on again nothing is asked any more; it is logged once."""
    anna = await _chosen(hass, loaded)
    for name in ("A", "B"):
        await hass.auth.async_update_user(anna, name=name, is_active=False)
        assert len(await _asked(hass, loaded)) == 1
    await hass.auth.async_update_user(anna, is_active=True)
    assert not await _asked(hass, loaded)
    assert caplog.text.count("removed or switched off") == 1
    assert caplog.text.count("is back") == 1


async def test_other_users(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    """Other users may come and go."""
    await _chosen(hass, loaded)
    ben = MockUser(name="Ben", id="ben").add_to_hass(hass)
    await hass.auth.async_remove_user(ben)
    assert not await _asked(hass, loaded)


async def test_user_was_gone(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """A user that went while Home Assistant was down is asked for at set-up, which goes on."""
    hass.config_entries.async_update_entry(entry, options={"user": "anna"})
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert len(await _asked(hass, entry)) == 1


async def test_forms_of_the_set_up(
    hass: HomeAssistant, trial: AsyncMock, snapshot: SnapshotAssertion
) -> None:
    """Every step as the frontend gets it, and what comes of it."""
    assert as_sent(await _menu(hass)) == snapshot(name="user")
    for kind in ("remote", "playwright"):
        assert as_sent(await _begin(hass, kind)) == snapshot(name=kind)
    assert as_sent(await _discover(hass)) == snapshot(name="app")
    form = await _begin(hass, "local")
    assert as_sent(form) == snapshot(name="local")
    trial.side_effect = FFmpegMissingError(binary="ffmpeg")
    form = await _submit(hass, form, **PROGRAMS)
    assert as_sent(form) == snapshot(name="local-failed")
    trial.side_effect = None
    result = await _submit(hass, form, **PROGRAMS)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert (result["data"], result["options"]) == snapshot(name="local-done")


async def test_forms_without_a_browser(
    hass: HomeAssistant, executable: MagicMock, snapshot: SnapshotAssertion
) -> None:
    """The step that says how to get a browser as the frontend gets it."""
    executable.return_value = None
    with patch("sysconfig.get_config_var", return_value="cpython-314-aarch64-linux-musl"):
        assert as_sent(await _menu(hass)) == snapshot


async def test_forms_of_the_entry(
    hass: HomeAssistant, loaded: MockConfigEntry, trial: AsyncMock, snapshot: SnapshotAssertion
) -> None:
    """So are options, reconfiguring and re-authentication."""
    MockUser(name="Ben", id="ben").add_to_hass(hass)
    assert as_sent(await _options(hass, loaded)) == snapshot(name="options")
    result = await _set(hass, loaded, base_url="nowhere")
    assert as_sent(result) == snapshot(name="options-failed")
    anna = await _chosen(hass, loaded)
    await hass.auth.async_remove_user(anna)
    (flow,) = await _asked(hass, loaded)
    form = await hass.config_entries.flow.async_configure(flow["flow_id"])
    assert as_sent(form) == snapshot(name="reauth")
    result = await hass.config_entries.flow.async_configure(form["flow_id"], {"user": "ben"})
    assert as_sent(result) == snapshot(name="reauth-done")
    assert as_sent(await loaded.start_reconfigure_flow(hass)) == snapshot(name="reconfigure")
