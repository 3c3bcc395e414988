"""Paints a plot: grid, limits, curve, forecast, the last value, what is under the mouse.

Two forms. The full one carries both axes; the reduced one (walls, low tiles) shows the value large with
its trend and beside it the curve with the one limit that matters. Gets a snapshot, keeps nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from backends.domain.sensor import Limit
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.parts import text
from widgets.parts.plot_air import AirLevels, AirStrip, strip_name
from widgets.parts.plot_axes import midnights, time_ticks, value_ticks
from widgets.parts.plot_chart import Chart
from widgets.parts.plot_labels import Placer, around, box
from widgets.parts.plot_quality import QualityLane
from widgets.parts.plot_series import PlotSeries
from widgets.parts.plot_state import PlotState
from widgets.parts.shapes import draw_arrow, draw_hatch
from widgets.theme import Theme
from widgets.typography import TypeScale, Weight

_RIGHT, _CENTER = Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignHCenter


def with_headroom(state: PlotState, scale: TypeScale, body: QRectF, first: PlotSeries) -> PlotState:
    """For the full form: the axis reaches high enough for the last value to stand above the end of the line.

    Before the curves are made: line, axis and value have one scale.
    """
    em = scale.floor
    if state.last is None or state.last.value is None or state.shapes:
        return state
    wide = text.width(state.words(state.last.value), scale.glance, Weight.SEMIBOLD) + em * 2
    back_ns = int((state.t1_ns - state.t0_ns) * wide / max(1.0, body.width() - em * 8))
    t_ns, value = first.line(*state.reach, state.columns)
    top = float(np.fmax.reduce(value[np.searchsorted(t_ns, state.last.t_ns - back_ns) :], initial=-np.inf))
    share = (scale.line(scale.glance) + em * 0.8) / max(1.0, body.height() - em * 3)
    needed = state.low + (top - state.low) / (1 - share) if share <= 0.4 and np.isfinite(top) else state.high
    if needed <= state.high:
        return state
    same = state.low, state.high
    more = tuple(replace(line, high=needed) if (line.low, line.high) == same else line for line in state.more)
    return replace(state, high=needed, more=more)


@dataclass(frozen=True)
class PlotView:
    """One paint of one state."""

    painter: QPainter
    scale: TypeScale
    theme: Theme
    chart: Chart
    state: PlotState
    ratio: float

    # -- the two forms -----------------------------------------------------------------------------

    def full(self, body: QRectF) -> QRectF:
        """Axes left and below, limits at the right end. Returns the plot's rectangle. `state`: `with_headroom`."""
        scale, state = self.scale, self.state
        em, line = scale.floor, scale.line(scale.floor)
        strip = line + em * 0.3 if state.air is not None else 0.0
        top = body.top() + em * 0.35 + strip
        bottom = body.bottom() - line - em * 0.4
        most = int((bottom - top) / (line * 2.0))
        ticks = value_ticks(0.0, 100.0, most) if state.shapes else value_ticks(state.low, state.high, most)
        left = max((text.width(t.label, em) for t in ticks), default=0.0) + em * 0.6 + 2.0
        words = {} if state.shapes else self._words_of_limits(long=body.width() > em * 34)
        other = value_ticks(*state.right[:2], most) if state.right is not None else []
        beside = (*words.values(), *(t.label for t in other), *((strip_name(),) if strip else ()))
        right = max((text.width(w, em) for w in beside), default=0.0)
        plot = QRectF(body.left() + scale.pad + left, top, 0, bottom - top)
        plot.setRight(body.right() - scale.pad - (right + em * 0.5 if right else 0.0))
        self._view(plot)
        low, high = (0.0, 100.0) if state.shapes else (state.low, state.high)
        for tick in ticks:
            y = self.chart.y(tick.at, low, high)
            self.painter.fillRect(QRectF(plot.left(), round(y), plot.width(), 1), self.theme.line)
            self._label(QRectF(body.left() + scale.pad, y - line / 2, left - em * 0.6, line), tick.label, align=_RIGHT)
        self._time_axis(plot, body, line)
        ceiling = body.top() + strip
        placer = Placer(QRectF(plot.left(), ceiling, body.right() - scale.pad - plot.left(), bottom - ceiling))
        if state.air is not None:
            lane = QRectF(plot.left(), body.top() + em * 0.2, plot.width(), line)
            strips = AirStrip(self.painter, scale, self.theme, self.chart)
            strips.paint(lane, state.air, state.now_ns, state.air_steps, live=state.view_is_live)
            self._label(QRectF(plot.right() + em * 0.5, lane.top(), right + 1, line), strip_name())
        for tick in other:
            assert state.right is not None
            y = self.chart.y(tick.at, *state.right[:2])
            room = QRectF(plot.right() + em * 0.5, y - line / 2, right, line)
            self.painter.fillRect(QRectF(plot.right(), round(y), em * 0.3, 1), self.theme.muted)
            if placer.place([room]) is not None:
                self._label(room, tick.label)
        self._bands(plot)
        self._limits(plot, words, placer)
        self._levels(plot, placer)
        self._curve(plot, placer, with_value=True)
        return plot

    def _words_of_limits(self, *, long: bool) -> dict[int, str]:
        """By identity: of each limit that still holds at the end of the range."""
        ends = [one.limit for one in self.state.limits if one.t1_ns >= self.state.t1_ns]
        return {id(limit): self._limit_words(limit, long=long) for limit in ends}

    def reduced(self, body: QRectF) -> QRectF:
        """Value at the left, the curve with one limit at the right; the curve goes where there is no room."""
        scale, em = self.scale, self.scale.floor
        inner = body.adjusted(scale.pad, 0, -scale.pad, -scale.pad * 0.5)
        block = self._value_block(inner)
        limit = self.state.broken or self.state.nearest
        only = self.state.more or limit is None
        words = {} if only or limit is None else {id(limit): self._limit_words(limit, long=False)}
        right = max((text.width(w, em) for w in words.values()), default=0.0)
        line = scale.line(em)
        axis = line + em * 0.2 if inner.height() > line * 3.4 else 0.0
        plot = QRectF(block.right() + em * 0.9, inner.top() + em * 0.3, 0, inner.height() - axis - em * 0.5)
        plot.setRight(inner.right() - (right + em * 0.5 if right else 0.0))
        if plot.width() < em * 6 or plot.height() < line:
            return QRectF()
        self._view(plot)
        if axis:
            self._time_axis(plot, QRectF(plot.left(), inner.top(), inner.right() - plot.left(), inner.height()), line)
        placer = Placer(QRectF(plot.left(), inner.top(), inner.right() - plot.left(), plot.bottom() - inner.top()))
        self._limits(plot, words, placer)
        self._curve(plot, placer, with_value=False)
        return plot

    # -- parts ---------------------------------------------------------------------------------------

    def _view(self, plot: QRectF) -> None:
        state = self.state
        self.chart.set_view(plot, state.t0_ns, state.t1_ns, state.reach)

    def _at(self, t_ns: int, value: float) -> QPointF:
        """A sample of the first series."""
        return self.chart.place(t_ns, value, self.state.low, self.state.high)

    def _label(
        self,
        room: QRectF,
        words: str,
        color: QColor | None = None,
        align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
    ) -> None:
        text.draw(self.painter, room, words, self.scale.floor, color or self.theme.muted, align=align)

    def _limit_words(self, limit: Limit, *, long: bool) -> str:
        if not long:
            return local(limit.label)
        fewest = min(1, self.state.decimals)
        decimals = next((d for d in range(fewest, 4) if round(limit.value, d) == limit.value), self.state.decimals)
        return f"{local(limit.label)} {fmt.number(limit.value, decimals)}"

    def _time_axis(self, plot: QRectF, body: QRectF, line: int) -> None:
        em = self.scale.floor
        widest = max(text.width("00:00", em), text.width(fmt.date_short(self.state.now_ns), em))
        row = QRectF(0, plot.bottom() + em * 0.2, 0, line)
        for t_ns in midnights(self.state.t0_ns, self.state.t1_ns):
            self.painter.fillRect(QRectF(round(self.chart.x(t_ns)), plot.top(), 1, plot.height()), self.theme.line)
        for tick in time_ticks(self.state.t0_ns, self.state.t1_ns, int(plot.width() / (widest * 1.9))):
            x = self.chart.x(tick.at)
            self.painter.fillRect(QRectF(round(x), plot.bottom(), 1, em * 0.3), self.theme.muted)
            wide = max(widest, text.width(tick.label, em))
            room = QRectF(x - wide / 2 - 1, row.top(), wide + 2, line)
            if room.left() < body.left():
                room.moveLeft(body.left())
            if room.right() > body.right():
                room.moveRight(body.right())
            self._label(room, tick.label, align=_CENTER)

    def _bands(self, plot: QRectF) -> None:
        """Beyond each limit, for the time it held: a shade of grey that grows with every limit that is passed."""
        shade = QColor(self.theme.muted)
        shade.setAlpha(11)
        for one in self.state.limits if not self.state.shapes else ():
            y = min(max(self.chart.y(one.limit.value, self.state.low, self.state.high), plot.top()), plot.bottom())
            left, right = self.chart.x(one.t0_ns), self.chart.x(min(one.t1_ns, self.state.t1_ns))
            top, bottom = (plot.top(), y) if one.limit.above else (y, plot.bottom())
            self.painter.fillRect(QRectF(left, top, right - left, bottom - top), shade)

    def _levels(self, plot: QRectF, placer: Placer) -> None:
        levels, state = self.state.levels, self.state
        ys = [self.chart.y(band.to, state.low, state.high) for band in levels]
        known = {one.limit.value for one in state.limits}
        AirLevels(self.painter, self.scale, self.theme, plot).paint(levels, ys, known, placer, self._crossed)

    def _limits(self, plot: QRectF, words: dict[int, str], placer: Placer) -> None:
        """Dashed lines with their words at the right end; grey until broken, then the alarm's hue."""
        state, em, line = self.state, self.scale.floor, self.scale.line(self.scale.floor)
        if state.shapes:
            return
        first = [x for x in (state.broken, state.nearest) if x is not None]
        for one in sorted(state.limits, key=lambda x: first.index(x.limit) if x.limit in first else len(first)):
            limit = one.limit
            if (id(limit) not in words and one.t1_ns >= state.t1_ns) or not state.low <= limit.value <= state.high:
                continue
            hue = self.theme.hue(limit.priority) if limit is state.broken else self.theme.muted
            y = self.chart.y(limit.value, state.low, state.high)
            left, right = self.chart.x(one.t0_ns), min(self.chart.x(one.t1_ns), plot.right())
            pen = QPen(hue, max(1.0, em / 11) if limit is state.broken else max(1.0, em / 16))
            pen.setDashPattern([5.0, 3.5])
            self.painter.setPen(pen)
            self.painter.drawLine(QPointF(left, y), QPointF(right, y))
            if left > plot.left():
                self._step(left, plot)
            if id(limit) not in words:
                continue
            label = words[id(limit)]
            room = box(QPointF(plot.right() + em * 0.5, y - line / 2), label, em)
            # Two limits closer than a line of text: the graver need wins the words, the line stays.
            if placer.place([room]) is not None:
                placer.take(room.adjusted(-em * 0.4, 0, 0, 0))
                self._label(room, label, hue)

    def _step(self, x: float, plot: QRectF) -> None:
        """A limit was changed here."""
        pen = QPen(self.theme.muted, 1.0)
        pen.setDashPattern([1.0, 3.0])
        self.painter.setPen(pen)
        self.painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))

    def _curve(self, plot: QRectF, placer: Placer, *, with_value: bool) -> None:
        state, em = self.state, self.scale.floor
        end = None
        if state.last is not None and state.last.value is not None:
            end = self._at(state.last.t_ns, state.last.value)
        if state.old and end is not None:
            now_x = self.chart.x(state.now_ns)
            gap = QRectF(end.x(), plot.top(), max(0.0, min(now_x, plot.right()) - end.x()), plot.height())
            draw_hatch(self.painter, gap, self.theme.line, em * 0.8)
        self._missing(plot, placer)
        self.chart.paint(self.painter, self.ratio)
        quality = QualityLane(self.painter, self.scale, self.theme, self.chart, plot)
        quality.paint(state, placer, words=with_value)
        if end is not None and plot.left() <= end.x() <= plot.right() + em:
            self._dot(end)
            placer.take(QRectF(end.x() - em * 0.35, end.y() - em * 0.35, em * 0.7, em * 0.7))
        self._cursor(plot, placer)
        if with_value and end is not None and not state.more:
            self._end_value(end, placer)
        self._ends(placer)
        self._forecast_word(placer)

    def _missing(self, plot: QRectF, placer: Placer) -> None:
        """Hatched and named: the line is not drawn here because it has not come yet."""
        em, line = self.scale.floor, self.scale.line(self.scale.floor)
        words = tr("plot.loading")
        for t0_ns, t1_ns in self.state.missing:
            left, right = max(plot.left(), self.chart.x(t0_ns)), min(plot.right(), self.chart.x(t1_ns))
            room = QRectF(left, plot.top(), right - left, plot.height())
            draw_hatch(self.painter, room, self.theme.line, em * 0.8)
            wide = text.width(words, em) + 2
            if room.width() > wide + em:
                middle = QRectF(room.center().x() - wide / 2, room.center().y() - line / 2, wide, line)
                if placer.place([middle]) is not None:
                    self._backing(middle)
                    self._label(middle, words)

    def _ends(self, placer: Placer) -> None:
        """Which line is which, at its end: number, name and value, beside it or as near as there is room."""
        em = self.scale.floor
        for line in self.state.more:
            if line.end is None or line.end.value is None:
                continue
            at = self.chart.place(line.end.t_ns, line.end.value, line.low, line.high)
            room = placer.place(around(at, line.words, em, Weight.SEMIBOLD, em * 0.4), self._crossed)
            if room is None:
                steps = (QPointF(at.x(), at.y() + n * em * 1.4) for k in range(1, 9) for n in (k, -k))
                rooms = [r for p in steps for r in around(p, line.words, em, Weight.SEMIBOLD, em * 0.4)[:1]]
                room = placer.place(rooms)
            if room is not None:
                self._backing(room)
                text.draw(self.painter, room, line.words, em, self.theme.text, Weight.SEMIBOLD)

    def _dot(self, at: QPointF) -> None:
        em, broken = self.scale.floor, self.state.broken
        self.painter.save()
        self.painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.painter.setPen(QPen(self.theme.strong, max(1.2, em / 11)))
        self.painter.setBrush(self.theme.hue(broken.priority) if broken is not None else self.theme.text)
        self.painter.drawEllipse(at, em * 0.3, em * 0.3)
        self.painter.restore()

    def _crossed(self, room: QRectF) -> float:
        """How much of a room the curve and the limits run through: words go where there is least."""
        state, price = self.state, self.chart.crossed(room) * 13.0
        for one in state.limits:
            if room.top() <= self.chart.y(one.limit.value, state.low, state.high) <= room.bottom():
                price += 0.5
        return price

    def _end_value(self, end: QPointF, placer: Placer) -> None:
        state, em = self.state, self.scale.floor
        if state.last is None or state.last.value is None:
            return
        words = state.words(state.last.value)
        if state.word:
            words = f"{words} · {state.word}"
        color = self.theme.muted if state.word or state.old else self.theme.strong
        for px in (self.scale.glance, self.scale.read, em):
            room = placer.place(around(end, words, px, Weight.SEMIBOLD, em * 0.55), self._crossed)
            if room is not None:
                self._backing(room)
                text.draw(self.painter, room, words, px, color, Weight.SEMIBOLD)
                return

    def _forecast_word(self, placer: Placer) -> None:
        state, em = self.state, self.scale.floor
        shown = [(t, v) for t, v in state.forecast if t <= state.t1_ns]
        if not shown:
            return
        words = tr("plot.forecast")
        if state.shapes:
            return
        if state.forecast_at_ns and placer.bounds.width() > em * 22:
            at = fmt.event_minutes(state.forecast_at_ns, state.now_ns)
            words = tr("plot.forecast_at", at=at)
        rooms: list[QRectF] = []
        for t_ns, value in (shown[-1], shown[len(shown) // 2], shown[0]):
            rooms += around(self._at(t_ns, value), words, em, Weight.REGULAR, em * 0.45)
        rooms.append(box(QPointF(placer.bounds.right(), placer.bounds.top()), words, em))
        rooms.append(box(QPointF(placer.bounds.right(), placer.bounds.bottom() - em * 1.4), words, em))
        start = self._at(shown[0][0], shown[0][1]).x()
        # Beside the past it would call the past a forecast.
        room = placer.place([r for r in rooms if r.center().x() >= start], self._crossed)
        if room is not None:
            self._backing(room)
            self._label(room, words)

    def _backing(self, room: QRectF) -> None:
        ground = QColor(self.theme.tile)
        ground.setAlpha(190)
        self.painter.fillRect(room.adjusted(-2, room.height() * 0.1, 2, -room.height() * 0.1), ground)

    def _cursor(self, plot: QRectF, placer: Placer) -> None:
        """The shared cursor, and the mark that it is compared with."""
        state, em = self.state, self.scale.floor
        if state.mark_ns is not None and state.t0_ns <= state.mark_ns <= state.t1_ns:
            pen = QPen(self.theme.muted, max(1.0, em / 12))
            pen.setDashPattern([2.0, 2.0])
            self.painter.setPen(pen)
            at = round(self.chart.x(state.mark_ns))
            self.painter.drawLine(QPointF(at, plot.top()), QPointF(at, plot.bottom()))
        if state.cursor_ns is None or not state.t0_ns <= state.cursor_ns <= state.t1_ns:
            return
        value = state.at_cursor
        x = self.chart.x(state.cursor_ns if value is None else value.t_ns)
        self.painter.fillRect(QRectF(round(x), plot.top(), 1, plot.height()), self.theme.muted)
        y = plot.center().y()
        at_ns = state.cursor_ns if value is None else value.t_ns
        parts = [fmt.event_seconds(at_ns, state.now_ns)]
        if value is not None and value.value is not None:
            y = self.chart.y(value.value, state.low, state.high)
            self.painter.fillRect(QRectF(plot.left(), round(y), plot.width(), 1), self.theme.muted)
            parts.append(state.words(value.value))
        elif value is None:
            parts.append(tr("plot.no_value"))
        words = " · ".join((*parts, *self._difference(at_ns)))
        room = placer.place(around(QPointF(x, y), words, em, Weight.SEMIBOLD, em))
        if room is not None:
            grown = room.adjusted(-em * 0.4, -1, em * 0.4, 1)
            placer.take(grown)
            self.painter.fillRect(grown, self.theme.raised)
            text.draw(self.painter, room, words, em, self.theme.strong, Weight.SEMIBOLD)

    def _difference(self, at_ns: int) -> list[str]:
        """ "cách 1 giờ 5 phút", "+0,35 m": from the mark to the cursor."""
        state = self.state
        if state.mark_ns is None or state.mark_ns == state.cursor_ns:
            return []
        mark, here = state.at_mark, state.at_cursor
        seconds = abs(at_ns - (mark.t_ns if mark is not None else state.mark_ns)) / NS_PER_S
        out = [tr("plot.apart", time=fmt.duration(seconds))]
        if mark is not None and here is not None and mark.value is not None and here.value is not None:
            change = here.value - mark.value
            out.append(("+" if change > 0 else "") + state.words(change))
        return out

    def _value_block(self, inner: QRectF) -> QRectF:
        """The value large with unit and arrow, below it relation and trend, as many as fit."""
        scale, state, em = self.scale, self.state, self.scale.floor
        if state.last is None or state.last.value is None:
            return QRectF(inner.left(), inner.top(), 0, inner.height())
        number = fmt.number(state.last.value, state.decimals)
        most = inner.width() * (0.42 if inner.width() > em * 16 else 1.0)
        tail = text.width(state.unit, scale.read) + em * 1.9
        big = next(
            (
                px
                for px in (round(scale.glance * 1.5), round(scale.glance * 1.2), scale.glance, scale.read)
                if text.width(number, px, Weight.SEMIBOLD) + tail <= most and scale.line(px) <= inner.height()
            ),
            em,
        )
        trend = "" if state.old else state.trend()
        below = [w for w in (state.word or state.relation(), trend) if w and text.width(w, em) <= most]
        height = float(scale.line(big))
        while below and height + scale.line(em) * len(below) > inner.height():
            below.pop()
        top = inner.top() + max(0.0, (inner.height() - height - scale.line(em) * len(below)) / 2)
        row = QRectF(inner.left(), top, most, height)
        color = self.theme.muted if state.word or state.old else self.theme.strong
        done = text.draw(self.painter, row, number, big, color, Weight.SEMIBOLD)
        baseline, caps = done.bottom(), text.metrics(scale.read).capHeight()
        unit_room = QRectF(done.right() + em * 0.4, baseline - caps, most, caps)
        unit = text.draw(self.painter, unit_room, state.unit, scale.read, self.theme.muted)
        if state.rising is not None and not state.old:
            side = scale.read * 0.5
            arrow = QRectF(unit.right() + em * 0.5, baseline - side, side, side)
            draw_arrow(self.painter, arrow, self.theme.muted, up=state.rising)
        for n, words in enumerate(below):
            room = QRectF(inner.left(), top + height + scale.line(em) * n, most, scale.line(em))
            strong = n == 0 and (state.broken is not None or state.word)
            self._label(room, words, self.theme.text if strong else self.theme.muted)
        widest = max([done.width() + tail, *(text.width(w, em) for w in below)])
        return QRectF(inner.left(), inner.top(), min(widest, most), inner.height())
