"""Tours that send cameras to presets, on real parts: under the hub's lease, with nobody's hand on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.onvif_device import OnvifCamera
from helpers.turning_room import Desk, TurningRoom
from helpers.waiting import wait_for

from backends.domain.turning import PatrolStop, TurnAct, TurnStage


@pytest.fixture
def room(tmp_path: Path) -> Iterator[TurningRoom]:
    with OnvifCamera() as camera, ExitStack() as stack:
        yield TurningRoom(tmp_path, camera, stack)


def comes(desk: Desk, preset: str, number: int) -> None:
    """A tour comes to the camera."""
    desk.ask(TurnAct.TOUR, stops=(PatrolStop(preset, 60.0),), number=number)


def leaves(desk: Desk, number: int) -> None:
    desk.ask(TurnAct.TOUR, number=number)


def free(desk: Desk) -> None:
    desk.glass.until(lambda glass: glass.items["cameras"]["cam-014"].turner is None)


def test_a_tour_sends_the_camera_to_its_preset_and_gives_it_back(room: TurningRoom) -> None:
    desk, camera = room.desk("desk-1", "ha"), room.camera
    comes(desk, "Bãi xe", 7)
    wait_for("at the preset", lambda: camera.moves == ["preset 2"])
    status = desk.until("told", lambda one: one.stage is TurnStage.TURNING and one.presets)
    assert (status.patrol, status.number, status.text) == (True, 7, "")
    desk.glass.until(lambda glass: getattr(glass.items["cameras"]["cam-014"].turner, "patrol", False))
    comes(desk, "1", 7)
    wait_for("the same camera's next stop", lambda: camera.moves == ["preset 2", "preset 1"])
    leaves(desk, 7)
    assert desk.until("left", lambda one: one.stage is TurnStage.ENDED).code == "given_back"
    free(desk)
    wait_for("its two rows", lambda: len(desk.audited()) == 2)
    begun, ended = desk.audited()
    assert begun == ("turning_begun", "ha", "cameras/cam-014", "tour")
    assert ended[:3] == ("turning_ended", "ha", "cameras/cam-014")
    assert camera.moves == ["preset 2", "preset 1"], "nothing more is asked of it"


def test_any_hand_takes_it_and_no_tour_takes_it_back(room: TurningRoom) -> None:
    """Also the same person's at another station: a tour there is none of that person's hands."""
    wall, desk, camera = room.desk("desk-1", "ha"), room.desk("desk-2", "ha"), room.camera
    comes(wall, "1", 7)
    wait_for("at the preset", lambda: camera.moves == ["preset 1"])
    comes(desk, "2", 8)
    refused = desk.until("the second tour has the picture alone", lambda one: one.stage is TurnStage.ENDED)
    assert (refused.code, refused.holder, refused.number) == ("held", "Thu Hà", 8)
    desk.ask(TurnAct.TAKE, number=9)
    desk.until("a hand gets it", lambda one: one.number == 9 and one.stage is TurnStage.TURNING and one.presets)
    taken = wall.until("the tour hears of it", lambda one: one.stage is TurnStage.ENDED, 5.0)
    assert (taken.code, taken.number) == ("taken", 7)
    comes(wall, "1", 10)
    assert wall.until("held", lambda one: one.number == 10 and one.stage is TurnStage.ENDED).code == "held"
    assert camera.moves == ["preset 1"]


def test_at_one_station_a_hand_and_the_first_tour_go_before(room: TurningRoom) -> None:
    desk, camera = room.desk("desk-1", "ha"), room.camera
    comes(desk, "1", 7)
    desk.until("the tour has it", lambda one: one.presets)
    comes(desk, "2", 8)
    leaves(desk, 8)
    desk.ask(TurnAct.TAKE, number=9)
    desk.until("her hand has it", lambda one: one.number == 9 and not one.patrol and one.presets)
    comes(desk, "2", 10)
    leaves(desk, 7)
    desk.hold(1.0, lambda: camera.turning)
    assert [move for move in camera.moves if "preset" in move] == ["preset 1"], "the other tours turned nothing"
    assert all(one.stage is not TurnStage.ENDED for one in desk.turns()), "and ended nothing"
    desk.glass.until(lambda glass: not glass.items["cameras"]["cam-014"].turner.patrol)
    assert [row[3] for row in desk.audited()] == ["tour", "taken from a tour"]
    desk.ask(TurnAct.GIVE_BACK, number=9)
    desk.until("ended", lambda one: one.stage is TurnStage.ENDED)
    free(desk)


def test_where_nobody_may_turn_a_tour_does_not(room: TurningRoom) -> None:
    desk, camera = room.desk("desk-1", "ha"), room.camera
    comes(desk, "1", 7)
    wait_for("at the preset", lambda: camera.moves == ["preset 1"])
    desk.feed.lock()
    assert desk.until("ended by the lock", lambda one: one.stage is TurnStage.ENDED).code == "locked"
    free(desk)
    comes(desk, "2", 8)
    assert desk.until("refused", lambda one: one.number == 8).code == "locked"
    assert camera.moves == ["preset 1"]


def test_without_the_hub_a_tour_turns_nothing_and_a_hand_does(room: TurningRoom) -> None:
    desk, camera = room.desk("desk-1", "ha"), room.camera
    desk.take()
    desk.ask(TurnAct.GIVE_BACK)
    desk.until("ended", lambda one: one.stage is TurnStage.ENDED)
    free(desk)
    room.hub.kill()
    desk.glass.until(lambda glass: not glass.up())
    comes(desk, "1", 7)
    assert desk.until("told", lambda one: one.number == 7 and one.stage is TurnStage.ENDED).code == "no_answer"
    assert camera.moves == []
    assert desk.take().offline, "the control"


def test_what_the_camera_does_not_do_is_told(room: TurningRoom) -> None:
    desk = room.desk("desk-1", "ha")
    comes(desk, "Cầu", 7)
    status = desk.until("told", lambda one: one.text)
    assert (status.stage, [one.name for one in status.presets]) == (TurnStage.TURNING, ["Cổng chính", "Bãi xe"])
    leaves(desk, 7)
    desk.until("left", lambda one: one.stage is TurnStage.ENDED)
