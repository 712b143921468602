"""What the web server answers to players, and to those who try their luck. Requests are written by hand."""

import asyncio
from urllib.parse import urlsplit

import pytest

from .house import STILL_DASHBOARD, House

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

type Answer = tuple[int, dict[str, str], bytes]

FOREIGN = "https://www.gstatic.com"


async def ask(house: House, target: str, method: str = "GET", **headers: str) -> Answer:
    """Send one request exactly as given and return status, headers (names in lower case) and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.home.port)
    lines = [f"{method} {target} HTTP/1.1", "Host: tv", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    status, *fields = head.decode().split("\r\n")
    return int(status.split()[1]), {k.lower(): v for k, _, v in (f.partition(": ") for f in fields)}, body


async def stream_root(house: House) -> str:
    """Start a stream and return the path below which it is served."""
    answer = await house.home.call("dashboard_cast", "start", {"path": STILL_DASHBOARD}, return_response=True)
    return str(urlsplit(answer["url"]).path).removesuffix("/master.m3u8")


async def media_name(house: House, root: str) -> str:
    """Return the name of the newest segment."""
    _, _, playlist = await ask(house, f"{root}/hls.m3u8")
    return [line for line in playlist.decode().splitlines() if line.endswith(".m4s")][-1]


async def test_player_gets_everything(house: House) -> None:
    """Types, CORS and caching as the architecture's table says, and HEAD as GET."""
    root = await stream_root(house)
    expected = {
        "master.m3u8": ("application/vnd.apple.mpegurl", "no-store"),
        "hls.m3u8": ("application/vnd.apple.mpegurl", "no-store"),
        "ts.m3u8": ("application/vnd.apple.mpegurl", "no-store"),
        "init-0.mp4": ("video/mp4", "max-age"),
        await media_name(house, root): ("video/mp4", "max-age"),
        "still.jpg": ("image/jpeg", "no-store"),
    }
    for name, (kind, caching) in expected.items():
        status, headers, body = await ask(house, f"{root}/{name}", Origin=FOREIGN)
        assert (status, headers["content-type"]) == (200, kind)
        assert caching in headers["cache-control"]
        assert headers["access-control-allow-origin"] == "*"
        assert len(body) == int(headers["content-length"]) > 0
        head_status, head_headers, nothing = await ask(house, f"{root}/{name}", "HEAD", Origin=FOREIGN)
        assert (head_status, head_headers["content-type"], nothing) == (200, kind, b"")


async def test_preflight_may_ask_for_ranges(house: House) -> None:
    """A receiver on another origin may use Range; whether the stream exists is not told."""
    root = await stream_root(house)
    answers = []
    for path in (f"{root}/0.m4s", "/api/dashboard_cast/wrong/0.m4s"):
        status, headers, _ = await ask(
            house,
            path,
            "OPTIONS",
            Origin=FOREIGN,
            Access_Control_Request_Method="GET",
            Access_Control_Request_Headers="range",
        )
        assert status == 204
        assert headers["access-control-allow-origin"] == "*"
        assert "range" in headers["access-control-allow-headers"].lower()
        answers.append({name: value for name, value in headers.items() if name != "date"})
    assert answers[0] == answers[1]


async def test_ranges(house: House) -> None:
    """One range is cut out, what lies beyond the end is 416, nonsense is ignored."""
    root = await stream_root(house)
    path = f"{root}/{await media_name(house, root)}"
    _, _, whole = await ask(house, path)
    size = len(whole)
    for wanted, start, end in (("0-99", 0, 100), ("100-", 100, size), ("-10", size - 10, size)):
        status, headers, body = await ask(house, path, Range=f"bytes={wanted}")
        assert (status, body) == (206, whole[start:end])
        assert headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    status, headers, body = await ask(house, path, Range=f"bytes={size}-")
    assert (status, headers["content-range"], body) == (416, f"bytes */{size}", b"")
    for nonsense in ("bytes=9-1", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6"):
        assert (await ask(house, path, Range=nonsense))[::2] == (200, whole)


async def test_nothing_leaks(house: House) -> None:
    """Wrong tokens, wrong names and ways out of the folder look the same and lead nowhere."""
    root = await stream_root(house)
    refused = [
        await ask(house, path)
        for path in (
            "/api/dashboard_cast/wrong/master.m3u8",
            f"{root[:-1]}/master.m3u8",
            f"{root}/no-such",
            f"{root}/999999.m4s",
            f"{root}/init-7.mp4",
            f"{root}/00.m4s",
            f"{root}/%2e%2e",
            f"{root}/..%2f..%2fapi%2fconfig",
            f"{root}/..%5c..%5csecrets.yaml",
            f"{root}/%252e%252e%252fsecrets.yaml",
            f"{root}/0.m4s%00.txt",
            f"{root}/../../config",
            f"{root}/../{root.rsplit('/', 1)[1]}x/master.m3u8",
        )
    ]
    assert {status for status, _, _ in refused} <= {400, 404}
    ours = [(headers.get("content-type"), body) for status, headers, body in refused if status == 404]
    assert len(ours) >= 6
    assert all(b"m3u8" not in body and b"Traceback" not in body for _, body in ours)


async def test_token_dies_with_its_stream(house: House) -> None:
    """After the stream its address answers like one that never was."""
    root = await stream_root(house)
    assert (await ask(house, f"{root}/master.m3u8"))[0] == 200
    await house.stop()
    old = await ask(house, f"{root}/master.m3u8")
    never = await ask(house, "/api/dashboard_cast/never/master.m3u8")
    assert (old[0], old[2]) == (never[0], never[2])
    assert old[0] == 404
