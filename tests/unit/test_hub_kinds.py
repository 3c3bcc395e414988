"""Limits of a whole kind of sensor: a sensor's own counts before them, they count before the standard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.settings_desk import DAY, LEAD, NOW, TODAY, TOMORROW, Desk, SlowCity, at_desk
from helpers.tiny_city import RIVER, TinyCity

from backends.domain.alarm import AlarmState, Priority
from backends.domain.feeds import Mode
from backends.domain.limits import day_of, limits_at
from backends.domain.sensor import Limit, Sensor
from backends.domain.setting_limits import below, has_own, kind_limits, kind_of, kinds, limits_of, set_apart
from backends.domain.settings import KINDS, LIMITS, KindLimits, SensorLimits
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import SensorMoved
from backends.hub.config_desk import carry, settings_in
from backends.hub.core import Core
from backends.hub.log import SqliteLog
from backends.protocol.codec import decode_body

change = msgspec.structs.replace
BIG = Limit(LocalText("Mưa rất to"), 50.0, Priority.MEDIUM, standard="QĐ 18/2021/QĐ-TTg", valid_from="2021-07-01")
KIND = f"{KINDS}rain_1h/mm"


def gauge(n: int, *limits: Limit, name: str = "Mưa 1 giờ", **fields: Any) -> Sensor:
    made = Sensor(f"gauge-{n}", LocalText(name, "Rain 1 h"), "mm", f"st-{n}", LocalText(f"Trạm {n}"), "rain_1h")
    return change(made, low=0.0, high=80.0, limits=limits, **fields)


GAUGES = (gauge(1, BIG), gauge(2, BIG), gauge(3, BIG), gauge(4, BIG, unit="cm"))
"""The last one measures in another unit: it is of another kind."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    for made in at_desk(tmp_path):
        for one in GAUGES:
            made.core.put("sensors", one, NOW)
        made.core.round(NOW, 0.0)
        yield made


def of_kind(*limits: Limit) -> KindLimits:
    return change(kind_limits(GAUGES[:3], TODAY), limits=limits)


def own(desk: Desk, n: int, *limits: Limit) -> SensorLimits:
    return change(limits_of(sensor(desk, n), TODAY), limits=limits)


def level(value: float, label: str = "Mưa rất to", priority: Priority = Priority.MEDIUM, **fields: Any) -> Limit:
    return Limit(LocalText(label), value, priority, **fields)


def sensor(desk: Desk, n: int) -> Sensor:
    """As the log has it."""
    found: Sensor = desk.core.records("sensors")[f"gauge-{n}"]
    assert found == next(decode_body("sensors", e.body) for e in desk.log.items("sensors") if e.id == found.id)
    return found


def holding(desk: Desk, n: int, day: str = TODAY) -> list[tuple[str, float, str, bool]]:
    return [(one.label.vi, one.value, one.by, one.of_kind) for one in limits_at(sensor(desk, n).limits, day)]


STANDARD = [("Mưa rất to", 50.0, "", False)]


def test_a_kind_is_what_measures_the_same_in_the_same_unit() -> None:
    assert {kind: len(of) for kind, of in kinds((*GAUGES, RIVER)).items()} == {
        KIND: 3, f"{KINDS}rain_1h/cm": 1, f"{KINDS}water_level/m": 1,
    }  # fmt: skip
    assert kind_of(change(RIVER, parameter="")) == ""
    assert kind_limits(GAUGES[:3], TODAY).limits == limits_of(GAUGES[0], TODAY).limits
    several = (*GAUGES[:2], gauge(5, name="Lượng mưa"), gauge(6, name="a"), gauge(7, name="b"))
    assert kind_limits(several, TODAY).limits == (), "what only some have is not the kind's"
    assert kind_limits(several, TODAY).name.vi == "Mưa 1 giờ, Lượng mưa, a, …"


