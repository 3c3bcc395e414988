"""Is somebody reading this list? Then it must not move under their eyes or their pointer.

A reader is a pointer over the rows that moved within the last minute, a key of the list within the last ten seconds, a
line that is being written, or rows scrolled away from the top. What lies forgotten ends by itself: a list that stands
still for ever is an old picture that looks live. A wall has no reader. Must not: know alarms.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from widgets.parts.rows import RowList

POINTER_S, KEYS_S, SCROLLED_S = 60.0, 10.0, 300.0
"""How long each counts without another movement; a line that is being written as long as rows scrolled away."""


class Reader(QObject):
    """One a list; its tile calls `look` once a second."""

    changed = Signal(bool)
    """True: somebody has begun to read."""

    def __init__(self, view: RowList) -> None:
        super().__init__(view)
        self._view = view
        self.reading = False
        self._writing = False
        self._pointed_s = self._key_s = self._touched_s = float("-inf")
        if not view.scale.wall:
            view.pointerMoved.connect(self._on_pointer)
            view.keyPressed.connect(self._on_key)
            view.verticalScrollBar().valueChanged.connect(self._on_scroll)

    def look(self) -> None:
        """The time has moved, or something above has."""
        view, now_s = self._view, self._view.session.mono.monotonic_s()
        away = self._writing or view.verticalScrollBar().value() > 0
        reading = (view.pointed and now_s - self._pointed_s < POINTER_S) or now_s - self._key_s < KEYS_S
        reading = reading or (away and now_s - self._touched_s < SCROLLED_S)
        if reading is not self.reading and not view.scale.wall:
            self.reading = reading
            self.changed.emit(reading)

    def write(self, writing: bool) -> None:
        """A line that belongs to rows is being written, a letter more each time; or no longer."""
        self._writing = writing
        self._touch()
        self.look()

    def end(self) -> None:
        """The reader asks for what is new: back to the top, and on from there."""
        self._pointed_s = self._key_s = self._touched_s = float("-inf")
        self._view.verticalScrollBar().setValue(0)
        self.look()
        if self.reading:  # something is open: it stays, but the list catches up
            self.changed.emit(False)
            self.changed.emit(True)

    def _on_pointer(self) -> None:
        self._pointed_s = self._touch()
        self.look()

    def _on_key(self) -> None:
        self._key_s = self._touch()
        self.look()

    def _on_scroll(self) -> None:
        self._touch()
        self.look()

    def _touch(self) -> float:
        self._touched_s = self._view.session.mono.monotonic_s()
        return self._touched_s
