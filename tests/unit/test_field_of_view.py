"""Whether a camera sees a place, and how well: bearings over north, either side of the equator and of Greenwich."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from backends.domain.camera import Camera, PresetView, Sector
from backends.domain.field_of_view import USUAL_RANGE_M, Sees, aside_deg, look
from backends.domain.place import M_PER_DEGREE, Point
from backends.domain.text import LocalText

PLACES: tuple[Point, ...] = ((107.1, 16.8), (-43.2, -22.9), (0.0, 0.0), (151.2, -33.9), (-77.0, 38.9))
"""Đông Hà, Rio de Janeiro, where both signs change, Sydney, Washington."""
DOME = Camera("c", "012", LocalText("Vòm"), (), turns=True)
BULLET = Camera("c", "012", LocalText("Thân"), (), bearing_deg=0.0, angle_deg=60.0, range_m=100.0)


def seen_from(camera: Camera, towards_deg: float, away_m: float, home: Point = PLACES[0]) -> Sees:
    return look(replace(camera, lon=home[0], lat=home[1]), off(home, towards_deg, away_m)).sees


def off(home: Point, towards_deg: float, away_m: float) -> Point:
    east, north = away_m * math.sin(math.radians(towards_deg)), away_m * math.cos(math.radians(towards_deg))
    squeeze = math.cos(math.radians(home[1]))
    return (home[0] + east / M_PER_DEGREE / squeeze, home[1] + north / M_PER_DEGREE)


@pytest.mark.parametrize(
    ("camera", "towards_deg", "away_m", "sees"),
    [
        (BULLET, 0, 50, Sees.HERE),
        (BULLET, 29, 50, Sees.HERE),
        (BULLET, 331, 50, Sees.HERE),
        (BULLET, 31, 50, Sees.NOT),
        (BULLET, 180, 50, Sees.NOT),
        (BULLET, 0, 101, Sees.NOT),
        (BULLET, 180, 2, Sees.PERHAPS),  # its own place: no bearing leads there
        (replace(BULLET, bearing_deg=None), 0, 50, Sees.PERHAPS),
        (replace(BULLET, bearing_deg=None), 0, 101, Sees.NOT),
        (replace(BULLET, bearing_deg=None, angle_deg=360.0), 77, 50, Sees.HERE),
        (replace(BULLET, angle_deg=None, range_m=None), 44, USUAL_RANGE_M - 5, Sees.HERE),
        (replace(BULLET, angle_deg=None, range_m=None), 46, USUAL_RANGE_M - 5, Sees.NOT),
        (replace(BULLET, angle_deg=0.0, range_m=-1.0), 44, USUAL_RANGE_M - 5, Sees.HERE),  # nonsense is not known
        (DOME, 0, 50, Sees.PERHAPS),
        (replace(DOME, reach=Sector(0.0, 360.0)), 200, 50, Sees.TURNED),
        (replace(DOME, reach=Sector(0.0, 360.0), range_m=499.0), 200, 500, Sees.NOT),
        (replace(DOME, reach=Sector(0.0, 360.0)), 200, 500, Sees.PERHAPS),  # nobody has said how far
        (replace(BULLET, range_m=None), 0, 500, Sees.PERHAPS),
        (replace(BULLET, range_m=None), 180, 500, Sees.NOT),
        (replace(DOME, reach=Sector(300.0, 120.0), angle_deg=40.0), 10, 50, Sees.TURNED),
        (replace(DOME, reach=Sector(300.0, 120.0), angle_deg=40.0), 79, 50, Sees.TURNED),
        (replace(DOME, reach=Sector(300.0, 120.0), angle_deg=40.0), 81, 50, Sees.NOT),
        (replace(DOME, turns=False, reach=Sector(300.0, 120.0)), 10, 50, Sees.PERHAPS),  # nobody here can turn it
        (replace(DOME, preset_views=(PresetView("3", 90.0),)), 100, 50, Sees.TURNED),
        (replace(DOME, preset_views=(PresetView("3", 90.0),)), 200, 50, Sees.PERHAPS),
    ],
)
def test_what_a_camera_sees(camera: Camera, towards_deg: float, away_m: float, sees: Sees) -> None:
    assert seen_from(camera, towards_deg, away_m) is sees


def test_a_camera_that_looks_elsewhere_now_may_look_here() -> None:
    camera = replace(BULLET, lon=PLACES[0][0], lat=PLACES[0][1])
    for towards_deg in (0, 180):
        assert look(camera, off(PLACES[0], towards_deg, 50), astray=True).sees is Sees.PERHAPS
    assert look(camera, None).sees is Sees.PERHAPS
    assert look(BULLET, PLACES[0]).sees is Sees.PERHAPS, "it has no place"


def test_of_its_presets_it_is_the_one_that_looks_there_best() -> None:
    views = (PresetView("chợ", 350.0), PresetView("cầu", 20.0), PresetView("kè", 200.0))
    camera = replace(DOME, lon=0.0, lat=0.0, preset_views=views, reach=Sector(0.0, 360.0))
    assert look(camera, off((0.0, 0.0), 1, 50)).preset == "chợ"
    assert look(camera, off((0.0, 0.0), 9, 50)).preset == "cầu"
    found = look(camera, off((0.0, 0.0), 100, 50))
    assert (found.sees, found.preset) == (Sees.TURNED, "")
    assert look(camera, off((0.0, 0.0), 60, 90)).order < found.order, "a preset before a hand"


def test_the_nearer_to_the_axis_and_the_nearer_by_its_range_the_better() -> None:
    home = PLACES[0]
    middle, edge, far = (look(replace(BULLET, lon=home[0], lat=home[1]), off(home, *at)) for at in
                         ((0, 50), (25, 50), (0, 95)))  # fmt: skip
    assert middle.order < edge.order < far.order
    long_lens = look(replace(BULLET, lon=home[0], lat=home[1], range_m=400.0), off(home, 0, 95))
    assert long_lens.order < far.order


bearings = some.floats(-720, 720, allow_nan=False)


@given(some.sampled_from(PLACES), bearings, some.floats(10, 350), some.floats(-200, 200), some.floats(6, 90))
def test_it_is_the_angle_between_that_counts_wherever_north_lies(
    home: Point, looks_deg: float, angle_deg: float, off_deg: float, away_m: float
) -> None:
    off_axis = aside_deg(off_deg, 0.0)
    if abs(off_axis - angle_deg / 2) < 0.5:
        return  # on the edge itself
    camera = replace(BULLET, bearing_deg=looks_deg, angle_deg=angle_deg)
    expected = Sees.HERE if off_axis < angle_deg / 2 else Sees.NOT
    assert seen_from(camera, looks_deg + off_deg, away_m, home) is expected


@given(bearings, bearings)
def test_between_two_bearings_is_half_a_turn_at_most(a_deg: float, b_deg: float) -> None:
    aside = aside_deg(a_deg, b_deg)
    assert 0.0 <= aside <= 180.0
    assert aside == pytest.approx(aside_deg(b_deg, a_deg), abs=1e-6)
    assert aside_deg(a_deg + 360.0, b_deg) == pytest.approx(aside, abs=1e-6)
