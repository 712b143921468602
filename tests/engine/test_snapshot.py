"""Tests of pictures without a stream."""

import asyncio
from typing import override

import pytest

from custom_components.dashboard_cast.engine import snapshot as module
from custom_components.dashboard_cast.engine.browser import LocalBrowser
from custom_components.dashboard_cast.engine.cdp import Browser
from custom_components.dashboard_cast.engine.homes import Homes
from custom_components.dashboard_cast.engine.snapshot import snapshot
from custom_components.dashboard_cast.errors import BrowserFailedError, DashboardCastError, SignInFailedError
from custom_components.dashboard_cast.models import Source

from .frontend import DRAWN, SIGN_IN, Frontend
from .helpers import pixel, size, until
from .viewing import FakeTab, credentials, refused

GREEN, BLUE = (0, 255, 0), (0, 0, 255)


async def test_picture(browser: LocalBrowser, frontend: Frontend) -> None:
    """A picture is exact, of any size and zoom, and its tab is closed."""
    path = frontend.scene(DRAWN + "content.style.width = '50px';")
    picture = await snapshot(
        browser, Source(path, zoom=2.0), 301, 401, homes=Homes(frontend.url), credentials=credentials
    )
    assert picture.startswith(b"\x89PNG")
    assert size(picture) == (301, 401)
    assert [pixel(picture, x, 200) for x in (1, 99, 101, 300)] == [BLUE, BLUE, GREEN, GREEN]
    assert not browser._tabs


async def test_several_at_once(browser: LocalBrowser, frontend: Frontend) -> None:
    """Pictures that are taken at once do not get in each other's way."""
    path = frontend.scene()
    sizes = [(100, 50), (200, 100), (300, 150)]
    pictures = await asyncio.gather(
        *(
            snapshot(browser, Source(path), *each, homes=Homes(frontend.url), credentials=credentials)
            for each in sizes
        )
    )
    assert [size(picture) for picture in pictures] == sizes
    assert not browser._tabs


async def test_not_signed_in(browser: LocalBrowser, frontend: Frontend) -> None:
    """What cannot be drawn is told, and its tab is closed."""
    with pytest.raises(SignInFailedError):
        await snapshot(
            browser, Source(frontend.scene()), 320, 180, homes=Homes(frontend.url), credentials=refused
        )
    assert not browser._tabs


async def test_given_up(browser: LocalBrowser, frontend: Frontend) -> None:
    """Who does not wait any more leaves no tab."""
    path = frontend.scene(SIGN_IN + "await tell('here');")
    taking = asyncio.create_task(
        snapshot(browser, Source(path), 320, 180, homes=Homes(frontend.url), credentials=credentials)
    )
    await until(lambda: "here" in frontend.told)
    taking.cancel()
    await asyncio.wait([taking])
    assert not browser._tabs


@pytest.mark.parametrize("reason", ["crashed", ""])
async def test_no_frame(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    """A page that is lost at the last moment, or never drawn, is told."""
    monkeypatch.setattr(module, "_FRAME_TIMEOUT_S", 0.2)
    tab = FakeTab()

    class OneTab(Browser):
        @override
        async def open_tab(self) -> FakeTab:
            return tab

        @override
        async def stop(self) -> None:
            """Do nothing."""

    taking = asyncio.create_task(
        snapshot(OneTab(), Source("/"), 320, 180, homes=Homes("http://home"), credentials=credentials)
    )
    await until(lambda: any(method == "Page.startScreencast" for method, _ in tab.fake.sent))
    if reason:
        tab.lost(reason)
    with pytest.raises(DashboardCastError) as caught:
        await taking
    assert isinstance(caught.value, BrowserFailedError)
    assert caught.value.placeholders == {"detail": reason or "the page is not drawn"}
    assert tab.closed.is_set()
