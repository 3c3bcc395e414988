"""How the alarm system does: figures of a shift, a day or a week, each beside its target (docs/alarm-figures.md).

1. The page asks for a time (FiguresDesk) when it opens, when another time is chosen, and every half minute.
2. The feeder works it out from the events that this station keeps, while the page says that it waits.
3. The answer to the newest question is shown, with the time of which there are no data; an older one is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QWidget

from backends.domain.alarm_figures import AlarmFigures, Span
from backends.domain.ports import FiguresPart
from backends.domain.shifts import is_night, shift_at
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.pages import PageSpec
from widgets.parts.figure_paper import job_of
from widgets.parts.figure_rows import Part, parts_of, with_headings
from widgets.parts.panel_rows import Row
from widgets.search.finder import Kind
from widgets.search.words import matches, split, tokens
from widgets.session import Session
from widgets.typography import TypeScale
from widgets.windows.page import Doer, Page

AGAIN_S = 30.0
"""Between two questions."""
LATE_S = 90.0
"""Without an answer so long, it is said: what stands there is no longer of now."""
_HOUR_NS = 3600 * NS_PER_S


class Period(StrEnum):
    """Which time."""

    SHIFT = "shift"
    LAST_SHIFT = "last_shift"
    DAY = "day"
    WEEK = "week"


def span_of(period: Period, begins: Sequence[str], now_ns: int) -> Span:
    """That time as of now, UTC ns. `begins`: when shifts begin."""
    if period is Period.DAY:
        return now_ns - 24 * _HOUR_NS, now_ns
    if period is Period.WEEK:
        return now_ns - 7 * 24 * _HOUR_NS, now_ns
    begin, _ = shift_at(begins, now_ns, fmt.zone())
    return (begin, now_ns) if period is Period.SHIFT else shift_at(begins, begin - 1, fmt.zone())


class AlarmFiguresPage(Page):
    """One period at a time; Enter on another one shows it."""

    def __init__(
        self, session: Session, window: QWidget, scale: TypeScale, room: QRect, doer: Doer, about: str = ""
    ) -> None:  # fmt: skip
        super().__init__(session, window, scale, room, doer, about)
        self._period = Period.SHIFT
        self._figures: AlarmFigures | None = None
        self._unreadable = False
        self._request = 0
        self._asked_s = self._answered_s = 0.0
        session.city.figuresArrived.connect(self._on_figures)
        self._ask_again()
        self._answered_s = self._asked_s

    # -- asking ----------------------------------------------------------------------------------------

    def _ask_again(self) -> None:
        self._asked_s = self.session.mono.monotonic_s()
        span = span_of(self._period, self.session.shifts, self.session.clock.now_ns())
        self._request = self.session.figures.ask_figures(*span)

    def _on_figures(self, part: FiguresPart) -> None:
        if part.request != self._request:
            return
        self._figures, self._unreadable = part.figures, part.figures is None
        self._answered_s = self.session.mono.monotonic_s()
        if self.isVisible():
            self._renew(keep=True)

    def on_second(self) -> None:
        if self.session.mono.monotonic_s() - self._asked_s >= AGAIN_S:
            self._ask_again()
        super().on_second()

    # -- hooks -----------------------------------------------------------------------------------------

    def title(self) -> str:
        return tr("alarm_figures.title")

    def look_up(self, words: str) -> Sequence[Row]:
        wanted = split(words)
        parts = (Part("period", tuple(self._periods())), *self._told())
        kept = (replace(one, rows=tuple(row for row in one.rows if _fits(wanted, row))) for one in parts)
        return with_headings(kept)

    def _periods(self) -> Iterator[Row]:
        for period in Period:
            chosen = period is self._period
            yield Row(
                ("period", period), tr(f"alarm_figures_period.{period}"), place=self._shift_words(period),
                state=tr("alarm_figures.seen") if chosen else "", strong_state=chosen,
            )  # fmt: skip
        yield Row(("save", "pdf"), tr("alarm_figures.print"))
        yield Row(("save", "csv"), tr("alarm_figures.save"))

    def _shift_words(self, period: Period) -> str:
        if period not in (Period.SHIFT, Period.LAST_SHIFT):
            return ""
        now_ns = self.session.clock.now_ns()
        begin, _ = span_of(period, self.session.shifts, now_ns)
        whole = shift_at(self.session.shifts, begin, fmt.zone())
        first, last = (fmt.clock_minutes(t_ns) for t_ns in whole)
        if is_night(whole, fmt.zone()):
            return tr("alarm_figures.shift_night", first=first, last=last)
        return tr("alarm_figures.shift_day", first=first, last=last)

    def _told(self) -> Iterator[Part]:
        """How it stands with the answer, and the figures of the last one."""
        now_ns = self.session.clock.now_ns()
        said: tuple[Row, ...] = ()
        waited_s = self.session.mono.monotonic_s() - self._answered_s
        if self._unreadable:
            said = (Row(("reach", "unreadable"), tr("alarm_figures.unreadable")),)
        elif waited_s > LATE_S:
            at = fmt.event_seconds(now_ns - int(waited_s * NS_PER_S), now_ns)
            said = (Row(("reach", "late"), tr("alarm_figures.late", at=at)),)
        elif self._figures is None:
            said = (Row(("reach", "waiting"), tr("alarm_figures.waiting")),)
        if self._figures is None:
            yield Part("reach", said)
            return
        for part in parts_of(self._figures, now_ns):
            yield replace(part, rows=(*said, *part.rows)) if part.id == "reach" else self._placed(part)

    def _placed(self, part: Part) -> Part:
        """With the place beside what alarms are called: three of one name are told apart. As far as it is known."""
        places = self._places() if part.id in ("frequent", "old") else {}
        return replace(
            part, rows=tuple(replace(row, place=row.place or places.get(row.key[1], "")) for row in part.rows)
        )

    def _places(self) -> dict[str, str]:
        """By id and by cause."""
        return {id_: local(alarm.place) for alarm in self.session.city.alarms() for id_ in (alarm.id, alarm.key)}

    def foot(self, row: Row | None) -> str:
        keys = super().foot(row)
        does = _DOES.get(row.key[0]) if row is not None else None
        return f"{tr(f'alarm_figures_does.{does}')} · {keys}" if does is not None else keys

    def choose(self, row: Row, second: bool) -> str:
        kind, of = row.key
        match kind:
            case "period":
                self._period, self._figures, self._unreadable = Period(of), None, False
                self._answered_s = self.session.mono.monotonic_s()
                self._ask_again()
                self._renew(keep=True)
                return ""
            case "save":
                return self._save(paper=of == "pdf")
            case "cause":
                found = next((a.id for a in self.session.city.alarms() if a.key == of), "")
                return self._to_alarm(found)
            case "alarm":
                return self._to_alarm(of)
        return tr("alarm_figures.no_act")

    def _to_alarm(self, alarm_id: str) -> str:
        if self.session.city.alarm(alarm_id) is None:
            return tr("alarm_figures.over")
        return self.go(Kind.ALARM, alarm_id)

    def _save(self, *, paper: bool) -> str:
        if self._figures is None:
            return tr("alarm_figures.nothing_to_save")
        self.session.calls.saveAsked.emit(job_of(self.session, self._figures, self._places(), paper=paper))
        return ""


_DOES = {"period": "period", "save": "save", "cause": "alarm", "alarm": "alarm"}
"""Kind of row -> what Enter does."""


def _fits(wanted: tuple[str, ...], row: Row) -> bool:
    return matches(wanted, tokens(f"{row.title} {row.place} {row.state}"))


SPEC = PageSpec("alarm_figures", AlarmFiguresPage)
