"""What a hand-over says, line by line, on the screen and on paper. Pure but for the language on screen."""

from __future__ import annotations

from dataclasses import dataclass

from backends.domain.alarm import AlarmState
from backends.domain.handover import Handover, Line, Part, Section, Signature
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import local, tr


@dataclass(frozen=True)
class Cells:
    """One line."""

    at: str
    title: str
    place: str
    state: str


def heading(part: Part) -> str:
    """Its name, and how many there were."""
    name = tr(f"handover.section.{part.section.value}")
    if part.total > len(part.lines):
        return tr("handover.heading_part", name=name, n=part.total, shown=len(part.lines))
    return tr("handover.heading", name=name, n=part.total)


def cells(line: Line, section: Section, now_ns: int) -> Cells:
    """`now_ns`: the moment that the hand-over speaks of."""
    at = fmt.event_minutes(line.t_ns, now_ns) if line.t_ns else ""
    if section is Section.SHELVED:
        at = tr("alarms.shelved", at=at) if at else ""
    title, place = local(line.name), local(line.detail)
    return Cells(at, title, place, _state(line, section, now_ns))


def _state(line: Line, section: Section, now_ns: int) -> str:
    match section:
        case Section.OPEN:
            return _alarm_state(line)
        case Section.CLAIMED:
            return tr("alarms.in_hand", who=line.who)
        case Section.SHELVED | Section.OUT_OF_SERVICE:
            return " · ".join(part for part in (line.who, line.why) if part)
        case Section.OVERDUE:
            late = tr("reports.overdue", time=fmt.duration((now_ns - line.t_ns) / NS_PER_S))
            return " · ".join(part for part in (late, line.who) if part)
        case Section.CAMERAS:
            return tr("camera_list.offline")
        case Section.LOG:
            mark = tr(f"logbook.{line.state}") if line.state in ("correction", "corrected") else ""
            return " · ".join(part for part in (line.who, mark) if part)
    return ""


def _alarm_state(line: Line) -> str:
    match line.state:
        case AlarmState.RETURNED:
            return tr("alarms.returned")
        case AlarmState.LATCHED:
            return tr("alarms.latched")
        case AlarmState.ACKNOWLEDGED:
            return tr("alarms.acknowledged_by", who=line.who) if line.who else tr("alarms.acknowledged")
    return tr("alarms.unacknowledged")


def signed(signature: Signature | None) -> str:
    """Who, as what, when; or that nobody has."""
    if signature is None:
        return tr("handover.nobody")
    at = f"{fmt.date_long(signature.t_ns)} {fmt.clock(signature.t_ns)}"
    return tr("handover.signed", name=signature.name, role=tr(f"role.{signature.role.value}"), at=at)


def standing(handover: Handover, now_ns: int) -> str:
    """Number, state, since when."""
    since = fmt.event_minutes(handover.t_from_ns, now_ns)
    return tr("handover.standing", id=handover.id, state=tr(f"handover.state.{handover.state.value}"), since=since)
