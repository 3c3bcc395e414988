"""One camera tile over its whole window, and back. Lists of alarms are never covered: it takes the room beside them.

Tiles that it covers are hidden, so that their pictures are no longer decoded. Must not: change the layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect

from widgets.tiles.camera import CameraTile
from widgets.tiles.registry import tile_specs

if TYPE_CHECKING:
    from widgets.windows.wall_window import WallWindow


class Maximised:
    """Of one window. GUI thread only."""

    def __init__(self, window: WallWindow) -> None:
        self._window = window
        self.tile: CameraTile | None = None

    def toggle(self, tile: CameraTile) -> None:
        """Make it large, or give it its own size again."""
        if self.tile is tile:
            self.end()
        else:
            self.end()
            self._begin(tile)

    def end(self) -> bool:
        """All tiles where the layout has them; False: they were."""
        tile, self.tile = self.tile, None
        if tile is None:
            return False
        tile.maximised = False
        for plan in self._window.plan.tiles:
            other = self._window.tiles.get(plan.id)
            if other is not None:
                other.setGeometry(QRect(plan.rect.x, plan.rect.y, plan.rect.width, plan.rect.height))
                other.show()
        return True

    def _begin(self, tile: CameraTile) -> None:
        window, specs = self._window, tile_specs()
        body, lists = QRect(), []
        for plan in window.plan.tiles:
            rect = QRect(plan.rect.x, plan.rect.y, plan.rect.width, plan.rect.height)
            body = body.united(rect)
            if (spec := specs.get(plan.kind)) is not None and spec.shows_alarms:
                lists.append(rect)
        room = free_room(body, lists, window.plan.gutter_px)
        if room.isEmpty():
            return
        self.tile, tile.maximised = tile, True
        for other in window.tiles.values():
            if other is not tile and other.geometry().intersects(room):
                other.hide()
        tile.setGeometry(room)
        tile.raise_()
        if window.sign_in is not None:
            window.sign_in.raise_()


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
