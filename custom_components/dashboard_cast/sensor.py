"""Sensors of each display: how it stands with it, and figures of what runs for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfInformation, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .displays import Display
from .engine.figures import Figures
from .entity import DisplayEntity, add_for_displays
from .meter import Meter
from .registry import DashboardCastConfigEntry
from .rules import Status

# They are told of changes.
PARALLEL_UPDATES: Final = 0

STATUS: Final = "status"
ATTR_REASON: Final = "reason"


@dataclass(frozen=True, kw_only=True)
class FigureDescription(SensorEntityDescription):
    """A figure of what runs for a display."""

    value: Callable[[Figures, Figures | None], float | None]
    """Returns it from the figures now and before, if there were some before."""
    idle: float | None = None
    """What it is while nothing runs."""


def _frame_rate(now: Figures, before: Figures | None) -> float | None:
    return round(now.frame_rate(before), 1) if before else None


def _load(now: Figures, before: Figures | None) -> float | None:
    load = now.load(before) if before else None
    return None if load is None else round(100 * load, 1)


FIGURES: Final = (
    FigureDescription(
        key="viewers",
        state_class=SensorStateClass.MEASUREMENT,
        value=lambda now, _before: now.viewers,
        idle=0,
    ),
    FigureDescription(
        key="delay",
        device_class=SensorDeviceClass.DURATION,
        entity_category=EntityCategory.DIAGNOSTIC,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        value=lambda now, _before: round(now.delay, 1),
    ),
    FigureDescription(
        key="frame_rate",
        entity_category=EntityCategory.DIAGNOSTIC,
        native_unit_of_measurement="fps",
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        value=_frame_rate,
    ),
    FigureDescription(
        key="processor",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        value=_load,
    ),
    FigureDescription(
        key="memory",
        device_class=SensorDeviceClass.DATA_SIZE,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        suggested_unit_of_measurement=UnitOfInformation.MEGABYTES,
        value=lambda now, _before: now.memory,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: DashboardCastConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors."""
    meter = Meter(hass)
    figures = [partial(FigureSensor, description=description, meter=meter) for description in FIGURES]
    add_for_displays(entry, async_add_entities, StatusSensor, *figures)


class StatusSensor(DisplayEntity, SensorEntity):
    """How it stands with a display, and why."""

    _attr_device_class = SensorDeviceClass.ENUM

    def __init__(self, display: Display) -> None:
        super().__init__(display, STATUS)
        self._attr_options = [*Status]

    @property
    @override
    def native_value(self) -> Status:
        return self.display.status

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        return {ATTR_REASON: self.display.reason}


class FigureSensor(DisplayEntity, SensorEntity):
    """A figure of what runs for a display."""

    entity_description: FigureDescription

    def __init__(self, display: Display, *, description: FigureDescription, meter: Meter) -> None:
        super().__init__(display, description.key)
        self.entity_description = description
        self._meter = meter

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self._meter.async_watch(self.display, self.async_write_ha_state))

    @property
    @override
    def native_value(self) -> float | None:
        if self.display.stream is None:
            return self.entity_description.idle
        measured = self._meter.measured(self.display)
        return self.entity_description.value(measured.now, measured.before) if measured else None
