"""The pointer on a camera tile: the wheel looks closer where it points, a drag moves the part that is looked at, or
carries the camera away. By its caption a camera is always carried. Must not: decide what a drop does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent

from widgets.hands import Carried
from widgets.parts import camera_zoom as zoom
from widgets.parts.camera_drag import Carrier

if TYPE_CHECKING:
    from widgets.tiles.camera import CameraTile

_NOTCH = 120.0
"""What Qt tells for one notch of a wheel."""


class CameraMouse:
    """Of one tile. GUI thread only."""

    def __init__(self, tile: CameraTile) -> None:
        self._tile = tile
        self._carrier = Carrier(tile.session.hands)
        self._pan_from: QPointF | None = None

    def press(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        tile = self._tile
        on_caption = event.position().y() >= tile.height() - tile.scale.line(tile.scale.floor) * 1.3
        if tile.turn.active and not on_caption:
            tile.turn.press(event.position())
        elif tile.picture.seen != zoom.WHOLE and not on_caption:
            self._pan_from = event.position()
            tile.setCursor(Qt.CursorShape.ClosedHandCursor)
        else:
            self._carrier.press(event.globalPosition().toPoint())

    def move(self, event: QMouseEvent) -> None:
        if not event.buttons() & Qt.MouseButton.LeftButton:
            return
        self._tile.turn.move(event.position())
        if self._pan_from is None:
            self._carrier.move(event.globalPosition().toPoint(), self._what)
            return
        picture, by = self._tile.picture, self._pan_from - event.position()
        box = picture.box(self._tile.rect(), self._tile.camera)
        self._pan_from = event.position()
        if not box.isEmpty():
            self._tile.picture.look_at(
                zoom.panned(self._tile.picture.seen, by.x() / box.width(), by.y() / box.height())
            )

    def release(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._carrier.release()
            self._tile.turn.release()
            if self._pan_from is not None:
                self._pan_from = None
                self._tile.unsetCursor()

    def wheel(self, event: QWheelEvent) -> None:
        notches = event.angleDelta().y() / _NOTCH
        event.accept()
        if self._tile.turn.active:
            self._tile.turn.wheel(notches)
            return
        at = zoom.share_at(self._tile.picture.box(self._tile.rect(), self._tile.camera), event.position())
        self._tile.picture.look_at(zoom.nearer(self._tile.picture.seen, zoom.STEP**notches, at))

    def _what(self) -> Carried | None:
        camera = self._tile.camera
        return Carried(camera.id, self._tile.place) if camera is not None else None
