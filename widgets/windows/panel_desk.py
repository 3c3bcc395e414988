"""Opens the search line, the help, the notices and the pages over the window where the keyboard is, and does what is
chosen there.

One panel at a time, and one page, which stays below it. Whatever may not be done is answered by a sentence in the line,
never by nothing. Must not: paint, or change what the layout keeps for alarms but by a call-up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import SIGNAL, QObject, QRect, QSize
from PySide6.QtWidgets import QWidget

from layouts.spec import Layout
from widgets.commands import COMMANDS, Command, Context
from widgets.hands import Ask
from widgets.i18n import tr
from widgets.pages import page_specs
from widgets.parts.alarm_words import why_not
from widgets.parts.found_rows import row_of
from widgets.parts.stand_in import camera_of
from widgets.parts.step_words import StepTeller
from widgets.search.finder import A_SECOND, Finder, Kind
from widgets.search.index import Item
from widgets.session import Session
from widgets.tiles.alarms import AlarmsTile
from widgets.tiles.base import Tile
from widgets.tiles.camera import CameraTile
from widgets.tiles.camera_list import CameraListTile
from widgets.tiles.plot import PlotTile
from widgets.tiles.reports import ReportsTile
from widgets.windows.camera_desk import CameraDesk
from widgets.windows.list_panel import ListPanel
from widgets.windows.page import Page
from widgets.windows.panels import HelpPanel, NoticesPanel, Palette
from widgets.windows.rooms import beside_or_low

if TYPE_CHECKING:
    from widgets.windows.wall_window import WallWindow

PLOT_HALF_S = 3 * 3600
"""Before and after now, of a sensor's plot that is called up."""
_LEAST_EMS = (20, 12)
"""Width and height, in sizes of reading text, of a room that a panel can use beside the alarm lists."""


