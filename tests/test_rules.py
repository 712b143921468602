"""Tests of the rules: what a screen is to show, whatever happens there."""

from itertools import pairwise
from typing import Final

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
import pytest

from custom_components.dashboard_cast.models import Ending
from custom_components.dashboard_cast.rules import (
    LASTING_S,
    LOOK_S,
    MANY_FAILURES,
    RETURN_WAIT_S,
    ROW_S,
    SETTLE_S,
    Activity,
    Decision,
    Demand,
    Reason,
    Screen,
    Standing,
    Status,
    Wish,
    decide,
)

DAILY: Final = Wish("daily", asked=1.0)
ALARM: Final = Wish("alarm", priority=5, asked=2.0)
IDLE: Final = Screen().see(Activity.IDLE, 0.0)
NOW: Final = 1_000.0


def standing(screen: Screen, wish: Wish = DAILY, now: float = NOW) -> tuple[Status, str | None]:
    """Return how it stands with the only display."""
    found = decide(screen, [wish], now).standings[wish.display]
    return found.status, found.reason


def shown(screen: Screen, now: float = NOW, *wishes: Wish) -> str | None:
    """Return what a screen is to show."""
    return decide(screen, wishes or [DAILY], now).display


def playing(display: str = "daily", since: float = NOW) -> Screen:
    """Return a screen that shows a display."""
    return IDLE.begin(display, since).play(display, since).see(Activity.OURS, since)


def test_idle_screen_is_free() -> None:
    """A display is sent to a screen that is idle, once this has settled."""
    assert shown(IDLE, SETTLE_S - 0.1) is None
    assert decide(IDLE, [DAILY], 0.0).due == SETTLE_S
    assert shown(IDLE, SETTLE_S) == "daily"
    assert standing(IDLE) == (Status.STARTING, None)


def test_nothing_is_wanted() -> None:
    """Without wishes there is nothing to show, and what is shown is taken off."""
    assert decide(playing(), [], NOW) == Decision(None, {}, None)


def test_shown_display_stays() -> None:
    """What is shown is left alone, whatever the media player says of itself meanwhile."""
    screen = playing()
    for activity in Activity:
        assert shown(screen.see(activity, NOW + 1), NOW + 1) == "daily"
    assert standing(screen) == (Status.SHOWING, None)
    assert standing(IDLE.begin("daily", NOW)) == (Status.STARTING, None)


def test_paused_by_a_person() -> None:
    """A pause is nothing to mend."""
    assert standing(playing().see(Activity.PAUSED, NOW)) == (Status.GIVING_WAY, Reason.PAUSED)


def test_what_an_earlier_run_left() -> None:
    """A stream of ours that nobody keeps any more is in nobody's way, unless a person has paused it."""
    assert shown(Screen().see(Activity.OURS, 0.0)) == "daily"
    assert standing(Screen().see(Activity.PAUSED, 0.0)) == (Status.GIVING_WAY, Reason.PAUSED)


def test_away() -> None:
    """What is out of reach is waited for."""
    assert shown(Screen()) is None
    assert standing(Screen()) == (Status.RECOVERING, Reason.UNAVAILABLE)
    assert standing(playing().see(Activity.AWAY, NOW)) == (Status.RECOVERING, Reason.UNAVAILABLE)


def test_busy_is_never_interrupted() -> None:
    """Something else has the screen until it has been idle for a while."""
    busy = IDLE.see(Activity.BUSY, 10.0)
    assert shown(busy) is None
    assert standing(busy) == (Status.GIVING_WAY, Reason.BUSY)
    rested = busy.see(Activity.IDLE, NOW)
    assert standing(rested, now=NOW + DAILY.patience - 1) == (Status.GIVING_WAY, Reason.RESTING)
    assert decide(rested, [DAILY], NOW).due == NOW + DAILY.patience
    assert shown(rested, NOW + DAILY.patience) == "daily"


@pytest.mark.parametrize(
    ("activity", "reason"), [(Activity.OFF, Reason.OFF), (Activity.ELSEWHERE, Reason.ELSEWHERE)]
)
def test_unseen(activity: Activity, reason: Reason) -> None:
    """A screen that is off, or shows another input, stays so; it is looked at now and then."""
    unseen = IDLE.see(activity, 10.0)
    assert shown(unseen) is None
    assert standing(unseen) == (Status.GIVING_WAY, reason)
    assert decide(unseen, [DAILY], NOW).due == NOW + LOOK_S
    assert shown(unseen.see(Activity.IDLE, NOW), NOW + SETTLE_S) == "daily"


