"""Tests of the diagnostics: they say what runs, and nothing that is nobody's business."""

import json
from typing import Any

from homeassistant.core import HomeAssistant
from syrupy.assertion import SnapshotAssertion
from syrupy.filters import props

from custom_components.dashboard_cast.diagnostics import async_get_config_entry_diagnostics
from custom_components.dashboard_cast.errors import PageNotReadyError
from custom_components.dashboard_cast.registry import Registry

from .common import (
    PATH,
    PROFILE,
    SECOND_TV,
    SETTLED,
    SOURCE,
    TV,
    Home,
    MockConfigEntry,
    Players,
    Studio,
)

SECRETS = {
    "endpoints": ["ws://127.0.0.1:1/?token=s3cret", "http://user:s3cret@127.0.0.1:1/s3cret"],
    "user_id": "s3cret-user",
}
OPTIONS = {"base_url": "http://s3cret.example", "browser_url": "http://s3cret.example", "user": "s3cret-user"}


async def test_diagnostics(
    *,
    hass: HomeAssistant,
    registry: Registry,
    entry: MockConfigEntry,
    players: Players,
    studio: Studio,
    loopback: None,
) -> None:
    """Set-up, streams and media players are told; tokens, people and Home Assistant's addresses are not."""
    await registry.async_cast(TV, SOURCE, PROFILE)
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, "browser_kind": "remote", **SECRETS}, options={**OPTIONS, "ffmpeg": "/x"}
    )
    told = await async_get_config_entry_diagnostics(hass, entry)
    assert told["data"]["endpoints"] == ["ws://127.0.0.1:1/…", "http://127.0.0.1:1/…"]
    assert told["data"]["encoders"] == ["libx264"]
    assert told["options"]["ffmpeg"] == "/x"
    assert told["browser"] == {"kind": "remote", "versions": ["", ""]}
    assert "/x" in told["ffmpeg"]
    assert told["issues"] == ["cast"]
    assert told["streams"] == [
        {
            "path": PATH,
            "size": "1280x720",
            "frame_rate": 15,
            "encoder": "libx264",
            "pictures": 0,
            "segments": 3,
            "unwatched_for": 0,
            "health": {"trouble": "", "since": 0.0, "outages": 0, "renewals": 0},
        }
    ]
    assert told["media_players"] == {TV: {"path": PATH, "format": None, "playing": True}}
    assert told["displays"] == []
    text = json.dumps(told)
    assert "s3cret" not in text
    assert studio.only.token not in text


async def test_of_an_old_entry(hass: HomeAssistant, registry: Registry, entry: MockConfigEntry) -> None:
    """An entry from before there was a choice of browsers has diagnostics, too."""
    told = await async_get_config_entry_diagnostics(hass, entry)
    assert told["data"]["endpoints"] == []
    assert told["browser"]["kind"] == "local"
    assert "Chrom" in told["browser"]["versions"][0]
    assert told["ffmpeg"].startswith("ffmpeg version ")


ACCESS = {name: [{"name": "s3cret", "value": "s3cret"}] for name in ("headers", "cookies", "local_storage")}
WEB_PAGE: dict[str, Any] = {
    "website": {
        "url": "https://example.com/s3cret?token=s3cret",
        "username": "s3cret",
        "password": "s3cret",
        **ACCESS,
    },
    "look": {"user": "s3cret-user"},
}


async def test_of_displays(
    hass: HomeAssistant, home: Home, loopback: None, snapshot: SnapshotAssertion
) -> None:
    """Displays are told with their rules and how it stands with them, without what lets one in."""
    await home.shown()
    rules = {"condition": "input_boolean.alarm", "priority": 5}
    home.add("Alarm", media_players=[TV, SECOND_TV], rules=rules, **WEB_PAGE)
    hass.states.async_set("input_boolean.alarm", "on")
    home.studio.failure = PageNotReadyError(path="https://s3cret", seconds="30", detail="s3cret")
    await home.wait(SETTLED)
    told = await async_get_config_entry_diagnostics(hass, home.entry)
    assert "s3cret" not in json.dumps(told)
    # These are of this machine.
    assert told == snapshot(exclude=props("versions", "ffmpeg"))