def test_all_of_a_kind_are_changed_with_one_click_and_it_is_on_record(desk: Desk) -> None:
    assert desk.set(of_kind(level(40.0))) == ("applied", "", "")
    assert desk.published[:4] == [
        f"config put setting/{KIND}", "sensors put gauge-1", "sensors put gauge-2", "sensors put gauge-3",
    ]  # fmt: skip
    assert [holding(desk, n) for n in (1, 2, 3)] == [[("Mưa rất to", 40.0, "Tuấn", True)]] * 3
    assert holding(desk, 4) == STANDARD
    told = decode_body("timeline", desk.log.items("timeline")[-1].body)
    assert told.text.vi == (f"mọi cảm biến Mưa 1 giờ · Mưa rất to: ngưỡng 50 » 40 · áp dụng từ {TODAY} · họp giao ban")
    assert desk.set(of_kind(level(30.0)), seen=0)[:2] == ("conflict", "changed")
    assert desk.set(of_kind(level(30.0)), who=LEAD)[:2] == ("refused", "not_allowed")


def test_a_sensors_own_counts_before_its_kinds_and_that_before_the_standard(desk: Desk) -> None:
    """Whichever was set last."""
    assert desk.set(own(desk, 1, level(45.0)), now_ns=NOW)[0] == "applied"
    assert desk.set(of_kind(level(40.0)), now_ns=NOW + 1)[0] == "applied"
    assert desk.set(own(desk, 2, level(35.0)), now_ns=NOW + 2)[0] == "applied"
    assert [holding(desk, n)[0] for n in (1, 2, 3)] == [
        ("Mưa rất to", 45.0, "Tuấn", False), ("Mưa rất to", 35.0, "Tuấn", False), ("Mưa rất to", 40.0, "Tuấn", True),
    ]  # fmt: skip
    assert [has_own(sensor(desk, n), TODAY) for n in (1, 2, 3)] == [True, True, False]
    assert desk.set(None, f"{LIMITS}gauge-1", now_ns=NOW + 3)[0] == "applied"
    assert holding(desk, 1) == [("Mưa rất to", 40.0, "Tuấn", True)], "back to its kind's"
    assert desk.set(None, KIND, now_ns=NOW + 4)[0] == "applied"
    assert [holding(desk, n) for n in (1, 3)] == [STANDARD] * 2, "and to the standard"
    assert holding(desk, 2)[0][1] == 35.0


def test_a_standard_that_begins_later_does_not_take_over_what_was_set_here(desk: Desk) -> None:
    desk.set(of_kind(level(40.0)))
    newer = change(BIG, value=60.0, valid_from=TOMORROW)
    desk.core._take_in(SensorMoved(NOW, change(sensor(desk, 1), limits=(BIG, newer))))
    desk.core.round(NOW + 1, 0.0)
    assert holding(desk, 1, TOMORROW) == [("Mưa rất to", 40.0, "Tuấn", True)]
    assert desk.set(None, KIND, day=TOMORROW, now_ns=NOW + 2)[0] == "applied"
    assert holding(desk, 1, TOMORROW)[0][1] == 60.0


def test_it_holds_from_its_day_on_and_a_past_time_is_judged_by_what_applied_then(desk: Desk) -> None:
    assert desk.set(of_kind(level(40.0)), day=TOMORROW)[0] == "applied"
    assert holding(desk, 1) == STANDARD
    assert holding(desk, 1, TOMORROW) == [("Mưa rất to", 40.0, "Tuấn", True)]
    assert desk.set(of_kind(level(40.0, ended=True)), day=day_of(NOW + 2 * DAY), now_ns=NOW + 1)[0] == "applied"
    assert holding(desk, 1, TOMORROW)[0][1] == 40.0
    assert holding(desk, 1, day_of(NOW + 2 * DAY)) == [], "the standard's has ended, too"


def test_what_stands_is_judged_again(desk: Desk) -> None:
    alarm = desk.told("gauge-1", 45.0, NOW + NS_PER_S)
    assert alarm is None
    assert desk.set(of_kind(level(40.0)), now_ns=NOW + 2 * NS_PER_S)[0] == "applied"
    alarm = desk.told("gauge-1", 45.0, NOW + 3 * NS_PER_S)
    assert alarm is not None
    assert alarm.active
    assert desk.set(None, KIND, now_ns=NOW + 4 * NS_PER_S)[0] == "applied"
    alarm = desk.alarm("gauge-1", NOW + 5 * NS_PER_S)
    assert alarm is not None
    assert (alarm.state, alarm.detail.vi) == (AlarmState.RETURNED, "ngưỡng Mưa rất to 40,0 mm nay là 50,0 mm")


