"""The alarm list as a Qt item model: sorted as look.md says, changed in batches, never reset under the reader."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from backends.domain.action import ActionStatus, Verb
from backends.domain.alarm import Alarm
from widgets.i18n import local
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


class AlarmListModel(QAbstractListModel):
    """Rows in list order. One batch of changes for each drain, however many alarms moved; what a row shows is put
    together when somebody looks at it."""

    def __init__(self, city: CityModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._city = city
        self._live = Ordered(city.alarms())
        city.alarmsMoved.connect(self._on_moves)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own default
        return 0 if parent.isValid() else len(self._live)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._live):
            return None
        row = self.row(index.row())
        if role == ROW_ROLE:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{local(row.alarm.name)} · {state_words(row.alarm)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            refused = self._city.grant.refusal(Verb.ACKNOWLEDGE) if row.alarm.unacknowledged else ""
            why = why_not(self._city, refused) if refused else ""
            lines = (local(row.alarm.name), second_line(row.alarm, figures=True), state_words(row.alarm), why)
            return "\n".join(line for line in lines if line)
        return None

    def row(self, row: int) -> AlarmRow:
        """What that row shows now."""
        return self._of(self._live.alarms[row])

    def rows(self) -> list[AlarmRow]:
        """All of them: not for a paint."""
        return [self._of(alarm) for alarm in self._live.alarms]

    def row_of(self, alarm_id: str) -> int:
        """-1 when it is not in the list."""
        return self._live.place(alarm_id)

    def _of(self, alarm: Alarm) -> AlarmRow:
        feed = LOCAL_FEED if alarm.id in self._city.records(LOCAL_FEED) else "alarms"
        return AlarmRow(alarm, self._city.pending.get((feed, alarm.id)), alarm.id not in self._city.unstored, feed)

    # -- changes ---------------------------------------------------------------------------------------

    def _on_moves(self, moves: Moves) -> None:
        """Bring the rows to the city's present state: one signal."""
        listed = {i: a if a is not None and is_listed(a) else None for i, a in moves.items()}
        if self._live.reorders(listed):
            self._rearrange(listed)
            return
        self._live.change(listed)
        changed = [row for row in map(self._live.place, listed) if row >= 0]
        if changed:
            self.dataChanged.emit(self.index(min(changed)), self.index(max(changed)))

    def _rearrange(self, moves: Moves) -> None:
        self.layoutAboutToBeChanged.emit()
        held = self.persistentIndexList()
        ids = [self._live.alarms[index.row()].id for index in held]
        self._live.change(moves)
        places = [self._live.place(alarm_id) for alarm_id in ids]
        self.changePersistentIndexList(held, [self.index(p) if p >= 0 else QModelIndex() for p in places])
        self.layoutChanged.emit()
