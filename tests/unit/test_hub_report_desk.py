"""Citizen reports at the hub: every act through one transaction, the source overruled, time that is used up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.tiny_city import TinyCity

from backends.domain.action import Action, Verb
from backends.domain.feeds import Mode
from backends.domain.people import Operator, Role
from backends.domain.place import Agency, Area, SlaRule
from backends.domain.report import Report, ReportState
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import ReportMoved
from backends.hub.core import Core
from backends.hub.intake import Intake
from backends.hub.log import SqliteLog
from backends.protocol.codec import decode_body

NOW = 1_790_000_000 * NS_PER_S
HOUR = 3600 * NS_PER_S
CONFIG = (
    SlaRule("sla-flood", "flood", LocalText("Ngập nước", "Flooding"), 4.0, escalate=(0.5, 2.0)),
    SlaRule("sla-light", "lighting", LocalText("Chiếu sáng", "Street lights"), 12.0),
    Agency("drains", LocalText("Thoát nước", "Drainage")),
    Agency("power", LocalText("Điện lực", "Power")),
    Area("ward-1", LocalText("Phường 1"), ((0, 0), (1, 0), (1, 1)), "2009-08-11"),
)
HA = Operator("op-ha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, "desk-1")
MINH = Operator("op-minh", "Trần Minh", "Minh", Role.OPERATOR, "desk-2")
LEAD = Operator("op-lead", "Lê Quang", "Quang", Role.SHIFT_LEAD, "desk-3")
BLOB = "a" * 64


def report(id_: str = "PA-8", **fields: Any) -> Report:
    made = Report(id_, "flood", LocalText("Ngập sâu"), ReportState.NEW, NOW, NOW + 4 * HOUR, agency_id="drains")
    return msgspec.structs.replace(made, **fields)


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    log = SqliteLog(tmp_path / "hub.db", Mode.TEST)
    made = Core(log, TinyCity(NOW, past_s=60))
    made.start(NOW)
    for record in CONFIG:
        made.put("config", record, NOW)
    for id_ in ("PA-8", "PA-9"):
        made.put("reports", report(id_), NOW)
    made.round(NOW, 0.0)
    yield made
    log.close()


class Desk:
    """Acts one after the other, each with its own id."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.n = 0

    def __call__(
        self, verb: Verb, target: str = "PA-8", who: Operator = HA, expect: int = 0, **args: str
    ) -> tuple[str, str, str]:
        self.n += 1
        answer = self.core.act("desk-1", who, Action(f"a{self.n}", verb, "reports", target, expect, NOW, 0, args), NOW)
        self.published = [f"{e.feed} {e.type} {e.id}" for e in answer.published]
        last = answer.acks[-1]
        return last.stage, last.code, last.text


@pytest.fixture
def desk(core: Core) -> Desk:
    return Desk(core)


def stored(core: Core, id_: str = "PA-8") -> Report:
    """As the log has it, not as memory has it."""
    found: Report = next(decode_body("reports", e.body) for e in core.snapshot("reports") if e.id == id_)
    assert found == core.records("reports")[id_]
    return found


def said(core: Core) -> list[tuple[str, str]]:
    events = core.log.fetch("timeline", 0, 100, 1 << 20)
    return [(record.what, record.text.vi) for record in (decode_body("timeline", e.body) for e in events)]


