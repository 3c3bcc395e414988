"""The plot that was called up from an alarm: a sheet over the room beside the alarm lists, put away with Esc.

One a station, on the desk's window that is in use. It has a time of its own, whatever the other plots show, and goes
by itself when nobody has touched a plot for ten minutes, and with another layout or other monitors. Must not: cover a
list of alarms where there is room beside it, or change the layout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from backends.domain.times import NS_PER_S
from layouts.options import PlotOptions
from widgets.parts.plot_range import around
from widgets.pump import Pump
from widgets.session import Session
from widgets.tiles.plot import PlotTile
from widgets.windows.list_panel import focus_below
from widgets.windows.rooms import beside_or_low

if TYPE_CHECKING:
    from widgets.windows.wall_window import WallWindow

_WIDE_EM, _HIGH_EM = 64, 34
"""As large as a plot is read well; more would hide pictures for nothing."""


class PlotSheets(QObject):
    """GUI thread only."""

    def __init__(self, session: Session, pump: Pump, windows: Callable[[], Sequence[WallWindow]]) -> None:
        super().__init__()
        self._session, self._windows = session, windows
        self.tile: PlotTile | None = None
        self._before: QWidget | None = None
        session.calls.plotCalled.connect(self.call)
        session.city.feedsChanged.connect(lambda changed: self._each(lambda tile: tile.on_feeds(changed)))
        session.city.healthChanged.connect(lambda: self._each(lambda tile: tile.on_health()))
        session.look.changed.connect(lambda: self._each(lambda tile: tile.on_look()))
        pump.secondPassed.connect(self._on_second)

    def call(self, sensor_id: str, t_ns: int, half_s: int) -> None:
        """That sensor's plot, so long before and after a moment (ns) as far as it has come."""
        window = self._window()
        if window is None:
            return
        before = self._before if self.tile is not None else focus_below(window)
        self.end(back=False)
        self._before = before
        half_ns = half_s * NS_PER_S
        options = PlotOptions(sensor=sensor_id, hours=max(1, 2 * half_s) / 3600)
        tile = PlotTile(self._session, window.scale, options)
        tile.alone = True
        tile.moment_ns = t_ns
        tile.show_view(around(t_ns, half_ns, self._session.clock.now_ns()))
        tile.setParent(window)
        tile.setGeometry(self._room(window))
        tile.installEventFilter(self)
        self.tile = tile
        tile.show()
        window.lay_over(tile)
        if window.sign_in is not None:
            window.sign_in.raise_()
        tile.setFocus()
        self._tell_bars()

    def end(self, *, back: bool = True) -> None:
        """Put it away; `back`: the keyboard goes back to where it was."""
        tile, self.tile = self.tile, None
        if tile is None:
            return
        before, self._before = self._before, None
        if isValid(tile):
            if back and before is not None and isValid(before) and before.isVisible():
                before.setFocus()
            else:
                tile.clearFocus()
            tile.hide()
            tile.setParent(None)
            tile.deleteLater()
        self._tell_bars()

    def _tell_bars(self) -> None:
        for window in self._windows():
            window.tell_of_highest()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        esc = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if watched is self.tile and esc and event.type() == QEvent.Type.KeyPress:
            self.end()
            return True
        return False

    def _each(self, do: Callable[[PlotTile], None]) -> None:
        if self.tile is not None and isValid(self.tile):
            do(self.tile)
        else:
            self.tile = None  # its window has gone

    def _on_second(self) -> None:
        if self.tile is not None and self._session.plots.idle():
            self.end(back=False)
        self._each(lambda tile: tile.on_second())

    def _window(self) -> WallWindow | None:
        """The desk's window in use, else the first desk; where there is only a wall, that."""
        windows = list(self._windows())
        desks = [window for window in windows if not window.scale.wall]
        active = next((window for window in desks if window.isActiveWindow()), None)
        return active or next(iter(desks or windows), None)

    @staticmethod
    def _room(window: WallWindow) -> QRect:
        room = beside_or_low(window)  # nothing but lists: over their last rows; the bar names the highest
        em = window.scale.floor
        width, height = min(room.width(), em * _WIDE_EM), min(room.height(), em * _HIGH_EM)
        return QRect(room.right() + 1 - width, room.bottom() + 1 - height, width, height)
