"""The page of the centre's own data: what holds and whence, a change in four Enters, words for what cannot be."""

from __future__ import annotations

import msgspec
import pytest
from helpers.page_hands import become, enter, page_of, titles
from helpers.sample_city import SampleSession
from helpers.search_room import Key, Room

from backends.domain.action import Stage, Verb
from backends.domain.alarm import Priority
from backends.domain.limits import day_of
from backends.domain.people import Role
from backends.domain.place import Agency, SlaRule
from backends.domain.sensor import Limit, Sensor
from backends.domain.setting_limits import limits_of
from backends.domain.settings import LIMITS, SETTING, Amendment, SensorLimits, Setting
from backends.domain.text import LocalText
from widgets.i18n import tr
from widgets.models.setting_rows import day_words, read_day, read_figure, read_shares

change = msgspec.structs.replace
LIGHT = SlaRule("sla-light", "lighting", LocalText("Chiếu sáng", "Street lights"), 24.0)
FASTER = change(LIGHT, hours=6.0)


@pytest.fixture
def sample(sample: SampleSession) -> SampleSession:
    return become(sample, Role.ADMIN)


def amended(sample: SampleSession) -> Setting:
    now_ns = sample.clock.now_ns()
    made = Amendment(now_ns - 1, "op-tuan", "Tuấn", "họp giao ban", day_of(now_ns), FASTER, LIGHT)
    return Setting(SETTING + LIGHT.id, LIGHT.id, (made,), LIGHT, 3, earlier=7)


def test_rules_and_agencies_say_what_holds_and_whence(room: Room) -> None:
    page = page_of(room, "settings")
    assert titles(page) == [
        "Chiếu sáng", "Điện lực Đông Hà", "Môi trường đô thị", tr("settings.new_agency"), tr("settings.other.limits"),
        tr("settings.other.accounts"),
    ]  # fmt: skip
    row = next(row for row in page.rows if row.title == "Chiếu sáng")
    assert (row.head, row.state) == ("1 ngày", tr("settings.origin.given"))
    room.type("dien luc")
    assert titles(page) == ["Điện lực Đông Hà"]


def test_a_change_carries_what_was_seen_and_its_end_is_told(room: Room, sample: SampleSession) -> None:
    page = page_of(room, "settings")
    room.type("chieu")
    enter(room, page)
    assert titles(page)[0] == tr("settings.field.hours")
    enter(room, page)
    assert page.field.text() == "24"
    enter(room, page, "6")
    today = day_of(sample.clock.now_ns())
    assert page.field.text() == day_words(today)
    assert page.rows[0].title.startswith("Thời hạn: 1 ngày » 6 giờ"), "before and after stand over the line"
    enter(room, page)
    assert "Thời hạn: 1 ngày » 6 giờ" in page.rows[0].title
    assert day_words(today) in page.rows[0].title
    enter(room, page)
    assert page.said == tr("settings.why.bad_reason")
    assert sample.actions.submitted == []
    enter(room, page, "họp giao ban")
    (sent,) = sample.actions.submitted
    assert (sent.verb, sent.feed, sent.target, sent.expect_state_rev) == (Verb.CONFIGURE, "config", "sla-light", 0)
    assert sent.args.keys() == {"json", "valid_from", "reason"}
    assert msgspec.json.decode(sent.args["json"], type=SlaRule) == FASTER
    assert (sent.args["valid_from"], sent.args["reason"]) == (today, "họp giao ban")
    assert not page.asking
    sample.deliver()
    page.on_second()
    assert page.row is not None
    assert (page.row.title, page.row.state) == ("Chiếu sáng", tr("settings.pending.queued"))
    sample.actions.answer(Stage.CONFLICT, "changed", "Tuấn")
    sample.deliver()
    page.on_second()
    assert page.row.state == page.said == tr("settings.why.changed", text="Tuấn")


