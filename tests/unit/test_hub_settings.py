"""What is changed of the centre's own data: who, what and from when, kept for good, refused where it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.tiny_city import DUST, RIVER, TinyCity

from backends.domain import settings
from backends.domain.action import Action, Verb
from backends.domain.alarm import Alarm, Priority
from backends.domain.feeds import Mode
from backends.domain.limits import day_of, limits_at
from backends.domain.people import Operator, Role
from backends.domain.place import Agency, Area, SlaRule
from backends.domain.report import Report, ReportState
from backends.domain.sensor import Limit, Sample, Sensor
from backends.domain.settings import LIMITS, SETTING, SensorLimits, Setting, SettingRecord, limits_of, new_id
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import Measured, ReportMoved, SensorMoved, WorldEvent
from backends.hub.config_desk import carry, settings_in
from backends.hub.core import Core
from backends.hub.log import SqliteLog
from backends.protocol.codec import decode_body, encode

NOW = 1_790_000_000 * NS_PER_S
HOUR = 3600 * NS_PER_S
DAY = 24 * HOUR
TODAY = day_of(NOW)
TOMORROW = day_of(NOW + DAY)
ADMIN = Operator("op-tuan", "Hồ Tuấn", "Tuấn", Role.ADMIN, "desk-1")
LEAD = Operator("op-lead", "Lê Quang", "Quang", Role.SHIFT_LEAD, "desk-3")
LIGHT = SlaRule("sla-light", "lighting", LocalText("Chiếu sáng", "Street lights"), 12.0)
POWER = Agency("power", LocalText("Điện lực", "Power"))
GRID = Agency("grid", LocalText("Lưới điện", "Grid"), "power")
CONFIG = (LIGHT, POWER, GRID, Area("ward-1", LocalText("Phường 1"), ((0, 0), (1, 0), (1, 1)), "2009-08-11"))
RAIN = Sensor("rain-9", LocalText("Lượng mưa", "Rain"), "mm")
"""What it says, only the test says."""
change = msgspec.structs.replace


class SlowCity(TinyCity):
    """Measures once however long it is asked about: a day has not 86,400 samples here."""

    def until(self, t_ns: int) -> Iterator[WorldEvent]:
        self._t_ns = t_ns
        yield self._measured(t_ns)


class Desk:
    """A hub's core on a log, and an administrator in front of it."""

    def __init__(self, log: SqliteLog) -> None:
        self.log, self.n = log, 0
        self.core = Core(log, SlowCity(NOW, past_s=60))
        self.core.start(NOW)

    def set(
        self,
        record: SettingRecord | None,
        target: str = "",
        *,
        day: str = TODAY,
        seen: int | None = None,
        who: Operator = ADMIN,
        now_ns: int = NOW,
        **args: str,
    ) -> tuple[str, str, str]:
        """`record` None: what the source gives."""
        self.n += 1
        target = target or (record.id if record is not None else "")
        given = {"valid_from": day, "reason": "họp giao ban", **args}
        if record is not None:
            given = {"json": encode(record).decode(), **given}
        known = self.core.records("config").get(SETTING + target)
        rev = seen if seen is not None else known.rev if known is not None else 0
        action = Action(f"s{self.n}-{now_ns}", Verb.CONFIGURE, "config", target, rev, now_ns, 0, given)
        answer = self.core.act("desk-1", who, action, now_ns)
        self.published = [f"{e.feed} {e.type} {e.id}" for e in answer.published]
        last = answer.acks[-1]
        return last.stage, last.code, last.text

    def setting(self, target: str) -> Setting:
        found: Setting = self.core.records("config")[SETTING + target]
        return found

    def holds(self, id_: str) -> Any:
        """As the log has it, not as memory has it."""
        found = next(decode_body("config", e.body) for e in self.log.items("config") if e.id == id_)
        assert found == self.core.records("config")[id_]
        return found

    def pass_time(self, now_ns: int) -> None:
        self.core.maintain(now_ns)
        self.core.round(now_ns, now_ns / NS_PER_S)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    log = SqliteLog(tmp_path / "hub.db", Mode.TEST)
    made = Desk(log)
    for record in CONFIG:
        made.core.put("config", record, NOW)
    made.core.round(NOW, 0.0)
    yield made
    log.close()


