"""Finds room for words on a plot: the first of several places where nothing else is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QPointF, QRectF

from widgets.parts import text
from widgets.typography import LINE_HEIGHT, Weight


def box(at: QPointF, words: str, px: int, weight: Weight = Weight.REGULAR) -> QRectF:
    """Room of one line of `words` whose top left corner is `at`."""
    return QRectF(at.x(), at.y(), text.width(words, px, weight) + 1.0, px * LINE_HEIGHT)


def around(anchor: QPointF, words: str, px: int, weight: Weight, gap: float) -> list[QRectF]:
    """Rooms beside a point, best first: above left, below left, above, above right, below right."""
    size = box(QPointF(), words, px, weight).size()
    w, h = size.width(), size.height()
    x, y = anchor.x(), anchor.y()
    return [
        QRectF(x - w + gap, y - h - gap, w, h),
        QRectF(x - w + gap, y + gap, w, h),
        QRectF(x - w / 2, y - h - gap, w, h),
        QRectF(x + gap, y - h - gap, w, h),
        QRectF(x + gap, y + gap, w, h),
        QRectF(x - w - gap * 3, y - h / 2, w, h),
    ]


class Placer:
    """Remembers what is taken. Not one label more than fits is placed."""

    def __init__(self, bounds: QRectF) -> None:
        self.bounds = bounds
        self.taken: list[QRectF] = []

    def free(self, room: QRectF) -> bool:
        return self.bounds.contains(room) and not any(room.intersects(other) for other in self.taken)

    def take(self, room: QRectF) -> None:
        self.taken.append(room)

    def place(self, rooms: Iterable[QRectF], cost: Callable[[QRectF], float] | None = None) -> QRectF | None:
        """The free room of least `cost` (the first of equals), taken at once; None when none is free.

        A room that only just leaves the bounds is pushed back inside.
        """
        best: tuple[float, QRectF] | None = None
        for room in rooms:
            inside = self._pushed(room)
            if not self.free(inside):
                continue
            price = cost(inside) if cost is not None else 0.0
            if best is None or price < best[0] - 1e-9:
                best = (price, inside)
        if best is None:
            return None
        self.take(best[1])
        return best[1]

    def _pushed(self, room: QRectF) -> QRectF:
        left = min(max(room.left(), self.bounds.left()), self.bounds.right() - room.width())
        return QRectF(left, room.top(), room.width(), room.height())
