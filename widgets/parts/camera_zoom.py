"""Looking closer at a part of a picture: reckoning with crops. Pure.

A crop is (x, y, width, height) in shares of the full picture, as in `Demand`; its width and height are equal
shares, so that it has the picture's own shape. Must not: paint, or know pixels of a stream.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF

Crop = tuple[float, float, float, float]

WHOLE: Crop = (0.0, 0.0, 1.0, 1.0)
MOST = 16.0
"""Beyond it a picture of any camera is but squares."""
STEP = 1.25
"""One notch of a wheel, one press of a key."""
_SAME_SHAPE = 0.02
"""As in the scaler: shapes that differ by less are filled without bars."""


def factor(crop: Crop) -> float:
    """How many times larger than the whole picture."""
    return 1.0 / crop[2]


def nearer(crop: Crop, times: float, at: tuple[float, float] = (0.5, 0.5)) -> Crop:
    """Zoom by `times` (below 1: out); what lies at `at`, in shares of what is seen, stays where it is."""
    share = min(1.0, max(1.0 / MOST, crop[2] / times))
    if share > 0.999:
        return WHOLE
    x, y = crop[0] + at[0] * (crop[2] - share), crop[1] + at[1] * (crop[3] - share)
    return _inside(x, y, share)


def panned(crop: Crop, right: float, down: float) -> Crop:
    """Moved by shares of what is seen, as far as the picture goes."""
    return _inside(crop[0] + right * crop[2], crop[1] + down * crop[3], crop[2])


def _inside(x: float, y: float, share: float) -> Crop:
    return min(max(x, 0.0), 1.0 - share), min(max(y, 0.0), 1.0 - share), share, share


def picture_box(rect: QRectF, source: tuple[int, int]) -> QRectF:
    """Where the picture lies in a tile: the scaler fits it from above and leaves bars where the shapes differ.

    `source`: width and height; a 0 = not known, it is taken to fill the tile.
    """
    if min(source) <= 0 or rect.isEmpty():
        return rect
    shape, room = source[0] / source[1], rect.width() / rect.height()
    if abs(shape / room - 1) <= _SAME_SHAPE:
        return rect
    if shape > room:
        return QRectF(rect.left(), rect.top(), rect.width(), rect.width() / shape)
    width = rect.height() * shape
    return QRectF(rect.center().x() - width / 2, rect.top(), width, rect.height())


def share_at(box: QRectF, point: QPointF) -> tuple[float, float]:
    """A point of the tile in shares of what is seen, held inside it."""
    x = (point.x() - box.left()) / box.width() if box.width() else 0.5
    y = (point.y() - box.top()) / box.height() if box.height() else 0.5
    return min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)


def part_of(seen: Crop, drawn: Crop) -> QRectF:
    """`seen` in shares of `drawn`: what to take of a picture that was made for `drawn`. It may reach beyond."""
    return QRectF(
        (seen[0] - drawn[0]) / drawn[2], (seen[1] - drawn[1]) / drawn[3], seen[2] / drawn[2], seen[3] / drawn[3]
    )
