"""The search line, by keyboard and mouse; alarms go on beside it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from helpers.keyboard import type_in
from helpers.sample_city import DESK, WALL, WALL_4K, SampleSession, who_is_here
from helpers.sample_records import ALARMS
from helpers.search_room import CTRL, NONE, SHIFT, Key, Room
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.city.city import City
from backends.domain.alarm import Priority
from backends.domain.ports import Changes
from backends.domain.text import LocalText
from layouts.geometry import plan_windows
from layouts.load import load_layouts
from layouts.spec import Monitor
from widgets.commands import Context
from widgets.i18n import tr
from widgets.parts.fields import Field
from widgets.pump import Pump
from widgets.search.finder import Kind
from widgets.tiles.alarms import AlarmsTile
from widgets.tiles.map import CALLED_S, MapTile
from widgets.tiles.registry import tile_specs
from widgets.tiles.reports import ReportsTile
from widgets.windows.panels import HelpPanel, Palette
from widgets.windows.wall import tile_kinds
from widgets.windows.wall_window import WallWindow

BARE = """
version = 1
id = "bare"
name = { vi = "Trống", en = "Bare" }
[monitors]
1 = ["main"]
[panels.main.desk]
columns = 4
rows = 4
tiles = [{ kind = "feeds", at = [0, 0], size = [4, 4] }]
[panels.main.wall]
columns = 4
rows = 4
tiles = [{ kind = "feeds", at = [0, 0], size = [4, 4] }]
"""
change = msgspec.structs.replace
MOST_KEYS = 10
"""3 s at 5 keys a second are 15; a third of it is for looking."""


# -- finding and doing -----------------------------------------------------------------------------------------------


def test_camera_068_of_the_demo_by_name_within_three_seconds_of_typing(room: Room, sample: SampleSession) -> None:
    cameras = City(start_ns=sample.clock.now_ns(), scenario="calm").directory().cameras
    sample.deliver(Changes("cameras", put=tuple(cameras), reset=True))
    wanted = next(camera for camera in cameras if camera.number == "068")
    typed = "ke song"
    panel = room.search(typed)
    assert panel.rows[0].key == (Kind.CAMERA, wanted.id), [row.title for row in panel.rows]
    room.key(Key.Key_Return)
    assert room.called == [wanted.id]
    assert 1 + len(typed) + 1 <= MOST_KEYS


def test_enter_puts_a_camera_on_the_chosen_tile_or_on_the_kept_one(room: Room) -> None:
    tile = room.free()[2]
    tile.setFocus()
    panel = room.search("ke song")
    assert isinstance(panel, Palette)
    assert tr("search_does.camera", n=tile.number) in panel.foot(panel.row)
    room.key(Key.Key_Return)
    assert tile.camera is not None
    assert tile.camera.id == "cam-068"
    assert room.closed
    assert tile.hasFocus(), "the keyboard is where it was"
    room.search("cho dong ha")
    room.key(Key.Key_Return, modifiers=SHIFT)
    assert room.called == ["cam-033"]
    assert tile.camera.id == "cam-068"


def test_where_nothing_can_take_it_that_is_said_and_the_line_stays(
    sample: SampleSession, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "bare.toml").write_text(BARE, encoding="utf-8")
    room = Room(sample, "bare", own=tmp_path)
    room.window.activateWindow()
    qtbot.waitUntil(room.window.isActiveWindow)
    for typed, why in (
        ("ke song", "search.no_slot"),
        ("dong luong", "search.no_map"),
        ("2203", "search.no_report_row"),
        ("ngap bo cuc", ""),
    ):
        panel = room.search(typed)
        room.key(Key.Key_Return)
        if why:
            assert panel.said == tr(why)
            assert room.panel is panel
            room.type("x")
            assert panel.said == ""
            room.key(Key.Key_Escape)
    assert room.wall.layout.id == "environment"
    room.wall.close()


def test_enter_on_an_alarm_goes_to_its_row_and_acknowledges_nothing(room: Room, sample: SampleSession) -> None:
    room.search("tu tap")
    assert room.panel.rows[0].priority is Priority.HIGH
    room.key(Key.Key_Return)
    tile = room.tile(AlarmsTile)
    assert isinstance(tile, AlarmsTile)
    assert room.closed
    assert tile.view.hasFocus()
    assert sample.session.memory.get("alarm.selected") == "al-crowd"
    assert sample.actions.submitted == []
    room.key(Key.Key_Return)
    assert [action.target for action in sample.actions.submitted] == ["al-crowd"]


def test_shift_enter_on_an_alarm_calls_its_camera(room: Room) -> None:
    room.search("tren bd3")
    room.key(Key.Key_Return, modifiers=SHIFT)
    assert room.called == ["cam-071"], "the stand-in of the dead one"
    room.search("mat du lieu khong khi")
    panel = room.panel
    room.key(Key.Key_Return, modifiers=SHIFT)
    assert panel.said == tr("search.no_camera")


def test_reports_sensors_areas_layouts(room: Room, sample: SampleSession) -> None:
    room.search("2211")
    room.key(Key.Key_Return)
    reports = room.tile(ReportsTile)
    assert isinstance(reports, ReportsTile)
    assert reports.list.hasFocus()
    assert reports.model.report(reports.list.currentIndex().row()).id == "PA-2211"

    room.search("muc nuoc")
    room.key(Key.Key_Return)
    sheet = room.wall.plots.tile
    assert sheet is not None
    assert sheet.sensor is not None
    assert sheet.sensor.id == "river-01.water_level"
    assert sheet.hasFocus()
    room.key(Key.Key_H, modifiers=CTRL)
    assert room.panel.rows[0].key == (Kind.HELP, Context.PLOT)
    room.key(Key.Key_Escape, Key.Key_Escape)
    assert room.wall.plots.tile is None

    area = next(one for one in sample.city.records("config").values() if type(one).__name__ == "Area")
    shown = room.tile(MapTile)
    assert isinstance(shown, MapTile)
    before = shown.grab().toImage()
    room.search(area.name.vi.encode("ascii", "ignore").decode().strip() or area.name.en)
    room.panel.field.setText(area.name.vi)
    room.key(Key.Key_Return)
    assert room.closed
    assert shown.grab().toImage() != before, "its border stands out"
    sample.clock.advance_s(CALLED_S + 1)
    shown.on_second()
    assert shown.grab().toImage() == before

    room.search("giao thong")
    room.key(Key.Key_Return)
    assert room.wall.layout.id == "traffic"


def test_commands_are_done_or_say_why_not(room: Room, sample: SampleSession) -> None:
    panel = room.search("ctrl+s")
    assert panel.rows[0].key == (Kind.COMMAND, "camera.still")
    room.key(Key.Key_Return)
    assert panel.said == tr("camera_hand.no_tile")
    room.key(Key.Key_Escape)
    room.search("xem lai tu dau ghi")
    sample.deliver(*who_is_here("viewer"))
    room.panel.on_second()
    assert room.panel.rows[0].key == (Kind.COMMAND, "camera.look_back")
    assert room.panel.rows[0].state == tr("access.why.not_allowed")
    room.key(Key.Key_Return)
    assert room.panel.said == tr("access.why_long.not_allowed", role=tr("role.viewer"))
    room.key(Key.Key_Escape)
    room.free()[0].setFocus()
    room.search("ve hinh hien tai")
    room.key(Key.Key_Return)
    assert room.panel.said == tr("search.not_now")
    room.key(Key.Key_Escape)
    muted = sample.session.sound.silenced
    room.search("am thanh")
    room.key(Key.Key_Return)
    assert sample.session.sound.silenced is not muted
    assert room.closed


def test_agencies_and_indicators_say_how_they_stand(room: Room) -> None:
    room.search("giuong benh")
    room.key(Key.Key_Return)
    assert room.window.notice.sentence.startswith("Công suất sử dụng giường bệnh · 81%")


# -- typing ----------------------------------------------------------------------------------------------------------


def test_layouts_are_named_in_the_language_on_the_screen(room: Room) -> None:
    room.key(Key.Key_L, modifiers=CTRL)
    room.search("giao thong")
    assert room.titles()[0] == "Traffic"


def test_a_word_that_is_still_being_composed_is_searched(room: Room) -> None:
    """Vietnamese input methods hold the whole word back until a space."""
    panel = room.search("")
    QApplication.sendEvent(panel.field, QInputMethodEvent("chợ", []))
    assert panel.field.text() == ""
    assert panel.rows[0].title == "033 Chợ Đông Hà, cổng A"
    type_in(panel.field, "chợ đông")
    assert panel.field.words() == "chợ đông"
    assert panel.rows[0].title == "033 Chợ Đông Hà, cổng A"


def test_the_line_opens_also_from_a_line_edit(room: Room, qtbot: QtBot) -> None:
    """Some line edits keep Ctrl+F for a step to the right."""
    field = Field(room.window.scale, room.window)
    field.setText("chợ")
    field.show()
    field.setFocus()
    field.setCursorPosition(0)
    room.key(Key.Key_F, modifiers=CTRL)
    assert isinstance(room.panel, Palette)
    assert field.text() == "chợ"
    room.key(Key.Key_Escape)
    assert field.hasFocus()


def test_letters_digits_and_signs_stay_in_the_line(room: Room, sample: SampleSession) -> None:
    tile = room.free()[0]
    tile.setFocus()
    camera = tile.camera
    panel = room.search("12+-/ a")
    room.key(Key.Key_Backspace, Key.Key_Delete, Key.Key_Home, Key.Key_End, Key.Key_Left, Key.Key_Space)
    assert room.panel is panel
    assert tile.camera == camera
    assert not tile.maximised
    assert sample.actions.submitted == []


def test_keys_choose_rows_and_stop_at_the_ends(room: Room) -> None:
    panel = room.search("camera")
    assert len(panel.rows) > 20
    assert panel.row == panel.rows[0]
    room.key(Key.Key_Down, Key.Key_Down, Key.Key_Up)
    assert panel.row == panel.rows[1]
    room.key(Key.Key_Up, Key.Key_Up)
    assert panel.row == panel.rows[0]
    room.key(*[Key.Key_PageDown] * 20)
    assert panel.row == panel.rows[-1]
    room.key(Key.Key_Tab)
    assert panel.field.hasFocus()


def test_the_same_thing_stays_chosen_and_what_is_gone_is_not_done(room: Room, sample: SampleSession) -> None:
    panel = room.search("rac chua")
    room.key(Key.Key_Down)
    row = panel.row
    assert row is not None
    assert row.key[0] == Kind.REPORT
    new = change(ALARMS[0], id="al-new", name=LocalText("Rác chưa dọn"), t_raised_ns=sample.clock.now_ns())
    sample.put("alarms", new)
    panel.on_second()
    assert panel.row is not None
    assert panel.row.key == row.key
    assert panel.rows.index(panel.row) == 2, "the alarm came before it"
    sample.deliver(Changes("reports", deleted=(row.key[1],)))
    panel.on_second()
    assert panel.row is None
    room.key(Key.Key_Return)
    assert room.panel is panel, "an Enter must not mean another thing than was seen"
    panel.on_second()
    assert panel.row is None


def test_what_was_used_last_stands_first(room: Room) -> None:
    room.search("ke song")
    room.key(Key.Key_Return)
    panel = room.search("")
    assert panel.rows[0].title.startswith("068 ")
    assert {row.key[0] for row in panel.rows[1:]} == {Kind.LAYOUT, Kind.COMMAND}


def test_what_is_cut_is_whole_in_the_tooltip(room: Room) -> None:
    panel = room.search("2203")
    first = panel.field.geometry().bottom() + panel.scale.pad * 3
    assert panel.words_at(first) == "PA-2203 Đèn đường hỏng 3 trụ, đường Nguyễn Trãi\nĐông Hà\nquá hạn 35 phút"
    assert panel.words_at(1) == panel.words_at(panel.height() - 1) == ""


def test_a_click_does_it_too(room: Room, sample: SampleSession) -> None:
    panel = room.search("ke song")
    middle = QPoint(panel.width() // 2, panel.field.geometry().bottom() + panel.scale.pad * 3)
    QTest.mouseClick(room.window.windowHandle(), Qt.MouseButton.LeftButton, NONE, panel.mapTo(room.window, middle))
    assert room.called == ["cam-068"]
    assert room.closed


# -- alarms go on ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("panels", [(DESK,), (WALL,), (WALL_4K,)], ids=["desk", "wall", "wall4k"])
@pytest.mark.parametrize("name", ["overview", "traffic", "security", "environment", "reports", "cameras"])
def test_no_panel_is_over_an_alarm_list(
    qapp: QApplication, sample: SampleSession, name: str, panels: tuple[Monitor, ...]
) -> None:
    layout = load_layouts(tile_kinds()).find(name)
    assert layout is not None
    pump = Pump(sample.inbox, sample.city, sample.clock, sample.clock)
    (plan,) = plan_windows(layout, panels, tile_kinds())
    window = WallWindow(sample.session, pump, plan)
    window.resize(QSize(plan.monitor.width, plan.monitor.height))
    room = Room(sample)
    box = room.wall.panels._room(window)
    assert window.rect().contains(box)
    assert box.top() >= plan.bar.y + plan.bar.height
    lists = [t for t in plan.tiles if tile_specs()[t.kind].shows_alarms]
    for tile in lists:
        rect = tile.rect
        first = rect.y + rect.height // 2
        assert not (box.left() < rect.x + rect.width and box.right() > rect.x and box.top() < first)
    window.setProperty("done", True)
    window.close()
    window.deleteLater()
    room.wall.close()


def test_alarms_and_keys_of_the_window_go_on_while_it_is_open(room: Room, sample: SampleSession) -> None:
    room.search("ngap")
    panel, tile = room.panel, room.tile(AlarmsTile)
    assert isinstance(tile, AlarmsTile)
    sample.put("alarms", change(ALARMS[0], id="al-new", t_raised_ns=sample.clock.now_ns()))
    assert tile.model.row_of("al-new") == 0
    assert room.panel is panel
    assert not panel.geometry().intersects(tile.geometry())
    assert panel.isModal() is False
    room.key(Key.Key_F7)
    assert sample.sound.silences == 1
    assert room.panel is panel, "keys of the window go on"


def test_it_goes_with_its_window(sample: SampleSession) -> None:
    room = Room(sample)
    room.wall.panels.open_palette(room.window)
    room.wall.close()
    assert room.closed
    room.wall.panels.on_second()


def test_it_goes_with_the_keyboard_and_with_time(room: Room) -> None:
    room.search("a")
    room.tile(AlarmsTile).setFocus()
    assert room.closed
    room.search("a")
    room.panel._idle.timeout.emit()
    assert room.closed


def test_the_same_key_closes_it_and_the_layout_may_change_below(room: Room) -> None:
    room.search("a")
    room.key(Key.Key_F, modifiers=CTRL)
    assert room.closed
    panel = room.search("a")
    room.key(Key.Key_F2)
    assert room.wall.layout.id == "traffic"
    assert room.panel is panel
    assert not panel.geometry().intersects(room.tile(AlarmsTile).geometry())
    room.key(Key.Key_L, modifiers=CTRL)
    assert room.panel is panel
    assert panel.field.placeholderText() == "Find: number, name, place, or what is to be done"
    room.key(Key.Key_H, modifiers=CTRL)
    assert isinstance(room.panel, HelpPanel)
