"""What a Cast device tells about itself over HTTPS, before anybody connects to it."""

import ssl
from typing import Any
from uuid import UUID

from aiohttp import web

PORT = 8443
PATH = "/setup/eureka_info"


def device_facts(name: str, model: str, uuid: UUID) -> dict[str, Any]:
    """Return all that `eureka_info` can answer, by parameter."""
    return {
        "name": name,
        "version": 12,
        "device_info": {
            "name": name,
            "model_name": model,
            "manufacturer": "Google Inc.",
            "ssdp_udn": str(uuid),
            "capabilities": {"display_supported": True, "multizone_supported": False},
        },
        "multizone": {"dynamic_groups": [], "groups": []},
    }


def select(facts: dict[str, Any], wanted: list[str]) -> dict[str, Any]:
    """Return the facts that were asked for; nothing asked for is everything."""
    return {key: value for key, value in facts.items() if not wanted or key in wanted}


class DialServer:
    """Serves `eureka_info` over HTTPS."""

    def __init__(self, host: str, facts: dict[str, Any]) -> None:
        self._host = host
        self._facts = facts
        self._runner: web.AppRunner | None = None

    async def start(self, context: ssl.SSLContext) -> None:
        """Listen. Raises OSError when the address or the port is not to be had."""
        app = web.Application()
        app.router.add_get(PATH, self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, PORT, ssl_context=context).start()

    async def stop(self) -> None:
        """Stop listening; does nothing when stopped."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.Response:
        wanted = request.query.get("params", "")
        return web.json_response(select(self._facts, wanted.split(",") if wanted else []))
