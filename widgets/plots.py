"""What the plots of one station share: the cursor, the mark it is compared with, and the time that is looked at.

Plots of a wall follow the cursor but never the time: a wall does not leave now because somebody at a desk looks back.
A look at the past ends by itself when nobody has touched a plot for `IDLE_S`: an old range must never stand there as
if it were live. GUI thread only.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from backends.domain.times import MonotonicClock
from widgets.memory import Memory
from widgets.parts.plot_range import View

IDLE_S = 600.0
_LINKED = "plots.unlinked"


class PlotDesk(QObject):
    """One a session."""

    cursorMoved = Signal()
    """The cursor or the mark."""
    viewChanged = Signal()
    """The shared view, or whether it is shared."""

    def __init__(self, mono: MonotonicClock, memory: Memory) -> None:
        super().__init__()
        self._mono, self._memory = mono, memory
        self._touched_s = 0.0
        self.cursor_ns: int | None = None
        self.mark_ns: int | None = None
        """The first of two cursors: differences are told against it."""
        self.view: View | None = None
        """Of all linked plots; None: each shows its own hours up to now."""
        self.linked = not memory.get(_LINKED)

    def point(self, t_ns: int | None) -> None:
        """The cursor stands at this moment, on every plot; None: nowhere."""
        if t_ns != self.cursor_ns:
            self.cursor_ns = t_ns
            self.cursorMoved.emit()

    def mark(self) -> None:
        """Keep the cursor's moment to compare others with; pressed there again, or without a cursor: forget it."""
        self.mark_ns = None if self.mark_ns is not None and self.cursor_ns in (None, self.mark_ns) else self.cursor_ns
        self.cursorMoved.emit()

    def show(self, view: View | None) -> None:
        """The time that linked plots show."""
        if view != self.view:
            self.view = view
            self.viewChanged.emit()

    def link(self, *, linked: bool) -> None:
        self.linked = linked
        self._memory.set(_LINKED, "" if linked else "1")
        self.viewChanged.emit()

    def touch(self) -> None:
        """Somebody uses a plot."""
        self._touched_s = self._mono.monotonic_s()

    def idle(self) -> bool:
        """Nobody has used one for so long that a look at the past ends."""
        return self._mono.monotonic_s() - self._touched_s >= IDLE_S
