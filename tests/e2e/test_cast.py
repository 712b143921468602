"""A dashboard on a TV, and what people do with TVs."""

import io
from pathlib import Path

from PIL import Image, ImageChops, ImageStat
from playwright.async_api import async_playwright
import pytest

from ..home.kiosk import sign_in_script
from ..tv.player import ARGUMENTS, find_browser
from .house import STILL_DASHBOARD, House, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

# Where the frontend lists our dashboards.
MEDIA_BROWSER = "/media-browser/browser/app%2Cmedia-source%3A%2F%2Fdashboard_cast"
# How large the picture of a video is, once it moves.
PLAYS = """(video) => new Promise((resolve) => video.addEventListener("timeupdate", () =>
  video.played.length && video.currentTime > video.played.start(0) &&
  resolve([video.videoWidth, video.videoHeight])))"""


async def test_sizes_and_looks(house: House, tmp_path: Path) -> None:
    """Size, theme, dark mode, zoom and language are those of the action."""
    await house.show(STILL_DASHBOARD, size="1080p", dark=True, zoom=1.5, language="de", frame_rate=10)
    assert (await house.tv.report()).resolution == (1920, 1080)
    await house.tv.screenshot(tmp_path / "dark.png")
    brightness = ImageStat.Stat(Image.open(tmp_path / "dark.png").convert("L")).mean[0]
    assert brightness < 80


async def test_load_is_what_cast_devices_want(house: House) -> None:
    """LOAD says live, fragmented MP4, and has title and poster."""
    await house.show(STILL_DASHBOARD)
    media = house.tv.loads[-1].media
    assert media["streamType"] == "LIVE"
    assert media["hlsVideoSegmentFormat"] == "fmp4"
    assert media["contentType"] == "application/vnd.apple.mpegurl"
    assert media["contentId"].startswith("http://127.0.0.1:")
    assert media["metadata"]["title"] == STILL_DASHBOARD
    assert media["metadata"]["images"][0]["url"].endswith("/still.jpg")


async def test_same_dashboard_again_is_left_alone(house: House) -> None:
    """No second LOAD for what is shown already."""
    await house.show(STILL_DASHBOARD)
    loads = len(house.tv.loads)
    await house.act("start", path=STILL_DASHBOARD)
    assert len(house.tv.loads) == loads


async def test_stop_clears_the_screen(house: House) -> None:
    """After stop the TV shows its own screen and nothing encodes any more."""
    await house.show(STILL_DASHBOARD)
    await house.stop()
    await until(lambda: house.tv.app_id is None, "the TV still shows an app")
    await house.encoders_end()


async def test_duration_ends_the_cast(house: House) -> None:
    """After its duration the TV shows its own screen again."""
    await house.show(STILL_DASHBOARD, duration=4)
    await until(lambda: house.tv.app_id is None, "the TV still shows an app")
    await house.encoders_end()


async def test_person_stops_on_the_tv(house: House) -> None:
    """What a person stops stays stopped, and the stream ends."""
    await house.show(STILL_DASHBOARD)
    await house.tv.stop_by_person()
    await house.encoders_end()
    assert house.tv.app_id is None


async def test_other_app_takes_over(house: House) -> None:
    """Another app is left alone, also when everything is stopped."""
    await house.show(STILL_DASHBOARD)
    await house.tv.take_over()
    await house.encoders_end()
    await house.stop()
    assert house.tv.app_id == "233637DE"
    await house.tv.stop_by_person()


async def test_stream_without_a_tv(house: House) -> None:
    """Asked for a response, the action needs no target; anybody can play what it returns."""
    answer = await house.home.call("dashboard_cast", "start", {"path": STILL_DASHBOARD}, return_response=True)
    assert answer["url"].endswith("/master.m3u8")
    path = answer["url"][answer["url"].index("/api/") :]
    async with house.home.session.get(house.home.url + path) as response:
        assert response.status == 200
        assert "avc1.64" in await response.text()


async def test_address_played_by_hand(house: House) -> None:
    """The address from a response, given to the TV by the ordinary action, plays as well."""
    answer = await house.home.call("dashboard_cast", "start", {"path": STILL_DASHBOARD}, return_response=True)
    await house.play(answer["url"])


async def test_chosen_in_the_media_browser(house: House, tmp_path: Path) -> None:
    """The TV's own media browser leads to a view with its picture, which plays until somebody stops it."""
    root = await house.browse()
    (ours,) = [child for child in root["children"] if child["title"] == "Dashboard Cast"]
    (demo,) = [
        child
        for child in (await house.browse(ours))["children"]
        if child["media_content_id"].endswith("/demo-home")
    ]
    (view, *_) = (await house.browse(demo))["children"]
    assert view["media_content_id"].endswith(STILL_DASHBOARD)
    async with house.home.session.get(house.home.url + view["thumbnail"]) as response:
        thumbnail = Image.open(io.BytesIO(await response.read()))
    assert (thumbnail.format, thumbnail.size) == ("JPEG", (480, 270))
    await house.play(view["media_content_id"])
    await house.tv.screenshot(tmp_path / "tv.png")
    shown = Image.open(tmp_path / "tv.png").convert("RGB").resize(thumbnail.size)
    assert max(ImageStat.Stat(ImageChops.difference(shown, thumbnail)).mean) < 8
    await house.tv.stop_by_person()
    await house.encoders_end()


async def test_played_in_the_frontend(house: House) -> None:
    """Who chooses a dashboard in Home Assistant's own media browser sees it play there."""
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS) as chromium,
    ):
        page = await chromium.new_page()
        assert house.home.token
        await page.add_init_script(sign_in_script(house.home.token))
        await page.goto(house.home.url + MEDIA_BROWSER)
        await page.locator("ha-media-player-browse .child", has_text="Clock").click()
        assert await page.locator("video").evaluate(PLAYS) == [1280, 720]
