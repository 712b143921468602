"""The words of the project as data: what to draw, how to encode it, and what comes out."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Literal, override
from urllib.parse import urlsplit

MICROSECONDS: Final = 1_000_000
VIDEO_TIMESCALE: Final = 90_000
"""Ticks per second of the video's clock: that of MPEG-TS, which all containers share."""


class SizePreset(StrEnum):
    """Picture sizes that every Cast device with a screen plays."""

    P600 = "600p"
    """What a Nest Hub has: its pixels one by one."""
    P720 = "720p"
    P1080 = "1080p"

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return _PIXELS[self]


SIZE_AUTO: Final = "auto"
"""In place of a `SizePreset`: what fits the screen, as far as that is known."""

_PIXELS: Final = {
    SizePreset.P600: (1024, 600),
    SizePreset.P720: (1280, 720),
    SizePreset.P1080: (1920, 1080),
}


class StreamFormat(StrEnum):
    """How a stream is delivered; all come from the same encode."""

    HLS = "hls"
    """HLS with CMAF segments, low latency where the player knows it."""
    HLS_TS = "hls_ts"
    """HLS with MPEG-TS segments, for old players."""
    MP4 = "mp4"
    """One endless fragmented MP4."""


class Overflow(StrEnum):
    """What becomes of what is below the edge of the screen."""

    CLIP = "clip"
    """It is not seen."""
    FIT = "fit"
    """Everything is drawn as small as it takes."""
    SCROLL = "scroll"
    """It is scrolled through, on and on."""


type Pairs = tuple[tuple[str, str], ...]
"""Names with their values."""


@dataclass(frozen=True, slots=True, repr=False)
class Website:
    """A web page by its URL, with what lets us in; nothing but its `name` is ever shown."""

    url: str
    username: str | None = None
    """For basic authentication; None for none."""
    password: str = ""
    headers: Pairs = ()
    """Sent along with every request to the page's own origin."""
    cookies: Pairs = ()
    storage: Pairs = ()
    """Entries of the page's localStorage."""
    verify: bool = True
    """Whether the certificate has to be right."""
    allowed: frozenset[str] | None = None
    """What the addresses begin with that the page may be at; None for all."""

    @property
    def name(self) -> str:
        """What it is called in messages and logs: its origin, for all else may be secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @override
    def __repr__(self) -> str:
        return f"Website({self.name})"


@dataclass(frozen=True, slots=True)
class Source:
    """What to draw: a view of a dashboard, several in turn, or a web page; and how it looks."""

    path: str = ""
    """Dashboard and view below the address of Home Assistant, such as `/lovelace/0`."""
    theme: str | None = None
    dark: bool | Literal["auto"] | None = None
    """Dark, light, or `auto` for dark while the sun is down; None leaves it to the theme."""
    zoom: float = 1.0
    language: str | None = None
    """Code as Home Assistant's frontend knows it, such as `de`; None for that of the user."""
    kiosk: bool = True
    """Whether nothing but the dashboard is shown: no sidebar, toolbar, dialogs and notes."""
    font_scale: float = 1.0
    """How much larger than usual to write."""
    device_scale: float = 1.0
    """Pixels of the device for each of the page's, for what is drawn finer on such a screen."""
    reduced_motion: bool = True
    """Whether the page is asked to do without transitions, each of which costs a second of drawing."""
    overflow: Overflow = Overflow.CLIP
    website: Website | None = None
    """What to draw instead of a dashboard."""

    pixel_shift: bool = False
    """Whether the picture moves by some pixels now and then, against burn-in."""
    views: tuple[str, ...] = ()
    """Paths of what is shown after `path`, in turn."""
    interval: float = 30.0
    """How long each of several views is shown, in seconds."""
    user: str | None = None
    """Id of Home Assistant's user whose dashboards and rights it has; None for that of the options."""

    @property
    def name(self) -> str:
        """What it is called in messages and logs; without secrets."""
        return self.website.name if self.website else self.path

    @property
    def turns(self) -> tuple[Source, ...]:
        """What is shown in turn: for each view a source that has only this one."""
        return (replace(self, views=()), *(self.at(path) for path in self.views))

    def at(self, path: str) -> Source:
        """Return another view that looks the same."""
        return replace(self, path=path, website=None, views=())


