"""The alarm list: acknowledge, claim, call up the camera. What does not fit is said in the header."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QResizeEvent

from backends.domain.action import Verb
from backends.domain.alarm import Priority
from backends.domain.ports import ActionRefused
from layouts.options import AlarmsOptions
from widgets.i18n import tr
from widgets.keys import bind
from widgets.models.alarms import ROW_ROLE, AlarmListModel, AlarmRow
from widgets.parts.alarm_rows import AlarmDelegate, RowButton
from widgets.parts.alarm_words import why_not
from widgets.parts.rows import RowList
from widgets.parts.stand_in import camera_of
from widgets.session import Session
from widgets.tiles.base import Tile, TileSpec
from widgets.typography import TypeScale

SELECTED = "alarm.selected"
"""What the memory calls the chosen alarm."""
_VERBS = {RowButton.ACKNOWLEDGE: Verb.ACKNOWLEDGE, RowButton.CLAIM: Verb.CLAIM}


class AlarmsTile(Tile):
    """See the module. Enter acknowledges the selected row, F9 takes it in hand, F8 calls up its camera."""

    feeds = ("alarms",)

    def __init__(self, session: Session, scale: TypeScale, options: Any) -> None:
        super().__init__(session, scale, options)
        self.model = AlarmListModel(session.city, self)
        self.view = RowList(session, scale, self)
        self.delegate = AlarmDelegate(self.view, session.city)
        self.view.setItemDelegate(self.delegate)
        self.view.setModel(self.model)
        self.view.setAccessibleName(tr("alarms.title"))
        self.view.shownChanged.connect(self.update)
        self.delegate.pressed.connect(self._press)
        session.city.grantChanged.connect(self.view.viewport().update)
        self.model.dataChanged.connect(self.view.relayout)
        self.model.layoutChanged.connect(self.view.relayout)
        # The window may hear of a change before the model does: the first alarm of an empty list must not wait
        # for the second one.
        self.model.rowsInserted.connect(self.refresh)
        self.model.rowsRemoved.connect(self.refresh)
        for command, button in (
            ("alarms.acknowledge", RowButton.ACKNOWLEDGE),
            ("alarms.claim", RowButton.CLAIM),
            ("alarms.camera", RowButton.CAMERA),
        ):
            bind(self.view, command, partial(self._press_selected, button))
        self._recall()
        # An empty list from the start is the sentence, not a void: no row comes or goes that would say so.
        self.view.setVisible(bool(self.model.rows()))

    # -- memory ----------------------------------------------------------------------------------------

    def _recall(self) -> None:
        """After a crash the row that was chosen is chosen again; Enter means the same alarm as before it."""
        if self.scale.wall:
            return  # nobody chooses on a wall
        row = self.model.row_of(self.session.memory.get(SELECTED))
        if row >= 0:
            self.view.select_row(row)
            self.view.setFocus()
        self.view.selectionModel().currentChanged.connect(self._remember)

    def _remember(self) -> None:
        row = self.view.currentIndex().data(ROW_ROLE)
        self.session.memory.set(SELECTED, row.alarm.id if isinstance(row, AlarmRow) else "")

    def choose(self, alarm_id: str) -> bool:
        """The keyboard on that alarm's row, as Up and Down bring it there; False: it is not in this list."""
        row = self.model.row_of(alarm_id)
        if row < 0 or self.scale.wall:
            return False
        self.view.select_row(row)
        self.view.setFocus()
        return True

    # -- Tile ------------------------------------------------------------------------------------------

    def title(self) -> str:
        return tr("alarms.title")

    def summary(self) -> str:
        rows = self.model.rows()
        shown = self.view.shown_rows()
        hidden = [r.alarm for n, r in enumerate(rows) if n not in shown and r.alarm.unacknowledged]
        urgent = sum(1 for alarm in hidden if alarm.priority is Priority.URGENT)
        if urgent:
            return tr("alarms.more_unack_urgent", n=len(hidden), urgent=urgent)
        if hidden:
            return tr("alarms.more_unack", n=len(hidden))
        unacknowledged = sum(1 for r in rows if r.alarm.unacknowledged)
        key = "alarms.summary" if unacknowledged else "alarms.summary_calm"
        return tr(key, unack=unacknowledged, shown=len(shown), total=len(rows))

    def paint_body(self, painter: QPainter, body: QRectF) -> None:
        if not self.model.rows():
            self.paint_empty(painter, body, tr("alarms.empty"))

    def refresh(self) -> None:
        # The model follows the city by itself; here only what the header says is renewed.
        self.view.setVisible(bool(self.model.rows()))
        super().refresh()

    def on_feeds(self, changed: frozenset[str]) -> None:
        if changed & {"alarms", "local", "cameras"}:
            self.refresh()

    def on_look(self) -> None:
        self.view.relayout()
        self.refresh()

    def on_blink(self, bright: bool) -> None:
        self.delegate.bright = bright
        if any(row.alarm.unacknowledged for row in self.model.rows()):
            viewport = self.view.viewport()
            viewport.update(0, 0, self.delegate.symbol_column(), viewport.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.view.setGeometry(0, self.header_height, self.width(), max(0, self.height() - self.header_height))

    # -- actions ---------------------------------------------------------------------------------------

    def _press_selected(self, button: RowButton) -> None:
        row = self.view.currentIndex().data(ROW_ROLE)
        if isinstance(row, AlarmRow):
            self._press(row, button)

    def _press(self, row: AlarmRow, button: RowButton) -> None:
        if button is RowButton.WHY:
            self._refused(row, self.session.city.grant.refusal(Verb.ACKNOWLEDGE))
            return
        if button is RowButton.CAMERA:
            camera = camera_of(self.session.city, row.alarm)
            if camera is not None:
                self.session.calls.cameraCalled.emit(camera.camera_id)
            return
        try:
            self.session.actions.submit(_VERBS[button], row.feed, row.alarm.id, row.alarm.state_rev)
        except ActionRefused as refusal:
            self._refused(row, refusal.code)

    def _refused(self, row: AlarmRow, code: str) -> None:
        """A click must never vanish: what could not be kept, or may not be done, is said at once."""
        self.session.notices.post(why_not(self.session.city, code), row.alarm.priority)


SPEC = TileSpec(kind="alarms", options=AlarmsOptions, widget=AlarmsTile, shows_alarms=True)
