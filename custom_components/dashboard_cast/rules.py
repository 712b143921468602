"""What a screen is to show (pure): from what it does, and what displays wish, to a decision.

All times are in seconds on a monotonic clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from .models import Ending

# After a restart, or after a session, a media player reports one state after the other.
SETTLE_S: Final = 3.0
# The n-th failure in a row is followed by a wait of so long, doubled n - 1 times, and at most so long.
_FIRST_WAIT_S: Final = 3.0
_LONGEST_WAIT_S: Final = 300.0
_MOST_DOUBLINGS: Final = 7
# What failed longer ago was not tried since, and is of another time: that is more than a wait and a try.
ROW_S: Final = 2 * _LONGEST_WAIT_S
# A screen that was out of reach may be well again: there that wait is over so long after the failure.
RETURN_WAIT_S: Final = 30.0
# That a screen is seen again is not told.
LOOK_S: Final = 5.0
# What has played so long did not fail from the start.
LASTING_S: Final = 60.0
# So many failures in a row are no passing trouble.
MANY_FAILURES: Final = 4


class Activity(StrEnum):
    """What a media player does."""

    AWAY = "away"
    """It is out of reach."""
    IDLE = "idle"
    """Nothing: it shows its own screen, or what is left of a stream of ours."""
    BUSY = "busy"
    """It plays something else, or another app is open."""
    OURS = "ours"
    """It plays a stream of ours."""
    PAUSED = "paused"
    """A person has paused a stream of ours."""
    ELSEWHERE = "elsewhere"
    """Its screen shows another input."""
    OFF = "off"
    """Its screen is off."""


class Status(StrEnum):
    """How it stands with a display."""

    IDLE = "idle"
    """It is not to be shown."""
    STARTING = "starting"
    SHOWING = "showing"
    GIVING_WAY = "giving_way"
    """Something else has the media player, which is not interrupted."""
    RECOVERING = "recovering"
    """It is about to come back after a failure, or waits for a media player that is out of reach."""
    FAILED = "failed"
    """It has failed many times in a row; it is still tried now and then."""


class Reason(StrEnum):
    """Why a display is not shown, besides the keys of failures."""

    BUSY = "busy"
    """Something else plays there."""
    ELSEWHERE = "elsewhere"
    """The screen shows another input."""
    OFF = "off"
    """The screen is off, and nobody has asked for the display since."""
    OUTRANKED = "outranked"
    """Another display goes first."""
    PAUSED = "paused"
    """A person has paused it."""
    REQUESTED = "requested"
    """An action shows something else there."""
    RESTING = "resting"
    """What played there has ended not long ago."""
    STOPPED = "stopped"
    """Somebody has stopped it there."""
    UNAVAILABLE = "unavailable"
    """The media player is out of reach."""


_LEFT_ALONE: Final = {
    Activity.BUSY: Reason.BUSY,
    Activity.ELSEWHERE: Reason.ELSEWHERE,
    Activity.OFF: Reason.OFF,
    Activity.PAUSED: Reason.PAUSED,
}
_UNSEEN: Final = frozenset((Activity.ELSEWHERE, Activity.OFF))


@dataclass(frozen=True, slots=True)
class Wish:
    """A display that is to be shown on a screen."""

    display: str
    priority: int = 0
    asked: float = 0.0
    """Its turn (`Demand.asked`); of the same priority the one that was asked for last goes first."""
    patience: float = 60.0
    """How long the screen has to be idle after something else, in seconds."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with a display on a screen."""

    status: Status
    reason: str | None = None
    """A `Reason`, or the key of a failure."""
    due: float | None = None
    """When to look again."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a screen is to show."""

    display: str | None
    """None for nothing of ours."""
    standings: Mapping[str, Standing]
    due: float | None
    """When to decide again if nothing happens before."""


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Failures in a row of a display on a screen."""

    count: int
    failed_at: float
    retry_at: float
    error: str

    def sooner(self) -> _Trouble:
        """Return it with a wait that is not long."""
        return replace(self, retry_at=min(self.retry_at, self.failed_at + RETURN_WAIT_S))


@dataclass(frozen=True, slots=True)
class Screen:
    """What is known of a media player that displays wish for."""

    activity: Activity = Activity.AWAY
    since: float = 0.0
    """When it began to do that, or our last session there was over."""
    held: str | None = None
    """The display that is shown there, or on its way."""
    began: float = 0.0
    """When `held` was begun, or since when it plays."""
    playing: bool = False
    """Whether `held` plays."""
    guest: bool = False
    """Whether an action shows something there."""
    yielding: bool = False
    """Whether something else was there since we were."""
    dismissed: frozenset[str] = frozenset()
    """Displays that somebody stopped there."""
    forced: frozenset[str] = frozenset()
    """Displays that were asked for, whatever plays there, and have not played since."""
    asked: frozenset[str] = frozenset()
    """Displays that were asked for, and have not played since."""
    _troubles: Mapping[str, _Trouble] = field(default_factory=dict)

    def see(self, activity: Activity, now: float) -> Screen:
        """Take in what the media player does."""
        if activity is self.activity:
            return self
        left = self.held is None and Activity.BUSY in {activity, self.activity}
        yielding = self.yielding or left
        screen = replace(self, activity=activity, since=now, yielding=yielding)
        if self.activity is not Activity.AWAY:
            return screen
        sooner = {display: trouble.sooner() for display, trouble in self._troubles.items()}
        return replace(screen, _troubles=sooner)

    def ask(self, display: str, *, force: bool = False) -> Screen:
        """Take in that somebody asks for a display.

        force: whether it is to interrupt what plays there, once.
        """
        force = force and not (self.playing and display == self.held)
        return replace(
            self,
            dismissed=self.dismissed - {display},
            forced=self.forced | {display} if force else self.forced - {display},
            asked=self.asked | {display},
            yielding=self.yielding and self.activity is Activity.BUSY,
        ).forgive(display)

    def forgive(self, display: str) -> Screen:
        """Forget the failures of a display, which may be over."""
        others = {name: trouble for name, trouble in self._troubles.items() if name != display}
        return replace(self, _troubles=others)

    def begin(self, display: str, now: float) -> Screen:
        """Note that a display is sent there; until it plays it may interrupt again."""
        return replace(
            self._leave(now),
            held=display,
            began=now,
            playing=False,
            yielding=False,
            forced=self.forced & {display},
        )

    def play(self, display: str, now: float) -> Screen:
        """Note that a display plays there."""
        if display != self.held:
            return self
        forced, asked = self.forced - {display}, self.asked - {display}
        began = self.began if self.playing else now
        return replace(self, playing=True, began=began, forced=forced, asked=asked)

    def release(self, now: float) -> Screen:
        """Note that no display is there any more."""
        return replace(self._leave(now), held=None, playing=False, since=now)

    def _leave(self, now: float) -> Screen:
        """Note that `held` is over, however; what has played for long has not failed before."""
        if self.held is not None and self.playing and now - self.began >= LASTING_S:
            return self.forgive(self.held)
        return self

    def welcome(self) -> Screen:
        """Note that an action shows something there."""
        return replace(self, guest=True)

    def part(self, ending: Ending, now: float) -> Screen:
        """Note that what an action showed there is over, or waits for what comes after it (SUPERSEDED)."""
        yielding = self.yielding or ending is Ending.TAKEN
        since = self.since if ending is Ending.SUPERSEDED else now
        return replace(self, guest=False, since=since, yielding=yielding)

    def dismiss(self, displays: Iterable[str]) -> Screen:
        """Note that somebody does not want these displays there."""
        unwanted = frozenset(displays)
        return replace(
            self,
            dismissed=self.dismissed | unwanted,
            forced=self.forced - unwanted,
            asked=self.asked - unwanted,
        )

    def end(self, display: str, ending: Ending, error: str, now: float) -> Screen:
        """Note that the session of a display is over; error: key of the failure, when it is one."""
        if display != self.held:
            return self
        screen = self.release(now)
        if ending not in {Ending.LOST, Ending.FAILED}:
            # Whoever takes its place has the last word.
            yielding = self.yielding or ending is Ending.TAKEN
            return replace(screen, yielding=yielding, forced=self.forced - {display})
        before = screen._troubles.get(display)
        count = before.count + 1 if before and now - before.failed_at < ROW_S else 1
        trouble = _Trouble(count, now, now + _wait(count), error)
        return replace(screen, _troubles={**screen._troubles, display: trouble})

    def standing(self, wish: Wish, now: float) -> Standing:
        """Return how it stands with a display if there was no other.

        When it may begin this is STARTING, without `due`.
        """
        if wish.display in self.dismissed:
            return Standing(Status.IDLE, Reason.STOPPED)
        if wish.display == self.held:
            return self._held_standing()
        return self._obstacle(wish, now) or Standing(Status.STARTING)

    def _held_standing(self) -> Standing:
        assert self.held is not None
        if self.activity is Activity.AWAY:
            return Standing(Status.RECOVERING, Reason.UNAVAILABLE)
        if not self.playing:
            trouble = self._troubles.get(self.held)
            return Standing(Status.RECOVERING, trouble.error) if trouble else Standing(Status.STARTING)
        if self.activity is Activity.PAUSED:
            return Standing(Status.GIVING_WAY, Reason.PAUSED)
        return Standing(Status.SHOWING)

    def _obstacle(self, wish: Wish, now: float) -> Standing | None:
        """Return what keeps a display from being sent there."""
        if self.activity is Activity.AWAY:
            return Standing(Status.RECOVERING, Reason.UNAVAILABLE)
        free = wish.display in self.forced
        if not free and (way := self._right_of_way(wish, now)):
            return way
        trouble = self._troubles.get(wish.display)
        if trouble and now < trouble.retry_at:
            status = Status.FAILED if trouble.count >= MANY_FAILURES else Status.RECOVERING
            return Standing(status, trouble.error, trouble.retry_at)
        settled = self.since + SETTLE_S
        if not free and self.held is None and now < settled:
            return Standing(Status.STARTING, None, settled)
        return None

    def _right_of_way(self, wish: Wish, now: float) -> Standing | None:
        """Return what a screen is left to."""
        if self.guest:
            return Standing(Status.GIVING_WAY, Reason.REQUESTED)
        if self.held is not None:
            return None
        woken = self.activity is Activity.OFF and wish.display in self.asked
        if self.activity in _LEFT_ALONE and not woken:
            look = now + LOOK_S if self.activity in _UNSEEN else None
            return Standing(Status.GIVING_WAY, _LEFT_ALONE[self.activity], look)
        rested = self.since + wish.patience
        if self.yielding and now < rested:
            return Standing(Status.GIVING_WAY, Reason.RESTING, rested)
        return None


def decide(screen: Screen, wishes: Iterable[Wish], now: float) -> Decision:
    """Return what a screen is to show: of the displays that may, the one that goes first."""
    chosen: str | None = None
    standings: dict[str, Standing] = {}
    for wish in sorted(wishes, key=lambda wish: (wish.priority, wish.asked), reverse=True):
        standing = screen.standing(wish, now)
        may = wish.display == screen.held or (standing.status is Status.STARTING and standing.due is None)
        if wish.display in screen.dismissed:
            may = False
        elif chosen is not None:
            standing = Standing(Status.GIVING_WAY, Reason.OUTRANKED)
        elif may:
            chosen = wish.display
        standings[wish.display] = standing
    dues = [standing.due for standing in standings.values() if standing.due is not None]
    return Decision(chosen, standings, min(dues, default=None))


@dataclass(frozen=True, slots=True)
class Demand:
    """Whether a display is wanted: what people, and its condition, said last."""

    wanted: bool = False
    condition: bool | None = None
    """Whether it is to be shown as its condition was last; None without one, or when it is unknown."""
    asked: float = 0.0
    """Its turn: the more, the later it was asked for. Once these were seconds of the wall clock."""
    powered: tuple[str, ...] = ()
    """What was turned on for it, as its configuration names it."""
    stopped_on: tuple[str, ...] = ()
    """Media players, as its configuration names them, on which somebody has stopped it since."""
    view: str | None = None
    """Path of the view that was chosen since; None for that of its configuration."""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Demand:
        """Return what was stored; JSON has no tuples."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**fields)

    def turn(self, wanted: bool, number: float) -> Demand:
        """Take in that somebody wants it, or does not any more; number: its turn if so."""
        asked, view = (number, self.view) if wanted else (self.asked, None)
        return replace(self, wanted=wanted, asked=asked, stopped_on=(), view=view)

    def see(self, condition: bool | None, number: float) -> Demand:
        """Take in its condition: when that becomes true it is asked for, when it ends it is over.

        In between people have the last word. An unknown condition changes nothing.
        """
        if condition is None or condition is self.condition:
            return self
        return replace(self.turn(condition, number), condition=condition)


def _wait(failures: int) -> float:
    """Return how long to wait after so many failures in a row."""
    return min(_FIRST_WAIT_S * 2.0 ** min(failures - 1, _MOST_DOUBLINGS), _LONGEST_WAIT_S)
