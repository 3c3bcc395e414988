"""When an event becomes an alarm and when it ends: dead time, off-delay, hours, first messages, losses, restarts."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest
from conftest import ExpectLogs
from helpers.event_room import GATE, RULES, T0, Room

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.definition import Definition
from backends.domain.device import CameraEvent, EventKind
from backends.domain.device_watch import Alive, FromWatcher, Noticed, Stood, answer_decoder, encode
from backends.domain.picture import PictureFlag
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import Condition
from backends.hub.engine import AlarmEngine
from backends.hub.event_alarms import Watched
from backends.hub.event_losses import ABSENT_S, GOOD_S, EventLosses
from backends.hub.event_rules import shipped
from backends.watcher.outlet import FLOOD_S, MOST_SLOTS, Outlet


def test_off_delay_joins_what_flickers_and_counts_it() -> None:
    room = Room()
    room.stands()
    for second in range(0, 40, 2):
        room.to(second)
        room.says(True, 1)
        room.says(False)
    room.to(47)
    alarm = room.alarm()
    assert alarm is not None
    assert (alarm.state, alarm.count) == (AlarmState.UNACKNOWLEDGED, 20)
    room.to(49)
    assert [entry[:2] for entry in room.log if not entry[1]] == [(48.0, False)]


def test_dead_time_keeps_what_happens_for_the_next_alarm() -> None:
    room = Room()
    room.stands()
    room.says(None, 3)
    room.to(11)
    assert room.log == [(0.0, True, 3), (10.0, False, 0)]
    room.says(None, 5)
    room.to(59)
    room.says(None, 2)
    assert len(room.log) == 2
    room.to(80)
    assert room.log[2:] == [(60.0, True, 7), (69.0, False, 0)]


def test_what_lasts_through_the_dead_time_is_raised_at_its_end() -> None:
    room = Room()
    room.stands()
    room.says(None, 1)
    room.to(20)
    room.says(True, 1)
    room.to(70)
    assert room.log[2:] == [(60.0, True, 1)]
    room.says(False)
    room.to(81)
    assert room.log[3:] == [(80.0, False, 0)]


def test_how_things_stand_at_first_is_no_alarm() -> None:
    room = Room()
    room.stands()
    room.says(True)
    room.to(30)
    assert room.log == []
    room.says(False)
    room.says(True, 1)
    assert room.log == [(30.0, True, 1)]


def test_one_source_of_two_that_goes_on_keeps_it() -> None:
    room = Room()
    room.stands()
    room.says(True, 1, source="a")
    room.says(True, 1, source="b")
    room.says(False, source="a")
    room.to(100)
    assert [entry for entry in room.log if not entry[1]] == []
    room.says(False, source="b")
    room.to(111)
    assert room.log[-1] == (110.0, False, 0)


def test_after_a_loss_the_device_says_how_things_are() -> None:
    room = Room()
    room.stands()
    room.says(True, 1)
    room.to(5)
    room.stands()
    room.says(True)  # as before: neither again nor over
    room.to(100)
    assert room.log == [(0.0, True, 1)]
    room.stands()
    room.to(159)
    assert len(room.log) == 1
    room.to(161)
    assert room.log[1:] == [(160.0, False, 0)], "it says nothing of it: it has nothing to say"
    room.stands()
    room.says(True)
    assert room.log[2:] == [(161.0, True, 1)], "it began while nobody listened"


def test_hours_begin_and_end_with_what_is_active() -> None:
    room = Room(RULES + b'hours = ["00:21-00:22"]\n')  # the 60 s from 60 s on
    room.stands()
    room.says(True, 1)
    room.to(59)
    assert room.log == []
    room.to(119)
    assert room.log == [(60.0, True, 1)]
    room.to(121)
    assert room.log[1:] == [(120.0, False, 0)]


def test_a_hub_goes_on_with_the_alarms_of_its_log() -> None:
    before = Room()
    before.stands()
    before.says(True, 1)
    standing = before.engine.standing("event:")
    room = Room(standing=standing)
    room.to(300)
    assert room.log == [], "nobody has said anything yet"
    room.stands()
    room.says(True)
    room.to(400)
    assert room.log == []
    room.says(False)
    room.to(411)
    assert room.log == [(410.0, False, 0)]


def test_a_hub_knows_what_stood_at_first_and_what_began_while_none_ran() -> None:
    before = Room()
    before.stands()
    before.says(True, source="stuck")
    memory = before.alarms.memory()
    for _ in range(2):
        room = Room(memory=memory)
        room.stands()
        room.says(True, source="stuck")
        room.to(5)
        assert room.log == []
        memory = room.alarms.memory()
    room.says(True, source="new")
    assert room.log == [(5.0, True, 1)]
    again = Room(standing=room.engine.standing("event:"), memory=room.alarms.memory())
    again.stands()
    again.says(True, source="stuck")
    again.says(True, source="new")
    again.to(100)
    assert again.log == [], "not raised twice"
    without = Room()
    without.stands()
    without.says(True, source="new")
    assert without.log == [], "control: a hub that remembers nothing cannot tell"


def test_a_memory_that_cannot_be_read_is_said(expect_logs: ExpectLogs) -> None:
    expect_logs("what was remembered of cameras' events cannot be read")
    assert Room(memory='{"stood": 7}').log == []


def test_of_devices_that_are_not_watched_nothing_is_believed() -> None:
    room = Room()
    room.alarms.noticed(Noticed("cam-999", EventKind.INTRUSION, True, 5), T0, 0.0)
    room.alarms.stands("cam-999", 0.0)
    assert room.alarms.take() == []
    room.to(5)
    assert room.log == []


def test_a_camera_that_goes_takes_its_alarm_with_it() -> None:
    room = Room()
    room.stands()
    room.says(True, 1)
    room.devices = {}
    room.plan(room._rules)
    room.to(1)
    assert room.log[1:] == [(1.0, False, 0)]


def test_the_sweep_is_asked_and_its_word_stands_beside() -> None:
    room = Room()
    room.stands()
    room.says(True, 1, EventKind.TAMPER)
    assert room.alarms.take_looks() == {"cam-014"}
    alarm = room.alarm("event:cam-014:tamper")
    assert alarm is not None
    assert alarm.detail == LocalText("lượt quét camera: hình bình thường", "sweep: picture normal")
    room.cameras["cam-014"] = msgspec.structs.replace(GATE, flags=(PictureFlag.COVERED,))
    room.to(11)
    alarm = room.alarm("event:cam-014:tamper")
    assert alarm is not None
    assert alarm.detail == LocalText("lượt quét camera: bị che", "sweep: covered")
    assert alarm.count == 1


def test_the_engine_counts_repeats_in_one_row() -> None:
    engine = AlarmEngine()
    name = LocalText("x")
    (put, _) = engine.condition(Condition("k", T0, True, name=name, times=4))
    assert put.record.count == 4
    assert engine.condition(Condition("k", T0 + 1, True, name=name, times=2)) == [], "figures wait for their turn"
    assert engine.condition(Condition("k", T0 + 2, True, name=name, times=3)) == []
    (put,) = engine.tick(T0 + 11 * NS_PER_S)
    assert put.record.count == 9
    engine.condition(Condition("k", T0 + 12 * NS_PER_S, False))
    put, _ = engine.condition(Condition("k", T0 + 13 * NS_PER_S, True, name=name, times=5))
    assert (put.record.count, put.record.state) == (14, AlarmState.UNACKNOWLEDGED)
    put, _ = engine.condition(Condition("k", T0 + 14 * NS_PER_S, True, Priority.URGENT, name=name))
    assert put.record.count == 14


# -- losses ------------------------------------------------------------------------------------------


def losses(standing: Mapping[str, Alarm] | None = None) -> EventLosses:
    made = EventLosses(standing or {}, 0.0)
    made.plan({"cam-014": GATE}, {"cam-014": Watched(("cam-014",))}, shipped(), T0, 0.0)
    return made


def at(made: EventLosses, seconds: float) -> list[tuple[str, bool]]:
    made.tick(T0, seconds)
    return [(condition.key, condition.active) for condition in made.take()]


def test_a_loss_is_an_alarm_after_three_minutes() -> None:
    made = losses()
    made.began(0.0)
    assert at(made, 179) == []
    assert at(made, 181) == [("unwatched:cam-014", True)]
    made.stood("cam-014", "", T0, 200.0)
    assert at(made, 200) == [("unwatched:cam-014", False)]
    made.stood("cam-014", "connection refused", T0, 300.0)
    made.stood("cam-014", "no answer in time", T0, 400.0)
    made.tick(T0, 481.0)
    (lost,) = made.take()
    assert lost.detail == LocalText("không theo dõi được: thiết bị không trả lời", "not watched: no answer in time"), (
        "counted from the first"
    )


def test_a_watcher_that_is_away_is_one_alarm_and_blames_no_camera() -> None:
    made = losses()
    made.began(0.0)
    made.stood("cam-014", "", T0, 1.0)
    made.ended(1000.0)
    assert at(made, 1000 + ABSENT_S - 1) == []
    assert at(made, 1000 + ABSENT_S) == [("unwatched", True)]
    assert at(made, 1400.0) == []
    made.began(1400.0)
    made.ended(1410.0)
    made.began(1411.0)
    assert at(made, 1411 + GOOD_S - 1) == []
    assert at(made, 1411 + GOOD_S) == [("unwatched", False)]
    assert at(made, 1411 + GOOD_S + 178) == []
    assert at(made, 1411 + GOOD_S + 181) == [("unwatched:cam-014", True)]


def test_one_death_of_the_watcher_is_no_alarm() -> None:
    made = losses()
    made.began(0.0)
    made.ended(100.0)
    made.began(101.0)
    assert [at(made, float(second)) for second in range(101, 250, 10)] == [[]] * 15


def test_losses_of_before_a_restart_end_or_go_on() -> None:
    first = losses()
    first.began(0.0)
    first.tick(T0, 181.0)
    engine = AlarmEngine()
    for condition in first.take():
        engine.condition(condition)
    engine.condition(Condition("unwatched:cam-099", T0, True))
    made = losses(engine.standing("unwatched"))
    made.began(0.0)
    assert at(made, 500) == [("unwatched:cam-099", False)], "that camera has gone; the other stands already"
    made.stood("cam-014", "", T0, 501.0)
    assert at(made, 501) == [("unwatched:cam-014", False)]


def test_a_loss_in_its_off_delay_at_a_restart_is_told_anew() -> None:
    """Its alarm is about to end: a hub that took it for still told would let it."""
    engine = AlarmEngine(define=lambda *_: Definition(off_delay_s=600.0))
    engine.condition(Condition("unwatched:cam-014", T0, True))
    engine.condition(Condition("unwatched:cam-014", T0 + NS_PER_S, False))
    standing = engine.standing("unwatched")
    assert standing["unwatched:cam-014"].t_clear_ns
    made = losses(standing)
    made.began(0.0)
    assert at(made, 181) == [("unwatched:cam-014", True)]


# -- the watcher's side ------------------------------------------------------------------------------


def event(active: bool | None, topic: str = "a", first: bool = False, t_ns: int = T0) -> CameraEvent:
    return CameraEvent(EventKind.MOTION, active, t_ns, "s", topic, first)


def noticed(said: list[FromWatcher]) -> list[tuple[bool | None, int]]:
    return [(one.active, one.times) for one in said if isinstance(one, Noticed)]


def test_what_a_device_repeats_is_told_once_with_a_count() -> None:
    outlet = Outlet("cam-014")
    outlet.add(event(False, first=True))
    assert noticed(outlet.take(T0, 0.0)) == [(False, 0)]
    for _ in range(1000):
        outlet.add(event(True))
        outlet.add(event(True))
        outlet.add(event(False))
    assert noticed(outlet.take(T0, 0.1)) == [(False, 1000)]
    assert noticed(outlet.take(T0, 0.2)) == []
    outlet.add(event(True, first=True))
    assert noticed(outlet.take(T0, 0.3)) == [(True, 0)]
    outlet.add(event(None))
    outlet.add(event(None))
    assert noticed(outlet.take(T0, 0.4)) == [(None, 2)]


def test_a_loss_stands_in_its_order_and_states_are_not_believed_after_it() -> None:
    outlet = Outlet("cam-014")
    outlet.add(event(True))
    outlet.say("gone")
    outlet.say("")
    outlet.add(event(True, first=True))
    kinds = [type(one).__name__ for one in outlet.take(T0, 0.0)]
    assert kinds == ["Noticed", "Stood", "Stood", "Noticed"]


@pytest.mark.parametrize(
    ("t_ns", "age_s"), [(T0 - 3 * NS_PER_S, 3.0), (0, 0.0), (T0 + NS_PER_S, 0.0), (-(1 << 80), 0.0)]
)
def test_nonsense_times_count_from_now(t_ns: int, age_s: float) -> None:
    outlet = Outlet("cam-014")
    outlet.add(event(True, t_ns=t_ns))
    (said,) = outlet.take(T0, 0.0)
    assert isinstance(said, Noticed)
    assert said.age_s == pytest.approx(age_s)


def test_invented_topics_are_bounded_and_lines_are_what_the_hub_reads() -> None:
    outlet = Outlet("cam-014")
    for number in range(3 * MOST_SLOTS):
        outlet.add(event(True, topic=f"{number}" * 99))
    first = outlet.take(T0, 0.0)
    said = [*first, *outlet.take(T0, FLOOD_S)]
    assert len(noticed(said)) == MOST_SLOTS
    assert [one.per_s for one in said if not isinstance(one, Noticed | Stood | Alive)] == [
        int(3 * MOST_SLOTS / FLOOD_S)
    ]
    for one in (*said, Stood("cam-014", "x" * 240), Alive()):
        assert answer_decoder.decode(encode(one)) == one
        assert len(encode(one)) < 4096


def test_an_event_in_its_on_delay_ends_after_a_restart_too() -> None:
    before = Room()
    before.engine = AlarmEngine(define=lambda *_: Definition(on_delay_s=30.0))
    before.stands()
    before.says(True, 1)
    told = before.engine.told("event:")
    assert before.alarm() is None
    room = Room(standing=told, memory=before.alarms.memory())
    room.stands()
    room.says(False)
    room.to(20)
    assert room.log == [(10.0, False, 0)]
