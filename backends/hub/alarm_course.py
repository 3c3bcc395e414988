"""How the cause of one alarm has come and gone lately: what on-delay, count and chattering are decided by.

Pure: times are arguments, UTC nanoseconds. Kept beside the alarm, and longer than it: one that is acknowledged and
leaves the list at every turn chatters all the same. After a restart it begins anew; the record knows the rest.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from backends.domain.definition import CHATTER_S, Definition
from backends.domain.times import NS_PER_S

CHATTER_NS = int(CHATTER_S * NS_PER_S)


@dataclass(slots=True)
class Course:
    """Of one condition key."""

    active: bool = False
    """The cause is there."""
    since_ns: int = 0
    toggled_ns: int | None = None
    """When it came or went last; None = before this start."""
    came: deque[int] = field(default_factory=deque)
    """When it came, within the on-delay."""
    raised: deque[int] = field(default_factory=deque)
    """When the alarm was raised, within CHATTER_S."""

    def comes(self, t_ns: int, definition: Definition) -> None:
        """The cause is there, as it may have been before."""
        if self.active:
            return
        self.active, self.since_ns, self.toggled_ns = True, t_ns, t_ns
        if definition.count:
            self.came.append(t_ns)
            _forget(self.came, t_ns - int(definition.on_delay_s * NS_PER_S))

    def goes(self, t_ns: int) -> None:
        if self.active:
            self.active, self.toggled_ns = False, t_ns

    def due_ns(self, definition: Definition) -> int:
        """When what is there now is to be raised."""
        if definition.count and len(self.came) >= definition.count:
            return self.since_ns
        return self.since_ns + int(definition.on_delay_s * NS_PER_S)

    def chatters(self, t_ns: int, definition: Definition) -> bool:
        """The alarm is raised now: is that too often?"""
        self.raised.append(t_ns)
        _forget(self.raised, t_ns - CHATTER_NS)
        return 0 < definition.chatter <= len(self.raised)

    def past(self, now_ns: int, definition: Definition) -> bool:
        """Nothing of it counts any more."""
        keep_ns = max(CHATTER_NS, int(definition.on_delay_s * NS_PER_S))
        return not self.active and (self.toggled_ns is None or now_ns - self.toggled_ns > keep_ns)


def _forget(times: deque[int], before_ns: int) -> None:
    while times and times[0] < before_ns:
        times.popleft()
