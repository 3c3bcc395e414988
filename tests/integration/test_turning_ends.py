"""What stops a camera that is turned from a station: each way in which a hand, a screen, a station or a hub may go."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.onvif_device import OnvifCamera
from helpers.turning_room import TurningRoom
from helpers.waiting import wait_for

from backends.domain.turning import TurnAct, TurnStage
from backends.process import start_child
from console import turning_hand


@pytest.fixture
def room(tmp_path: Path) -> Iterator[TurningRoom]:
    with OnvifCamera() as camera, ExitStack() as stack:
        yield TurningRoom(tmp_path, camera, stack)


def test_a_hand_that_is_not_felt_any_more_stops_it(room: TurningRoom) -> None:
    """Key-up was lost, or the screen hangs with its connection open: the lease lives, nothing turns."""
    desk, camera = room.desk("desk-1", "ha"), room.camera
    desk.take()
    desk.ask(TurnAct.MOVE, tilt=-1.0)
    wait_for("it turns", lambda: camera.turning)
    wait_for("the station stops it", lambda: camera.moves[-1] == "stop", 3.0)
    assert desk.turns()[-1].stage is TurnStage.TURNING


@pytest.mark.parametrize("heedless", [False, True])
def test_a_killed_station_leaves_no_camera_turning(room: TurningRoom, heedless: bool) -> None:
    """SIGKILL in the middle of a move: nobody says stop, and the camera stops by the time-out that came with the move.
    The control: one that heeds no time-out goes on."""
    room.camera.heedless = heedless
    desk, feeder = room.process("desk-1", "ha")
    camera = room.camera
    desk.take()
    desk.hold(1.0, lambda: len(camera.moves) >= 2)
    assert camera.turning
    killed_s = time.monotonic()
    feeder.kill()
    if heedless:
        desk.until("told", lambda one: one.code == "no_feeder")
        assert time.monotonic() - killed_s < 10.0
        assert camera.turning
        return
    wait_for("it stands", lambda: not camera.turning, turning_hand.TIMEOUT_S + 0.5)
    assert "stop" not in camera.moves
    assert desk.until("the screen is told", lambda one: one.stage is TurnStage.ENDED).code == "no_feeder"


def test_no_wish_stays_without_an_answer(room: TurningRoom) -> None:
    """The feeder dies with a wish in its ears; the next one is told to turn what it knows nothing of."""
    desk, feeder = room.process("desk-1", "ha")
    feeder.child.send_signal(signal.SIGSTOP)
    desk.ask(TurnAct.TAKE, number=7)
    feeder.kill()
    ended = desk.until("told", lambda one: one.stage is TurnStage.ENDED, 10.0)
    assert (ended.code, ended.number) == ("no_feeder", 7)
    desk.glass.until(lambda glass: not glass.up())
    feeder.start()
    desk.glass.until(lambda glass: glass.up())
    desk.ask(TurnAct.MOVE, pan=1.0, number=8)
    assert desk.until("told", lambda one: one.number == 8).code == "over"


def test_the_end_of_the_screen_stops_it(room: TurningRoom) -> None:
    """SIGKILL of the process that held the key; another screen of the station sees that nobody turns it any more."""
    desk, feeder = room.process("desk-1", "ha")
    camera = room.camera
    settings = {"address": feeder.listen, "authkey": feeder.authkey.hex(), "camera": "cam-014"}
    screen = start_child("helpers.turning_screen", settings, log=room.folder / "screen.log")
    wait_for("it turns", lambda: len(camera.moves) >= 2)
    assert camera.turning
    screen.kill()
    screen.wait(5)
    wait_for("stopped", lambda: camera.moves[-1] == "stop", turning_hand.TIMEOUT_S)
    assert screen.stdin is not None
    screen.stdin.close()
    desk.glass.until(lambda glass: glass.items["cameras"]["cam-014"].turner is None)
    wait_for("both rows", lambda: len(desk.audited()) == 2)
    assert desk.audited()[1][3].startswith("screen_gone")


def test_a_lock_of_the_screen_stops_it(room: TurningRoom) -> None:
    desk, camera = room.desk("desk-1", "ha"), room.camera
    desk.take()
    desk.hold(1.0, lambda: camera.turning)
    desk.feed.lock()
    assert desk.until("ended", lambda one: one.stage is TurnStage.ENDED).code == "locked"
    assert camera.moves[-1] == "stop"


def test_without_the_hub_for_a_time(room: TurningRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, camera = room.desk("desk-1", "ha"), room.camera
    desk.take()
    desk.ask(TurnAct.GIVE_BACK)
    desk.until("ended", lambda one: one.stage is TurnStage.ENDED)
    room.hub.kill()
    desk.glass.until(lambda glass: not glass.up())
    desk.ask(TurnAct.TAKE, "cam-015")
    assert desk.until("refused", lambda one: one.stage is TurnStage.ENDED).code == "offline_unknown"
    monkeypatch.setattr(turning_hand, "OFFLINE_S", 2.5)
    assert desk.take().offline
    desk.hold(1.0, lambda: camera.turning)
    ended = desk.until("its time is over", lambda one: one.stage is TurnStage.ENDED, 6.0)
    assert ended.code == "offline_over"
    assert not camera.turning or camera.moves[-1] == "stop"
    wait_for("its rows", lambda: len(desk.audited()) == 4)
    assert desk.audited()[2] == ("turning_begun", "ha", "cameras/cam-014", "offline")
    monkeypatch.undo()
    monkeypatch.setattr(turning_hand, "RENEW_S", 60.0)
    monkeypatch.setattr(turning_hand, "IDLE_S", 60.0)
    assert desk.take().offline
    room.hub.start()
    desk.glass.until(lambda glass: glass.up())
    desk.until("the hub is asked at once, and gives the lease again", lambda one: not one.offline, 4.0)
    desk.glass.until(lambda glass: glass.items["cameras"]["cam-014"].turner is not None)
    for path in (room.folder / "desk-1-data").rglob("*"):
        assert not path.is_file() or camera.url.encode() not in path.read_bytes(), path


def test_a_hand_begins_when_the_one_before_has_let_go(room: TurningRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Esc and the key again while a slow camera is still being opened: the first hand ends at its next answer, and what
    it gives back is its own lease."""
    monkeypatch.setattr(turning_hand, "KEY_WAIT_S", 0.2)
    desk, camera = room.desk("desk-1", "ha"), room.camera
    camera.slow_s = 0.7
    desk.ask(TurnAct.TAKE, number=1)
    wait_for("it is being opened", lambda: camera.asked)
    desk.ask(TurnAct.GIVE_BACK, number=1)
    desk.ask(TurnAct.TAKE, number=2)

    def hands() -> int:
        return sum(thread.name == "turn cam-014" for thread in threading.enumerate())

    wait_for("the second waits", lambda: hands() == 2)
    calls = len(camera.asked)
    wait_for("the first has ended", lambda: hands() == 1)
    desk.until("the second has it", lambda one: one.stage is TurnStage.TURNING and one.presets)
    assert camera.asked[calls:].index("GetSystemDateAndTime") <= 1, "with which the second begins"
    assert {one.number for one in desk.turns() if one.stage is TurnStage.ENDED} == {1}
    assert desk.turns()[-1].number == 2
    wait_for("its rows", lambda: len(desk.audited()) == 3)
    assert [row[0] for row in desk.audited()] == ["turning_begun", "turning_ended", "turning_begun"]
    desk.glass.until(lambda glass: glass.items["cameras"]["cam-014"].turner is not None)


