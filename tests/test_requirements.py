"""Tests of what is installed only where it is used."""

from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.requirements import RequirementsNotFound
import pytest

from custom_components.dashboard_cast.const import DOMAIN
from custom_components.dashboard_cast.errors import BrowserMissingError
from custom_components.dashboard_cast.requirements import async_install_playwright

PROCESS = "custom_components.dashboard_cast.requirements.async_process_requirements"


async def test_install(hass: HomeAssistant) -> None:
    """The library is asked for under our name, not as a part of Home Assistant."""
    with patch(PROCESS) as process:
        await async_install_playwright(hass)
    [call] = process.await_args_list
    assert call.args[:2] == (hass, DOMAIN)
    [requirement] = call.args[2]
    assert requirement.startswith("playwright>=")
    assert call.kwargs == {"is_built_in": False}


async def test_cannot_be_had(hass: HomeAssistant) -> None:
    """Where there is no build of it, there is no browser."""
    failure = RequirementsNotFound(DOMAIN, ["playwright"])
    with patch(PROCESS, side_effect=failure), pytest.raises(BrowserMissingError) as caught:
        await async_install_playwright(hass)
    assert caught.value.__cause__ is failure


async def test_installed_here(hass: HomeAssistant) -> None:
    """The version that is installed for tests is one that users get."""
    await async_install_playwright(hass)
