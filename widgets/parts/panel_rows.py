"""Rows of the search line, the help and the list of notices: what they say and how they are painted. Pure painting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from backends.domain.alarm import Priority
from widgets.parts import text
from widgets.parts.shapes import draw_rule
from widgets.parts.symbols import draw_symbol
from widgets.theme import Theme
from widgets.typography import TypeScale, Weight

_HEAD_SHARE = 0.28
"""Most of a row's width that its first column takes."""
_STATE_SHARE = 0.34
"""Of its width that its state may have in any case; a short title leaves it more."""


@dataclass(frozen=True)
class Row:
    """One line. Equal keys are the same thing at another time."""

    key: tuple[str, str]
    title: str
    head: str = ""
    """First column: what kind of thing, which key, when."""
    place: str = ""
    """Behind the title, muted; goes first where there is no room."""
    state: str = ""
    """At the right edge: how it stands now, or why it may not be done."""
    strong_state: bool = False
    """Something is wrong with it: the state is read before the place."""
    priority: Priority | None = None
    """Of an alarm: its symbol."""
    filled: bool = False
    """It asks for an acknowledgement."""
    muted: bool = False
    """Done with: it is read, but asks for nothing."""
    heading: bool = False
    """Stands over the rows that follow; cannot be chosen."""


def row_height(scale: TypeScale) -> int:
    return scale.line(scale.read) + scale.pad // 2


def paint_rows(
    painter: QPainter, room: QRectF, rows: Sequence[Row], chosen: int, scale: TypeScale, theme: Theme
) -> None:
    """`rows`: those that are seen; `chosen`: which of them the keyboard is on, -1 = none of these."""
    heads = [text.width(row.head, scale.floor) for row in rows if row.head and not row.heading]
    column = min(max(heads, default=0.0) + scale.pad + 1, room.width() * _HEAD_SHARE) if heads else 0.0
    high = float(row_height(scale))
    for n, row in enumerate(rows):
        box = QRectF(room.left(), room.top() + n * high, room.width(), high)
        if row.heading:
            draw_rule(painter, box.left(), box.right(), box.top(), theme)
            text.draw(painter, _inner(box, scale), row.title, scale.floor, theme.muted, Weight.SEMIBOLD)
        else:
            _paint_row(painter, box, row, column, scale, theme)
        if n == chosen:
            _ring(painter, box, scale, theme)


def _inner(box: QRectF, scale: TypeScale) -> QRectF:
    return box.adjusted(scale.pad, 0, -scale.pad, 0)


def _ring(painter: QPainter, box: QRectF, scale: TypeScale, theme: Theme) -> None:
    """As in every list that has the keyboard: a ring, never a hue."""
    width = max(2.0, scale.floor * 0.12)
    painter.setPen(QPen(theme.text, width, j=Qt.PenJoinStyle.MiterJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box.adjusted(width / 2, width / 2, -width / 2, -width / 2))


def _paint_row(painter: QPainter, box: QRectF, row: Row, column: float, scale: TypeScale, theme: Theme) -> None:
    inner, pad = _inner(box, scale), scale.pad
    if column:
        head = QRectF(inner.left(), inner.top(), column - pad, inner.height())
        text.draw(painter, head, row.head, scale.floor, theme.muted)
        inner.setLeft(inner.left() + column)
    if row.state:
        weight = Weight.SEMIBOLD if row.strong_state else Weight.REGULAR
        title = text.width(row.title, scale.read, Weight.REGULAR if row.muted else Weight.SEMIBOLD)
        mark = scale.read * 1.1 + pad / 2 if row.priority is not None else 0.0
        most = max(box.width() * _STATE_SHARE, inner.width() - title - mark - 2 * pad)
        wide = min(text.width(row.state, scale.floor, weight) + 1, most)
        state = QRectF(inner.right() - wide, inner.top(), wide, inner.height())
        ink = theme.strong if row.strong_state else theme.muted
        text.draw(painter, state, row.state, scale.floor, ink, weight, align=Qt.AlignmentFlag.AlignRight)
        inner.setRight(inner.right() - wide - pad)
    if row.priority is not None:
        side = scale.read * 1.1
        symbol = QRectF(inner.left(), inner.center().y() - side / 2, side, side)
        draw_symbol(painter, symbol, row.priority, theme, filled=row.filled)
        inner.setLeft(inner.left() + side + pad / 2)
    ink, weight = (theme.muted, Weight.REGULAR) if row.muted else (theme.strong, Weight.SEMIBOLD)
    took = text.draw(painter, inner, row.title, scale.read, ink, weight)
    rest = QRectF(took.right() + pad, inner.top(), inner.right() - took.right() - pad, inner.height())
    if row.place and rest.width() > min(text.width(row.place, scale.floor), scale.floor * 5):
        text.draw(painter, rest, row.place, scale.floor, theme.muted)
