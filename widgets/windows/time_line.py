"""The line in which a past time is typed. It has the keyboard while it is there, and says what it understands.

Must not: know cameras, or show anything but words.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from widgets import format as fmt
from widgets.i18n import tr
from widgets.parts import replay_look, text
from widgets.parts.fields import Field
from widgets.parts.typed_times import WrongTime, typed_time
from widgets.session import Session
from widgets.typography import TypeScale, Weight
from widgets.windows.number_line import IDLE_MS

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
MOST = 40
"""Characters."""


class TimeLine(QWidget):
    """Of one window."""

    entered = Signal(object)
    """A time was typed and confirmed: UTC nanoseconds (int)."""
    ended = Signal()

    def __init__(self, session: Session, window: QWidget, scale: TypeScale, title: str) -> None:
        """`title`: whose past it is."""
        super().__init__(window)
        self.session, self.scale, self._title = session, scale, title
        self._done = False
        self._answer = ""
        """What is understood, or what is wrong."""
        self._before = window.focusWidget()
        self.field = Field(scale, self, limit=MOST)
        self.field.dress(session.look.theme)
        self.field.setAccessibleName(tr("replay.typed", camera=title))
        self.field.textChanged.connect(self._on_typed)
        self.field.installEventFilter(self)
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(IDLE_MS)
        self._idle.timeout.connect(self.end)
        self.setFocusProxy(self.field)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._on_typed("")
        self.show()
        self.raise_()
        self.field.setFocus()

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

    def say(self, sentence: str) -> None:
        """Instead of what is understood; the line stays."""
        self._answer = sentence
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut:
            self.end()
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        if event.key() in _ENTER:
            if not event.isAutoRepeat():
                self._enter()
        elif event.key() == Qt.Key.Key_Escape:
            self.end(back=True)
        else:
            return False
        return True  # an Enter that ends a time must not reach the alarm list behind it

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What the field does not take goes no further either: no key of the wall works while a time is typed."""
        event.accept()

    def _enter(self) -> None:
        try:
            t_ns = self._time()
        except WrongTime as wrong:
            self.say(tr(str(wrong)))
        else:
            self.entered.emit(t_ns)

    def _time(self) -> int:
        now_ns = self.session.clock.now_ns()
        zone = fmt.local_time(now_ns).tzinfo
        assert zone is not None
        return typed_time(self.field.text(), now_ns, zone)

    def _on_typed(self, typed: str) -> None:
        self._idle.start()
        self._answer = ""
        if typed.strip():
            now_ns = self.session.clock.now_ns()
            try:
                t_ns = self._time()
            except WrongTime:
                pass  # a time that is half typed is no mistake yet
            else:
                age = fmt.duration((now_ns - t_ns) / 1e9)
                self._answer = f"{replay_look.when(t_ns, now_ns)} · {tr('replay.ago', age=age)}"
        self._place()

    def _place(self) -> None:
        window, scale, pad = self.window(), self.scale, self.scale.pad
        hint, title = tr("replay.typed_hint"), tr("replay.typed", camera=self._title)
        wide = max(
            text.width(title, scale.read, Weight.SEMIBOLD), text.width(hint, scale.floor),
            text.width(self._answer, scale.read, Weight.SEMIBOLD),
        )  # fmt: skip
        width = math.ceil(min(wide + 4 * pad + 2, window.width() - 2 * pad))
        field = scale.line(scale.read) + pad
        height = 2 * scale.line(scale.read) + field + scale.line(scale.floor) + 3 * pad
        self.setGeometry((window.width() - width) // 2, window.height() - height - 2 * pad, width, height)
        self.field.setGeometry(2 * pad, pad + scale.line(scale.read), width - 4 * pad, field)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            theme, scale, pad = self.session.look.theme, self.scale, self.scale.pad
            painter.fillRect(self.rect(), theme.inverse)
            line, wide = scale.line(scale.read), self.width() - 4 * pad
            title = tr("replay.typed", camera=self._title)
            centre = Qt.AlignmentFlag.AlignHCenter
            room = QRectF(2 * pad, pad, wide, line)
            text.draw(painter, room, title, scale.read, theme.inverse_text, Weight.SEMIBOLD)
            below = self.field.geometry().bottom() + pad / 2
            said = QRectF(2 * pad, below, wide, line)
            text.draw(painter, said, self._answer, scale.read, theme.inverse_text, Weight.SEMIBOLD, align=centre)
            hint = QRectF(2 * pad, below + line, wide, scale.line(scale.floor))
            text.draw(painter, hint, tr("replay.typed_hint"), scale.floor, theme.inverse_text, align=centre)
        finally:
            painter.end()
