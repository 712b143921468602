"""Which addresses a web page may be at (pure)."""

from ipaddress import IPv4Address, IPv6Address, ip_address
import re
import socket
from typing import Final
import unicodedata

from yarl import URL

from ..errors import UrlForbiddenError, UrlInvalidError, UrlNotAllowedError

_MAX_LENGTH: Final = 2_048
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LAST_PORT: Final = 65_535
# Those of Chromium and of Node.js. Who speaks to one of them commands the browser.
_DEBUGGING_PORTS: Final = frozenset({9222, 9229})
# Nothing between the slashes and the host: what looks like a host may be a user's name. Nothing encoded in
# the host either, nor what browsers leave out or take for a slash.
_NAME: Final = r"[^\s/?#:@\[\]\\%<>^|]+"
_HOST: Final = re.compile(_NAME)
_PLAIN: Final = re.compile(
    rf"(?P<scheme>https?)://(?P<host>\[[0-9a-f.]*:[0-9a-f:.]*\]|{_NAME})"
    r"(?::(?P<port>[0-9]+))?(?:[/?#]\S*)?",
    re.IGNORECASE,
)
# Browsers take these for a full stop (UTS 46).
_FULL_STOPS: Final = str.maketrans("。．｡", "...")  # noqa: RUF001

type Address = IPv4Address | IPv6Address


def endpoint(url: str) -> tuple[str | Address, int]:
    """Return host and port of a plain http or https URL; raises UrlInvalidError.

    A host that is a number in any of the ways of writing one is an address.
    """
    found = _PLAIN.fullmatch(url)
    if not url.isprintable() or "\\" in url or len(url) > _MAX_LENGTH or not found:
        raise UrlInvalidError(detail="it has to be a plain http or https address, without a user name")
    port = int(found["port"] or _DEFAULT_PORTS[found["scheme"].lower()])
    if not 0 < port <= _LAST_PORT:
        raise UrlInvalidError(detail="there is no such port")
    return _host(found["host"]), port


def _host(text: str) -> str | Address:
    if text.startswith("["):
        return _address(text[1:-1])
    name = unicodedata.normalize("NFKC", text).translate(_FULL_STOPS).lower().removesuffix(".")
    if not _HOST.fullmatch(name):
        raise UrlInvalidError(detail="there is no such host")
    try:
        # Takes decimal, octal and hexadecimal numbers and fewer than four of them, as browsers do.
        return IPv4Address(socket.inet_aton(name))
    except OSError:
        return name


def _address(text: str) -> Address:
    try:
        address = ip_address(text)
    except ValueError as error:
        raise UrlInvalidError(detail="there is no such host") from error
    return getattr(address, "ipv4_mapped", None) or address


class Gate:
    """Lets a web page be where it may be.

    homes: addresses of Home Assistant as the browser reaches it, which are not to be shown as web pages.
    allowed: what addresses begin with, as in Home Assistant's `allowlist_external_urls`; None for all.
    """

    def __init__(self, *homes: str, allowed: frozenset[str] | None = None) -> None:
        self._homes = [endpoint(home) for home in homes]
        self._allowed = allowed

    def check(self, url: str) -> None:
        """Check where a page goes; raises UrlInvalidError, UrlForbiddenError or UrlNotAllowedError."""
        self.check_frame(url)
        if self._allowed is None:
            return
        # The way in which Home Assistant compares, also on what the browser makes of the address later.
        if not any(f"{_normalized(url)}/".startswith(prefix) for prefix in self._allowed):
            raise UrlNotAllowedError(host=_shown(*endpoint(url)))

    def check_frame(self, url: str) -> None:
        """Check where a frame within a page goes; raises UrlInvalidError or UrlForbiddenError."""
        self._check(*endpoint(url))

    def check_remote(self, address: str, port: int) -> None:
        """Check from where an answer came, whatever its name was; raises UrlForbiddenError.

        address: as the browser tells it, an IPv6 address in brackets; empty for an answer that it had.
        """
        if address:
            self._check(_address(address.strip("[]")), port)

    def _check(self, host: str | Address, port: int) -> None:
        here = _is_here(host)
        is_home = any(port == its_port and (host == its or here) for its, its_port in self._homes)
        if port in _DEBUGGING_PORTS or is_home:
            raise UrlForbiddenError(host=_shown(host, port))


def _normalized(url: str) -> URL:
    try:
        return URL(url)
    except ValueError as error:
        raise UrlInvalidError(detail="there is no such host") from error


def _is_here(host: str | Address) -> bool:
    if isinstance(host, str):
        return host == "localhost" or host.endswith(".localhost")
    return host.is_loopback or host.is_unspecified


def _shown(host: str | Address, port: int) -> str:
    return f"[{host}]:{port}" if isinstance(host, IPv6Address) else f"{host}:{port}"
