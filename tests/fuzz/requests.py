"""Odd requests for a real Home Assistant with a running stream."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
import random
import re
import socket
import struct
from typing import Final
from urllib.parse import urlsplit

import psutil

from tests.bench.household import CLOCK, Household, household

# At once; a dozen more read the endless answer slowly.
_AT_ONCE: Final = 32
_SLOW_READERS: Final = 12
# What no answer takes longer for: a blocking request is over after three target durations.
_TIMEOUT_S: Final = 15.0
_SLOWLY_S: Final = 0.5
_READ: Final = 64 * 1024
# So much of an endless answer is enough.
_ENOUGH: Final = 256 * 1024
_WARM_UP: Final = 0.2
_MEMORY_MB: Final = 24.0
# After the last request, for what Home Assistant still has to clear away.
SETTLE_S: Final = 12.0

_METHODS: Final = ("OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get", "G%45T")
_GOOD_NAMES: Final = (
    *("master.m3u8", "hls.m3u8", "ts.m3u8", "master-ts.m3u8", "init-0.mp4", "still.jpg", "live.mp4"),
    *("{segment}.m4s", "{segment}.ts", "part-{part}.m4s"),
)
_ODD_NAMES: Final = (
    *("init-1.mp4", "0{segment}.m4s", "{segment}.m4s/", "-1.m4s", "part-.m4s", "1e3.m4s", "HLS.M3U8"),
    *("999999999999.m4s", "9999999999999999999999.ts", "٣.m4s", "%D9%A3.m4s", "%ff%fe.ts", "a" * 3000),
    *("", ".", "..", "%2e%2e", "..%2f..%2f..%2fetc%2fpasswd", "..%5csecrets.yaml", "%252e%252e%252fapi"),
    *("hls.m3u8%00", "master.m3u8;v=1", "//hls.m3u8"),
)
_NUMBERS: Final = (
    "-1",
    "",
    "1.5",
    "٣",
    "00",
    "1e3",
    "999999999999",
    "9" * 400,
    "NaN",
    "%31",
    "1%00",
    "[]",
    "+1",
)
_HEADERS: Final = (
    *(
        f"Range: bytes={wanted}"
        for wanted in ("0-99", "100-", "-5", "-0", "9-1", "0-0,5-6", "99999999999-", "٣-")
    ),
    *("Range: items=1-2", "Range:", "If-Range: x", "If-None-Match: *", "If-Modified-Since: never"),
    *("Origin: https://www.gstatic.com", "Origin: null", "Access-Control-Request-Headers: range"),
    *(
        "Accept-Encoding: gzip, br",
        "Accept: image/png",
        "Authorization: Bearer wrong",
        "Authorization: Basic %%%",
    ),
    *("Cookie: a=\x01; =;;", "Expect: 100-continue", "Upgrade: websocket", "TE: trailers", "Host: other"),
    *("X: " + "y" * 4000, "X-Forwarded-For: 1.2.3.4", "no colon"),
    *("Content-Length: 3", "Content-Length: -1", "Transfer-Encoding: chunked"),
)

# What aiohttp and Home Assistant say of requests that break the rules of HTTP, before any view sees them.
_NO_HTTP: Final = (
    r"(?m)\[aiohttp\.server\] Error handling request[\s\S]*^aiohttp\.http_exceptions\.\w+: [\s\S]*\Z",
    r"\[homeassistant\.components\.http\.forwarded\] A request from a reverse proxy",
    # Not on every machine; then cameras make their thumbnails in another way.
    r"\[homeassistant\.components\.camera\.img_util\] Error loading libturbojpeg",
)

type Say = Callable[[str], None]


@dataclass(slots=True)
class Answers:
    """What came of all requests."""

    statuses: Counter[str] = field(default_factory=Counter)
    """How many answers had which status; `none` where the connection ended without one."""
    problems: list[str] = field(default_factory=list)
    """What must not be."""
    grown_mb: float = 0.0
    """How much more memory Home Assistant's process has than after the first fifth."""

    def __str__(self) -> str:
        """Return it in a few lines."""
        told = ", ".join(f"{count} x {status}" for status, count in sorted(self.statuses.items()))
        return "\n".join((f"answers: {told}; memory {self.grown_mb:+.1f} MB", *self.problems))


