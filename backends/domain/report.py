"""Citizen reports (phản ánh hiện trường). Reporters' identity is not part of this record, ever."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S


class ReportState(StrEnum):
    """Where a report stands."""

    NEW = "new"
    """Received, nobody has looked at it."""
    ASSIGNED = "assigned"
    """Given to an agency."""
    IN_PROGRESS = "in_progress"
    """The agency works on it."""
    DONE = "done"
    """Closed with a result."""
    REJECTED = "rejected"
    """Closed with a reason."""

    @property
    def open(self) -> bool:
        """Still somebody's work."""
        return self not in (ReportState.DONE, ReportState.REJECTED)


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """One report as the queue shows it."""

    id: str
    """`PA-2203`."""
    category: str
    title: LocalText
    state: ReportState
    t_received_ns: int
    t_due_ns: int
    """End of the SLA clock."""
    text: str = ""
    """The citizen's own words: plain text from outside."""
    place: LocalText = LocalText("")
    area_id: str = ""
    lon: float | None = None
    lat: float | None = None
    category_name: LocalText = LocalText("")
    agency_id: str = ""
    agency: LocalText = LocalText("")
    t_closed_ns: int = 0
    camera_ids: tuple[str, ...] = ()
    rev: int = 1
    state_rev: int = 1


def remaining_s(report: Report, now_ns: int) -> float:
    """Seconds until due; negative when overdue."""
    return (report.t_due_ns - now_ns) / NS_PER_S


def queue_order(report: Report, now_ns: int) -> tuple[int, int, str]:
    """Overdue first (longest overdue first), then by what is due next; closed ones last."""
    return (0 if report.state.open else 1, report.t_due_ns, report.id)


def sla_used(report: Report, now_ns: int) -> float:
    """Share of the SLA time that is used, 0 to 1 (1 = due or overdue)."""
    span = max(1, report.t_due_ns - report.t_received_ns)
    return min(1.0, max(0.0, (now_ns - report.t_received_ns) / span))
