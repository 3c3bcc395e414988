"""The word of the mode over a window's tiles: there in every mode but operation, over what is laid on the tiles, never
in the way of a hand, and taken for nothing that covers the alarm list."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.sample_city import DESK, WALL_4K, SampleSession, Scene, prepare, sample_session
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from backends.domain.feeds import LinkState, Mode
from backends.domain.ports import LinkStatus
from layouts.geometry import plan_windows
from layouts.load import load_layouts
from layouts.spec import Monitor
from widgets.i18n import Language
from widgets.pump import Pump
from widgets.theme import ThemeName
from widgets.tiles.camera import CameraTile
from widgets.windows.mode_mark import ModeMark
from widgets.windows.wall import tile_kinds
from widgets.windows.wall_window import WallWindow


def window_of(
    qtbot: QtBot, qapp: QApplication, mode: Mode, monitor: Monitor = DESK, theme: ThemeName = ThemeName.DARK
) -> tuple[SampleSession, WallWindow]:
    prepare(qapp, Language.VI, theme)
    sample = sample_session(Scene.DESK, theme, mode)
    plan = plan_windows(load_layouts(tile_kinds()).layouts[0], [monitor], tile_kinds())[0]
    window = WallWindow(sample.session, Pump(sample.inbox, sample.city, sample.clock, sample.clock), plan)
    qtbot.addWidget(window)
    window.setProperty("done", True)
    window.resize(monitor.width, monitor.height)
    window.show()
    return sample, window


def mark_of(window: WallWindow) -> ModeMark:
    return next(child for child in window.children() if isinstance(child, ModeMark))


def change(window: WallWindow) -> float:
    """By how much the mark changes what is seen below it, as a share of the tone scale, at its strongest."""
    box, shots = mark_of(window).geometry(), []
    for hidden in (False, True):
        mark_of(window).setHidden(hidden)
        image = window.grab(box).toImage()
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
        shots.append(rows[:, : image.width(), :3].astype(np.int16))
    return float(np.abs(shots[0] - shots[1]).max()) / 255.0


@pytest.mark.parametrize("theme", ThemeName)
@pytest.mark.parametrize("monitor", [DESK, WALL_4K], ids=["desk", "wall"])
@pytest.mark.parametrize("mode", [Mode.DEMO, Mode.EXERCISE, Mode.REPLAY])
def test_it_is_seen_and_hides_nothing(
    qtbot: QtBot, qapp: QApplication, mode: Mode, monitor: Monitor, theme: ThemeName
) -> None:
    _, window = window_of(qtbot, qapp, mode, monitor, theme)
    mark = mark_of(window)
    assert mark.isVisible()
    assert window.rect().contains(mark.geometry())
    assert mark.width() > monitor.width * 0.4
    assert 0.05 < change(window) < 0.2


def test_operation_has_none_and_a_change_of_mode_brings_and_takes_it(qtbot: QtBot, qapp: QApplication) -> None:
    sample, window = window_of(qtbot, qapp, Mode.LIVE)
    assert not mark_of(window).isVisible()
    for mode in (Mode.EXERCISE, Mode.LIVE):
        sample.deliver(LinkStatus(LinkState.UP, mode, 0, "hub-1", now_ns=sample.clock.now_ns()))
        assert mark_of(window).isVisible() is (mode is Mode.EXERCISE)


def test_hands_and_alarm_lists_do_not_know_it(qtbot: QtBot, qapp: QApplication) -> None:
    _, window = window_of(qtbot, qapp, Mode.EXERCISE)
    at = mark_of(window).geometry().center()
    assert isinstance(window.childAt(at), QWidget)
    assert not isinstance(window.childAt(at), ModeMark)
    window.tell_of_highest()
    assert not window.bar.words.names_highest_alarm


def test_it_lies_over_a_large_camera(qtbot: QtBot, qapp: QApplication) -> None:
    _, window = window_of(qtbot, qapp, Mode.EXERCISE)
    window.maximised.toggle(next(tile for tile in window.tiles.values() if isinstance(tile, CameraTile)))
    assert window.maximised.tile is not None
    order = window.children()
    assert order.index(mark_of(window)) > order.index(window.maximised.tile)
