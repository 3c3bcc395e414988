"""What cameras see, on the map: a quiet wedge each, of the few that somebody is looking at. Keeps nothing.

No hue: colour is news. An edge stands around each, so that it reads in a grey print as well; where a camera can be
turned is dashed, because it looks at a part of that only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QRegion

from backends.domain.alarm_sight import strayed
from backends.domain.camera import Camera
from backends.domain.field_of_view import angle_of, moves, range_of
from backends.domain.place import M_PER_DEGREE
from widgets.parts.map_projection import Projection
from widgets.theme import Theme
from widgets.typography import TypeScale

_LEAST_EM = 1.5
"""Radius, in sizes of the smallest text: on the map of a whole city 100 m would be a dot, and which way it looks is
what counts there."""


@dataclass(frozen=True)
class Wedge:
    """Of one camera, in pixels."""

    at: QPointF
    from_deg: float
    """Clockwise from north."""
    width_deg: float
    radius: float
    turns: bool

    @property
    def room(self) -> QRectF:
        """All that it may paint on."""
        reach = self.radius + 2
        return QRectF(self.at.x() - reach, self.at.y() - reach, 2 * reach, 2 * reach)


def wedges(cameras: Iterable[Camera], to: Projection, scale: TypeScale) -> list[Wedge]:
    """Of those whose view is known; of a camera that turns, what it can be turned to."""
    out = []
    for camera in cameras:
        if camera.lon is None or camera.lat is None or not camera.enabled:
            continue
        radius = max(scale.floor * _LEAST_EM, range_of(camera) * to.px_per_deg_lat / M_PER_DEGREE)
        at, angle = to.to_px(camera.lon, camera.lat), angle_of(camera)
        if angle >= 360.0:
            out.append(Wedge(at, 0.0, 360.0, radius, False))
        elif moves(camera):
            if camera.reach is not None:
                out.append(Wedge(at, camera.reach.from_deg, min(360.0, camera.reach.width_deg), radius, True))
        elif camera.bearing_deg is not None and not strayed(camera):
            out.append(Wedge(at, camera.bearing_deg - angle / 2, angle, radius, False))
    return out


def paint(painter: QPainter, shown: Iterable[Wedge], theme: Theme, scale: TypeScale, exposed: QRegion) -> None:
    """Those within `exposed`."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    fill, edge = QColor(theme.strong), QColor(theme.strong)
    fill.setAlpha(30)
    edge.setAlpha(150)
    thick = max(1.0, scale.floor / 12)
    for wedge in shown:
        if not exposed.intersects(wedge.room.toAlignedRect()):
            continue
        pen = QPen(edge, thick)
        if wedge.turns:
            pen.setDashPattern([3.0, 3.0])
        painter.setPen(pen)
        painter.setBrush(fill)
        box = wedge.room.adjusted(2, 2, -2, -2)
        if wedge.width_deg >= 360.0:
            painter.drawEllipse(box)
        else:
            # Qt counts sixteenths of a degree from the east, the other way round.
            start = 90.0 - wedge.from_deg - wedge.width_deg
            painter.drawPie(box, round(start % 360.0 * 16), round(wedge.width_deg * 16))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.strong)
        painter.drawEllipse(wedge.at, thick * 1.8, thick * 1.8)
