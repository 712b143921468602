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

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 16
_NONCE: Final = re.compile(rf"[0-9a-f]{{{2 * _NONCE_BYTES}}}")


class Proof:
    """A secret of this run of Home Assistant, which nobody else can answer by."""

    def __init__(self) -> None:
        """Make it."""
        self._key = token_bytes(_KEY_BYTES)

    def answer(self, nonce: str) -> str:
        """Return what a question is answered with: its HMAC."""
        return hmac.new(self._key, nonce.encode(), sha256).hexdigest()

    def challenge(self) -> tuple[str, str]:
        """Return a path, another each time, and what only this Home Assistant answers there."""
        nonce = token_hex(_NONCE_BYTES)
        return f"{API_PATH}/{nonce}", self.answer(nonce)


class ProofView(HomeAssistantView):
    """Answers questions, for whoever asks: the answer is worth nothing but to us."""

    url = f"{API_PATH}/{{nonce}}"
    name = f"api:{DOMAIN}:proof"
    requires_auth = False

    def __init__(self, proof: Proof) -> None:
        self._proof = proof

    async def get(self, _request: web.Request, nonce: str) -> web.Response:
        """Answer a question."""
        if not _NONCE.fullmatch(nonce):
            return web.Response(status=HTTPStatus.NOT_FOUND)
        return web.Response(text=self._proof.answer(nonce), headers={"Cache-Control": "no-store"})


@callback
@singleton(f"{DOMAIN}_proof")
def async_proof(hass: HomeAssistant) -> Proof:
    """Return what tells this Home Assistant from others, also before the integration is set up."""
    proof = Proof()
    hass.http.register_view(ProofView(proof))
    return proof
