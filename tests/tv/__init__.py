"""A television for tests and the demo: speaks the Cast protocol and really plays what it is told to."""

from .library import PlayerKind
from .media import LoadRequest
from .player import Failure, Report
from .television import Television, TelevisionError

__all__ = ["Failure", "LoadRequest", "PlayerKind", "Report", "Television", "TelevisionError"]
