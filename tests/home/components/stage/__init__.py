"""For tests and the benchmark: another page for streams that run.

`stage:` in the configuration switches it on; the action `stage.swap` gives every stream a new page.
"""

from dataclasses import replace

from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.typing import ConfigType

from custom_components.dashboard_cast.registry import loaded_registry

DOMAIN = "stage"


async def async_setup(hass: HomeAssistant, _config: ConfigType) -> bool:
    """Offer the action."""

    async def swap(_call: ServiceCall) -> None:
        """Show the same dashboards on new pages, dark ones light and light ones dark."""
        registry = loaded_registry(hass)
        if registry is None or not registry.streams:
            raise HomeAssistantError("no stream runs")
        for stream in registry.streams:
            await stream.show(replace(stream.source, dark=not stream.source.dark))

    hass.services.async_register(DOMAIN, "swap", swap)
    return True
