"""An event entity for each display: what has happened to it."""

from enum import StrEnum
from typing import Final, override

from homeassistant.components.event import EventEntity
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .displays import Display
from .entity import DisplayEntity, add_for_displays
from .registry import DashboardCastConfigEntry
from .rules import Status

# They are told of changes.
PARALLEL_UPDATES: Final = 0

ACTIVITY: Final = "activity"
ATTR_REASON: Final = "reason"


class DisplayEvent(StrEnum):
    """What can happen to a display."""

    SHOWN = "shown"
    """It has come to be shown."""
    STOPPED = "stopped"
    """It is not shown any more, since nobody wants it or something else goes first."""
    RECOVERED = "recovered"
    """It is shown again after a failure, or after its media player was away."""
    FAILED = "failed"
    """It could not be shown many times in a row."""


_ON_SCREEN: Final = frozenset((DisplayEvent.SHOWN, DisplayEvent.RECOVERED))


def happened(last: DisplayEvent | None, now: Status, *, troubled: bool) -> DisplayEvent | None:
    """Return what it means that a display has come to this status; None when it means nothing yet.

    last: what had happened last. troubled: whether it had to recover since then.
    """
    if now is Status.SHOWING:
        if last is DisplayEvent.FAILED or (last in _ON_SCREEN and troubled):
            return DisplayEvent.RECOVERED
        return None if last in _ON_SCREEN else DisplayEvent.SHOWN
    if now is Status.FAILED:
        return None if last is DisplayEvent.FAILED else DisplayEvent.FAILED
    over = now in {Status.IDLE, Status.GIVING_WAY} and last not in {None, DisplayEvent.STOPPED}
    return DisplayEvent.STOPPED if over else None


async def async_setup_entry(
    hass: HomeAssistant,
    entry: DashboardCastConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the event entities."""
    add_for_displays(entry, async_add_entities, DisplayEvents)


class DisplayEvents(DisplayEntity, EventEntity):
    """What has happened to a display."""

    def __init__(self, display: Display) -> None:
        super().__init__(display, ACTIVITY)
        self._attr_event_types = [*DisplayEvent]
        self._last: DisplayEvent | None = None
        self._troubled = False

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._take()

    @callback
    @override
    def _display_changed(self) -> None:
        if self._take():
            super()._display_changed()

    def _take(self) -> bool:
        """Take in how it stands with the display; return whether something has happened."""
        status = self.display.status
        self._troubled |= status is Status.RECOVERING
        if (event := happened(self._last, status, troubled=self._troubled)) is None:
            return False
        self._last, self._troubled = event, False
        self._trigger_event(event, {ATTR_REASON: self.display.reason})
        return True
