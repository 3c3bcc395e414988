"""The queue of citizen reports as an item model: what is still somebody's work, overdue first.

Fed by `sync` with whole records and by `tick` with the time; it changes only the rows that changed and
never resets, so that selection and scroll place survive. GUI thread only. It paints nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from backends.domain.action import ActionStatus, Stage
from backends.domain.report import Report, queue_order, remaining_s, sla_used, unhappy, waits
from widgets import format as fmt
from widgets.i18n import local, tr

REPORT_ROLE = int(Qt.ItemDataRole.UserRole)
"""The Report itself."""
SLA_ROLE = REPORT_ROLE + 1
"""The row's Sla."""

SOON_S = 30 * 60.0
"""Due within half an hour: the words turn strong before they turn inverse."""

_BAR_STEPS = 200
"""The bar of used time moves in half percents: finer steps would repaint without being seen."""

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()


@dataclass(frozen=True)
class Sla:
    """A report's time as a row shows it."""

    words: str
    """ "quá hạn 35 phút", "còn 1 giờ 42 phút"."""
    overdue: bool
    soon: bool
    used: float
    """0 to 1, in steps of half a percent."""


def sla_of(report: Report, now_ns: int) -> Sla:
    """The SLA clock of `report` in the language on screen; of a closed one how the citizen found it, or when."""
    if not report.state.open:
        words = tr("reports.rated", n=report.rating) if report.rating else ""
        if report.t_closed_ns and not words:
            words = tr("reports.closed_at", at=fmt.event_minutes(report.t_closed_ns, now_ns))
        return Sla(words, overdue=False, soon=unhappy(report), used=1.0)
    left_s = remaining_s(report, now_ns)
    overdue = left_s < 0
    key = "reports.overdue" if overdue else "reports.left"
    if report.t_paused_ns:
        key = "reports.paused_overdue" if overdue else "reports.paused"
    used = int(sla_used(report, now_ns) * _BAR_STEPS) / _BAR_STEPS
    return Sla(tr(key, time=fmt.duration(abs(left_s))), overdue, 0 <= left_s < SOON_S, used)


def report_words(report: Report) -> list[str]:
    """What else should be known of it, the gravest first: short words for a row or a panel."""
    words = [tr("reports.unhappy")] if unhappy(report) else []
    if report.escalated:
        words.append(tr(f"reports.escalated_{min(2, report.escalated)}"))
    if report.holder:
        words.append(tr("reports.held", who=report.holder))
    counted = ((report.reporters, 2, "people"), (report.bounces, 1, "bounced"), (report.reopened, 1, "reopened"))
    return words + [tr(f"reports.{key}", n=n) for n, least, key in counted if n >= least]


def click_words(status: ActionStatus) -> str:
    """What became of the last click on a report."""
    match status.stage:
        case Stage.QUEUED:
            return tr("reports.queued")
        case Stage.SENT | Stage.STORED:
            return tr("reports.sent")
        case Stage.EXPIRED:
            return tr("reports.expired")
        case Stage.CONFLICT:
            claimed = status.code == "already_claimed" and status.text
            return tr("reports.conflict_claimed", who=status.text) if claimed else tr("reports.conflict_changed")
    return tr("reports.no_agency" if status.code == "bad_agency" else "reports.refused")


