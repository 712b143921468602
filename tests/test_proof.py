"""Tests of the proof that it is this Home Assistant that answers."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.core import HomeAssistant

from custom_components.dashboard_cast.proof import Proof, ProofView, async_proof
from custom_components.dashboard_cast.registry import Registry

from .common import settled

type MakeClient = Callable[[], Awaitable[TestClient[Any, Any]]]


async def test_proof(hass: HomeAssistant, registry: Registry, hass_client_no_auth: MakeClient) -> None:
    """Each question is another, and answered to whoever asks: by this Home Assistant as it expects."""
    client = await hass_client_no_auth()
    challenge = async_proof(hass).challenge
    questions = dict(challenge() for _ in range(3))
    assert len(questions) == len({*questions.values()}) == 3
    for path, right in questions.items():
        answer = await client.get(path)
        assert answer.status == HTTPStatus.OK
        assert await answer.text() == right
        assert answer.headers["Cache-Control"] == "no-store"
    await settled(hass)


async def test_other_questions(
    hass: HomeAssistant, registry: Registry, hass_client_no_auth: MakeClient
) -> None:
    """What is none of our questions is not answered, nor what belongs to streams."""
    client = await hass_client_no_auth()
    path, _ = async_proof(hass).challenge()
    base, _, nonce = path.rpartition("/")
    for other in (path[:-1], path + "0", f"{base}/{'A' * len(nonce)}", f"{path}/still.jpg"):
        assert (await client.get(other)).status == HTTPStatus.NOT_FOUND
    await settled(hass)


async def test_another_home(hass: HomeAssistant, registry: Registry) -> None:
    """Another run of Home Assistant answers otherwise."""
    path, right = async_proof(hass).challenge()
    answer = await ProofView(Proof()).get(None, path.rpartition("/")[2])  # type: ignore[arg-type]
    assert answer.text != right