class PanelDesk(QObject):
    """One a wall. GUI thread only."""

    def __init__(
        self,
        session: Session,
        windows: Callable[[], Sequence[WallWindow]],
        cameras: CameraDesk,
        layouts: Sequence[Layout],
        show_layout: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._session, self._windows, self._cameras = session, windows, cameras
        self._layouts, self._show_layout = layouts, show_layout
        self.acts: Mapping[str, Callable[[WallWindow], object]] = {}
        """What each command of the window does, by its id; given by whoever binds their keys."""
        self._finder: Finder | None = None
        self.panel: ListPanel | None = None
        self.page: Page | None = None
        session.calls.pageCalled.connect(self._on_called)
        self._steps = StepTeller(session, self)

    @property
    def finder(self) -> Finder:
        """Made at the first second or the first search: not within the first paint of a window."""
        if self._finder is None:
            self._finder = Finder(self._session.city, self._session.memory, self._layouts)
        return self._finder

    def on_second(self) -> None:
        self.finder.sync(A_SECOND)
        for one in (self.page, self.panel):
            if one is not None:
                one.on_second()

    # -- opening ---------------------------------------------------------------------------------------

    def open_palette(self, window: WallWindow, words: str = "") -> None:
        def make() -> ListPanel:
            doer = _Doer(self, window)
            return Palette(self._session, window, window.scale, self._room(window), self.finder, doer)

        self._open(window, Palette, make, words)

    def open_help(self, window: WallWindow, first: Context | None = None) -> None:
        """`first`: the context whose keys come first; None: where the keyboard is."""

        def make() -> ListPanel:
            context, doer, room = first or context_of(window), _Doer(self, window), self._room(window)
            return HelpPanel(self._session, window, window.scale, room, self._layouts, context, doer)

        self._open(window, HelpPanel, make)

    def open_notices(self, window: WallWindow) -> None:
        self._open(window, NoticesPanel, lambda: NoticesPanel(self._session, window, window.scale, self._room(window)))

    def open_page(self, window: WallWindow, page_id: str, about: str = "") -> None:
        """In place of the page that is open. The same one again gets the keyboard; where it has it, it ends."""
        spec, before = page_specs()[page_id], self.page
        typing = before is not None and before.field.hasFocus()
        if self.panel is not None:
            self.panel.end(back=True)  # it was chosen there: the keyboard goes to the page, and back from it
        if before is not None:
            same = type(before) is spec.page and before.window() is window and before.about == about
            if same and not typing:
                before.raise_()  # a sheet may lie over it: a key must not act on what is not seen
                before.field.setFocus()
                window.tell_of_highest()
                return
            before.end(back=True)
            if same:
                return
        page = spec.page(self._session, window, window.scale, self._room(window), _Doer(self, window), about)
        self.page = page
        page.ended.connect(lambda: self._on_page_ended(page))
        page.begin()
        window.tell_of_highest()

    def _on_page_ended(self, page: Page) -> None:
        if self.page is page:
            self.page = None
        page.deleteLater()

    def _on_called(self, page_id: str, about: str) -> None:
        """A tile wants that page: at the desk in use, where there is one."""
        windows = list(self._windows())
        desks = [window for window in windows if not window.scale.wall]
        active = next((window for window in desks if window.isActiveWindow()), None)
        for window in filter(None, (active or next(iter(desks or windows), None),)):
            self.open_page(window, page_id, about)

    def _open(self, window: WallWindow, kind: type[ListPanel], make: Callable[[], ListPanel], words: str = "") -> None:
        """In place of the one that is open; the same key again only closes it."""
        before, self.panel = self.panel, None
        if before is not None:
            before.end(back=True)  # first, so that the new one gives the keyboard back to where it really was
            if type(before) is kind and before.window() is window and not words:
                return
        panel = self.panel = make()
        panel.ended.connect(lambda: self._on_ended(panel))
        panel.begin(words)

    def _on_ended(self, panel: ListPanel) -> None:
        if self.panel is panel:
            self.panel = None
        panel.deleteLater()

    def close(self) -> None:
        """Before the windows go."""
        for one in (self.panel, self.page):
            if one is not None:
                one.end()

    def relocate(self) -> None:
        """Windows have other tiles now."""
        for one in filter(None, (self.page, self.panel)):
            window = next((w for w in self._windows() if one.window() is w), None)
            if window is None or window.scale != one.scale:
                one.end()
            else:
                one.move_to(self._room(window))

    def _room(self, window: WallWindow) -> QRect:
        """Beside the alarm lists; where they leave too little, over the last rows of the window."""
        wide, high = (ems * window.scale.read for ems in _LEAST_EMS)
        return beside_or_low(window, QSize(wide, high))

    # -- doing -----------------------------------------------------------------------------------------

    def do(self, item: Item, window: WallWindow, *, second: bool) -> str:
        """Enter or Shift+Enter on it. Returns why not; empty = done."""
        if second and item.kind not in _SECOND:
            return tr("search.no_second")
        match Kind(item.kind):
            case Kind.CAMERA:
                return self._cameras.call_up(item.id, kept=second)
            case Kind.ALARM | Kind.SENSOR | Kind.REPORT if second:
                return self._camera_of(item)
            case Kind.ALARM:
                return self._choose(AlarmsTile, item.id, window, "search.no_alarm_row")
            case Kind.REPORT:
                return self._choose(ReportsTile, item.id, window, "search.no_report_row")
            case Kind.SENSOR:
                calls = self._session.calls
                calls.plotCalled.emit(item.id, self._session.clock.now_ns(), PLOT_HALF_S)
            case Kind.AREA:
                return self._show_area(item)
            case Kind.LAYOUT:
                self._show_layout(item.id)
            case Kind.COMMAND:
                return self.run(COMMANDS[item.id], window)
            case Kind.PROCEDURE | Kind.PHONE:
                self.open_page(window, "procedure", item.id if item.kind == Kind.PROCEDURE else "")
            case Kind.HELP:
                self.open_help(window, Context(item.id))
            case Kind.AGENCY | Kind.INDICATOR:
                row = row_of(self._session, item)
                notices = self._session.notices
                (notices.post if window.scale.wall else notices.tell_desk)(f"{row.title} · {row.state}")
        return ""

    def does(self, item: Item) -> str:
        """What Enter and Shift+Enter do with it."""
        if item.kind == Kind.CAMERA:
            tile = self._cameras.free_tile()
            if tile is not None:
                return f"{tr('search_does.camera', n=tile.number)} · {tr('search_second.camera')}"
            return tr("search_does.camera_kept")
        first = tr(f"search_does.{item.kind}")
        return f"{first} · {tr('search_second.other')}" if item.kind in _SECOND else first

    def run(self, command: Command, window: WallWindow) -> str:
        """Do the command. Returns why not; empty = done."""
        refused = self._session.city.grant.refusal(command.right) if command.right is not None else ""
        if refused:
            return why_not(self._session.city, refused)
        if command.ask is not None and command.offered:
            place = self._session.hands.place
            if not place and command.ask is not Ask.BEFORE_ALARM:
                return tr("camera_hand.no_tile")
            return "" if self._cameras.act(place, command.ask, window) else tr("search.not_now")
        if command.id not in self.acts:
            return tr("search.by_hand")
        self.acts[command.id](window)
        return ""

    def _show_area(self, item: Item) -> str:
        calls = self._session.calls
        if not calls.receivers(SIGNAL("areaCalled(QString)")):  # no map is on the screens
            return tr("search.no_map")
        calls.areaCalled.emit(item.id)
        return ""

    def _camera_of(self, item: Item) -> str:
        city = self._session.city
        if item.kind == Kind.ALARM:
            alarm = city.alarm(item.id)
            found = camera_of(city, alarm) if alarm is not None else None
            camera = found.camera_id if found is not None else ""
        else:
            record = city.sensor(item.id) if item.kind == Kind.SENSOR else city.records("reports").get(item.id)
            known = (c for c in (record.camera_ids if record is not None else ()) if city.camera(c) is not None)
            camera = next(known, "")
        return self._cameras.call_up(camera, kept=True) if camera else tr("search.no_camera")

    def _choose(self, kind: type[AlarmsTile] | type[ReportsTile], record: str, window: WallWindow, why: str) -> str:
        """The row in a list, of this window or another one of the desks."""
        for one in (window, *(w for w in self._windows() if w is not window)):
            for tile in one.tiles.values():
                if isinstance(tile, kind) and tile.isVisible() and tile.choose(record):
                    one.activateWindow()
                    return ""
        return tr(why)


_SECOND = frozenset({Kind.CAMERA, Kind.ALARM, Kind.SENSOR, Kind.REPORT})
"""Kinds with which Shift+Enter does something: their camera, on the tile that is kept for alarms."""


class _Doer:
    """The desk, for the panel of one window."""

    def __init__(self, desk: PanelDesk, window: WallWindow) -> None:
        self._desk, self._window = desk, window

    def do(self, item: Item, second: bool) -> str:
        return self._desk.do(item, self._window, second=second)

    def does(self, item: Item) -> str:
        return self._desk.does(item)

    def run(self, command: Command) -> str:
        return self._desk.run(command, self._window)


def context_of(window: WallWindow) -> Context:
    """Whose keys mean something now: by where the keyboard is."""
    widget: QWidget | None = window.focusWidget()
    while widget is not None and not isinstance(widget, Tile):
        widget = widget.parentWidget()
    if isinstance(widget, CameraTile):
        if widget.turn.active:
            return Context.TURNING
        return Context.PAST if widget.replay is not None else Context.CAMERA
    others = (
        (AlarmsTile, Context.ALARMS),
        (ReportsTile, Context.REPORTS),
        (CameraListTile, Context.CAMERA_LIST),
        (PlotTile, Context.PLOT),
    )
    return next((context for kind, context in others if isinstance(widget, kind)), Context.WINDOW)
