"""Where things are: areas with dates, shapes of the schematic map, agencies; and all records of the feed `config`.

Area names and borders are dated data: the district level ended on 1 July 2025 and wards merged, so
a record carries from when until when it holds. Shapes are schematic and say so on the map.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from backends.domain.procedure import Phone, Procedure
from backends.domain.text import LocalText

Point = tuple[float, float]
"""(longitude, latitude) in degrees, WGS 84."""

M_PER_DEGREE = 111_320.0
"""Of latitude; of longitude at the equator."""


def metres(a: Point, b: Point) -> float:
    """How far apart, in metres; right within a city."""
    east, north = _way(a, b)
    return math.hypot(east, north)


def bearing(a: Point, b: Point) -> float:
    """From `a` to `b` in degrees clockwise from north, 0 to 360; right within a city."""
    east, north = _way(a, b)
    return math.degrees(math.atan2(east, north)) % 360.0


def _way(a: Point, b: Point) -> tuple[float, float]:
    """Metres to the east and to the north."""
    squeeze = math.cos(math.radians((a[1] + b[1]) / 2))
    return (b[0] - a[0]) * M_PER_DEGREE * squeeze, (b[1] - a[1]) * M_PER_DEGREE


class Area(msgspec.Struct, frozen=True, omit_defaults=True, tag="area", tag_field="kind"):
    """A ward (phường) or commune with a schematic border."""

    id: str
    name: LocalText
    border: tuple[Point, ...]
    """Closed implicitly; at least 3 points."""
    valid_from: str
    """ISO date, inclusive."""
    valid_to: str = ""
    """ISO date, exclusive; empty = still in force."""


class Shape(msgspec.Struct, frozen=True, omit_defaults=True, tag="shape", tag_field="kind"):
    """A line of the schematic map."""

    id: str
    what: str
    """`river", "road" or "rail`."""
    points: tuple[Point, ...]
    width: float = 1.0
    """Relative line width, 1 = a street, 3 = the river."""
    name: LocalText = LocalText("")


class Agency(msgspec.Struct, frozen=True, omit_defaults=True, tag="agency", tag_field="kind"):
    """A unit that handles reports (đơn vị xử lý)."""

    id: str
    name: LocalText
    parent: str = ""


class SlaRule(msgspec.Struct, frozen=True, omit_defaults=True, tag="sla", tag_field="kind"):
    """How long a report of a category may take."""

    id: str
    category: str
    name: LocalText
    """The category's name on the screen."""
    hours: float
    escalate: tuple[float, ...] = ()
    """Shares of that time at which it goes to the shift lead, then to the leaders; empty = 1 and 1.5."""
    within_m: float = 0.0
    """So far apart may two reports of it lie that speak of the same thing; 0 = 250 m."""
    within_hours: float = 0.0
    """And so far apart in time; 0 = 6 h."""


Box = tuple[float, float, float, float]
"""(x, y, width, height) in shares of a camera's full picture, from the top left."""
Boxes = tuple[Box, ...]


class PrivacyMask(msgspec.Struct, frozen=True, omit_defaults=True, tag="mask", tag_field="kind"):
    """What must not be seen of a camera's picture: drawn filled wherever the picture is shown or saved."""

    id: str
    camera_id: str
    boxes: tuple[Box, ...]
    """What lies outside the picture, or is empty, counts for nothing."""


ConfigRecord = Area | Shape | Agency | SlaRule | PrivacyMask | Procedure | Phone


def masks_by_camera(records: Iterable[object]) -> dict[str, Boxes]:
    """By camera id the boxes, cut to its picture. They come from outside: what makes no sense is left out."""
    found: dict[str, Boxes] = {}
    for one in records:
        if isinstance(one, PrivacyMask):
            cut = tuple(box for raw in one.boxes if (box := _cut(raw)) is not None)
            found[one.camera_id] = found.get(one.camera_id, ()) + cut
    return found


def masks_of(records: Iterable[object], camera_id: str) -> Boxes:
    """As `masks_by_camera`, of one."""
    mine = (one for one in records if isinstance(one, PrivacyMask) and one.camera_id == camera_id)
    return masks_by_camera(mine).get(camera_id, ())


def _cut(box: Box) -> Box | None:
    left, top = max(0.0, box[0]), max(0.0, box[1])
    right, bottom = min(1.0, box[0] + box[2]), min(1.0, box[1] + box[3])
    return (left, top, right - left, bottom - top) if right > left and bottom > top else None
