"""Tests of which addresses web pages may be at: every way of writing one."""

from ipaddress import ip_address

from hypothesis import example, given, strategies as st
import pytest

from custom_components.dashboard_cast.engine.gate import Gate, endpoint
from custom_components.dashboard_cast.errors import (
    DashboardCastError,
    UrlForbiddenError,
    UrlInvalidError,
    UrlNotAllowedError,
)

HOME = "http://192.168.1.5:8123"


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://grafana.local:3000/d/home?kiosk#top", "grafana.local", 3000),
        ("HTTPS://Grafana.Example", "grafana.example", 443),
        ("http://grafana.example.", "grafana.example", 80),
        ("http://b\u00fccher.example/", "b\u00fccher.example", 80),
        ("http://xn--bcher-kva.example/", "xn--bcher-kva.example", 80),
        ("http://192.168.1.9:8080", ip_address("192.168.1.9"), 8080),
        ("http://[fd00::1]:8080/", ip_address("fd00::1"), 8080),
        ("http://camera/user@example.com", "camera", 80),
    ],
)
def test_web_pages(url: str, host: object, port: int) -> None:
    """What people have in the address bars of their browsers is taken."""
    assert endpoint(url) == (host, port)
    Gate(HOME).check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1./",
        "http://127.1/",
        "http://0x7f.1/",
        "http://0X7F000001/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://\uff11\uff12\uff17.0.0.1/",
        "http://127\u30020\uff0e0\uff611/",
        "http://\u2460\u2461\u2466.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[0:0:0:0:0:ffff:127.0.0.1]/",
    ],
)
def test_loopback(url: str) -> None:
    """However the loopback address is written, it is found out, as browsers find it out."""
    assert endpoint(url) == (ip_address("127.0.0.1"), 80)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "grafana.local",
        "//grafana.local",
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "chrome://settings",
        "view-source:http://page.example/",
        "data:text/html,x",
        "javascript:alert(1)",
        "about:blank",
        "blob:http://page.example/1",
        "filesystem:http://page.example/temporary/x",
        "ws://page.example/",
        "ftp://page.example/",
        "http:page.example",
        "http:/page.example",
        "http:///page.example",
        "http:\\\\page.example",
        "http://page.example\\@other.example/",
        "http://user@page.example/",
        "http://user:password@page.example/",
        "http://page.example:80@other.example/",
        "http://page.example%40other.example/",
        "http://%31%32%37.0.0.1/",
        "http://page.example%2f@other.example/",
        "http://a\u2100b.example/",
        "http://page.example:/x",
        "http://page.example:0/",
        "http://page.example:65536/",
        "http://page.example:+80/",
        "http://[::1/",
        "http://[::1%25lo]/",
        "http://[::g]/",
        "http://[1:2]/",
        "http://[127.0.0.1]/",
        " http://page.example/",
        "http://page.example/ ",
        "ht\ttp://page.example/",
        "http://page\n.example/",
        "http://page.example/\r\nX: y",
        "http://page.example/\x00",
        "http://page.example/\u202e",
        "http://" + "a" * 2_048,
    ],
)
def test_no_web_pages(url: str) -> None:
    """What is something else, or may be read in two ways, is refused, and not repeated."""
    with pytest.raises(UrlInvalidError) as caught:
        Gate(HOME).check(url)
    assert set(caught.value.placeholders) == {"detail"}
    assert "page.example" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        HOME,
        "http://192.168.1.5:8123/lovelace/0",
        "https://192.168.1.5:8123/",
        "http://3232235781:8123/",
        "http://127.0.0.1:8123/api/",
        "http://127.9.9.9:8123/",
        "http://0.0.0.0:8123/",
        "http://0:8123/",
        "http://[::1]:8123/",
        "http://[::]:8123/",
        "http://localhost:8123/",
        "http://LOCALHOST.:8123/",
        "http://anything.localhost:8123/",
        "http://localhost:9222/json",
        "http://[::1]:9222/json/version",
        "http://browser.local:9222/devtools/page/1",
        "http://192.168.1.9:9229/",
    ],
)
def test_forbidden(url: str) -> None:
    """Home Assistant itself and debugging ports are shown to nobody."""
    gate = Gate(HOME)
    for here in (True, False):
        with pytest.raises(UrlForbiddenError):
            gate.check(url, here=here)
        with pytest.raises(UrlForbiddenError):
            gate.check_request(url, here=here)


@pytest.mark.parametrize(
    "url",
    [
        "http://browser.lan:3000/?token=x",
        "ws://browser.lan:3000/",
        "http://10.0.0.7:3000/json/version",
        "http://localhost:3000/",
        "ws://127.0.0.1:3000/",
    ],
)
def test_endpoints(url: str) -> None:
    """The browsers' own addresses are closed, also on the machine on which the browser may be."""
    gate = Gate(HOME, "http://browser.lan:3000", "http://10.0.0.7:3000")
    with pytest.raises(UrlForbiddenError):
        gate.check_request(url, here=True)
    gate.check_request("http://browser.lan:3001/", here=True)
    gate.check_request("http://10.0.0.8:3000/", here=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:3000/",
        "http://127.1.2.3/",
        "http://0.0.0.0:80/",
        "http://[::1]:631/",
        "http://[::ffff:7f00:1]/",
        "https://localhost/",
        "ws://localhost:5900/",
        "wss://any.localhost/",
        "http://user:password@127.0.0.1:3000/",
        "http://127.0.0.1:3000/?" + "a" * 3_000,
    ],
)
def test_the_machine_of_the_browser(url: str) -> None:
    """What listens for its own machine only is for pages that are there themselves."""
    gate = Gate(HOME)
    gate.check_request(url, here=True)
    with pytest.raises(UrlForbiddenError):
        gate.check_request(url, here=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.lan:3000/query?" + "a" * 3_000,
        "http://user:password@camera.lan/",
        "http://192.168.1.6:8123/",
        "ws://frigate.lan:5000/live",
        "http://[fd00::1]/",
        "http://under_score.lan/",
        "data:text/html,x",
        "blob:http://page.example/1",
        "about:srcdoc",
    ],
)
def test_requests(url: str) -> None:
    """A page asks whom it likes in the home's network, and at any length."""
    Gate(HOME).check_request(url, here=False)


