"""The limits of a quantity over time: which of them held when, as steps at their dates.

What holds on a day is said by `backends.domain.limits`, as for the hub's engine: of two with one label on one side the
newer one, and none after its last day. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from backends.domain.limits import ZONE_S, day_of, limits_at
from backends.domain.sensor import Limit
from backends.domain.times import NS_PER_S

_DAY_S = 86_400


@dataclass(frozen=True)
class Held:
    """A limit and the part of a range in which it held."""

    limit: Limit
    t0_ns: int
    t1_ns: int


def held(limits: Iterable[Limit], t0_ns: int, t1_ns: int) -> list[Held]:
    """All that held within a range, oldest first within each label."""
    known = tuple(limits)
    if not known:
        return []
    dates = {day for limit in known for day in (limit.valid_from, limit.valid_until)}
    borders = {t for t in map(_midnight_ns, dates) if t is not None and t0_ns < t < t1_ns}
    chains: dict[tuple[str, bool], list[Held]] = {}
    for start, end in pairwise(sorted({t0_ns, *borders, t1_ns})):
        for limit in limits_at(known, day_of(start)):
            chain = chains.setdefault((limit.label.vi, limit.above), [])
            if chain and chain[-1].limit is limit and chain[-1].t1_ns == start:
                chain[-1] = replace(chain[-1], t1_ns=end)
            else:
                chain.append(Held(limit, start, end))
    return [one for chain in chains.values() for one in chain]


def in_force(limits: Iterable[Limit], t_ns: int) -> list[Limit]:
    """Those that hold at a moment."""
    return list(limits_at(limits, day_of(t_ns)))


def _midnight_ns(day: str) -> int | None:
    """Where an ISO date begins; None: empty or unreadable."""
    try:
        since = date.fromisoformat(day) - date(1970, 1, 1)
    except ValueError:
        return None
    return (since.days * _DAY_S - ZONE_S) * NS_PER_S
