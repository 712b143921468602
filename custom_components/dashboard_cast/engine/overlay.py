"""Messages over the picture: cards that are drawn in whatever page shows, until their time is over."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
import json
import logging
from pathlib import Path
import time
from typing import Final

from ..errors import BrowserFailedError
from ..models import Message
from .cdp import CdpSession, Json
from .world import World

_LOGGER = logging.getLogger(__name__)

# So many cards that are not urgent fit on the screen.
_MAX_CARDS: Final = 3
_SCRIPT: Final = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Card:
    """A message with its time."""

    number: int
    message: Message
    begin: float
    """In seconds of the clock."""

    @property
    def end(self) -> float:
        return self.begin + self.message.seconds


class Overlay:
    """The messages over one stream, newest first; they outlive the page that they are drawn in."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds, monotonic."""
        self._clock = clock
        self._numbers = count(1)
        self._cards: list[_Card] = []

    def add(self, message: Message) -> None:
        """Take a message; when the screen is full, the oldest that is not urgent makes room."""
        self._forget_old()
        self._cards.insert(0, _Card(next(self._numbers), message, self._clock()))
        ordinary = [card for card in self._cards if not card.message.urgent]
        for card in ordinary[_MAX_CARDS:]:
            self._cards.remove(card)

    def cards(self) -> list[Json]:
        """Return what overlay.js is told to show now."""
        self._forget_old()
        return [_described(card, self._clock()) for card in self._cards]

    async def draw(self, session: CdpSession) -> None:
        """Draw the messages in a page, once each, and let them go there when their time is over.

        A page that is just being left cannot be drawn in; the next one asks for them again.
        """
        cards = self.cards()
        if not cards:
            return
        try:
            await World(session).evaluate(_SCRIPT.replace("__CARDS__", json.dumps(cards)))
        except BrowserFailedError as error:
            _LOGGER.debug("Messages could not be drawn: %s", error)

    def _forget_old(self) -> None:
        now = self._clock()
        self._cards = [card for card in self._cards if card.end > now]


def _described(card: _Card, now: float) -> Json:
    """Return a card as overlay.js wants it."""
    message = card.message
    return {
        "number": card.number,
        "title": message.title,
        "text": message.text,
        "icon": message.icon,
        "image": base64.b64encode(message.image).decode() if message.image else None,
        "urgent": message.urgent,
        "place": message.position,
        "age": round((now - card.begin) * 1_000),
        "left": round((card.end - now) * 1_000),
    }
