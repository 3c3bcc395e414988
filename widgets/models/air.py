"""The air at each station: the hourly VN_AQI that the hub tells, its step, and whether it is still of now.

An index is told some minutes after its hour and holds until the next one is due: what is older than LATE_S is old and
must look so; what is older than STALE_S is none. Must not: work out an index; the hub does (`backends.hub.air`).
"""

from __future__ import annotations

from dataclasses import dataclass

from backends.domain.place import Point
from backends.domain.quality import Quality
from backends.domain.sensor import Band, Sensor, band_of
from backends.domain.times import NS_PER_S
from widgets.i18n import local
from widgets.models.city import CityModel
from widgets.search.words import sort_key

PARAMETER = "vn_aqi"
LATE_S = 4500.0
"""From the hour's end: the next one is told five minutes after its own (docs/alarms.md), and is ten minutes late."""
STALE_S = 2 * 3600.0
CALM_STEPS = 2
"""So many steps of the scale ask nobody to do anything: "Tốt" and "Trung bình"."""


@dataclass(frozen=True)
class Air:
    """One station."""

    station: str
    value: float | None
    """None: there is none, or it is too old."""
    band: Band | None
    step: int
    """Which of the scale's steps, from 1; 0 = there is none."""
    t_ns: int
    """End of the hour that it is, or was, of; 0 = never."""
    old: bool = False
    """The next one has been due for a while: it is of the hour before."""
    id: str = ""
    """Of its series."""
    at: Point | None = None

    @property
    def calm(self) -> bool:
        """Normal, or not known to be otherwise: it draws no eye."""
        return self.step <= CALM_STEPS


def air_of(city: CityModel, now_ns: int) -> list[Air]:
    """All stations that have an index, the worst first; those without a value last."""
    found = [_air(city, one, now_ns) for one in city.records("sensors").values() if one.parameter == PARAMETER]
    return sorted(found, key=lambda air: (air.value is None, -(air.value or 0.0), sort_key(air.station)))


def _air(city: CityModel, sensor: Sensor, now_ns: int) -> Air:
    newest, station = city.value(sensor.id), local(sensor.station) or local(sensor.name)
    at = (sensor.lon, sensor.lat) if sensor.lon is not None and sensor.lat is not None else None
    if newest is None:
        return Air(station, None, None, 0, 0, id=sensor.id, at=at)
    age_s = (now_ns - newest.t_ns) / NS_PER_S
    if newest.quality is not Quality.GOOD or age_s > STALE_S or newest.value is None or not sensor.bands:
        return Air(station, None, None, 0, newest.t_ns, id=sensor.id, at=at)
    band = band_of(sensor.bands, newest.value)
    step = sensor.bands.index(band) + 1
    return Air(station, newest.value, band, step, newest.t_ns, age_s > LATE_S, sensor.id, at)
