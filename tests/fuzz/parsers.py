"""Everything of ours that reads what comes from outside, with good samples and what must hold for any input.

A target takes a broken input. It may raise nothing but what its parser documents, and checks what it can of
the answer.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
import re
import struct
from types import SimpleNamespace
from typing import Any, cast, override

from aiohttp import web
import orjson
from yarl import URL

from custom_components.dashboard_cast import dashboards, urls, views
from custom_components.dashboard_cast.engine import fmp4, h264, mpegts
from custom_components.dashboard_cast.engine.cdp import CdpConnection, PipeTransport
from custom_components.dashboard_cast.engine.flv import MAX_TAG_SIZE, FlvReader
from custom_components.dashboard_cast.engine.gate import Gate, endpoint
from custom_components.dashboard_cast.engine.health import PageHealth, Remedy
from custom_components.dashboard_cast.engine.pacer import PART_US, SEGMENT_US
from custom_components.dashboard_cast.engine.page import state_of
from custom_components.dashboard_cast.errors import (
    BrowserFailedError,
    MalformedMediaError,
    PathInvalidError,
    UrlForbiddenError,
    UrlInvalidError,
)
from custom_components.dashboard_cast.models import Sample
from tests.engine.helpers import encode as code, frame, ordered, paced
from tests.engine.media import encode

from .mutation import Mutator

# A picture so large takes a moment to skip; the parameter sets say how large it is.
_MOST_MACROBLOCKS = 4_000
_PACKET = 188


@dataclass(frozen=True, slots=True)
class Target:
    """A parser under test."""

    name: str
    samples: Sequence[bytes]
    feed: Callable[[bytes, Mutator], object]
    """Raises AssertionError, or what the parser does not document, when something is wrong."""
    expected: tuple[type[Exception], ...] = ()
    """What the parser documents."""

    def take(self, mutator: Mutator) -> bool:
        """Feed the next input; return whether it was accepted.

        Raises FuzzError when the parser does what it must not.
        """
        data = mutator.mutated(self.samples)
        try:
            self.feed(data, mutator)
        except self.expected:
            return False
        except Exception as error:
            raise FuzzError(self.name, data) from error
        return True


class FuzzError(Exception):
    """A parser failed; says which, and of what."""

    def __init__(self, name: str, data: bytes) -> None:
        super().__init__(f"{name} failed with {data[:4096]!r}")


@cache
def flv() -> bytes:
    """Return what FFmpeg hands over of a few small pictures."""
    return encode(12, keyframe_every=4).flv


@cache
def media() -> tuple[bytes, list[bytes]]:
    """Return the configuration and the pictures of the engine's own encoder: three segments of small ones."""
    pictures = [paced(frame(number), number * PART_US) for number in range(3 * SEGMENT_US // PART_US)]
    coded = ordered(asyncio.run(code(pictures)), pictures)
    return coded[0][0], [sample.data for _, sample in coded]


def targets() -> list[Target]:
    """Return all parsers."""
    avcc, pictures = media()
    return [
        Target("FLV", [flv(), flv()[: len(flv()) // 3]], _flv, (MalformedMediaError,)),
        Target("H.264 parameter sets", [avcc], _parameters, (MalformedMediaError,)),
        Target("H.264 pictures", pictures, _picture, (MalformedMediaError,)),
        Target("H.264 NAL units", pictures, _nal_units, (MalformedMediaError,)),
        Target("MPEG-TS configuration", [avcc], _multiplexer, (MalformedMediaError,)),
        Target("MPEG-TS pictures", pictures, _transport),
        Target("fMP4 configuration", [avcc], _init),
        Target("fMP4 pictures", pictures, _fragment),
        Target("CDP pipe", [_messages(), _ANSWER], _cdp),
        Target("page.js answers", _STATES, _state, (BrowserFailedError,)),
        Target("Range header", _RANGES, _range),
        Target("names", _NAMES, _name),
        Target("delivery directives", _DIRECTIVES, _directives),
        Target("dashboard paths", _PATHS, _path, (PathInvalidError,)),
        Target("stream URLs", _URLS, _url),
        Target("web page URLs", _PAGES, _page, (UrlInvalidError, UrlForbiddenError)),
    ]


def _flv(data: bytes, mutator: Mutator) -> None:
    """Read in pieces and in one, which gives the same and keeps no more than a tag."""
    reader, other = FlvReader(), FlvReader()
    found = [item for piece in mutator.pieces(data) for item in reader.feed(piece)]
    assert found == other.feed(data)
    assert len(reader._buffer) <= MAX_TAG_SIZE + 16


def _parameters(data: bytes, _mutator: Mutator) -> None:
    found = h264.Parameters.of(data)
    assert 0 < found.macroblocks <= 139_264
    assert 4 <= found.frame_number_bits <= 16
    if found.macroblocks <= _MOST_MACROBLOCKS:
        repeater = h264.Repeater(data)
        assert len([*h264.nal_units(repeater.skip())]) == 1


def _picture(data: bytes, _mutator: Mutator) -> None:
    """Give a picture its numbers, twice: what comes out can be read again."""
    avcc, _ = media()
    once, again = h264.Repeater(avcc), h264.Repeater(avcc)
    out = once.coded(data)
    assert len([*h264.nal_units(out)]) == len([*h264.nal_units(again.coded(out))])
    if once._idr:
        assert len(once.key()) <= len(data) + 8 * len(once._idr)
    assert once.skip()


def _nal_units(data: bytes, _mutator: Mutator) -> None:
    assert b"".join(len(nal).to_bytes(4) + nal for nal in h264.nal_units(data)) == data


def _multiplexer(data: bytes, _mutator: Mutator) -> None:
    _packets(mpegts.Multiplexer(data), media()[1][0])


def _transport(data: bytes, _mutator: Mutator) -> None:
    _packets(mpegts.Multiplexer(media()[0]), data)


def _packets(multiplexer: mpegts.Multiplexer, data: bytes) -> None:
    """Make a segment: whole packets, those of each PID counted through."""
    segment = multiplexer.segment([Sample(data, 0, keyframe=True)], 4_500)
    assert len(segment) % _PACKET == 0
    heads = [struct.unpack_from(">IB", segment, start) for start in range(0, len(segment), _PACKET)]
    assert all(head >> 24 == 0x47 for head, _ in heads)
    for pid in {head >> 8 & 0x1FFF for head, _ in heads}:
        counters = [head & 15 for head, _ in heads if head >> 8 & 0x1FFF == pid]
        assert all(after == (before + 1) % 16 for before, after in pairwise(counters))


def _init(data: bytes, _mutator: Mutator) -> None:
    assert fmp4.codecs(data).startswith("avc1.")
    assert [kind for kind, _ in _boxes(fmp4.init(data, 320, 180))] == [b"ftyp", b"moov"]


def _fragment(data: bytes, _mutator: Mutator) -> None:
    boxes = dict(_boxes(fmp4.fragment(1, [Sample(data, 0, keyframe=True)], 4_500)))
    assert boxes[b"mdat"].startswith(data)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    while data:
        size, kind = struct.unpack_from(">I4s", data)
        assert 8 <= size <= len(data)
        yield kind, data[8:size]
        data = data[size:]


_ANSWER = orjson.dumps({"id": 1, "result": {"sessionId": "A"}}) + b"\0"
_FRAME = {"data": "/9j/4AAQ", "metadata": {"timestamp": 1.5}, "sessionId": 1}


def _messages() -> bytes:
    """Return messages as Chromium sends them."""
    messages: list[dict[str, Any]] = [
        {"id": 1, "result": {"sessionId": "A"}},
        {"id": 1, "error": {"code": -32000, "message": "No target"}},
        {"method": "Page.screencastFrame", "params": _FRAME, "sessionId": "A"},
        {"method": "Runtime.bindingCalled", "params": {"name": "n", "payload": ""}, "sessionId": "A"},
        {"method": "Target.detachedFromTarget", "params": {"sessionId": "A"}},
    ]
    return b"".join(orjson.dumps(message) + b"\0" for message in messages)


class _Writer(asyncio.StreamWriter):
    """Takes commands and forgets them."""

    def __init__(self) -> None:
        """Need no transport."""

    @override
    def write(self, data: Any) -> None:
        """Forget it."""

    @override
    async def drain(self) -> None:
        """Have room."""

    @override
    def close(self) -> None:
        """Do nothing."""

    @override
    def __del__(self, _warnings: Any = None) -> None:
        """Have nothing to close."""


_LOOP = cache(asyncio.new_event_loop)


def _cdp(data: bytes, mutator: Mutator) -> None:
    """Send a command: it is answered or fails as documented, and nothing goes wrong on the side."""
    problems: list[dict[str, Any]] = []
    _LOOP().set_exception_handler(lambda _loop, context: problems.append(context))
    _LOOP().run_until_complete(_talk(mutator.pieces(data)))
    assert not problems


async def _talk(pieces: list[bytes]) -> None:
    reader = asyncio.StreamReader()
    connection = CdpConnection(PipeTransport(reader, _Writer()))
    connection.browser.on("Page.screencastFrame", lambda _event: None)
    command = asyncio.create_task(connection.attach("A"))
    for piece in pieces:
        await asyncio.sleep(0)
        reader.feed_data(piece)
    reader.feed_eof()
    with suppress(BrowserFailedError):
        await asyncio.wait_for(command, 1)
    await asyncio.wait([connection._reading])
    assert connection._reading.exception() is None
    await connection.close()


_STATES = [
    orjson.dumps({"result": {"value": value}})
    for value in (
        {"signedIn": True, "waitsFor": "", "error": "", "size": 812, "cards": 9},
        {"signedIn": False, "waitsFor": "the connection to Home Assistant", "error": "", "size": 0},
        {"signedIn": True, "connected": True, "waitsFor": "", "error": "", "version": "2026.10.4"},
        None,
    )
]


def _state(data: bytes, mutator: Mutator) -> None:
    """Text that is no JSON does not come from a browser; other JSON may."""
    try:
        answer = orjson.loads(data)
    except orjson.JSONDecodeError:
        answer = {"result": {"value": mutator.random.choice((0, "", [], {}, {"size": []}, True, 1.5))}}
    if isinstance(answer, dict) and isinstance(answer.get("result"), dict):
        verdict = PageHealth(worn_at=1.0).judge(answer["result"].get("value"), 0.0)
        assert (verdict.trouble is None) == (verdict.remedy is Remedy.NOTHING)
        state = state_of(answer["result"].get("value"))
        assert isinstance(state["waitsFor"], str)
        assert isinstance(state["error"], str)
        assert isinstance(state["size"], int)


_RANGES = [b"bytes=0-99", b"bytes=100-", b"bytes=-10", b"bytes=0-1,5-6", b" bytes=00-18446744073709551615"]
_NAMES = [b"init-0.mp4", b"17.m4s", b"part-123.m4s", b"9.ts", b"master.m3u8", b"999999999999.m4s"]
_DIRECTIVES = [b"_HLS_msn=12&_HLS_part=3", b"_HLS_msn=0", b"_HLS_part=1&_HLS_msn=%31", b"_HLS_skip=YES"]
_PATHS = [b"/lovelace/0", b"demo-home/overview", "/küche/%C3%BC".encode(), b"/a/%2e%2e/b", b"https://h/a?b#c"]
_URLS = [
    b"http://10.0.0.2:8123/api/dashboard_cast/tOk-en_1/master.m3u8",
    b"/api/dashboard_cast/a/live.mp4?x=1",
]
_PAGES = [
    b"http://10.0.0.2:3000/d/home?kiosk#top",
    b"https://[::ffff:127.0.0.1]:8123/",
    "http://b\u00fccher\uff0e0x7f\u3002017/%2e%2e/x".encode(),
    b"http://user:password@page.example\\@other/",
]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _range(data: bytes, mutator: Mutator) -> None:
    size = mutator.random.choice((0, 1, 100, 5_000_000))
    found = views._range(_text(data), size)
    assert found is None or not found or (found.start >= 0 and found.stop <= size)


def _name(data: bytes, _mutator: Mutator) -> None:
    """Look a name up: it means one kind of thing at most, and is the one way to write it."""
    name = _text(data)
    matches = [match for pattern, _ in views._NUMBERED if (match := pattern.fullmatch(name))]
    assert len(matches) <= 1
    assert all(str(int(match[1])) == match[1] and len(match[1]) <= 12 for match in matches)


def _directives(data: bytes, _mutator: Mutator) -> None:
    query = re.sub(r"[\x00-\x20\x7f-\uffff#]", "", _text(data))
    request = SimpleNamespace(query=URL("?" + query, encoded=True).query)
    for name in ("_HLS_msn", "_HLS_part"):
        number = views._number(cast("web.Request", request), name)
        assert number is None or 0 <= number < 10**12


def _path(data: bytes, _mutator: Mutator) -> None:
    path = dashboards.normalized_path(_text(data))
    assert dashboards.normalized_path(path) == path
    assert path.startswith("/")
    assert not {"", ".", ".."} & set(path[1:].split("/"))


def _url(data: bytes, _mutator: Mutator) -> None:
    """Split a URL; what is found is found again where streams lie."""
    url = _text(data)
    token, name = urls.split_stream_url(url)
    assert "/" not in token
    if re.fullmatch(r"[\w-]+", token, re.ASCII) and re.fullmatch(r"[\w.-]+", name, re.ASCII):
        assert urls.split_stream_url(urls.stream_path(token, name)) == (token, name)


def _page(data: bytes, _mutator: Mutator) -> None:
    """Let a web page through the gate: where it leads is a host and a port, and not Home Assistant's."""
    url = _text(data)
    Gate("http://10.0.0.2:8123").check(url)
    host, port = endpoint(url)
    assert not set("@/\\#?% ") & set(str(host))
    assert (str(host), port) not in {("10.0.0.2", 8123), ("127.0.0.1", 8123), ("localhost", 8123)}
