"""An agency is taken away: what hangs on it, who goes on with its work, and how it comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.settings_desk import DAY, GRID, HOUR, LEAD, LIGHT, NOW, POWER, TODAY, TOMORROW, Desk, SlowCity, at_desk

from backends.domain.action import Action, Verb
from backends.domain.feeds import Mode
from backends.domain.people import Operator, Role
from backends.domain.place import Agency
from backends.domain.report import Report, ReportState
from backends.domain.settings import SETTING, AgencyEnd
from backends.domain.text import LocalText
from backends.domain.world import ReportMoved
from backends.hub.config_desk import carry, settings_in
from backends.hub.core import Core
from backends.hub.log import SqliteLog
from backends.protocol.codec import decode_body

HA = Operator("op-ha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, "desk-1")
WATER = Agency("water", LocalText("Cấp nước", "Water"))
change = msgspec.structs.replace


def end(agency: Agency = GRID, heir: str = "") -> AgencyEnd:
    return AgencyEnd(agency.id, agency.name, agency.parent, heir)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    for made in at_desk(tmp_path):
        made.core.put("config", WATER, NOW)
        made.core.round(NOW, 0.0)
        yield made


def report(id_: str, state: ReportState = ReportState.ASSIGNED, agency: Agency = GRID, **fields: Any) -> Report:
    made = Report(
        id_, "lighting", LocalText("Đèn"), state, NOW, NOW + 12 * HOUR, agency_id=agency.id, agency=agency.name
    )
    return change(made, **fields)


def put(desk: Desk, *reports: Report) -> None:
    for one in reports:
        desk.core.put("reports", one, NOW)
    desk.core.round(NOW, 0.0)


def the(desk: Desk, id_: str) -> Report:
    """As the log has it."""
    found: Report = next(decode_body("reports", e.body) for e in desk.log.items("reports") if e.id == id_)
    assert found == desk.core.records("reports")[id_]
    return found


def does(desk: Desk, id_: str, verb: Verb, **args: str) -> tuple[str, str]:
    desk.n += 1
    action = Action(f"r{desk.n}", verb, "reports", id_, 0, NOW, 0, args)
    last = desk.core.act("desk-1", HA, action, NOW + desk.n).acks[-1]
    return last.stage, last.code


def test_an_agency_is_taken_away_and_its_name_stays_with_what_was_done(desk: Desk) -> None:
    put(desk, report("PA-1", ReportState.DONE, t_closed_ns=NOW))
    assert desk.set(end()) == ("applied", "", "")
    assert desk.published == [f"config put {SETTING}grid", "config del grid", f"timeline event s{desk.n}-{NOW}"]
    assert "grid" not in desk.core.records("config")
    assert all(e.id != "grid" for e in desk.log.items("config"))
    (made,) = desk.setting("grid").amendments
    assert (made.by, made.reason, made.before, made.record) == ("Tuấn", "họp giao ban", GRID, end())
    told = decode_body("timeline", desk.log.items("timeline")[-1].body)
    assert told.text.vi == f"Lưới điện · bỏ đơn vị này · áp dụng từ {TODAY} · họp giao ban"
    assert (the(desk, "PA-1").agency, the(desk, "PA-1").agency_id) == (GRID.name, "grid")
    put(desk, report("PA-2", ReportState.NEW, WATER))
    assert does(desk, "PA-2", Verb.ASSIGN, agency="grid") == ("refused", "bad_agency")


def test_it_comes_back_by_being_added_again(desk: Desk) -> None:
    desk.set(end())
    assert desk.set(GRID, now_ns=NOW + 1) == ("applied", "", "")
    assert desk.holds("grid") == GRID
    assert len(desk.setting("grid").amendments) == 2
    told = decode_body("timeline", desk.log.items("timeline")[-1].body)
    assert told.text.vi.startswith("Lưới điện · lập lại đơn vị này · ")
    assert desk.set(end(), now_ns=NOW + 2)[0] == "applied"
    assert desk.set(None, "grid", now_ns=NOW + 3)[0] == "applied", "what the source gives is a way back, too"
    assert desk.holds("grid") == GRID


def test_what_was_made_here_can_be_taken_away_and_made_again(desk: Desk) -> None:
    made = Agency("cay-xanh", LocalText("Cây xanh"))
    desk.set(made)
    assert desk.set(end(made), now_ns=NOW + 1)[0] == "applied"
    assert desk.set(None, "cay-xanh", now_ns=NOW + 2)[:2] == ("refused", "nothing_given")
    assert desk.set(change(made, parent="power"), now_ns=NOW + 3)[0] == "applied"
    assert desk.holds("cay-xanh").parent == "power"


def test_what_hangs_on_it_is_named_and_moved_first(desk: Desk) -> None:
    assert desk.set(end(POWER)) == ("refused", "has_children", "1: Lưới điện")
    put(desk, report("PA-1"), report("PA-2", ReportState.IN_PROGRESS), report("PA-3", ReportState.REJECTED))
    assert desk.set(end()) == ("refused", "open_reports", "2")
    assert desk.set(end(heir="grid"))[:2] == ("refused", "bad_heir")
    assert desk.set(end(heir="nobody"))[:2] == ("refused", "bad_heir")
    assert desk.holds("grid") == GRID
    assert desk.set(change(GRID, parent=""))[0] == "applied"
    assert desk.set(end(POWER), now_ns=NOW + 1)[0] == "applied"


def test_its_open_reports_go_to_its_heir_and_their_clock_goes_on(desk: Desk) -> None:
    paused = report("PA-2", ReportState.IN_PROGRESS, t_paused_ns=NOW - HOUR)
    put(desk, report("PA-1"), paused, report("PA-3", ReportState.NEW), report("PA-4", agency=POWER))
    assert desk.set(end(heir="water"), now_ns=NOW + HOUR) == ("applied", "", "")
    first, second = the(desk, "PA-1"), the(desk, "PA-2")
    assert (first.state, first.agency_id, first.agency) == (ReportState.ASSIGNED, "water", WATER.name)
    assert (first.t_due_ns, first.decided_by) == (NOW + 12 * HOUR, "Tuấn")
    assert (second.state, second.t_due_ns, second.t_paused_ns) == (ReportState.ASSIGNED, NOW + 14 * HOUR, 0)
    assert (the(desk, "PA-3").state, the(desk, "PA-3").agency_id) == (ReportState.NEW, "water")
    assert the(desk, "PA-4").agency_id == "power"
    told = [decode_body("timeline", e.body) for e in desk.log.items("timeline")]
    assert {one.target for one in told if one.what == "report_assigned"} == {"PA-1", "PA-2"}
    assert "việc chuyển cho Cấp nước" in next(one for one in told if one.what == "setting_changed").text.vi


def test_on_a_later_day_what_is_still_open_comes_back_to_the_centre(desk: Desk) -> None:
    """Given to it after its end had been decided: nobody's work would be lost work."""
    assert desk.set(end(), day=TOMORROW)[0] == "applied"
    assert desk.holds("grid") == GRID
    put(desk, report("PA-1", ReportState.NEW, WATER))
    assert does(desk, "PA-1", Verb.ASSIGN, agency="grid")[0] == "applied"
    desk.pass_time(NOW + DAY)
    assert "grid" not in desk.core.records("config")
    back = the(desk, "PA-1")
    assert (back.state, back.agency_id, back.bounces) == (ReportState.RETURNED, "", 0)
    assert back.reason == "Lưới điện · họp giao ban"
    assert (back.decided_by, back.t_due_ns) == ("Tuấn", NOW + 12 * HOUR)


