"""Tests of the diagnostics: they say what runs, and nothing that is nobody's business."""

import json

from homeassistant.core import HomeAssistant

from custom_components.dashboard_cast.diagnostics import async_get_config_entry_diagnostics
from custom_components.dashboard_cast.registry import Registry

from .common import PATH, PROFILE, SOURCE, TV, MockConfigEntry, Players, Studio

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
