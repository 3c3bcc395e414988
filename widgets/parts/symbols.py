"""Alarm symbols: shape, mark, fill, size and keyline first, colour last (look.md).

Filled with a keyline = unacknowledged, outlined = acknowledged. Size, fill and keyline rise with the
priority, so that the ranking survives a grey print.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from backends.domain.alarm import Priority
from widgets.theme import Theme

#: Share of the given box that each priority's symbol takes: area falls from urgent to low, and that of the square fast
#: enough that its bright yellow never outweighs the triangle in a grey print (tests/qt/test_alarm_list_grey.py).
_SHARE = {Priority.URGENT: 1.0, Priority.HIGH: 0.92, Priority.MEDIUM: 0.57, Priority.LOW: 0.5}


def draw_symbol(
    painter: QPainter, box: QRectF, priority: Priority, theme: Theme, *, filled: bool, dimmed: bool = False
) -> None:
    """Paint the symbol of `priority` centred in the square inside `box`.

    `filled`: unacknowledged. `dimmed`: the low half of the 1 Hz blink (the symbol only, never the row).
    """
    side = min(box.width(), box.height()) * _SHARE[priority]
    square = QRectF(0, 0, side, side)
    square.moveCenter(box.center())
    hue = QColor(theme.hue(priority))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if dimmed:
        # Dim enough to be seen blinking, bright enough to rank above outlined symbols at any moment.
        painter.setOpacity(0.7)
    keyline = _keyline(priority, side) if filled else 0.0
    inset = keyline / 2 if filled else _outline(side) / 2
    shape = _shape(priority, square.adjusted(inset, inset, -inset, -inset))
    if filled:
        painter.setBrush(hue)
        painter.setPen(_pen(theme.keyline, keyline) if keyline else Qt.PenStyle.NoPen)
    else:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(_pen(hue, _outline(side)))
    painter.drawPath(shape)
    _mark(painter, square, priority, theme.ink if filled else hue)
    painter.restore()


def draw_inverted(painter: QPainter, box: QRectF, priority: Priority, ground: QColor, mark: QColor) -> None:
    """The symbol on a flag of its own hue: shape in `ground`, mark in the hue."""
    side = min(box.width(), box.height()) * _SHARE[priority]
    square = QRectF(0, 0, side, side)
    square.moveCenter(box.center())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ground)
    painter.drawPath(_shape(priority, square))
    _mark(painter, square, priority, mark)
    painter.restore()


def _keyline(priority: Priority, side: float) -> float:
    share = {Priority.URGENT: 0.085, Priority.HIGH: 0.06}.get(priority, 0.0)
    return max(1.0, side * share) if share else 0.0


def _outline(side: float) -> float:
    return max(1.5, side * 0.09)


def _pen(color: QColor, width: float) -> QPen:
    pen = QPen(color, width)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return pen


def _shape(priority: Priority, r: QRectF) -> QPainterPath:
    path = QPainterPath()
    if priority is Priority.URGENT:
        radius = r.width() / 2 / math.cos(math.pi / 8)
        path.addPolygon(
            QPolygonF(
                [
                    QPointF(
                        r.center().x() + radius * math.cos(math.pi / 8 + k * math.pi / 4),
                        r.center().y() + radius * math.sin(math.pi / 8 + k * math.pi / 4),
                    )
                    for k in range(8)
                ]
            )
        )
        path.closeSubpath()
    elif priority is Priority.HIGH:
        path.moveTo(r.center().x(), r.top())
        path.lineTo(r.right(), r.bottom() - r.height() * 0.06)
        path.lineTo(r.left(), r.bottom() - r.height() * 0.06)
        path.closeSubpath()
    elif priority is Priority.MEDIUM:
        path.addRoundedRect(r, r.width() * 0.08, r.width() * 0.08)
    else:
        path.addEllipse(r)
    return path


def _mark(painter: QPainter, square: QRectF, priority: Priority, color: QColor) -> None:
    """The "!!" and "!" inside the two graver shapes, as strokes: letters would need a floor size."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    side = square.width()
    if priority is Priority.URGENT:
        for x in (-0.115, 0.115):
            _bang(painter, square.center().x() + side * x, square.center().y() - side * 0.23, side * 0.46, side * 0.095)
    elif priority is Priority.HIGH:
        _bang(painter, square.center().x(), square.top() + side * 0.36, side * 0.42, side * 0.095)


def _bang(painter: QPainter, x: float, top: float, height: float, thick: float) -> None:
    painter.drawRoundedRect(QRectF(x - thick / 2, top, thick, height * 0.66), thick / 3, thick / 3)
    dot = thick * 1.12
    painter.drawEllipse(QPointF(x, top + height - dot / 2), dot / 2, dot / 2)
