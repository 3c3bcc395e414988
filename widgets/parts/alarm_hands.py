"""What hands do to the chosen rows of an alarm list: acknowledge, take in hand, give back, call up a camera, write,
set aside, take out of service.

One row: what its button or key says, with the state that the person saw. Several: each its own action, and only those
that were on the screen long enough to be seen. Must not: paint, or change an alarm; the hub does.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import SIGNAL, QItemSelection, QItemSelectionModel, QObject, Signal

from backends.domain.action import Verb
from backends.domain.alarm import AlarmState
from backends.domain.ports import ActionRefused
from backends.domain.times import NS_PER_S
from widgets.i18n import local, tr
from widgets.models.alarms import ROW_ROLE, AlarmListModel, AlarmRow, FoldRow
from widgets.models.city import LOCAL_FEED
from widgets.parts.alarm_many import ManyActs
from widgets.parts.alarm_panel import AlarmPanel, Mode
from widgets.parts.alarm_rows import RowButton, may_claim, may_release
from widgets.parts.alarm_view import AlarmView
from widgets.parts.alarm_words import why_not
from widgets.parts.stand_in import camera_of
from widgets.session import Session

_VERBS = {
    RowButton.ACKNOWLEDGE: Verb.ACKNOWLEDGE, RowButton.CLAIM: Verb.CLAIM, RowButton.RELEASE: Verb.RELEASE,
    RowButton.RESET: Verb.RESET, RowButton.IN_SERVICE: Verb.IN_SERVICE,
}  # fmt: skip
_NONE = {
    RowButton.ACKNOWLEDGE: "alarms.many_none", RowButton.CLAIM: "alarms.many_none_claim",
    RowButton.RELEASE: "alarms.many_none_release",
}  # fmt: skip
"""What is done to all chosen rows, and what is said where none of them is fit for it."""
_WRITES = {Mode.NOTE: Verb.COMMENT, Mode.SHELVE: Verb.SHELVE, Mode.OUT: Verb.OUT_OF_SERVICE}
_BACK = {Mode.SHELVE: (AlarmState.SHELVED, Verb.UNSHELVE), Mode.OUT: (AlarmState.OUT_OF_SERVICE, Verb.IN_SERVICE)}
"""Where all chosen stand so, the same key takes it back."""
PLOT_HALF_S, PLOT_WIDE_HALF_S = 300, 1800
"""Ten minutes around an alarm, and half an hour on either side."""
_SPARE_S = 10.0
"""The longest time that a role may set aside is counted on the hub's clock, a moment later than the click."""


