"""Tests of what viewers fetch: from a running stream's own store, over Home Assistant's web server."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
import re
from typing import Any

from aiohttp import ClientError, ClientResponse
from aiohttp.test_utils import TestClient
from aiohttp.web import BaseRequest, StreamResponse
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from hypothesis import example, given, strategies as st
import m3u8
import pytest

from custom_components.dashboard_cast.engine import fmp4
from custom_components.dashboard_cast.engine.segments import KEPT
from custom_components.dashboard_cast.engine.stream import READY_SEGMENTS
from custom_components.dashboard_cast.errors import BrowserFailedError
from custom_components.dashboard_cast.registry import Registry
from custom_components.dashboard_cast.urls import stream_path
from custom_components.dashboard_cast.views import _range

from .common import (
    AVCC,
    INIT,
    JPEG,
    NEVER,
    OTHER_SOURCE,
    PROFILE,
    SOURCE,
    FakeStream,
    MockConfigEntry,
    RawAnswer,
    Studio,
    add_display,
    fill,
    open_task,
    picture,
    raw_request,
    until,
)

type Client = TestClient[Any, Any]
type MakeClient = Callable[[], Awaitable[Client]]

ORIGIN = "https://www.gstatic.com"
HLS = "application/vnd.apple.mpegurl"
NO_STORE = "no-cache, no-store"
IMMUTABLE = "public, max-age=600, immutable"
# What lies under a stream's token: name, content type, caching, whether it has ranges.
NAMES = [
    ("master.m3u8", HLS, NO_STORE, False),
    ("hls.m3u8", HLS, NO_STORE, False),
    ("init-0.mp4", "video/mp4", IMMUTABLE, True),
    ("0.m4s", "video/mp4", IMMUTABLE, True),
    ("part-0.m4s", "video/mp4", IMMUTABLE, True),
    ("master-ts.m3u8", HLS, NO_STORE, False),
    ("ts.m3u8", HLS, NO_STORE, False),
    ("2.ts", "video/mp2t", IMMUTABLE, True),
    ("still.jpg", "image/jpeg", NO_STORE, False),
]


@pytest.fixture(params=[[], ["https://trusted.example"]], ids=["no origins", "origins"])
async def web(hass: HomeAssistant, request: pytest.FixtureRequest) -> None:
    """Set up the web server without and with origins that are allowed everywhere."""
    assert await async_setup_component(hass, "http", {"http": {"cors_allowed_origins": request.param}})


@pytest.fixture
async def stream(registry: Registry, studio: Studio) -> FakeStream:
    """Return a stream that runs."""
    await registry.async_open(SOURCE, PROFILE)
    return studio.only


@pytest.fixture
async def client(hass_client_no_auth: MakeClient, registry: Registry) -> Client:
    """Return a client that sends no credentials, as media players do."""
    return await hass_client_no_auth()


def segment_bytes(stream: FakeStream) -> bytes:
    """Return what the first segment holds."""
    return stream.store.segments[0].data


def _path(stream: FakeStream, name: str) -> str:
    return stream_path(stream.token, name)


def _headers(answer: ClientResponse) -> dict[str, str]:
    """Return an answer's headers without those that differ each time."""
    return {name: value for name, value in answer.headers.items() if name != "Date"}


@pytest.mark.parametrize(("name", "content_type", "caching", "ranges"), NAMES)
async def test_headers(
    *, client: Client, stream: FakeStream, name: str, content_type: str, caching: str, ranges: bool
) -> None:
    """Everything has its content type and caching, and any origin may read it."""
    # Segments of MPEG-TS are made when somebody asks for their playlist.
    await client.get(_path(stream, "ts.m3u8"))
    answer = await client.get(_path(stream, name), headers={"Origin": ORIGIN})
    assert answer.status == HTTPStatus.OK
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["Cache-Control"] == caching
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Content-Range" in answer.headers["Access-Control-Expose-Headers"]
    assert (answer.headers.get("Accept-Ranges") == "bytes") is ranges
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_bodies(client: Client, stream: FakeStream) -> None:
    """Media are served as the store has them; a segment is all its parts."""
    segment = stream.store.segments[2]
    expected = {
        "init-0.mp4": INIT,
        "2.m4s": b"".join(part.data for part in segment.parts),
        f"part-{segment.parts[1].number}.m4s": segment.parts[1].data,
        "still.jpg": JPEG,
    }
    for name, body in expected.items():
        assert await (await client.get(_path(stream, name))).read() == body