@pytest.mark.parametrize("url", ["http://", "http://page.example:x/", "ws://a b/", "http://[::1/"])
def test_requests_for_nothing(url: str) -> None:
    """What is no address is refused by a type of ours."""
    with pytest.raises(UrlInvalidError):
        Gate(HOME).check_request(url, here=True)


def test_forbidden_name() -> None:
    """A message says which host and port it is about, and nothing else of the address."""
    with pytest.raises(UrlForbiddenError) as caught:
        Gate(HOME).check("http://[::1]:8123/secret?token=secret")
    assert caught.value.placeholders == {"host": "[::1]:8123"}


def test_neighbours() -> None:
    """Other ports of this machine, and the same port of others, are somebody else's."""
    for url in ("http://127.0.0.1:3000/", "http://192.168.1.5:3000/", "http://192.168.1.6:8123/"):
        Gate(HOME).check(url)


@pytest.mark.parametrize(
    ("address", "port", "fine"),
    [
        ("127.0.0.1", 8123, False),
        ("[::1]", 8123, False),
        ("[::ffff:127.0.0.1]", 8123, False),
        ("192.168.1.5", 8123, False),
        ("10.0.0.1", 9222, False),
        ("127.0.0.1", 3000, True),
        ("192.168.1.6", 8123, True),
        ("[2001:db8::1]", 443, True),
        ("", 0, True),
    ],
)
def test_remote(address: str, port: int, *, fine: bool) -> None:
    """Where an answer comes from counts as much as what the address said."""
    gate = Gate(HOME)
    if fine:
        gate.check_remote(address, port, here=True)
        return
    with pytest.raises(UrlForbiddenError):
        gate.check_remote(address, port, here=True)


def test_remote_elsewhere() -> None:
    """A page of another machine gets nothing from the browser's, whatever the name was."""
    gate = Gate(HOME)
    gate.check_remote("192.168.1.6", 3000, here=False)
    for address in ("127.0.0.1", "[::1]", "0.0.0.0"):
        with pytest.raises(UrlForbiddenError):
            gate.check_remote(address, 3000, here=False)


ALLOWED = frozenset({"http://good.example/", "https://good.example/public/"})


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("http://good.example", True),
        ("http://GOOD.example:80/anything", True),
        ("https://good.example/public", True),
        ("https://good.example/public/page?x#y", True),
        ("https://good.example/", False),
        ("https://good.example/publicity", False),
        ("https://good.example/public/../private", False),
        ("http://good.example:8080/", False),
        ("http://good.example.evil.example/", False),
        ("http://evil.example/http://good.example/", False),
        ("http://evil.example/?http://good.example/", False),
        ("http://evilgood.example/", False),
    ],
)
def test_allowed(url: str, *, fine: bool) -> None:
    """Others than administrators see what begins like something on the list, read as Home Assistant does."""
    gate = Gate(HOME, allowed=ALLOWED)
    if fine:
        gate.check(url)
        return
    with pytest.raises(UrlNotAllowedError) as caught:
        gate.check(url)
    assert set(caught.value.placeholders) == {"host"}
    gate.check_request(url, here=True)


def test_nothing_allowed() -> None:
    """An empty list is not the same as none; what is forbidden stays so on the list."""
    with pytest.raises(UrlNotAllowedError):
        Gate(HOME, allowed=frozenset()).check("http://good.example/")
    with pytest.raises(UrlForbiddenError):
        Gate(HOME, allowed=frozenset({f"{HOME}/"})).check(f"{HOME}/")


def test_names_that_are_none() -> None:
    """A name that cannot be one of the DNS is on no list, whatever is on it."""
    with pytest.raises(UrlInvalidError):
        Gate(HOME, allowed=ALLOWED).check("http://\u00e9" + "a" * 70 + "..example/")


PIECES = st.sampled_from(
    [
        *"@:/\\?#[]%.\uff0e\u3002\u2100 \t0x",
        "http://",
        "https://",
        "127.0.0.1",
        "localhost",
        "::1",
        ":8123",
        "%40",
    ]
)


@given(st.text(max_size=80).map("http://".__add__) | st.lists(PIECES, max_size=10).map("".join))
@example("http://\u0130/")
@example("http://\ud800/")
def test_whatever_text(url: str) -> None:
    """Whatever the text, it is refused by a type of ours or is a host and a port."""
    try:
        Gate(HOME, allowed=ALLOWED).check(url)
    except DashboardCastError:
        return
    host, port = endpoint(url)
    assert "@" not in str(host)
    assert 0 < port < 65_536
