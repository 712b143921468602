"""The television, told by the real pychromecast and playing real streams."""

import asyncio
from pathlib import Path
import time

from PIL import Image
from pychromecast.controllers.media import MediaStatus
from pychromecast.dial import get_device_info
from pychromecast.error import RequestFailed
import pytest

from .castv2 import PORT
from .conftest import HOST
from .library import PlayerKind
from .player import find_browser
from .receiver import DEFAULT_RECEIVER
from .sender import WITHIN, Sender
from .stream import HOST as SERVER, live_hls, live_mp4, make_clip, serve
from .television import Television, TelevisionError

SLOW = 20.0  # kbit/s, a tenth of what the test picture takes


async def test_tells_who_it_is(tv: Television) -> None:
    """Home Assistant finds it by asking a known host."""
    info = await asyncio.to_thread(get_device_info, HOST)
    assert info is not None
    assert (info.friendly_name, info.model_name) == ("Test TV", "Google Nest Hub")
    assert (info.uuid, info.cast_type, info.manufacturer) == (tv.uuid, "cast", "Google Inc.")


async def test_launches_and_quits(tv: Television, sender: Sender) -> None:
    """An app starts once, stays for the next LAUNCH, and ends with STOP."""
    await sender.launch()
    assert tv.app_id == DEFAULT_RECEIVER
    first = sender.status.session_id
    await sender.call(sender.cast.start_app, DEFAULT_RECEIVER, force_launch=True)
    assert sender.status.session_id == first
    await sender.call(sender.cast.quit_app)
    await sender.wait_until(lambda: sender.apps == [None, DEFAULT_RECEIVER, None])
    assert tv.app_id is None


async def test_refuses_a_launch(tv: Television, sender: Sender) -> None:
    """A LAUNCH_ERROR reaches the sender; the next LAUNCH works."""
    tv.refuse_launch("CANCELLED")
    with pytest.raises(RequestFailed):
        await sender.launch()
    assert sender.launch_errors == ["CANCELLED"]
    await sender.launch()
    with pytest.raises(RequestFailed):
        await sender.launch("not-an-app")
    assert sender.launch_errors == ["CANCELLED", "NOT_FOUND"]


async def test_volume_reaches_all_senders(tv: Television, sender: Sender) -> None:
    """A change by one sender is told to the others."""
    async with Sender(tv) as other:
        await sender.call(sender.cast.set_volume, 0.25)
        await other.wait_until(lambda: other.status.volume_level == 0.25)
    assert tv.volume == 0.25


async def test_plays_live_hls(tv: Television, sender: Sender, live_url: str, tmp_path: Path) -> None:
    """PLAYING means that pictures move, and the report and the screen show them."""
    async with Sender(tv) as other:
        before = time.time()
        await sender.play(live_url)
        await tv.wait_playing(WITHIN)
        await other.wait_until(lambda: ("PLAYING", None) in other.media)
    report = await tv.report()
    assert report.resolution == (320, 180)
    assert report.frames >= 2
    assert report.first_picture is not None
    assert before < report.first_picture <= time.time() + 0.1
    assert [load.url for load in tv.loads] == [live_url]
    assert before < tv.loads[0].time < report.first_picture
    assert heard(sender) == ["IDLE", "BUFFERING", "PLAYING"]
    await assert_status(sender, live_url)
    await tv.screenshot(tmp_path / "screen.png")
    with Image.open(tmp_path / "screen.png") as screen:
        assert screen.size == (640, 360)
        assert len(screen.convert("RGB").getcolors(640 * 360) or []) > 100


def heard(sender: Sender) -> list[str]:
    """Return the player states a sender heard since the first known one."""
    return [state for state, _ in sender.media if state != "UNKNOWN"]


