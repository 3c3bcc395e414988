"""How an opened report says what it is, and what can be done to it. Pure painting."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from backends.domain.report import Report
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.models.report_choices import Choice
from widgets.models.reports import report_words, sla_of
from widgets.parts import text
from widgets.parts.shapes import draw_rule
from widgets.theme import Theme
from widgets.typography import TypeScale, Weight

_WORD_LINES, _DONE_LINES = 3, 2
"""So many lines at most have what the citizen wrote, and each of what was done and what he says to that."""


def own_words(report: Report, width: float, scale: TypeScale) -> list[str]:
    """What the citizen wrote, what was done, and what the citizen says to that: lines."""
    done = tr("reports.result", text=report.result) if report.result else ""
    rated = tr("reports.rated_words", n=report.rating, text=report.rating_text) if report.rating_text else ""
    said = ((report.text, _WORD_LINES), (done, _DONE_LINES), (rated, _DONE_LINES))
    return [line for words, most in said for line in text.wrap(words, scale.floor, Weight.REGULAR, width, most)]


def paint_report(
    painter: QPainter, line: QRectF, report: Report, own: Sequence[str], now_ns: int, scale: TypeScale, theme: Theme
) -> None:
    """`line`: of its title; below it what it is about, how it stands, and the lines of people's `own` words."""
    low = scale.line(scale.floor)
    title = f"{report.id} · {local(report.title)}"
    text.draw(painter, line, title, scale.read, theme.strong, Weight.SEMIBOLD)
    below = QRectF(line.left(), line.bottom(), line.width(), low)
    about = (local(report.category_name), local(report.agency), local(report.place))
    text.draw(painter, below, " · ".join(filter(None, about)), scale.floor, theme.text)
    below.translate(0, low)
    received = fmt.event_minutes(report.t_received_ns, now_ns)
    how = (tr(f"reports.state.{report.state.value}"), sla_of(report, now_ns).words, received, *report_words(report))
    words = text.whole_parts(" · ".join(filter(None, how)), scale.floor, Weight.REGULAR, below.width())
    text.draw(painter, below, words, scale.floor, theme.muted)
    for said in own:
        below.translate(0, low)
        text.draw(painter, below, said, scale.floor, theme.text)


def paint_choices(
    painter: QPainter, row: QRectF, choices: Sequence[Choice], marked: int, scale: TypeScale, theme: Theme
) -> None:
    """`row`: of the first of `choices`, which all have room; `marked`: which of them Enter is for, -1 = none."""
    for n, choice in enumerate(choices):
        if n == marked:
            painter.fillRect(QRectF(0, row.top(), row.width() + 2 * row.left(), row.height()), theme.inverse)
        ink = theme.inverse_text if n == marked else theme.muted if choice.refused else theme.strong
        weight = Weight.SEMIBOLD if n == marked else Weight.REGULAR
        text.draw(painter, row, choice.words, scale.read, ink, weight)
        draw_rule(painter, row.left(), row.right(), row.bottom() - 1, theme)
        row.translate(0, row.height())
