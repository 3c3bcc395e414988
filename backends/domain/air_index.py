"""Air quality index of an hour, by a scale that is data (VN_AQI: QĐ 1459/QĐ-TCMT). Pure.

Units: break-points and values in µg/m³, the index without one. Nothing here knows a break-point.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from backends.domain.limits import Scale

NOWCAST_HOURS = 12
NOWCAST_NEEDS = 2
"""Of the last three hours."""
LEAST_WEIGHT = 0.5


class HourIndex(msgspec.Struct, frozen=True):
    """What an hour's air is worth."""

    value: int
    worst: str
    """The parameter that it comes from."""
    parts: dict[str, int]


def sub_index(scale: Scale, parameter: str, value: float) -> float | None:
    """Index of one parameter, not rounded, by straight lines between its break-points.

    Beyond the last point it is the scale's end; None where the parameter's points end before the scale does (ozone
    over 8 hours), for an unknown parameter and for a value below zero.
    """
    points = scale.points.get(parameter, ())
    if not points or not value >= 0:
        return None
    for n in range(1, len(points)):
        if value <= points[n]:
            share = (value - points[n - 1]) / (points[n] - points[n - 1])
            return scale.index[n - 1] + share * (scale.index[n] - scale.index[n - 1])
    return float(scale.index[-1]) if len(points) == len(scale.index) else None


def nowcast(hours: Sequence[float | None]) -> float | None:
    """Weighed mean of the last twelve hourly means, newest first; None = missing.

    Weight of the hour n back: w to the power n, w = least / greatest of them, at least a half. None where fewer than
    two of the newest three are there. (The decree writes the case of a half without dividing by the weights' sum, which
    is 2 to within 1/4096 when no hour is missing; divided, a missing hour does not make the air look cleaner.)
    """
    taken = [(n, c) for n, c in enumerate(hours[:NOWCAST_HOURS]) if c is not None and c >= 0]
    if sum(n < 3 for n, _ in taken) < NOWCAST_NEEDS:
        return None
    greatest = max(c for _, c in taken)
    if greatest == 0:
        return 0.0
    weight = max(LEAST_WEIGHT, min(c for _, c in taken) / greatest)
    return sum(weight**n * c for n, c in taken) / sum(weight**n for n, _ in taken)


def hour_index(scale: Scale, hours: Mapping[str, Sequence[float | None]]) -> HourIndex | None:
    """Index of a station's last hour: the highest of its parameters'. `hours`: hourly means, newest first.

    None where none of the parameters that the scale needs is there.
    """
    parts: dict[str, int] = {}
    for parameter, values in hours.items():
        newest = values[0] if values else None
        value = nowcast(values) if parameter in scale.nowcast else newest
        part = sub_index(scale, parameter, value) if value is not None else None
        if part is not None:
            parts[parameter] = math.floor(round(part, 6) + 0.5)
    if not parts or (scale.needs_one_of and not parts.keys() & set(scale.needs_one_of)):
        return None
    worst = max(parts, key=lambda one: parts[one])
    return HourIndex(parts[worst], worst, parts)
