"""Carrying a sensor with the pointer onto a plot, where it is then compared: from the row of an alarm, a station of the
map or another plot's header.

Nothing is carried before the pointer has left what it was pressed in, and every press and release goes on to it: a
click of an unsteady hand, a choice of rows and a plot that is moved by hand stay what they are. Must not: decide what
a drop does.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget

from widgets.hands import CameraHands, Carried
from widgets.parts.camera_drag import SENSOR_PLACE, Carrier

SensorsAt = Callable[[QPoint], tuple[str, ...]]
"""Ids of the sensors at a point of a widget; none where there is nothing to carry."""
_numbers = count(1)


class SensorDrag(QObject):
    """Lets sensors be carried away from a widget: watches its mouse. GUI thread only."""

    def __init__(self, widget: QWidget, hands: CameraHands, sensors_at: SensorsAt) -> None:
        super().__init__(widget)
        self._widget, self._sensors_at = widget, sensors_at
        self._carrier = Carrier(hands)
        self._sensors: tuple[str, ...] = ()
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QMouseEvent):
            return False
        here, at = event.position().toPoint(), event.globalPosition().toPoint()
        match event.type():
            case QEvent.Type.MouseButtonPress if event.button() == Qt.MouseButton.LeftButton:
                self._carrier.release()
                self._sensors = self._sensors_at(here)
                self._carrier.press(at)
            case QEvent.Type.MouseMove if event.buttons() & Qt.MouseButton.LeftButton and self._sensors:
                outside = not self._widget.rect().contains(here)
                if outside or self._carrier.carrying:
                    source = str(self._widget.property(SENSOR_PLACE) or "")
                    self._carrier.move(at, lambda: Carried("", source, self._sensors))
                return outside  # rows must not be chosen on the way
            case QEvent.Type.MouseButtonRelease:
                self._carrier.release()
                self._sensors = ()
        return False


class SensorPlace(QObject):
    """A widget onto which sensors may be let go. GUI thread only."""

    def __init__(self, widget: QWidget, hands: CameraHands, take: Callable[[tuple[str, ...]], None]) -> None:
        super().__init__(widget)
        self._widget, self._hands, self._take = widget, hands, take
        self._name = f"plot.{next(_numbers)}"
        self.over = False
        """Something that is carried is over it now."""
        widget.setProperty(SENSOR_PLACE, self._name)
        hands.marked.connect(self._on_marked)
        hands.dropped.connect(self._on_dropped)

    def _on_marked(self) -> None:
        over = self._hands.over == self._name
        if over is not self.over:
            self.over = over
            self._widget.update()

    def _on_dropped(self, carried: Carried, place: str) -> None:
        if place == self._name and carried.sensors:
            self._take(carried.sensors)
