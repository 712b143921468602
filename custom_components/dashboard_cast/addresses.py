"""Who may have which web pages shown."""

from homeassistant.auth.models import User
from homeassistant.core import HomeAssistant
from yarl import URL

from .engine.gate import endpoint
from .errors import UrlForbiddenError, UrlNotAllowedError


async def async_allowed_urls(hass: HomeAssistant, url: str, user_id: str | None) -> frozenset[str] | None:
    """Check that a user may have a web page shown, and return what its addresses have to begin with.

    user_id: who asks; None for an automation, which may do what administrators may. None is returned for all.
    Raises UrlInvalidError, UrlForbiddenError or UrlNotAllowedError.
    """
    host, port = endpoint(url)
    shown = f"{host}:{port}"
    if endpoint(url) in _own_endpoints(hass):
        raise UrlForbiddenError(host=shown)
    user: User | None = await hass.auth.async_get_user(user_id) if user_id else None
    if user_id is None or (user and user.is_admin):
        return None
    # Both are strings, of which one begins with the other: nothing that only looks like another address.
    if not hass.config.is_allowed_external_url(url):
        raise UrlNotAllowedError(host=shown)
    return frozenset(hass.config.allowlist_external_urls)


def _own_endpoints(hass: HomeAssistant) -> set[object]:
    """Return hosts and ports at which Home Assistant is known to answer: its dashboards have paths."""
    known = (hass.config.internal_url, hass.config.external_url)
    return {endpoint(str(URL(url).origin())) for url in known if url}
