"""Page "report_figures": how the citizen reports stand, by category and by agency. Enter goes to the one that is due
longest of the row.

Reckoned beside the GUI thread from the records as they stood then, anew when reports have changed and every ten
seconds: what is overdue moves by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from queue import SimpleQueue

from PySide6.QtCore import QRect, QTimer
from PySide6.QtWidgets import QWidget

from backends.domain.report import queue_order
from backends.domain.report_figures import Figures
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.pages import PageSpec
from widgets.parts.aside import Aside
from widgets.parts.panel_rows import Row
from widgets.parts.report_figure_paper import Reckoned, job_of, reckon
from widgets.search.finder import Kind
from widgets.search.words import matches, split, tokens
from widgets.session import Session
from widgets.typography import TypeScale
from widgets.windows.page import Doer, Page

AGAIN_S = 10.0
COLLECT_MS = 40
CATEGORY, AGENCY, ALL, SAVE = "category", "agency", "all", "save"


class ReportFigures(Page):
    """See the module."""

    feeds = frozenset({"reports"})

    def __init__(
        self, session: Session, window: QWidget, scale: TypeScale, room: QRect, doer: Doer, about: str = ""
    ) -> None:  # fmt: skip
        self._reckoned: Reckoned | None = None
        self._running, self._moved, self._at_s = False, True, 0.0
        self._made: SimpleQueue[Reckoned] = SimpleQueue()
        """Filled by the thread of `_aside`, which touches nothing else."""
        super().__init__(session, window, scale, room, doer, about)
        self._aside = Aside("report figures")
        self._collect = QTimer(self)
        self._collect.setInterval(COLLECT_MS)
        self._collect.timeout.connect(self._take)
        self._start()

    def title(self) -> str:
        return tr("report_figures.title")

    def foot(self, row: Row | None) -> str:
        if row is not None and row.key[0] == SAVE:
            return tr("report_figures.keys_save")
        return tr("report_figures.keys")

    def nothing(self, words: str) -> str:
        return super().nothing(words) if self._reckoned is not None else tr("report_figures.coming")

    def look_up(self, words: str) -> Sequence[Row]:
        reckoned = self._reckoned
        if reckoned is None:
            return []
        wanted, stale = split(words), self._stale()
        rows = [] if words.strip() else [self._row(ALL, reckoned.all, tr("report_figures.all"))]
        if stale and not words.strip():
            rows.append(Row(("head", "stale"), stale, heading=True))
        acts = (Row((SAVE, what), tr(f"report_figures.{what}")) for what in ("print", "save"))
        rows += [row for row in acts if matches(wanted, tokens(row.title))]
        for kind, found in ((CATEGORY, reckoned.categories), (AGENCY, reckoned.agencies)):
            named = [(one, local(one.name) or tr("report_figures.unnamed")) for one in found]
            fits = [self._row(kind, one, name) for one, name in named if matches(wanted, tokens(name))]
            if fits:
                rows += [Row(("head", kind), tr(f"report_figures.by_{kind}"), heading=True), *fits]
        return rows

    def choose(self, row: Row, second: bool) -> str:
        if row.key[0] == SAVE:
            return self._save(paper=row.key[1] == "print")
        kind, _, id_ = row.key[1].partition(":")
        now_ns = self.session.clock.now_ns()
        of = [
            r
            for r in self.session.city.reports()
            if r.state.open
            and (kind == ALL or (r.category if kind == CATEGORY else "" if r.state.undecided else r.agency_id) == id_)
        ]
        first = min(of, key=lambda r: queue_order(r, now_ns), default=None)
        return self.go(Kind.REPORT, first.id) if first is not None else tr("report_figures.none_open")

    def _stale(self) -> str:
        """That the reports themselves are old."""
        since_ns = self.session.city.stale_since_ns(tuple(self.feeds))
        if since_ns is None:
            return ""
        if not since_ns:
            return tr("stale.never")
        age = fmt.duration((self.session.clock.now_ns() - since_ns) / NS_PER_S)
        return tr("stale.age", age=age, at=fmt.clock(since_ns))

    def _save(self, *, paper: bool) -> str:
        assert self._reckoned is not None  # without it there is no row to save it with
        self.session.calls.saveAsked.emit(job_of(self.session, self._reckoned, self._stale(), paper=paper))
        return ""

    # -- figures ---------------------------------------------------------------------------------------

    def _on_feeds(self, changed: frozenset[str]) -> None:
        """Not at every record: a second later at most."""
        self._moved = self._moved or bool(changed & self.feeds)

    def on_second(self) -> None:
        super().on_second()
        if self._moved or self.session.mono.monotonic_s() - self._at_s >= AGAIN_S:
            self._start()

    def _start(self) -> None:
        if self._running:
            return
        self._running, self._moved, self._at_s = True, False, self.session.mono.monotonic_s()
        reports, now_ns, out = self.session.city.reports(), self.session.clock.now_ns(), self._made
        self._aside.start(lambda: out.put(reckon(reports, now_ns)))
        self._collect.start()

    def _take(self) -> None:
        if self._made.empty():
            return
        first = self._reckoned is None
        self._reckoned = self._made.get()
        self._running = False
        self._collect.stop()
        self._renew(keep=not first)

    @staticmethod
    def _row(kind: str, one: Figures, name: str) -> Row:
        said = [tr("report_figures.open", n=fmt.number(one.open))]
        if one.median_s is not None:
            said.append(tr("report_figures.median", time=fmt.duration(one.median_s)))
        if one.bounces:
            said.append(tr("report_figures.bounces", n=fmt.number(one.bounces)))
        if one.rating is not None:
            said.append(tr("report_figures.rating", mean=fmt.number(one.rating, 1), n=fmt.number(one.rated)))
        state = [tr("report_figures.overdue", n=fmt.number(one.overdue))] if one.overdue else []
        if one.on_time is not None:
            state.append(tr("report_figures.on_time", share=tr("indicators.percent", n=round(one.on_time * 100))))
        return Row(
            ("figures", f"{kind}:{one.id}"), name, place=" · ".join(said), state=" · ".join(state),
            strong_state=bool(one.overdue),
        )  # fmt: skip


SPEC = PageSpec("report_figures", ReportFigures)
