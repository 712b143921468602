"""Which browser draws: the local one, or those behind endpoints."""

from collections.abc import Mapping
from enum import StrEnum
from ssl import SSLContext
import sysconfig
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.requirements import RequirementsNotFound, async_process_requirements
from homeassistant.util.ssl import SSL_ALPN_HTTP11, create_client_context

from .const import CONF_BROWSER, CONF_BROWSER_KIND, CONF_ENDPOINTS, DOMAIN
from .engine.browser import LocalBrowser
from .engine.cdp import Browser
from .engine.chromium import find_executable
from .engine.endpoint import Access, Endpoint
from .engine.playwright_server import PlaywrightBrowser
from .engine.programs import browser_version
from .engine.remote import CdpBrowser, RemoteBrowser
from .errors import EndpointInvalidError, PlaywrightMissingError

# The first that runs on Home Assistant's Python; servers want their own version.
PLAYWRIGHT: Final = "playwright>=1.56.0"


class BrowserKind(StrEnum):
    """Where the browser runs."""

    LOCAL = "local"
    REMOTE = "remote"
    """Reached over CDP."""
    PLAYWRIGHT = "playwright"
    """Reached through a Playwright server."""


def kind_of(data: Mapping[str, Any]) -> BrowserKind:
    """Return where the browser of an entry runs; a disabled one may be from before there was a choice."""
    return BrowserKind(data.get(CONF_BROWSER_KIND, BrowserKind.LOCAL))


def endpoints_of(data: Mapping[str, Any]) -> list[Endpoint]:
    """Return the endpoints of an entry, none for the local browser; raises EndpointInvalidError."""
    if kind_of(data) is BrowserKind.LOCAL:
        return []
    return [Endpoint.parse(text) for text in data[CONF_ENDPOINTS]]


async def async_browser(hass: HomeAssistant, data: Mapping[str, Any], options: Mapping[str, Any]) -> Browser:
    """Return the browser of an entry with this data and these options, which starts with the first tab.

    Raises EndpointInvalidError or PlaywrightMissingError.
    """
    endpoints = endpoints_of(data)
    kind = kind_of(data)
    if kind is BrowserKind.LOCAL:
        return LocalBrowser(options.get(CONF_BROWSER))
    if kind is BrowserKind.PLAYWRIGHT:
        await _async_install_playwright(hass)
        return RemoteBrowser([PlaywrightBrowser(endpoint) for endpoint in endpoints])
    ssl = await hass.async_add_executor_job(_ssl_context)
    session = async_get_clientsession(hass)
    return RemoteBrowser([CdpBrowser(endpoint, session, ssl) for endpoint in endpoints])


async def async_versions(
    hass: HomeAssistant, data: Mapping[str, Any], options: Mapping[str, Any]
) -> list[str]:
    """Return the version of each browser of an entry, empty where it does not tell; starts none."""
    kind = kind_of(data)
    if kind is BrowserKind.LOCAL:
        found = await hass.async_add_executor_job(find_executable, options.get(CONF_BROWSER))
        return [await browser_version(found) if found else ""]
    if kind is BrowserKind.PLAYWRIGHT:
        return ["" for _ in endpoints_of(data)]
    ssl = await hass.async_add_executor_job(_ssl_context)
    session = async_get_clientsession(hass)
    return [await Access(endpoint, session, ssl).version() for endpoint in endpoints_of(data)]


async def _async_install_playwright(hass: HomeAssistant) -> None:
    """Install Playwright where it is missing, which takes its time; raises PlaywrightMissingError."""
    if has_musl():
        raise PlaywrightMissingError
    try:
        await async_process_requirements(hass, DOMAIN, [PLAYWRIGHT], is_built_in=False)
    except RequirementsNotFound as error:
        raise PlaywrightMissingError from error


def has_musl() -> bool:
    """Return whether this is Alpine Linux or the like, for which there is no Playwright."""
    return "musl" in str(sysconfig.get_config_var("SOABI"))


async def async_each_browser(
    hass: HomeAssistant, data: Mapping[str, Any], options: Mapping[str, Any]
) -> list[Browser]:
    """Return all browsers of an entry apart, to be tried one by one; raises EndpointInvalidError."""
    if kind_of(data) is BrowserKind.LOCAL:
        return [await async_browser(hass, data, options)]
    if not data[CONF_ENDPOINTS]:
        raise EndpointInvalidError
    return [
        await async_browser(hass, {**data, CONF_ENDPOINTS: [endpoint]}, options)
        for endpoint in data[CONF_ENDPOINTS]
    ]


def _ssl_context() -> SSLContext:
    """Return what Home Assistant trusts and what this machine does, private authorities too. Reads files."""
    context = create_client_context(alpn_protocols=SSL_ALPN_HTTP11)
    context.load_default_certs()
    return context