@dataclass(frozen=True, slots=True)
class Place:
    """Where the stream is now."""

    root: str
    """Path of the stream, with its token."""
    segment: int
    part: int


class Requests:
    """Makes requests, the same for the same seed and place."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311

    def make(self, place: Place) -> bytes:
        """Return the next request."""
        pick = self._random
        method = pick.choice(("GET", "GET", "GET", "HEAD", pick.choice(_METHODS)))
        target = f"{self._root(place.root)}/{self._name(place)}{self._query(place)}"
        headers = [pick.choice(_HEADERS) for _ in range(pick.choice((0, 0, 1, 1, 2, 4)))]
        body = "abc" if "Content-Length: 3" in headers else ""
        lines = (f"{method} {target} HTTP/1.1", "Host: tv", "Connection: close", *headers, "", body)
        return "\r\n".join(lines).encode()

    def stop_after(self) -> int | None:
        """Return after how many bytes to go away, None for not before the end."""
        return self._random.choice((None, None, None, 0, 1, 500, 20_000))

    def _root(self, root: str) -> str:
        """Return the path of the stream, in one of five cases with a token that is only nearly right."""
        path, _, token = root.rpartition("/")
        if self._random.random() < 0.8:
            return root
        encoded = "".join(f"%{ord(letter):02x}" for letter in token)
        near = (token[:-1], token + "A", token.swapcase(), token[::-1], token + "%00", token + "/..")
        odd = self._random.choice((*near, encoded, encoded[:-2], "", "..", "x" * 5000))
        return f"{path}/{odd}"

    def _name(self, place: Place) -> str:
        ahead = self._random.choice((-30, -3, -1, -1, 0, 1, 2, 5))
        name = self._random.choice(_GOOD_NAMES if self._random.random() < 0.7 else _ODD_NAMES)
        return name.format(segment=place.segment + ahead, part=place.part + ahead)

    def _query(self, place: Place) -> str:
        pick = self._random
        if pick.random() < 0.5:
            return ""
        numbers = [str(place.segment + pick.randint(-3, 4)), str(pick.randint(0, 6)), pick.choice(_NUMBERS)]
        keys = ("_HLS_msn", "_HLS_part", "_HLS_skip", "_hls_msn", "")
        return "?" + "&".join(
            f"{pick.choice(keys)}={pick.choice(numbers)}" for _ in range(pick.randint(1, 3))
        )


async def run(seed: int, count: int, say: Say, settle_s: float = SETTLE_S) -> Answers:
    """Send requests to a home of its own and look at the answers, the log, the memory and the stream.

    settle_s: how long Home Assistant has to clear away before its memory is looked at.
    """
    async with household() as house:
        return await _Siege(house, seed, say, settle_s).run(count)


class _Siege:
    """The requests for one home."""

    def __init__(self, house: Household, seed: int, say: Say, settle_s: float) -> None:
        self._house = house
        self._settle_s = settle_s
        self._requests = Requests(seed)
        self._say = say
        self._answers = Answers()
        self._media = ""
        self._place = Place("", 0, 0)
        self._left = 0
        self._log_before = ""

    async def run(self, count: int) -> Answers:
        """Send so many requests; say what came of them."""
        self._media = (await self._house.start(CLOCK)).media
        self._place = await self._now()
        self._log_before = self._house.home.log()
        await self._send(round(_WARM_UP * count))
        await asyncio.sleep(self._settle_s)
        before = self._memory_mb()
        slow = [asyncio.create_task(self._read_slowly()) for _ in range(_SLOW_READERS)]
        await self._send(count - round(_WARM_UP * count))
        for reader in slow:
            reader.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        await asyncio.sleep(self._settle_s)
        self._answers.grown_mb = self._memory_mb() - before
        await self._judge()
        return self._answers

    async def _judge(self) -> None:
        """Note what is wrong with Home Assistant afterwards."""
        problems = self._answers.problems
        if self._answers.grown_mb > _MEMORY_MB:
            problems.append("Home Assistant's memory has grown")
        problems += complaints(self._house.home.log().removeprefix(self._log_before))
        before = await self._now()
        await asyncio.sleep(3)
        if (await self._now()).segment not in range(before.segment + 2, before.segment + 6):
            problems.append("the stream does not go on")

    async def _now(self) -> Place:
        async with self._house.home.session.get(self._media) as response:
            text = await response.text()
        segments = [int(number) for number in re.findall(r"^(\d+)\.m4s", text, re.MULTILINE)]
        parts = [int(number) for number in re.findall(r"part-(\d+)\.m4s", text)]
        return Place(urlsplit(self._media).path.rpartition("/")[0], max(segments), max(parts))

    def _memory_mb(self) -> float:
        return float(psutil.Process(self._house.home.pid).memory_info().rss / 1e6)

    async def _send(self, count: int) -> None:
        """Send so many requests, many at once."""
        self._left = count
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(self._send_some())

    async def _send_some(self) -> None:
        while self._left > 0:
            self._left -= 1
            if self._left % 500 == 0:
                self._place = await self._now()
                self._say(f"{self._left} requests to go, at segment {self._place.segment}")
            request, most = self._requests.make(self._place), self._requests.stop_after()
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    status = await self._ask(request, most)
            except TimeoutError:
                status = "late"
                self._answers.problems.append(f"no answer: {request[:300]!r}")
            self._answers.statuses[status] += 1
            blocked = status == "503" and b"/hls.m3u8" in request and b"_HLS_msn=" in request
            if status >= "500" and status[0].isdigit() and not blocked:
                self._answers.problems.append(f"{status}: {request[:300]!r}")

    async def _ask(self, request: bytes, most: int | None) -> str:
        """Send one request and return the status of the answer; go away after so many bytes of it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._house.home.port)
        try:
            writer.write(request)
            head = await reader.read(_READ) if most != 0 else b""
            received = len(head)
            while received < (_ENOUGH if most is None else most) and (data := await reader.read(_READ)):
                received += len(data)
        except ConnectionError:
            head = b""
        finally:
            if most is not None:
                _reset(writer)
            writer.close()
        # Who expects a 100 gets it before the answer.
        words = head.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").split(b" ", 2)
        return words[1].decode() if len(words) > 2 else "none"

    async def _read_slowly(self) -> None:
        """Read the endless answer more slowly than it comes, for ever, and anew when it is cut off."""
        request = f"GET {self._place.root}/live.mp4 HTTP/1.1\r\nHost: tv\r\n\r\n".encode()
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._house.home.port, limit=_READ)
            try:
                writer.write(request)
                while not reader.at_eof():
                    await asyncio.gather(reader.read(1024), asyncio.sleep(_SLOWLY_S))
            except ConnectionError:
                continue
            finally:
                writer.close()


def complaints(log: str) -> list[str]:
    """Return the errors in Home Assistant's log but those about what was no HTTP at all, or is not there."""
    records = re.split(r"^(?=\d{4}-\d\d-\d\d \d\d:)", log, flags=re.MULTILINE)
    errors = [one for one in records if re.match(r"\S+ \S+ (ERROR|CRITICAL) ", one) or "Traceback" in one]
    return [error for error in errors if not any(re.search(known, error) for known in _NO_HTTP)]


def _reset(writer: asyncio.StreamWriter) -> None:
    """Let the connection end without a farewell, as it does when a device is switched off."""
    stream: socket.socket = writer.get_extra_info("socket")
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
