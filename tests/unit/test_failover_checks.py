"""The questions of the failover tests can be answered with no: each kind of damage is seen."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

pytest.importorskip("nats")

from helpers.hub_room import raised_once, stands
from helpers.hubs import truths

from backends.domain.feeds import Mode
from backends.domain.times import NS_PER_S
from backends.hub.replica_wire import Entry
from backends.protocol.messages import Envelope


def put(seq: int, epoch: str = "e", late_ns: int = 0) -> Envelope:
    """The alarm that is due every second."""
    body = msgspec.Raw(msgspec.json.encode({"t_raised_ns": seq * NS_PER_S + late_ns}))
    return Envelope(Mode.TEST, "alarms", epoch, seq, 0, "put", f"busy-{20 * seq}@1", 1, body=body)


def log(*entries: tuple[int, str, Sequence[Envelope]]) -> list[tuple[int, str, Entry]]:
    return [
        (n, "", Entry("commit", term, holder, f"id{n}", envelopes=tuple(envelopes)))
        for n, (term, holder, envelopes) in enumerate(entries, start=1)
    ]


def test_one_truth_is_told() -> None:
    feeds = truths(log((1, "a", [put(1), put(2)]), (2, "b", [put(3)]), (3, "a", [])))
    assert [e.seq for e in feeds["alarms"]] == [1, 2, 3]
    assert raised_once(feeds) == 3
    assert stands(feeds["alarms"], 2) == {"busy-20@1": 1, "busy-40@1": 1}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (log((1, "a", [put(1)]), (2, "b", [put(1)])), "alarms 1 where 2 is due"),
        (log((1, "a", [put(1)]), (2, "b", [put(3)])), "alarms 3 where 2 is due"),
        (log((2, "b", [put(1)]), (1, "a", [put(2)])), "term 1 after 2"),
        (log((1, "a", [put(1)]), (1, "b", [put(2)])), "two holders"),
        (log((1, "a", [put(1)]), (2, "b", [put(2, "other")])), "alarms 2 where 2 is due"),
    ],
)
def test_two_truths_are_seen(told: list[tuple[int, str, Entry]], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        truths(told)


def test_an_alarm_that_is_lost_or_raised_twice_is_seen() -> None:
    with pytest.raises(AssertionError, match="lost"):
        raised_once({"alarms": [put(1), put(2), put(4)]})
    with pytest.raises(AssertionError, match="twice"):
        raised_once({"alarms": [put(1), put(2), put(2), put(3)]})


def test_hubs_that_live_in_two_worlds_are_seen() -> None:
    with pytest.raises(AssertionError, match="hubs differ in when"):
        raised_once({"alarms": [put(1), put(2), put(3, late_ns=-2_000_000), put(4, late_ns=-2_000_000)]})
