"""Everything about one alarm on one screen: what is there, where it is, and that all is as it was afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from helpers.sample_city import NOW_NS, SampleSession
from helpers.street import street_picture
from msgspec.structs import replace
from PySide6.QtCore import QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.alarm import Alarm
from backends.domain.camera import PictureState, PictureStatus, PresetView
from backends.domain.picture import PictureFlag, Raised
from backends.domain.place import bearing
from backends.domain.ports import Changes
from layouts.geometry import plan_windows
from layouts.load import load_layouts
from layouts.spec import Monitor, PanelKind
from widgets import i18n
from widgets.parts import text
from widgets.parts.sheet_plan import picture_area, share_out
from widgets.pump import Pump
from widgets.tiles.alarms import AlarmsTile
from widgets.tiles.camera import CameraTile
from widgets.windows.alarm_sheet import HALF_M, AlarmSheet
from widgets.windows.alarm_sheets import SCREEN, AlarmSheets
from widgets.windows.camera_desk import CameraDesk
from widgets.windows.rooms import beside_lists
from widgets.windows.wall import Wall, tile_kinds
from widgets.windows.wall_window import WallWindow

Key = Qt.Key
CTRL = Qt.KeyboardModifier.ControlModifier
DESK = Monitor("DP-1", 0, 0, 1920, 1080, 24.0)
SECOND = Monitor("DP-2", 1920, 0, 1920, 1080, 24.0)
WALL = Monitor("DP-3", 3840, 0, 1920, 1080, 55.0, PanelKind.WALL)


@pytest.fixture
def sample(sample: SampleSession) -> SampleSession:
    for camera in sample.city.records("cameras").values():
        sample.pictures.show(camera.id, street_picture(96, 54, seed=int(camera.number)))
    return sample


class Station:
    """Windows as `Wall` has them, on monitors that this machine lacks."""

    def __init__(self, sample: SampleSession, monitors: tuple[Monitor, ...], layout: str = "overview") -> None:
        found = load_layouts(tile_kinds()).find(layout)
        assert found is not None
        self.sample = sample
        self.pump = Pump(sample.inbox, sample.city, sample.clock, sample.clock)
        self.pump.picturePass.connect(sample.session.demands.flush)
        plans = plan_windows(found, monitors, tile_kinds())
        self.windows = [WallWindow(sample.session, self.pump, plan) for plan in plans]
        self.desk = CameraDesk(sample.session, lambda: self.windows)
        self.sheets = AlarmSheets(sample.session, self.pump, lambda: self.windows)
        for window in self.windows:
            window.setGeometry(0, 0, window.plan.monitor.width, window.plan.monitor.height)
            self.desk.watch(window)
            window.show()
        self.windows[0].activateWindow()
        QTest.qWaitForWindowActive(self.windows[0])
        self.go_on()

    def go_on(self, passes: int = 6) -> None:
        for _ in range(passes):
            self.sample.clock.advance_s(0.02)
            self.pump.run_pass()
            QApplication.processEvents()

    def second(self) -> None:
        self.pump.secondPassed.emit()

    def alarm(self, alarm_id: str) -> Alarm:
        found = self.sample.city.alarm(alarm_id)
        assert found is not None
        return found

    def call(self, alarm_id: str) -> AlarmSheet:
        self.sample.session.calls.alarmCalled.emit(self.alarm(alarm_id))
        return self.sheet

    @property
    def sheet(self) -> AlarmSheet:
        sheet = self.sheets.sheet
        assert sheet is not None
        assert sheet.isVisible()
        return sheet

    def list(self) -> AlarmsTile:
        return next(tile for window in self.windows for tile in window.tiles.values() if isinstance(tile, AlarmsTile))

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self.windows[0].windowHandle(), key, modifiers)

    def close(self) -> None:
        self.sheets.end()
        for window in self.windows:
            window.setProperty("done", True)
            window.close()
            window.deleteLater()
        QApplication.processEvents()


Build = Callable[..., Station]


@pytest.fixture
def build(qtbot: QtBot, sample: SampleSession) -> Iterator[Build]:
    made: list[Station] = []

    def station(*monitors: Monitor, layout: str = "overview") -> Station:
        made.append(Station(sample, monitors or (DESK,), layout))
        return made[-1]

    yield station
    for one in made:
        one.close()


def numbers(sheet: AlarmSheet) -> list[str]:
    return [tile.camera.number if tile.camera else "" for tile in sheet.cameras]


def words(sheet: AlarmSheet) -> str:
    with text.recording() as log:
        sheet.grab()
    return " | ".join(item.whole for item in log.items)


def as_it_is(window: WallWindow) -> dict[str, tuple[QRect, bool]]:
    return {name: (tile.geometry(), tile.isHidden()) for name, tile in window.tiles.items()}


# -- what is there -----------------------------------------------------------------------------------------------------


def test_cameras_plot_and_map_of_the_alarm_stand_beside_the_list(build: Build, sample: SampleSession) -> None:
    station = build()
    sheet = station.call("al-river")
    assert numbers(sheet)[0] == "071", "its own first camera is dead: the stand-in"
    assert len(sheet.cameras) == 4
    assert sheet.plot is not None
    assert sheet.plot.sensor is not None
    assert sheet.plot.sensor.id == "river-01.water_level"
    raised_ns = station.alarm("al-river").t_raised_ns
    assert sheet.plot.moment_ns == raised_ns
    assert sheet.plot.view.span_ns == 3600 * 10**9
    assert sheet.map is not None
    assert "071 thay 068" in words(sheet)
    lists = [t for t in station.windows[0].tiles.values() if isinstance(t, AlarmsTile)]
    assert all(t.isVisible() and not t.geometry().intersects(sheet.geometry()) for t in lists)
    rooms = [tile.geometry() for tile in sheet.tiles if tile.isVisible()]
    assert len(rooms) == 6
    assert all(sheet.rect().contains(room) for room in rooms)
    assert not any(a.intersects(b) for n, a in enumerate(rooms) for b in rooms[:n])
    station.go_on()
    wanted = {demand.camera_id for demand in sample.pictures.wanted}
    assert wanted >= {tile.camera.id for tile in sheet.cameras if tile.camera}


def test_the_map_is_centred_on_it(build: Build) -> None:
    sheet = build().call("al-river")
    assert sheet.map is not None
    sheet.map.grab()
    to = sheet.map._projection
    assert to is not None
    assert (to.to_px(107.105, 16.829) - sheet.map.body().center()).manhattanLength() < 1.0
    north = to.to_px(107.105, 16.829 + HALF_M / 111_320)
    assert sheet.map.body().contains(north)
    assert to.to_px(107.105, 16.829 + 0.1).y() < 0, "ten kilometres to the north are out of it"


def test_without_a_sensor_it_is_the_nearest_one_that_tells_of_it_and_that_is_said(build: Build) -> None:
    station = build()
    sheet = station.call("al-jam")
    assert sheet.plot is not None
    assert sheet.plot.sensor is not None
    assert sheet.plot.sensor.id == "ql9-speed"
    assert "cảm biến gần nhất" in words(sheet)
    assert station.call("al-ups").plot is None


def test_an_alarm_without_a_place_is_told_in_words(build: Build) -> None:
    sheet = build().call("al-ups")
    assert sheet.tiles == []
    assert "Gần đó không có camera nào" in words(sheet)


def test_a_camera_that_dies_here_gives_its_place_to_the_next_and_the_others_stay(
    build: Build, sample: SampleSession
) -> None:
    station = build()
    sheet = station.call("al-crowd")
    station.go_on(12)
    before = list(sheet.cameras)
    dead = before[1].camera
    assert dead is not None
    sample.pictures.set_status(dead.id, PictureStatus(PictureState.LOST, age_s=6.0))
    station.go_on(12)
    station.second()
    assert [old is new for old, new in zip(before, sheet.cameras, strict=True)] == [True, False, True, True]
    assert dead.number not in numbers(sheet)
    assert f"thay {dead.number}" in words(sheet)
    station.go_on(12)
    station.second()
    assert sheet.cameras[1].isVisible()
    assert len(set(numbers(sheet))) == 4


def look_at_it(sample: SampleSession, camera_id: str, alarm_id: str, off_deg: float = 0.0, **more: object) -> None:
    """That camera has a view along the way to the alarm, or so far beside it."""
    camera, alarm = sample.city.camera(camera_id), sample.city.alarm(alarm_id)
    assert camera is not None
    assert alarm is not None
    way = bearing((camera.lon, camera.lat), (alarm.lon, alarm.lat))
    seen = replace(camera, bearing_deg=way + off_deg, angle_deg=60.0, range_m=5000.0, **more)
    sample.deliver(Changes("cameras", put=(seen,)))


def test_below_each_picture_stands_whether_it_sees_the_place(build: Build, sample: SampleSession) -> None:
    station = build()
    shown = [tile.camera.id for tile in station.call("al-crowd").cameras if tile.camera is not None]
    assert "Chưa rõ có camera nào thấy" not in words(station.sheet), "the alarm names one, and its view is not known"
    for camera_id in shown[1:]:
        look_at_it(sample, camera_id, "al-crowd", 180.0)
    look_at_it(sample, shown[0], "al-crowd")
    assert "đang nhìn chỗ này, " in words(station.call("al-crowd"))
    assert "Không camera nào" not in words(station.sheet)
    look_at_it(sample, shown[0], "al-crowd", 180.0)
    sheet = station.call("al-crowd")
    assert "không thấy chỗ này, " in words(sheet)
    seeing = [said for said in ("Không camera nào thấy", "Chưa rõ có camera nào") if said in words(sheet)]
    assert len(seeing) == 1
    i18n.set_language(i18n.Language.EN)
    assert "does not see this place, " in words(sheet)


def test_a_camera_without_a_picture_shows_nothing_wherever_it_looks(build: Build, sample: SampleSession) -> None:
    """By its record it looks there; its picture is lost, and there is no other camera."""
    first = build().call("al-crowd")._eyes.shown[0].camera_id
    sample.deliver(Changes("cameras", put=(sample.city.records("cameras")[first],), reset=True))
    look_at_it(sample, first, "al-crowd")
    station = build()
    sheet = station.call("al-crowd")
    assert "Không camera nào thấy chỗ này" not in words(sheet)
    sample.pictures.set_status(first, PictureStatus(PictureState.LOST, age_s=6.0))
    station.go_on(12)
    station.second()
    assert "Không camera nào thấy chỗ này" in words(sheet)
    assert "không có hình" in words(sheet)
    sample.pictures.set_status(first, PictureStatus(PictureState.LIVE, received=9))
    station.go_on(12)
    station.second()
    assert "Không camera nào thấy chỗ này" not in words(sheet), "it is back"
    assert "không có hình" not in words(sheet)


def test_a_camera_that_turns_has_its_preset_named(build: Build, sample: SampleSession) -> None:
    camera, alarm = sample.city.camera("cam-033"), sample.city.alarm("al-crowd")
    assert camera is not None
    assert alarm is not None
    view = PresetView("Cổng chợ", 90.0)
    moved = replace(camera, lon=alarm.lon - 0.001, lat=alarm.lat, turns=True, preset_views=(view,))
    sample.deliver(Changes("cameras", put=(moved,)))
    said = words(build().call("al-crowd"))
    assert "quay tới đây bằng vị trí đặt sẵn Cổng chợ, 107 m" in said
    assert "quay tới đây được: 033" in said


def test_one_that_looks_elsewhere_here_gives_its_place_to_one_that_sees(build: Build, sample: SampleSession) -> None:
    near = [eye.camera_id for eye in build().call("al-crowd")._eyes.shown]
    for camera in sample.city.records("cameras").values():
        look_at_it(sample, camera.id, "al-crowd", 0.0)
    station = build()
    sheet = station.call("al-crowd")
    assert near
    station.go_on(12)
    turned = sheet.cameras[0].camera
    assert turned is not None
    raised = (Raised(PictureFlag.TURNED, 1),)
    sample.pictures.set_status(turned.id, PictureStatus(PictureState.LIVE, received=9, raised=raised))
    station.go_on(12)
    station.second()
    assert turned.number not in numbers(sheet)
    assert f"thay {turned.number} (lệch hướng)" in words(sheet)


def test_it_says_when_the_alarm_is_over(build: Build, sample: SampleSession) -> None:
    sheet = build().call("al-crowd")
    assert "chưa xác nhận" in words(sheet)
    sample.deliver(Changes("alarms", deleted=("al-crowd",)))
    assert sheet.over
    assert "đã kết thúc" in words(sheet)


# -- there and back ----------------------------------------------------------------------------------------------------


def test_the_key_of_the_list_calls_it_up_and_esc_brings_everything_back(build: Build, sample: SampleSession) -> None:
    station = build()
    window, alarms = station.windows[0], station.list()
    alarms.choose("al-crowd")
    before = as_it_is(window)
    station.key(Key.Key_Return, CTRL)
    assert station.sheet.alarm.id == "al-crowd"
    assert window.focusWidget() is alarms.view, "Enter still acknowledges"
    covered = [t for t in window.tiles.values() if t.isHidden()]
    assert any(isinstance(tile, CameraTile) for tile in covered)
    station.go_on()
    station.key(Key.Key_Escape)
    assert station.sheets.sheet is None
    assert as_it_is(window) == before
    assert window.focusWidget() is alarms.view
    assert not sample.actions.submitted


def test_another_alarm_takes_its_place(build: Build) -> None:
    station = build()
    before = as_it_is(station.windows[0])
    first = station.call("al-river")
    second = station.call("al-crowd")
    assert not first.isVisible()
    assert second.alarm.id == "al-crowd"
    station.sheets.end()
    assert as_it_is(station.windows[0]) == before


def test_the_keyboard_goes_back_to_a_tile_that_was_covered(build: Build, sample: SampleSession) -> None:
    station = build()
    window = station.windows[0]
    tile = next(t for t in window.tiles.values() if isinstance(t, CameraTile) and not t.options.slot)
    tile.setFocus()
    place = sample.session.hands.place
    assert place == tile.place
    sheet = station.call("al-crowd")
    assert window.focusWidget() is sheet
    station.key(Key.Key_Escape)
    assert window.focusWidget() is tile
    assert sample.session.hands.place == place


def test_hands_work_on_its_cameras_and_leave_nothing_behind(build: Build, sample: SampleSession) -> None:
    station = build()
    sheet = station.call("al-crowd")
    tile = sheet.cameras[0]
    tile.setFocus()
    station.key(Key.Key_Right)
    (other,) = (one for one in sheet.cameras[1:] if one.hasFocus())
    at = sheet.cameras.index(other)
    station.key(Key.Key_Return)
    assert sheet.large is other
    assert other.isVisible()
    assert not tile.isVisible()
    station.key(Key.Key_Escape)
    assert sheet.large is None
    assert tile.isVisible()
    sample.session.hands.put(other.place, "cam-014", other.camera.id if other.camera else "")
    assert numbers(sheet)[at] == "014"
    station.key(Key.Key_Escape)
    assert station.sheets.sheet is None
    assert numbers(station.call("al-crowd"))[at] != "014"


def test_a_tile_that_shows_an_old_picture_goes_on_below_it(build: Build, sample: SampleSession) -> None:
    station = build()
    window = station.windows[0]
    tile = next(t for t in window.tiles.values() if isinstance(t, CameraTile) and t.shown_uri)
    sample.session.hands.choose(tile.place)
    tile.setFocus()
    station.key(Key.Key_Left, CTRL)
    assert tile.replay is not None
    station.call("al-crowd")
    assert tile.replay is not None
    station.key(Key.Key_Escape)
    assert tile.replay is not None, "what was there before was a replay"


def test_it_goes_with_the_layout_and_the_search_line_offers_it(qtbot: QtBot, sample: SampleSession) -> None:
    pump = Pump(sample.inbox, sample.city, sample.clock, sample.clock)
    described = {"1": Monitor("1", 0, 0, 0, 0, 24.0, PanelKind.DESK)}
    wall = Wall(sample.session, pump, load_layouts(tile_kinds()), described, windowed=True)
    wall.show_layout("overview")
    wall.panels.acts["alarms.everything"](wall.windows[0])
    assert wall.alarms.sheet is not None
    assert wall.alarms.sheet.alarm is sample.city.highest_alarm()
    wall.show_layout("traffic")
    assert wall.alarms.sheet is None
    assert all(window.sheet is None for window in wall.windows)
    assert all(tile.isVisible() for window in wall.windows for tile in window.tiles.values())
    wall.close()


# -- where -------------------------------------------------------------------------------------------------------------


def test_it_takes_the_second_desk_monitor_else_the_one_in_use_and_a_wall_only_if_chosen(
    build: Build, sample: SampleSession
) -> None:
    assert build(DESK, SECOND, WALL).call("al-crowd").window().plan.index == 1
    alone = build(DESK, WALL)
    assert alone.call("al-crowd").window() is alone.windows[0]
    sample.session.memory.set(SCREEN, "DP-3")
    assert alone.call("al-crowd").window() is alone.windows[1], "called by its name"
    sample.session.memory.set(SCREEN, "7")
    assert alone.call("al-crowd").window() is alone.windows[0], "that monitor is not there"


def test_a_person_chooses_the_monitor_and_what_is_open_moves_there(build: Build, sample: SampleSession) -> None:
    station = build(DESK, SECOND)
    station.call("al-crowd")
    said: list[str] = []
    sample.session.notices.toldDesk.connect(said.append)
    where = []
    for _ in range(3):
        station.sheets.next_screen()
        where.append(station.sheet.window().plan.index)
    assert where == [0, 1, 1], "the first, the second, and by itself, which is the second"
    assert [words[-1] for words in said] == ["1", "2", "h"]
    assert sample.session.memory.get(SCREEN) == ""
    assert not any(tile.isHidden() for tile in station.windows[0].tiles.values())


def test_where_alarms_leave_no_room_it_takes_another_screen_and_where_there_is_none_that_is_said(
    build: Build, sample: SampleSession
) -> None:
    station = build(DESK)
    window = station.windows[0]
    alone = next(one for one in window.plan.tiles if one.kind == "alarms")
    body = replace(alone.rect, x=0, width=1920)
    window.apply_plan(replace(window.plan, tiles=(replace(alone, rect=body),)))
    assert beside_lists(window).isEmpty()
    said: list[str] = []
    sample.session.notices.toldDesk.connect(said.append)
    sample.session.calls.alarmCalled.emit(station.alarm("al-crowd"))
    assert station.sheets.sheet is None
    assert len(said) == 1


SMALL = replace(DESK, width=1280, height=1024, inches=19.0)


@pytest.mark.parametrize(
    ("monitor", "layout"), [(DESK, "cameras"), (WALL, "overview"), (SMALL, "overview"), (DESK, "reports")]
)
def test_on_every_screen_its_parts_are_within_it_and_readable(build: Build, layout: str, monitor: Monitor) -> None:
    station = build(monitor, layout=layout)
    sheet = station.call("al-river")
    shown = [tile for tile in sheet.tiles if tile.isVisible()]
    assert shown
    assert all(sheet.rect().contains(tile.geometry()) for tile in shown)
    assert all(tile.height() > sheet.scale.read * 3 for tile in shown)
    assert sheet.session.clock.now_ns() >= NOW_NS


ROOMS = {
    "desk": (1430, 952, 6, 17),
    "4k desk": (2859, 1935, 12, 31),
    "wall": (1110, 827, 6, 41),
    "low": (1900, 420, 6, 17),
}


@pytest.mark.parametrize(("wide", "high", "gap", "strip"), ROOMS.values(), ids=list(ROOMS))
@pytest.mark.parametrize("others", [0, 1, 2])
@pytest.mark.parametrize("pictures", [0, 1, 2, 3, 4])
def test_rooms_are_shared_out_without_overlap_and_pictures_have_most_of_it(
    wide: int, high: int, gap: int, strip: int, pictures: int, others: int
) -> None:
    room = QRect(3, 5, wide, high)
    plan = share_out(room, pictures, others, gap, strip, lambda n, rect: True)
    if plan is None:
        assert (not pictures and not others) or (pictures and others and high < wide / 2), "low: pictures go first"
        return
    rects = [*plan.pictures, *plan.others]
    assert (len(plan.pictures), len(plan.others)) == (pictures, others)
    assert all(room.contains(rect) for rect in rects)
    assert not any(a.intersects(b) for n, a in enumerate(rects) for b in rects[:n])
    areas = [picture_area(rect, strip) for rect in plan.pictures]
    assert not areas or areas[0] >= max(areas) * 0.98, "the best camera is never smaller than another"
    if pictures == 4 and others and high > wide / 2:
        assert sum(areas) >= 0.42 * wide * high, "0.32 before"


def test_what_does_not_fit_is_not_planned() -> None:
    assert share_out(QRect(0, 0, 300, 200), 4, 2, 6, 17, lambda n, rect: rect.width() > 200) is None
