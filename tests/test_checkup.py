"""Tests of the check-up: whether browser and FFmpeg are there, with those of this machine."""

from pathlib import Path
import socket

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest

from custom_components.dashboard_cast.checkup import async_check_up
from custom_components.dashboard_cast.errors import (
    BrowserMissingError,
    DashboardCastError,
    EndpointInvalidError,
    EndpointUnreachableError,
    FFmpegMissingError,
    FFmpegOutdatedError,
)

from .common import MockConfigEntry
from .engine.helpers import executable, processes

LOCAL = {"browser_kind": "local", "endpoints": []}


async def test_local(hass: HomeAssistant, loopback: None) -> None:
    """What this machine has will do."""
    await async_check_up(hass, LOCAL, {})


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"browser": "/no/such/browser"}, BrowserMissingError),
        ({"ffmpeg": "/no/such/ffmpeg"}, FFmpegMissingError),
    ],
)
async def test_missing(
    hass: HomeAssistant, loopback: None, options: dict[str, str], error: type[DashboardCastError]
) -> None:
    """What is not there is told."""
    with pytest.raises(error):
        await async_check_up(hass, LOCAL, options)


async def test_outdated(hass: HomeAssistant, loopback: None, tmp_path: Path) -> None:
    """An FFmpeg that is too old is told."""
    old = executable(tmp_path, "ffmpeg", 'echo "ffmpeg version 4.4.2-0ubuntu0.22.04.1"')
    with pytest.raises(FFmpegOutdatedError):
        await async_check_up(hass, LOCAL, {"ffmpeg": str(old)})


async def test_elsewhere(hass: HomeAssistant, loopback: None) -> None:
    """Somebody who listens at the address of a browser will do until a stream starts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        remote = {"browser_kind": "remote", "endpoints": [f"http://127.0.0.1:{server.getsockname()[1]}"]}
        await async_check_up(hass, remote, {"browser": "/not/asked/for"})
    with pytest.raises(EndpointUnreachableError):
        await async_check_up(hass, remote, {})
    with pytest.raises(EndpointInvalidError):
        await async_check_up(hass, {**remote, "endpoints": ["://"]}, {})


async def test_set_up(hass: HomeAssistant, loopback: None, entry: MockConfigEntry) -> None:
    """A set-up with what this machine has works, and starts no browser."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert not processes()
