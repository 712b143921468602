"""Keeps displays on their media players, as the rules say, for as long as they are wanted."""

import asyncio
from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Final, override

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.storage import Store

from .casting import CastSession
from .const import DOMAIN
from .displays import SUBENTRY_DISPLAY, Display, DisplayConfig
from .errors import DashboardCastError, NothingShownError, TargetNotFoundError
from .identities import entity_id_of, entity_ids_of, kept_name
from .models import Source
from .occasion import Occasion
from .power import switch_off, switch_on
from .registry import Registry
from .rules import Demand, Standing, Status
from .screens import ScreenKeeper, is_somebodys
from .sound import Changes

_STORAGE_VERSION: Final = 3
_DISPLAYS: Final = "displays"
_VOLUMES: Final = "volumes"
_SAVE_DELAY_S: Final = 1.0


type _Stored = dict[str, dict[str, dict[str, Any]]]
"""What is kept of displays by the ids of their subentries, and of media players by their entity ids."""


class _KeeperStore(Store[_Stored]):
    @override
    async def _async_migrate_func(
        self, old_major_version: int, old_minor_version: int, old_data: Any
    ) -> _Stored:
        # 1: there were displays only.
        data: _Stored = {_DISPLAYS: old_data, _VOLUMES: {}} if old_major_version == 1 else old_data
        # 2: what was turned on was kept by entity ids.
        for demand in data[_DISPLAYS].values():
            demand["powered"] = [kept_name(self.hass, entity_id) for entity_id in demand["powered"]]
        return data


def _store(hass: HomeAssistant) -> Store[_Stored]:
    return _KeeperStore(hass, _STORAGE_VERSION, f"{DOMAIN}.displays")


