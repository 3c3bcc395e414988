"""Tile "camera_list": all cameras of the city by area and site, with the state and age of each, searched as typed.

Where there is room, each row has the small picture that the hub's sweep took last, and says how old that is. While an
alarm is chosen, the cameras that see its place say so, and those that may.

Enter or a double click calls a camera up onto the tile that the layout keeps for it, the pointer carries it onto any
other; '+' and '-' (or the star) make it a favourite of who sits here. Must not: open a camera, or change the directory.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QHideEvent, QKeyEvent, QPainter, QResizeEvent, QShowEvent

from backends.domain.alarm_sight import point_of, strayed
from backends.domain.camera import Camera, PictureStatus
from backends.domain.field_of_view import Sees, look, range_of
from backends.domain.place import Area, masks_by_camera
from layouts.options import CameraListOptions
from widgets.i18n import local, tr
from widgets.memory import SELECTED
from widgets.models.cameras import NODE_ROLE, CameraModel, Kind, Node, Order
from widgets.parts import text
from widgets.parts.camera_drag import ListDrag
from widgets.parts.camera_rows import CameraRows
from widgets.parts.fields import Field
from widgets.parts.row_tree import RowTree
from widgets.parts.sight_words import sight_words
from widgets.parts.thumbnails import SHAPE, Thumbnails
from widgets.session import Session
from widgets.tiles.base import Tile, TileSpec
from widgets.typography import TypeScale, Weight

WALL_ROWS = 7
"""look.md: a wall shows at most five to seven rows a list."""
SEARCH_LIMIT = 60
_AGES_EVERY_S = 5
"""Seconds between two looks at the ages of pictures, which are told to the minute."""
_STRETCH = 1.3
"""How far rows may grow beyond their natural height to fill the tile."""
_FEWEST_TALL = 8
"""On a desk pictures may cost rows, but so many stay; a wall has pictures only where they cost none."""
_FEW_AREAS = 3
_SEARCH, _OPEN, _MARKED = "camera_list.typed", "camera_list.opened", "camera_list.marked"
"""Names in the session's memory; the marked ones are kept for each person."""


