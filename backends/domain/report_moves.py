"""What people and agencies do to a citizen report: pure transitions, each refused where it does not fit.

The hub is the only caller that changes the truth; a console uses the same functions to show a pending click. Nothing
here reads a clock. Every act moves `state_rev`, so that a click on an older state is a conflict and not a surprise.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from backends.domain.alarm import TransitionRefused
from backends.domain.place import Agency, SlaRule
from backends.domain.report import FieldOrder, Report, ReportState, used_share
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S

STEPS = ("received", "arrived", "done")
"""What becomes of an order in the field, in this order; one may be skipped."""
ESCALATE_AT = (1.0, 1.5)
"""At these shares of the SLA time a report goes to the shift lead, then to the leaders, where its rule says nothing."""


def claim(report: Report, by: str, by_id: str) -> Report:
    """`by` deals with it at the centre. A second claim is a conflict that names the holder."""
    _must_be_open(report)
    if report.holder_id:
        raise TransitionRefused("already_claimed", report.holder)
    return _moved(report, holder=by, holder_id=by_id)


def release(report: Report, by_id: str, *, anybody: bool = False) -> Report:
    """Given back by its holder, or (`anybody`) by one who may take it from him."""
    if not report.holder_id:
        raise TransitionRefused("not_claimed")
    if report.holder_id != by_id and not anybody:
        raise TransitionRefused("already_claimed", report.holder)
    return _moved(report, holder="", holder_id="")


def categorise(report: Report, rule: SlaRule) -> Report:
    """Another category: its clock is the one that counts, from when the report came."""
    _must_be_open(report)
    if report.category == rule.category:
        raise TransitionRefused("unchanged")
    due = report.t_received_ns + report.paused_ns + int(rule.hours * 3600 * NS_PER_S)
    return _moved(report, category=rule.category, category_name=rule.name, t_due_ns=due, escalated=0)


def assign(report: Report, agency: Agency, name: LocalText, now_ns: int) -> Report:
    """To an agency, from the centre or from another agency. A clock that stood runs again: it is somebody's work."""
    _must_be_open(report)
    if report.agency_id == agency.id and not report.state.undecided:
        raise TransitionRefused("unchanged", name.vi)
    running = _running(report, now_ns)
    return _moved(running, state=ReportState.ASSIGNED, agency_id=agency.id, agency=name, reason="")


def start(report: Report) -> Report:
    """The agency works on it."""
    if report.state is not ReportState.ASSIGNED:
        raise TransitionRefused("not_assigned")
    return _moved(report, state=ReportState.IN_PROGRESS)


def send_back(report: Report, reason: str, now_ns: int) -> Report:
    """Not ours, says the agency: the centre decides anew, and the bounce is counted."""
    if report.state not in (ReportState.ASSIGNED, ReportState.IN_PROGRESS):
        raise TransitionRefused("not_assigned")
    running = _running(report, now_ns)
    return _moved(running, state=ReportState.RETURNED, bounces=report.bounces + 1, reason=reason)


def lose_agency(report: Report, heir: Agency | None, reason: str, now_ns: int) -> Report:
    """Its agency is no more: `heir` goes on with it, else the centre decides anew. No bounce: nobody sent it back."""
    _must_be_open(report)
    if heir is not None and not report.state.undecided:
        return assign(report, heir, heir.name, now_ns)
    whose = {"agency_id": heir.id, "agency": heir.name} if heir is not None else {"agency_id": "", "agency": _NOBODY}
    if report.state.undecided:
        return _moved(report, **whose)
    return _moved(_running(report, now_ns), state=ReportState.RETURNED, reason=reason, **whose)


def pause(report: Report, reason: str, now_ns: int) -> Report:
    """The SLA clock stands: the citizen must be asked, or another body must act first."""
    _must_be_open(report)
    if report.t_paused_ns:
        raise TransitionRefused("already_paused")
    return _moved(report, t_paused_ns=now_ns, reason=reason)


def resume(report: Report, now_ns: int) -> Report:
    _must_be_open(report)
    if not report.t_paused_ns:
        raise TransitionRefused("not_paused")
    return _moved(_running(report, now_ns), reason="")


def reject(report: Report, reason: str, now_ns: int) -> Report:
    """Closed without work, with a reason that the citizen reads."""
    _must_be_open(report)
    running = _running(report, now_ns)
    return _moved(running, state=ReportState.REJECTED, reason=reason, t_closed_ns=now_ns, **_LET_GO)


def close(report: Report, result: str, after: Sequence[str], now_ns: int) -> Report:
    """Done, with what was done and, where there are any, pictures of it."""
    if report.state not in (ReportState.ASSIGNED, ReportState.IN_PROGRESS):
        raise TransitionRefused("not_assigned" if report.state.undecided else "not_open")
    running = _running(report, now_ns)
    pictures = tuple(dict.fromkeys((*report.after, *after)))
    return _moved(
        running, state=ReportState.DONE, result=result, after=pictures, t_closed_ns=now_ns, reason="", **_LET_GO
    )


