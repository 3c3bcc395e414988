"""Water: the tide at Cửa Việt, the Hiếu at Đông Hà, rain, water on the roads. Pure functions of time.

Times are UTC seconds. The flood of October 2020 runs exactly through the documented points of
data/hydro.toml (`doc = true`); between them a monotone curve (Fritsch–Carlson) is a plausible invention.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import math
from collections.abc import Callable

from backends.city.tables import local_ns, table
from backends.domain.times import NS_PER_S


class MonotoneCurve:
    """A smooth curve through points (x rising) that never overshoots between two of them.

    F. N. Fritsch and R. E. Carlson, Monotone Piecewise Cubic Interpolation (1980). Constant outside.
    """

    def __init__(self, points: list[tuple[float, float]]) -> None:
        self._x = [p[0] for p in points]
        self._y = [p[1] for p in points]
        steps = list(itertools.pairwise(points))
        slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in steps]
        inner = [0.0 if s * t <= 0 else 2 * s * t / (s + t) for s, t in itertools.pairwise(slopes)]
        self._m = [slopes[0], *inner, slopes[-1]]

    def __call__(self, x: float) -> float:
        xs, ys = self._x, self._y
        if x <= xs[0]:
            return ys[0]
        if x >= xs[-1]:
            return ys[-1]
        i = bisect.bisect_right(xs, x) - 1
        h = xs[i + 1] - xs[i]
        t = (x - xs[i]) / h
        s = 1.0 - t
        return (
            (1 + 2 * t) * s * s * ys[i]
            + t * s * s * h * self._m[i]
            + t * t * (3 - 2 * t) * ys[i + 1]
            - t * t * s * h * self._m[i + 1]
        )


@functools.cache
def _tide_terms() -> tuple[tuple[float, float, float], ...]:
    return tuple(
        (row["amplitude_m"], 2 * math.pi / (row["period_h"] * 3600.0), math.radians(row["phase_deg"]))
        for row in table("hydro")["tide"]
    )


def tide_m(t_s: float) -> float:
    """Level at Cửa Việt over the mean, metres, from four harmonic constituents."""
    return 0.12 + math.fsum(a * math.cos(w * t_s - p) for a, w, p in _tide_terms())


def calm_level_m(t_s: float) -> float:
    """The Hiếu at Đông Hà on calm days: low, with the tide of an hour and a half before."""
    slow = 0.06 * math.sin(t_s / 61_000.0) + 0.03 * math.sin(t_s / 17_300.0)
    return 0.74 + 0.45 * tide_m(t_s - 5400.0) + slow


@functools.cache
def _flood_curve() -> MonotoneCurve:
    return MonotoneCurve([(local_ns(r["at"]) / NS_PER_S, r["level"]) for r in table("hydro")["flood_2020"]])


def flood_level_m(t_s: float) -> float:
    """The Hiếu at Đông Hà in October 2020, metres."""
    return _flood_curve()(t_s)


@functools.cache
def _flood_rain() -> tuple[list[float], list[float]]:
    rows = table("hydro")["rain_2020"]
    return [local_ns(r["at"]) / NS_PER_S for r in rows], [float(r["mm"]) for r in rows]


def flood_rain_mm(t_s: float) -> float:
    """Rain of the last hour at the town's centre in October 2020, mm."""
    xs, ys = _flood_rain()
    if t_s <= xs[0] or t_s >= xs[-1]:
        return 0.0 if t_s >= xs[-1] else ys[0]
    i = bisect.bisect_right(xs, t_s) - 1
    share = (t_s - xs[i]) / (xs[i + 1] - xs[i])
    gusts = 1.0 + 0.18 * math.sin(t_s / 900.0) + 0.1 * math.sin(t_s / 410.0)
    return max(0.0, (ys[i] + (ys[i + 1] - ys[i]) * share) * gusts)


def calm_rain_mm(t_s: float) -> float:
    """A calm day is dry."""
    return 0.0


def rain_24h_mm(rain_1h: Callable[[float], float], t_s: float) -> float:
    """Sum of the last 24 full hours."""
    return math.fsum(rain_1h(t_s - 3600.0 * h) for h in range(24))


def road_depth_cm(level_m: float, rain_mm: float, bank_m: float) -> float:
    """Water on a road whose lowest point goes under at `bank_m` of the gauge, and that drains 30 mm/h."""
    return max(0.0, (level_m - bank_m) * 62.0) + max(0.0, rain_mm - 30.0) * 0.5


def discharge_m3s(level_m: float) -> float:
    """A plausible rating curve: about 60 m³/s at 0.8 m, 2,000 at 5.4 m."""
    return float(75.0 * max(0.05, level_m) ** 1.95)
