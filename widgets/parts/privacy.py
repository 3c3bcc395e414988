"""Privacy masks: parts of a picture that must not be seen, filled wherever the picture is painted or saved.

Must not: know where masks come from beyond the records of the feed `config`, or be switched off.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from backends.domain.place import Box
from widgets.parts.camera_zoom import WHOLE, Crop, part_of

FILL = QColor("#3a3f46")
_EDGE = 1.0
"""Pixels that a mask reaches beyond its box: rounding must not leave a line of what is under it."""


def paint_masks(painter: QPainter, masks: tuple[Box, ...], seen: Crop, box: QRectF) -> None:
    """Fill them. `seen`: the part of the picture that lies in `box`."""
    if not masks:
        return
    painter.save()
    painter.setClipRect(box.adjusted(-_EDGE, -_EDGE, _EDGE, _EDGE))
    for mask in masks:
        part = part_of(mask, seen)
        filled = QRectF(
            box.left() + part.left() * box.width(),
            box.top() + part.top() * box.height(),
            part.width() * box.width(),
            part.height() * box.height(),
        )
        painter.fillRect(filled.adjusted(-_EDGE, -_EDGE, _EDGE, _EDGE), FILL)
    painter.restore()


def burn_masks(image: QImage, masks: tuple[Box, ...]) -> None:
    """Fill them in a whole picture."""
    painter = QPainter(image)
    try:
        paint_masks(painter, masks, WHOLE, QRectF(image.rect()))
    finally:
        painter.end()
