"""Every player that a television can have, with real streams, and what is measured of them."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from .conftest import HOST
from .library import PlayerKind
from .low_latency import low_latency_hls
from .player import Report
from .sender import WITHIN, Sender
from .stream import MPEGTS, live_hls, live_mp4, make_clip, serve
from .television import Television

pytestmark = [pytest.mark.paired, pytest.mark.usefixtures("loopback")]
KINDS = pytest.mark.parametrize("kind", PlayerKind)
MOVING = 10  # pictures
REPORT = Report(
    resolution=(320, 180),
    frames=0,
    dropped=0,
    seeks=0,
    seconds=1,
    stall_times=(),
    stalled=0,
    first_picture=None,
    latencies=(),
    moments=(),
    unreadable=0,
)


@KINDS
async def test_plays_every_stream(kind: PlayerKind, tmp_path: Path) -> None:
    """One after the other: HLS with fragmented MP4, with MPEG-TS, of low latency, and endless MP4."""
    fmp4, mpegts = tmp_path / "fmp4", tmp_path / "mpegts"
    fmp4.mkdir()
    mpegts.mkdir()
    async with (
        live_hls(fmp4) as one,
        live_hls(mpegts, MPEGTS) as two,
        low_latency_hls() as (low_latency, _),
        live_mp4() as mp4,
        serve(tmp_path) as url,
        Television(HOST, size=(640, 360), player=kind) as tv,
        Sender(tv) as sender,
    ):
        streams = [f"{url}/fmp4/{one}", f"{url}/mpegts/{two}", low_latency, mp4]
        for number, stream in enumerate(streams, 1):
            await sender.play(stream, "video/mp4" if stream == mp4 else "application/x-mpegurl")
            await tv.wait_playing(WITHIN, loads=number)
            report = await tv.wait_report(lambda report: report.frames >= MOVING, WITHIN)
            assert report.resolution == (320, 180)


@KINDS
async def test_says_why_it_fails(kind: PlayerKind, tmp_path: Path) -> None:
    """A playlist that is missing and one that is none are told apart, but by Chromium's own player."""
    tmp_path.joinpath("text.m3u8").write_text("not a playlist")
    codes = []
    async with (
        serve(tmp_path) as url,
        Television(HOST, size=(640, 360), player=kind) as tv,
        Sender(tv) as sender,
    ):
        for number, name in enumerate(("missing.m3u8", "text.m3u8"), 1):
            await sender.play(f"{url}/{name}")
            await tv.wait_loads(number, WITHIN)
            await tv.wait_until(lambda: tv.idle_reason == "ERROR", WITHIN, "ERROR")
            assert tv.last_failure is not None
            codes.append(tv.last_failure.code)
    assert codes == ([104, 104] if kind is PlayerKind.NATIVE else [312, 412])


@pytest.mark.parametrize("kind", [PlayerKind.SHAKA_5, PlayerKind.SHAKA_4, PlayerKind.HLS_JS])
@pytest.mark.parametrize("low_latency", [True, False])
async def test_low_latency(kind: PlayerKind, *, low_latency: bool) -> None:
    """Parts are loaded only by a player that is allowed to."""
    async with (
        low_latency_hls() as (url, origin),
        Television(HOST, size=(640, 360), player=kind, low_latency=low_latency) as tv,
        Sender(tv) as sender,
    ):
        await sender.play(url)
        await tv.wait_playing(WITHIN)
        await tv.wait_report(lambda report: report.frames >= MOVING, WITHIN)
    assert bool(origin.asked_parts) is low_latency


@KINDS
async def test_a_load_gives_way(kind: PlayerKind) -> None:
    """A medium that never answers does not hold the next one up."""
    silent = await asyncio.start_server(lambda _reader, _writer: None, HOST, 0)
    async with (
        low_latency_hls() as (url, _),
        Television(HOST, size=(640, 360), player=kind) as tv,
        Sender(tv) as sender,
    ):
        await sender.play(f"http://{HOST}:{silent.sockets[0].getsockname()[1]}/silent.m3u8")
        await tv.wait_state("LOADING", WITHIN)
        await sender.play(url)
        await tv.wait_playing(WITHIN, loads=2)
    silent.close()
    silent.abort_clients()
    await silent.wait_closed()


async def freeze(tv: Television, seconds: float, jump: float = 0) -> Report:
    """Let the medium stand still for so long and jump, and return what was seen until it moves again."""
    page = tv._player._page
    assert page is not None
    await page.evaluate(
        """async ([seconds, jump]) => {
          const video = document.querySelector("video");
          video.playbackRate = 0;
          await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
          if (jump) video.currentTime += jump;
          video.playbackRate = 1;
        }""",
        [seconds, jump],
    )
    played = (await tv.report()).frames
    return await tv.wait_report(lambda report: report.frames >= played + MOVING, WITHIN)


async def test_measures_what_is_seen(tv: Television, sender: Sender, tmp_path: Path) -> None:
    """A picture that stays for 0.8 s is a stall; a shorter one, and a jump of the player's, are none."""
    await make_clip(tmp_path / "clip.mp4", 30, rate=10)
    async with serve(tmp_path) as url:
        await sender.play(f"{url}/clip.mp4", "video/mp4")
        await tv.wait_playing(WITHIN)
        await freeze(tv, 0.1)
        calm = await freeze(tv, 0, jump=10)
        report = await freeze(tv, 0.8, jump=5)
        await sender.call(sender.cast.media_controller.pause)
        await sender.call(sender.cast.media_controller.seek, 2)
        await sender.call(sender.cast.media_controller.play)
        await tv.wait_playing(WITHIN)
        last = await tv.report()
    assert (calm.stalls, calm.seeks) == (0, 1)
    assert (report.stalls, report.seeks) == (1, 2)
    assert report.stalled == pytest.approx(0.8, abs=0.2)
    assert (last.stalls, last.seeks) == (report.stalls, report.seeks)


def test_drift() -> None:
    """The delay at the end less the delay at the start, whatever single pictures say."""
    steady = [1000.0] * 10
    assert replace(REPORT, latencies=tuple(steady)).drift == 0
    assert replace(REPORT, latencies=(1000, 1500, 900, *steady * 9, *[1200] * 12)).drift == 200
    assert replace(REPORT, latencies=(1000, 1000)).drift is None
