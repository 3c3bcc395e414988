"""Alarms of one cause in one area folded into one row: what an overload leaves readable. No Qt.

Urgent ones that nobody has acknowledged stay rows of their own, and so does what is too little to fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from backends.domain.alarm import Alarm
from backends.domain.text import LocalText
from widgets.models.alarm_filter import never_hidden
from widgets.models.alarm_order import Moves, Ordered

FEWEST = 3
"""Two rows are read as fast as one that stands for them."""
_PREFIX = "fold:"
_UNITS = frozenset(
    {"m", "cm", "mm", "km", "%", "°C", "‰", "m/s", "m³/s", "mm/h", "mm/giờ", "km/h", "µg/m³", "mg/L", "NTU", "kW", "V"}
)
"""Words after a figure that go with it."""


@dataclass(frozen=True)
class Fold:
    """One row for several alarms."""

    key: str
    worst: Alarm
    """The first of them in list order; cause, area and place are its."""
    count: int
    asking: int
    """How many of them are unacknowledged."""
    opened: bool
    """Its alarms stand below it."""


Item = Alarm | Fold


def item_id(item: Item) -> str:
    """No alarm's id begins as a fold's does."""
    return item.key if isinstance(item, Fold) else item.id


@lru_cache(maxsize=20_000)
def cause_of(name: str) -> str:
    """What happened, without figures and without which one: "Ngập sâu 30 cm, kiệt 7" is "Ngập sâu"."""
    head = name.partition(", ")[0].partition(" (")[0].partition(": ")[0]
    words: list[str] = []
    figure = False
    for word in head.split():
        if not (figure and word in _UNITS):
            figure = word[0].isdigit() or word[0] in "+-−"
            if not figure:
                words.append(word)
    return " ".join(words) or head


@lru_cache(maxsize=20_000)
def _key(name: LocalText, area_id: str, place: LocalText) -> str:
    return f"{_PREFIX}{cause_of(name.vi)}|{area_id or place.vi}"


def fold_of(alarm: Alarm) -> str:
    """Key of the fold that it belongs to."""
    return _key(alarm.name, alarm.area_id, alarm.place)


class Folded:
    """The alarms of a list, folded. `items` are the rows."""

    def __init__(self, alarms: list[Alarm], opened: set[str]) -> None:
        self.opened = opened
        """Keys; whoever changes it calls `renew`."""
        self.items: list[Item] = []
        self.at: dict[str, int] = {}
        """Row of each item, by id."""
        self._heads = Ordered()
        """One alarm for each row but those below an opened fold: a fold's is the worst of it."""
        self._stands_for: dict[str, str] = {}
        """Those of `_heads` that are a fold's: alarm id -> its key."""
        self._heads_of: dict[str, list[str]] = {}
        """Key -> ids of the heads that its alarms have: one when they are folded, else all."""
        self._members: dict[str, Ordered] = {}
        self._home: dict[str, str] = {}
        """Alarm id -> key of its fold; empty: it stands apart."""
        self.change({alarm.id: alarm for alarm in alarms})

    def change(self, moves: Moves) -> None:
        apart: dict[str, Alarm | None] = {}
        by_home: dict[str, dict[str, Alarm | None]] = {}
        for alarm_id, alarm in moves.items():
            before = self._home.pop(alarm_id, None)
            if before is not None:
                (by_home.setdefault(before, {}) if before else apart)[alarm_id] = None
            if alarm is not None:
                home = self._home[alarm_id] = "" if never_hidden(alarm) else fold_of(alarm)
                (by_home.setdefault(home, {}) if home else apart)[alarm_id] = alarm
        gone: set[str] = {alarm_id for alarm_id, alarm in apart.items() if alarm is None}
        come: dict[str, Alarm] = {alarm_id: alarm for alarm_id, alarm in apart.items() if alarm is not None}
        for home, here in by_home.items():
            kept = self._members.setdefault(home, Ordered())
            kept.change(here)
            if not kept:
                del self._members[home]
            # All old heads first: one of them may be another fold's head now.
            for head in self._heads_of.pop(home, ()):
                gone.add(head)
                self._stands_for.pop(head, None)
        for home in by_home:
            come |= self._take_heads(home)
        self._heads.change(dict.fromkeys(gone) | come)
        self.renew()

    def _take_heads(self, key: str) -> dict[str, Alarm]:
        alarms = self.members(key)
        folded = len(alarms) >= FEWEST
        heads = {alarm.id: alarm for alarm in (alarms[:1] if folded else alarms)}
        if heads:
            self._heads_of[key] = list(heads)
        if folded:
            self._stands_for[alarms[0].id] = key
        return heads

    def fold(self, key: str) -> Fold | None:
        """As it stands now, however few they have become; None: none are left."""
        members = self._members.get(key)
        if members is None:
            return None
        return Fold(key, members.alarms[0], len(members), members.asking(), key in self.opened)

    def home(self, alarm_id: str) -> str:
        """Key of the fold that it belongs to; empty: it stands apart, or is not here."""
        return self._home.get(alarm_id, "")

    def members(self, key: str) -> list[Alarm]:
        members = self._members.get(key)
        return members.alarms if members is not None else []

    def renew(self) -> None:
        """The rows. Nothing is sorted here: it is done at every drain, with thousands of rows in a flood."""
        self.items = []
        for head in self._heads.alarms:
            key = self._stands_for.get(head.id)
            fold = self.fold(key) if key is not None else None
            self.items.append(head if fold is None else fold)
            if fold is not None and fold.opened:
                self.items += self.members(fold.key)
        self.at = {item_id(item): n for n, item in enumerate(self.items)}
