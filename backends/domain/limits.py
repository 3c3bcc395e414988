"""Limits as versioned data: what applied on a day. Pure.

Days are Vietnam's (UTC+7, no summer time): a standard that is in force from 12 September is so from that midnight.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import msgspec

from backends.domain.alarm import Priority
from backends.domain.sensor import Band, Limit, Sensor, band_of
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S

ZONE_S = 7 * 3600
_DAY_S = 86_400


def day_number(t_ns: int) -> int:
    """Days since 1970, in Vietnam."""
    return (t_ns // NS_PER_S + ZONE_S) // _DAY_S


def day_of(t_ns: int) -> str:
    """The date in Vietnam, `2023-09-12`."""
    return (dt.date(1970, 1, 1) + dt.timedelta(days=day_number(t_ns))).isoformat()


def in_force(valid_from: str, valid_until: str, day: str) -> bool:
    """`valid_from` is the first day, `valid_until` the first on which it no longer holds; empty = always."""
    return valid_from <= day and (not valid_until or day < valid_until)


def level_of(limit: Limit) -> tuple[str, bool]:
    """What a limit is known by, of one sensor: its label and side."""
    return limit.label.vi, limit.above


def limits_at(limits: Iterable[Limit], day: str) -> tuple[Limit, ...]:
    """Those in force on that day, gravest first. Of the same label and side the sensor's own counts, else that of its
    kind, else the source's or a file's; of two of these the newest. Where that one says that the limit has ended, there
    is none."""
    newest: dict[tuple[str, bool], Limit] = {}
    for limit in sorted(limits, key=lambda one: (bool(one.by) * (2 - one.of_kind), one.valid_from)):
        if in_force(limit.valid_from, limit.valid_until, day):
            newest[level_of(limit)] = limit
    held = [one for one in newest.values() if not one.ended]
    return tuple(sorted(held, key=lambda one: (one.priority.rank, -one.value if one.above else one.value)))


class Level(msgspec.Struct, frozen=True):
    """One limit of a set. Without a priority it is shown and reported, and raises no alarm."""

    label: LocalText
    value: float
    priority: Priority | None = None
    above: bool = True
    deadband: float = 0.0


class LimitSet(msgspec.Struct, frozen=True):
    """What a standard says of one quantity, from one day to another."""

    standard: str
    """`QCVN 05:2023/BTNMT`."""
    parameter: str
    """As Sensor.parameter: "so2", "water_level", ..."""
    unit: str
    """As Sensor.unit; a sensor of another unit is not judged by it."""
    valid_from: str
    levels: tuple[Level, ...]
    valid_until: str = ""
    over: str = ""
    """What the value is a mean of: "1h", "8h", "24h", "year"; empty = the value as it comes."""
    stations: tuple[str, ...] = ()
    """Ids or Vietnamese names of stations; empty = all."""
    sensors: tuple[str, ...] = ()
    source: str = ""
    note: str = ""
    """What is secondary or not verified about it."""

    def fits(self, sensor: Sensor) -> bool:
        """Is a value of this sensor judged by it?"""
        if sensor.parameter != self.parameter or sensor.unit != self.unit:
            return False
        if self.sensors or self.stations:
            return sensor.id in self.sensors or bool({sensor.station_id, sensor.station.vi} & set(self.stations))
        return True

    def limits(self) -> tuple[Limit, ...]:
        """Those of its levels that raise an alarm."""
        return tuple(
            Limit(
                one.label, one.value, one.priority, one.above, self.valid_from, self.valid_until, self.standard,
                one.deadband, from_file=True,
            )
            for one in self.levels
            if one.priority is not None
        )  # fmt: skip


def sets_at(sets: Iterable[LimitSet], parameter: str, day: str, over: str = "", station: str = "") -> list[LimitSet]:
    """What applied to a quantity on that day, newest first: those of the station where it has any, else the general."""
    fit = [
        one
        for one in sets
        if (one.parameter, one.over) == (parameter, over) and in_force(one.valid_from, one.valid_until, day)
    ]
    of_station = [one for one in fit if station and station in one.stations]
    general = [one for one in fit if not one.stations and not one.sensors]
    return sorted(of_station or general, key=lambda one: one.valid_from, reverse=True)


class Scale(msgspec.Struct, frozen=True):
    """An index or a ladder of levels, from one day to another."""

    id: str
    standard: str
    valid_from: str
    bands: tuple[Band, ...]
    valid_until: str = ""
    index: tuple[float, ...] = ()
    points: dict[str, tuple[float, ...]] = {}
    """Parameter -> break-points that belong to `index`, as many or fewer."""
    nowcast: tuple[str, ...] = ()
    """Parameters whose hours are weighed (air_index.nowcast)."""
    needs_one_of: tuple[str, ...] = ()
    source: str = ""
    note: str = ""

    def band(self, index: float) -> Band:
        """The step that an index is in; beyond the last one, the last."""
        return band_of(self.bands, index)


def scale_at(scales: Iterable[Scale], scale_id: str, day: str) -> Scale | None:
    """The scale that applied on that day."""
    fit = [one for one in scales if one.id == scale_id and in_force(one.valid_from, one.valid_until, day)]
    return max(fit, key=lambda one: one.valid_from, default=None)
