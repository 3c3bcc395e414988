"""The camera directory: 99 sites with 113 eyes of the city and 251 ward cameras, and the 27 wifi points.

The directory does not depend on the seed: it is the city, not its weather. What a camera looks at
(`scene_kind`) stands here because the drawn scenes and the stories both ask for it.
"""

from __future__ import annotations

import functools
import math
import random
from dataclasses import dataclass

from backends.city import geography
from backends.city.tables import Row, table
from backends.domain.camera import Camera, PresetView, Sector, Stream, StreamKind
from backends.domain.field_of_view import Sees, look
from backends.domain.place import Point
from backends.domain.text import LocalText

_DEGREE_M = 111_195.0
"""Of latitude."""
_NEAR_DEG = 0.01
"""No camera of the city sees so far."""
_ANY_DAY = "2026-01-01"
"""What a camera sees does not depend on the date."""


@dataclass(frozen=True)
class Eye:
    """One camera as the city built it: what does not change with the date."""

    number: str
    name: LocalText
    site: str
    owner: str
    ward: str
    """One of the nine old wards."""
    at: Point
    bearing_deg: float
    scene: str
    """What it looks at: junction, street, bridge, river, market, gate or alley."""
    lens: tuple[float, float]
    """Degrees that it sees across, and metres that it sees far."""
    substitutes: tuple[str, ...] = ()
    presets: tuple[tuple[str, float], ...] = ()
    """Of one that turns: their names, and how far each lies from `bearing_deg`, clockwise."""
    reach_deg: float = 0.0
    """Of one that turns: across, around `bearing_deg`."""


@dataclass(frozen=True)
class WifiPoint:
    """A public wifi point."""

    id: str
    name: LocalText
    ward: str
    at: Point


@functools.cache
def eyes() -> tuple[Eye, ...]:
    """All 364, in order of their numbers."""
    rng = random.Random("directory of cameras")
    data = table("cameras")
    named = {row["number"]: row for row in data["camera"]}
    city = _city(data, named, rng)
    return tuple(city + _ward(data, len(city) + 1, rng))


def _city(data: Row, named: dict[str, Row], rng: random.Random) -> list[Eye]:
    """The named ones at their places, the others along the streets; the last free numbers are second eyes."""
    count, sites = data["city_cameras"], data["city_sites"]
    numbers = [f"{n:03d}" for n in range(1, count + 1)]
    free = [n for n in numbers if n not in named]
    doubled = count - sites - sum("site_of" in row for row in named.values())
    names = _street_names(data["city_lists"], rng)
    result: dict[str, Eye] = {}
    for number, row in named.items():
        at = (row["at"][0], row["at"][1])
        result[number] = Eye(
            number=number,
            name=LocalText(row["name"], row.get("en", "")),
            site=f"site-{row.get('site_of', number)}",
            owner="city",
            ward=geography.ward_at(at),
            at=at,
            bearing_deg=float(row["bearing"]),
            scene=row["scene"],
            lens=_lens(data, row["scene"], number, row.get("lens")),
            substitutes=tuple(row.get("substitutes", ())),
            presets=tuple((one["name"], float(one["off"])) for one in row.get("presets", ())),
            reach_deg=float(row.get("reach", 0.0)),
        )
    singles = free[: len(free) - doubled]
    for number in singles:
        scene, name = next(names)
        at = _beside_a_street(rng)
        result[number] = Eye(
            number=number,
            name=name,
            site=f"site-{number}",
            owner="city",
            ward=geography.ward_at(at),
            at=at,
            bearing_deg=_bearing(at, scene, rng),
            scene=scene,
            lens=_lens(data, scene, number),
        )
    for number, first in zip(free[len(free) - doubled :], singles, strict=False):
        twin = result[first]
        result[number] = Eye(
            number=number,
            name=LocalText(f"{twin.name.vi}, mắt 2", f"{twin.name.get('en')}, eye 2"),
            site=twin.site,
            owner="city",
            ward=twin.ward,
            at=(twin.at[0] + 0.0001, twin.at[1]),
            bearing_deg=(twin.bearing_deg + 180.0) % 360.0,
            scene=twin.scene,
            lens=_lens(data, twin.scene, number),
            substitutes=(first,),
        )
    return [result[n] for n in numbers]


