"""Whether a page is well by what it says of itself, and what helps where it is not (pure)."""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Final

type Json = dict[str, object]

_MB: Final = 1_000_000

# What `health` of page.js says.
_SAID: Final = {"signedIn": bool, "connected": bool, "waitsFor": str, "error": str, "version": str}
WELL: Final[Json] = {"signedIn": True, "connected": True, "waitsFor": "", "error": "", "version": ""}
"""What a page says that is well."""


class Trouble(StrEnum):
    """What can be wrong with a page, in words for the log."""

    AWAY = "Home Assistant's frontend is not there"
    """The document is being loaded, or it is another one, such as an error page of the browser."""
    ERROR = "an error or the login page takes the place of the dashboard"
    SIGNED_OUT = "the page is not signed in"
    DISCONNECTED = "the page has lost its connection to Home Assistant"
    UNDRAWN = "the dashboard is not there"
    """It is loading, or nothing of the view is in the document."""
    BLANK = "the picture is blank, but the page is not"
    """All is there but what is drawn: one colour."""
    OUTDATED = "Home Assistant was updated"
    BLOATED = "the page takes more and more memory"
    CROWDED = "the browser takes too much memory"
    OLD = "the page has been open for long"


class Remedy(Enum):
    """What helps."""

    NOTHING = auto()
    """It is well."""
    WAIT = auto()
    """It may get well by itself; what it shows is not to be seen."""
    REPLACE = auto()
    """A new page; this one does not get well any more."""
    RENEW = auto()
    """A new page by a swap that nobody sees; this one is worth showing until then."""


# How long a trouble is left to the frontend, in seconds: it signs in, reconnects and reloads by itself. It
# tries to reconnect every five seconds at the latest. All is known within ten seconds from when it begins.
_PATIENCE_S: Final = {
    Trouble.AWAY: 8.0,
    Trouble.ERROR: 2.0,
    Trouble.SIGNED_OUT: 8.0,
    Trouble.DISCONNECTED: 20.0,
    Trouble.UNDRAWN: 5.0,
    Trouble.BLANK: 2.0,
}
# A dashboard takes 20 to 150 MB, and a collection of garbage may be so much away that it looks like more.
_GROWTH: Final = 150 * _MB
# Chromium ends a page whose heap reaches `chromium.HEAP_LIMIT_MB`; the swap comes before.
_MOST: Final = 400 * _MB
# A page that has always taken more than that is not worn out by it, only by growing so much beyond.
_SLACK: Final = 1.25


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a page is."""

    trouble: Trouble | None = None
    remedy: Remedy = Remedy.NOTHING

    @property
    def presentable(self) -> bool:
        """Whether its pictures may be seen; blank ones are kept back one by one."""
        return self.remedy in (Remedy.NOTHING, Remedy.RENEW) or self.trouble is Trouble.BLANK


class PageHealth:
    """What is known of the health of one page, over time."""

    def __init__(self, worn_at: float) -> None:
        """worn_at: when the page has been open for long enough, on the clock of `judge`."""
        self._worn_at = worn_at
        self._trouble: Trouble | None = None
        self._since = 0.0
        self._version = ""
        self.memory = 0
        """How many bytes the page used when that was looked at last; 0 before."""
        self._usual_memory = 0
        self.crowded = False
        """Whether its browser takes too much memory."""
        self.blank = False
        """Whether its picture is blank though there should be something to see."""

    def weigh(self, memory: int) -> None:
        """Take in how many bytes the page uses; what it used at first is what is usual."""
        self.memory = memory
        self._usual_memory = self._usual_memory or memory

    def judge(self, said: object, now: float) -> Verdict:
        """Return how the page is.

        said: what `health` of page.js says, None when it is not there. now: seconds, monotonic.
        """
        trouble = _trouble(said) or (Trouble.BLANK if self.blank else self._wear(said, now))
        if trouble is not self._trouble:
            self._trouble, self._since = trouble, now
        if trouble is None:
            return Verdict()
        if (patience := _PATIENCE_S.get(trouble)) is None:
            return Verdict(trouble, Remedy.RENEW)
        return Verdict(trouble, Remedy.WAIT if now - self._since < patience else Remedy.REPLACE)

    def _wear(self, said: object, now: float) -> Trouble | None:
        """Return why a page that shows what it should is to be renewed all the same."""
        assert isinstance(said, dict)
        self._version = self._version or said["version"]
        if said["version"] != self._version:
            return Trouble.OUTDATED
        most = max(self._usual_memory * _SLACK, min(self._usual_memory + _GROWTH, _MOST))
        if self.memory > most:
            return Trouble.BLOATED
        if self.crowded:
            return Trouble.CROWDED
        return Trouble.OLD if now >= self._worn_at else None


def _trouble(said: object) -> Trouble | None:
    """Return what keeps a page from showing what it should."""
    if not isinstance(said, dict) or any(type(said.get(name)) is not kind for name, kind in _SAID.items()):
        # What is in the page can write over our script; then nothing is known of it.
        return Trouble.AWAY
    if said["error"]:
        return Trouble.ERROR
    if not said["signedIn"]:
        return Trouble.SIGNED_OUT
    if not said["connected"]:
        return Trouble.DISCONNECTED
    return Trouble.UNDRAWN if said["waitsFor"] else None


@dataclass(frozen=True, slots=True)
class Health:
    """How a stream is."""

    trouble: str = ""
    """What is being mended; empty while live pictures come."""
    since: float = 0.0
    """When that began, as `time.time()`."""
    outages: int = 0
    """How often there were no live pictures for a while."""
    renewals: int = 0
    """How often a page was renewed in time, unseen."""
