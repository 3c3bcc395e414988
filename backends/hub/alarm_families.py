"""Which alarms have a parent that speaks for them: a lost feed for its stations, a station for its sensors.

A child is kept quiet as long as its parent's cause is there, whatever people have done to the parent's alarm. Must
not: keep two alarms quiet because each is the other's parent.
"""

from __future__ import annotations

from collections.abc import Mapping

from backends.domain.alarm import Alarm

DEEPEST = 16
"""Generations."""


class Families:
    """Told of every move; `unsure` are the parents whose children must be looked at again."""

    def __init__(self, alarms: Mapping[str, Alarm]) -> None:
        """`alarms`: those in the list by key, as they are at each moment."""
        self._alarms = alarms
        self._children: dict[str, set[str]] = {}
        self._unsure: set[str] = set()
        for alarm in alarms.values():
            self.moved(None, alarm, gone=False)

    def moved(self, before: Alarm | None, alarm: Alarm, *, gone: bool) -> None:
        """It stands so now, or has left the list."""
        key = alarm.key
        if before is not None and before.parent and (gone or before.parent != alarm.parent):
            self._children.get(before.parent, set()).discard(key)
            self._unsure.add(before.parent)
        if alarm.parent and not gone:
            self._children.setdefault(alarm.parent, set()).add(key)
        if before is not None and not gone and _stands(before) == _stands(alarm):
            return
        self._unsure.update(one for one in (alarm.parent, key if self._children.get(key) else "") if one)

    def take_unsure(self) -> list[str]:
        taken, self._unsure = sorted(self._unsure), set()
        return taken

    def children(self, key: str) -> list[str]:
        """Those in the list."""
        found = self._children.get(key)
        if found is not None and not found:
            del self._children[key]
        return sorted(found or ())

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
