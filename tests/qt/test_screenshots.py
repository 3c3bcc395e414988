"""Pictures of all windows: written beside the loop, whole when they are told of, few at a time; what fails is said."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QTimer
from PySide6.QtGui import QImage, QPaintEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from widgets.windows.screenshots import WAITING_MOST, Screenshots


class Window(QWidget):
    """Counts how often it was painted."""

    def __init__(self) -> None:
        super().__init__()
        self.resize(320, 180)
        self.painted = 0

    def paintEvent(self, event: QPaintEvent) -> None:
        self.painted += 1


@pytest.fixture
def wall(qtbot: QtBot) -> list[Window]:
    made = [Window() for _ in range(3)]
    for window in made:
        qtbot.addWidget(window)
    return made


@pytest.fixture
def shots(wall: list[Window]) -> Iterator[Screenshots]:
    made = Screenshots(lambda: wall)
    yield made
    made.close()


class SlowDisk:
    """A file that takes nothing until `go`: whoever writes it waits in the kernel, as before a disk that hangs."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._path, self.went = path, threading.Event()
        self.content = b""
        self._thread = threading.Thread(target=self._read, name="slow disk")
        self._thread.start()

    def _read(self) -> None:
        self.went.wait(20)  # a writer that keeps the loop waiting fails the test, and is let go then
        self.content = self._path.read_bytes()

    def go(self) -> None:
        self.went.set()
        self._thread.join()


def test_all_windows_are_whole_when_they_are_told_of(qtbot: QtBot, shots: Screenshots, tmp_path: Path) -> None:
    folder = tmp_path / "made" / "by it"
    with qtbot.waitSignal(shots.saved) as said:
        shots.take(folder, 2.5)
    assert said.args == [2.5, [folder / f"screen-{n}-2.5s.png" for n in (1, 2, 3)]]
    assert all(QImage(str(path)).width() == 320 for path in said.args[1])


@pytest.mark.skipif(sys.platform == "win32", reason="there is no named pipe in its file system")
def test_the_loop_goes_on_while_a_picture_is_written_and_few_wait(
    qtbot: QtBot, shots: Screenshots, wall: list[Window], tmp_path: Path
) -> None:
    disk = SlowDisk(tmp_path / "screen-1-1s.png")
    ticks: list[None] = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(None))
    timer.start(5)
    try:
        shots.take(tmp_path, 1)
        shots.take(tmp_path, 2)
        qtbot.waitUntil(lambda: len(ticks) >= 20)
        assert not disk.went.is_set()
        assert sum(window.painted for window in wall) == WAITING_MOST
        with qtbot.waitSignals([shots.saved, shots.saved]):
            disk.go()
    finally:
        disk.go()
        timer.stop()
    assert QImage.fromData(disk.content).width() == 320
    assert len(list(tmp_path.glob("screen-?-2s.png"))) == 3


def test_a_folder_that_cannot_be_written_is_said(qtbot: QtBot, shots: Screenshots, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with qtbot.assertNotEmitted(shots.saved), qtbot.waitSignal(shots.failed) as said:
        shots.take(tmp_path / "file", 1)
    assert "file" in said.args[0]


def test_a_window_that_has_gone_is_said_and_the_others_are_written(
    qtbot: QtBot, shots: Screenshots, wall: list[Window], tmp_path: Path
) -> None:
    wall.insert(1, gone := Window())
    with qtbot.waitSignal(shots.failed) as said:
        shots.take(tmp_path, 1)
        shiboken6.delete(gone)
    assert "screen-2-1s.png" in said.args[0]
    qtbot.waitUntil(lambda: QImage(str(tmp_path / "screen-4-1s.png")).width() == 320)
