"""A lost parent speaks for its children: one alarm with a count; and series, stations and feeds that fall silent."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from helpers.tiny_city import TinyCity
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.domain.action import Verb
from backends.domain.alarm import Alarm, AlarmState, Priority, TransitionRefused
from backends.domain.camera import Camera
from backends.domain.definition import Definition
from backends.domain.feeds import Mode
from backends.domain.people import Operator, Role
from backends.domain.sensor import Sample, Sensor
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import Condition, Measured, SensorMoved, WorldEvent
from backends.hub.alarm_acts import acted
from backends.hub.core import Core
from backends.hub.engine import AlarmEngine
from backends.hub.event_alarms import Watched
from backends.hub.event_losses import EventLosses
from backends.hub.event_rules import Rules
from backends.hub.intake import Intake
from backends.hub.log import SqliteLog
from backends.hub.ports import Change
from backends.protocol.codec import decode_body

LAN = Operator("op-lan", "Lê Ngọc Lan", "Lan", Role.SHIFT_LEAD)
T0 = 1_790_000_000 * NS_PER_S
QUIET, ASKS = AlarmState.SUPPRESSED, AlarmState.UNACKNOWLEDGED


def at(t_s: float) -> int:
    return T0 + int(t_s * NS_PER_S)


class Rig:
    """An engine that knows who is whose parent by the source's word, and the list as a console has it."""

    def __init__(self, restored: tuple[Alarm, ...] = ()) -> None:
        self.engine = AlarmEngine(restored)
        self.listed = {alarm.key: alarm for alarm in restored}
        self.t_s = 0.0

    def take(self, changes: list[Change]) -> list[str]:
        for change in changes:
            if change.type == "put":
                self.listed[change.record.key] = change.record
            elif change.type == "del":
                del self.listed[change.id.rpartition("@")[0]]
        return [f"{c.record.target.rpartition('@')[0]} {c.record.what}" for c in changes if c.feed == "timeline"]

    def say(self, key: str, parent: str = "", *, active: bool = True) -> list[str]:
        self.t_s += 1
        told = Condition(key, at(self.t_s), active, name=LocalText(key), parent=parent)
        return self.take(self.engine.condition(told))

    def tick(self) -> list[str]:
        self.t_s += 1
        return self.take(self.engine.tick(at(self.t_s)))

    def do(self, key: str, verb: Verb) -> None:
        standing = self.engine.alarm(self.listed[key].id)
        assert standing is not None
        args = {"reason": "x", "until_ns": str(at(self.t_s + 5))}
        self.take(self.engine.adopt(acted(standing, verb, LAN, at(self.t_s), args), at(self.t_s)))

    def states(self) -> dict[str, AlarmState]:
        return {key: alarm.state for key, alarm in self.listed.items()}


def family() -> Rig:
    """A station whose two sensors have alarms."""
    rig = Rig()
    for key in ("a", "b"):
        rig.say(key, "station")
    rig.tick()
    assert set(rig.states().values()) == {ASKS}
    return rig


def test_a_lost_parent_speaks_for_its_children_and_they_come_back() -> None:
    rig = family()
    rig.do("a", Verb.ACKNOWLEDGE)
    rig.say("station")
    assert rig.tick() == ["a alarm_suppressed", "b alarm_suppressed"]
    assert rig.states() == {"a": QUIET, "b": QUIET, "station": ASKS}
    assert rig.listed["station"].children == 2
    assert rig.say("c", "station") == ["c alarm_suppressed"], "it makes no sound first"
    rig.say("b", active=False)
    rig.tick()
    assert rig.states() == {"a": QUIET, "c": QUIET, "station": ASKS}
    assert rig.listed["station"].children == 2
    rig.do("station", Verb.ACKNOWLEDGE)
    rig.say("station", active=False)
    assert rig.tick() == ["a alarm_unsuppressed", "c alarm_unsuppressed"]
    assert rig.states() == {"a": ASKS, "c": ASKS}
    assert not rig.listed["a"].acked_by, "what is still wrong asks anew"


@pytest.mark.parametrize("verb", [Verb.SHELVE, Verb.OUT_OF_SERVICE, Verb.CLAIM])
def test_what_people_do_to_the_parent_lets_no_child_out(verb: Verb) -> None:
    rig = family()
    rig.say("station")
    rig.tick()
    rig.do("station", verb)
    rig.tick()
    assert rig.states()["a"] is QUIET
    rig.say("station", active=False)
    rig.tick()
    assert rig.states()["a"] is ASKS


