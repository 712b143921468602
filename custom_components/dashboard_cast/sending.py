"""What is sent to a Cast device: one message at a time, whoever sends it.

pychromecast sends from the thread that wants something: its own, for answers and to see whether the device is
still there, and those of Home Assistant's executor, for commands. All of them write to one TLS connection,
which OpenSSL leaves to its user to do by one thread at a time, and Python does not see to it
(python/cpython#143756). Else records get mixed up now and then: the device hangs up, and a LOAD or what it
says meanwhile is lost.
"""

from collections.abc import Callable
import threading
from typing import Any

from pychromecast import Chromecast


class _Turns:
    """Sends a message when those of other threads are sent."""

    def __init__(self, send: Callable[..., None]) -> None:
        self._send = send
        # The first message to an app begins with another one, which connects to it.
        self._lock = threading.RLock()

    def __call__(self, *arguments: Any, **options: Any) -> None:
        with self._lock:
            self._send(*arguments, **options)


def send_in_turn(chromecast: Chromecast) -> None:
    """Have all that is sent to a Cast device sent one after the other; does nothing when that is so."""
    client = chromecast.socket_client
    if not isinstance(client.send_message, _Turns):
        client.send_message = _Turns(client.send_message)  # type: ignore[method-assign]
