"""Tests of what is shown of a real Home Assistant, and what a page can do with what it holds."""

import asyncio
from collections.abc import AsyncIterator
import io
from typing import Any

from PIL import Image
import pytest
import pytest_asyncio
import pytest_socket

from custom_components.dashboard_cast.engine import page as page_module
from custom_components.dashboard_cast.engine.page import Page
from custom_components.dashboard_cast.models import Source

from ..common import one_thread
from ..engine.site import NAME, PASSWORD, Site
from ..looks import Gallery, gallery as open_gallery
from .api import ServiceError
from .home import LOCAL_BROWSER, Home
from .kiosk import ERRORS_SCRIPT

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

RELOAD_S = 20.0
SECRET = "s3cret"
# The brightest a dark dashboard with some lights on it is on average, of 255; a light one has more than 200.
DARK = 70
# What nobody in front of a TV can use. Each found is one that can be seen.
CONTROLS = """(() => {
  const names = ["ha-sidebar", "ha-menu-button", "ha-icon-button-arrow-prev", "ha-tab-group", "ha-toast",
    "notification-manager", "dialog"];
  const found = [];
  const walk = (root) => {
    for (const node of root.querySelectorAll("*")) {
      const bar = root.host?.localName === "hui-root" ? ".header" : ".top-app-bar";
      const control = node.matches(bar) || names.includes(node.localName);
      const box = node.getBoundingClientRect();
      const seen = box.width && box.height && box.right > 0 && box.left < innerWidth;
      if (control && seen && node.checkVisibility()) found.push(node.localName + "." + node.className);
      if (node.shadowRoot) walk(node.shadowRoot);
    }
  };
  walk(document);
  return found;
})()"""
HASS = "document.querySelector('home-assistant').hass"
# The frontend hears of its configuration only after all else that it asks for at its start.
LATE_CONFIGURATION = """(() => {
  const LATE_MS = 500;
  const ids = new Set();
  const { send, addEventListener } = WebSocket.prototype;
  WebSocket.prototype.send = function (data) {
    const { id, type } = JSON.parse(data);
    if (type === "get_config") ids.add(id);
    return send.call(this, data);
  };
  WebSocket.prototype.addEventListener = function (type, heard, ...options) {
    if (type !== "message") return addEventListener.call(this, type, heard, ...options);
    const told = (messages) => messages.length && heard.call(this, { data: JSON.stringify(messages) });
    return addEventListener.call(this, type, ({ data }) => {
      const messages = [JSON.parse(data)].flat();
      const late = ({ id, type }) => type === "result" && ids.has(id);
      if (!messages.some(late)) return heard.call(this, { data });
      told(messages.filter((message) => !late(message)));
      setTimeout(() => told(messages.filter(late)), LATE_MS);
    }, ...options);
  };
})();
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gallery() -> AsyncIterator[Gallery]:
    """Return a home, and a browser in which a user who may only look is signed in there."""
    pytest_socket.enable_socket()
    one_thread(asyncio.get_running_loop())
    async with open_gallery() as found:
        yield found


async def evaluate(page: Page, expression: str) -> Any:
    """Return what an expression is in a page; what it fails with, when it does."""
    answer = await page._session.send(
        "Runtime.evaluate",
        expression=f"(async () => {expression})().catch((error) => error.message || error.error)",
        awaitPromise=True,
        returnByValue=True,
    )
    return answer["result"].get("value")


def brightness(picture: bytes) -> float:
    """Return how bright a picture is on average, from 0 to 255."""
    grey = Image.open(io.BytesIO(picture)).convert("L").resize((1, 1), Image.Resampling.BOX)
    return float(grey.getpixel((0, 0)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "path",
    [
        "/demo-views/sections",
        "/demo-views/panel",
        "/demo-views/sidebar",
        "/demo-views/subview",
        "/demo-states",
        "/home/overview",
        "/energy",
        "/history",
    ],
)
async def test_kiosk(gallery: Gallery, path: str) -> None:
    """Whatever the kind of view, nothing is seen but the view, in the full width of the screen."""
    async with gallery.page(Source(path, dark=True)) as page:
        assert await evaluate(page, CONTROLS) == []
        assert await evaluate(page, f"({ERRORS_SCRIPT})()") == []
        assert await evaluate(page, "document.documentElement.clientWidth === innerWidth")
        assert await evaluate(page, f"location.pathname.startsWith('{path}')")


async def test_choices(gallery: Gallery) -> None:
    """What the source says counts more than what the user has chosen for all devices, and changes it not."""
    home = gallery.home
    owner, home.token = home.token, gallery.token
    try:
        for key, value in (("theme", {"theme": "default", "dark": False}), ("language", {"language": "fr"})):
            await home.websocket(type="frontend/set_user_data", key=key, value=value)
        async with gallery.page(Source("/demo-views/sections", dark=True, language="ar")) as page:
            assert await evaluate(page, "[document.dir || getComputedStyle(document.body).direction]") == [
                "rtl"
            ]
            assert await evaluate(page, f"{HASS}.language") == "ar"
            assert await evaluate(page, f"{HASS}.themes.darkMode")
        async with gallery.page(Source("/demo-views/sections")) as page:
            assert await evaluate(page, f"{HASS}.language") == "fr"
    finally:
        for key in ("theme", "language"):
            await home.websocket(type="frontend/set_user_data", key=key, value=None)
        home.token = owner


async def test_theme_before_configuration(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    """A theme is applied, too, when the frontend hears of it before it knows its configuration."""
    monkeypatch.setattr(page_module, "_SCRIPT", LATE_CONFIGURATION + page_module._SCRIPT)
    async with gallery.page(Source("/demo-views/sections", dark=True)) as page:
        assert await evaluate(page, f"{HASS}.themes.darkMode")
        async with asyncio.timeout(RELOAD_S):
            while not gallery.frames:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert brightness(gallery.frames[0].jpeg) < DARK


async def test_no_flash(gallery: Gallery) -> None:
    """A dark dashboard that loads itself anew, as after an update, does not light up the room."""
    async with gallery.page(Source("/demo-views/sections", dark=True)) as page:
        await evaluate(page, "{ window.old = true; setTimeout(() => location.reload(), 0); }")
        async with asyncio.timeout(RELOAD_S):
            while await evaluate(page, "window.old || Boolean(dashboardCast.state().waitsFor)"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            # Frames are taken again when the new document was found to be well.
            seen = len(gallery.frames)
            while len(gallery.frames) == seen:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert max(brightness(frame.jpeg) for frame in gallery.frames) < DARK


async def test_token_scope(gallery: Gallery) -> None:
    """With what a page of the read-only user holds, nothing can be changed and nobody else be known."""
    ask = {
        f"{HASS}.callService('light', 'turn_off', {{ entity_id: 'light.ceiling' }})": "Unauthorized",
        f"{HASS}.callApi('POST', 'states/light.ceiling', {{ state: 'off' }})": "Response error: 401",
        f"{HASS}.callWS({{ type: 'config/auth/list' }})": "Unauthorized",
    }
    async with gallery.page(Source("/demo-views/sections")) as page:
        for expression, expected in ask.items():
            assert await evaluate(page, expression) == expected
        everything = "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])"
        assert gallery.token not in await evaluate(page, everything)
        assert await evaluate(page, f"{HASS}.auth.accessToken") == gallery.token
    state = await gallery.home.state("light.ceiling")
    assert state
    assert state["state"] == "on"


async def start(home: Home, **data: Any) -> str:
    """Call the action for an address; return the picture's name, or what it fails with: key and message."""
    try:
        answer = await home.call("dashboard_cast", "start", data, return_response=True)
    except ServiceError as error:
        return f"{error.translation_key}: {error.message}"
    await home.call("dashboard_cast", "stop")
    return str(answer["still"].rpartition("/")[2])


