"""Tells Home Assistant, through the Supervisor, where the browser is."""

import asyncio
import logging
import os
import socket
from typing import Final

import aiohttp

_LOGGER = logging.getLogger(__name__)

SERVICE: Final = "dashboard_cast"
"""The domain of the integration that is to be told."""
_RETRY_S: Final = 30.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)


async def announce(http: aiohttp.ClientSession, supervisor: str, port: int, token: str) -> None:
    """Send host, port and token until they are taken; does nothing where there is no Supervisor.

    The Supervisor keeps them as long as the app is installed, so sending the same again is fine.
    """
    permission = os.environ.get("SUPERVISOR_TOKEN")
    if not permission:
        _LOGGER.info("There is no Supervisor to tell Home Assistant of the browser")
        return
    message = {"service": SERVICE, "config": {"host": socket.gethostname(), "port": port, "token": token}}
    while True:
        try:
            async with http.post(
                f"{supervisor}/discovery",
                json=message,
                headers={"Authorization": f"Bearer {permission}"},
                timeout=_TIMEOUT,
                raise_for_status=True,
            ):
                _LOGGER.info("Home Assistant was told of the browser")
                return
        except (aiohttp.ClientError, TimeoutError) as error:
            _LOGGER.warning("The Supervisor does not take the announcement: %r", error)
        await asyncio.sleep(_RETRY_S)
