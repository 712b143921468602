"""Fixtures: a home with dashboards, media players and the integration, in this process."""

import asyncio
from collections.abc import Iterator
import io
from typing import Any
from unittest.mock import MagicMock, patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from hypothesis import settings
from PIL import Image
import pytest
import pytest_socket
from syrupy.assertion import SnapshotAssertion

from custom_components.dashboard_cast.const import DOMAIN
from custom_components.dashboard_cast.displays import Display
from custom_components.dashboard_cast.models import Source
from custom_components.dashboard_cast.registry import Registry

from .common import (
    FakeBrowser,
    FakeCastPlayer,
    FakeChromecast,
    FakePlayer,
    Home,
    HomeAssistantSnapshotExtension,
    MockConfigEntry,
    Players,
    Studio,
    add_players,
    settled,
)

# The same inputs each time: what fails has to fail for whoever looks. `scripts/fuzz` finds new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Leave event loops as they are: Home Assistant's test plugin has them all in debug mode.

    There every task and future remembers the whole stack at its birth, which takes more than half of the time
    of all tests. PYTHONASYNCIODEBUG=1 in the environment has it nevertheless.
    """


@pytest.fixture
async def debug_mode() -> None:
    """Have the event loop in debug mode, in which it refuses calls from other threads."""
    asyncio.get_running_loop().set_debug(True)


@pytest.fixture
def studio() -> Iterator[Studio]:
    """Return what makes the streams, in place of browser and FFmpeg."""
    made = Studio()
    with (
        patch("custom_components.dashboard_cast.registry.Stream", made.make),
        patch("custom_components.dashboard_cast.browsers.LocalBrowser", FakeBrowser),
        patch("custom_components.dashboard_cast.async_check_up"),
        patch("custom_components.dashboard_cast.config_flow.NOTICED_S", 0),
    ):
        yield made


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Draw grey pictures in place of dashboards, and note what of."""
    asked: list[tuple[Any, ...]] = []

    async def draw(_browser: object, source: Source, width: int, height: int, **_keywords: object) -> bytes:
        asked.append((source, width, height))
        file = io.BytesIO()
        Image.new("RGB", (width, height), (100, 100, 100)).save(file, "PNG")
        return file.getvalue()

    monkeypatch.setattr("custom_components.dashboard_cast.registry.snapshot", draw)
    return asked


@pytest.fixture
def loopback(socket_enabled: None) -> None:
    """Let a test connect to this machine, which Home Assistant's test plugin forbids."""
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)


@pytest.fixture
def dashboards(hass_storage: dict[str, Any]) -> None:
    """Store dashboards: one with views, one for administrators, a generated one and an empty one."""
    views = [{"title": "First"}, {"title": "Kitchen", "path": "kitchen"}]
    configs: dict[str, dict[str, Any] | None] = {
        "tv_wall": {"views": views},
        "admin_wall": {"views": views},
        "generated_wall": {"strategy": {"type": "original-states"}},
        "empty_wall": None,
    }
    hass_storage["lovelace_dashboards"] = {
        "version": 1,
        "data": {"items": [_dashboard(name) for name in configs]},
    }
    for name, config in configs.items():
        hass_storage[f"lovelace.{name}"] = {"version": 1, "data": {"config": config}}


def _dashboard(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "url_path": name.replace("_", "-"),
        "mode": "storage",
        "title": name,
        "require_admin": name == "admin_wall",
        "show_in_sidebar": True,
    }


@pytest.fixture
def source_ip() -> Iterator[MagicMock]:
    """Have one interface towards all devices."""
    name = "custom_components.dashboard_cast.urls.async_get_source_ip"
    with patch(name, return_value="10.10.10.10") as mock:
        yield mock


@pytest.fixture
def entry(hass: HomeAssistant, enable_custom_integrations: None, source_ip: MagicMock) -> MockConfigEntry:
    """Return the config entry, not set up yet."""
    config_entry = MockConfigEntry(domain=DOMAIN, title="Dashboard Cast", data={"encoders": ["libx264"]})
    config_entry.add_to_hass(hass)
    return config_entry


@pytest.fixture
async def registry(hass: HomeAssistant, dashboards: None, studio: Studio, entry: MockConfigEntry) -> Registry:
    """Set up the integration and return what it runs."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settled(hass)
    running: Registry = entry.runtime_data
    return running


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Return what remembers things of Home Assistant, without what is another each time."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


@pytest.fixture
def entity_registry_enabled_by_default() -> Iterator[None]:
    """Enable the entities that are disabled by default."""
    with patch("homeassistant.helpers.entity.Entity.entity_registry_enabled_default", new=True):
        yield


@pytest.fixture
async def players(hass: HomeAssistant) -> Players:
    """Add two Cast devices with screens and a media player that is none."""
    made = Players(
        tv=FakeCastPlayer("TV", FakeChromecast()),
        second_tv=FakeCastPlayer("Second TV", FakeChromecast(host="10.10.10.21")),
        player=FakePlayer("Player"),
    )
    await add_players(hass, "cast", [made.tv, made.second_tv])
    await add_players(hass, "other", [made.player])
    return made


@pytest.fixture
def home(
    registry: Registry,
    entry: MockConfigEntry,
    players: Players,
    studio: Studio,
    freezer: FrozenDateTimeFactory,
) -> Home:
    """Have the integration set up, and media players."""
    return Home(players.tv.hass, entry, players, studio, freezer)


@pytest.fixture
async def wall(home: Home) -> Display:
    """Return a display that is shown on the TV."""
    return await home.shown()
