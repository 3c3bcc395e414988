"""Limits of sensors that are set at a screen: from which day, which of them counts, and what becomes of alarms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.settings_desk import DAY, HOUR, NOW, TODAY, TOMORROW, Desk, SlowCity, at_desk
from helpers.tiny_city import DUST, RIVER, TinyCity

from backends.domain.alarm import AlarmState, Priority
from backends.domain.limits import ZONE_S, day_number, limits_at
from backends.domain.sensor import Limit, Sample, Sensor
from backends.domain.setting_limits import limits_of
from backends.domain.settings import LIMITS, SETTING, SensorLimits
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import Measured, SensorMoved
from backends.hub.core import Core
from backends.protocol.codec import decode_body

RAIN = Sensor("rain-9", LocalText("Lượng mưa", "Rain"), "mm")
"""What it says, only the test says."""
change = msgspec.structs.replace


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield from at_desk(tmp_path)


RIVER_ID = LIMITS + RIVER.id


def river(*values: float, more: Limit | None = None, **fields: Any) -> SensorLimits:
    """The river's limits, gravest first, with these figures, and one more."""
    now = limits_of(RIVER, TODAY)
    limits = tuple(change(one, value=value) for one, value in zip(now.limits, values, strict=True))
    return change(now, limits=(*limits, *([more] if more is not None else [])), **fields)


def holding(sensor: Sensor, day: str = TODAY) -> list[tuple[str, float, str]]:
    return [(one.label.vi, one.value, one.by) for one in limits_at(sensor.limits, day)]


def test_a_limit_is_changed_from_a_day_on_and_the_past_keeps_its_own(desk: Desk) -> None:
    assert desk.set(river(4.5, 3.0, 2.2), day=TOMORROW) == ("applied", "", "")
    assert desk.published[:2] == [f"config put {SETTING}{RIVER_ID}", f"sensors put {RIVER.id}"]
    sensor: Sensor = desk.core.records("sensors")[RIVER.id]
    assert holding(sensor) == [("BĐ3", 4.0, ""), ("BĐ2", 3.0, ""), ("BĐ1", 2.0, "")]
    assert holding(sensor, TOMORROW) == [("BĐ3", 4.5, "Tuấn"), ("BĐ2", 3.0, "Tuấn"), ("BĐ1", 2.2, "Tuấn")]
    assert sensor == next(decode_body("sensors", e.body) for e in desk.log.items("sensors") if e.id == RIVER.id)
    told = decode_body("timeline", desk.log.items("timeline")[-1].body)
    assert "BĐ3: ngưỡng 4 » 4,50 · BĐ1: ngưỡng 2 » 2,20 · " in told.text.vi


def test_alarms_are_raised_by_the_limits_of_now(desk: Desk) -> None:
    def rains(value: float, now_ns: int) -> bool:
        alarm = desk.told(DUST.id, value, now_ns)
        return alarm is not None and alarm.active

    assert rains(60.0, NOW + 10)
    assert not rains(40.0, NOW + 20)
    limits = limits_of(DUST, TODAY)
    assert desk.set(change(limits, limits=(change(limits.limits[0], value=30.0),)), now_ns=NOW + 30)[0] == "applied"
    assert rains(40.0, NOW + 40)


@pytest.fixture
def rain(desk: Desk) -> Desk:
    desk.core.put("sensors", RAIN, NOW)
    return desk


