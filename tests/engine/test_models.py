"""Tests of the project's words."""

import pytest

from custom_components.dashboard_cast.models import Profile, SizePreset


@pytest.mark.parametrize(
    ("size", "frame_rate", "expected"),
    [
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
