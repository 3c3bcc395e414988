"""Alarm overload: more alarms than a person can look at. Pure; times are arguments.

Begins with more than 10 raised in 10 minutes for each operator on duty, and ends when there are fewer than 5
(ISA-18.2 / EEMUA 191: an alarm flood).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from backends.domain.people import Operator, Role, Station
from backends.domain.times import NS_PER_S

WINDOW_S = 600.0
BEGINS_ABOVE, ENDS_BELOW = 10, 5
"""Alarms in the window, for one operator."""
AT_WORK = frozenset({Role.OPERATOR, Role.SHIFT_LEAD})


class AlarmLoad(msgspec.Struct, frozen=True):
    """How much comes in."""

    overloaded: bool = False
    raised: int = 0
    """In the window."""
    operators: int = 1

    @property
    def each(self) -> float:
        """For one operator."""
        return self.raised / max(1, self.operators)


def overloaded(before: bool, each: float) -> bool:
    """`each`: alarms in the window for one operator. It ends lower than it begins."""
    return each >= ENDS_BELOW if before else each > BEGINS_ABOVE


def load_of(before: AlarmLoad, raised_ns: Iterable[int], now_ns: int, operators: int) -> AlarmLoad:
    """The load now. `raised_ns`: when alarms were raised, or raised again; in any order. `before`: what it was, because
    it ends lower than it begins."""
    first_ns = now_ns - int(WINDOW_S * NS_PER_S)
    now = AlarmLoad(False, sum(first_ns < t_ns <= now_ns for t_ns in raised_ns), max(1, operators))
    return msgspec.structs.replace(now, overloaded=overloaded(before.overloaded, now.each))


def operators_on_duty(stations: Iterable[Station], roster: Iterable[Operator]) -> int:
    """Operators and shift leads who sit at a station that is there; at least one, who reads this list."""
    work = {person.id for person in roster if person.role in AT_WORK}
    return max(1, len({s.operator_id for s in stations if s.online and s.operator_id in work}))
