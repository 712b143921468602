"""What the user has set, and the token."""

from dataclasses import dataclass
import json
import os
from pathlib import Path
import re
import secrets
from typing import Final, Self

# As long as a good password at least, and nothing that would have to be quoted in an address.
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.~-]{16,}")
_TOKEN_BYTES: Final = 32


class OptionsError(Exception):
    """An option that cannot be used."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of config.yaml."""

    token: str
    memory_mb: int
    log_level: str

    @classmethod
    def load(cls, data: Path) -> Self:
        """Read the options from the app's folder of data; raises OptionsError.

        Without a token of the user's there is one of our own, which is made at the first start and kept.
        """
        given = json.loads((data / "options.json").read_text(encoding="utf-8"))
        token = given.get("token") or _kept_token(data / "token")
        if not _TOKEN.fullmatch(token):
            raise OptionsError(
                "The token needs at least 16 characters, of which each is a letter, a digit or one of - _ . ~"
            )
        return cls(token=token, memory_mb=given["memory"], log_level=given["log_level"])


def _kept_token(path: Path) -> str:
    """Return the token in a file that only we may read, made when it is not there."""
    if not path.exists():
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="ascii") as writer:
            writer.write(secrets.token_urlsafe(_TOKEN_BYTES))
        # Whole or not at all, also when the power goes.
        new.replace(path)
    return path.read_text(encoding="ascii")
