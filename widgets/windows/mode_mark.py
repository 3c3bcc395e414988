"""The word of the mode, faint and large over the tiles of a window that shows no operation: a picture of any part of
the wall, taken from across the room, says that it is an exercise.

Over the tiles and what is laid on them (a large camera, a sheet), below panels and notices. Painted once and laid over
what is repainted. Must not: take a click, or exist in operation.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from backends.domain.feeds import Mode
from widgets.i18n import tr
from widgets.parts import text
from widgets.session import Session
from widgets.theme import ThemeName
from widgets.typography import Weight

_SHARE = 0.5
"""Of the window's width that the word takes."""
_SLOPE_DEG = 20.0
_STRENGTH = 0.1
"""Opacity of the letters: what they lie on is read as before. Their shadow has the opposite tone, so that they show on
any picture."""
_TRY_PX = 100


class ModeMark(QWidget):
    """One a window. GUI thread only."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._key: object = None
        self._pixmap = QPixmap()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def refresh(self, window: QSize) -> None:
        """The mode, the words, the colours or the window (its size) may have changed."""
        mode, theme = self._session.city.link.mode, self._session.look.theme
        word = tr(f"mode.{mode}")
        ratio = self.devicePixelRatioF()
        key = (word, theme.name, window, ratio)
        self.setVisible(mode is not Mode.LIVE)
        if key == self._key or mode is Mode.LIVE:
            return
        self._key = key
        px = round(_TRY_PX * window.width() * _SHARE / text.width(word, _TRY_PX, Weight.BOLD))
        wide, high = text.width(word, px, Weight.BOLD) + px * 0.1, px * 1.2
        turn = math.radians(_SLOPE_DEG)
        self.resize(
            math.ceil(wide * math.cos(turn) + high * math.sin(turn)),
            math.ceil(wide * math.sin(turn) + high * math.cos(turn)),
        )
        self.move((window.width() - self.width()) // 2, (window.height() - self.height()) // 2)
        self._pixmap = QPixmap(self.size() * ratio)
        self._pixmap.setDevicePixelRatio(ratio)
        self._pixmap.fill(Qt.GlobalColor.transparent)
        inks = [QColor("#000000"), QColor("#ffffff")]
        if theme.name is ThemeName.LIGHT:
            inks.reverse()
        painter = QPainter(self._pixmap)
        try:
            painter.translate(self.width() / 2, self.height() / 2)
            painter.rotate(-_SLOPE_DEG)
            for ink, away in zip(inks, (max(1.5, px / 80), 0.0), strict=True):
                ink.setAlphaF(_STRENGTH)
                room = QRectF(away - wide / 2, away - px, wide, 2 * px)
                centre = Qt.AlignmentFlag.AlignHCenter
                text.draw(painter, room, word, px, ink, Weight.BOLD, align=centre, elide=False)
        finally:
            painter.end()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        part, ratio = QRectF(event.rect()), self._pixmap.devicePixelRatio()
        painter = QPainter(self)
        painter.drawPixmap(part, self._pixmap, QRectF(part.topLeft() * ratio, part.size() * ratio))
        painter.end()
