"""The fuzzer's second part, small enough for every day."""

import pytest
import pytest_socket

from .requests import Place, Requests, complaints, run

SEED = 20_261_124
PLACE = Place("/api/dashboard_cast/token", 20, 80)
OURS = """2026-11-24 19:21:24.986 ERROR (MainThread) [aiohttp.server] Error handling request from 127.0.0.1
Traceback (most recent call last):
  File "views.py", line 1, in get
KeyError: 'name'
"""
NO_HTTP = """2026-11-24 19:21:24.990 ERROR (MainThread) [aiohttp.server] Error handling request from 127.0.0.1
Traceback (most recent call last):
  File "http_parser.py", line 1
aiohttp.http_exceptions.BadStatusLine: 400, message:
  Invalid method encountered
"""
FINE = "2026-11-24 19:21:24.991 DEBUG (MainThread) [custom_components.dashboard_cast] ERROR is but a word\n"


@pytest.mark.e2e
async def test_requests(socket_enabled: None) -> None:
    """A real Home Assistant bears odd requests, and the stream goes on."""
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
    answers = await run(SEED, 400, lambda _text: None, settle_s=2)
    assert not answers.problems
    assert {"200", "204", "206", "400", "404", "405", "416"} <= set(answers.statuses)
    assert sum(answers.statuses.values()) == 400


def test_same_seed_same_requests() -> None:
    """What was found can be found again."""
    one, other, different = Requests(1), Requests(1), Requests(2)
    made = [one.make(PLACE) for _ in range(50)]
    assert made == [other.make(PLACE) for _ in range(50)]
    assert made != [different.make(PLACE) for _ in range(50)]


def test_complaints() -> None:
    """Errors of ours are told, what the web server says of broken requests is not."""
    assert complaints(FINE + NO_HTTP + OURS + FINE) == [OURS]
