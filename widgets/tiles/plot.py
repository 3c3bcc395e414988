"""One series over the last hours: line, gaps, limits, forecast, last value.

History comes by request number through the city model, newer samples are appended as they arrive; what
answers another request is dropped. Opens nothing; paints in `parts/plot_view.py`.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QRectF
from PySide6.QtGui import QMouseEvent, QPainter

from backends.domain.feeds import FeedQuality
from backends.domain.ports import SeriesPart
from backends.domain.quality import Quality, Value
from backends.domain.sensor import Sensor
from backends.domain.text import fold
from backends.domain.times import NS_PER_S
from layouts.options import PlotOptions
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.parts import text
from widgets.parts.plot_axes import gravest_broken, limits_in_force, nearest, value_range
from widgets.parts.plot_chart import Chart
from widgets.parts.plot_series import GAP_PERIODS, PlotSeries
from widgets.parts.plot_view import PlotState, PlotView
from widgets.session import Session
from widgets.tiles.base import Tile, TileSpec
from widgets.typography import TypeScale, Weight

MAX_POINTS = 4000
"""Asked of history: two for each pixel of the widest wall panel's plot."""
_FORECAST_SHARE = 0.3
"""Most of the width that the forecast may take."""


class PlotTile(Tile):
    """A sensor's recent past and near future."""

    feeds = ("sensors", "samples")

    def __init__(self, session: Session, scale: TypeScale, options: Any) -> None:
        super().__init__(session, scale, options)
        self.options: PlotOptions = options
        self._sensor: Sensor | None = None
        self._series = PlotSeries(60.0)
        self._request = 0
        self._asked_ns = (0, 0)
        self._chart: Chart | None = None
        """Made with the first answer of history, or after a second: not within the first paint of a window."""
        self._line_points = 0
        self._hover_x: float | None = None
        self._painted_ns = 0
        self._plot = QRectF()
        self._samples_live = session.city.quality("samples") is FeedQuality.LIVE
        self._seconds = 0
        session.city.seriesArrived.connect(self._on_series)
        self._find_sensor()

    # -- data ----------------------------------------------------------------------------------------

    @property
    def sensor(self) -> Sensor | None:
        """What is shown; None until the directory knows it."""
        return self._sensor

    def _find_sensor(self) -> None:
        city = self.session.city
        found = city.sensor(self.options.sensor) if self.options.sensor else None
        if found is None and self.options.parameter:
            of_kind = (s for s in city.records("sensors").values() if s.parameter == self.options.parameter)
            found = min(of_kind, key=lambda s: s.id, default=None)
        if found is self._sensor:
            return
        changed = found is None or self._sensor is None or found.id != self._sensor.id
        self._sensor = found
        if changed:
            self._start(found)
        self._rebuild()

    def _start(self, sensor: Sensor | None) -> None:
        """Another series: forget the old one and ask for its past."""
        self._series = PlotSeries(sensor.period_s if sensor is not None else 60.0)
        self._request = 0
        if sensor is not None:
            self._ask(sensor)
            self._take_newest(sensor)

    def _ask(self, sensor: Sensor) -> None:
        now_ns = self.now_ns()
        self._asked_ns = (now_ns - int(self.options.hours * 3600 * NS_PER_S), now_ns)
        self._request = self.session.history.request(sensor.id, *self._asked_ns, MAX_POINTS)

    def _on_series(self, part: SeriesPart) -> None:
        """1. asked in `_ask`; 2. the store answers first, 3. the hub completes it under the same number."""
        if self._sensor is None or part.request != self._request or part.series != self._sensor.id:
            return
        span_s = (self._asked_ns[1] - self._asked_ns[0]) / NS_PER_S
        thinned = span_s / self._sensor.period_s > MAX_POINTS
        self._need_chart()
        self._series.take_history(part.t_ns, part.value, span_s / max(1, len(part.t_ns)) if thinned else 0.0)
        self._take_newest(self._sensor)
        self._rebuild()

    def _take_newest(self, sensor: Sensor) -> bool:
        newest = self.session.city.value(sensor.id)
        return newest is not None and self._series.append(newest)

    def on_feeds(self, changed: frozenset[str]) -> None:
        if "sensors" in changed:
            self._find_sensor()
        if self._sensor is not None and changed & {"samples", "sensors"} and self._take_newest(self._sensor):
            self._series.forget_before(self._start_ns())
            self._rebuild()

    def on_health(self) -> None:
        live = self.session.city.quality("samples") is FeedQuality.LIVE
        if live and not self._samples_live and self._sensor is not None:
            # What was missed while the channel was away is back-filled by history.
            self._ask(self._sensor)
        self._samples_live = live
        super().on_health()

    def _need_chart(self) -> None:
        if self._chart is None:
            self._chart = Chart()
            self._rebuild()

    def on_second(self) -> None:
        self._seconds += 1
        if self._chart is None and self._seconds > 1:
            self._need_chart()
        now_ns, sensor = self.now_ns(), self._sensor
        if sensor is not None and now_ns < self._asked_ns[1] - int(sensor.period_s * GAP_PERIODS * NS_PER_S):
            # The session clock went back (a seek): this line is of another time.
            self._start(sensor)
            self._rebuild()
        a_pixel_ns = self.options.hours * 3600 * NS_PER_S / max(1.0, self.width())
        if now_ns - self._painted_ns > a_pixel_ns or self.stale_since_ns() is not None:
            self.update()

    def on_look(self) -> None:
        self._rebuild()

    def _rebuild(self) -> None:
        """New points for the curve; only when data, theme or width changed."""
        self._line_points = max(200, 2 * self.width())
        t_ns, value = self._series.line(self._line_points)
        forecast = self._sensor.forecast if self._sensor is not None else ()
        last = self._series.last()
        if last is not None and last.value is not None and forecast:
            forecast = tuple(p for p in forecast if p[0] > last.t_ns)
            forecast = ((last.t_ns, last.value), *forecast) if forecast else ()
        if self._chart is not None:
            self._chart.set_data(t_ns, value, forecast)
            self._chart.set_pens(self.theme.strong, self.theme.text, max(2.0, self.scale.floor / 7.5))
        self.refresh()

    # -- what it says --------------------------------------------------------------------------------

    def title(self) -> str:
        """Name and station; the name alone where both would be cut or push the time away."""
        if self._sensor is None:
            return tr("plot.title_unknown")
        name, station = local(self._sensor.name), local(self._sensor.station)
        if not station or station in name:
            return name
        # Directories write "Cửa Việt" or "Trạm Cửa Việt"; the word stands once.
        named = fold(tr("plot.station")) in fold(station)
        full = tr("plot.title_named" if named else "plot.title", name=name, station=station)
        room = self.width() - 3 * self.scale.pad - text.width("00:00", self.scale.floor)
        return full if self._title_width(full) <= room else name

    def _title_width(self, words: str) -> float:
        return text.width(words, self.scale.read, Weight.SEMIBOLD)

    def summary(self) -> str:
        """As of when, as much of it as fits beside the title."""
        last = self._series.last()
        if self._sensor is None or last is None:
            return ""
        now_ns, scale = self.now_ns(), self.scale
        if self._is_old(last):
            return tr("plot.old", age=fmt.duration((now_ns - last.t_ns) / NS_PER_S))
        at = fmt.event_time(last.t_ns, now_ns)
        full = tr("plot.as_of", at=at, period=fmt.duration(self._sensor.period_s))
        room = self.width() - 3 * scale.pad - self._title_width(self.title())
        shorter = (full, at, fmt.clock_minutes(last.t_ns))
        return next((words for words in shorter if text.width(words, scale.floor) <= room), "")

    def _is_old(self, last: Value) -> bool:
        if self._sensor is None:
            return False
        return self.now_ns() - last.t_ns > self._sensor.period_s * GAP_PERIODS * NS_PER_S

    def _start_ns(self) -> int:
        return self.now_ns() - int(self.options.hours * 3600 * NS_PER_S)

    def _quality_word(self) -> str:
        newest = self.session.city.value(self._sensor.id) if self._sensor is not None else None
        quality = newest.quality if newest is not None else Quality.GOOD
        return tr(f"plot.quality.{quality}") if quality is not Quality.GOOD else ""

    def state(self, *, reduced: bool = False) -> PlotState | None:
        """Snapshot of what is to be painted; None before the sensor is known.

        The reduced form shows one limit, so its range holds only that one.
        """
        sensor = self._sensor
        if sensor is None:
            return None
        now_ns, t0_ns, last = self.now_ns(), self._start_ns(), self._series.last()
        longest_ns = int((now_ns - t0_ns) * _FORECAST_SHARE / (1 - _FORECAST_SHARE))
        forecast = tuple(p for p in sensor.forecast if now_ns - longest_ns < p[0] <= now_ns + longest_ns)
        word = self._quality_word()
        limits = tuple(limits_in_force(sensor.limits, now_ns))
        value = last.value if last is not None else None
        extent = self._series.extent(t0_ns)
        ahead = [v for t, v in forecast if t > now_ns]
        if extent is not None and ahead:
            extent = (min(extent[0], *ahead), max(extent[1], *ahead))
        # A faulty or calibrating instrument raises no alarm on the quantity: no hue either.
        broken = gravest_broken(limits, value) if not word else None
        closest = nearest(limits, value)
        shown = [x for x in (broken or closest,) if x is not None] if reduced else limits
        low, high = value_range(extent, (None, None) if reduced else (sensor.low, sensor.high), shown)
        return PlotState(
            unit=sensor.unit,
            decimals=sensor.decimals,
            t0_ns=t0_ns,
            t1_ns=max(now_ns, forecast[-1][0]) if forecast else now_ns,
            now_ns=now_ns,
            low=low,
            high=high,
            last=last,
            word=word,
            old=last is not None and self._is_old(last),
            limits=limits,
            broken=broken,
            nearest=closest,
            forecast=forecast if ahead else (),
            marks=tuple(self._series.marks),
            rate_per_h=self._series.rate_per_h(max(1800.0, sensor.period_s * 3)),
        )

    # -- painting ------------------------------------------------------------------------------------

    def is_reduced(self, body: QRectF) -> bool:
        """Walls and low tiles show the value beside a plain curve."""
        em = self.scale.floor
        return body.height() < em * (17 if self.scale.wall else 10) or body.width() < em * 17

    def paint_body(self, painter: QPainter, body: QRectF) -> None:
        reduced = self.is_reduced(body)
        state = self.state(reduced=reduced)
        if state is None:
            self.paint_empty(painter, body, tr("plot.unknown", name=self.options.sensor or self.options.parameter))
            return
        if state.last is None:
            self.paint_empty(painter, body, tr("plot.empty"))
            return
        if self._chart is None:
            self.paint_empty(painter, body, tr("plot.loading"))
            return
        if self._line_points < 1.5 * self.width():
            self._line_points = 0
        self._painted_ns = state.now_ns
        hover_ns = self._chart.time_at(self._hover_x) if self._hover_x is not None else None
        within = int(self._series.period_s * GAP_PERIODS * NS_PER_S)
        hovered = self._series.near(hover_ns, within) if hover_ns is not None else None
        view = PlotView(
            painter, self.scale, self.theme, self._chart, state, self.devicePixelRatioF(), hover_ns, hovered
        )
        self._plot = view.reduced(body) if reduced else view.full(body)

    # -- mouse ---------------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        inside = self._plot.contains(event.position())
        wanted = x if inside else None
        if wanted != self._hover_x:
            self._hover_x = wanted
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hover_x = None
        self.update()

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._rebuild()


SPEC = TileSpec("plot", PlotOptions, PlotTile)
