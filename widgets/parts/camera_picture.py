"""The picture in a camera tile: what is painted from, which part of it is looked at, and what stands in for a moment.

Whatever gives pictures for a demand can be painted from (`source`); those of the past have demands of their own
(`backends.domain.replay`).
Must not: choose a camera or a stream, or say anything over the picture.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QRect, QRectF, QTimer
from PySide6.QtGui import QColor, QImage, QPainter

from backends.domain.camera import Camera, Demand
from backends.domain.place import Box
from backends.domain.ports import PictureSource
from backends.domain.replay import is_past, is_replay, kept_name
from backends.domain.times import MonotonicClock
from widgets.hands import Ask
from widgets.parts import camera_zoom as zoom
from widgets.parts.camera_details import PaintedRate
from widgets.parts.picture import Closer, PicturePainter, copy_of, draw_picture
from widgets.parts.privacy import paint_masks

SETTLE_MS = 180
"""After the last turn of the wheel the decoder is asked for just that part of the picture."""
BRIDGE_S = 1.0
"""So long the part of the last picture stands in while the first of the new part is on its way: less than what is
said to be slow."""
_PAN = 0.2
"""One press of an arrow, in shares of what is seen."""
_PANS = {Ask.LEFT: (-_PAN, 0.0), Ask.RIGHT: (_PAN, 0.0), Ask.UP: (0.0, -_PAN), Ask.DOWN: (0.0, _PAN)}
_GROUND = QColor("#0b0c0e")


class CameraPicture(QObject):
    """Of one tile. GUI thread only."""

    def __init__(
        self, parent: QObject, source: PictureSource, mono: MonotonicClock, changed: Callable[[bool], None]
    ) -> None:
        """`changed(settled)`: another part is looked at; settled: it is to be asked of the decoder (`asked`)."""
        super().__init__(parent)
        self.source = source
        self._mono, self._changed = mono, changed
        self.demand: Demand | None = None
        self.seen: zoom.Crop = zoom.WHOLE
        """The part of the picture that is looked at."""
        self.asked: zoom.Crop = zoom.WHOLE
        """The part that is asked of the decoder: it follows `seen` when that has come to rest."""
        self.masks: tuple[Box, ...] = ()
        """What must not be seen of this camera."""
        self.sequence = 0
        """Of what was painted last."""
        self.rate = PaintedRate()
        self._painter: PicturePainter | None = None
        self._kept: QImage | None = None
        """The last picture of a camera that the hub reports dead; or the one before a zoom, for a moment."""
        self._kept_of = zoom.WHOLE
        self._bridge_until_s = 0.0
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._settled)

    # -- what is painted from --------------------------------------------------------------------------

    def start_anew(self) -> None:
        """Another camera: nothing of the one before may be seen under its name."""
        self.seen = self.asked = zoom.WHOLE
        self._settle.stop()
        self._kept = None
        self._bridge_until_s = 0.0
        self.rate.clear()
        self._paint_from(None)

    def set_demand(self, demand: Demand | None) -> bool:
        """What is painted from now on; None: nothing, the last picture is kept. False: that is as it was."""
        if demand == self.demand:
            return False
        old, new = _of_past(self.demand), _of_past(demand)
        if old and old != new:
            self._kept, self._bridge_until_s = None, 0.0  # what was never stands in for what is
        elif demand is None:
            self._keep_last()
        elif self.demand is not None and demand.crop != self.demand.crop and old == new:
            self._keep_last()
            self._bridge_until_s = self._mono.monotonic_s() + BRIDGE_S
        self._paint_from(demand)
        return True

    def show_none(self) -> bool:
        """Nothing, not even the last picture: what is live would be taken for the past that is awaited."""
        if self.demand is None and self._kept is None:
            return False
        self._kept, self._bridge_until_s = None, 0.0
        self._paint_from(None)
        return True

    def let_go(self) -> None:
        """The tile is hidden."""
        self._paint_from(None)

    def _paint_from(self, demand: Demand | None) -> None:
        self.demand = demand
        self._painter = PicturePainter(self.source, demand) if demand is not None else None
        self.sequence = 0

    def _keep_last(self) -> None:
        if self.demand is None:
            return
        with self.source.pin(self.demand) as picture:
            if picture is not None:
                self._kept, self._kept_of = copy_of(picture), self.demand.crop

    @property
    def bridging(self) -> bool:
        """Part of the last picture stands in for the first of a new part."""
        return self._kept is not None and self._mono.monotonic_s() < self._bridge_until_s

    # -- painting --------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, rect: QRect, camera: Camera | None) -> None:
        """Fill `rect` with the newest picture, or with what may stand in for it, or with a dark ground."""
        painted = 0
        if self._painter is not None:
            painted = self._painter.paint(painter, rect, self._closer(self._painter.demand.crop, rect, camera))
            if painted and painted != self.sequence:
                self.rate.count(self._mono.monotonic_s())
            self.sequence = painted
        if painted and self._painter is not None:
            paint_masks(painter, self.masks, self.seen, self._lies_in(rect, camera, self._painter.size))
        elif self._kept is not None and (self._painter is None or self.bridging):
            kept = self._kept
            draw_picture(painter, rect, kept, kept.rect(), self._closer(self._kept_of, rect, camera))
            paint_masks(painter, self.masks, self.seen, self._lies_in(rect, camera, (kept.width(), kept.height())))
        else:
            painter.fillRect(rect, _GROUND)

    def _closer(self, drawn: zoom.Crop, rect: QRect, camera: Camera | None) -> Closer | None:
        """What to take of a picture that was made for `drawn`; None: all of it."""
        return None if drawn == self.seen else Closer(self.box(rect, camera), zoom.part_of(self.seen, drawn))

    def box(self, rect: QRect, camera: Camera | None) -> QRectF:
        """Where the picture lies in the tile, as far as its shape is known."""
        return zoom.picture_box(QRectF(rect), self._source_size(camera))

    def _lies_in(self, rect: QRect, camera: Camera | None, drawn: tuple[int, int]) -> QRectF:
        """As `box`, for a picture of `drawn` pixels that may have been made for a tile of another shape."""
        inner = zoom.picture_box(QRectF(0, 0, *drawn), self._source_size(camera))
        across, down = rect.width() / max(1, drawn[0]), rect.height() / max(1, drawn[1])
        left, top = rect.left() + inner.left() * across, rect.top() + inner.top() * down
        return QRectF(left, top, inner.width() * across, inner.height() * down)

    def _source_size(self, camera: Camera | None) -> tuple[int, int]:
        size = self.source.source_size(self.demand) if self.demand is not None else (0, 0)
        if min(size) > 0 or camera is None:
            return size
        return next(((s.width, s.height) for s in (*camera.restream, *camera.streams) if s.width and s.height), (0, 0))

    # -- which part is looked at -----------------------------------------------------------------------

    def look_at(self, crop: zoom.Crop) -> None:
        """Look at a part of the picture: at once with what there is, then sharp."""
        if crop != self.seen and self.demand is not None:
            self.seen = crop
            self._settle.start()
            self._changed(False)

    def _settled(self) -> None:
        self.asked = self.seen
        self._changed(True)

    def act(self, act: Ask) -> bool:
        """A key that has to do with the zoom; False: not this, or not now."""
        zoomed = self.seen != zoom.WHOLE
        if act in (Ask.NEARER, Ask.FARTHER):
            self.look_at(zoom.nearer(self.seen, zoom.STEP if act is Ask.NEARER else 1 / zoom.STEP))
        elif zoomed and act in (Ask.WHOLE, Ask.OUT):
            self.look_at(zoom.WHOLE)
        elif zoomed and act in _PANS:
            self.look_at(zoom.panned(self.seen, *_PANS[act]))
        else:
            return False
        return True


def _of_past(demand: Demand | None) -> str:
    """Which past it is of: pictures of one kind stand in for one another, and for no other. Empty: live, or none."""
    if demand is None:
        return ""
    if name := kept_name(demand.uri):
        return name  # of a moment of an alarm: for no other one either
    return "recorder" if is_past(demand.uri) else "ring" if is_replay(demand.uri) else ""
