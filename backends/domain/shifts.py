"""Shifts of the room: when they begin is data, where a day of the room has how many of them follows. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from backends.domain.times import NS_PER_S

SHIFTS = ("06:00", "14:00", "22:00")
"""What holds where a site says nothing: three shifts of eight hours."""


def shift_at(begins: Sequence[str], t_ns: int, zone: dt.tzinfo) -> tuple[int, int]:
    """Begin and end (UTC ns, the end outside) of the shift that runs at `t_ns`.

    `begins`: times of the day in `zone`, "06:00"; at least one. Raises ValueError for what is no time of day.
    """
    clocks = sorted({dt.time.fromisoformat(begin) for begin in begins})
    today = dt.datetime.fromtimestamp(t_ns / NS_PER_S, zone).date()
    days = (today + dt.timedelta(days=off) for off in (-1, 0, 1))
    bounds = [_ns(dt.datetime.combine(day, clock, zone)) for day in days for clock in clocks]
    return max(b for b in bounds if b <= t_ns), min(b for b in bounds if b > t_ns)


def is_night(span: tuple[int, int], zone: dt.tzinfo) -> bool:
    """Does midnight lie within it?"""
    seconds = span[0] // NS_PER_S, span[1] // NS_PER_S - 1
    first, last = (dt.datetime.fromtimestamp(t_s, zone).date() for t_s in seconds)
    return first != last


def _ns(moment: dt.datetime) -> int:
    return int(moment.timestamp()) * NS_PER_S