def test_a_shelved_child_comes_off_the_shelf_and_is_spoken_for_then() -> None:
    rig = family()
    rig.do("a", Verb.SHELVE)
    rig.say("station")
    rig.tick()
    assert rig.states()["a"] is AlarmState.SHELVED
    rig.t_s += 10
    assert rig.tick() == ["a alarm_unshelved", "a alarm_suppressed"]


def test_generations_collapse_into_one() -> None:
    rig = family()
    rig.say("station", "feed")
    rig.say("feed")
    rig.tick()
    assert rig.states() == {"a": QUIET, "b": QUIET, "station": QUIET, "feed": ASKS}
    assert (rig.listed["feed"].children, rig.listed["station"].children) == (1, 2)
    rig.say("feed", active=False)
    rig.tick()
    assert rig.states() | {"feed": ASKS} == {"a": QUIET, "b": QUIET, "station": ASKS, "feed": ASKS}


def test_two_that_name_each_other_are_both_heard() -> None:
    rig = Rig()
    rig.say("a", "b")
    rig.say("b", "a")
    rig.say("c", "c")
    rig.tick()
    assert set(rig.states().values()) == {ASKS}


def test_after_a_restart_children_are_still_spoken_for() -> None:
    rig = family()
    rig.say("station")
    rig.tick()
    again = Rig(tuple(rig.listed.values()))
    assert again.tick() == []
    again.say("station", active=False)
    again.tick()
    assert again.states()["a"] is ASKS


@pytest.mark.parametrize("now", ["other", ""])
def test_a_child_whose_parent_is_another_one_after_a_restart_is_heard(now: str) -> None:
    rig = family()
    rig.say("station")
    rig.tick()
    again = Rig(tuple(rig.listed.values()))
    assert again.say("a", now) == ["a alarm_unsuppressed"]
    again.tick()
    assert again.states() == {"a": ASKS, "b": QUIET, "station": ASKS}
    assert again.listed["station"].children == 1


def test_a_child_goes_from_one_parent_that_is_wrong_to_another() -> None:
    rig = family()
    rig.say("station")
    rig.say("other")
    rig.tick()
    rig.t_s += 20
    assert rig.say("a", "other") == []
    rig.tick()
    assert (rig.listed["station"].children, rig.listed["other"].children) == (1, 1)
    rig.say("b", "")
    rig.say("b", "other")
    rig.t_s += 20
    assert rig.tick() + rig.tick() == ["b alarm_suppressed"]
    assert rig.listed["other"].children == 2


