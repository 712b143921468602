"""What is installed only where it is used."""

from homeassistant.core import HomeAssistant
from homeassistant.requirements import RequirementsNotFound, async_process_requirements

from .const import DOMAIN, PLAYWRIGHT_REQUIREMENT
from .errors import BrowserMissingError


async def async_install_playwright(hass: HomeAssistant) -> None:
    """Install the library that drives a local browser; raises BrowserMissingError when it cannot be had."""
    try:
        await async_process_requirements(hass, DOMAIN, [PLAYWRIGHT_REQUIREMENT], is_built_in=False)
    except RequirementsNotFound as error:
        raise BrowserMissingError from error
