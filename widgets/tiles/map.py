"""The schematic map: areas, water, cameras, stations, reports, alarms. No network, no tiles from outside.

Ground and dots are painted once into a pixmap and kept until size, look, directory or configuration
change; alarms, reports and their counts are painted over it. The blink repaints the symbols only. What a camera sees
is drawn for the few that count: on the screens of this station, chosen, or under the pointer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QRegion, QResizeEvent
from PySide6.QtWidgets import QToolTip

from backends.domain.field_of_view import look
from backends.domain.place import M_PER_DEGREE, Point
from layouts.options import MapOptions
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.models.air import Air, air_of
from widgets.models.city import LOCAL_FEED
from widgets.parts import map_views, text
from widgets.parts.map_air import air_things, bad_air, calm_air
from widgets.parts.map_alarms import AlarmLayer
from widgets.parts.map_ground import Ground, areas_in_force, shapes
from widgets.parts.map_painter import MapPainter, MapSizes
from widgets.parts.map_projection import Projection, fit
from widgets.parts.map_things import (
    Cluster,
    Thing,
    What,
    camera_things,
    clusters,
    report_things,
    set_aside,
    station_things,
    words_of,
)
from widgets.parts.map_views import Wedge
from widgets.parts.rows import plain_tooltip
from widgets.parts.sensor_drag import SensorDrag
from widgets.parts.sight_words import sight_words
from widgets.session import Session
from widgets.tiles.base import Tile, TileSpec
from widgets.typography import TypeScale

_TIP_LINES = 10
_MOST_BLINK = 60
"""Symbols."""
CALLED_S = 15.0
"""So long an area that was asked for stands out."""


class MapTile(Tile):
    """Where things are."""

    feeds = ("config", "cameras", "sensors", "reports", "alarms")

    def __init__(self, session: Session, scale: TypeScale, options: Any) -> None:
        super().__init__(session, scale, options)
        self.options: MapOptions = options
        self._alarms = AlarmLayer(session.city, self)
        self._late = False
        """Many alarms: they are taken up with the next second."""
        self._bright = True
        self._projection: Projection | None = None
        self._ground: Ground | None = None
        self._sizes = MapSizes(float(scale.floor), scale.floor * 3.0)
        self._dots: list[Thing] = []
        self._clusters: list[Cluster] = []
        SensorDrag(self, session.hands, self.sensors_at)
        self._nowhere = 0
        self._air: list[Air] = []
        """The worst first."""
        self._words: list[tuple[QRectF, str]] | None = None
        self._dirty = False
        self._exposed = QRegion()
        self._pixmap: QPixmap | None = None
        self._outdated = True
        """Size, look or directory changed: laid out anew at the next paint, once, however often that was."""
        self._called = ""
        """The area that somebody asked for, until `_called_until_s`."""
        self._called_until_s = 0.0
        self._centre: Point | None = None
        self._around: tuple[Point, ...] = ()
        """Corners of what is shown around `_centre`; none: the whole city is."""
        self._spots: list[tuple[float, float, str]] = []
        """Of the cameras: x, y, id; plain figures, because the pointer asks for them at every move."""
        self._pointed = ""
        """The camera under the pointer."""
        self._only: frozenset[str] | None = None
        """Cameras whose views are shown; None: those that this station shows."""
        self._viewed: frozenset[str] = frozenset()
        self._views: QPixmap | None = None
        """Ground, dots and the wedges of `_viewed`: drawing those at each paint would cost more than all the rest."""
        if self.shows("areas"):
            session.calls.areaCalled.connect(self._show_area)
        if self.shows("cameras"):
            session.hands.chosen.connect(self._look_at_views)

    def shows(self, layer: str) -> bool:
        """No layers named = all of them."""
        return not self.options.layers or layer in self.options.layers

    # -- derived state -------------------------------------------------------------------------------

    def body(self) -> QRectF:
        return QRectF(0, self.header_height, self.width(), max(0, self.height() - self.header_height))

    def on_feeds(self, changed: frozenset[str]) -> None:
        if "config" in changed or (self._projection is None and changed & {"cameras", "sensors"}):
            self._lay_out_later()
        if self._outdated:
            return
        # Hundreds of dots: laid out again once a second at most, however often one of them moves.
        self._dirty = self._dirty or bool(changed & {"cameras", "sensors"})
        if changed & {"alarms", "reports", LOCAL_FEED}:
            if self._alarms.many:
                self._late = True
                return
            self._place_news()
            self.refresh()

    def centre_on(self, at: Point, half_m: float) -> None:
        """From now on only what lies about so far around this place is shown, which is marked."""
        north = half_m / M_PER_DEGREE
        east = north / math.cos(math.radians(at[1]))
        self._centre = at
        self._around = ((at[0] - east, at[1] - north), (at[0] + east, at[1] + north))
        self._lay_out_later()

    # -- what cameras see ----------------------------------------------------------------------------

    def show_views(self, cameras: frozenset[str]) -> None:
        """From now on of these only, and of those that are chosen or under the pointer."""
        self._only = cameras
        self._look_at_views()

    def _look_at_views(self, *_places: str) -> None:
        if not self.shows("cameras"):
            return
        city, place = self.session.city, self.session.hands.place
        shown = {one.camera_id for one in self.session.demands.wanted()} if self._only is None else self._only
        by_layout = city.camera_by_number(place.rpartition(":")[2])
        chosen = self.session.hands.camera(place) or (by_layout.id if by_layout is not None else "")
        viewed = frozenset((*shown, chosen)) - {""}
        if viewed != self._viewed:
            self._viewed, self._views = viewed, None
            self.update()

    def _wedges(self, camera_ids: Iterable[str]) -> list[Wedge]:
        cameras = self.session.city.records("cameras")
        found = [cameras[key] for key in sorted(camera_ids) if key in cameras]
        return map_views.wedges(found, self._projection, self.scale) if self._projection is not None else []

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        x, y, reach = event.position().x(), event.position().y(), self._sizes.dot * 2.0
        near = (key for left, top, key in self._spots if abs(left - x) + abs(top - y) <= reach)
        self._point_at(next(near, ""))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._point_at("")

    def _point_at(self, camera_id: str) -> None:
        if camera_id != self._pointed:
            before, self._pointed = self._pointed, camera_id
            for wedge in self._wedges((before, camera_id)):
                self.update(wedge.room.toAlignedRect())

    def _show_area(self, area_id: str) -> None:
        """Its border stands out for a while: the whole city is on the map already."""
        self._called, self._called_until_s = area_id, self.session.mono.monotonic_s() + CALLED_S
        self.update()

    def on_second(self) -> None:
        if self._called and self.session.mono.monotonic_s() >= self._called_until_s:
            self._called = ""
            self.update()
        self._look_at_views()
        air = air_of(self.session.city, self.now_ns()) if self.shows("air") else []
        if air != self._air:  # it also grows old by the clock alone
            self._air, self._late = air, True
        # A report turns overdue by the clock alone; looking once in 10 s is soon enough on a map.
        if self._dirty:
            self._lay_out_later()
        elif self._outdated:
            return
        elif self._late or (self.shows("reports") and self.now_ns() // 10**9 % 10 == 0):
            self._place_news()
            self.refresh()
        super().on_second()

    def on_look(self) -> None:
        self._pixmap = None
        self._lay_out_later()

    def _lay_out_later(self) -> None:
        self._outdated = True
        self.update()

    def _lay_out(self) -> None:
        if self._outdated:
            self._rebuild()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out_later()

    def _rebuild(self) -> None:
        """Projection, ground and dots; the pixmap only goes when one of them has changed."""
        self._dirty = self._outdated = False
        city, body = self.session.city, self.body()
        self._air = air_of(city, self.now_ns()) if self.shows("air") else []
        config = city.records("config").values()
        areas, lines = areas_in_force(config, self.now_ns()), shapes(config)
        margin = self.scale.floor * 0.9
        whole = [p for a in areas for p in a.border] or [p for s in lines for p in s.points] or self._thing_points()
        points = self._around or whole
        projection = fit(points, body.adjusted(margin, margin, -margin, -margin))
        self._sizes = MapSizes.of(body, self.scale)
        dots: list[Thing] = []
        ground = None
        if projection is not None:
            ground = Ground(tuple(areas) if self.shows("areas") else (), tuple(lines), projection)
            if self.shows("stations"):
                dots += station_things(city.records("sensors").values(), projection)
            if self.shows("cameras"):
                dots += camera_things(city.records("cameras").values(), projection)
        if ground != self._ground or dots != self._dots or projection != self._projection:
            self._pixmap = None
        self._projection, self._ground, self._dots, self._views = projection, ground, dots, None
        self._spots = [(dot.at.x(), dot.at.y(), dot.id) for dot in dots if dot.what is What.CAMERA]
        self._place_news()

    def _thing_points(self) -> list[Point]:
        cameras = self.session.city.records("cameras").values()
        return [(c.lon, c.lat) for c in cameras if c.lon is not None and c.lat is not None]

    def _place_news(self) -> None:
        city, to = self.session.city, self._projection
        body, size = self.body(), self._sizes.of_thing
        air = air_things(self._air, self.now_ns(), to, body) if to is not None else []
        self._clusters, self._nowhere, self._words, self._late = [], 0, None, False
        if to is not None and self.shows("alarms"):
            shown = self._alarms.things(to, body)
            self._nowhere = len(city.alarms()) - len(shown)
            self._clusters = clusters(shown, size)
        # Layers: the count on an alarm's symbol counts alarms. Bad air and reports step out of its way.
        rooms = [self._room(c) for c in self._clusters]
        self._clusters = bad_air(air, rooms, body, self._sizes.box) + self._clusters
        if to is not None and self.shows("reports"):
            reports = [t for t in report_things(city.reports(), self.now_ns(), to) if body.contains(t.at)]
            rooms = [self._room(c) for c in self._clusters]
            self._clusters = clusters(set_aside(reports, rooms, size), size) + self._clusters
        rooms = [self._room(c) for c in self._clusters]
        self._clusters = calm_air(air, rooms, body, self._sizes.box) + self._clusters

    # -- what it says --------------------------------------------------------------------------------

    def title(self) -> str:
        return tr("map.around" if self._around else "map.title")

    def summary(self) -> str:
        city = self.session.city
        stations = {s.station_id or s.id for s in city.records("sensors").values()}
        # In this order, because a narrow header keeps the first ones.
        counts = (
            ("alarms", len(city.alarms())),
            ("cameras", len(city.records("cameras"))),
            ("stations", len(stations)),
        )
        return " · ".join(tr(f"map.{layer}", n=fmt.number(n)) for layer, n in counts if self.shows(layer))

    @property
    def shown_clusters(self) -> tuple[Cluster, ...]:
        """What is painted, worst last."""
        self._lay_out()
        return tuple(self._clusters)

    # -- painting ------------------------------------------------------------------------------------

    def paint_body(self, painter: QPainter, body: QRectF) -> None:
        self._lay_out()
        if self._projection is None or self._ground is None:
            self.paint_empty(painter, body, tr("map.empty"))
            return
        painter.save()
        painter.setClipRect(body, Qt.ClipOperation.IntersectClip)
        painter.drawPixmap(body.topLeft(), self._with_views(body))
        map_views.paint(painter, self._wedges({self._pointed} - self._viewed), self.theme, self.scale)
        if self._called:
            self._ground.paint_called(painter, self._called, self.theme, self.scale)
        if self._centre is not None:
            self._mark(painter, self._projection.to_px(*self._centre))
        view = MapPainter(painter, self.scale, self.theme, self._sizes)
        taken = [self._room(c) for c in self._clusters]
        if self._words is None:
            notes = self._notes(body, taken)
            self._words = notes + self._ground.names(body, self.scale, [*taken, *(room for room, _ in notes)])
        for room, words in self._words:
            if self._exposed.intersects(room.toAlignedRect()):
                self._backing(painter, room)
                text.draw(painter, room, words, self.scale.floor, self.theme.muted)
        bright = self._bright or not self._blinking()
        counted = self._counted(view)
        seen = [
            c for c, room in zip(self._clusters, taken, strict=True) if self._exposed.intersects(room.toAlignedRect())
        ]
        # A symbol of the same kind must not lie on a count; an alarm lies on whatever is none.
        for alarms in (False, True):
            now = [cluster for cluster in seen if (cluster.worst.what is What.ALARM) is alarms]
            for cluster in now:
                view.symbol(cluster, bright=bright)
            for cluster in now:
                if cluster.worst.id in counted:
                    view.count(cluster)
        painter.restore()

    def _mark(self, painter: QPainter, at: QPointF) -> None:
        """A ring around the place that the map is centred on."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self.theme.strong, max(2.0, self.scale.floor / 5)))
        painter.drawEllipse(at, self.scale.floor * 2.2, self.scale.floor * 2.2)

    def paintEvent(self, event: QPaintEvent) -> None:
        # The blink exposes a few symbols: the others need not be drawn to be clipped away.
        self._exposed = event.region()
        super().paintEvent(event)

    def _background(self, body: QRectF) -> QPixmap:
        ratio = self.devicePixelRatioF()
        if self._pixmap is None or self._pixmap.devicePixelRatio() != ratio:
            pixmap = QPixmap(QSize(round(body.width() * ratio), round(body.height() * ratio)))
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(self.theme.tile)
            inner = QPainter(pixmap)
            inner.translate(-body.topLeft())
            if self._ground is not None:
                self._ground.paint(inner, self.theme, self.scale)
            MapPainter(inner, self.scale, self.theme, self._sizes).dots(self._dots)
            inner.end()
            self._pixmap = pixmap
        return self._pixmap

    def _with_views(self, body: QRectF) -> QPixmap:
        """The background, and what cameras see upon it."""
        if self._pixmap is None or self._views is None or self._views.devicePixelRatio() != self.devicePixelRatioF():
            self._views = QPixmap(self._background(body))
            wedges = self._wedges(self._viewed)
            if wedges:
                inner = QPainter(self._views)
                inner.translate(-body.topLeft())
                map_views.paint(inner, wedges, self.theme, self.scale)
                inner.end()
        return self._views

    def _notes(self, body: QRectF, taken: list[QRectF]) -> list[tuple[QRectF, str]]:
        """Small and always there: the shapes are schematic; and alarms that no symbol stands for."""
        scale, high = self.scale, float(self.scale.line(self.scale.floor))
        notes = [tr("map.schematic")]
        if self._nowhere:
            notes.append(tr("map.nowhere", n=self._nowhere))
        out: list[tuple[QRectF, str]] = []
        for words in notes:
            wide = min(text.width(words, scale.floor) + 2, body.width() - 2 * scale.pad)
            left, right = body.left() + scale.pad, body.right() - scale.pad - wide
            top, bottom = body.top() + scale.pad * 0.3, body.bottom() - high - scale.pad * 0.3
            corners = [
                QRectF(x, y, wide, high) for x, y in ((left, bottom), (right, bottom), (left, top), (right, top))
            ]
            corners += [QRectF(left, bottom - high * n, wide, high) for n in range(1, 4)]
            used = [*taken, *(room for room, _ in out)]
            room = next((c for c in corners if not any(c.intersects(t) for t in used)), None)
            if room is not None:
                out.append((room, words))
        return out

    def _backing(self, painter: QPainter, room: QRectF) -> None:
        """Dots behind words fade, so that both can be read."""
        ground = QColor(self.theme.tile)
        ground.setAlpha(150)
        painter.fillRect(room, ground)

    def _room(self, cluster: Cluster) -> QRectF:
        """All pixels that a cluster paints on."""
        box = self._sizes.box(cluster.worst)
        if len(cluster.things) == 1:
            return box
        # Measured only, so any painter will do.
        measure = MapPainter(QPainter(), self.scale, self.theme, self._sizes)
        return box.united(measure.count_room(box, len(cluster.things), cluster.worst))

    def _counted(self, view: MapPainter) -> set[str]:
        """Clusters whose count has room: the graver one's comes first."""
        rooms: list[QRectF] = []
        out: set[str] = set()
        for cluster in reversed(self._clusters):
            if len(cluster.things) > 1:
                room = view.count_room(self._sizes.box(cluster.worst), len(cluster.things), cluster.worst)
                if not any(room.intersects(other) for other in rooms):
                    rooms.append(room)
                    out.add(cluster.worst.id)
        return out

    def _blinking(self) -> list[Cluster]:
        """Unacknowledged ones; none where there are so many that a blinking map would tell nothing."""
        asking = [c for c in self._clusters if c.worst.what is What.ALARM and c.worst.filled]
        return asking if len(asking) <= _MOST_BLINK and not self.session.look.less_motion else []

    def on_blink(self, bright: bool) -> None:
        self._bright = bright
        for cluster in self._blinking():
            self.update(self._room(cluster).toAlignedRect().adjusted(-1, -1, 1, 1))

    # -- mouse ---------------------------------------------------------------------------------------

    def sensors_at(self, at: QPoint) -> tuple[str, ...]:
        """Of the station there: they may be carried onto a plot."""
        here = {t.id for t in self._dots if t.what is What.STATION and self._is_near(t, QPointF(at))}
        found = [s for s in self.session.city.records("sensors").values() if (s.station_id or s.id) in here]
        return tuple(s.id for s in found if (s.station_id or s.id) == (found[0].station_id or found[0].id))

    def _is_near(self, dot: Thing, at: QPointF) -> bool:
        return (dot.at - at).manhattanLength() <= self._sizes.dot * 2.0

    def words_at(self, at: QPointF) -> str:
        """What is there, worst first, one line each; text from outside among it."""
        self._lay_out()
        lines: list[str] = []
        for cluster in reversed(self._clusters):
            if self._room(cluster).contains(at):
                lines += [words_of(t) for t in cluster.things]
        lines += [self._dot_words(t) for t in self._dots if self._is_near(t, at)]
        if len(lines) > _TIP_LINES:
            lines = [*lines[:_TIP_LINES], tr("map.more", n=len(lines) - _TIP_LINES)]
        return "\n".join(lines)

    def _dot_words(self, thing: Thing) -> str:
        if thing.what is not What.STATION:
            camera = self.session.city.camera(thing.id) if self._centre is not None else None
            sees = sight_words(look(camera, self._centre)) if camera is not None else ""
            return f"{thing.words} · {sees}" if sees else thing.words
        parts = [thing.words]
        for sensor in self.session.city.records("sensors").values():
            value = self.session.city.value(sensor.id)
            if (sensor.station_id or sensor.id) == thing.id and value is not None and value.value is not None:
                figure = fmt.with_unit(fmt.number(value.value, sensor.decimals), sensor.unit)
                parts.append(f"{local(sensor.name)} {figure}")
        return " · ".join(parts[:5])

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), plain_tooltip(self.words_at(QPointF(event.pos()))), self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        QToolTip.showText(event.globalPosition().toPoint(), plain_tooltip(self.words_at(event.position())), self)


SPEC = TileSpec("map", MapOptions, MapTile)
