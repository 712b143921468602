"""Addresses: where our browser, a Cast device or another media player reaches Home Assistant."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from itertools import chain
import socket
from typing import Any, Final

from aiohttp import ClientConnectorCertificateError, ClientError
from homeassistant.components.network.util import async_get_source_ip
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.network import NoURLAvailableError, get_url, is_ip_address
from homeassistant.util.network import is_loopback
from yarl import URL

from .const import API_PATH, CONF_BASE_URL, CONF_BROWSER_URL
from .engine.address import parsed
from .engine.endpoint import Endpoint
from .engine.homes import Homes
from .errors import AddressNotFoundError, AddressUnreachableError, CertificateRejectedError
from .proof import async_proof

_ANY_ADDRESS: Final = ("0.0.0.0", "::", "127.0.0.1", "localhost")  # noqa: S104
_SHARED_PORTS: Final = frozenset({80, 443})
_REACH_TIMEOUT_S: Final = 5.0


def browser_url(hass: HomeAssistant) -> str:
    """Return where a browser on this machine reaches Home Assistant."""
    assert hass.config.api is not None
    api = hass.config.api
    host = "127.0.0.1" if api.host in _ANY_ADDRESS else api.host
    return str(URL.build(scheme="https" if api.use_ssl else "http", host=host, port=api.port))


async def async_homes(
    hass: HomeAssistant, options: Mapping[str, Any], endpoints: Sequence[Endpoint]
) -> Homes:
    """Return where browsers behind these endpoints reach Home Assistant; without any, one on this machine.

    The address of the options alone, else that of our interface towards each browser, and those that Home
    Assistant has for itself. Web pages are kept away from all of them, and from the endpoints. Raises
    HomeInvalidError.
    """
    own = list(_own_urls(hass))
    found = [await _async_addresses(hass, endpoint.host) for endpoint in endpoints]
    closed = [*own, *chain.from_iterable(map(_closed, endpoints, found, strict=True))]
    if configured := options.get(CONF_BROWSER_URL):
        addresses = [configured]
    elif endpoints:
        addresses = [url for each in found if each and (url := _towards(hass, each[0]))] + own
    else:
        addresses = [browser_url(hass)]
    return Homes(*(addresses or [browser_url(hass)]), challenge=async_proof(hass).challenge, closed=closed)


async def _async_addresses(hass: HomeAssistant, host: str) -> list[str]:
    """Return the IPv4 addresses of a host; none when it has none just now."""
    try:
        found = await hass.loop.getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [str(address[4][0]) for address in found]


def _towards(hass: HomeAssistant, address: str) -> str | None:
    """Return the address of our interface towards a host, None when there is no way."""
    assert hass.config.api is not None
    if is_loopback(ip_address(address)):
        return browser_url(hass)
    source = async_get_source_ip(address)
    scheme = "https" if hass.config.api.use_ssl else "http"
    return source and str(URL.build(scheme=scheme, host=source, port=hass.config.api.port))


def _closed(endpoint: Endpoint, addresses: Sequence[str]) -> Iterator[str]:
    """Yield where an endpoint is: by its name, and at its IP addresses.

    Not at those where it has the port of all web servers: behind a reverse proxy others share both.
    """
    shared = endpoint.port in _SHARED_PORTS
    for host in (endpoint.host, *(() if shared else addresses)):
        yield str(URL.build(scheme="http", host=host, port=endpoint.port))


def _own_urls(hass: HomeAssistant) -> Iterator[str]:
    """Yield the internal and the external URL of Home Assistant, as far as they are known."""
    for external in (False, True):
        with suppress(NoURLAvailableError):
            yield get_url(hass, allow_internal=not external, allow_external=external, allow_cloud=False)


def device_url(hass: HomeAssistant, entry: ConfigEntry, device: str | None) -> str:
    """Return where a device reaches Home Assistant: the address of the options, else what `own_url` says.

    device: the device's IP address or host name, None when unknown. Raises AddressNotFoundError.
    """
    if configured := entry.options.get(CONF_BASE_URL):
        return str(configured).rstrip("/")
    return own_url(hass, device)


def own_url(hass: HomeAssistant, device: str | None) -> str:
    """Return the address of our interface towards a device.

    With HTTPS, where the certificate decides which name is right, Home Assistant's own URL. Raises
    AddressNotFoundError.
    """
    assert hass.config.api is not None
    # What the routing table says, and not one of the adapters that Home Assistant announces itself on.
    source = async_get_source_ip(device) if device is not None and is_ip_address(device) else None
    if source and not hass.config.api.use_ssl:
        return str(URL.build(scheme="http", host=source, port=hass.config.api.port))
    try:
        return get_url(hass, prefer_external=hass.config.api.use_ssl, allow_cloud=False)
    except NoURLAvailableError as error:
        raise AddressNotFoundError from error


async def async_reach(hass: HomeAssistant, configured: str | None) -> None:
    """See that this Home Assistant answers at the address that TVs are given, trusting whom they trust.

    configured: the address of the options. Without one our own is asked for at our own port, which shows the
    certificate wherever the name leads from here. Raises AddressNotFoundError, CertificateRejectedError, or
    AddressUnreachableError when anything else is wrong.
    """
    address = configured or own_url(hass, None)
    path, right = async_proof(hass).challenge()
    session = async_get_clientsession(hass)
    try:
        url = parsed(configured or browser_url(hass)) / path.removeprefix("/")
        host = parsed(address).host
        async with asyncio.timeout(_REACH_TIMEOUT_S), session.get(url, server_hostname=host) as answer:
            if await answer.text() != right:
                raise AddressUnreachableError(address=address, detail="somebody else answers there")
    except ClientConnectorCertificateError as error:
        detail = str(error.certificate_error)
        raise CertificateRejectedError(address=address, detail=detail) from error
    except (ClientError, OSError, ValueError, TypeError) as error:
        raise AddressUnreachableError(address=address, detail=str(error) or type(error).__name__) from error


def stream_path(token: str, name: str) -> str:
    """Return the path under which something of a stream is served."""
    return f"{API_PATH}/{token}/{name}"


def split_stream_url(url: str) -> tuple[str, str]:
    """Return token and name in a URL or path of ours; both are empty when it is not one of ours."""
    try:
        path = parsed(url).path
    except ValueError:
        return "", ""
    if not path.startswith(f"{API_PATH}/"):
        return "", ""
    token, _, name = path.removeprefix(f"{API_PATH}/").partition("/")
    return token, name
