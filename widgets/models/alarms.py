"""The alarm list as a Qt item model: sorted as look.md says, changed in batches, never reset under the reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from backends.domain.action import ActionStatus, Verb
from backends.domain.alarm import Alarm
from widgets.i18n import local, tr
from widgets.models.alarm_filter import ALL, AlarmFilter, is_grave
from widgets.models.alarm_order import Moves, Ordered, is_listed
from widgets.models.city import LOCAL_FEED, CityModel
from widgets.parts.alarm_words import second_line, state_words, why_not

ROW_ROLE = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class AlarmRow:
    """What a row shows."""

    alarm: Alarm
    pending: ActionStatus | None
    stored: bool
    feed: str
    gone: bool = False
    """It is no longer in the list; its row stays only while the list is held."""
    large: bool = False
    """The urgent one at the top is larger; in a flood the others stay plain, so that more of them are seen."""


@dataclass
class _Held:
    """The rows as they were when somebody began to read."""

    ids: list[str]
    at: dict[str, int]
    alarms: dict[str, Alarm]
    """The newest record of each, the last one of what has gone."""
    raised: dict[str, tuple[int, int]]
    """(priority, raised) of each at that moment: what asks anew since then is news."""
    large: bool
    """The first row was: heights stay, too."""
    gone: set[str] = field(default_factory=set)
    waiting: Ordered = field(default_factory=Ordered)
    """What would stand above, or elsewhere, if nobody read."""


class AlarmListModel(QAbstractListModel):
    """Rows in list order. One batch of changes for each drain, however many alarms moved; what a row shows is put
    together when somebody looks at it.

    While it is held (`hold`) no row comes, goes or moves: states change in place, what has ended stays as a row that
    says so, and what is new waits.
    """

    waitingChanged = Signal()
    """What waits, or that anything can wait, has changed."""

    def __init__(self, city: CityModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._city = city
        self._live = Ordered(city.alarms())
        self._held: _Held | None = None
        self._filter = ALL
        self._passes = ALL.passes()
        city.alarmsMoved.connect(self._on_moves)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own default
        if parent.isValid():
            return 0
        return len(self._held.ids) if self._held is not None else len(self._live)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= self.rowCount():
            return None
        row = self.row(index.row())
        if role == ROW_ROLE:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{local(row.alarm.name)} · {tr('alarms.ended') if row.gone else state_words(row.alarm)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            refused = self._city.grant.refusal(Verb.ACKNOWLEDGE) if row.alarm.unacknowledged else ""
            why = why_not(self._city, refused) if refused else ""
            state = tr("alarms.ended") if row.gone else state_words(row.alarm)
            lines = (local(row.alarm.name), second_line(row.alarm, figures=True), state, why)
            return "\n".join(line for line in lines if line)
        return None

    def row(self, row: int) -> AlarmRow:
        """What that row shows now."""
        if self._held is None:
            alarm = self._live.alarms[row]
            return self._of(alarm, large=row == 0 and is_grave(alarm))
        alarm_id = self._held.ids[row]
        gone, large = alarm_id in self._held.gone, row == 0 and self._held.large
        return self._of(self._held.alarms[alarm_id], gone=gone, large=large)

    def rows(self) -> list[AlarmRow]:
        """All of them: not for a paint."""
        return [self.row(n) for n in range(self.rowCount())]

    def row_of(self, alarm_id: str) -> int:
        """-1 when it is not in the list."""
        return self._live.place(alarm_id) if self._held is None else self._held.at.get(alarm_id, -1)

    def _of(self, alarm: Alarm, *, gone: bool = False, large: bool = False) -> AlarmRow:
        feed = LOCAL_FEED if alarm.id in self._city.records(LOCAL_FEED) else "alarms"
        pending = self._city.pending.get((feed, alarm.id))
        return AlarmRow(alarm, pending, alarm.id not in self._city.unstored, feed, gone, large)

    # -- filter ----------------------------------------------------------------------------------------

    @property
    def filter(self) -> AlarmFilter:
        return self._filter

    def set_filter(self, filter_: AlarmFilter) -> None:
        """Show only these, at once, also while the list is held."""
        if filter_ != self._filter:
            self._filter, self._passes = filter_, filter_.passes()
            self._rearrange(self._choose)
            self.waitingChanged.emit()

    def _choose(self) -> None:
        self._held = None
        self._live = Ordered(filter(self._passes, self._city.alarms()))

    def passing(self) -> int:
        """How many pass the filter."""
        return len(self._live)

    def asking(self) -> int:
        """How many of them are unacknowledged."""
        return self._live.asking()

    def filtered_asking(self) -> int:
        """Unacknowledged ones that the filter keeps away."""
        return sum(self._city.unacknowledged_counts().values()) - self.asking()

    # -- held ------------------------------------------------------------------------------------------

    @property
    def held(self) -> bool:
        return self._held is not None

    @property
    def waiting(self) -> list[Alarm]:
        """New, or raised anew, since the list is held; in list order. Do not change it."""
        return self._held.waiting.alarms if self._held is not None else []

    def hold(self, wanted: bool) -> None:
        """Somebody reads now, or no longer does: then the list catches up, in one step."""
        if wanted is self.held:
            return
        if not wanted:
            self._rearrange(self._let_go)
        else:
            alarms = {alarm.id: alarm for alarm in self._live.alarms}
            ids = list(alarms)
            raised = {alarm_id: _raised(alarm) for alarm_id, alarm in alarms.items()}
            large = bool(ids) and is_grave(alarms[ids[0]])
            self._held = _Held(ids, {alarm_id: n for n, alarm_id in enumerate(ids)}, alarms, raised, large)
        self.waitingChanged.emit()

    def _let_go(self) -> None:
        self._held = None

    def _keep_places(self, held: _Held, moves: Moves) -> None:
        news: dict[str, Alarm | None] = {}
        for alarm_id, alarm in moves.items():
            listed = self._live.get(alarm_id)
            if alarm_id not in held.at:
                news[alarm_id] = listed
                continue
            if alarm is not None:
                held.alarms[alarm_id] = alarm
            (held.gone.discard if alarm is not None and is_listed(alarm) else held.gone.add)(alarm_id)
            anew = listed is not None and listed.unacknowledged and _raised(listed) != held.raised[alarm_id]
            news[alarm_id] = listed if anew else None
        before = len(held.waiting)
        held.waiting.change(news)
        self._tell_changed([held.at[alarm_id] for alarm_id in moves if alarm_id in held.at])
        if before or held.waiting:
            self.waitingChanged.emit()

    # -- changes ---------------------------------------------------------------------------------------

    def _on_moves(self, moves: Moves) -> None:
        """Bring the rows to the city's present state: one signal."""
        passes = self._passes
        listed = {i: a if a is not None and is_listed(a) and passes(a) else None for i, a in moves.items()}
        if self._held is not None:
            self._live.change(listed)
            self._keep_places(self._held, moves)
        elif self._live.reorders(listed):
            self._rearrange(lambda: self._live.change(listed))
        else:
            self._live.change(listed)
            self._tell_changed([row for row in map(self._live.place, listed) if row >= 0])

    def _tell_changed(self, rows: list[int]) -> None:
        if rows:
            self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)))

    def _rearrange(self, change: Callable[[], None]) -> None:
        """Rows come, go or move by `change`; those that somebody has chosen keep their identity."""
        self.layoutAboutToBeChanged.emit()
        chosen = self.persistentIndexList()
        ids = [self.row(index.row()).alarm.id for index in chosen]
        change()
        places = [self.row_of(alarm_id) for alarm_id in ids]
        self.changePersistentIndexList(chosen, [self.index(p) if p >= 0 else QModelIndex() for p in places])
        self.layoutChanged.emit()


def _raised(alarm: Alarm) -> tuple[int, int]:
    return (alarm.priority.rank, alarm.t_raised_ns)
