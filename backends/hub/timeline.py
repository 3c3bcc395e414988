"""Events of the feed `timeline`, made beside the change they record. Ids repeat for the same event only."""

from __future__ import annotations

from backends.domain.action import Verb
from backends.domain.alarm import Alarm
from backends.domain.incident import TimelineEvent
from backends.domain.people import Operator
from backends.domain.report import Report
from backends.domain.text import LocalText
from backends.hub.ports import Change

_WHAT = {Verb.ACKNOWLEDGE: "alarm_acknowledged", Verb.CLAIM: "alarm_claimed"}


def event(id_: str, what: str, target: str, t_ns: int, *, actor: str = "", text: LocalText, cause: str = "") -> Change:
    """One row of the timeline."""
    record = TimelineEvent(id_, t_ns, what, target, actor, text)
    return Change("timeline", "event", id_, t_ns, record, cause=cause)


def of_alarm(what: str, alarm: Alarm, t_ns: int) -> Change:
    """The world moved an alarm."""
    return event(f"{alarm.id}/{alarm.state_rev}", what, alarm.id, t_ns, text=alarm.name)


def of_verb(alarm: Alarm, verb: Verb, operator: Operator, t_ns: int, *, cause: str = "") -> Change:
    """A person moved an alarm."""
    id_ = f"{alarm.id}/{alarm.state_rev}"
    return event(id_, _WHAT[verb], alarm.id, t_ns, actor=operator.id, text=alarm.name, cause=cause)


def of_report(report: Report, t_ns: int) -> Change:
    """A report arrived or moved on."""
    what = "report_received" if report.state == "new" else f"report_{report.state.value}"
    return event(f"{report.id}/{report.state_rev}", what, report.id, t_ns, text=report.title)


def of_comment(aid: str, target: str, operator: Operator, text: str, t_ns: int) -> Change:
    """A person's words."""
    return event(aid, "comment", target, t_ns, actor=operator.id, text=LocalText(text), cause=aid)
