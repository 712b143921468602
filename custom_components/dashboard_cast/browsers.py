"""Which browser draws: the local one, or those behind endpoints."""

from collections.abc import Mapping
from enum import StrEnum
from ssl import SSLContext
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util.ssl import SSL_ALPN_HTTP11, create_client_context

from .const import CONF_BROWSER, CONF_BROWSER_KIND, CONF_ENDPOINTS
from .engine.browser import LocalBrowser
from .engine.cdp import Browser
from .engine.endpoint import Endpoint
from .engine.remote import RemoteBrowser


class BrowserKind(StrEnum):
    """Where the browser runs."""

    LOCAL = "local"
    REMOTE = "remote"


def kind_of(data: Mapping[str, Any]) -> BrowserKind:
    """Return where the browser of an entry runs; entries from before there was a choice have a local one."""
    return BrowserKind(data.get(CONF_BROWSER_KIND, BrowserKind.LOCAL))


def endpoints_of(data: Mapping[str, Any]) -> list[Endpoint]:
    """Return the endpoints of an entry, none for the local browser; raises EndpointInvalidError."""
    if kind_of(data) is BrowserKind.LOCAL:
        return []
    return [Endpoint.parse(text) for text in data[CONF_ENDPOINTS]]


async def async_browser(hass: HomeAssistant, data: Mapping[str, Any], options: Mapping[str, Any]) -> Browser:
    """Return the browser of an entry with this data and these options, which starts with the first tab.

    Raises EndpointInvalidError.
    """
    if kind_of(data) is BrowserKind.LOCAL:
        return LocalBrowser(options.get(CONF_BROWSER))
    ssl = await hass.async_add_executor_job(_ssl_context)
    return RemoteBrowser(endpoints_of(data), async_get_clientsession(hass), ssl)


async def async_each_browser(
    hass: HomeAssistant, data: Mapping[str, Any], options: Mapping[str, Any]
) -> list[Browser]:
    """Return all browsers of an entry apart, to be tried one by one; raises EndpointInvalidError."""
    if kind_of(data) is BrowserKind.LOCAL:
        return [await async_browser(hass, data, options)]
    return [
        await async_browser(hass, {**data, CONF_ENDPOINTS: [endpoint]}, options)
        for endpoint in data[CONF_ENDPOINTS]
    ]


def _ssl_context() -> SSLContext:
    """Return what Home Assistant trusts and what this machine does, private authorities too. Reads files."""
    context = create_client_context(alpn_protocols=SSL_ALPN_HTTP11)
    context.load_default_certs()
    return context
