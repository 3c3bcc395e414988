"""Instant replay on a camera tile: both pictures are demanded, the old one is painted and never looks live."""

from __future__ import annotations

import msgspec
import pytest
from helpers.camera_wall import camera_wall, street_session
from helpers.replayed_tile import looks, tile_of, words
from helpers.sample_city import SCALES, SampleSession
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.camera import Demand, PictureState, PictureStatus
from backends.domain.replay import is_replay, replay_of
from layouts.options import CameraOptions
from widgets.hands import Ask
from widgets.i18n import tr
from widgets.parts import text
from widgets.parts.camera_menu import open_menu
from widgets.tiles.camera import CameraTile

S = 1_000_000_000


@pytest.fixture
def sample(qapp: QApplication) -> SampleSession:
    return street_session(qapp)


def old_demand(sample: SampleSession) -> Demand | None:
    return next((demand for demand in sample.pictures.wanted if is_replay(demand.uri)), None)


def comes(tile: CameraTile, sample: SampleSession, ago_s: float, state: PictureState = PictureState.REPLAY) -> None:
    """A picture of the replay that is demanded has come."""
    demand = old_demand(sample)
    assert demand is not None
    at = round((tile.session.mono.monotonic_s() - ago_s) * S)
    sample.pictures.replays[demand.uri] = PictureStatus(state, shown_ns=at, shown_mono_ns=at)
    looks(tile)


