"""What is sent to a Cast device: one message at a time, and nothing while its connection begins.

pychromecast sends from the thread that wants something: its own, for answers and to see whether the device is
still there, and those of Home Assistant's executor, for commands. All of them write to one TLS connection,
which OpenSSL leaves to its user to do by one thread at a time, and Python does not see to it
(python/cpython#143756). Nor may anything be written while its thread reads the session tickets with which
TLS 1.3 begins (RFC 8446, section 4.6.1): to OpenSSL that is a part of the handshake. Else records get mixed
up now and then: the device hangs up, and a LOAD or what it says meanwhile is lost.
"""

from collections.abc import Callable
import threading
from typing import Any, Final, override

from pychromecast import Chromecast
from pychromecast.controllers.receiver import CastStatus, CastStatusListener
from pychromecast.socket_client import ConnectionStatus, ConnectionStatusListener

# pychromecast waits as long for an answer (`REQUEST_TIMEOUT`).
_BEGINNING_S: Final = 10.0


class _Turns(CastStatusListener, ConnectionStatusListener):
    """Sends a message when those of other threads are sent, and the device has said how it is."""

    def __init__(self, chromecast: Chromecast) -> None:
        self._client = chromecast.socket_client
        self._send: Callable[..., None] = self._client.send_message
        # Whoever has it may take it again: the first message to an app begins with one that connects to it.
        self._turn = threading.Condition(threading.RLock())
        chromecast.register_status_listener(self)
        chromecast.register_connection_listener(self)

    def __call__(self, *arguments: Any, **options: Any) -> None:
        with self._turn:
            # pychromecast's thread reads what the others wait for, and does not read while it sends.
            if threading.current_thread() is not self._client:
                self._turn.wait_for(self._has_begun, _BEGINNING_S)
            self._send(*arguments, **options)

    @override
    def new_cast_status(self, status: CastStatus) -> None:
        self._wake()

    @override
    def new_connection_status(self, status: ConnectionStatus) -> None:
        self._wake()

    def _has_begun(self) -> bool:
        # The tickets are read with the first message. pychromecast forgets what it says with the connection.
        return not self._client.is_connected or self._client.receiver_controller.status is not None

    def _wake(self) -> None:
        with self._turn:
            self._turn.notify_all()


def send_in_turn(chromecast: Chromecast) -> None:
    """Have all that is sent to a Cast device sent one after the other; does nothing when that is so."""
    client = chromecast.socket_client
    if not isinstance(client.send_message, _Turns):
        client.send_message = _Turns(chromecast)  # type: ignore[method-assign]
