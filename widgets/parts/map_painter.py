"""Paints what stands on the map: dots, diamonds, alarm symbols, counts. Keeps nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from backends.domain.alarm import Priority
from widgets.parts import text
from widgets.parts.air_badge import draw_badge
from widgets.parts.map_things import Cluster, Thing, What
from widgets.parts.symbols import draw_symbol
from widgets.theme import Theme
from widgets.typography import TypeScale, Weight


@dataclass(frozen=True)
class MapSizes:
    """Sides of the squares that symbols take, from the type and the size of the map."""

    em: float
    unit: float
    dot: float = 2.5
    """Radius of a camera."""

    @classmethod
    def of(cls, body: QRectF, scale: TypeScale) -> MapSizes:
        em = float(scale.floor)
        unit = min(max(min(body.width(), body.height()) * 0.12, em * 2.6), em * (3.4 if scale.wall else 4.2))
        # A small map of 500 dots stays a map only when the dots shrink with it; they are no text.
        return cls(em, unit, max(1.5, min(em * 0.19, min(body.width(), body.height()) * 0.0065)))

    def of_thing(self, thing: Thing) -> float:
        """Urgent largest; acknowledged ones smaller than those that still ask for somebody. Of an air badge its
        width."""
        if thing.what is What.AIR:
            return self.em * 2.8
        if thing.what is not What.ALARM:
            return min(self.em * 1.7, self.unit * 0.52) if thing.bad else min(self.em * 1.2, self.unit * 0.34)
        if thing.priority is Priority.URGENT:
            return self.unit * (1.3 if thing.filled else 1.1)
        return self.unit * (1.0 if thing.filled else 0.85)

    def box(self, thing: Thing) -> QRectF:
        """All that its symbol takes."""
        wide = self.of_thing(thing)
        high = self.em * 1.5 if thing.what is What.AIR else wide
        return QRectF(thing.at.x() - wide / 2, thing.at.y() - high / 2, wide, high)


@dataclass(frozen=True)
class MapPainter:
    """One paint of one moment."""

    painter: QPainter
    scale: TypeScale
    theme: Theme
    sizes: MapSizes

    def dots(self, things: Iterable[Thing]) -> None:
        """Cameras and stations that are no news; dead cameras hollow and crossed."""
        calm = QColor(self.theme.muted)
        calm.setAlpha(170)
        faint = QColor(self.theme.muted)
        faint.setAlpha(110)
        painter, r = self.painter, self.sizes.dot
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for thing in sorted(things, key=lambda t: -t.rank):
            if thing.bad:
                self._dead(thing.at, r * 1.5)
                continue
            painter.setPen(Qt.PenStyle.NoPen)
            camera = thing.what is What.CAMERA
            painter.setBrush(calm if camera else faint)
            painter.drawEllipse(thing.at, r if camera else r * 0.75, r if camera else r * 0.75)

    def _dead(self, at: QPointF, r: float) -> None:
        painter = self.painter
        painter.setPen(QPen(self.theme.text, max(1.2, r * 0.28)))
        painter.setBrush(self.theme.tile)
        painter.drawEllipse(at, r, r)
        d = r * 0.5
        painter.drawLine(at + QPointF(-d, -d), at + QPointF(d, d))
        painter.drawLine(at + QPointF(-d, d), at + QPointF(d, -d))

    def symbol(self, cluster: Cluster, *, bright: bool) -> None:
        """The worst member's."""
        worst = cluster.worst
        box = self.sizes.box(worst)
        if worst.air is not None:
            draw_badge(self.painter, box, worst.air, self.scale.floor, self.sizes.em, self.theme, quiet=True)
        elif worst.what is What.ALARM and worst.priority is not None:
            dimmed = worst.filled and not bright
            draw_symbol(self.painter, box, worst.priority, self.theme, filled=worst.filled, dimmed=dimmed)
        else:
            self._diamond(box, late=worst.bad)

    def _diamond(self, box: QRectF, *, late: bool) -> None:
        painter, theme = self.painter, self.theme
        r = box.width() * (0.46 if late else 0.4)
        at = box.center()
        shape = QPolygonF([at + QPointF(0, -r), at + QPointF(r, 0), at + QPointF(0, r), at + QPointF(-r, 0)])
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(theme.inverse if late else theme.tile)
        painter.setPen(QPen(theme.ground if late else theme.muted, max(1.2, self.sizes.em * 0.11)))
        painter.drawPolygon(shape)

    def count_room(self, box: QRectF, count: int, worst: Thing) -> QRectF:
        """Where the count stands: at the lower right of the symbol, over its edge."""
        em = self.sizes.em
        wide = max(em * 1.35, text.width(str(count), self.scale.floor, Weight.SEMIBOLD) + em * 0.6)
        room = QRectF(0, 0, wide, em * 1.35)
        # A small diamond would vanish under its count: there it stands beside it.
        reach = box.width() * 0.42 if worst.what is What.ALARM else box.width() / 2 + em * 0.3
        down = box.height() / 2 + em * 0.3 if worst.what is What.AIR else reach
        room.moveCenter(box.center() + QPointF(reach, down))
        return room

    def count(self, cluster: Cluster) -> None:
        """How many it speaks for."""
        count = len(cluster.things)
        room = self.count_room(self.sizes.box(cluster.worst), count, cluster.worst)
        self.painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.painter.setPen(QPen(self.theme.muted, 1))
        self.painter.setBrush(self.theme.ground)
        self.painter.drawRoundedRect(room, room.height() / 2, room.height() / 2)
        words, px = str(count), self.scale.floor
        align = Qt.AlignmentFlag.AlignHCenter
        text.draw(self.painter, room, words, px, self.theme.strong, Weight.SEMIBOLD, align=align, elide=False)