def test_the_second_change_names_the_first_and_the_source_can_be_had_back(room: Room, sample: SampleSession) -> None:
    sample.put("config", FASTER, amended(sample))
    page = page_of(room, "settings")
    room.type("chieu")
    assert page.row is not None
    assert page.row.state.startswith("Tuấn đặt ")
    enter(room, page)
    history = [row.title for row in page.rows if row.heading]
    assert "Tuấn" in history[-2]
    assert "Thời hạn: 1 ngày » 6 giờ" in history[-2]
    assert "họp giao ban" in history[-2]
    assert history[-1] == tr("settings.earlier", n=7)
    room.type("tro lai")
    assert titles(page) == [tr("settings.reset")]
    enter(room, page)
    enter(room, page)
    enter(room, page, "hết đợt cao điểm")
    (sent,) = sample.actions.submitted
    assert (sent.expect_state_rev, "json" in sent.args) == (3, False)


def test_who_may_not_reads_and_is_told_why(room: Room, sample: SampleSession) -> None:
    become(sample, Role.SHIFT_LEAD)
    page = page_of(room, "settings")
    room.type("chieu")
    enter(room, page)
    assert tr("settings.field.hours") in titles(page)
    enter(room, page)
    assert page.said == tr("access.why_long.not_allowed", role=tr("role.shift_lead"))
    assert sample.actions.submitted == []


