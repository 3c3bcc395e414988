"""The lines of a plot: from samples to pixels, kept until data, view or pens change.

Where there are more samples than pixels, a line is the filled band from the least to the greatest of each column:
nothing between two pixels is lost, and it costs a tenth of stroking the same samples. Paths are built by pyqtgraph;
its ViewBox is not used: through it a frame of sixteen plots of 86,400 points cost 13 times as much CPU (834 against
64 ms, one busy machine, November 2026). Not a widget: the tile paints it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap

from backends.domain.times import NS_PER_S
from widgets.parts.plot_series import Columns, Numbers, Times, columns_of

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


class Chart:
    """All lines of one plot over one rectangle and one range of time."""

    def __init__(self) -> None:
        # Not paid by what shows no plot, nor before the first paint (`load`).
        import pyqtgraph as pg

        self._path = pg.arrayToQPath
        self.curves: tuple[Curve, ...] = ()
        self._rect = QRectF()
        self._t0_ns, self._t1_ns = 0, 1
        self._cache: QPixmap | None = None
        self._fast = False
        self._profile: Numbers | None = None

    def set_curves(self, curves: tuple[Curve, ...]) -> None:
        """The most important line first."""
        self.curves = curves
        self._cache = self._profile = None

    def set_view(self, rect: QRectF, t0_ns: int, t1_ns: int) -> None:
        """Where it is painted (widget coordinates), and which time."""
        if (rect, t0_ns, t1_ns) == (self._rect, self._t0_ns, self._t1_ns):
            return
        self._rect, self._t0_ns, self._t1_ns = QRectF(rect), t0_ns, max(t1_ns, t0_ns + 1)
        self._cache = self._profile = None

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

    def paint(self, painter: QPainter, ratio: float, *, fast: bool = False) -> None:
        """The lines. `fast`: while the view moves, edges are not smoothed."""
        rect = self._rect
        if rect.width() < 1 or rect.height() < 1:
            return
        if self._cache is None or self._cache.devicePixelRatio() != ratio or (self._fast and not fast):
            pixmap = QPixmap(QSize(round(rect.width() * ratio), round(rect.height() * ratio)))
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(Qt.GlobalColor.transparent)
            inner = QPainter(pixmap)
            try:
                inner.setRenderHint(QPainter.RenderHint.Antialiasing, not fast)
                for curve in reversed(self.curves):
                    self._draw(inner, curve, ratio)
            finally:
                inner.end()
            self._cache, self._fast = pixmap, fast
        painter.drawPixmap(rect.topLeft(), self._cache)

    def _draw(self, painter: QPainter, curve: Curve, ratio: float) -> None:
        if not len(curve.t_ns):
            return
        width, height = self._rect.width(), self._rect.height()
        scale = height / (curve.high - curve.low)
        if curve.dots or (not curve.dash and len(curve.t_ns) <= width):
            x = (curve.t_ns - self._t0_ns) / (self._t1_ns - self._t0_ns) * width
            self._stroke(painter, curve, x, height - (curve.value - curve.low) * scale)
            return
        columns = max(1, round(width * ratio))
        found = columns_of(curve.t_ns, curve.value, self._t0_ns, self._t1_ns, columns)
        seconds = (self._t1_ns - self._t0_ns) / NS_PER_S
        x = found.t_ns / seconds * width
        if curve.dash:
            x, found = _dashed(x, found, DASHES[curve.dash % len(DASHES)], width)
        half = _half_thick((found.greatest + found.least) * scale / 2, (found.greatest - found.least) * scale, x, curve)
        top = height - (found.greatest - curve.low) * scale - half
        bottom = height - (found.least - curve.low) * scale + half
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(curve.color)
        for first, last in _runs(np.isfinite(top)):
            if last - first == 1:
                left = x[first] - curve.width / 2
                painter.drawRect(QRectF(left, top[first], curve.width, bottom[first] - top[first]))
                continue
            part = slice(first, last)
            outline_x = np.concatenate([x[part], x[part][::-1]])
            outline_y = np.concatenate([top[part], bottom[part][::-1]])
            painter.drawPath(self._path(outline_x, outline_y, connect="all"))

    def _stroke(self, painter: QPainter, curve: Curve, x: Numbers, y: Numbers) -> None:
        pen = QPen(curve.color, curve.width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        if curve.dots:
            pen.setDashPattern([0.1, 2.4])
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(self._path(x, y, connect="finite"))
            return
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


def _half_thick(middle: Numbers, span: Numbers, x: Numbers, curve: Curve) -> Numbers:
    """Half of what a band gets beyond its values, so that a steep line is as thick as a flat one."""
    half: Numbers = np.full(len(x), curve.width / 2)
    if len(x) > 2:
        with np.errstate(invalid="ignore", divide="ignore"):
            slope = np.gradient(middle, x)
            whole = curve.width * np.sqrt(1.0 + np.minimum(slope * slope, 100.0))
        half = np.fmax(half, (whole - span) / 2)
    return half


def _dashed(x: Numbers, found: Columns, pattern: tuple[int, ...], width: float) -> tuple[Numbers, Columns]:
    """One band a pixel, open where the pattern leaves pixels out."""
    at = np.arange(0.0, max(1.0, width))
    shown = np.concatenate([np.full(n, k % 2 == 0) for k, n in enumerate(pattern)])
    keep = shown[np.arange(len(at)) % len(shown)]
    least, greatest = (np.full(len(at), np.nan) for _ in range(2))
    for first, last in _runs(np.isfinite(found.least)):
        part = slice(first, last)
        inside = (at >= x[first] - 0.5) & (at <= x[last - 1] + 0.5) & keep
        least[inside] = np.interp(at[inside], x[part], found.least[part])
        greatest[inside] = np.interp(at[inside], x[part], found.greatest[part])
    return at, Columns(at, least, greatest)
