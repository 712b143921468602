"""Tests of pictures for messages: where they may come from."""

import io
from typing import Any

from aiohttp import ClientError
from homeassistant.core import HomeAssistant
from PIL import Image
import pytest

from custom_components.dashboard_cast import images
from custom_components.dashboard_cast.errors import ImageNotAllowedError, ImageUnreadableError
from custom_components.dashboard_cast.images import async_image
from custom_components.dashboard_cast.registry import Registry

HOME = "http://127.0.0.1:8123"


def picture() -> bytes:
    """Return a small PNG."""
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("image", "url"),
    [
        ("camera.door", f"{HOME}/api/camera_proxy/camera.door?token=1"),
        ("person.anna", "https://cdn.example.com/anna.jpg"),
        ("/local/door.jpg", f"{HOME}/local/door.jpg"),
        ("//example.org/door.jpg", f"{HOME}//example.org/door.jpg"),
        ("https://allowed.example.com/x.jpg", "https://allowed.example.com/x.jpg"),
    ],
)
async def test_where_from(
    hass: HomeAssistant, registry: Registry, aioclient_mock: Any, image: str, url: str
) -> None:
    """Pictures come from entities, Home Assistant's own files and allowed addresses."""
    hass.config.allowlist_external_urls = {"https://allowed.example.com/"}
    hass.states.async_set("camera.door", "idle", {"entity_picture": "/api/camera_proxy/camera.door?token=1"})
    hass.states.async_set("person.anna", "home", {"entity_picture": "https://cdn.example.com/anna.jpg"})
    aioclient_mock.get(url, content=picture())
    assert Image.open(io.BytesIO(await async_image(hass, image))).size == (4, 4)
    ((_, asked, _, _),) = aioclient_mock.mock_calls
    assert str(asked) == url


@pytest.mark.parametrize(
    "image",
    [
        "https://example.org/x.jpg",
        "https://allowed.example.com.evil.org/x.jpg",
        "https://allowed.example.com@evil.org/x.jpg",
        "http://127.0.0.1:8123/x",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "http://[",
        "",
        "door.jpg/",
    ],
)
async def test_not_allowed(hass: HomeAssistant, registry: Registry, aioclient_mock: Any, image: str) -> None:
    """Nothing is fetched from anywhere else."""
    hass.config.allowlist_external_urls = {"https://allowed.example.com/"}
    with pytest.raises(ImageNotAllowedError):
        await async_image(hass, image)
    assert not aioclient_mock.mock_calls


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 404},
        {"status": 302, "headers": {"Location": "http://elsewhere/"}},
        {"content": b"<html>"},
        {"exc": ClientError("gone")},
        {"exc": TimeoutError()},
    ],
)
async def test_unreadable(
    hass: HomeAssistant, registry: Registry, aioclient_mock: Any, answer: dict[str, Any]
) -> None:
    """What does not come, or is no picture, is said to be that; nobody is led elsewhere."""
    aioclient_mock.get(f"{HOME}/local/door.jpg", **answer)
    with pytest.raises(ImageUnreadableError) as caught:
        await async_image(hass, "/local/door.jpg")
    assert caught.value.placeholders["detail"]
    assert len(aioclient_mock.mock_calls) == 1


async def test_too_large(
    hass: HomeAssistant, registry: Registry, aioclient_mock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has no end is not read to it."""
    monkeypatch.setattr(images, "_MAX_SIZE", 10)
    aioclient_mock.get(f"{HOME}/local/door.jpg", content=picture())
    with pytest.raises(ImageUnreadableError):
        await async_image(hass, "/local/door.jpg")


@pytest.mark.parametrize("entity_id", ["camera.none", "light.lamp"])
async def test_no_picture(hass: HomeAssistant, registry: Registry, entity_id: str) -> None:
    """An entity that is not there, or has no picture, is named."""
    hass.states.async_set("light.lamp", "on")
    with pytest.raises(ImageUnreadableError, match=entity_id):
        await async_image(hass, entity_id)
