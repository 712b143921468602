"""Tests of the health of a page: what is taken for which trouble, and what helps when."""

from itertools import pairwise

import pytest

from custom_components.dashboard_cast.engine import health as module
from custom_components.dashboard_cast.engine.health import PageHealth, Remedy, Trouble, Verdict

from .viewing import WELL

MB = 1_000_000
WORN = (Trouble.OUTDATED, Trouble.BLOATED, Trouble.CROWDED, Trouble.OLD)


def judge(*said: object, seconds: float = 1.0, worn_at: float = 1_000.0) -> Verdict:
    """Return the verdict on a page that says this, one after the other, each so many seconds later."""
    health = PageHealth(worn_at)
    return [health.judge(one, index * seconds) for index, one in enumerate(said)][-1]


SAID: dict[str, tuple[object, Trouble | None]] = {
    "well": (WELL, None),
    "no script of ours": (None, Trouble.AWAY),
    "something else": ([WELL], Trouble.AWAY),
    "less than it should": ({"signedIn": True}, Trouble.AWAY),
    "what is no text": (WELL | {"error": None}, Trouble.AWAY),
    "a number for a truth": (WELL | {"connected": 1}, Trouble.AWAY),
    "login page": (WELL | {"signedIn": False, "error": "the login page"}, Trouble.ERROR),
    "error screen": (WELL | {"error": "hass-error-screen"}, Trouble.ERROR),
    "signed out": (WELL | {"signedIn": False, "connected": False}, Trouble.SIGNED_OUT),
    "no connection": (WELL | {"connected": False, "waitsFor": "the view"}, Trouble.DISCONNECTED),
    "loading": (WELL | {"waitsFor": "ha-init-page"}, Trouble.UNDRAWN),
    "nothing of the view": (WELL | {"waitsFor": "the view"}, Trouble.UNDRAWN),
}


@pytest.mark.parametrize("name", SAID)
def test_troubles(name: str) -> None:
    """What a page says tells what is wrong; it may be seen only when nothing is."""
    said, trouble = SAID[name]
    verdict = judge(WELL, said)
    assert verdict.trouble is trouble
    assert verdict.presentable == (trouble is None)
    assert verdict.remedy is (Remedy.WAIT if trouble else Remedy.NOTHING)


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Trouble.AWAY, None),
        (Trouble.ERROR, WELL | {"error": "gone"}),
        (Trouble.SIGNED_OUT, WELL | {"signedIn": False}),
        (Trouble.DISCONNECTED, WELL | {"connected": False}),
        (Trouble.UNDRAWN, WELL | {"waitsFor": "the view"}),
    ],
)
def test_patience(trouble: Trouble, said: object) -> None:
    """What lasts is not waited for any more; the frontend has its time to get well by itself."""
    health = PageHealth(1_000.0)
    health.judge(WELL, 0.0)
    remedies = {second: health.judge(said, second).remedy for second in range(10, 40)}
    waited = [second for second, remedy in remedies.items() if remedy is Remedy.WAIT]
    assert waited == list(range(10, 10 + len(waited)))
    assert len(waited) == module._PATIENCE_S[trouble]
    assert set(list(remedies.values())[len(waited) :]) == {Remedy.REPLACE}


def test_another_trouble_has_its_own_time() -> None:
    """A page that reloads is away, signed out and undrawn in turn: each is a step towards being well."""
    steps: list[object] = [
        WELL,
        None,
        WELL | {"signedIn": False},
        WELL | {"waitsFor": "the dashboard"},
        WELL,
    ]
    health = PageHealth(1_000.0)
    verdicts = [health.judge(said, 6.0 * index) for index, said in enumerate(steps)]
    assert [verdict.remedy for verdict in verdicts] == [
        Remedy.NOTHING,
        Remedy.WAIT,
        Remedy.WAIT,
        Remedy.WAIT,
        Remedy.NOTHING,
    ]
    assert all(one.trouble is not other.trouble for one, other in pairwise(verdicts))


def test_a_trouble_that_comes_again_has_its_time_again() -> None:
    """That it was there before does not count."""
    gone = WELL | {"connected": False}
    assert judge(gone, WELL, gone, seconds=30.0).remedy is Remedy.WAIT


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        ([WELL, WELL | {"version": "2"}], Trouble.OUTDATED),
        ([WELL | {"version": ""}, WELL], None),
        ([None, WELL, WELL], None),
    ],
)
def test_update(said: list[object], trouble: Trouble | None) -> None:
    """Another version than at first is that of an update; a version that was not known is none."""
    verdict = judge(*said)
    assert verdict.trouble is trouble
    assert verdict.presentable


@pytest.mark.parametrize(
    ("usual", "now", "bloated"),
    [
        (0, 0, False),
        (50, 199, False),
        (50, 201, True),
        (300, 399, False),
        (300, 401, True),
        # It has always been that large.
        (450, 560, False),
        (450, 570, True),
    ],
)
def test_memory(usual: int, now: int, *, bloated: bool) -> None:
    """Growth beyond what is usual for the page wears it out, and so does what is soon too much."""
    health = PageHealth(1_000.0)
    health.weigh(usual * MB)
    assert health.judge(WELL, 0.0) == Verdict()
    health.weigh(now * MB)
    verdict = health.judge(WELL, 1.0)
    assert (verdict.trouble is Trouble.BLOATED) == bloated
    assert verdict.presentable
    assert verdict.remedy is (Remedy.RENEW if bloated else Remedy.NOTHING)


def test_crowded_browser() -> None:
    """A page leaves a browser that takes too much memory."""
    health = PageHealth(1_000.0)
    health.crowded = True
    verdict = health.judge(WELL, 0.0)
    assert (verdict.trouble, verdict.remedy) == (Trouble.CROWDED, Remedy.RENEW)


def test_age() -> None:
    """After its time a page is renewed, and shown until then."""
    assert judge(WELL, WELL, seconds=500, worn_at=501).trouble is None
    verdict = judge(WELL, WELL, seconds=501, worn_at=501)
    assert (verdict.trouble, verdict.remedy, verdict.presentable) == (Trouble.OLD, Remedy.RENEW, True)


@pytest.mark.parametrize("trouble", WORN)
def test_wear_needs_no_patience(trouble: Trouble) -> None:
    """What wears a page out is no trouble that the frontend could get over."""
    assert trouble not in module._PATIENCE_S


def test_everything_is_dealt_with() -> None:
    """Each trouble has its patience or wears out."""
    assert set(WORN) | set(module._PATIENCE_S) == set(Trouble)
