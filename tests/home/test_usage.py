"""Tests of the measuring of process trees, against what the kernel says of processes with a known task."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import os
import signal
import sys
import textwrap

import pytest

from .usage import MB, Process, ProcessTree, Share, Usage, marked, measure, snapshot

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

BURN = """
import sys, time
end = time.process_time() + float(sys.argv[1])
while time.process_time() < end:
    pass
"""


@asynccontextmanager
async def python(
    code: str, *arguments: object, environment: dict[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run some Python as a process group of its own; the code reads a line to be held up."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(code),
        *map(str, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def test_cpu_of_a_busy_process() -> None:
    """CPU time is what the process itself says it used."""
    async with python(BURN + "print(time.process_time(), flush=True); input()", 0.7) as process:
        assert process.stdout is not None
        used = float(await process.stdout.readline())
        assert ProcessTree(process.pid).cpu_seconds() == pytest.approx(used, abs=0.05)


async def test_cpu_of_ended_children() -> None:
    """What children used counts, whether they were seen alive or not, and is counted once."""
    code = f"""
    import os, subprocess, sys, time
    for seconds in (0.3, 0.5):
        subprocess.run([sys.executable, "-c", {BURN!r}, str(seconds)])
    print(sum(os.times()[:4]), flush=True)
    input()
    """
    async with python(code) as process:
        assert process.stdout is not None
        tree = ProcessTree(process.pid)
        line = asyncio.create_task(process.stdout.readline())
        while not line.done():
            tree.cpu_seconds()
            await asyncio.sleep(0.05)
        used = float(await line)
        assert tree.cpu_seconds() == pytest.approx(used, abs=0.05)
        assert ProcessTree(process.pid).cpu_seconds() == pytest.approx(used, abs=0.05)


async def test_orphans_by_session_and_by_mark() -> None:
    """A child that its parent left behind is found by session, by environment, or when seen before."""
    code = """
    import subprocess
    print(subprocess.Popen(["sleep", "60"]).pid, flush=True)
    input()
    """
    mark = ("TEST_USAGE_MARK", str(os.getpid()))
    async with python(code, environment=dict([mark])) as process:
        assert process.stdout is not None
        orphan = int(await process.stdout.readline())
        seen_before = ProcessTree(process.pid)
        seen_before.cpu_seconds()
        process.kill()
        await process.wait()
        for tree in (ProcessTree(sessions=[process.pid]), ProcessTree(mark=mark), seen_before):
            assert [found.pid for found in tree.processes()] == [orphan]
        assert marked(*mark) == {orphan}
        os.kill(orphan, signal.SIGKILL)


async def test_processes_that_vanish() -> None:
    """A process that is gone costs nothing more, and disturbs nothing."""
    async with python(BURN, 0.1) as process:
        tree = ProcessTree(process.pid)
        await process.wait()
        assert tree.processes() == []
        assert tree.pss_bytes() == 0
        assert Process.read(process.pid) is None
    vanished = Process(process.pid, 1, 1, 0, "vanished", 0, 0)
    assert vanished.pss_bytes() == 0


async def test_names_with_parentheses() -> None:
    """A process may call itself anything."""
    code = "open('/proc/self/comm', 'w').write('odd) (name'); print(flush=True); input()"
    async with python(code) as process:
        assert process.stdout is not None
        await process.stdout.readline()
        assert snapshot()[process.pid].name == "odd) (name"


async def test_measure() -> None:
    """Half a core and 100 MB of memory are measured as such."""
    code = """
    import time
    memory = bytearray(b"x") * 100_000_000
    print(flush=True)
    while True:
        end = time.process_time() + 0.01
        while time.process_time() < end:
            pass
        time.sleep(0.01)
    """
    async with python(code) as process:
        assert process.stdout is not None
        await process.stdout.readline()
        began = snapshot()[process.pid].own_cpu
        usage = await measure([process.pid], 2)
        really = (snapshot()[process.pid].own_cpu - began) / 2 * 100
    assert usage.cpu_percent == pytest.approx(really, abs=4)
    assert 15 < usage.cpu_percent < 60
    assert 100 < usage.pss_mb < 130
    assert sum(share.cpu_percent for share in usage.by_name.values()) == pytest.approx(usage.cpu_percent)


def test_usage_has_parts() -> None:
    """The parts of a measurement are kept by name, memory in units of 10^6 bytes."""
    usage = Usage(10, 20, {"ffmpeg": Share(10, 20)})
    assert usage.by_name["ffmpeg"].pss_mb * MB == 20_000_000
