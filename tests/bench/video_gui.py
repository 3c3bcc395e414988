"""The GUI process of the video benches: one window of tiles on the offscreen platform that says what it shows when.

Started by video_rig with settings on stdin: {address, authkey (hex), cameras: [[id, uri], ...], columns, width, height,
result}. A line of stdout for each change of a tile's state, [id, state, flags, age_s, monotonic ns]; at the line "end"
on stdin it writes `result`: camera -> [[monotonic ns, ms from the packet's receipt to the end of its painting or
null], ...], one for each picture painted.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtCore import QRect, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from backends.domain.camera import Demand, PictureStatus
from backends.process import child_settings
from backends.video.client import PictureClient
from widgets.parts.picture import PicturePainter

PASS_MS = 16
"""As the console's own picture pass on a display of 60 Hz."""
LOOK_PASSES = 3
"""The state is looked at every 50 ms."""


class Tile(QWidget):
    def __init__(self, parent: QWidget, client: PictureClient, demand: Demand) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.client = client
        self.picture = PicturePainter(client, demand)
        self.painted: list[tuple[int, float | None]] = []
        self.said: tuple[Any, ...] = ()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        before = self.picture.painted
        sequence = self.picture.paint(painter, self.rect())
        painter.end()
        if sequence and sequence != before:
            age_s = self.picture.status().age_s
            # A newer one that came meanwhile has another age.
            same = self.client.sequence(self.picture.demand) == sequence
            self.painted.append((time.monotonic_ns(), age_s * 1000 if same else None))

    def tell(self) -> None:
        status: PictureStatus = self.picture.status()
        said = (status.state.value, [raised.flag.value for raised in status.raised])
        if said != self.said:
            self.said = said
            line = [self.picture.demand.camera_id, *said, round(status.age_s, 4), time.monotonic_ns()]
            print(json.dumps(line), flush=True)  # a line for the parent


def main() -> None:
    ending = threading.Event()
    settings = child_settings(on_line=lambda _line: ending.set())
    app = QApplication(sys.argv[:1])
    client = PictureClient(settings["address"], bytes.fromhex(settings["authkey"]))
    window = QWidget()
    window.resize(settings["width"], settings["height"])
    columns = settings["columns"]
    rows = -(-len(settings["cameras"]) // columns)
    w, h = settings["width"] // columns, settings["height"] // rows
    tiles = []
    for i, (name, uri) in enumerate(settings["cameras"]):
        tile = Tile(window, client, Demand(name, uri, w, h))
        tile.setGeometry(QRect(i % columns * w, i // columns * h, w, h))
        tiles.append(tile)
    window.show()
    app.processEvents()
    print(json.dumps(["", "demanded", [], 0, time.monotonic_ns()]), flush=True)
    client.demand(frozenset(tile.picture.demand for tile in tiles))
    passes = 0

    def picture_pass() -> None:
        nonlocal passes
        passes += 1
        for tile in tiles:
            if tile.picture.has_new():
                tile.update()
            if passes % LOOK_PASSES == 0:
                tile.tell()
        if ending.is_set():
            ending.clear()
            report()

    def report() -> None:
        path = Path(settings["result"])
        path.with_suffix(".part").write_text(json.dumps({t.picture.demand.camera_id: t.painted for t in tiles}))
        path.with_suffix(".part").rename(path)

    timer = QTimer(app)
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(picture_pass)
    timer.start(PASS_MS)
    sys.exit(app.exec())


if __name__ == "__main__":
    main()
