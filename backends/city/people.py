"""The roster and the seats of the room as of a moment. Names are invented."""

from __future__ import annotations

from backends.city.tables import midnight_ns, table
from backends.domain.people import Operator, Role, Station
from backends.domain.times import NS_PER_S

ON_DUTY = "op-ha"
"""Sits at ban-1: in the demo that is the person before the screen, who acts for herself."""
COLLEAGUE = "op-minh"
"""Sits at ban-2: the simulated crew after the start."""


def shift(t_ns: int) -> tuple[int, int]:
    """Begin and end of the shift that runs at `t_ns`."""
    hours = table("people")["shifts"]
    bounds = [midnight_ns(t_ns, day) + h * 3600 * NS_PER_S for day in (-1, 0, 1) for h in hours]
    return max(b for b in bounds if b <= t_ns), min(b for b in bounds if b > t_ns)


def operators(t_ns: int) -> tuple[Operator, ...]:
    begin, end = shift(t_ns)
    return tuple(
        Operator(
            id=row["id"],
            name=row["name"],
            short=row["short"],
            role=Role(row["role"]),
            station_id=row.get("station", ""),
            t_on_ns=begin,
            t_handover_ns=end,
        )
        for row in table("people")["operator"]
    )


def stations() -> tuple[Station, ...]:
    return tuple(
        Station(id=row["id"], name=row["name"], operator_id=row.get("operator", ""))
        for row in table("people")["station"]
    )
