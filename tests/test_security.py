"""Tests of what docs/security.md says that are nowhere else, and that each test it names is there."""

import ast
import json
from pathlib import Path
import re

from homeassistant.core import HomeAssistant
import pytest

from custom_components.dashboard_cast.diagnostics import async_get_config_entry_diagnostics
from custom_components.dashboard_cast.models import Source, Website
from custom_components.dashboard_cast.registry import Registry

from .common import PROFILE, TV, MockConfigEntry, Players, Studio

ROOT = Path(__file__).parent.parent
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", (ROOT / "docs" / "security.md").read_text("utf-8"))


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_named_tests(file: str) -> None:
    """Each test that a claim refers to is there."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert {name for where, name in NAMED if where == file} <= there


async def test_diagnostics_of_a_web_page(
    hass: HomeAssistant, registry: Registry, entry: MockConfigEntry, players: Players, studio: Studio
) -> None:
    """Of a web page diagnostics tell the origin, and nothing of what lets us in."""
    website = Website(
        "https://page.example/s3cret?token=s3cret",
        username="s3cret",
        password="s3cret",
        headers=(("X-Key", "s3cret"),),
        cookies=(("session", "s3cret"),),
        storage=(("entry", "s3cret"),),
    )
    await registry.async_cast(TV, Source(website=website), PROFILE)
    told = json.dumps(await async_get_config_entry_diagnostics(hass, entry))
    assert "https://page.example" in told
    assert "s3cret" not in told
