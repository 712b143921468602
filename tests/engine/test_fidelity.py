"""The picture that a decoder gives is that of the page: colours, edges, every format."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from custom_components.dashboard_cast.engine.browser import LocalBrowser
from custom_components.dashboard_cast.engine.homes import Homes
from custom_components.dashboard_cast.engine.stream import Stream
from custom_components.dashboard_cast.models import Profile, Source

from .fidelity import FLAT_TARGET, SETTLE_S, SSIM_TARGET, Shown, flat, shown, ssim
from .frontend import DRAWN, Frontend
from .viewing import credentials

pytestmark = pytest.mark.paired

# Home Assistant's themes, light and dark: backgrounds, text, primary, accent, and the colours of states.
THEME = (
    "#fafafa #ffffff #212121 #727272 #e0e0e0 #111111 #1c1c1c #282828 #e1e1e1 #9b9b9b #03a9f4 #ff9800 "
    "#db4437 #ffa600 #43a047 #039be5 #f44336 #e91e63 #926bc7 #3f51b5 #2196f3 #00bcd4 #4caf50 #ffc107 #795548"
)
# Squares of 48 pixels, two pages full of them: nine steps of each primary, greys, the themes.
PATCHES = """
  const steps = [0, 32, 64, 96, 128, 160, 192, 224, 255];
  const colours = steps.flatMap((r) => steps.flatMap((g) => steps.map((b) => `rgb(${r}, ${g}, ${b})`)));
  for (let level = 4; level < 260; level += 10) colours.push(`rgb(${level}, ${level}, ${level})`);
  colours.push(...theme.split(" "));
  content.style = "position: fixed; inset: 0; display: grid; grid: auto-flow 48px / repeat(26, 48px)";
  const page = (number) => {
    content.innerHTML = colours.slice(390 * number, 390 * (number + 1))
      .map((colour) => `<i style="background: ${colour}"></i>`).join("");
  };
  page(0);
  window.change = () => page(1);
"""
# Text from 10 to 40 pixels, light to bold, on light and dark, with lines, frames and icons between.
TEXT = """
  content.style = "position: fixed; inset: 0; background: #fafafa; font-family: sans-serif; overflow: hidden";
  const icon = `<svg width="24" height="24" viewBox="0 0 24 24"><path fill="#03a9f4"
    d="M10 20v-6h4v6h5v-8h3L12 3 2 12h3v8z"/><path stroke="#db4437" d="M1 1h22M1 23l22-1"/></svg>`;
  const row = (words, size, weight) => `<span style="font: ${weight} ${size}px sans-serif">${words}</span>`;
  const column = (words, colours) => `<div style="float: left; width: 617px; height: 700px; overflow: hidden;
    padding: 10px; border: 1px solid #e0e0e0; white-space: nowrap; ${colours}">` +
    [10, 12, 14, 16, 20, 24, 28, 34, 40].map((size) => [300, 400, 700].map((weight) =>
      row(words, size, weight)).join(" ") + icon + "<hr>").join("") + "</div>";
  const write = (words) => {
    content.innerHTML = column(words, "background: #fff; color: #212121") +
      column(words, "background: #111; color: #e1e1e1");
  };
  write("Living room 21.5 °C");
  window.change = () => write("Kitchen 48 % 1\\u202f013 hPa");
"""


@asynccontextmanager
async def streaming(browser: LocalBrowser, frontend: Frontend, scene: str) -> AsyncIterator[Stream]:
    """Give a running stream of a scene in the usual size."""
    stream = Stream(
        Source(frontend.scene(DRAWN + scene)),
        Profile(),
        browser=browser,
        ffmpeg="ffmpeg",
        homes=Homes(frontend.url),
        credentials=credentials,
    )
    await stream.start()
    try:
        yield stream
    finally:
        await stream.stop()


async def after(stream: Stream, script: str) -> Shown:
    """Return what is seen after a script has run in the page."""
    assert stream._page is not None
    session = stream._page._session
    return await shown(stream, lambda: session.send("Runtime.evaluate", expression=script))


async def test_flat_colours(browser: LocalBrowser, frontend: Frontend) -> None:
    """The whole colour cube, greys and Home Assistant's themes come out as they are, in every format."""
    async with streaming(browser, frontend, f"const theme = '{THEME}';{PATCHES}") as stream:
        for script in ("", "change()"):
            seen = await after(stream, script)
            assert len(np.unique(seen.page[flat(seen.page)], axis=0)) > 350
            # Two roundings to 8 bits take one colour in 700 a little further.
            errors, roundings = seen.flat_errors, seen.rounding_errors
            assert errors[roundings <= FLAT_TARGET].max() <= FLAT_TARGET
            assert errors.max() <= FLAT_TARGET + 1
            assert seen.agree


async def test_text(browser: LocalBrowser, frontend: Frontend) -> None:
    """Text of all sizes, lines and icons are as good as the page's a second after a change."""
    async with streaming(browser, frontend, TEXT) as stream:
        seen = await after(stream, "change()")
    assert seen.agree
    assert seen.similarity.mean() >= SSIM_TARGET
    assert seen.edge_similarity >= SSIM_TARGET
    assert 0 < seen.settled <= SETTLE_S
    assert all(rate < 1_000_000 for rate in seen.bit_rates.values())
    assert seen.colour_similarity >= SSIM_TARGET


def test_ssim() -> None:
    """It is that of Wang et al.: 1 for the same, and by its formula where that can be worked out by hand."""
    noise = np.random.default_rng(1).uniform(0, 255, (40, 50))
    assert ssim(noise, noise).shape == (30, 40)
    assert ssim(noise, noise) == pytest.approx(1)
    # Without variance only the term of luminance is left.
    dark, bright = np.full((20, 20), 100.0), np.full((20, 20), 120.0)
    assert ssim(dark, bright) == pytest.approx((2 * 100 * 120 + 6.5025) / (100**2 + 120**2 + 6.5025))
    # One window: means, variances and covariance as the paper defines them, with its weights.
    one, other = noise[:11, :11], noise[20:31, 20:31]
    row, column = np.mgrid[-5:6, -5:6]
    weights = np.exp(-(row**2 + column**2) / (2 * 1.5**2))
    means = [np.average(plane, weights=weights) for plane in (one, other)]
    (own, both), (_, others) = np.cov(one.ravel(), other.ravel(), ddof=0, aweights=weights.ravel())
    luminance = (2 * means[0] * means[1] + 6.5025) / (means[0] ** 2 + means[1] ** 2 + 6.5025)
    assert ssim(one, other) == pytest.approx(luminance * (2 * both + 58.5225) / (own + others + 58.5225))


def test_flat() -> None:
    """Flat is what lies more than a macroblock away from other colours and from the edge of the picture."""
    picture = np.zeros((80, 90, 3), np.uint8)
    picture[:, 50:, 2] = 1
    expected = np.zeros((80, 90), bool)
    expected[16:64, 16:34] = expected[16:64, 67:74] = True
    assert np.array_equal(flat(picture), expected)