class CameraListTile(Tile):
    """See the module."""

    feeds = ("cameras",)

    def __init__(self, session: Session, scale: TypeScale, options: CameraListOptions) -> None:
        super().__init__(session, scale, options)
        order = Order(options.order or ("trouble" if scale.wall else "number"))
        self.model = CameraModel(self, order=order, flat=scale.wall)
        self.tree = RowTree(session, scale, self)
        self.rows = CameraRows(self.tree, self.model)
        self.tree.painter = self.rows
        self.tree.setModel(self.model)
        self.tree.shownChanged.connect(self.update)
        self.tree.shownChanged.connect(self._look_at_pictures)
        high = round(self.rows.tall * _STRETCH * self.devicePixelRatioF())
        self.pictures = Thumbnails(session.city, session.wants, QSize(round(high * SHAPE), high), self)
        self.pictures.changed.connect(self.tree.viewport().update)
        self._seconds = 0
        self.field: Field | None = None
        self._person = session.city.grant.operator_id
        self._opened = set(session.memory.get(_OPEN).split())
        self._known: set[str] = set()
        self._alarm_id = ""
        """Of the alarm of whose place it is said who sees it."""
        if not scale.wall:
            self._add_field()
            self._wire()
        session.city.grantChanged.connect(self._on_grant)
        session.memory.changed.connect(self._on_memory)
        self.refresh()

    def _add_field(self) -> None:
        self.field = Field(self.scale, self, limit=SEARCH_LIMIT)
        self.session.memory.bind(self.field, _SEARCH)
        self.field.wordsChanged.connect(self._search)
        self.field.returnPressed.connect(self._enter_list)
        self.field.installEventFilter(self)
        self._dress()
        self.model.search(self.field.text())

    def _wire(self) -> None:
        self.tree.activated.connect(self._activate)
        self.tree.marked.connect(self._mark)
        self.tree.pressedAt.connect(self._press)
        self.tree.expanded.connect(lambda index: self._remember_open(index, True))
        self.tree.collapsed.connect(lambda index: self._remember_open(index, False))
        self.setFocusProxy(self.tree)
        ListDrag(self.tree.viewport(), self.session.hands, self._camera_at)

    # -- header --------------------------------------------------------------------------------------

    def title(self) -> str:
        area = self.session.city.records("config").get(self.options.area)
        if isinstance(area, Area):
            return tr("camera_list.title_area", area=local(area.name))
        return tr("camera_list.title")

    def summary(self) -> str:
        total, bad = self.model.total(), self.model.trouble()
        if not total:
            return ""
        if self.model.searching:
            return tr("camera_list.found", n=self.model.found(), total=total)
        if not bad:
            return tr("camera_list.count", n=total)
        words = tr("camera_list.count_trouble", n=total, bad=bad)
        name = text.width(self.title(), self.scale.read, Weight.SEMIBOLD)
        fits = name + text.width(words, self.scale.floor) + 3 * self.scale.pad <= self.width()
        return words if fits else tr("camera_list.trouble", n=bad)

    def paint_body(self, painter: QPainter, body: QRectF) -> None:
        body.setTop(body.top() + self._field_height())
        if self.model.rowCount() == 0:
            words = tr("camera_list.nothing_found") if self.model.searching else tr("camera_list.empty")
            self.paint_empty(painter, body, words)

    # -- feeding -------------------------------------------------------------------------------------

    def on_feeds(self, changed: frozenset[str]) -> None:
        if changed & {"cameras", "config"}:
            self.refresh()

    def refresh(self) -> None:
        city, only = self.session.city, self.options.area
        areas = {a.id: a.name for a in city.records("config").values() if isinstance(a, Area)}
        cameras: list[Camera] = [c for c in city.records("cameras").values() if not only or c.area_id == only]
        self.model.sync(cameras, areas, self.favourites(), self.now_ns())
        self.rows.masks = masks_by_camera(city.records("config").values())
        self.rows.now_ns = self.now_ns()
        self._tell_sights()
        self._lay_out()
        self._after()
        super().refresh()

    def _on_memory(self) -> None:
        if self.session.memory.get(SELECTED) != self._alarm_id:
            self._tell_sights()
            self.tree.viewport().update()

    def _tell_sights(self) -> None:
        """Who sees the place of the alarm that is chosen in the list."""
        city, cameras = self.session.city, self.session.city.records("cameras")
        self._alarm_id = self.session.memory.get(SELECTED)
        alarm = city.alarm(self._alarm_id) if self._alarm_id else None
        at = point_of(alarm, city.sensor(alarm.sensor_id), cameras) if alarm is not None else None
        looks = [(one, look(one, at, astray=strayed(one))) for one in cameras.values()] if at is not None else []
        self.rows.sights = {
            camera.id: sight_words(found)
            for camera, found in looks
            if found.sees is not Sees.NOT and (found.away_m or 0.0) <= range_of(camera)
        }

    def on_second(self) -> None:
        super().on_second()
        bad = self.model.trouble()
        self.model.tick(self.now_ns(), self._statuses())
        if self.model.trouble() != bad:
            self.update()
        self.rows.now_ns = self.now_ns()
        self._seconds += 1
        if self.rows.stills is not None and self._seconds % _AGES_EVERY_S == 0:
            self.tree.viewport().update()
        self._look_at_pictures()

    def _look_at_pictures(self) -> None:
        """Those of the rows in view are asked for; of a list that is not seen, none."""
        shown: list[Camera] = []
        if self.rows.stills is not None and self.isVisible():
            nodes = (self.model.node(index) for index in self.tree.shown())
            shown = [node.camera for node in nodes if node is not None and node.camera is not None]
        self.pictures.look(shown)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._look_at_pictures()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._look_at_pictures()

    def _statuses(self) -> dict[str, PictureStatus]:
        """Of the cameras on this station's screens; of one that is shown twice, the fresher picture."""
        found: dict[str, PictureStatus] = {}
        for demand in self.session.demands.wanted():
            status = self.session.pictures.status(demand)
            before = found.get(demand.camera_id)
            if before is None or status.age_s < before.age_s:
                found[demand.camera_id] = status
        return found

    def on_look(self) -> None:
        self.model.retranslate()
        self._tell_sights()
        self._dress()
        self.tree.viewport().update()
        super().on_look()

    def _dress(self) -> None:
        if self.field is not None:
            self.field.dress(self.theme)
            self.field.setPlaceholderText(tr("camera_list.search"))
            self.field.setAccessibleName(tr("camera_list.search"))
        self.tree.setAccessibleName(tr("camera_list.title"))

    # -- what is open --------------------------------------------------------------------------------

    def _after(self) -> None:
        """Rows came or went: open what should be open, and show the list only where it has something."""
        groups = self.model.groups()
        # Where the city has but a few areas, closed ones would leave the tile empty: they are open from the start.
        few = sum(group.kind is Kind.AREA for group in groups) <= _FEW_AREAS
        for group in groups:
            if group.kind is Kind.CAMERA:
                continue
            new = group.key not in self._known
            self._known.add(group.key)
            if self.model.searching:
                self._open_all(group)
            elif new and (few or group.kind is Kind.FAVOURITES):
                self._opened.add(group.key)
                self._open(group)
            else:
                self._restore(group)
        self.tree.setVisible(bool(groups))
        self.tree.viewport().update()

    def _open_all(self, group: Node) -> None:
        for node in (group, *group.children):
            if node.children:
                self._open(node)

    def _restore(self, group: Node) -> None:
        for node in (group, *group.children):
            if node.children:
                self._open(node, node.key in self._opened)

    def _open(self, node: Node, wanted: bool = True) -> None:
        index = self.model.index_of(node)
        if self.tree.isExpanded(index) is not wanted:
            before = self.tree.blockSignals(True)  # what the program opens is no choice of the person's
            self.tree.setExpanded(index, wanted)
            self.tree.blockSignals(before)

    def _remember_open(self, index: QModelIndex, opened: bool) -> None:
        node = self.model.node(index)
        if node is None or self.model.searching:
            return
        (self._opened.add if opened else self._opened.discard)(node.key)
        self.session.memory.set(_OPEN, " ".join(sorted(key for key in self._opened if " " not in key)))

    # -- searching -----------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Two keys of the field: Down goes into the list, Esc ends the search."""
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Down:
                self._enter_list()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self._end_search()
                return True
        return super().eventFilter(watched, event)

    def _search(self, words: str) -> None:
        self.model.search(words)
        self._after()
        self.update()

    def _end_search(self) -> None:
        if self.field is not None:
            self.field.clear()
            self.tree.setFocus()

    def _enter_list(self) -> None:
        """From the field into the list: the first camera that was found."""
        first = next((i for i in self.tree.shown() if i.data(NODE_ROLE).kind is Kind.CAMERA), None)
        self.tree.setFocus()
        if first is not None:
            self.tree.setCurrentIndex(first)

    # -- hands ---------------------------------------------------------------------------------------

    def _camera_at(self, point: QPoint) -> str:
        """Id of the camera whose row is there, for whoever carries it onto a tile."""
        node = self.model.node(self.tree.indexAt(point))
        return node.id if node is not None and node.kind is Kind.CAMERA else ""

    def _activate(self, index: QModelIndex) -> None:
        node = self.model.node(index)
        if node is None:
            return
        doubled_x = self.tree.doubled_x
        if node.kind is Kind.CAMERA:
            if doubled_x is None or not self.rows.hits_star(index, doubled_x):
                self.session.calls.cameraCalled.emit(node.id)
        elif doubled_x is None:
            self.tree.setExpanded(index, not self.tree.isExpanded(index))

    def _press(self, index: QModelIndex, x: float) -> None:
        node = self.model.node(index)
        if node is None:
            return
        if node.kind is not Kind.CAMERA:
            self.tree.setExpanded(index, not self.tree.isExpanded(index))
        elif self.rows.hits_star(index, x):
            self._mark(index, not self.model.is_favourite(node.id))

    def _mark(self, index: QModelIndex, chosen: bool) -> None:
        node = self.model.node(index)
        if node is None or node.kind is not Kind.CAMERA:
            return
        marked = [one for one in self.favourites() if one != node.id]
        if chosen:
            marked.append(node.id)
        self.session.memory.set(self._marked_name, " ".join(marked))
        self.model.set_favourites(marked)
        self._after()

    @property
    def _marked_name(self) -> str:
        return f"{_MARKED}:{self._person}"

    def favourites(self) -> list[str]:
        """Camera ids that who sits here has marked."""
        return self.session.memory.get(self._marked_name).split()

    def _on_grant(self) -> None:
        person = self.session.city.grant.operator_id
        if person != self._person:
            self._person = person
            self.model.set_favourites(self.favourites())
            self._after()

    # -- place ---------------------------------------------------------------------------------------

    def _field_height(self) -> int:
        """0 where field and one row have no room together."""
        needed = self.scale.line(self.scale.read) + self.scale.pad
        room = self.height() - self.header_height
        return needed + self.scale.pad // 2 if self.field is not None and room >= 2 * needed + self.scale.pad else 0

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def _lay_out(self) -> None:
        """Field and rows, by the size of the tile and whether there are pictures."""
        pad, top = self.scale.pad, self.header_height
        taken = self._field_height()
        if self.field is not None:
            self.field.setVisible(taken > 0)
            self.field.setGeometry(pad, top, max(1, self.width() - 2 * pad), max(1, taken - pad // 2))
        room = max(1, self.height() - top - taken)
        fit, height = self._row_heights(room)
        self.tree.set_row_height(height)
        if self.scale.wall or self.options.rows:
            room = min(room, fit * height)
        self.tree.setGeometry(0, top + taken, self.width(), room)
        self._look_at_pictures()

    def _row_heights(self, room: int) -> tuple[int, int]:
        """(rows that fit, height of each): the natural height, stretched a little to fill the room."""
        natural = self.scale.line(self.scale.read) + self.scale.pad // 2
        most = self.options.rows or (WALL_ROWS if self.scale.wall else 0)
        fit, tall = max(1, room // natural), self.rows.tall
        fit = min(fit, most) if most else fit
        fit_tall = min(room // tall, most) if most else room // tall
        fewest = fit if self.scale.wall or most else _FEWEST_TALL
        has = self.options.pictures and self.model.has_pictures() and self.rows.room_for_stills(self.width())
        self.rows.stills = self.pictures if has and fit_tall >= fewest else None
        if self.rows.stills is not None:
            fit, natural = fit_tall, tall
        return fit, max(natural, min(room // fit, int(natural * _STRETCH)))


SPEC = TileSpec("camera_list", CameraListOptions, CameraListTile)
