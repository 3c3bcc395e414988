"""The GUI process of the wall bench: one window of tiles on the offscreen platform, counting what it paints.

Started by wall.py with settings on stdin: {address, authkey (hex), uris, columns, width, height, start_ns, end_ns
(monotonic), result}. Writes the result as JSON and waits for its parent to end it.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from bench_window import cell_size, lay_out, run, write_result
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from backends.domain.camera import Demand
from backends.domain.picture import Decoding
from backends.process import child_settings
from backends.video.client import PictureClient
from widgets.parts.picture import PicturePainter

PASS_MS = 20  # 50 Hz


class Tile(QWidget):
    def __init__(self, parent: QWidget, painter: PicturePainter) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.picture = painter
        self.painted: list[tuple[int, int]] = []
        """(monotonic ns, sequence) of every picture painted."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        before = self.picture.painted
        sequence = self.picture.paint(painter, self.rect())
        painter.end()
        if sequence and sequence != before:
            self.painted.append((time.monotonic_ns(), sequence))


class Ticks(threading.Thread):
    """Sees the starts of the picture pass from another thread."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.started = threading.Semaphore(0)
        self.seen: list[int] = []

    def run(self) -> None:
        while True:
            self.started.acquire()
            self.seen.append(time.monotonic_ns())


def main() -> None:
    settings = child_settings()
    app = QApplication(sys.argv[:1])
    client = PictureClient(settings["address"], bytes.fromhex(settings["authkey"]))
    window = QWidget()
    size = cell_size(settings, len(settings["uris"]))
    demands = [Demand(f"cam-{i:03d}", uri, *size) for i, uri in enumerate(settings["uris"])]
    tiles = [Tile(window, PicturePainter(client, demand)) for demand in demands]
    lay_out(window, settings, tiles)
    client.demand(frozenset(tile.picture.demand for tile in tiles))
    ticks = Ticks()
    ticks.start()

    def picture_pass(timer: QTimer) -> None:
        ticks.started.release()
        for tile in tiles:
            if tile.picture.has_new():
                tile.update()
        if time.monotonic_ns() > settings["end_ns"]:
            timer.stop()
            report()

    def report() -> None:
        start, end = settings["start_ns"], settings["end_ns"]
        seconds = (end - start) / 1e9
        counts, skipped = [], 0
        for tile in tiles:
            inside = [sequence for t, sequence in tile.painted if start <= t < end]
            counts.append(len(inside) / seconds)
            if inside:
                skipped += inside[-1] - inside[0] + 1 - len(inside)
        seen = [t for t in ticks.seen if start <= t < end]
        gaps = sorted((b - a) / 1e6 for a, b in itertools.pairwise(seen))
        result = {
            "min_fps": min(counts),
            "mean_fps": sum(counts) / len(counts),
            "skipped": skipped,
            "decoded_fps": (sum(counts) + skipped / seconds) / len(counts),
            "tick_p99_ms": gaps[min(len(gaps) - 1, int(len(gaps) * 0.99))] if gaps else float("inf"),
            "tick_max_ms": gaps[-1] if gaps else float("inf"),
            "torn": sum(tile.picture.status().torn for tile in tiles),
            "on_device": sum(tile.picture.status().decoding is Decoding.DEVICE for tile in tiles),
        }
        write_result(settings, result)

    run(app, picture_pass, PASS_MS)


if __name__ == "__main__":
    main()
