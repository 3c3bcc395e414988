"""The lines of a plot: from samples to pixels, kept until data, view or pens change.

Where there are more samples than pixels, a line is the filled band from the least to the greatest of each column:
nothing between two pixels is lost, and it costs a fraction of stroking the same samples. The dotted path is built by
pyqtgraph; its ViewBox is not used: through it a frame of sixteen plots of 86,400 points cost 13 times as much CPU (834
against 64 ms, one busy machine, November 2026). Not a widget: the tile paints it.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from backends.domain.times import NS_PER_S
from widgets.parts.plot_range import Span
from widgets.parts.plot_series import Numbers, Times, columns_of

PROFILE_POINTS = 240
"""Steps in which words look where the line runs; finer than any letter is wide."""
DASHES: tuple[tuple[int, ...], ...] = (
    (), (12, 5), (5, 3), (18, 4, 4, 4), (9, 9), (30, 5), (14, 3, 3, 3, 3, 3), (3, 5),
)  # fmt: skip
"""Pixels drawn and left out, in turn: what tells up to eight lines apart without a colour."""


def load() -> None:
    """Load pyqtgraph, which takes 0.2 s: by the GUI's thread, after the first paint and before its loop runs.

    Never in a thread beside it: pyqtgraph touches every type of Qt, PySide makes them at the first touch, and two
    threads that do so at once end in a segmentation fault (seen in one start of three on a busy machine).
    """
    importlib.import_module("pyqtgraph")


@dataclass(frozen=True, eq=False)
class Curve:
    """One line. Its range of values is its own, so that lines of two units share a plot."""

    t_ns: Times
    value: Numbers
    """NaN = open."""
    low: float
    high: float
    color: QColor
    width: float
    dash: int = 0
    """Which of `DASHES`."""
    dots: bool = False
    """A forecast: round dots."""


class Canvas:
    """A picture whose pixels numpy writes, and what is needed to write them: kept, because fresh memory of this size
    costs more than the drawing. GUI thread."""

    def __init__(self, columns: int, rows: int, ratio: float) -> None:
        self.of = columns, rows, ratio
        self.pixels = np.zeros((rows, columns), np.uint32)
        self.image = QImage(self.pixels.data, columns, rows, columns * 4, QImage.Format.Format_ARGB32_Premultiplied)
        self.image.setDevicePixelRatio(ratio)
        self.mask, self.other = _masks(rows, columns)
        self.row = np.arange(rows, dtype=np.int16)[:, None]
        self.used = 0, 0
        """First row that something is drawn in, and the one after the last: others need not be touched."""

    def clear(self) -> None:
        self.pixels[slice(*self.used)] = 0
        self.used = 0, 0

    def use(self, first: int, last: int) -> None:
        """Something is drawn in these rows."""
        if self.used[0] < self.used[1]:
            first, last = min(first, self.used[0]), max(last, self.used[1])
        self.used = max(0, first), min(self.of[1], last)


@lru_cache(maxsize=4)
def _masks(rows: int, columns: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Scratch that all plots of one size share."""
    return np.empty((rows, columns), np.bool_), np.empty((rows, columns), np.bool_)


