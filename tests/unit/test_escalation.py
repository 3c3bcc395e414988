"""What nobody has seen to goes to the shift lead: after how long, once, across a restart, and until when."""

from __future__ import annotations

import msgspec
import pytest

from backends.domain.action import Verb
from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.definition import PLAIN, Definition
from backends.domain.people import Operator, Role
from backends.domain.times import NS_PER_S
from backends.domain.world import Condition, CrewAct
from backends.hub.engine import AlarmEngine
from backends.hub.escalation import MOST_A_ROUND
from backends.hub.ports import Change

HA = Operator("op-ha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR)
T0 = 1_790_000_000 * NS_PER_S


def at(t_s: float) -> int:
    return T0 + int(t_s * NS_PER_S)


class Rig:
    """An engine and what it wrote."""

    def __init__(self, definition: Definition = PLAIN, engine: AlarmEngine | None = None) -> None:
        self.engine = engine or AlarmEngine((), lambda *_: definition)
        self.definition = definition
        self.listed: dict[str, Alarm] = {}

    def take(self, changes: list[Change]) -> list[str]:
        for change in changes:
            if change.type == "put":
                self.listed[change.record.key] = change.record
            elif change.type == "del":
                self.listed.pop(change.id.partition("@")[0], None)
        return [change.record.what for change in changes if change.type == "event"]

    def wrong(self, t_s: float, priority: Priority = Priority.URGENT) -> list[str]:
        return self.take(self.engine.condition(Condition("fire", at(t_s), True, priority)))

    def well(self, t_s: float) -> list[str]:
        return self.take(self.engine.condition(Condition("fire", at(t_s), False)))

    def do(self, verb: Verb, t_s: float) -> list[str]:
        return self.take(self.engine.crew(CrewAct(at(t_s), "fire", verb, HA.id), lambda _: HA))

    def tick(self, t_s: float) -> list[str]:
        return self.take(self.engine.tick(at(t_s)))

    def restarted(self) -> Rig:
        """Another engine, from the records that were written."""
        made = Rig(self.definition, AlarmEngine(self.listed.values(), lambda *_: self.definition))
        made.listed = dict(self.listed)
        return made

    @property
    def alarm(self) -> Alarm:
        return self.listed["fire"]


def test_an_urgent_one_that_nobody_touches_goes_to_the_shift_lead_once() -> None:
    rig = Rig()
    rig.wrong(0)
    before = rig.alarm
    assert rig.tick(59.9) == []
    assert rig.tick(60) == ["alarm_escalated"]
    assert rig.alarm.t_escalated_ns == at(60)
    assert rig.alarm.rev > before.rev
    assert rig.alarm.state_rev == before.state_rev, "a click made just before still fits"
    assert rig.tick(61) == rig.tick(3600) == []


@pytest.mark.parametrize("verb", [Verb.ACKNOWLEDGE, Verb.CLAIM])
def test_a_hand_in_time_keeps_it_here_and_a_late_one_ends_it(verb: Verb) -> None:
    rig = Rig()
    rig.wrong(0)
    rig.do(verb, 59)
    assert rig.tick(200) == []
    late = Rig()
    late.wrong(0)
    late.tick(60)
    late.do(verb, 70)
    assert late.alarm.t_escalated_ns == 0
    assert late.tick(500) == []


@pytest.mark.parametrize("change", [{"state": AlarmState.SHELVED}, {"state": AlarmState.OUT_OF_SERVICE}])
def test_what_is_set_aside_asks_for_nothing(change: dict[str, AlarmState]) -> None:
    rig = Rig()
    rig.wrong(0)
    rig.engine.adopt(msgspec.structs.replace(rig.alarm, rev=2, state_rev=2, **change), at(10))
    assert rig.tick(600) == []


def test_how_long_is_said_by_class_and_priority() -> None:
    rig = Rig()
    rig.wrong(0, Priority.HIGH)
    assert rig.tick(3600) == [], "of high priority none, where nothing is said"
    asked = Rig(Definition(escalate_s=20, escalate_high_s=300))
    asked.wrong(0, Priority.HIGH)
    assert asked.tick(299) == []
    assert asked.tick(300) == ["alarm_escalated"]
    never = Rig(Definition(escalate_s=0))
    never.wrong(0)
    assert never.tick(3600) == []


def test_one_that_becomes_urgent_has_its_minute_from_then_on() -> None:
    rig = Rig()
    rig.wrong(0, Priority.MEDIUM)
    assert rig.tick(100) == []
    rig.wrong(100)
    assert rig.tick(159) == []
    assert rig.tick(160) == ["alarm_escalated"]


def test_coming_and_going_neither_begins_the_minute_anew_nor_escalates_again() -> None:
    rig = Rig()
    whats: list[str] = []
    for t_s in range(0, 200, 20):
        whats += rig.wrong(t_s) + rig.tick(t_s + 1) + rig.well(t_s + 10) + rig.tick(t_s + 11)
    assert whats.count("alarm_escalated") == 1
    assert rig.alarm.chattering
    assert rig.alarm.t_escalated_ns == at(61)
    rig.do(Verb.ACKNOWLEDGE, 201)
    assert "alarm_escalated" not in [what for t_s in range(202, 280, 10) for what in rig.wrong(t_s) + rig.tick(t_s + 1)]


def test_it_survives_a_restart_on_either_side_of_the_minute() -> None:
    rig = Rig()
    rig.wrong(0)
    again = rig.restarted()
    assert again.tick(59) == []
    assert again.tick(61) == ["alarm_escalated"]
    third = again.restarted()
    assert third.tick(200) == []
    assert third.alarm.t_escalated_ns == at(61)


def test_a_past_that_nobody_could_see_counts_from_the_start() -> None:
    rig = Rig()
    rig.wrong(-3600)
    rig.engine.begin(at(0))
    assert rig.tick(0) == rig.tick(59) == []
    assert rig.tick(60) == ["alarm_escalated"]


def test_in_a_flood_no_round_writes_thousands_of_rows() -> None:
    engine = AlarmEngine()
    n = 2 * MOST_A_ROUND + 5
    for i in range(n):
        engine.condition(Condition(f"fire:{i}", at(0), True, Priority.URGENT))
    counts = []
    for t_s in (59, 60, 60.1, 60.2, 60.3):
        changes = engine.tick(at(t_s))
        counts.append(sum(change.type == "event" for change in changes))
    assert counts == [0, MOST_A_ROUND, MOST_A_ROUND, 5, 0]