async def assert_status(sender: Sender, url: str) -> None:
    """Check the whole media status that a sender got."""
    await sender.wait_until(lambda: sender.cast.media_controller.status.player_state == "PLAYING")
    status: MediaStatus = sender.cast.media_controller.status
    assert (status.content_id, status.content_type) == (url, "application/x-mpegurl")
    assert (status.stream_type, status.title, status.media_session_id) == ("LIVE", "Test picture", 1)
    assert (status.supports_pause, status.volume_level) == (True, 1.0)


async def test_load_of_nothing_fails(tv: Television, sender: Sender, tmp_path: Path) -> None:
    """A URL that answers 404 ends in LOAD_FAILED and IDLE with reason ERROR."""
    async with serve(tmp_path) as url:
        await sender.play(f"{url}/missing.m3u8")
        await sender.wait_until(lambda: sender.failures == [312])
    assert sender.media[-1] == ("IDLE", "ERROR")
    assert tv.last_failure is not None
    assert "missing.m3u8" in tv.last_failure.message


async def test_load_without_cors_fails(tv: Television, sender: Sender, tmp_path: Path) -> None:
    """The page plays from an origin of its own, so a stream without CORS headers does not load."""
    tmp_path.joinpath("live.m3u8").write_text("#EXTM3U\n")
    async with serve(tmp_path, cors=False) as url:
        await sender.play(f"{url}/live.m3u8")
        await sender.wait_until(lambda: sender.failures == [312])
    assert tv.idle_reason == "ERROR"


async def test_plays_mp4_to_its_end(tv: Television, sender: Sender, tmp_path: Path) -> None:
    """A clip that ends is IDLE with reason FINISHED; one that is no video fails."""
    await make_clip(tmp_path / "clip.mp4", 1)
    tmp_path.joinpath("text.mp4").write_text("not a video")
    async with serve(tmp_path) as url:
        await sender.play(f"{url}/clip.mp4", "video/mp4")
        await sender.wait_until(lambda: sender.media[-1:] == [("IDLE", "FINISHED")])
        assert heard(sender) == ["IDLE", "BUFFERING", "PLAYING", "IDLE"]
        await sender.play(f"{url}/text.mp4", "video/mp4")
        await sender.wait_until(lambda: sender.failures == [104])


async def test_obeys_pause_play_seek_and_stop(tv: Television, sender: Sender, tmp_path: Path) -> None:
    """The commands of a remote control in Home Assistant."""
    await make_clip(tmp_path / "clip.mp4", 20)
    media = sender.cast.media_controller
    async with serve(tmp_path) as url:
        await sender.play(f"{url}/clip.mp4", "video/mp4")
        await tv.wait_playing(WITHIN)
        await sender.call(media.pause)
        assert tv.state == "PAUSED"
        await sender.call(media.seek, 10)
        assert media.status.current_time == pytest.approx(10, abs=0.5)
        await sender.call(media.play)
        await tv.wait_playing(WITHIN)
        await sender.call(media.stop)
    assert sender.media[-1] == ("IDLE", "CANCELLED")
    assert tv.app_id == DEFAULT_RECEIVER


async def test_a_new_load_interrupts(tv: Television, sender: Sender, live_url: str) -> None:
    """The earlier medium is INTERRUPTED, and the later one plays."""
    await sender.play(live_url)
    await tv.wait_playing(WITHIN)
    await sender.play(live_url)
    await sender.wait_until(lambda: ("IDLE", "INTERRUPTED") in sender.media)
    await tv.wait_playing(WITHIN, loads=2)


async def test_a_load_that_hangs_gives_way(tv: Television, sender: Sender, live_url: str) -> None:
    """A server that never answers does not keep the television from the next medium."""
    silent = await asyncio.start_server(lambda _reader, _writer: None, SERVER, 0)
    url = f"http://{SERVER}:{silent.sockets[0].getsockname()[1]}/silent.m3u8"
    await sender.play(url)
    await tv.wait_state("LOADING", WITHIN)
    await sender.play(live_url)
    await tv.wait_playing(WITHIN, loads=2)
    await sender.play(url)
    await tv.wait_loads(3, WITHIN)
    await tv.stop_by_person()
    await sender.wait_until(lambda: sender.apps[-1] is None)
    assert (tv.state, sender.failures) == ("IDLE", [])
    silent.close()
    silent.abort_clients()
    await silent.wait_closed()