def test_what_a_kind_does_not_name_goes_on_as_the_standard_has_it(desk: Desk) -> None:
    flood = level(70.0, "Ngập", Priority.URGENT, on_delay_s=60.0)
    assert desk.set(of_kind(flood))[0] == "applied"
    assert holding(desk, 1) == [("Ngập", 70.0, "Tuấn", True), *STANDARD]
    # A sensor's own change names what is its own alone: what its kind gets later reaches it.
    base = limits_of(sensor(desk, 1), TODAY)
    draft = change(base, limits=tuple(change(one, value=55.0) if one.value == 50.0 else one for one in base.limits))
    apart = set_apart(draft, None, below(sensor(desk, 1), TODAY))
    assert [one.label.vi for one in apart.limits] == ["Mưa rất to"]
    assert desk.set(apart, now_ns=NOW + 1)[0] == "applied"
    assert desk.set(of_kind(change(flood, value=75.0)), now_ns=NOW + 2)[0] == "applied"
    assert holding(desk, 1) == [("Ngập", 75.0, "Tuấn", True), ("Mưa rất to", 55.0, "Tuấn", False)]


def test_a_sensor_that_comes_later_has_its_kinds_limits_and_so_has_a_restart(desk: Desk, tmp_path: Path) -> None:
    desk.set(of_kind(level(40.0)))
    desk.core.put("sensors", gauge(9), NOW + 1)
    desk.core.round(NOW + 1, 0.0)
    assert holding(desk, 9) == [("Mưa rất to", 40.0, "Tuấn", True)]
    again = Core(desk.log, SlowCity(NOW, past_s=60))
    again.start(NOW)
    assert limits_at(again.records("sensors")["gauge-1"].limits, TODAY)[0].value == 40.0

    class WithGauges(TinyCity):
        def directory(self) -> Any:
            city = super().directory()
            return change(city, sensors=(*city.sensors, *GAUGES))

    log = SqliteLog(tmp_path / "next.db", Mode.TEST)
    carry(settings_in(desk.log), log, NOW + DAY)
    day = Core(log, WithGauges(NOW + DAY, past_s=60))
    day.start(NOW + DAY)
    assert limits_at(day.records("sensors")["gauge-1"].limits, TOMORROW)[0].value == 40.0
    log.close()


@pytest.mark.parametrize(
    ("record", "code", "text"),
    [
        (of_kind(), "levels_differ", ""),
        (of_kind(level(500.0)), "out_of_range", "-80 – 160"),
        (of_kind(level(60.0, "Nhẹ", Priority.LOW)), "levels_cross", "Nhẹ, Mưa rất to · Trạm 1"),
        (of_kind(level(10.0, "Ngập", Priority.URGENT)), "levels_cross", "Mưa rất to, Ngập · Trạm 1"),
        (of_kind(level(46.0, "Vừa", Priority.LOW)), "levels_cross", "Vừa, Mưa rất to · Trạm 2"),
        (change(of_kind(level(40.0)), unit="cm"), "unit_differs", "mm"),
        (change(of_kind(level(40.0)), parameter="snow"), "bad_record", "another kind"),
        (change(of_kind(level(40.0)), id=f"{KINDS}snow/mm"), "unknown_sensor", ""),
        (change(of_kind(level(40.0)), id="limits/gauge-1"), "bad_record", ""),
    ],
)
def test_kinds_that_cannot_be(desk: Desk, record: KindLimits, code: str, text: str) -> None:
    """A limit of the kind must fit beside what each sensor has of its own."""
    assert desk.set(own(desk, 2, level(45.0)))[0] == "applied"
    before = dict(desk.core.records("sensors"))
    stage, said, about = desk.set(record, now_ns=NOW + 1)
    assert (stage, said) == ("refused", code)
    assert about.endswith(text)
    assert desk.core.records("sensors") == before


def test_a_sensors_own_must_fit_beside_its_kinds(desk: Desk) -> None:
    desk.set(of_kind(level(70.0, "Ngập", Priority.URGENT)))
    assert desk.set(own(desk, 1, level(75.0)), now_ns=NOW + 1) == ("refused", "levels_cross", "Mưa rất to, Ngập")
