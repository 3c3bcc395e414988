"""Tours: cameras one after the other, held where a person or an alarm needs the picture, without a black gap."""

from __future__ import annotations

import msgspec
import pytest
from helpers.sample_city import SCALES, SampleSession, Scene, prepare, sample_session
from helpers.street import street_picture
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from layouts.options import CameraOptions
from widgets.parts import camera_zoom as zoom
from widgets.parts import text
from widgets.tiles.camera import CameraTile


@pytest.fixture
def sample(qapp: QApplication) -> SampleSession:
    prepare(qapp)
    made = sample_session(Scene.CALM)
    for camera in made.city.records("cameras").values():
        made.pictures.show(camera.id, street_picture(96, 54, seed=int(camera.number)))
    return made


@pytest.fixture
def tile(qtbot: QtBot, sample: SampleSession) -> CameraTile:
    made = CameraTile(sample.session, SCALES["desk"], CameraOptions(tour=("014", "021", "052"), dwell_s=10))
    made.resize(480, 270)
    qtbot.addWidget(made)
    made.set_place("0.1", "1")
    made.show()
    qtbot.waitExposed(made)
    made.on_second()
    return made


def seconds(tile: CameraTile, sample: SampleSession, count: int) -> list[str]:
    """The numbers on the tile after each of so many seconds."""
    seen = []
    for _ in range(count):
        sample.clock.advance_s(1)
        tile.on_second()
        sample.session.demands.flush()
        seen.append(tile.camera.number if tile.camera else "")
    return seen


def test_each_camera_has_its_time_and_then_the_next_one(tile: CameraTile, sample: SampleSession) -> None:
    seen = seconds(tile, sample, 31)
    assert seen[:9] == ["014"] * 9
    assert seen[9:19] == ["021"] * 10
    assert seen[19:29] == ["052"] * 10
    assert seen[29:] == ["014"] * 2
    with text.recording() as log:
        tile.grab()
    assert "tuần tự camera 1/3" in [item.text for item in log.items]


def test_the_next_camera_is_asked_for_before_its_turn(tile: CameraTile, sample: SampleSession) -> None:
    seconds(tile, sample, 5)
    assert {d.camera_id for d in sample.pictures.wanted} == {"cam-014"}
    seconds(tile, sample, 3)
    ahead = {d for d in sample.pictures.wanted if d.camera_id == "cam-021"}
    assert {d.camera_id for d in sample.pictures.wanted} == {"cam-014", "cam-021"}
    seconds(tile, sample, 3)
    assert sample.pictures.wanted == ahead  # the same demand: its picture is there at once


def test_a_camera_that_is_switched_off_is_left_out(tile: CameraTile, sample: SampleSession) -> None:
    camera = sample.city.camera("cam-021")
    assert camera is not None
    sample.put("cameras", msgspec.structs.replace(camera, enabled=False))
    assert seconds(tile, sample, 11)[-1] == "052"


def test_it_holds_while_somebody_looks_closely(tile: CameraTile, sample: SampleSession) -> None:
    seconds(tile, sample, 5)
    tile.picture.look_at((0.2, 0.2, 0.5, 0.5))
    assert set(seconds(tile, sample, 30)) == {"014"}
    tile.picture.look_at(zoom.WHOLE)
    assert seconds(tile, sample, 10)[-1] == "021"  # its time has begun again


def test_it_holds_for_what_was_put_by_hand_and_goes_on_after_it(tile: CameraTile, sample: SampleSession) -> None:
    sample.session.hands.put(tile.place, "cam-033", "cam-014")
    assert set(seconds(tile, sample, 25)) == {"033"}
    assert tile.by_hand
    sample.session.hands.release(tile.place)
    assert seconds(tile, sample, 11)[-1] == "021"


def test_it_does_not_leave_a_camera_with_an_unacknowledged_alarm(
    qtbot: QtBot, qapp: QApplication, sample: SampleSession
) -> None:
    alarmed = sample_session()  # 033 has one
    tile = CameraTile(alarmed.session, SCALES["desk"], CameraOptions(tour=("014", "033", "052"), dwell_s=10))
    tile.resize(480, 270)
    qtbot.addWidget(tile)
    tile.show()
    tile.on_second()
    assert seconds(tile, alarmed, 60)[-1] == "033"


def test_a_clock_that_is_set_back_starts_the_time_anew(tile: CameraTile, sample: SampleSession) -> None:
    seconds(tile, sample, 9)
    sample.clock.advance_s(-3600)
    assert set(seconds(tile, sample, 9)) == {"014"}
    assert seconds(tile, sample, 3)[-1] == "021"


@pytest.mark.parametrize(
    "options",
    [
        {"tour": ["014"]},
        {"tour": ["014", "021"], "camera": "014"},
        {"tour": ["014", "021"], "slot": "alarm"},
        {"tour": ["014", "021"], "dwell_s": 1},
        {"tour": ["9-3", "021"]},
        {},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(options, CameraOptions)


def test_a_tour_of_a_range() -> None:
    assert msgspec.convert({"tour": ["001-004"], "dwell_s": 4}, CameraOptions).dwell_s == 4
