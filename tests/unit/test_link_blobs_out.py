"""Pictures that an action names are at the hub before it is: in order, over losses, and never in its way for good."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from conftest import ExpectLogs
from helpers.link_rig import Rig

from backends.domain.action import Action, ActionStatus, Stage, Verb
from backends.link.blobs_out import SILENT_S
from backends.protocol.messages import BLOB_PART, Ack, BlobKept

PICTURE = b"\xff\xd8\xff" + bytes(range(251)) * 2500
"""Three parts, the last one short."""
NAME = hashlib.sha256(PICTURE).hexdigest()


class Outgoing:
    """Stands for the station's folder."""

    def __init__(self, *pictures: bytes) -> None:
        self.have = {hashlib.sha256(data).hexdigest(): data for data in pictures}
        self.ended: list[str] = []

    def has(self, blob: str) -> bool:
        return blob in self.have

    def data(self, blob: str) -> bytes:
        return self.have[blob]

    def through(self, blob: str) -> None:
        del self.have[blob]
        self.ended.append(blob)


def close(aid: str = "1", names: str = NAME, target: str = "PA-1") -> ActionStatus:
    args = {"result": "đã sửa", "pictures": names}
    return ActionStatus(Action(aid, Verb.CLOSE, "reports", target, 3, 5, args=args), Stage.QUEUED, person="op")


def sent(rig: Rig, after_s: float = 0.0) -> list[tuple[str, int]]:
    """(message, part) of what goes out in one turn, actions and parts alone."""
    messages: list[dict[str, Any]] = [m for m in rig.turn(after_s) if m["msg"] in ("ACT", "BLOBPUT")]
    return [(m["msg"], m.get("part", 0)) for m in messages]


def kept(rig: Rig, part: int, code: str = "", request: int = 1) -> None:
    rig.ctl(BlobKept(request, NAME, part, code))


@pytest.fixture
def outgoing() -> Outgoing:
    return Outgoing(PICTURE)


@pytest.fixture
def rig(outgoing: Outgoing) -> Rig:
    made = Rig(outgoing=outgoing)
    made.join()
    return made


def test_the_parts_go_first_and_then_the_action(rig: Rig, outgoing: Outgoing) -> None:
    rig.machine.submit(close())
    assert sent(rig) == [("BLOBPUT", 1)]
    assert sent(rig, 0.1) == [], "one part at a time"
    for part in (1, 2):
        kept(rig, part)
        assert sent(rig, 0.1) == [("BLOBPUT", part + 1)]
    kept(rig, 3)
    assert outgoing.ended == [NAME]
    assert sent(rig, 0.1) == [("ACT", 0)]
    assert b"".join(rig.data) == PICTURE
    assert [len(data) for data in rig.data[:2]] == [BLOB_PART, BLOB_PART]


def test_clicks_on_other_things_do_not_wait_for_it(rig: Rig) -> None:
    rig.machine.submit(close())
    rig.machine.submit(close("2", names="", target="PA-2"))
    assert sorted(sent(rig)) == [("ACT", 0), ("BLOBPUT", 1)]


def test_a_loss_in_between_goes_on_where_the_hub_is(rig: Rig, outgoing: Outgoing) -> None:
    rig.machine.submit(close())
    sent(rig)
    kept(rig, 1)
    sent(rig)
    rig.machine.opened(rig.now_s)
    rig.join()
    rig.turn(0.1)
    kept(rig, 3)  # it had all of them
    assert outgoing.ended == [NAME]
    assert ("ACT", 0) in sent(rig, 0.1)


def test_a_part_without_an_answer_is_said_again_and_a_hub_that_keeps_none_is_not_flooded(rig: Rig) -> None:
    rig.machine.submit(close())
    assert sent(rig) == [("BLOBPUT", 1)]
    assert sent(rig, 2.1) == [("BLOBPUT", 1)]
    kept(rig, 0)
    assert sent(rig, 0.1) == []
    assert sent(rig, 4.1) == [("BLOBPUT", 1)]


def test_a_full_disk_of_the_hub_is_waited_for(rig: Rig, outgoing: Outgoing) -> None:
    rig.machine.submit(close())
    for _ in range(30):
        rig.turn(10.1)
        rig.beat()
        kept(rig, 0, "not_kept")
    assert outgoing.has(NAME)
    assert not any(status.stage is Stage.SENT for status in rig.seen.stages)


@pytest.mark.parametrize("code", ["bad_media", "too_large", "bad_hash", "not_allowed"])
def test_what_the_hub_will_not_have_holds_up_nothing(
    rig: Rig, outgoing: Outgoing, code: str, expect_logs: ExpectLogs
) -> None:
    rig.machine.submit(close())
    sent(rig)
    kept(rig, 0, code)
    assert sent(rig, 0.1) == [("ACT", 0)]
    assert outgoing.has(NAME), "the action has not come to its end"
    expect_logs("does not reach the hub")


def test_a_hub_that_knows_no_pictures_gets_the_action_all_the_same(
    rig: Rig, outgoing: Outgoing, expect_logs: ExpectLogs
) -> None:
    rig.machine.submit(close())
    seen = unanswered(rig)
    assert ("ACT", 0) in seen
    assert seen.index(("ACT", 0)) > seen.index(("BLOBPUT", 1))
    expect_logs("does not reach the hub")


def unanswered(rig: Rig) -> list[tuple[str, int]]:
    """What goes out while a hub that is there says nothing to pictures, until it counts as silent."""
    seen: list[tuple[str, int]] = []
    for _ in range(int(SILENT_S) + 20):
        rig.beat()
        seen += sent(rig, 1.0)
    return seen


def test_what_was_never_answered_stays_and_is_offered_to_the_next_hub(
    rig: Rig, outgoing: Outgoing, expect_logs: ExpectLogs
) -> None:
    rig.machine.submit(close())
    assert ("ACT", 0) in unanswered(rig)
    assert outgoing.has(NAME), "the action may come again, at another hub"
    rig.machine.opened(rig.now_s)
    rig.join()
    rig.turn(0.1)
    kept(rig, 3, request=2)  # offered anew
    assert outgoing.ended == [NAME]
    assert ("ACT", 0) in sent(rig, 10.0)
    expect_logs("does not reach the hub")


def test_a_picture_whose_click_has_ended_is_not_sent_on(rig: Rig, outgoing: Outgoing) -> None:
    rig.machine.submit(close())
    sent(rig)
    kept(rig, 1)
    outgoing.have.clear()  # the click has expired, and its pictures with it
    rig.ctl(Ack("1", "expired"))
    assert sent(rig, 0.1) == []