def _street_names(lists: Row, rng: random.Random) -> _Names:
    streets = lists["streets"]
    junctions = [f"{a} – {b}" for i, a in enumerate(streets) for b in streets[i + 1 :]]
    rng.shuffle(junctions)
    houses = [f"{s}, số {n}" for n in (12, 48, 96, 154, 210) for s in streets]
    rows: list[tuple[str, LocalText]] = [("gate", LocalText(*pair)) for pair in lists["gates"]]
    rows += [("junction", LocalText(name)) for name in junctions[: lists["kinds"]["junction"]]]
    rows += [
        ("street", LocalText(name, name.replace(", số ", ", no. "))) for name in houses[: lists["kinds"]["street"]]
    ]
    rng.shuffle(rows)
    return _Names(rows)


class _Names:
    """Hands out prepared names once each."""

    def __init__(self, rows: list[tuple[str, LocalText]]) -> None:
        self._rows = rows

    def __next__(self) -> tuple[str, LocalText]:
        return self._rows.pop()


def _beside_a_street(rng: random.Random) -> Point:
    lines = [row["points"] for row in table("places")["line"] if row["what"] == "road"]
    line = rng.choice(lines)
    i = rng.randrange(len(line) - 1)
    share = rng.random()
    x = line[i][0] + (line[i + 1][0] - line[i][0]) * share + rng.uniform(-0.0006, 0.0006)
    y = line[i][1] + (line[i + 1][1] - line[i][1]) * share + rng.uniform(-0.0006, 0.0006)
    return (round(x, 6), round(y, 6))


def _bearing(at: Point, scene: str, rng: random.Random) -> float:
    """Along the street beside it, one way or the other; a gate lies across the street."""
    along, drawn = geography.street_bearing(at), rng.randrange(0, 360, 5)
    way = along + (90.0 if scene == "gate" else 0.0)
    return float(round(way + (180.0 if drawn < 180 else 0.0)) % 360)


def _lens(data: Row, scene: str, number: str, own: list[float] | None = None) -> tuple[float, float]:
    """Its own; else the usual one for what it looks at, a little longer or shorter from one camera to the next."""
    angle_deg, range_m = own or data["lenses"][scene]
    longer = 1.0 if own else 1.0 + (int(number) % 5 - 2) * 0.1
    return float(round(angle_deg / longer)), float(round(range_m * longer))


def _ward(data: Row, first: int, rng: random.Random) -> list[Eye]:
    """Ward cameras, in turn over the nine wards: offices first, then community halls, then alleys."""
    lists = data["ward_lists"]
    wards = geography.old_wards()
    names = {a.id: a.name for a in geography.areas()}
    seen: set[str] = set()
    result = []
    for i in range(data["ward_cameras"]):
        ward, place = wards[i % len(wards)], i // len(wards)
        scene, name = _ward_name(lists, names[ward], place, rng, seen)
        number, at = f"{first + i:03d}", geography.point_in(ward, rng)
        result.append(
            Eye(
                number=number,
                name=name,
                site=f"site-{ward}-{place + 1:02d}",
                owner="ward",
                ward=ward,
                at=at,
                bearing_deg=_bearing(at, scene, rng),
                scene=scene,
                lens=_lens(data, scene, number),
            )
        )
    return result