async def test_playlists_lead_to_media(client: Client, stream: FakeStream) -> None:
    """From the master playlist a player finds everything else, all of it relative."""
    master = m3u8.loads(await (await client.get(_path(stream, "master.m3u8"))).text())
    [variant] = master.playlists
    assert variant.stream_info.codecs == "avc1.640029,mp4a.40.2"
    media = m3u8.loads(await (await client.get(_path(stream, variant.uri))).text())
    assert len(media.segments) >= 3
    for name in {segment.uri for segment in media.segments} | {media.segments[0].init_section.uri}:
        assert "/" not in name
        assert (await client.get(_path(stream, name))).status == HTTPStatus.OK


@pytest.mark.parametrize("name", [row[0] for row in NAMES] + ["none.m4s"])
@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=1-3"}])
async def test_head(client: Client, stream: FakeStream, name: str, headers: dict[str, str]) -> None:
    """HEAD has the headers of GET and no body."""
    get = await client.get(_path(stream, name), headers=headers)
    head = await client.head(_path(stream, name), headers=headers)
    assert head.status == get.status
    assert _headers(head) == _headers(get)
    assert not await head.read()


async def test_playlist_blocks(hass: HomeAssistant, client: Client, stream: FakeStream) -> None:
    """A playlist that is asked for with a part to come is answered when that part is there."""
    newest = stream.store.next_segment
    asked = hass.async_create_background_task(
        client.get(_path(stream, f"hls.m3u8?_HLS_msn={newest}&_HLS_part=1")), "playlist of the test"
    )
    for index in (1, 2):
        await _settle(hass)
        assert not asked.done()
        stream.store.add(AVCC, picture(READY_SEGMENTS * 4 + index))
    text = await (await asked).text()
    assert f"part-{stream.store.next_part - 1}.m4s" in text


async def test_playlist_of_a_new_viewer(hass: HomeAssistant, client: Client, stream: FakeStream) -> None:
    """Who asks for no part gets the playlist when it is a good moment to join."""
    for index in (1, 2):
        stream.store.add(AVCC, picture(READY_SEGMENTS * 4 + index))
    asked = hass.async_create_background_task(client.get(_path(stream, "hls.m3u8")), "playlist of the test")
    for index in (3, 4):
        await _settle(hass)
        assert not asked.done()
        stream.store.add(AVCC, picture(READY_SEGMENTS * 4 + index))
    assert (await asked).status == HTTPStatus.OK


@pytest.mark.parametrize(
    "query", ["_HLS_msn=2", "_HLS_msn=2&_HLS_part=3", "_HLS_msn=0&_HLS_part=99", "_HLS_skip=YES"]
)
async def test_playlist_is_there(client: Client, stream: FakeStream, query: str) -> None:
    """What is there already is not waited for."""
    assert (await client.get(_path(stream, f"hls.m3u8?{query}"))).status == HTTPStatus.OK


