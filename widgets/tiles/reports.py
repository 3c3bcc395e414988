"""Tile "reports": the queue of citizen reports with its SLA clocks, overdue first.

Lateness is inverse grey and words, never a priority's hue. Enter opens a report and what can be done to it, Insert
takes a new one in (parts/report_panel.py). Who sent it is no part of it: the hub is asked for that, with a reason
(parts/reveal.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QAbstractItemModel, QEvent, QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QStyleOptionViewItem

from backends.domain.access import Right
from backends.domain.people import Role
from backends.domain.place import Area
from backends.domain.report import Report
from layouts.options import ReportsOptions
from widgets.i18n import local, tr
from widgets.keys import bind
from widgets.models.reports import REPORT_ROLE, SLA_ROLE, ReportModel, Sla, click_words, report_words
from widgets.parts import text
from widgets.parts.alarm_words import why_not
from widgets.parts.report_panel import NEW, ReportPanel
from widgets.parts.reveal import RevealPanel
from widgets.parts.rows import Index, RowDelegate, RowList
from widgets.parts.shapes import chip_width, draw_bar, draw_chip, draw_rule
from widgets.session import Session
from widgets.tiles.base import Tile, TileSpec
from widgets.tiles.registry import tile_specs
from widgets.typography import TypeScale, Weight
from widgets.windows.rooms import free_room

WALL_ROWS = 7
"""look.md: a wall shows at most five to seven rows a list."""
_STRETCH = 1.3
"""How far rows may grow beyond their natural height to fill the tile."""


@dataclass(frozen=True)
class RowPlan:
    """What a row shows at a width and height, in em of the reading size."""

    with_id: bool
    with_agency: bool
    with_second_line: bool
    sla_beside: bool
    """True: the SLA stands right of the title; False: it takes the second line."""

    @classmethod
    def of(cls, scale: TypeScale, width: float, height: float) -> RowPlan:
        em = width / scale.read
        two_lines = height >= natural_height(scale, two_lines=True)
        # A title read from across the room gets the whole line: names first, time below them.
        beside = em >= (26.0 if scale.wall else 17.0) or not two_lines
        return cls(
            with_id=em >= 24.0 and not scale.wall,
            with_agency=em >= 20.0,
            with_second_line=two_lines and beside,
            sla_beside=beside,
        )


def natural_height(scale: TypeScale, *, two_lines: bool) -> int:
    """Height of a row at which its lines have the room that stacked marks need."""
    lines = scale.line(scale.read) + (scale.line(scale.floor) if two_lines else 0)
    return lines + scale.pad


class ReportRows(RowDelegate):
    """Paints one report a row, and tells when its reporter is asked for."""

    revealPressed = Signal(object)
    """The Report."""

    def __init__(self, view: RowList) -> None:
        super().__init__(view)
        self.height = 0
        """Set by the tile, which knows its body and its options."""
        self._sla_width = 0.0
        self._id_width = 0.0

    def row_height(self, index: Index) -> int:
        return self.height

    def before_rows(self, shown: range) -> None:
        """Columns are as wide as their widest entry on screen, so that the bars of all rows compare."""
        px, model = self.scale.floor, self.view.model()
        indexes = [model.index(row, 0) for row in shown]
        self._sla_width = max((chip_width(i.data(SLA_ROLE).words, px) for i in indexes), default=0.0)
        self._id_width = max((text.width(i.data(REPORT_ROLE).id, px, tabular=True) for i in indexes), default=0.0)

    def paint_row(self, painter: QPainter, rect: QRectF, index: Index, *, selected: bool, hovered: bool) -> None:
        report: Report = index.data(REPORT_ROLE)
        sla: Sla = index.data(SLA_ROLE)
        scale, theme = self.scale, self.theme
        if sla.overdue or hovered:
            painter.fillRect(rect, theme.raised)
        draw_rule(painter, rect.left(), rect.right(), rect.bottom() - 1, theme)
        plan = RowPlan.of(scale, rect.width(), rect.height())
        inner = rect.adjusted(scale.pad, 0, -scale.pad, 0)
        top, second = self._lines(inner, two=plan.with_second_line or not plan.sla_beside)
        if plan.sla_beside:
            column = self._sla_column(inner, top, second, two=plan.with_second_line)
            self._paint_sla(painter, column, sla, bar=plan.with_second_line)
            top.setRight(column.left() - scale.pad)
            second.setRight(column.left() - scale.pad)
        else:
            taken = self._paint_sla(painter, second, sla, bar=False)
            second.setLeft(second.left() + taken + scale.pad)
            self._paint_edge_bar(painter, rect, sla)
        if plan.with_id:
            number = QRectF(inner.left(), rect.top(), self._id_width, rect.height())
            text.draw(painter, number, report.id, scale.floor, theme.muted)
            top.setLeft(inner.left() + self._id_width + scale.pad)
            second.setLeft(top.left())
        text.draw(painter, top, local(report.title), scale.read, theme.strong, Weight.SEMIBOLD)
        if selected or hovered:
            second.setRight(self._paint_reveal(painter, rect, second))
        if second.height() and second.width() >= scale.floor * 4:
            text.draw(painter, second, self._about(report, plan), scale.floor, theme.muted)

    def _about(self, report: Report, plan: RowPlan) -> str:
        """What a click became of, what is unusual, then what it is and whose."""
        click = self.view.session.city.pending.get(("reports", report.id))
        who = local(report.agency) or local(report.place)
        parts = [
            click_words(click) if click is not None else "",
            tr(f"reports.state.{report.state.value}") if report.state.undecided else "",
            *report_words(report),
            local(report.category_name),
            who if plan.with_agency else "",
        ]
        return " · ".join(filter(None, parts))

    # -- the one control of a row ----------------------------------------------------------------------

    def reveal_chip(self, row: QRectF) -> tuple[QRectF, str]:
        """Where "show the reporter" stands in a row, and its words; empty where the row shows none.

        A disabled one says why, and a panel that is only looked at has none.
        """
        grant, scale = self.view.session.city.grant, self.scale
        if scale.wall or (grant.operator_id and grant.role is Role.VIEWER):
            return QRectF(), ""
        refused = grant.refusal(Right.REVEAL_REPORTER)
        words = tr(f"access.why.{refused}") if refused else tr("reveal.show")
        plan = RowPlan.of(scale, row.width(), row.height())
        inner = row.adjusted(scale.pad, 0, -scale.pad, 0)
        top, second = self._lines(inner, two=plan.with_second_line or not plan.sla_beside)
        right = inner.right() - (min(self._sla_width, inner.width() * 0.5) + scale.pad if plan.sla_beside else 0)
        chip = QRectF(0, 0, chip_width(words, scale.floor), scale.line(scale.floor))
        chip.moveCenter((second if second.height() else top).center())
        chip.moveRight(right)
        return chip, words

    def _paint_reveal(self, painter: QPainter, row: QRectF, second: QRectF) -> float:
        chip, words = self.reveal_chip(row)
        if not words:
            return second.right()
        theme, px = self.theme, self.scale.floor
        if self.view.session.city.grant.may(Right.REVEAL_REPORTER):
            draw_chip(painter, chip, words, px, theme.ground, theme.strong)
        else:
            text.draw(painter, chip, words, px, theme.muted, Weight.MEDIUM)
        return chip.left() - self.scale.pad

    def editorEvent(self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: Index) -> bool:
        if event.type() == QEvent.Type.MouseButtonRelease and isinstance(event, QMouseEvent):
            chip, words = self.reveal_chip(QRectF(option.rect))
            if words and chip.contains(event.position()):
                self.revealPressed.emit(index.data(REPORT_ROLE))
                return True
        return super().editorEvent(event, model, option, index)

    def _lines(self, inner: QRectF, *, two: bool) -> tuple[QRectF, QRectF]:
        """The row's line of title and, below it, the line of detail, together centred in the row."""
        scale = self.scale
        first = scale.line(scale.read)
        below = scale.line(scale.floor) if two else 0
        top = inner.top() + (inner.height() - first - below) / 2
        return (
            QRectF(inner.left(), top, inner.width(), first),
            QRectF(inner.left(), top + first, inner.width(), below),
        )

    def _sla_column(self, inner: QRectF, top: QRectF, second: QRectF, *, two: bool) -> QRectF:
        width = min(self._sla_width, inner.width() * 0.5)
        return QRectF(inner.right() - width, top.top(), width, (second if two else top).bottom() - top.top())

    def _paint_sla(self, painter: QPainter, column: QRectF, sla: Sla, *, bar: bool) -> float:
        """Words, and the bar below them where there is room. Returns the width of the words."""
        scale, theme = self.scale, self.theme
        px, thick = scale.floor, self._thick()
        gap = thick * 1.2
        line = QRectF(column.left(), column.top(), column.width(), scale.line(px))
        line.moveTop(column.center().y() - (line.height() + (gap + thick if bar else 0.0)) / 2)
        if sla.overdue:
            line.setWidth(min(chip_width(sla.words, px), line.width()))
            draw_chip(painter, line, sla.words, px, theme.inverse, theme.inverse_text)
            taken = line.width()
        else:
            weight = Weight.SEMIBOLD if sla.soon else Weight.REGULAR
            taken = text.draw(painter, line, sla.words, px, theme.strong if sla.soon else theme.text, weight).width()
        if bar:
            place = QRectF(column.left(), line.bottom() + gap, column.width(), thick)
            draw_bar(painter, place, sla.used, theme.line, self._bar_color(sla))
        return taken

    def _paint_edge_bar(self, painter: QPainter, row: QRectF, sla: Sla) -> None:
        """Used time along the row's lower edge, where no column is left for it."""
        thick = self._thick()
        place = QRectF(row.left(), row.bottom() - thick, row.width(), thick)
        draw_bar(painter, place, sla.used, self.theme.line, self._bar_color(sla))

    def _thick(self) -> float:
        return max(3.0, round(self.scale.floor * 0.2))

    def _bar_color(self, sla: Sla) -> QColor:
        if sla.overdue:
            return self.theme.inverse
        return self.theme.strong if sla.soon else self.theme.muted


