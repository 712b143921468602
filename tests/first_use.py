"""The first use, as a person goes through it: from "Add integration" to the dashboard on the TV.

`python -m tests.first_use` takes its pictures, in docs/images/first-use, anew, and those of what comes
after it: the display's device, and the dashboards among the media.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
import time

from playwright.async_api import FloatRect, Locator, Page, async_playwright

from custom_components.dashboard_cast.engine.chromium import find_executable

from .home.home import Home, Owner
from .tv import Television

FOLDER = Path(__file__).parent.parent / "docs" / "images" / "first-use"
INTEGRATION, DASHBOARD, TV = "Dashboard Cast", "Home: Overview", "Living Room TV"
SCREEN_WIDTH, SCREEN_HEIGHT = 1280, 800
FIND_TIMEOUT_S = 40.0
PLAY_TIMEOUT_S = 60.0
FIGURES_TIMEOUT_S = 30.0
DRAW_TIMEOUT_S = 60.0
# For all entities at once, and for one row of dashboards.
DEVICE_HEIGHT, MEDIA_HEIGHT = 1800, 425
MEDIA_IN_ROW = 5
MARGIN = 16


@dataclass
class Person:
    """Somebody in front of Home Assistant, who clicks, types and takes pictures.

    folder: where the pictures go; None for no pictures.
    """

    page: Page
    folder: Path | None = None
    clicks: int = 0

    async def sign_in(self, url: str, owner: Owner) -> None:
        """Sign in, and wait until the frontend is there."""
        await self.page.goto(url)
        await self.page.get_by_label("Username").fill(owner.username)
        await self.page.get_by_label("Password").first.fill(owner.password)
        await self.page.get_by_role("button", name="Log in").click()
        await self.page.locator("ha-sidebar").wait_for()

    async def click(self, target: Locator) -> None:
        """Click on something as soon as it is there."""
        await target.click()
        self.clicks += 1

    async def press(self, button: str) -> None:
        """Click on a button with these words."""
        await self.click(self.page.get_by_role("button", name=button))

    async def choose(self, field: Locator, option: str) -> None:
        """Open a list, and choose something from it."""
        await self.click(field)
        await self.click(self.page.get_by_text(option).last)

    async def picture(self, name: str, clip: FloatRect | None = None) -> None:
        """Take a picture of what is seen, or of a part of it."""
        if self.folder:
            await self.page.screenshot(path=self.folder / f"{name}.png", clip=clip)

    async def resize(self, height: int) -> None:
        """Have a higher or lower window."""
        await self.page.set_viewport_size({"width": SCREEN_WIDTH, "height": height})


@asynccontextmanager
async def person(home: Home, folder: Path | None = None) -> AsyncIterator[Person]:
    """Give somebody who has signed in as the owner of the home and looks at its integrations."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_executable())
        page = await browser.new_page(viewport={"width": SCREEN_WIDTH, "height": SCREEN_HEIGHT})
        found = Person(page, folder)
        try:
            await found.sign_in(home.url, home.owner)
            await page.goto(f"{home.url}/config/integrations/dashboard")
            yield found
        finally:
            await browser.close()


async def first_use(found: Person, tv: Television) -> float:
    """Set the integration up with a display; return the seconds until the TV shows that."""
    page = found.page
    begun = time.monotonic()
    await found.press("Add integration")
    await page.get_by_text("Select brand").wait_for()
    await page.keyboard.type(INTEGRATION)
    brand = page.get_by_text(INTEGRATION, exact=True).first
    await brand.wait_for()
    await found.picture("1-brand")
    await found.click(brand)
    here = page.get_by_text("A browser on this machine").first
    await page.get_by_text("draws your dashboards in a browser").wait_for()
    await found.picture("2-browser")
    await found.click(here)
    await found.press("Submit")
    await page.get_by_text("Drawing a page").wait_for()
    await found.picture("3-trial")
    await page.get_by_text("Add display").wait_for()
    await found.choose(page.get_by_label("Dashboard", exact=True).first, DASHBOARD)
    await found.choose(page.get_by_text("Select an entity").first, TV)
    await page.get_by_text("Add entity").wait_for()
    await found.picture("4-display")
    await found.press("Submit")
    await page.get_by_text(f"Created configuration for {DASHBOARD}").wait_for()
    await tv.wait_playing(PLAY_TIMEOUT_S)
    seconds = time.monotonic() - begun
    await found.press("Finish")
    return seconds


@asynccontextmanager
async def furnished() -> AsyncIterator[tuple[Home, Television]]:
    """Give a home without the integration, which has found a TV."""
    async with Television(name=TV) as tv, Home() as home:
        await home.add_cast([tv.host])
        await home.wait_state(
            "media_player.living_room_tv",
            lambda state: bool(state and state["state"] != "unavailable"),
            FIND_TIMEOUT_S,
        )
        yield home, tv


async def look_at_integration(found: Person) -> None:
    """Go to the integration, which has the display."""
    await found.page.get_by_text(INTEGRATION, exact=True).first.click()
    await found.page.get_by_text(DASHBOARD).first.wait_for()
    await found.picture("6-integration")


async def look_at_device(found: Person, home: Home) -> None:
    """Go from the integration to the display's device, and wait until all its entities have figures."""
    page = found.page
    await page.get_by_text(DASHBOARD).nth(1).click()
    # The last of them to have one.
    rate = "sensor.home_overview_frame_rate"
    await home.wait_state(rate, lambda state: state["state"] != "unknown", FIGURES_TIMEOUT_S)
    await found.resize(DEVICE_HEIGHT)
    info, entities = page.locator(".column").first, page.locator(".column").nth(1)
    await entities.get_by_text("fps").wait_for()
    left, right = await info.bounding_box(), await entities.bounding_box()
    assert left
    assert right
    x, end = left["x"] - MARGIN, right["x"] + right["width"] + MARGIN
    height = right["y"] + right["height"]
    await found.picture("7-device", {"x": x, "y": 0, "width": end - x, "height": height})


async def look_at_media(found: Person, home: Home) -> None:
    """Go to the dashboards among the media, whose pictures are there by then."""
    page = found.page
    listed = await home.websocket(
        type="media_source/browse_media", media_content_id="media-source://dashboard_cast"
    )
    for child in listed["children"][:MEDIA_IN_ROW]:
        # What holds others has none.
        if thumbnail := child["thumbnail"]:
            await _drawn(home, thumbnail)
    await found.resize(MEDIA_HEIGHT)
    await page.goto(f"{home.url}/media-browser/browser")
    await page.get_by_text(INTEGRATION, exact=True).last.click()
    await page.get_by_text("Clock").last.wait_for()
    # Away from what would show that it can be played.
    await page.mouse.move(SCREEN_WIDTH / 2, 0)
    await page.wait_for_load_state("networkidle")
    await found.picture("8-media")


async def _drawn(home: Home, thumbnail: str) -> None:
    """Wait until a dashboard has its picture; until then there is an icon, after a while."""
    async with asyncio.timeout(DRAW_TIMEOUT_S):
        while True:
            async with home.session.get(home.url + thumbnail) as response:
                if response.content_type == "image/jpeg":
                    return


async def main() -> None:
    """Take the pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with furnished() as (home, tv), person(home, FOLDER) as found:
        seconds = await first_use(found, tv)
        await tv.screenshot(FOLDER / "5-tv.png")
        await look_at_integration(found)
        await look_at_device(found, home)
        await look_at_media(found, home)
    print(f"{found.clicks} clicks, {seconds:.0f} s")


if __name__ == "__main__":
    asyncio.run(main())
