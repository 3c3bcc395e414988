"""What is not good in a plot: its values as marks that no line joins, a strip below the line, and the word.

Each quality has a shape of its own, so that it reads in a grey print: fault = cross and filled strip, calibration =
hollow square and outlined strip, stale = hollow circle and hatch, offline and missing = a dotted strip without marks.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from backends.domain.quality import Quality
from widgets.i18n import tr
from widgets.parts import text
from widgets.parts.plot_chart import Chart
from widgets.parts.plot_labels import Placer
from widgets.parts.plot_state import PlotState
from widgets.parts.shapes import draw_hatch
from widgets.theme import Theme
from widgets.typography import TypeScale

MISSING = "missing"
_KNOWN = frozenset(Quality)
_MOST_MARKS = 400


@dataclass(frozen=True)
class QualityLane:
    """Of one paint."""

    painter: QPainter
    scale: TypeScale
    theme: Theme
    chart: Chart
    plot: QRectF

    def paint(self, state: PlotState, placer: Placer, *, words: bool) -> None:
        """`words`: there is room for them."""
        flags, low, high = state.flags, state.low, state.high
        painter, em = self.painter, self.scale.floor
        if not flags and not state.gaps:
            return
        painter.save()
        painter.setClipRect(self.plot.adjusted(-em, 0, em, 1))
        strips = [(flag.t0_ns, flag.t1_ns, flag.quality) for flag in flags]
        strips += [(t0, t1, MISSING) for t0, t1 in state.gaps]
        for t0_ns, t1_ns, quality in strips:
            self._strip(self._room(t0_ns, t1_ns), quality)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.theme.muted, max(1.2, em / 10)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for flag in flags[-_MOST_MARKS:]:
            middle = self.chart.x((flag.t0_ns + flag.t1_ns) // 2)
            for value in {flag.least, flag.greatest} - {None}:
                assert value is not None
                self._mark(QPointF(middle, self.chart.y(value, low, high)), flag.quality)
        painter.restore()
        if words:
            self._words(strips, placer)

    def _room(self, t0_ns: int, t1_ns: int) -> QRectF:
        em = self.scale.floor
        left = max(self.plot.left(), self.chart.x(t0_ns) - em * 0.15)
        right = min(self.plot.right(), self.chart.x(t1_ns) + em * 0.15)
        return QRectF(left, self.plot.bottom() - em * 0.4, max(2.0, right - left), em * 0.4)

    def _strip(self, room: QRectF, quality: str) -> None:
        painter, theme, em = self.painter, self.theme, self.scale.floor
        if quality == Quality.FAULT:
            painter.fillRect(room, theme.muted)
        elif quality == Quality.CALIBRATING:
            painter.fillRect(room, theme.tile)
            painter.setPen(QPen(theme.muted, 1.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(room.adjusted(0.5, 0.5, -0.5, -0.5))
        elif quality == Quality.STALE:
            draw_hatch(painter, room, theme.muted, em * 0.35)
        else:
            pen = QPen(theme.muted, max(1.0, em / 12))
            pen.setDashPattern([1.0, 3.0])
            painter.setPen(pen)
            y = room.center().y()
            painter.drawLine(QPointF(room.left(), y), QPointF(room.right(), y))

    def _mark(self, at: QPointF, quality: str) -> None:
        arm = self.scale.floor * 0.22
        if quality == Quality.FAULT:
            self.painter.drawLine(at + QPointF(-arm, -arm), at + QPointF(arm, arm))
            self.painter.drawLine(at + QPointF(-arm, arm), at + QPointF(arm, -arm))
        elif quality == Quality.CALIBRATING:
            self.painter.drawRect(QRectF(at.x() - arm, at.y() - arm, 2 * arm, 2 * arm))
        else:
            self.painter.drawEllipse(at, arm, arm)

    def _words(self, strips: list[tuple[int, int, str]], placer: Placer) -> None:
        """Each kind once, above its longest strip."""
        em, line = self.scale.floor, self.scale.line(self.scale.floor)
        longest: dict[str, QRectF] = {}
        for t0_ns, t1_ns, quality in strips:
            room = self._room(t0_ns, t1_ns)
            if room.width() > longest.get(quality, QRectF()).width():
                longest[quality] = room
        for quality, room in longest.items():
            words = quality_words(quality)
            wide = text.width(words, em) + 2
            if quality == MISSING and wide > room.width():
                continue  # the open line says it; a word beside a short gap would cover what is there
            at = QRectF(room.center().x() - wide / 2, room.top() - line, wide, line)
            free = placer.place([at, at.translated(0, -line), at.translated(wide / 2, 0), at.translated(-wide / 2, 0)])
            if free is not None:
                text.draw(self.painter, free, words, em, self.theme.muted)


def quality_words(quality: str) -> str:
    """The word for a quality, that of another version's backend included."""
    return tr(f"plot.quality.{quality}") if quality in _KNOWN or quality == MISSING else quality
