"""Turning a camera while the hub is away, or does not answer: what a station may do on its own account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.onvif_device import OnvifCamera
from helpers.turning_room import TurningRoom

from backends.domain.turning import TurnAct, TurnStage
from backends.link.access import Access
from backends.protocol.messages import Leased, Revealed, Signed
from console import turning_hand


@pytest.fixture
def room(tmp_path: Path) -> Iterator[TurningRoom]:
    with OnvifCamera() as camera, ExitStack() as stack:
        yield TurningRoom(tmp_path, camera, stack)


def test_a_hub_that_is_there_and_does_not_answer_is_no_hub_that_is_away(
    room: TurningRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answers are lost on the way: nobody turns, and what it may have given is given back."""
    desk = room.desk("desk-1", "ha")
    desk.take()
    desk.ask(TurnAct.GIVE_BACK)
    desk.until("ended", lambda one: one.stage is TurnStage.ENDED)
    hear = Access.on_answer

    def lost(access: Access, answer: Signed | Revealed | Leased) -> None:
        if not isinstance(answer, Leased):
            hear(access, answer)

    monkeypatch.setattr(Access, "on_answer", lost)
    desk.ask(TurnAct.TAKE)
    desk.glass.until(lambda glass: glass.items["cameras"]["cam-014"].turner is not None)
    assert desk.until("ended", lambda one: one.stage is TurnStage.ENDED).code == "no_answer"
    assert desk.glass.up()
    desk.glass.until(lambda glass: glass.items["cameras"]["cam-014"].turner is None)
    assert room.camera.moves == []


def test_whose_hand_was_on_it_when_the_hub_was_last_heard(room: TurningRoom) -> None:
    ha, lan = room.desk("desk-1", "ha"), room.desk("desk-2", "lan")
    ha.take()
    lan.take()
    ha.until("taken from her", lambda one: one.code == "taken")
    ha.glass.until(lambda glass: glass.items["cameras"]["cam-014"].turner.name == "Ngọc Lan")
    room.hub.kill()
    for desk in (ha, lan):
        desk.glass.until(lambda glass: not glass.up())
    ha.ask(TurnAct.TAKE)
    refused = ha.until("refused", lambda one: one.stage is TurnStage.ENDED and one.code != "taken")
    assert (refused.code, refused.holder) == ("held", "Ngọc Lan")
    lan.ask(TurnAct.GIVE_BACK)
    lan.until("ended", lambda one: one.stage is TurnStage.ENDED)
    assert lan.take().offline, "who had it may have it again"


def test_who_comes_to_the_station_of_the_hand_that_was_on_it(room: TurningRoom) -> None:
    """The shift changes while the hub is away: whose hand it was has let go here, and is on it nowhere else."""
    desk = room.desk("desk-1", "minh")
    desk.take()
    desk.ask(TurnAct.GIVE_BACK)
    desk.sign_in("ha")
    desk.take()
    desk.glass.until(lambda glass: getattr(glass.items["cameras"]["cam-014"].turner, "name", "") == "Thu Hà")
    room.hub.kill()
    desk.glass.until(lambda glass: not glass.up())
    desk.sign_in("minh", live=False)
    assert desk.until("her hand ends", lambda one: one.stage is TurnStage.ENDED).code == "session_over"
    assert desk.take().offline


def test_whose_hand_was_on_it_counts_for_no_longer_than_it_can_be(
    room: TurningRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another station's hand: its lease, and the time for which it may go on without the hub, are over at last."""
    ha, minh = room.desk("desk-1", "ha"), room.desk("desk-2", "minh")
    minh.take()
    minh.ask(TurnAct.GIVE_BACK)
    minh.until("ended", lambda one: one.stage is TurnStage.ENDED)
    ha.take()
    minh.glass.until(lambda glass: getattr(glass.items["cameras"]["cam-014"].turner, "name", "") == "Thu Hà")
    room.hub.kill()
    for desk in (ha, minh):
        desk.glass.until(lambda glass: not glass.up())
    minh.ask(TurnAct.TAKE)
    refused = minh.until("refused", lambda one: one.code == "held")
    assert refused.holder == "Thu Hà"
    monkeypatch.setattr(turning_hand, "LAST_LEASE_S", 0.0)
    assert minh.take().offline
