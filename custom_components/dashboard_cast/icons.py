"""Icons as outlines: those of Material Design that Home Assistant's frontend brings."""

import json
from pathlib import Path
import re
from typing import Any, Final

import hass_frontend
from homeassistant.core import HomeAssistant

from .errors import IconNotFoundError

_NAME: Final = re.compile(r"mdi:([a-z0-9]+(?:-[a-z0-9]+)*)", re.ASCII)


async def async_outline(hass: HomeAssistant, icon: str) -> str:
    """Return an icon, such as `mdi:bell`, as SVG path data in a box of 24 by 24; raises IconNotFoundError."""
    match = _NAME.fullmatch(icon)
    outline = await hass.async_add_executor_job(_outline, match[1]) if match else None
    if outline is None:
        raise IconNotFoundError(icon=icon)
    return outline


def _outline(name: str) -> str | None:
    """Return the outline of an icon; None when there is no such icon."""
    # They lie in several files, each with those from a certain name on.
    parts = _read("iconMetadata")["parts"]
    file: str = [part["file"] for part in parts if part.get("start", "") <= name][-1]
    found: str | None = _read(file).get(name)
    return found


def _read(name: str) -> Any:
    folder = Path(hass_frontend.where(), "static", "mdi")
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
