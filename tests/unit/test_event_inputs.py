"""What carries an alarm of events, and what a device is believed: contacts, rules, losses, flaps, restarts, floods."""

from __future__ import annotations

import pytest
from helpers.event_room import GATE, KEY, RULES, T0, Room

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.camera import Camera
from backends.domain.device import CameraEvent, EventKind
from backends.domain.device_watch import Flooded, FromWatcher, Noticed, Stood
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.hub.event_alarms import UNSAID_S, EventAlarms, Watched
from backends.hub.event_losses import EventLosses
from backends.hub.event_rules import shipped
from backends.watcher.outlet import FLOOD_S, MOST_ALIKE, MOST_SLOTS, Outlet

CONTACT = EventKind.INPUT
INPUT_KEY = "event:cam-014:input"

# -- inputs ------------------------------------------------------------------------------------------


def test_a_contact_that_is_closed_at_rest_holds_no_other_ones_alarm() -> None:
    room = Room()
    room.stands()
    room.says(True, kind=CONTACT, source="a")
    room.says(True, 1, CONTACT, "b")
    room.to(2)
    room.says(False, kind=CONTACT, source="b")
    room.to(100)
    assert room.log == [(0.0, True, 1), (12.0, False, 0)]
    room.says(True, 1, CONTACT, "b")
    assert room.log[2:] == [(100.0, True, 1)]


def test_two_rules_on_one_source_are_two_inputs() -> None:
    room = Room()
    room.stands()
    room.says(True, 1, source="v", instance="north")
    room.says(True, 1, source="v", instance="south")
    room.says(False, source="v", instance="north")
    room.to(100)
    assert [begins for _, begins, _ in room.log] == [True, True], "somebody is still inside"
    room.says(False, source="v", instance="south")
    room.to(111)
    assert room.log[2:] == [(110.0, False, 0)]


# -- losses ------------------------------------------------------------------------------------------


def test_after_a_loss_another_contacts_word_ends_nothing() -> None:
    room = Room()
    room.stands()
    room.says(False, kind=CONTACT, source="a")
    room.says(True, 1, CONTACT, "b")
    room.to(20)
    room.lost()
    room.stands()
    room.says(False, kind=CONTACT, source="a")
    room.to(50)
    assert room.log == [(0.0, True, 1)]
    room.says(True, kind=CONTACT, source="b")
    room.to(400)
    assert room.log == [(0.0, True, 1)], "it is closed still, and the device says so"
    room.says(False, kind=CONTACT, source="b")
    room.to(411)
    assert room.log[1:] == [(410.0, False, 0)]


def test_nothing_ends_while_nobody_listens() -> None:
    room = Room()
    room.stands()
    room.says(True, 1)
    for second in range(10, 300, 20):  # stands for moments, without a word
        room.to(second)
        room.stands()
        room.to(second + 5)
        room.lost()
    room.to(4000)
    assert room.log == [(0.0, True, 1)]
    room.stands()
    room.says(True)
    room.to(4200)
    assert room.log == [(0.0, True, 1)]
    room.says(False)
    room.to(4211)
    assert room.log[1:] == [(4210.0, False, 0)]


def test_what_has_stood_for_years_is_not_raised_by_a_flapping_watch() -> None:
    room = Room()
    room.stands()
    room.lost()
    room.stands()  # it has not said yet how things are
    room.says(True, kind=CONTACT)
    for _ in range(2):
        room.lost()
        room.stands()
    room.says(True, kind=CONTACT)
    room = room.after()
    room.stands()
    room.stands()
    room.says(True, kind=CONTACT)
    room.to(5)
    assert room.log == []
    room.says(True, kind=CONTACT, source="other")
    assert room.log == [(5.0, True, 1)], "control: that one began meanwhile"


def test_a_device_that_had_nothing_to_say_is_known() -> None:
    room = Room()
    room.stands()
    room.to(UNSAID_S + 1)
    room.lost()
    room.stands()
    room.says(True)
    assert room.log == [(UNSAID_S + 1, True, 1)]


# -- restarts ----------------------------------------------------------------------------------------


def test_a_restarted_hub_knows_which_contact_it_was() -> None:
    room = Room()
    room.stands()
    room.says(False, kind=CONTACT, source="a")
    room.says(True, 1, CONTACT, "Input-3")
    room.to(20)
    room = room.after()
    room.to(5)
    room.stands()
    room.says(False, kind=CONTACT, source="a")
    room.to(30)
    assert room.log == []
    room.says(True, kind=CONTACT, source="Input-3")
    room.to(100)
    assert room.log == [], "neither other words nor an end"
    alarm = room.alarm(INPUT_KEY)
    assert alarm is not None
    assert alarm.detail == LocalText("Input-3", "Input-3")
    room.says(False, kind=CONTACT, source="Input-3")
    room.to(111)
    assert room.log == [(110.0, False, 0)]


def test_an_alarm_of_which_nothing_is_remembered_waits_until_all_is_said() -> None:
    before = Room()
    before.stands()
    before.says(True, 1)
    room = Room(standing=before.engine.standing("event:"))
    room.stands()
    room.says(False, source="other")
    room.to(30)
    room.says(True, source="this")
    room.to(300)
    assert room.log == []
    room.says(False, source="this")
    room.to(311)
    assert room.log == [(310.0, False, 0)]
    quiet = Room(standing=before.engine.standing("event:"))
    quiet.stands()
    quiet.says(False)
    quiet.to(UNSAID_S + 1)
    assert quiet.log == [(UNSAID_S, False, 0)], "control: it does not stand for ever"