def test_no_move_is_sent_after_its_hand_has_gone(room: TurningRoom) -> None:
    """A key that was down for a moment at a slow camera, and Esc: nothing that is still to be asked comes before it."""
    desk, camera = room.desk("desk-1", "ha"), room.camera
    desk.take()
    camera.slow_s = 0.7
    asked = len(camera.asked)
    desk.ask(TurnAct.MOVE, pan=1.0)
    wait_for("the camera was told", lambda: len(camera.asked) > asked)
    desk.ask(TurnAct.GIVE_BACK)
    desk.until("ended", lambda one: one.stage is TurnStage.ENDED)
    assert camera.asked[asked:] == ["ContinuousMove", "Stop"]
    assert not camera.turning


def test_nobody_s_hand_for_a_while(room: TurningRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turning_hand, "IDLE_S", 1.0)
    desk = room.desk("desk-1", "ha")
    desk.ask(TurnAct.TAKE)
    assert desk.until("given back", lambda one: one.stage is TurnStage.ENDED, 5.0).code == "idle"
    desk.glass.until(lambda glass: glass.items["cameras"]["cam-014"].turner is None)


def test_a_camera_that_is_unplugged_and_back(room: TurningRoom) -> None:
    desk, camera = room.desk("desk-1", "ha"), room.camera
    desk.take()
    desk.hold(1.0, lambda: camera.turning)
    camera.close()
    desk.hold(1.0, lambda: desk.turns()[-1].text)
    assert desk.turns()[-1].stage is TurnStage.TURNING, "the lease lives"
    camera.start()
    moves = len(camera.moves)
    desk.hold(1.0, lambda: len(camera.moves) > moves)
    desk.until("its words go", lambda one: not one.text)
    wait_for("stopped", lambda: camera.moves[-1] == "stop")


def test_a_camera_that_is_away_is_not_called_all_the_time(room: TurningRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[float] = []
    move = turning_hand.OnvifPtz.move

    def counted(driver: turning_hand.OnvifPtz, *speeds: float) -> None:
        calls.append(time.monotonic())
        move(driver, *speeds)

    desk, camera = room.desk("desk-1", "ha"), room.camera
    desk.take()
    monkeypatch.setattr(turning_hand.OnvifPtz, "move", counted)
    camera.close()
    begun_s = time.monotonic()
    desk.hold(1.0, lambda: time.monotonic() - begun_s > 2.2)
    assert 1 <= len(calls) <= 4
