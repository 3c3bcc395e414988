"""The alarm list as a Qt item model: sorted as look.md says, changed in batches, never reset under the reader."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from backends.domain.action import ActionStatus, Verb
from backends.domain.alarm import Alarm
from widgets.i18n import local
from widgets.models.city import LOCAL_FEED, CityModel
from widgets.parts.alarm_words import second_line, state_words, why_not

ROW_ROLE = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex
_FEEDS = frozenset({"alarms", LOCAL_FEED})


@dataclass(frozen=True)
class AlarmRow:
    """What a row shows."""

    alarm: Alarm
    pending: ActionStatus | None
    stored: bool
    feed: str


class AlarmListModel(QAbstractListModel):
    """Rows in list order. One sort and one batch of changes for each drain, however many alarms moved."""

    def __init__(self, city: CityModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._city = city
        self._rows: list[AlarmRow] = []
        city.feedsChanged.connect(self._on_feeds)
        self.rebuild()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own default
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
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

    def rows(self) -> list[AlarmRow]:
        return self._rows

    def row_of(self, alarm_id: str) -> int:
        """-1 when it is not in the list."""
        return next((n for n, row in enumerate(self._rows) if row.alarm.id == alarm_id), -1)

    def _on_feeds(self, changed: frozenset[str]) -> None:
        if changed & _FEEDS:
            self.rebuild()

    def rebuild(self) -> None:
        """Bring the rows to the city's present state with as few row signals as the change needs."""
        fresh = [self._row(alarm) for alarm in self._city.alarms()]
        keep = {row.alarm.id for row in fresh}
        for n in range(len(self._rows) - 1, -1, -1):
            if self._rows[n].alarm.id not in keep:
                self.beginRemoveRows(QModelIndex(), n, n)
                del self._rows[n]
                self.endRemoveRows()
        had = {row.alarm.id for row in self._rows}
        self._reorder([row for row in fresh if row.alarm.id in had])
        for n, row in enumerate(fresh):
            if row.alarm.id not in had:
                self.beginInsertRows(QModelIndex(), n, n)
                self._rows.insert(n, row)
                self.endInsertRows()

    def _row(self, alarm: Alarm) -> AlarmRow:
        feed = LOCAL_FEED if alarm.id in self._city.records(LOCAL_FEED) else "alarms"
        return AlarmRow(alarm, self._city.pending.get((feed, alarm.id)), alarm.id not in self._city.unstored, feed)

    def _reorder(self, wanted: list[AlarmRow]) -> None:
        before = self._rows
        if [row.alarm.id for row in before] == [row.alarm.id for row in wanted]:
            changed = [n for n, (old, new) in enumerate(zip(before, wanted, strict=True)) if old != new]
            self._rows = wanted
            if changed:
                self.dataChanged.emit(self.index(changed[0]), self.index(changed[-1]))
            return
        self.layoutAboutToBeChanged.emit()
        place = {row.alarm.id: n for n, row in enumerate(wanted)}
        held = self.persistentIndexList()
        moved = [self.index(place[before[index.row()].alarm.id]) for index in held]
        self._rows = wanted
        self.changePersistentIndexList(held, moved)
        self.layoutChanged.emit()
