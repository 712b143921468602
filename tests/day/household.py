"""Two TVs, four displays and what can happen to them, minute by minute in simulated time."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from homeassistant.components.switch import DOMAIN as SWITCH_DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component

from custom_components.dashboard_cast.const import DOMAIN
from custom_components.dashboard_cast.displays import Display
from custom_components.dashboard_cast.errors import PageNotReadyError
from custom_components.dashboard_cast.rules import ROW_S, Status
from custom_components.dashboard_cast.urls import split_stream_url

from ..common import PATH, Home
from .oracle import Oracle, Wanted
from .television import App, Television

STEP_S: Final = 2
STEPS: Final = 30
# Short enough for what ends at the beginning of a minute to be over at its end: this, what a TV is given to
# settle, and the wait after failures.
PATIENCE_S: Final = 20
# A TV may get so many LOADs in a minute: one for each of two mishaps, and what fails before.
MOST_LOADS: Final = 5
KITCHEN: Final = "/tv-wall/kitchen"
VOLUMES: Final = (0.3, 0.4, None)
USUAL_VOLUME: Final = 0.6

type Mishap = Callable[[Television], Awaitable[None]]


@dataclass
class Household:
    """A home, what is right there, and what happens."""

    home: Home
    tvs: dict[str, Television]
    dice: Random
    oracle: Oracle
    story: list[str] = field(default_factory=list)
    """What has happened."""
    complaints: list[str] = field(default_factory=list)
    """What went wrong in this minute."""
    minute: int = 0
    _until: dict[str, int] = field(default_factory=dict)
    """Until which minute a TV is away, paused or somebody else's."""
    _failed_at: int = -9
    """The minute of the last failure: one at a time, for they add up to longer waits."""
    _interrupts: Wanted | None = None
    """What may interrupt and was asked for in this minute."""
    _plugs_on: set[str] = field(default_factory=set)
    """What should be turned on."""

    @property
    def hass(self) -> HomeAssistant:
        """Home Assistant."""
        return self.home.hass

    async def set_up(self) -> None:
        """Set up the displays."""
        assert await async_setup_component(self.hass, "homeassistant", {})
        plugs = {one.plug.partition(".")[2]: None for one in self.oracle.displays if one.plug}
        assert await async_setup_component(self.hass, "input_boolean", {"input_boolean": plugs})
        for one in self.oracle.displays:
            if one.condition:
                self.hass.states.async_set(one.condition, "off")
            self._add(one)
        await self.pass_time(STEPS)

    def _add(self, one: Wanted) -> None:
        data = _set_up(one)
        self.home.add(one.name, data.pop("dashboard"), **data)
        if not one.condition or self.hass.states.is_state(one.condition, "on"):
            self._ask(one)

    def _ask(self, one: Wanted) -> None:
        """Note that a display is asked for."""
        self.oracle.ask(one)
        if one.interrupt:
            self._interrupts = one
        if one.plug and one.plug not in self._plugs_on:
            self._plugs_on.add(one.plug)
            one.powered = True

    def _let_go(self, one: Wanted) -> None:
        """Note that a display is wanted no more."""
        self.oracle.end(one)
        used = any(
            tv.reachable and self._is_somebodys(tv) for name, tv in self.tvs.items() if name in one.tvs
        )
        if one.plug and one.powered and not used:
            self._plugs_on.discard(one.plug)
        one.powered = False

    async def pass_time(self, steps: int) -> None:
        """Let time pass; TVs that play fetch their streams meanwhile."""
        for _ in range(steps):
            await self.home.wait(STEP_S)
            for tv in self.tvs.values():
                self._fetch(tv)

    def _fetch(self, tv: Television) -> None:
        if not tv.plays:
            return
        assert tv.url is not None
        token, _ = split_stream_url(tv.url)
        if stream := self.home.registry.stream_of(token):
            stream.touch()
        else:
            tv.give_up()

    def tell(self, what: str) -> None:
        """Note what happens."""
        self.story.append(f"{self.minute}: {what}")

    async def live(self) -> None:
        """Live through a minute: what lasts comes to an end, something happens, and all should be right."""
        self.minute += 1
        self.complaints.clear()
        self._interrupts = None
        loads = {name: tv.loads for name, tv in self.tvs.items()}
        alone = {name: self._is_somebodys(tv) for name, tv in self.tvs.items()}
        early = self.dice.randrange(5)
        await self.pass_time(early)
        back = {name for name, minute in self._until.items() if minute <= self.minute}
        for name in sorted(back):
            del self._until[name]
            await self._end(name, self.tvs[name])
        name = self.dice.choice([*self.tvs])
        await self._happen(name, self.tvs[name], back)
        await self.pass_time(STEPS - early)
        for name, tv in self.tvs.items():
            sent = tv.loads - loads[name]
            if sent > MOST_LOADS:
                self.complaints.append(f"{name} got {sent} LOADs")
            if sent and alone[name] and self._is_somebodys(tv) and self._until.get(name):
                self.complaints.append(f"{name} got a LOAD though somebody uses it")

    async def rest(self) -> None:
        """Let all that lasts end, have on what is for every day and off all else, and let things settle."""
        for name, tv in self.tvs.items():
            if self._until.pop(name, None):
                await self._end(name, tv)
        for one in self.oracle.displays:
            await self._switch(one, on=one.condition is None)
        await self.pass_time(2 * STEPS)

    def wrong(self) -> Iterator[str]:
        """Tell of each thing that is not as it should be, or was not in the last minute."""
        yield from self.complaints
        for name, tv in self.tvs.items():
            right, shown = self.oracle.right(name), self.shown_on(tv)
            interrupted = right and right is self._interrupts and tv.app is App.OTHER
            if not tv.reachable or (self._is_somebodys(tv) and not interrupted):
                continue
            if shown != (right.shown if right else None):
                yield f"{name} shows {shown} instead of {right}"
            if tv.is_volume_muted:
                yield f"{name} is muted"
            level = tv._attr_volume_level
            wanted = right.volume if right and right.volume else USUAL_VOLUME
            if level != wanted:
                yield f"{name} is at {level} instead of {wanted}"
            if right and self._display(right).status is not Status.SHOWING:
                yield f"{right.name} says that it is {self._display(right).status}"
        for one in self.oracle.displays:
            state = self.hass.states.get(f"switch.{one.name}_show")
            if state is None or (state.state == "on") is not one.on:
                yield f"the switch of {one.name} is {state and state.state}, {one.on} is right"
            if one.plug and self.hass.states.is_state(one.plug, "on") is not (one.plug in self._plugs_on):
                yield f"{one.plug} is {self.hass.states.get(one.plug)}, {self._plugs_on} are to be on"
        yield from self._left_over()

    def shown_on(self, tv: Television) -> str | None:
        """Return the path of what of ours is on a TV."""
        if tv.app is not App.OURS or tv.url is None:
            return None
        stream = self.home.registry.stream_of(split_stream_url(tv.url)[0])
        return stream.source.path if stream else None

    def _left_over(self) -> Iterator[str]:
        registry = self.home.registry
        used = {session.stream for session in registry.sessions.values()}
        for stream in registry.streams:
            if stream not in used:
                yield f"a stream of {stream.source.path} runs for nobody"
        running = sum(not stream.ended for stream in self.home.studio.streams)
        if running != len(registry.streams):
            yield f"{running} streams run, {len(registry.streams)} are known"

    def _display(self, wanted: Wanted) -> Display:
        return next(one for one in self.home.registry.displays if one.name == wanted.name)

    def _is_somebodys(self, tv: Television) -> bool:
        return tv.app is App.OTHER or tv.paused

    # --- what happens -------------------------------------------------------------------------------------

    async def _happen(self, name: str, tv: Television, back: set[str]) -> None:
        """Let something happen to a TV; back: TVs that are as usual since this minute."""
        choices: list[Callable[[str, Television], Awaitable[None]]] = [
            self._turn, self._condition, self._condition, self._restart, self._rename,
            self._view, self._volume, self._dashboard, self._remove,
        ]  # fmt: skip
        if name not in self._until:
            choices += [self._power, self._network, self._other_app]
            if tv.plays:
                choices += [self._person_stops, self._pause, self._guest]
            # What was away for long plays what ends by now, for nobody has watched it.
            if self.shown_on(tv) and name not in back:
                choices += [self._glitch, self._slow_network]
            if self.minute - self._failed_at > 3:
                choices += [self._load_fails, self._page_fails, self._stream_ends, self._fails_for_long]
                if self.shown_on(tv) and name not in back:
                    choices.append(self._starves)
        await self.dice.choice(choices)(name, tv)

    def _last(self, name: str, longest: int) -> None:
        self._until[name] = self.minute + self.dice.randint(1, longest)

    async def _end(self, name: str, tv: Television) -> None:
        """End what has lasted."""
        self.tell(f"{name} is as usual again")
        if not tv.powered:
            tv.power_on()
        elif not tv.linked:
            tv.link()
        elif tv.app is App.OTHER:
            tv.stop()
        elif tv.paused:
            tv.resume()

    async def _power(self, name: str, tv: Television) -> None:
        self.tell(f"{name} is switched off")
        tv.power_off()
        self._last(name, 5)

    async def _network(self, name: str, tv: Television) -> None:
        self.tell(f"{name} has no network")
        tv.unlink()
        self._last(name, 4)

    async def _glitch(self, name: str, tv: Television) -> None:
        self.tell(f"{name} has no network for some seconds")
        loads = tv.loads
        tv.unlink()
        await self.pass_time(2)
        tv.link()
        await self.pass_time(3)
        if tv.loads != loads:
            self.complaints.append(f"{name} got a LOAD though it plays on")

    async def _slow_network(self, name: str, tv: Television) -> None:
        self.tell(f"the network of {name} is too slow for some seconds")
        loads = tv.loads
        tv.starve()
        await self.pass_time(3)
        tv.feed()
        await self.pass_time(3)
        if tv.loads != loads:
            self.complaints.append(f"{name} got a LOAD though it plays on")

    async def _starves(self, name: str, tv: Television) -> None:
        self.tell(
            f"the network of {name} is too slow until the player gives up, and for what it is sent then"
        )
        self._failed_at = self.minute
        tv.starve()
        await self.pass_time(5)
        await self._refuse_loads(tv, tv.give_up)

    async def _refuse_loads(self, tv: Television, mishap: Callable[[], None]) -> None:
        """Let LOADs fail for some seconds after a mishap."""
        # A device is sent all three formats before it counts as a failure.
        tv.failing = 3
        mishap()
        await self.pass_time(5)
        tv.failing = 0

    async def _other_app(self, name: str, tv: Television) -> None:
        self.tell(f"{name} is taken over")
        tv.take_over()
        self._last(name, 10)

    async def _pause(self, name: str, tv: Television) -> None:
        self.tell(f"{name} is paused")
        tv.pause()
        self._last(name, 3)

    async def _person_stops(self, name: str, tv: Television) -> None:
        self.tell(f"a person stops {name}")
        self.oracle.stop(name)
        tv.stop()

    async def _guest(self, name: str, tv: Television) -> None:
        self.tell(f"an action shows something on {name} for a while")
        path = KITCHEN if self.shown_on(tv) != KITCHEN else PATH
        data = {"entity_id": name, "path": path, "duration": 10}
        await self.hass.services.async_call(DOMAIN, "start", data, blocking=True)
        assert self.shown_on(tv) == path

    async def _load_fails(self, name: str, tv: Television) -> None:
        self.tell(f"LOADs fail on {name}")
        self._failed_at = self.minute
        tv.power_off()
        await self._refuse_loads(tv, tv.power_on)

    async def _page_fails(self, name: str, tv: Television) -> None:
        self.tell(f"no page can be drawn while {name} restarts")
        self._failed_at = self.minute
        self.home.studio.failure = PageNotReadyError(path="x", seconds="30", detail="still loading")
        tv.power_off()
        tv.power_on()
        await self.pass_time(5)
        self.home.studio.failure = None

    async def _fails_for_long(self, name: str, tv: Television) -> None:
        """Let failures add up until they are minutes apart; who restarts the TV has not to wait for that."""
        self.tell(f"no page can be drawn for ten minutes, {name} restarts, and all TVs then")
        # Where something else is shown then, that counts for longer.
        self._failed_at = self.minute + int(ROW_S) // 60
        self.home.studio.failure = PageNotReadyError(path="x", seconds="30", detail="still loading")
        tv.power_off()
        tv.power_on()
        await self.pass_time(10 * STEPS)
        self.home.studio.failure = None
        free = [one for one in self.tvs.values() if one.reachable and not self._is_somebodys(one)]
        for one in free:
            one.power_off()
        await self.pass_time(2)
        for one in free:
            one.power_on()

    async def _stream_ends(self, name: str, tv: Television) -> None:
        self.tell("all streams end by a failure")
        self._failed_at = self.minute
        for stream in self.home.studio.streams:
            await stream.fail(PageNotReadyError(path="x", seconds="30", detail="gone"))

    async def _turn(self, _name: str, _tv: Television) -> None:
        one = self.dice.choice(self.oracle.displays)
        on = self.dice.random() < 0.7
        self.tell(f"{one.name} is turned {'on' if on else 'off'}")
        await self._switch(one, on=on)

    async def _switch(self, one: Wanted, *, on: bool) -> None:
        (self._ask if on else self._let_go)(one)
        data = {"entity_id": f"switch.{one.name}_show"}
        await self.hass.services.async_call(
            SWITCH_DOMAIN, "turn_on" if on else "turn_off", data, blocking=True
        )

    async def _condition(self, _name: str, _tv: Television) -> None:
        one = self.dice.choice([one for one in self.oracle.displays if one.condition])
        assert one.condition
        state = self.hass.states.get(one.condition)
        on = state is None or state.state == "off"
        self.tell(f"{one.condition} is {'on' if on else 'off'}")
        (self._ask if on else self._let_go)(one)
        self.hass.states.async_set(one.condition, "on" if on else "off")

    async def _view(self, _name: str, _tv: Television) -> None:
        one, title = self.oracle.displays[0], self.dice.choice(["First", "Kitchen"])
        self.tell(f"{title} is chosen for {one.name}")
        data = {"entity_id": f"select.{one.name}_view", "option": title}
        await self.hass.services.async_call("select", "select_option", data, blocking=True)
        one.view = {"First": PATH, "Kitchen": KITCHEN}[title]

    async def _volume(self, _name: str, _tv: Television) -> None:
        one = self.oracle.displays[1]
        one.volume = self.dice.choice([volume for volume in VOLUMES if volume != one.volume])
        self.tell(f"{one.name} is set up for a volume of {one.volume}")
        self._reconfigure(one)

    async def _dashboard(self, _name: str, _tv: Television) -> None:
        one = self.oracle.displays[0]
        one.path, one.view = (KITCHEN if one.path == PATH else PATH), None
        self.tell(f"{one.name} is set up for {one.path}")
        self._reconfigure(one)

    def _reconfigure(self, one: Wanted) -> None:
        entry = self.home.entry
        subentry = entry.subentries[self._display(one).subentry_id]
        self.hass.config_entries.async_update_subentry(entry, subentry, data=_set_up(one))

    async def _remove(self, _name: str, _tv: Television) -> None:
        one = self.dice.choice(self.oracle.displays)
        self.tell(f"{one.name} is removed and set up again")
        self._let_go(one)
        self.hass.config_entries.async_remove_subentry(self.home.entry, self._display(one).subentry_id)
        await self.pass_time(1)
        self._add(one)

    async def _restart(self, _name: str, _tv: Television) -> None:
        self.tell("the integration starts anew")
        await self.hass.config_entries.async_reload(self.home.entry.entry_id)

    async def _rename(self, _name: str, _tv: Television) -> None:
        """Rename a switch back and forth, which changes nothing."""
        self.tell("an entity is renamed")
        registry, entity_id = er.async_get(self.hass), f"switch.{self.oracle.displays[0].name}_show"
        for old, new in ((entity_id, "switch.renamed"), ("switch.renamed", entity_id)):
            registry.async_update_entity(old, new_entity_id=new)
            await self.pass_time(1)


