"""Checks of citizen reports: one is taken in, and goes through what people do to it. A backend may do without each of
these verbs; the reports that are taken in stay, closed or merged."""

from __future__ import annotations

from backends.conform.actor import NAMELESS, Actor, acting, second
from backends.conform.registry import Checks
from backends.conform.room import Room
from backends.conform.wire import Failed, Skipped
from backends.domain.action import Verb
from backends.domain.place import Agency, SlaRule
from backends.domain.report import Channel, Report, ReportState

CHECKS = Checks()
check = CHECKS.check
TITLE = "conform: a tree on the road"
TITLE_LIMIT, REASON_LIMIT = 200, 500


def category(actor: Actor) -> str:
    """Of a rule of the centre. Raises Skipped."""
    for record in actor.records("config").values():
        if isinstance(record, SlaRule):
            return record.category
    raise Skipped("no SLA rule in the feed config: provide one, reports are of a category")


def taken_in(actor: Actor, **args: str) -> Report:
    """A new report of the centre. Raises Failed or Skipped."""
    said = {"category": category(actor), "title": TITLE, "channel": Channel.HOTLINE.value, **args}
    action = actor.action(Verb.INTAKE, "reports", "", **said)
    done = actor.done(action)
    report: Report | None = done.record
    if report is None or not report.id:
        raise Failed(f"a report that was taken in has no record of the number {done.ack.text!r} (ACK `text`)")
    done.one("report_intake")
    if (report.category, report.title.vi, report.channel.value) != (said["category"], TITLE, said["channel"]):
        raise Failed(f"report {report.id} was taken in as {report.category}, {report.title.vi}, {report.channel.value}")
    return report


def _act(actor: Actor, report: Report, verb: Verb, **args: str) -> Report:
    """What became of it. Raises Failed where its `state_rev` has not risen."""
    done = actor.done(actor.action(verb, "reports", report.id, report.state_rev, **args))
    done.one(f"report_{verb.value}")
    after: Report | None = done.record
    if after is None or after.state_rev <= report.state_rev or after.rev <= report.rev:
        raise Failed(f"{verb.value} of report {report.id}: `rev` and `state_rev` must rise")
    return after


def _is(report: Report, state: ReportState, **fields: object) -> Report:
    """Raises Failed where it is not."""
    for name, value in {"state": state, **fields}.items():
        if getattr(report, name) != value:
            raise Failed(f"`{name}` of report {report.id} is {getattr(report, name)!r}, not {value!r}")
    return report


@check("intake", "a report that the centre takes in itself gets its number in the ACK, and stands in the feed")
def intake(room: Room) -> str:
    with acting(room, Verb.INTAKE, feed="reports") as actor:
        fits = {"category": category(actor), "title": TITLE}
        for code, wrong in (
            ("bad_category", {"category": NAMELESS}),
            ("bad_text", {"title": " "}),
            ("bad_text", {"title": "x" * (TITLE_LIMIT + 1)}),
            ("bad_channel", {"channel": NAMELESS}),
            ("bad_place", {"lon": "east", "lat": "16.8"}),
            ("bad_area", {"area": NAMELESS}),
            ("bad_pictures", {"pictures": NAMELESS}),
        ):
            actor.refused(code, actor.action(Verb.INTAKE, "reports", "", **{**fits, **wrong}))
        first = taken_in(actor, lon="107.1", lat="16.8", text="conform: lời kể")
        _is(first, ReportState.NEW, lon=107.1, lat=16.8, text="conform: lời kể")
        later = taken_in(actor)
        if first.id == later.id:
            raise Failed(f"two reports have the number {first.id}")
    return f"{first.id}, {later.id}"


@check("report-claim", "one person deals with a report: the next is told who has it, and gives back only his own")
def report_claim(room: Room) -> str:
    with acting(room, Verb.INTAKE, Verb.CLAIM, Verb.RELEASE, feed="reports") as actor, second(room, actor) as other:
        report = taken_in(actor)
        claimed = _is(_act(actor, report, Verb.CLAIM), ReportState.NEW, holder_id=actor.id)
        late = other.action(Verb.CLAIM, "reports", report.id, claimed.state_rev)
        if (text := other.conflict("already_claimed", late).text) != claimed.holder:
            raise Failed(f"the text of the conflict is {text!r}, the holder is {claimed.holder!r}")
        if not other.leads:
            other.conflict("already_claimed", other.action(Verb.RELEASE, "reports", report.id))
        actor.conflict("changed", actor.action(Verb.RELEASE, "reports", report.id, report.state_rev))
        _is(_act(other if other.leads else actor, claimed, Verb.RELEASE), ReportState.NEW, holder="", holder_id="")
        actor.conflict("not_claimed", actor.action(Verb.RELEASE, "reports", report.id))
    return report.id