class ReportsTile(Tile):
    """The queue."""

    feeds = ("reports",)

    def __init__(self, session: Session, scale: TypeScale, options: ReportsOptions) -> None:
        super().__init__(session, scale, options)
        self.model = ReportModel(self)
        self.list = RowList(session, scale, self)
        self.rows = ReportRows(self.list)
        self.list.setItemDelegate(self.rows)
        self.list.setModel(self.model)
        self.list.shownChanged.connect(self.update)
        self.reveal = RevealPanel(session, scale, self)
        self.rows.revealPressed.connect(self._reveal)
        session.city.grantChanged.connect(self._on_grant)
        self.panel = ReportPanel(session, scale, self, self._picture_room)
        self.panel.revealAsked.connect(self._reveal_id)
        self.panel.closed.connect(self.setFocus)
        self.panel.placed.connect(self._lay_out)
        self.panel.done.connect(self._on_done)
        session.callers.changed.connect(self._on_callers)
        self.list.doubleClicked.connect(self._open_selected)
        bind(self.list, "reports.open", self._open_selected)
        for widget in (self.list, self):  # the list is hidden while nothing waits
            bind(widget, "reports.take_in", self.panel.take_in)
        if not scale.wall:
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._on_grant()
        self.refresh()

    def title(self) -> str:
        area = self.session.city.records("config").get(self.options.area)
        if isinstance(area, Area):
            return tr("reports.title_area", area=local(area.name))
        return tr("reports.title")

    def summary(self) -> str:
        if callers := len(self.session.callers.waiting):
            return tr("reports.caller.waiting", n=callers)
        waiting = sum(feed == "reports" and id_.startswith(NEW) for feed, id_ in self.session.city.pending)
        return tr("reports.new_waiting", n=waiting) if waiting else self._counts()

    def _counts(self) -> str:
        total = self.model.rowCount()
        if total == 0:
            return ""
        shown, overdue = len(self.list.shown_rows()), self.model.overdue_count()
        if not overdue:
            return tr("reports.summary", shown=shown, total=total)
        for key in ("reports.summary_overdue", "reports.summary_short"):
            words = tr(key, shown=shown, total=total, overdue=overdue)
            if self._fits_header(words):
                return words
        return tr("reports.summary_least", overdue=overdue)

    def _fits_header(self, summary: str) -> bool:
        name = text.width(self.title(), self.scale.read, Weight.SEMIBOLD)
        return name + text.width(summary, self.scale.floor) + 3 * self.scale.pad <= self.width()

    def paint_body(self, painter: QPainter, body: QRectF) -> None:
        if self.model.rowCount() == 0:
            self.paint_empty(painter, body, tr("reports.empty"))

    def on_feeds(self, changed: frozenset[str]) -> None:
        if changed & {"reports", "config"}:
            self.refresh()

    @property
    def current(self) -> Report | None:
        """The one that the keyboard stands on."""
        report = self.list.currentIndex().data(REPORT_ROLE)
        return report if isinstance(report, Report) else None

    def choose(self, report_id: str) -> bool:
        """The keyboard on that report's row, or on one that is closed, opened; False: it is not of this queue."""
        rows = range(self.model.rowCount())
        row = next((n for n in rows if self.model.report(n).id == report_id), -1)
        if self.scale.wall:
            return False
        if row < 0:
            return self._open_closed(report_id)
        self.list.select_row(row)
        self.list.setFocus()
        return True

    def _open_closed(self, report_id: str) -> bool:
        report: Report | None = self.session.city.records("reports").get(report_id)
        if report is None or report.state.open or self.options.area not in ("", report.area_id):
            return False
        self.reveal.wipe()
        self.panel.open_for(report)
        return True

    def _open_selected(self) -> None:
        report = self.list.currentIndex().data(REPORT_ROLE)
        if isinstance(report, Report):
            self.reveal.wipe()
            self.panel.open_for(report)

    def _picture_room(self) -> QRect:
        """Where pictures may be enlarged, in its window: beside the alarm lists, or where this tile is, if larger."""
        window, specs = self.window(), tile_specs()
        own = QRect(self.mapTo(window, QPoint(0, 0)), self.size())
        body, lists = QRect(own), []
        for tile in window.findChildren(Tile, options=Qt.FindChildOption.FindDirectChildrenOnly):
            if tile.isVisible():
                body = body.united(tile.geometry())
                spec = specs.get(str(tile.property("plan_kind")))
                if spec is not None and spec.shows_alarms:
                    lists.append(tile.geometry())
        room = free_room(body, lists, self.scale.pad)
        return room if room.width() * room.height() > own.width() * own.height() else own

    def _on_done(self, report_id: str) -> None:
        """On to the next one that waits for a decision: triage goes by Enter alone."""
        rows = [self.model.report(row) for row in range(self.model.rowCount())]
        at = next((n for n, report in enumerate(rows) if report.id == report_id), -1)
        waiting = [n for n, report in enumerate(rows) if report.state.undecided and report.id != report_id]
        after = [n for n in waiting if n > at] or waiting
        if report_id and after:
            self.list.select_row(after[0])

    def _reveal_id(self, report_id: str) -> None:
        report = self.session.city.records("reports").get(report_id)
        if report is not None:
            self._reveal(report)

    def _reveal(self, report: Report) -> None:
        city = self.session.city
        refused = city.grant.refusal(Right.REVEAL_REPORTER) or ("briefing" if city.briefing else "")
        if refused:
            self.session.notices.post(why_not(self.session.city, refused))
        else:
            self.reveal.open_for(report.id)

    def _on_callers(self) -> None:
        self.panel.renew()
        self.update()

    def _on_grant(self) -> None:
        self.model.personal = self.session.city.shows_personal_data
        self.list.viewport().update()

    def on_second(self) -> None:
        super().on_second()
        self.reveal.on_second()
        self.session.callers.on_second()
        overdue = self.model.overdue_count()
        self.model.tick(self.now_ns())
        if self.model.overdue_count() != overdue:
            self.update()

    def on_look(self) -> None:
        self.model.retranslate()
        self.reveal.on_look()
        self.panel.on_look()
        self.list.relayout()
        super().on_look()

    def refresh(self) -> None:
        area = self.options.area
        reports = (r for r in self.session.city.reports() if not area or r.area_id == area)
        self.model.sync(reports, self.now_ns())
        self.panel.renew()
        self.list.viewport().update()  # what became of a click stands in its row
        self._show_list(self.model.rowCount() > 0)
        super().refresh()

    def _show_list(self, shown: bool) -> None:
        """An empty queue is a sentence; the keyboard stays on the tile, where a new report can be taken in."""
        here = self.list.hasFocus()
        self.list.setVisible(shown)
        if not self.scale.wall:
            self.setFocusProxy(self.list if shown else None)  # type: ignore[arg-type]  # None: no proxy
            if here and not shown:
                self.setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.reveal.place()
        self.panel.place()

    def _lay_out(self) -> None:
        """Rows above the panel stay whole."""
        body = self.rect().adjusted(0, self.header_height, 0, 0)
        fit, self.rows.height = self._row_heights(body.height())
        if self.scale.wall or self.options.rows:
            # A wall keeps to its few rows even where more would fit.
            body.setHeight(min(body.height(), fit * self.rows.height))
        if self.panel.isVisible():
            body.setBottom(min(body.bottom(), self.panel.geometry().top() - 1))
        self.list.setGeometry(body)
        self.list.relayout()

    def _row_heights(self, room: int) -> tuple[int, int]:
        """(rows that fit, height of each): the natural height, stretched a little to fill the room."""
        natural = natural_height(self.scale, two_lines=True)
        if room < natural:
            natural = natural_height(self.scale, two_lines=False)
        fit = max(1, room // natural)
        most = self.options.rows or (WALL_ROWS if self.scale.wall else fit)
        fit = min(fit, most)
        return fit, max(natural, min(room // fit, int(natural * _STRETCH)))


SPEC = TileSpec("reports", ReportsOptions, ReportsTile)
