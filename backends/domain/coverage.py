"""Who looks after which areas and which sectors: an alarm is somebody's, or everybody's. Pure.

Who names areas covers every sector in them unless he names sectors too, and the other way round; who names neither
covers nothing by himself. What nobody covers belongs to every desk: nothing is ever nobody's. Must not: hide an alarm;
who asks decides what becomes of the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from backends.domain.alarm import Alarm
from backends.domain.people import Operator, Role

SECTORS = ("flood", "environment", "traffic", "security", "devices", "reports")
"""Kinds of work that come with the program. A site may name others (`[[sector]]` of its alarms.toml)."""
OF_SOURCE: Mapping[str, str] = MappingProxyType(
    {"camera": "devices", "feed": "devices", "person": "reports", "social": "reports", "security": "security"}
)
"""Sector by `Alarm.source`, where no rule of alarms.toml knows the condition; of the others nobody knows it."""
AT_WORK = frozenset({Role.OPERATOR, Role.SHIFT_LEAD})
"""Roles that see to alarms."""


def covers(person: Operator, area_id: str, sector: str) -> bool:
    """Does he look after that kind of thing there? "" = of no known area, of no known sector."""
    if not person.areas and not person.sectors:
        return False
    return (not person.areas or area_id in person.areas) and (not person.sectors or sector in person.sectors)


class Coverage:
    """As the roster stands: those who sit at a station. Asked of thousands of alarms; each pair is worked out once."""

    def __init__(self, roster: Iterable[Operator] = ()) -> None:
        there = (person for person in roster if person.role in AT_WORK and person.station_id)
        self.people: tuple[Operator, ...] = tuple(sorted(there, key=lambda person: (person.name, person.id)))
        """At work, by name."""
        self._leads = any(person.role is Role.SHIFT_LEAD for person in self.people)
        self._known: dict[tuple[str, str], frozenset[str]] = {}

    @property
    def key(self) -> tuple[object, ...]:
        """Equal keys, equal answers."""
        return tuple((person.id, person.role, person.areas, person.sectors) for person in self.people)

    def by(self, area_id: str, sector: str) -> frozenset[str]:
        """Ids of those who cover it; empty = nobody, so it is every desk's."""
        found = self._known.get((area_id, sector))
        if found is None:
            found = frozenset(person.id for person in self.people if covers(person, area_id, sector))
            self._known[area_id, sector] = found
        return found

    def includes(self, person_id: str, alarm: Alarm) -> bool:
        """It is that person's, or everybody's."""
        covering = self.by(alarm.area_id, alarm.sector)
        return not covering or person_id in covering

    def takes_escalated(self, role: Role) -> bool:
        """Does what nobody has seen to go to a person of that role? While no shift lead is there, to all who work."""
        return role is Role.SHIFT_LEAD or (not self._leads and role in AT_WORK)
