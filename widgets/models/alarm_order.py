"""Alarms kept in list order, change by change: ten thousand of them cost a search for each that moves, never a sort.

`Ordered` is one list; `AlarmBook` is what the city knows of all of them (the list, the counters, the gravest at each
camera). No Qt, no clock, no words.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from backends.domain.alarm import Alarm, AlarmState, Priority, list_order

Moves = Mapping[str, Alarm | None]
"""What a drain did: alarm id -> its record now, None when it is gone."""

_QUIET = frozenset({AlarmState.NORMAL, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE})
"""Not in any list."""
_RAISED_KEPT = 5000
"""Many times what an overload is."""
_WHOLESALE = 8
"""When more than one in so many moves at once, one sort is cheaper than a search for each."""


def is_listed(alarm: Alarm) -> bool:
    """It belongs in alarm lists; those kept quiet by design or maintenance do not."""
    return alarm.state not in _QUIET


class Ordered:
    """Some alarms in the order of `list_order`. `alarms` may be read at any time and is changed only here."""

    def __init__(self, alarms: Iterable[Alarm] = ()) -> None:
        self.alarms: list[Alarm] = []
        self._keys: list[Any] = []
        """Beside `alarms`. The id ends each key once more: two alarms never share one, whatever the order says."""
        self._key_of: dict[str, Any] = {}
        self.change({alarm.id: alarm for alarm in alarms})

    def __len__(self) -> int:
        return len(self.alarms)

    def __contains__(self, alarm_id: object) -> bool:
        return alarm_id in self._key_of

    def place(self, alarm_id: str) -> int:
        """Its row; -1 when it is not here."""
        key = self._key_of.get(alarm_id)
        return -1 if key is None else bisect_left(self._keys, key)

    def get(self, alarm_id: str) -> Alarm | None:
        place = self.place(alarm_id)
        return self.alarms[place] if place >= 0 else None

    def asking(self) -> int:
        """How many are unacknowledged: they come first in any list."""
        return bisect_left(self.alarms, True, key=lambda alarm: not alarm.unacknowledged)

    def reorders(self, moves: Moves) -> bool:
        """Would `change` bring, take or move a row? False: it only replaces records in their places."""
        return any(self._key_of.get(i) != (None if a is None else _key(a)) for i, a in moves.items())

    def change(self, moves: Moves) -> None:
        """Take these records; None takes one out."""
        if len(moves) * _WHOLESALE > len(self.alarms):
            self._change_all(moves)
            return
        for alarm_id, alarm in moves.items():
            before = self._key_of.get(alarm_id)
            after = None if alarm is None else _key(alarm)
            if before is not None:
                place = bisect_left(self._keys, before)
                if alarm is not None and before == after:
                    self.alarms[place] = alarm
                    continue
                del self._keys[place], self.alarms[place], self._key_of[alarm_id]
            if alarm is not None:
                place = bisect_left(self._keys, after)
                self._keys.insert(place, after)
                self.alarms.insert(place, alarm)
                self._key_of[alarm_id] = after

    def _change_all(self, moves: Moves) -> None:
        all_of_them = {alarm.id: alarm for alarm in self.alarms}
        for alarm_id, alarm in moves.items():
            if alarm is None:
                all_of_them.pop(alarm_id, None)
                self._key_of.pop(alarm_id, None)
            else:
                all_of_them[alarm_id] = alarm
                self._key_of[alarm_id] = _key(alarm)
        pairs = sorted((self._key_of[alarm_id], alarm_id) for alarm_id in all_of_them)
        self._keys[:] = [key for key, _ in pairs]
        self.alarms[:] = [all_of_them[alarm_id] for _, alarm_id in pairs]


def _key(alarm: Alarm) -> Any:
    return (list_order(alarm), alarm.id)


class AlarmBook:
    """All alarms of lists, the city's and the station's own, and what every window asks of them."""

    def __init__(self) -> None:
        self._ordered = Ordered()
        self._at_camera: dict[str, Ordered] = {}
        self.counts = dict.fromkeys(Priority, 0)
        """Unacknowledged ones. Do not change it."""
        self.escalated: dict[str, Alarm] = {}
        """Those that have gone to the shift lead. Do not change it."""
        self.raised: deque[int] = deque(maxlen=_RAISED_KEPT)
        """When alarms of lists were raised, or raised again, the newest arrival last; UTC nanoseconds."""

    @property
    def alarms(self) -> list[Alarm]:
        """In list order. It changes with the next drain; do not change it."""
        return self._ordered.alarms

    def get(self, alarm_id: str) -> Alarm | None:
        """None also for one that no list shows."""
        return self._ordered.get(alarm_id)

    def __contains__(self, alarm_id: object) -> bool:
        return alarm_id in self._ordered

    def at_camera(self, camera_id: str) -> Alarm | None:
        """The gravest in whose place this camera looks and that nobody has set aside."""
        here = self._at_camera.get(camera_id)
        return here.alarms[0] if here is not None else None

    def cameras(self) -> Iterable[str]:
        """Ids of the cameras for which `at_camera` has one."""
        return self._at_camera.keys()

    def change(self, moves: Moves) -> None:
        """Take what a drain brought."""
        listed = {i: a if a is not None and is_listed(a) else None for i, a in moves.items()}
        by_camera: dict[str, dict[str, Alarm | None]] = {}
        for alarm_id, alarm in listed.items():
            before = self._ordered.get(alarm_id)
            if alarm is not None and (before is None or before.t_raised_ns != alarm.t_raised_ns):
                self.raised.append(alarm.t_raised_ns)
            self.escalated.pop(alarm_id, None)
            if alarm is not None and alarm.t_escalated_ns:
                self.escalated[alarm_id] = alarm
            for sign, one in ((-1, before), (1, alarm)):
                if one is not None and one.unacknowledged:
                    self.counts[one.priority] += sign
            for camera in _looked_at(before):
                by_camera.setdefault(camera, {})[alarm_id] = None
            for camera in _looked_at(alarm):
                by_camera.setdefault(camera, {})[alarm_id] = alarm
        self._ordered.change(listed)
        for camera, here in by_camera.items():
            kept = self._at_camera.setdefault(camera, Ordered())
            kept.change(here)
            if not kept:
                del self._at_camera[camera]


def _looked_at(alarm: Alarm | None) -> tuple[str, ...]:
    return () if alarm is None or alarm.state is AlarmState.SHELVED else alarm.camera_ids