def test_both_pictures_are_demanded_and_the_old_one_is_named(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    (live,) = sample.pictures.wanted
    assert "XEM LẠI" not in words(tile)
    assert tile.act(Ask.BACK_30)
    looks(tile)
    old = old_demand(sample)
    assert old is not None
    assert sample.pictures.wanted == {live, old}
    replay = replay_of(old.uri)
    assert replay is not None
    assert replay.live == live.uri
    assert (old.camera_id, old.width, old.height, old.crop) == ("cam-014", 420, 240, live.crop)
    assert [said for said in words(tile) if said in ("XEM LẠI", "đang mở")] == ["XEM LẠI", "đang mở"]
    comes(tile, sample, 30)
    assert words(tile)[-3:] == ["XEM LẠI", "09:41:02", "30 giây trước"]
    assert tile.grab().toImage().pixelColor(1, 120) == tile.theme.replay


def test_at_the_end_it_is_live_again(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.act(Ask.BACK_10)
    looks(tile)
    comes(tile, sample, 10)
    comes(tile, sample, 0.1, PictureState.ENDED)
    assert old_demand(sample) is None
    assert len(sample.pictures.wanted) == 1
    assert "XEM LẠI" not in words(tile)
    assert tile.status().state is PictureState.LIVE


def test_keys_mean_nothing_while_it_is_live(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    for act in (Ask.PAUSE, Ask.FASTER, Ask.SLOWER, Ask.LIVE, Ask.FORWARD_10):
        assert not tile.act(act)
    looks(tile)
    assert old_demand(sample) is None


def test_what_a_person_does_reaches_the_demand(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.act(Ask.BACK_60)
    looks(tile)
    comes(tile, sample, 50)
    for act, wanted in (
        (Ask.FASTER, (50.0, 2.0)),
        (Ask.SLOWER, (50.0, 1.0)),
        (Ask.FORWARD_10, (40.0, 1.0)),
        (Ask.BACK_30, (70.0, 1.0)),
    ):
        assert tile.act(act)
        looks(tile)
        old = old_demand(sample)
        replay = replay_of(old.uri) if old is not None else None
        assert replay is not None
        ago_s = tile.session.mono.monotonic_s() - replay.from_ns / S
        assert (round(ago_s, 1), replay.rate) == wanted
        comes(tile, sample, wanted[0])
    assert tile.act(Ask.PAUSE)
    looks(tile)
    comes(tile, sample, 70, PictureState.ENDED)
    assert words(tile)[-1] == "TẠM DỪNG"
    assert tile.act(Ask.LIVE)
    looks(tile)
    assert old_demand(sample) is None


def test_a_hidden_tile_and_another_camera_end_it(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.act(Ask.BACK_10)
    looks(tile)
    assert old_demand(sample) is not None
    tile.hide()
    sample.session.demands.flush()
    assert sample.pictures.wanted == frozenset()
    tile.show()
    looks(tile)
    assert old_demand(sample) is None
    assert "XEM LẠI" not in words(tile)


def test_where_nothing_is_kept_it_is_said_over_the_live_picture(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.act(Ask.BACK_10)
    looks(tile)
    old = old_demand(sample)
    assert old is not None
    sample.pictures.replays[old.uri] = PictureStatus(PictureState.NO_SOURCE, reason="nothing is kept of this camera")
    looks(tile)
    assert old_demand(sample) is None
    assert "không có hình để xem lại" in words(tile)
    assert tile.status().state is PictureState.LIVE


def test_a_replay_whose_decoder_is_gone_is_lost_and_still_a_replay(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.act(Ask.BACK_30)
    looks(tile)
    comes(tile, sample, 30)
    old = old_demand(sample)
    assert old is not None
    lost = msgspec.structs.replace(sample.pictures.replays[old.uri], state=PictureState.LOST, age_s=7.0)
    sample.pictures.replays[old.uri] = lost
    looks(tile)
    said = words(tile)
    assert "XEM LẠI" in said
    assert "MẤT HÌNH" in said


def test_the_flag_of_an_alarm_stays_above_it(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample, "033")
    tile.act(Ask.BACK_10)
    looks(tile)
    comes(tile, sample, 10)
    with text.recording() as log:
        tile.grab()
    boxes = {item.text: item.painted for item in log.items}
    flag = next(box for said, box in boxes.items() if said.startswith("Tụ tập đông người"))
    assert boxes["XEM LẠI"].top() > flag.bottom()


KEYS = [
    (Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier, 10.0, 1.0),
    (Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier, 40.0, 1.0),
    (Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier, 100.0, 1.0),
    (Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier, 90.0, 1.0),
    (Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier, 90.0, 2.0),
    (Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier, 90.0, 1.0),
]


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_by_keyboard_and_by_menu(qtbot: QtBot, sample: SampleSession) -> None:
    with camera_wall(sample) as wall:
        tile = wall.free()[0]
        wall.click(tile)
        camera = tile.camera
        assert camera is not None
        for key, modifiers, ago_s, rate in KEYS:
            wall.key(key, modifiers=modifiers)
            looks(tile)
            old = old_demand(sample)
            assert old is not None
            assert old.camera_id == camera.id
            replay = replay_of(old.uri)
            assert replay is not None
            assert round(tile.session.mono.monotonic_s() - replay.from_ns / S) == ago_s
            assert replay.rate == rate
            comes(tile, sample, ago_s)
        wall.key(Qt.Key.Key_Space)
        looks(tile)
        assert tile.replay is not None
        assert tile.replay.paused
        menu = open_menu(tile, tile.mapToGlobal(tile.rect().center()))
        entries = {action.text().split("\t")[0]: action for action in menu.actions()}
        assert entries["Tạm dừng xem lại"].isChecked()
        entries["Về hình hiện tại"].trigger()
        menu.close()
        looks(tile)
        assert tile.replay is None
        assert old_demand(sample) is None
        said: list[str] = []
        stills: list[str] = []
        sample.session.notices.toldDesk.connect(said.append)
        sample.session.calls.stillAsked.connect(lambda camera_id, _: stills.append(camera_id))
        wall.key(Qt.Key.Key_Left, modifiers=Qt.KeyboardModifier.ControlModifier)
        wall.key(Qt.Key.Key_S, modifiers=Qt.KeyboardModifier.ControlModifier)
        assert stills == [], "not the live picture in place of the old one"
        assert said == [tr("replay.no_still")]
        wall.key(Qt.Key.Key_End)
        looks(tile)
        wall.key(Qt.Key.Key_S, modifiers=Qt.KeyboardModifier.ControlModifier)
        assert stills == [camera.id]
        for leave in (Qt.Key.Key_End, Qt.Key.Key_Escape):
            wall.key(Qt.Key.Key_Left, modifiers=Qt.KeyboardModifier.ControlModifier)
            assert tile.replay is not None
            wall.key(leave)
            assert tile.replay is None


def test_the_figures_say_how_much_can_be_shown_again(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.act(Ask.DETAILS)
    assert "xem lại được" not in words(tile)
    sample.pictures.held["cam-014"] = 250.0
    tile.on_second()
    said = words(tile)
    assert said[said.index("xem lại được") + 1] == "4 phút"


def test_a_zoom_goes_along_and_what_was_never_bridges_to_what_is(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.act(Ask.BACK_30)
    looks(tile)
    comes(tile, sample, 30)
    tile.act(Ask.NEARER)
    tile.picture._settled()
    looks(tile)
    old = old_demand(sample)
    assert old is not None
    assert old.crop == tile.picture.seen != (0.0, 0.0, 1.0, 1.0)
    assert tile.picture.bridging
    tile.act(Ask.LIVE)
    assert not tile.picture.bridging


def test_the_ring_of_the_keyboard_hides_no_frame(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.act(Ask.BACK_30)
    looks(tile)
    comes(tile, sample, 30)
    tile.setFocus()
    qtbot.waitUntil(tile.hasFocus)
    picture = tile.grab().toImage()
    for x, y in ((2, 120), (417, 120), (210, 237)):
        near = [
            picture.pixelColor(x + dx, y + dy)
            for dx in range(-5, 6)
            for dy in range(-5, 6)
            if 0 <= x + dx < 420 and 0 <= y + dy < 240
        ]
        assert tile.theme.replay in near, "on this side too"


def test_a_tour_stays_while_its_camera_is_shown_again(qtbot: QtBot, sample: SampleSession) -> None:
    tile = CameraTile(sample.session, SCALES["desk"], CameraOptions(tour=("014", "021"), dwell_s=10))
    tile.resize(420, 240)
    qtbot.addWidget(tile)
    tile.show()
    qtbot.waitExposed(tile)
    tile.on_second()
    looks(tile)
    tile.act(Ask.BACK_60)
    numbers = []
    for _ in range(25):
        sample.clock.advance_s(1)
        tile.on_second()
        sample.session.demands.flush()
        numbers.append(tile.camera.number if tile.camera else "")
    assert numbers == ["014"] * 25
    assert tile.replay is not None
