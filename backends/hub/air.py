"""The hourly VN_AQI of each air station, from the hours that the log has: a series like any other, worked out here.

A station is one of which a sensor measures dust (`Scale.needs_one_of`), in the unit of the scale. Its index of an hour
is told at the hour's end, GRACE_NS later, for what comes late; a hub that starts works out the hours that it has missed
since the last one told, as far as the log reaches. Where there are too few values, the sample has none and says by its
quality why. Nothing is kept here but how far each station is; times are arguments. Must not: judge an index, or be
missed like a measurement when its inputs are silent (`Sensor.derived`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Protocol

import msgspec
import numpy as np

from backends.domain.air_index import NOWCAST_HOURS, hour_index
from backends.domain.limits import Scale, day_of, scale_at
from backends.domain.quality import Quality
from backends.domain.sensor import Flagged, Limit, Sample, Sensor
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.hub.ports import Times, Values

SCALE = "vn_aqi"
PARAMETER = "vn_aqi"
UNIT = "µg/m³"
"""Of the scale's break-points: values in another unit are not taken."""
HOUR_NS = 3600 * NS_PER_S
GRACE_NS = 5 * 60 * NS_PER_S
"""A logger sends every five minutes (Thông tư 10/2021/TT-BTNMT)."""
BACK_HOURS = 24
"""So many hours at most are made up for."""
HOUR_NEEDS = 0.75
"""Of an hour's values so many must be good for its mean. Ours: the figure that is usual for hourly means; the decree's
own was not seen."""
REGROUP_NS = 60 * NS_PER_S
DEADBAND = 5.0
"""Index points below a band before it counts as left. Ours."""
_NAME = LocalText("Chỉ số VN_AQI", "VN_AQI index")
_GRAVE = (Quality.FAULT, Quality.CALIBRATING)


class Hours(Protocol):
    """What of the log is read here."""

    def history(self, series: str, t0_ns: int, t1_ns: int) -> tuple[Times, Values] | None: ...
    def flags(self, series: str, t0_ns: int, t1_ns: int) -> tuple[Flagged, ...]: ...
    def last(self, series: str) -> Sample | None: ...


class Found(msgspec.Struct, frozen=True):
    """A station's index, as far as it had not been told."""

    sensor: Sensor
    samples: tuple[Sample, ...]
    """Rising in time; the last one is of the newest hour."""


