"""The television as a program of its own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
import signal
import sys

import psutil
import pytest

from ..engine.helpers import command_of
from .conftest import HOST
from .television import Television

ROOT = Path(__file__).parents[2]
WITHIN = 20.0  # s


@pytest.fixture
async def process(loopback: None) -> AsyncIterator[asyncio.subprocess.Process]:
    """Return a running program that has said it is on."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.tv", "--host", HOST, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    assert await next_line(started, "is on at")
    assert await next_line(started, "IDLE")
    yield started
    if started.returncode is None:
        started.kill()
    await started.communicate()


async def next_line(process: asyncio.subprocess.Process, text: str) -> bytes:
    """Return the next line with `text` in it, nothing when the program ends before."""
    assert process.stderr is not None
    async with asyncio.timeout(WITHIN):
        async for line in process.stderr:
            if text.encode() in line:
                return line
    return b""


@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_leaves_no_process_behind(process: asyncio.subprocess.Process, kill: signal.Signals) -> None:
    """However it ends, its browser ends with it."""
    children = psutil.Process(process.pid).children(recursive=True)
    assert any("--type=renderer" in command_of(child) for child in children)
    process.send_signal(kill)
    await asyncio.wait_for(process.wait(), WITHIN)
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, WITHIN)
    assert [child for child in alive if child.status() != psutil.STATUS_ZOMBIE] == []


async def test_says_when_its_address_is_taken(tv: Television) -> None:
    """A message, not a traceback."""
    second = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.tv", "--host", HOST, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await asyncio.wait_for(second.communicate(), WITHIN)
    assert second.returncode == 1
    assert errors.decode().strip() == f"{HOST}:8009 cannot be listened on: Address already in use"
