"""By which figure a camera is said to look elsewhere: the demo's places and weathers, and drawn streets."""

from __future__ import annotations

import cv2
import pytest
from helpers.street import street_picture
from helpers.watching import per_second

from backends.video.health import TURNED_LINES
from backends.video.viewing import Shape, likeness

PLACES = ("alley", "bridge", "gate", "junction", "market", "river", "street")
DAYS = ("day", "dusk", "rain", "flood")


@pytest.mark.parametrize("kind", PLACES)
def test_every_other_place_is_another_view_in_any_weather(kind: str) -> None:
    """By a figure that leaves room on both sides: the same place in another weather is as far above it."""
    known = Shape(per_second(kind)[0].grey)
    others = [Shape(per_second(place, weather)[3].grey) for place in PLACES if place != kind for weather in DAYS]
    assert max(likeness(other, known) for other in others) < TURNED_LINES - 0.02
    same = [Shape(per_second(kind, weather)[3].grey) for weather in DAYS]
    assert min(likeness(one, known) for one in same) > TURNED_LINES + 0.02


def test_another_street_with_the_same_horizon_is_another_view() -> None:
    for seed in range(40):
        known, other = (
            Shape(cv2.resize(street_picture(320, 180, one)[:, :, 1], (160, 90))) for one in (seed, seed + 1000)
        )
        assert likeness(other, known) < TURNED_LINES, seed
