"""What goes wrong is answered with an error that says what to do, and leaves nothing running."""

import asyncio
import os
import signal

import pytest

from ..home.api import FlowError, ServiceError
from .house import CLOCK_DASHBOARD, STILL_DASHBOARD, TV_ENTITY, House, until

NOBODY = "http://127.0.0.9:9"
"""An address where nobody answers."""
THEME = "Evening"

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/no-such/0", "dashboard_not_found"),
        ("/demo-home/no-such", "view_not_found"),
        ("/demo-home/99", "view_not_found"),
        ("/demo-admin/keys", "administrator_needed"),
        ("/demo-home/../config", "path_invalid"),
        ("/demo-home/%2e%2e/config", "path_invalid"),
        ("http://example.com/", "path_invalid"),
        ("//example.com/0", "path_invalid"),
        ("file:///etc/passwd", "path_invalid"),
        ("/demo-home/overview?edit=1", "path_invalid"),
    ],
)
async def test_wrong_paths(house: House, path: str, key: str) -> None:
    """No browser is started for a path that names no dashboard."""
    assert await house.error_of(path) == key
    assert not house.encoders()


async def test_unknown_media_player(house: House) -> None:
    """A media player that is not there is named."""
    assert await house.error_of(STILL_DASHBOARD, "media_player.attic") == "target_not_found"


async def test_no_target(house: House) -> None:
    """Neither target nor response: nothing to do."""
    with pytest.raises(ServiceError) as raised:
        await house.home.call("dashboard_cast", "start", {"path": STILL_DASHBOARD})
    assert raised.value.translation_key == "target_missing"


async def test_tv_refuses_the_load(house: House) -> None:
    """A TV that does not play the format that was asked for ends the start."""
    house.tv.reject_loads()
    assert await house.error_of(STILL_DASHBOARD, format="hls") == "load_failed"
    await house.encoders_end()


async def test_tv_does_not_play_the_format(house: House) -> None:
    """Without a wish the TV is sent to the next format."""
    house.tv.reject_loads()
    await house.show(STILL_DASHBOARD)
    assert house.tv.loads[-1].media["hlsVideoSegmentFormat"] == "mpeg2_ts"


async def test_tv_switched_off(house: House) -> None:
    """A TV that is off is said to be unavailable, once Home Assistant knows; before, the load fails."""
    await house.tv.power_off()
    try:
        key = await house.error_of(STILL_DASHBOARD)
        assert key in {"target_unavailable", "load_failed"}
        await house.encoders_end()
    finally:
        await house.tv.power_on()
        await house.available()


async def test_page_that_never_gets_ready(house: House) -> None:
    """After half a minute the action says what the page still waits for."""
    assert await house.error_of("/demo-stuck/0") == "page_not_ready"
    await house.encoders_end()


async def test_two_starts_at_once(house: House) -> None:
    """The later one wins, the earlier one is told so."""
    first = asyncio.create_task(house.error_of(STILL_DASHBOARD))
    await until(house.encoders, "the first start did not begin")
    await house.show(CLOCK_DASHBOARD)
    assert await first == "start_superseded"
    assert house.tv.loads[-1].media["metadata"]["title"] == CLOCK_DASHBOARD
    await until(lambda: len(house.encoders()) == 1, "the first stream still runs")


async def test_same_start_twice_at_once(house: House) -> None:
    """Both succeed with one LOAD."""
    loads = len(house.tv.loads)
    await asyncio.gather(house.show(STILL_DASHBOARD), house.show(STILL_DASHBOARD))
    assert len(house.tv.loads) == loads + 1


async def test_stop_while_starting(house: House) -> None:
    """The start is told that it was stopped, and nothing comes to the TV."""
    loads = len(house.tv.loads)
    start = asyncio.create_task(house.error_of(STILL_DASHBOARD))
    await until(house.encoders, "the start did not begin")
    await house.stop()
    assert await start == "start_cancelled"
    await house.encoders_end()
    assert len(house.tv.loads) == loads


async def test_encoder_killed(house: House) -> None:
    """A new encoder goes on where the old one ended, without a new LOAD."""
    await house.show(CLOCK_DASHBOARD)
    loads = len(house.tv.loads)
    before = house.encoders()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    await house.watch(40)
    assert house.encoders() - before
    assert len(house.tv.loads) == loads