def reopen(report: Report, reason: str, rule_hours: float, now_ns: int) -> Report:
    """Not done after all. It has its full time once more, from now."""
    if report.state not in (ReportState.DONE, ReportState.REJECTED):
        raise TransitionRefused("merged" if report.state is ReportState.MERGED else "not_closed", report.merged_into)
    state = ReportState.ASSIGNED if report.state is ReportState.DONE else ReportState.NEW
    due = now_ns + int(rule_hours * 3600 * NS_PER_S)
    return _moved(
        report, state=state, reason=reason, reopened=report.reopened + 1, t_closed_ns=0, escalated=0,
        rating=0, rating_text="", t_rated_ns=0,
        t_due_ns=due, paused_ns=max(0, now_ns - report.t_received_ns),
    )  # fmt: skip


def rate(report: Report, stars: int, words: str = "", t_rated_ns: int = 0) -> Report:
    """The citizen's word on the result. One given before this result was is not about it."""
    if report.state is not ReportState.DONE or (t_rated_ns and t_rated_ns <= report.t_closed_ns):
        raise TransitionRefused("not_closed")
    rated = {"rating": stars, "rating_text": words, "t_rated_ns": t_rated_ns}
    return msgspec.structs.replace(report, rev=report.rev + 1, **rated)


def merge(report: Report, into: Report, children: Sequence[Report], now_ns: int) -> tuple[Report, ...]:
    """(`report` as MERGED, `into` with its reporters and pictures, `children` with their new head). `children`: those
    that were merged into `report` before: there is one head, never a chain.

    The clock of the one that is due first counts on, and it runs.
    """
    _must_be_open(report)
    _must_be_open(into)
    if report.id == into.id:
        raise TransitionRefused("itself")
    own = max(1, report.reporters - sum(child.reporters for child in children))
    gone = _moved(
        _running(report, now_ns), state=ReportState.MERGED, merged_into=into.id, merged=(), reporters=own,
        t_closed_ns=now_ns, **_LET_GO,
    )  # fmt: skip
    into = _running(into, now_ns)
    first = gone if gone.t_due_ns < into.t_due_ns else into
    head = _moved(
        into,
        reporters=into.reporters + report.reporters,
        merged=(*into.merged, *report.merged, report.id),
        before=tuple(dict.fromkeys((*into.before, *report.before))),
        t_received_ns=first.t_received_ns, t_due_ns=first.t_due_ns, paused_ns=first.paused_ns,
    )  # fmt: skip
    return gone, head, *(_moved(child, merged_into=into.id) for child in children)


def unmerge(report: Report, head: Report) -> tuple[Report, Report]:
    """Not the same after all: (`report` undecided again, `head` without its reporters). Its own clock never stopped.

    The head keeps the pictures and the earlier time: what was seen is not unseen.
    """
    if report.state is not ReportState.MERGED or report.merged_into != head.id:
        raise TransitionRefused("not_merged")
    back = _moved(report, state=ReportState.NEW, merged_into="", t_closed_ns=0)
    left = tuple(one for one in head.merged if one != report.id)
    return back, _moved(head, reporters=max(1, head.reporters - report.reporters), merged=left)


def order(report: Report, unit: Agency, name: LocalText, text: str, by: str, now_ns: int) -> Report:
    """A unit is sent. An undecided report is its agency's work from then on."""
    _must_be_open(report)
    sent = FieldOrder(unit.id, name, text, now_ns, by)
    state = ReportState.ASSIGNED if report.state.undecided else report.state
    agency = {"agency_id": unit.id, "agency": name} if report.state.undecided else {}
    return _moved(_running(report, now_ns), state=state, orders=(*report.orders, sent), **agency)


def order_step(report: Report, number: int, step: str, now_ns: int) -> Report:
    """Order `number` (from 0) was received, the unit has arrived, or it is done. Later ones imply earlier ones."""
    if not 0 <= number < len(report.orders) or step not in STEPS:
        raise TransitionRefused("no_such_order")
    sent = report.orders[number]
    if getattr(sent, f"t_{step}_ns"):
        raise TransitionRefused("unchanged")
    if any(getattr(sent, f"t_{later}_ns") for later in STEPS[STEPS.index(step) + 1 :]):
        raise TransitionRefused("order_further")
    changed = msgspec.structs.replace(sent, **{f"t_{step}_ns": now_ns})
    orders = (*report.orders[:number], changed, *report.orders[number + 1 :])
    state = ReportState.IN_PROGRESS if report.state is ReportState.ASSIGNED else report.state
    return _moved(report, state=state, orders=orders)


def escalate(report: Report, now_ns: int, at: Sequence[float] = ESCALATE_AT) -> Report:
    """The same report, or one that has gone a step higher because its time is used up. Never down again by itself."""
    if not report.state.open or report.t_paused_ns:
        return report
    level = sum(used_share(report, now_ns) >= share for share in at)
    return _moved(report, escalated=level) if level > report.escalated else report


_NOBODY = LocalText("")
_LET_GO = {"holder": "", "holder_id": ""}


def _must_be_open(report: Report) -> None:
    if not report.state.open:
        raise TransitionRefused("not_open", report.merged_into)


def _running(report: Report, now_ns: int) -> Report:
    """With its clock running, and the time it stood put on top."""
    if not report.t_paused_ns:
        return report
    stood_ns = max(0, now_ns - report.t_paused_ns)
    return msgspec.structs.replace(
        report, t_paused_ns=0, t_due_ns=report.t_due_ns + stood_ns, paused_ns=report.paused_ns + stood_ns
    )


def _moved(report: Report, **changes: object) -> Report:
    return msgspec.structs.replace(report, rev=report.rev + 1, state_rev=report.state_rev + 1, **changes)