class ReportModel(QAbstractListModel):
    """One row a report that is open, or that a citizen says is not done."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Report] = []
        self._slas: list[Sla] = []
        self._now_ns = 0
        self.personal = True
        """False while the screen is locked: citizens' own words are not shown."""

    # -- reading -------------------------------------------------------------------------------------

    def report(self, row: int) -> Report:
        return self._rows[row]

    def sla(self, row: int) -> Sla:
        return self._slas[row]

    def overdue_count(self) -> int:
        return sum(sla.overdue for sla in self._slas)

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        report, sla = self._rows[index.row()], self._slas[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return local(report.title)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _whole(report if self.personal else msgspec.structs.replace(report, text=""), sla, self._now_ns)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{report.id} · {local(report.title)} · {sla.words}"
        if role == REPORT_ROLE:
            return report
        return sla if role == SLA_ROLE else None

    # -- writing -------------------------------------------------------------------------------------

    def sync(self, reports: Iterable[Report], now_ns: int) -> None:
        """Show exactly those of `reports` that wait for somebody, as one batch: leave, move, arrive, change."""
        self._now_ns = now_ns
        wanted = sorted((r for r in reports if waits(r, now_ns)), key=lambda r: queue_order(r, now_ns))
        self._drop({r.id for r in wanted})
        have = {r.id for r in self._rows}
        self._arrange([r.id for r in wanted if r.id in have])
        self._arrive(wanted, have)
        self._replace(wanted)
        self.tick(now_ns)

    def tick(self, now_ns: int) -> None:
        """The time has moved: rows whose words or bar changed say so, the others stay quiet."""
        self._now_ns = now_ns
        slas = [sla_of(report, now_ns) for report in self._rows]
        changed = [row for row, (old, new) in enumerate(zip(self._slas, slas, strict=True)) if old != new]
        self._slas = slas
        for first, last in _runs(changed):
            self.dataChanged.emit(self.index(first), self.index(last), [SLA_ROLE, Qt.ItemDataRole.ToolTipRole])

    def retranslate(self) -> None:
        """The language changed."""
        self._slas = [sla_of(report, self._now_ns) for report in self._rows]
        if self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def _drop(self, kept: set[str]) -> None:
        gone = [row for row, report in enumerate(self._rows) if report.id not in kept]
        for first, last in reversed(_runs(gone)):
            self.beginRemoveRows(QModelIndex(), first, last)
            del self._rows[first : last + 1]
            del self._slas[first : last + 1]
            self.endRemoveRows()

    def _arrange(self, ids: Sequence[str]) -> None:
        """Put the rows that stay into their new order: a due time was moved."""
        if [r.id for r in self._rows] == list(ids):
            return
        self.layoutAboutToBeChanged.emit()
        at = {report.id: row for row, report in enumerate(self._rows)}
        before = self.persistentIndexList()
        place = {at[report_id]: row for row, report_id in enumerate(ids)}
        after = [self.index(place[index.row()]) for index in before]
        self._rows = [self._rows[at[report_id]] for report_id in ids]
        self._slas = [self._slas[at[report_id]] for report_id in ids]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _arrive(self, wanted: list[Report], have: set[str]) -> None:
        for first, last in _runs([row for row, report in enumerate(wanted) if report.id not in have]):
            self.beginInsertRows(QModelIndex(), first, last)
            self._rows[first:first] = wanted[first : last + 1]
            self._slas[first:first] = [sla_of(r, self._now_ns) for r in wanted[first : last + 1]]
            self.endInsertRows()

    def _replace(self, wanted: list[Report]) -> None:
        changed = [row for row, report in enumerate(wanted) if report != self._rows[row]]
        self._rows = wanted
        for first, last in _runs(changed):
            self.dataChanged.emit(self.index(first), self.index(last))


def _runs(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending row numbers as (first, last) of neighbours: one signal for each run."""
    out: list[tuple[int, int]] = []
    for row in rows:
        if out and out[-1][1] == row - 1:
            out[-1] = (out[-1][0], row)
        else:
            out.append((row, row))
    return out


def _whole(report: Report, sla: Sla, now_ns: int) -> str:
    """All that a row may have cut, as plain lines."""
    lines = [
        f"{report.id} · {local(report.title)}",
        " · ".join(filter(None, (local(report.category_name), local(report.agency), local(report.place)))),
        tr(f"reports.state.{report.state.value}"),
        tr(
            "reports.times",
            received=fmt.event_time(report.t_received_ns, now_ns),
            due=fmt.event_time(report.t_due_ns, now_ns),
            left=sla.words,
        ),
        report.text,
    ]
    return "\n".join(line for line in lines if line)
