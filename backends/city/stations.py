"""The 139 monitoring stations and their 1,112 series: the definitions, as data/stations.toml says.

Definitions only; values come from `series`. Does not depend on the seed.
"""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass

from backends.city import cameras, geography
from backends.city.tables import Row, table, text
from backends.domain.alarm import Priority
from backends.domain.place import Point
from backends.domain.sensor import Limit, Sensor
from backends.domain.text import LocalText

LEVEL = "river-01.water_level"
"""The Hiếu at trạm Đông Hà."""
TIDE = "tide-01.tide"
RAIN = "rain-01.rain_1h"
_RIVER_CAMERA = "074"
"""It looks at the staff gauge."""
_WATCHED = frozenset({"air", "road", "traffic"})
"""Kinds of stations that stand beside a street, in the view of a camera."""
_STREETS = frozenset({"junction", "street"})
_DEFAULT_PERIOD_S = 300.0


@dataclass(frozen=True)
class Gauge:
    """One station: where it stands and which row of the table describes it."""

    id: str
    kind: str
    index: int
    name: LocalText
    ward: str
    at: Point
    cameras: tuple[str, ...]
    """Numbers of cameras that see it, best first."""


@dataclass(frozen=True)
class Definition:
    """One series: its station, its row of the parameter table, its limits."""

    id: str
    gauge: Gauge
    row: Row
    limits: tuple[Limit, ...]

    @property
    def parameter(self) -> str:
        value: str = self.row["id"]
        return value

    @property
    def period_s(self) -> int:
        return int(self.row.get("period", _DEFAULT_PERIOD_S))


@functools.cache
def gauges() -> tuple[Gauge, ...]:
    """All stations, in order of the table."""
    rng = random.Random("directory of stations")
    by_name = {e.name.vi: e for e in cameras.eyes()}
    wards = geography.old_wards()
    free = {ward: iter([e for e in cameras.eyes() if e.ward == ward and e.scene in _STREETS]) for ward in wards}
    result = []
    for row in table("stations")["type"]:
        for i in range(row["count"]):
            plain = row["names"][i] if i < len(row["names"]) else f"{row['vi']} {i + 1:02d}"
            at = geography.point_in(wards[(i * 4 + 1) % len(wards)], rng)
            eye = cameras.eye(_RIVER_CAMERA) if (row["id"], i) == ("river", 0) else by_name.get(plain)
            if eye is None and row["id"] in _WATCHED:
                eye = next(free[geography.ward_at(at)])
            at = cameras.ahead(eye) if eye else at
            seen = () if row["id"] == "data_centre" else cameras.seeing(at)
            ward = eye.ward if eye else geography.ward_at(at)
            result.append(Gauge(f"{row['id']}-{i + 1:02d}", row["id"], i, _name(row, i), ward, at, seen))
    return tuple(result)


def _name(row: Row, i: int) -> LocalText:
    if i >= len(row["names"]):
        return LocalText(f"{row['vi']} {i + 1:02d}", f"{row['en']} {i + 1:02d}")
    name = row["names"][i]
    if row["id"] in ("river", "tide"):
        return LocalText(f"Trạm {name}", f"{name} gauge")
    # Streets and parks are called the same in both languages; what describes itself has an English name.
    english = row.get("names_en", [])
    return LocalText(name, english[i] if i < len(english) else "")


def _limit(row: Row) -> Limit:
    return Limit(
        label=text(row),
        value=float(row["value"]),
        priority=Priority(row["priority"]),
        above=row.get("above", True),
        valid_from=row["valid_from"],
        standard=row["standard"],
        deadband=float(row.get("deadband", 0.0)),
    )


def _flood_limits() -> tuple[Limit, ...]:
    return tuple(
        Limit(
            label=LocalText(row["label"], f"Flood level {row['label'][-1]}"),
            value=row["value"],
            priority=Priority(row["priority"]),
            valid_from="2020-03-15",
            standard="QĐ 05/2020/QĐ-TTg",
            deadband=0.05,
        )
        for row in table("hydro")["flood_level"]
    )


@functools.cache
def definitions() -> tuple[Definition, ...]:
    """All series, station by station."""
    rows = {row["id"]: row["parameters"] for row in table("stations")["type"]}
    result = []
    for gauge in gauges():
        for row in rows[gauge.kind]:
            name = f"{gauge.id}.{row['id']}"
            limits = _flood_limits() if name == LEVEL else tuple(_limit(r) for r in row.get("limits", ()))
            result.append(Definition(name, gauge, row, limits))
    return tuple(result)


@functools.cache
def definition(sensor_id: str) -> Definition:
    """Raises KeyError when there is no such series."""
    for candidate in definitions():
        if candidate.id == sensor_id:
            return candidate
    raise KeyError(sensor_id)


def sensor(
    source: Definition, date: str, forecast: tuple[tuple[int, float], ...] = (), forecast_at_ns: int = 0
) -> Sensor:
    """The record as of an ISO date."""
    row, gauge = source.row, source.gauge
    return Sensor(
        id=source.id,
        name=text(row),
        unit=row["unit"],
        station_id=gauge.id,
        station=gauge.name,
        parameter=source.parameter,
        decimals=row.get("decimals", 1),
        period_s=float(source.period_s),
        area_id=geography.ward_on(gauge.ward, date),
        lon=gauge.at[0],
        lat=gauge.at[1],
        low=float(row.get("low", 0.0)),
        high=float(row["high"]),
        limits=tuple(x for x in source.limits if x.valid_from <= date),
        forecast=forecast,
        forecast_at_ns=forecast_at_ns if forecast else 0,
        camera_ids=tuple(cameras.camera_id(n) for n in gauge.cameras),
    )
