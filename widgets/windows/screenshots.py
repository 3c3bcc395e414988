"""Pictures of all windows as PNG files (`--screenshot`).

Encoding a window of 3840x2160 takes a core for about a second, and a wall has several. So each window is painted in a
turn of the loop of its own, and a thread beside the loop encodes and writes: the loop goes on beating, and the
supervisor does not take it for hung. GUI thread only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

WAITING_MOST = 3
"""Painted and not written yet (33 MB each, of 4K windows): the next one is painted when there is room again."""


@dataclass
class _Moment:
    """The windows of one moment."""

    after_s: float
    due: deque[tuple[QWidget, Path]]
    """Not painted yet."""
    paths: list[Path]
    unwritten: set[Path]


class Screenshots(QObject):
    """One a session."""

    saved = Signal(float, list)
    """(moment, paths): all its windows are on the disk."""
    failed = Signal(str)
    """Why one of them is not."""
    _written = Signal(object, object, str)
    """(moment, path, why not)"""

    def __init__(self, windows: Callable[[], Sequence[QWidget]]) -> None:
        super().__init__()
        self._windows = windows
        self._moments: deque[_Moment] = deque()
        self._waiting = 0
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="screenshots")
        self._written.connect(self._on_written)

    def take(self, folder: Path, after_s: float) -> None:
        """One PNG per window, `screen-1-12s.png`; the first is painted before this returns."""
        due = deque((window, folder / f"screen-{n}-{after_s:g}s.png") for n, window in enumerate(self._windows(), 1))
        paths = [path for _, path in due]
        self._moments.append(_Moment(after_s, due, paths, set(paths)))
        self._paint_one()

    def close(self) -> None:
        """Wait for what is painted; what is not, is left."""
        self._moments.clear()
        self._writer.shutdown(wait=True)

    def _paint_one(self) -> None:
        moment = next((one for one in self._moments if one.due), None)
        if moment is None or self._waiting >= WAITING_MOST:
            return
        window, path = moment.due.popleft()
        self._waiting += 1
        if isValid(window):
            self._writer.submit(self._write, moment, window.grab().toImage(), path)
        else:  # its monitor went meanwhile
            self._written.emit(moment, path, f"{path.name}: its window is gone")
        QTimer.singleShot(0, self._paint_one)

    def _write(self, moment: _Moment, image: QImage, path: Path) -> None:
        """The writer's thread."""
        why = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not image.save(str(path)):
                why = f"cannot write {path}"
        except (OSError, RuntimeError, MemoryError) as error:  # whoever waits for its pictures must come to an end
            why = f"cannot write {path}: {error}"
        self._written.emit(moment, path, why)

    def _on_written(self, moment: _Moment, path: Path, why: str) -> None:
        self._waiting -= 1
        moment.unwritten.discard(path)
        if why:
            self.failed.emit(why)
        elif not moment.unwritten and moment in self._moments:
            self._moments.remove(moment)
            self.saved.emit(moment.after_s, moment.paths)
        self._paint_one()
