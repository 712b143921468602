"""The words of the project as data: what to draw, how to encode it, and what comes out."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

MICROSECONDS: Final = 1_000_000
VIDEO_TIMESCALE: Final = 90_000
"""Ticks per second of the video's clock: that of MPEG-TS, which all containers share."""


class SizePreset(StrEnum):
    """Picture sizes that every Cast device with a screen plays."""

    P720 = "720p"
    P1080 = "1080p"

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return (1920, 1080) if self is SizePreset.P1080 else (1280, 720)


class StreamFormat(StrEnum):
    """How a stream is delivered; all come from the same encode."""

    HLS = "hls"
    """HLS with CMAF segments, low latency where the player knows it."""
    HLS_TS = "hls_ts"
    """HLS with MPEG-TS segments, for old players."""
    MP4 = "mp4"
    """One endless fragmented MP4."""


@dataclass(frozen=True, slots=True)
class Source:
    """What to draw: a view of a dashboard, or several in turn, and how it looks."""

    path: str
    """Dashboard and view below the address of Home Assistant, such as `/lovelace/0`."""
    theme: str | None = None
    dark: bool | None = None
    """Dark or light; None leaves it to the theme."""
    zoom: float = 1.0
    language: str | None = None
    """Code as Home Assistant's frontend knows it, such as `de`; None for that of the user."""
    kiosk: bool = True
    """Whether sidebar and toolbar are hidden."""
    pixel_shift: bool = False
    """Whether the picture moves by some pixels now and then, against burn-in."""
    views: tuple[str, ...] = ()
    """Paths of what is shown after `path`, in turn."""
    interval: float = 30.0
    """How long each of several views is shown, in seconds."""

    @property
    def turns(self) -> tuple[Source, ...]:
        """What is shown in turn: for each view a source that has only this one."""
        return tuple(replace(self, path=path, views=()) for path in (self.path, *self.views))


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
