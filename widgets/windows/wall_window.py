"""One window of the wall: the top bar, the layout's tiles, the mode's frame, a line for notices.

It resolves nothing: it is given a WindowPlan and makes its tiles agree with it. Tiles whose kind,
options and type scale stay the same are kept, so that a layout switch neither blinks nor reconnects.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QCloseEvent, QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from backends.domain.feeds import Mode
from layouts.spec import PROBLEM_KIND, TilePlan, WindowPlan
from widgets.i18n import language, tr
from widgets.parts.shapes import draw_hatch
from widgets.pump import Pump
from widgets.session import Session
from widgets.tiles.base import Tile
from widgets.tiles.camera import CameraTile
from widgets.tiles.map import MapTile
from widgets.tiles.problem import ProblemTile
from widgets.tiles.registry import tile_specs
from widgets.typography import TypeScale
from widgets.windows.camera_desk import camera_tiles, tabs_after_the_rest
from widgets.windows.maximised import Maximised
from widgets.windows.mode_mark import ModeMark
from widgets.windows.notice_line import NoticeLine
from widgets.windows.sign_in import SignInPanel
from widgets.windows.top_bar import BarWords, TopBar

if TYPE_CHECKING:
    from widgets.windows.alarm_sheet import AlarmSheet

_log = logging.getLogger(__name__)


class WallWindow(QWidget):
    """See the module."""

    def __init__(self, session: Session, pump: Pump, plan: WindowPlan) -> None:
        super().__init__()
        self.session = session
        self.plan = plan
        self.scale = TypeScale.of(plan.monitor)
        self.tiles: dict[str, Tile] = {}
        self.bar = TopBar(session, self.scale, self)
        self._mark = ModeMark(session, self)
        self.notice = NoticeLine(session, self.scale, self)
        self.sign_in: SignInPanel | None = None
        self.maximised = Maximised(self)
        self.sheet: AlarmSheet | None = None
        """Everything about an alarm, where it is shown over this window."""
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setWindowFlag(Qt.WindowType.FramelessWindowHint)
        session.city.feedsChanged.connect(self._on_feeds)
        session.city.healthChanged.connect(self._on_health)
        session.city.grantChanged.connect(self._on_health)
        session.look.changed.connect(self._on_look)
        pump.picturePass.connect(self._on_picture_pass)
        pump.secondPassed.connect(self._on_second)
        pump.blinkChanged.connect(self._on_blink)
        self.apply_plan(plan)

    # -- plan ------------------------------------------------------------------------------------------

    def apply_plan(self, plan: WindowPlan) -> None:
        """Make the tiles agree with `plan`, keeping those that stay the same."""
        self.maximised.end()
        scale = TypeScale.of(plan.monitor)
        kept = list(self.tiles.values()) if scale == self.scale else []
        gone = [] if kept else list(self.tiles.values())
        self.plan, self.scale = plan, scale
        tiles: dict[str, Tile] = {}
        for wanted in plan.tiles:
            same = next((t for t in kept if _plays(t, wanted)), None)
            if same is not None:
                kept.remove(same)
            tile = same or self._build(wanted)
            tile.setGeometry(QRect(wanted.rect.x, wanted.rect.y, wanted.rect.width, wanted.rect.height))
            if same is None:
                tile.stackUnder(self._mark)
            tile.show()
            tiles[wanted.id] = tile
        for tile in (*kept, *gone):
            tile.hide()
            tile.setParent(None)
            tile.deleteLater()
        self.tiles = tiles
        self._introduce()
        tabs_after_the_rest(self)
        bar = plan.bar
        self.bar.setGeometry(bar.x, bar.y, bar.width, bar.height)
        self._mark.refresh(self._size)
        self._tell_bar()
        self.notice.place()
        if self.sign_in is not None:
            self.host_sign_in(wanted=True)

    @property
    def _size(self) -> QSize:
        return QSize(self.plan.monitor.width, self.plan.monitor.height)

    def lay_over(self, widget: QWidget) -> None:
        """Above all that is there, with the word of the mode above it."""
        widget.raise_()
        self._mark.raise_()

    def host_sign_in(self, *, wanted: bool) -> None:
        """The panel for signing in sits in one window of the station, the first desk."""
        if self.sign_in is not None and (not wanted or self.sign_in.scale != self.scale):
            self.sign_in.hide()
            self.sign_in.setParent(None)
            self.sign_in.deleteLater()
            self.sign_in = None
        if wanted and self.sign_in is None:
            self.sign_in = SignInPanel(self.session, self.scale, self)
            self.bar.operatorPressed.connect(self.sign_in.call)
        if self.sign_in is not None:
            specs = tile_specs()
            alarms = [t.geometry() for t in self.tiles.values() if (s := specs.get(_kind(t))) and s.shows_alarms]
            self.sign_in.host(self.plan.bar.y + self.plan.bar.height, alarms, self._places_of_alarms)

    def _places_of_alarms(self) -> list[QRect]:
        """Tiles besides the lists in which an alarm is seen: maps, and cameras that look at one."""
        tiles = [t for t in self.tiles.values() if isinstance(t, MapTile) or (isinstance(t, CameraTile) and t.alarmed)]
        return [tile.geometry() for tile in tiles]

    def _introduce(self) -> None:
        """Number the camera tiles, and tell the place kept for alarms which cameras the layout has beside it. What is
        put by hand does not count: the alarm's picture must not change because a person moved another one."""
        cameras = camera_tiles(self)
        names = {id(tile): name for name, tile in self.tiles.items()}
        for n, tile in enumerate(cameras, 1):
            tile.set_place(names[id(tile)], str(n))
        fixed = frozenset(tile.options.camera for tile in cameras if tile.options.camera and not tile.options.slot)
        for tile in cameras:
            tile.set_neighbours(fixed)

    def _build(self, wanted: TilePlan) -> Tile:
        spec = tile_specs().get(wanted.kind)
        if spec is None or wanted.kind == PROBLEM_KIND:
            tile: Tile = ProblemTile(self.session, self.scale, wanted.options, wanted.kind)
        else:
            try:
                tile = spec.widget(self.session, self.scale, wanted.options)
            except Exception:  # noqa: BLE001  # whatever a broken tile kind raises: it is said in its cell
                _log.exception("tile %s of kind %s cannot be built", wanted.id, wanted.kind)
                tile = ProblemTile(self.session, self.scale, None, wanted.kind)
        tile.setParent(self)
        tile.setProperty("plan_kind", wanted.kind)
        return tile

    # -- events ----------------------------------------------------------------------------------------

    def _on_feeds(self, changed: frozenset[str]) -> None:
        for tile in self.tiles.values():
            tile.on_feeds(changed)
        if changed & {"alarms", "local", "roster"}:
            self.tell_of_highest()
            self.bar.update()

    def _on_health(self) -> None:
        for tile in self.tiles.values():
            tile.on_health()
        self._mark.refresh(self._size)
        self.bar.update()
        self.update()

    def _on_look(self) -> None:
        self._mark.refresh(self._size)
        self._tell_bar()
        for tile in self.tiles.values():
            tile.on_look()

    def _names_highest(self) -> bool:
        """The bar names the highest alarm where no list of this window shows it just now."""
        specs = tile_specs()
        lists = [tile for tile in self.tiles.values() if (s := specs.get(_kind(tile))) and s.shows_alarms]
        return self.plan.names_highest_alarm or not any(
            tile.shows_highest_alarm() and not self._covered(tile) for tile in lists
        )

    def _covered(self, tile: Tile) -> bool:
        """A sheet or a panel lies over part of it: not asked is whether the highest alarm's row is in the rest."""
        below = (*self.tiles.values(), self.bar, self.notice, self.sign_in, self._mark)
        over = [w for w in self.children() if isinstance(w, QWidget) and w not in below and not w.isWindow()]
        return any(w.isVisible() and w.geometry().intersects(tile.geometry()) for w in over)

    def _tell_bar(self) -> None:
        words = BarWords(self.plan.name.get(language()), self.plan.index + 1, self._names_highest())
        self.bar.set_words(words, self.scale)
        titles = (tr("app.title"), self.session.site, words.layout, str(words.screen))
        self.setWindowTitle(" · ".join(filter(None, titles)))
        self.update()

    def _on_picture_pass(self) -> None:
        for tile in self.tiles.values():
            tile.on_picture_pass()

    def tell_of_highest(self) -> None:
        """The bar agrees with what the lists show; called when something was laid over them, too."""
        if self.bar.words.names_highest_alarm is not self._names_highest():
            self._tell_bar()

    def _on_second(self) -> None:
        self.session.city.weigh(self.session.clock.now_ns())
        for tile in self.tiles.values():
            tile.on_second()
        self.tell_of_highest()
        self.bar.update()
        if self.sign_in is not None:
            self.sign_in.on_second()

    def _on_blink(self, bright: bool) -> None:
        if self.session.look.less_motion:
            return
        for tile in self.tiles.values():
            tile.on_blink(bright)
        self.bar.on_blink(bright)

    def closeEvent(self, event: QCloseEvent) -> None:
        # A wall's window does not go away by a stray Alt+F4; the manager closes it with `done`.
        if self.property("done"):
            event.accept()
        else:
            event.ignore()

    # -- frame -----------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), self.session.look.theme.ground)
            self._paint_mode(painter)
        finally:
            painter.end()

    def _paint_mode(self, painter: QPainter) -> None:
        """Replay, exercise and demo are framed by the window; operating has no frame."""
        mode, theme = self.session.city.link.mode, self.session.look.theme
        width = max(3.0, self.plan.gutter_px * 0.6)
        frame = QRectF(self.rect()).adjusted(width / 2, width / 2, -width / 2, -width / 2)
        if mode is Mode.REPLAY:
            painter.setPen(QPen(theme.replay, width))
            painter.drawRect(frame)
        elif mode is Mode.EXERCISE:
            outer = QRectF(self.rect())
            for side in (
                QRectF(outer.left(), outer.top(), outer.width(), width),
                QRectF(outer.left(), outer.bottom() - width, outer.width(), width),
                QRectF(outer.left(), outer.top(), width, outer.height()),
                QRectF(outer.right() - width, outer.top(), width, outer.height()),
            ):
                painter.fillRect(side, QColor("#000000"))
                draw_hatch(painter, side, QColor("#ffffff"), width * 3)
        elif mode is not Mode.LIVE:  # a mode that nobody thought of must not look real
            pen = QPen(theme.muted, width, Qt.PenStyle.CustomDashLine)
            pen.setDashPattern([6.0, 4.0])
            painter.setPen(pen)
            painter.drawRect(frame)


def _kind(tile: Tile) -> str:
    return str(tile.property("plan_kind"))


def _plays(tile: Tile, wanted: TilePlan) -> bool:
    return _kind(tile) == wanted.kind and bool(tile.options == wanted.options)