async def test_web_pages_by_the_action(gallery: Gallery) -> None:
    """Home Assistant's owner may show a web page, others may not; what lets us in turns up nowhere."""
    home = gallery.home
    await home.flow("dashboard_cast", *LOCAL_BROWSER)
    async with Site() as site:
        access = {
            "headers": {"X-Key": SECRET},
            "cookies": {"session": SECRET},
            "local_storage": {"a": SECRET},
        }
        page = {"url": f"{site.url}/guarded?token={SECRET}", "username": NAME, "password": PASSWORD, **access}
        told = [
            await start(home, **page),
            await start(home, **(page | {"password": SECRET})),
            await start(home, url=f"http://localhost:{home.port}/?x={SECRET}"),
            await start(home, url=f"http://user:{SECRET}@page.example/"),
        ]
        owner, home.token = home.token, gallery.token
        told.append(await start(home, **page))
        home.token = owner
    assert [text.partition(":")[0] for text in told] == [
        *("still.jpg", "page_failed", "url_forbidden", "url_invalid", "url_not_allowed")
    ]
    for text in (*told, home.log()):
        assert not [secret for secret in (SECRET, PASSWORD) if secret in text]


async def test_users(gallery: Gallery) -> None:
    """Any user can be chosen, also one for the local network; not one who is switched off."""
    home = gallery.home
    await home.add_user("Resident", "resident", group="system-users")
    users = {user["name"]: user["id"] for user in await home.websocket(type="config/auth/list")}
    (entry,) = await home.entries("dashboard_cast")
    await home.options(entry["entry_id"], {"user": users["Resident"]})
    while (await home.entries("dashboard_cast"))[0]["state"] != "loaded":  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    for change, expected in (
        ({}, "still.jpg"),
        ({"local_only": True}, "still.jpg"),
        ({"is_active": False}, "sign_in_failed"),
    ):
        await home.websocket(type="config/auth/update", user_id=users["Resident"], **change)
        assert (await start(home, path="/demo-views/sections")).startswith(expected)
    await home.websocket(type="config/auth/update", user_id=users["Resident"], is_active=True)
    assert (await start(home, path="/demo-admin/keys")).startswith("administrator_needed")