def test_asked_for_while_unseen() -> None:
    """Who asks for a display has the screen switched on, but not away from another input."""
    assert shown(IDLE.see(Activity.OFF, 10.0).ask("daily")) == "daily"
    elsewhere = IDLE.see(Activity.ELSEWHERE, 10.0)
    assert shown(elsewhere.ask("daily")) is None
    assert shown(elsewhere.ask("daily", force=True)) == "daily"


def test_asked_for_until_it_plays() -> None:
    """A screen that was switched on for a display is not switched on again by it."""
    begun = IDLE.see(Activity.OFF, 10.0).ask("daily").begin("daily", NOW)
    failed = begun.end("daily", Ending.FAILED, "load_failed", NOW)
    assert shown(failed, NOW + 100) == "daily"
    played = begun.play("daily", NOW).end("daily", Ending.LOST, "load_failed", NOW)
    assert shown(played, NOW + 100) is None
    stopped = IDLE.see(Activity.OFF, 10.0).ask("daily").dismiss(["daily"])
    assert not stopped.asked


def test_taken_over() -> None:
    """Who takes a screen away from a display keeps it, also before the media player says so."""
    taken = playing().end("daily", Ending.TAKEN, "", NOW).see(Activity.IDLE, NOW)
    assert standing(taken, now=NOW + SETTLE_S) == (Status.GIVING_WAY, Reason.RESTING)
    assert shown(taken, NOW + DAILY.patience) == "daily"


def test_busy_seen_before_the_end() -> None:
    """The end of what took over is followed by a rest, in whatever order things were told."""
    screen = playing().see(Activity.BUSY, NOW).end("daily", Ending.FAILED, "load_failed", NOW)
    assert standing(screen) == (Status.GIVING_WAY, Reason.BUSY)
    rested = screen.see(Activity.IDLE, NOW + 100)
    assert standing(rested, now=NOW + 100 + SETTLE_S) == (Status.GIVING_WAY, Reason.RESTING)


def test_asked_for_after_something_else() -> None:
    """Who asks for a display does not have to wait for a rest, but for the end of what plays."""
    busy = IDLE.see(Activity.BUSY, 10.0)
    assert shown(busy.ask("daily")) is None
    assert shown(busy.see(Activity.IDLE, NOW - SETTLE_S).ask("daily")) == "daily"


def test_forced() -> None:
    """A display that may interrupt does so once, when it is asked for."""
    busy = IDLE.see(Activity.BUSY, 10.0).ask("daily", force=True)
    assert shown(busy) == "daily"
    taken = busy.begin("daily", NOW).play("daily", NOW).end("daily", Ending.TAKEN, "", NOW + 5)
    assert shown(taken, NOW + 5) is None
    assert shown(IDLE.ask("daily", force=True).ask("daily").see(Activity.BUSY, 0.0)) is None


def test_forced_until_it_plays() -> None:
    """A failure does not use it up; what another is sent there for, or somebody puts in its place, does."""
    starting = IDLE.see(Activity.BUSY, 10.0).ask("daily", force=True).begin("daily", NOW)
    failed = starting.end("daily", Ending.FAILED, "load_failed", NOW)
    assert standing(failed) == (Status.RECOVERING, "load_failed")
    assert shown(failed, NOW + 3) == "daily"
    assert shown(starting.ask("daily", force=True).end("daily", Ending.LOST, "gone", NOW), NOW + 3) == "daily"
    for ending in (Ending.TAKEN, Ending.SUPERSEDED):
        assert shown(starting.end("daily", ending, "", NOW).see(Activity.BUSY, NOW)) is None
    other = failed.begin("alarm", NOW).end("alarm", Ending.TAKEN, "", NOW)
    assert shown(other, NOW + 3) is None


def test_asked_for_while_shown() -> None:
    """To ask for what is shown interrupts nothing later."""
    screen = playing().ask("daily", force=True).end("daily", Ending.TAKEN, "", NOW)
    assert shown(screen.see(Activity.BUSY, NOW)) is None


@pytest.mark.parametrize("ending", [Ending.STOPPED, Ending.CLOSED])
def test_stopped_by_a_person(ending: Ending) -> None:
    """A stop holds until somebody asks again."""
    stopped = playing().end("daily", ending, "", NOW).dismiss(["daily", "alarm"])
    assert shown(stopped, NOW + 9_999, DAILY, ALARM) is None
    assert standing(stopped) == (Status.IDLE, Reason.STOPPED)
    assert shown(stopped.ask("daily"), NOW + SETTLE_S, DAILY, ALARM) == "daily"


