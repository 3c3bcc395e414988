"""The air index on a plot: a strip of its hours above the line of what it follows from, and the steps of its scale on a
plot of the index itself. As the hub has told it; nothing is worked out here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from backends.domain.sensor import Band, Sensor, band_of
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.models.air import CALM_STEPS, LATE_S, PARAMETER, Air
from widgets.parts import text
from widgets.parts.air_badge import badge_colours
from widgets.parts.plot_chart import Chart
from widgets.parts.plot_labels import Placer
from widgets.parts.plot_series import PlotSeries
from widgets.parts.shapes import draw_hatch
from widgets.theme import Theme
from widgets.typography import TypeScale, Weight

HOUR_NS = 3600 * NS_PER_S


@dataclass(frozen=True)
class AirRun:
    """Hours of one step, one after the other."""

    t0_ns: int
    t1_ns: int
    step: int
    """From 1."""
    band: Band
    most: float
    """The highest index in it."""
    last: float
    """That of its last hour."""


def index_for(sensor: Sensor, sensors: Iterable[Sensor]) -> Sensor | None:
    """The index that follows from this sensor; None: none does."""
    return next((one for one in sensors if one.parameter == PARAMETER and sensor.id in one.derived), None)


def runs_of(series: PlotSeries, bands: tuple[Band, ...], t0_ns: int, t1_ns: int) -> tuple[AirRun, ...]:
    """Of the hours that touch a range. A sample is of the hour that ends with it."""
    if not bands:
        return ()
    found: list[AirRun] = []
    times, values = series.samples(t0_ns, t1_ns + HOUR_NS)
    there = np.isfinite(values)
    for t_ns, value in zip(times[there].tolist(), values[there].tolist(), strict=True):
        if t_ns <= t0_ns or t_ns - HOUR_NS >= t1_ns:
            continue
        band = band_of(bands, value)
        run = AirRun(t_ns - HOUR_NS, t_ns, bands.index(band) + 1, band, value, value)
        last = found[-1] if found else None
        if last is not None and last.step == run.step and run.t0_ns <= last.t1_ns:
            found[-1] = replace(last, t1_ns=run.t1_ns, most=max(last.most, value), last=value)
        else:
            found.append(run)
    return tuple(found)


@dataclass(frozen=True)
class AirStrip:
    """Of one paint. The newest piece alone has the colour of its step, while it is of now, and says the index of now;
    what was before is grey, the worse the stronger. Pieces too narrow for a number are bars, the worse the higher."""

    painter: QPainter
    scale: TypeScale
    theme: Theme
    chart: Chart

    def paint(self, room: QRectF, runs: Sequence[AirRun], now_ns: int, steps: int, *, live: bool) -> None:
        """`room`: over the plot, as wide as it; `steps`: of the scale; `live`: the plot shows now."""
        em, painter = self.scale.floor, self.painter
        told_ns = runs[-1].t1_ns if runs else 0
        late = now_ns - told_ns > LATE_S * NS_PER_S
        painter.fillRect(QRectF(room.left(), room.bottom(), room.width(), 1), self.theme.line)
        for run in runs:
            left, right = max(room.left(), self.chart.x(run.t0_ns)), min(room.right(), self.chart.x(run.t1_ns))
            if right > left:
                is_now = live and not late and run is runs[-1]
                self._run(QRectF(left, room.top(), max(1.0, right - left), room.height()), run, steps, is_now=is_now)
        if told_ns and late and live:
            left, right = max(room.left(), self.chart.x(told_ns)), min(room.right(), self.chart.x(now_ns))
            gap = QRectF(left, room.top(), max(0.0, right - left), room.height())
            draw_hatch(painter, gap, self.theme.muted, em * 0.8)

    def _run(self, room: QRectF, run: AirRun, steps: int, *, is_now: bool) -> None:
        painter, em = self.painter, self.scale.floor
        number = fmt.number(run.last if is_now else run.most)
        sayings = (f"{local(run.band.name)} {number}", number)
        inner = room.width() - em * 0.5
        words = next((one for one in sayings if text.width(one, em, Weight.SEMIBOLD) <= inner), "")
        ground, ink, edge = badge_colours(Air("", run.most, run.band, run.step, run.t1_ns), self.theme, quiet=True)
        if not is_now:
            ground, ink, edge = QColor(self.theme.muted), self.theme.text, self.theme.muted
            ground.setAlpha(min(150, 30 * max(0, run.step - CALM_STEPS)))
        if not words:
            high = room.height() * min(1.0, run.step / max(1, steps))
            painter.fillRect(QRectF(room.left(), room.bottom() - high, max(1.0, room.width() - 0.5), high), edge)
            return
        painter.fillRect(room, ground)
        painter.setPen(QPen(edge, max(1.0, em * 0.04 * run.step)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(room.adjusted(0.5, 0.5, -0.5, -0.5))
        centre = Qt.AlignmentFlag.AlignHCenter
        text.draw(painter, room, words, em, ink, Weight.SEMIBOLD, align=centre, elide=False)


@dataclass(frozen=True)
class AirLevels:
    """The steps of an index on its own plot: a line above each, and its word in it where the curve leaves room."""

    painter: QPainter
    scale: TypeScale
    theme: Theme
    plot: QRectF

    def paint(
        self,
        bands: tuple[Band, ...],
        ys: list[float],
        known: set[float],
        placer: Placer,
        cost: Callable[[QRectF], float],
    ) -> None:
        """`ys`: of their upper ends; `known`: ends that are limits, which have lines of their own."""
        em, line, plot, painter = self.scale.floor, self.scale.line(self.scale.floor), self.plot, self.painter
        pen = QPen(self.theme.muted, max(1.0, em / 16))
        pen.setDashPattern([1.0, 3.0])
        for band, top, bottom in _within(bands, ys, plot):
            if band.to not in known and top > plot.top():
                painter.setPen(pen)
                painter.drawLine(QPointF(plot.left(), top), QPointF(plot.right(), top))
            words = local(band.name)
            wide = text.width(words, em) + 1
            if bottom - top < line or wide > plot.width() / 2:
                continue
            y, steps = (top + bottom - line) / 2, (plot.width() - wide - em) / 8
            rooms = (QRectF(plot.left() + em / 2 + n * steps, y, wide, line) for n in range(9))
            room = placer.place(rooms, cost)
            if room is not None:
                ground = QColor(self.theme.tile)
                ground.setAlpha(190)
                painter.fillRect(room.adjusted(-2, 0, 2, 0), ground)
                text.draw(painter, room, words, em, self.theme.muted)


def _within(bands: tuple[Band, ...], ys: list[float], plot: QRectF) -> Iterator[tuple[Band, float, float]]:
    """(band, its upper and its lower edge in the plot), of those that are seen."""
    for band, (below, above) in zip(bands, pairwise([plot.bottom(), *ys]), strict=True):
        top, bottom = max(plot.top(), above), min(plot.bottom(), below)
        if bottom > top:
            yield band, top, bottom


def strip_name() -> str:
    """Beside the strip."""
    return tr("air.strip")
