"""Tests of who may have which web pages shown."""

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.dashboard_cast.addresses import async_allowed_urls
from custom_components.dashboard_cast.const import DOMAIN
from custom_components.dashboard_cast.errors import UrlForbiddenError, UrlInvalidError, UrlNotAllowedError
from custom_components.dashboard_cast.models import Website
from custom_components.dashboard_cast.registry import Registry

from .common import TV, MockUser, Players, Studio

PAGE = "https://page.example/d/home"
ALLOWED = "https://page.example/"


@pytest.fixture
def viewer(hass: HomeAssistant) -> MockUser:
    """Return a user who is no administrator."""
    user = MockUser(name="Viewer").add_to_hass(hass)
    user.groups = []
    return user


async def test_administrators(hass: HomeAssistant, hass_admin_user: MockUser) -> None:
    """Administrators and automations may show any web page."""
    assert await async_allowed_urls(hass, PAGE, None) is None
    assert await async_allowed_urls(hass, PAGE, hass_admin_user.id) is None


async def test_others(hass: HomeAssistant, viewer: MockUser) -> None:
    """Others may show what is on the list, and a user who is not there any more nothing else either."""
    for user_id in (viewer.id, "gone"):
        hass.config.allowlist_external_urls = set()
        with pytest.raises(UrlNotAllowedError) as caught:
            await async_allowed_urls(hass, PAGE, user_id)
        assert caught.value.placeholders == {"host": "page.example:443"}
        hass.config.allowlist_external_urls = {ALLOWED}
        assert await async_allowed_urls(hass, PAGE, user_id) == frozenset({ALLOWED})


@pytest.mark.parametrize(
    "url", ["http://ha.example:8123/x", "https://HOME.example./", "http://ha.example.:8123"]
)
async def test_own_addresses(hass: HomeAssistant, url: str) -> None:
    """Home Assistant's own addresses are for dashboards, whoever asks."""
    hass.config.internal_url = "http://ha.example:8123"
    hass.config.external_url = "https://home.example"
    with pytest.raises(UrlForbiddenError):
        await async_allowed_urls(hass, url, None)


async def test_no_web_page(hass: HomeAssistant, viewer: MockUser) -> None:
    """What is no web page is told as that before anybody is looked up."""
    for user_id in (None, viewer.id):
        with pytest.raises(UrlInvalidError):
            await async_allowed_urls(hass, "file:///etc/passwd", user_id)


async def test_action(
    hass: HomeAssistant, registry: Registry, players: Players, studio: Studio, hass_admin_user: MockUser
) -> None:
    """The action takes a URL with all that lets us in; the order of entries makes no other stream."""
    fields = {"username": "anna", "password": "sesame", "verify_ssl": False, "local_storage": {"n": 1}}
    context = Context(user_id=hass_admin_user.id)
    for headers in ({"A": "1", "B": "2"}, {"B": "2", "A": "1"}):
        data = {"entity_id": TV, "url": PAGE, "headers": headers, "cookies": {"c": "d"}, **fields}
        await hass.services.async_call(DOMAIN, "start", data, blocking=True, context=context)
    source = studio.only.source
    assert source.website == Website(
        PAGE,
        username="anna",
        password="sesame",
        headers=(("A", "1"), ("B", "2")),
        cookies=(("c", "d"),),
        storage=(("n", "1"),),
        verify=False,
    )
    assert source.name == "https://page.example"
    assert repr(source).count("sesame") == 0
    assert len(players.device.urls) == 1


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://user:sesame@page.example/", "url_invalid"),
        ("http://127.0.0.1:8123/lovelace", "url_forbidden"),
        ("http://page.example:9222/json", "url_forbidden"),
        ("https://other.example/?token=sesame", "url_not_allowed"),
    ],
)
async def test_action_refuses(
    *,
    hass: HomeAssistant,
    registry: Registry,
    players: Players,
    studio: Studio,
    viewer: MockUser,
    url: str,
    key: str,
) -> None:
    """What a person may not show is a validation error that says why and gives nothing away."""
    hass.config.allowlist_external_urls = {ALLOWED, "http://127.0.0.1:8123/", "http://page.example:9222/"}
    with pytest.raises(ServiceValidationError) as caught:
        await hass.services.async_call(
            DOMAIN,
            "start",
            {"entity_id": TV, "url": url},
            blocking=True,
            context=Context(user_id=viewer.id),
        )
    assert caught.value.translation_key == key
    assert "sesame" not in str(caught.value)
    assert not studio.streams