def test_guest() -> None:
    """What an action shows goes first, and the display comes back when that is over."""
    guest = playing().welcome().end("daily", Ending.SUPERSEDED, "", NOW)
    assert standing(guest) == (Status.GIVING_WAY, Reason.REQUESTED)
    assert shown(guest.part(Ending.STOPPED, NOW), NOW + SETTLE_S) == "daily"
    assert shown(guest.part(Ending.TAKEN, NOW), NOW + SETTLE_S) is None


def test_failures_are_throttled() -> None:
    """Each failure in a row is followed by a longer wait; many are said to be a failure."""
    screen, now, waits = IDLE, NOW, []
    for _ in range(12):
        screen = screen.begin("daily", now).end("daily", Ending.FAILED, "load_failed", now)
        due = decide(screen, [DAILY], now).due
        while due is not None and shown(screen, due) is None:
            due = decide(screen, [DAILY], due).due
        assert due is not None
        waits.append(due - now)
        now = due
    assert waits[:5] == [3, 6, 12, 24, 48]
    assert waits[-1] == 300
    assert all(longer >= shorter for shorter, longer in pairwise(waits))


def test_failed() -> None:
    """A display that fails again and again is said to have failed, and why."""
    screen = IDLE
    for count in range(1, MANY_FAILURES + 1):
        screen = screen.begin("daily", NOW).end("daily", Ending.FAILED, "load_failed", NOW)
        expected = Status.FAILED if count == MANY_FAILURES else Status.RECOVERING
        assert standing(screen, now=NOW + 1) == (expected, "load_failed")
    assert standing(screen.begin("daily", NOW + 400)) == (Status.RECOVERING, "load_failed")


def test_failures_before_it_was_away() -> None:
    """A screen that answers again is not made to wait for long for what failed before."""
    screen = IDLE
    for _ in range(8):
        screen = screen.begin("daily", NOW).end("daily", Ending.FAILED, "load_failed", NOW)
    assert decide(screen, [DAILY], NOW).due == NOW + 300
    back = screen.see(Activity.AWAY, NOW).see(Activity.IDLE, NOW + 5)
    assert standing(back, now=NOW + 6) == (Status.FAILED, "load_failed")
    assert shown(back, NOW + RETURN_WAIT_S - 0.1) is None
    assert shown(back, NOW + RETURN_WAIT_S) == "daily"
    assert shown(screen.see(Activity.AWAY, NOW + 90).see(Activity.IDLE, NOW + 100), NOW + 103) == "daily"
    again = back.begin("daily", NOW + 30).end("daily", Ending.FAILED, "load_failed", NOW + 30)
    assert decide(again, [DAILY], NOW + 30).due == NOW + 330


def test_failure_long_after_another() -> None:
    """What failed long ago is not in a row with what fails now, if something else was there in between."""
    screen = IDLE
    for _ in range(8):
        screen = screen.begin("daily", NOW).end("daily", Ending.FAILED, "load_failed", NOW)
    screen = screen.begin("alarm", NOW).play("alarm", NOW).release(NOW + ROW_S - SETTLE_S)
    later = NOW + ROW_S
    again = screen.begin("daily", later - 1).end("daily", Ending.FAILED, "load_failed", later - 1)
    assert standing(again, now=later) == (Status.FAILED, "load_failed")
    again = screen.begin("daily", later).end("daily", Ending.FAILED, "load_failed", later)
    assert standing(again, now=later) == (Status.RECOVERING, "load_failed")


@pytest.mark.parametrize("ending", [Ending.LOST, Ending.TAKEN, Ending.SUPERSEDED, None])
def test_failure_after_a_long_time(ending: Ending | None) -> None:
    """What has played for long has not failed before, whatever it ended for."""
    screen = IDLE
    for _ in range(MANY_FAILURES):
        screen = screen.begin("daily", 0.0).end("daily", Ending.FAILED, "load_failed", 0.0)
    screen = screen.begin("daily", 0.0).play("daily", 0.0).play("daily", LASTING_S - 1)
    if ending:
        screen = screen.end("daily", ending, "load_failed", LASTING_S)
    else:
        screen = screen.begin("alarm", LASTING_S).end("alarm", Ending.STOPPED, "", LASTING_S)
    screen = screen.begin("daily", LASTING_S).end("daily", Ending.FAILED, "load_failed", LASTING_S)
    assert decide(screen, [DAILY], LASTING_S).due == LASTING_S + (6 if ending is Ending.LOST else SETTLE_S)


