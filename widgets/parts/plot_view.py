"""Paints a plot: grid, limits, curve, forecast, the last value, what is under the mouse.

Two forms. The full one carries both axes; the reduced one (walls, low tiles) shows the value large with
its trend and beside it the curve with the one limit that matters. Gets a snapshot, keeps nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from backends.domain.quality import Value
from backends.domain.sensor import Limit
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.parts import text
from widgets.parts.plot_axes import time_ticks, value_ticks
from widgets.parts.plot_chart import Chart
from widgets.parts.plot_labels import Placer, around, box
from widgets.parts.shapes import draw_arrow, draw_hatch
from widgets.theme import Theme
from widgets.typography import TypeScale, Weight

_RIGHT, _CENTER = Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignHCenter


_RATES = ("/h", "/s", "/giờ", "/phút", "/min")


@dataclass(frozen=True)
class PlotState:
    """What is shown now."""

    unit: str
    decimals: int
    t0_ns: int
    t1_ns: int
    now_ns: int
    low: float
    high: float
    last: Value | None
    """Newest number; None: nothing yet."""
    word: str
    """Why the last value cannot be trusted ("thiết bị lỗi"), empty when it can."""
    old: bool
    """The last value is older than it may be."""
    limits: tuple[Limit, ...]
    broken: Limit | None
    nearest: Limit | None
    forecast: tuple[tuple[int, float], ...]
    marks: tuple[Value, ...]
    rate_per_h: float | None

    @property
    def rising(self) -> bool | None:
        """None: steady, to the digits that are shown."""
        if self.rate_per_h is None or abs(self.rate_per_h) < 0.5 * 10.0**-self.decimals:
            return None
        return self.rate_per_h > 0

    def words(self, value: float) -> str:
        return f"{fmt.number(value, self.decimals)} {self.unit}".strip()

    def relation(self) -> str:
        """ "trên BĐ3 0,12 m", empty without a limit."""
        limit = self.broken or self.nearest
        if limit is None or self.last is None or self.last.value is None:
            return ""
        over = self.last.value - limit.value
        key = "plot.above" if over > 0 else "plot.below"
        return tr(key, limit=local(limit.label), by=self.words(abs(over)))

    def trend(self) -> str:
        """ "đang lên 0,21 m/giờ", empty when steady or unknown.

        A speed or a share has none: "giảm 44 km/h/giờ" after one jump says nothing that the arrow does not.
        """
        if self.rising is None or self.rate_per_h is None or self.unit == "%" or self.unit.endswith(_RATES):
            return ""
        return tr("plot.rising" if self.rising else "plot.falling", by=self.words(abs(self.rate_per_h)))


@dataclass(frozen=True)
class PlotView:
    """One paint of one state."""

    painter: QPainter
    scale: TypeScale
    theme: Theme
    chart: Chart
    state: PlotState
    ratio: float
    hover_ns: int | None = None
    hovered: Value | None = None

    # -- the two forms -----------------------------------------------------------------------------

    def full(self, body: QRectF) -> QRectF:
        """Axes left and below, limits at the right end. Returns the plot's rectangle."""
        return replace(self, state=self._with_headroom(body))._full(body)

    def _with_headroom(self, body: QRectF) -> PlotState:
        """The axis reaches high enough for the last value to stand above the end of the line."""
        state, em = self.state, self.scale.floor
        if state.last is None or state.last.value is None:
            return state
        wide = text.width(state.words(state.last.value), self.scale.glance, Weight.SEMIBOLD) + em * 2
        back_ns = int((state.t1_ns - state.t0_ns) * wide / max(1.0, body.width() - em * 8))
        top = self.chart.highest(state.last.t_ns - back_ns)
        share = (self.scale.line(self.scale.glance) + em * 0.8) / max(1.0, body.height() - em * 3)
        if top is None or share > 0.4:
            return state
        needed = state.low + (top - state.low) / (1 - share)
        return replace(state, high=max(state.high, needed))

    def _full(self, body: QRectF) -> QRectF:
        scale, state = self.scale, self.state
        em, line = scale.floor, scale.line(scale.floor)
        top = body.top() + em * 0.35
        bottom = body.bottom() - line - em * 0.4
        ticks = value_ticks(state.low, state.high, int((bottom - top) / (line * 2.0)))
        left = max((text.width(t.label, em) for t in ticks), default=0.0) + em * 0.6 + 2.0
        words = {id(x): self._limit_words(x, long=body.width() > em * 34) for x in state.limits}
        right = max((text.width(w, em) for w in words.values()), default=0.0)
        plot = QRectF(body.left() + scale.pad + left, top, 0, bottom - top)
        plot.setRight(body.right() - scale.pad - (right + em * 0.5 if right else 0.0))
        self._view(plot)
        for tick in ticks:
            y = self.chart.place(state.t0_ns, tick.at).y()
            self.painter.fillRect(QRectF(plot.left(), round(y), plot.width(), 1), self.theme.line)
            self._label(QRectF(body.left() + scale.pad, y - line / 2, left - em * 0.6, line), tick.label, align=_RIGHT)
        self._time_axis(plot, body, line)
        placer = Placer(QRectF(plot.left(), body.top(), body.right() - scale.pad - plot.left(), bottom - body.top()))
        self._limits(plot, words, placer)
        self._curve(plot, placer, with_value=True)
        return plot

    def reduced(self, body: QRectF) -> QRectF:
        """Value at the left, the curve with one limit at the right; the curve goes where there is no room."""
        scale, em = self.scale, self.scale.floor
        inner = body.adjusted(scale.pad, 0, -scale.pad, -scale.pad * 0.5)
        block = self._value_block(inner)
        limit = self.state.broken or self.state.nearest
        words = {id(limit): self._limit_words(limit, long=False)} if limit is not None else {}
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
        self.chart.set_view(plot, state.t0_ns, state.t1_ns, state.low, state.high)

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
        for tick in time_ticks(self.state.t0_ns, self.state.t1_ns, int(plot.width() / (widest * 1.9))):
            x = self.chart.place(tick.at, self.state.low).x()
            self.painter.fillRect(QRectF(round(x), plot.bottom(), 1, em * 0.3), self.theme.muted)
            wide = max(widest, text.width(tick.label, em))
            room = QRectF(x - wide / 2 - 1, row.top(), wide + 2, line)
            if room.left() < body.left():
                room.moveLeft(body.left())
            if room.right() > body.right():
                room.moveRight(body.right())
            self._label(room, tick.label, align=_CENTER)

    def _limits(self, plot: QRectF, words: dict[int, str], placer: Placer) -> None:
        """Dashed lines with their words at the right end; grey until broken, then the alarm's hue."""
        state, em, line = self.state, self.scale.floor, self.scale.line(self.scale.floor)
        first = [x for x in (state.broken, state.nearest) if x is not None]
        for limit in sorted(state.limits, key=lambda x: first.index(x) if x in first else len(first)):
            if id(limit) not in words or not state.low <= limit.value <= state.high:
                continue
            hue = self.theme.hue(limit.priority) if limit is state.broken else self.theme.muted
            y = self.chart.place(state.t0_ns, limit.value).y()
            pen = QPen(hue, max(1.0, em / 11) if limit is state.broken else max(1.0, em / 16))
            pen.setDashPattern([5.0, 3.5])
            self.painter.setPen(pen)
            self.painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            label = words[id(limit)]
            room = box(QPointF(plot.right() + em * 0.5, y - line / 2), label, em)
            # Two limits closer than a line of text: the graver need wins the words, the line stays.
            if placer.place([room]) is not None:
                placer.take(room.adjusted(-em * 0.4, 0, 0, 0))
                self._label(room, label, hue)

    def _curve(self, plot: QRectF, placer: Placer, *, with_value: bool) -> None:
        state, em = self.state, self.scale.floor
        end = None
        if state.last is not None and state.last.value is not None:
            end = self.chart.place(state.last.t_ns, state.last.value)
        if state.old and end is not None:
            now_x = self.chart.place(state.now_ns, state.low).x()
            gap = QRectF(end.x(), plot.top(), max(0.0, min(now_x, plot.right()) - end.x()), plot.height())
            draw_hatch(self.painter, gap, self.theme.line, em * 0.8)
        self.painter.save()
        self.painter.setClipRect(plot.adjusted(-em, 0, em, 0))
        self.chart.paint(self.painter, self.ratio)
        self._marks()
        self.painter.restore()
        if end is not None:
            self._dot(end)
            placer.take(QRectF(end.x() - em * 0.35, end.y() - em * 0.35, em * 0.7, em * 0.7))
        if self.hover_ns is not None and self.hovered is not None:
            self._crosshair(plot, placer)
        if with_value and end is not None:
            self._end_value(end, placer)
        self._forecast_word(placer)

    def _marks(self) -> None:
        """Faulty samples: small crosses beside the line, joined to nothing."""
        arm = self.scale.floor * 0.22
        self.painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.painter.setPen(QPen(self.theme.muted, max(1.2, self.scale.floor / 10)))
        for mark in self.state.marks:
            if mark.value is not None:
                at = self.chart.place(mark.t_ns, mark.value)
                self.painter.drawLine(at + QPointF(-arm, -arm), at + QPointF(arm, arm))
                self.painter.drawLine(at + QPointF(-arm, arm), at + QPointF(arm, -arm))

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
        for limit in state.limits:
            if room.top() <= self.chart.place(state.t0_ns, limit.value).y() <= room.bottom():
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
        rooms: list[QRectF] = []
        for t_ns, value in (shown[-1], shown[len(shown) // 2], shown[0]):
            rooms += around(self.chart.place(t_ns, value), words, em, Weight.REGULAR, em * 0.45)
        rooms.append(box(QPointF(placer.bounds.right(), placer.bounds.top()), words, em))
        rooms.append(box(QPointF(placer.bounds.right(), placer.bounds.bottom() - em * 1.4), words, em))
        start = self.chart.place(shown[0][0], shown[0][1]).x()
        # Beside the past it would call the past a forecast.
        room = placer.place([r for r in rooms if r.center().x() >= start], self._crossed)
        if room is not None:
            self._backing(room)
            self._label(room, words)

    def _backing(self, room: QRectF) -> None:
        ground = QColor(self.theme.tile)
        ground.setAlpha(190)
        self.painter.fillRect(room.adjusted(-2, room.height() * 0.1, 2, -room.height() * 0.1), ground)

    def _crosshair(self, plot: QRectF, placer: Placer) -> None:
        value, em = self.hovered, self.scale.floor
        if value is None or value.value is None:
            return
        at = self.chart.place(value.t_ns, value.value)
        self.painter.fillRect(QRectF(round(at.x()), plot.top(), 1, plot.height()), self.theme.muted)
        self.painter.fillRect(QRectF(plot.left(), round(at.y()), plot.width(), 1), self.theme.muted)
        words = f"{fmt.clock(value.t_ns)} · {self.state.words(value.value)}"
        room = placer.place(around(at, words, em, Weight.SEMIBOLD, em))
        if room is not None:
            grown = room.adjusted(-em * 0.4, -1, em * 0.4, 1)
            placer.take(grown)
            self.painter.fillRect(grown, self.theme.raised)
            text.draw(self.painter, room, words, em, self.theme.strong, Weight.SEMIBOLD)

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