@pytest.mark.parametrize(
    ("field", "typed", "why", "text"),
    [
        ("Thời hạn", "-3", "no_figure", ""),
        ("Thời hạn", "nhanh", "no_figure", ""),
        ("Thời hạn", "0", "bad_hours", "8760"),
        ("Thời hạn", "9000", "bad_hours", "8760"),
        ("Thời hạn", "24", "unchanged", ""),
        ("Chuyển cấp", "150 100", "shares_cross", ""),
        ("Chuyển cấp", "cao", "no_figure", ""),
        ("Tên tiếng Việt", "", "bad_name", "80"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_sent(
    room: Room, field: str, typed: str, why: str, text: str
) -> None:
    page = page_of(room, "settings")
    room.type("chieu")
    enter(room, page)
    page.field.setText(field)
    enter(room, page)
    asked = page.rows[0].title
    enter(room, page, typed)
    assert page.said == tr(f"settings.why.{why}", text=text)
    assert page.rows[0].title == asked, "the line goes on asking"
    assert page.field.text() == typed


def test_a_new_agency_is_named_and_placed(room: Room, sample: SampleSession) -> None:
    page = page_of(room, "settings")
    page.field.setText("them don vi")
    enter(room, page)
    enter(room, page, "Cây xanh Đông Hà")
    room.type("dien luc")
    enter(room, page)
    enter(room, page, "1/1")
    enter(room, page, "tách đội")
    (sent,) = sample.actions.submitted
    assert (sent.target, sent.expect_state_rev) == ("cay-xanh-dong-ha", 0)
    made = msgspec.json.decode(sent.args["json"], type=Agency)
    assert made == Agency("cay-xanh-dong-ha", LocalText("Cây xanh Đông Hà"), "ag-power")
    assert sent.args["valid_from"].endswith("-01-01")
    sample.deliver()
    page.on_second()
    waiting = next(row for row in page.rows if row.title == "cay-xanh-dong-ha")
    assert waiting.state == tr("settings.pending.queued"), "it is in sight until it is there"


def test_an_agency_is_no_part_of_what_is_part_of_it(room: Room, sample: SampleSession) -> None:
    env = sample.city.records("config")["ag-env"]
    sample.put("config", change(env, parent="ag-power"))
    page = page_of(room, "settings")
    room.type("dien luc")
    enter(room, page)
    page.field.setText("truc thuoc")
    enter(room, page)
    room.type("moi truong")
    enter(room, page)
    assert page.said == tr("settings.why.parent_below", text="Môi trường đô thị")


def test_the_page_of_accounts_is_one_enter_away(room: Room) -> None:
    page = page_of(room, "settings")
    page.field.setText("tai khoan")
    enter(room, page)
    assert room.wall.panels.page is not page
    assert room.wall.panels.page is not None
    assert room.wall.panels.page.title() == tr("accounts.title")


# -- limits ----------------------------------------------------------------------------------------


GAUGE = Sensor(
    "gauge-9",
    LocalText("Mực nước sông Nhùng"),
    "m",
    station=LocalText("Trạm Hải Lăng"),
    limits=(
        Limit(LocalText("BĐ1"), 1.5, Priority.MEDIUM, standard="QĐ 05/2020/QĐ-TTg"),
        Limit(LocalText("BĐ2"), 2.5, Priority.HIGH, standard="QĐ 05/2020/QĐ-TTg"),
    ),
)


def test_a_limit_is_found_by_its_station_and_changed(room: Room, sample: SampleSession) -> None:
    sample.put("sensors", GAUGE)
    page = page_of(room, "limits")
    assert not any(row.key[0] == "sensor" for row in page.rows), "nothing was changed at a screen"
    room.type("hai lang")
    assert titles(page) == ["Trạm Hải Lăng · Mực nước sông Nhùng"]
    assert page.row is not None
    assert (page.row.place, page.row.state) == ("BĐ2 2,5 · BĐ1 1,5 m", "QĐ 05/2020/QĐ-TTg")
    enter(room, page)
    room.type("bd1")
    enter(room, page)
    assert titles(page)[0] == tr("settings.limit.value")
    enter(room, page)
    assert page.field.text() == "1,5"
    enter(room, page, "3")
    assert page.said == tr("settings.why.levels_cross", text="BĐ1, BĐ2")
    enter(room, page, "180 cm")
    assert page.said == tr("settings.why.unit_differs", text="m")
    enter(room, page, "1,8 m")
    assert (page.rows[1].title, page.rows[1].place) == (tr("settings.limit.set"), "BĐ1: Giá trị 1,5 » 1,8")
    enter(room, page)
    enter(room, page)
    enter(room, page, "sau đợt lũ")
    (sent,) = sample.actions.submitted
    assert (sent.target, sent.expect_state_rev) == (f"{LIMITS}gauge-9", 0)
    made = msgspec.json.decode(sent.args["json"], type=SensorLimits)
    assert [(one.label.vi, one.value) for one in made.limits] == [("BĐ1", 1.8)], "what is as given is not set"


def test_a_sensor_without_limits_gets_one_with_priority_deadband_and_delays(room: Room, sample: SampleSession) -> None:
    sample.put("sensors", change(GAUGE, limits=(), low=0.0, high=6.0))
    page = page_of(room, "limits")
    room.type("hai lang")
    assert page.row is not None
    assert page.row.place == tr("settings.limit.none")
    enter(room, page)
    assert titles(page) == [tr("settings.limit.new")]
    enter(room, page)
    enter(room, page, "")
    assert page.said == tr("settings.why.bad_label", text="30")
    enter(room, page, "Báo động sớm")
    enter(room, page)  # too high
    enter(room, page, "cao")
    assert page.said == tr("settings.why.unit_differs", text="m")
    enter(room, page, "180")
    room.type("trung")
    enter(room, page)
    assert page.said == tr("settings.why.out_of_range", text="-6 – 12"), "a lost comma is no limit that nothing reaches"
    room.key(Key.Key_Escape)
    room.type("hai lang")
    enter(room, page)
    enter(room, page)
    enter(room, page, "Báo động sớm")
    enter(room, page)
    enter(room, page, "1,8 m")
    room.type("trung")
    enter(room, page)
    for field, typed in (("deadband", "0,1"), ("on_delay_s", "60 giây"), ("off_delay_s", "120")):
        page.field.setText(tr(f"settings.limit.{field}"))
        enter(room, page)
        enter(room, page, typed)
    assert page.rows[1].title == tr("settings.limit.set")
    enter(room, page)
    enter(room, page, "1/1")
    enter(room, page, "theo phương án mới")
    (sent,) = sample.actions.submitted
    made = msgspec.json.decode(sent.args["json"], type=SensorLimits)
    assert made.limits == (
        Limit(
            LocalText("Báo động sớm"), 1.8, Priority.MEDIUM, deadband=0.1, on_delay_s=60.0, off_delay_s=120.0
        ),
    )  # fmt: skip
    assert sent.args["valid_from"].endswith("-01-01")


def test_a_limit_ends_from_a_day_on_and_holds_again(room: Room, sample: SampleSession) -> None:
    sample.put("sensors", GAUGE)
    page = page_of(room, "limits")
    room.type("hai lang")
    enter(room, page)
    room.type("bd1")
    enter(room, page)
    page.field.setText(tr("settings.limit.end"))
    enter(room, page)
    assert page.rows[0].title.startswith("ngừng áp dụng ngưỡng BĐ1 > 1,5")
    enter(room, page)
    enter(room, page, "gộp vào BĐ2")
    (sent,) = sample.actions.submitted
    made = msgspec.json.decode(sent.args["json"], type=SensorLimits)
    assert [(one.label.vi, one.ended) for one in made.limits] == [("BĐ1", True)]

    now_ns = sample.clock.now_ns()
    held = limits_of(GAUGE, day_of(now_ns))
    done = Amendment(now_ns - 1, "op-tuan", "Tuấn", "gộp", day_of(now_ns), made, held)
    ended = (*GAUGE.limits, *(change(one, valid_from=day_of(now_ns), by="Tuấn") for one in made.limits))
    sample.put("sensors", change(GAUGE, limits=ended))
    sample.put("config", Setting(SETTING + held.id, held.id, (done,), held, 1))
    room.type("hai lang")
    assert page.row is not None
    assert page.row.place == "BĐ2 2,5 m"
    enter(room, page)
    room.type("bd1")
    assert page.row.state == tr("settings.limit.ended")
    enter(room, page)
    page.field.setText(tr("settings.limit.again"))
    enter(room, page)
    assert page.rows[0].title.startswith("thêm ngưỡng BĐ1 > 1,5")


def test_a_limit_that_changes_elsewhere_is_seen_within_a_second(room: Room, sample: SampleSession) -> None:
    sample.put("sensors", GAUGE)
    page = page_of(room, "limits")
    room.type("hai lang")
    sample.put("sensors", change(GAUGE, id="gauge-10", name=LocalText("Mưa")))
    page.on_second()
    assert titles(page) == ["Trạm Hải Lăng · Mưa", "Trạm Hải Lăng · Mực nước sông Nhùng"]
    sample.put("sensors", change(GAUGE, limits=GAUGE.limits[:1]))
    page.on_second()
    assert [row.place for row in page.rows if row.key == ("sensor", GAUGE.id)] == ["BĐ1 1,5 m"]


def test_what_was_changed_at_a_screen_is_there_without_words(room: Room, sample: SampleSession) -> None:
    now_ns = sample.clock.now_ns()
    given = limits_of(GAUGE, day_of(now_ns))
    made = Amendment(now_ns - 1, "op-tuan", "Tuấn", "họp", day_of(now_ns), change(given, name=given.name), given)
    sample.put("sensors", GAUGE)
    sample.put("config", Setting(SETTING + given.id, given.id, (made,), given, 2))
    page = page_of(room, "limits")
    (row,) = [row for row in page.rows if row.key[0] == "sensor"]
    assert row.title == "Trạm Hải Lăng · Mực nước sông Nhùng"
    assert row.state.startswith("Tuấn đặt ")


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("", "2026-11-28"), ("hôm nay", "2026-11-28"), ("1/12", "2026-12-01"), ("01/12/2026", "2026-12-01"),
        ("1.3.2027", "2027-03-01"), ("27/11", "2027-11-27"), ("2026-12-24", "2026-12-24"), ("31/2/2027", ""),
        ("29/2", ""), ("mai", ""), ("1/13", ""),
    ],
)  # fmt: skip
def test_days_as_they_are_typed(typed: str, day: str) -> None:
    assert read_day(typed, "2026-11-28") == day


def test_figures_as_they_are_typed() -> None:
    assert [read_figure(one) for one in ("24", "4,5", "4.5", "", "-1", "1e3", "nan", "4,5,6")] == [
        24.0, 4.5, 4.5, None, None, None, None, None,
    ]  # fmt: skip
    assert [read_shares(one) for one in ("100 150", "100% · 150%", "", "x")] == [(1.0, 1.5), (1.0, 1.5), (), None]
