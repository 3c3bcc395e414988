"""Ticks and ranges of plots: pure figures, no painting.

Time ticks fall on round times of the site's zone, values on 1, 2, 2.5 or 5 times a power of ten.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from backends.domain.sensor import Limit
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import Language, language

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_TIME_STEPS_S = (
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14)),
)
_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Tick:
    """A place on an axis and its words."""

    at: float
    """Value, or nanoseconds on the time axis."""
    label: str


def value_ticks(low: float, high: float, most: int) -> list[Tick]:
    """At most `most` round values inside the range, all with the same decimals."""
    return list(_value_ticks(low, high, most, language()))


@lru_cache(maxsize=64)
def _value_ticks(low: float, high: float, most: int, _language: Language) -> tuple[Tick, ...]:
    """Kept: while time is moved the values stay, as a rule."""
    if most < 1 or not high > low:
        return ()
    raw = (high - low) / most
    scale = 10.0 ** math.floor(math.log10(raw))
    step = next(n * scale for n in _NICE if n * scale >= raw * (1 - 1e-9))
    decimals = next((d for d in range(7) if abs(round(step, d) - step) < step * 1e-6), 6)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(Tick(n * step, fmt.number(n * step, decimals)) for n in range(first, last + 1))


def time_ticks(t0_ns: int, t1_ns: int, most: int) -> list[Tick]:
    """At most `most` round local times; midnight carries the date."""
    return list(_time_ticks(t0_ns, t1_ns, most, language(), fmt.zone_name()))


@lru_cache(maxsize=32)
def _time_ticks(t0_ns: int, t1_ns: int, most: int, _language: Language, _zone: str) -> tuple[Tick, ...]:
    """Kept: linked plots show the same time, and words look for room several times."""
    span_s = (t1_ns - t0_ns) / NS_PER_S
    if most < 1 or span_s <= 0:
        return ()
    step = next((s for s in _TIME_STEPS_S if span_s / s <= most), _TIME_STEPS_S[-1] * math.ceil(span_s / _DAY / 14))
    start = fmt.local_time(t0_ns)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    out: list[Tick] = []
    n = 0
    while True:
        # Wall-clock arithmetic: where a zone has summer time, 06:00 stays 06:00.
        when = midnight + timedelta(seconds=n * step)
        t_ns = int(when.timestamp()) * NS_PER_S
        n += 1
        if t_ns > t1_ns:
            return tuple(out)
        if t_ns >= t0_ns:
            at_midnight = when.hour == 0 and when.minute == 0
            out.append(Tick(t_ns, fmt.date_short(t_ns) if at_midnight else fmt.clock_minutes(t_ns)))


def midnights(t0_ns: int, t1_ns: int) -> list[int]:
    """Borders of the site's days inside a range."""
    return list(_midnights(t0_ns, t1_ns, fmt.zone_name()))


@lru_cache(maxsize=32)
def _midnights(t0_ns: int, t1_ns: int, _zone: str) -> tuple[int, ...]:
    day = fmt.local_time(t0_ns).replace(hour=0, minute=0, second=0, microsecond=0)
    out: list[int] = []
    while (t_ns := int((day := day + timedelta(days=1)).timestamp()) * NS_PER_S) < t1_ns:
        out.append(t_ns)
    return tuple(out)


def is_broken(limit: Limit, value: float) -> bool:
    return value > limit.value if limit.above else value < limit.value


def gravest_broken(limits: Iterable[Limit], value: float | None) -> Limit | None:
    """The broken limit whose alarm counts; the farthest along where two are equally grave."""
    if value is None:
        return None
    broken = [limit for limit in limits if is_broken(limit, value)]
    return min(broken, key=lambda x: (x.priority.rank, abs(value - x.value)), default=None)


def nearest(limits: Iterable[Limit], value: float | None) -> Limit | None:
    """The limit that will be met first, broken or not."""
    if value is None:
        return None
    return min(limits, key=lambda x: abs(x.value - value), default=None)


def value_range(
    values: tuple[float, float] | None, usual: tuple[float | None, float | None], limits: Iterable[Limit]
) -> tuple[float, float]:
    """Low and high end of the value axis.

    Holds the values (forecast included), the sensor's usual range, and the nearest limit on either side:
    a line is judged by what it is near to.
    """
    ends = [end for end in usual if end is not None]
    low, high = values if values is not None else ((ends[0], ends[-1]) if ends else (0.0, 1.0))
    marks = [limit.value for limit in limits]
    over = [m for m in marks if m >= high]
    under = [m for m in marks if m <= low]
    ends += [low, high, *([min(over)] if over else []), *([max(under)] if under else [])]
    ends += [m for m in marks if low < m < high]
    low, high = min(ends), max(ends)
    if high - low < 1e-9:
        spread = max(abs(high) * 0.1, 0.5)
        return low - spread, high + spread
    pad = (high - low) * 0.06
    # A quantity that cannot be negative keeps its foot on zero.
    return (0.0 if low >= 0.0 > low - pad else low - pad), high + pad