class AirHours:
    """One thread. `look` as often as one likes: each call reads one station at most, some milliseconds."""

    def __init__(self, scales: Sequence[Scale]) -> None:
        self._scales = scales
        self._stations: dict[str, tuple[Sensor, ...]] = {}
        self._grouped_ns: int | None = None
        self._told: dict[str, int] = {}
        """Station -> end of the newest hour that was told."""

    def look(self, now_ns: int, sensors: Mapping[str, Sensor], log: Hours) -> Found | None:
        """The next station whose hour is over; None: none is."""
        if self._grouped_ns is None or not 0 <= now_ns - self._grouped_ns < REGROUP_NS:
            self._grouped_ns = now_ns
            scale = scale_at(self._scales, SCALE, day_of(now_ns))
            self._stations = air_stations(sensors.values(), scale) if scale is not None else {}
        end_ns = (now_ns - GRACE_NS) // HOUR_NS * HOUR_NS
        for station, inputs in self._stations.items():
            told_ns = self._told.get(station)
            # A clock that was set back does not tell an hour twice; one that was far ahead does not silence it.
            if told_ns is None or told_ns < end_ns or told_ns > now_ns:
                self._told[station] = end_ns
                return self._found(station, inputs, end_ns, log)
        return None

    def _found(self, station: str, inputs: tuple[Sensor, ...], end_ns: int, log: Hours) -> Found | None:
        sensor = derived(station, inputs, scale_at(self._scales, SCALE, day_of(end_ns - 1)))
        last = log.last(sensor.id)
        first_ns = end_ns - (BACK_HOURS - 1) * HOUR_NS
        if last is not None and last.t_ns <= end_ns:
            first_ns = max(first_ns, last.t_ns + HOUR_NS)
        if first_ns > end_ns:
            return None  # it stands in the log already
        means = hour_means(inputs, first_ns - NOWCAST_HOURS * HOUR_NS, end_ns, log)
        samples = []
        for at_ns in range(first_ns, end_ns + 1, HOUR_NS):
            value = self._index(means, (end_ns - at_ns) // HOUR_NS, at_ns)
            if value is not None:
                samples.append(Sample(sensor.id, at_ns, float(value)))
            elif at_ns == end_ns:
                samples.append(Sample(sensor.id, at_ns, None, _why(inputs, at_ns, log).value))
        return Found(sensor, tuple(samples))

    def _index(self, means: Mapping[str, Sequence[float | None]], back: int, end_ns: int) -> int | None:
        """Of the hour that ends at `end_ns`; `means`: newest first, of which `back` are newer."""
        scale = scale_at(self._scales, SCALE, day_of(end_ns - 1))
        if scale is None:
            return None
        index = hour_index(scale, {name: hours[back : back + NOWCAST_HOURS] for name, hours in means.items()})
        return index.value if index is not None else None


def air_stations(sensors: Iterable[Sensor], scale: Scale) -> dict[str, tuple[Sensor, ...]]:
    """By station the sensors from which its index follows, of each parameter the first."""
    found: dict[str, dict[str, Sensor]] = {}
    for sensor in sorted(sensors, key=lambda one: one.id):
        if sensor.station_id and sensor.unit == UNIT and sensor.parameter in scale.points and not sensor.derived:
            found.setdefault(sensor.station_id, {}).setdefault(sensor.parameter, sensor)
    needed = set(scale.needs_one_of)
    return {name: tuple(by.values()) for name, by in found.items() if not needed or by.keys() & needed}


def derived(station: str, inputs: Sequence[Sensor], scale: Scale | None) -> Sensor:
    """The record of the index."""
    one = inputs[0]
    return Sensor(
        id=f"{station}.{PARAMETER}", name=_NAME, unit="", station_id=station, station=one.station,
        parameter=PARAMETER, decimals=0, period_s=3600.0, area_id=one.area_id, lon=one.lon, lat=one.lat, low=0.0,
        high=200.0, limits=limits_of(scale) if scale is not None else (), camera_ids=one.camera_ids,
        derived=tuple(sensor.id for sensor in inputs), bands=scale.bands if scale is not None else (),
    )  # fmt: skip


def limits_of(scale: Scale) -> tuple[Limit, ...]:
    """Of the bands that have a priority: broken above the end of the band before."""
    return tuple(
        Limit(
            band.name, before.to, band.priority, valid_from=scale.valid_from, valid_until=scale.valid_until,
            standard=scale.standard, deadband=DEADBAND,
        )
        for before, band in pairwise(scale.bands)
        if band.priority is not None
    )  # fmt: skip


def hour_means(
    inputs: Iterable[Sensor], begin_ns: int, end_ns: int, log: Hours
) -> dict[str, list[float | None]]:  # fmt: skip
    """By parameter the mean of each hour between two full hours, newest first; None: too few good values."""
    hours = (end_ns - begin_ns) // HOUR_NS
    found: dict[str, list[float | None]] = {}
    for sensor in inputs:
        read = log.history(sensor.id, begin_ns, end_ns - 1)
        means: list[float | None] = [None] * hours
        if read is not None:
            t_ns, value = read
            good = np.isfinite(value)
            hour = (t_ns[good] - begin_ns) // HOUR_NS
            count = np.bincount(hour, minlength=hours)
            total = np.bincount(hour, weights=value[good], minlength=hours)
            least = max(1.0, HOUR_NEEDS * 3600.0 / max(1.0, sensor.period_s))
            means = [float(total[n]) / int(count[n]) if count[n] >= least else None for n in range(hours)]
        found[sensor.parameter] = means[::-1]
    return found


def _why(inputs: Iterable[Sensor], end_ns: int, log: Hours) -> Quality:
    """Why there is no index: what the instruments said of themselves in the newest hours, or nothing came."""
    said = {flag.quality for one in inputs for flag in log.flags(one.id, end_ns - 3 * HOUR_NS, end_ns - 1)}
    return next((quality for quality in _GRAVE if quality.value in said), Quality.DISCONNECTED)
