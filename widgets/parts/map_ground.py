"""The quiet ground of the map: areas as faint planes with their names, water the only tint, roads grey.

Drawn once into a pixmap for a size, theme, language and configuration; nothing on it moves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from backends.domain.place import Area, ConfigRecord, Point, Shape
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import local
from widgets.parts import text
from widgets.parts.map_projection import Projection
from widgets.theme import Theme
from widgets.typography import TypeScale

_NAME_PLACES = (
    (0.0, 0.0),
    (0.0, -0.2),
    (0.0, 0.2),
    (-0.2, 0.0),
    (0.2, 0.0),
    (-0.2, -0.2),
    (0.2, 0.2),
    (0.2, -0.2),
    (-0.2, 0.2),
)
"""Tried in this order, as shares of the area's size from its middle."""


def areas_in_force(config: Iterable[ConfigRecord], now_ns: int) -> list[Area]:
    """Areas whose dates hold at `now_ns` in the site's zone (names and borders are dated data)."""
    today = fmt.local_time(max(now_ns, NS_PER_S)).date().isoformat()
    return [
        x for x in config if isinstance(x, Area) and x.valid_from <= today and (not x.valid_to or today < x.valid_to)
    ]


def shapes(config: Iterable[ConfigRecord]) -> list[Shape]:
    return [x for x in config if isinstance(x, Shape)]


def _line(points: Iterable[Point], to: Projection) -> QPainterPath:
    """Through the points, bent softly: a schematic line has no corners."""
    at = [to.to_px(*p) for p in points]
    path = QPainterPath(at[0])
    for n in range(1, len(at)):
        if n == len(at) - 1:
            path.lineTo(at[n])
        else:
            middle = (at[n] + at[n + 1]) / 2
            path.quadTo(at[n], middle)
    return path


@dataclass(frozen=True)
class Ground:
    """Paints areas, roads and water. Equal = the same picture."""

    areas: tuple[Area, ...]
    lines: tuple[Shape, ...]
    to: Projection

    def paint(self, painter: QPainter, theme: Theme, scale: TypeScale) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._planes(painter, theme, scale)
        order = {"rail": 0, "road": 1, "river": 2}
        for shape in sorted(self.lines, key=lambda s: order.get(s.what, 1)):
            if len(shape.points) >= 2:
                self._shape(painter, shape, theme, scale)

    def _planes(self, painter: QPainter, theme: Theme, scale: TypeScale) -> None:
        for area in self.areas:
            plane = QColor(theme.raised)
            plane.setAlpha(150)
            painter.setBrush(plane)
            painter.setPen(QPen(self._edge(theme), max(1.0, scale.floor / 10)))
            painter.drawPolygon(QPolygonF([self.to.to_px(*p) for p in area.border]))

    def paint_called(self, painter: QPainter, area_id: str, theme: Theme, scale: TypeScale) -> None:
        """The border of one area, so that it is found; nothing where it is not in force."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.strong, max(2.0, scale.floor / 4)))
        for area in self.areas:
            if area.id == area_id:
                painter.drawPolygon(QPolygonF([self.to.to_px(*p) for p in area.border]))

    def _edge(self, theme: Theme) -> QColor:
        edge = QColor(theme.muted)
        edge.setAlpha(75)
        return edge

    def _shape(self, painter: QPainter, shape: Shape, theme: Theme, scale: TypeScale) -> None:
        water = shape.what == "river"
        color = QColor(theme.water if water else theme.muted)
        if not water:
            color.setAlpha(110 if shape.what == "road" else 70)
        pen = QPen(color, max(1.0, shape.width * scale.floor * (0.36 if water else 0.16)))
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        if shape.what == "rail":
            pen.setDashPattern([4.0, 3.0])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(pen)
        painter.drawPath(_line(shape.points, self.to))

    def names(self, room: QRectF, scale: TypeScale, taken: list[QRectF]) -> list[tuple[QRectF, str]]:
        """Where names of areas may stand: whole, inside their own borders, clear of `taken` and each other."""
        out: list[tuple[QRectF, str]] = []
        for area in self.areas:
            border = QPolygonF([self.to.to_px(*p) for p in area.border])
            words, bounds = local(area.name), border.boundingRect()
            box = QRectF(0, 0, text.width(words, scale.floor) + 2, float(scale.line(scale.floor)))
            for dx, dy in _NAME_PLACES:
                box.moveCenter(_middle(border) + QPointF(dx * bounds.width(), dy * bounds.height()))
                corners = (box.topLeft(), box.topRight(), box.bottomLeft(), box.bottomRight())
                inside = room.contains(box) and all(border.containsPoint(c, Qt.FillRule.OddEvenFill) for c in corners)
                if inside and not any(box.intersects(other) for other in (*taken, *(r for r, _ in out))):
                    out.append((QRectF(box), words))
                    break
        return out


def _middle(border: QPolygonF) -> QPointF:
    """Centroid of a polygon; of its corners where it has no surface."""
    points = [border.at(n) for n in range(border.size())]
    x = y = double_area = 0.0
    for a, b in zip(points, [*points[1:], points[0]], strict=True):
        cross = a.x() * b.y() - b.x() * a.y()
        double_area += cross
        x += (a.x() + b.x()) * cross
        y += (a.y() + b.y()) * cross
    if abs(double_area) < 1e-9:
        return border.boundingRect().center()
    return QPointF(x / (3 * double_area), y / (3 * double_area))
