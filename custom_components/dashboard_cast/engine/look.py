"""How a page is seen: its screen, light or dark, motion, letters."""

from collections.abc import Callable
import math
from typing import Final

from ..models import Profile, Source
from .cdp import CdpSession, Json

MOST_SHIFT: Final = 4
"""How far a picture moves that moves against burn-in, in pixels: its screen is larger by that."""
# Chromium's own sizes, in pixels.
_STANDARD_FONT: Final = 16
_FIXED_FONT: Final = 13
# What the frontend's index.html has behind everything when the browser prefers dark.
_DARK_BACKGROUND: Final = {"r": 0x11, "g": 0x11, "b": 0x11, "a": 1}


class Look:
    """What the browser is told of how to draw a source.

    night: whether the sun is down now.
    """

    def __init__(
        self, session: CdpSession, source: Source, profile: Profile, night: Callable[[], bool]
    ) -> None:
        self._session = session
        self._source = source
        self._profile = profile
        self._night = night
        self._scale = 1.0
        self._shift = (0, 0)

    @property
    def dark(self) -> bool | None:
        """Whether it is dark now; None when that is left to the theme."""
        return self._night() if self._source.dark == "auto" else self._source.dark

    async def apply(self) -> None:
        """Tell the browser everything, before the page is there; raises BrowserFailedError."""
        await self._session.send("Emulation.setScrollbarsHidden", hidden=True)
        await self.set_scale(1.0)
        await self.set_media()
        if self._source.font_scale != 1:
            sizes = {
                "standard": round(_STANDARD_FONT * self._source.font_scale),
                "fixed": round(_FIXED_FONT * self._source.font_scale),
            }
            await self._session.send("Page.setFontSizes", fontSizes=sizes)

    async def set_media(self) -> None:
        """Tell whether it is dark, and whether motion is welcome; raises BrowserFailedError."""
        features = []
        if self.dark is not None:
            features.append({"name": "prefers-color-scheme", "value": "dark" if self.dark else "light"})
        if self._source.reduced_motion:
            features.append({"name": "prefers-reduced-motion", "value": "reduce"})
        await self._session.send("Emulation.setEmulatedMedia", features=features)
        if not self._source.website:
            # What is seen while the frontend loads itself anew. Web pages may count on white.
            colour: Json = {"color": _DARK_BACKGROUND} if self.dark else {}
            await self._session.send("Emulation.setDefaultBackgroundColorOverride", **colour)

    async def set_scale(self, scale: float) -> None:
        """Draw everything this much larger than the source's zoom says; raises BrowserFailedError."""
        self._scale = scale
        await self._set_screen()

    async def set_shift(self, x: int, y: int) -> None:
        """See the page from that many pixels further right and down, up to `MOST_SHIFT`.

        Raises BrowserFailedError.
        """
        self._shift = x, y
        await self._set_screen()

    async def _set_screen(self) -> None:
        # Frames are as large as the page in CSS pixels, whatever the device's scale factor. So the page gets
        # a smaller screen, of which an enlarged view is taken, drawn sharp at that size.
        zoom = self._source.zoom * self._scale
        width, height = self._profile.width / zoom, self._profile.height / zoom
        (x, y), edge = self._shift, MOST_SHIFT / zoom if self._source.pixel_shift else 0.0
        await self._session.send(
            "Emulation.setDeviceMetricsOverride",
            width=math.ceil(width + edge),
            height=math.ceil(height + edge),
            deviceScaleFactor=self._source.device_scale,
            mobile=False,
            viewport={"x": x / zoom, "y": y / zoom, "width": width, "height": height, "scale": zoom},
        )
