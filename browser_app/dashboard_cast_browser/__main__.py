"""Runs browser and gateway until told to stop."""

import argparse
import asyncio
from functools import partial
import logging
import os
from pathlib import Path
import signal
import sys

import aiohttp
from aiohttp import web

from .chromium import Chromium
from .discovery import announce
from .gateway import Gateway
from .keeper import Keeper
from .memory import CGROUP, used_bytes
from .options import Options, OptionsError

_LOGGER = logging.getLogger(__package__)


def _arguments() -> argparse.Namespace:
    """Return where everything is; the container needs none of this."""
    parser = argparse.ArgumentParser(prog=__package__, description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("/data"), help="folder of options and token")
    parser.add_argument("--port", type=int, default=9222, help="port of the gateway")
    parser.add_argument("--browser", default="chromium-headless-shell", help="program to start")
    parser.add_argument("--user", default="browser", help="who the browser runs as, if we may choose")
    parser.add_argument("--cgroup", type=Path, default=CGROUP, help="the container's control group")
    parser.add_argument("--supervisor", default="http://supervisor", help="address of the Supervisor")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace, options: Options) -> None:
    """Run everything until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    # A connection kept open to a browser that was replaced would only fail.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http:
        keeper = _keeper(arguments, options, http)
        gateway = Gateway(keeper, options.token, http)
        runner = web.AppRunner(gateway.application(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, port=arguments.port).start()
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(keeper.run(), name="keeper"),
                    group.create_task(_announce(keeper, arguments, options, http), name="announcement"),
                ]
                await stopped.wait()
                for task in tasks:
                    task.cancel()
        finally:
            await runner.cleanup()


def _keeper(arguments: argparse.Namespace, options: Options, http: aiohttp.ClientSession) -> Keeper:
    """Return what keeps the browser. One page may fill half of the memory with its scripts' objects."""
    if used_bytes(arguments.cgroup) is None:
        _LOGGER.warning("Memory is not limited, since the kernel does not tell how much is used")
    launch = partial(
        Chromium.start,
        arguments.browser,
        user=arguments.user if os.geteuid() == 0 else None,
        heap_mb=options.memory_mb // 2,
        http=http,
    )
    return Keeper(launch, limit_mb=options.memory_mb, used_bytes=partial(used_bytes, arguments.cgroup))


async def _announce(
    keeper: Keeper, arguments: argparse.Namespace, options: Options, http: aiohttp.ClientSession
) -> None:
    await keeper.started.wait()
    await announce(http, arguments.supervisor, arguments.port, options.token)


def main() -> None:
    """Run the app."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    arguments = _arguments()
    try:
        options = Options.load(arguments.data)
    except OptionsError as error:
        sys.exit(str(error))
    # Ours only: what libraries tell at this level could hold addresses with the token.
    _LOGGER.setLevel(options.log_level.upper())
    asyncio.run(_run(arguments, options))


if __name__ == "__main__":
    main()
