"""Tests of the child process: its pipes, its log, and that it ends whatever it does."""

import asyncio
from collections.abc import AsyncIterator
import os
import signal
import sys
import time

import psutil
import pytest

from custom_components.dashboard_cast.engine import process as module
from custom_components.dashboard_cast.engine.process import ChildProcess

from .helpers import TIMEOUT_S, alive, until

GRACE_S = 0.15
ECHO = "import sys; sys.stdout.write(sys.stdin.readline()); sys.stdout.flush(); sys.stdin.read()"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True:
    time.sleep(1)
"""
DEAF = "import time; print('ready', flush=True); time.sleep(60)"
FULL = "import sys; sys.stdout.write('x' * 10_000_000)"
CHATTY = "import sys; [print(number, file=sys.stderr) for number in range(1_000)]; sys.exit(3)"
LONG_LINE = "import sys; sys.stderr.write('x' * 10_000_000); sys.stderr.write('\\nlast\\n')"
CHILD = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
async def child(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ChildProcess]:
    """Return a child process that is not given much time to end."""
    monkeypatch.setattr(module, "_GRACE_S", GRACE_S)
    made = ChildProcess("test")
    yield made
    await asyncio.wait_for(made.stop(), TIMEOUT_S)


async def start(child: ChildProcess, program: str) -> None:
    """Start a Python program."""
    await child.start(sys.executable, "-c", program)


def running(child: ChildProcess) -> psutil.Process:
    """Return the process of a child that has not ended."""
    assert child._process
    return psutil.Process(child._process.pid)


async def stop(child: ChildProcess) -> float:
    """Stop the process and return how many seconds that took."""
    started = time.monotonic()
    await asyncio.wait_for(child.stop(), 5)
    return time.monotonic() - started


async def test_pipes(child: ChildProcess) -> None:
    """What it writes can be read, and it reads what is written."""
    await start(child, ECHO)
    child.stdin.write(b"hello\n")
    assert await child.stdout.readline() == b"hello\n"


async def test_ends_when_its_input_does(child: ChildProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that reads its input ends by itself, without a signal."""
    # A signal would come after ten seconds.
    monkeypatch.setattr(module, "_GRACE_S", 10)
    await start(child, ECHO)
    assert await stop(child) < 5
    assert await child.wait() == 0


async def test_terminates(child: ChildProcess) -> None:
    """A process that does not look at its input gets SIGTERM."""
    await start(child, DEAF)
    process = running(child)
    await child.stdout.readline()
    assert await stop(child) >= GRACE_S
    assert await child.wait() == -signal.SIGTERM
    assert not alive([process])


async def test_kills(child: ChildProcess) -> None:
    """A process that ignores SIGTERM as well gets SIGKILL."""
    await start(child, STUBBORN)
    process = running(child)
    await child.stdout.readline()
    assert await stop(child) >= 2 * GRACE_S
    assert await child.wait() == -signal.SIGKILL
    assert not alive([process])


async def test_stops_when_its_output_is_full(child: ChildProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that waits for somebody to read its output can end: it is read."""
    monkeypatch.setattr(module, "_GRACE_S", 10)
    await start(child, FULL)
    await until(lambda: len(child.stdout._buffer) > 1_000_000)  # type: ignore[attr-defined]
    await stop(child)
    assert await child.wait() == 0


async def test_stops_although_a_child_of_it_goes_on(child: ChildProcess) -> None:
    """A process whose own child holds its pipes open keeps nobody waiting."""
    await start(child, CHILD)
    process = running(child)
    await child.stdout.readline()
    (grandchild,) = process.children()
    try:
        await stop(child)
    finally:
        if alive([grandchild]):
            grandchild.kill()


async def test_stop_that_is_cancelled(child: ChildProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no time to wait for the end of a stubborn process leaves none either."""
    monkeypatch.setattr(module, "_GRACE_S", TIMEOUT_S)
    await start(child, STUBBORN)
    process = running(child)
    await child.stdout.readline()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(child.stop(), 0.1)
    await until(lambda: not alive([process]), 5)


async def test_stop_without_start() -> None:
    """There is nothing to stop before the start."""
    await ChildProcess("test").stop()


async def test_stop_twice(child: ChildProcess) -> None:
    """A process that has ended can be stopped again."""
    await start(child, ECHO)
    await stop(child)
    assert await stop(child) < GRACE_S


async def test_stop_after_its_end(child: ChildProcess) -> None:
    """A process that ended by itself needs no end."""
    await start(child, "")
    assert await child.wait() == 0
    assert await stop(child) < GRACE_S


async def test_log(child: ChildProcess, caplog: pytest.LogCaptureFixture) -> None:
    """The last lines of what it complains about are kept, and all go to the log."""
    with caplog.at_level("DEBUG", module.__name__):
        await start(child, CHATTY)
        assert await asyncio.wait_for(child.wait(), TIMEOUT_S) == 3
    assert child.log.splitlines() == [str(number) for number in range(950, 1_000)]
    assert "test: 0" in caplog.text


async def test_log_that_is_no_text(child: ChildProcess) -> None:
    """Bytes that are no text do no harm."""
    await start(child, "import sys; sys.stderr.buffer.write(b'a\\xff\\n')")
    await asyncio.wait_for(child.wait(), TIMEOUT_S)
    assert child.log == "a\N{REPLACEMENT CHARACTER}"


async def test_log_with_a_long_line(child: ChildProcess) -> None:
    """A line of any length neither holds the process up nor ends the log."""
    await start(child, LONG_LINE)
    assert await asyncio.wait_for(child.wait(), TIMEOUT_S / 4) == 0
    assert child.log.splitlines()[-1] == "last"


async def test_priority(child: ChildProcess) -> None:
    """Home Assistant comes first."""
    await start(child, ECHO)
    process = running(child)
    assert process.nice() == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 5) or process.nice() == 5


async def test_what_is_not_there(child: ChildProcess) -> None:
    """A program that is not there raises OSError, and there is nothing to stop."""
    with pytest.raises(OSError, match="no-such-program"):
        await child.start("/no-such-program")


HEIR = """
import subprocess, sys
child = "kept = bytearray(b'x') * 100_000_000; print('ready', flush=True); import sys; sys.stdin.read()"
subprocess.run([sys.executable, "-c", child])
"""


async def test_memory(child: ChildProcess) -> None:
    """What descends from a process counts; what is told is bytes."""
    await start(child, HEIR)
    assert await child.stdout.readline() == b"ready\n"
    assert 100_000_000 < await child.memory() < 200_000_000


async def test_memory_of_what_has_ended(child: ChildProcess) -> None:
    """A process that is gone takes none."""
    await start(child, "pass")
    await child.wait()
    assert await child.memory() == 0
