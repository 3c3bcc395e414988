"""The curve of a plot tile: a pyqtgraph ViewBox with its curves, painted through its scene.

pyqtgraph gives range, mapping, clipping and the curve with open gaps; its axes and texts are not used:
ticks and words go through our text door, so that fonts and floors hold. Not a widget: the tile paints it.
"""

from __future__ import annotations

import importlib

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap

from backends.domain.times import NS_PER_S
from widgets.parts.plot_series import Numbers, Times

PROFILE_POINTS = 240
"""Steps in which words look where the line runs; finer than any letter is wide."""


def load() -> None:
    """Load pyqtgraph, which takes 0.2 s: by the GUI's thread, after the first paint and before its loop runs.

    Never in a thread beside it: pyqtgraph touches every type of Qt, PySide makes them at the first touch, and two
    threads that do so at once end in a segmentation fault (seen in one start of three on a busy machine).
    """
    importlib.import_module("pyqtgraph")


class Chart:
    """Curve and forecast in one ViewBox. Times are seconds since `base_ns`, so that doubles stay exact."""

    def __init__(self) -> None:
        # Not paid by what shows no plot, nor before the first paint (`load`).
        import pyqtgraph as pg

        self._mkpen = pg.mkPen
        self._scene = pg.GraphicsScene()
        self._box = pg.ViewBox(enableMenu=False, enableMouse=False, defaultPadding=0.0)
        self._scene.addItem(self._box)
        self._curve = pg.PlotDataItem(connect="finite", antialias=True)
        self._forecast = pg.PlotDataItem(connect="finite", antialias=True)
        for item in (self._curve, self._forecast):
            self._box.addItem(item)
        # clipToView at creation raises (pyqtgraph issue 1854): it is set afterwards.
        self._curve.setClipToView(True)
        self._x: Numbers = np.empty(0, np.float64)
        self._y: Numbers = np.empty(0, np.float64)
        self._fx: Numbers = np.empty(0, np.float64)
        self._fy: Numbers = np.empty(0, np.float64)
        self._base_ns = 0
        self._rect = QRectF()
        self._shown: object = None
        self._cache: QPixmap | None = None
        self._profile: Numbers | None = None

    def set_data(self, t_ns: Times, value: Numbers, forecast: tuple[tuple[int, float], ...]) -> None:
        """New samples (NaN = open gap) and forecast."""
        self._base_ns = int(t_ns[0]) if len(t_ns) else (forecast[0][0] if forecast else 0)
        self._x, self._y = (t_ns - self._base_ns) / NS_PER_S, value
        self._curve.setData(self._x, self._y)
        ahead = np.array(forecast, dtype=np.float64).reshape(-1, 2)
        times = np.array([t for t, _ in forecast], dtype=np.int64)
        self._fx, self._fy = (times - self._base_ns) / NS_PER_S, ahead[:, 1]
        self._forecast.setData(self._fx, self._fy)
        self._cache = self._profile = None

    def set_pens(self, color: QColor, forecast: QColor, width: float) -> None:
        self._curve.setPen(self._mkpen(color, width=width))
        dots = self._mkpen(forecast, width=width * 0.8, dash=[0.1, 2.4])
        dots.setCapStyle(Qt.PenCapStyle.RoundCap)
        self._forecast.setPen(dots)
        self._cache = self._profile = None

    def set_view(self, rect: QRectF, t0_ns: int, t1_ns: int, low: float, high: float) -> None:
        """Where it is painted (widget coordinates) and what it shows."""
        shown = (QRectF(rect), self._base_ns, t0_ns, t1_ns, low, high)
        if shown == self._shown:
            return
        self._shown = shown
        if rect != self._rect:
            self._rect = QRectF(rect)
            self._box.setGeometry(QRectF(0, 0, rect.width(), rect.height()))
        x0, x1 = (t0_ns - self._base_ns) / NS_PER_S, (t1_ns - self._base_ns) / NS_PER_S
        self._box.setRange(xRange=(x0, x1), yRange=(low, high), padding=0, disableAutoRange=True)
        self._cache = self._profile = None

    def place(self, t_ns: float, value: float) -> QPointF:
        """A sample in widget coordinates."""
        view = self._box.viewRect()
        x = self._rect.left() + ((t_ns - self._base_ns) / NS_PER_S - view.left()) / view.width() * self._rect.width()
        y = self._rect.bottom() - (value - view.top()) / view.height() * self._rect.height()
        return QPointF(x, y)

    def profile(self) -> Numbers:
        """Widget y of curve and forecast at `PROFILE_POINTS` even steps of the width; NaN in gaps and outside.

        Kept with the picture: words look for room at every paint.
        """
        if self._profile is None:
            x0, x1 = self._box.viewRect().left(), self._box.viewRect().right()
            at = np.linspace(x0, x1, PROFILE_POINTS)
            value: Numbers = np.full(PROFILE_POINTS, np.nan)
            for x, y in ((self._fx, self._fy), (self._x, self._y)):
                if len(x):
                    found = np.interp(at, x, y, left=np.nan, right=np.nan)
                    value = np.where(np.isfinite(found), found, value)
            view = self._box.viewRect()
            self._profile = self._rect.bottom() - (value - view.top()) / view.height() * self._rect.height()
        return self._profile

    def crossed(self, room: QRectF) -> float:
        """Share of a room's width in which the curve or the forecast runs through it."""
        if self._rect.width() < 1:
            return 0.0
        scale = (PROFILE_POINTS - 1) / self._rect.width()
        first = max(0, int((room.left() - self._rect.left()) * scale))
        last = max(first + 1, min(PROFILE_POINTS, int((room.right() - self._rect.left()) * scale) + 1))
        part = self.profile()[first:last]
        hits = int(np.count_nonzero((part >= room.top() - 2) & (part <= room.bottom())))
        return hits / max(1.0, room.width() * scale)

    def highest(self, t0_ns: int) -> float | None:
        """Largest number of the curve since `t0_ns`."""
        part = self._y[self._x >= (t0_ns - self._base_ns) / NS_PER_S]
        part = part[np.isfinite(part)]
        return float(part.max()) if len(part) else None

    def time_at(self, x: float) -> int:
        """The moment under a widget x."""
        seconds = self._box.mapSceneToView(QPointF(x - self._rect.left(), 0.0)).x()
        return self._base_ns + int(seconds * NS_PER_S)

    def paint(self, painter: QPainter, ratio: float) -> None:
        """The curves; cached until data, view or pens change, so that hovering costs nothing."""
        if self._rect.width() < 1 or self._rect.height() < 1:
            return
        if self._cache is None or self._cache.devicePixelRatio() != ratio:
            size = QSize(round(self._rect.width() * ratio), round(self._rect.height() * ratio))
            pixmap = QPixmap(size)
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(Qt.GlobalColor.transparent)
            inner = QPainter(pixmap)
            area = QRectF(0, 0, self._rect.width(), self._rect.height())
            self._scene.render(inner, area, area, Qt.AspectRatioMode.IgnoreAspectRatio)
            inner.end()
            self._cache = pixmap
        painter.drawPixmap(self._rect.topLeft(), self._cache)