def test_nothing_is_hung_on_what_ends_later(desk: Desk) -> None:
    assert desk.set(end(WATER), day=TOMORROW)[0] == "applied"
    assert desk.set(change(GRID, parent="water")) == ("refused", "parent_ends", "Cấp nước")
    assert desk.set(end(heir="water"))[:2] == ("refused", "bad_heir")
    assert desk.set(change(GRID, parent=""), day=TOMORROW)[0] == "applied"
    assert desk.set(end(POWER))[:2] == ("refused", "has_children"), "it has them until tomorrow"
    assert desk.set(end(POWER), day=TOMORROW)[0] == "applied"


def test_what_a_source_goes_on_giving_to_it_is_its_heirs_or_the_centres(desk: Desk) -> None:
    def told(id_: str, state: ReportState = ReportState.ASSIGNED) -> Report:
        desk.core._take_in(ReportMoved(NOW + 10, report(id_, state)))
        found: Report = desk.core.records("reports")[id_]
        return found

    desk.set(end(heir="water"))
    assert (told("PA-1").agency_id, told("PA-1").agency) == ("water", WATER.name)
    assert told("PA-2", ReportState.DONE).agency_id == "grid", "what is done keeps the name that it had"
    desk.set(change(end(WATER), heir="power"), now_ns=NOW + 1)
    assert told("PA-3").agency_id == "power", "and its heir's heir's"
    desk.set(GRID, now_ns=NOW + 2)
    desk.set(end(), now_ns=NOW + 3)
    assert (told("PA-4").state, told("PA-4").agency_id) == (ReportState.NEW, "")


def test_what_is_opened_again_is_not_left_with_nobody(desk: Desk) -> None:
    put(desk, report("PA-1", ReportState.DONE, t_closed_ns=NOW), report("PA-2", ReportState.DONE, t_closed_ns=NOW))
    desk.set(end(heir="water"))
    assert does(desk, "PA-1", Verb.REOPEN, reason="chưa xong")[0] == "applied"
    assert (the(desk, "PA-1").state, the(desk, "PA-1").agency_id) == (ReportState.ASSIGNED, "water")
    desk.set(end(), now_ns=NOW + 1)
    assert does(desk, "PA-2", Verb.REOPEN, reason="chưa xong")[0] == "applied"
    assert (the(desk, "PA-2").state, the(desk, "PA-2").agency_id) == (ReportState.NEW, "")


@pytest.mark.parametrize(
    "record",
    [
        AgencyEnd("sla-light", LocalText("Lưới điện")),
        AgencyEnd("nobody", LocalText("Không ai")),
        AgencyEnd("grid", LocalText("Tên khác"), "power"),
    ],
)
def test_only_an_agency_that_is_there_is_taken_away(desk: Desk, record: AgencyEnd) -> None:
    assert desk.set(record)[:2] == ("refused", "bad_record")
    assert desk.set(end(), who=LEAD)[:2] == ("refused", "not_allowed")
    assert desk.set(LIGHT, "grid")[:2] == ("refused", "bad_record")


def test_it_stays_away_over_a_restart_and_a_new_day_of_the_demo(desk: Desk, tmp_path: Path) -> None:
    desk.set(end())
    again = Core(desk.log, SlowCity(NOW, past_s=60))
    again.start(NOW)
    again.maintain(NOW + DAY)
    assert "grid" not in again.records("config")

    class WithGrid(SlowCity):
        def directory(self) -> Any:
            city = super().directory()
            return change(city, config=(*city.config, POWER, GRID))

    log = SqliteLog(tmp_path / "next.db", Mode.TEST)
    carry(settings_in(desk.log), log, NOW + DAY)
    day = Core(log, WithGrid(NOW + DAY, past_s=60))
    day.start(NOW + DAY)
    day.maintain(NOW + DAY)
    assert "power" in day.records("config")
    assert "grid" not in day.records("config")
    log.close()
