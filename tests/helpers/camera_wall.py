"""Windows of camera tiles over the fakes, with hands on them: real mouse and key events through the window system."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from helpers.sample_city import DESK, SCALES, SampleSession, prepare, sample_session
from helpers.street import street_picture
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from layouts.geometry import plan_windows
from layouts.load import load_layouts
from layouts.options import CameraOptions
from layouts.spec import Monitor
from widgets.pump import Pump
from widgets.tiles.camera import CameraTile
from widgets.windows.camera_desk import CameraDesk, camera_tiles
from widgets.windows.wall import tile_kinds
from widgets.windows.wall_window import WallWindow

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def street_session(app: QApplication) -> SampleSession:
    """The sample city, every camera of which shows a street of its own."""
    prepare(app)
    made = sample_session()
    for camera in made.city.records("cameras").values():
        made.pictures.show(camera.id, street_picture(96, 54, seed=int(camera.number)))
    return made


def camera_tile(
    qtbot: QtBot,
    sample: SampleSession,
    options: CameraOptions,
    size: tuple[int, int] = (480, 270),
    panel: str = "desk",
) -> CameraTile:
    """A tile by itself, exposed."""
    tile = CameraTile(sample.session, SCALES[panel], options)
    tile.resize(*size)
    qtbot.addWidget(tile)
    tile.show()
    qtbot.waitExposed(tile)
    return tile


@dataclass
class CameraWall:
    """The windows, and one person's hands."""

    sample: SampleSession
    windows: list[WallWindow]
    desk: CameraDesk
    pump: Pump

    def tiles(self, window: int = 0) -> list[CameraTile]:
        return camera_tiles(self.windows[window])

    def tile(self, number: int, window: int = 0) -> CameraTile:
        return self.tiles(window)[number - 1]

    def free(self) -> list[CameraTile]:
        """Tiles of the first window that are not kept for alarms."""
        return [tile for tile in self.tiles() if not tile.options.slot]

    def numbers(self, window: int = 0) -> list[str]:
        """Of the cameras on the tiles, in order."""
        return [tile.camera.number if tile.camera else "" for tile in self.tiles(window)]

    def key(self, *keys: Qt.Key, window: int = 0, modifiers: Qt.KeyboardModifier = NONE) -> None:
        """Pressed in that window: they go to whatever has the keyboard there."""
        for key in keys:
            QTest.keyClick(self.windows[window].windowHandle(), key, modifiers)

    def type(self, words: str, window: int = 0) -> None:
        for char in words:
            QTest.keyClick(self.windows[window].windowHandle(), char)

    def click(self, widget: QWidget, at: QPoint | None = None) -> None:
        window = widget.window()
        QTest.mouseClick(window.windowHandle(), LEFT, NONE, widget.mapTo(window, at or middle(widget)))

    def double_click(self, widget: QWidget) -> None:
        window, at = widget.window().windowHandle(), widget.mapTo(widget.window(), middle(widget))
        QTest.mouseClick(window, LEFT, NONE, at)
        QTest.mouseDClick(window, LEFT, NONE, at)

    def drag(self, source: QWidget, target: QWidget, start: QPoint | None = None, *, let_go: bool = True) -> None:
        """From one widget onto another one of the same window."""
        window = source.window()
        begin = source.mapTo(window, start or middle(source))
        end = target.mapTo(window, middle(target))
        handle = window.windowHandle()
        QTest.mousePress(handle, LEFT, NONE, begin)
        for share in (0.1, 0.5, 1.0):
            QTest.mouseMove(handle, begin + (end - begin) * share)
            QApplication.processEvents()
        if let_go:
            QTest.mouseRelease(handle, LEFT, NONE, end)


def middle(widget: QWidget) -> QPoint:
    return widget.rect().center()


@contextmanager
def camera_wall(
    sample: SampleSession, layout: str = "cameras", monitors: Sequence[Monitor] = (DESK,)
) -> Iterator[CameraWall]:
    """The layout on these monitors; the first window has the keyboard."""
    found = load_layouts(tile_kinds()).find(layout)
    assert found is not None
    pump = Pump(sample.inbox, sample.city, sample.clock, sample.clock)
    pump.picturePass.connect(sample.session.demands.flush)
    windows = [WallWindow(sample.session, pump, plan) for plan in plan_windows(found, monitors, tile_kinds())]
    desk = CameraDesk(sample.session, lambda: windows)
    for window in windows:
        window.setGeometry(0, 0, window.plan.monitor.width, window.plan.monitor.height)
        desk.watch(window)
        window.show()
    wall = CameraWall(sample, windows, desk, pump)
    windows[0].activateWindow()
    QTest.qWaitForWindowActive(windows[0])
    for _ in range(6):
        sample.clock.advance_s(0.02)
        pump.run_pass()
        QApplication.processEvents()
    try:
        yield wall
    finally:
        for window in windows:
            window.setProperty("done", True)
            window.close()
            window.deleteLater()
        QApplication.processEvents()