class Chart:
    """All lines of one plot over one rectangle and one range of time."""

    def __init__(self) -> None:
        # Not paid by what shows no plot, nor before the first paint (`load`).
        import pyqtgraph as pg

        self._path = pg.arrayToQPath
        self.curves: tuple[Curve, ...] = ()
        self._rect = QRectF()
        self._t0_ns, self._t1_ns = 0, 1
        self._reach: Span = (0, 1)
        self._canvas: Canvas | None = None
        self._drawn = False
        self._profile: Numbers | None = None

    def set_curves(self, curves: tuple[Curve, ...]) -> None:
        """The most important line first."""
        self.curves = curves
        self._drawn, self._profile = False, None

    def set_view(self, rect: QRectF, t0_ns: int, t1_ns: int, reach: Span | None = None) -> None:
        """Where it is painted (widget coordinates), and which time. `reach`: the range that the curves are of, which
        holds the view: as long as only the view moves in it nothing is drawn anew."""
        t1_ns, reach = max(t1_ns, t0_ns + 1), reach or (t0_ns, t1_ns)
        if (rect, t0_ns, t1_ns, reach) == (self._rect, self._t0_ns, self._t1_ns, self._reach):
            return
        moved = (rect, t1_ns - t0_ns, reach) == (self._rect, self._t1_ns - self._t0_ns, self._reach)
        self._rect, self._t0_ns, self._t1_ns, self._reach = QRectF(rect), t0_ns, t1_ns, reach
        self._drawn, self._profile = self._drawn and moved, None

    # -- places ------------------------------------------------------------------------------------------

    def x(self, t_ns: float) -> float:
        return self._rect.left() + (t_ns - self._t0_ns) / (self._t1_ns - self._t0_ns) * self._rect.width()

    def y(self, value: float, low: float, high: float) -> float:
        return self._rect.bottom() - (value - low) / (high - low) * self._rect.height()

    def place(self, t_ns: float, value: float, low: float, high: float) -> QPointF:
        """A sample in widget coordinates."""
        return QPointF(self.x(t_ns), self.y(value, low, high))

    def time_at(self, x: float) -> int:
        """The moment under a widget x."""
        share = (x - self._rect.left()) / max(1.0, self._rect.width())
        return self._t0_ns + int(share * (self._t1_ns - self._t0_ns))

    def profile(self) -> Numbers:
        """Widget y of the first line and its forecast at `PROFILE_POINTS` even steps of the width; NaN where none is.

        Kept with the picture: words look for room at every paint.
        """
        if self._profile is None:
            at = np.linspace(0.0, (self._t1_ns - self._t0_ns) / NS_PER_S, PROFILE_POINTS)
            found: Numbers = np.full(PROFILE_POINTS, np.nan)
            for curve in self.curves:
                if curve.dots or curve is self.curves[0]:
                    x = (curve.t_ns - self._t0_ns) / NS_PER_S
                    value = np.interp(at, x, curve.value, left=np.nan, right=np.nan) if len(x) else at * np.nan
                    y = self._rect.bottom() - (value - curve.low) / (curve.high - curve.low) * self._rect.height()
                    found = np.where(np.isfinite(y), y, found)
            self._profile = found
        return self._profile

    def crossed(self, room: QRectF) -> float:
        """Share of a room's width in which the line or the forecast runs through it."""
        if self._rect.width() < 1:
            return 0.0
        scale = (PROFILE_POINTS - 1) / self._rect.width()
        first = max(0, int((room.left() - self._rect.left()) * scale))
        last = max(first + 1, min(PROFILE_POINTS, int((room.right() - self._rect.left()) * scale) + 1))
        part = self.profile()[first:last]
        hits = int(np.count_nonzero((part >= room.top() - 2) & (part <= room.bottom())))
        return hits / max(1.0, room.width() * scale)

    # -- painting ----------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, ratio: float) -> None:
        """The lines: the part in view of a picture of their whole reach, whose columns stand at multiples of a pixel's
        time and so are the same from wherever the view came."""
        rect = self._rect
        if rect.width() < 1 or rect.height() < 1:
            return
        shown, rows = round(rect.width() * ratio), round(rect.height() * ratio)
        grid_ns = (self._t1_ns - self._t0_ns) / shown
        start = int(self._reach[0] // grid_ns)
        columns = max(shown, math.ceil((self._reach[1] - self._reach[0]) / grid_ns) + 1)
        if self._canvas is None or self._canvas.of != (columns, rows, ratio):
            self._canvas, self._drawn = Canvas(columns, rows, ratio), False
        if not self._drawn:
            self._canvas.clear()
            drawn = int(start * grid_ns), int((start + columns) * grid_ns)
            for curve in reversed(self.curves):
                self._draw(self._canvas, curve, ratio, drawn)
            self._drawn = True
        first, last = self._canvas.used
        if last > first:
            left = min(columns - shown, max(0, round(self._t0_ns / grid_ns) - start))
            target = QRectF(rect.left(), rect.top() + first / ratio, shown / ratio, (last - first) / ratio)
            painter.drawImage(target, self._canvas.image, QRectF(left, first, shown, last - first))

    def _draw(self, canvas: Canvas, curve: Curve, ratio: float, drawn: Span) -> None:
        if not len(curve.t_ns):
            return
        columns, rows, _ = canvas.of
        (t0_ns, t1_ns), height = drawn, self._rect.height()
        if curve.dots or (not curve.dash and len(curve.t_ns) <= columns / ratio):
            x = (curve.t_ns - t0_ns) / (t1_ns - t0_ns) * columns / ratio
            y = height - (curve.value - curve.low) / (curve.high - curve.low) * height
            canvas.use(0, canvas.of[1])
            painter = QPainter(canvas.image)
            try:
                self._stroke(painter, curve, x, y)
            finally:
                painter.end()
            return
        found = columns_of(curve.t_ns, curve.value, t0_ns, t1_ns, columns)
        scale = rows / (curve.high - curve.low)
        x = found.t_ns / ((t1_ns - t0_ns) / NS_PER_S) * columns
        top, bottom = (rows - (value - curve.low) * scale for value in (found.greatest, found.least))
        draw_band(canvas, *filled(x, top, bottom, columns), curve)

    def _stroke(self, painter: QPainter, curve: Curve, x: Numbers, y: Numbers) -> None:
        pen = QPen(curve.color, curve.width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        if curve.dots:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            pen.setDashPattern([0.1, 2.4])
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(self._path(x, y, connect="finite"))
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen)
        xs, ys = x.tolist(), y.tolist()
        lines = []
        for first, last in _runs(np.isfinite(y)):
            if last - first == 1:
                painter.drawPoint(QPointF(xs[first], ys[first]))
            lines += [QLineF(xs[n], ys[n], xs[n + 1], ys[n + 1]) for n in range(first, last - 1)]
        painter.drawLines(lines)


def _runs(finite: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[tuple[int, int]]:
    """First and one past the last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], finite, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def filled(x: Numbers, top: Numbers, bottom: Numbers, columns: int) -> tuple[Numbers, Numbers]:
    """Upper and lower end of the line in each column of pixels, NaN where it is open.

    A column without a sample of its own is on the straight line between its neighbours, unless that is open; where two
    columns do not touch, both reach to the middle between them.
    """
    at = np.arange(columns) + 0.5
    known = np.isfinite(top)
    highs, lows = (np.full(columns, np.nan) for _ in range(2))
    if not known.any():
        return highs, lows
    inside = np.interp(at, x, (~known).astype(np.float64), left=1.0, right=1.0) == 0.0
    highs[inside] = np.interp(at[inside], x[known], top[known])
    lows[inside] = np.interp(at[inside], x[known], bottom[known])
    own = np.floor(x).astype(np.intp)
    shown = known & (own >= 0) & (own < columns)
    highs[own[shown]], lows[own[shown]] = top[shown], bottom[shown]
    down = np.flatnonzero(highs[1:] > lows[:-1])
    up = np.flatnonzero(lows[1:] < highs[:-1])
    middle = (highs[down + 1] + lows[down]) / 2
    lows[down], highs[down + 1] = middle, middle
    middle = (lows[up + 1] + highs[up]) / 2
    highs[up], lows[up + 1] = middle, middle
    return highs, lows


def draw_band(canvas: Canvas, top: Numbers, bottom: Numbers, curve: Curve) -> None:
    """The band into the canvas, its upper and lower edge smoothed, with the pattern of its dash.

    Computed, not stroked: a fifth of the time that the painter takes for the same band.
    """
    _, rows, ratio = canvas.of
    columns = len(top)
    thick = curve.width * ratio
    slope = np.gradient((top + bottom) / 2) if columns > 1 else np.zeros(columns)
    # A steep line is as thick as a flat one.
    half = np.fmax(thick / 2, (thick * np.sqrt(1.0 + np.minimum(slope * slope, 16.0)) - (bottom - top)) / 2)
    top, bottom = top - half, bottom + half
    if curve.dash:
        pattern = np.concatenate([np.full(round(n * ratio), k % 2 == 0) for k, n in enumerate(DASHES[curve.dash])])
        bottom = np.where(pattern[np.arange(columns) % len(pattern)], bottom, np.nan)
    seen = np.isfinite(top) & np.isfinite(bottom)
    if not seen.any():
        return
    top = np.clip(np.where(seen, top, -9.0), -9.0, rows + 9.0)
    bottom = np.clip(np.where(seen, bottom, -9.0), -9.0, rows + 9.0)
    # Whole pixels between the edges, then the two that each edge covers in part.
    first, last = np.ceil(top).astype(np.int16), np.floor(bottom).astype(np.int16)
    shades = _shades(curve.color.rgb())
    upper, lower = max(0, int(first[seen].min())), max(0, int(last[seen].max()))
    fresh = canvas.used[0] == canvas.used[1]
    canvas.use(upper - 1, lower + 1)
    used = slice(upper, lower)
    row, mask, other = canvas.row[used], canvas.mask[used], canvas.other[used]
    np.greater_equal(row, first, out=mask)
    np.less(row, last, out=other)
    np.logical_and(mask, other, out=mask)
    if fresh:
        np.multiply(mask, shades[255], out=canvas.pixels[used])
    else:
        np.copyto(canvas.pixels[used], shades[255], where=mask)
    column = np.arange(columns)
    for at, share in ((first - 1, np.minimum(first, bottom) - top), (last, bottom - np.maximum(last, top))):
        part = seen & (at >= 0) & (at < rows) & (share > 0.0) & ((at < first) | (at >= last))
        cover = (np.minimum(share[part], 1.0) * 255.0).astype(np.intp)
        place = at[part], column[part]
        canvas.pixels[place] = np.maximum(canvas.pixels[place], shades[cover])


@lru_cache(maxsize=16)
def _shades(rgb: int) -> npt.NDArray[np.uint32]:
    """A colour at each of 256 coverages, premultiplied."""
    cover = np.arange(256, dtype=np.uint32)
    red, green, blue = ((rgb >> shift & 255) * cover // 255 for shift in (16, 8, 0))
    return (cover << 24 | red << 16 | green << 8 | blue).astype(np.uint32)
