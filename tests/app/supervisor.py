"""A stand-in for the Supervisor's HTTP API: apps announce themselves there, and are updated."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

TOKEN = "the-token-of-the-supervisor"
UUID = "0" * 32
SLUG = "0c5e0fe6_dashboard_cast_browser"
# What the Supervisor tells of an app besides what matters here (aiohasupervisor.models.addons).
_TEXTS = ("description", "hostname", "long_description", "name", "repository")
_SWITCHES = (
    "advanced", "apparmor_disabled", "audio", "auth_api", "auto_update", "build", "changelog", "detached",
    "devicetree", "docker_api", "documentation", "full_access", "gpio", "homeassistant_api", "host_dbus",
    "host_ipc", "host_network", "host_pid", "host_uts", "hassio_api", "icon", "ingress", "ingress_panel",
    "kernel_modules", "logo", "protected", "signed", "stdin", "system_managed", "uart", "udev", "usb",
    "video", "watchdog",
)  # fmt: skip
_LISTS = ("arch", "devices", "discovery", "dns", "machine", "privileged", "services")
_NOTHING = (
    "audio_input", "audio_output", "homeassistant", "ingress_entry", "ingress_port", "ingress_url", "network",
    "network_description", "schema", "system_managed_config_entry", "url", "webui",
)  # fmt: skip


class Supervisor:
    """`async with Supervisor() as supervisor:` takes announcements, and has the app of `SLUG`.

    failures: how many it refuses first.
    """

    version = "0.0.9"
    """Of the app that is installed."""
    latest = "0.1.0"
    """Of the app that is in the store."""

    def __init__(self, failures: int = 0) -> None:
        self.announcements: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        """What it has taken."""
        self.url = ""
        self.backups: list[dict[str, Any]] = []
        """What was asked for."""
        self.fetched = asyncio.Event()
        """Whether an update goes through; clear it to have it take its time."""
        self.fetched.set()
        self._failures = failures
        application = web.Application(middlewares=[_authorized])
        application.router.add_routes(
            [
                web.post("/discovery", self._take),
                web.get("/discovery", self._list),
                web.get("/store/addons/{slug}", self._tell),
                web.get("/addons/{slug}/info", self._tell),
                web.get("/store/addons/{slug}/availability", self._agree),
                web.post("/backups/new/partial", self._back_up),
                web.post("/store/addons/{slug}/update", self._update),
            ]
        )
        self._runner = web.AppRunner(application)

    async def _take(self, request: web.Request) -> web.Response:
        """Answer as `supervisor/api/discovery.py` does."""
        if self._failures:
            self._failures -= 1
            raise web.HTTPBadRequest
        self.announcements.put_nowait(await request.json())
        return _answer({"uuid": UUID})

    async def _list(self, _request: web.Request) -> web.Response:
        found = {"addon": SLUG, "service": "dashboard_cast", "uuid": UUID, "config": {}}
        return _answer({"discovery": [found]})

    async def _tell(self, request: web.Request) -> web.Response:
        if request.match_info["slug"] != SLUG:
            return web.json_response({"result": "error", "message": "No such app"}, status=404)
        return _answer(
            {
                **dict.fromkeys(_TEXTS, "app"),
                **dict.fromkeys(_SWITCHES, False),
                **{key: [] for key in _LISTS},
                **dict.fromkeys(_NOTHING),
                "apparmor": "default",
                "available": True,
                "boot": "auto",
                "boot_config": "auto",
                "hassio_role": "default",
                "installed": True,
                "ip_address": "172.30.33.1",
                "options": {},
                "rating": 6,
                "slug": SLUG,
                "stage": "experimental",
                "startup": "services",
                "state": "started",
                "translations": {},
                "update_available": self.version != self.latest,
                "version": self.version,
                "version_latest": self.latest,
            }
        )

    async def _agree(self, _request: web.Request) -> web.Response:
        return _answer({})

    async def _back_up(self, request: web.Request) -> web.Response:
        self.backups.append(await request.json())
        return _answer({"job_id": UUID, "slug": "backup"})

    async def _update(self, _request: web.Request) -> web.Response:
        await self.fetched.wait()
        if self._failures:
            self._failures -= 1
            return web.json_response({"result": "error", "message": "No space left"}, status=400)
        self.version = self.latest
        return _answer({})

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


@web.middleware
async def _authorized(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Let nobody in without the token, as `supervisor/api/middleware/security.py` does."""
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        raise web.HTTPUnauthorized
    return await handler(request)


def _answer(data: dict[str, Any]) -> web.Response:
    return web.json_response({"result": "ok", "data": data})
