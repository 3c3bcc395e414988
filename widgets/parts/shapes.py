"""Hatch, chips, rules and small marks that several tiles share."""

from __future__ import annotations

import math
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen, QPixmap, QPolygonF, QTransform

from widgets.parts import text
from widgets.theme import Theme
from widgets.typography import Weight


def draw_hatch(painter: QPainter, rect: QRectF, color: QColor, step: float) -> None:
    """Diagonal stripes: stale or lost, in any colour blindness and any print. `step` in pixels.

    Filled from a small picture of them: drawn one by one they cost a plot's header 3 ms.
    """
    device = painter.device()
    ratio = device.devicePixelRatioF() if device is not None else 1.0
    side = max(2, round(step * ratio))
    brush = QBrush(_stripes(color.rgba(), side))
    brush.setTransform(QTransform(1 / ratio, 0, 0, 1 / ratio, rect.left(), rect.bottom()))
    painter.fillRect(rect, brush)


_PERIODS = 16


@lru_cache(maxsize=64)
def _stripes(rgba: int, side: int) -> QPixmap:
    """Some periods of the stripes, which fit themselves on all sides: filled with one alone it takes four times as
    long."""
    pixmap = QPixmap(_PERIODS * side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor.fromRgba(rgba), side * 0.38))
    for at in range(0, (_PERIODS + 2) * side, side):
        painter.drawLine(QPointF(at + side, -side), QPointF(at - 2 * side, 2 * side))
    painter.end()
    return pixmap


def chip_width(words: str, px: int, weight: Weight = Weight.SEMIBOLD) -> float:
    """Width of a chip around `words`."""
    # The hundredth is for rounding: without it a chip of just this width may cut its last letter.
    return text.width(words, px, weight) + px * 0.9 + 0.01


def draw_chip(
    painter: QPainter,
    rect: QRectF,
    words: str,
    px: int,
    ground: QColor,
    ink: QColor,
    weight: Weight = Weight.SEMIBOLD,
) -> None:
    """Words on a flat ground: inverse grey for lateness, a hue only for alarms."""
    painter.fillRect(rect, ground)
    inner = rect.adjusted(px * 0.45, 0, -px * 0.45, 0)
    text.draw(painter, inner, words, px, ink, weight, align=Qt.AlignmentFlag.AlignHCenter)


def draw_bar(painter: QPainter, rect: QRectF, share: float, ground: QColor, color: QColor) -> None:
    """A thin bar filled to `share` (0 to 1)."""
    painter.fillRect(rect, ground)
    painter.fillRect(QRectF(rect.left(), rect.top(), rect.width() * share, rect.height()), color)


def draw_rule(painter: QPainter, left: float, right: float, y: float, theme: Theme) -> None:
    """A hairline."""
    painter.fillRect(QRectF(left, y, right - left, 1), theme.line)


def draw_arrow(painter: QPainter, box: QRectF, color: QColor, *, up: bool) -> None:
    """A small triangle: the value rises or falls. Drawn, because the family has no such glyph."""
    top, bottom = (box.top(), box.bottom()) if up else (box.bottom(), box.top())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPolygon(
        QPolygonF([QPointF(box.center().x(), top), QPointF(box.right(), bottom), QPointF(box.left(), bottom)])
    )
    painter.restore()


def draw_turn(painter: QPainter, box: QRectF, color: QColor, *, opened: bool) -> None:
    """A small triangle before what can be opened: to the right, or down when it is open."""
    if opened:
        draw_arrow(painter, box, color, up=False)
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    tip = QPointF(box.right(), box.center().y())
    painter.drawPolygon(QPolygonF([box.topLeft(), tip, box.bottomLeft()]))
    painter.restore()


def draw_star(painter: QPainter, box: QRectF, color: QColor, *, filled: bool) -> None:
    """Five points: a favourite; outlined: not one yet."""
    middle, far = box.center(), box.width() / 2
    points = []
    for n in range(10):
        radius = far if n % 2 == 0 else far * 0.42
        angle = math.pi * (n / 5 - 0.5)
        points.append(QPointF(middle.x() + radius * math.cos(angle), middle.y() + radius * math.sin(angle)))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen if filled else QPen(color, max(1.0, far * 0.14)))
    painter.setBrush(color if filled else Qt.BrushStyle.NoBrush)
    painter.drawPolygon(QPolygonF(points))
    painter.restore()


def draw_padlock(painter: QPainter, box: QRectF, color: QColor) -> None:
    """A closed padlock: the screen is locked."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    w, h = box.width(), box.height()
    body = QRectF(box.left() + w * 0.14, box.top() + h * 0.44, w * 0.72, h * 0.52)
    painter.setPen(QPen(color, max(1.5, h * 0.12)))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawArc(QRectF(box.left() + w * 0.28, box.top() + h * 0.06, w * 0.44, h * 0.7), 0, 180 * 16)
    painter.fillRect(body, color)
    painter.restore()


def draw_speaker(painter: QPainter, box: QRectF, color: QColor, *, waves: int, muted: bool) -> None:
    """Loudspeaker: `waves` arcs when it sounds, a stroke across it when it is silent."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    h, x, y = box.height(), box.left(), box.center().y()
    body = QPainterPath(QPointF(x, y - h * 0.16))
    for px, py in ((0.22, -0.16), (0.5, -0.4), (0.5, 0.4), (0.22, 0.16), (0.0, 0.16)):
        body.lineTo(x + h * px, y + h * py)
    body.closeSubpath()
    painter.fillPath(body, QBrush(color))
    painter.setPen(QPen(color, max(1.5, h * 0.09)))
    if muted:
        painter.drawLine(QPointF(x + h * 0.62, y - h * 0.2), QPointF(x + h * 1.02, y + h * 0.2))
        painter.drawLine(QPointF(x + h * 1.02, y - h * 0.2), QPointF(x + h * 0.62, y + h * 0.2))
    else:
        for n in range(waves):
            r = h * (0.2 + 0.17 * n)
            painter.drawArc(QRectF(x + h * 0.5 - r, y - r, 2 * r, 2 * r), -45 * 16, 90 * 16)
    painter.restore()
