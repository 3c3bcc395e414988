"""Opens everything about an alarm on the screen that was chosen for it, and puts back what was there.

The screen: the monitor that the site or a person chose (a wall's, too); else the second desk monitor, the window in
use, or any desk. Never over a list of alarms: where the room beside it is too small, the next screen takes it. One
sheet a station: another alarm takes its place, Esc puts it away, and so does another layout. Must not: change the
layout, or what hands have put on its tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QRect, QSize
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from backends.domain.alarm import Alarm
from widgets.i18n import tr
from widgets.memory import SELECTED
from widgets.pages import page_specs
from widgets.pump import Pump
from widgets.session import Session
from widgets.tiles.camera import CameraTile
from widgets.windows.alarm_sheet import PLACE, AlarmSheet
from widgets.windows.list_panel import focus_below
from widgets.windows.rooms import beside_lists

if TYPE_CHECKING:
    from widgets.windows.page import Page
    from widgets.windows.panel_desk import PanelDesk
    from widgets.windows.wall_window import WallWindow

SCREEN = "alarm.screen"
"""What the memory calls the chosen monitor: its name, or its number from the left; nothing: none is chosen."""
PROCEDURE = "procedure"
"""Id of that page."""
_LEAST_EMS = (24, 14)
"""Width and height, in sizes of reading text, of a room in which it tells more than the row of the alarm."""


class AlarmSheets(QObject):
    """One a wall. GUI thread only."""

    def __init__(
        self,
        session: Session,
        pump: Pump,
        windows: Callable[[], Sequence[WallWindow]],
        panels: PanelDesk | None = None,
    ) -> None:
        """`panels`: opens the alarm's procedure, where this program has one."""
        super().__init__()
        self._session, self._windows, self._panels = session, windows, panels
        self.sheet: AlarmSheet | None = None
        self._hidden: list[QWidget] = []
        """What it covers: not decoded meanwhile."""
        self._before: QWidget | None = None
        self._chosen = ""
        """Place of the camera tile that was chosen before."""
        self._page: Page | None = None
        """The procedure that came with it."""
        session.calls.alarmCalled.connect(self.call)
        for called in (session.calls.cameraCalled, session.calls.momentCalled):
            called.connect(lambda _what: self._on_called())
        session.city.feedsChanged.connect(lambda changed: self._with(lambda sheet: sheet.on_feeds(changed)))
        for health in (session.city.healthChanged, session.city.grantChanged):
            health.connect(lambda: self._with(lambda sheet: sheet.each(lambda tile: tile.on_health())))
        session.look.changed.connect(lambda: self._with(lambda sheet: sheet.on_look()))
        pump.picturePass.connect(lambda: self._with(lambda sheet: sheet.each(lambda tile: tile.on_picture_pass())))
        pump.secondPassed.connect(lambda: self._with(lambda sheet: sheet.on_second()))
        pump.blinkChanged.connect(self._on_blink)

    # -- opened and put away -----------------------------------------------------------------------------

    def call(self, alarm: Alarm) -> None:
        """Everything about this one, in the place of any other."""
        self.end()
        place = self._place()
        if place is None:
            self._session.notices.tell_desk(tr("alarm_sheet.no_room"))
            return
        window, room = place
        self._before, self._chosen = focus_below(window), self._session.hands.place
        sheet = AlarmSheet(self._session, window, alarm, room)
        sheet.ended.connect(self.end)
        self._hidden = [tile for tile in window.tiles.values() if _covered(tile, room)]
        for tile in self._hidden:
            tile.hide()
        self.sheet = window.sheet = sheet
        sheet.show()
        window.lay_over(sheet)
        window.notice.raise_()
        if window.sign_in is not None:
            window.sign_in.raise_()
        if self._before is not None and _below(self._before, window, room):
            sheet.setFocus()  # the keyboard was on what is covered: no other tile gets it instead
        window.tell_of_highest()
        self._open_procedure(alarm, window)

    def _open_procedure(self, alarm: Alarm, window: WallWindow) -> None:
        """On the desk in use, where that is another one and no page is open. The keyboard stays where it is: the next
        Enter is for the alarm, not for a step."""
        panels = self._panels
        desk = next((one for one in self._windows() if one.isActiveWindow()), None)
        if panels is None or panels.page is not None or desk is None or desk is window:
            return
        if alarm.procedure_id and PROCEDURE in page_specs():
            before = desk.focusWidget()
            panels.open_page(desk, PROCEDURE, alarm.id)
            self._page = panels.page
            if before is not None and isValid(before) and before.isVisible():
                before.setFocus()

    def _on_called(self) -> None:
        """Something is wanted on the tile kept for alarms: it must be seen there."""
        if any(isinstance(tile, CameraTile) and tile.options.slot for tile in self._hidden if isValid(tile)):
            self.end()

    def call_chosen(self) -> None:
        """Of the alarm that is chosen in the list, else of the highest."""
        city = self._session.city
        alarm = city.alarm(self._session.memory.get(SELECTED)) or city.highest_alarm()
        if alarm is None:
            self._session.notices.tell_desk(tr("alarms.history_none"))
        else:
            self.call(alarm)

    def end(self) -> None:
        """Put it away; all is as it was before."""
        sheet, self.sheet = self.sheet, None
        hidden, self._hidden = self._hidden, []
        before, self._before = self._before, None
        page, self._page = self._page, None
        if page is not None and isValid(page) and not page.field.hasFocus():
            page.end()
        if sheet is None:
            return
        for window in self._windows():
            window.sheet = None if window.sheet is sheet else window.sheet
        had = False
        if isValid(sheet):
            focus = sheet.window().focusWidget()
            had = focus is not None and (focus is sheet or sheet.isAncestorOf(focus))
            sheet.close_tiles()
            sheet.hide()
            sheet.setParent(None)
            sheet.deleteLater()
        for tile in hidden:
            if isValid(tile):
                tile.show()
        if had and before is not None and isValid(before) and before.isVisible():
            before.setFocus()
        if self._session.hands.place.startswith(PLACE):
            self._session.hands.choose(self._chosen)
        for window in self._windows():
            window.tell_of_highest()

    def _with(self, do: Callable[[AlarmSheet], None]) -> None:
        if self.sheet is not None and isValid(self.sheet):
            do(self.sheet)

    def _on_blink(self, bright: bool) -> None:
        if not self._session.look.less_motion:
            self._with(lambda sheet: sheet.each(lambda tile: tile.on_blink(bright)))

    # -- where -------------------------------------------------------------------------------------------

    def next_screen(self) -> None:
        """Another monitor for it: one after the other, then none in particular. What is open moves there."""
        names = ["", *(str(window.plan.index + 1) for window in self._windows())]
        memory = self._session.memory
        chosen = next((str(w.plan.index + 1) for w in self._windows() if _is_called(w, memory.get(SCREEN))), "")
        name = names[(names.index(chosen) + 1) % len(names)]
        memory.set(SCREEN, name)
        said = tr("alarm_sheet.screen", n=name) if name else tr("alarm_sheet.screen_auto")
        self._session.notices.tell_desk(said)
        if self.sheet is not None:
            self.call(self.sheet.alarm)

    def _place(self) -> tuple[WallWindow, QRect] | None:
        for window in self._in_order():
            wide, high = (ems * window.scale.read for ems in _LEAST_EMS)
            room = beside_lists(window, QSize(wide, high))
            if not room.isEmpty():
                return window, room
        return None

    def _in_order(self) -> list[WallWindow]:
        """The windows that may have it, the wanted one first; a wall only if chosen, or where there is no desk."""
        windows = list(self._windows())
        desks = [window for window in windows if not window.scale.wall]
        chosen = [window for window in windows if _is_called(window, self._session.memory.get(SCREEN))]
        active = [window for window in desks if window.isActiveWindow()]
        return [*chosen, *desks[1:2], *active, *(desks or windows)]


def _is_called(window: WallWindow, name: str) -> bool:
    return bool(name) and name in (window.plan.monitor.name, str(window.plan.index + 1))


def _below(widget: QWidget, window: QWidget, room: QRect) -> bool:
    """It cannot be seen."""
    return not widget.isVisible() or QRect(widget.mapTo(window, QPoint(0, 0)), widget.size()).intersects(room)


def _covered(tile: QWidget, room: QRect) -> bool:
    """To be hidden below it. A tile that shows an old picture is not: it would be live afterwards."""
    if isinstance(tile, CameraTile) and tile.replay is not None:
        return False
    return not tile.isHidden() and tile.geometry().intersects(room)