@pytest.mark.parametrize(
    "query", ["_HLS_msn=99", "_HLS_part=1", "_HLS_part=1&_HLS_msn=x", "_HLS_msn=99999&_HLS_part=1"]
)
async def test_playlist_too_far_ahead(client: Client, stream: FakeStream, query: str) -> None:
    """Who asks for what is far from being there, or for a part of nothing, has made a mistake."""
    answer = await client.get(_path(stream, f"hls.m3u8?{query}"))
    assert answer.status == HTTPStatus.BAD_REQUEST
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_playlist_that_does_not_come(
    client: Client, stream: FakeStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits longer than three target durations is told so."""
    monkeypatch.setattr("custom_components.dashboard_cast.views._BLOCK_S", 0)
    newest = stream.store.next_segment
    answer = await client.get(_path(stream, f"hls.m3u8?_HLS_msn={newest}&_HLS_part=0"))
    assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE


async def test_announced_part(hass: HomeAssistant, client: Client, stream: FakeStream) -> None:
    """The part that the playlist announces is waited for; one after that is not found."""
    number = stream.store.next_part
    assert f'URI="part-{number}.m4s"' in await (await client.get(_path(stream, "hls.m3u8"))).text()
    assert (await client.get(_path(stream, f"part-{number + 1}.m4s"))).status == HTTPStatus.NOT_FOUND
    asked = hass.async_create_background_task(
        client.get(_path(stream, f"part-{number}.m4s")), "part of the test"
    )
    await _settle(hass)
    assert not asked.done()
    stream.store.add(AVCC, picture(READY_SEGMENTS * 4 + 1))
    assert await (await asked).read() == stream.store.parts[number].data


async def test_announced_part_of_a_stream_that_ends(
    hass: HomeAssistant, client: Client, stream: FakeStream
) -> None:
    """When the stream ends, so does the wait."""
    asked = hass.async_create_background_task(
        client.get(_path(stream, f"part-{stream.store.next_part}.m4s")), "part of the test"
    )
    await _settle(hass)
    stream.store.close()
    assert (await asked).status == HTTPStatus.NOT_FOUND


async def test_live_video(client: Client, stream: FakeStream) -> None:
    """The endless answer begins with the init segment and goes on with what comes, until the stream ends."""
    answer = await client.get(_path(stream, "live.mp4"))
    assert answer.status == HTTPStatus.OK
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Cache-Control"] == NO_STORE
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    init = fmp4.init(AVCC, stream.profile.width, stream.profile.height, fmp4.ENDLESS_S)
    assert await answer.content.readexactly(len(init)) == init
    fill(stream.store, 1)
    stream.store.close()
    body = await answer.read()
    assert all(part.data in body for part in stream.store.segments[READY_SEGMENTS].parts)


async def test_live_video_head(client: Client, stream: FakeStream) -> None:
    """HEAD is answered at once."""
    answer = await client.head(_path(stream, "live.mp4"))
    assert answer.headers["Content-Type"] == "video/mp4"


async def test_live_video_for_who_takes_nothing(
    hass: HomeAssistant, client: Client, stream: FakeStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A viewer who takes nothing is let go, and nothing is kept for them."""
    monkeypatch.setattr("custom_components.dashboard_cast.views._SLOW_S", 0.01)
    answer = await client.get(_path(stream, "live.mp4"))
    large = picture(1).data * 100_000
    for index in range(READY_SEGMENTS * 4 + 1, READY_SEGMENTS * 4 + 9):
        stream.store.add(AVCC, replace(picture(index), data=large))
        await _settle(hass)
    await until(lambda: not client.server.handler.connections)
    with pytest.raises(ClientError):
        await answer.read()


async def test_live_video_for_who_is_switched_off(
    hass: HomeAssistant, client: Client, stream: FakeStream, caplog: pytest.LogCaptureFixture
) -> None:
    """A viewer whose connection breaks is no error."""
    answer = await client.get(_path(stream, "live.mp4"))
    await answer.content.readexactly(len(INIT))
    answer.close()
    for count in range(1, 4):
        fill(stream.store, count)
        await _settle(hass)
    assert "Error handling request" not in caplog.text


async def test_live_video_for_who_is_gone_already(
    client: Client, stream: FakeStream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither is one whose connection breaks before the answer begins."""
    prepare = StreamResponse.prepare

    async def broken(response: StreamResponse, request: BaseRequest) -> object:
        assert request.transport
        request.transport.abort()
        return await prepare(response, request)

    monkeypatch.setattr(StreamResponse, "prepare", broken)
    with pytest.raises(ClientError):
        await client.get(_path(stream, "live.mp4"))
    assert "Error handling request" not in caplog.text


async def _settle(hass: HomeAssistant) -> None:
    """Let requests get as far as they can."""
    for _ in range(20):
        await hass.async_block_till_done()


@pytest.mark.parametrize("name", ["master.m3u8", "0.m4s", "no-such"])
async def test_preflight(web: None, client: Client, stream: FakeStream, name: str) -> None:
    """A preflight that asks for Range from another origin is granted, whatever origins are configured."""
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "range",
        "Access-Control-Request-Private-Network": "true",
    }
    answer = await client.options(_path(stream, name), headers=asked)
    assert answer.status == HTTPStatus.NO_CONTENT
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Private-Network"] == "true"
    assert "Range" in re.split(", ?", answer.headers["Access-Control-Allow-Headers"])
    assert set(re.split(", ?", answer.headers["Access-Control-Allow-Methods"])) == {"GET", "HEAD", "OPTIONS"}


async def test_preflight_tells_nothing(client: Client, stream: FakeStream) -> None:
    """A preflight does not tell whether there is such a stream."""
    answers = [await client.options(stream_path(token, "0.m4s")) for token in (stream.token, "no-such")]
    assert _headers(answers[0]) == _headers(answers[1])


async def test_cross_origin(web: None, client: Client, stream: FakeStream) -> None:
    """A page of any origin gets exactly one permission, whatever origins are configured."""
    for origin in (ORIGIN, "https://trusted.example"):
        answer = await client.get(_path(stream, "hls.m3u8"), headers={"Origin": origin})
        assert answer.headers.getall("Access-Control-Allow-Origin") == ["*"]


UNKNOWN = [
    "no-such",
    "6.m4s",
    "00.m4s",
    "-1.m4s",
    "0.m4s.mp4",
    "6.ts",
    "00.ts",
    "part-99.m4s",
    "part-.m4s",
    "init-1.mp4",
    "init-.mp4",
    "0.M4S",
    "\N{ARABIC-INDIC DIGIT ZERO}.m4s",
    "9" * 400 + ".m4s",
    "MASTER.m3u8",
    "store",
]


@pytest.mark.parametrize("name", UNKNOWN)
async def test_unknown_name(client: Client, stream: FakeStream, name: str) -> None:
    """A name that stands for nothing is not found, or refused by Home Assistant before."""
    answer = await client.get(_path(stream, name))
    assert answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}
    assert not await _is_served(answer)


async def _is_served(answer: ClientResponse) -> bool:
    body = await answer.read()
    return body in {INIT, JPEG} or b"moof" in body


async def test_no_hint(client: Client, stream: FakeStream) -> None:
    """Unknown tokens and unknown names get the same answer, byte for byte."""
    targets = [
        _path(stream, "no-such"),
        _path(stream, "99.m4s"),
        stream_path("no-such", "master.m3u8"),
        stream_path(stream.token[:-1], "0.m4s"),
        stream_path(stream.token.swapcase(), "0.m4s"),
        stream_path("no-such", "no-such"),
    ]
    answers = [await raw_request(client, target) for target in targets]
    assert answers[0].status is HTTPStatus.NOT_FOUND
    assert answers[0].headers["Cache-Control"] == NO_STORE
    assert answers[0].headers["Access-Control-Allow-Origin"] == "*"
    assert len({_comparable(answer) for answer in answers}) == 1


def _comparable(answer: RawAnswer) -> tuple[HTTPStatus, tuple[tuple[str, str], ...], bytes]:
    headers = tuple(item for item in answer.headers.items() if item[0] != "Date")
    return answer.status, headers, answer.body


TRAVERSALS = [
    "../0.m4s",
    "..%2f0.m4s",
    "%2e%2e/0.m4s",
    "%2e%2e%2f0.m4s",
    "%252e%252e%252f0.m4s",
    "..%5c0.m4s",
    "..\\0.m4s",
    "./../../../../etc/passwd",
    "%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%252f..%252fsecrets.yaml",
    "0.m4s%00",
    "%000.m4s",
    "0.m4s%00.jpg",
    "0.m4s/",
    "0.m4s/..",
    "0.m4s%0a",
    "",
    "%2f0.m4s",
    "..;/0.m4s",
    "%c0%ae%c0%ae/0.m4s",
    "%ff%fe",
]


@pytest.mark.parametrize("name", TRAVERSALS)
async def test_traversal(client: Client, stream: FakeStream, name: str) -> None:
    """No spelling of a way out leads anywhere."""
    answer = await raw_request(client, _path(stream, name))
    assert answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}
    assert segment_bytes(stream) not in answer.body
    assert b"root:" not in answer.body


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_other_methods(client: Client, stream: FakeStream, method: str) -> None:
    """Viewers can only look."""
    answer = await client.request(method, _path(stream, "0.m4s"))
    assert answer.status == HTTPStatus.METHOD_NOT_ALLOWED


async def test_dead_token(client: Client, registry: Registry, stream: FakeStream) -> None:
    """With the stream its token ends."""
    await registry.async_stop()
    for name, *_ in NAMES:
        assert (await client.get(_path(stream, name))).status == HTTPStatus.NOT_FOUND


async def test_not_set_up(
    hass: HomeAssistant, client: Client, stream: FakeStream, entry: MockConfigEntry
) -> None:
    """Without a loaded config entry nothing is found."""
    await hass.config_entries.async_unload(entry.entry_id)
    assert (await client.get(_path(stream, "0.m4s"))).status == HTTPStatus.NOT_FOUND


async def test_signed_in_or_not(hass_client: MakeClient, stream: FakeStream) -> None:
    """Credentials of Home Assistant's make no difference."""
    client = await hass_client()
    assert (await client.get(_path(stream, "0.m4s"))).status == HTTPStatus.OK
    assert (await client.get(stream_path("no-such", "0.m4s"))).status == HTTPStatus.NOT_FOUND


async def test_two_streams(client: Client, registry: Registry, studio: Studio, stream: FakeStream) -> None:
    """A token opens its own stream only."""
    other = await registry.async_open(OTHER_SOURCE, PROFILE)
    fill(other.store, 3)
    assert (await client.get(stream_path(other.token, "5.m4s"))).status == HTTPStatus.OK
    assert (await client.get(_path(stream, "5.m4s"))).status == HTTPStatus.NOT_FOUND


async def test_forgotten_segment(client: Client, stream: FakeStream) -> None:
    """A segment that fell out of the store is not found; the listed ones are there."""
    fill(stream.store, KEPT)
    assert (await client.get(_path(stream, "0.m4s"))).status == HTTPStatus.NOT_FOUND
    media = m3u8.loads(await (await client.get(_path(stream, "hls.m3u8"))).text())
    for segment in media.segments:
        assert (await client.get(_path(stream, segment.uri))).status == HTTPStatus.OK


@pytest.mark.parametrize("name", ["master.m3u8", "hls.m3u8"])
async def test_playlist_waits(
    hass: HomeAssistant, client: Client, registry: Registry, studio: Studio, name: str
) -> None:
    """A playlist is answered when a player can start; not at all when the stream ends before."""
    studio.gate.clear()
    opening = open_task(hass, registry)
    await hass.async_block_till_done()
    assert (await client.get(_path(studio.only, "still.jpg"))).status == HTTPStatus.NOT_FOUND
    asked = hass.async_create_background_task(client.get(_path(studio.only, name)), "playlist of the test")
    await _settle(hass)
    assert not asked.done()
    studio.gate.set()
    assert (await asked).status == HTTPStatus.OK
    await opening


@pytest.mark.parametrize("name", ["master.m3u8", "hls.m3u8"])
async def test_playlist_of_a_stream_that_ends(client: Client, stream: FakeStream, name: str) -> None:
    """Who waits for a playlist when the stream ends is not left waiting."""
    stream.store.segments.clear()
    stream.store.close()
    assert (await client.get(_path(stream, name))).status == HTTPStatus.NOT_FOUND


async def test_display(
    hass: HomeAssistant, client: Client, registry: Registry, entry: MockConfigEntry, studio: Studio
) -> None:
    """Who names a display is led to a stream of it, which starts then and ends when nobody watches."""
    display = registry.displays.get(add_display(hass, entry, rules=NEVER))
    assert display is not None
    path = stream_path(display.token, "master-ts.m3u8")
    answer = await client.get(path, allow_redirects=False)
    assert answer.status == HTTPStatus.TEMPORARY_REDIRECT
    assert answer.headers["Location"] == _path(studio.only, "master-ts.m3u8")
    assert answer.headers["Cache-Control"] == NO_STORE
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "ts.m3u8" in await (await client.get(path)).text()
    assert registry.streams == [studio.only]
    assert not display.wanted


async def test_display_for_who_forgets_the_way(
    hass: HomeAssistant, client: Client, registry: Registry, entry: MockConfigEntry
) -> None:
    """A player that takes names in playlists for those beside its first address finds all, as go2rtc does."""
    display = registry.displays.get(add_display(hass, entry, rules=NEVER))
    assert display is not None
    name = "master-ts.m3u8"
    while name.endswith(".m3u8"):
        answer = await client.get(stream_path(display.token, name))
        name = (await answer.text()).splitlines()[-1]
    segment = await client.get(stream_path(display.token, name))
    assert (segment.status, segment.content_type) == (HTTPStatus.OK, "video/mp2t")


async def test_display_that_is_shown(hass: HomeAssistant, registry: Registry, entry: MockConfigEntry) -> None:
    """Who watches a display that is shown shares its stream, also where the TV gets a smaller picture."""
    display = registry.displays.get(add_display(hass, entry, rules=NEVER))
    assert display is not None
    display.stream = await registry.async_open(SOURCE, replace(PROFILE, frame_rate=5))
    assert await registry.async_open_display(display) is display.stream


async def test_display_that_leads_nowhere(
    hass: HomeAssistant, client: Client, registry: Registry, entry: MockConfigEntry, studio: Studio
) -> None:
    """Nothing starts for a name that there is not, nor for a display that is gone; a failure is no secret."""
    display = registry.displays.get(add_display(hass, entry, rules=NEVER))
    assert display is not None
    assert (await client.get(stream_path(display.token, "0.m4s"))).status == HTTPStatus.NOT_FOUND
    assert not studio.streams
    studio.failure = BrowserFailedError(detail="crashed")
    path = stream_path(display.token, "live.mp4")
    assert (await client.get(path)).status == HTTPStatus.SERVICE_UNAVAILABLE
    hass.config_entries.async_remove_subentry(entry, display.subentry_id)
    assert (await client.get(path)).status == HTTPStatus.NOT_FOUND


async def test_fetching_is_watching(client: Client, stream: FakeStream) -> None:
    """What is served counts as a viewer's request; what is not found does not."""
    stream.last_request = 0.0
    await client.get(_path(stream, "no-such"))
    assert stream.last_request == 0.0
    assert stream.viewers == 0
    await client.get(_path(stream, "0.m4s"))
    assert stream.last_request > 0.0
    assert stream.viewers == 1


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=10-19", slice(10, 20)),
        ("bytes=90-", slice(90, None)),
        ("bytes=90-999999", slice(90, None)),
        ("bytes=0-", slice(0, None)),
        ("bytes=-5", slice(-5, None)),
        ("bytes=-999999", slice(0, None)),
    ],
)
async def test_range(client: Client, stream: FakeStream, header: str, part: slice[int | None]) -> None:
    """A range is cut out and described."""
    whole = segment_bytes(stream)
    start, stop, _ = part.indices(len(whole))
    answer = await client.get(_path(stream, "0.m4s"), headers={"Range": header})
    assert answer.status == HTTPStatus.PARTIAL_CONTENT
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
    assert await answer.read() == whole[part]
    assert answer.headers["Content-Length"] == str(stop - start)
    assert answer.headers["Content-Type"] == "video/mp4"


