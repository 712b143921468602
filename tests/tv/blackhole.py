"""A port of which no answer comes, as when there is no network between it and who calls (Linux)."""

import socket


class BlackHole:
    """Lets whoever wants to connect wait, as at an address that nobody has: nothing is accepted or refused.

    Who still waits when it is closed gets through to the next one that listens there.
    """

    def __init__(self, host: str, port: int) -> None:
        """Listen, with no room for anybody. Raises OSError when the address or the port is not to be had."""
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, port))
        self._listener.listen(0)
        # The queue is full now: further attempts are ignored, and repeated by who makes them (listen(2)).
        self._caller = socket.create_connection((host, port))

    def close(self) -> None:
        """Leave the port to somebody else."""
        self._caller.close()
        self._listener.close()
