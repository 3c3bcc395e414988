"""The alarm list's own view: rows that stay where they are while somebody reads, and the keys of the list."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QKeyCombination,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    Qt,
)
from PySide6.QtGui import QHideEvent, QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractItemView, QWidget

from widgets.models.alarm_seen import SeenRows
from widgets.models.alarms import AlarmListModel, AlarmRow, FoldRow, row_id
from widgets.parts import text
from widgets.parts.rows import RowList
from widgets.session import Session
from widgets.typography import TypeScale

_Move = QAbstractItemView.CursorAction
_STEPS = {
    Qt.Key.Key_Up: _Move.MoveUp,
    Qt.Key.Key_Down: _Move.MoveDown,
    Qt.Key.Key_PageUp: _Move.MovePageUp,
    Qt.Key.Key_PageDown: _Move.MovePageDown,
    Qt.Key.Key_Home: _Move.MoveHome,
    Qt.Key.Key_End: _Move.MoveEnd,
}
"""Keys that choose several with Shift."""


class AlarmView(RowList):
    """A RowList of AlarmRow."""

    def __init__(self, session: Session, scale: TypeScale, model: AlarmListModel, parent: QWidget) -> None:
        super().__init__(session, scale, parent)
        self._alarms = model
        self.own_keys: Mapping[str, Callable[[], bool]] = {}
        """Key as Qt spells it -> what it does; False: it means nothing now, and goes on to the window."""
        self.ending_keys: frozenset[str] = frozenset()
        """Those of `own_keys` that end the reading; every other one that does something is a reader's."""
        self.empty = ""
        """The sentence of a list that its filter leaves empty."""
        self.seen = SeenRows()
        self._anchor = QPersistentModelIndex()
        """Where choosing several began."""
        self.where_is = self._where_is
        if not scale.wall:
            self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)

    def _where_is(self, shown: object) -> int:
        return self._alarms.row_of(row_id(shown)) if isinstance(shown, AlarmRow | FoldRow) else -1

    def painted_row(self, alarm_id: str) -> AlarmRow | None:
        """That alarm as it is on the screen, whatever has become of it since; None: it is not there."""
        shown = (content for _, content in self._painted.values())
        return next((row for row in shown if isinstance(row, AlarmRow) and row.alarm.id == alarm_id), None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        pressed = QKeySequence(QKeyCombination(modifiers, Qt.Key(event.key())))
        name = pressed.toString(QKeySequence.SequenceFormat.PortableText)
        act = self.own_keys.get(name)
        if act is not None and event.isAutoRepeat():
            return  # once a press
        if act is not None and act():
            if name not in self.ending_keys:
                self.keyPressed.emit()
            return
        if modifiers == Qt.KeyboardModifier.ShiftModifier and event.key() in _STEPS and not self.scale.wall:
            self.keyPressed.emit()
            self._choose_to(self.moveCursor(_STEPS[Qt.Key(event.key())], modifiers))
            return
        super().keyPressEvent(event)
        if event.key() in _STEPS:  # Shift alone is a key, too
            self._anchor = QPersistentModelIndex(self.currentIndex())

    def _choose_to(self, index: QModelIndex) -> None:
        """All rows from where the person began to `index`. Qt measures that in pixels, of which rows far away have
        none here."""
        begun = self._anchor if self._anchor.isValid() else QPersistentModelIndex(self.currentIndex())
        if not begun.isValid() or not index.isValid():
            return
        first, last = sorted((begun.row(), index.row()))
        chosen = QItemSelection(self._alarms.index(first), self._alarms.index(last))
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().select(chosen, flags.ClearAndSelect)
        self.selectionModel().setCurrentIndex(index, flags.NoUpdate)
        self._anchor = begun

    def mousePressEvent(self, event: QMouseEvent) -> None:
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier) and not self.scale.wall
        anchor = self._anchor
        if shift:
            modifiers = event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier
            plain = QMouseEvent(
                event.type(), event.position(), event.globalPosition(), event.button(), event.buttons(), modifiers
            )
            plain.setTimestamp(event.timestamp())
            super().mousePressEvent(plain)
            self._anchor = anchor
            self._choose_to(self.currentIndex())
        else:
            super().mousePressEvent(event)
            self._anchor = QPersistentModelIndex(self.currentIndex())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        # Qt would choose all rows that a slip of the hand goes over: many are chosen by Shift, Ctrl or Ctrl+A alone.
        if event.buttons() == Qt.MouseButton.NoButton:
            super().mouseMoveEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        rows = (self._alarms.row(n) for n in self.shown_rows())
        alarms = [row.alarm for row in rows if isinstance(row, AlarmRow)]
        self.seen.painted(alarms, self.session.mono.monotonic_s())
        if self.empty and not self._alarms.rowCount():
            painter = QPainter(self.viewport())
            room = QRectF(self.viewport().rect()).adjusted(self.scale.pad, 0, -self.scale.pad, 0)
            room.setHeight(min(room.height(), self.scale.line(self.scale.read) * 3.0))
            muted = self.session.look.theme.muted
            text.draw(painter, room, self.empty, self.scale.read, muted, align=Qt.AlignmentFlag.AlignHCenter)
            painter.end()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.seen.painted((), self.session.mono.monotonic_s())