MEMBERS = {"a": "s", "b": "s", "s": "f", "c": "f", "f": "", "x": "y", "y": "x"}
MOVES = st.lists(
    st.tuples(st.sampled_from(["wrong", "well", "restart", *list(Verb)[:8]]), st.sampled_from(list(MEMBERS))),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(MOVES)
def test_whatever_happens_to_a_family(moves: list) -> None:  # type: ignore[type-arg]
    rig, wrong = Rig(), dict.fromkeys(MEMBERS, False)
    for move, key in moves:
        if move == "restart":
            rig = Rig(tuple(rig.listed.values()))
        elif move in ("wrong", "well"):
            rig.say(key, MEMBERS[key], active=move == "wrong")
            wrong[key] = move == "wrong"
        elif key in rig.listed and move in (
            Verb.ACKNOWLEDGE,
            Verb.CLAIM,
            Verb.SHELVE,
            Verb.OUT_OF_SERVICE,
            Verb.IN_SERVICE,
        ):
            try:
                rig.do(key, move)
            except TransitionRefused:
                continue
    for _ in range(100):
        rig.tick()
    for key, alarm in rig.listed.items():
        parent = rig.listed.get(alarm.parent)
        if alarm.state is QUIET:
            assert parent is not None
            assert parent.active, "nobody is quiet for nothing"
        assert alarm.active is wrong[key] or alarm.chattering
        assert alarm.children == sum(a.parent == key and a.state is QUIET for a in rig.listed.values())
    for key in [key for key, is_wrong in wrong.items() if is_wrong]:
        speaks = rig.listed[key]
        while speaks.state is QUIET:  # in the end somebody is there who speaks for it
            speaks = rig.listed[speaks.parent]


# --- silence -----------------------------------------------------------------------------------------


def sensor(id_: str, station: str) -> Sensor:
    return Sensor(
        id_, LocalText(f"Số đo {id_}"), "", station_id=station, station=LocalText(f"Trạm {station}"), period_s=60
    )


SENSORS = (sensor("a1", "A"), sensor("a2", "A"), sensor("b1", "B"), sensor("b2", "B"))


class Feed:
    """Sensors that speak every ten seconds, but for those in `silent`."""

    def __init__(self, alarms: tuple[Alarm, ...] = (), t_s: float = 0.0) -> None:
        self.intake = Intake(alarms)
        self.listed = {alarm.key: alarm for alarm in alarms}
        self.t_s = t_s
        for one in SENSORS:
            self._take(self.intake.event(SensorMoved(at(t_s), one)))

    def run(self, seconds: float, silent: str = "") -> dict[str, AlarmState]:
        end_s = self.t_s + seconds
        while self.t_s < end_s:
            self.t_s += 10
            told = tuple(Sample(s.id, at(self.t_s), None, "fault") for s in SENSORS if s.id not in silent.split())
            event: WorldEvent = Measured(at(self.t_s), told)
            self._take(self.intake.event(event) + self.intake.tick(at(self.t_s)))
        return {key.removeprefix("nodata:"): alarm.state for key, alarm in self.listed.items()}

    def _take(self, changes: list[Change]) -> None:
        for change in changes:
            if change.feed == "alarms":
                self.listed.pop(change.id.rpartition("@")[0], None)
                if change.type == "put":
                    self.listed[change.record.key] = change.record


def test_one_silent_series_is_its_own_alarm() -> None:
    feed = Feed()
    assert feed.run(3600) == {}, "who says that he is broken is not silent"
    assert feed.run(290, "a1") == {}
    assert feed.run(30, "a1") == {"series:a1": ASKS}
    alarm = feed.listed["nodata:series:a1"]
    assert (alarm.sensor_id, alarm.priority, alarm.source) == ("a1", Priority.LOW, "feed")
    assert feed.run(10) == {"series:a1": AlarmState.RETURNED}


def test_a_silent_station_is_one_alarm_with_two_in_it() -> None:
    feed = Feed()
    feed.run(600)
    assert feed.run(320, "a1 a2") == {"station:A": ASKS, "series:a1": QUIET, "series:a2": QUIET}
    assert feed.listed["nodata:station:A"].children == 2
    assert feed.run(20, "a1") == {"station:A": AlarmState.RETURNED, "series:a1": ASKS}


def test_a_lost_feed_is_one_alarm() -> None:
    feed = Feed()
    feed.run(600)
    states = feed.run(320, "a1 a2 b1 b2")
    assert [key for key, state in states.items() if state is ASKS] == ["all"]
    assert len(states) == 7
    assert feed.listed["nodata:all"].children == 2
    back = feed.run(20)
    assert back == {"all": AlarmState.RETURNED}


def test_nobody_is_blamed_for_what_nobody_could_hear() -> None:
    feed = Feed()
    feed.run(600)
    feed.t_s += 7200  # the hub slept, or its clock was set
    assert feed.run(290, "a1 a2 b1 b2") == {}
    assert "series:a1" in feed.run(30, "a1")


def test_a_leap_of_the_clock_ends_no_silence() -> None:
    feed = Feed()
    feed.run(600)
    feed.run(320, "a1")
    feed.t_s += 7200
    assert feed.run(20, "a1") == {"series:a1": ASKS}
    assert feed.run(400, "a1") == {"series:a1": ASKS}
    assert feed.run(10) == {"series:a1": AlarmState.RETURNED}


def test_what_was_silent_before_a_restart_stays_until_it_is_heard() -> None:
    feed = Feed()
    feed.run(600)
    feed.run(320, "a1 a2")
    again = Feed(tuple(feed.listed.values()), feed.t_s + 5)
    assert again.run(200, "a1 a2") == {"station:A": ASKS, "series:a1": QUIET, "series:a2": QUIET}
    assert again.run(200, "a1") == {"station:A": AlarmState.RETURNED, "series:a1": ASKS}


@pytest.mark.parametrize("period_s", [60.0, 300.0, 3600.0])
def test_after_a_restart_no_silence_ends_before_it_is_known(period_s: float) -> None:
    told = tuple(
        Alarm(f"{key}@1", Priority.LOW, ASKS, LocalText(key), T0)
        for key in ("nodata:all", "nodata:station:A", "nodata:series:a1", "nodata:series:a2", "nodata:series:b1")
    )
    intake = Intake(told)
    for one in SENSORS[:3]:
        slow = msgspec.structs.replace(one, period_s=period_s if one.id == "a1" else 60.0)
        intake.restore("sensors", slow, 1)
    returned = []
    for t_s in range(0, int(4 * period_s) + 900, 5):
        changes = intake.tick(at(t_s))
        returned += [c.record.target for c in changes if c.feed == "timeline" and c.record.what == "alarm_returned"]
    assert returned == []
    assert set(intake.engine.standing("nodata:")) == {alarm.key for alarm in told}
    intake.event(Measured(at(t_s + 5), (Sample("a1", at(t_s + 5), 1.0),)))
    intake.tick(at(t_s + 5))
    active = {key for key, alarm in intake.engine.standing("nodata:").items() if alarm.active}
    assert active == {"nodata:series:a2", "nodata:series:b1"}


def test_one_that_had_returned_before_a_restart_is_told_anew() -> None:
    feed = Feed()
    feed.run(600)
    feed.run(320, "a1")
    assert feed.run(10) == {"series:a1": AlarmState.RETURNED}
    again = Feed(tuple(feed.listed.values()), feed.t_s + 5)
    assert again.run(290, "a1") == {"series:a1": AlarmState.RETURNED}
    assert again.run(30, "a1") == {"series:a1": ASKS}


def test_a_silence_in_its_on_delay_ends_after_a_restart_too() -> None:
    def define(key: str, _: Sensor | None) -> Definition:
        return Definition(on_delay_s=3600.0) if key == "nodata:series:a1" else Definition()

    before, after = Intake(define=define), Intake(define=define)
    for intake in (before, after):
        for one in SENSORS[:3]:
            intake.restore("sensors", one, 1)

    def run(intake: Intake, begin_s: int, end_s: int, said: str) -> None:
        for t_s in range(begin_s, end_s, 5):
            intake.event(Measured(at(t_s), tuple(Sample(id_, at(t_s), 1.0) for id_ in said.split())))
            intake.tick(at(t_s))

    run(before, 0, 400, "a2 b1")
    assert list(before.engine.told("nodata:")) == ["nodata:series:a1"]
    assert before.engine.standing("nodata:") == {}
    after.recall(before.engine.memory())
    run(after, 400, 600, "a2 b1")
    assert after.engine.told("nodata:"), "not heard yet"
    run(after, 600, 5000, "a1 a2 b1")
    assert after.engine.told("nodata:") == {}


def test_a_lost_watch_in_its_on_delay_ends_after_a_restart_too() -> None:
    def define(key: str, _: Sensor | None) -> Definition:
        return Definition(on_delay_s=30.0)

    before = AlarmEngine(define=define)
    before.condition(Condition("unwatched:c1", T0, True, name=LocalText("x")))
    after = AlarmEngine(define=define)
    after.recall(before.memory())
    losses = EventLosses(after.told("unwatched"), 0.0)
    cameras = {"c1": Camera("c1", "1", LocalText("c"), ())}
    losses.plan(cameras, {"c1": Watched(("c1",))}, Rules(), T0, 0.0)
    losses.began(0.0)
    losses.stood("c1", "", at(5), 5.0)
    for condition in losses.take():
        after.condition(condition)
    after.tick(at(600))
    assert after.told("unwatched") == {}


def test_a_sensor_that_is_taken_away_is_not_missed() -> None:
    feed = Feed()
    feed.run(600)
    feed.run(320, "a1")
    feed._take(feed.intake._forget("sensors", "a1", at(feed.t_s)))
    assert feed.run(10, "a1") == {"series:a1": AlarmState.RETURNED}


# --- through the hub's core --------------------------------------------------------------------------


def test_what_is_in_its_on_delay_when_the_hub_dies_is_raised_by_the_next_one(tmp_path: Path) -> None:
    def define(key: str, _: Sensor | None) -> Definition:
        return Definition(on_delay_s=30.0) if key == "door" else Definition()

    log = SqliteLog(tmp_path / "hub.db", Mode.TEST)
    core = Core(log, TinyCity(T0, past_s=60), define=define)
    core.start(T0)
    core.happened(Condition("door", at(1), True, name=LocalText("Cửa mở")))
    core.round(at(2), 0.0)
    assert not core.alarms("door")
    log.close(planned=False)
    log = SqliteLog(tmp_path / "hub.db", Mode.TEST)
    again = Core(log, TinyCity(T0, past_s=60), define=define)
    again.start(T0)
    again.round(at(20), 0.0)
    assert not again.alarms("door")
    published = again.round(at(40), 1.0)
    assert [decode_body("alarms", e.body).key for e in published if e.feed == "alarms"] == ["door"]
    again.happened(Condition("door", at(41), False))
    again.round(at(42), 2.0)
    assert log.meta("alarms_pending") == ""
    log.close()
