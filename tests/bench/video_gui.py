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
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from bench_window import cell_size, lay_out, run, write_result
from PySide6.QtCore import Qt, QTimer
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
    size = cell_size(settings, len(settings["cameras"]))
    tiles = [Tile(window, client, Demand(name, uri, *size)) for name, uri in settings["cameras"]]
    lay_out(window, settings, tiles)
    app.processEvents()
    print(json.dumps(["", "demanded", [], 0, time.monotonic_ns()]), flush=True)
    client.demand(frozenset(tile.picture.demand for tile in tiles))
    passes = 0

    def picture_pass(_timer: QTimer) -> None:
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
        write_result(settings, {t.picture.demand.camera_id: t.painted for t in tiles})

    run(app, picture_pass, PASS_MS)


if __name__ == "__main__":
    main()
