"""Which alarms have a parent that speaks for them: a lost feed for its stations, a station for its sensors.

A child is kept quiet as long as its parent's cause is there, whatever people have done to the parent's alarm. Must
not: keep two alarms quiet because each is the other's parent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from backends.domain.alarm import Alarm, AlarmState

DEEPEST = 16
"""Generations."""


class Families:
    """Told of every move; says which children must be looked at again, and how many of each parent are quiet."""

    def __init__(self, alarms: Mapping[str, Alarm]) -> None:
        """`alarms`: those in the list by key, as they are at each moment."""
        self._alarms = alarms
        self._children: dict[str, set[str]] = {}
        self._quiet: Counter[str] = Counter()
        """Suppressed children of each parent, in the list or not."""
        self._unsure: dict[str, set[str]] = {}
        """Parents, and which of their children: eight thousand of a lost feed are not looked at for each that comes."""
        for alarm in alarms.values():
            self.moved(None, alarm, gone=False)

    def moved(self, before: Alarm | None, alarm: Alarm, *, gone: bool) -> None:
        """It stands so now, or has left the list."""
        key = alarm.key
        if before is not None and before.parent:
            self._quiet[before.parent] -= before.state is AlarmState.SUPPRESSED
            if gone or before.parent != alarm.parent:
                self._leave(before.parent, key)
        if alarm.parent and not gone:
            self._children.setdefault(alarm.parent, set()).add(key)
            self._quiet[alarm.parent] += alarm.state is AlarmState.SUPPRESSED
        if before is not None and not gone and _stands(before) == _stands(alarm):
            return
        if alarm.parent:
            self._unsure.setdefault(alarm.parent, set()).add(key)
        if mine := self._children.get(key):
            self._unsure.setdefault(key, set()).update(mine)

    def take_unsure(self) -> list[tuple[str, list[str]]]:
        """Parents, each with those of its children that may have to be quiet now, or no longer."""
        taken, self._unsure = self._unsure, {}
        return [(parent, sorted(taken[parent])) for parent in sorted(taken)]

    def quiet(self, parent: str) -> int:
        """How many it speaks for."""
        return self._quiet[parent]

    def _leave(self, parent: str, key: str) -> None:
        children = self._children.get(parent, set())
        children.discard(key)
        if not children:
            self._children.pop(parent, None)
            del self._quiet[parent]
        self._unsure.setdefault(parent, set()).discard(key)

    def spoken_for(self, alarm: Alarm) -> bool:
        """Its parent's cause is there."""
        seen = {alarm.key}
        key, spoken = alarm.parent, False
        for _ in range(DEEPEST):
            parent = self._alarms.get(key) if key else None
            if parent is None or not parent.active:
                return spoken
            if key in seen:
                return False  # each would wait for the other
            seen.add(key)
            key, spoken = parent.parent, True
        return False


def _stands(alarm: Alarm) -> tuple[object, ...]:
    """What its family depends on."""
    return alarm.state, alarm.active, alarm.parent
