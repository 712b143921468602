"""Tests of cameras: the picture of a display, and the way to a stream of it."""

import asyncio
import io
from unittest.mock import AsyncMock, Mock, patch

from homeassistant.components.camera import (
    CameraWebRTCProvider,
    StreamType,
    async_get_image,
    async_get_stream_source,
    async_register_webrtc_provider,
)
from homeassistant.components.camera.helper import get_camera_from_entity_id
from homeassistant.exceptions import HomeAssistantError
from PIL import Image
import pytest

from custom_components.dashboard_cast import camera, registry as registry_module
from custom_components.dashboard_cast.displays import Display
from custom_components.dashboard_cast.errors import AddressNotFoundError, PageNotReadyError
from custom_components.dashboard_cast.urls import stream_path

from .common import JPEG, NEVER, OTHER_SOURCE, SOURCE, Home, settled
from .test_select import reconfigure

CAMERA = "camera.wall_picture"


def png() -> bytes:
    """Return a picture as it comes from the browser."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return file.getvalue()


async def test_live_picture(home: Home, wall: Display) -> None:
    """While it is shown there is the live picture."""
    assert home.hass.states.is_state(CAMERA, "streaming")
    image = await async_get_image(home.hass, CAMERA)
    assert (image.content, image.content_type) == (JPEG, "image/jpeg")


async def test_last_picture(home: Home, wall: Display) -> None:
    """Afterwards there is the last one, and no browser draws another."""
    await wall.async_turn_off()
    await settled(home.hass)
    assert home.hass.states.is_state(CAMERA, "idle")
    assert (await async_get_image(home.hass, CAMERA)).content == JPEG


async def test_last_picture_of_another_dashboard(home: Home, wall: Display) -> None:
    """What it showed before it was given something else may be nobody's to see any more: the new is drawn."""
    await wall.async_turn_off()
    await settled(home.hass)
    reconfigure(home, wall, dashboard=OTHER_SOURCE.path)
    with patch.object(registry_module, "snapshot", AsyncMock(return_value=png())) as drawn:
        assert (await async_get_image(home.hass, CAMERA)).content != JPEG
    assert drawn.await_args is not None
    assert drawn.await_args.args[1] == OTHER_SOURCE


async def test_picture_of_what_is_watched(home: Home) -> None:
    """So there is while somebody watches without a TV."""
    display = home.add(rules=NEVER)
    await home.registry.async_open_display(display)
    assert (await async_get_image(home.hass, CAMERA)).content == JPEG
    assert home.registry.stream_for(display) is home.studio.only


async def test_picture_is_drawn(home: Home) -> None:
    """What was never shown is drawn for who asks, once for all who do."""
    home.add(rules=NEVER)
    await settled(home.hass)
    drawn = AsyncMock(return_value=png())
    with patch.object(registry_module, "snapshot", drawn):
        images = await asyncio.gather(*(async_get_image(home.hass, CAMERA) for _ in range(2)))
        images.append(await async_get_image(home.hass, CAMERA))
    assert drawn.await_count == 1
    assert drawn.await_args is not None
    assert drawn.await_args.args[1:] == (SOURCE, 1280, 720)
    assert {Image.open(io.BytesIO(image.content)).format for image in images} == {"JPEG"}


async def test_picture_cannot_be_drawn(home: Home) -> None:
    """A browser that fails is not troubled again by each who asks."""
    home.add(rules=NEVER)
    await settled(home.hass)
    failure = PageNotReadyError(path=SOURCE.path, seconds="30", detail="still loading")
    with patch.object(registry_module, "snapshot", AsyncMock(side_effect=failure)) as drawn:
        for _ in range(2):
            with pytest.raises(HomeAssistantError):
                await async_get_image(home.hass, CAMERA)
        assert drawn.await_count == 1
        home.freezer.tick(camera._RETRY_S)
        with pytest.raises(HomeAssistantError):
            await async_get_image(home.hass, CAMERA)
        assert drawn.await_count == 2


async def test_who_gives_up(home: Home) -> None:
    """Who does not wait any longer ends the drawing for nobody: the next has the picture."""
    home.add(rules=NEVER)
    await settled(home.hass)
    gate = asyncio.Event()

    async def draw(*_arguments: object, **_keywords: object) -> bytes:
        await gate.wait()
        return png()

    with patch.object(registry_module, "snapshot", AsyncMock(side_effect=draw)) as drawn:
        with pytest.raises(HomeAssistantError):
            await async_get_image(home.hass, CAMERA, timeout=0)
        gate.set()
        await async_get_image(home.hass, CAMERA)
    assert drawn.await_count == 1


async def test_stream_source(home: Home) -> None:
    """The address of the stream starts nothing: Home Assistant asks for it without wanting to watch."""
    display = home.add(rules=NEVER)
    await settled(home.hass)
    source = await async_get_stream_source(home.hass, CAMERA)
    assert source == "http://10.10.10.10:8123" + stream_path(display.token, "master-ts.m3u8")
    assert not home.studio.streams


async def test_stream_types(home: Home) -> None:
    """Browsers play it by HLS, and by WebRTC where go2rtc takes an HTTP address; asking starts nothing."""
    home.add(rules=NEVER)
    await settled(home.hass)
    camera_entity = get_camera_from_entity_id(home.hass, CAMERA)
    assert camera_entity.camera_capabilities.frontend_stream_types == {StreamType.HLS}
    go2rtc = Mock(spec=CameraWebRTCProvider, domain="go2rtc")
    go2rtc.async_is_supported.side_effect = lambda source: source.startswith("http:")
    async_register_webrtc_provider(home.hass, go2rtc)
    await settled(home.hass)
    assert camera_entity.camera_capabilities.frontend_stream_types == {StreamType.HLS, StreamType.WEB_RTC}
    assert not home.studio.streams


async def test_no_address(home: Home, wall: Display) -> None:
    """Without an address of Home Assistant there is none of the stream either."""
    with (
        patch("custom_components.dashboard_cast.registry.device_url", side_effect=AddressNotFoundError),
        pytest.raises(HomeAssistantError) as failure,
    ):
        await async_get_stream_source(home.hass, CAMERA)
    assert failure.value.translation_key == "address_not_found"