@dataclass(frozen=True, slots=True)
class Profile:
    """How to encode."""

    width: int = 1280
    """Pixels, even."""
    height: int = 720
    """Pixels, even."""
    frame_rate: int = 15
    """The most pictures per second."""
    level: str = "4.1"
    """H.264 level that the stream declares (ITU-T H.264 annex A): what the oldest Cast devices play."""
    max_bit_rate: int = 6_000_000
    """Bit/s; 10 Mbit/s stalls a Chromecast of the second and third generation."""
    is_automatic: bool = field(default=False, compare=False)
    """Whether the size is ours to choose for a screen; where none is known it is the one above."""

    @classmethod
    def named(cls, size: str, frame_rate: int) -> Profile:
        """Return the profile for a `SizePreset` or `SIZE_AUTO`, and a frame rate cap as in `of`."""
        if size == SIZE_AUTO:
            return replace(cls.of(SizePreset.P720, frame_rate), is_automatic=True)
        return cls.of(SizePreset(size), frame_rate)

    @classmethod
    def of(cls, size: SizePreset, frame_rate: int) -> Profile:
        """Return the profile for a size and a frame rate cap in pictures per second."""
        width, height = size.pixels
        # Level 4.1 ends at 1080p30 (ITU-T H.264 table A-1); beyond it a device of level 4.2 is needed.
        level = "4.2" if size is SizePreset.P1080 and frame_rate > 30 else "4.1"
        return cls(width=width, height=height, frame_rate=frame_rate, level=level)

    def within(self, limit: Profile) -> Profile:
        """Return it as it fits a device: as it is, or as small and slow as the limit."""
        if self.height <= limit.height:
            return replace(self, frame_rate=min(self.frame_rate, limit.frame_rate))
        return replace(limit, frame_rate=min(self.frame_rate, limit.frame_rate))


class Ending(StrEnum):
    """Why a cast session is over."""

    STOPPED = "stopped"
    """Somebody asked for it in Home Assistant, or its time is up."""
    SUPERSEDED = "superseded"
    """The media player was given another stream."""
    CLOSED = "closed"
    """A person closed it on the TV or with a remote, or stopped everything."""
    TAKEN = "taken"
    """Another app, or another sender, has the media player now."""
    LOST = "lost"
    """The media player was away, and came back without it."""
    FAILED = "failed"
    """The stream ended, or the media player could not play it."""


class Corner(StrEnum):
    """Where on the screen a message is."""

    TOP_LEFT = "top_left"
    TOP_RIGHT = "top_right"
    BOTTOM_LEFT = "bottom_left"
    BOTTOM_RIGHT = "bottom_right"


@dataclass(frozen=True, slots=True)
class Message:
    """A card over the picture of a stream."""

    text: str
    title: str = ""
    icon: str | None = None
    """An outline: SVG path data in a box of 24 by 24."""
    image: bytes | None = None
    """A picture in a format that browsers know."""
    urgent: bool = False
    """Whether it is large, in the middle, and makes no room for others."""
    seconds: float = 10.0
    """How long it stays."""
    position: Corner = Corner.TOP_RIGHT


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a page."""

    jpeg: bytes
    time: float
    """When the browser drew it, in seconds on the monotonic clock."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One coded picture (an access unit)."""

    data: bytes
    """Its NAL units, each after its length in four bytes (ISO/IEC 14496-15 section 5.3.3).

    There are no parameter sets and no access unit delimiters among them.
    """
    time: int
    """When it is shown, in ticks of 1/90 000 s since the stream's start.

    Strictly rising through the stream: the order of decoding is that of showing.
    """
    keyframe: bool
    """Whether it can be decoded without any picture before it."""


@dataclass(frozen=True, slots=True)
class Init:
    """What players need before the pictures of one encoder configuration."""

    number: int
    avcc: bytes
    """AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3)."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
