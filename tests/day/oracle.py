"""What ought to be on each TV, by what people were promised; knows nothing of how that is done (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Wanted:
    """A display, and what people and its condition have said of it."""

    name: str
    path: str
    tvs: frozenset[str]
    priority: int = 0
    condition: str | None = None
    """Entity that asks for it; None for people only."""
    volume: float | None = None
    """Its own volume."""
    interrupt: bool = False
    """Whether it takes a TV from whoever uses it, when it is asked for."""
    silent: bool = False
    """Whether a TV is muted while it starts."""
    plug: str | None = None
    """What is turned on for it."""
    view: str | None = None
    """Path of the view that was chosen since it was asked for."""
    on: bool = False
    turn: int = 0
    """The later it was asked for the more."""
    stopped_on: set[str] = field(default_factory=set)
    """TVs on which somebody has stopped it since it was asked for."""
    powered: bool = False
    """Whether its plug was turned on for it."""

    @property
    def shown(self) -> str:
        """What of it belongs on a TV."""
        return self.view or self.path


class Oracle:
    """Follows what happens, and says what is right."""

    def __init__(self, displays: Iterable[Wanted]) -> None:
        self.displays = [*displays]
        self._turns = 0

    def ask(self, display: Wanted) -> None:
        """Somebody turns it on, or its condition comes true: a new wish, whatever was before."""
        self._turns += 1
        display.on, display.turn = True, self._turns
        display.stopped_on.clear()

    def end(self, display: Wanted) -> None:
        """Somebody turns it off, or its condition ends."""
        display.on, display.view = False, None

    def stop(self, tv: str) -> None:
        """Somebody stops, on the TV, what we show there: nothing comes after it until it is asked for."""
        for display in self.displays:
            if display.on and tv in display.tvs:
                display.stopped_on.add(tv)
                if display.stopped_on == display.tvs:
                    self.end(display)
                    # Somebody is in front of it.
                    display.powered = False

    def right(self, tv: str) -> Wanted | None:
        """Return what belongs on a TV that is on and that nobody else uses."""
        wanted = [one for one in self.displays if one.on and tv in one.tvs and tv not in one.stopped_on]
        return max(wanted, key=lambda one: (one.priority, one.turn), default=None)
