"""Wards with their dates, the schematic lines of the map, agencies and SLA rules of the reference city.

Everything here is schematic: borders are polygons over shared nodes, so that neighbours meet without gaps.
"""

from __future__ import annotations

import functools
import math
import random

from backends.city.tables import table, text
from backends.domain.place import Agency, Area, ConfigRecord, Point, Shape, SlaRule, bearing

ESTABLISHED = "2009-08-11"
"""Đông Hà became a city (thành phố thuộc tỉnh) on this day; the old wards count from here."""


def inside(point: Point, border: tuple[Point, ...]) -> bool:
    """Whether `point` lies in the polygon (even-odd rule)."""
    x, y = point
    result = False
    for (x0, y0), (x1, y1) in zip(border, border[1:] + border[:1], strict=True):
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            result = not result
    return result


def outline(rings: list[list[str]]) -> list[str]:
    """The border around wards that share nodes: edges that occur in one ring only, chained."""
    edges = {(a, b) for ring in rings for a, b in zip(ring, ring[1:] + ring[:1], strict=True)}
    outer = {a: b for a, b in edges if (b, a) not in edges}
    start = min(outer)
    chain, node = [start], outer[start]
    while node != start:
        chain.append(node)
        node = outer[node]
    if len(chain) != len(outer):
        raise ValueError("wards that merge must touch")
    return chain


def _clockwise(ring: list[str], nodes: dict[str, Point]) -> list[str]:
    turns = zip(ring, ring[1:] + ring[:1], strict=True)
    area = sum(nodes[a][0] * nodes[b][1] - nodes[b][0] * nodes[a][1] for a, b in turns)
    return ring if area < 0 else ring[::-1]


@functools.cache
def areas() -> tuple[Area, ...]:
    """All wards that ever held, each with its dates: the nine until the merger, the two from then on."""
    data = table("places")
    nodes: dict[str, Point] = {key: (p[0], p[1]) for key, p in data["nodes"].items()}
    rings = {w["id"]: _clockwise(w["ring"], nodes) for w in data["ward"]}
    old = [
        Area(
            id=w["id"],
            name=text(w),
            border=tuple(nodes[n] for n in rings[w["id"]]),
            valid_from=ESTABLISHED,
            valid_to=data["merged_on"],
        )
        for w in data["ward"]
    ]
    new = [
        Area(
            id=m["id"],
            name=text(m),
            border=tuple(nodes[n] for n in outline([rings[w["id"]] for w in data["ward"] if w["into"] == m["id"]])),
            valid_from=data["merged_on"],
        )
        for m in data["merged"]
    ]
    return tuple(old + new)


def areas_on(date: str) -> tuple[Area, ...]:
    """The wards that hold on an ISO date."""
    return tuple(a for a in areas() if a.valid_from <= date and (not a.valid_to or date < a.valid_to))


def old_wards() -> tuple[str, ...]:
    """Ids of the nine wards that cameras and stations are laid out by."""
    return tuple(w["id"] for w in table("places")["ward"])


def ward_on(ward: str, date: str) -> str:
    """The id under which an old ward's ground is known on an ISO date."""
    row = next(w for w in table("places")["ward"] if w["id"] == ward)
    into: str = row["into"]
    return ward if date < table("places")["merged_on"] else into


def ward_at(point: Point) -> str:
    """The old ward that holds `point`, else the one whose centre is nearest."""
    wards = [a for a in areas() if a.valid_to]
    for area in wards:
        if inside(point, area.border):
            return area.id

    def distance(area: Area) -> float:
        x = sum(p[0] for p in area.border) / len(area.border)
        y = sum(p[1] for p in area.border) / len(area.border)
        return (x - point[0]) ** 2 + (y - point[1]) ** 2

    return min(wards, key=distance).id


def street_bearing(point: Point) -> float:
    """Which way the nearest street runs there, in degrees clockwise from north."""
    best, way = math.inf, 0.0
    squeeze = math.cos(math.radians(point[1]))
    for row in table("places")["line"]:
        for a, b in zip(row["points"], row["points"][1:], strict=False) if row["what"] == "road" else ():
            east, north = (b[0] - a[0]) * squeeze, b[1] - a[1]
            to_east, to_north = (point[0] - a[0]) * squeeze, point[1] - a[1]
            share = (to_east * east + to_north * north) / ((east * east + north * north) or 1.0)
            share = min(1.0, max(0.0, share))
            away = math.hypot(to_east - share * east, to_north - share * north)
            if away < best:
                best, way = away, bearing((a[0], a[1]), (b[0], b[1]))
    return way


def point_in(ward: str, rng: random.Random) -> Point:
    """A point in an old ward, well inside its border."""
    border = next(a.border for a in areas() if a.id == ward)
    xs, ys = [p[0] for p in border], [p[1] for p in border]
    while True:
        point = (rng.uniform(min(xs), max(xs)), rng.uniform(min(ys), max(ys)))
        if inside(point, border):
            return (round(point[0], 6), round(point[1], 6))


@functools.cache
def config() -> tuple[ConfigRecord, ...]:
    """The config feed: areas, lines of the map, agencies, SLA rules."""
    data = table("places")
    shapes = tuple(
        Shape(
            id=row["id"],
            what=row["what"],
            points=tuple((p[0], p[1]) for p in row["points"]),
            width=row.get("width", 1.0),
            name=text(row),
        )
        for row in data["line"]
    )
    agencies = tuple(Agency(id=row["id"], name=text(row), parent=row.get("parent", "")) for row in data["agency"])
    rules = tuple(
        SlaRule(id=f"sla-{row['id']}", category=row["id"], name=text(row), hours=float(row["hours"]))
        for row in table("reports")["category"]
    )
    return (*areas(), *shapes, *agencies, *rules)
