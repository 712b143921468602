"""The integration's engine as a pipeline: alone in a process of its own, without Home Assistant around it."""

import asyncio
import contextlib
from dataclasses import asdict
import json
from pathlib import Path
import sys
import tempfile
from typing import override

from tests.home.usage import ProcessTree

from .pipeline import Child, Page, Pipeline, PipelineError, scratch_folder

START_TIMEOUT_S = 60
WORKER = "tests.bench.worker"


class EnginePipeline(Pipeline):
    """Starts the worker, hands it the page, and reads from it how many pictures were encoded."""

    name = "engine"

    def __init__(self) -> None:
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._worker: Child | None = None
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
        command = [sys.executable, "-m", WORKER, json.dumps(asdict(page))]
        self._worker = await Child.start("worker", *command, folder=Path(self._scratch.name))
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                self._frames = int(await self._worker.line())
        except TimeoutError as error:
            raise PipelineError(f"no picture within {START_TIMEOUT_S} s") from error
        self._reader = asyncio.create_task(self._count(self._worker))
        return ProcessTree(self._worker.pid, sessions=[self._worker.pid])

    async def _count(self, worker: Child) -> None:
        while True:
            self._frames = int(await worker.line())

    @override
    async def stop(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
            self._reader = None
        if self._worker is not None:
            await self._worker.stop()
            self._worker = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None
