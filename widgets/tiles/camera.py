"""One camera: the picture fills the tile, and anything that is wrong with it is said on it.

Never shows an old picture as live: what is drawn over it follows the age of the last new frame, read
from shared memory at every pass, not from a message that could be missing. A tile with `slot = "alarm"`
shows the camera of the gravest alarm, or the one that stands in for it; no other tile ever changes by
itself.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QHideEvent, QImage, QPainter, QPaintEvent, QResizeEvent, QShowEvent

from backends.domain.camera import Camera, Demand, PictureState, PictureStatus
from backends.domain.stream_choice import Act, View, Why
from layouts.options import CameraOptions
from widgets.parts.camera_overlay import BAD, CameraOverlay, Said
from widgets.parts.picture import PicturePainter
from widgets.parts.shapes import draw_hatch
from widgets.parts.stand_in import Shown, choose
from widgets.session import Session
from widgets.tiles.base import Tile, TileSpec
from widgets.typography import TypeScale

_STATUS_EVERY = 5
"""Passes between looks at the status: 10 Hz at 50 passes a second."""
_GRAVEST = (Act.RATE, Act.MAIN_STREAM, Act.NON_REFERENCE, Act.LOOP_FILTER)
"""Of what may be left out: one of them is said."""


class CameraTile(Tile):
    """See the module."""

    feeds = ("cameras", "alarms", "local")
    has_header = False

    def __init__(self, session: Session, scale: TypeScale, options: Any) -> None:
        super().__init__(session, scale, options)
        self._called = ""
        self._neighbours: frozenset[str] = frozenset()
        self._shown = Shown("", None)
        self._of = ""
        """The camera that is painted, or was kept."""
        self._demand: Demand | None = None
        self._painter: PicturePainter | None = None
        self._sequence = 0
        self._passes = 0
        self._status = PictureStatus(PictureState.CONNECTING)
        self._left_out: Act | None = None
        self._overlay = CameraOverlay(session, scale)
        self._kept: QImage | None = None
        """The last picture of a camera that the hub reports dead, kept dark under the hatch."""
        if options.slot:
            session.calls.cameraCalled.connect(self._on_called)
        self.refresh()

    # -- which camera ----------------------------------------------------------------------------------

    def refresh(self) -> None:
        self._shown = choose(self.session.city, self.options, self._called, self._neighbours)
        self._update_view()
        self._overlay.forget()
        super().refresh()

    def set_neighbours(self, numbers: frozenset[str]) -> None:
        """Camera numbers that the window's other tiles show."""
        if numbers != self._neighbours:
            self._neighbours = numbers
            self.refresh()

    def _on_called(self, camera_id: str) -> None:
        self._called = camera_id
        self.refresh()

    @property
    def camera(self) -> Camera | None:
        return self.session.city.camera(self._shown.camera_id)

    @property
    def alarmed(self) -> bool:
        """An alarm is seen on it."""
        return self._shown.alarm is not None

    def _update_view(self) -> None:
        """Say what can be seen of which camera; `on_demand` brings what is painted."""
        camera = self.camera
        camera_id = camera.id if camera is not None else ""
        if camera_id != self._of:
            # The picture of one camera is never seen under the name of another.
            self._of, self._kept, self._left_out = camera_id, None, None
            self._status = PictureStatus(PictureState.CONNECTING)
            self._paint_from(None)
        view = None
        if camera is not None and self.isVisible() and not self._dead_by_hub(camera):
            ratio = self.devicePixelRatioF()
            view = View(camera.id, round(self.width() * ratio), round(self.height() * ratio))
        else:
            self.on_demand(None)
        self.session.demands.set(self, view)

    def on_demand(self, demand: Demand | None) -> None:
        """The desk of streams says what is painted. While a stream is switched that is the old one."""
        if demand == self._demand:
            return
        if demand is None:
            self._keep_last()
        self._paint_from(demand)
        self.update()

    def _paint_from(self, demand: Demand | None) -> None:
        self._demand = demand
        self._painter = PicturePainter(self.session.pictures, demand) if demand is not None else None
        self._sequence = 0

    @staticmethod
    def _dead_by_hub(camera: Camera) -> bool:
        """A drawn scene cannot fail by itself, so there the hub's word decides; elsewhere the picture does."""
        return not camera.online and any(s.uri.startswith("scene:") for s in camera.streams)

    def _keep_last(self) -> None:
        if self._demand is None:
            return
        with self.session.pictures.pin(self._demand) as picture:
            if picture is not None:
                rows, columns = picture.pixels.shape[:2]
                kept = QImage(picture.pixels.tobytes(), columns, rows, columns * 4, QImage.Format.Format_RGB32)
                self._kept = kept.copy()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._update_view()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.session.demands.set(self, None)
        self._status = PictureStatus(PictureState.CONNECTING)
        self._paint_from(None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._update_view()
        self._overlay.forget()

    # -- clocks ----------------------------------------------------------------------------------------

    def on_picture_pass(self) -> None:
        if self._demand is None or not self.isVisible():
            return
        sequence = self.session.pictures.sequence(self._demand)
        self._passes += 1
        if self._passes % _STATUS_EVERY == 0:
            self._look_at_status()
        if sequence != self._sequence:
            self.update()

    def _look_at_status(self) -> None:
        if self._demand is None:
            return
        status = self.session.pictures.status(self._demand)
        if (status.state, int(status.age_s)) != (self._status.state, int(self._status.age_s)) and (
            status.state is not PictureState.LIVE or self._status.state is not PictureState.LIVE
        ):
            self.update()
        self._status = status
        left_out = self._look_at_left_out(self._demand.camera_id)
        if left_out is not self._left_out:
            self._left_out = left_out
            self.update()

    def _look_at_left_out(self, camera_id: str) -> Act | None:
        """The gravest of what is left out of its picture."""
        streams = self.session.streams
        use = streams.use(camera_id)
        acts = {*streams.left_out(camera_id)} | (
            {Act.MAIN_STREAM} if use is not None and use.why is Why.LOAD else set()
        )
        return next((act for act in _GRAVEST if act in acts), None)

    def on_second(self) -> None:
        camera = self.camera
        if camera is not None and self._dead_by_hub(camera):
            self.update()

    def on_blink(self, bright: bool) -> None:
        """Nothing blinks on a picture: the flag's symbol is steady, the list's blinks."""

    def status(self) -> PictureStatus:
        """What the tile says about its picture."""
        camera = self.camera
        if camera is None:
            return PictureStatus(PictureState.NO_SOURCE)
        if not camera.enabled:
            return PictureStatus(PictureState.DISABLED)
        if not (camera.streams or camera.restream):
            return PictureStatus(PictureState.NO_SOURCE)
        if self._dead_by_hub(camera):
            age_s = max(0.0, (self.now_ns() - camera.t_state_ns) / 1e9) if camera.t_state_ns else 0.0
            return PictureStatus(PictureState.LOST, age_s=age_s)
        return self._status

    # -- painting --------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            status = self.status()
            bad = status.state in BAD
            self._paint_picture(painter, dark=bad and not self._idle)
            said = Said(self._shown, self.camera, status, self.options.camera, self._idle, self._left_out)
            self._overlay.paint(painter, self, said)
        finally:
            painter.end()

    @property
    def _idle(self) -> bool:
        """A place kept for alarms that has none and no camera of its own: that is calm, not a fault."""
        return bool(self.options.slot) and not self._shown.camera_id and not self._shown.number

    def _paint_picture(self, painter: QPainter, *, dark: bool) -> None:
        rect = self.rect()
        painted = 0
        if self._painter is not None:
            painted = self._painter.paint(painter, rect)
            self._sequence = painted
        elif self._kept is not None:
            painter.drawImage(QRectF(rect), self._kept)
            painted = 1
        if not painted:
            painter.fillRect(rect, QColor("#0b0c0e"))
        if dark:
            painter.fillRect(rect, QColor(8, 9, 11, 205))
            draw_hatch(painter, QRectF(rect), QColor(255, 255, 255, 16), self.scale.read * 1.5)


SPEC = TileSpec(kind="camera", options=CameraOptions, widget=CameraTile)
