"""Home Assistant without a browser: those elsewhere draw, and leave nothing behind."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
import shutil
import time

import pytest

from ..engine.elsewhere import Browserless, Machine
from ..home.api import FlowError
from .house import CLOCK_DASHBOARD, House, house as open_house, until

pytestmark = pytest.mark.e2e

TOKEN = "s3cret-of-the-farm"
# What the home does not log anyway, and could tell a token.
DEBUG = """
logger:
  logs:
    aiohttp.client: debug
    asyncio: debug
"""
CLOSED_WITHIN_S = 5.0


@dataclass
class Farm:
    """Two browsers, and a way to lose the first."""

    gateway: Browserless
    machine: Machine
    stack: AsyncExitStack

    @property
    def endpoints(self) -> list[str]:
        """Their addresses."""
        return [f"{self.gateway.url.replace('http', 'ws')}?token={TOKEN}", self.machine.url]


@pytest.fixture
async def farm(loopback: None) -> AsyncIterator[Farm]:
    """Return a gateway that gives everybody a browser, and a Chromium with a port."""
    async with AsyncExitStack() as stack, Machine(frame_control=True) as machine:
        gateway = await stack.enter_async_context(Browserless(token=TOKEN))
        yield Farm(gateway, machine, stack)


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """Return an environment with FFmpeg, but neither a browser nor Playwright."""
    programs, packages = tmp_path / "bin", tmp_path / "packages"
    for folder in (programs, packages):
        folder.mkdir()
    for name in ("ffmpeg", "ffprobe"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    (packages / "playwright.py").write_text('raise ModuleNotFoundError("playwright is not installed")\n')
    return {
        "PATH": str(programs),
        "PYTHONPATH": str(packages),
        "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path / "none"),
    }


def command(pid: int) -> str:
    """Return what the list of processes shows of one; nothing when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    except OSError:
        return ""


async def closed(machine: Machine) -> None:
    """Wait until a browser has no tab any more."""
    end = time.monotonic() + CLOSED_WITHIN_S
    while found := await machine.pages():
        assert time.monotonic() < end, f"{len(found)} tabs are still open"


async def test_remote_browsers(farm: Farm, bare: dict[str, str]) -> None:
    """Without a browser here the TV plays on, whatever happens to those elsewhere, and no tab outlives us."""
    chosen = ({"next_step_id": "remote"}, {"endpoints": farm.endpoints})
    async with open_house(browser=chosen, environment=bare, configuration=DEBUG) as house:
        await only_elsewhere(house, farm)
        await house.show(CLOCK_DASHBOARD)
        loads = len(house.tv.loads)
        await house.watch()
        assert len(farm.gateway.browsers) == 1
        # The gateway is gone with its browser: the next one draws.
        await farm.stack.aclose()
        await house.watch()
        assert len(await farm.machine.pages()) == 1
        # And when that is gone too, it is waited for.
        await farm.machine.kill()
        await until(
            lambda: "cannot be used" in house.home.log().partition(farm.machine.url)[2], "not noticed"
        )
        await farm.machine.start()
        await house.watch()
        assert len(house.tv.loads) == loads
        assert len(await farm.machine.pages()) == 1
        assert TOKEN not in house.home.log() + "".join(command(pid) for pid in house.home.processes())
        house.home.kill()
        await closed(farm.machine)
        await house.home.restart()
        await house.available()
        await house.show(CLOCK_DASHBOARD)
        assert len(await farm.machine.pages()) == 1


async def only_elsewhere(house: House, farm: Farm) -> None:
    """Check that there is nothing to draw with here, and that a wrong token is told."""
    with pytest.raises(FlowError) as refused:
        await house.home.reconfigure("dashboard_cast", house.entry_id, {"next_step_id": "local"}, {})
    assert refused.value.errors == {"browser": "browser_missing"}
    wrong = {"endpoints": [farm.endpoints[0] + "x"]}
    with pytest.raises(FlowError) as refused:
        await house.home.reconfigure("dashboard_cast", house.entry_id, {"next_step_id": "remote"}, wrong)
    assert refused.value.errors == {"endpoints": "endpoint_refused"}
    assert TOKEN not in refused.value.result["description_placeholders"].values()
