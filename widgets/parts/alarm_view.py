"""The alarm list's own view: rows that stay where they are while somebody reads, and the keys of the list."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QKeyCombination, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from widgets.models.alarms import AlarmListModel, AlarmRow
from widgets.parts import text
from widgets.parts.rows import RowList
from widgets.session import Session
from widgets.typography import TypeScale


class AlarmView(RowList):
    """A RowList of AlarmRow."""

    def __init__(self, session: Session, scale: TypeScale, model: AlarmListModel, parent: QWidget) -> None:
        super().__init__(session, scale, parent)
        self._alarms = model
        self.own_keys: Mapping[str, Callable[[], bool]] = {}
        """Key as Qt spells it -> what it does; False: it means nothing now, and goes on to the window."""
        self.empty = ""
        """The sentence of a list that its filter leaves empty."""
        self.where_is = self._where_is

    def _where_is(self, shown: object) -> int:
        return self._alarms.row_of(shown.alarm.id) if isinstance(shown, AlarmRow) else -1

    def keyPressEvent(self, event: QKeyEvent) -> None:
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        pressed = QKeySequence(QKeyCombination(modifiers, Qt.Key(event.key())))
        act = self.own_keys.get(pressed.toString(QKeySequence.SequenceFormat.PortableText))
        if act is None or not act():
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.empty and not self._alarms.rowCount():
            painter = QPainter(self.viewport())
            room = QRectF(self.viewport().rect()).adjusted(self.scale.pad, 0, -self.scale.pad, 0)
            room.setHeight(min(room.height(), self.scale.line(self.scale.read) * 3.0))
            muted = self.session.look.theme.muted
            text.draw(painter, room, self.empty, self.scale.read, muted, align=Qt.AlignmentFlag.AlignHCenter)
            painter.end()
