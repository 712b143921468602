"""A house whose pages are made ill: where its browser runs, and what can be done to it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
import signal
import time
from typing import Any

import psutil

from ..engine.elsewhere import Machine, Wire
from ..engine.helpers import command_of, told
from .house import House, house

CONFIGURATION = "trouble:\n"
# What the integration logs once it has found a trouble.
BEGINS = "stays while this is being mended"
# After that a page has lasted: what was before is long ago.
LASTING_S = 60
CUT_S = 4.0
OFF_S = 2.0


@dataclass
class Ward:
    """A house with a browser of its own, or with two elsewhere that stand in for each other."""

    house: House
    machines: Sequence[Machine] = ()
    wires: Sequence[Wire] = field(default=(), repr=False)
    """What leads to them."""

    async def send(self, kind: str | None, number: signal.Signals) -> None:
        """Send a signal to a helper of the browser that draws, or to the browser itself."""
        process = await (self.helper(kind) if kind else self.browser())
        process.send_signal(number)

    async def browser(self) -> psutil.Process:
        """Return the process of the browser that draws."""
        for machine in self.machines:
            if await machine.pages():
                return machine.process
        found = [told(partial(psutil.Process, one), None) for one in self.house.home.processes()]
        commands = ((process, command_of(process)) for process in found if process)
        # Debian starts it by a script.
        return next(
            one for one, words in commands if "--remote-debugging-pipe" in words and words[0] != "/bin/sh"
        )

    async def helper(self, kind: str) -> psutil.Process:
        """Return the largest of the browser's helpers of a kind; a renderer is that of the page."""
        found = [
            process
            for process in (await self.browser()).children(recursive=True)
            # Chromium writes over the arguments of some, without what parts them.
            if f"--type={kind}" in " ".join(command_of(process)).split()
        ]
        return max(found, key=lambda process: told(lambda: process.memory_info().rss, 0))

    async def act(self, action: str, **data: object) -> None:
        """Call an action of the component that makes trouble."""
        await self.house.home.request("POST", f"/api/services/trouble/{action}", data)

    async def tell_card(self, trouble: str) -> None:
        """Let the card make trouble."""
        await self.house.home.request("POST", "/api/states/sensor.trouble", {"state": trouble})

    async def heal(self) -> None:
        """Bring back the browsers elsewhere that were stopped or killed."""
        for machine in self.machines:
            if not _runs(machine):
                await machine.kill()
                await machine.start()


def _runs(machine: Machine) -> bool:
    try:
        return machine.process.status() not in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}
    except psutil.NoSuchProcess, StopIteration:
        return False


@asynccontextmanager
async def ward(place: str, dashboard: str) -> AsyncIterator[Ward]:
    """Give a house that shows a dashboard, with its browser at a place: "local" or "remote"."""
    async with AsyncExitStack() as stack:
        machines, wires, options = list[Machine](), list[Wire](), dict[str, Any]()
        if place == "remote":
            machines = [await stack.enter_async_context(Machine(frame_control=True)) for _ in range(2)]
            wires = [await stack.enter_async_context(Wire(machine.port)) for machine in machines]
            endpoints = {"endpoints": [wire.url for wire in wires]}
            options = {"browser": ({"next_step_id": "remote"}, endpoints)}
        found = await stack.enter_async_context(house(configuration=CONFIGURATION, **options))
        made = Ward(found, machines, wires)
        await made.tell_card("none")
        await found.show(dashboard)
        yield made
        await found.stop()


async def cut_wires(ward: Ward) -> None:
    """Lose the connections to the browsers elsewhere; new ones work."""
    for wire in ward.wires:
        wire.cut()


type Trouble = Callable[[Ward], Awaitable[None]]

ANYWHERE: dict[str, Trouble] = {
    "renderer stopped (SIGSTOP)": lambda ward: ward.send("renderer", signal.SIGSTOP),
    "renderer killed (SIGKILL)": lambda ward: ward.send("renderer", signal.SIGKILL),
    "browser stopped (SIGSTOP)": lambda ward: ward.send(None, signal.SIGSTOP),
    "browser killed (SIGKILL)": lambda ward: ward.send(None, signal.SIGKILL),
    "script that never ends": lambda ward: ward.tell_card("spin"),
    "page that leaks memory": lambda ward: ward.tell_card("leak"),
    "login page": lambda ward: ward.tell_card("login"),
    "error page of the browser": lambda ward: ward.tell_card("error"),
    "nothing of the view": lambda ward: ward.tell_card("blank"),
    "blank picture": lambda ward: ward.tell_card("cover"),
    f"WebSocket cut for {CUT_S:g} s": lambda ward: ward.act("cut", seconds=CUT_S),
    "tokens revoked": lambda ward: ward.act("revoke"),
    "own user removed": lambda ward: ward.act("remove_user"),
    f"own user switched off for {OFF_S:g} s": lambda ward: ward.act("switch_off_user", seconds=OFF_S),
    "Home Assistant updated": lambda ward: ward.act("update", version=f"2099.1.{time.time():.0f}"),
}
ELSEWHERE: dict[str, Trouble] = {"connection to the browser cut": cut_wires}
