"""A line for short sentences at the bottom of a window, shown in place for some seconds, never a dialog."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from backends.domain.alarm import Priority
from widgets.parts import text
from widgets.session import Session
from widgets.typography import TypeScale, Weight

SHOWN_MS = 8000


class NoticeLine(QWidget):
    """Hidden until a notice is posted; a newer one takes its place."""

    def __init__(self, session: Session, scale: TypeScale, window: QWidget) -> None:
        super().__init__(window)
        self.session, self.scale, self._window = session, scale, window
        self._sentence = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SHOWN_MS)
        self._timer.timeout.connect(self.hide)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()
        session.notices.posted.connect(self._show)
        session.notices.toldDesk.connect(self._show_at_desk)

    @property
    def sentence(self) -> str:
        return self._sentence

    def _show(self, sentence: str, _priority: Priority | None) -> None:
        self._sentence = sentence
        self.place()
        self.show()
        self.raise_()
        self.update()
        self._timer.start()

    def _show_at_desk(self, sentence: str) -> None:
        if not self.scale.wall:
            self._show(sentence, None)

    def place(self) -> None:
        """Bottom centre of the window, as wide as its sentence."""
        window, px = self._window, self.scale.read
        wide = text.width(self._sentence, px, Weight.SEMIBOLD) + px * 2
        width = round(min(wide, window.width() * 0.9))
        height = self.scale.line(px) + self.scale.pad
        self.setGeometry((window.width() - width) // 2, window.height() - height - self.scale.pad * 2, width, height)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            theme, px = self.session.look.theme, self.scale.read
            painter.fillRect(self.rect(), theme.inverse)
            room = QRectF(self.rect()).adjusted(px * 0.8, 0, -px * 0.8, 0)
            text.draw(painter, room, self._sentence, px, theme.inverse_text, Weight.SEMIBOLD)
        finally:
            painter.end()
