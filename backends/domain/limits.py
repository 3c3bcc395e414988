"""Limits as versioned data: what applied on a day. Pure.

Days are Vietnam's (UTC+7, no summer time): a standard that is in force from 12 September is so from that midnight.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from backends.domain.sensor import Limit
from backends.domain.times import NS_PER_S

ZONE_S = 7 * 3600
_DAY_S = 86_400


def day_number(t_ns: int) -> int:
    """Days since 1970, in Vietnam."""
    return (t_ns // NS_PER_S + ZONE_S) // _DAY_S


def day_of(t_ns: int) -> str:
    """The date in Vietnam, `2023-09-12`."""
    return (dt.date(1970, 1, 1) + dt.timedelta(days=day_number(t_ns))).isoformat()


def in_force(valid_from: str, valid_until: str, day: str) -> bool:
    """`valid_from` is the first day, `valid_until` the first on which it no longer holds; empty = always."""
    return valid_from <= day and (not valid_until or day < valid_until)


def limits_at(limits: Iterable[Limit], day: str) -> tuple[Limit, ...]:
    """Those in force on that day, gravest first; of the same label and side the newest."""
    newest: dict[tuple[str, bool], Limit] = {}
    for limit in sorted(limits, key=lambda one: one.valid_from):
        if in_force(limit.valid_from, limit.valid_until, day):
            newest[(limit.label.vi, limit.above)] = limit
    return tuple(sorted(newest.values(), key=lambda one: (one.priority.rank, -one.value if one.above else one.value)))