def test_a_sensor_gets_its_first_limit_with_delays_of_its_own_and_it_ends_on_a_day(rain: Desk) -> None:
    """The hub raises by it from then on, and no longer from the day on which it ends."""
    assert rain.told(RAIN.id, 80.0, NOW + NS_PER_S) is None
    heavy = Limit(LocalText("Mưa to"), 50.0, Priority.HIGH, deadband=5.0, on_delay_s=10.0, off_delay_s=20.0)
    limits = change(limits_of(RAIN, TODAY), limits=(heavy,))
    assert rain.set(limits, now_ns=NOW + 2 * NS_PER_S) == ("applied", "", "")
    seen = [rain.told(RAIN.id, value, NOW + s * NS_PER_S) for s, value in ((3, 80.0), (12, 80.0), (14, 80.0))]
    assert [one is not None for one in seen] == [False, False, True], "ten seconds after it began"
    assert seen[-1] is not None
    assert seen[-1].priority is Priority.HIGH
    back = ((20, 46.0), (21, 44.0), (30, 44.0), (42, 44.0))
    seen = [rain.told(RAIN.id, value, NOW + s * NS_PER_S) for s, value in back]
    assert [one is not None and one.active for one in seen] == [True, True, True, False], "20 s after its deadband"

    ended = change(limits, limits=(change(heavy, ended=True),))
    assert rain.set(ended, day=TOMORROW, now_ns=NOW + HOUR) == ("applied", "", "")
    sensor: Sensor = rain.core.records("sensors")[RAIN.id]
    assert holding(sensor) == [("Mưa to", 50.0, "Tuấn")]
    assert holding(sensor, TOMORROW) == []
    told = decode_body("timeline", rain.log.items("timeline")[-1].body)
    assert "ngừng áp dụng ngưỡng Mưa to > 50" in told.text.vi
    seen = [rain.told(RAIN.id, 80.0, NOW + DAY + s * NS_PER_S) for s in (1, 20)]
    assert all(one is None or not one.active for one in seen)


def test_a_limit_of_the_source_ends_and_holds_again(desk: Desk) -> None:
    first = river(4.0, 3.0, 2.0)
    without = change(first, limits=tuple(change(one, ended=one.label.vi == "BĐ2") for one in first.limits))
    assert desk.set(without)[0] == "applied"
    assert holding(desk.core.records("sensors")[RIVER.id]) == [("BĐ3", 4.0, "Tuấn"), ("BĐ1", 2.0, "Tuấn")]
    graver = change(first.limits[2], priority=Priority.HIGH, value=2.5)
    assert desk.set(change(first, limits=(*without.limits[:2], graver)))[0] == "applied", "in the ended one's place"
    assert desk.set(change(first, limits=(without.limits[0], graver)))[1] == "levels_differ", (
        "it is ended, not left out"
    )
    assert desk.set(first, day=TOMORROW, now_ns=NOW + 1)[0] == "applied"
    assert [one[1] for one in holding(desk.core.records("sensors")[RIVER.id], TOMORROW)] == [4.0, 3.0, 2.0]


def test_of_the_limits_that_are_broken_the_one_that_waits_least_raises(rain: Desk) -> None:
    """A graver one never keeps waiting what the milder one would have raised."""
    low = Limit(LocalText("Mưa"), 10.0, Priority.LOW, on_delay_s=5.0)
    high = Limit(LocalText("Mưa to"), 50.0, Priority.HIGH, on_delay_s=60.0)
    assert rain.set(change(limits_of(RAIN, TODAY), limits=(high, low)))[0] == "applied"
    seen = [rain.told(RAIN.id, value, NOW + s * NS_PER_S) for s, value in ((1, 20.0), (3, 80.0), (7, 80.0))]
    assert [one.priority if one is not None else None for one in seen] == [None, None, Priority.HIGH]