def _set_up(one: Wanted) -> dict[str, Any]:
    """Return the data of a display's subentry."""
    rules: dict[str, Any] = {
        "priority": one.priority,
        "patience": PATIENCE_S,
        "interrupt": one.interrupt,
        **({"condition": one.condition} if one.condition else {}),
    }
    quiet: dict[str, Any] = {
        "silent_start": one.silent,
        **({"volume": 100 * one.volume} if one.volume else {}),
        **({"power": [one.plug]} if one.plug else {}),
    }
    return {"dashboard": one.path, "media_players": sorted(one.tvs), "rules": rules, "quiet": quiet}


def household() -> list[Wanted]:
    """Return the displays: two for every day, one for guests, and an alarm that goes first everywhere."""
    both = frozenset(("media_player.tv", "media_player.second_tv"))
    return [
        Wanted("day", PATH, both),
        Wanted(
            "kitchen",
            KITCHEN,
            frozenset(("media_player.second_tv",)),
            volume=VOLUMES[0],
            plug="input_boolean.plug",
        ),
        Wanted(
            "guests",
            "/empty-wall",
            frozenset(("media_player.tv",)),
            condition="input_boolean.guests",
            silent=True,
        ),
        Wanted("alarm", "/generated-wall", both, priority=5, condition="binary_sensor.alarm", interrupt=True),
    ]
