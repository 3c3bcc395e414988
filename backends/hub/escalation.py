"""Which alarms nobody has seen to for too long: they go to the shift lead.

An alarm asks from the moment at which it is raised, or becomes graver, until somebody acknowledges or claims it or sets
it aside; that its cause comes and goes meanwhile does not begin the time anew, and one that has gone to the shift lead
does not go there again. Times are arguments. After a restart the time counts from `t_raised_ns`; who has one already
is told by the record. Must not: change an alarm; the engine does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from backends.domain.alarm import Alarm, Priority
from backends.domain.times import NS_PER_S

MOST_A_ROUND = 100
"""In a flood the others come a tenth of a second later: no round is to write thousands of rows for this."""
JUDGED_A_ROUND = 1000
"""Of those that have just begun to ask; none is due for seconds."""
_NEVER = 1 << 62
_LIFTED = (Priority.URGENT, Priority.HIGH)
"""Of the others no definition says how long (`Definition.escalates_after_s`)."""


class Escalations:
    """Told of every alarm that is kept; a round in which nothing is due costs a comparison."""

    def __init__(self, alarms: Iterable[Alarm]) -> None:
        """`alarms`: those that stand at the start."""
        self._asking: dict[str, tuple[int, int]] = {}
        """By key: rank of its priority, and since when it asks with that."""
        self._unjudged: set[str] = set()
        """Of `_asking`: how long they may wait is not known yet."""
        self._due: dict[str, int] = {}
        self._next_ns = _NEVER
        """No later than the first of `_due`."""
        for alarm in alarms:
            self.moved(alarm, alarm.t_raised_ns, gone=False)

    def moved(self, alarm: Alarm, t_ns: int, *, gone: bool) -> None:
        """It stands so from now on, or has left the list."""
        key = alarm.key
        if gone or alarm.priority not in _LIFTED or not alarm.unacknowledged or alarm.t_escalated_ns:
            if self._asking.pop(key, None) is not None:
                self._unjudged.discard(key)
                self._due.pop(key, None)
            return
        before = self._asking.get(key)
        if before is None or alarm.priority.rank < before[0]:
            self._asking[key] = (alarm.priority.rank, t_ns)
            self._unjudged.add(key)

    def begin(self, now_ns: int) -> None:
        """What asks, asks since now."""
        self._asking = {key: (rank, max(since_ns, now_ns)) for key, (rank, since_ns) in self._asking.items()}
        self._unjudged, self._due, self._next_ns = set(self._asking), {}, _NEVER

    def due(self, now_ns: int, after_s: Callable[[str, Priority], float]) -> list[str]:
        """Keys of those whose time is up, the longest waiting first; the rest of a flood at the next call.

        `after_s`: how long one of that key and priority may wait; 0 = for ever.
        """
        judged = list(islice(self._unjudged, JUDGED_A_ROUND))
        for key in judged:
            rank, since_ns = self._asking[key]
            wait_s = after_s(key, next(priority for priority in Priority if priority.rank == rank))
            if wait_s > 0:
                due_ns = min(since_ns + int(wait_s * NS_PER_S), self._due.get(key, _NEVER))
                self._due[key] = due_ns
                self._next_ns = min(self._next_ns, due_ns)
        self._unjudged.difference_update(judged)
        if now_ns < self._next_ns:
            return []
        order = sorted((due_ns, key) for key, due_ns in self._due.items())
        found = [key for due_ns, key in order[:MOST_A_ROUND] if due_ns <= now_ns]
        self._next_ns = order[len(found)][0] if len(order) > len(found) else _NEVER
        return found