def test_a_source_that_tells_its_sensor_anew_does_not_undo_what_was_set(desk: Desk) -> None:
    desk.set(river(4.5, 3.0, 2.2))
    desk.core._take_in(SensorMoved(NOW, change(RIVER, forecast_at_ns=NOW)))
    assert holding(desk.core.records("sensors")[RIVER.id])[0] == ("BĐ3", 4.5, "Tuấn")
    again = Core(desk.log, TinyCity(NOW, past_s=60))
    again.start(NOW)
    assert holding(again.records("sensors")[RIVER.id])[0] == ("BĐ3", 4.5, "Tuấn")
    assert desk.set(None, RIVER_ID, now_ns=NOW + 1)[0] == "applied"
    assert holding(desk.core.records("sensors")[RIVER.id])[0] == ("BĐ3", 4.0, "")


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (river(4.0, 3.0, 3.5), "levels_cross"),
        (river(4.0, 4.0, 2.0), "levels_cross"),
        (river(2e9, 3.0, 2.0), "bad_value"),
        (river(400.0, 300.0, 200.0, unit="cm"), "unit_differs"),
        (change(river(4.0, 3.0, 2.0), limits=()), "levels_differ"),
        (river(4.0, 3.0, 2.0, more=Limit(LocalText("BĐ4"), 3.5, Priority.URGENT, above=False)), "levels_cross"),
        (
            river(4.0, 3.0, 2.0, more=Limit(LocalText("Cạn"), 1.9, Priority.LOW, above=False, deadband=0.2)),
            "deadband_wide",
        ),
        (river(4.0, 3.0, 2.0, more=Limit(LocalText("BĐ1"), 2.5, Priority.MEDIUM)), "label_twice"),
        (river(4.0, 3.0, 2.0, more=Limit(LocalText(" "), 1.0, Priority.LOW)), "bad_label"),
        (river(4.0, 3.0, 2.0, more=Limit(LocalText("Dâng"), 1.0, Priority.LOW, deadband=-1.0)), "bad_deadband"),
        (river(4.0, 3.0, 2.0, more=Limit(LocalText("Dâng"), 1.0, Priority.LOW, on_delay_s=-1.0)), "bad_delay"),
        (river(4.0, 3.0, 2.0, more=Limit(LocalText("Dâng"), 1.0, Priority.LOW, off_delay_s=90_000.0)), "bad_delay"),
        (river(4.1, 3.0, 2.0, name=LocalText("Sông khác")), "bad_record"),
        (change(limits_of(RIVER, TODAY), id=f"{LIMITS}nobody"), "unknown_sensor"),
        (change(limits_of(change(RIVER, id="rain-1"), TODAY)), "levels_differ"),
    ],
)
def test_limits_that_cannot_be(desk: Desk, record: SensorLimits, code: str) -> None:
    before = desk.core.records("sensors")[RIVER.id]
    assert desk.set(record)[1] in (code, "bad_record")
    assert desk.core.records("sensors")[RIVER.id] == before


# --- what stands when a limit changes ------------------------------------------------------------------


@pytest.fixture
def silent(rain: Desk) -> Desk:
    """It rains 60 mm over a limit of 50, and the gauge says nothing any more."""
    assert rain.set(heavy()) == ("applied", "", "")
    alarm = rain.told(RAIN.id, 60.0, NOW + 10 * NS_PER_S)
    assert alarm is not None
    assert alarm.active
    return rain


def heavy(value: float = 50.0, **fields: Any) -> SensorLimits:
    limit = Limit(LocalText("Mưa to", "Heavy"), value, Priority.HIGH, deadband=5.0, off_delay_s=600.0, **fields)
    return change(limits_of(RAIN, TODAY), limits=(limit,))


def returned(desk: Desk) -> str:
    """What the timeline says last of an alarm that is over."""
    told = [decode_body("timeline", e.body) for e in desk.log.items("timeline")]
    return next(one.text.vi for one in reversed(told) if one.what == "alarm_returned")


def test_the_alarm_of_a_silent_sensor_ends_with_its_last_limit_and_says_why(silent: Desk) -> None:
    """Its off-delay is ten minutes, and nothing is measured: neither keeps up what no limit holds up."""
    assert silent.set(heavy(ended=True), now_ns=NOW + 20 * NS_PER_S) == ("applied", "", "")
    alarm = silent.alarm(RAIN.id, NOW + 21 * NS_PER_S)
    assert alarm is not None
    assert (alarm.state, alarm.detail.vi) == (AlarmState.RETURNED, "ngưỡng Mưa to 50,0 mm không còn áp dụng")
    assert alarm.detail.en == "limit Heavy 50.0 mm no longer applies"
    assert returned(silent) == f"{alarm.name.vi} · {alarm.detail.vi}"


def test_a_limit_that_ends_with_a_day_ends_its_alarm_at_midnight(silent: Desk) -> None:
    assert silent.set(heavy(ended=True), day=TOMORROW, now_ns=NOW + 20 * NS_PER_S)[0] == "applied"
    midnight_ns = (day_number(NOW) + 1) * DAY - ZONE_S * NS_PER_S
    before = silent.alarm(RAIN.id, midnight_ns - NS_PER_S)
    assert before is not None
    assert before.active
    after = silent.alarm(RAIN.id, midnight_ns + NS_PER_S)
    assert after is not None
    assert (after.state, after.t_returned_ns) == (AlarmState.RETURNED, midnight_ns + NS_PER_S)


