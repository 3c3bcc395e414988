"""A flood of events: all are counted, few are said, and the timeline stays readable."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter
from pathlib import Path

import pytest
from conftest import ExpectLogs

from backends.domain.times import NS_PER_S, ManualClock
from backends.hub.anchoring import DAY_NS, NOTES_A_DAY, Anchoring
from backends.hub.peers import COST_PER_S, Peers
from backends.hub.ports import Change
from backends.hub.security import SAID_EVERY_S, told
from backends.hub.stages import SLOW_S, Stages
from backends.hub.witness import Witness
from backends.protocol.messages import Anchor

LOG = logging.getLogger("backends.hub.test")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_kind_is_said_once_a_minute(
    now: list[float], caplog: pytest.LogCaptureFixture, expect_logs: ExpectLogs
) -> None:
    expect_logs("security: ")
    counters = Counter({"counted elsewhere": 3})
    told(counters, "counted elsewhere", LOG, "the first that is said")
    for _ in range(500):
        told(counters, "knock", LOG, "somebody knocked")
    told(counters, "other", LOG, "something else")
    now[0] += SAID_EVERY_S
    told(counters, "knock", LOG, "somebody knocked")
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "security: the first that is said (number 4)",
        "security: somebody knocked (number 1)",
        "security: something else (number 1)",
        "security: somebody knocked (number 501)",
    ]
    assert counters["knock"] == 501


def test_a_station_that_has_spent_its_budget_is_named_once_a_minute(
    now: list[float], caplog: pytest.LogCaptureFixture, expect_logs: ExpectLogs
) -> None:
    expect_logs("has spent")
    counters = Counter[str]()
    peers = Peers(counters, lambda _: True)
    assert peers.affords("desk-1", 2 * COST_PER_S)
    assert caplog.records == [], "control: what it may"
    assert not any(peers.affords(station, 3 * COST_PER_S) for station in ("desk-1", "desk-1", "desk-2", "desk-1"))
    said = [record.getMessage() for record in caplog.records]
    assert [text.partition(" has")[0] for text in said] == ["station desk-1", "station desk-2"]
    now[0] += SAID_EVERY_S
    assert not peers.affords("desk-1", 3 * COST_PER_S)
    assert caplog.records[-1].getMessage().endswith("(number 5)")
    assert counters["over_budget"] == 5


def test_a_stage_of_the_loop_that_takes_long_is_named_once_a_minute(
    now: list[float], caplog: pytest.LogCaptureFixture, expect_logs: ExpectLogs
) -> None:
    expect_logs("loop stood")
    stages = Stages(Counter())
    now[0] += 100.0  # until the loop begins
    for stage, took_s in (("requests", SLOW_S), ("round", 2.5), ("publish", 0.1), ("round", 3.0), ("publish", 1.5)):
        stages.begin(stage)
        now[0] += took_s
    stages.begin("the end")
    assert [record.getMessage() for record in caplog.records] == [
        "the hub's loop stood for 2.5 s: round (number 1)",
        "the hub's loop stood for 1.5 s: publish (number 3)",
    ]


def test_a_station_with_ever_new_odd_anchors_does_not_fill_the_timeline(
    tmp_path: Path, expect_logs: ExpectLogs
) -> None:
    expect_logs("is behind")
    notes: list[Change] = []
    clock, counters = ManualClock(20_000 * DAY_NS), Counter[str]()
    witness = Witness(tmp_path / "witness.db")
    anchoring = Anchoring(witness, notes.append, clock, counters)

    def send(station: str, n: int) -> None:
        job = anchoring.anchor(station, Anchor(n, hashlib.sha256(b"%d" % n).hexdigest(), n))
        assert job is not None
        job()()

    send("desk-1", 1000)
    for n in range(NOTES_A_DAY + 30):
        send("desk-1", n)
    assert len(notes) == NOTES_A_DAY
    assert counters["anchor_behind"] == NOTES_A_DAY + 30
    send("desk-2", 1000)
    send("desk-2", 1)
    assert len(notes) == NOTES_A_DAY + 1, "of each station"
    clock.advance_s(DAY_NS / NS_PER_S)
    send("desk-1", 900)
    assert len(notes) == NOTES_A_DAY + 2, "and each day"
    witness.close()
