"""What people choose from among media, each by an identifier: views of dashboards, and displays."""

from dataclasses import dataclass
from typing import Final

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .const import DEFAULT_FRAME_RATE, DOMAIN
from .dashboards import Dashboard, async_dashboards, dashboard_of, normalized_path
from .displays import Display
from .errors import DashboardNotFoundError, DisplayNotFoundError
from .models import SIZE_AUTO, Profile, Source, StreamFormat
from .registry import Registry, running_registry

DISPLAYS: Final = "display:"
"""Identifier of all displays, and how that of each begins; no path of a dashboard has a colon."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What to show, and how."""

    source: Source
    profile: Profile
    stream_format: StreamFormat | None
    """None for the best that a media player plays."""


def offer_of(hass: HomeAssistant, identifier: str) -> Offer:
    """Return what there is behind an identifier.

    Raises PathInvalidError, DisplayNotFoundError or NotSetUpError; whether there is such a dashboard is not
    looked at.
    """
    if not identifier.startswith(DISPLAYS):
        profile = Profile.named(SIZE_AUTO, DEFAULT_FRAME_RATE)
        return Offer(Source(normalized_path(identifier)), profile, None)
    display = display_of(running_registry(hass), identifier)
    return Offer(display.source, display.profile, display.config.stream_format)


def identifier_of_display(display: Display) -> str:
    """Return what a display is chosen by."""
    return DISPLAYS + display.subentry_id


def display_of(registry: Registry, identifier: str) -> Display:
    """Return the display behind an identifier; raises DisplayNotFoundError."""
    display = registry.displays.get(identifier.removeprefix(DISPLAYS))
    if display is None:
        raise DisplayNotFoundError
    return display


def sees_display(hass: HomeAssistant, user: User | None, display: Display) -> bool:
    """Return whether a user may see a display, which is who may see its camera; None for an automation."""
    if user is None or user.is_admin:
        return True
    device = dr.async_get(hass).async_get_device(identifiers={(DOMAIN, display.subentry_id)})
    entries = er.async_entries_for_device(er.async_get(hass), device.id) if device else []
    return any(
        entry.domain == Platform.CAMERA and user.permissions.check_entity(entry.entity_id, POLICY_READ)
        for entry in entries
    )


async def async_offered_dashboards(
    hass: HomeAssistant, registry: Registry, user: User | None
) -> list[Dashboard]:
    """Return the dashboards that can be drawn, and that a user may see; None for an automation.

    Raises SignInFailedError.
    """
    drawing = await registry.async_user()
    return await async_dashboards(hass, drawing, *([user] if user else []))


async def async_check_offered(
    hass: HomeAssistant, registry: Registry, user: User | None, identifier: str
) -> None:
    """Check that a user may see what is behind an identifier; None for an automation.

    Raises PathInvalidError, DashboardNotFoundError, DisplayNotFoundError or SignInFailedError.
    """
    if identifier.startswith(DISPLAYS):
        if not sees_display(hass, user, display_of(registry, identifier)):
            raise DisplayNotFoundError
        return
    path = normalized_path(identifier)
    dashboard_at(await async_offered_dashboards(hass, registry, user), f"/{dashboard_of(path)}")


def dashboard_at(dashboards: list[Dashboard], path: str) -> Dashboard:
    """Return the dashboard with a path; raises DashboardNotFoundError."""
    for dashboard in dashboards:
        if dashboard.path == path:
            return dashboard
    raise DashboardNotFoundError(path=path, known=", ".join(sorted(each.path for each in dashboards)))
