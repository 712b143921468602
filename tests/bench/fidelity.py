"""Whether a still dashboard looks on a screen as it does in the browser, a second after a change."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from custom_components.dashboard_cast.engine.browser import LocalBrowser
from custom_components.dashboard_cast.engine.homes import Homes
from custom_components.dashboard_cast.engine.page import AccessToken
from custom_components.dashboard_cast.engine.stream import Stream
from custom_components.dashboard_cast.models import Profile, SizePreset, Source, StreamFormat
from tests.engine.fidelity import FLAT_TARGET, SETTLE_S, SSIM_TARGET, Shown, shown
from tests.home.home import Home

from .household import STILL
from .scenario import Json, Limit, Options, Outcome, Row, Say

RATE = 15
TOKEN_LIFE_S = 1_800
# What a dashboard that stands still may need: well under a megabit a second.
LIMIT_SSIM = Limit(SSIM_TARGET, at_least=True)
LIMIT_FLAT, LIMIT_SETTLED, LIMIT_RATE = Limit(FLAT_TARGET), Limit(SETTLE_S), Limit(1)


async def run(options: Options, say: Say) -> Outcome:
    """Switch a light on a dashboard, and compare the page with what each format shows of it."""
    found = dict[str, Json]()
    async with Home() as home:
        for size in options.sizes:
            found[size] = figures(await _shown(home, size))
            say(f"{size}: {', '.join(f'{name} {value:.4g}' for name, value in found[size].items())}")
    return Outcome([row for size, figures_ in found.items() for row in rows(size, figures_)], found)


async def _shown(home: Home, size: SizePreset) -> Shown:
    """Return what is seen of the dashboard after a change."""
    await home.call("light", "turn_on", {"entity_id": "light.ceiling"})
    async with _stream(home, size) as stream:
        return await shown(stream, lambda: home.call("light", "turn_off", {"entity_id": "light.ceiling"}))


@asynccontextmanager
async def _stream(home: Home, size: SizePreset) -> AsyncIterator[Stream]:
    """Give a running stream of the engine alone."""

    async def credentials() -> AccessToken:
        assert home.token
        return AccessToken(home.token, TOKEN_LIFE_S)

    browser = LocalBrowser()
    stream = Stream(
        Source(STILL),
        Profile.of(size, RATE),
        browser=browser,
        ffmpeg="ffmpeg",
        homes=Homes(home.url),
        credentials=credentials,
    )
    try:
        await stream.start()
        yield stream
    finally:
        await stream.stop()
        await browser.stop()


def figures(seen: Shown) -> Json:
    """Return what was measured as numbers."""
    return {
        "ssim": float(seen.similarity.mean()),
        "ssim_edges": seen.edge_similarity,
        "ssim_rgb": seen.colour_similarity,
        "flat_error": int(seen.flat_errors.max()),
        "formats_differ": int(not seen.agree),
        "settled_s": seen.settled,
        "hls_mbit_s": seen.bit_rates[StreamFormat.HLS] / 1e6,
        "ts_mbit_s": seen.bit_rates[StreamFormat.HLS_TS] / 1e6,
    }


def rows(size: str, found: Json) -> list[Row]:
    """Return what people want to know."""
    return [
        Row(f"{size}: SSIM of the luma a second after a change", found["ssim"], "", LIMIT_SSIM),
        Row(f"{size}: SSIM where text has its edges", found["ssim_edges"], "", LIMIT_SSIM),
        Row(f"{size}: SSIM of red, green and blue", found["ssim_rgb"], ""),
        Row(f"{size}: colours of flat areas off by at most", found["flat_error"], "of 255", LIMIT_FLAT),
        Row(f"{size}: formats that show something else", found["formats_differ"], "", Limit(0)),
        Row(f"{size}: from a change until it is seen as it is", found["settled_s"], "s", LIMIT_SETTLED),
        Row(f"{size}: bit rate while nothing changes, CMAF", found["hls_mbit_s"], "Mbit/s", LIMIT_RATE),
        Row(f"{size}: bit rate while nothing changes, MPEG-TS", found["ts_mbit_s"], "Mbit/s", LIMIT_RATE),
    ]
