"""The limits of a quantity over time: which of them held when, as steps at their dates.

Two limits with one label on one side are one limit that was changed: the newer one takes the older one's place at its
date, as the hub's engine has it. Days begin at midnight of the site's zone. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time

from backends.domain.sensor import Limit
from backends.domain.times import NS_PER_S
from widgets import format as fmt


@dataclass(frozen=True)
class Held:
    """A limit and the part of a range in which it held."""

    limit: Limit
    t0_ns: int
    t1_ns: int


def held(limits: Iterable[Limit], t0_ns: int, t1_ns: int) -> list[Held]:
    """All that held within a range, oldest first within each label."""
    chains: dict[tuple[str, bool], list[Limit]] = {}
    for limit in sorted(limits, key=lambda one: one.valid_from):
        chains.setdefault((limit.label.vi, limit.above), []).append(limit)
    out = []
    for chain in chains.values():
        starts = [_start_ns(limit.valid_from) for limit in chain]
        for limit, start, end in zip(chain, starts, [*starts[1:], t1_ns], strict=True):
            first, last = max(start, t0_ns), min(end, t1_ns)
            if last > first:
                out.append(Held(limit, first, last))
    return out


def in_force(limits: Iterable[Limit], t_ns: int) -> list[Limit]:
    """Those that hold at a moment."""
    return [one.limit for one in held(limits, t_ns, t_ns + 1)]


def _start_ns(valid_from: str) -> int:
    """Midnight of the site's zone on an ISO date; empty or unreadable: always."""
    try:
        day = date.fromisoformat(valid_from)
    except ValueError:
        return 0
    zone = fmt.local_time(0).tzinfo
    return int(datetime.combine(day, time(), zone).timestamp()) * NS_PER_S
