"""Turning a camera from a station, on real parts: who may, who takes it from whom, presets and patrols."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.hub_people import PEOPLE, SECRET
from helpers.onvif_device import OnvifCamera
from helpers.turning_room import TurningRoom
from helpers.waiting import wait_for

from backends.domain.people import Role
from backends.domain.turning import PatrolStop, TurnAct, TurnStage
from console import turning_hand


@pytest.fixture
def room(tmp_path: Path) -> Iterator[TurningRoom]:
    with OnvifCamera() as camera, ExitStack() as stack:
        yield TurningRoom(tmp_path, camera, stack)


def test_a_hand_turns_the_camera_and_letting_go_stops_it(room: TurningRoom) -> None:
    desk, camera = room.desk("desk-1", "ha"), room.camera
    desk.ask(TurnAct.MOVE, pan=1.0)
    status = desk.take()
    assert [preset.name for preset in status.presets] == ["Cổng chính", "Bãi xe"]
    assert camera.moves == [], "a move before the lease moves nothing"
    begun_s = time.monotonic()
    desk.hold(0.5, lambda: time.monotonic() - begun_s > 2.2)
    assert camera.turning, "held for longer than one time-out"
    assert set(camera.moves) == {"move PanTilt[('x', '0.500'), ('y', '0.000')] PT1.0S"}
    gaps = [after - before for before, after in zip(camera.at, camera.at[1:], strict=False)]
    assert max(gaps) < turning_hand.TIMEOUT_S, "said again before it ran out"
    assert len(camera.moves) <= 2.6 / (turning_hand.TIMEOUT_S / 2) + 1, "and no oftener than that takes"
    desk.ask(TurnAct.MOVE)
    wait_for("stopped", lambda: camera.moves[-1] == "stop")
    desk.ask(TurnAct.GO_TO, preset="2")
    wait_for("at the preset", lambda: camera.moves[-1] == "preset 2")
    desk.ask(TurnAct.GIVE_BACK)
    assert desk.until("ended", lambda one: one.stage is TurnStage.ENDED).code == "given_back"
    desk.glass.until(lambda glass: glass.items["cameras"]["cam-014"].turner is None)
    wait_for("two rows, whatever was moved", lambda: len(desk.audited()) == 2)
    assert [row[:3] for row in desk.audited()] == [
        ("turning_begun", "ha", "cameras/cam-014"), ("turning_ended", "ha", "cameras/cam-014"),
    ]  # fmt: skip


def test_two_stations(room: TurningRoom) -> None:
    ha, lan, camera = room.desk("desk-1", "ha"), room.desk("desk-2", "lan"), room.camera
    ha.take()
    ha.hold(1.0, lambda: camera.turning)
    lan.take()
    ended = ha.until("taken from her", lambda one: one.stage is TurnStage.ENDED, 5.0)
    assert (ended.code, ended.holder) == ("taken", "Ngọc Lan")
    assert camera.moves[-1] == "stop", "what she had begun ends with her lease"
    ha.ask(TurnAct.TAKE)
    refused = ha.until("refused", lambda one: one.code == "held")
    assert refused.holder == "Ngọc Lan"
    moves = len(camera.moves)
    ha.ask(TurnAct.MOVE, pan=1.0)
    lan.hold(-1.0, lambda: camera.turning)
    assert camera.moves[moves:] == ["move PanTilt[('x', '-1.000'), ('y', '0.000')] PT1.0S"], "hers alone"
    ha.glass.until(lambda glass: glass.items["cameras"]["cam-014"].turner.name == "Ngọc Lan")


@pytest.mark.parametrize("role", [Role.TRAINER, Role.ADMIN, Role.VIEWER])
def test_who_may_not_is_not_even_asked_for(room: TurningRoom, role: Role) -> None:
    desk = room.desk("desk-1", PEOPLE[role][0])
    desk.ask(TurnAct.TAKE)
    assert desk.until("refused", lambda one: one.stage is TurnStage.ENDED).code == "not_allowed"
    assert room.camera.asked == []


def test_what_a_camera_says_is_told_in_words(room: TurningRoom) -> None:
    desk, camera = room.desk("desk-1", "ha"), room.camera
    camera.password = "another"
    desk.ask(TurnAct.TAKE)
    status = desk.until("told", lambda one: one.text)
    assert status.stage is TurnStage.TURNING
    assert "password" in status.text
    refusals = camera.refusals
    begun_s = time.monotonic()
    desk.hold(1.0, lambda: time.monotonic() - begun_s > 2.5)
    assert camera.refusals == refusals, "a wrong password is not shown again: cameras lock accounts"


def test_a_camera_that_knows_no_presets_turns(room: TurningRoom) -> None:
    desk, camera = room.desk("desk-1", "ha"), room.camera
    camera.unknown = {"GetPresets"}
    desk.ask(TurnAct.TAKE)
    desk.hold(1.0, lambda: camera.turning)
    assert desk.turns()[-1].text == ""
    wait_for("stopped", lambda: camera.moves[-1] == "stop")


def test_a_camera_that_knows_no_stop_goes_to_its_presets(room: TurningRoom) -> None:
    """It stops by the time-out of its last move; what is asked for meanwhile is not lost."""
    desk, camera = room.desk("desk-1", "ha"), room.camera
    camera.unknown = {"Stop"}
    desk.take()
    desk.hold(1.0, lambda: camera.turning)
    desk.ask(TurnAct.MOVE)
    desk.ask(TurnAct.GO_TO, preset="2")
    wait_for("at the preset", lambda: camera.moves[-1] == "preset 2")
    assert camera.asked.count("Stop") == 1


def test_a_preset_is_kept_by_the_shift_lead_alone(room: TurningRoom) -> None:
    lan, camera = room.desk("desk-1", "lan"), room.camera
    lan.take()
    lan.ask(TurnAct.KEEP, name="Cầu")
    lan.until("it is in the list", lambda one: len(one.presets) == 3)
    assert camera.presets["3"] == "Cầu"
    wait_for("it is written down", lambda: ("preset_kept", "lan", "cameras/cam-014", "Cầu") in lan.audited())
    lan.feed.sign_in("ha", SECRET)
    lan.until("another person's lease is not hers", lambda one: one.code == "session_over")
    lan.take()
    lan.ask(TurnAct.KEEP, name="Chợ")
    lan.until("refused", lambda one: "not kept" in one.text)
    assert "Chợ" not in camera.presets.values()


def test_a_patrol_goes_round_until_a_hand_takes_the_camera(room: TurningRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turning_hand, "DWELL_LEAST_S", 0.1)
    lan, minh, camera = room.desk("desk-1", "lan"), room.desk("desk-2", "minh"), room.camera
    lan.ask(TurnAct.PATROL, stops=(PatrolStop("Bãi xe", 0.3), PatrolStop("1", 0.3)))
    lan.until("it goes", lambda one: one.patrol and one.presets)
    wait_for("round and round", lambda: camera.moves[:3] == ["preset 2", "preset 1", "preset 2"])
    minh.take()
    ended = lan.until("it ends", lambda one: one.stage is TurnStage.ENDED, 5.0)
    assert (ended.code, ended.holder) == ("taken", "Minh")
