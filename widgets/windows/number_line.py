"""The line in which camera, tile and monitor are typed as numbers. It has the keyboard while it is there.

So an Enter that ends a number can never reach the alarm list behind it. Must not: know what a number means.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from widgets.i18n import tr
from widgets.parts import text
from widgets.parts.typed_numbers import Typed
from widgets.session import Session
from widgets.typography import TypeScale, Weight

IDLE_MS = 15_000
"""After that it goes: numbers must not stand over the pictures because somebody was called away."""
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class NumberLine(QWidget):
    """Of one window; hidden while nobody types."""

    typedChanged = Signal()
    entered = Signal()
    """Enter: `typed` is complete, as far as the person is concerned."""
    ended = Signal()

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self.session = session
        self.scale: TypeScale | None = None
        self.typed = Typed()
        self.answer = ""
        """What is said under the number: whose camera it is, or what is wrong with it."""
        self._done = False
        self._before: QWidget | None = None
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(IDLE_MS)
        self._idle.timeout.connect(self.end)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.hide()

    def begin(self, scale: TypeScale, char: str) -> None:
        """The first digit was typed somewhere in the window."""
        self.scale, self.typed, self.answer = scale, Typed().add(char), ""
        self._before = self.window().focusWidget()
        self.show()
        self.raise_()
        self.setFocus()
        self._changed()

    def say(self, sentence: str) -> None:
        self.answer = sentence
        self._place()

    def end(self, *, back: bool = False) -> None:
        """`back`: the keyboard goes back to where it was. Not after a time: an Enter that comes late for the number
        would else acknowledge an alarm."""
        if self._done:
            return
        self._done = True
        self._idle.stop()
        before, self._before = self._before, None
        if back and before is not None and isValid(before) and before.isVisible():
            before.setFocus()
        else:
            self.clearFocus()  # before it hides: Qt would give the keyboard to whatever comes next, an alarm list say
        self.hide()
        self.ended.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _ENTER:
            if not event.isAutoRepeat():
                self.entered.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.end(back=True)
        elif event.key() == Qt.Key.Key_Backspace:
            self.typed = self.typed.shorter()
            if self.typed.parts:
                self._changed()
            else:
                self.end(back=True)
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()
        elif (more := self.typed.add(event.text())) != self.typed:
            self.typed = more
            self._changed()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.end()

    def _changed(self) -> None:
        self._idle.start()
        self.answer = ""
        self.typedChanged.emit()
        self._place()

    def _lines(self) -> tuple[tuple[str, int, Weight], ...]:
        assert self.scale is not None
        number = (tr("camera_hand.typed", words=self.typed.words), self.scale.glance, Weight.BOLD)
        hint = (tr("camera_hand.typed_hint"), self.scale.floor, Weight.REGULAR)
        said = ((self.answer, self.scale.read, Weight.SEMIBOLD),) if self.answer else ()
        return (number, *said, hint)

    def _place(self) -> None:
        """At the bottom, as large as its words: numbers of tiles stand at their top."""
        if self.scale is None:
            return
        window, pad = self.window(), self.scale.pad
        lines = self._lines()
        wide = max(text.width(words, px, weight) for words, px, weight in lines) + 4 * pad + 2
        height = sum(self.scale.line(px) for _, px, _ in lines) + 2 * pad
        width = math.ceil(min(wide, window.width() - 2 * pad))
        self.setGeometry((window.width() - width) // 2, window.height() - height - 2 * pad, width, height)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.scale is None:
            return
        painter = QPainter(self)
        try:
            theme, pad = self.session.look.theme, self.scale.pad
            painter.fillRect(self.rect(), theme.inverse)
            top = float(pad)
            for words, px, weight in self._lines():
                step = self.scale.line(px)
                room = QRectF(2 * pad, top, self.width() - 4 * pad, step)
                text.draw(painter, room, words, px, theme.inverse_text, weight, align=Qt.AlignmentFlag.AlignHCenter)
                top += step
        finally:
            painter.end()
