"""A small origin of low-latency HLS (draft-pantos-hls-rfc8216bis): FFmpeg's fragments are its parts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import itertools

from aiohttp import web

from .stream import CORS, H264, QUIET, run_app

PART = 0.25  # s
PARTS = 4  # a segment
RATE = 16  # pictures/s: a whole number of them in a part
LISTED = 6  # segments
WITH_PARTS = 3  # segments at the end of the playlist
SOURCE = ("-f", "lavfi", "-i", f"testsrc2=size=320x180:rate={RATE}")
GOP = ("-g", str(int(RATE * PART * PARTS)))
FRAGMENTS = (
    *("-f", "mp4", "-movflags", "empty_moov+default_base_moof", "-flush_packets", "1"),
    *("-frag_duration", str(int(PART * 1_000_000)), "pipe:1"),
)
HEADER = f"""#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:{PART * PARTS:.0f}
#EXT-X-PART-INF:PART-TARGET={PART}
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={4 * PART},HOLD-BACK={3 * PART * PARTS}
#EXT-X-MAP:URI="init.mp4"
"""


@dataclass
class Origin:
    """What FFmpeg has made so far, and what was asked for."""

    init: bytes = b""
    parts: list[bytes] = field(default_factory=list)
    """All since the start."""
    asked_parts: int = 0
    """How many requests for parts came."""
    _grown: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def fill(self, output: asyncio.StreamReader) -> None:
        """Take in what FFmpeg writes: `ftyp` and `moov`, then `moof` and `mdat` for each part.

        It is as fast as it can be until all segments are listed, and then held up to be live.
        """
        fragment = b""
        live = asyncio.get_running_loop().time() - LISTED * PARTS * PART
        while True:
            header = await output.readexactly(8)
            fragment += header + await output.readexactly(int.from_bytes(header[:4]) - 8)
            if header[4:] not in {b"moov", b"mdat"}:
                continue
            await asyncio.sleep(live + len(self.parts) * PART - asyncio.get_running_loop().time())
            async with self._grown:
                if header[4:] == b"moov":
                    self.init = fragment
                else:
                    self.parts.append(fragment)
                self._grown.notify_all()
            fragment = b""

    async def wait_parts(self, count: int) -> None:
        """Wait until there are so many parts."""
        async with self._grown:
            await self._grown.wait_for(lambda: len(self.parts) >= count)

    async def send_playlist(self, request: web.Request) -> web.Response:
        """Answer once the part asked for is listed (section 6.2.5.2)."""
        msn, part = (int(request.query.get(name, 0)) for name in ("_HLS_msn", "_HLS_part"))
        if "_HLS_msn" in request.query:
            whole = "_HLS_part" not in request.query
            await self.wait_parts((msn + 1) * PARTS if whole else msn * PARTS + part + 1)
        return web.Response(text=self._playlist(), content_type="application/vnd.apple.mpegurl", headers=CORS)

    async def send_part(self, request: web.Request) -> web.Response:
        """Answer once the part is there: a preload hint names the next one."""
        number = int(request.match_info["number"])
        self.asked_parts += 1
        await self.wait_parts(number + 1)
        return _video(self.parts[number])

    async def send_segment(self, request: web.Request) -> web.Response:
        """Answer with all parts of a segment."""
        first = int(request.match_info["number"]) * PARTS
        await self.wait_parts(first + PARTS)
        return _video(b"".join(self.parts[first : first + PARTS]))

    async def send_init(self, _request: web.Request) -> web.Response:
        """Answer with the initialization segment."""
        return _video(self.init)

    def _playlist(self) -> str:
        complete, started = divmod(len(self.parts), PARTS)
        first = max(complete - LISTED, 0)
        lines = [f"{HEADER}#EXT-X-MEDIA-SEQUENCE:{first}"]
        for number in range(first, complete):
            if number >= complete - WITH_PARTS:
                lines += self._part_lines(number, PARTS)
            lines += [f"#EXTINF:{PART * PARTS},", f"{number}.m4s"]
        lines += self._part_lines(complete, started)
        lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-{len(self.parts)}.m4s"')
        return "\n".join(lines) + "\n"

    def _part_lines(self, segment: int, count: int) -> list[str]:
        independent = itertools.chain([",INDEPENDENT=YES"], itertools.repeat(""))
        numbers = range(segment * PARTS, segment * PARTS + count)
        return [
            f'#EXT-X-PART:DURATION={PART},URI="part-{number}.m4s"{mark}'
            for number, mark in zip(numbers, independent, strict=False)
        ]


def _video(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="video/mp4", headers=CORS)


@asynccontextmanager
async def low_latency_hls() -> AsyncIterator[tuple[str, Origin]]:
    """Serve a live stream; yields the playlist's URL and its origin, once all segments are listed."""
    origin = Origin()
    app = web.Application()
    app.router.add_get("/live.m3u8", origin.send_playlist)
    app.router.add_get("/init.mp4", origin.send_init)
    app.router.add_get(r"/part-{number:\d+}.m4s", origin.send_part)
    app.router.add_get(r"/{number:\d+}.m4s", origin.send_segment)
    process = await asyncio.create_subprocess_exec(
        "ffmpeg", *QUIET, *SOURCE, *H264, *GOP, *FRAGMENTS, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    filling = asyncio.create_task(origin.fill(process.stdout))
    try:
        async with run_app(app) as url:
            async with asyncio.timeout(20):
                await origin.wait_parts(LISTED * PARTS)
            yield f"{url}/live.m3u8", origin
    finally:
        filling.cancel()
        process.kill()
        await process.wait()
