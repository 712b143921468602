"""A house: a home with the integration set up, and a TV that it found."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
import os
from pathlib import Path
import time
from typing import Any

import pytest

from ..home.api import Data, ServiceError
from ..home.home import LOCAL_BROWSER, Home
from ..tv import Television
from ..tv.library import PlayerKind
from ..tv.player import Report

TV_ENTITY = "media_player.living_room_tv"
STILL_DASHBOARD = "/demo-home/overview"
CLOCK_DASHBOARD = "/demo-clock/clock"
TARGET = {"entity_id": TV_ENTITY}
# Where these have nothing but their background.
GROUND = (6, 300)
FIND_TIMEOUT_S = 40.0
PLAY_TIMEOUT_S = 30.0
END_TIMEOUT_S = 15.0
CHANGE_TIMEOUT_S = 15.0
POLL_S = 0.05
# What the kernel lets a program be called.
STREAM_PROGRAMS = ("chromium", "headless", "chrome", "ffmpeg", "node")


@dataclass
class House:
    """A home and its TV."""

    home: Home
    tv: Television
    entry_id: str

    async def start(self, path: str, **fields: Any) -> dict[str, Any]:
        """Call the action for the TV and return its response, whose stream ends when nobody watches."""
        answer: dict[str, Any] = await self.home.call(
            "dashboard_cast",
            "start",
            {"path": path, **fields},
            target=TARGET,
            return_response=True,
        )
        return answer

    async def show(self, path: str, **fields: Any) -> float:
        """Show a dashboard on the TV as an automation does; return the seconds until its first picture."""
        begun, loads = time.time(), len(self.tv.loads)
        await self.act("start", path=path, **fields)
        await self.tv.wait_playing(PLAY_TIMEOUT_S, loads=loads + 1)
        first_picture = (await self.tv.report()).first_picture
        assert first_picture is not None
        return first_picture - begun

    async def act(self, service: str, **data: object) -> None:
        """Call an action for the TV."""
        await self.home.call("dashboard_cast", service, data, target=TARGET)

    async def becomes(self, *, dark: bool) -> None:
        """Wait until the ground of what the TV shows is dark, or light."""
        await self.tv.wait_dark(*GROUND, CHANGE_TIMEOUT_S, dark=dark)

    async def play(self, url: str) -> None:
        """Let the TV play an address by the ordinary action, and wait until it does."""
        loads = len(self.tv.loads)
        await self.home.call(
            "media_player",
            "play_media",
            {"media_content_id": url, "media_content_type": "video"},
            target=TARGET,
        )
        await self.tv.wait_playing(PLAY_TIMEOUT_S, loads=loads + 1)

    async def browse(self, node: Data | None = None) -> Any:
        """Return what the TV's media browser has below a node, the root's without one."""
        chosen = {name: node[name] for name in ("media_content_id", "media_content_type")} if node else {}
        return await self.home.websocket(type="media_player/browse_media", entity_id=TV_ENTITY, **chosen)

    async def watch(self, changes: int = 20) -> Report:
        """Watch the clock on the TV for so many changes from now on; raises AssertionError when it stands."""
        await self.tv.reset_measurements()
        return await self.tv.wait_report(lambda report: len(report.latencies) >= changes, changes)

    async def error_of(self, path: str, entity_id: str = TV_ENTITY, **fields: Any) -> str:
        """Call the action, which has to fail, and return the key of its message."""
        with pytest.raises(ServiceError) as raised:
            await self.home.call(
                "dashboard_cast", "start", {"path": path, **fields}, target={"entity_id": entity_id}
            )
        assert raised.value.message
        return str(raised.value.translation_key)

    async def stop(self) -> None:
        """End everything that is shown."""
        await self.home.call("dashboard_cast", "stop")

    async def available(self) -> None:
        """Wait until Home Assistant has found the TV."""
        await self.home.wait_state(
            TV_ENTITY, lambda state: bool(state and state["state"] != "unavailable"), FIND_TIMEOUT_S
        )

    def stored_users(self) -> str:
        """Return what Home Assistant has stored of its users and their tokens."""
        return self.stored("auth")

    def stored(self, name: str) -> str:
        """Return what Home Assistant has stored under a name so far."""
        file = Path(self.home.config_dir, ".storage", name)
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def forget(self, name: str) -> None:
        """Have it as if Home Assistant had not stored anything under a name yet; it must not run."""
        Path(self.home.config_dir, ".storage", name).unlink(missing_ok=True)

    async def status_of(self, url: str) -> int:
        """Return the HTTP status with which Home Assistant answers who asks for a stream as a TV does."""
        async with self.home.session.get(url) as answer:
            return answer.status

    async def own_tokens(self) -> list[str]:
        """Return the ids of what the integration's own users can sign in with."""
        users = await self.home.call("trouble", "own_tokens", return_response=True)
        tokens: list[str] = users["tokens"]
        return tokens

    def encoders(self) -> set[int]:
        """Return the ids of FFmpeg processes that encode."""
        return {pid for pid in self.home.processes() if program(pid) == "ffmpeg"}

    async def encoders_end(self) -> None:
        """Wait until no stream runs any more."""
        await until(lambda: not self.encoders(), "FFmpeg still runs")


@asynccontextmanager
async def house(
    *, player: PlayerKind = PlayerKind.SHAKA_5, browser: Sequence[Data] = LOCAL_BROWSER, **options: Any
) -> AsyncIterator[House]:
    """Give a house whose TV plays HLS with a player; the options are those of `Home`.

    browser: what is answered when the integration asks for the browser.
    """
    async with Television(player=player) as tv, Home(**options) as home:
        result = await home.flow("dashboard_cast", *browser)
        await home.add_cast([tv.host])
        found = House(home, tv, result["result"]["entry_id"])
        try:
            await found.available()
        except TimeoutError as error:
            error.add_note(home.log_tail())
            raise
        yield found


def program(pid: int) -> str:
    """Return what a process runs; nothing when it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def living(pids: set[int]) -> set[int]:
    """Return those processes that still run, dead ones that nobody has waited for left out."""
    found = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            found.add(pid)
    return found


async def until(condition: Any, what: str, within: float = END_TIMEOUT_S) -> None:
    """Wait for a condition; raises AssertionError, saying `what`, when it does not come true."""
    for _ in range(int(within / POLL_S)):
        if condition():
            return
        await asyncio.sleep(POLL_S)
    raise AssertionError(f"{what} after {within:g} s (process {os.getpid()})")
