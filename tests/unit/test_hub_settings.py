"""What is changed of the centre's own data: who, what and from when, kept for good, refused where it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from helpers.settings_desk import (
    DAY,
    GRID,
    HOUR,
    LEAD,
    LIGHT,
    NOW,
    POWER,
    TODAY,
    TOMORROW,
    Desk,
    at_desk,
)
from helpers.tiny_city import TinyCity

from backends.domain import settings
from backends.domain.feeds import Mode
from backends.domain.limits import day_of
from backends.domain.place import Agency, SlaRule
from backends.domain.report import Report, ReportState
from backends.domain.settings import SensorLimits, SettingRecord, new_id
from backends.domain.text import LocalText
from backends.domain.world import ReportMoved
from backends.hub.config_desk import carry, settings_in
from backends.hub.core import Core
from backends.hub.log import SqliteLog
from backends.protocol.codec import decode_body

change = msgspec.structs.replace


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield from at_desk(tmp_path)


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
