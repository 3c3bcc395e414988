"""A line to type in with rows below it, over a window and never over its alarm lists where there is room beside them.

The search line, the help and the list of notices are three of its kind, and so is every page (`windows.page`). It is
never modal: alarms, sound and all keys of the window go on, and it goes away with Esc, with the keyboard, and when
nobody has touched it for a minute. The keyboard stays in the line, so that an Enter that ends a search cannot
acknowledge an alarm. GUI thread only. Must not: know what a row means.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QToolTip, QWidget
from shiboken6 import isValid

from widgets.i18n import tr
from widgets.parts import enters, text
from widgets.parts.fields import Field
from widgets.parts.panel_rows import Row, paint_rows, row_height
from widgets.parts.rows import plain_tooltip
from widgets.parts.shapes import chip_width, draw_chip
from widgets.session import Session
from widgets.typography import TypeScale, Weight

IDLE_MS = 60_000
"""Without a hand so long, it goes."""
TYPED_MOST = 80
"""Characters."""
_DESK_ROWS, _WALL_ROWS = 12, 7


def focus_below(window: QWidget) -> QWidget | None:
    """Where the keyboard is in that window, or was before a line was opened that is about to go."""
    widget = window.focusWidget()
    above: QWidget | None = widget
    while above is not None and above is not window:
        if isinstance(above, ListPanel) and not above.stays:
            return above.before
        above = above.parentWidget()
    return widget


class ListPanel(QWidget):
    """Base of all. Override the hooks; `begin` shows it."""

    ems = 46
    """Width, in sizes of reading text, where the room has it."""
    most = 0
    """Rows that are looked up at most: there may be more; 0 = all there are."""
    idle_ms = IDLE_MS
    tall = False
    """It takes all the height that its room has: it is read, not searched."""
    stays = False
    """It is still there when the keyboard is elsewhere."""

    ended = Signal()

    def __init__(self, session: Session, window: QWidget, scale: TypeScale, room: QRect) -> None:
        """`room`: of the window, in which it stays."""
        super().__init__(window)
        self.session, self.scale = session, scale
        self._room = room
        self._done = False
        self._before = window.focusWidget()
        self._rows: Sequence[Row] = ()
        self._at = -1
        self._top = 0
        self._said = ""
        self._pressed = float("-inf"), QPoint()
        self.field = Field(scale, self, limit=TYPED_MOST)
        self.field.installEventFilter(self)
        self.field.wordsChanged.connect(self._on_words)
        self.field.textEdited.connect(session.enters.other)  # an input method's keys come as text
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(self.idle_ms)
        self._idle.timeout.connect(self._on_idle)
        self.setFocusProxy(self.field)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        session.look.changed.connect(self._on_look)

    # -- hooks -----------------------------------------------------------------------------------------

    def title(self) -> str:
        """What the line is for: in the empty line, and for who hears the screen."""
        return ""

    def look_up(self, words: str) -> Sequence[Row]:
        """Rows for what is typed now, and how they stand now."""
        return ()

    def nothing(self, words: str) -> str:
        """Where there are no rows."""
        return tr("search.nothing") if words.strip() else ""

    def foot(self, row: Row | None) -> str:
        """What the keys do, with the chosen row."""
        return tr("search.keys")

    def choose(self, row: Row, second: bool) -> str:
        """Do what Enter (or, `second`, Shift+Enter) means on this row. Returns why not; empty = done."""
        return ""

    # -- life ------------------------------------------------------------------------------------------

    def begin(self, words: str = "") -> None:
        self._on_look()
        self.field.setText(words)
        self._renew(keep=False)
        self.show()
        self.raise_()
        self.field.setFocus()
        self._idle.start()

    def end(self, *, back: bool = False) -> None:
        """`back`: the keyboard goes back to where it was (see NumberLine)."""
        if self._done:
            return
        self._done = True
        self._idle.stop()
        if back and self._before is not None and isValid(self._before) and self._before.isVisible():
            self._before.setFocus()
        else:
            self.field.clearFocus()
        self.hide()
        self.ended.emit()

    @property
    def before(self) -> QWidget | None:
        """What had the keyboard when it was opened."""
        return self._before

    @property
    def rows(self) -> Sequence[Row]:
        return self._rows

    @property
    def row(self) -> Row | None:
        """The one that Enter is for."""
        return self._rows[self._at] if 0 <= self._at < len(self._rows) else None

    @property
    def said(self) -> str:
        """Why the last Enter did nothing."""
        return self._said

    def say(self, sentence: str) -> None:
        self._said = sentence
        self.update()

    def on_second(self) -> None:
        """How things stand is never old here."""
        self._renew(keep=True)

    def move_to(self, room: QRect) -> None:
        """The window has another layout now."""
        self._room = room
        self._place()
        self.raise_()

    def _on_look(self) -> None:
        self.field.dress(self.session.look.theme)
        self._prompt(self.title())
        self._renew(keep=True)

    def _prompt(self, words: str) -> None:
        self.field.setPlaceholderText(words)
        self.field.setAccessibleName(words)

    def _on_words(self, _words: str) -> None:
        self._said = ""
        self._idle.start()
        self._renew(keep=False)

    def _look(self) -> Sequence[Row]:
        return self.look_up(self.field.words())

    def _foot(self) -> str:
        if all(row.heading for row in self._rows):
            return tr("search.close")  # no key does anything with a row that is not there
        return self.foot(self.row)

    def _renew(self, *, keep: bool) -> None:
        """`keep`: the same thing stays chosen, whatever came before it meanwhile; where it is gone, nothing is: an
        Enter must not mean another thing than was seen."""
        before = self.row
        self._rows = self._look()
        if keep:
            key = before.key if before is not None else None
            self._at = next((n for n, row in enumerate(self._rows) if row.key == key and not row.heading), -1)
        else:
            self._at = next((n for n, row in enumerate(self._rows) if not row.heading), -1)
            self._top = 0
        self._place()

    # -- keys and mouse --------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut and watched is self.field and not self.stays:
            self.end()
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        self._idle.start()
        meant = self.session.enters.heed(event)
        page = max(1, self._shown - 1)
        step = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_PageDown: page,
            Qt.Key.Key_PageUp: -page,
        }.get(Qt.Key(event.key()), 0)
        if meant:
            self._enter(second=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif event.key() in enters.KEYS:
            if not (event.isAutoRepeat() or self._said):
                self.say(tr("page.look"))
        elif event.key() == Qt.Key.Key_Escape:
            self._escape()
        elif step:
            self._step(step)
        elif event.key() not in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            return False
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What the line does not take goes no further: no key of a tile works while somebody types."""
        event.accept()

    def _enter(self, *, second: bool) -> None:
        row = self.row
        if row is None:
            return
        why = self.choose(row, second)
        if why:
            self.say(why)
        else:
            self.end(back=True)

    def _escape(self) -> None:
        self.end(back=True)

    def _on_idle(self) -> None:
        self.end()

    def _step(self, by: int) -> None:
        self._said = ""
        ahead = range(self._at + by, len(self._rows)) if by > 0 else range(self._at + by, -1, -1)
        found = next((n for n in ahead if n >= 0 and not self._rows[n].heading), None)
        if found is None:  # beyond the edge: the last one that way
            choices = [n for n, row in enumerate(self._rows) if not row.heading]
            found = (choices[-1] if by > 0 else choices[0]) if choices else -1
        self._at = found
        self._place()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._idle.start()
        self._step(-1 if event.angleDelta().y() > 0 else 1)
        event.accept()

    def _row_at(self, y: float) -> int:
        """-1: none is there."""
        n = int((y - self._rows_top) // row_height(self.scale))
        return self._top + n if 0 <= n < self._shown and self._top + n < len(self._rows) else -1

    def words_at(self, y: float) -> str:
        """All that the row there may have cut, a line each."""
        n = self._row_at(y)
        whole = (self._rows[n].title, self._rows[n].place, self._rows[n].state) if n >= 0 else ()
        return "\n".join(filter(None, whole))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), plain_tooltip(self.words_at(event.pos().y())), self)
            return True
        return super().event(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Its first click has done what a click does; what stands in that place since then nobody has read."""
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()
        self.field.setFocus()
        before, self._pressed = self._pressed, (time.monotonic(), event.position().toPoint())
        soon = self._pressed[0] - before[0] < QApplication.doubleClickInterval() / 1000
        if soon and (self._pressed[1] - before[1]).manhattanLength() < QApplication.startDragDistance():
            return  # the second or third click of the same hand, also where Qt makes a press of it
        n = self._row_at(event.position().y())
        if event.button() is Qt.MouseButton.LeftButton and n >= 0 and not self._rows[n].heading:
            self._at = n
            self.update()
            self._enter(second=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))

    # -- place and paint -------------------------------------------------------------------------------

    @property
    def _rows_top(self) -> int:
        return 2 * self.scale.pad + self.scale.line(self.scale.read) + self.scale.pad

    @property
    def _around(self) -> int:
        """Height of all but the rows."""
        return self._rows_top + self.scale.line(self.scale.floor) + self.scale.pad

    @property
    def _shown(self) -> int:
        """Rows that are seen at once."""
        most = len(self._rows) if self.tall else _WALL_ROWS if self.scale.wall else _DESK_ROWS
        fit = (self._room.height() - self._around - 2 * self.scale.pad) // row_height(self.scale)
        return max(1, min(most, fit, max(1, len(self._rows))))

    def _place(self) -> None:
        """At the top of its room: rows come and go below the line, which stays where the eye is."""
        scale, pad, room, shown = self.scale, self.scale.pad, self._room, self._shown
        top = min(self._top, self._at) if self._at >= 0 else self._top  # nothing chosen: nothing moves under the hand
        self._top = max(0, min(top, len(self._rows) - shown))
        if self._at >= self._top + shown:
            self._top = self._at - shown + 1
        width = min(scale.read * self.ems, room.width() - 2 * pad)
        height = self._around + shown * row_height(scale)
        left = room.left() + (room.width() - width) // 2
        self.setGeometry(left, min(room.top() + pad, self.window().height() - height - pad), width, height)
        self.field.setGeometry(pad, pad, width - 2 * pad, scale.line(scale.read) + pad)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            scale, theme, pad = self.scale, self.session.look.theme, self.scale.pad
            box = QRectF(self.rect())
            painter.fillRect(box, theme.raised)
            painter.setPen(theme.muted)
            painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
            room = QRectF(1, self._rows_top, box.width() - 2, self._shown * row_height(scale))
            seen = self._rows[self._top : self._top + self._shown]
            if seen:
                paint_rows(painter, room, seen, self._at - self._top, scale, theme)
            else:
                words = self.nothing(self.field.words())
                centre = Qt.AlignmentFlag.AlignHCenter
                text.draw(painter, room.adjusted(pad, 0, -pad, 0), words, scale.read, theme.muted, align=centre)
            low = scale.line(scale.floor)
            self._paint_foot(painter, QRectF(pad, box.bottom() - low - pad / 2, box.width() - 2 * pad, low))
        finally:
            painter.end()

    def _paint_foot(self, painter: QPainter, room: QRectF) -> None:
        theme, px = self.session.look.theme, self.scale.floor
        if len(self._rows) > self._shown:
            total = f"{len(self._rows)}+" if len(self._rows) == self.most else str(len(self._rows))
            count = tr("search.shown", first=self._top + 1, last=self._top + self._shown, total=total)
            wide = math.ceil(text.width(count, px)) + 1
            right = QRectF(room.right() - wide, room.top(), wide, room.height())
            text.draw(painter, right, count, px, theme.muted, align=Qt.AlignmentFlag.AlignRight)
            room = room.adjusted(0, 0, -wide - self.scale.pad, 0)
        if self._said:
            chip = QRectF(room.left(), room.top(), min(chip_width(self._said, px), room.width()), room.height())
            draw_chip(painter, chip, self._said, px, theme.inverse, theme.inverse_text)
            return
        words = text.whole_parts(self._foot(), px, Weight.REGULAR, room.width())
        text.draw(painter, room, words, px, theme.muted)
