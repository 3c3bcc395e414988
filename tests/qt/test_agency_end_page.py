"""An agency is taken away at the screen: what hangs on it, who goes on with its work, and how it is added again."""

from __future__ import annotations

import msgspec
import pytest
from helpers.page_hands import become, enter, page_of, titles
from helpers.sample_city import SampleSession
from helpers.search_room import Key, Room

from backends.domain.action import Action, ActionStatus, Stage, Verb
from backends.domain.limits import day_of
from backends.domain.people import Role
from backends.domain.place import Agency
from backends.domain.ports import Changes
from backends.domain.report import Report, ReportState
from backends.domain.settings import SETTING, AgencyEnd, Amendment, Setting
from backends.domain.text import LocalText
from widgets.i18n import tr
from widgets.models.reports import click_words
from widgets.windows.page import Page

change = msgspec.structs.replace
POWER = Agency("ag-power", LocalText("Điện lực Đông Hà", "Đông Hà power"))


@pytest.fixture
def sample(sample: SampleSession) -> SampleSession:
    become(sample, Role.ADMIN)
    sample.deliver(Changes("reports", reset=True))
    return sample


def at_power(room: Room) -> Page:
    """Its fields are open."""
    page = page_of(room, "settings")
    enter(room, page, "dien luc")
    return page


def report(n: int, state: ReportState = ReportState.ASSIGNED) -> Report:
    return Report(f"PA-{n}", "lighting", LocalText("Đèn"), state, 1, 2, agency_id="ag-power", agency=POWER.name)


def taken_away(sample: SampleSession, days: int = 0) -> None:
    """It was, or will be; the hub says so."""
    now_ns = sample.clock.now_ns()
    made = Amendment(
        now_ns - 1, "op-tuan", "Tuấn", "sáp nhập", day_of(now_ns + days * 86_400 * 10**9),
        AgencyEnd(POWER.id, POWER.name, "", "ag-env"), POWER,
    )  # fmt: skip
    sample.put("config", Setting(SETTING + POWER.id, POWER.id, (made,), POWER, 4))
    if not days:
        sample.deliver(Changes("config", deleted=(POWER.id,)))


def test_its_work_goes_to_another_one(room: Room, sample: SampleSession) -> None:
    sample.put("reports", report(1), report(2), report(3, ReportState.DONE))
    page = at_power(room)
    row = next(row for row in page.rows if row.key == ("field", "end"))
    assert row.place == "0 đơn vị trực thuộc · 2 phản ánh chưa xong", "said before it is chosen"
    enter(room, page, "bo don vi")
    assert "2 phản ánh chưa xong" in page.rows[0].title
    assert titles(page) == ["Môi trường đô thị", tr("settings.agency.no_heir")]
    enter(room, page, "khong don vi")
    assert page.said == tr("settings.why.open_reports", text="2")
    enter(room, page, "moi truong")
    assert page.rows[0].title.startswith("bỏ đơn vị này · việc chuyển cho Môi trường đô thị")
    enter(room, page, None, "sáp nhập")
    (sent,) = sample.actions.submitted
    assert (sent.feed, sent.target, sent.expect_state_rev) == ("config", "ag-power", 0)
    made = msgspec.json.decode(sent.args["json"], type=AgencyEnd)
    assert made == AgencyEnd("ag-power", POWER.name, "", "ag-env")
    assert sent.args["valid_from"] == day_of(sample.clock.now_ns())
    sample.actions.answer(Stage.REFUSED, "open_reports", "3")
    sample.deliver()
    assert page.said == tr("settings.why.open_reports", text="3"), "the hub looks again"


def test_what_is_part_of_it_is_named(room: Room, sample: SampleSession) -> None:
    sample.put("config", change(sample.city.records("config")["ag-env"], parent="ag-power"))
    page = at_power(room)
    enter(room, page, "bo don vi")
    enter(room, page, "khong don vi")
    assert page.said == tr("settings.why.has_children", text="1: Môi trường đô thị")
    assert sample.actions.submitted == []


def test_who_may_not_is_told_why(room: Room, sample: SampleSession) -> None:
    become(sample, Role.SHIFT_LEAD)
    page = at_power(room)
    enter(room, page, "bo don vi")
    assert page.said == tr("access.why_long.not_allowed", role=tr("role.shift_lead"))


def test_it_is_in_sight_and_can_be_added_again(room: Room, sample: SampleSession) -> None:
    taken_away(sample)
    page = page_of(room, "settings")
    room.type("dien luc")
    assert [row.title for row in page.rows] == [tr("settings.heading.agency_ended"), "Điện lực Đông Hà"]
    assert page.row is not None
    assert page.row.state.startswith("Tuấn bỏ ")
    enter(room, page)
    assert titles(page) == [tr("settings.agency.again"), tr("settings.reset")]
    assert "bỏ đơn vị này · việc chuyển cho Môi trường đô thị" in page.rows[-1].title
    enter(room, page, "lap lai", "moi truong")
    assert page.rows[0].title.startswith("lập lại đơn vị này · Trực thuộc:")
    enter(room, page, None, "tách ra")
    (sent,) = sample.actions.submitted
    assert (sent.target, sent.expect_state_rev) == ("ag-power", 4)
    assert msgspec.json.decode(sent.args["json"], type=Agency) == change(POWER, parent="ag-env")


def test_a_new_one_of_its_name_is_the_old_one(room: Room, sample: SampleSession) -> None:
    taken_away(sample)
    page = page_of(room, "settings")
    enter(room, page, "them don vi", "dien luc dong ha", "khong", None, "lập lại")
    (sent,) = sample.actions.submitted
    assert (sent.target, sent.expect_state_rev) == ("ag-power", 4)
    assert msgspec.json.decode(sent.args["json"], type=Agency) == POWER


def test_one_that_will_go_says_when_and_gets_nothing_more(room: Room, sample: SampleSession) -> None:
    taken_away(sample, days=3)
    page = page_of(room, "settings")
    row = next(row for row in page.rows if row.title == "Điện lực Đông Hà")
    assert "bỏ từ " in row.state
    enter(room, page, "dien luc")
    assert titles(page) == [tr("settings.agency.again"), tr("settings.reset")]
    room.key(Key.Key_Escape)
    enter(room, page, "moi truong", "truc thuoc", "dien luc")
    assert page.said == tr("settings.why.parent_ends", text="Điện lực Đông Hà")


def test_a_report_given_to_one_that_has_gone_meanwhile_says_so(sample: SampleSession) -> None:
    click = Action("a", Verb.ASSIGN, "reports", "PA-1", 0, 1, 0, {"agency": "ag-power"})
    assert click_words(ActionStatus(click, Stage.REFUSED, "bad_agency", "ag-power")) == tr("reports.no_agency")
    assert click_words(ActionStatus(click, Stage.REFUSED, "bad_text")) == tr("reports.refused")
