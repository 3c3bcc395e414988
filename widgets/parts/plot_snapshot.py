"""From the series of a plot to the snapshot that is painted: ranges of values, limits of their time, cursor values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from backends.domain.quality import Quality, Value
from backends.domain.sensor import Sensor
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import Language, local, tr
from widgets.parts.plot_air import runs_of
from widgets.parts.plot_axes import gravest_broken, nearest, value_range
from widgets.parts.plot_limits import held, in_force
from widgets.parts.plot_lines import PlotLines, Shown, gap_ns
from widgets.parts.plot_range import Span, View, reach_of
from widgets.parts.plot_state import Line, PlotState

_FORECAST_SHARE = 0.3
"""Most of the width that the forecast may take."""


@dataclass(frozen=True)
class Asked:
    """What is to be painted."""

    view: View
    now_ns: int
    reduced: bool
    shapes: bool
    cursor_ns: int | None
    mark_ns: int | None
    word: str
    """Why the newest value cannot be trusted."""
    width: float
    reach: Span | None = None
    """Range of the lines until now: it stays while the view is within it."""
    ahead: float = 0.5
    """What it is more than a view that is moved, as a share (`plot_range.reach_of`)."""


def snapshot(lines: PlotLines, asked: Asked) -> PlotState:
    """`lines` has at least one series."""
    first = lines.shown[0]
    sensor, now_ns, view = first.sensor, asked.now_ns, asked.view
    t0_ns, t1_ns = view.ends(now_ns)
    newest = first.series.last(now_ns)
    last = newest if view.live else None
    forecast = _forecast(first, newest, asked) if view.live and not asked.shapes else ()
    ahead = [v for t, v in forecast if t > now_ns]
    end_ns = max(t1_ns, forecast[-1][0]) if ahead else t1_ns
    wide = columns_for(asked.width)
    reach = reach_of(asked.reach, (t0_ns, end_ns), wide, live=view.live, ahead=asked.ahead)
    columns = round((reach[1] - reach[0]) / max(1, end_ns - t0_ns) * wide)
    limits = tuple(held(sensor.limits, t0_ns, end_ns))
    at_last = in_force(sensor.limits, last.t_ns) if last is not None else []
    value = last.value if last is not None else None
    # A faulty or calibrating instrument raises no alarm on the quantity: no hue either.
    broken = gravest_broken(at_last, value) if not asked.word else None
    closest = nearest(at_last, value)
    one = broken or closest
    if asked.reduced:
        limits = tuple(h for h in limits if h.limit is one)
    usual = (None, None) if asked.reduced else (sensor.low, sensor.high)
    extents = {n: shown.series.extent(t0_ns, t1_ns, reach, columns) for n, shown in enumerate(lines.shown)}
    if asked.shapes:
        ranges = {n: value_range(extent, (None, None), ()) for n, extent in extents.items()}
        right = None
    else:
        left = _joined([extents[n] for n, s in enumerate(lines.shown) if s.sensor.unit == sensor.unit], ahead)
        of_left = value_range(left, usual, [h.limit for h in limits])
        others = [n for n, s in enumerate(lines.shown) if s.sensor.unit != sensor.unit]
        of_right = value_range(_joined([extents[n] for n in others], []), (None, None), ())
        ranges = {n: of_right if n in others else of_left for n in extents}
        unit = lines.shown[others[0]].sensor if others else None
        right = (*of_right, unit.unit, unit.decimals) if unit is not None else None
    return PlotState(
        unit=sensor.unit,
        decimals=sensor.decimals,
        t0_ns=t0_ns,
        t1_ns=end_ns,
        now_ns=now_ns,
        low=ranges[0][0],
        high=ranges[0][1],
        last=last,
        word=asked.word if view.live else "",
        old=last is not None and now_ns - last.t_ns > gap_ns(sensor),
        limits=limits,
        broken=broken,
        nearest=closest,
        forecast=forecast if ahead else (),
        rate_per_h=first.series.rate_per_h(max(1800.0, sensor.period_s * 3), now_ns) if view.live else None,
        forecast_at_ns=sensor.forecast_at_ns,
        flags=tuple(first.series.flags(t0_ns, t1_ns)),
        missing=lines.missing(t0_ns, t1_ns),
        gaps=_gaps(first, t0_ns, t1_ns, reach, columns),
        more=tuple(_line(n, s, ranges[n], asked, _quality(lines, s)) for n, s in enumerate(lines.shown) if n),
        right=right,
        shapes=asked.shapes,
        cursor_ns=asked.cursor_ns,
        at_cursor=_near(first, asked.cursor_ns, t0_ns, t1_ns),
        mark_ns=asked.mark_ns,
        at_mark=_near(first, asked.mark_ns, t0_ns, t1_ns),
        view_is_live=view.live,
        reaches_ns=t1_ns,
        reach=reach,
        columns=columns,
        air=None if lines.index is None else runs_of(lines.index.series, lines.index.sensor.bands, t0_ns, t1_ns),
        air_steps=0 if lines.index is None else len(lines.index.sensor.bands),
        levels=sensor.bands if not asked.shapes else (),
    )


def _forecast(first: Shown, last: Value | None, asked: Asked) -> tuple[tuple[int, float], ...]:
    """What lies ahead, joined to the newest value."""
    t0_ns = asked.view.ends(asked.now_ns)[0]
    longest_ns = int((asked.now_ns - t0_ns) * _FORECAST_SHARE / (1 - _FORECAST_SHARE))
    start_ns = last.t_ns if last is not None else asked.now_ns
    ahead = tuple(p for p in first.sensor.forecast if start_ns < p[0] <= asked.now_ns + longest_ns)
    if not ahead or last is None or last.value is None:
        return ahead
    return ((last.t_ns, last.value), *ahead)


def _near(shown: Shown, t_ns: int | None, t0_ns: int, t1_ns: int) -> Value | None:
    return shown.series.near(t_ns) if t_ns is not None and t0_ns <= t_ns <= t1_ns else None


def _joined(extents: list[tuple[float, float] | None], more: list[float]) -> tuple[float, float] | None:
    ends = [v for extent in extents if extent is not None for v in extent] + more
    return (min(ends), max(ends)) if ends else None


def _gaps(first: Shown, t0_ns: int, t1_ns: int, reach: Span, columns: int) -> tuple[Span, ...]:
    """Between two numbers with an open line between them, where that is wider than two pixels."""
    spans = first.series.holes(*reach, columns)
    shortest_ns = 2 * (reach[1] - reach[0]) / columns
    flagged = first.series.flags(t0_ns, t1_ns)
    return tuple(
        (max(a, t0_ns), min(b, t1_ns))
        for a, b in spans
        if b - a > shortest_ns and a < t1_ns and b > t0_ns and not any(a < f.t1_ns and f.t0_ns < b for f in flagged)
    )


def columns_for(width: float) -> int:
    """Columns of pixels of a view that is so wide."""
    return max(60, round(width))


def _line(n: int, shown: Shown, ends: tuple[float, float], asked: Asked, quality: Quality) -> Line:
    """`quality`: of its newest sample. An old number, or that of a faulty instrument, must not look current."""
    t0_ns, t1_ns = asked.view.ends(asked.now_ns)
    sensor = shown.sensor
    end = _last_in(shown, t0_ns, t1_ns)
    if asked.cursor_ns:
        told, words = _near(shown, asked.cursor_ns, t0_ns, t1_ns), ""
    else:
        words = _doubt(sensor, end, asked, quality)
        told = end if not words else None
    if told is not None and told.value is not None:
        words = fmt.with_unit(fmt.number(told.value, sensor.decimals), sensor.unit)
    return Line(f"{n + 1} {local(sensor.name)} {words}".rstrip(), *ends, end)


def _doubt(sensor: Sensor, end: Value | None, asked: Asked, quality: Quality) -> str:
    """Why the newest number in view is not the value at its end; empty: it is."""
    if asked.view.live and quality is not Quality.GOOD:
        return tr(f"plot.quality.{quality}")
    age_ns = asked.view.ends(asked.now_ns)[1] - end.t_ns if end is not None else 0
    if age_ns <= gap_ns(sensor):
        return ""
    return tr("plot.old", age=fmt.duration(age_ns / NS_PER_S)) if asked.view.live else tr("plot.quality.missing")


def _quality(lines: PlotLines, shown: Shown) -> Quality:
    newest = lines.session.city.value(shown.sensor.id)
    return newest.quality if newest is not None else Quality.GOOD


def _last_in(shown: Shown, t0_ns: int, t1_ns: int) -> Value | None:
    t_ns, value = shown.series.samples(t0_ns, t1_ns)
    inside = np.flatnonzero(np.isfinite(value) & (t_ns >= t0_ns) & (t_ns <= t1_ns))
    return Value(int(t_ns[inside[-1]]), float(value[inside[-1]])) if len(inside) else None


@lru_cache(maxsize=32)
def past_words(t0_ns: int, t1_ns: int, today: str, _language: Language) -> str:
    """Which past is looked at. Kept: linked plots say the same."""
    start, end = (f"{fmt.date_short(t)} {fmt.clock_minutes(t)}" for t in (t0_ns, t1_ns))
    if fmt.local_time(t0_ns).date() == fmt.local_time(t1_ns).date():
        end = fmt.clock_minutes(t1_ns)
        start = fmt.clock_minutes(t0_ns) if fmt.date_long(t0_ns) == today else start
    return tr("plot.past", start=start, end=end)
