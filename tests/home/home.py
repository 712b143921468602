"""A real Home Assistant as a process of its own: starts it, onboards its owner, leaves nothing behind."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
import contextlib
from dataclasses import dataclass
import json
import os
from pathlib import Path
import shutil
import signal
import socket
import sys
import tempfile
from types import TracebackType
from typing import Self
from uuid import uuid4

import aiohttp

from . import sensors
from .api import CLIENT_ID, Data, HomeApi
from .usage import marked

HERE = Path(__file__).parent
INTEGRATION = HERE.parent.parent / "custom_components" / "dashboard_cast"
LOCAL_BROWSER: Sequence[Data] = ({"next_step_id": "local"}, {})
"""What the integration is told at set-up to start its browser here."""
MARK = "DASHBOARD_CAST_TEST_HOME"
START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 40
POLL_INTERVAL_S = 0.1
LOG_TAIL_LINES = 300
TOKEN_DAYS = 1
# Finishing this step would set up integrations that fetch weather, radio stations and voices.
SKIPPED_STEPS = ["core_config"]


class HomeError(Exception):
    """Home Assistant did not start, or died; holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The person who owns the home."""

    name: str = "Anna Owner"
    username: str = "owner"
    password: str = "correct horse"


def free_port() -> int:
    """Return a TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
    return port


class Home(HomeApi):
    """`async with Home() as home:` is a Home Assistant that runs, with `home.token` for its owner.

    port: where it listens, 0 for any free one.
    environment: variables for its process besides this one's.
    configuration: YAML to add to the home's own, as a package.
    log_file: where to leave its log when the home is gone.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        environment: Mapping[str, str] | None = None,
        configuration: str = "",
        log_file: Path | None = None,
    ) -> None:
        super().__init__()
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.owner = Owner()
        self.mark = (MARK, uuid4().hex)
        self._environment = dict(environment or {})
        self._configuration = configuration
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    async def __aenter__(self) -> Self:
        """Furnish, start and onboard the home; raises HomeError when it does not come up."""
        self._directory = tempfile.TemporaryDirectory(prefix="dashboard-cast-home-")
        try:
            await asyncio.to_thread(self._furnish)
            await self._launch()
            await self._onboard()
            await self._settle()
        except BaseException:
            await self._clear_away()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the home and remove all of it."""
        await self._clear_away()

    @property
    def config_dir(self) -> Path:
        """The configuration folder; gone with the home."""
        assert self._directory is not None
        return Path(self._directory.name, "config")

    @property
    def pid(self) -> int:
        """The process id of the Home Assistant that runs, or ran last."""
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """Return all Home Assistant has printed so far, over restarts too."""
        return self._log_path.read_text(errors="replace") if self._log_path.exists() else ""

    def log_tail(self) -> str:
        """Return the last lines of what Home Assistant has printed."""
        return "\n".join(self.log().splitlines()[-LOG_TAIL_LINES:])

    def processes(self) -> set[int]:
        """Return the ids of living processes that this home started, directly or not."""
        return marked(*self.mark)

    async def stop(self) -> None:
        """Ask Home Assistant to stop and wait for it; kill it after 40 s."""
        assert self._process is not None
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def kill(self) -> None:
        """Kill Home Assistant alone, without a chance to clear up."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def restart(self) -> None:
        """Stop Home Assistant if it runs, start it again on the same port and wait until it is ready."""
        await self.stop()
        await self._launch()
        await self._settle()

    async def restart_bare(self, mode: str) -> None:
        """Start Home Assistant again in its `safe` or `recovery` mode, without custom integrations."""
        await self.stop()
        if mode == "safe":
            (self.config_dir / "safe-mode").touch()
        await self._launch(*(["--recovery-mode"] if mode == "recovery" else []))
        await self._until("was ready", self._runs)

    @property
    def _log_path(self) -> Path:
        return self.config_dir.parent / "home.log"

    def _furnish(self) -> None:
        storage = self.config_dir / ".storage"
        storage.mkdir(parents=True)
        shutil.copy(HERE / "configuration.yaml", self.config_dir)
        for name in ("dashboards", "www"):
            (self.config_dir / name).symlink_to(HERE / name)
        packages = self.config_dir / "packages"
        packages.mkdir()
        (packages / "addition.yaml").write_text(self._configuration)
        components = self.config_dir / "custom_components"
        components.mkdir()
        # Without it, the package of this name in the working directory would come first.
        (components / "__init__.py").touch()
        for component in (INTEGRATION, *(HERE / "components").glob("[a-z]*")):
            (components / component.name).symlink_to(component)
        onboarding = {"version": 4, "key": "onboarding", "data": {"done": SKIPPED_STEPS}}
        (storage / "onboarding").write_text(json.dumps(onboarding))

    async def _launch(self, *arguments: str) -> None:
        home_assistant = [sys.executable, "-m", "homeassistant", *arguments]
        command = [*home_assistant, "-c", str(self.config_dir), "--log-no-color"]
        if setpriv := shutil.which("setpriv"):
            # Stops it also when this process is killed and cannot stop it any more.
            command = [setpriv, "--pdeathsig", "TERM", *command]
        environment = {
            **os.environ,
            **self._environment,
            self.mark[0]: self.mark[1],
            # The one way to choose a port that is neither a trial nor in need of a person's consent.
            "SETUP_PORT": str(self.port),
            "HA_DISABLE_LOG_FILE": "1",
            "PYTHONUNBUFFERED": "1",
            # Starting without compiled modules takes three times as long.
            "PYTHONDONTWRITEBYTECODE": "",
        }
        with self._log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        await self._until("answered", self._answers)

    async def _until(self, what: str, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait for a condition; raises HomeError when Home Assistant ends or is too slow."""
        assert self._process is not None
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not await condition():
                    if self._process.returncode is not None:
                        raise self._error(f"ended with {self._process.returncode} before it {what}")
                    await asyncio.sleep(POLL_INTERVAL_S)
        except TimeoutError:
            raise self._error(f"took more than {START_TIMEOUT_S} s until it {what}") from None

    def _error(self, what: str) -> HomeError:
        return HomeError(f"Home Assistant {what}. The end of its log:\n{self.log_tail()}")

    async def _answers(self) -> bool:
        try:
            async with self.session.get(f"{self.url}/manifest.json") as response:
                return response.ok
        except aiohttp.ClientError:
            return False

    async def _runs(self) -> bool:
        try:
            config = await self.request("GET", "/api/config")
        except aiohttp.ClientError:
            return False
        return bool(config["state"] == "RUNNING")

    async def _onboard(self) -> None:
        owner = self.owner
        user = {
            "name": owner.name,
            "username": owner.username,
            "password": owner.password,
            "client_id": CLIENT_ID,
            "language": "en",
        }
        created = await self.request("POST", "/api/onboarding/users", user)
        self.token = await self.access_token(created["auth_code"])
        await self.request("POST", "/api/onboarding/analytics")
        client = {"client_id": CLIENT_ID, "redirect_uri": CLIENT_ID}
        await self.request("POST", "/api/onboarding/integration", client)
        self.token = await self.websocket(
            type="auth/long_lived_access_token", client_name="Tests", lifespan=TOKEN_DAYS
        )

    async def _settle(self) -> None:
        await self._until("was ready", self._runs)
        for command in sensors.commands():
            await self.websocket(**command)

    async def _clear_away(self) -> None:
        try:
            if self._process is not None:
                await self.stop()
        finally:
            await self.close()
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.to_thread(self._remove)

    def _remove(self) -> None:
        if self._log_file is not None:
            self._log_file.write_text(self.log())
        if self._directory is not None:
            self._directory.cleanup()