class AlarmHands(QObject):
    """Of one list."""

    panelChanged = Signal()
    """The panel needs another height."""

    def __init__(self, session: Session, model: AlarmListModel, view: AlarmView, panel: AlarmPanel) -> None:
        super().__init__(view)
        self._session, self._model, self._view, self._panel = session, model, view, panel
        self.many = ManyActs(session, self)
        panel.noted.connect(self._note)
        panel.shelved.connect(self._shelve)
        panel.takenOut.connect(self._take_out)
        self.acts: dict[str, Callable[[], bool]] = {
            "alarms.all_seen": self.choose_seen,
            "alarms.plot": lambda: self._plot(PLOT_HALF_S),
            "alarms.plot_wide": lambda: self._plot(PLOT_WIDE_HALF_S),
            "alarms.procedure": self._procedure,
            "alarms.everything": self._everything,
            "alarms.moment": self._moment,
            "alarms.note": lambda: self._write(Mode.NOTE),
            "alarms.shelve": lambda: self._write(Mode.SHELVE),
            "alarms.out_of_service": lambda: self._write(Mode.OUT),
            "alarms.history": self.tell,
            "alarms.history_close": self._close,
        }
        """Command -> what its keys do; False: it means nothing now."""

    # -- the chosen ------------------------------------------------------------------------------------

    def chosen(self) -> list[AlarmRow]:
        """Those that the screen marks, in list order; where the keyboard stands without a mark means nothing."""
        return [row for n in self._places() if isinstance(row := self._model.row(n), AlarmRow)]

    def _places(self) -> list[int]:
        return sorted(index.row() for index in self._view.selectionModel().selectedIndexes())

    def _stand_on(self, row: int) -> None:
        """The keyboard there; what is chosen stays as it is."""
        self._view.selectionModel().setCurrentIndex(self._model.index(row), QItemSelectionModel.SelectionFlag.NoUpdate)

    def choose_seen(self) -> bool:
        """All unacknowledged ones that a person has seen here, and no others."""
        now_s, chosen, begun = self._session.mono.monotonic_s(), QItemSelection(), -1
        # Unacknowledged ones come first; while the list is held acknowledged ones may stand among them.
        for n in range(self._model.rowCount() + 1):
            row = self._model.row(n) if n < self._model.rowCount() else None
            if isinstance(row, AlarmRow) and self._asks(row) and self._view.seen.has(row.alarm, now_s):
                begun = n if begun < 0 else begun
            elif begun >= 0:
                chosen.select(self._model.index(begun), self._model.index(n - 1))
                begun = -1
        self._view.selectionModel().select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        if places := self._places():
            self._stand_on(places[0])
        return True

    @staticmethod
    def _asks(row: AlarmRow) -> bool:
        return row.alarm.unacknowledged and not row.gone

    def _fit(self, button: RowButton, row: AlarmRow) -> bool:
        """Can that be done to it, as it stands here?"""
        if button is RowButton.CLAIM:
            return may_claim(row)
        return may_release(row, self._session.city.grant) if button is RowButton.RELEASE else self._asks(row)

    def _seen(self, rows: list[AlarmRow]) -> list[AlarmRow]:
        """Of several only those that were seen; one alone is what the person looks at."""
        now_s = self._session.mono.monotonic_s()
        return rows if len(rows) < 2 else [row for row in rows if self._view.seen.has(row.alarm, now_s)]

    # -- acts ------------------------------------------------------------------------------------------

    def press_chosen(self, button: RowButton) -> None:
        """A key of the list."""
        self._view.keyPressed.emit()
        places, shown = self._places(), self._view.shown_rows()
        if not places:
            self._session.notices.tell_desk(tr("alarms.history_none"))
            return
        if not self._view.selectionModel().isSelected(self._view.currentIndex()):
            self._stand_on(places[0])  # which scrolls there: `shown` is what was in sight before
        rows, current = self.chosen(), self._view.currentIndex().data(ROW_ROLE)
        if isinstance(current, FoldRow) and len(rows) < 2:
            self.open_fold(current)  # what it stands for has not been seen
        elif button in _NONE and len(rows) > 1:
            self._do_all(button, rows)
        elif isinstance(current, AlarmRow):
            if len(rows) > 1:  # a camera: one tile is kept for it
                self._session.notices.tell_desk(tr("alarms.only_current", name=local(current.alarm.name)))
            self._press_current(current, button, shown)

    def _press_current(self, row: AlarmRow, button: RowButton, in_sight: range) -> None:
        """As it is on the screen: a key means what the person sees, as a click does."""
        place = self._view.currentIndex()
        if place.row() not in in_sight:
            self._view.scrollTo(place)
            self._session.notices.tell_desk(tr("alarms.look_first"))
            return
        shown = self._view.painted_row(row.alarm.id)
        meant = row if shown is None or row.gone else shown
        if button is RowButton.ACKNOWLEDGE and meant.alarm.state is AlarmState.LATCHED and not meant.gone:
            button = RowButton.RESET  # what Enter can still mean there, but not the second of two quick ones
            if not self._view.seen.has(meant.alarm, self._session.mono.monotonic_s()):
                self._session.notices.tell_desk(tr("alarms.look_again"))
                return
        self.press(meant, button)

    def press(self, row: AlarmRow, button: RowButton) -> None:
        """A button of a row, or its key."""
        if row.gone:
            self._session.notices.post(tr("alarms.ended_why"))
        elif button is RowButton.WHY:
            out = row.alarm.state is AlarmState.OUT_OF_SERVICE
            self._refused(row, self._session.city.grant.refusal(Verb.IN_SERVICE if out else Verb.ACKNOWLEDGE))
        elif button is RowButton.CAMERA:
            camera = camera_of(self._session.city, row.alarm)
            if camera is not None:
                self._session.calls.cameraCalled.emit(camera.camera_id)
        elif button is RowButton.RELEASE and (why := self._not_to_release(row)):
            self._session.notices.post(why)
        else:
            try:
                self._session.actions.submit(_VERBS[button], row.feed, row.alarm.id, row.alarm.state_rev)
            except ActionRefused as refusal:
                self._refused(row, refusal.code)

    def _plot(self, half_s: int) -> bool:
        """The plot of the sensor behind the chosen alarm, around the moment at which it was raised."""
        row = self._view.currentIndex().data(ROW_ROLE)
        if not isinstance(row, AlarmRow) or not row.alarm.sensor_id:
            self._session.notices.tell_desk(tr("alarms.no_sensor"))
            return True
        self._session.calls.plotCalled.emit(row.alarm.sensor_id, row.alarm.t_raised_ns, half_s)
        return True

    def _procedure(self) -> bool:
        """The page with what is to be done about the chosen alarm."""
        row = self._view.currentIndex().data(ROW_ROLE)
        if isinstance(row, AlarmRow):
            self._session.calls.pageCalled.emit("procedure", row.alarm.id)
        else:
            self._session.notices.tell_desk(tr("alarms.history_none"))
        return True

    def _everything(self) -> bool:
        """All about the chosen alarm, on the screen that was chosen for it; a fold opens, as by Enter."""
        row = self._view.currentIndex().data(ROW_ROLE)
        if isinstance(row, FoldRow):
            self.open_fold(row)
        elif isinstance(row, AlarmRow):
            self._session.calls.alarmCalled.emit(row.alarm)
        else:
            self._session.notices.tell_desk(tr("alarms.history_none"))
        return True

    def _moment(self) -> bool:
        """What was kept of the chosen alarm, on the tile that the layout keeps for alarms."""
        row, session = self._view.currentIndex().data(ROW_ROLE), self._session
        moment = session.moments.of(row.alarm) if isinstance(row, AlarmRow) else None
        if moment is None:
            session.notices.tell_desk(tr("alarm_moment.none"))
        elif not session.calls.receivers(SIGNAL("momentCalled(PyObject)")):
            session.notices.tell_desk(tr("search.no_slot"))
        else:
            session.calls.cameraCalled.emit(moment.camera_id)
            session.calls.momentCalled.emit(moment)
        return True

    def _not_to_release(self, row: AlarmRow) -> str:
        """Why it cannot be given back from here; empty = it can, or the rights say why not."""
        if not row.alarm.holder_id:
            return tr("alarms.not_claimed_why")
        grant = self._session.city.grant
        others = grant.may(Verb.RELEASE) and not may_release(row, grant)
        return tr("alarms.not_yours", who=row.alarm.holder) if others else ""

    def _do_all(self, button: RowButton, rows: list[AlarmRow]) -> None:
        """To all chosen ones that are fit for it and were seen."""
        fit = [row for row in rows if self._fit(button, row)]
        seen = self._seen(fit)
        if not fit:
            self._session.notices.post(tr(_NONE[button]))
        elif self.many.do(_VERBS[button], seen, unseen=len(fit) - len(seen)):
            self._view.select_row(self._view.currentIndex().row())  # they are done: the next Enter means one row again

    def _write(self, mode: Mode) -> bool:
        if why := self._session.city.grant.refusal(_WRITES[mode]):
            self._session.notices.post(why_not(self._session.city, why))
            return True
        if not self._places():
            self._session.notices.tell_desk(tr("alarms.history_none"))
            return True
        # The station's own alarms end with their cause: the hub does not know them.
        rows = [row for row in self._seen(self.chosen()) if not row.gone and row.feed != LOCAL_FEED]
        if not rows:
            self._session.notices.post(tr("alarms.write_none"))
            return True
        if mode in _BACK and all(row.alarm.state is _BACK[mode][0] for row in rows):
            self.many.do(_BACK[mode][1], rows)
            return True
        self._panel.write(mode, rows)
        self.panelChanged.emit()
        return True

    def _note(self, rows: tuple[AlarmRow, ...], words: str) -> None:
        self.many.do(Verb.COMMENT, rows, {"text": words})

    def _shelve(self, rows: tuple[AlarmRow, ...], reason: str, seconds: float) -> None:
        until_ns = self._session.clock.now_ns() + int((seconds - _SPARE_S) * NS_PER_S)
        self.many.do(Verb.SHELVE, rows, {"reason": reason, "until_ns": str(until_ns)})

    def _take_out(self, rows: tuple[AlarmRow, ...], reason: str) -> None:
        self.many.do(Verb.OUT_OF_SERVICE, rows, {"reason": reason})

    def _refused(self, row: AlarmRow, code: str) -> None:
        """A click must never vanish: what could not be kept, or may not be done, is said at once."""
        self._session.notices.post(why_not(self._session.city, code), row.alarm.priority)

    # -- the past --------------------------------------------------------------------------------------

    def open_fold(self, row: FoldRow) -> None:
        """And close it again."""
        self._model.open_fold(row.fold.key, not row.fold.opened)

    def tell(self) -> bool:
        """What happened to the chosen alarm; a fold opens."""
        current = self._view.currentIndex().data(ROW_ROLE)
        if isinstance(current, FoldRow):
            self._model.open_fold(current.fold.key, True)
            return True
        self._panel.tell()
        self.panelChanged.emit()
        return True

    def _close(self) -> bool:
        if self._panel.close_past():
            return True
        current = self._view.currentIndex().data(ROW_ROLE)
        if isinstance(current, FoldRow):
            self._model.open_fold(current.fold.key, False)
        return isinstance(current, FoldRow)
