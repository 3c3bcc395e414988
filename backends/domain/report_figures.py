"""Figures of citizen reports by category and by agency: what is open, late, on time, sent back, how long, how liked.

Pure. Reports that were merged into another one count there, not twice. On time is a share of those that are decided: of
the closed ones those that were closed before they were due, and the open ones that are overdue already as not; an open
one that is not due yet is neither. Times are the clock's own: what it stood does not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

import msgspec

from backends.domain.report import Report, ReportState, due_ns
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S


class Figures(msgspec.Struct, frozen=True):
    """Of one category, or of one agency."""

    id: str
    name: LocalText
    open: int = 0
    overdue: int = 0
    """Of the open ones."""
    closed: int = 0
    """Done or rejected."""
    on_time: float | None = None
    """0 to 1; None: none has been closed and none is late."""
    bounces: int = 0
    """How often an agency sent one back, altogether."""
    median_s: float | None = None
    """From arrival to the end, of those that are done; None: none is."""
    rating: float | None = None
    """Mean of the citizens' ratings; None: there is none."""
    rated: int = 0
    """How many."""


def by_category(reports: Iterable[Report], now_ns: int) -> list[Figures]:
    """Those with the most overdue ones first, then the most open ones."""
    return _grouped(((r.category, r.category_name, r) for r in reports), now_ns)


def by_agency(reports: Iterable[Report], now_ns: int) -> list[Figures]:
    """As `by_category`. What nobody has been given yet is nobody's figure."""
    given = (r for r in reports if r.agency_id and not r.state.undecided)
    return _grouped(((r.agency_id, r.agency, r) for r in given), now_ns)


def total(reports: Iterable[Report], now_ns: int) -> Figures:
    """Of all of them together; without id or name."""
    return _of("", LocalText(""), [r for r in reports if r.state is not ReportState.MERGED], now_ns)


def _grouped(named: Iterable[tuple[str, LocalText, Report]], now_ns: int) -> list[Figures]:
    groups: dict[str, list[Report]] = {}
    names: dict[str, LocalText] = {}
    for id_, name, report in named:
        if report.state is not ReportState.MERGED:
            groups.setdefault(id_, []).append(report)
            names[id_] = name
    found = [_of(id_, names[id_], group, now_ns) for id_, group in groups.items()]
    return sorted(found, key=lambda one: (-one.overdue, -one.open, one.id))


def _of(id_: str, name: LocalText, group: list[Report], now_ns: int) -> Figures:
    open_ones = [r for r in group if r.state.open]
    closed = [r for r in group if not r.state.open]
    overdue = sum(due_ns(r, now_ns) < now_ns for r in open_ones)
    kept = sum(r.t_closed_ns <= r.t_due_ns for r in closed)
    took = [_worked_s(r) for r in closed if r.state is ReportState.DONE]
    ratings = [r.rating for r in closed if r.rating]
    return Figures(
        id_,
        name,
        open=len(open_ones),
        overdue=overdue,
        closed=len(closed),
        on_time=kept / (len(closed) + overdue) if closed or overdue else None,
        bounces=sum(r.bounces for r in group),
        median_s=median(took) if took else None,
        rating=sum(ratings) / len(ratings) if ratings else None,
        rated=len(ratings),
    )


def _worked_s(report: Report) -> float:
    return max(0, report.t_closed_ns - report.t_received_ns - report.paused_ns) / NS_PER_S