async def test_rejects_one_load(tv: Television, sender: Sender, live_url: str) -> None:
    """The next LOAD fails with the wanted code, the one after it plays."""
    tv.reject_loads(104)
    await sender.play(live_url)
    await sender.wait_until(lambda: sender.failures == [104])
    await sender.play(live_url)
    await tv.wait_playing(WITHIN)


async def test_counts_a_stream_that_ends(tv: Television, sender: Sender, tmp_path: Path) -> None:
    """When nothing more comes the screen freezes: BUFFERING, and a stall that lasts until now."""
    async with serve(tmp_path) as url:
        async with live_hls(tmp_path) as playlist:
            await sender.play(f"{url}/{playlist}")
            await tv.wait_playing(WITHIN)
        await tv.wait_state("BUFFERING", WITHIN)
        first = await tv.wait_report(lambda report: report.stalls > 0, WITHIN)
        await tv.reset_measurements()
        again = await tv.wait_report(lambda report: report.stalls > 0, WITHIN)
    assert first.stalls == again.stalls == 1
    assert again.stalled < first.stalled


async def test_counts_a_gap_between_pictures(tv: Television, sender: Sender, tmp_path: Path) -> None:
    """A screen that does not change for 1.5 s, while the medium goes on, is a stall too."""
    await make_clip(tmp_path / "clip.mp4", 6, rate=0.5)
    async with serve(tmp_path) as url:
        await sender.play(f"{url}/clip.mp4", "video/mp4")
        await tv.wait_until(lambda: tv.idle_reason == "FINISHED", WITHIN, "the end")
    report = await tv.report()
    assert report.stalls == 1
    assert report.stalled == pytest.approx(2, abs=0.5)


async def test_plays_endless_mp4(tv: Television, sender: Sender) -> None:
    """An answer that never ends plays at once, and has no duration."""
    async with live_mp4() as url:
        await sender.play(url, "video/mp4")
        await tv.wait_playing(WITHIN)
        await sender.wait_until(lambda: sender.media[-1] == ("PLAYING", None))
    assert sender.cast.media_controller.status.duration is None


async def test_a_person_stops(tv: Television, sender: Sender, live_url: str) -> None:
    """Stop on the remote: CANCELLED, and no app any more."""
    await sender.play(live_url)
    await tv.wait_playing(WITHIN)
    await tv.stop_by_person()
    await sender.wait_until(lambda: sender.apps[-1] is None)
    assert ("IDLE", "CANCELLED") in sender.media
    assert (tv.state, tv.app_id) == ("IDLE", None)


async def test_another_app_takes_over(tv: Television, sender: Sender, live_url: str) -> None:
    """YouTube starts: our medium is INTERRUPTED, and our session is gone."""
    await sender.play(live_url)
    await tv.wait_playing(WITHIN)
    session = sender.status.session_id
    await tv.take_over()
    await sender.wait_until(lambda: sender.apps[-1] == "233637DE")
    assert ("IDLE", "INTERRUPTED") in sender.media
    assert sender.status.session_id != session
    assert tv.idle_reason == "INTERRUPTED"


async def test_a_person_has_the_remote(tv: Television, sender: Sender, live_url: str) -> None:
    """Pause, play, volume and mute on the remote reach senders; without a medium a pause is nothing."""
    await tv.pause_by_person()
    await sender.play(live_url)
    await tv.wait_playing(WITHIN)
    await tv.pause_by_person()
    await sender.wait_until(lambda: sender.media[-1] == ("PAUSED", None))
    await tv.resume_by_person()
    await sender.wait_until(lambda: sender.media[-1] == ("PLAYING", None))
    tv.set_volume_by_person(0.3)
    tv.mute_by_person()
    await sender.wait_until(lambda: (sender.status.volume_level, sender.status.volume_muted) == (0.3, True))
    tv.mute_by_person(muted=False)
    await sender.wait_until(lambda: sender.status.volume_muted is False)
    assert (tv.state, tv.volume, tv.muted) == ("PLAYING", 0.3, False)


