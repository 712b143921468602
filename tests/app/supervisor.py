"""A stand-in for the Supervisor's HTTP API, as far as an app announces itself there."""

import asyncio
from types import TracebackType
from typing import Any, Self

from aiohttp import web

TOKEN = "the-token-of-the-supervisor"


class Supervisor:
    """`async with Supervisor() as supervisor:` takes announcements.

    failures: how many it refuses first.
    """

    def __init__(self, failures: int = 0) -> None:
        self.announcements: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        """What it has taken."""
        self.url = ""
        self._failures = failures
        application = web.Application()
        application.router.add_post("/discovery", self._take)
        self._runner = web.AppRunner(application)

    async def _take(self, request: web.Request) -> web.Response:
        """Answer as `supervisor/api/discovery.py` does."""
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise web.HTTPUnauthorized
        if self._failures:
            self._failures -= 1
            raise web.HTTPBadRequest
        self.announcements.put_nowait(await request.json())
        return web.json_response({"result": "ok", "data": {"uuid": "0" * 32}})

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more."""
        await self._runner.cleanup()
