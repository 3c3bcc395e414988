"""A peer of the wall bench in a process of its own: the same clips by other people's means.

Started by wall.py with settings on stdin: {kind: "opencv" or "qmediaplayer", clips, columns, width, height, start_ns,
end_ns (monotonic), result}. Both as one would write them who knows the library well: OpenCV with a thread a camera, one
decoder thread, resize to the tile, QImage, one widget that paints at 50 Hz; Qt with a QMediaPlayer and a
QGraphicsVideoItem a tile. What they have painted is counted where it can be: OpenCV's in its paint event, Qt's by
the frames that its sinks were given.
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
os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "threads;1"

from PySide6.QtCore import QRectF, QSizeF, Qt, QTimer, QUrl
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QGraphicsScene, QGraphicsView, QWidget

from backends.process import child_settings

FPS = 25.0


class Capture(threading.Thread):
    """One clip: read at 25 frames a second, scaled, the newest kept."""

    def __init__(self, path: str, width: int, height: int) -> None:
        super().__init__(daemon=True)
        self._path, self._size = path, (width, height)
        self.newest: Any = None
        self.count = 0

    def run(self) -> None:
        import cv2

        cv2.setNumThreads(1)
        capture = cv2.VideoCapture(self._path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        due = time.monotonic()
        while True:
            ok, frame = capture.read()
            if not ok:
                capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
                continue
            self.newest = cv2.resize(frame, self._size, interpolation=cv2.INTER_LINEAR)
            self.count += 1
            due = max(due + 1 / FPS, time.monotonic() - 1.0)
            time.sleep(max(0.0, due - time.monotonic()))


class Mosaic(QWidget):
    """Paints what is new."""

    def __init__(self, clips: list[str], columns: int, width: int, height: int) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.resize(width, height)
        rows = -(-len(clips) // columns)
        w, h = width // columns, height // rows
        self._cells = [QRectF(i % columns * w, i // columns * h, w, h).toRect() for i in range(len(clips))]
        self._captures = [Capture(clip, w, h) for clip in clips]
        self._shown = [0] * len(clips)
        self.painted: list[tuple[int, int]] = []
        """(monotonic ns, tile)"""
        for capture in self._captures:
            capture.start()

    def turn(self) -> None:
        for capture, shown, cell in zip(self._captures, self._shown, self._cells, strict=True):
            if capture.count != shown:
                self.update(cell)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for n, (capture, cell) in enumerate(zip(self._captures, self._cells, strict=True)):
            frame, count = capture.newest, capture.count
            if frame is None or count == self._shown[n]:
                continue
            height, width = frame.shape[:2]
            painter.drawImage(cell, QImage(frame.data, width, height, width * 3, QImage.Format.Format_BGR888))
            self._shown[n] = count
            self.painted.append((time.monotonic_ns(), n))
        painter.end()


class Players(QGraphicsView):
    """A player for each tile."""

    def __init__(self, clips: list[str], columns: int, width: int, height: int) -> None:
        from PySide6.QtMultimedia import QMediaPlayer
        from PySide6.QtMultimediaWidgets import QGraphicsVideoItem

        super().__init__()
        self.resize(width, height)
        scene = QGraphicsScene(0, 0, width, height, self)
        self.setScene(scene)
        rows = -(-len(clips) // columns)
        w, h = width // columns, height // rows
        self.painted: list[tuple[int, int]] = []
        self._players = []
        for i, clip in enumerate(clips):
            item = QGraphicsVideoItem()
            item.setSize(QSizeF(w, h))
            item.setPos(i % columns * w, i // columns * h)
            scene.addItem(item)
            player = QMediaPlayer(self)
            player.setVideoOutput(item)
            player.setSource(QUrl.fromLocalFile(clip))
            player.setLoops(QMediaPlayer.Loops.Infinite)
            item.videoSink().videoFrameChanged.connect(lambda _, i=i: self.painted.append((time.monotonic_ns(), i)))
            player.play()
            self._players.append(player)

    def turn(self) -> None:
        """Its items ask to be painted by themselves."""


def main() -> None:
    settings = child_settings()
    app = QApplication(sys.argv[:1])
    make = Mosaic if settings["kind"] == "opencv" else Players
    window: Mosaic | Players = make(settings["clips"], settings["columns"], settings["width"], settings["height"])
    window.show()

    def turn() -> None:
        window.turn()
        if time.monotonic_ns() > settings["end_ns"]:
            timer.stop()
            start, end = settings["start_ns"], settings["end_ns"]
            counts = [0] * len(settings["clips"])
            for t, n in window.painted:
                counts[n] += start <= t < end
            seconds = (end - start) / 1e9
            path = Path(settings["result"])
            path.with_suffix(".part").write_text(
                json.dumps({"fps": sum(counts) / seconds / len(counts), "min_fps": min(counts) / seconds})
            )
            path.with_suffix(".part").rename(path)

    timer = QTimer(app)
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(turn)
    timer.start(20)
    sys.exit(app.exec())


if __name__ == "__main__":
    main()
