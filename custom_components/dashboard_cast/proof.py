"""Proof that it is this Home Assistant that answers at an address."""

from hashlib import sha256
import hmac
from http import HTTPStatus
import re
from secrets import token_bytes, token_hex
from typing import Final

from aiohttp import web
from homeassistant.components.http import HomeAssistantView
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.singleton import singleton

from .const import API_PATH, DOMAIN
from .engine.homes import Challenge

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 16
_NONCE: Final = re.compile(rf"[0-9a-f]{{{2 * _NONCE_BYTES}}}")


class ProofView(HomeAssistantView):
    """Answers a question with its HMAC, for whoever asks: the answer is worth nothing but to us.

    key: known to this run of Home Assistant alone.
    """

    url = f"{API_PATH}/{{nonce}}"
    name = f"api:{DOMAIN}:proof"
    requires_auth = False

    def __init__(self, key: bytes) -> None:
        self._key = key

    async def get(self, _request: web.Request, nonce: str) -> web.Response:
        """Answer a question."""
        if not _NONCE.fullmatch(nonce):
            return web.Response(status=HTTPStatus.NOT_FOUND)
        return web.Response(text=_answer(self._key, nonce), headers={"Cache-Control": "no-store"})


@callback
@singleton(f"{DOMAIN}_challenge")
def async_challenge(hass: HomeAssistant) -> Challenge:
    """Return what tells this Home Assistant from others, also before the integration is set up."""
    key = token_bytes(_KEY_BYTES)
    hass.http.register_view(ProofView(key))

    def challenge() -> tuple[str, str]:
        nonce = token_hex(_NONCE_BYTES)
        return f"{API_PATH}/{nonce}", _answer(key, nonce)

    return challenge


def _answer(key: bytes, nonce: str) -> str:
    return hmac.new(key, nonce.encode(), sha256).hexdigest()
