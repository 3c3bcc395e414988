"""A wall of one window and one person at its keyboard: for the search line, the help and the notices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from helpers.sample_city import SampleSession
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from layouts.load import load_layouts
from layouts.spec import Monitor, PanelKind
from widgets.pump import Pump
from widgets.tiles.camera import CameraTile
from widgets.windows.camera_desk import camera_tiles
from widgets.windows.list_panel import ListPanel
from widgets.windows.wall import Wall, tile_kinds
from widgets.windows.wall_window import WallWindow

Key, NONE = Qt.Key, Qt.KeyboardModifier.NoModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


class Room:
    """A wall of one window, and one person at its keyboard."""

    def __init__(
        self,
        sample: SampleSession,
        layout: str = "overview",
        kind: PanelKind = PanelKind.DESK,
        own: Path | None = None,
    ) -> None:
        """`own`: a folder with layouts of the site."""
        self.sample = sample
        self.pump = Pump(sample.inbox, sample.city, sample.clock, sample.clock)
        described = {"1": Monitor("1", 0, 0, 0, 0, 24.0 if kind is PanelKind.DESK else 55.0, kind)}
        self.wall = Wall(sample.session, self.pump, load_layouts(tile_kinds(), own), described, windowed=True)
        self.wall.show_layout(layout)
        self.called: list[str] = []
        sample.session.calls.cameraCalled.connect(self.called.append)

    @property
    def window(self) -> WallWindow:
        return self.wall.windows[0]

    @property
    def panel(self) -> ListPanel:
        panel = self.wall.panels.panel
        assert panel is not None
        assert panel.isVisible()
        return panel

    @property
    def closed(self) -> bool:
        return self.wall.panels.panel is None

    def tile(self, kind: type) -> QWidget:
        return next(tile for tile in self.window.tiles.values() if isinstance(tile, kind))

    def free(self) -> list[CameraTile]:
        return [tile for tile in camera_tiles(self.window) if not tile.options.slot]

    def key(self, *keys: Qt.Key, modifiers: Qt.KeyboardModifier = NONE) -> None:
        for key in keys:
            QTest.keyClick(self.window.windowHandle(), key, modifiers)

    def type(self, words: str) -> None:
        """Plain keys, as without an input method."""
        for char in words:
            QTest.keyClick(self.window.windowHandle(), char)

    def search(self, words: str) -> ListPanel:
        self.key(Key.Key_F, modifiers=CTRL)
        self.type(words)
        return self.panel

    def titles(self) -> list[str]:
        return [row.title for row in self.panel.rows if not row.heading]


def at_keyboard(sample: SampleSession, qtbot: QtBot) -> Iterator[Room]:
    """A room whose window has the keyboard; for a fixture."""
    made = Room(sample)
    made.window.activateWindow()
    qtbot.waitUntil(made.window.isActiveWindow)
    yield made
    made.wall.close()