async def test_endless_video_runs_dry(house: House) -> None:
    """Who plays the endless MP4 waits until it goes on, and does not seek back to what is long over."""
    await house.show(CLOCK_DASHBOARD, format="mp4")
    await house.watch()
    for _ in range(4):
        (encoder,) = house.encoders()
        os.kill(encoder, signal.SIGSTOP)
        await until(lambda: house.tv.state == "BUFFERING", "the TV does not run dry")
        os.kill(encoder, signal.SIGCONT)
        report = await house.watch()
        assert not report.seeks


async def test_token_revoked_and_user_removed(house: House) -> None:
    """After its tokens are revoked the page signs in anew by itself; without its user the stream ends."""
    home = house.home
    token = await home.add_user("Viewer", "only looking")
    users = await home.websocket(type="config/auth/list")
    viewer = next(user["id"] for user in users if user["name"] == "Viewer")
    await home.options(house.entry_id, {"user": viewer})
    # New options reload the entry by themselves, and nobody says when that is done.
    await home.reload_entry(house.entry_id)
    try:
        await house.show(CLOCK_DASHBOARD)
        owner_token, home.token = home.token, token
        try:
            await home.websocket(type="auth/delete_all_refresh_tokens", delete_current_token=False)
        finally:
            home.token = owner_token
        await house.watch(40)
        await home.websocket(type="config/auth/delete", user_id=viewer)
        await house.encoders_end()
        # Until the end, neither a login page nor anything else but the clock was seen.
        assert (await house.tv.report()).unreadable == 0
        assert await house.error_of(CLOCK_DASHBOARD) == "sign_in_failed"
        asked = await home.websocket(type="config_entries/flow/progress")
        assert [flow["step_id"] for flow in asked if flow["handler"] == "dashboard_cast"] == [
            "reauth_confirm"
        ]
    finally:
        await home.options(house.entry_id, {})
        await home.reload_entry(house.entry_id)


async def test_tv_does_not_reach_home_assistant(house: House) -> None:
    """A TV that never asks for the video is listed under Repairs, until it plays from another address."""
    home, issue = house.home, f"address_{TV_ENTITY}"
    await home.options(house.entry_id, {"base_url": NOBODY})
    await home.reload_entry(house.entry_id)
    assert await house.error_of(STILL_DASHBOARD) == "load_failed"
    raised = (await home.issues("dashboard_cast"))[issue]
    assert NOBODY in raised["translation_placeholders"]["reason"]
    with pytest.raises(FlowError) as caught:
        await home.fix("dashboard_cast", issue, {"base_url": NOBODY})
    assert caught.value.errors == {"base": "failed"}
    await home.fix("dashboard_cast", issue, {"base_url": home.url})
    await home.reload_entry(house.entry_id)
    try:
        await house.show(STILL_DASHBOARD)
        assert not await home.issues("dashboard_cast")
    finally:
        await home.options(house.entry_id, {})
        await home.reload_entry(house.entry_id)


async def test_theme_removed(house: House) -> None:
    """A theme that is removed while it is shown is missed by nobody, nor when the page is opened anew."""
    home = house.home
    await house.show(CLOCK_DASHBOARD, theme=THEME)
    loads = len(house.tv.loads)
    file = home.config_dir / "configuration.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(f"    {THEME}:", "    another:"), encoding="utf-8")
    try:
        await home.call("frontend", "reload_themes", {})
        await house.watch(20)
        # A new page, in the same stream.
        await house.act("show", zoom=1.1)
        await house.watch(20)
    finally:
        file.write_text(text, encoding="utf-8")
        await home.call("frontend", "reload_themes", {})
    assert len(house.tv.loads) == loads


@pytest.mark.parametrize(
    ("programs", "error"),
    [
        ({"browser": "/no/such/browser"}, "browser_missing"),
        ({"browser": "/bin/false"}, "browser_failed"),
        ({"ffmpeg": "/no/such/ffmpeg"}, "ffmpeg_missing"),
        ({"ffmpeg": "/bin/false"}, "encoder_failed"),
    ],
)
async def test_programs_that_do_not_work(house: House, programs: dict[str, str], error: str) -> None:
    """The flows say which program is at fault, and take no settings that do not work."""
    with pytest.raises(FlowError) as raised:
        await house.home.options(house.entry_id, programs)
    assert raised.value.errors == dict.fromkeys(programs, error)
    assert (await house.home.state(TV_ENTITY)) is not None