def test_a_report_goes_through_the_hands_of_the_centre(core: Core, desk: Desk) -> None:
    assert desk(Verb.CLAIM)[0] == "applied"
    assert desk(Verb.CLAIM, who=MINH) == ("conflict", "already_claimed", "Thu Hà")
    assert desk(Verb.CATEGORISE, category="lighting")[0] == "applied"
    assert desk(Verb.ASSIGN, agency="power")[0] == "applied"
    assert desk.published == ["reports put PA-8", "timeline event PA-8/4"]
    assert desk(Verb.SEND_BACK, reason="không phải điện")[0] == "applied"
    assert desk(Verb.PAUSE, reason="chờ người dân")[0] == "applied"
    assert desk(Verb.RESUME)[0] == "applied"
    assert desk(Verb.ORDER, agency="drains", text="đến ngay")[0] == "applied"
    assert desk(Verb.ORDER_STEP, order="0", step="arrived")[0] == "applied"
    assert desk(Verb.CLOSE, result="đã thông cống", pictures=BLOB)[0] == "applied"
    done = stored(core)
    assert (done.state, done.bounces, done.result, done.after) == (ReportState.DONE, 1, "đã thông cống", (BLOB,))
    assert (done.agency.vi, done.orders[0].t_arrived_ns, done.decided_by) == ("Thoát nước", NOW, "Thu Hà")
    assert desk(Verb.REOPEN, reason="vẫn ngập")[0] == "applied"
    assert desk(Verb.REJECT, reason="tin giả")[0] == "applied"
    assert stored(core).state is ReportState.REJECTED
    assert stored(core).state_rev == stored(core).rev == 12


def test_what_was_said_stays_in_the_timeline(core: Core, desk: Desk) -> None:
    desk(Verb.ASSIGN, agency="power")
    desk(Verb.SEND_BACK, reason="không phải điện")
    assert ("report_send_back", "Ngập sâu · không phải điện") in said(core)


def test_merging_writes_both_and_parting_them_too(core: Core, desk: Desk) -> None:
    assert desk(Verb.MERGE, into="PA-9")[0] == "applied"
    assert desk.published == ["reports put PA-8", "timeline event PA-8/2", "reports put PA-9"]
    assert (stored(core).merged_into, stored(core, "PA-9").reporters) == ("PA-9", 2)
    assert desk(Verb.MERGE, into="PA-9")[:2] == ("conflict", "not_open")
    assert desk(Verb.UNMERGE)[0] == "applied"
    assert (stored(core).state, stored(core, "PA-9").reporters) == (ReportState.NEW, 1)
    assert desk(Verb.UNMERGE)[:2] == ("conflict", "not_merged")
    assert desk(Verb.MERGE, into="PA-77")[:2] == ("conflict", "gone")


def test_an_old_click_is_a_conflict(core: Core, desk: Desk) -> None:
    desk(Verb.ASSIGN, agency="power")
    assert desk(Verb.ASSIGN, expect=1, agency="drains") == ("conflict", "changed", "Thu Hà")
    assert desk(Verb.ASSIGN, expect=2, agency="drains")[0] == "applied"


