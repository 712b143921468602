"""Tests of dashboards and displays among Home Assistant's media: what is there, for whom, and what plays."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.media_player import BrowseError
from homeassistant.components.media_source import Unresolvable, async_browse_media, async_resolve_media
from homeassistant.core import HomeAssistant
import pytest

from custom_components.dashboard_cast.const import CONF_USER, THUMBNAILS_PATH
from custom_components.dashboard_cast.displays import Display
from custom_components.dashboard_cast.errors import BrowserMissingError
from custom_components.dashboard_cast.registry import VIEWER_TIMEOUT, Registry
from custom_components.dashboard_cast.urls import stream_path

from .common import (
    NEVER,
    OTHER_SOURCE,
    PATH,
    PLAYER,
    PROFILE,
    SOURCE,
    TV,
    ClientSessionGenerator,
    Home,
    MockConfigEntry,
    MockUser,
    Players,
    Studio,
    WebSocketGenerator,
    async_fire_time_changed,
    settled,
)

ROOT = "media-source://dashboard_cast"
VIEW = f"{ROOT}{PATH}"


async def _command(ask: WebSocketGenerator, token: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return the answer to a command of the user with a token, of an administrator without one."""
    socket = await (ask(access_token=token) if token else ask())
    await socket.send_json_auto_id(fields)
    answer: dict[str, Any] = await socket.receive_json()
    return answer


async def _browse(ask: WebSocketGenerator, media_id: str = ROOT, token: str | None = None) -> Any:
    answer = await _command(ask, token, type="media_source/browse_media", media_content_id=media_id)
    assert answer["success"], answer
    return answer["result"]


async def _resolve(ask: WebSocketGenerator, media_id: str = VIEW, token: str | None = None) -> dict[str, Any]:
    return await _command(ask, token, type="media_source/resolve_media", media_content_id=media_id)


def _titles(node: dict[str, Any]) -> list[str]:
    return [child["title"] for child in node["children"]]


@pytest.fixture
async def drawn_by_administrator(
    hass: HomeAssistant, registry: Registry, entry: MockConfigEntry, hass_admin_user: MockUser
) -> None:
    """Have dashboards drawn for an administrator."""
    hass.config_entries.async_update_entry(entry, options={CONF_USER: hass_admin_user.id})


async def test_among_all_media(registry: Registry, hass_ws_client: WebSocketGenerator) -> None:
    """Dashboards are a source of media beside the others, with the brand's logo."""
    children = (await _browse(hass_ws_client, ""))["children"]
    (ours,) = [child for child in children if child["media_content_id"] == ROOT]
    assert (ours["title"], ours["can_expand"]) == ("Dashboard Cast", True)
    assert ours["thumbnail"] == "/api/brands/integration/dashboard_cast/logo.png"


async def test_dashboards(registry: Registry, hass_ws_client: WebSocketGenerator) -> None:
    """All dashboards play, and those with several views open."""
    root = await _browse(hass_ws_client)
    assert not root["can_play"]
    assert root["children_media_class"] == "app"
    kinds = {
        (child["media_class"], child["media_content_type"], child["can_play"]) for child in root["children"]
    }
    assert kinds == {("app", "application/vnd.apple.mpegurl", True)}
    assert [(child["media_content_id"], child["can_expand"]) for child in root["children"]] == [
        (f"{ROOT}/empty-wall", False),
        (f"{ROOT}/generated-wall", False),
        (f"{ROOT}/home", False),
        (f"{ROOT}/tv-wall", True),
    ]


async def test_views(registry: Registry, hass_ws_client: WebSocketGenerator) -> None:
    """Below a dashboard are its views, by title."""
    node = await _browse(hass_ws_client, f"{ROOT}/tv-wall")
    assert (node["title"], node["can_play"]) == ("tv_wall", True)
    assert [(child["title"], child["media_content_id"]) for child in node["children"]] == [
        ("First", VIEW),
        ("Kitchen", f"{ROOT}/tv-wall/kitchen"),
    ]