def test_asking_forgets_failures() -> None:
    """Who asks again is not made to wait for what went wrong before."""
    screen = IDLE
    for _ in range(MANY_FAILURES):
        screen = screen.begin("daily", 0.0).end("daily", Ending.FAILED, "load_failed", 0.0)
    assert shown(screen, SETTLE_S) is None
    assert shown(screen.ask("daily"), SETTLE_S) == "daily"


def test_news_of_another_session() -> None:
    """The end of a session that was replaced changes nothing."""
    screen = playing("alarm")
    assert screen.end("daily", Ending.FAILED, "load_failed", NOW) == screen
    assert screen.play("daily", NOW) == screen


def test_priority() -> None:
    """The highest priority is shown, then what was asked for last, then the other one again."""
    assert shown(IDLE, NOW, DAILY, ALARM) == "alarm"
    assert shown(IDLE, NOW, DAILY, Wish("later", asked=3.0)) == "later"
    screen = playing("daily")
    decision = decide(screen, [DAILY, ALARM], NOW)
    assert decision.display == "alarm"
    assert decision.standings["daily"] == Standing(Status.GIVING_WAY, Reason.OUTRANKED)
    assert shown(playing("alarm"), NOW, DAILY) == "daily"


def test_lower_priority_while_the_higher_fails() -> None:
    """Something is shown while what goes first cannot be."""
    screen = playing("daily").begin("alarm", NOW).end("alarm", Ending.FAILED, "load_failed", NOW)
    assert shown(screen, NOW + SETTLE_S - 0.1, DAILY, ALARM) is None
    failing = screen.begin("alarm", NOW).end("alarm", Ending.FAILED, "load_failed", NOW)
    assert shown(failing, NOW + SETTLE_S, DAILY, ALARM) == "daily"


def test_demand_follows_condition_and_people() -> None:
    """A condition that comes true asks, one that ends is the end; in between people have the last word."""
    demand = Demand().see(None, 1.0)
    assert demand == Demand()
    demand = demand.see(True, 2.0)  # noqa: FBT003
    assert (demand.wanted, demand.asked) == (True, 2.0)
    demand = demand.turn(False, 3.0)  # noqa: FBT003
    assert not demand.see(True, 4.0).wanted  # noqa: FBT003
    assert not demand.see(None, 4.0).wanted
    demand = demand.see(False, 5.0).see(True, 6.0)  # noqa: FBT003
    assert (demand.wanted, demand.asked) == (True, 6.0)
    assert not demand.see(False, 7.0).wanted  # noqa: FBT003


