"""The line in which an entry of the logbook is typed. It says what it is about; what was typed and not sent is kept.

Where that has a camera, its picture of now stands above: Enter sends the words alone, Shift+Enter the picture with
them, and what is seen is what is sent. Must not: know tiles, or send anything by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from backends.domain.camera import Camera
from widgets.i18n import tr
from widgets.parts import text
from widgets.parts.fields import Field
from widgets.parts.report_pictures import PictureStrip
from widgets.parts.report_still import ReportStill
from widgets.session import Session
from widgets.typography import TypeScale, Weight

MOST = 1000
"""Characters; the hub takes 2000."""
IDLE_MS = 300_000
"""As long as a note in the alarm list."""
_EMS = 60
Send = Callable[[str, tuple[bytes, ...], int], str]
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class LogLine(QWidget):
    """Of one window."""

    ended = Signal()

    def __init__(
        self, session: Session, window: QWidget, scale: TypeScale, title: str, kept: str, send: Send,
        camera: Camera | None = None,
    ) -> None:  # fmt: skip
        """`title`: what it is about; `kept`: name in the session's memory; `send`: takes what was typed, and the
        picture with its moment where one goes along, and returns why not, empty = it is kept; `camera`: whose picture
        can go along, None = none."""
        super().__init__(window)
        self.session, self.scale = session, scale
        self._title, self._kept, self._send = title, kept, send
        self._done = False
        self._said = ""
        self.still = ReportStill(session, self, "logbook.still_taken")
        self.still.changed.connect(self.update)
        if camera is not None and session.city.shows_personal_data:
            self.still.begin(camera)
        self._before = window.focusWidget()
        self.field = Field(scale, self, limit=MOST)
        self.field.dress(session.look.theme)
        self.field.setAccessibleName(title)
        self.field.setText(session.memory.get(kept))
        self.field.textChanged.connect(self._on_typed)
        self.field.installEventFilter(self)
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(IDLE_MS)
        self._idle.timeout.connect(self.end)
        self._idle.start()
        self.setFocusProxy(self.field)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._place()
        self.show()
        self.raise_()
        self.field.setFocus()
        self._person = session.city.grant.operator_id
        session.city.grantChanged.connect(self._on_grant)

    def end(self, *, back: bool = False) -> None:
        """`back`: the keyboard goes back to where it was (see NumberLine)."""
        if self._done:
            return
        self._done = True
        self._idle.stop()
        self.still.end()
        if back and self._before is not None and isValid(self._before) and self._before.isVisible():
            self._before.setFocus()
        else:
            self.field.clearFocus()
        self.hide()
        self.ended.emit()

    @property
    def said(self) -> str:
        """Why the last Enter did nothing."""
        return self._said

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut:
            self.end()
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        if event.key() in _ENTER:
            if not event.isAutoRepeat():
                self._enter(picture=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif event.key() == Qt.Key.Key_Escape:
            self.end(back=True)
        else:
            return False
        return True  # an Enter that ends an entry must not reach the alarm list behind it

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What the field does not take goes no further either."""
        event.accept()

    def _on_grant(self) -> None:
        grant = self.session.city.grant
        if grant.operator_id != self._person:
            self.session.memory.set(self._kept, "")  # one person's words are not the next one's
        if grant.operator_id != self._person or grant.locked:
            self.end()
        elif self.still.wanted and not self.session.city.shows_personal_data:
            self.still.end()  # visitors look on
            self._place()

    def _enter(self, *, picture: bool) -> None:
        words, still = self.field.text().strip(), self.still
        if not words:
            self._said = tr("logbook.no_words")
        elif picture and not still.data:
            self._said = still.words() or tr("logbook.no_picture")
        elif picture:
            told = tr("logbook.with_picture", words=words, picture=still.words())
            self._said = self._send(told, (still.data,), still.t_ns)
        else:
            self._said = self._send(words, (), 0)
        if self._said:
            self.update()
            return
        self.session.memory.set(self._kept, "")
        self.end(back=True)

    def _on_typed(self, typed: str) -> None:
        self._idle.start()
        self._said = ""
        self.session.memory.set(self._kept, typed)
        self.update()

    def _keys(self) -> str:
        return tr("logbook.line_keys_picture" if self.still.data else "logbook.line_keys")

    def _place(self) -> None:
        window, scale, pad = self.window(), self.scale, self.scale.pad
        width = math.ceil(min(scale.read * _EMS, window.width() - 2 * pad))
        field = scale.line(scale.read) + pad
        above = self._still_high + scale.line(scale.read)
        height = above + field + scale.line(scale.floor) + 3 * pad
        self.setGeometry((window.width() - width) // 2, window.height() - height - 2 * pad, width, height)
        self.field.setGeometry(2 * pad, pad + above, width - 4 * pad, field)

    @property
    def _still_high(self) -> int:
        return PictureStrip.height_for(self.scale) if self.still.wanted else 0

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            theme, scale, pad = self.session.look.theme, self.scale, self.scale.pad
            painter.fillRect(self.rect(), theme.inverse)
            wide = self.width() - 4 * pad
            if self.still.wanted:
                place = QRectF(2 * pad, pad, wide, self._still_high)
                self.still.paint(painter, place, scale, theme.inverse_text)
            room = QRectF(2 * pad, pad / 2 + self._still_high, wide, scale.line(scale.read))
            text.draw(painter, room, self._title, scale.read, theme.inverse_text, Weight.SEMIBOLD)
            below = self.field.geometry().bottom() + pad / 2
            low = QRectF(2 * pad, below, wide, scale.line(scale.floor))
            weight = Weight.SEMIBOLD if self._said else Weight.REGULAR
            text.draw(painter, low, self._said or self._keys(), scale.floor, theme.inverse_text, weight)
        finally:
            painter.end()
