"""Instant replay on a camera tile: both pictures are demanded, the old one is painted and never looks live."""

from __future__ import annotations

import msgspec
import pytest
from helpers.sample_city import SCALES, SampleSession, prepare, sample_session
from helpers.street import street_picture
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.camera import Demand, PictureState, PictureStatus
from backends.domain.replay import is_replay, replay_of
from layouts.options import CameraOptions
from widgets.hands import Ask
from widgets.parts import text
from widgets.tiles.camera import CameraTile

S = 1_000_000_000


@pytest.fixture
def sample(qapp: QApplication) -> SampleSession:
    prepare(qapp)
    made = sample_session()
    for camera in made.city.records("cameras").values():
        made.pictures.show(camera.id, street_picture(96, 54, seed=int(camera.number)))
    return made


def tile_of(qtbot: QtBot, sample: SampleSession, number: str = "014") -> CameraTile:
    tile = CameraTile(sample.session, SCALES["desk"], CameraOptions(camera=number))
    tile.resize(420, 240)
    qtbot.addWidget(tile)
    tile.show()
    qtbot.waitExposed(tile)
    looks(tile)
    return tile


def looks(tile: CameraTile) -> None:
    tile.session.demands.flush()
    for _ in range(6):
        tile.on_picture_pass()
    tile.session.demands.flush()


def old_demand(sample: SampleSession) -> Demand | None:
    return next((demand for demand in sample.pictures.wanted if is_replay(demand.uri)), None)


def comes(tile: CameraTile, sample: SampleSession, ago_s: float, state: PictureState = PictureState.REPLAY) -> None:
    """A picture of the replay that is demanded has come."""
    demand = old_demand(sample)
    assert demand is not None
    at = round((tile.session.mono.monotonic_s() - ago_s) * S)
    sample.pictures.replays[demand.uri] = PictureStatus(state, shown_ns=at, shown_mono_ns=at)
    looks(tile)


def words(tile: CameraTile) -> list[str]:
    with text.recording() as log:
        tile.grab()
    return [item.text for item in log.items]


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
