"""Real streams for tests: FFmpeg's own HLS muxer writes them, a small web server hands them out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from aiohttp import web

from .addresses import NETWORK

HOST = f"{NETWORK}.1"
PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15")
SILENCE = ("-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "7")
AAC = ("-c:a", "aac", "-b:a", "32k")
HLS = ("-f", "hls", "-hls_list_size", "16")
CMAF = ("-hls_time", "0.5", "-hls_segment_type", "fmp4")
# Chromium's own player loses its place in MPEG-TS segments half as long as EXT-X-TARGETDURATION.
MPEGTS = ("-g", "15", "-hls_time", "1", "-hls_segment_type", "mpegts")
ENDLESS = ("-f", "mp4", "-movflags", "empty_moov+default_base_moof+frag_keyframe", "pipe:1")
LIVE = ("-re", *PICTURE, "-re", *SILENCE)
CORS = {"Access-Control-Allow-Origin": "*"}
QUIET = ("-hide_banner", "-loglevel", "error", "-y", "-nostdin")


async def run_ffmpeg(*arguments: str) -> None:
    """Run FFmpeg to its end. Raises RuntimeError with its words when it fails."""
    process = await asyncio.create_subprocess_exec(
        "ffmpeg", *QUIET, *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(errors.decode())


@asynccontextmanager
async def live_hls(folder: Path, segments: tuple[str, ...] = CMAF) -> AsyncIterator[str]:
    """Encode a live stream into `folder`; yields the playlist's name once it has three segments."""
    playlist = folder / "live.m3u8"
    inputs = ("-hide_banner", "-nostats", "-nostdin", *LIVE)
    process = await asyncio.create_subprocess_exec(
        "ffmpeg", *inputs, *H264, *AAC, *HLS, *segments, str(playlist), stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(20):
            await _written(process, playlist.name, 3)
        yield playlist.name
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _written(process: asyncio.subprocess.Process, playlist: str, times: int) -> None:
    """Wait until FFmpeg says that it writes the playlist for the last of so many times."""
    assert process.stderr is not None
    async for line in process.stderr:
        times -= playlist.encode() in line and b"for writing" in line
        if not times:
            return
    raise RuntimeError("FFmpeg ended early")


async def make_clip(file: Path, seconds: float, rate: float = 15) -> None:
    """Encode an MP4 of `seconds` with sound and `rate` pictures a second."""
    form = ("-r", str(rate), "-t", str(seconds), "-movflags", "faststart")
    await run_ffmpeg(*PICTURE, *SILENCE, *H264, *AAC, *form, str(file))


async def _send_endless_mp4(request: web.Request) -> web.StreamResponse:
    """Encode as long as somebody watches."""
    response = web.StreamResponse(headers={"Content-Type": "video/mp4", **CORS})
    await response.prepare(request)
    process = await asyncio.create_subprocess_exec(
        "ffmpeg", *QUIET, *LIVE, *H264, *AAC, *ENDLESS, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        while data := await process.stdout.read(65536):
            await response.write(data)
    finally:
        process.kill()
        await process.wait()
    return response


@asynccontextmanager
async def live_mp4() -> AsyncIterator[str]:
    """Serve an MP4 without an end; yields its URL."""
    app = web.Application()
    app.router.add_get("/live.mp4", _send_endless_mp4)
    async with run_app(app) as url:
        yield f"{url}/live.mp4"


@asynccontextmanager
async def serve(folder: Path, *, cors: bool = True) -> AsyncIterator[str]:
    """Serve a folder; yields its URL. Without `cors`, pages of other origins cannot read the answers."""

    async def allow(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(CORS if cors else {})

    app = web.Application()
    app.on_response_prepare.append(allow)
    app.router.add_static("/", folder)
    async with run_app(app) as url:
        yield url


@asynccontextmanager
async def run_app(app: web.Application) -> AsyncIterator[str]:
    """Run a web server; yields its URL."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0).start()
        yield f"http://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
