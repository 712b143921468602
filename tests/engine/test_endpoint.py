"""Tests of endpoints: how they are written, how they are reached, and that their tokens are told nowhere."""

import pytest
from yarl import URL

from custom_components.dashboard_cast.engine.endpoint import Endpoint, redacted
from custom_components.dashboard_cast.errors import EndpointInvalidError

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://10.0.0.2:9222", "http://10.0.0.2:9222"),
        ("http://10.0.0.2:9222/", "http://10.0.0.2:9222"),
        ("wss://farm.example", "wss://farm.example"),
        ("http://[fd00::2]:9222", "http://[fd00::2]:9222"),
        (f"ws://10.0.0.2:3000?token={SECRET}", "ws://10.0.0.2:3000/…"),
        (f"ws://10.0.0.2:3000/?apiKey={SECRET}&x=1", "ws://10.0.0.2:3000/…"),
        (f"ws://10.0.0.2:3000?{SECRET}", "ws://10.0.0.2:3000/…"),
        (f"http://user:{SECRET}@10.0.0.2:4444", "http://10.0.0.2:4444/…"),
        (f"http://{SECRET}@10.0.0.2:4444", "http://10.0.0.2:4444/…"),
        (f"ws://10.0.0.2:4444/session/{SECRET}/se/cdp", "ws://10.0.0.2:4444/…"),
        (f"http://10.0.0.2#{SECRET}", "http://10.0.0.2/…"),
        (f"http://10.0.0.2:{SECRET}", "…"),
        (f"http://[{SECRET}", "…"),
        (SECRET, "…"),
        (f"/{SECRET}", "…"),
        ("", "…"),
    ],
)
def test_redacted(url: str, shown: str) -> None:
    """Of an address only scheme, host and port are shown, and that there is more."""
    assert redacted(url) == shown


def test_shown() -> None:
    """An endpoint that is printed in any way tells no token."""
    endpoint = Endpoint.parse(f"http://user:{SECRET}@10.0.0.2:9222/{SECRET}?token={SECRET}")
    assert str(endpoint) == f"{endpoint}" == "http://10.0.0.2:9222/…"
    assert SECRET not in repr(endpoint)


@pytest.mark.parametrize(
    ("text", "url", "is_websocket"),
    [
        ("10.0.0.2:9222", "http://10.0.0.2:9222", False),
        ("  chrome:9222\n", "http://chrome:9222", False),
        ("https://farm.example", "https://farm.example", False),
        ("ws://10.0.0.2:3000?token=x", "ws://10.0.0.2:3000?token=x", True),
        ("WSS://Farm.example", "wss://farm.example", True),
    ],
)
def test_written(text: str, url: str, *, is_websocket: bool) -> None:
    """An endpoint may be written without a scheme, which is then HTTP."""
    endpoint = Endpoint.parse(text)
    assert endpoint.url == URL(url)
    assert endpoint.is_websocket is is_websocket


@pytest.mark.parametrize(
    "text", ["", " ", "http://", "ftp://10.0.0.2", "file:///etc/passwd", f"http://[{SECRET}", "http://x:y"]
)
def test_none(text: str) -> None:
    """What is no address is refused, without being repeated."""
    with pytest.raises(EndpointInvalidError) as refused:
        Endpoint.parse(text)
    assert str(refused.value) == "endpoint_invalid"
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("endpoint", "told", "reached"),
    [
        (
            "http://10.0.0.2:9222",
            "ws://127.0.0.1/devtools/browser/1",
            "ws://10.0.0.2:9222/devtools/browser/1",
        ),
        (
            "https://farm.example",
            "ws://127.0.0.1:9/devtools/browser/1",
            "wss://farm.example/devtools/browser/1",
        ),
        ("http://10.0.0.2:3000?token=x", "ws://0.0.0.0:3000", "ws://10.0.0.2:3000/?token=x"),
        ("http://10.0.0.2:3000?token=x", "ws://h:3000/b?token=y&z=1", "ws://10.0.0.2:3000/b?token=x&z=1"),
        ("ws://chrome:9222", "ws://chrome:9222/devtools/browser/1", "ws://chrome:9222/devtools/browser/1"),
        ("http://u:p@grid:4444", "ws://a/session/1/se/cdp", "ws://u:p@grid:4444/session/1/se/cdp"),
        ("http://grid:4444/wd/hub", "ws://a/session/1/se/cdp", "ws://grid:4444/session/1/se/cdp"),
        ("https://farm/one/", "ws://a/devtools/browser/1", "wss://farm/one/devtools/browser/1"),
        ("https://farm/one", "wss://farm/one/devtools/browser/1", "wss://farm/one/devtools/browser/1"),
    ],
)
def test_websocket(endpoint: str, told: str, reached: str) -> None:
    """Path and query are what the browser says; host, port, scheme and token are ours, a prefix too."""
    assert Endpoint.parse(endpoint).websocket(told) == URL(reached)


def test_http() -> None:
    """Requests go below the endpoint, with its token."""
    assert Endpoint.parse("wss://farm/one?token=x").http("json/version") == URL(
        "https://farm/one/json/version?token=x"
    )