def _ward_name(lists: Row, ward: LocalText, place: int, rng: random.Random, seen: set[str]) -> tuple[str, LocalText]:
    fixed = lists["fixed"]
    if place < len(fixed):
        vi, en, scene = fixed[place]
        return scene, LocalText(f"{vi} {ward.vi}", f"{en}, {ward.get('en')}")
    hall = place - len(fixed) + 1
    if hall <= lists["halls"]:
        return "street", LocalText(f"Nhà văn hóa khu phố {hall}, {ward.vi}", f"Community hall {hall}, {ward.get('en')}")
    while True:
        alley, street = rng.randrange(3, 140), rng.choice(lists["alley_streets"])
        if f"{alley} {street}" not in seen:
            seen.add(f"{alley} {street}")
            return "alley", LocalText(f"Kiệt {alley} {street}", f"Alley {alley} {street}")


@functools.cache
def eye(number: str) -> Eye:
    """The camera called `number`. Raises KeyError when there is none."""
    for candidate in eyes():
        if candidate.number == number:
            return candidate
    raise KeyError(number)


def ahead(eye: Eye, share: float = 0.4) -> Point:
    """What it looks at: in the middle of its view, at that share of its range."""
    far, way = eye.lens[1] * share, math.radians(eye.bearing_deg)
    north = far * math.cos(way) / _DEGREE_M
    east = far * math.sin(way) / (_DEGREE_M * math.cos(math.radians(eye.at[1])))
    return (round(eye.at[0] + east, 6), round(eye.at[1] + north, 6))


def seeing(at: Point) -> tuple[str, ...]:
    """Numbers of the cameras in whose view a place lies, the best first, and of those that can be turned there; three
    at most."""
    near = (e for e in eyes() if max(abs(e.at[0] - at[0]), abs(e.at[1] - at[1])) < _NEAR_DEG)
    looks = ((look(camera(e, _ANY_DAY), at), e.number) for e in near)
    return tuple(
        number for _, number in sorted((one.order, number) for one, number in looks if one.sees <= Sees.TURNED)
    )[:3]


def camera_id(number: str) -> str:
    return f"cam-{number}"


def turning() -> tuple[str, ...]:
    """Numbers of those that turn."""
    return tuple(e.number for e in eyes() if e.reach_deg)


def scene_kind(number: str) -> str:
    """What the camera looks at; a number that the city does not have looks at a street."""
    try:
        return eye(number).scene
    except KeyError:
        return "street"


def camera(source: Eye, date: str, *, online: bool = True, t_ns: int = 0) -> Camera:
    """The directory record as of an ISO date."""
    uri = f"scene:{source.number}"
    return Camera(
        id=camera_id(source.number),
        number=source.number,
        name=source.name,
        streams=(
            Stream(StreamKind.SUB, uri, 640, 360, 25.0),
            Stream(StreamKind.MAIN, uri, 1280, 720, 25.0),
        ),
        site=source.site,
        area_id=geography.ward_on(source.ward, date),
        owner=source.owner,
        lon=source.at[0],
        lat=source.at[1],
        bearing_deg=source.bearing_deg,
        angle_deg=source.lens[0],
        range_m=source.lens[1],
        online=online,
        t_state_ns=t_ns,
        substitutes=tuple(camera_id(n) for n in source.substitutes),
        turns=source.reach_deg > 0,
        reach=_reach(source),
        preset_views=tuple(PresetView(name, (source.bearing_deg + off) % 360.0) for name, off in source.presets),
    )


def _reach(source: Eye) -> Sector | None:
    if not source.reach_deg:
        return None
    return Sector((source.bearing_deg - source.reach_deg / 2) % 360.0, source.reach_deg)


@functools.cache
def wifi_points() -> tuple[WifiPoint, ...]:
    """The 27 public wifi points; one that is named like a camera stands at it."""
    rng = random.Random("directory of wifi")
    places = {e.name.vi.split(", cổng")[0]: e for e in eyes()}
    result = []
    for i, name in enumerate(table("cameras")["wifi"]["names"], start=1):
        at = places[name].at if name in places else _beside_a_street(rng)
        result.append(WifiPoint(f"wifi-{i:02d}", LocalText(name), geography.ward_at(at), at))
    return tuple(result)