async def async_forget(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Forget what was wanted, and turn off what was turned on for it."""
    store = _store(hass)
    stored = await store.async_load() or {_DISPLAYS: {}}
    for subentry in entry.get_subentries_of_type(SUBENTRY_DISPLAY):
        config = DisplayConfig.of(subentry.data)
        powered = Demand.of(stored[_DISPLAYS].get(subentry.subentry_id, {})).powered
        if not any(
            is_somebodys(hass, tv) for tv in entity_ids_of(hass, config.media_players, config.identities)
        ):
            switch_off(hass, entity_ids_of(hass, powered, config.identities))
    await store.async_remove()


class Keeper:
    """Shows the displays of a config entry, which is the `Stage` of theirs."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, registry: Registry) -> None:
        self._hass = hass
        self._entry = entry
        self._registry = registry
        self._displays = registry.displays
        self._store = _store(hass)
        self._demands: dict[str, Demand] = {}
        self._screens: dict[str, ScreenKeeper] = {}
        # Of media players that are not watched yet.
        self._volumes: dict[str, Changes] = {}
        self._occasions: dict[str, Occasion] = {}
        self._undo: list[CALLBACK_TYPE] = []
        self._started = False

    async def async_start(self) -> None:
        """Take up what was wanted before, and show it as soon as Home Assistant has started."""
        stored = await self._store.async_load() or {_DISPLAYS: {}, _VOLUMES: {}}
        self._demands = {name: Demand.of(demand) for name, demand in stored[_DISPLAYS].items()}
        self._volumes = {entity_id: Changes(**changes) for entity_id, changes in stored[_VOLUMES].items()}
        self._sync()
        self._undo += [
            async_dispatcher_connect(self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._entry_changed),
            self._hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, self._entity_changed),
            self._registry.async_listen(self._session_changed),
            async_at_started(self._hass, self._begin),
        ]
        self._registry.async_on_shutdown(self._async_stop)

    @callback
    def turn(self, display: Display, wanted: bool, *, force: bool = False) -> None:
        """Take in that somebody wants a display, or does not any more."""
        self._demand(display, display.demand.turn(wanted, self._turn_number()))
        if wanted:
            self._ask(display, force=force or display.config.interrupt, anew=force)
        self._update()

    async def async_change(self, display: Display, source: Source) -> None:
        """Show another source wherever a display is shown; raises a DashboardCastError."""
        await self._registry.async_check(source)
        before = display.source
        self.follow(display, source)
        showing = [entity_id for entity_id, screen in self._screens.items() if screen.shows(display)]
        try:
            await self._registry.async_show(showing, lambda _source: source)
        except NothingShownError:
            # It has ended on one of them meanwhile, and where it goes on it has not changed.
            pass
        except DashboardCastError:
            self.follow(display, before)
            raise
        # What begins to play meanwhile may have been sent there with what was chosen before.
        for entity_id in self._targets(display):
            self._screens[entity_id].catch_up(display)

    @callback
    def follow(self, display: Display, source: Source) -> None:
        """Note what a display shows, and keep it when that is just another view."""
        display.source, own = source, display.config.source
        view = source.path if source == own.at(source.path) != own else None
        display.demand = self._demands[display.subentry_id] = replace(display.demand, view=view)
        self._save()
        display.tell()

    def _turn_number(self) -> float:
        """Return more than any display was asked for with; no clock, since that may be set back."""
        return 1.0 + max((demand.asked for demand in self._demands.values()), default=0.0)

    def _resolved(self, config: DisplayConfig, names: Iterable[str]) -> list[str]:
        """Return the entity ids of names in a display's set-up, as far as there are such entities."""
        return entity_ids_of(self._hass, names, config.identities)

    @callback
    def _update(self) -> None:
        """See to it that every media player shows what it should."""
        if not self._started:
            return
        for screen in [*self._screens.values()]:
            screen.update()
        self._report()

    @callback
    def _report(self) -> None:
        """Note how it stands with each display, and tell of those with which it has changed."""
        for display in self._displays:
            screens = [self._screens[entity_id] for entity_id in self._targets(display)]
            if display.wanted and screens and all(screen.has_dismissed(display) for screen in screens):
                # Who stops it on the TV may well want to see something else there.
                demand = replace(display.demand, powered=())
                self._demand(display, demand.turn(False, self._turn_number()))  # noqa: FBT003
            self._note_stops(display)
            standings = self._standings(display, screens)
            stream = next((stream for screen in screens if (stream := screen.stream_of(display))), None)
            error = next(
                (error for screen in screens if (error := screen.errors.get(display.subentry_id))), None
            )
            before = (display.standings, display.stream, display.error)
            display.standings, display.stream, display.error = standings, stream, error
            if before != (standings, stream, error):
                display.tell()

    def _note_stops(self, display: Display) -> None:
        """Keep where somebody has stopped a display, which goes on elsewhere."""
        stopped_on = tuple(name for name in display.config.media_players if self._is_stopped(display, name))
        if display.wanted and stopped_on != display.demand.stopped_on:
            display.demand = self._demands[display.subentry_id] = replace(
                display.demand, stopped_on=stopped_on
            )
            self._save()

    def _is_stopped(self, display: Display, name: str) -> bool:
        """Return whether somebody has stopped a display on a media player, which may not be there yet."""
        watched = self._watched(display.config, [name])
        if not watched:
            return name in display.demand.stopped_on
        return any(self._screens[entity_id].has_dismissed(display) for entity_id in watched)

    def _standings(self, display: Display, screens: Iterable[ScreenKeeper]) -> dict[str, Standing]:
        found = {
            screen.entity_id: screen.standings[display.subentry_id]
            for screen in screens
            if display.subentry_id in screen.standings
        }
        missing = Standing(Status.FAILED, TargetNotFoundError.key)
        return found or (dict.fromkeys(display.config.media_players, missing) if display.wanted else {})

    async def _async_stop(self) -> None:
        """Leave everything as it is, and watch it no more."""
        self._started = False
        for undo in self._undo:
            undo()
        await asyncio.gather(*(screen.async_stop() for screen in self._screens.values()))
        stored = self._stored()
        for occasion in self._occasions.values():
            occasion.stop()
        self._undo.clear()
        self._screens.clear()
        self._occasions.clear()
        await self._store.async_save(stored)

    @callback
    def _begin(self, _hass: HomeAssistant) -> None:
        self._started = True
        self._sync()

    @callback
    def _entry_changed(self, _change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry is self._entry:
            self._sync()

    @callback
    def _entity_changed(self, event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        data = event.data
        if data["action"] != "update" or "entity_id" in data["changes"]:
            self._sync_entities()

    @callback
    def _session_changed(self, session: CastSession) -> None:
        if screen := self._screens.get(session.entity_id):
            screen.hear(session)

    def _sync(self) -> None:
        """Make the displays what the config subentries are; those that have not changed go on untouched."""
        subentries = {one.subentry_id: one for one in self._entry.get_subentries_of_type(SUBENTRY_DISPLAY)}
        for display in self._displays:
            if display.subentry_id not in subentries:
                self._forget(display)
        for subentry_id, subentry in subentries.items():
            config = DisplayConfig.of(subentry.data)
            known = self._displays.get(subentry_id)
            if known is None:
                self._add(Display(subentry_id, subentry.title, config, self))
            elif (known.name, known.config) != (subentry.title, config):
                self._reconfigure(known, subentry.title, config)
        self._sync_entities()

    def _add(self, display: Display) -> None:
        if display.subentry_id in self._demands:
            display.demand = self._demands[display.subentry_id]
            if display.demand.view:
                display.source = display.config.source.at(display.demand.view)
        self._displays.add(display)
        if display.subentry_id not in self._demands:
            # Whoever sets one up without a condition wants to see it.
            self._watch_entities()
            self.turn(display, not display.config.conditional)

    def _reconfigure(self, display: Display, name: str, config: DisplayConfig) -> None:
        before, display.config = display.config, config
        if name != display.name:
            self._rename(display, name)
        if (before.condition, before.template) != (config.condition, config.template):
            self._demand(display, replace(display.demand, condition=None))
        if before.shown != config.shown:
            self.follow(display, config.source)
            for entity_id in self._targets(display):
                self._screens[entity_id].renew(display)
        if before.volume != config.volume:
            for entity_id in self._targets(display):
                self._screens[entity_id].settle(display)
        if before.power != config.power and display.wanted:
            self._change_power(display, before.power)
        display.tell()

    def _change_power(self, display: Display, before: Iterable[str]) -> None:
        """Turn on what a display has come to need, and off what it does not need any more."""
        powered, power = display.demand.powered, display.config.power
        kept = [name for name in powered if name in power]
        self._switch_off(display, {*powered} - {*kept})
        on = self._switch_on(display, {*power} - {*before})
        display.demand = self._demands[display.subentry_id] = replace(display.demand, powered=(*kept, *on))
        self._save()

    def _rename(self, display: Display, name: str) -> None:
        display.name = name
        registry = dr.async_get(self._hass)
        identifier = (DOMAIN, display.subentry_id)
        if device := registry.async_get_device_by_identifier(identifier, self._entry.entry_id):
            registry.async_update_device(device.id, name=name)

    def _forget(self, display: Display) -> None:
        self._displays.remove(display)
        self._switch_off(display, display.demand.powered)
        self._demands.pop(display.subentry_id, None)
        self._save()

    def _sync_entities(self) -> None:
        """Watch the media players and conditions that displays name, under the names they have now."""
        if self._started:
            self._watch_entities()
            self._sync_occasions()
            self._update()

    def _watch_entities(self) -> None:
        if not self._started:
            return
        wanted = {entity_id for display in self._displays for entity_id in self._targets_named(display)}
        for entity_id in self._screens.keys() - wanted:
            self._screens.pop(entity_id).withdraw()
        for entity_id in wanted - self._screens.keys():
            self._screens[entity_id] = ScreenKeeper(
                self._hass,
                self._entry,
                self._registry,
                entity_id,
                dismissed=[
                    display.subentry_id
                    for display in self._displays
                    if entity_id in self._resolved(display.config, display.demand.stopped_on)
                ],
                changes=self._volumes.pop(entity_id, None),
                displays=partial(self._wanted_on, entity_id),
                on_change=self._report,
                on_sound=self._save,
            )

    def _sync_occasions(self) -> None:
        there = {display.subentry_id: display for display in self._displays if display.config.conditional}
        for subentry_id, occasion in [*self._occasions.items()]:
            known = there.get(subentry_id)
            if known is None or not occasion.watches(*self._condition_of(known)):
                self._occasions.pop(subentry_id).stop()
        for subentry_id, display in there.items():
            if subentry_id not in self._occasions:
                see = partial(self._see, display)
                self._occasions[subentry_id] = Occasion(self._hass, *self._condition_of(display), see)
                self._occasions[subentry_id].start()

    def _condition_of(self, display: Display) -> tuple[str | None, str | None]:
        config = display.config
        # One that was removed is as unknown as one that is unavailable.
        if config.condition is None:
            return None, config.template
        found = entity_id_of(self._hass, config.condition, config.identities)
        return found or config.condition, config.template

    @callback
    def _see(self, display: Display, condition: bool | None) -> None:
        """Take in whether a display is to be shown as its condition is."""
        demand = display.demand.see(condition, self._turn_number())
        if demand is not display.demand:
            self._demand(display, demand)
            if demand.wanted:
                self._ask(display, force=display.config.interrupt)
            self._update()

    def _wanted_on(self, entity_id: str) -> list[Display]:
        """Return the displays that are wanted on a media player."""
        return [one for one in self._displays if one.wanted and entity_id in self._targets_named(one)]

    def _demand(self, display: Display, demand: Demand) -> None:
        """Note that a display is wanted or not."""
        if demand.wanted:
            on = self._switch_on(display, display.config.power)
            demand = replace(demand, powered=tuple({*demand.powered, *on}))
        elif demand.powered:
            self._switch_off(display, demand.powered)
            demand = replace(demand, powered=())
        if not demand.wanted:
            # Another view is shown for as long as nobody turns it off.
            display.source = display.config.source
        display.demand = self._demands[display.subentry_id] = demand
        self._save()
        display.tell()

    def _switch_on(self, display: Display, names: Iterable[str]) -> list[str]:
        """Turn on what a display needs and is off, and return that."""
        names = [*names]
        on = switch_on(self._hass, self._resolved(display.config, names))
        return [name for name in names if on & {*self._resolved(display.config, [name])}]

    def _switch_off(self, display: Display, powered: Iterable[str]) -> None:
        """Turn off what was turned on for a display, or leave that to another one that needs it."""
        if any(self._screens[entity_id].is_somebodys for entity_id in self._targets(display)):
            return
        left = {*self._resolved(display.config, powered)}
        for other in self._displays:
            if other.wanted and other is not display:
                needed = [one for one in other.config.power if left & {*self._resolved(other.config, [one])}]
                other.demand = replace(other.demand, powered=(*other.demand.powered, *needed))
                self._demands[other.subentry_id] = other.demand
                left -= {*self._resolved(other.config, needed)}
        switch_off(self._hass, left)

    def _ask(self, display: Display, *, force: bool = False, anew: bool = False) -> None:
        for entity_id in self._targets(display):
            self._screens[entity_id].ask(display, force=force, anew=anew)

    def _targets(self, display: Display) -> list[str]:
        """Return the media players of a display, as far as they are watched yet."""
        return self._watched(display.config, display.config.media_players)

    def _watched(self, config: DisplayConfig, names: Iterable[str]) -> list[str]:
        return [entity_id for entity_id in self._resolved(config, names) if entity_id in self._screens]

    def _targets_named(self, display: Display) -> list[str]:
        return self._resolved(display.config, display.config.media_players)

    def _save(self) -> None:
        self._store.async_delay_save(self._stored, _SAVE_DELAY_S)

    def _stored(self) -> _Stored:
        screens = {entity_id: screen.changes for entity_id, screen in self._screens.items()}
        volumes = {**self._volumes, **screens}
        return {
            _DISPLAYS: {name: asdict(demand) for name, demand in self._demands.items()},
            _VOLUMES: {entity_id: asdict(changes) for entity_id, changes in volumes.items() if changes},
        }