_COURSE = (
    Verb.INTAKE, Verb.ASSIGN, Verb.START, Verb.SEND_BACK, Verb.PAUSE, Verb.RESUME, Verb.ORDER, Verb.ORDER_STEP,
    Verb.CLOSE, Verb.REOPEN, Verb.REJECT,
)  # fmt: skip


@check("report-course", "a report goes from an agency to its end and is opened again, and what does not fit is said")
def report_course(room: Room) -> str:
    with acting(room, *_COURSE, feed="reports") as actor:
        agency = _agency(actor)
        report = taken_in(actor)
        actor.refused("bad_agency", actor.action(Verb.ASSIGN, "reports", report.id, agency=NAMELESS))
        actor.conflict("not_assigned", actor.action(Verb.START, "reports", report.id))
        actor.conflict("not_paused", actor.action(Verb.RESUME, "reports", report.id))
        actor.conflict("not_closed", actor.action(Verb.REOPEN, "reports", report.id, reason="conform"))
        actor.refused("bad_text", actor.action(Verb.REJECT, "reports", report.id, reason="x" * (REASON_LIMIT + 1)))
        given = _is(_act(actor, report, Verb.ASSIGN, agency=agency), ReportState.ASSIGNED, agency_id=agency)
        actor.conflict("unchanged", actor.action(Verb.ASSIGN, "reports", report.id, agency=agency))
        begun = _is(_act(actor, given, Verb.START), ReportState.IN_PROGRESS)
        actor.conflict("changed", actor.action(Verb.CLOSE, "reports", report.id, given.state_rev, result="conform"))
        back = _is(_act(actor, begun, Verb.SEND_BACK, reason="conform: not ours"), ReportState.RETURNED, bounces=1)
        halted = _act(actor, back, Verb.PAUSE, reason="conform: asked")
        if not halted.t_paused_ns:
            raise Failed(f"report {report.id} is paused, and does not say since when")
        actor.conflict("already_paused", actor.action(Verb.PAUSE, "reports", report.id, reason="conform"))
        going = _is(_act(actor, halted, Verb.RESUME), ReportState.RETURNED, t_paused_ns=0)
        sent = _is(_act(actor, going, Verb.ORDER, agency=agency, text="conform: go"), ReportState.ASSIGNED)
        actor.conflict("no_such_order", actor.action(Verb.ORDER_STEP, "reports", report.id, order="7", step="done"))
        there = _act(actor, sent, Verb.ORDER_STEP, order="0", step="arrived")
        if len(there.orders) != 1 or there.orders[0].unit_id != agency or not there.orders[0].t_arrived_ns:
            raise Failed(f"one unit has arrived, the orders are {there.orders}")
        actor.conflict("order_further", actor.action(Verb.ORDER_STEP, "reports", report.id, order="0", step="received"))
        done = _is(_act(actor, there, Verb.CLOSE, result="conform: cut up"), ReportState.DONE, result="conform: cut up")
        actor.conflict("not_open", actor.action(Verb.PAUSE, "reports", report.id, reason="conform"))
        again = _is(_act(actor, done, Verb.REOPEN, reason="conform: still there"), ReportState.ASSIGNED, reopened=1)
        _is(_act(actor, again, Verb.REJECT, reason="conform: a test"), ReportState.REJECTED, reason="conform: a test")
    return report.id


def _agency(actor: Actor) -> str:
    """Raises Skipped."""
    for id_, record in actor.records("config").items():
        if isinstance(record, Agency):
            return id_
    raise Skipped("no agency in the feed config: provide one")


@check("report-twins", "two reports of one thing are merged into one, and taken apart again")
def report_twins(room: Room) -> str:
    with acting(room, Verb.INTAKE, Verb.MERGE, Verb.UNMERGE, feed="reports") as actor:
        one, into = taken_in(actor), taken_in(actor)
        actor.conflict("itself", actor.action(Verb.MERGE, "reports", one.id, into=one.id))
        actor.conflict("gone", actor.action(Verb.MERGE, "reports", one.id, into=NAMELESS))
        actor.conflict("not_merged", actor.action(Verb.UNMERGE, "reports", one.id))
        merged = _is(_act(actor, one, Verb.MERGE, into=into.id), ReportState.MERGED, merged_into=into.id)
        head: Report = actor.records("reports")[into.id]
        if head.merged != (one.id,) or head.reporters != 2:
            raise Failed(
                f"{one.id} was merged into {into.id}, which says merged {head.merged}, {head.reporters} people"
            )
        late = actor.action(Verb.CLAIM, "reports", one.id)
        if (text := actor.conflict("not_open", late).text) != into.id:
            raise Failed(f"the text of not_open is {text!r}, it was merged into {into.id}")
        _is(_act(actor, merged, Verb.UNMERGE), ReportState.NEW, merged_into="")
        head = actor.records("reports")[into.id]
        if head.merged or head.reporters != 1:
            raise Failed(
                f"{one.id} was taken out of {into.id}, which says merged {head.merged}, {head.reporters} people"
            )
    return f"{one.id}, {into.id}"
