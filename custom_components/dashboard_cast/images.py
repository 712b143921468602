"""Pictures for messages: of entities, of Home Assistant's own files, of allowed addresses."""

from http import HTTPStatus
from typing import Final

from aiohttp import ClientError, ClientTimeout
from homeassistant.const import ATTR_ENTITY_PICTURE
from homeassistant.core import HomeAssistant, valid_entity_id
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .engine.picture import thumbnail
from .errors import ImageNotAllowedError, ImageUnreadableError
from .urls import browser_url

_MAX_SIZE: Final = 20 * 1024 * 1024
_TIMEOUT: Final = ClientTimeout(total=10)


async def async_image(hass: HomeAssistant, image: str) -> bytes:
    """Return a picture that is small enough for a card.

    image: an entity that has a picture, a path of Home Assistant's such as `/local/door.jpg`, or an address
    that `allowlist_external_urls` permits. Raises ImageNotAllowedError or ImageUnreadableError.
    """
    picture = _picture_of(hass, image) if valid_entity_id(image) else image
    if picture.startswith("/"):
        url, verify = browser_url(hass) + picture, False
    elif picture != image or _is_allowed(hass, picture):
        url, verify = picture, True
    else:
        raise ImageNotAllowedError(image=image)
    data = await _async_fetch(hass, url, verify=verify)
    return await hass.async_add_executor_job(thumbnail, data)


def _picture_of(hass: HomeAssistant, entity_id: str) -> str:
    """Return where an entity's picture is; raises ImageUnreadableError when it has none."""
    state = hass.states.get(entity_id)
    picture: str | None = state.attributes.get(ATTR_ENTITY_PICTURE) if state else None
    if not picture:
        raise ImageUnreadableError(detail=f"{entity_id} has no picture")
    return picture


def _is_allowed(hass: HomeAssistant, url: str) -> bool:
    try:
        return hass.config.is_allowed_external_url(url)
    except ValueError:
        return False


async def _async_fetch(hass: HomeAssistant, url: str, *, verify: bool) -> bytes:
    """Return what is at an address; raises ImageUnreadableError.

    verify: whether its certificate has to be right; Home Assistant's own seldom fits the address used here.
    """
    session = async_get_clientsession(hass, verify_ssl=verify)
    data = bytearray()
    try:
        # What redirects leads where nobody has allowed to look.
        async with session.get(url, timeout=_TIMEOUT, allow_redirects=False) as response:
            if response.status != HTTPStatus.OK:
                raise ImageUnreadableError(detail=f"status {response.status}")
            async for piece in response.content.iter_any():
                data += piece
                if len(data) > _MAX_SIZE:
                    raise ImageUnreadableError(detail=f"more than {_MAX_SIZE} bytes")
    except (ClientError, TimeoutError, ValueError) as error:
        raise ImageUnreadableError(detail=str(error) or "no answer") from error
    return bytes(data)
