"""The classic pipeline: a virtual screen, a browser on it, and FFmpeg that grabs all of it all the time."""

import asyncio
import contextlib
import os
from pathlib import Path
import tempfile
from typing import override

from tests.home.usage import ProcessTree

from .devtools import DevTools
from .pipeline import Child, Page, Pipeline, scratch_folder

GRAB_RATE = 30
SEGMENT_S = 2
MARGIN = 8
BROWSER_FLAGS = (
    "--kiosk",
    "--window-position=0,0",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--password-store=basic",
)


def browser_command(page: Page, profile: Path) -> list[str]:
    """Return the command line of a browser that fills the screen."""
    size = f"--window-size={page.width},{page.height}"
    # Chromium's sandbox refuses to run as root.
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    return ["chromium", *BROWSER_FLAGS, *root, size, f"--user-data-dir={profile}", "about:blank"]


def encoder_command(page: Page, display: str, playlist: Path) -> list[str]:
    """Return the command line that grabs the screen and writes an HLS stream with silent sound."""
    size = f"{page.width}x{page.height}"
    screen = ["-f", "x11grab", "-framerate", str(GRAB_RATE), "-video_size", size, "-draw_mouse", "0"]
    silence = ["-f", "lavfi", "-i", "anullsrc=channel_layout=stereo:sample_rate=48000"]
    video = [
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-pix_fmt",
        "yuv420p",
        "-g",
        str(GRAB_RATE * SEGMENT_S),
    ]
    audio = ["-c:a", "aac", "-b:a", "64k"]
    hls = ["-f", "hls", "-hls_time", str(SEGMENT_S), "-hls_list_size", "5", "-hls_flags", "delete_segments"]
    report = ["-nostats", "-progress", "pipe:1", "-stats_period", "0.5"]
    begin = ["ffmpeg", "-hide_banner", "-loglevel", "warning", *report, *screen, "-i", display]
    return [*begin, *silence, *video, *audio, *hls, str(playlist)]


class ClassicPipeline(Pipeline):
    """Xvfb, Chromium with a window, x11grab at 30 pictures a second, libx264, HLS into a folder in memory."""

    name = "classic"

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._children: list[Child] = []
        self._devtools: DevTools | None = None
        self._frames = 0
        self._reader: asyncio.Task[None] | None = None

    @property
    @override
    def frames(self) -> int:
        return self._frames

    @override
    async def start(self, page: Page) -> ProcessTree:
        self._frames = 0
        self._scratch = scratch_folder()
        self.folder = Path(self._scratch.name)
        display = await self._start_screen(page)
        profile = self.folder / "profile"
        await self._child("Chromium", *browser_command(page, profile), display=display)
        self._devtools = await DevTools.connect(profile)
        await self._devtools.show(page)
        encoder = await self._child("FFmpeg", *encoder_command(page, display, self.folder / "stream.m3u8"))
        await self._count(encoder)
        self._reader = asyncio.create_task(self._count_on(encoder))
        return ProcessTree(*(child.pid for child in self._children))

    async def _start_screen(self, page: Page) -> str:
        """Start the virtual screen and return its address."""
        # Larger than the page: a window as large as the screen is made a pixel smaller by Chromium.
        screen = ["-screen", "0", f"{page.width + MARGIN}x{page.height + MARGIN}x24"]
        server = await self._child("Xvfb", "Xvfb", *screen, "-nolisten", "tcp", "-displayfd", "1")
        return f":{await server.line()}"

    async def _child(self, name: str, *command: str, display: str | None = None) -> Child:
        assert self.folder is not None
        environment = {"DISPLAY": display} if display else None
        child = await Child.start(name, *command, folder=self.folder, environment=environment)
        self._children.append(child)
        return child

    async def _count(self, encoder: Child) -> None:
        """Read the encoder's reports up to the first that counts pictures."""
        count = 0
        while not count:
            key, _, value = (await encoder.line()).partition("=")
            count = int(value) if key == "frame" else 0
        self._frames = count

    async def _count_on(self, encoder: Child) -> None:
        while True:
            await self._count(encoder)

    @override
    async def stop(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
            self._reader = None
        if self._devtools is not None:
            await self._devtools.close()
            self._devtools = None
        while self._children:
            await self._children.pop().stop()
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None
