"""A sensor's past and near future: line, gaps, quality, limits of their time, forecast, and what it is compared with.

Follows now until somebody moves it; then its header says that it does not, and after ten minutes without a touch it is
back. History comes through `parts/plot_lines.py`, painting is `parts/plot_view.py`. Opens nothing.
"""

from __future__ import annotations

from itertools import cycle
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPen, QWheelEvent

from backends.domain.feeds import FeedQuality
from backends.domain.ports import SeriesPart
from backends.domain.quality import Quality
from backends.domain.sensor import Sensor
from backends.domain.text import fold
from backends.domain.times import NS_PER_S
from layouts.options import PlotOptions
from widgets import format as fmt
from widgets.i18n import language, local, tr
from widgets.parts import text
from widgets.parts.plot_chart import Chart, Curve
from widgets.parts.plot_export import job_of
from widgets.parts.plot_keys import PlotAct, act_of
from widgets.parts.plot_lines import PlotLines, gap_ns
from widgets.parts.plot_menu import plot_menu
from widgets.parts.plot_range import Span, View
from widgets.parts.plot_snapshot import Asked, past_words, snapshot
from widgets.parts.plot_state import PlotState
from widgets.parts.plot_view import PlotView, with_headroom
from widgets.parts.plot_words import unknown_words
from widgets.parts.sensor_drag import SensorDrag, SensorPlace
from widgets.parts.sensor_picker import SensorPicker
from widgets.session import Session
from widgets.theme import Theme
from widgets.tiles.base import Tile, TileSpec
from widgets.typography import TypeScale, Weight

SETTLE_MS = 150
"""So long after the last move of the view what is missing is asked for."""
_AHEAD = cycle((0.35, 0.65, 0.45, 0.75, 0.4, 0.7, 0.5, 0.6))
"""How far each of the plots is drawn ahead of a hand that moves them: each else, lest all are drawn in one frame."""
_ZOOM = 1.25
_PAN = 0.25


