"""One camera tile over its whole window, and back. Lists of alarms are never covered: it takes the room beside them.

Tiles that it covers are hidden, so that their pictures are no longer decoded. Must not: change the layout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect

from widgets.tiles.camera import CameraTile
from widgets.windows.rooms import beside_lists

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
        window = self._window
        room = beside_lists(window)
        if room.isEmpty():
            return
        self.tile, tile.maximised = tile, True
        for other in window.tiles.values():
            if other is not tile and other.geometry().intersects(room):
                other.hide()
        tile.setGeometry(room)
        window.lay_over(tile)
        if window.sign_in is not None:
            window.sign_in.raise_()
