"""Everything about one alarm on one screen: its cameras, the plot of its sensor, the map around it, and its row.

The cameras are the best living ones (`backends.domain.alarm_sight`); below each stands whether it sees the place. One
that is found without a picture, or with one of somewhere else, gives its place to the next, and the head of the sheet
says so; the others stay where they are. `AlarmSheets` opens it and puts it
away. Must not: act on the alarm; that is done in its list.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from backends.domain.alarm import Alarm
from backends.domain.alarm_sight import USELESS, Eye, Eyes, eyes_on, point_of, sensor_for, strayed, verdict
from backends.domain.camera import Camera
from backends.domain.field_of_view import Look, look
from backends.domain.picture import PictureFlag
from backends.domain.times import NS_PER_S
from layouts.options import SHIPPED_KINDS, CameraOptions, MapOptions, PlotOptions
from widgets import format as fmt
from widgets.commands import COMMANDS, told_keys
from widgets.i18n import local, tr
from widgets.parts import text
from widgets.parts.alarm_words import state_words
from widgets.parts.camera_overlay import BAD
from widgets.parts.plot_range import around
from widgets.parts.sheet_plan import share_out
from widgets.parts.sight_words import sight_words, verdict_words
from widgets.parts.symbols import draw_symbol
from widgets.session import Session
from widgets.tiles.base import Tile
from widgets.tiles.camera import CameraTile
from widgets.tiles.map import MapTile
from widgets.tiles.plot import PlotTile
from widgets.typography import Weight

if TYPE_CHECKING:
    from widgets.windows.wall_window import WallWindow

PLACE = "alarm-sheet"
"""How the places of its camera tiles begin (`widgets.hands`)."""
HALF_S = 1800
"""The plot: so long before and after the alarm was raised."""
HALF_M = 750.0
"""The map: so far to each side, so that what cameras see is large enough to be told apart."""


class AlarmSheet(QWidget):
    """Over one window. GUI thread only."""

    ended = Signal()
    """A person is done with it."""

    def __init__(self, session: Session, window: WallWindow, alarm: Alarm, room: QRect) -> None:
        super().__init__(window)
        self.session, self.scale, self.alarm = session, window.scale, alarm
        self.over = False
        """The alarm is no longer in the list."""
        self.cameras: list[CameraTile] = []
        self.plot: PlotTile | None = None
        self.map: MapTile | None = None
        self.large: CameraTile | None = None
        """The one that has all the room."""
        self._unwell: set[str] = set()
        """Cameras that were found without a picture here. They are not tried again while it is open: a picture that
        comes and goes would take its neighbours along."""
        self._astray: set[str] = set()
        """Cameras that were found to look elsewhere than at their reference views."""
        self._dark: set[str] = set()
        """Those of them that are on it still, and without a picture now: no other could take their places."""
        self._strips: dict[CameraTile, QRectF] = {}
        """Where it is said below them whether they see the place."""
        self._gap = window.plan.gutter_px
        self._made = 0
        city = session.city
        sensor = city.sensor(alarm.sensor_id) if alarm.sensor_id else None
        self._at = point_of(alarm, sensor, city.records("cameras"))
        self._eyes = self._best()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        for eye in self._eyes.shown:
            self.cameras.append(self._camera_tile(eye))
        self._add_plot()
        if self._at is not None:
            self.map = MapTile(session, self.scale, MapOptions())
            self.map.centre_on(self._at, HALF_M)
            self.map.setParent(self)
        session.hands.placed.connect(self._on_placed)
        self.setGeometry(room)
        self._lay_out()

    # -- its parts -------------------------------------------------------------------------------------

    @property
    def tiles(self) -> list[Tile]:
        return [*self.cameras, *(tile for tile in (self.plot, self.map) if tile is not None)]

    def _best(self) -> Eyes:
        cameras = self.session.city.records("cameras")
        return eyes_on(self.alarm, self._at, cameras, self._unwell, astray=self._astray)

    def _looks(self) -> list[tuple[Camera, Look]]:
        """How the cameras that are on it, also by hand, see the place."""
        here = [tile.camera for tile in self.cameras if tile.camera is not None]
        return [(camera, look(camera, self._at, astray=self._is_astray(camera))) for camera in here]

    def _is_astray(self, camera: Camera) -> bool:
        return camera.id in self._astray or strayed(camera)

    def _camera_tile(self, eye: Eye) -> CameraTile:
        camera = self.session.city.camera(eye.camera_id)
        assert camera is not None  # it was chosen among those of the directory
        tile = CameraTile(self.session, self.scale, CameraOptions(camera=camera.number))
        tile.setParent(self)
        self._made += 1
        tile.set_place(f"{PLACE}.{self._made}", "")
        return tile

    def _add_plot(self) -> None:
        session = self.session
        sensor_id = sensor_for(self.alarm, self._at, session.city.records("sensors").values())
        if not sensor_id:
            return
        plot = PlotTile(session, self.scale, PlotOptions(sensor=sensor_id, hours=2 * HALF_S / 3600))
        plot.alone = True
        plot.moment_ns = self.alarm.t_raised_ns
        plot.show_view(around(self.alarm.t_raised_ns, HALF_S * NS_PER_S, session.clock.now_ns()))
        plot.setParent(self)
        plot.installEventFilter(self)
        self.plot = plot

    def close_tiles(self) -> None:
        """Before it goes: what hands put on its cameras goes along."""
        for tile in self.cameras:
            self.session.hands.release(tile.place)

    # -- hands -----------------------------------------------------------------------------------------

    def _on_placed(self, _place: str) -> None:
        self._lay_out()
        self.update()

    def holds(self, tile: QWidget) -> bool:
        return tile in self.cameras

    def toggle(self, tile: CameraTile) -> None:
        """All the room for one of its cameras, and back."""
        self.large = None if self.large is tile else tile
        self._lay_out()

    def step_out(self) -> None:
        """Esc: a large camera becomes small, then the sheet is put away."""
        if self.large is not None:
            self.toggle(self.large)
        else:
            self.ended.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A plot takes Esc for itself."""
        esc = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if watched is self.plot and esc and event.type() == QEvent.Type.KeyPress:
            self.step_out()
            return True
        return False

    # -- what goes on ----------------------------------------------------------------------------------

    def on_feeds(self, changed: frozenset[str]) -> None:
        if changed & {"alarms", "local"}:
            now = self.session.city.alarm(self.alarm.id)
            self.over = now is None
            self.alarm = now or self.alarm
            self.update(0, 0, self.width(), self._head())
        self.each(lambda tile: tile.on_feeds(changed))

    def on_look(self) -> None:
        self._lay_out()  # another language may need another number of lines
        self.each(lambda tile: tile.on_look())
        self.update()

    def on_second(self) -> None:
        self.each(lambda tile: tile.on_second())
        self._look_for_dead()
        if self.session.clock.now_ns() // NS_PER_S % 60 == 0:
            self.update(0, 0, self.width(), self._head())

    def each(self, do: Callable[[Tile], None]) -> None:
        for tile in self.tiles:
            do(tile)

    def _look_for_dead(self) -> None:
        """Cameras without a picture, or with one of somewhere else, give their places to better ones."""
        chosen = {eye.camera_id for eye in self._eyes.shown}
        tiles = {tile.camera.id: tile for tile in self.cameras if tile.camera is not None and not tile.by_hand}
        lost = {key for key, tile in tiles.items() if key in chosen and _shows_nothing(tile)}
        astray = {key for key, tile in tiles.items() if key in chosen and _looks_elsewhere(tile)}
        if lost != self._dark:
            self._dark = lost
            self._lay_out()
            self.update()
        if lost <= self._unwell and astray <= self._astray:
            return
        self._unwell |= lost
        self._astray |= astray
        best = self._best()
        wanted = {eye.camera_id for eye in best.shown}
        kept = {tile.camera.id for tile in self.cameras if tile.camera is not None} - lost
        fresh = [eye for eye in best.shown if eye.camera_id not in kept]
        for key in (one for one in tiles if one in lost | astray and one not in wanted):
            if fresh:
                tile = tiles[key]
                self.session.hands.release(tile.place)
                self.cameras[self.cameras.index(tile)] = self._camera_tile(fresh.pop(0))
                self.large = None if self.large is tile else self.large
                self._drop(tile)
        self._eyes = best
        self._lay_out()
        self.update()

    def _drop(self, tile: CameraTile) -> None:
        if tile.hasFocus():
            self.setFocus()
        tile.hide()
        tile.setParent(None)
        tile.deleteLater()

    # -- place and paint -------------------------------------------------------------------------------

    def notes(self) -> list[str]:
        """What the pictures and the plot do not say of themselves."""
        said: list[str] = []
        here = {camera.id for camera, _ in self._looks()}
        for eye in self._eyes.shown:
            if eye.for_id and eye.camera_id in here:
                number, dead = self._number(eye.camera_id), self._number(eye.for_id)
                said.append(tr("alarm_sheet.instead", number=number, dead=dead, why=self._why(eye.for_id)))
        back = here & self._unwell - self._dark
        for camera_id in (one for one in self._eyes.missing if one not in back):
            said.append(tr("alarm_sheet.missing", number=self._number(camera_id), why=self._why(camera_id)))
        if self.plot is not None and not self.alarm.sensor_id:
            said.append(tr("alarm_sheet.nearest"))
        procedure = COMMANDS.get("alarms.procedure")
        if procedure is not None and self.alarm.procedure_id:
            said.append(tr("alarm_sheet.procedure", keys=told_keys(procedure)))
        return said

    def _unseen(self) -> str:
        """That no camera shows it, plainly; empty: one does."""
        looks = [one for one in self._looks() if one[0].id not in self._dark]
        if not self.cameras:
            return tr("alarm_sheet.no_camera")
        if self._at is None:
            return ""
        return verdict_words(verdict(self.alarm, [one for _, one in looks]), looks)

    def _number(self, camera_id: str) -> str:
        camera = self.session.city.camera(camera_id)
        return camera.number if camera is not None else tr("camera.no_number")

    def _why(self, camera_id: str) -> str:
        """What is wrong with it."""
        camera = self.session.city.camera(camera_id)
        if camera is None or not camera.enabled:
            return tr("camera.disabled")
        if not camera.online:
            return tr("camera_list.offline")
        flags = [flag for flag in camera.flags if flag in USELESS]
        if flags:
            return tr(f"picture.{flags[0]}")
        astray = camera_id not in self._unwell and self._is_astray(camera)
        return tr(f"picture.{PictureFlag.TURNED}") if astray else tr("alarm_sheet.no_picture")

    def _head(self) -> int:
        """Height of what stands above the tiles."""
        scale = self.scale
        return scale.line(scale.read) + scale.pad + (scale.line(scale.floor) if self._unseen() or self.notes() else 0)

    def _lay_out(self) -> None:
        if self.map is not None:
            self.map.show_views(frozenset(camera.id for camera, _ in self._looks()))
        room = self.rect().adjusted(self._gap, self._head(), -self._gap, -self._gap)
        if self.large is not None:
            for tile in self.tiles:
                tile.setVisible(tile is self.large)
            self._strips = {self.large: self._strip_below(self.large, room)}
            return
        others: list[Tile] = [tile for tile in (self.plot, self.map) if tile is not None]
        pictures: list[Tile] = [*self.cameras]
        while True:
            placed = self._placed(room, pictures, others)
            if placed is not None or len(pictures) + len(others) < 2:
                break
            # The map goes first: other screens have one. Then cameras beyond the second, then the plot.
            (others if self.map in others or (others and len(pictures) < 3) else pictures).pop()
        self._strips = {}
        for tile, rect in placed or zip([*pictures, *others], [room], strict=False):
            if isinstance(tile, CameraTile):
                self._strips[tile] = self._strip_below(tile, rect)
            else:
                tile.setGeometry(rect)
        shown = [*pictures, *others]
        for tile in self.tiles:
            tile.setVisible(tile in shown)

    def _strip(self) -> int:
        """Height of the words below a picture."""
        return self.scale.line(self.scale.floor) if self._at is not None else 0

    def _strip_below(self, tile: CameraTile, room: QRect) -> QRectF:
        tile.setGeometry(room.adjusted(0, 0, 0, -self._strip()))
        return QRectF(room.left(), room.top() + room.height() - self._strip(), room.width(), self._strip())

    def _placed(self, room: QRect, pictures: list[Tile], others: list[Tile]) -> list[tuple[Tile, QRect]] | None:
        """All of them; None: there is no way to place them in which each can be read."""
        tiles = [*pictures, *others]

        def fits(n: int, rect: QRect) -> bool:
            return self._fits(tiles[n], rect)

        plan = share_out(room, len(pictures), len(others), self._gap, self._strip(), fits)
        return list(zip(tiles, (*plan.pictures, *plan.others), strict=True)) if plan is not None else None

    def _fits(self, tile: Tile, rect: QRect) -> bool:
        kind = "map" if tile is self.map else "plot" if tile is self.plot else "camera"
        wide, high = (em * self.scale.read for em in SHIPPED_KINDS[kind].min_em)
        return rect.width() >= wide and rect.height() - (self._strip() if kind == "camera" else 0) >= high

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            theme, scale, pad = self.session.look.theme, self.scale, self.scale.pad
            painter.fillRect(self.rect(), theme.raised)
            line, low = scale.line(scale.read), scale.line(scale.floor)
            row = QRectF(pad, pad / 2, self.width() - 2 * pad, line)
            mark = QRectF(row.left(), row.top(), line, line)
            asks = self.alarm.unacknowledged and not self.over
            draw_symbol(painter, mark, self.alarm.priority, theme, filled=asks)
            row.setLeft(mark.right() + pad / 2)
            keys = tr("alarm_sheet.keys")
            wide = text.width(keys, scale.floor) + 1
            if row.width() > wide + scale.read * 12:
                align = Qt.AlignmentFlag.AlignRight
                text.draw(painter, row, keys, scale.floor, theme.muted, align=align)
                row.setWidth(row.width() - wide - pad)
            words = text.whole_parts(self._title(), scale.read, Weight.SEMIBOLD, row.width())
            text.draw(painter, row, words, scale.read, theme.strong, Weight.SEMIBOLD)
            under = QRectF(pad, row.bottom(), self.width() - 2 * pad, low)
            unseen, said = self._unseen(), " · ".join(self.notes())
            if unseen:
                text.draw(painter, under, unseen, scale.floor, theme.strong, Weight.SEMIBOLD)
                under.setLeft(under.left() + text.width(unseen, scale.floor, Weight.SEMIBOLD) + 2 * pad)
            if said and under.width() > scale.read * 4:
                text.draw(painter, under, said, scale.floor, theme.text)
            sees = {camera.id: sight_words(one) for camera, one in self._looks()}
            for tile, strip in self._strips.items():
                if tile.isVisible() and tile.camera is not None:
                    room = strip.adjusted(pad / 2, 0, -pad / 2, 0)
                    text.draw(painter, room, sees.get(tile.camera.id, ""), scale.floor, theme.text)
        finally:
            painter.end()

    def _title(self) -> str:
        alarm, now_ns = self.alarm, self.session.clock.now_ns()
        state = tr("alarms.ended") if self.over else state_words(alarm)
        parts = (local(alarm.name), local(alarm.place), fmt.event_time(alarm.t_raised_ns, now_ns), state)
        return " · ".join(part for part in parts if part)


def _shows_nothing(tile: CameraTile) -> bool:
    """It has no picture, or one that is of no use now. What is shown again by hand is a person's wish."""
    status = tile.status()
    useless = any(raised.flag in USELESS for raised in status.raised)
    return tile.replay is None and (status.state in BAD or useless)


def _looks_elsewhere(tile: CameraTile) -> bool:
    return tile.replay is None and any(raised.flag is PictureFlag.TURNED for raised in tile.status().raised)
