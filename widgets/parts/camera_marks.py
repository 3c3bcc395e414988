"""What hands have to do with a camera tile, drawn over it: chosen, its number, zoom, what is carried onto it, figures.

Each has a shape or a word; none uses an alarm's hue. Must not: decide any of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from widgets import format as fmt
from widgets.parts import text
from widgets.parts.camera_details import Line
from widgets.parts.shapes import chip_width, draw_chip
from widgets.theme import Theme
from widgets.typography import TypeScale, Weight

CHIP = QColor("#d7dce3")
"""Ground of a chip on a picture, the same in both themes, as pictures are."""
CHIP_INK = QColor("#121417")


@dataclass(frozen=True)
class Marks:
    """See the module. Equal marks need no new painting."""

    chosen: bool = False
    focused: bool = False
    """The keyboard is here, not only the choice."""
    number: str = ""
    """Of the tile, while numbers are typed."""
    by_hand: bool = False
    tour: str = ""
    """ "2/5": one after the other."""
    zoom: float = 1.0
    target: bool = False
    """A camera is carried over it."""
    refuses: bool = False
    """... and may not be put here."""
    details: tuple[Line, ...] = ()
    turn: tuple[str, ...] = ()
    """Who turns its camera, in words; the longest that fit are taken."""
    trouble: str = ""
    """What that camera says is wrong while a hand is on it."""


NO_MARKS = Marks()


class MarkPainter:
    """Draws marks into a tile; each method returns where it drew, empty where it did not."""

    def __init__(self, theme: Theme, scale: TypeScale) -> None:
        self.theme = theme
        self.scale = scale

    def zoom(self, painter: QPainter, room: QRectF, zoom: float) -> QRectF:
        """ "2,4x" at the top right of `room`."""
        if zoom <= 1.0:
            return QRectF()
        px = self.scale.floor
        words = f"{fmt.number(zoom, 1)}x"
        width, height = chip_width(words, px), self.scale.line(px) + px * 0.2
        chip = QRectF(room.right() - width, room.top(), width, height)
        draw_chip(painter, chip, words, px, CHIP, CHIP_INK)
        return chip

    def number(self, painter: QPainter, room: QRectF, number: str) -> QRectF:
        """The tile's number at the top left of `room`, to be read while one types it."""
        if not number:
            return QRectF()
        line = self.scale.line
        px = next((px for px in (self.scale.glance, self.scale.read) if line(px) <= room.height()), self.scale.floor)
        height = line(px)
        width = max(height, text.width(number, px, Weight.BOLD) + px * 0.8)
        chip = QRectF(room.left(), room.top(), width, height)
        painter.fillRect(chip, CHIP)
        text.draw(painter, chip, number, px, CHIP_INK, Weight.BOLD, align=Qt.AlignmentFlag.AlignHCenter)
        return chip

    def pin(self, painter: QPainter, box: QRectF, color: QColor) -> None:
        """A pin: this camera was put here by hand."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(color, max(1.4, box.width() * 0.14)))
        middle = box.center().x()
        painter.drawLine(QPointF(middle, box.center().y()), QPointF(middle, box.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        head = box.width() * 0.62
        painter.drawEllipse(QRectF(middle - head / 2, box.top(), head, head))
        painter.restore()

    def details(self, painter: QPainter, room: QRectF, lines: tuple[Line, ...]) -> QRectF:
        """The figures, at the bottom left of `room`; as many as have room, none of them cut."""
        px, pad = self.scale.floor, self.scale.floor * 0.5
        step = self.scale.line(px)
        fit = int((room.height() - pad) // step)
        left = max((text.width(what, px) for what, _ in lines), default=0.0) + px
        right = max((text.width(value, px, Weight.SEMIBOLD) for _, value in lines), default=0.0) + 1
        width = left + right + 2 * pad
        if fit < 1 or not lines or width > room.width():
            return QRectF()
        lines = lines[:fit]
        height = len(lines) * step + pad
        panel = QRectF(room.left(), room.bottom() - height, width, height)
        painter.fillRect(panel, self.theme.scrim)
        top = panel.top() + pad / 2
        for what, value in lines:
            label = QRectF(panel.left() + pad, top, left, step)
            text.draw(painter, label, what, px, self.theme.on_picture_muted)
            box = QRectF(label.right(), top, right, step)
            text.draw(painter, box, value, px, self.theme.on_picture, Weight.SEMIBOLD)
            top += step
        return panel

    def trouble(self, painter: QPainter, room: QRectF, words: str) -> QRectF:
        """A sentence at the bottom of `room`, cut where it is too long."""
        if not words:
            return QRectF()
        px = self.scale.floor
        band = QRectF(room.left(), room.bottom() - self.scale.line(px), room.width(), self.scale.line(px))
        painter.fillRect(band, self.theme.scrim)
        inside = band.adjusted(px * 0.5, 0, -px * 0.5, 0)
        text.draw(painter, inside, words, px, self.theme.on_picture, Weight.SEMIBOLD)
        return band

    def ring_width(self, marks: Marks) -> float:
        """How far a ring reaches in from all four sides; 0 = there is none."""
        return self._ring_line(marks) + 2 if marks.target or marks.focused else 0.0

    def _ring_line(self, marks: Marks) -> float:
        floor = self.scale.floor
        return max(4.0, floor * 0.34) if marks.target else max(2.0, floor * 0.16)

    def ring(self, painter: QPainter, rect: QRectF, marks: Marks) -> list[QRectF]:
        """Chosen: an edge at the left; with the keyboard: a ring; a camera is carried over it: a thick ring, broken
        where it may not be put. White on black, so that it stands out from any picture."""
        if marks.target or marks.focused:
            return self._outline(painter, rect, self._ring_line(marks), broken=marks.target and marks.refuses)
        if marks.chosen:
            thick = max(3.0, self.scale.floor * 0.22)
            painter.fillRect(QRectF(rect.left(), rect.top(), thick + 1, rect.height()), CHIP_INK)
            painter.fillRect(QRectF(rect.left(), rect.top(), thick, rect.height()), QColor("#ffffff"))
            return [QRectF(rect.left(), rect.top(), thick + 1, rect.height())]
        return []

    @staticmethod
    def _outline(painter: QPainter, rect: QRectF, thick: float, *, broken: bool) -> list[QRectF]:
        painter.save()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        inner = rect.adjusted(thick / 2, thick / 2, -thick / 2, -thick / 2)
        painter.setPen(QPen(CHIP_INK, thick + 2, j=Qt.PenJoinStyle.MiterJoin))
        painter.drawRect(inner)
        style = Qt.PenStyle.DashLine if broken else Qt.PenStyle.SolidLine
        painter.setPen(QPen(QColor("#ffffff"), thick, style, j=Qt.PenJoinStyle.MiterJoin))
        painter.drawRect(inner)
        painter.restore()
        wide = thick + 2
        return [
            QRectF(rect.left(), rect.top(), rect.width(), wide),
            QRectF(rect.left(), rect.bottom() - wide, rect.width(), wide),
            QRectF(rect.left(), rect.top(), wide, rect.height()),
            QRectF(rect.right() - wide, rect.top(), wide, rect.height()),
        ]
