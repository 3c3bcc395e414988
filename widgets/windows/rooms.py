"""Where something may be laid over a window for a time: beside its lists of alarms, as large as that goes.

Must not: know what is laid there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize

from widgets.tiles.registry import tile_specs

if TYPE_CHECKING:
    from widgets.windows.wall_window import WallWindow

ANY = QSize(1, 1)
_WORTH = 0.8
"""So much of a room must be left for it to leave a tile uncovered that it would have cut."""


def beside_lists(window: WallWindow, least: QSize = ANY) -> QRect:
    """The largest room that is left; empty where it is smaller than `least`."""
    specs = tile_specs()
    lists = [
        QRect(plan.rect.x, plan.rect.y, plan.rect.width, plan.rect.height)
        for plan in window.plan.tiles
        if (spec := specs.get(plan.kind)) is not None and spec.shows_alarms
    ]
    room = free_room(_body(window), lists, window.plan.gutter_px)
    return room if room.width() >= least.width() and room.height() >= least.height() else QRect()


def beside_or_low(window: WallWindow, least: QSize = ANY) -> QRect:
    """As `beside_lists`, and without half of a tile under it where that costs little; where the lists leave too little,
    over the last rows of the window. The bar then names the highest alarm."""
    room = beside_lists(window, least)
    if not room.isEmpty():
        tiles = [QRect(p.rect.x, p.rect.y, p.rect.width, p.rect.height) for p in window.plan.tiles]
        whole = clear_of_halves(room, tiles, window.plan.gutter_px)
        return whole if whole.width() >= least.width() and whole.height() >= least.height() else room
    body = _body(window)
    return body.adjusted(0, body.height() * 3 // 5, 0, 0)


def _body(window: WallWindow) -> QRect:
    """All that tiles lie on: the frame of the mode and the bar stay in sight."""
    body = QRect()
    for plan in window.plan.tiles:
        body = body.united(QRect(plan.rect.x, plan.rect.y, plan.rect.width, plan.rect.height))
    if body.isEmpty():
        gap, top = window.plan.gutter_px, window.plan.bar.y + window.plan.bar.height
        body = QRect(gap, top + gap, window.width() - 2 * gap, window.height() - top - 2 * gap)
    return body


def free_room(body: QRect, taken: Sequence[QRect], gap: int) -> QRect:
    """The largest rectangle of `body` that stays `gap` pixels away from all of `taken`."""
    held = [rect.adjusted(-gap, -gap, gap, gap) for rect in taken]
    xs = sorted({body.left(), body.right() + 1, *(x for r in held for x in (r.left(), r.right() + 1))})
    ys = sorted({body.top(), body.bottom() + 1, *(y for r in held for y in (r.top(), r.bottom() + 1))})
    best = QRect()
    for left in xs:
        for right in (x for x in xs if x > left):
            for top in ys:
                for bottom in (y for y in ys if y > top):
                    rect = QRect(left, top, right - left, bottom - top)
                    larger = rect.width() * rect.height() > best.width() * best.height()
                    if larger and body.contains(rect) and not any(rect.intersects(r) for r in held):
                        best = rect
    return best


def clear_of_halves(room: QRect, tiles: Sequence[QRect], gap: int) -> QRect:
    """`room` without the edge that would cut a tile in two, where most of it is left then: half a figure under the edge
    of a page says nothing, or something wrong."""
    for tile in tiles:
        if not tile.intersects(room) or room.contains(tile):
            continue
        left, top, right, bottom = room.left(), room.top(), room.right(), room.bottom()
        options = (
            QRect(left, top, room.width(), tile.top() - gap - top),
            QRect(left, tile.bottom() + 1 + gap, room.width(), bottom - tile.bottom() - gap),
            QRect(left, top, tile.left() - gap - left, room.height()),
            QRect(tile.right() + 1 + gap, top, right - tile.right() - gap, room.height()),
        )
        best = max(options, key=lambda rect: max(0, rect.width()) * max(0, rect.height()))
        if best.isValid() and best.width() * best.height() >= _WORTH * room.width() * room.height():
            room = best
    return room
