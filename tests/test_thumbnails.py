"""Tests of the small pictures of dashboards, and of the view that serves them."""

import asyncio
from datetime import timedelta
import io
import re
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from PIL import Image
import pytest

from custom_components.dashboard_cast import thumbnails
from custom_components.dashboard_cast.const import CONF_USER, THUMBNAILS_PATH
from custom_components.dashboard_cast.errors import BrowserMissingError
from custom_components.dashboard_cast.icons import async_outline
from custom_components.dashboard_cast.models import Source
from custom_components.dashboard_cast.registry import Registry

from .common import (
    JPEG,
    NEVER,
    PATH,
    ClientSessionGenerator,
    Home,
    MockConfigEntry,
    MockUser,
    WebSocketGenerator,
    settled,
)

type Client = TestClient[Any, Any]

KITCHEN = "/tv-wall/kitchen"


@pytest.fixture
async def client(hass_client: ClientSessionGenerator, registry: Registry) -> Client:
    """Return the client of an administrator."""
    found: Client = await hass_client()
    return found


async def _get(client: Client, path: str = PATH) -> ClientResponse:
    return await client.get(THUMBNAILS_PATH + path)


class Easel:
    """Draws when it may, and notes what is drawn."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.zooms: list[float] = []
        self.most = 0
        """The most pages that were open at once."""
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self._open = 0

    async def draw(
        self, _browser: object, source: Source, width: int, height: int, **_keywords: object
    ) -> bytes:
        """Stand in for `snapshot`."""
        self.asked.append(source.path)
        self.zooms.append(source.zoom)
        self._open += 1
        self.most = max(self.most, self._open)
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
            if self.failure:
                raise self.failure
        finally:
            self._open -= 1
        file = io.BytesIO()
        Image.new("RGB", (width, height), (200, 0, 0)).save(file, "PNG")
        return file.getvalue()


@pytest.fixture
def easel(monkeypatch: pytest.MonkeyPatch) -> Easel:
    """Draw red pictures in place of dashboards."""
    made = Easel()
    monkeypatch.setattr("custom_components.dashboard_cast.registry.snapshot", made.draw)
    return made


async def _is_placeholder(answer: ClientResponse) -> bool:
    """Return whether an answer is an icon."""
    text = await answer.text() if answer.headers["Content-Type"] == "image/svg+xml" else ""
    return re.fullmatch(r'<svg xmlns="[^"]+" viewBox="[^"]+"><path [^>]*d="M[^"]+"/></svg>', text) is not None


async def test_picture(client: Client, drawn: list[tuple[Source, int, int]]) -> None:
    """The picture is a small JPEG of the page as a TV shows it, for nobody else to keep."""
    answer = await _get(client)
    assert (answer.status, answer.content_type) == (200, "image/jpeg")
    assert answer.headers["Cache-Control"] == "no-cache, no-store"
    assert Image.open(io.BytesIO(await answer.read())).size == (480, 270)
    assert drawn == [(Source(PATH, zoom=0.375), 480, 270)]


@pytest.mark.parametrize("path", ["/tv-wall", KITCHEN, "/generated-wall", "/home"])
async def test_of_everything_listed(client: Client, easel: Easel, path: str) -> None:
    """Dashboards have a picture, and their views."""
    assert (await _get(client, path)).content_type == "image/jpeg"
    assert easel.asked == [path]


@pytest.mark.parametrize(
    "path", ["/no-such", "/tv-wall/no-such", "/config", "/generated-wall/0", "/tv-wall/"]
)
async def test_of_nothing_else(client: Client, easel: Easel, path: str) -> None:
    """What nobody lists is not drawn: it would be endless."""
    assert (await _get(client, path)).status == 404
    assert not easel.asked


async def test_who_may_see_it(
    *,
    hass: HomeAssistant,
    registry: Registry,
    easel: Easel,
    entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    hass_admin_user: MockUser,
    hass_read_only_access_token: str,
) -> None:
    """A picture that is there for administrators is not there for others."""
    hass.config_entries.async_update_entry(entry, options={CONF_USER: hass_admin_user.id})
    administrator, reader = await hass_client(), await hass_client(hass_read_only_access_token)
    assert (await _get(administrator, "/admin-wall")).content_type == "image/jpeg"
    assert (await _get(reader, "/admin-wall")).status == 404
    assert (await _get(reader)).content_type == "image/jpeg"
    assert (await _get(await hass_client_no_auth())).status == 401


async def test_cannot_be_drawn(
    client: Client, easel: Easel, entry: MockConfigEntry, hass: HomeAssistant
) -> None:
    """What only administrators see, but is drawn for somebody else, shows its icon."""
    assert await _is_placeholder(await _get(client, "/admin-wall"))
    assert not easel.asked


async def test_of_displays(home: Home, client: Client, easel: Easel) -> None:
    """A display has one of what it would show; while it is shown nothing is drawn for it."""
    guests = home.add("Guests", KITCHEN, look={"zoom": 2}, rules=NEVER)
    await home.shown("Wall")
    assert (await _get(client, f"/display:{guests.subentry_id}")).content_type == "image/jpeg"
    assert easel.asked == [KITCHEN]
    assert easel.zooms == [0.75]
    wall = next(display for display in home.registry.displays if display.name == "Wall")
    assert await (await _get(client, f"/display:{wall.subentry_id}")).read() == JPEG
    assert easel.asked == [KITCHEN]


async def test_of_no_display(client: Client, easel: Easel) -> None:
    """What is no display has no picture."""
    assert (await _get(client, "/display:gone")).status == 404
    assert (await _get(client, "/display:")).status == 404


async def test_drawn_one_by_one(client: Client, easel: Easel) -> None:
    """A list that asks for everything at once gets it with one page at a time, and each only once."""
    paths = [PATH, KITCHEN, PATH, "/home", KITCHEN]
    answers = await asyncio.gather(*(_get(client, path) for path in paths))
    assert {answer.content_type for answer in answers} == {"image/jpeg"}
    assert easel.asked == [PATH, KITCHEN, "/home"]
    assert easel.most == 1


async def test_kept_for_a_while(client: Client, easel: Easel, freezer: FrozenDateTimeFactory) -> None:
    """A picture serves for five minutes."""
    for minutes, drawn in ((0, 1), (4, 1), (2, 2)):
        freezer.tick(timedelta(minutes=minutes))
        assert (await _get(client)).content_type == "image/jpeg"
        assert len(easel.asked) == drawn


async def test_browser_missing(client: Client, easel: Easel, freezer: FrozenDateTimeFactory) -> None:
    """Without a browser there is an icon, and soon the picture once there is one."""
    easel.failure = BrowserMissingError()
    assert await _is_placeholder(await _get(client))
    easel.failure = None
    assert await _is_placeholder(await _get(client))
    freezer.tick(timedelta(seconds=31))
    assert (await _get(client)).content_type == "image/jpeg"


async def test_takes_its_time(
    client: Client, easel: Easel, monkeypatch: pytest.MonkeyPatch, hass: HomeAssistant
) -> None:
    """Who asks does not wait for long; the picture is there the next time."""
    monkeypatch.setattr(thumbnails, "_PATIENCE_S", 0.01)
    easel.gate.clear()
    assert await _is_placeholder(await _get(client))
    easel.gate.set()
    await settled(hass)
    assert (await _get(client)).content_type == "image/jpeg"
    assert easel.asked == [PATH]


@pytest.mark.parametrize(
    ("icon", "shown"), [("mdi:castle", "mdi:castle"), ("custom:castle", "mdi:view-dashboard")]
)
async def test_icon(
    *,
    hass: HomeAssistant,
    client: Client,
    easel: Easel,
    hass_ws_client: WebSocketGenerator,
    icon: str,
    shown: str,
) -> None:
    """The placeholder is the dashboard's icon, or that of any when it is of a set that is not known here."""
    socket = await hass_ws_client()
    await socket.send_json_auto_id({"type": "frontend/update_panel", "url_path": "tv-wall", "icon": icon})
    assert (await socket.receive_json())["success"]
    easel.failure = BrowserMissingError()
    assert f'd="{await async_outline(hass, shown)}"' in await (await _get(client, KITCHEN)).text()


async def test_unloading(hass: HomeAssistant, client: Client, easel: Easel, entry: MockConfigEntry) -> None:
    """What is being drawn is given up with the entry; without one there are no pictures."""
    easel.gate.clear()
    asked = asyncio.ensure_future(_get(client))
    while not easel.asked:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await hass.config_entries.async_unload(entry.entry_id)
    assert await _is_placeholder(await asked)
    assert (await _get(client)).status == 404
