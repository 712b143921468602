"""Takes the pictures of docs/looks.md with the engine from a real Home Assistant: `python -m tests.looks`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import io
from pathlib import Path
import sys

from PIL import Image

from custom_components.dashboard_cast.engine.browser import LocalBrowser
from custom_components.dashboard_cast.engine.homes import Homes
from custom_components.dashboard_cast.engine.page import AccessToken, Page
from custom_components.dashboard_cast.models import Frame, Overflow, Profile, SizePreset, Source

from .home.home import Home

FOLDER = Path(__file__).parent.parent / "docs" / "images" / "looks"
# What moves when a dashboard comes, such as needles, stands still after so many seconds.
SETTLE_S = 2.0
QUALITY = 62
SMALL = Profile.of(SizePreset.P600, 15)
HD = Profile.of(SizePreset.P720, 15)
FULL_HD = Profile.of(SizePreset.P1080, 15)
SHOTS: dict[str, tuple[Source, Profile]] = {
    "sections-light": (Source("/demo-views/sections", dark=False), HD),
    "sections-dark": (Source("/demo-views/sections", dark=True), HD),
    "sections-german": (Source("/demo-views/sections", language="de"), HD),
    "sections-hebrew": (Source("/demo-views/sections", language="he", dark=True), HD),
    "sections-nest-hub": (Source("/demo-views/sections", dark=True), SMALL),
    "sections-full-hd": (Source("/demo-views/sections", zoom=1.5), FULL_HD),
    "sections-theme": (Source("/demo-home/overview", theme="Evening"), HD),
    "sections-large-letters": (Source("/demo-views/sections", font_scale=1.3), HD),
    "masonry-light": (Source("/demo-views/masonry", dark=False), HD),
    "masonry-dark": (Source("/demo-views/masonry", dark=True), HD),
    "masonry-nest-hub": (Source("/demo-views/masonry", dark=False), SMALL),
    "panel-light": (Source("/demo-views/panel", dark=False), HD),
    "sidebar-light": (Source("/demo-views/sidebar", dark=False), HD),
    "sidebar-dark": (Source("/demo-views/sidebar", dark=True), HD),
    "sidebar-arabic": (Source("/demo-views/sidebar", language="ar"), HD),
    "sidebar-full-hd": (Source("/demo-views/sidebar", zoom=1.5, dark=True), FULL_HD),
    "subview-light": (Source("/demo-views/subview", dark=False), HD),
    "subview-dark": (Source("/demo-views/subview", dark=True), HD),
    "strategy-light": (Source("/demo-states", dark=False), HD),
    "strategy-dark": (Source("/demo-states", dark=True), HD),
    "home-light": (Source("/home/overview", dark=False), HD),
    "home-dark": (Source("/home/overview", dark=True), HD),
    "energy-light": (Source("/energy", dark=False), HD),
    "energy-dark": (Source("/energy", dark=True), HD),
    "map-dark": (Source("/map", dark=True), HD),
    "long-fit": (Source("/demo-views/long", dark=True, overflow=Overflow.FIT), HD),
}

# What the energy dashboard tells of.
ENERGY = {
    "energy_sources": [
        {"type": "solar", "stat_energy_from": "sensor.solar_energy", "config_entry_solar_forecast": None}
    ],
    "device_consumption": [{"stat_consumption": "sensor.home_energy"}],
}


@dataclass
class Gallery:
    """A home and a browser to take pictures with."""

    home: Home
    browser: LocalBrowser
    token: str
    frames: list[Frame] = field(default_factory=list)
    """All that came of the page that was opened last."""

    @asynccontextmanager
    async def page(self, source: Source, profile: Profile = HD) -> AsyncIterator[Page]:
        """Return a page that is drawn, whose frames come."""

        async def credentials() -> AccessToken:
            return AccessToken(self.token, 1_800)

        self.frames = []
        page = Page(
            await self.browser.open_tab(),
            source,
            profile,
            homes=Homes(self.home.url),
            credentials=credentials,
            on_frame=self.frames.append,
        )
        try:
            await page.open()
            yield page
        finally:
            await page.close()

    async def picture(self, source: Source, profile: Profile = HD) -> Image.Image:
        """Return what a source looks like when it has settled."""
        async with self.page(source, profile):
            await asyncio.sleep(SETTLE_S)
            return Image.open(io.BytesIO(self.frames[-1].jpeg))


@asynccontextmanager
async def gallery() -> AsyncIterator[Gallery]:
    """Open a gallery."""
    async with Home(configuration="energy:\n") as home:
        browser = LocalBrowser()
        try:
            await home.websocket(type="energy/save_prefs", **ENERGY)
            yield Gallery(home, browser, await home.add_user("Visitor", "only looking"))
        finally:
            await browser.stop()


async def main(names: list[str]) -> None:
    """Take these pictures, or all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with gallery() as taken:
        for name in names or SHOTS:
            picture = await taken.picture(*SHOTS[name])
            picture.save(FOLDER / f"{name}.webp", quality=QUALITY, method=6)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
