"""The figures of citizen reports as files: a table, and paper with the same table in it. Pure but for the language.

As `figure_paper.py`: the span, the moment that they are of, and that what is shown is old, if it is. No report's words
and nobody's name stand in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backends.domain.report import Report
from backends.domain.report_figures import Figures, by_agency, by_category, total
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.parts.exports import Job, iso, job_for, to_table
from widgets.parts.paper import Paper, PaperPart, paper_job

if TYPE_CHECKING:
    from widgets.session import Session

_COLUMNS = (
    "group", "id", "name", "open", "overdue", "closed", "on_time", "median_s", "bounces", "rating", "rated", "as_of",
)  # fmt: skip
_WIDTHS = (3.2, 1.0, 1.1, 1.2, 2.0, 1.1, 1.6)


@dataclass(frozen=True)
class Reckoned:
    """Of one moment."""

    all: Figures
    categories: tuple[Figures, ...]
    agencies: tuple[Figures, ...]
    t_ns: int
    """That moment."""
    first_ns: int = 0
    """When the oldest report among them was received; 0 = there is none."""
    count: int = 0
    """How many they are of."""


def reckon(reports: Sequence[Report], now_ns: int) -> Reckoned:
    """Any thread."""
    return Reckoned(
        total(reports, now_ns),
        tuple(by_category(reports, now_ns)),
        tuple(by_agency(reports, now_ns)),
        now_ns,
        min((report.t_received_ns for report in reports), default=0),
        len(reports),
    )


def job_of(session: Session, reckoned: Reckoned, stale: str, *, paper: bool) -> Job:
    """As paper (PDF) or as a table (CSV). `stale`: that the reports are old, in words; empty = they are not."""
    stem = f"{fmt.local_time(session.clock.now_ns()):%Y%m%d-%H%M%S}_so-lieu-phan-anh"
    account = {"as_of": iso(reckoned.t_ns), "reports": reckoned.count, "received_from": iso(reckoned.first_ns)}
    if paper:
        sheet = paper_of(reckoned, stale, session.clock.now_ns(), session.city.grant.name or "–")
        return paper_job(session, sheet, "figures", stem, account, what="save_figures", feed="reports")
    return job_for(session, "csv", "figures", stem, to_csv(reckoned), account, what="save_figures", feed="reports")


def paper_of(reckoned: Reckoned, stale: str, now_ns: int, who: str) -> Paper:
    """`who`: prints it."""
    table = to_csv(reckoned)
    count, first = fmt.number(reckoned.count), _moment(reckoned.first_ns)
    lines = [tr("paper.report_figures.as_of", at=_moment(reckoned.t_ns))]
    if reckoned.count:
        lines.append(tr("paper.report_figures.span", n=count, since=first))
    if stale:
        lines.append(tr("paper.report_figures.stale", words=stale))
    lines.append(tr("paper.printed", at=_moment(now_ns), who=who))
    return Paper(
        tr("paper.report_figures.title"),
        lines=lines,
        parts=tuple(_parts(reckoned)),
        footer=tr("paper.report_figures.footer", sha=hashlib.sha256(table).hexdigest()),
        attached=("so-lieu-phan-anh.csv", table),
    )


def _moment(t_ns: int) -> str:
    return f"{fmt.date_long(t_ns)} {fmt.clock(t_ns)}"


def _parts(reckoned: Reckoned) -> Iterator[PaperPart]:
    yield _part("all", (reckoned.all,))
    yield _part("by_category", reckoned.categories)
    yield _part("by_agency", reckoned.agencies)


def _part(key: str, found: Sequence[Figures]) -> PaperPart:
    """Those that have overdue ones must be seen."""
    names = ("name", "open", "overdue", "on_time", "median", "bounces", "rating")
    columns = [tr(f"paper.report_column.{name}") for name in names]
    late = [n for n, one in enumerate(found) if one.overdue]
    return PaperPart(
        tr(f"report_figures.{key}"), [_cells(one, key) for one in found], columns=columns, widths=_WIDTHS, strong=late
    )


def _cells(one: Figures, key: str) -> tuple[str, ...]:
    name = tr("report_figures.all") if key == "all" else local(one.name) or tr("report_figures.unnamed")
    return (
        name,
        fmt.number(one.open),
        fmt.number(one.overdue),
        "–" if one.on_time is None else tr("indicators.percent", n=round(one.on_time * 100)),
        "–" if one.median_s is None else fmt.duration(one.median_s),
        fmt.number(one.bounces),
        "–" if one.rating is None else f"{fmt.number(one.rating, 1)}/5 ({fmt.number(one.rated)})",
    )


def to_csv(reckoned: Reckoned) -> bytes:
    """A row each; shares from 0 to 1, times in seconds."""
    groups = (
        ("all", (reckoned.all,)), ("category", reckoned.categories), ("agency", reckoned.agencies),
    )  # fmt: skip
    at = iso(reckoned.t_ns)
    return to_table(_COLUMNS, [(group, *_figures(one), at) for group, found in groups for one in found])


def _figures(one: Figures) -> tuple[str, ...]:
    known = (one.on_time, one.median_s)
    on_time, median = ("" if value is None else f"{value:.6g}" for value in known)
    rating = "" if one.rating is None else f"{one.rating:.6g}"
    counts = str(one.open), str(one.overdue), str(one.closed)
    return (one.id, local(one.name), *counts, on_time, median, str(one.bounces), rating, str(one.rated))
