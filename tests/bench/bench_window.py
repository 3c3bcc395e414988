"""What the GUI processes of the benches have in common: a grid of tiles in one window, a pass by a precise timer, a
result that is there whole or not at all."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from PySide6.QtCore import QRect, Qt, QTimer
from PySide6.QtWidgets import QApplication, QWidget


def cell_size(settings: dict[str, Any], count: int) -> tuple[int, int]:
    """Pixels of each of `count` tiles in `columns` columns of a window of `width` by `height`."""
    columns = settings["columns"]
    return settings["width"] // columns, settings["height"] // -(-count // columns)


def lay_out(window: QWidget, settings: dict[str, Any], tiles: Sequence[QWidget]) -> None:
    """Give the window its size and the tiles their places, row by row; show it."""
    window.resize(settings["width"], settings["height"])
    w, h = cell_size(settings, len(tiles))
    for i, tile in enumerate(tiles):
        tile.setGeometry(QRect(i % settings["columns"] * w, i // settings["columns"] * h, w, h))
    window.show()


def write_result(settings: dict[str, Any], result: object) -> None:
    path = Path(settings["result"])
    path.with_suffix(".part").write_text(json.dumps(result))
    path.with_suffix(".part").rename(path)


def run(app: QApplication, picture_pass: Callable[[QTimer], None], every_ms: int) -> NoReturn:
    """Pass after pass until the parent ends this process; a pass may stop its timer."""
    timer = QTimer(app)
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: picture_pass(timer))
    timer.start(every_ms)
    sys.exit(app.exec())
