"""The GUI process of the split bench: a bare frame of 64 tiles, fed by threads or by a feeder process.

Settings on stdin: {kind: "threads" | "process" | "none", feed: FeedSettings fields, warm_s, window_s, result}.
64 numpy pictures change 25 times a second and are painted; the feed is drained ten times a second into dicts.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import msgspec
import numpy as np
import psutil
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from backends.domain.feeds import FeedStatus
from backends.domain.ports import Changes
from backends.process import child_settings, start_child, stop_child
from console.feed_client import FeedClient
from console.feed_local import LocalFeed
from console.feed_settings import FeedSettings

PASS_MS = 20
DRAIN_MS = 100
COLUMNS, ROWS, WIDTH, HEIGHT, FPS = 8, 8, 2880, 1620, 25
APPLIED = ("alarms", "sensors", "cameras")


class Tile(QWidget):
    """Four pictures in turn, each made of noise, as a decoder's buffers are."""

    def __init__(self, parent: QWidget, number: int) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        w, h = WIDTH // COLUMNS, HEIGHT // ROWS
        self.setGeometry(number % COLUMNS * w, number // COLUMNS * h, w, h)
        rng = np.random.default_rng(number)
        self._pixels = [rng.integers(0, 255, (h, w, 4), dtype=np.uint8) for _ in range(4)]
        self._images = [QImage(p.data, w, h, 4 * w, QImage.Format.Format_RGB32) for p in self._pixels]
        self._phase = number / 64
        self.shown = -1
        self.painted = 0

    def wanted(self, now_s: float) -> int:
        return int(now_s * FPS + self._phase)

    def paintEvent(self, event: QPaintEvent) -> None:
        self.shown = self.wanted(time.monotonic())
        painter = QPainter(self)
        painter.drawImage(QPoint(0, 0), self._images[self.shown % 4])
        painter.end()
        self.painted += 1


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


class Feed:
    """The feed of this run, and what came of it."""

    def __init__(self, settings: dict[str, Any]) -> None:
        made = msgspec.convert(settings["feed"], FeedSettings)
        self.child = None
        self.inbox: LocalFeed | FeedClient | None = None
        if settings["kind"] == "threads":
            self.inbox = LocalFeed(made)
            self.inbox.start()
        elif settings["kind"] == "process":
            log = Path(made.data_dir) / "feeder.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            self.child = start_child("console.feeder", settings["feed"], log=log)
            self.inbox = FeedClient(made.listen, bytes.fromhex(made.authkey), mode=made.mode)
            self.inbox.start()
        self.items: dict[str, dict[str, Any]] = {}
        self.cursors: dict[str, int] = {}
        self.gaps: dict[str, int] = {}
        self.records = 0

    def drain(self) -> None:
        for delivery in self.inbox.drain() if self.inbox is not None else ():
            if isinstance(delivery, Changes):
                items = self.items.setdefault(delivery.feed, {})
                for record in delivery.put:
                    items[record.id] = record
                self.records += len(delivery.put)
            elif isinstance(delivery, FeedStatus):
                self.cursors[delivery.feed] = delivery.cursor
                self.gaps[delivery.feed] = delivery.gaps

    @property
    def applied(self) -> int:
        return sum(self.cursors.get(feed, 0) for feed in APPLIED)

    def cpu_s(self) -> dict[str, float]:
        times = {"gui": psutil.Process().cpu_times()}
        if self.child is not None:
            times["feeder"] = psutil.Process(self.child.pid).cpu_times()
        return {name: t.user + t.system for name, t in times.items()}

    def stop(self) -> None:
        if self.inbox is not None:
            self.inbox.stop()
        if self.child is not None:
            stop_child(self.child)


def main() -> None:
    settings = child_settings()
    app = QApplication(sys.argv[:1])
    feed = Feed(settings)
    window = QWidget()
    window.resize(WIDTH, HEIGHT)
    tiles = [Tile(window, n) for n in range(COLUMNS * ROWS)]
    window.show()
    ticks = Ticks()
    ticks.start()
    began: dict[str, Any] = {}

    def picture_pass() -> None:
        ticks.started.release()
        now_s = time.monotonic()
        for tile in tiles:
            if tile.wanted(now_s) != tile.shown:
                tile.update()

    def begin() -> None:
        began.update(s=time.monotonic(), ns=time.monotonic_ns(), cpu=feed.cpu_s(), applied=feed.applied,
                     records=feed.records, painted=sum(t.painted for t in tiles))  # fmt: skip
        QTimer.singleShot(int(settings["window_s"] * 1000), report)

    def report() -> None:
        seconds = time.monotonic() - began["s"]
        cpu = {name: (used - began["cpu"][name]) / seconds for name, used in feed.cpu_s().items()}
        gaps = sorted((b - a) / 1e6 for a, b in itertools.pairwise([t for t in ticks.seen if t >= began["ns"]]))
        result = {
            "tick_p50_ms": statistics.median(gaps),
            "tick_p99_ms": gaps[int(len(gaps) * 0.99)],
            "tick_max_ms": gaps[-1],
            "cpu_gui": cpu["gui"],
            "cpu_feeder": cpu.get("feeder", 0.0),
            "applied_per_s": (feed.applied - began["applied"]) / seconds,
            "records_per_s": (feed.records - began["records"]) / seconds,
            "fps": (sum(t.painted for t in tiles) - began["painted"]) / seconds / len(tiles),
            "gaps": sum(feed.gaps.values()),
        }
        path = Path(settings["result"])
        path.with_suffix(".part").write_text(json.dumps(result))
        path.with_suffix(".part").rename(path)
        feed.stop()
        app.quit()

    timers = []
    for ms, call in ((PASS_MS, picture_pass), (DRAIN_MS, feed.drain)):
        timer = QTimer(app)
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(call)
        timer.start(ms)
        timers.append(timer)
    QTimer.singleShot(int(settings["warm_s"] * 1000), begin)
    app.exec()


if __name__ == "__main__":
    main()
