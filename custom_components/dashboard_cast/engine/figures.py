"""Figures of a stream, and what they come to from one time to the next (pure)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """What was known of a running stream at a time."""

    time: float
    """Seconds on the monotonic clock."""
    viewers: int
    """How many addresses had asked for something lately."""
    delay: float
    """How long the last picture took from the page until viewers could fetch it, in seconds."""
    pictures: int
    """How many pictures were encoded so far."""
    memory: int | None
    """Bytes that the page's scripts used; None when nobody had looked yet."""
    cpu_time: float | None
    """Seconds of processor time that page and encoder had used so far; None where that is not told."""

    def frame_rate(self, before: Figures) -> float:
        """Return how many pictures a second were encoded since then."""
        return (self.pictures - before.pictures) / (self.time - before.time)

    def load(self, before: Figures) -> float | None:
        """Return how many processor cores page and encoder kept busy since then.

        None where that is not told, and when one of them began anew in the meantime.
        """
        if self.cpu_time is None or before.cpu_time is None or self.cpu_time < before.cpu_time:
            return None
        return (self.cpu_time - before.cpu_time) / (self.time - before.time)