async def test_thumbnails_are_signed(
    registry: Registry,
    drawn: list[Any],
    hass_ws_client: WebSocketGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Each has a picture that whoever got its address may fetch; nothing is drawn before."""
    (child, _) = (await _browse(hass_ws_client, f"{ROOT}/tv-wall"))["children"]
    assert child["thumbnail"].startswith(f"{THUMBNAILS_PATH}{PATH}?authSig=")
    assert not drawn
    client = await hass_client_no_auth()
    answer = await client.get(child["thumbnail"])
    assert (answer.status, answer.content_type) == (200, "image/jpeg")
    assert [source.path for source, _, _ in drawn] == [PATH]


@pytest.mark.parametrize("asks", ["administrator", "reader", "nobody"])
async def test_who_may_see_what(
    hass: HomeAssistant,
    drawn_by_administrator: None,
    hass_ws_client: WebSocketGenerator,
    hass_read_only_access_token: str,
    asks: str,
) -> None:
    """What is for administrators is listed for them, and for automations, when it can be drawn."""
    media_id = f"{ROOT}/admin-wall/kitchen"
    if asks == "nobody":
        listed = (await async_browse_media(hass, ROOT)).as_dict()
        allowed = True
    else:
        token = hass_read_only_access_token if asks == "reader" else None
        listed = await _browse(hass_ws_client, token=token)
        allowed = (await _resolve(hass_ws_client, media_id, token))["success"]
    assert allowed is (asks != "reader")
    assert ("admin_wall" in _titles(listed)) is allowed


async def test_what_cannot_be_drawn(registry: Registry, hass_ws_client: WebSocketGenerator) -> None:
    """What the user that dashboards are drawn for may not see is not offered to administrators either."""
    assert "admin_wall" not in _titles(await _browse(hass_ws_client))
    assert not (await _resolve(hass_ws_client, f"{ROOT}/admin-wall"))["success"]


async def test_played_in_the_frontend(
    hass: HomeAssistant,
    registry: Registry,
    studio: Studio,
    hass_ws_client: WebSocketGenerator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The frontend gets a stream that it takes for HLS, and that ends when nobody watches."""
    answer = await _resolve(hass_ws_client)
    assert answer["result"]["url"].startswith(stream_path(studio.only.token, "hls.m3u8"))
    assert answer["result"]["mime_type"] == "application/x-mpegURL"
    assert (studio.only.source, studio.only.profile) == (SOURCE, PROFILE)
    freezer.tick(VIEWER_TIMEOUT + timedelta(seconds=15))
    async_fire_time_changed(hass)
    await settled(hass)
    assert studio.only.ended


async def test_played_elsewhere(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """Other media players get HLS at a path, which their integration makes an address of."""
    played = await async_resolve_media(hass, VIEW, PLAYER)
    assert played.url == stream_path(studio.only.token, "master.m3u8")
    assert played.mime_type == "application/vnd.apple.mpegurl"


async def test_stream_is_shared(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """Who plays what a TV shows joins its stream."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    played = await async_resolve_media(hass, VIEW, None)
    assert played.url == stream_path(studio.only.token, "hls.m3u8")


@pytest.fixture
async def guests(home: Home) -> Display:
    """Return a display that is not shown, with a look of its own."""
    display = home.add(
        "Guests",
        OTHER_SOURCE.path,
        look={"dark": "true"},
        picture={"size": "600p", "format": "hls_ts"},
        rules=NEVER,
    )
    await settled(home.hass)
    return display


def _media_id(display: Display) -> str:
    return f"{ROOT}/display:{display.subentry_id}"


async def test_displays(home: Home, guests: Display, hass_ws_client: WebSocketGenerator) -> None:
    """Displays are in a folder before the dashboards; without any there is none."""
    folder = (await _browse(hass_ws_client))["children"][0]
    assert (folder["title"], folder["can_play"], folder["can_expand"]) == ("Displays", False, True)
    (child,) = (await _browse(hass_ws_client, folder["media_content_id"]))["children"]
    assert (child["title"], child["can_play"], child["can_expand"]) == ("Guests", True, False)
    assert child["media_content_id"] == _media_id(guests)
    assert child["thumbnail"].startswith(f"{THUMBNAILS_PATH}/display:{guests.subentry_id}?authSig=")
    home.hass.config_entries.async_remove_subentry(home.entry, guests.subentry_id)
    await settled(home.hass)
    assert "Displays" not in _titles(await _browse(hass_ws_client))


@pytest.mark.parametrize(("target", "name"), [(None, "hls.m3u8"), (PLAYER, "master.m3u8")])
async def test_display_is_played(
    *, home: Home, guests: Display, players: Players, target: str | None, name: str
) -> None:
    """A display plays as it is set up, also while it is off."""
    played = await async_resolve_media(home.hass, _media_id(guests), target)
    assert played.url == stream_path(home.studio.only.token, name)
    assert (home.studio.only.source.path, home.studio.only.source.dark) == (OTHER_SOURCE.path, True)
    assert home.studio.only.profile.height == 600


async def test_display_that_is_shown_is_shared(home: Home, wall: Display) -> None:
    """Who plays what a display shows joins its stream."""
    played = await async_resolve_media(home.hass, _media_id(wall), None)
    assert played.url == stream_path(home.studio.only.token, "hls.m3u8")


async def test_who_may_see_a_display(
    *,
    home: Home,
    guests: Display,
    hass_ws_client: WebSocketGenerator,
    hass_client: ClientSessionGenerator,
    hass_read_only_user: MockUser,
    hass_read_only_access_token: str,
    drawn: list[Any],
) -> None:
    """Who may see a display's camera may see the display, and nobody else but administrators."""
    for policy, sees in (({"entities": True}, True), ({"entities": {"domains": {"light": True}}}, False)):
        hass_read_only_user.mock_policy(policy)
        root = await _browse(hass_ws_client, token=hass_read_only_access_token)
        assert ("Displays" in _titles(root)) is sees
        answer = await _resolve(hass_ws_client, _media_id(guests), hass_read_only_access_token)
        assert answer["success"] is sees
        client = await hass_client(hass_read_only_access_token)
        picture = await client.get(f"{THUMBNAILS_PATH}/display:{guests.subentry_id}")
        assert picture.status == (200 if sees else 404)
    assert (await _resolve(hass_ws_client, _media_id(guests)))["success"]


async def test_cast_device_keeps_the_identifier(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio
) -> None:
    """Nothing starts before the Cast device is there to play it: see the tests of the cast platform."""
    played = await async_resolve_media(hass, VIEW, TV)
    assert played.url == VIEW
    assert not studio.streams


@pytest.mark.parametrize(
    ("identifier", "key"),
    [
        ("/no-such", "dashboard_not_found"),
        ("/tv-wall/no-such", "view_not_found"),
        ("/admin-wall", "administrator_needed"),
        ("/tv-wall/../config", "path_invalid"),
        ("", "path_invalid"),
        ("/display:gone", "display_not_found"),
        ("/display:", "display_not_found"),
    ],
)
@pytest.mark.parametrize("target", [None, PLAYER])
async def test_unresolvable(
    *,
    hass: HomeAssistant,
    registry: Registry,
    players: Players,
    target: str | None,
    identifier: str,
    key: str,
) -> None:
    """What cannot be played is said in words, and nothing stays."""
    if target is None and key == "administrator_needed":
        key = "dashboard_not_found"
    with pytest.raises(Unresolvable) as caught:
        await async_resolve_media(hass, ROOT + identifier, target)
    assert caught.value.translation_key == key
    assert not registry.streams


async def test_browser_missing(
    registry: Registry, studio: Studio, hass_ws_client: WebSocketGenerator
) -> None:
    """Who plays in the frontend reads what to do."""
    studio.failure = BrowserMissingError()
    answer = await _resolve(hass_ws_client)
    assert answer["error"]["code"] == "resolve_media_failed"
    assert answer["error"]["message"].startswith("No browser was found on this machine. Install Chromium")


@pytest.mark.parametrize(
    ("identifier", "key"),
    [
        ("/no-such", "dashboard_not_found"),
        ("/tv-wall/0", "dashboard_not_found"),
        ("/admin-wall", "dashboard_not_found"),
        ("/../config", "path_invalid"),
        ("/display:gone", "path_invalid"),
    ],
)
async def test_not_browsable(hass: HomeAssistant, registry: Registry, identifier: str, key: str) -> None:
    """What is no dashboard that one may see is said in words, without those that one may not."""
    with pytest.raises(BrowseError) as caught:
        await async_browse_media(hass, ROOT + identifier)
    assert caught.value.translation_key == key
    assert "/admin-wall," not in (caught.value.translation_placeholders or {}).get("known", "")


async def test_user_removed(
    hass: HomeAssistant, drawn_by_administrator: None, entry: MockConfigEntry
) -> None:
    """Without the user that dashboards are drawn for there are none."""
    hass.config_entries.async_update_entry(entry, options={CONF_USER: "gone"})
    with pytest.raises(BrowseError) as caught:
        await async_browse_media(hass, ROOT)
    assert caught.value.translation_key == "sign_in_failed"


async def test_not_set_up(
    hass: HomeAssistant, registry: Registry, players: Players, entry: MockConfigEntry
) -> None:
    """Without a loaded config entry there is nothing to browse and to play."""
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(BrowseError) as caught:
        await async_browse_media(hass, ROOT)
    assert caught.value.translation_key == "not_set_up"
    with pytest.raises(Unresolvable) as refused:
        await async_resolve_media(hass, VIEW, PLAYER)
    assert refused.value.translation_key == "not_set_up"
