"""How much memory the container uses, as the kernel counts it (cgroup v2)."""

from pathlib import Path
from typing import Final

CGROUP: Final = Path("/sys/fs/cgroup")
"""Where a container sees its own control group."""


def used_bytes(cgroup: Path = CGROUP) -> int | None:
    """Return what the container uses, without files that the kernel keeps as long as nobody needs the room.

    This is what `docker stats` and Home Assistant show. Adding up the processes would need rights to look
    into those of another user. None where the kernel does not tell.
    """
    try:
        used = int((cgroup / "memory.current").read_text(encoding="ascii"))
        lines = (cgroup / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return used - int(dict(line.split() for line in lines)["inactive_file"])
