"""Paints the newest picture of one demand: the one place where shared pixels become a QImage.

Two traps are kept here. Colours are made of the shared memory inside its pin: otherwise the worker writes into what
is being read; all pictures of one size share the place of their colours, so they are painted or copied at once. And
the paint calls in use must not lose references to None (PySide 6.12.0 on Python < 3.12 does in `drawImage` at a point;
design, section 9): only drawImage(QRect, QImage, QRect) is used.
Must not: draw state, name or age over the picture (tiles do), or decide what is demanded.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from backends.domain.camera import Demand, PictureStatus
from backends.domain.ports import Picture, PictureSource


@dataclass(frozen=True)
class Closer:
    """A part of a picture that was made for more (or less) than is looked at now."""

    box: QRectF
    """Where the picture lies in the tile, without the bars beside it; logical pixels."""
    part: QRectF
    """What is looked at, in shares of what it was made for; it may reach beyond: that stays black."""


def draw_picture(painter: QPainter, rect: QRect, image: QImage, used: QRect, closer: Closer | None) -> None:
    """Draw `used` (pixels of `image`, what belongs to all of `rect`), or the part of it that is looked at."""
    if closer is None:
        painter.drawImage(rect, image, used)
        return
    painter.fillRect(rect, QColor("#0b0c0e"))
    across, down = used.width() / rect.width(), used.height() / rect.height()
    box, part = closer.box, closer.part
    source = QRectF(
        (box.left() + part.left() * box.width()) * across,
        (box.top() + part.top() * box.height()) * down,
        part.width() * box.width() * across,
        part.height() * box.height() * down,
    )
    painter.drawImage(box.toRect(), image, source.toRect())


def _image(picture: Picture) -> QImage:
    """Its colours, where they are until the next picture of its size."""
    rows = picture.bgra()
    return QImage(rows.data, picture.width, picture.height, rows.strides[0], QImage.Format.Format_RGB32)


def copy_of(picture: Picture) -> QImage:
    """An image of its own, to be kept. Whether it was torn meanwhile is known after the pin."""
    return _image(picture).copy()


class PicturePainter:
    """One tile's view of the pictures. GUI thread only."""

    def __init__(self, source: PictureSource, demand: Demand) -> None:
        self._source = source
        self.demand = demand
        self.painted = 0
        """Sequence of the picture that `paint` drew last."""
        self.size = (0, 0)
        """Pixels that stood for the whole tile in it: those of another output until its own has a picture."""

    def has_new(self) -> bool:
        """There is a picture that has not been painted. Cheap: asked at every picture pass."""
        return self._source.sequence(self.demand) != self.painted

    def status(self) -> PictureStatus:
        """What the tile should say about the picture."""
        return self._source.status(self.demand)

    def paint(self, painter: QPainter, rect: QRect, closer: Closer | None = None) -> int:
        """Fill `rect` (logical pixels) with the newest picture; returns its sequence, 0 = none was there.

        One pixel for one pixel where the demand was made for this size; else scaled. `closer`: only that part of it,
        until a picture comes that was made for it.
        """
        with self._source.pin(self.demand) as picture:
            if picture is None:
                self.painted = 0
                return 0
            image = _image(picture)
        part = self._part(image.width(), image.height())
        self.size = part.width(), part.height()
        draw_picture(painter, rect, image, part, closer)
        self.painted = picture.sequence  # after the pin: 0 when the picture was torn meanwhile
        return self.painted

    def _part(self, width: int, height: int) -> QRect:
        """The part of the output that was demanded: outputs have even sides, so one line may be too many."""
        demand = self.demand
        return QRect(
            0,
            0,
            demand.width if width == demand.width + 1 else width,
            demand.height if height == demand.height + 1 else height,
        )
