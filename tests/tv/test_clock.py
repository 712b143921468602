"""The delay from drawing to presentation, read out of real video of the clock card."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Error, Page, async_playwright
import pytest

from .player import ARGUMENTS, Size, find_browser
from .sender import WITHIN, Sender
from .stream import run_ffmpeg, serve
from .television import Television

pytestmark = pytest.mark.alone
CARD = Path(__file__).parents[1] / "home" / "www" / "clock-card.js"
TICK = timedelta(milliseconds=250)
TICKS = 6
LIGHT, DARK = "#fff", "#1c1c1c"
LOOKS: list[tuple[Size, str]] = [((1280, 720), LIGHT), ((1920, 1080), DARK), ((1024, 600), DARK)]
DASHBOARD = """
<body style="margin: 0; height: 100vh; background: linear-gradient(45deg, #03a9f4, #e91e63, #4caf50)">
  <style>
    clock-card { position: absolute; left: 47.3%; top: 31.7%; width: 31%; background: %s; }
  </style>
</body>
"""


@pytest.fixture
async def page(loopback: None) -> AsyncIterator[Page]:
    """Return a page that can draw the card."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        yield await browser.new_page()
        await browser.close()


async def add_card(page: Page, background: str, config: dict[str, object]) -> None:
    """Put a clock card on an otherwise colourful page."""
    await page.set_content(DASHBOARD.replace("%s", background))
    await page.add_script_tag(path=CARD)
    await page.evaluate(
        """(config) => {
          window.card = document.createElement("clock-card");
          card.setConfig(config);
          document.body.append(card);
        }""",
        config,
    )


async def draw(page: Page, folder: Path, start: datetime) -> None:
    """Draw the card at `TICKS` times, each into a picture."""
    for tick in range(TICKS):
        await page.clock.set_fixed_time(start + tick * TICK)
        await page.evaluate("card.setConfig({rate: 4, title: 'Kitchen'})")
        await page.screenshot(path=folder / f"{tick}.png")


async def encode(folder: Path, file: Path) -> None:
    """Encode the pictures in real time, as small as a careful encoder makes them."""
    source = ("-framerate", str(1 / TICK.total_seconds()), "-i", str(folder / "%d.png"))
    colours = "fps=25,scale=out_range=tv:out_color_matrix=bt709,format=yuv420p"
    h264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "28", "-colorspace", "bt709")
    await run_ffmpeg(*source, "-vf", colours, *h264, "-movflags", "faststart", str(file))


async def film(page: Page, folder: Path, size: Size, background: str) -> datetime:
    """Encode a video of the card, `clock.mp4`, and return the time it shows first."""
    start = datetime.now(UTC)
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await add_card(page, background, {"rate": 4, "title": "Kitchen"})
    await draw(page, folder, start)
    await encode(folder, folder / "clock.mp4")
    return start


@pytest.fixture(params=LOOKS, ids=lambda look: f"{look[0][0]}x{look[0][1]}")
async def clock(request: pytest.FixtureRequest, page: Page, tmp_path: Path) -> tuple[Size, datetime]:
    """Return the size of the video `clock.mp4` and the time it shows first."""
    size, background = request.param
    return size, await film(page, tmp_path, size, background)


async def test_latency(tv: Television, sender: Sender, tmp_path: Path, clock: tuple[Size, datetime]) -> None:
    """Each change of the strip is read, and its age is that of the whole video."""
    size, start = clock
    async with serve(tmp_path) as url:
        await sender.play(f"{url}/clock.mp4", "video/mp4")
        await tv.wait_until(lambda: tv.idle_reason == "FINISHED", WITHIN, "the end")
    report = await tv.report()
    assert report.first_picture is not None
    delay = (report.first_picture - start.timestamp()) * 1000
    assert (report.resolution, report.unreadable) == (size, 0)
    assert report.latencies == pytest.approx([delay] * (TICKS - 1), abs=400)
    assert report.latency_p50 == pytest.approx(delay, abs=200)


async def test_ticks_at_its_rate(page: Page) -> None:
    """The card draws as often as it is told, at even times, and never in between."""
    await add_card(page, "#fff", {"rate": 5})
    drawn = await page.evaluate(
        """() => new Promise((resolve) => {
          const times = [];
          new MutationObserver(() => times.push(Date.now()) === 6 && resolve(times))
            .observe(card.shadowRoot.querySelector(".strip"), { attributes: true, subtree: true });
        })"""
    )
    assert drawn[-1] - drawn[0] == pytest.approx(1000, abs=150)
    assert max(time % 200 for time in drawn) < 150


@pytest.mark.parametrize("rate", [0, -1, 31])
async def test_refuses_a_wrong_rate(page: Page, rate: float) -> None:
    """A rate that makes no sense is an error on the dashboard."""
    with pytest.raises(Error, match="rate must be above 0"):
        await add_card(page, "#fff", {"rate": rate})
