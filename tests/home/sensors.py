"""What YAML cannot say about the home's sensors: their past, for the graphs, and their decimals."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import math
from typing import Any

HOURS = 48
# It is always early afternoon there: the constants in configuration.yaml are what the past leads up to.
HOUR_OF_NOW = 14
NO_MEAN, MEAN = 0, 1

type Command = dict[str, Any]
type Course = Callable[[float], float]


def _wave(now: float, swing: float, peak_hour: float) -> Course:
    def height(hour: float) -> float:
        return swing * math.cos((hour - peak_hour) * math.pi / 12)

    return lambda hour: now + height(hour) - height(HOUR_OF_NOW)


def _daylight(hour: float) -> float:
    """Return how much sun there is compared with now."""
    return max(0.0, math.sin((hour - 6) * math.pi / 14) / math.sin((HOUR_OF_NOW - 6) * math.pi / 14))


def _bustle(hour: float) -> float:
    """Return how much is going on in the house compared with now."""
    morning = 0.9 * math.exp(-((hour - 7.5) ** 2) / 2)
    evening = 1.7 * math.exp(-((hour - 19) ** 2) / 4)
    lunch = 0.6 * math.exp(-((hour - HOUR_OF_NOW) ** 2) / 2)
    return 0.4 + morning + lunch + evening


@dataclass(frozen=True, slots=True)
class Past:
    """How a sensor came to its state: values over a day, or what a meter counted in each of its hours."""

    entity_id: str
    unit: str
    unit_class: str
    course: Course
    counted: bool = False

    def command(self, hours: list[datetime]) -> Command:
        """Return the WebSocket command that gives the sensor these hours, the last one just over."""
        values = [self.course((HOUR_OF_NOW - ago) % 24) for ago in range(len(hours), 0, -1)]
        rows = self._counts(values) if self.counted else self._means(values)
        return {
            "type": "recorder/import_statistics",
            "metadata": {
                "statistic_id": self.entity_id,
                "source": "recorder",
                "name": None,
                "mean_type": NO_MEAN if self.counted else MEAN,
                "has_sum": self.counted,
                "unit_class": self.unit_class,
                "unit_of_measurement": self.unit,
            },
            "stats": [{"start": start.isoformat(), **row} for start, row in zip(hours, rows, strict=True)],
        }

    def _means(self, values: list[float]) -> Iterator[dict[str, float]]:
        for value in values:
            yield dict.fromkeys(("mean", "min", "max"), round(value, 2))

    def _counts(self, values: list[float]) -> Iterator[dict[str, float]]:
        total = 0.0
        for value in values:
            total += value
            yield dict.fromkeys(("state", "sum"), round(total, 3))


PASTS = (
    Past("sensor.living_room_temperature", "°C", "temperature", _wave(21.3, 0.9, 17)),
    Past("sensor.bedroom_temperature", "°C", "temperature", _wave(18.6, 0.8, 20)),
    Past("sensor.outdoor_temperature", "°C", "temperature", _wave(16.4, 4.2, 15)),
    Past("sensor.solar_power", "W", "power", lambda hour: 2480 * _daylight(hour)),
    Past("sensor.home_power", "W", "power", lambda hour: 840 * _bustle(hour)),
    Past("sensor.solar_energy", "kWh", "energy", lambda hour: 2.48 * _daylight(hour), counted=True),
    Past("sensor.home_energy", "kWh", "energy", lambda hour: 0.84 * _bustle(hour), counted=True),
)

WHOLE_NUMBERS = (
    "sensor.car_battery",
    "sensor.carbon_dioxide",
    "sensor.home_battery",
    "sensor.living_room_humidity",
)


def commands() -> Iterator[Command]:
    """Yield the WebSocket commands that make the home's sensors presentable."""
    this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [this_hour - timedelta(hours=ago) for ago in range(HOURS, 0, -1)]
    for past in PASTS:
        yield past.command(hours)
    for entity_id in WHOLE_NUMBERS:
        yield {
            "type": "config/entity_registry/update",
            "entity_id": entity_id,
            "options_domain": "sensor",
            "options": {"display_precision": 0},
        }
