"""Says when something that somebody covered is nobody's any more: he has signed out, or has given it up.

To the shift lead; while none is there, to all who work. Must not: change who covers what.
"""

from __future__ import annotations

from PySide6.QtCore import QObject

from backends.domain.coverage import SECTORS, Coverage, covers
from backends.domain.place import Area
from widgets.i18n import local, tr
from widgets.parts.alarm_words import sector_words
from widgets.session import Session

_NAMED = 3


class DutyWatch(QObject):
    """One a station. GUI thread only."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._before = session.city.coverage
        session.city.feedsChanged.connect(self._on_feeds)

    def _on_feeds(self, changed: frozenset[str]) -> None:
        city = self._session.city
        if "roster" not in changed or city.coverage.key == self._before.key:
            return
        before, self._before = self._before, city.coverage
        if city.coverage.takes_escalated(city.grant.role):
            for words in self._left_alone(before):
                self._session.notices.post(words)

    def _left_alone(self, before: Coverage) -> list[str]:
        """One sentence for each person whose work nobody has taken over."""
        now, said = self._session.city.coverage, list[str]()
        config = self._session.city.records("config").values()
        areas = {"": "", **{one.id: local(one.name) for one in config if isinstance(one, Area)}}
        for person in before.people:
            held = [(a, s) for a in areas for s in {*SECTORS, *person.sectors} if covers(person, a, s)]
            bare = [(area, sector) for area, sector in held if not now.by(area, sector)]
            if bare:
                where = sorted({areas[area] for area, _ in bare}) if person.areas else [tr("areas.all_areas")]
                what = sorted({sector_words(s) for _, s in bare}) if person.sectors else [tr("areas.all_sectors")]
                said.append(tr("areas.left_alone", who=person.short, where=_listed(where), what=_listed(what)))
        return said


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join([*names[:_NAMED], *([f"+{more}"] if more > 0 else [])])
