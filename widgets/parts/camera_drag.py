"""Carrying a camera with the pointer: from a tile, or from the list of cameras, onto a tile of any window.

It is our own and not the window system's drag and drop: that runs a loop of its own, in which the wall would stand
still on some systems, and it ends at the edge of the program anyway. Must not: decide what a drop does.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from widgets.hands import CameraHands, Carried
from widgets.parts import text
from widgets.parts.camera_marks import CHIP, CHIP_INK
from widgets.typography import TypeScale, Weight

PLACE = "camera_place"
"""Property of a widget that is a place for a camera."""
SENSOR_PLACE = "sensor_place"
"""For sensors."""


def place_at(at: QPoint, kind: str = PLACE) -> str:
    """The place under a point (global), empty where there is none."""
    widget = QApplication.widgetAt(at)
    while widget is not None:
        if place := widget.property(kind):
            return str(place)
        widget = widget.parentWidget()
    return ""


def far_enough(start: QPoint, now: QPoint) -> bool:
    """The pointer has been moved on purpose."""
    return (now - start).manhattanLength() >= QApplication.startDragDistance()


class Carrier:
    """One press of a button that may become a carrying. GUI thread only."""

    def __init__(self, hands: CameraHands) -> None:
        self._hands = hands
        self._start: QPoint | None = None
        self._carried: Carried | None = None

    @property
    def carrying(self) -> bool:
        return self._carried is not None and self._hands.carried == self._carried

    def press(self, at: QPoint) -> None:
        self._start = at

    def move(self, at: QPoint, what: Callable[[], Carried | None]) -> bool:
        """The pointer is here now (global), its button down; True: it carries a camera. `what`: asked once."""
        if self._carried is None:
            if self._start is None or not far_enough(self._start, at):
                return False
            self._start, self._carried = None, what()
            if self._carried is None:
                return False
        elif not self.carrying:
            return True  # given up by a key: the button has only not been let go yet
        place = place_at(at, SENSOR_PLACE if self._carried.sensors else PLACE)
        self._hands.carry(self._carried, place if place != self._carried.source else "", at)
        return True

    def release(self) -> bool:
        """The button was let go; True: something was carried."""
        carried, carrying = self._carried, self.carrying
        self._start = self._carried = None
        if carrying:
            self._hands.drop(done=True)
        return carried is not None


class ListDrag(QObject):
    """Lets rows of a list be carried onto tiles: watches the list's viewport."""

    def __init__(self, view: QWidget, hands: CameraHands, camera_at: Callable[[QPoint], str]) -> None:
        """`camera_at`: id of the camera whose row is at a point of the viewport, empty where there is none."""
        super().__init__(view)
        self._carrier = Carrier(hands)
        self._camera_at = camera_at
        self._camera = ""
        view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QMouseEvent):
            return False
        at = event.globalPosition().toPoint()
        match event.type():
            case QEvent.Type.MouseButtonPress if event.button() == Qt.MouseButton.LeftButton:
                self._camera = self._camera_at(event.position().toPoint())
                self._carrier.press(at)
            case QEvent.Type.MouseMove if event.buttons() & Qt.MouseButton.LeftButton and self._camera:
                # Rows must not be chosen on the way: a list would follow the pointer with its selection.
                self._carrier.move(at, lambda: Carried(self._camera))
                return True
            case QEvent.Type.MouseButtonRelease if self._carrier.release():
                self._camera = ""
                return True
        return False


class CarriedLabel(QWidget):
    """The camera that the pointer carries, beside the pointer, in whatever window that is."""

    def __init__(self, scale: TypeScale, words: str, window: QWidget) -> None:
        super().__init__(window)
        self.scale, self.words = scale, words
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        px = scale.read
        self.resize(math.ceil(text.width(words, px, Weight.SEMIBOLD) + px * 1.2) + 1, scale.line(px) + 4)

    def follow(self, at: QPoint) -> None:
        """`at`: global."""
        window, gap = self.window(), self.scale.read
        here = window.mapFromGlobal(at)
        x = min(here.x() + gap, window.width() - self.width())
        y = min(here.y() + gap, window.height() - self.height())
        self.move(max(0, x), max(0, y))
        self.show()
        self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), CHIP)
            px = self.scale.read
            room = QRectF(self.rect()).adjusted(px * 0.6, 0, -px * 0.6, 0)
            text.draw(painter, room, self.words, px, CHIP_INK, Weight.SEMIBOLD)
        finally:
            painter.end()
