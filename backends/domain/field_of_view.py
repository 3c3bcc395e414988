"""What a camera sees of its surroundings, as far as somebody has written it down, and how well a place lies in it.

Bearings are degrees clockwise from north; any number is one (370 = 10). Pure. Must not: know alarms, or whether a
camera works.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from backends.domain.camera import Camera
from backends.domain.place import Point, bearing, metres

USUAL_ANGLE_DEG = 90.0
"""Of what a camera sees across, whose record says only where it looks. A usual fixed lens of 2.8 mm before a sensor of
5.4 mm (1/2.8 inch) sees 2 atan(5.4 / 5.6) = 88 degrees."""
USUAL_RANGE_M = 150.0
"""So far away a camera shows whether somebody is there ("monitor", 12.5 pixels a metre, EN 62676-4): at 90 degrees the
view is twice as wide as it is far, and a 4K picture has 3840 pixels."""
AT_IT_M = 5.0
"""Nearer than this the place is the camera's own, as far as positions go: no bearing leads there."""


class Sees(IntEnum):
    """Whether a camera shows a place, the best first."""

    HERE = 0
    """It lies within its angle and range."""
    TURNED = 1
    """It does when it is turned there, and the hub can turn it."""
    PERHAPS = 2
    """Where it looks, or how far, is not known."""
    NOT = 3
    """It looks elsewhere, or the place is beyond its range."""


class Look(msgspec.Struct, frozen=True, omit_defaults=True):
    """One camera and one place."""

    camera_id: str
    sees: Sees
    away_m: float | None = None
    """None: one of the two has no place."""
    preset: str = ""
    """That it looks there at."""
    cost: float = 0.0
    """Among those of one `Sees`: less shows more."""

    @property
    def order(self) -> tuple[int, bool, float]:
        """The less, the better."""
        return (self.sees, not self.preset, self.cost)


def aside_deg(a_deg: float, b_deg: float) -> float:
    """Between two bearings, 0 to 180."""
    return abs((a_deg - b_deg + 180.0) % 360.0 - 180.0)


def angle_of(camera: Camera) -> float:
    """Degrees that it sees across, as its record says, else as usual."""
    return min(camera.angle_deg, 360.0) if camera.angle_deg and camera.angle_deg > 0 else USUAL_ANGLE_DEG


def range_of(camera: Camera) -> float:
    """Metres that it sees far, as its record says, else as usual."""
    return camera.range_m if camera.range_m and camera.range_m > 0 else USUAL_RANGE_M


def moves(camera: Camera) -> bool:
    """Where it looks now, its record does not say."""
    return camera.turns or camera.reach is not None


def look(camera: Camera, at: Point | None, *, astray: bool = False) -> Look:
    """How it sees the place. `astray`: it looks somewhere else than its record says, nobody knows where. Beyond the
    usual range a camera whose own nobody has said may see it still."""
    if at is None or camera.lon is None or camera.lat is None:
        return Look(camera.id, Sees.PERHAPS)
    here = (camera.lon, camera.lat)
    away_m = metres(here, at)
    half_deg, share = angle_of(camera) / 2, away_m / range_of(camera)
    towards_deg = bearing(here, at)

    def found(sees: Sees, cost: float = away_m, preset: str = "") -> Look:
        if share > 1.0 and sees is not Sees.NOT:
            return Look(camera.id, Sees.PERHAPS, away_m, cost=away_m)
        return Look(camera.id, sees, away_m, preset, cost)

    def cost(off_deg: float) -> float:
        """What lies at the edge of the picture counts as twice as far: seldom sharp, and soon out of it."""
        return share * (1.0 + off_deg / half_deg)

    if share > 1.0 and camera.range_m:
        return found(Sees.NOT)
    if half_deg >= 180.0:
        return found(Sees.HERE, share)
    if away_m < AT_IT_M:
        return found(Sees.PERHAPS)
    if moves(camera):
        ways = [(aside_deg(towards_deg, view.bearing_deg), view.preset) for view in camera.preset_views]
        off_deg, preset = min(ways, default=(360.0, ""))
        if camera.turns and off_deg <= half_deg:
            return found(Sees.TURNED, cost(off_deg), preset)
        if camera.reach is None:
            return found(Sees.PERHAPS)
        if aside_deg(towards_deg, camera.reach.middle_deg) > camera.reach.width_deg / 2 + half_deg:
            return found(Sees.NOT)
        return found(Sees.TURNED, share) if camera.turns else found(Sees.PERHAPS)
    if astray or camera.bearing_deg is None:
        return found(Sees.PERHAPS)
    off_deg = aside_deg(towards_deg, camera.bearing_deg)
    return found(Sees.HERE, cost(off_deg)) if off_deg <= half_deg else found(Sees.NOT)
