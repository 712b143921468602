"""Addresses on the loopback network, which tests that run side by side do not share."""

import os

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
NETWORK = f"127.0.{13 + _WORKER}"
"""What addresses begin with that this process and its televisions may use."""
