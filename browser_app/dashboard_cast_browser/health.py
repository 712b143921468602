"""The container's health check: asks the browser, through the gateway, whether it is there.

It is started every minute, so it imports little.
"""

from http.client import HTTPConnection, HTTPException
import sys
from typing import Final

_PORT: Final = 9222
_TIMEOUT_S: Final = 10.0


def healthy(port: int) -> bool:
    """Return whether the gateway at a port of this machine says that the browser answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not healthy(int(sys.argv[1]) if len(sys.argv) > 1 else _PORT))
