"""Which addresses a web page may be at (pure)."""

from ipaddress import IPv4Address, IPv6Address, ip_address
import re
import socket
from typing import Final
import unicodedata
from urllib.parse import urlsplit

from yarl import URL

from ..errors import UrlForbiddenError, UrlInvalidError, UrlNotAllowedError
from .address import parsed

_MAX_LENGTH: Final = 2_048
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
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
# How browsers write what is on their own machine, as URL patterns. Of 127.0.0.0/8 there can be single
# addresses only: this is the one that is used, and that by which Debian knows itself.
_HERE: Final = (
    *("localhost", "*.localhost", "127.0.0.1", "127.0.1.1", "0.0.0.0"),  # noqa: S104
    *(r"[\:\:1]", r"[\:\:]", r"[\:\:ffff\:7f*]"),
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
    """Lets a web page, and what is in it, be where they may be.

    closed: addresses that are not to be shown or asked by web pages: those of Home Assistant as the browser
    reaches it, and those of browsers. Who is at one of them may be on the browser's own machine, so that the
    port is closed there, too.
    allowed: what addresses begin with, as in Home Assistant's `allowlist_external_urls`; None for all.

    here, in what follows: whether the page that was asked for is on the browser's own machine. Other pages do
    not get there: what listens there for nobody else trusts whoever asks.
    """

    def __init__(self, *closed: str, allowed: frozenset[str] | None = None) -> None:
        self._closed = frozenset(map(endpoint, closed))
        self._closed_ports = frozenset(port for _, port in self._closed)
        self._allowed = allowed

    def check(self, url: str, *, here: bool = True) -> None:
        """Check where a page goes; raises UrlInvalidError, UrlForbiddenError or UrlNotAllowedError."""
        self._check(*endpoint(url), here=here)
        if self._allowed is None:
            return
        # The way in which Home Assistant compares, also on what the browser makes of the address later.
        if not any(f"{_normalized(url)}/".startswith(prefix) for prefix in self._allowed):
            raise UrlNotAllowedError(host=_shown(*endpoint(url)))

    def check_request(self, url: str, *, here: bool) -> None:
        """Check what something in a page asks for; raises UrlInvalidError or UrlForbiddenError.

        url: as the browser has it, which may well be longer than what people write.
        """
        if url.partition(":")[0].lower() in _DEFAULT_PORTS:
            self._check(*requested(url), here=here)

    def check_remote(self, address: str, port: int, *, here: bool) -> None:
        """Check from where an answer came, whatever its name was; raises UrlForbiddenError.

        address: as the browser tells it, an IPv6 address in brackets; empty for an answer that it had.
        """
        if address:
            self._check(remote_host(address), port, here=here)

    def patterns(self, *, here: bool) -> list[str]:
        """Return URL patterns (WHATWG) of the sockets that `check_request` refuses, for a browser to stop."""
        closed: set[tuple[object, object]] = {*self._closed, *(("*", port) for port in _DEBUGGING_PORTS)}
        closed |= {(host, port) for host in _HERE for port in (self._closed_ports if here else ("*",))}
        places = [f"{_quoted(host)}:{port}/*" for host, port in sorted(closed, key=str)]
        return [f"{scheme}://{place}" for scheme in ("ws", "wss") for place in places]

    @staticmethod
    def has_pattern(url: str) -> bool:
        """Return whether what `check_request` refuses is in `patterns`."""
        host = urlsplit(url).hostname or ""
        return host in _HERE or not host.startswith("127.")

    def _check(self, host: str | Address, port: int, *, here: bool) -> None:
        closed = (host, port) in self._closed or port in _DEBUGGING_PORTS
        if is_here(host):
            closed |= not here or port in self._closed_ports
        if closed:
            raise UrlForbiddenError(host=_shown(host, port))


def is_here(host: str | Address) -> bool:
    """Return whether a host is the browser's own machine, as far as its name or address tells."""
    if isinstance(host, str):
        return host == "localhost" or host.endswith(".localhost")
    return host.is_loopback or host.is_unspecified


def remote_host(address: str) -> Address:
    """Return an IP address as the browser tells it; raises UrlInvalidError."""
    return _address(address.strip("[]"))


def requested(url: str) -> tuple[str | Address, int]:
    """Return host and port of a URL that a browser has written; raises UrlInvalidError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
    except (KeyError, ValueError) as error:
        raise UrlInvalidError(detail="there is no such host or port") from error
    return _host(f"[{host}]" if ":" in host else host), port


def _normalized(url: str) -> URL:
    try:
        return parsed(url)
    except ValueError as error:
        raise UrlInvalidError(detail="there is no such host") from error


def _quoted(host: object) -> str:
    """Return a host as it stands in a URL pattern."""
    return f"[{host}]".replace(":", r"\:") if isinstance(host, IPv6Address) else str(host)


def _shown(host: str | Address, port: int) -> str:
    return f"[{host}]:{port}" if isinstance(host, IPv6Address) else f"{host}:{port}"
