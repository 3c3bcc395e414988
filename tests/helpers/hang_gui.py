"""The real GUI process, whose thread a test can block: `python -m helpers.hang_gui`, settings as `console.gui`.

While the file `block` is in the data folder with a number of seconds in it, the GUI's thread blocks once for
as long, in `hang_here`, from a timer of its own loop; the number 0 blocks for ever. The text of the file
`remember` goes into the session's memory; what the memory holds at the start is written to `memory.json`.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QTimer

from console import gui
from console.app import SessionBuilder

_never = threading.Event()


def hang_here(seconds: float) -> None:
    """The name that stacks must show."""
    _never.wait(seconds or None)


class HangingBuilder(SessionBuilder):
    """Looks for the file fifty times a second."""

    def start(self, painted: Callable[[], None] | None = None) -> None:
        self._folder = Path(self._settings.data_dir)
        # Before the first paint, which tests wait for.
        (self._folder / "memory.json").write_text(json.dumps(self.session.memory.all()), encoding="utf-8")
        super().start(painted)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(20)

    def _look(self) -> None:
        note = self._folder / "remember"
        if note.exists():
            self.session.memory.set("note", note.read_text(encoding="utf-8"))
            note.unlink()
        path = self._folder / "block"
        if path.exists():
            seconds = float(path.read_text(encoding="ascii"))
            path.unlink()
            hang_here(seconds)


if __name__ == "__main__":
    gui.SessionBuilder = HangingBuilder  # type: ignore[misc]
    sys.exit(gui.main())