class PlotTile(Tile):
    """See the module."""

    feeds = ("sensors", "samples")

    def __init__(self, session: Session, scale: TypeScale, options: Any) -> None:
        super().__init__(session, scale, options)
        self.options: PlotOptions = options
        self.lines = PlotLines(session)
        self._own: View | None = None
        """What this plot shows where it does not follow the others; None: the layout's hours up to now."""
        self.shapes = False
        self.alone = False
        """Called up over the others: it has a time of its own, and Esc puts it away."""
        self.moment_ns: int | None = None
        """Marked until a person marks another one: when the alarm was raised."""
        self._chart: Chart | None = None
        """Made with the first answer of history, or after a second: not within the first paint of a window."""
        self._curves_of: object = None
        self._reach: Span | None = None
        self._ahead = next(_AHEAD)
        self._drag: tuple[float, View] | None = None
        self._plot = QRectF()
        self._painted_ns = 0
        self._seen_ns = 0
        self._samples_live = session.city.quality("samples") is FeedQuality.LIVE
        self._seconds = 0
        self._unread = True
        """What it was compared with has not been looked up in the memory."""
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._settled)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus if scale.wall else Qt.FocusPolicy.StrongFocus)
        self._place: SensorPlace | None = None
        """Where sensors may be let go, to be compared here; a wall's plot is nobody's at the desk."""
        if not scale.wall:
            self._place = SensorPlace(self, session.hands, self.take)
            SensorDrag(self, session.hands, self._sensors_at)
        session.city.seriesArrived.connect(self._on_series)
        session.plots.cursorMoved.connect(self.update)
        session.plots.viewChanged.connect(self._moved)
        self._find_sensor()

    # -- data ----------------------------------------------------------------------------------------

    @property
    def sensor(self) -> Sensor | None:
        """What is shown; None until the directory knows it."""
        return self.lines.first.sensor if self.lines.first is not None else None

    def _find_sensor(self) -> None:
        city = self.session.city
        found = city.sensor(self.options.sensor) if self.options.sensor else None
        if found is None and self.options.parameter:
            of_kind = (s for s in city.records("sensors").values() if s.parameter == self.options.parameter)
            found = min(of_kind, key=lambda s: s.id, default=None)
        if found is not self.sensor:
            self.lines.set_first(found)
            self._settled()
        self.lines.refresh_definitions()

    def _on_series(self, part: SeriesPart) -> None:
        if self.lines.on_series(part):
            self._need_chart()
            self.refresh()

    def on_feeds(self, changed: frozenset[str]) -> None:
        if "sensors" in changed:
            self._find_sensor()
            self.refresh()
        if changed & {"samples", "sensors"} and self.lines.take_newest():
            self.refresh()

    def on_health(self) -> None:
        live = self.session.city.quality("samples") is FeedQuality.LIVE
        if live and not self._samples_live:
            self.lines.ask_again(*self.view.ends(self.now_ns()))
        self._samples_live = live
        super().on_health()

    def _need_chart(self) -> None:
        if self._chart is None:
            self._chart = Chart()

    @property
    def _kept(self) -> str:
        """What the memory calls those that it was compared with; empty: a wall, and a plot that was called up, are not
        compared by hand for longer than they are looked at."""
        one = self.options.sensor or self.options.parameter
        return "" if self.scale.wall or self.alone else f"plot.with.{one}"

    def _compare_again(self) -> None:
        """With what it was compared with before the screen was restarted, as far as the directory has it."""
        if self._kept and self.lines.first is not None and self._unread:
            self._unread = False
            known = (self.session.city.sensor(id_) for id_ in self.session.memory.get(self._kept).split())
            for sensor in filter(None, known):
                self.lines.add(sensor)
            self._settled()

    def _keep_compared(self) -> None:
        if self._kept:
            self.session.memory.set(self._kept, " ".join(one.sensor.id for one in self.lines.shown[1:]))

    def on_second(self) -> None:
        self._seconds += 1
        self._compare_again()
        if self._chart is None and self._seconds > 1:
            self._need_chart()
        now_ns, view = self.now_ns(), self.view
        if self.sensor is not None and now_ns < self._seen_ns - gap_ns(self.sensor):
            # The session clock went back (a seek): these lines are of another time.
            self.lines.start_again()
        self._seen_ns = now_ns
        if not view.live and self.session.plots.idle():
            self._look_at(None)  # no touch: the other plots are idle still
        if not self._settle.isActive() and self._seconds % 5 == 1:
            self._settled()
        a_pixel_ns = view.span_ns / max(1.0, self.width())
        if now_ns - self._painted_ns > a_pixel_ns or self.stale_since_ns() is not None:
            self.update()

    def on_look(self) -> None:
        self._curves_of = None
        self.refresh()

    # -- the time that is shown ------------------------------------------------------------------------

    @property
    def _follows(self) -> bool:
        """A wall never leaves now because somebody at a desk looks back."""
        return self.session.plots.linked and not self.scale.wall and not self.alone

    @property
    def view(self) -> View:
        """What it shows now."""
        chosen = self.session.plots.view if self._follows else self._own
        return chosen or View(int(self.options.hours * 3600 * NS_PER_S))

    def show_view(self, view: View | None) -> None:
        """Look at another time; None: the layout's hours, up to now. Linked plots come along."""
        self.session.plots.touch()
        self._look_at(view)

    def _look_at(self, view: View | None) -> None:
        if self._follows:
            self.session.plots.show(view)
        else:
            self._own = view
            self._moved()

    def _moved(self) -> None:
        self._settle.start()
        self.update()

    def _settled(self) -> None:
        """The view stands: ask for what it lacks."""
        if self.sensor is not None:
            self.lines.need(*self.view.ends(self.now_ns()), max(200, self.width()))
        self.update()

    # -- what it says --------------------------------------------------------------------------------

    def title(self) -> str:
        """Name and station; the name alone where both would be cut or push the time away."""
        sensor = self.sensor
        if sensor is None:
            return tr("plot.title_unknown")
        name, station = local(sensor.name), local(sensor.station)
        if not station or station in name:
            return name
        # Directories write "Cửa Việt" or "Trạm Cửa Việt"; the word stands once.
        named = fold(tr("plot.station")) in fold(station)
        full = tr("plot.title_named" if named else "plot.title", name=name, station=station)
        room = self.width() - 3 * self.scale.pad - text.width("00:00", self.scale.floor)
        said = full if self._title_width(full) <= room else name
        return tr("plot.sheet", title=said) if self.alone else said

    def _title_width(self, words: str) -> float:
        return text.width(words, self.scale.read, Weight.SEMIBOLD)

    def past_words(self) -> str:
        """ "xem quá khứ 20/11 08:00 – 09:00", empty at now."""
        view = self.view
        if view.live:
            return ""
        return past_words(*view.ends(self.now_ns()), fmt.date_long(self.now_ns()), language())

    def stale_words(self) -> str:
        """The header is hatched and says so, whether data is old or an old time is looked at."""
        past, stale = self.past_words(), super().stale_words()
        return past or stale

    def summary(self) -> str:
        """As of when, as much of it as fits beside the title."""
        sensor, first = self.sensor, self.lines.first
        last = first.series.last(self.now_ns()) if first is not None else None
        if sensor is None or first is None or last is None:
            return ""
        now_ns, scale = self.now_ns(), self.scale
        if now_ns - last.t_ns > gap_ns(sensor):
            return tr("plot.old", age=fmt.duration((now_ns - last.t_ns) / NS_PER_S))
        at = fmt.event_time(last.t_ns, now_ns)
        full = tr("plot.as_of", at=at, period=fmt.duration(sensor.period_s))
        room = self.width() - 3 * scale.pad - self._title_width(self.title())
        shorter = (full, at, fmt.clock_minutes(last.t_ns))
        return next((words for words in shorter if text.width(words, scale.floor) <= room), "")

    def state(self, *, reduced: bool = False, width: float = 0.0) -> PlotState | None:
        """Snapshot of what is to be painted; None before the sensor is known.

        The reduced form shows one limit, so its range holds only that one.
        """
        if self.lines.first is None:
            return None
        plots = self.session.plots
        mark_ns = self.moment_ns if plots.mark_ns is None else plots.mark_ns
        asked = Asked(
            self.view, self.now_ns(), reduced=reduced, shapes=self.shapes, cursor_ns=plots.cursor_ns,
            mark_ns=mark_ns, word=self._quality_word(), width=width or self._wide,
            reach=self._reach, ahead=self._ahead,
        )  # fmt: skip
        state = snapshot(self.lines, asked)
        self._reach = self._reach if width else state.reach
        return state

    @property
    def _wide(self) -> float:
        """In pixels of the screen."""
        return self.width() * self.devicePixelRatioF()

    def _quality_word(self) -> str:
        newest = self.session.city.value(self.sensor.id) if self.sensor is not None else None
        quality = newest.quality if newest is not None else Quality.GOOD
        return tr(f"plot.quality.{quality}") if quality is not Quality.GOOD else ""

    # -- painting ------------------------------------------------------------------------------------

    def is_reduced(self, body: QRectF) -> bool:
        """Walls and low tiles show the value beside a plain curve."""
        em = self.scale.floor
        return body.height() < em * (17 if self.scale.wall else 10) or body.width() < em * 17

    def paint_body(self, painter: QPainter, body: QRectF) -> None:
        reduced = self.is_reduced(body)
        state = self.state(reduced=reduced)
        if state is None:
            self.paint_empty(painter, body, unknown_words(self.options))
            return
        first = self.lines.first
        nothing = first is None or (first.answered and state.view_is_live and first.series.last(self.now_ns()) is None)
        if nothing or self._chart is None:
            self.paint_empty(painter, body, tr("plot.empty" if nothing else "plot.loading"))
            return
        self._painted_ns = state.now_ns
        if first is not None and not reduced:
            state = with_headroom(state, self.scale, body, first.series)
        self._set_curves(self._chart, state)
        view = PlotView(painter, self.scale, self.theme, self._chart, state, self.devicePixelRatioF())
        self._plot = view.reduced(body) if reduced else view.full(body)
        over = self._place is not None and self._place.over
        if over or self.hasFocus():
            thick = self.scale.floor / 4 if over else 1.0
            painter.setPen(QPen(self.theme.strong, thick))
            painter.drawRect(QRectF(self.rect()).adjusted(thick / 2, thick / 2, -thick / 2, -thick / 2))

    def _set_curves(self, chart: Chart, state: PlotState) -> None:
        """Lines of the range that is shown; kept while nothing of it changes."""
        ranges = [(line.low, line.high) for line in state.more]
        span_ns = state.t1_ns - state.t0_ns
        of = (
            self.lines.version(), state.reach, state.columns, span_ns, state.low, state.high, ranges, state.shapes,
            state.view_is_live, state.forecast,
        )  # fmt: skip
        if of == self._curves_of:
            return
        self._curves_of = of
        chart.set_curves(self.curves(state, self.theme))

    def curves(self, state: PlotState, theme: Theme) -> tuple[Curve, ...]:
        """All lines of a snapshot."""
        thick = max(2.0, self.scale.floor / 7.5)
        main = theme.strong if state.view_is_live else theme.text
        ranges = [(state.low, state.high), *((line.low, line.high) for line in state.more)]
        curves = [
            Curve(*one.series.line(*state.reach, state.columns), low, high, theme.text if n else main,
                  max(1.5, thick * 0.7) if n else thick, dash=n)
            for n, (one, (low, high)) in enumerate(zip(self.lines.shown, ranges, strict=False))
        ]  # fmt: skip
        return (*curves, *state.forecast_curve(theme.text, thick * 0.8))

    # -- what hands ask --------------------------------------------------------------------------------

    def act(self, act: PlotAct) -> bool:
        """Do it; False: it means nothing here."""
        now_ns, view, plots = self.now_ns(), self.view, self.session.plots
        steps = {
            PlotAct.EARLIER: -_PAN, PlotAct.LATER: _PAN, PlotAct.PAGE_EARLIER: -1.0, PlotAct.PAGE_LATER: 1.0,
        }  # fmt: skip
        plots.touch()
        if act in steps:
            self.show_view(view.panned(int(view.span_ns * steps[act]), now_ns))
        elif act in (PlotAct.NEARER, PlotAct.FARTHER):
            at = self._share(plots.cursor_ns)
            self.show_view(view.zoomed(_ZOOM if act is PlotAct.FARTHER else 1 / _ZOOM, at, now_ns))
        elif act is PlotAct.NOW:
            self.show_view(None)
        elif act in (PlotAct.CURSOR_EARLIER, PlotAct.CURSOR_LATER):
            self._step_cursor(-1 if act is PlotAct.CURSOR_EARLIER else 1)
        elif act is PlotAct.MARK:
            plots.mark()
        elif act is PlotAct.LINK:
            plots.link(linked=not plots.linked)
            self._tell("plot_hand.linked" if plots.linked else "plot_hand.unlinked")
        elif act is PlotAct.SHAPES:
            self.shapes = not self.shapes
            self.update()
        elif act is PlotAct.ADD:
            SensorPicker(self.session, self.scale, self, self._compare).begin()
        elif act is PlotAct.REMOVE:
            self._remove()
        else:
            return self._save(act)
        return True

    def _tell(self, key: str, **values: object) -> None:
        self.session.notices.tell_desk(tr(key, **values))

    def _compare(self, sensor: Sensor) -> None:
        """A sensor was picked to be compared with."""
        if not self.lines.add(sensor):
            self._tell("plot_hand.no_more")
            return
        self._keep_compared()
        units = {one.sensor.unit for one in self.lines.shown}
        if len(units) > 2 and not self.shapes:
            self.shapes = True
            self._tell("plot_hand.three_units")
        self._settled()

    def take(self, ids: tuple[str, ...]) -> None:
        """Sensors were let go here: of those of a station the one of this plot's quantity, else the first."""
        there = {one.sensor.id for one in self.lines.shown}
        known = [sensor for sensor in map(self.session.city.sensor, ids) if sensor is not None]
        if self.sensor is None or not known:
            self._tell("plot_hand.not_here")
            return
        self.session.plots.touch()
        order = {s.id: (s.id in there, s.parameter != self.sensor.parameter) for s in known}
        self._compare(min(known, key=lambda s: order[s.id]))

    def _sensors_at(self, at: QPoint) -> tuple[str, ...]:
        """The header carries what the plot is of."""
        return (self.sensor.id,) if self.sensor is not None and at.y() < self.header_height else ()

    def _remove(self) -> None:
        if self.lines.remove_last() is None:
            self._tell("plot_hand.nothing_added")
        self._keep_compared()
        if len({one.sensor.unit for one in self.lines.shown}) <= 1:
            self.shapes = False
        self.update()

    def _save(self, act: PlotAct) -> bool:
        state = self.state(width=1600.0)
        if state is None or act not in (PlotAct.TABLE, PlotAct.PICTURE):
            return False
        self.session.calls.saveAsked.emit(job_of(self, state, table=act is PlotAct.TABLE))
        return True

    def _step_cursor(self, by: int) -> None:
        """One pixel, or to the next sample where those are farther apart."""
        plots, now_ns = self.session.plots, self.now_ns()
        t0_ns, t1_ns = self.view.ends(now_ns)
        at_ns = plots.cursor_ns if plots.cursor_ns is not None else t1_ns
        period_ns = int((self.sensor.period_s if self.sensor is not None else 1.0) * NS_PER_S)
        step_ns = max(period_ns, int(self.view.span_ns / max(1.0, self._plot.width())))
        plots.point(min(t1_ns, max(t0_ns, at_ns + by * step_ns)))

    def _share(self, t_ns: int | None) -> float:
        """Where a moment stands in the view, 0 to 1; its end where it stands outside, or nowhere."""
        t0_ns, t1_ns = self.view.ends(self.now_ns())
        share = (t_ns - t0_ns) / (t1_ns - t0_ns) if t_ns is not None else 1.0
        return share if 0.0 <= share <= 1.0 else 1.0

    # -- mouse and keys --------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        act = act_of(event)
        # Esc is the window's, or the sheet's, at now and while something is carried.
        done = event.key() == Qt.Key.Key_Escape and (self.view.live or self.session.hands.carried is not None)
        if act is not None and not done and self.act(act):
            return
        super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """At the pointer; with Shift, sideways. A wall's plot is nobody's at the desk."""
        delta = event.angleDelta().y() or event.angleDelta().x()
        if self.scale.wall or not delta or self.lines.first is None:
            return
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.act(PlotAct.EARLIER if delta > 0 else PlotAct.LATER)
            return
        share = self._share(self._time_at(event.position()))
        self.show_view(self.view.zoomed(_ZOOM ** (-delta / 120.0), share, self.now_ns()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if event.button() == Qt.MouseButton.LeftButton and self._plot.contains(event.position()):
            self._drag = event.position().x(), self.view
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag = None
        super().mouseReleaseEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None and event.buttons() & Qt.MouseButton.LeftButton and not self.scale.wall:
            start, view = self._drag
            by = (start - event.position().x()) / max(1.0, self._plot.width())
            self.show_view(view.panned(int(by * view.span_ns), self.now_ns()))
        self.session.plots.touch()
        self.session.plots.point(self._time_at(event.position()))

    def _time_at(self, at: QPointF) -> int | None:
        if self._chart is None or not self._plot.contains(at):
            return None
        return self._chart.time_at(at.x())

    def leaveEvent(self, event: QEvent) -> None:
        self.session.plots.point(None)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if not self.scale.wall and self.lines.first is not None:
            plot_menu(self).popup(event.globalPos())

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._settled()


SPEC = TileSpec("plot", PlotOptions, PlotTile)
