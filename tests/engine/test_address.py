"""Tests of addresses as people, pages and browsers write them."""

import pytest
from yarl import URL

from custom_components.dashboard_cast.engine.address import parsed


def test_parsed() -> None:
    """An address is what yarl makes of it."""
    assert parsed("http://10.0.0.2:8123/lovelace?x=1") == URL("http://10.0.0.2:8123/lovelace?x=1")


@pytest.mark.parametrize(
    "text", ["http://[]@", "0://[]@", "http://[nonsense", "http://host:port", "http://[1"]
)
def test_none(text: str) -> None:
    """Whatever is wrong with one, it is a ValueError."""
    with pytest.raises(ValueError, match=r"."):
        parsed(text).port  # noqa: B018
