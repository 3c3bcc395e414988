"""When an alarm is raised and when it returns: on-delay, count, off-delay, chattering, fleeting; over a restart too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import ExpectLogs
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.domain.action import Verb
from backends.domain.alarm import Alarm, AlarmState, Priority, TransitionRefused
from backends.domain.definition import PLAIN, Definition
from backends.domain.people import Operator, Role
from backends.domain.sensor import Limit, Sample, Sensor
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import Condition
from backends.hub.alarm_acts import acted
from backends.hub.engine import AlarmEngine
from backends.hub.ports import Change

LAN = Operator("op-lan", "Lê Ngọc Lan", "Lan", Role.SHIFT_LEAD)
T0 = 1_790_000_000 * NS_PER_S
LEVEL_1 = Limit(LocalText("BĐ1"), 2.0, Priority.MEDIUM, deadband=0.1)
GAUGE = Sensor("gauge", LocalText("Mực nước"), "m", decimals=2, limits=(LEVEL_1,))


class Rig:
    """An engine and what came out of it: events in their order, and the list as a console has it."""

    def __init__(self, restored: tuple[Alarm, ...] = (), **definition: object) -> None:
        self.definition = Definition(**definition)  # type: ignore[arg-type]
        self.engine = AlarmEngine(restored, lambda key, _: PLAIN if key == "other" else self.definition)
        self.engine.watch(GAUGE)
        self.listed = {alarm.key: alarm for alarm in restored}
        self.whats: list[str] = []

    def take(self, changes: list[Change]) -> list[str]:
        """The events of these changes."""
        for change in changes:
            if change.type == "put":
                old = self.listed.get(change.record.key)
                if old is not None and old.id == change.record.id:
                    assert change.rev > old.rev
                    assert change.record.state_rev >= old.state_rev
                self.listed[change.record.key] = change.record
            elif change.type == "del":
                del self.listed[change.id.rpartition("@")[0]]
        new = [change.record.what.removeprefix("alarm_") for change in changes if change.feed == "timeline"]
        ids = [change.id for change in changes if change.feed == "timeline"]
        assert len(ids) == len(set(ids))
        self.whats += new
        return new

    def wrong(self, t_s: float, key: str = "door", **more: object) -> list[str]:
        return self.take(self.engine.condition(Condition(key, at(t_s), True, **{"name": LocalText("Cửa"), **more})))  # type: ignore[arg-type]

    def well(self, t_s: float, key: str = "door") -> list[str]:
        return self.take(self.engine.condition(Condition(key, at(t_s), False)))

    def level(self, t_s: float, value: float) -> list[str]:
        return self.take(self.engine.sample(Sample(GAUGE.id, at(t_s), value)))

    def tick(self, t_s: float) -> list[str]:
        return self.take(self.engine.tick(at(t_s)))

    def do(self, verb: Verb, t_s: float, key: str = "door", **args: str) -> None:
        standing = self.engine.alarm(self.listed[key].id)
        assert standing is not None
        moved = acted(standing, verb, LAN, at(t_s), {"reason": "bảo trì", **args})
        self.take(self.engine.adopt(moved, at(t_s)))

    def alarm(self, key: str = "door") -> Alarm:
        return self.listed[key]

    def restarted(self) -> Rig:
        """What goes on from the log and the memory."""
        again = Rig(tuple(self.listed.values()))
        again.definition = self.definition
        again.take(again.engine.recall(self.engine.memory()))
        return again


def at(t_s: float) -> int:
    return T0 + int(t_s * NS_PER_S)


# --- on-delay and count ------------------------------------------------------------------------------


def test_an_on_delay_lets_pass_what_is_soon_over() -> None:
    rig = Rig(on_delay_s=30.0)
    assert rig.wrong(0) == rig.tick(29) == rig.well(29.5) == rig.tick(60) == []
    rig.wrong(100)
    rig.wrong(110, detail=LocalText("mở rộng"))
    assert rig.tick(129) == []
    assert rig.tick(130.4) == ["raised"]
    alarm = rig.alarm()
    assert (alarm.t_raised_ns, alarm.detail.vi) == (at(130), "mở rộng"), (
        "raised at the end of the delay, with the newest"
    )


def test_an_on_delay_of_a_limit_ends_with_a_sample_or_without() -> None:
    rig = Rig(on_delay_s=60.0)
    assert rig.level(0, 2.5) == rig.level(30, 1.95) == []  # within the deadband it goes on
    assert rig.level(60, 2.5) == ["raised"]
    rig.level(90, 1.0)
    rig.do(Verb.ACKNOWLEDGE, 91, "limit:gauge")
    rig.level(120, 2.5)
    assert rig.tick(180) == ["raised"]


def test_so_often_within_the_delay_is_as_good_as_so_long() -> None:
    rig = Rig(on_delay_s=60.0, count=3)
    for t_s in (0, 10):
        assert rig.wrong(t_s) == rig.well(t_s + 1) == []
    assert rig.wrong(20) == ["raised"]
    rig = Rig(on_delay_s=60.0, count=3)
    for t_s in (0, 50, 100, 150):
        assert rig.wrong(t_s) == rig.well(t_s + 1) == [], "not within one delay"
    rig.wrong(200)
    assert rig.tick(260) == ["raised"], "and what stays is told in any case"


def test_a_delay_goes_on_over_a_restart() -> None:
    rig = Rig(on_delay_s=30.0)
    rig.wrong(0, priority=Priority.HIGH)
    again = rig.restarted()
    assert again.tick(29) == []
    assert again.tick(31) == ["raised"]
    assert again.alarm().priority is Priority.HIGH
    assert rig.restarted().well(10) == []
    limit = Rig(on_delay_s=30.0)
    limit.level(0, 2.5)
    after = limit.restarted()
    assert after.tick(100) == after.level(101, 2.5) == []
    assert after.tick(131) == ["raised"], "a limit's begins again with the next sample"


def test_what_waits_costs_nothing_while_nothing_moves() -> None:
    """Of a hundred thousand that wait, a round must not take seconds: heartbeats would be late."""
    asked: list[str] = []

    def define(key: str, _: Sensor | None) -> Definition:
        asked.append(key)
        return Definition(on_delay_s=600.0) if key.startswith("pump") else PLAIN

    engine = AlarmEngine(define=define)
    for key in ("pump:1", "pump:2"):
        engine.condition(Condition(key, at(0), True, name=LocalText("Máy bơm")))
    memory = engine.memory()
    asked.clear()
    engine.condition(Condition("pump:1", at(1), True, name=LocalText("Máy bơm")))  # nothing new
    engine.condition(Condition("other", at(1), True, name=LocalText("Khác")))
    engine.tick(at(1))  # how long each may wait for somebody is asked once
    asked.clear()
    for t_s in range(2, 500):
        assert engine.tick(at(t_s)) == []
        assert engine.memory() is memory
    assert asked == []
    engine.condition(Condition("pump:1", at(500), True, name=LocalText("Máy bơm lớn")))
    assert "lớn" in engine.memory()
    engine.condition(Condition("pump:1", at(501), False))
    assert "lớn" not in engine.memory()
    assert [change.record.what for change in engine.tick(at(600)) if change.feed == "timeline"] == ["alarm_raised"]
    assert engine.memory() == ""


def test_a_memory_that_cannot_be_read_is_said_and_is_nothing(expect_logs: ExpectLogs) -> None:
    expect_logs("cannot be read")
    assert AlarmEngine().recall('[{"key":') == []


@pytest.mark.parametrize("first", [2.5, 1.0])
def test_a_clock_that_is_ahead_once_delays_nothing(first: float) -> None:
    rig = Rig(on_delay_s=60.0, off_delay_s=60.0)

    def level(t_s: float, value: float, ahead_s: float = 0.0) -> None:
        rig.take(rig.engine.sample(Sample(GAUGE.id, at(t_s + ahead_s), value), at(t_s)))
        rig.tick(t_s)

    level(0, first, ahead_s=1e8)
    for t_s in range(1, 100):
        level(t_s, 2.5 + t_s / 100)
    alarm = rig.alarm("limit:gauge")
    assert (rig.whats, alarm.t_raised_ns) == (["raised"], at(60 if first > 2 else 61))
    assert alarm.detail.vi.startswith("3,4"), "its figures go on"
    level(100, 1.0, ahead_s=1e8)
    for t_s in range(101, 200):
        level(t_s, 1.0)
    assert rig.whats == ["raised", "returned"]
    assert rig.alarm("limit:gauge").t_returned_ns == at(100)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_figure_moves_nothing(value: float) -> None:
    rig = Rig()
    assert rig.level(0, value) == []
    assert rig.level(1, 2.5) == ["raised"]
    assert rig.level(2, value) == []
    assert rig.alarm("limit:gauge").active
    assert rig.level(3, 1.0) == ["returned"]


# --- off-delay ---------------------------------------------------------------------------------------


def test_an_off_delay_bridges_what_soon_comes_again() -> None:
    rig = Rig(off_delay_s=60.0)
    rig.wrong(0)
    rig.do(Verb.ACKNOWLEDGE, 5)
    assert rig.well(20) == rig.tick(79) == []
    assert rig.alarm().t_clear_ns == at(20), "the list can say since when"
    assert rig.wrong(79) == rig.tick(200) == []
    assert (rig.alarm().t_clear_ns, rig.alarm().state, rig.alarm().count) == (0, AlarmState.ACKNOWLEDGED, 1)
    rig.well(300)
    assert rig.tick(360) == ["returned"]
    assert rig.listed == {}


def test_an_off_delay_ends_after_a_restart_too() -> None:
    rig = Rig(off_delay_s=60.0)
    rig.wrong(0)
    rig.well(20)
    again = rig.restarted()
    assert again.tick(79) == []
    assert again.tick(80) == ["returned"]
    assert again.alarm().t_returned_ns == at(20)


def test_a_graver_cause_is_told_within_any_delay() -> None:
    rig = Rig(on_delay_s=30.0, off_delay_s=30.0)
    rig.wrong(0, priority=Priority.LOW)
    rig.tick(30)
    rig.do(Verb.ACKNOWLEDGE, 31)
    rig.well(40)
    assert rig.wrong(41, priority=Priority.URGENT) == ["raised"]
    assert rig.alarm().state is AlarmState.UNACKNOWLEDGED


# --- chattering and fleeting -------------------------------------------------------------------------


@pytest.mark.parametrize("seen", [False, True])
def test_the_third_raise_in_a_minute_is_the_last_one_told(seen: bool) -> None:
    rig = Rig()
    for t_s in range(0, 60, 10):
        rig.wrong(t_s)
        if seen and rig.alarm().unacknowledged:
            rig.do(Verb.ACKNOWLEDGE, t_s + 2)
        rig.well(t_s + 5)
        rig.tick(t_s + 6)
    assert rig.whats == ["raised", "returned"] * 2 + ["raised", "chattering"]
    rig.tick(70)
    alarm = rig.alarm()
    assert (alarm.chattering, alarm.count, alarm.t_clear_ns) == (True, 6, at(55))
    assert alarm.unacknowledged is not seen
    assert rig.tick(114) == []
    assert sorted(rig.tick(115)) == ["quiet", "returned"]
    assert rig.listed == {} if seen else not rig.alarm().chattering


def test_a_chattering_cause_that_stays_is_quiet_and_active() -> None:
    rig = Rig()
    for t_s in range(0, 30, 10):
        rig.wrong(t_s)
        rig.well(t_s + 5)
    rig.wrong(40)
    assert rig.tick(99) == []
    assert rig.tick(100) == ["quiet"]
    assert (rig.alarm().state, rig.alarm().chattering, rig.alarm().active) == (AlarmState.UNACKNOWLEDGED, False, True)
    assert rig.well(110) == ["returned"]


def test_chattering_ends_after_a_restart_a_quiet_minute_later() -> None:
    rig = Rig()
    for t_s in range(0, 30, 10):
        rig.wrong(t_s)
        rig.well(t_s + 5)
    rig.tick(40)
    again = rig.restarted()
    assert again.tick(50) == again.tick(109) == []
    assert sorted(again.tick(110)) == ["quiet", "returned"]


def test_a_graver_one_is_told_through_the_chattering() -> None:
    rig = Rig()
    for t_s in range(0, 30, 10):
        rig.wrong(t_s)
        rig.well(t_s + 5)
    rig.do(Verb.ACKNOWLEDGE, 30)
    assert rig.wrong(31) == []
    assert rig.wrong(32, priority=Priority.URGENT) == ["raised"]
    assert rig.alarm().state is AlarmState.UNACKNOWLEDGED


def test_what_may_come_and_go_does_not_chatter() -> None:
    rig = Rig(chatter=0)
    for t_s in range(0, 60, 10):
        rig.wrong(t_s)
        rig.well(t_s + 5)
    assert rig.whats == ["raised", "returned"] * 6


def test_what_is_over_within_seconds_is_marked_until_it_comes_again() -> None:
    rig = Rig()
    rig.wrong(0)
    rig.well(4)
    assert rig.alarm().fleeting
    rig.wrong(30)
    assert not rig.alarm().fleeting
    rig.well(33)
    assert not rig.alarm().fleeting, "repeated"
    rig.wrong(0, "slow")
    rig.well(40, "slow")
    assert not rig.alarm("slow").fleeting


def test_a_definition_says_priority_procedure_and_latching() -> None:
    rig = Rig(priority=Priority.URGENT, procedure_id="door", latching=True)
    rig.wrong(0, priority=Priority.LOW)
    alarm = rig.alarm()
    assert (alarm.priority, alarm.procedure_id, alarm.latching) == (Priority.URGENT, "door", True)
    rig.level(0, 2.5)
    assert rig.alarm("limit:gauge").priority is Priority.MEDIUM, "a limit has its own"
    rig.well(30)
    rig.do(Verb.ACKNOWLEDGE, 31)
    assert rig.alarm().state is AlarmState.LATCHED
    rig.do(Verb.RESET, 32)
    assert "door" not in rig.listed


def test_out_of_service_counts_and_says_nothing() -> None:
    rig = Rig()
    rig.wrong(0)
    rig.do(Verb.OUT_OF_SERVICE, 1)
    rig.well(20)
    assert (rig.alarm().state, rig.alarm().active) == (AlarmState.OUT_OF_SERVICE, False)
    rig.wrong(100)
    assert (rig.alarm().count, rig.alarm().unacknowledged) == (2, False)
    rig.do(Verb.IN_SERVICE, 110)
    assert (rig.alarm().state, rig.alarm().oos_by) == (AlarmState.UNACKNOWLEDGED, "")


# --- whatever happens --------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["wrong", "well", "tick", "restart", "above", "below", *Verb]),
        st.sampled_from([1, 4, 20, 61, 200]),
        st.sampled_from(list(Priority)),
    ),
    max_size=40,
)
DEFINITIONS = st.builds(
    Definition, on_delay_s=st.sampled_from([0.0, 30.0]), off_delay_s=st.sampled_from([0.0, 30.0]),
    count=st.sampled_from([0, 2]), latching=st.booleans(), chatter=st.sampled_from([0, 3]),
)  # fmt: skip
PEOPLE: tuple[Verb, ...] = (
    Verb.ACKNOWLEDGE, Verb.CLAIM, Verb.RELEASE, Verb.SHELVE, Verb.UNSHELVE, Verb.RESET, Verb.OUT_OF_SERVICE,
    Verb.IN_SERVICE,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(DEFINITIONS, STEPS)
def test_nothing_that_is_wrong_for_long_is_missing_from_the_list(definition: Definition, steps: list) -> None:  # type: ignore[type-arg]
    rig = Rig()
    rig.definition = definition
    t_s, wrong = 0.0, {"door": False, "limit:gauge": False}
    acts: dict[str, Callable[[float, Priority], object]] = {
        "wrong": lambda t, p: rig.wrong(t, priority=p), "well": lambda t, _: rig.well(t),
        "above": lambda t, _: rig.level(t, 3.0), "below": lambda t, _: rig.level(t, 1.0),
        "tick": lambda t, _: rig.tick(t),
    }  # fmt: skip
    for what, wait_s, priority in steps:
        t_s += wait_s
        if what == "restart":
            rig = rig.restarted()
            if wrong["limit:gauge"] and "limit:gauge" not in rig.listed:
                rig.level(t_s, 3.0)  # the next sample says it again
        elif isinstance(what, Verb):
            if "door" in rig.listed and what in PEOPLE:
                try:
                    rig.do(what, t_s, until_ns=str(at(t_s + 100)))
                except TransitionRefused:
                    continue
        else:
            acts[what](t_s, priority)
            key = "door" if what in ("wrong", "well") else "limit:gauge"
            wrong[key] = {"wrong": True, "above": True, "well": False, "below": False}.get(what, wrong[key])
    for n in range(1, 40):
        rig.tick(t_s + 10 * n)
    for key, is_wrong in wrong.items():
        if is_wrong:
            assert rig.listed[key].active
            assert rig.listed[key].state is not AlarmState.SHELVED, "it has come back"
        elif key in rig.listed:
            assert not rig.listed[key].active
        if key in rig.listed:
            assert not rig.listed[key].chattering, "it has been quiet for long"
