"""From failures to what people read."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN
from .errors import (
    AdministratorNeededError,
    CookieInvalidError,
    DashboardCastError,
    DashboardNotFoundError,
    DestinationMissingError,
    FileNotAllowedError,
    HeaderInvalidError,
    IconNotFoundError,
    ImageNotAllowedError,
    NothingShownError,
    PathInvalidError,
    SourceMissingError,
    StreamNotFoundError,
    TargetDisplayError,
    TargetMissingError,
    TargetNotFoundError,
    TargetNotScreenError,
    UrlForbiddenError,
    UrlInvalidError,
    UrlNotAllowedError,
    ViewNotFoundError,
)

# What the person who asked can mend: Home Assistant logs no trace for it.
_WRONG_INPUT = (
    AdministratorNeededError,
    CookieInvalidError,
    DashboardNotFoundError,
    DestinationMissingError,
    FileNotAllowedError,
    HeaderInvalidError,
    IconNotFoundError,
    ImageNotAllowedError,
    NothingShownError,
    PathInvalidError,
    SourceMissingError,
    StreamNotFoundError,
    TargetDisplayError,
    TargetMissingError,
    TargetNotFoundError,
    TargetNotScreenError,
    UrlForbiddenError,
    UrlInvalidError,
    UrlNotAllowedError,
    ViewNotFoundError,
)


def translated(error: DashboardCastError, kind: type[HomeAssistantError] | None = None) -> HomeAssistantError:
    """Return a failure as Home Assistant shows it, with its translated message.

    kind: what somebody expects who knows particular errors only; None for those of actions.
    """
    if kind is None:
        kind = ServiceValidationError if isinstance(error, _WRONG_INPUT) else HomeAssistantError
    return kind(
        translation_domain=DOMAIN, translation_key=error.key, translation_placeholders=error.placeholders
    )


@callback
def message(hass: HomeAssistant, error: DashboardCastError) -> str:
    """Return what a failure says, in the language of Home Assistant."""
    texts = async_get_cached_translations(hass, hass.config.language, "exceptions", DOMAIN)
    text = texts.get(f"component.{DOMAIN}.exceptions.{error.key}.message", str(error))
    return text.format(**error.placeholders)
