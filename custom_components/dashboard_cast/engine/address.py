"""Addresses as people, pages and browsers write them (pure)."""

from yarl import URL


def parsed(text: str) -> URL:
    """Return what an address says; raises ValueError for what is none."""
    try:
        return URL(text)
    except IndexError as error:
        # yarl does not look for an end of brackets that hold nothing, as in `http://[]@`.
        raise ValueError("brackets without an address") from error
