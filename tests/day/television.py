"""A Cast device and its entity as people and the network treat them, without a network."""

from enum import Enum
from typing import Any, override

from homeassistant.components.media_player import MediaPlayerState

from ..common import FakeCastPlayer, FakeChromecast, FakeMediaController, cast_status


class App(Enum):
    """What is open, with the id and the name that the device tells."""

    NONE = (None, None)
    OURS = ("CC1AD845", "Default Media Receiver")
    OTHER = ("233637DE", "YouTube")


class Controller(FakeMediaController):
    """What is played there: a LOAD opens the app first."""

    def __init__(self, tv: Television) -> None:
        super().__init__()
        self._tv = tv

    @override
    def play_media(self, url: str, content_type: str, **options: Any) -> None:
        self._tv.launch(url)
        super().play_media(url, content_type, **options)


class Device(FakeChromecast):
    """The device: its app can be closed from elsewhere."""

    def __init__(self, tv: Television, host: str) -> None:
        super().__init__(host=host)
        self.media_controller = Controller(tv)
        self._tv = tv

    @override
    def quit_app(self) -> None:
        super().quit_app()
        self._tv.quit()


class Television(FakeCastPlayer):
    """A TV that tells of what happens in the order in which real ones do."""

    def __init__(self, name: str, host: str) -> None:
        super().__init__(name, Device(self, host))
        self.powered = True
        self.linked = True
        """Whether the network leads there."""
        self.app = App.NONE
        self.url: str | None = None
        """What of ours it plays."""
        self.paused = False
        self.starved = False
        """Whether it waits for more of what it plays."""
        self.failing = 0
        """How many LOADs are still to fail."""
        self._sessions = 0
        self._attr_volume_level = 0.6

    @property
    def loads(self) -> int:
        """How many LOADs it was sent."""
        return len(self.chromecast.urls)

    @property
    def reachable(self) -> bool:
        """Whether Home Assistant is connected to it."""
        return self.powered and self.linked

    @property
    def plays(self) -> bool:
        """Whether it fetches a stream of ours."""
        return self.reachable and self.app is App.OURS and self.url is not None and not self.paused

    @override
    async def async_play_media(self, media_type: str, media_id: str, **kwargs: Any) -> None:
        await super().async_play_media(media_type, media_id, **kwargs)
        # A stream that ended before the LOAD is not played, whatever was asked for.
        self.write()

    def launch(self, url: str) -> None:
        """Open our app for a LOAD; called in a thread, as pychromecast's methods are."""
        if self.failing:
            self.failing -= 1
            self.chromecast.media_controller.plays = set()
        else:
            self.chromecast.media_controller.plays = None
            self.url = url
        if self.app is not App.OURS:
            self._open(App.OURS)
        self.paused = False
        self.hass.loop.call_soon_threadsafe(self.write)

    def quit(self) -> None:
        """Close the app for Home Assistant; called in a thread, before any LOAD that is sent after it."""
        self.app, self.url, self.paused = App.NONE, None, False
        self._tell_app()
        self.hass.loop.call_soon_threadsafe(self.write)

    # --- what people and the network do -------------------------------------------------------------------

    def power_off(self) -> None:
        """Pull the plug."""
        self.powered = False
        self.app, self.url, self.paused = App.NONE, None, False
        self._lose()

    def power_on(self) -> None:
        """Put it in again."""
        self.powered = True
        self._return()

    def unlink(self) -> None:
        """Take the network away; what it plays it plays on for as long as it can."""
        self.linked = False
        self._lose()

    def link(self) -> None:
        """Give it back."""
        self.linked = True
        self._return()

    def take_over(self) -> None:
        """Open another app in the place of what is there."""
        self._end("INTERRUPTED")
        self._open(App.OTHER)
        self.write()

    def stop(self) -> None:
        """Stop what plays, with the remote."""
        self._end("CANCELLED")
        self._close()

    def pause(self) -> None:
        """Pause what of ours plays."""
        self.paused = True
        self._tell_player()

    def resume(self) -> None:
        """Go on with it."""
        self.paused = False
        self._tell_player()

    def starve(self) -> None:
        """Get less of what it plays than it takes; the picture stands."""
        self.starved = True
        self._tell_player()

    def feed(self) -> None:
        """Get enough again."""
        self.starved = False
        self._tell_player()

    def give_up(self) -> None:
        """Find that there is no more of the stream; the app stays open."""
        self._end("ERROR")
        self.write()

    # --- what it tells ------------------------------------------------------------------------------------

    def write(self) -> None:
        """Have the entity say what the device does."""
        self._attr_available = self.reachable
        self._attr_app_id, _ = self.app.value
        self._attr_media_content_id = self.url if self.app is App.OURS else None
        playing = self.app is App.OTHER or self.url is not None
        self.show(self._player if playing else MediaPlayerState.IDLE)

    @property
    def _player(self) -> MediaPlayerState:
        """What the player does with what is there."""
        if self.paused:
            return MediaPlayerState.PAUSED
        return MediaPlayerState.BUFFERING if self.starved else MediaPlayerState.PLAYING

    def _tell_player(self) -> None:
        self.chromecast.media_controller.report(self.url, playerState=self._player.upper())
        self.write()

    def _open(self, app: App) -> None:
        self.app = app
        self._sessions += 1
        self._tell_app()

    def _close(self) -> None:
        self.app, self.url, self.paused = App.NONE, None, False
        self._tell_app()
        self.write()

    def _tell_app(self) -> None:
        app_id, name = self.app.value
        session = None if self.app is App.NONE else f"session {self._sessions}"
        self.chromecast.report(cast_status(session, name, app_id=app_id))

    def _end(self, reason: str) -> None:
        url, self.url, self.paused, self.starved = self.url, None, False, False
        if url:
            self.chromecast.media_controller.report(url, playerState="IDLE", idleReason=reason)

    def _lose(self) -> None:
        self.chromecast.lose()
        self.write()

    def _return(self) -> None:
        if not self.reachable:
            return
        self._tell_app()
        if self.url:
            self._tell_player()
        else:
            self.write()