@pytest.mark.parametrize("header", ["bytes=99999-", "bytes=99999-999999", "bytes=-0", f"bytes={'9' * 18}-"])
async def test_range_beyond_the_end(client: Client, stream: FakeStream, header: str) -> None:
    """A range of which there is nothing cannot be satisfied."""
    answer = await client.get(_path(stream, "0.m4s"), headers={"Range": header})
    assert answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    assert answer.headers["Content-Range"] == f"bytes */{len(segment_bytes(stream))}"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert not await answer.read()


@pytest.mark.parametrize(
    "header",
    ["bytes=0-1,4-5", "bytes=5-4", "bytes=-", "bytes=a-b", "bytes", "items=0-1", "bytes=0--1", "bytes=+1-2"],
)
async def test_range_that_is_ignored(client: Client, stream: FakeStream, header: str) -> None:
    """Several ranges, and what is none, are answered with the whole."""
    answer = await client.get(_path(stream, "0.m4s"), headers={"Range": header})
    assert answer.status == HTTPStatus.OK
    assert await answer.read() == segment_bytes(stream)
    assert "Content-Range" not in answer.headers


async def test_range_of_a_playlist(client: Client, stream: FakeStream) -> None:
    """What changes has no ranges."""
    answer = await client.get(_path(stream, "hls.m3u8"), headers={"Range": "bytes=0-3"})
    assert answer.status == HTTPStatus.OK


@given(first=st.integers(0, 300), last=st.none() | st.integers(0, 300), size=st.integers(1, 200))
def test_range_from_a_place(first: int, last: int | None, size: int) -> None:
    """A range from a place is the bytes of those numbers that there are."""
    found = _range(f"bytes={first}-{'' if last is None else last}", size)
    if last is not None and last < first:
        assert found is None
        return
    assert found is not None
    assert list(found) == [byte for byte in range(size) if first <= byte and (last is None or byte <= last)]


@given(length=st.integers(0, 300), size=st.integers(1, 200))
def test_range_at_the_end(length: int, size: int) -> None:
    """A range without a start is the last bytes."""
    found = _range(f"bytes=-{length}", size)
    assert found is not None
    assert list(found) == list(range(size))[-length if length else size :]


@given(header=st.text() | st.from_regex(r"\s*bytes=[0-9,\- ]*"), size=st.integers(1, 200))
@example(header=f"bytes={'9' * 5000}-", size=1)
@example(header="bytes=\N{ARABIC-INDIC DIGIT ONE}-", size=9)
def test_range_of_whatever(header: str, size: int) -> None:
    """Whatever the header, the range lies within what there is."""
    found = _range(header, size)
    assert found is None or all(0 <= byte < size for byte in found)
