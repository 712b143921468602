"""Tests of icons."""

import json
from pathlib import Path
import re

import hass_frontend
from homeassistant.core import HomeAssistant
import pytest

from custom_components.dashboard_cast.errors import IconNotFoundError
from custom_components.dashboard_cast.icons import async_outline

PATH = re.compile(r"[MLHVCSQTAZmlhvcsqtaz0-9 ,.\-]+")


@pytest.mark.parametrize("part", [0, 1, -1])
@pytest.mark.parametrize("position", [0, -1])
async def test_outline(hass: HomeAssistant, part: int, position: int) -> None:
    """The first and the last icon of every file are found."""
    folder = Path(hass_frontend.where(), "static", "mdi")
    parts = json.loads((folder / "iconMetadata.json").read_text())["parts"]
    icons = json.loads((folder / f"{parts[part]['file']}.json").read_text())
    name = sorted(icons)[position]
    assert await async_outline(hass, f"mdi:{name}") == icons[name]


async def test_doorbell(hass: HomeAssistant) -> None:
    """An outline is path data."""
    assert PATH.fullmatch(await async_outline(hass, "mdi:doorbell"))


@pytest.mark.parametrize(
    "icon", ["", "doorbell", "mdi:", "mdi:no-such-icon", "mdi:../x", "mdi:Bell", "hue:bulb", "mdi:bell "]
)
async def test_no_icon(hass: HomeAssistant, icon: str) -> None:
    """What is no icon is said to be none."""
    with pytest.raises(IconNotFoundError):
        await async_outline(hass, icon)
