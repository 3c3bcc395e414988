"""Limits of a whole kind of sensor at the screen: who is meant, where each limit comes from, and what is sent."""

from __future__ import annotations

import msgspec
import pytest
from helpers.page_hands import become, enter, page_of, titles
from helpers.sample_city import SampleSession
from helpers.search_room import Key, Room

from backends.domain.alarm import Priority
from backends.domain.limits import day_of
from backends.domain.people import Role
from backends.domain.sensor import Limit, Sensor
from backends.domain.setting_limits import kind_limits, limits_of
from backends.domain.settings import KINDS, SETTING, Amendment, KindLimits, SensorLimits, Setting
from backends.domain.text import LocalText
from widgets.i18n import tr
from widgets.windows.page import Page

change = msgspec.structs.replace
BIG = Limit(LocalText("Mưa rất to"), 50.0, Priority.MEDIUM, standard="QĐ 18/2021/QĐ-TTg")
KIND = f"{KINDS}rain_test/mm"


def gauge(n: int, *limits: Limit) -> Sensor:
    made = Sensor(f"gauge-{n}", LocalText("Mưa thử", "Test rain"), "mm", f"st-{n}", LocalText(f"Trạm {n}"), "rain_test")
    return change(made, low=0.0, high=80.0, limits=limits or (BIG,))


@pytest.fixture
def sample(sample: SampleSession) -> SampleSession:
    become(sample, Role.ADMIN)
    sample.put("sensors", gauge(1), gauge(2), gauge(3))
    return sample


def at_kind(room: Room) -> Page:
    page = page_of(room, "limits")
    room.type("mua thu")
    return page


def set_here(sample: SampleSession) -> None:
    """40 for the kind, 45 for the second of them alone; the hub says so."""
    now_ns = sample.clock.now_ns()
    day = day_of(now_ns)
    given = kind_limits([gauge(1)], day)
    for_all = change(given, limits=(change(given.limits[0], value=40.0),))
    for_one = change(limits_of(gauge(2), day), limits=(change(given.limits[0], value=45.0),))
    kind = change(for_all.limits[0], valid_from=day, by="Tuấn", of_kind=True)
    own = change(for_one.limits[0], valid_from=day, by="Lan")
    sample.put("sensors", gauge(1, BIG, kind), gauge(2, BIG, kind, own), gauge(3, BIG, kind))
    for record, by in ((for_all, "Tuấn"), (for_one, "Lan")):
        made = Amendment(now_ns - 1, "op", by, "mùa mưa", day, record, given)
        sample.put("config", Setting(SETTING + record.id, record.id, (made,), given, 2))


def test_a_kind_stands_above_its_sensors_and_says_how_many_it_is(room: Room) -> None:
    page = at_kind(room)
    assert [row.title for row in page.rows] == [
        tr("settings.heading.kinds"), "Mưa thử · 3 cảm biến", tr("settings.heading.limits"),
        *(f"Trạm {n} · Mưa thử" for n in (1, 2, 3)),
    ]  # fmt: skip
    assert (page.rows[1].place, page.rows[1].state) == ("Mưa rất to 50 mm", "QĐ 18/2021/QĐ-TTg")
    room.key(*[Key.Key_Backspace] * 7)
    room.type("loai mua thu")
    assert titles(page) == ["Mưa thử · 3 cảm biến"]


def test_all_of_a_kind_are_changed_from_a_day_on(room: Room, sample: SampleSession) -> None:
    page = at_kind(room)
    enter(room, page)
    assert titles(page) == ["Mưa rất to", tr("settings.limit.new")]
    enter(room, page, "mua rat to", "gia tri", "400")
    assert page.said == tr("settings.why.out_of_range", text="-80 – 160")
    enter(room, page, "40")
    assert (page.rows[1].title, page.rows[1].place) == (tr("settings.limit.set"), "Mưa rất to: Giá trị 50 » 40")
    enter(room, page, None, "1/1", "mùa mưa")
    (sent,) = sample.actions.submitted
    assert (sent.target, sent.expect_state_rev) == (KIND, 0)
    made = msgspec.json.decode(sent.args["json"], type=KindLimits)
    assert (made.parameter, made.unit, [one.value for one in made.limits]) == ("rain_test", "mm", [40.0])
    assert sent.args["valid_from"].endswith("-01-01")


def test_where_a_limit_comes_from_is_said(room: Room, sample: SampleSession) -> None:
    set_here(sample)
    page = at_kind(room)
    rows = {row.title: row for row in page.rows if not row.heading}
    assert rows["Mưa thử · 3 cảm biến"].place == "1 có ngưỡng riêng · Mưa rất to 40 mm"
    assert rows["Mưa thử · 3 cảm biến"].state.startswith("Tuấn đặt ")
    assert [(rows[f"Trạm {n} · Mưa thử"].place, rows[f"Trạm {n} · Mưa thử"].state[:8]) for n in (1, 2)] == [
        ("Mưa rất to 40 mm", "cả loại "), ("Mưa rất to 45 mm", "Lan đặt "),
    ]  # fmt: skip
    enter(room, page)
    assert (page.rows[1].title, page.rows[1].place) == ("Mưa rất to", "cả loại · Tuấn")
    room.key(Key.Key_Escape)
    page.field.setText("tram 2 mua thu")
    enter(room, page)
    assert (page.rows[1].title, page.rows[1].place) == ("Mưa rất to", "riêng cảm biến này · Lan")
    reset = next(row for row in page.rows if row.key == ("field", "reset"))
    assert reset.place == "bỏ phần đã đặt · Mưa rất to: Giá trị 45 » 40", "back to its kind's"


def test_a_new_limit_of_all_must_fit_beside_those_that_sensors_have(room: Room, sample: SampleSession) -> None:
    set_here(sample)
    page = at_kind(room)
    enter(room, page, None, "them nguong", "Ngập", "qua cao", "42", "khan")
    assert page.said == tr("settings.why.levels_cross", text="Mưa rất to, Ngập · Trạm 2")
    assert sample.actions.submitted == []


def test_what_a_sensor_has_by_its_kind_is_not_sent_as_its_own(room: Room, sample: SampleSession) -> None:
    set_here(sample)
    page = page_of(room, "limits")
    page.field.setText("tram 1 mua thu")
    enter(room, page, None, "them nguong", "Ngập", "qua cao", "70", "khan", None, None, "trũng")
    (sent,) = sample.actions.submitted
    made = msgspec.json.decode(sent.args["json"], type=SensorLimits)
    assert [one.label.vi for one in made.limits] == ["Ngập"]
