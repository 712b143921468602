"""What a browser elsewhere costs, beside one that Home Assistant starts itself, with the same dashboards."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import fmean

from tests.engine.elsewhere import Machine
from tests.home.usage import ProcessTree, Usage, measure

from .household import MOTION, SETTLE_S, STILL, Household, household
from .scenario import Json, Limit, Options, Outcome, Row, Say

LOCAL, REMOTE = "local", "remote"
PAGES = {"still": STILL, "motion": MOTION}
# A connection instead of two pipes, and the page's process on the same machine: not much dearer.
LIMIT = Limit(1.25, 1.1)
HOME_PROGRAMS = ("python", "ffmpeg")


@dataclass(frozen=True, slots=True)
class Part:
    """What one side of the connection takes: CPU in percent of a core, memory in MB (PSS)."""

    cpu_percent: float
    pss_mb: float

    @classmethod
    def of(cls, usage: Usage, *, home: bool) -> Part:
        """Return what Home Assistant with FFmpeg takes, or all else."""
        shares = [share for name, share in usage.by_name.items() if name.startswith(HOME_PROGRAMS) == home]
        return cls(sum(share.cpu_percent for share in shares), sum(share.pss_mb for share in shares))


type Parts = tuple[Part, Part]
"""Home Assistant with FFmpeg, and the browser."""


@asynccontextmanager
async def local() -> AsyncIterator[tuple[Household, ProcessTree]]:
    """Give a household that starts its browser itself."""
    async with household() as house:
        yield house, house.tree()


@asynccontextmanager
async def remote() -> AsyncIterator[tuple[Household, ProcessTree]]:
    """Give a household whose browser is reached over CDP, as that of the app is."""
    async with (
        Machine(frame_control=True) as machine,
        household({"next_step_id": "remote"}, {"endpoints": [machine.url]}) as house,
    ):
        yield house, ProcessTree(house.home.pid, machine.pid, mark=house.home.mark)


KINDS = {LOCAL: local, REMOTE: remote}


async def run(options: Options, say: Say) -> Outcome:
    """Measure each kind of browser with each page, in turns."""
    measured: dict[str, dict[str, list[Parts]]] = {page: {kind: [] for kind in KINDS} for page in PAGES}
    for kind, home in [*KINDS.items()] * options.rounds:
        async with home() as (house, tree):
            for page, path in PAGES.items():
                parts = await _parts(house, tree, path, options.seconds)
                measured[page][kind].append(parts)
                say(f"{page}, {kind}: {parts[0].cpu_percent:.1f} % and {parts[1].cpu_percent:.1f} %")
    averages = {
        page: {kind: _average(all_of) for kind, all_of in kinds.items()} for page, kinds in measured.items()
    }
    return Outcome([*rows(averages)], _details(averages))


async def _parts(house: Household, tree: ProcessTree, path: str, seconds: float) -> Parts:
    """Return what a stream costs once it has come to rest."""
    await house.start(path)
    await asyncio.sleep(SETTLE_S)
    usage = await measure(tree, seconds)
    await house.stop()
    return Part.of(usage, home=True), Part.of(usage, home=False)


def _average(several: list[Parts]) -> Parts:
    home, browser = (
        Part(fmean(part.cpu_percent for part in side), fmean(part.pss_mb for part in side))
        for side in zip(*several, strict=True)
    )
    return home, browser


def rows(measured: Mapping[str, Mapping[str, Parts]]) -> Iterator[Row]:
    """Yield what both sides take, and how they compare."""
    for page, kinds in measured.items():
        for kind, (home, browser) in kinds.items():
            yield Row(f"{page}, {kind}: Home Assistant with FFmpeg, CPU", home.cpu_percent, "% of a core")
            yield Row(f"{page}, {kind}: browser, CPU", browser.cpu_percent, "% of a core")
            yield Row(f"{page}, {kind}: Home Assistant with FFmpeg, memory", home.pss_mb, "MB")
            yield Row(f"{page}, {kind}: browser, memory", browser.pss_mb, "MB")
        whole = {kind: sum(part.cpu_percent for part in parts) for kind, parts in kinds.items()}
        yield Row(f"{page}, CPU remote to local", whole[REMOTE] / whole[LOCAL], "x", LIMIT)


def _details(measured: Mapping[str, Mapping[str, Parts]]) -> Json:
    return {
        page: {
            kind: {
                name: {"cpu_percent": round(part.cpu_percent, 2), "pss_mb": round(part.pss_mb, 1)}
                for name, part in zip(("home", "browser"), parts, strict=True)
            }
            for kind, parts in kinds.items()
        }
        for page, kinds in measured.items()
    }