def test_an_alarm_of_a_kind_that_this_hub_does_not_know_ends() -> None:
    def left(kind: str, state: AlarmState) -> dict[str, Alarm]:
        alarm = Alarm(f"event:cam-014:{kind}@1", Priority.HIGH, state, LocalText("x"), t_raised_ns=T0)
        return {f"event:cam-014:{kind}": alarm}

    standing = left("smoke", AlarmState.UNACKNOWLEDGED) | left("fire", AlarmState.RETURNED)
    alarms = EventAlarms(standing | left("intrusion", AlarmState.UNACKNOWLEDGED), T0, 0.0)
    assert [(said.key, said.active) for said in alarms.take()] == [("event:cam-014:smoke", False)]


# -- channels ----------------------------------------------------------------------------------------


def test_a_channel_that_becomes_another_cameras_leaves_no_alarm_for_ever() -> None:
    room = Room(RULES)
    other = Camera("cam-015", "015", LocalText("Cổng 2"), (), t_state_ns=1)
    room.cameras = {"cam-014": GATE, "cam-015": other}

    def channels(first: str, second: str) -> None:
        room.devices = {"cam-014": Watched(("cam-014", "cam-015"), True, {1: first, 2: second})}
        room.plan(room._rules)

    def says(active: bool, times: int = 0) -> None:
        told = Noticed("cam-014", EventKind.INTRUSION, active, times, channel=1, source="v1", topic="X")
        room.alarms.noticed(told, room.now_ns, room.now_s)
        room.to(room.now_s)

    channels("cam-014", "cam-015")
    room.stands()
    says(True, 1)
    room.to(10)
    room.stands()
    room.to(20)
    channels("cam-015", "cam-014")
    room.to(500)
    assert [begins for _, begins, _ in room.log] == [True], "nobody has asked how things are now"
    room.stands()
    says(True)
    room.to(500 + UNSAID_S + 1)
    states = {key: alarm.state for key, alarm in room.engine.standing("event:").items()}
    assert states == {KEY: AlarmState.RETURNED, "event:cam-015:intrusion": AlarmState.UNACKNOWLEDGED}


# -- the watcher's side ------------------------------------------------------------------------------


def event(active: bool | None, topic: str = "a", first: bool = False, **more: object) -> CameraEvent:
    return CameraEvent(EventKind.MOTION, active, T0, "s", topic, first, **more)  # type: ignore[arg-type]


def noticed(said: list[FromWatcher]) -> list[tuple[str, bool | None, int]]:
    return [(one.instance, one.active, one.times) for one in said if isinstance(one, Noticed)]


def floods(said: list[FromWatcher]) -> list[int]:
    return [one.per_s for one in said if isinstance(one, Flooded)]


def test_instances_are_told_apart() -> None:
    outlet = Outlet("cam-014")
    outlet.add(event(True, instance="north"))
    outlet.add(event(True, instance="south"))
    assert noticed(outlet.take(T0, 0.0)) == [("north", True, 1), ("south", True, 1)]
    outlet.add(event(False, instance="north"))
    assert noticed(outlet.take(T0, 0.1)) == [("north", False, 0)]


def test_objects_that_never_leave_take_no_other_topics_place() -> None:
    outlet = Outlet("cam-014")
    for number in range(2 * MOST_SLOTS):
        outlet.add(event(True, instance=f"{number}"))
        outlet.take(T0, 0.0)
    outlet.add(event(True, topic="b"))
    assert noticed(outlet.take(T0, 0.0)) == [("", True, 1)]
    kept = Outlet("cam-014")
    for number in range(MOST_ALIKE):
        kept.add(event(True, instance=f"{number}"))
        kept.add(event(False, instance=f"{number}"))
    kept.take(T0, 0.0)
    kept.add(event(True, instance="new"))
    assert noticed(kept.take(T0, 0.0)) == [("new", True, 1)], "those that have left make room"


def test_a_flood_of_before_a_restart_ends_in_quiet() -> None:
    losses = EventLosses({}, 0.0)
    losses.plan({"cam-014": GATE}, {"cam-014": Watched(("cam-014",))}, shipped(), T0, 0.0)
    losses.flooded("cam-014", 200, T0)
    outlet = Outlet("cam-014")  # of another login, or another life of the watcher
    said = [one for tenth in range(1000, 1300) for one in outlet.take(T0, tenth / 10)]
    assert floods(said) == [0], "once, after a quiet window"
    losses.flooded("cam-014", 0, T0)
    assert [(one.key, one.active) for one in losses.take()] == [("flooded:cam-014", True), ("flooded:cam-014", False)]


@pytest.mark.parametrize("first", [True, False], ids=["how things stand", "control: what happens"])
def test_a_large_recorders_first_words_are_no_flood(first: bool) -> None:
    outlet = Outlet("cam-201")
    outlet.take(T0, 100.0)
    outlet.say("")
    for channel in range(1, 65):
        for kind in list(EventKind)[:5]:
            outlet.add(CameraEvent(kind, False, T0, f"v{channel}", kind.value, first, channel))
    said = outlet.take(T0, 100.0 + FLOOD_S)
    assert floods(said) == ([0] if first else [64])
    assert [one for one in said if isinstance(one, Stood)]


def test_repeating_how_things_stand_for_ever_is_a_flood() -> None:
    outlet = Outlet("cam-014")
    outlet.take(T0, 0.0)
    outlet.say("")
    for _ in range(2 * MOST_SLOTS):
        outlet.add(event(True, first=True))
    assert floods(outlet.take(T0 + NS_PER_S, FLOOD_S)) == [int(MOST_SLOTS / FLOOD_S)]
