"""Tests of the project's words."""

import pytest

from custom_components.dashboard_cast.models import Profile, SizePreset, Source, Website


@pytest.mark.parametrize(
    ("size", "frame_rate", "expected"),
    [
        (SizePreset.P600, 15, (1024, 600, 15, "4.1")),
        (SizePreset.P720, 15, (1280, 720, 15, "4.1")),
        (SizePreset.P720, 60, (1280, 720, 60, "4.1")),
        (SizePreset.P1080, 30, (1920, 1080, 30, "4.1")),
        (SizePreset.P1080, 31, (1920, 1080, 31, "4.2")),
    ],
)
def test_profile(size: SizePreset, frame_rate: int, expected: tuple[int, int, int, str]) -> None:
    """A profile declares the lowest level that its size and rate fit in (ITU-T H.264 table A-1)."""
    profile = Profile.of(size, frame_rate)
    assert (profile.width, profile.height, profile.frame_rate, profile.level) == expected


def test_website_is_called_by_its_origin() -> None:
    """Whatever is shown of a source, it is nothing that could be secret; equal ones share a stream."""
    url = "https://anna:secret@page.example:3000/secret?token=secret#secret"
    sources = [Source(website=Website(url, password="secret", headers=(("X", "secret"),))) for _ in range(2)]
    assert sources[0].name == "https://page.example:3000"
    assert "secret" not in repr(sources[0]) + str(sources[0])
    assert len(set(sources)) == 1
    assert sources[0] != Source(website=Website(url))
    assert Source("/lovelace").name == "/lovelace"
