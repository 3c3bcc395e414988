"""The alarm engine: limits with deadband, rise, return, conflated figures, crew, canary, restart."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.tiny_city import RIVER

from backends.domain.action import Verb
from backends.domain.alarm import Alarm, AlarmState, Priority, TransitionRefused
from backends.domain.people import Operator, Role
from backends.domain.sensor import Limit, Sample
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import Condition, CrewAct
from backends.hub.alarm_acts import acted
from backends.hub.engine import AlarmEngine
from backends.hub.ports import Change

HA = Operator("op-ha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR)
T0 = 1_790_000_000 * NS_PER_S
ID = f"limit:{RIVER.id}@{T0 // 1_000_000}"


@pytest.fixture
def engine() -> AlarmEngine:
    made = AlarmEngine()
    made.watch(RIVER)
    return made


def level(engine: AlarmEngine, seconds: float, value: float | None, quality: str = "good") -> list[Change]:
    return engine.sample(Sample(RIVER.id, T0 + int(seconds * NS_PER_S), value, quality))


def alarms(changes: list[Change]) -> list[Change]:
    return [c for c in changes if c.feed == "alarms"]


def events(changes: list[Change]) -> list[str]:
    return [c.record.what for c in changes if c.feed == "timeline"]


def the(changes: list[Change]) -> Alarm:
    (change,) = alarms(changes)
    assert isinstance(change.record, Alarm)
    return change.record


def acknowledged(engine: AlarmEngine, seconds: float, verb: Verb = Verb.ACKNOWLEDGE) -> list[Change]:
    t_ns = T0 + int(seconds * NS_PER_S)
    return engine.crew(CrewAct(t_ns, f"limit:{RIVER.id}", verb, HA.id), lambda _: HA)


def test_the_gravest_broken_limit_names_the_alarm(engine: AlarmEngine) -> None:
    changes = level(engine, 0, 4.12)
    alarm = the(changes)
    assert (alarm.id, alarm.priority, alarm.state) == (ID, Priority.URGENT, AlarmState.UNACKNOWLEDGED)
    assert alarm.name == LocalText("Sông Hiếu trên BĐ3 0,12 m", "Hiếu river 0.12 m above BĐ3")
    assert alarm.detail == LocalText("4,12 m", "4.12 m")
    assert (alarm.sensor_id, alarm.source, alarm.place) == (RIVER.id, "limit", RIVER.station)
    assert events(changes) == ["alarm_raised"]


def test_exactly_at_the_limit_is_not_above_it(engine: AlarmEngine) -> None:
    assert level(engine, 0, 2.0) == []
    assert the(level(engine, 1, 2.001)).priority is Priority.MEDIUM


def test_the_trend_is_an_hours_slope(engine: AlarmEngine) -> None:
    for minute in range(40):
        level(engine, 60 * minute, 1.0 + 0.21 * minute / 60)
    alarm = the(level(engine, 60 * 40, 4.12))
    assert alarm.detail.vi.startswith("4,12 m, đang lên ")
    assert alarm.detail.vi.endswith(" m/giờ")


def test_a_rise_asks_again_and_keeps_the_holder(engine: AlarmEngine) -> None:
    raised = the(level(engine, 0, 2.5))
    claimed = the(acknowledged(engine, 1, Verb.CLAIM))
    assert (claimed.state, claimed.holder) == (AlarmState.ACKNOWLEDGED, "Thu Hà")
    risen = the(level(engine, 2, 3.5))
    assert (risen.priority, risen.state, risen.holder) == (Priority.HIGH, AlarmState.UNACKNOWLEDGED, "Thu Hà")
    assert risen.state_rev == raised.state_rev + 2
    assert risen.acked_by == ""


def test_the_deadband_holds_and_then_lets_go(engine: AlarmEngine) -> None:
    level(engine, 0, 2.1)
    held = the(level(engine, 20, 1.97))
    assert held.state is AlarmState.UNACKNOWLEDGED
    assert held.name == LocalText("Sông Hiếu ở mức BĐ1", "Hiếu river at BĐ1")
    returned = the(level(engine, 30, 1.94))
    assert (returned.state, returned.t_returned_ns) == (AlarmState.RETURNED, T0 + 30 * NS_PER_S)
    assert level(engine, 40, 1.97) == []
    again = the(level(engine, 50, 2.01))
    assert (again.state, again.count, again.id) == (AlarmState.UNACKNOWLEDGED, 2, ID)


def test_the_deadband_of_a_limit_that_never_held_does_not_count(engine: AlarmEngine) -> None:
    level(engine, 0, 2.5)
    assert engine.alarm(ID) is not None
    assert level(engine, 1, 2.97) == []  # within BĐ2's deadband, but BĐ2 was never broken
    standing = engine.alarm(ID)
    assert standing is not None
    assert standing.priority is Priority.MEDIUM
    assert "BĐ1" in standing.name.vi


def test_an_acknowledged_alarm_that_returns_leaves_the_list(engine: AlarmEngine) -> None:
    level(engine, 0, 2.5)
    acknowledged(engine, 1)
    changes = level(engine, 2, 1.0)
    (gone,) = alarms(changes)
    assert (gone.type, gone.id, gone.record) == ("del", ID, None)
    assert events(changes) == ["alarm_returned"]
    assert engine.alarm(ID) is None
    assert the(level(engine, 3, 2.5)).id != ID


def test_a_returned_alarm_waits_for_its_acknowledgement(engine: AlarmEngine) -> None:
    level(engine, 0, 2.5)
    level(engine, 1, 1.0)
    (gone,) = alarms(acknowledged(engine, 2))
    assert gone.type == "del"


def test_milder_only_after_somebody_saw_the_worst(engine: AlarmEngine) -> None:
    level(engine, 0, 4.5)
    assert the(level(engine, 20, 2.5)).priority is Priority.URGENT
    acknowledged(engine, 21)
    milder = the(level(engine, 40, 2.4))
    assert (milder.priority, milder.state) == (Priority.MEDIUM, AlarmState.ACKNOWLEDGED)


@pytest.mark.parametrize("quality", ["fault", "calibrating", "stale", "disconnected"])
def test_doubtful_values_neither_raise_nor_return(engine: AlarmEngine, quality: str) -> None:
    assert level(engine, 0, 9.0, quality) == []
    level(engine, 1, 2.5)
    assert level(engine, 20, 0.0, quality) == []
    assert level(engine, 21, None) == []
    assert engine.alarm(f"limit:{RIVER.id}@{(T0 + NS_PER_S) // 1_000_000}") is not None


def test_older_samples_move_nothing(engine: AlarmEngine) -> None:
    level(engine, 10, 2.5)
    assert level(engine, 5, 1.0) == []
    assert level(engine, 10, 1.0) == []


def test_figures_move_every_ten_seconds_and_the_last_is_not_lost(engine: AlarmEngine) -> None:
    first = the(level(engine, 0, 2.5))
    published = [c for n in range(1, 10) for c in level(engine, n, 2.5 + n / 100)]
    assert published == []
    assert engine.tick(T0 + 9 * NS_PER_S) == []
    last = the(engine.tick(T0 + 10 * NS_PER_S))
    assert last.name.vi == "Sông Hiếu trên BĐ1 0,59 m"
    assert last.state_rev == first.state_rev
    assert last.rev > first.rev
    assert engine.tick(T0 + 60 * NS_PER_S) == []


def test_a_click_does_not_lose_figures_that_wait(engine: AlarmEngine) -> None:
    level(engine, 0, 2.5)
    level(engine, 1, 2.6)
    assert the(acknowledged(engine, 2)).name.vi == "Sông Hiếu trên BĐ1 0,60 m"


def test_limits_hold_from_their_date_and_the_newest_of_a_label_wins(engine: AlarmEngine) -> None:
    dated = [
        Limit(LocalText("Ngưỡng"), 1.0, Priority.LOW, valid_from="2020-01-01"),
        Limit(LocalText("Ngưỡng"), 5.0, Priority.LOW, valid_from="2023-01-01"),
        Limit(LocalText("Sau này"), 0.1, Priority.LOW, valid_from="2999-01-01"),
    ]
    engine.watch(type(RIVER)("s", LocalText("Đo"), "mm", limits=tuple(dated)))
    assert engine.sample(Sample("s", T0, 3.0)) == []
    assert alarms(engine.sample(Sample("s", T0 + 1, 5.5)))


def test_below_limits(engine: AlarmEngine) -> None:
    low = Limit(LocalText("Ắc quy yếu", "Battery low"), 40.0, Priority.MEDIUM, above=False, deadband=5.0)
    engine.watch(type(RIVER)("ups", LocalText("Ắc quy", "Battery"), "%", decimals=0, limits=(low,)))
    alarm = the(engine.sample(Sample("ups", T0, 38.0)))
    assert alarm.name == LocalText("Ắc quy thấp", "Battery low")
    assert alarms(engine.sample(Sample("ups", T0 + NS_PER_S, 44.0))) == []
    assert the(engine.sample(Sample("ups", T0 + 2 * NS_PER_S, 45.5))).state is AlarmState.RETURNED


def condition(t_s: float, **fields: Any) -> Condition:
    return Condition("fire", T0 + int(t_s * NS_PER_S), fields.pop("active", True), **fields)


def test_the_same_key_twice_is_one_alarm(engine: AlarmEngine) -> None:
    assert len(alarms(engine.condition(condition(0, name=LocalText("Cháy"))))) == 1
    assert engine.condition(condition(1, name=LocalText("Cháy"))) == []
    assert the(engine.condition(condition(30, name=LocalText("Cháy to")))).rev == 2


def test_returning_what_was_never_raised_is_nothing(engine: AlarmEngine) -> None:
    assert engine.condition(condition(0, active=False)) == []


def test_late_colleagues_are_no_error(engine: AlarmEngine) -> None:
    level(engine, 0, 2.5)
    assert acknowledged(engine, 1, Verb.CLAIM)
    assert acknowledged(engine, 2, Verb.CLAIM) == []
    assert engine.crew(CrewAct(T0, "nobody", Verb.CLAIM, HA.id), lambda _: HA) == []
    standing = engine.alarm(ID)
    assert standing is not None
    with pytest.raises(TransitionRefused, match="Thu Hà"):
        acted(standing, Verb.CLAIM, HA, T0)


def test_the_canary_runs_its_course_and_leaves_nothing(engine: AlarmEngine) -> None:
    for n in range(1, 4):
        changes, canary = engine.canary(T0 + n * NS_PER_S)
        assert canary.seq == n
        assert [c.type for c in alarms(changes)] == ["put", "put", "del"]
    assert engine.tick(T0 + 100 * NS_PER_S) == []


def test_a_restored_engine_goes_on(engine: AlarmEngine) -> None:
    standing = the(level(engine, 0, 3.5))
    restored = AlarmEngine([standing])
    restored.watch(RIVER)
    assert restored.sample(Sample(RIVER.id, T0 + NS_PER_S, 3.5)) == []
    held = restored.sample(Sample(RIVER.id, T0 + 20 * NS_PER_S, 2.97))
    assert the(held).name.vi == "Sông Hiếu ở mức BĐ2"
    assert the(restored.sample(Sample(RIVER.id, T0 + 30 * NS_PER_S, 1.0))).state is AlarmState.RETURNED


def test_a_value_from_the_future_does_not_make_the_engine_deaf() -> None:
    """The hub's clock, or a gauge's, was an hour ahead and was set right."""
    engine = AlarmEngine()
    engine.watch(RIVER)
    hour = 3600 * NS_PER_S
    engine.sample(Sample(RIVER.id, T0 + hour, 1.0), T0 + hour)
    assert alarms(engine.sample(Sample(RIVER.id, T0 + NS_PER_S, 2.5), T0 + NS_PER_S))
    assert engine.sample(Sample(RIVER.id, T0, 9.0), T0 + 2 * NS_PER_S) == [], "an older one still moves nothing"


# --- set aside ---------------------------------------------------------------------------------------


def shelved(engine: AlarmEngine, seconds: float, until_s: float) -> list[Change]:
    """As the hub does it when the action is applied."""
    standing = engine.alarm(ID)
    assert standing is not None
    args = {"until_ns": str(T0 + int(until_s * NS_PER_S)), "reason": "đang sửa"}
    t_ns = T0 + int(seconds * NS_PER_S)
    return engine.adopt(acted(standing, Verb.SHELVE, HA, t_ns, args), t_ns)


def tick(engine: AlarmEngine, seconds: float) -> list[Change]:
    return engine.tick(T0 + int(seconds * NS_PER_S))


def test_a_shelved_alarm_comes_back_once_when_its_time_is_up(engine: AlarmEngine) -> None:
    level(engine, 0, 2.5)
    shelved(engine, 1, 100)
    assert tick(engine, 99) == []
    changes = tick(engine, 100)
    assert (the(changes).state, events(changes)) == (AlarmState.UNACKNOWLEDGED, ["alarm_unshelved"])
    assert tick(engine, 101) == []


def test_a_shelved_limit_alarm_leaves_when_its_cause_has_gone(engine: AlarmEngine) -> None:
    level(engine, 0, 2.5)
    shelved(engine, 1, 100)
    assert [c.type for c in alarms(level(engine, 2, 1.0))] == ["del"]
    assert tick(engine, 100) == []
    assert engine.alarm(ID) is None


def test_figures_of_a_shelved_alarm_move_and_do_not_bring_it_back(engine: AlarmEngine) -> None:
    level(engine, 0, 2.5)
    shelved(engine, 1, 100)
    (moved,) = alarms(level(engine, 20, 2.6))
    assert (moved.record.state, moved.record.state_rev) == (AlarmState.SHELVED, 2)
    assert the(tick(engine, 100)).detail.vi.startswith("2,60 m"), "and it comes back with the newest"


def test_a_graver_limit_ends_shelving(engine: AlarmEngine) -> None:
    level(engine, 0, 2.5)
    shelved(engine, 1, 100)
    risen = the(level(engine, 2, 4.2))
    assert (risen.state, risen.priority) == (AlarmState.UNACKNOWLEDGED, Priority.URGENT)
    assert (risen.shelved_until_ns, risen.shelved_by, risen.shelve_reason) == (0, "", "")
    assert events(tick(engine, 100)) == ["alarm_escalated"], "nobody sees to it; its shelf is over"


def test_what_came_back_on_the_shelf_is_not_taken_off_as_over(engine: AlarmEngine) -> None:
    """Returned, set aside, then wrong again: it comes off the shelf as something that is wrong now."""
    level(engine, 0, 2.5)
    level(engine, 1, 1.0)
    shelved(engine, 2, 100)
    level(engine, 3, 2.5)
    back = the(tick(engine, 100))
    assert (back.state, back.t_returned_ns, back.count) == (AlarmState.UNACKNOWLEDGED, 0, 2)
