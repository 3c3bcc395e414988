"""A plot that is called up from an alarm: beside the list, with its own time, gone with Esc and with the layout."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers.sample_city import SampleSession
from helpers.sample_places import NOW_NS
from msgspec.structs import replace
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.times import NS_PER_S
from layouts.load import load_layouts
from layouts.spec import Monitor, PanelKind, Rect
from widgets.models.alarms import AlarmRow
from widgets.parts.plot_keys import PlotAct
from widgets.parts.sensor_picker import SensorPicker
from widgets.plots import IDLE_S
from widgets.pump import Pump
from widgets.tiles.alarms import AlarmsTile
from widgets.windows.wall import Wall, tile_kinds

RIVER = "river-01.water_level"
HALF_NS = 300 * NS_PER_S


@pytest.fixture
def pump(sample: SampleSession) -> Pump:
    return Pump(sample.inbox, sample.city, sample.clock, sample.clock)


@pytest.fixture
def wall(qtbot: QtBot, sample: SampleSession, pump: Pump) -> Iterator[Wall]:
    kinds = tile_kinds()
    made = Wall(sample.session, pump, load_layouts(kinds), {"1": Monitor("1", 0, 0, 0, 0, 24.0, PanelKind.DESK)})
    made.show_layout("overview")
    yield made
    made.close()


def test_the_ten_minute_plot_comes_beside_the_alarms(wall: Wall, sample: SampleSession) -> None:
    before = sample.session.plots.view
    sample.session.calls.plotCalled.emit(RIVER, NOW_NS - 3600 * NS_PER_S, 300)
    tile = wall.plots.tile
    assert tile is not None
    assert tile.sensor is not None
    assert tile.sensor.id == RIVER
    assert tile.view.ends(NOW_NS) == (NOW_NS - 3600 * NS_PER_S - HALF_NS, NOW_NS - 3600 * NS_PER_S + HALF_NS)
    assert sample.session.plots.view is before, "the other plots stay where they are"
    lists = [t.geometry() for w in wall.windows for t in w.tiles.values() if isinstance(t, AlarmsTile)]
    assert lists
    assert not any(tile.geometry().intersects(rect) for rect in lists)
    assert tile.isVisible()
    state = tile.state()
    assert state is not None
    assert state.mark_ns == NOW_NS - 3600 * NS_PER_S, "the alarm's moment stands out"
    assert tile.title().endswith("· Esc: đóng")


def test_another_call_takes_its_place_and_esc_gives_the_keyboard_back(
    qtbot: QtBot, wall: Wall, sample: SampleSession
) -> None:
    window = wall.windows[0]
    inner = next(t for t in window.tiles.values() if isinstance(t, AlarmsTile))
    inner.setFocus()
    where = window.focusWidget()
    sample.session.calls.plotCalled.emit(RIVER, NOW_NS, 300)
    sample.session.calls.plotCalled.emit("cuaviet-tide", NOW_NS, 1800)
    tile = wall.plots.tile
    assert tile is not None
    assert tile.sensor is not None
    assert tile.sensor.id == "cuaviet-tide"
    assert tile.view.live
    assert tile.view.span_ns == 3600 * NS_PER_S
    qtbot.keyClick(tile, Qt.Key.Key_Escape)
    assert wall.plots.tile is None
    assert window.focusWidget() is where


def test_it_goes_with_the_layout_and_when_nobody_is_there(wall: Wall, sample: SampleSession, pump: Pump) -> None:
    sample.session.calls.plotCalled.emit(RIVER, NOW_NS, 300)
    wall.show_layout("environment")
    assert wall.plots.tile is None
    sample.session.calls.plotCalled.emit(RIVER, NOW_NS, 300)
    pump.secondPassed.emit()
    assert wall.plots.tile is not None
    sample.clock.advance_s(IDLE_S)
    pump.secondPassed.emit()
    assert wall.plots.tile is None


def test_it_goes_with_the_look_at_the_past_that_ends(wall: Wall, sample: SampleSession, pump: Pump) -> None:
    sample.session.plots.link(linked=False)
    sample.session.calls.plotCalled.emit(RIVER, NOW_NS - 3600 * NS_PER_S, 300)
    sheet = wall.plots.tile
    assert sheet is not None
    assert not sheet.view.live
    sample.clock.advance_s(IDLE_S)
    pump.secondPassed.emit()
    assert wall.plots.tile is None, "it does not turn live and stay for another ten minutes"


def test_over_a_window_of_alarms_the_first_rows_stay_and_the_bar_names_the_highest(
    wall: Wall, sample: SampleSession
) -> None:
    window = wall.windows[0]
    top = window.plan.bar.y + window.plan.bar.height
    body = Rect(0, top, window.width(), window.height() - top)
    alone = next(one for one in window.plan.tiles if one.kind == "alarms")
    window.apply_plan(replace(window.plan, tiles=(replace(alone, rect=body),)))
    alarms = next(iter(window.tiles.values()))
    assert not window.bar.words.names_highest_alarm
    sample.session.calls.plotCalled.emit(RIVER, NOW_NS, 300)
    sheet = wall.plots.tile
    assert sheet is not None
    assert alarms.geometry().contains(sheet.geometry())
    assert sheet.y() >= alarms.y() + alarms.height() * 3 // 5
    assert window.bar.words.names_highest_alarm, "its row may be below the sheet"
    wall.plots.end()
    assert not window.bar.words.names_highest_alarm


def test_it_goes_when_monitors_change(qapp: QApplication, wall: Wall, sample: SampleSession) -> None:
    sample.session.calls.plotCalled.emit(RIVER, NOW_NS, 300)
    assert wall.plots.tile is not None
    qapp.screenRemoved.emit(qapp.primaryScreen())
    assert wall.plots.tile is None
    wall.close()
    qapp.screenRemoved.emit(qapp.primaryScreen())
    qapp.screenAdded.emit(qapp.primaryScreen())
    assert wall.windows == [], "what is closed stays closed"


def opened_picker(qtbot: QtBot, wall: Wall, sample: SampleSession) -> SensorPicker:
    window = wall.windows[0]
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    sample.session.calls.plotCalled.emit(RIVER, NOW_NS, 300)
    assert wall.plots.tile is not None
    wall.plots.tile.act(PlotAct.ADD)
    picker = next(child for child in window.children() if isinstance(child, SensorPicker))
    assert QApplication.focusWidget() is picker.field
    return picker


def test_the_list_of_sensors_takes_no_keyboard_from_the_alarms(qtbot: QtBot, wall: Wall, sample: SampleSession) -> None:
    picker = opened_picker(qtbot, wall, sample)
    alarms = next(t for t in wall.windows[0].tiles.values() if isinstance(t, AlarmsTile))
    at = alarms.view.visualRect(alarms.model.index(1)).center()
    qtbot.mouseClick(alarms.view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert QApplication.focusWidget() is alarms.view, "Enter is for the row that was clicked"
    assert not picker.isVisible()


def test_the_list_of_sensors_takes_no_keyboard_from_a_panel(qtbot: QtBot, wall: Wall, sample: SampleSession) -> None:
    opened_picker(qtbot, wall, sample)
    wall.panels.open_palette(wall.windows[0])
    panel = wall.panels.panel
    assert panel is not None
    assert QApplication.focusWidget() is panel.field
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qtbot.keyClick(panel.field, Qt.Key.Key_Escape)
    assert wall.panels.panel is None


def test_the_list_of_sensors_gives_the_keyboard_back_on_esc(qtbot: QtBot, wall: Wall, sample: SampleSession) -> None:
    picker = opened_picker(qtbot, wall, sample)
    qtbot.keyClick(picker.field, Qt.Key.Key_Escape)
    assert QApplication.focusWidget() is wall.plots.tile


def test_a_sensor_that_is_not_in_the_directory_is_said(wall: Wall, sample: SampleSession) -> None:
    sample.session.calls.plotCalled.emit("nothing", NOW_NS, 300)
    tile = wall.plots.tile
    assert tile is not None
    assert tile.sensor is None
    tile.grab()


def test_the_alarm_list_calls_it_up_by_key(qtbot: QtBot, wall: Wall, sample: SampleSession) -> None:
    tile = next(t for t in wall.windows[0].tiles.values() if isinstance(t, AlarmsTile))
    rows = [tile.model.row(n) for n in range(tile.model.rowCount())]
    at = next(n for n, row in enumerate(rows) if isinstance(row, AlarmRow) and row.alarm.sensor_id)
    raised_ns = rows[at].alarm.t_raised_ns
    tile.view.setCurrentIndex(tile.model.index(at))
    told: list[str] = []
    sample.session.notices.toldDesk.connect(told.append)
    for modifier, half_s in ((Qt.KeyboardModifier.ShiftModifier, 300), (Qt.KeyboardModifier.ControlModifier, 1800)):
        tile.view.setFocus()
        qtbot.keyClick(tile.view, Qt.Key.Key_F8, modifier)
        sheet = wall.plots.tile
        assert sheet is not None
        assert sheet.sensor is not None
        assert sheet.sensor.id == rows[at].alarm.sensor_id
        start_ns, end_ns = sheet.view.ends(NOW_NS)
        assert start_ns <= raised_ns <= end_ns
        assert sheet.view.span_ns == 2 * half_s * NS_PER_S
    wall.plots.end()
    without = next(n for n, row in enumerate(rows) if isinstance(row, AlarmRow) and not row.alarm.sensor_id)
    tile.view.setCurrentIndex(tile.model.index(without))
    qtbot.keyClick(tile.view, Qt.Key.Key_F8, Qt.KeyboardModifier.ShiftModifier)
    assert wall.plots.tile is None
    assert told == ["Cảnh báo này không do cảm biến nào phát ra"]