@pytest.mark.parametrize(
    ("verb", "args", "code"),
    [
        (Verb.ASSIGN, {}, "bad_agency"),
        (Verb.ASSIGN, {"agency": "sla-flood"}, "bad_agency"),
        (Verb.CATEGORISE, {"category": "nothing"}, "bad_category"),
        (Verb.REJECT, {"reason": " "}, "bad_text"),
        (Verb.REJECT, {"reason": "x" * 501}, "bad_text"),
        (Verb.ORDER, {"agency": "drains"}, "bad_text"),
        (Verb.ORDER_STEP, {"order": "-1", "step": "done"}, "bad_order"),
        (Verb.SHELVE, {"reason": "x", "until_ns": "1"}, "unsupported"),
        (Verb.INTAKE, {"category": "flood"}, "bad_text"),
        (Verb.INTAKE, {"category": "flood", "title": "x", "channel": "app"}, "bad_channel"),
        (Verb.INTAKE, {"category": "flood", "title": "x", "lon": "nan", "lat": "1"}, "bad_place"),
        (Verb.INTAKE, {"category": "flood", "title": "x", "lon": "107"}, "bad_place"),
        (Verb.INTAKE, {"category": "flood", "title": "x", "pictures": "../x"}, "bad_pictures"),
        (Verb.INTAKE, {"category": "flood", "title": "x", "area": "drains"}, "bad_area"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(
    core: Core, desk: Desk, verb: Verb, args: dict[str, str], code: str
) -> None:  # fmt: skip
    before = stored(core)
    assert desk(verb, **args)[:2] == ("refused", code)
    assert stored(core) == before


def test_the_centre_takes_a_report_in_and_gives_it_a_number(core: Core, desk: Desk) -> None:
    args = {"category": "flood", "title": "Ngập ngã tư", "channel": "hotline", "lon": "107.1", "lat": "16.8"}
    assert desk(Verb.INTAKE, target="new", **args, area="ward-1") == ("applied", "", "TT-0001")
    assert desk(Verb.INTAKE, target="new", **args)[2] == "TT-0002"
    made = stored(core, "TT-0001")
    assert (made.state, made.t_due_ns, made.category_name.vi) == (ReportState.NEW, NOW + 4 * HOUR, "Ngập nước")
    assert (made.lon, made.lat, made.area_id, made.channel) == (107.1, 16.8, "ward-1", "hotline")
    assert desk(Verb.ASSIGN, target="TT-0001", agency="drains")[0] == "applied"


def test_who_may_not_does_not(core: Core, desk: Desk) -> None:
    for role in (Role.TRAINER, Role.ADMIN, Role.VIEWER):
        who = Operator("op-x", "X", "X", role, "desk-9")
        assert desk(Verb.ASSIGN, who=who, agency="power")[:2] == ("refused", "not_allowed")
    desk(Verb.CLAIM)
    assert desk(Verb.RELEASE, who=MINH)[:2] == ("conflict", "already_claimed")
    assert desk(Verb.RELEASE, who=LEAD)[0] == "applied"


# --- the source goes on talking ----------------------------------------------------------------------


def intake(record: Report) -> Intake:
    made = Intake()
    made.restore("reports", record, record.rev)
    return made


def moved_to(state: ReportState, agency: str = "drains") -> ReportMoved:
    theirs = report(state=state, agency_id=agency, title=LocalText("Ngập sâu, cập nhật"), result="xong")
    return ReportMoved(NOW + HOUR, theirs)


def test_an_untouched_report_follows_its_source() -> None:
    made = intake(report())
    made.event(moved_to(ReportState.IN_PROGRESS))
    assert made.records("reports")["PA-8"].title.vi == "Ngập sâu, cập nhật"


def test_a_decision_of_the_centre_is_not_undone_by_the_source() -> None:
    ours = report(state=ReportState.ASSIGNED, agency_id="power", decided_by="Thu Hà", rev=2, state_rev=2)
    made = intake(ours)
    for state in ReportState:
        made.event(moved_to(state))
    found = made.records("reports")["PA-8"]
    assert msgspec.structs.replace(found, source_said="", rev=2) == ours


def test_who_has_it_in_hand_and_how_high_it_has_gone_outlive_what_a_source_tells() -> None:
    made = intake(report(holder="Thu Hà", holder_id="op-ha", escalated=1, rev=2, state_rev=2))
    made.event(moved_to(ReportState.ASSIGNED))
    found = made.records("reports")["PA-8"]
    assert (found.holder_id, found.escalated, found.state_rev) == ("op-ha", 1, 3)
    made.event(moved_to(ReportState.DONE))
    assert made.records("reports")["PA-8"].holder_id == ""


def test_the_head_of_a_merge_is_not_undone_by_its_source(core: Core, desk: Desk) -> None:
    desk(Verb.MERGE, into="PA-9")
    core._intake.event(ReportMoved(NOW, report("PA-9", state=ReportState.ASSIGNED, title=LocalText("Khác"))))
    head = core.records("reports")["PA-9"]
    assert (head.reporters, head.merged) == (2, ("PA-8",))


def test_a_source_that_repeats_itself_undoes_no_click() -> None:
    ours = report(state=ReportState.IN_PROGRESS, decided_by="Thu Hà", rev=2, state_rev=2)
    made = intake(ours)
    made.event(moved_to(ReportState.DONE))
    done = made.records("reports")["PA-8"]
    assert done.state is ReportState.DONE
    made.restore("reports", msgspec.structs.replace(done, state=ReportState.ASSIGNED, t_closed_ns=0, rev=4), 4)
    assert made.event(moved_to(ReportState.DONE)) == []
    assert made.records("reports")["PA-8"].state is ReportState.ASSIGNED
    assert made.event(moved_to(ReportState.IN_PROGRESS))
    assert made.records("reports")["PA-8"].state is ReportState.IN_PROGRESS


def test_the_agency_that_has_it_says_how_far_it_is() -> None:
    made = intake(report(state=ReportState.ASSIGNED, decided_by="Thu Hà", rev=2, state_rev=2))
    made.event(moved_to(ReportState.NEW))
    assert made.records("reports")["PA-8"].state is ReportState.ASSIGNED
    steps = [(ReportState.IN_PROGRESS, 3), (ReportState.RETURNED, 4)]
    for state, rev in steps:
        change, note = made.event(moved_to(state))
        assert (change.record.state, change.record.state_rev, change.record.title.vi) == (state, rev, "Ngập sâu")
        assert note.record.what == f"report_{state.value}"
    assert change.record.bounces == 1


# --- time ---------------------------------------------------------------------------------------------


def test_it_goes_up_at_the_shares_of_its_category(core: Core) -> None:
    core.round(NOW, 1.0)
    core.maintain(NOW + 3 * HOUR)
    core.round(NOW + 3 * HOUR, 2.0)
    assert stored(core).escalated == 1
    assert ("report_escalated", "Ngập sâu") in said(core)
    core.maintain(NOW + 3 * HOUR)
    core.maintain(NOW + 8 * HOUR)
    core.round(NOW + 8 * HOUR, 3.0)
    assert stored(core).escalated == 2
    assert [what for what, _ in said(core)].count("report_escalated") == 6, "three reports, two steps each"


# -- the citizen's word ---------------------------------------------------------------------------------------


def test_a_rating_comes_by_the_source_whoever_decided_and_speaks_of_the_last_result(core: Core, desk: Desk) -> None:
    desk(Verb.ASSIGN, agency="drains")
    desk(Verb.CLOSE, result="đã thông cống")

    def told(stars: int, t_ns: int) -> Report:
        theirs = report(
            state=ReportState.DONE, t_closed_ns=NOW + 9, rating=stars, rating_text="vẫn ngập", t_rated_ns=t_ns
        )
        core._intake.event(ReportMoved(t_ns, theirs))
        found: Report = core.records("reports")["PA-8"]
        return found

    before = told(1, NOW)
    assert before.rating == 0, "given before it was closed"
    rated = told(1, NOW + HOUR)
    assert (rated.rating, rated.rating_text, rated.result) == (1, "vẫn ngập", "đã thông cống")
    assert rated.state_rev == before.state_rev, "no click on it is a conflict because of a rating"
    assert desk(Verb.REOPEN, reason="chưa xong")[0] == "applied"
    assert (core.records("reports")["PA-8"].rating, core.records("reports")["PA-8"].rating_text) == (0, "")
    again = told(1, NOW + HOUR)
    assert (again.rating, again.state) == (0, ReportState.ASSIGNED), "the source only repeats itself"


def test_a_rating_is_an_event_without_the_citizens_words() -> None:
    intake = Intake()
    done = report(state=ReportState.DONE, t_closed_ns=NOW)
    intake.event(ReportMoved(NOW, done))
    changes = intake.event(
        ReportMoved(NOW + 5, msgspec.structs.replace(done, rating=2, rating_text="chưa xong", t_rated_ns=NOW + 5))
    )
    (event,) = [change.record for change in changes if change.type == "event"]
    assert (event.what, event.text.vi) == ("report_rated", "Ngập sâu · 2/5")
