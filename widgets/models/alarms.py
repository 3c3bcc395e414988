"""The alarm list as a Qt item model: sorted as look.md says, changed in batches, never reset under the reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import cast

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from backends.domain.action import ActionStatus, Verb
from backends.domain.alarm import Alarm, AlarmState
from widgets.i18n import local
from widgets.models.alarm_filter import ALL, AlarmFilter, Stand, is_grave
from widgets.models.alarm_folds import Fold, Folded, Item, item_id
from widgets.models.alarm_order import Moves, Ordered
from widgets.models.city import LOCAL_FEED, CityModel
from widgets.parts.alarm_words import duty_words, fold_words, gone_words, run_words, second_line, state_words, why_not

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
    inset: bool = False
    """It stands below the fold that it belongs to."""


@dataclass(frozen=True)
class FoldRow:
    """A row that stands for several alarms."""

    fold: Fold
    gone: bool = False
    """None of them is left."""
    large: bool = False


Row = AlarmRow | FoldRow


def row_id(row: Row) -> str:
    """What stays the same about a row wherever it moves."""
    return row.fold.key if isinstance(row, FoldRow) else row.alarm.id


@dataclass
class _Held:
    """The rows as they were when somebody began to read."""

    ids: list[str]
    at: dict[str, int]
    items: dict[str, Item]
    """The newest of each, the last one of what has gone."""
    raised: dict[str, tuple[int, int]]
    """(priority, raised) of each alarm at that moment: what asks anew since then is news."""
    under: dict[str, str]
    """Of alarms that stand below an opened fold: its key."""
    large: bool
    """The first row was: heights stay, too."""
    gone: set[str] = field(default_factory=set)
    waiting: Ordered = field(default_factory=Ordered)
    """What would stand above, or elsewhere, if nobody read."""

    def insert(self, row: int, items: list[Item], under: str = "") -> None:
        ids = [item_id(item) for item in items]
        self.ids[row:row] = ids
        self.items |= zip(ids, items, strict=True)
        self.raised |= {item.id: _raised(item) for item in items if isinstance(item, Alarm)}
        self.under |= dict.fromkeys(ids, under) if under else {}
        self.at = {alarm_id: n for n, alarm_id in enumerate(self.ids)}

    def take_out(self, under: str) -> None:
        self.ids = [one for one in self.ids if self.under.get(one) != under]
        self.under = {one: key for one, key in self.under.items() if key != under}
        self.at = {one: n for n, one in enumerate(self.ids)}


class AlarmListModel(QAbstractListModel):
    """Rows in list order. One batch of changes for each drain, however many alarms moved; what a row shows is put
    together when somebody looks at it.

    While it is held (`hold`) no row comes, goes or moves: states change in place, what has ended stays as a row that
    says so, and what is new waits. Folded (`collapse`), one row stands for what has one cause in one area.
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
        self._coverage: tuple[object, ...] = ()
        """Who covered what, and who was here, when the filter was applied last."""
        self._folded: Folded | None = None
        self._opened: set[str] = set()
        city.alarmsMoved.connect(self._on_moves)
        city.feedsChanged.connect(self._on_feeds)
        city.grantChanged.connect(self._on_coverage)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own default
        if parent.isValid():
            return 0
        return len(self._held.ids) if self._held is not None else len(self._items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= self.rowCount():
            return None
        row = self.row(index.row())
        if role == ROW_ROLE:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return " · ".join(self._words(row)[::2])
        if role == Qt.ItemDataRole.ToolTipRole:
            asking = isinstance(row, AlarmRow) and row.alarm.unacknowledged
            refused = self._city.grant.refusal(Verb.ACKNOWLEDGE) if asking else ""
            why = why_not(self._city, refused) if refused else ""
            duty = duty_words(self._city, row.alarm) if isinstance(row, AlarmRow) and row.feed != LOCAL_FEED else ""
            return "\n".join(line for line in (*self._words(row), duty, why) if line)
        return None

    def _words(self, row: Row) -> tuple[str, str, str]:
        """Name, what about it and where, how it stands."""
        if isinstance(row, FoldRow):
            return fold_words(self._city, row.fold)
        state = gone_words(row.alarm) if row.gone else state_words(row.alarm)
        about = (run_words(self._city, row.alarm), second_line(row.alarm, figures=True))
        return local(row.alarm.name), " · ".join(filter(None, about)), state

    @property
    def _items(self) -> list[Item]:
        """The rows as they would stand without a reader."""
        return self._folded.items if self._folded is not None else cast("list[Item]", self._live.alarms)

    def row(self, row: int) -> Row:
        """What that row shows now."""
        held, item = self._held, self._items[row] if self._held is None else self._held.items[self._held.ids[row]]
        gone = held is not None and held.ids[row] in held.gone
        if isinstance(item, Fold):
            return FoldRow(item, gone)
        large = row == 0 and (is_grave(item) if held is None else held.large)
        return self._of(item, gone=gone, large=large)

    def rows(self) -> list[AlarmRow]:
        """All that stand for one alarm: not for a paint."""
        rows = (self.row(n) for n in range(self.rowCount()))
        return [row for row in rows if isinstance(row, AlarmRow)]

    def row_of(self, key: str) -> int:
        """Of an alarm's id or a fold's key; -1 when it is not in the list."""
        if self._held is not None:
            return self._held.at.get(key, -1)
        return self._live.place(key) if self._folded is None else self._folded.at.get(key, -1)

    def _of(self, alarm: Alarm, *, gone: bool = False, large: bool = False) -> AlarmRow:
        feed = LOCAL_FEED if alarm.id in self._city.records(LOCAL_FEED) else "alarms"
        pending = self._city.pending.get((feed, alarm.id))
        inset = self._folded is not None and self._folded.home(alarm.id) in self._opened
        return AlarmRow(alarm, pending, alarm.id not in self._city.unstored, feed, gone, large, inset)

    # -- filter ----------------------------------------------------------------------------------------

    @property
    def filter(self) -> AlarmFilter:
        return self._filter

    def set_filter(self, filter_: AlarmFilter) -> None:
        """Show only these, at once, also while the list is held."""
        if filter_ != self._filter:
            self._filter, self._passes = filter_, filter_.passes(self._city.is_mine)
            self._rearrange(self._choose)
            self.waitingChanged.emit()

    def _choose(self) -> None:
        self._held = None
        self._coverage = self._covered()
        self._live = Ordered(filter(self._passes, self._all()))
        self._fold_or_not(self._folded is not None)

    def _all(self) -> Iterator[Alarm]:
        """All that could be in this list."""
        yield from self._city.alarms()
        if Stand.OUT in self._filter.stands:
            for alarm in self._city.records("alarms").values():
                if alarm.state is AlarmState.OUT_OF_SERVICE:
                    yield alarm

    def total(self) -> int:
        """How many there are without the filter."""
        return sum(1 for _ in self._all()) if Stand.OUT in self._filter.stands else len(self._city.alarms())

    def _covered(self) -> tuple[object, ...]:
        grant = self._city.grant
        return (self._city.coverage.key, grant.operator_id, grant.role)

    def _on_feeds(self, changed: frozenset[str]) -> None:
        if "roster" in changed:
            self._on_coverage()

    def _on_coverage(self) -> None:
        """Somebody covers something else now: what is mine is another list. Not under a reader, but when he is done."""
        if self._filter.mine and self._held is None and self._covered() != self._coverage:
            self._rearrange(self._choose)
            self.waitingChanged.emit()

    def passes(self, alarm_id: str) -> bool:
        return alarm_id in self._live

    def passing(self) -> int:
        """How many pass the filter."""
        return len(self._live)

    def asking(self) -> int:
        """How many of them are unacknowledged."""
        return self._live.asking()

    def filtered_asking(self) -> int:
        """Unacknowledged ones that the filter keeps away."""
        return sum(self._city.unacknowledged_counts().values()) - self.asking()

    # -- folded ----------------------------------------------------------------------------------------

    @property
    def collapsed(self) -> bool:
        return self._folded is not None

    def collapse(self, wanted: bool) -> None:
        """One row for what has one cause in one area, or a row for each alarm again; at once."""
        if wanted is not self.collapsed:
            self._rearrange(lambda: self._fold_or_not(wanted))
            self.waitingChanged.emit()

    def _fold_or_not(self, wanted: bool) -> None:
        self._held = None
        self._folded = Folded(self._live.alarms, self._opened) if wanted else None

    def open_fold(self, key: str, wanted: bool) -> None:
        """Its alarms stand below it, or no longer. A list that is held only opens up there."""
        if self._folded is None or wanted is (key in self._opened) or self.row_of(key) < 0:
            return
        (self._opened.add if wanted else self._opened.discard)(key)
        self._rearrange(lambda: self._show_members(key, wanted))

    def open_home(self, alarm_id: str) -> None:
        """Open the fold in which that alarm is, if it is in one."""
        if self._folded is not None:
            self.open_fold(self._folded.home(alarm_id), True)

    def _show_members(self, key: str, wanted: bool) -> None:
        assert self._folded is not None
        self._folded.renew()
        held, fold = self._held, self._folded.fold(key)
        if held is None:
            return
        if fold is not None:
            held.items[key] = fold
        if wanted:
            news = [alarm for alarm in self._folded.members(key) if alarm.id not in held.at]
            held.insert(held.at[key] + 1, list(news), key)
        else:
            held.take_out(key)

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
            items = list(self._items)
            large = bool(items) and isinstance(items[0], Alarm) and is_grave(items[0])
            self._held = _Held([], {}, {}, {}, {}, large)
            self._held.insert(0, items)
            if self._folded is not None:
                homes = {item_id(item): self._folded.home(item_id(item)) for item in items}
                self._held.under = {one: home for one, home in homes.items() if home in self._held.at}
        self.waitingChanged.emit()

    def _let_go(self) -> None:
        self._held = None
        if self._filter.mine and self._covered() != self._coverage:
            self._choose()

    def _keep_places(self, held: _Held, moves: Moves) -> None:
        news: dict[str, Alarm | None] = {}
        changed: list[int] = []
        for alarm_id, alarm in moves.items():
            listed = self._live.get(alarm_id)
            if alarm_id not in held.at:
                # What a fold on the screen takes up is told by its count.
                counted = self._folded is not None and self._folded.home(alarm_id) in held.at
                news[alarm_id] = None if counted else listed
                continue
            changed.append(held.at[alarm_id])
            if alarm is not None:
                held.items[alarm_id] = alarm
            (held.gone.discard if alarm is not None and self._filter.lists(alarm) else held.gone.add)(alarm_id)
            anew = listed is not None and listed.unacknowledged and _raised(listed) != held.raised[alarm_id]
            news[alarm_id] = listed if anew else None
        changed += self._count_folds(held)
        before = len(held.waiting)
        held.waiting.change(news)
        self._tell_changed(changed)
        if before or held.waiting:
            self.waitingChanged.emit()

    def _count_folds(self, held: _Held) -> list[int]:
        """Rows of folds that stand for something else now."""
        changed: list[int] = []
        if self._folded is None:
            return changed
        for key, before in held.items.items():
            if isinstance(before, Fold):
                fold = self._folded.fold(key)
                (held.gone.discard if fold is not None else held.gone.add)(key)
                if fold != before:
                    held.items[key] = fold or replace(before, count=0, asking=0)
                    changed.append(held.at[key])
        return changed

    # -- changes ---------------------------------------------------------------------------------------

    def _on_moves(self, moves: Moves) -> None:
        """Bring the rows to the city's present state: one signal."""
        lists, passes = self._filter.lists, self._passes
        listed = {i: a if a is not None and lists(a) and passes(a) else None for i, a in moves.items()}
        if self._held is not None:
            self._take(listed)
            self._keep_places(self._held, moves)
        elif self._folded is not None or self._live.reorders(listed):
            self._rearrange(lambda: self._take(listed))
        else:
            self._live.change(listed)
            self._tell_changed([row for row in map(self._live.place, listed) if row >= 0])

    def _take(self, moves: Moves) -> None:
        self._live.change(moves)
        if self._folded is not None:
            self._folded.change(moves)

    def _tell_changed(self, rows: list[int]) -> None:
        if rows:
            self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)))

    def _rearrange(self, change: Callable[[], None]) -> None:
        """Rows come, go or move by `change`; those that somebody has chosen keep their identity."""
        self.layoutAboutToBeChanged.emit()
        chosen = self.persistentIndexList()
        ids = [row_id(self.row(index.row())) for index in chosen]
        change()
        places = [self.row_of(one) for one in ids]
        self.changePersistentIndexList(chosen, [self.index(p) if p >= 0 else QModelIndex() for p in places])
        self.layoutChanged.emit()


def _raised(alarm: Alarm) -> tuple[int, int]:
    return (alarm.priority.rank, alarm.t_raised_ns)