async def test_a_person_switches_it_off(tv: Television, sender: Sender, live_url: str) -> None:
    """A dongle plays on and tells that nobody sees it; a TV of its own closes the app."""
    await sender.play(live_url)
    await tv.wait_playing(WITHIN)
    await tv.switch_off_by_person(closes_app=False)
    await sender.wait_until(lambda: sender.status.is_stand_by is True)
    await tv.switch_on_by_person()
    await sender.wait_until(lambda: sender.status.is_stand_by is False)
    assert (tv.state, len(tv.loads)) == ("PLAYING", 1)
    await tv.switch_off_by_person()
    await sender.wait_until(lambda: sender.apps[-1] is None and sender.status.is_active_input is False)
    assert ("IDLE", "CANCELLED") in sender.media
    await sender.launch()
    await sender.wait_until(lambda: sender.status.is_active_input is True)


# Shaka 5.2 breaks when a playlist that was on its way in the gap has only what is too old by then.
@pytest.mark.parametrize("tv", [PlayerKind.SHAKA_4], indirect=True)
async def test_network_loss(tv: Television, sender: Sender, live_url: str) -> None:
    """Connections are silent, new ones get no answer and the picture stands; then everything goes on.

    With a slow network the picture stands, too.
    """
    await sender.play(live_url)
    await tv.wait_playing(WITHIN)
    await tv.slow_network(SLOW)
    await tv.wait_state("BUFFERING", WITHIN)
    await tv.restore_network()
    await tv.wait_playing(WITHIN)
    await tv.cut_network()
    change = asyncio.create_task(sender.call(sender.cast.set_volume, 0.5))
    assert await asyncio.to_thread(get_device_info, HOST, timeout=1) is None
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await asyncio.open_connection(HOST, PORT)
    await tv.wait_state("BUFFERING", WITHIN)
    assert not change.done()
    assert tv.volume == 1.0
    await tv.restore_network()
    await change
    await tv.wait_playing(WITHIN)
    assert await asyncio.to_thread(get_device_info, HOST) is not None
    async with Sender(tv) as other:
        assert other.status.volume_level == 0.5
    assert "LOST" not in sender.connections


async def test_power_cut_without_a_network(tv: Television, sender: Sender) -> None:
    """With power again the network is there, too."""
    await tv.cut_network()
    await tv.power_off()
    await sender.wait_until(lambda: "LOST" in sender.connections)
    await tv.power_on()
    await sender.wait_until(lambda: sender.connections[-1] == "CONNECTED")


async def test_power_cut_and_return(tv: Television, sender: Sender, live_url: str) -> None:
    """The connection is lost without a word; with power again it can play at once."""
    await sender.play(live_url)
    await tv.wait_playing(WITHIN)
    await tv.power_off()
    await sender.wait_until(lambda: "LOST" in sender.connections)
    assert await asyncio.to_thread(get_device_info, HOST, timeout=1) is None
    assert tv.state == "IDLE"
    await tv.power_on()
    await sender.wait_until(lambda: sender.connections[-1] == "CONNECTED" and sender.apps[-1] is None)
    await sender.play(live_url)
    await tv.wait_playing(WITHIN)


async def test_taken_address(tv: Television) -> None:
    """A second television at the same address says what is wrong, and leaves the first alone."""
    with pytest.raises(TelevisionError, match=f"{HOST}:8009 cannot be listened on"):
        await Television(HOST).start()
    assert await asyncio.to_thread(get_device_info, HOST) is not None


async def test_missing_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a browser the message says so."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(TelevisionError, match="No Chromium found"):
        await Television(HOST).start()
    monkeypatch.undo()
    assert find_browser()
