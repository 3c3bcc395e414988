"""How a row that stands for several alarms is painted: cause and count, where, how many still ask for somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter

from widgets import format as fmt
from widgets.i18n import tr
from widgets.models.alarms import FoldRow
from widgets.parts import text
from widgets.parts.alarm_words import fold_words
from widgets.parts.shapes import draw_rule, draw_turn
from widgets.parts.symbols import draw_symbol
from widgets.typography import Weight

if TYPE_CHECKING:
    from widgets.parts.alarm_rows import AlarmDelegate


def paint_fold(painter: QPainter, rect: QRectF, row: FoldRow, of: AlarmDelegate, *, hovered: bool) -> None:
    """As an alarm's row, with the symbol of the gravest of them; the triangle says that it opens."""
    fold, theme, scale, pad = row.fold, of.theme, of.scale, of.scale.pad
    asking = fold.asking > 0 and not row.gone
    if asking or hovered:
        painter.fillRect(rect, theme.raised)
    draw_rule(painter, rect.left(), rect.right(), rect.bottom() - 1, theme)
    inner = rect.adjusted(pad, pad / 2, -pad, -pad / 2)
    lines = scale.line(scale.read) + scale.line(scale.floor)
    top, column, side = inner.center().y() - lines / 2, lines * 0.92, lines * 0.74
    box = QRectF(inner.left() + (column - side) / 2, top + (lines - side) / 2, side, side)
    draw_symbol(painter, box, fold.worst.priority, theme, filled=asking, dimmed=asking and not of.bright)
    left = inner.left() + column + pad
    if of.view.dirty.right() <= left:
        return  # a blink repaints the symbols alone
    cause, where, state = fold_words(of.city, fold)
    color = theme.strong if asking else theme.muted
    right = inner.right()
    if not scale.wall:
        turn = scale.floor * 0.7
        middle = top + scale.line(scale.read) / 2
        draw_turn(painter, QRectF(right - turn, middle - turn / 2, turn, turn), theme.text, opened=fold.opened)
        right -= turn + pad
    count = f"× {fmt.number(fold.count)}"
    wide = text.width(count, scale.read, Weight.SEMIBOLD)
    name = QRectF(left, top, right - left - wide - pad / 2, scale.line(scale.read))
    took = text.draw(painter, name, cause, scale.read, color, Weight.SEMIBOLD)
    room = QRectF(took.right() + pad / 2, top, wide + 1, scale.line(scale.read))
    text.draw(painter, room, count, scale.read, color, Weight.SEMIBOLD)
    state = tr("alarms.ended") if row.gone else state
    second = QRectF(left, top + scale.line(scale.read), inner.right() - left, scale.line(scale.floor))
    wide = min(text.width(state, scale.floor), second.width() * 0.6)
    at = QRectF(second.right() - wide, second.top(), wide, second.height())
    text.draw(painter, at, state, scale.floor, theme.muted, align=Qt.AlignmentFlag.AlignRight)
    second.setRight(at.left() - pad)
    text.draw(painter, second, where, scale.floor, theme.muted)
