"""A past time of a recorder on a camera tile: asked of the hub, framed as what it is, paused, jumped in, and ended."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from helpers.camera_wall import CameraWall, camera_tile, camera_wall, street_session
from helpers.replayed_tile import looks, past_demand, tile_of, words
from helpers.sample_city import DESK, NOW_NS, THU_HA, WALL, SampleSession
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.camera import Camera, PictureState, PictureStatus
from backends.domain.people import Role
from backends.domain.ports import Changes
from backends.domain.replay import MOST_PAST, PAST, TOO_MANY_PAST, span_of
from layouts.options import CameraOptions
from widgets.hands import Ask
from widgets.parts import text
from widgets.parts.camera_menu import open_menu
from widgets.parts.past import JUMP_WAIT_S, OPEN_S
from widgets.tiles.camera import CameraTile
from widgets.windows.time_line import TimeLine

S = 1_000_000_000
MINUTE = 60 * S
EIGHT_15 = NOW_NS // MINUTE * MINUTE - 86 * MINUTE
"""08:15:00; now it is 09:41:32."""
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def sample(qapp: QApplication) -> SampleSession:
    made = street_session(qapp)
    cameras: list[Camera] = list(made.city.records("cameras").values())
    made.put("cameras", *(msgspec.structs.replace(c, recorder="nvr-1") for c in cameras if c.number != "021"))
    return made


@pytest.fixture
def said(sample: SampleSession) -> list[str]:
    heard: list[str] = []
    sample.session.notices.toldDesk.connect(heard.append)
    return heard


def asked(sample: SampleSession) -> list[tuple[str, float]]:
    """(camera id, seconds after 08:15) of every look that the hub was asked for."""
    found = []
    for _, what, target, reason in sample.access.asked:
        span = span_of(reason)
        assert what == PAST
        assert span is not None
        found.append((target, round((span[0] - EIGHT_15) / S, 1)))
    return found


def opens(tile: CameraTile, sample: SampleSession, name: str = "a") -> str:
    """The hub allows it, and the address comes."""
    uri = f"onvif-replay://10.0.0.9/{name}#from=2026-11-20T01:15:00Z"
    sample.access.show({"uri": uri})
    sample.deliver()
    looks(tile)
    return uri


def comes(tile: CameraTile, sample: SampleSession, t_ns: int, state: PictureState = PictureState.REPLAY) -> None:
    demand = past_demand(sample)
    assert demand is not None
    sample.pictures.replays[demand.uri] = PictureStatus(state, shown_ns=t_ns, shown_mono_ns=0)
    looks(tile)


def plays(tile: CameraTile, sample: SampleSession, t_ns: int = EIGHT_15) -> str:
    assert tile.look_back(t_ns) == ""
    uri = opens(tile, sample)
    comes(tile, sample, t_ns)
    return uri


def test_it_is_asked_opened_and_named(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    live = tile.grab().toImage()
    (demand,) = sample.pictures.wanted
    assert tile.look_back(EIGHT_15) == ""
    looks(tile)
    assert asked(sample) == [("cam-014", 0.0)]
    assert past_demand(sample) is None, "nothing is opened before the hub has said yes"
    assert [said for said in words(tile) if said in ("XEM LẠI", "đang mở 20/11 08:15:00")] == [
        "XEM LẠI",
        "đang mở 20/11 08:15:00",
    ]
    waiting = tile.grab().toImage()
    assert waiting.pixelColor(210, 120) != live.pixelColor(210, 120), "the live picture is not shown as if it were past"
    uri = opens(tile, sample)
    past = past_demand(sample)
    assert past is not None
    assert sample.pictures.wanted == {demand, past}, "live goes on"
    assert past == msgspec.structs.replace(demand, uri=uri)
    comes(tile, sample, EIGHT_15 + 3 * S + S // 2)
    assert words(tile)[-3:] == ["XEM LẠI", "20/11 08:15:03", "1 giờ 26 phút trước"]
    assert tile.grab().toImage().pixelColor(1, 120) == tile.theme.replay
    assert tile.status().state is PictureState.REPLAY


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (420, ["XEM LẠI", "20/11 08:15:00", "1 giờ 26 phút trước"]),
        (300, ["XEM LẠI", "20/11 08:15:00", "−1:26:32"]),
        (200, ["XEM LẠI", "20/11 08:15"]),
        (110, ["XEM LẠI"]),
    ],
)
def test_its_day_is_said_in_any_room(qtbot: QtBot, sample: SampleSession, width: int, said: list[str]) -> None:
    tile = camera_tile(qtbot, sample, CameraOptions(camera="014"), (width, 120))
    looks(tile)
    plays(tile, sample)
    shown = words(tile)
    assert shown[shown.index("XEM LẠI") :] == said


@pytest.mark.parametrize(
    ("act", "goes_to"),
    [
        (Ask.BACK_10, 25.5), (Ask.BACK_30, 5.5), (Ask.BACK_60, -24.5), (Ask.FORWARD_10, 45.5), (Ask.FORWARD_60, 95.5),
        (Ask.MINUTE_BACK, 0.0), (Ask.MINUTE_ON, 60.0),
    ],
)  # fmt: skip
def test_a_jump_is_a_look_of_its_own(qtbot: QtBot, sample: SampleSession, act: Ask, goes_to: float) -> None:
    tile = tile_of(qtbot, sample)
    before = plays(tile, sample)
    comes(tile, sample, EIGHT_15 + 35 * S + S // 2)
    assert tile.act(act)
    looks(tile)
    assert len(asked(sample)) == 1, "keys that are held down are asked as one"
    demand = past_demand(sample)
    assert demand is not None
    assert (demand.uri, demand.held) == (before, True), "its picture stays, and the recorder is let go"
    sample.clock.advance_s(JUMP_WAIT_S)
    looks(tile)
    assert asked(sample)[1:] == [("cam-014", goes_to)]
    after = opens(tile, sample, "b")
    demand = past_demand(sample)
    assert demand is not None
    assert (demand.uri, demand.held) == (after, False)


def test_jumps_in_a_row_are_one_question_and_an_old_answer_is_none(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.look_back(EIGHT_15)
    first = len(sample.access.asked)
    for _ in range(5):
        tile.act(Ask.FORWARD_10)
        looks(tile)
    sample.access.inbox.put(*_revealed(first, "too-late"))
    sample.deliver()
    looks(tile)
    assert past_demand(sample) is None
    sample.clock.advance_s(JUMP_WAIT_S)
    looks(tile)
    assert asked(sample) == [("cam-014", 0.0), ("cam-014", 50.0)]


def _revealed(request: int, name: str) -> list[object]:
    from backends.domain.access import Revealed

    return [Revealed(request, PAST, "cam-014", values={"uri": f"onvif-replay://10.0.0.9/{name}#from=x"})]


def test_a_jump_to_the_present_is_live(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    plays(tile, sample, NOW_NS - 30 * S)
    tile.act(Ask.FORWARD_60)
    looks(tile)
    assert tile.replay is None
    assert past_demand(sample) is None


def test_a_pause_lets_go_and_goes_on(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    uri = plays(tile, sample)
    assert tile.act(Ask.PAUSE)
    looks(tile)
    demand = past_demand(sample)
    assert demand is not None
    assert demand.held
    lost = PictureStatus(PictureState.LOST, age_s=99.0, shown_ns=EIGHT_15)
    sample.pictures.replays[uri] = lost
    sample.clock.advance_s(99)
    looks(tile)
    said = words(tile)
    assert said[-1] == "TẠM DỪNG"
    assert "MẤT HÌNH" not in said, "it stands because somebody wants it to"
    assert tile.act(Ask.PAUSE)
    looks(tile)
    demand = past_demand(sample)
    assert demand is not None
    assert (demand.uri, demand.held) == (uri, False)
    assert "MẤT HÌNH" not in words(tile), "it is being opened"
    sample.clock.advance_s(11)
    looks(tile)
    assert "MẤT HÌNH" in words(tile)
    assert len(asked(sample)) == 1


def test_one_that_stays_lost_is_asked_for_anew(qtbot: QtBot, sample: SampleSession, said: list[str]) -> None:
    tile = tile_of(qtbot, sample)
    uri = plays(tile, sample)
    lost = PictureStatus(PictureState.LOST, age_s=OPEN_S - 1, shown_ns=EIGHT_15 + 9 * S)
    sample.pictures.replays[uri] = lost
    looks(tile)
    assert "MẤT HÌNH" in words(tile)
    assert len(asked(sample)) == 1, "the decoder tries by itself"
    sample.pictures.replays[uri] = msgspec.structs.replace(lost, age_s=OPEN_S + 1)
    looks(tile)
    assert asked(sample)[1:] == [("cam-014", 9.0)]
    again = opens(tile, sample, "b")
    sample.pictures.replays[again] = PictureStatus(PictureState.CONNECTING, reason="connection refused")
    looks(tile)
    assert tile.replay is None
    assert said == ["Xem lại camera 014 lúc 20/11 08:15:09: đầu ghi không phát được (connection refused)"]


def test_another_part_of_a_paused_picture_is_asked_for_anew(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    plays(tile, sample)
    comes(tile, sample, EIGHT_15 + 7 * S)
    tile.act(Ask.PAUSE)
    looks(tile)
    tile.act(Ask.NEARER)
    tile.picture._settled()
    looks(tile)
    sample.clock.advance_s(JUMP_WAIT_S)
    looks(tile)
    assert asked(sample)[-1] == ("cam-014", 7.0)
    opens(tile, sample, "b")
    demand = past_demand(sample)
    assert demand is not None
    assert (demand.held, demand.crop) == (False, tile.picture.seen)
    comes(tile, sample, EIGHT_15 + 7 * S)
    demand = past_demand(sample)
    assert demand is not None
    assert demand.held


def test_at_its_end_it_is_live_and_that_is_said(qtbot: QtBot, sample: SampleSession, said: list[str]) -> None:
    tile = tile_of(qtbot, sample)
    plays(tile, sample)
    comes(tile, sample, EIGHT_15 + 1800 * S, PictureState.ENDED)
    assert past_demand(sample) is None
    assert tile.status().state is PictureState.LIVE
    shown = words(tile)
    assert "đoạn ghi đã hết" in shown
    assert "XEM LẠI" not in shown
    assert said == ["Xem lại camera 014 lúc 20/11 08:15:00: đoạn ghi đã hết"]


def test_after_an_hour_the_next_time_is_to_be_chosen(qtbot: QtBot, sample: SampleSession, said: list[str]) -> None:
    tile = tile_of(qtbot, sample)
    plays(tile, sample)
    span = span_of(sample.access.asked[0][3])
    assert span == (EIGHT_15, EIGHT_15 + 3600 * S)
    comes(tile, sample, EIGHT_15 + 3599 * S, PictureState.ENDED)
    assert tile.replay is None
    assert said[0].endswith("đã xem hết một giờ: chọn giờ tiếp theo")


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (PictureStatus(PictureState.REFUSED, reason="x"), "đầu ghi từ chối tên hoặc mật khẩu"),
        (
            PictureStatus(PictureState.CONNECTING, reason="the recorder has nothing of that time (404)"),
            "đầu ghi không có hình của lúc này",
        ),
        (PictureStatus(PictureState.ENDED), "đầu ghi không có hình của lúc này"),
        (
            PictureStatus(PictureState.NO_SOURCE, reason=TOO_MANY_PAST),
            f"trạm này đang xem lại {MOST_PAST} chỗ từ đầu ghi: hãy đóng bớt một chỗ",
        ),
        (
            PictureStatus(PictureState.LOST, reason="connection refused", age_s=6),
            "đầu ghi không phát được (connection refused)",
        ),
    ],
)
def test_what_cannot_be_shown_is_said_and_live_is_back(
    qtbot: QtBot, sample: SampleSession, said: list[str], status: PictureStatus, why: str
) -> None:
    tile = tile_of(qtbot, sample)
    tile.look_back(EIGHT_15)
    uri = opens(tile, sample)
    sample.pictures.replays[uri] = status
    looks(tile)
    assert tile.replay is None
    assert said == [f"Xem lại camera 014 lúc 20/11 08:15:00: {why}"]


def test_a_recorder_that_sends_nothing_is_given_up(qtbot: QtBot, sample: SampleSession, said: list[str]) -> None:
    tile = tile_of(qtbot, sample)
    tile.look_back(EIGHT_15)
    opens(tile, sample)
    sample.clock.advance_s(OPEN_S - 1)
    looks(tile)
    assert tile.replay is not None
    sample.clock.advance_s(2)
    looks(tile)
    assert tile.replay is None
    assert said[0].endswith("đầu ghi không gửi hình")


@pytest.mark.parametrize(
    ("values", "code", "why"),
    [
        ({}, "not_allowed", "vai trò này không được xem lại từ đầu ghi"),
        ({}, "offline", "cần kết nối và đăng nhập qua máy chủ để xem lại từ đầu ghi"),
        ({}, "something_new", "máy chủ từ chối (mã something_new)"),
        ({"trouble": "the camera refuses user name or password"}, "", "đầu ghi từ chối tên hoặc mật khẩu"),
        ({"trouble": "the recorder keeps 2 recordings, and none of channel 3"}, "",
         "đầu ghi không phát được (the recorder keeps 2 recordings, and none of channel 3)"),
    ],
)  # fmt: skip
def test_a_no_of_the_hub_or_of_the_recorder(
    qtbot: QtBot, sample: SampleSession, said: list[str], values: dict[str, str], code: str, why: str
) -> None:
    tile = tile_of(qtbot, sample)
    tile.look_back(EIGHT_15)
    sample.access.show(values, code)
    sample.deliver()
    looks(tile)
    assert tile.replay is None
    assert said == [f"Xem lại camera 014 lúc 20/11 08:15:00: {why}"]
    assert why in words(tile) or len(why) > 60


def test_who_may_not_and_what_has_no_recorder(qtbot: QtBot, sample: SampleSession) -> None:
    assert tile_of(qtbot, sample, "021").look_back(EIGHT_15) == "Camera này chưa có đầu ghi nào được khai báo"
    tile = tile_of(qtbot, sample)
    for role in (Role.VIEWER, Role.TRAINER, Role.ADMIN):
        sample.deliver(msgspec.structs.replace(THU_HA, role=role))
        assert tile.look_back(EIGHT_15) == "vai trò này không được xem lại từ đầu ghi"
    sample.deliver(msgspec.structs.replace(THU_HA, locked=True))
    assert tile.look_back(EIGHT_15) == "màn hình đang khóa"
    sample.deliver(msgspec.structs.replace(THU_HA, role=Role.SHIFT_LEAD))
    assert tile.look_back(EIGHT_15) == ""
    assert len(sample.access.asked) == 1


def test_a_lock_and_another_person_end_it(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    plays(tile, sample)
    sample.deliver(msgspec.structs.replace(THU_HA, locked=True))
    looks(tile)
    assert tile.replay is None
    assert past_demand(sample) is None


def test_a_hidden_tile_and_another_camera_end_it(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    plays(tile, sample)
    tile.hide()
    sample.session.demands.flush()
    assert sample.pictures.wanted == frozenset()
    tile.show()
    looks(tile)
    assert tile.replay is None


def test_it_takes_the_place_of_an_instant_replay_and_knows_no_rate(
    qtbot: QtBot, sample: SampleSession, said: list[str]
) -> None:  # fmt: skip
    tile = tile_of(qtbot, sample)
    tile.act(Ask.BACK_30)
    looks(tile)
    plays(tile, sample)
    assert len(sample.pictures.wanted) == 2
    assert tile.act(Ask.FASTER)
    assert said == ["Đầu ghi phát đúng tốc độ thật: không nhanh hơn, không chậm hơn được"]
    assert tile.act(Ask.LIVE)
    looks(tile)
    assert tile.replay is None
    assert past_demand(sample) is None


# -- by hand -----------------------------------------------------------------------------------------


@pytest.fixture
def wall(sample: SampleSession) -> Iterator[CameraWall]:
    with camera_wall(sample) as made:
        yield made


def line_of(wall: CameraWall) -> TimeLine:
    (line,) = [one for one in wall.windows[0].findChildren(TimeLine) if one.isVisible()]
    return line


def line_words(line: TimeLine) -> list[str]:
    with text.recording() as log:
        line.grab()
    return [item.text for item in log.items]


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_a_time_is_typed(sample: SampleSession, wall: CameraWall) -> None:
    tile = next(one for one in wall.free() if one.camera is not None and one.camera.recorder)
    camera = tile.camera
    assert camera is not None
    wall.click(tile)
    wall.key(Qt.Key.Key_G, modifiers=CONTROL)
    line = line_of(wall)
    wall.type("086")
    wall.key(Qt.Key.Key_Backspace)
    wall.type("7")
    wall.key(Qt.Key.Key_Left, Qt.Key.Key_G, Qt.Key.Key_Delete, Qt.Key.Key_Delete)
    assert "Xem lại" in line_words(line)[0]
    line.field.setText("0860")
    assert len(line_words(line)) == 2, "half typed is no mistake"
    wall.key(Qt.Key.Key_Return)
    assert line_words(line)[1] == "Không có giờ này trong ngày"
    assert line.isVisible()
    line.field.setText("08")
    wall.type("15")
    assert line_words(line)[1] == "20/11 08:15:00 · 1 giờ 26 phút trước"
    wall.key(Qt.Key.Key_Return)
    assert asked(sample) == [(camera.id, 0.0)]
    assert not [one for one in wall.windows[0].findChildren(TimeLine) if one.isVisible()]
    assert tile.hasFocus()
    looks(tile)
    opens(tile, sample)
    comes(tile, sample, EIGHT_15)
    wall.key(Qt.Key.Key_Right, modifiers=CONTROL | SHIFT)
    wall.key(Qt.Key.Key_PageDown)
    sample.clock.advance_s(JUMP_WAIT_S)
    looks(tile)
    assert asked(sample)[1:] == [(camera.id, 120.0)]
    wall.key(Qt.Key.Key_Escape)
    looks(tile)
    assert tile.replay is None


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_by_the_menu_and_given_up(sample: SampleSession, wall: CameraWall, said: list[str]) -> None:
    tile = next(one for one in wall.free() if one.camera is not None and one.camera.recorder)
    menu = open_menu(tile, tile.mapToGlobal(tile.rect().center()))
    entries = {action.text().split("\t")[0]: action for action in menu.actions()}
    assert not entries["Xem lại từ 30 giây trước cảnh báo"].isEnabled() or tile.alarmed
    entries["Xem lại lúc…"].trigger()
    menu.close()
    line_of(wall).field.setText("0815")
    wall.key(Qt.Key.Key_Escape)
    assert not [one for one in wall.windows[0].findChildren(TimeLine) if one.isVisible()]
    assert sample.access.asked == []
    sample.deliver(msgspec.structs.replace(THU_HA, role=Role.VIEWER))
    wall.desk.act(tile.place, Ask.LOOK_BACK)
    assert said == ["vai trò này không được xem lại từ đầu ghi"]


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_half_a_minute_before_the_alarm(sample: SampleSession, wall: CameraWall, said: list[str]) -> None:
    calm = next(one for one in wall.free() if not one.alarmed)
    slot = next(one for one in wall.tiles() if one.options.slot)
    own = next(one for one in wall.free() if one.alarmed)
    for chosen, shows in ((own, own), (calm, slot)):  # from anywhere: that of the tile that is kept for alarms
        alarm, camera = shows._shown.alarm, shows.camera
        assert alarm is not None
        assert camera is not None
        wall.click(chosen)
        wall.key(Qt.Key.Key_B, modifiers=CONTROL)
        looks(shows)
        _, _, target, reason = sample.access.asked[-1]
        span = span_of(reason)
        assert span is not None
        assert (target, span[0]) == (camera.id, (alarm.t_raised_ns - 30 * S) // 1_000_000 * 1_000_000)
        assert shows.replay is not None
    sample.deliver(Changes("alarms", put=(), reset=True))
    wall.click(calm)
    wall.key(Qt.Key.Key_B, modifiers=CONTROL)
    assert said == ["Ô này không có cảnh báo nào"]


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_for_a_tile_of_the_wall_the_time_is_typed_where_the_keyboard_is(sample: SampleSession) -> None:
    with camera_wall(sample, "cameras", (DESK, WALL)) as wall:
        tile = next(one for one in wall.tiles(1) if one.camera is not None and one.camera.recorder)
        camera = tile.camera
        assert camera is not None
        sample.session.hands.choose(tile.place)
        wall.key(Qt.Key.Key_G, modifiers=CONTROL)
        assert wall.windows[1].findChildren(TimeLine) == []
        wall.type("0815")
        wall.key(Qt.Key.Key_Return)
        assert asked(sample) == [(camera.id, 0.0)]
        assert tile.replay is not None
