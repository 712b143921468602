"""The players that a television can have: Cast devices differ, and each player fails on other mistakes."""

from enum import StrEnum
from pathlib import Path

PLAYERS = Path(__file__).parents[2] / ".cache" / "players"


class PlayerError(Exception):
    """The player cannot start; the message says what is missing."""


class PlayerKind(StrEnum):
    """What plays HLS; all else, such as endless MP4, Chromium's video element always plays alone."""

    SHAKA_5 = "shaka-5"
    """Shaka Player 5, as Google's default media receiver has it."""
    SHAKA_4 = "shaka-4"
    HLS_JS = "hls.js"
    NATIVE = "native"
    """Chromium's own."""

    @property
    def adapter(self) -> str:
        """The module in the folder `players` that drives it."""
        return {"shaka-5": "shaka", "shaka-4": "shaka", "hls.js": "hlsjs"}.get(self, "native")

    def find_library(self) -> Path | None:
        """Return the newest script of it that was set up, None when it needs none.

        Raises PlayerError when it is missing.
        """
        if self is PlayerKind.NATIVE:
            return None
        found = sorted(PLAYERS.glob(_SCRIPTS[self]), key=_version)
        if not found:
            raise PlayerError(f"The player {self} is missing: run scripts/setup")
        return found[-1]


_SCRIPTS = {
    PlayerKind.SHAKA_5: "shaka-player/5.*/shaka-player.compiled.js",
    PlayerKind.SHAKA_4: "shaka-player/4.*/shaka-player.compiled.js",
    PlayerKind.HLS_JS: "hls.js/1.*/hls.min.js",
}


def _version(script: Path) -> list[int]:
    return [int(part) for part in script.parent.name.split(".")]
