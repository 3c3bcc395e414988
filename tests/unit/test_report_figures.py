"""Figures of reports: each counted once, late is late however it ends, and what is not known is not nought."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from backends.domain.report import Report, ReportState
from backends.domain.report_figures import by_agency, by_category, total
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S

NOW = 1_790_000_000 * NS_PER_S
HOUR = 3600 * NS_PER_S
DONE, OPEN = ReportState.DONE, ReportState.IN_PROGRESS


def report(n: int, **fields: Any) -> Report:
    made = Report(
        f"PA-{n}", "waste", LocalText("Rác"), OPEN, NOW - 4 * HOUR, NOW + 4 * HOUR,
        category_name=LocalText("Vệ sinh"), agency_id="ag", agency=LocalText("Môi trường"),
    )  # fmt: skip
    return msgspec.structs.replace(made, **fields)


REPORTS = [
    report(1),
    report(2, t_due_ns=NOW - HOUR, bounces=2),
    report(3, state=DONE, t_closed_ns=NOW - 2 * HOUR, rating=5),
    report(4, state=DONE, t_closed_ns=NOW - 3 * HOUR, rating=2),
    report(5, state=DONE, t_closed_ns=NOW, t_due_ns=NOW - HOUR, paused_ns=HOUR),
    report(6, state=ReportState.MERGED, merged_into="PA-1", bounces=7),
    report(7, state=ReportState.NEW, category="road", category_name=LocalText("Đường sá")),
    report(8, state=ReportState.REJECTED, t_closed_ns=NOW - HOUR, category="road", agency_id=""),
]


def test_by_category() -> None:
    waste, road = by_category(REPORTS, NOW)
    assert (waste.id, waste.name.vi, waste.open, waste.overdue, waste.closed, waste.bounces) == (
        "waste", "Vệ sinh", 2, 1, 3, 2,
    )  # fmt: skip
    assert waste.on_time == pytest.approx(2 / 4), "two of three were in time, and one open one is late already"
    assert waste.median_s == pytest.approx(2 * 3600), "2 h, 1 h, and 4 h of which the clock stood one"
    assert (waste.rating, waste.rated) == (3.5, 2)
    assert (road.open, road.overdue, road.closed, road.on_time) == (1, 0, 1, 1.0)
    assert road.median_s is None
    assert road.rating is None


def test_by_agency_counts_only_what_was_given() -> None:
    (agency,) = by_agency(REPORTS, NOW)
    assert (agency.id, agency.open, agency.closed) == ("ag", 2, 3)


def test_all_together_and_of_nothing() -> None:
    assert (total(REPORTS, NOW).open, total(REPORTS, NOW).closed) == (3, 4)
    nothing = total([], NOW)
    assert (nothing.open, nothing.on_time, nothing.median_s, nothing.rating) == (0, None, None, None)


def test_a_clock_that_stands_makes_nothing_late() -> None:
    standing = report(9, t_due_ns=NOW - HOUR, t_paused_ns=NOW - 2 * HOUR)
    assert total([standing], NOW).overdue == 0
