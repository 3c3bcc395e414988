"""Actions: order for each target, the same aid until a final stage, nothing stale is sent."""

from __future__ import annotations

import pytest

from backends.domain.action import Action, ActionStatus, Stage, Verb
from backends.link.outbox import Outbox
from backends.protocol.messages import Ack


def queued(aid: str, target: str = "a1", expires_at_ns: int = 0) -> ActionStatus:
    return ActionStatus(Action(aid, Verb.CLAIM, "alarms", target, 1, 5, expires_at_ns), Stage.QUEUED)


def test_one_action_a_target_is_on_its_way() -> None:
    box = Outbox([queued("1"), queued("2"), queued("3", "a2")])
    assert [s.action.aid for s in box.due(0.0)] == ["1", "3"]
    first = box.sent("1", 0.0, 9)
    assert first is not None
    assert first.stage is Stage.SENT
    box.sent("3", 0.0, 9)
    assert box.due(0.5) == []
    done = box.on_ack(Ack("1", "applied"), 9)
    assert done is not None
    assert done.stage is Stage.APPLIED
    assert [s.action.aid for s in box.due(0.5)] == ["2"]


def test_resent_with_growing_pauses_until_final() -> None:
    box = Outbox([queued("1")])
    times = []
    now_s = 0.0
    while now_s < 40.0:
        if box.due(now_s):
            box.sent("1", now_s, 0)
            times.append(now_s)
        now_s += 0.5
    assert times == [0.0, 1.0, 3.0, 7.0, 15.0, 23.0, 31.0, 39.0]
    stored = box.on_ack(Ack("1", "stored"), 0)
    assert stored is not None
    assert box.on_ack(Ack("1", "stored"), 0) is None
    assert len(box) == 1
    box.connection_made()
    assert [s.action.aid for s in box.due(40.0)] == ["1"]
    box.on_ack(Ack("1", "conflict", code="already_claimed", text="Thu Hà"), 0)
    assert len(box) == 0
    assert box.on_ack(Ack("1", "conflict"), 0) is None


@pytest.mark.parametrize(
    ("outcome", "stage"),
    [("", Stage.DUPLICATE), ("applied", Stage.DUPLICATE), ("conflict", Stage.CONFLICT), ("refused", Stage.REFUSED)],
)
def test_a_duplicate_tells_the_fate_of_the_first(outcome: str, stage: Stage) -> None:
    box = Outbox([queued("1")])
    status = box.on_ack(Ack("1", "duplicate", outcome=outcome), 0)
    assert status is not None
    assert status.stage is stage


def test_expired_before_it_was_sent_is_never_sent() -> None:
    box = Outbox()
    box.add(queued("1", expires_at_ns=100))
    box.add(queued("2", "a2", expires_at_ns=300))
    box.sent("2", 0.0, 50)
    gone = box.expired(100)
    assert [(s.action.aid, s.stage) for s in gone] == [("1", Stage.EXPIRED)]
    # "2" has been sent: only the hub knows what became of it.
    assert box.expired(1000) == []
    assert [s.action.aid for s in box.due(60.0)] == ["2"]


def test_unknown_stage_is_an_error_and_changes_nothing() -> None:
    box = Outbox([queued("1")])
    with pytest.raises(ValueError, match="nonsense"):
        box.on_ack(Ack("1", "nonsense"), 0)
    assert len(box) == 1


def test_what_an_earlier_run_left_queued_is_not_expired_here() -> None:
    """It may have gone out just before that run died, and been applied: the hub alone can say."""
    box = Outbox([queued("1", expires_at_ns=100)])
    assert box.expired(500) == []
    assert [s.action.aid for s in box.due(0.0)] == ["1"]
    told = box.sent("1", 0.0, 9)
    assert told is not None
    assert told.stage is Stage.SENT
    assert box.ended(lambda status: status.stage is Stage.QUEUED, 9) == []
