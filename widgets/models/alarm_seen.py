"""Which alarms a person can have seen here, and in which state: what was on the screen for a moment.

Acknowledging many at once means those alone. Pure but for what it remembers; times are arguments.
"""

from __future__ import annotations

from collections.abc import Iterable

from backends.domain.alarm import Alarm

SEEN_S = 0.5
"""Seconds on the screen: about what one look at a row takes."""
_KEPT = 20_000


class SeenRows:
    """Of one list."""

    def __init__(self) -> None:
        self._shown: dict[str, tuple[int, float]] = {}
        """On the screen now: id -> (state_rev, since when)."""
        self._seen: dict[str, int] = {}
        """What has left it again: id -> newest state_rev that was seen."""

    def painted(self, alarms: Iterable[Alarm], now_s: float) -> None:
        """These and no others are on the screen."""
        shown = {}
        for alarm in alarms:
            before = self._shown.get(alarm.id)
            shown[alarm.id] = before if before and before[0] == alarm.state_rev else (alarm.state_rev, now_s)
        for alarm_id, (rev, since_s) in self._shown.items():
            if shown.get(alarm_id) != (rev, since_s) and now_s - since_s >= SEEN_S:
                self._seen.pop(alarm_id, None)
                self._seen[alarm_id] = rev
        self._shown = shown
        while len(self._seen) > _KEPT:
            del self._seen[next(iter(self._seen))]

    def has(self, alarm: Alarm, now_s: float) -> bool:
        """It was on the screen long enough, in the state that it has."""
        rev, since_s = self._shown.get(alarm.id, (-1, now_s))
        if rev == alarm.state_rev and now_s - since_s >= SEEN_S:
            return True
        return self._seen.get(alarm.id) == alarm.state_rev