def test_a_change_is_in_force_at_once_and_says_who_what_and_why(desk: Desk) -> None:
    after = change(LIGHT, hours=6.0)
    assert desk.set(after) == ("applied", "", "")
    assert desk.published == [
        "config put setting/sla-light", "config put sla-light", f"timeline event s{desk.n}-{NOW}",
    ]  # fmt: skip
    assert desk.holds("sla-light") == after
    (made,) = desk.setting("sla-light").amendments
    assert (made.by, made.by_id, made.reason, made.valid_from) == ("Tuấn", "op-tuan", "họp giao ban", TODAY)
    assert (made.before, made.record, desk.setting("sla-light").given) == (LIGHT, after, LIGHT)
    told = decode_body("timeline", desk.log.items("timeline")[-1].body)
    assert (told.what, told.target, told.actor) == ("setting_changed", "sla-light", "op-tuan")
    assert told.text.vi == f"Chiếu sáng · số giờ: 12 » 6 · áp dụng từ {TODAY} · họp giao ban"
    assert told.text.en == f"Street lights · hours: 12 » 6 · from {TODAY} · họp giao ban"


def test_a_change_waits_for_its_day_and_the_past_stays_as_it_was(desk: Desk) -> None:
    assert desk.set(change(LIGHT, hours=6.0), day=TOMORROW)[0] == "applied"
    assert desk.holds("sla-light").hours == 12.0
    desk.pass_time(NOW + HOUR)
    assert desk.holds("sla-light") == LIGHT
    desk.pass_time(NOW + DAY)
    assert desk.holds("sla-light") == change(LIGHT, hours=6.0)
    setting = desk.setting("sla-light")
    assert setting.at(NOW + HOUR) == LIGHT
    assert setting.at(NOW + DAY) == change(LIGHT, hours=6.0)


def test_of_a_day_the_last_word_counts_and_from_when_it_was_said(desk: Desk) -> None:
    desk.set(change(LIGHT, hours=6.0), now_ns=NOW + 1)
    desk.set(change(LIGHT, hours=8.0), now_ns=NOW + 9)
    setting = desk.setting("sla-light")
    assert [setting.at(NOW + n) for n in (0, 1, 8, 9)] == [
        LIGHT, change(LIGHT, hours=6.0), change(LIGHT, hours=6.0), change(LIGHT, hours=8.0),
    ]  # fmt: skip


def test_the_sources_values_come_back_by_a_reset_and_what_was_decided_is_kept(desk: Desk) -> None:
    desk.set(change(LIGHT, hours=6.0))
    assert desk.set(None, "sla-light", now_ns=NOW + 1) == ("applied", "", "")
    assert desk.holds("sla-light") == LIGHT
    assert len(desk.setting("sla-light").amendments) == 2
    assert desk.set(None, "sla-light", now_ns=NOW + 2)[:2] == ("conflict", "unchanged")


def test_two_who_change_one_rule_do_not_overwrite_each_other(desk: Desk) -> None:
    assert desk.set(change(LIGHT, hours=6.0), seen=0)[0] == "applied"
    assert desk.set(change(LIGHT, hours=8.0), seen=0) == ("conflict", "changed", "Tuấn")
    assert desk.holds("sla-light").hours == 6.0


def test_a_new_agency_can_have_reports_and_units_below_it(desk: Desk) -> None:
    made = Agency("cay-xanh", LocalText("Cây xanh"), "power")
    assert desk.set(made) == ("applied", "", "")
    assert desk.holds("cay-xanh") == made
    assert desk.setting("cay-xanh").given is None
    assert desk.set(None, "cay-xanh")[:2] == ("refused", "nothing_given")
    assert desk.set(change(GRID, parent="cay-xanh"))[0] == "applied"
    assert new_id("Cây xanh", desk.core.records("config")) == "cay-xanh-2"