class ScreenMachine(RuleBasedStateMachine):
    """Anything may happen to a screen, at any time and in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.screen = Screen()
        self.wishes: dict[str, Wish] = {}
        self.forced: set[str] = set()

    @initialize()
    def start(self) -> None:
        """Begin with a screen that is out of reach."""
        self._settle()

    def _settle(self) -> None:
        """Do what is decided, as the keeper does, and check that it may be done."""
        for _ in range(10):
            decision = decide(self.screen, self.wishes.values(), self.now)
            if decision.display == self.screen.held:
                return
            if decision.display is None:
                assert self.screen.held not in self.wishes or self.screen.held in self.screen.dismissed
                self.screen = self.screen.release(self.now)
            else:
                self._check(decision.display)
                self.screen = self.screen.begin(decision.display, self.now)
                self.forced &= {decision.display}
        raise AssertionError("no decision is the last")

    def _check(self, display: str) -> None:
        assert display in self.wishes
        assert display not in self.screen.dismissed
        assert self.screen.activity is not Activity.AWAY
        if display not in self.forced:
            assert not self.screen.guest
            if self.screen.held is None:
                assert self.screen.activity not in {Activity.BUSY, Activity.PAUSED}
                assert self.now >= self.screen.since + SETTLE_S

    @rule(seconds=st.floats(0.0, 400.0))
    def wait(self, seconds: float) -> None:
        """Let time pass, with a decision whenever one is due."""
        end = self.now + seconds
        while True:
            due = decide(self.screen, self.wishes.values(), self.now).due
            if due is None or due > end:
                break
            assert due > self.now
            self.now = due
            self._settle()
        self.now = end
        self._settle()

    @rule(activity=st.sampled_from(Activity))
    def see(self, activity: Activity) -> None:
        """Let the media player do something."""
        self.screen = self.screen.see(activity, self.now)
        self._settle()

    @rule(
        display=st.sampled_from("abc"),
        priority=st.integers(-1, 1),
        patience=st.sampled_from([0.0, 60.0]),
        force=st.booleans(),
    )
    def ask(self, display: str, priority: int, patience: float, *, force: bool) -> None:
        """Ask for a display."""
        self.wishes[display] = Wish(display, priority, self.now, patience)
        self.screen = self.screen.ask(display, force=force)
        if force:
            self.forced.add(display)
        else:
            self.forced.discard(display)
        self._settle()

    @precondition(lambda self: self.wishes)
    @rule(data=st.data())
    def turn_off(self, data: st.DataObject) -> None:
        """Want a display no more."""
        del self.wishes[data.draw(st.sampled_from(sorted(self.wishes)))]
        self._settle()

    @precondition(lambda self: self.screen.held)
    @rule()
    def play(self) -> None:
        """Let the display play that is on its way."""
        assert self.screen.held is not None
        self.screen = self.screen.play(self.screen.held, self.now)
        self.forced.discard(self.screen.held)
        self._settle()

    @precondition(lambda self: self.screen.held)
    @rule(ending=st.sampled_from(Ending))
    def end(self, ending: Ending) -> None:
        """Let the session of the display be over."""
        if ending in {Ending.STOPPED, Ending.CLOSED}:
            self.screen = self.screen.dismiss(self.wishes)
        held = self.screen.held
        assert held is not None
        if ending not in {Ending.LOST, Ending.FAILED}:
            self.forced.discard(held)
        self.screen = self.screen.end(held, ending, "error", self.now)
        self._settle()

    @rule()
    def welcome(self) -> None:
        """Let an action show something."""
        self.screen = self.screen.welcome()
        self._settle()

    @precondition(lambda self: self.screen.guest)
    @rule(ending=st.sampled_from(Ending))
    def part(self, ending: Ending) -> None:
        """Let that be over."""
        self.screen = self.screen.part(ending, self.now)
        self._settle()

    @invariant()
    def every_wish_has_its_standing(self) -> None:
        """How it stands is told of each display, and of none twice."""
        decision = decide(self.screen, self.wishes.values(), self.now)
        assert decision.standings.keys() == self.wishes.keys()
        showing = [one for one in decision.standings.values() if one.status is Status.SHOWING]
        assert len(showing) <= 1

    @invariant()
    def the_first_that_may_is_shown(self) -> None:
        """Nobody who may be shown is left out for somebody who comes after."""
        held = self.screen.held
        if held is None or held not in self.wishes:
            return
        for wish in self.wishes.values():
            if (wish.priority, wish.asked) > (self.wishes[held].priority, self.wishes[held].asked):
                alone = self.screen.standing(wish, self.now)
                assert alone.status is not Status.STARTING or alone.due is not None

    def teardown(self) -> None:
        """Whatever has happened: on a screen that is left alone, what is wanted is shown in the end."""
        wanted = self.wishes.keys() - self.screen.dismissed
        if self.screen.guest:
            self.screen = self.screen.part(Ending.STOPPED, self.now)
        self.screen = self.screen.see(Activity.IDLE, self.now)
        self._settle()
        self.wait(400.0)
        assert (self.screen.held in wanted) if wanted else self.screen.held is None


TestScreenMachine = ScreenMachine.TestCase
TestScreenMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


class FlakyMachine(RuleBasedStateMachine):
    """A screen on which nothing ever lasts."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.screen = IDLE
        self.begun: list[float] = []

    @rule(
        lasted=st.floats(0.0, LASTING_S - 21),
        ending=st.sampled_from([Ending.FAILED, Ending.LOST]),
        gone=st.floats(0.0, 20.0),
    )
    def fail(self, lasted: float, ending: Ending, gone: float) -> None:
        """Let a display begin as soon as it may, and fail.

        What is lost is so because the media player was away, and known when it is back.
        """
        while shown(self.screen, self.now) is None:
            due = decide(self.screen, [DAILY], self.now).due
            assert due is not None
            self.now = due
        self.begun.append(self.now)
        self.screen = self.screen.begin("daily", self.now)
        self.screen = self.screen.play("daily", self.now)
        self.now += lasted
        if ending is Ending.LOST:
            self.screen = self.screen.see(Activity.AWAY, self.now)
            self.now += gone
            self.screen = self.screen.see(Activity.IDLE, self.now)
        self.screen = self.screen.end("daily", ending, "load_failed", self.now)

    @invariant()
    def never_a_loop(self) -> None:
        """There are never more than four LOADs within half a minute, nor more than ten within ten minutes."""
        for first, fifth in zip(self.begun, self.begun[4:], strict=False):
            assert fifth - first > 30
        for first, eleventh in zip(self.begun, self.begun[10:], strict=False):
            assert eleventh - first > 600


TestFlakyMachine = FlakyMachine.TestCase
TestFlakyMachine.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
