"""Sensors: definition, limits with dates, forecast."""

from __future__ import annotations

import msgspec

from backends.domain.alarm import Priority
from backends.domain.quality import Value
from backends.domain.text import LocalText


class Limit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A limit of a quantity: data with its standard and its date, never code."""

    label: LocalText
    """`BĐ3`."""
    value: float
    priority: Priority
    above: bool = True
    """True: broken when the value is above; False: when below."""
    valid_from: str = ""
    """ISO date from which it holds."""
    valid_until: str = ""
    """ISO date from which it no longer does; empty = still in force."""
    standard: str = ""
    """`QĐ 05/2020/QĐ-TTg`."""
    deadband: float = 0.0
    from_file: bool = False
    """Filled in by the hub, from its files of limits."""
    by: str = ""
    """Who set it at a screen, as rows show a person; empty: the source or a file did."""
    of_kind: bool = False
    """It was set so for all sensors of its kind (same parameter and unit), not for this one alone."""
    on_delay_s: float | None = None
    """It must have been broken for so long before its alarm is raised; None: as the class of the alarm says."""
    off_delay_s: float | None = None
    """And must have been kept for so long before the alarm returns."""
    ended: bool = False
    """From `valid_from` on there is no limit of this label and side: none that began before counts."""


class Band(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of a scale."""

    name: LocalText
    to: float
    """The highest index in it; a level's number where the scale has no index."""
    colour: tuple[int, ...] = ()
    """Red, green, blue as the standard gives them; empty = it gives none in figures."""
    priority: Priority | None = None


def band_of(bands: tuple[Band, ...], index: float) -> Band:
    """The step that an index is in; beyond the last one, the last."""
    return next((band for band in bands if index <= band.to), bands[-1])


class Sensor(msgspec.Struct, frozen=True, omit_defaults=True):
    """One series: a parameter at a station."""

    id: str
    name: LocalText
    """`Mực nước sông Hiếu`."""
    unit: str
    """As printed: "m", "µg/m³"."""
    station_id: str = ""
    station: LocalText = LocalText("")
    parameter: str = ""
    """What kind of quantity: "water_level", "rain_1h", "tide", "pm25", "speed", ..."""
    decimals: int = 1
    period_s: float = 60.0
    area_id: str = ""
    lon: float | None = None
    lat: float | None = None
    low: float | None = None
    """Usual range, for the plot's axis."""
    high: float | None = None
    limits: tuple[Limit, ...] = ()
    forecast: tuple[tuple[int, float], ...] = ()
    """(t_ns, value), rising in time; dotted on the plot."""
    forecast_at_ns: int = 0
    """When the forecast was issued, UTC; 0 = not said."""
    last: Value | None = None
    camera_ids: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
    """Ids of the series that it is worked out from, such as an index; empty = it is measured."""
    bands: tuple[Band, ...] = ()
    """Of an index: the steps of its scale, lowest first. Their colours are for a badge of the index alone."""
    rev: int = 1


class Sample(msgspec.Struct, frozen=True, omit_defaults=True, array_like=True):
    """One value of one series on the `samples` feed: [series, t_ns, value, quality]."""

    series: str
    t_ns: int
    value: float | None = None
    quality: str = "good"


class Flagged(msgspec.Struct, frozen=True, omit_defaults=True, array_like=True):
    """A run of samples of one series that are not good, all alike: [t0_ns, t1_ns, quality, least, greatest]."""

    t0_ns: int
    """Source time of the first of them."""
    t1_ns: int
    """Of the last."""
    quality: str
    least: float | None = None
    """Of their values; null where none has one."""
    greatest: float | None = None


class SampleBatch(msgspec.Struct, frozen=True):
    """Body of one `samples` message: up to 500 samples, conflated before numbering."""

    samples: tuple[Sample, ...]
    conflated: int = 0
    """How many were merged away since the message before."""