def test_only_an_administrator_changes_it(desk: Desk) -> None:
    assert desk.set(change(LIGHT, hours=6.0), who=LEAD) == ("refused", "not_allowed", "shift_lead")
    assert desk.holds("sla-light") == LIGHT


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (change(LIGHT, hours=-1.0), "bad_hours"),
        (change(LIGHT, hours=0.0), "bad_hours"),
        (change(LIGHT, hours=9000.0), "bad_hours"),
        (change(LIGHT, escalate=(1.5, 1.0)), "shares_cross"),
        (change(LIGHT, escalate=(1.0, 1.0)), "shares_cross"),
        (change(LIGHT, escalate=(0.5, 1.0, 1.5)), "shares_cross"),
        (change(LIGHT, escalate=(-0.5,)), "bad_shares"),
        (change(LIGHT, within_m=-1.0), "bad_metres"),
        (change(LIGHT, within_hours=-1.0), "bad_twin_hours"),
        (change(LIGHT, name=LocalText(" ")), "bad_name"),
        (change(LIGHT, category="flood"), "bad_category"),
        (change(LIGHT, id="sla-other"), "category_twice"),
        (change(POWER, name=LocalText("x" * 81)), "bad_name"),
        (change(POWER, parent="nobody"), "unknown_parent"),
        (change(POWER, parent="power"), "parent_below"),
        (change(POWER, parent="grid"), "parent_below"),
        (Agency("Chữ hoa", LocalText("x")), "bad_record"),
        (Agency("sla-light", LocalText("x")), "bad_record"),
        (Agency("ward-1", LocalText("x")), "not_changed_here"),
        (Agency("setting/sla-light", LocalText("x")), "bad_record"),
        (SensorLimits("of-no-sensor", "river", LocalText("x"), "m", ()), "bad_record"),
    ],
)
def test_what_cannot_be_is_refused(desk: Desk, record: SettingRecord, code: str) -> None:
    before = dict(desk.core.records("config"))
    assert desk.set(record)[:2] == ("refused", code)
    assert desk.core.records("config") == before


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "sla", "id": "sla-light", "category": "lighting", "name": {"vi": "x"}, "hours": NaN}',
        '{"kind": "sla", "id": "sla-light", "category": "lighting", "name": {"vi": "x"}, "hours": 1e400}',
        '{"kind": "sla", "id": "sla-light", "category": "lighting", "name": {"vi": "x"}, "hours": "6"}',
        '{"kind": "sla", "id": "sla-light", "category": "lighting", "name": {"vi": "x"}, "hours": 1, "hours": 2}',
        '{"kind": "mask", "id": "sla-light", "camera_id": "c", "boxes": []}',
        '{"kind": "sla", "id": "flood", "category": "lighting", "name": {"vi": "x"}, "hours": 1}',
        "", "{",
    ],
)  # fmt: skip
def test_texts_that_are_no_record_are_refused(desk: Desk, text: str) -> None:
    stage, code, _ = desk.set(LIGHT, json=text)
    assert stage == "refused"
    assert code in ("bad_record", "bad_hours")


@pytest.mark.parametrize(
    ("day", "code"),
    [
        ("", "bad_day"), ("2026-13-01", "bad_day"), ("26-11-28", "bad_day"), ("20261128", "bad_day"),
        (day_of(NOW - DAY), "day_over"), ("2126-11-28", "day_far"),
    ],
)  # fmt: skip
def test_days_that_cannot_be(desk: Desk, day: str, code: str) -> None:
    assert desk.set(change(LIGHT, hours=6.0), day=day)[:2] == ("refused", code)


def test_no_change_comes_before_one_that_waits(desk: Desk) -> None:
    desk.set(change(LIGHT, hours=6.0), day=TOMORROW)
    assert desk.set(change(LIGHT, hours=8.0)) == ("refused", "day_order", TOMORROW)
    assert desk.set(None, "sla-light", day=TOMORROW)[0] == "applied"
    desk.pass_time(NOW + DAY)
    assert desk.holds("sla-light") == LIGHT


