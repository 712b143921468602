"""Displays: what people have set up to be shown on media players, and how it stands with each."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
import secrets
from typing import Any, Final, Literal, Protocol

from homeassistant.const import CONF_NAME
from homeassistant.core import CALLBACK_TYPE, callback

from .const import CONF_USER, DEFAULT_FRAME_RATE
from .engine.stream import TOKEN_BYTES, Stream
from .errors import DashboardCastError, NothingShownError
from .identities import Identities
from .models import SIZE_AUTO, Overflow, Pairs, Profile, Source, StreamFormat, Website
from .rules import Demand, Standing, Status

SUBENTRY_DISPLAY: Final = "display"

CONF_CONDITION: Final = "condition"
CONF_COOKIES: Final = "cookies"
CONF_DARK: Final = "dark"
CONF_DASHBOARD: Final = "dashboard"
CONF_ENTITIES: Final = "entities"
CONF_FONT_SCALE: Final = "font_scale"
CONF_FORMAT: Final = "format"
CONF_FRAME_RATE: Final = "frame_rate"
CONF_HEADERS: Final = "headers"
CONF_INTERRUPT: Final = "interrupt"
CONF_KIOSK: Final = "kiosk"
CONF_LANGUAGE: Final = "language"
CONF_LOCAL_STORAGE: Final = "local_storage"
CONF_LOOK: Final = "look"
CONF_MEDIA_PLAYERS: Final = "media_players"
CONF_OVERFLOW: Final = "overflow"
CONF_PASSWORD: Final = "password"  # noqa: S105
CONF_PATIENCE: Final = "patience"
CONF_PICTURE: Final = "picture"
CONF_PRIORITY: Final = "priority"
CONF_POWER: Final = "power"
CONF_QUIET: Final = "quiet"
CONF_RULES: Final = "rules"
CONF_SILENT_START: Final = "silent_start"
CONF_SIZE: Final = "size"
CONF_TEMPLATE: Final = "template"
CONF_THEME: Final = "theme"
CONF_URL: Final = "url"
CONF_USERNAME: Final = "username"
CONF_VALUE: Final = "value"
CONF_VERIFY_SSL: Final = "verify_ssl"
CONF_VOLUME: Final = "volume"
CONF_WEBSITE: Final = "website"
CONF_ZOOM: Final = "zoom"

DARK_AUTO: Final = "auto"
FORMAT_AUTO: Final = "auto"
DEFAULT_PATIENCE_S: Final = 60

# Of several screens, the one that says most comes first.
_TELLING: Final = (
    Status.SHOWING,
    Status.STARTING,
    Status.RECOVERING,
    Status.GIVING_WAY,
    Status.FAILED,
    Status.IDLE,
)
_DARK: Final[Mapping[str, bool | Literal["auto"]]] = {"true": True, "false": False, DARK_AUTO: "auto"}


@dataclass(frozen=True, slots=True)
class DisplayConfig:
    """What people have set up."""

    source: Source
    profile: Profile
    stream_format: StreamFormat | None
    """None for the best that a media player plays."""
    media_players: tuple[str, ...]
    """Ids of entities in their registry, which stay when one is renamed; entity ids of those not in there."""
    condition: str | None
    """Entity that has to be on, named in the same way; None for none."""
    template: str | None
    """Template that has to be true; None for none."""
    priority: int
    patience: float
    """How long a media player has to be idle after something else, in seconds."""
    interrupt: bool
    """Whether it interrupts what plays when it is asked for."""
    volume: float | None
    """Of its media players while it is shown, from 0 to 1; None to leave it."""
    silent_start: bool
    """Whether media players are muted while they start."""
    power: tuple[str, ...]
    """What is turned on before, and off after; named as media players are."""
    identities: Identities
    """Of all these entities, as far as they are in the registry."""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> DisplayConfig:
        """Return what the data of a config subentry say."""
        picture, rules, quiet = (data.get(name, {}) for name in (CONF_PICTURE, CONF_RULES, CONF_QUIET))
        size = picture.get(CONF_SIZE, SIZE_AUTO)
        stream_format = picture.get(CONF_FORMAT, FORMAT_AUTO)
        return cls(
            source=_source(data),
            profile=Profile.named(size, int(picture.get(CONF_FRAME_RATE, DEFAULT_FRAME_RATE))),
            stream_format=None if stream_format == FORMAT_AUTO else StreamFormat(stream_format),
            media_players=tuple(data[CONF_MEDIA_PLAYERS]),
            condition=rules.get(CONF_CONDITION),
            template=rules.get(CONF_TEMPLATE),
            priority=int(rules.get(CONF_PRIORITY, 0)),
            patience=float(rules.get(CONF_PATIENCE, DEFAULT_PATIENCE_S)),
            interrupt=rules.get(CONF_INTERRUPT, False),
            volume=quiet[CONF_VOLUME] / 100 if CONF_VOLUME in quiet else None,
            silent_start=quiet.get(CONF_SILENT_START, False),
            power=tuple(quiet.get(CONF_POWER, ())),
            identities=data.get(CONF_ENTITIES, {}),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """What all its entities are named by."""
        return (*self.media_players, *self.power, *((self.condition,) if self.condition else ()))

    @property
    def shown(self) -> tuple[Source, Profile, StreamFormat | None]:
        """What of it is seen on a media player."""
        return self.source, self.profile, self.stream_format

    @property
    def conditional(self) -> bool:
        """Whether something says when it is to be shown."""
        return self.condition is not None or self.template is not None


class Stage(Protocol):
    """Who puts displays on media players."""

    @callback
    def turn(self, display: Display, wanted: bool, *, force: bool = False) -> None:
        """Take in that somebody wants a display, or does not any more."""

    async def async_change(self, display: Display, source: Source) -> None:
        """Show another source wherever a display is shown; raises a DashboardCastError."""

    @callback
    def follow(self, display: Display, source: Source) -> None:
        """Take in that an action has all media players of a display show another source."""


class Display:
    """A display as it is now.

    stage: who shows it.
    """

    def __init__(self, subentry_id: str, name: str, config: DisplayConfig, stage: Stage) -> None:
        self.subentry_id = subentry_id
        self.name = name
        self.config = config
        self.source = config.source
        """What it shows, or will: another view of the same dashboard may have been chosen."""
        self.demand = Demand()
        self.standings: Mapping[str, Standing] = {}
        """How it stands on each of its media players, by entity id."""
        self.error: DashboardCastError | None = None
        """What it failed with last, while it is not shown."""
        self.stream: Stream | None = None
        """What runs for it; with several media players that of the first one that has one."""
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        """What viewers name who are led to a stream of it, which starts when they ask for it."""
        self._stage = stage
        self._listeners: set[Callable[[], None]] = set()

    @property
    def wanted(self) -> bool:
        """Whether it is to be shown."""
        return self.demand.wanted

    @property
    def profile(self) -> Profile:
        """In which it is shown, or would be."""
        return self.stream.profile if self.stream else self.config.profile

    @property
    def status(self) -> Status:
        """How it stands with it."""
        return self._standing.status

    @property
    def reason(self) -> str | None:
        """Why that is so: a `Reason`, or the key of a failure."""
        return self._standing.reason

    @property
    def _standing(self) -> Standing:
        if not self.wanted:
            return Standing(Status.IDLE)
        if not self.standings:
            return Standing(Status.STARTING)
        return min(self.standings.values(), key=lambda standing: _TELLING.index(standing.status))

    async def async_turn_on(self) -> None:
        """Show it, as soon as its media players are free."""
        self._stage.turn(self, True)  # noqa: FBT003

    async def async_turn_off(self) -> None:
        """Take it off its media players."""
        self._stage.turn(self, False)  # noqa: FBT003

    async def async_cast_again(self) -> None:
        """Send it to its media players anew, whatever they play."""
        self._stage.turn(self, True, force=True)  # noqa: FBT003

    async def async_show(self, path: str) -> None:
        """Show another view, until it is turned off; path: as `dashboards.normalized_path` returns it.

        Raises a DashboardCastError; then everything is as before.
        """
        await self._stage.async_change(self, self.source.at(path))

    @callback
    def follow(self, source: Source) -> None:
        """Take in that an action has all its media players show this, until it is turned off."""
        self._stage.follow(self, source)

    async def async_reload(self) -> None:
        """Draw it on a new page; what is shown stays until then, and for good when that fails.

        Raises NothingShownError while it is not shown, or another DashboardCastError.
        """
        if self.stream is None:
            raise NothingShownError(entity=", ".join(self.config.media_players))
        await self.stream.show(self.stream.source)

    @callback
    def async_listen(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call a listener when something about it has changed, until that is taken back."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    @callback
    def tell(self) -> None:
        """Tell the listeners that something has changed."""
        for listener in [*self._listeners]:
            listener()


class Displays:
    """The displays that there are."""

    def __init__(self) -> None:
        self._displays: dict[str, Display] = {}
        self._followers: set[Callable[[Display], None]] = set()

    def __iter__(self) -> Iterator[Display]:
        """Go through them in the order in which they came."""
        return iter([*self._displays.values()])

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._displays)

    def get(self, subentry_id: str) -> Display | None:
        """Return the display of a config subentry."""
        return self._displays.get(subentry_id)

    def of_token(self, token: str) -> Display | None:
        """Return the display that a viewer names."""
        return next((display for display in self if display.token == token), None)

    @callback
    def add(self, display: Display) -> None:
        """Take in a new one."""
        self._displays[display.subentry_id] = display
        for follower in [*self._followers]:
            follower(display)

    @callback
    def remove(self, display: Display) -> None:
        """Forget one."""
        del self._displays[display.subentry_id]

    @callback
    def async_follow(self, follower: Callable[[Display], None]) -> CALLBACK_TYPE:
        """Call a follower with each that there is, and with each that comes until that is taken back."""
        self._followers.add(follower)
        for display in self:
            follower(display)
        return lambda: self._followers.discard(follower)


def _source(data: Mapping[str, Any]) -> Source:
    look = data.get(CONF_LOOK, {})
    website = _website(data.get(CONF_WEBSITE, {}))
    looks = {
        name: look[name]
        for name in (CONF_THEME, CONF_ZOOM, CONF_FONT_SCALE, CONF_LANGUAGE, CONF_KIOSK, CONF_USER)
        if name in look
    }
    return Source(
        path="" if website else data[CONF_DASHBOARD],
        website=website,
        dark=_DARK.get(look.get(CONF_DARK, "")),
        overflow=Overflow(look.get(CONF_OVERFLOW, Overflow.CLIP)),
        **looks,
    )


def _website(data: Mapping[str, Any]) -> Website | None:
    if CONF_URL not in data:
        return None
    return Website(
        data[CONF_URL],
        username=data.get(CONF_USERNAME),
        password=data.get(CONF_PASSWORD, ""),
        headers=_pairs(data, CONF_HEADERS),
        cookies=_pairs(data, CONF_COOKIES),
        storage=_pairs(data, CONF_LOCAL_STORAGE),
        verify=data.get(CONF_VERIFY_SSL, True),
    )


def _pairs(data: Mapping[str, Any], field: str) -> Pairs:
    """Return the entries of a field so that the same ones are always equal; the last of a name counts."""
    return tuple(sorted({entry[CONF_NAME]: entry[CONF_VALUE] for entry in data.get(field, ())}.items()))