@pytest.mark.parametrize(
    ("value", "active", "detail"),
    [(55.0, True, "60,0 mm"), (62.0, True, "60,0 mm"), (70.0, False, "ngưỡng Mưa to 50,0 mm nay là 70,0 mm")],
)
def test_what_stands_is_judged_again_when_its_limit_changes(
    silent: Desk, value: float, active: bool, detail: str
) -> None:
    """62 mm with a deadband of 5: sixty are not back yet."""
    assert silent.set(heavy(value), now_ns=NOW + 20 * NS_PER_S)[0] == "applied"
    alarm = silent.alarm(RAIN.id, NOW + 40 * NS_PER_S)
    assert alarm is not None
    assert alarm.active is active
    assert alarm.detail.vi.startswith(detail)


def test_a_graver_limit_asks_anew_of_what_stands(silent: Desk) -> None:
    limits = heavy()
    grave = change(limits, limits=(*limits.limits, Limit(LocalText("Rất to"), 58.0, Priority.URGENT)))
    assert silent.set(grave, now_ns=NOW + 20 * NS_PER_S)[0] == "applied"
    alarm = silent.alarm(RAIN.id, NOW + 21 * NS_PER_S)
    assert alarm is not None
    assert (alarm.priority, alarm.state) == (Priority.URGENT, AlarmState.UNACKNOWLEDGED)


def test_what_waits_in_its_on_delay_is_not_raised_by_a_limit_that_has_ended(rain: Desk) -> None:
    slow = change(heavy().limits[0], on_delay_s=60.0)
    assert rain.set(change(heavy(), limits=(slow,)))[0] == "applied"
    assert rain.told(RAIN.id, 60.0, NOW + 10 * NS_PER_S) is None
    assert rain.set(change(heavy(), limits=(change(slow, ended=True),)), now_ns=NOW + 20 * NS_PER_S)[0] == "applied"
    assert rain.alarm(RAIN.id, NOW + 100 * NS_PER_S) is None


@pytest.mark.parametrize("wide", [False, True])
def test_a_limit_that_ended_while_no_hub_ran_ends_its_alarm_at_the_start(silent: Desk, wide: bool) -> None:
    """The value is hours old; it is known all the same, and judged by the limit of the new day."""
    after = heavy(70.0) if wide else heavy(ended=True)
    assert silent.set(after, day=TOMORROW, now_ns=NOW + 20 * NS_PER_S)[0] == "applied"
    silent.alarm(RAIN.id, NOW + 30 * NS_PER_S)
    again = Core(silent.log, SlowCity(NOW, past_s=60))
    again.start(NOW)
    again.round(NOW + DAY, 0.0)
    assert not again.alarms(f"limit:{RAIN.id}")[f"limit:{RAIN.id}"].active


@pytest.mark.parametrize("silent_s", [10, 3 * 3600])
def test_a_value_that_came_late_before_a_restart_does_not_end_an_alarm(silent: Desk, silent_s: int) -> None:
    """A gauge that sends afterwards what it had kept: the last that came is not the newest that was measured."""
    now_ns = NOW + silent_s * NS_PER_S
    silent.core._take_in(Measured(now_ns, (Sample(RAIN.id, NOW + 5 * NS_PER_S, 10.0),)))
    before = silent.alarm(RAIN.id, now_ns)
    assert before is not None
    assert before.active
    again = Core(silent.log, SlowCity(NOW, past_s=60))
    again.start(now_ns)
    again.round(now_ns + 10 * NS_PER_S, 0.0)
    assert again.alarms(f"limit:{RAIN.id}")[f"limit:{RAIN.id}"].active


def test_an_alarm_that_ends_by_another_deadband_does_not_speak_of_another_figure(rain: Desk) -> None:
    assert rain.set(heavy())[0] == "applied"
    assert rain.told(RAIN.id, 60.0, NOW + 10 * NS_PER_S) is not None
    assert rain.told(RAIN.id, 47.0, NOW + 11 * NS_PER_S) is not None
    narrow = change(heavy(), limits=(change(heavy().limits[0], deadband=1.0),))
    assert rain.set(narrow, now_ns=NOW + 20 * NS_PER_S)[0] == "applied"
    alarm = rain.alarm(RAIN.id, NOW + 21 * NS_PER_S)
    assert alarm is not None
    assert not alarm.active
    assert alarm.detail.vi == "ngưỡng đã đổi, giá trị không còn vượt"