def test_a_ring_that_would_close_on_a_later_day_is_refused_today(desk: Desk) -> None:
    other = Agency("water", LocalText("Cấp nước"))
    desk.core.put("config", other, NOW)
    assert desk.set(change(other, parent="power"), day=TOMORROW)[0] == "applied"
    assert desk.set(change(POWER, parent="water"))[:2] == ("refused", "parent_below")


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
def test_no_change_without_a_reason(desk: Desk, reason: str) -> None:
    assert desk.set(change(LIGHT, hours=6.0), reason=reason)[:2] == ("refused", "bad_reason")


@pytest.mark.parametrize("day", [TODAY, TOMORROW])
def test_there_is_no_last_change(desk: Desk, day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record has a bound, and so what it keeps of its past; without that no change were possible one day."""
    monkeypatch.setattr(settings, "KEPT_MOST", 5)
    for n in range(1, 13):
        assert desk.set(change(LIGHT, hours=float(n)), day=day, now_ns=NOW + n) == ("applied", "", "")
    assert desk.set(change(LIGHT, hours=20.0), day=day, now_ns=NOW + 13)[0] == "applied"
    setting = desk.setting("sla-light")
    made = setting.amendments
    assert [one.record.hours for one in made if one.record is not None] == [9.0, 10.0, 11.0, 12.0, 20.0]
    assert setting.earlier == 8
    assert [one.before is None for one in made] == [False, True, True, True, False]
    befores = [record.hours for n in range(5) if isinstance(record := setting.before(n), SlaRule)]
    assert befores == [8.0, 9.0, 10.0, 11.0, 12.0]
    assert sum(e.id.startswith("s") for e in desk.log.items("timeline")) == 13, "the timeline has them all"
    assert desk.holds("sla-light").hours == (20.0 if day == TODAY else 12.0)
    desk.pass_time(NOW + DAY)
    assert desk.holds("sla-light").hours == 20.0


def test_what_holds_or_waits_for_a_day_of_its_own_is_never_dropped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "KEPT_BYTES", 100)
    desk.set(change(LIGHT, hours=1.0))
    desk.set(None, "sla-light")
    for n in range(2, 5):
        assert desk.set(change(LIGHT, hours=float(n)), day=day_of(NOW + n * DAY))[0] == "applied"
    setting = desk.setting("sla-light")
    assert setting.earlier == 1
    assert setting.amendments[0].before == change(LIGHT, hours=1.0)
    holding = [record.hours for n in range(5) if isinstance(record := setting.at(NOW + n * DAY), SlaRule)]
    assert holding == [12.0, 12.0, 2.0, 3.0, 4.0]


def test_it_survives_a_restart_and_a_day_that_came_meanwhile(desk: Desk) -> None:
    desk.set(change(LIGHT, hours=6.0))
    desk.set(change(POWER, name=LocalText("Điện lực Quảng Trị")), day=TOMORROW)
    again = Core(desk.log, TinyCity(NOW, past_s=60))
    again.start(NOW)
    assert again.records("config")["sla-light"].hours == 6.0
    assert again.records("config")["power"] == POWER
    again.maintain(NOW + DAY)
    assert again.records("config")["power"].name.vi == "Điện lực Quảng Trị"


def test_a_new_day_of_the_demo_goes_on_with_what_was_changed(desk: Desk, tmp_path: Path) -> None:
    rule = desk.core.records("config")["flood"]  # of the city itself
    assert desk.set(change(rule, hours=1.0))[0] == "applied"
    log = SqliteLog(tmp_path / "next.db", Mode.TEST)
    carry(settings_in(desk.log), log, NOW + DAY)
    day = Core(log, TinyCity(NOW + DAY, past_s=60))
    day.start(NOW + DAY)
    assert day.records("config")["flood"].hours == 1.0
    assert {e.id for e in log.items("config")} == {"flood", "setting/flood"}
    assert settings_in(log) == settings_in(desk.log)
    log.close()


def test_a_sources_reports_are_due_by_the_hours_that_were_set_when_they_came(desk: Desk) -> None:
    def due_hours(id_: str, received_ns: int) -> float:
        told = Report(id_, "lighting", LocalText("Đèn"), ReportState.NEW, received_ns, received_ns + 12 * HOUR)
        desk.core._take_in(ReportMoved(received_ns, told))
        return (desk.core.records("reports")[id_].t_due_ns - received_ns) / HOUR

    assert due_hours("PA-50", NOW) == 12.0
    desk.set(change(LIGHT, hours=6.0), now_ns=NOW + 10)
    assert due_hours("PA-51", NOW + 20) == 6.0
    assert due_hours("PA-52", NOW + 5) == 12.0


# --- limits of sensors -------------------------------------------------------------------------------

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
    def rains(value: float, now_ns: int) -> set[str]:
        desk.core._take_in(Measured(now_ns, (Sample(DUST.id, now_ns, value),)))
        desk.core.round(now_ns, now_ns / NS_PER_S)
        return {key for key, alarm in desk.core.alarms(f"limit:{DUST.id}").items() if alarm.active}

    assert rains(60.0, NOW + 10) == {f"limit:{DUST.id}"}
    assert rains(40.0, NOW + 20) == set()
    limits = limits_of(DUST, TODAY)
    assert desk.set(change(limits, limits=(change(limits.limits[0], value=30.0),)), now_ns=NOW + 30)[0] == "applied"
    assert rains(40.0, NOW + 40) == {f"limit:{DUST.id}"}


def rained(desk: Desk, value: float, now_ns: int) -> Alarm | None:
    """It rains so much: the rain's alarm."""
    desk.core._take_in(Measured(now_ns, (Sample(RAIN.id, now_ns, value),)))
    desk.core.round(now_ns, now_ns / NS_PER_S)
    return desk.core.alarms(f"limit:{RAIN.id}").get(f"limit:{RAIN.id}")


@pytest.fixture
def rain(desk: Desk) -> Desk:
    desk.core.put("sensors", RAIN, NOW)
    return desk


def test_a_sensor_gets_its_first_limit_with_delays_of_its_own_and_it_ends_on_a_day(rain: Desk) -> None:
    """The hub raises by it from then on, and no longer from the day on which it ends."""
    assert rained(rain, 80.0, NOW + NS_PER_S) is None
    heavy = Limit(LocalText("Mưa to"), 50.0, Priority.HIGH, deadband=5.0, on_delay_s=10.0, off_delay_s=20.0)
    limits = change(limits_of(RAIN, TODAY), limits=(heavy,))
    assert rain.set(limits, now_ns=NOW + 2 * NS_PER_S) == ("applied", "", "")
    seen = [rained(rain, value, NOW + s * NS_PER_S) for s, value in ((3, 80.0), (12, 80.0), (14, 80.0))]
    assert [one is not None for one in seen] == [False, False, True], "ten seconds after it began"
    assert seen[-1] is not None
    assert seen[-1].priority is Priority.HIGH
    seen = [rained(rain, value, NOW + s * NS_PER_S) for s, value in ((20, 46.0), (21, 44.0), (30, 44.0), (42, 44.0))]
    assert [one is not None and one.active for one in seen] == [True, True, True, False], "20 s after its deadband"

    ended = change(limits, limits=(change(heavy, ended=True),))
    assert rain.set(ended, day=TOMORROW, now_ns=NOW + HOUR) == ("applied", "", "")
    sensor: Sensor = rain.core.records("sensors")[RAIN.id]
    assert holding(sensor) == [("Mưa to", 50.0, "Tuấn")]
    assert holding(sensor, TOMORROW) == []
    told = decode_body("timeline", rain.log.items("timeline")[-1].body)
    assert "ngừng áp dụng ngưỡng Mưa to > 50" in told.text.vi
    seen = [rained(rain, 80.0, NOW + DAY + s * NS_PER_S) for s in (1, 20)]
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
    seen = [rained(rain, value, NOW + s * NS_PER_S) for s, value in ((1, 20.0), (3, 80.0), (7, 80.0))]
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
        (change(river(4.0, 3.0, 2.0), limits=river(4.0, 3.0, 2.0).limits[:2]), "levels_differ"),
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
