"""A flood of security events: all are counted, few are said, and the timeline stays readable."""

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
from backends.hub.ports import Change
from backends.hub.security import SAID_EVERY_S, told
from backends.hub.witness import Witness
from backends.protocol.messages import Anchor

LOG = logging.getLogger("backends.hub.test")


def test_a_kind_is_said_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, expect_logs: ExpectLogs
) -> None:
    expect_logs("security: ")
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
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
